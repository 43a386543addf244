//! Checkpoints: a search that is cut anywhere and resumed ends with the report of one that was not, and nothing but its own
//! checkpoint, whole, is resumed.

use std::cell::Cell;
use std::ops::ControlFlow;
use std::path::Path;
use std::time::Duration;

use super::memory::Cube;
use super::{Step, Toy, fair, text};
use crate::checkpoint::{Kept, Place, Refused};
use crate::fingerprint::Bits;
use crate::search::{Bounds, Report, Search, Stage, Stopped};
use crate::system::System;

/// A graph of many levels, with everything that a search keeps: broken properties, obligations that are discharged, cycles
/// fair and unfair, limits, units held back, and more than one initial state.
fn winding() -> Toy {
    let mut seed: u32 = 1;
    let mut draw = |below: u32| {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (seed >> 8) % below
    };
    let mut steps: Vec<Step> = Vec::new();
    for from in 0..1500_u32 {
        for _ in 0..2 + draw(3) {
            let to = (from + draw(23)).saturating_sub(9).min(1499);
            let mut step = fair(from, to, draw(5) as u16);
            step.unit = step.unit.filter(|_| draw(4) > 0);
            step.discharged = u128::from(draw(3) == 0) << draw(7);
            step.broken = u64::from(draw(300) == 0) << draw(40);
            step.reached = 1 << draw(50);
            steps.push(step);
        }
    }
    let mut toy = Toy::new(steps, []).strong(3).holding_back(4, (0..1500).filter(|vertex| vertex % 11 == 0));
    for (number, vertex) in toy.vertices.iter_mut().enumerate() {
        vertex.pending = u128::from(draw(5)) | u128::from(number % 70 > 50) << 6;
        vertex.limit =
            [(5, "no slot"), (777, "no ring")].iter().find(|(at, _)| *at == number).map(|&(_, why)| why);
    }
    toy.initial = vec![(0, 0, 1), (700, 2, 0), (0, 0, 0), (1, 0, 0)];
    toy
}

fn place(folder: &Path, interval: Duration) -> Place {
    Place { folder: folder.to_owned(), identity: b"a toy".to_vec(), interval }
}

/// What a search is made of.
#[derive(Clone)]
struct How {
    bounds: Bounds,
    threads: usize,
    bits: Bits,
    interval: Duration,
}

impl How {
    fn new() -> Self {
        Self { bounds: Bounds::default(), threads: 1, bits: Bits::B64, interval: Duration::MAX }
    }

    fn search<'y, Y: System>(&self, system: &'y Y) -> Search<'y, Y> {
        Search::new(system).bounds(self.bounds.clone()).threads(self.threads).fingerprints(self.bits)
    }

    /// Searches in steps of so many looks, each by a search of its own.
    fn in_steps<Y: System>(
        &self,
        system: &Y,
        folder: &Path,
        looks: u64,
    ) -> (Report<Y::State, Y::Action>, u64) {
        for step in 0.. {
            let left = Cell::new(looks);
            let search = self.search(system).watched_by(|progress| {
                left.set(left.get().saturating_sub(u64::from(progress.stage == Stage::States)));
                if left.get() == 0 && progress.stage == Stage::States {
                    ControlFlow::Break(())
                } else {
                    ControlFlow::Continue(())
                }
            });
            let place = place(folder, self.interval);
            let kept = match step {
                0 => search.checkpoint(place).run(),
                _ => search.resume(place).run(),
            };
            let Kept { report, unsaved, .. } = kept.expect("it is resumed");
            assert_eq!(unsaved, None);
            if report.stopped.first() != Some(&Stopped::Cancelled) {
                return (report, step);
            }
        }
        unreachable!("some step is the last");
    }
}

/// Fails with the beginnings of two reports, where the counts are, unless they are the same.
fn same(one: &str, other: &str, what: &str) {
    let start = |text: &str| text.chars().take(400).collect::<String>();
    assert!(one == other, "{what}:\n{}\n{}", start(one), start(other));
}

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a folder for the test")
}

#[test]
fn a_search_that_is_cut_and_resumed_again_and_again_ends_the_same() {
    let toy = winding();
    let unbroken = text(&Search::new(&toy).run());
    assert!(Search::new(&toy).run().states > 1000);
    for sign in ["Violation", "Lasso", "no slot", "no ring"] {
        assert!(unbroken.contains(sign), "the toy has everything: {sign} in {unbroken}");
    }
    for (threads, interval) in [(1, Duration::ZERO), (2, Duration::MAX), (4, Duration::ZERO)] {
        for looks in [1, 3, 17] {
            let folder = folder();
            let how = How { threads, interval, ..How::new() };
            let (report, steps) = how.in_steps(&toy, folder.path(), looks);
            assert!(steps >= 3, "{steps} steps of {looks} looks");
            same(&text(&report), &unbroken, &format!("{threads} threads, {looks} looks"));
        }
    }
}

#[test]
fn long_fingerprints_are_resumed_too() {
    let (toy, folder) = (winding(), folder());
    let how = How { bits: Bits::B128, ..How::new() };
    let (report, _) = how.in_steps(&toy, folder.path(), 9);
    same(&text(&report), &text(&how.search(&toy).run()), "long");
}

#[test]
fn states_that_wait_on_disk_are_resumed_there() {
    let cube = Cube { writes: true };
    for memory in [2 << 20, u64::MAX] {
        let how = How { bounds: Bounds { memory, ..Bounds::default() }, threads: 2, ..How::new() };
        let unbroken = how.search(&cube).run();
        assert_eq!(unbroken.spilled > 0, memory < u64::MAX);
        let folder = folder();
        let (report, steps) = how.in_steps(&cube, folder.path(), 4);
        assert!(steps >= 3, "{steps} steps");
        same(&text(&report), &text(&unbroken), "a cube");
    }
}

#[test]
fn a_bound_that_is_raised_is_gone_on_from() {
    let (toy, folder) = (winding(), folder());
    let mut how = How::new();
    how.bounds.states = 100;
    let kept = how.search(&toy).checkpoint(place(folder.path(), Duration::MAX)).run().expect("it is kept");
    assert_eq!(kept.report.stopped[0], Stopped::States(100));
    how.bounds = Bounds { depth: 20, ..Bounds::default() };
    let kept = how.search(&toy).resume(place(folder.path(), Duration::MAX)).run().expect("it is resumed");
    assert_eq!((kept.report.depth, &kept.report.stopped[0]), (20, &Stopped::Depth(20)));
    let kept = Search::new(&toy).resume(place(folder.path(), Duration::MAX)).run().expect("it is resumed");
    assert!(kept.before > Duration::ZERO);
    assert_eq!(text(&kept.report), text(&Search::new(&toy).run()));
}

/// Copies a folder as it is at some moment.
fn copied(from: &Path) -> tempfile::TempDir {
    let to = folder();
    for entry in std::fs::read_dir(from).expect("a folder") {
        let entry = entry.expect("a file");
        std::fs::copy(entry.path(), to.path().join(entry.file_name())).expect("it is copied");
    }
    to
}

#[test]
fn whatever_is_on_disk_at_a_look_is_resumed() {
    let toy = winding();
    let unbroken = text(&Search::new(&toy).run());
    let folder = folder();
    let (copies, looks) = (Cell::new(Vec::new()), Cell::new(0));
    let search = Search::new(&toy).watched_by(|_| {
        looks.set(looks.get() + 1);
        if looks.get() % 20 == 2 {
            let mut all = copies.take();
            all.push(copied(folder.path()));
            copies.set(all);
        }
        ControlFlow::Continue(())
    });
    search.checkpoint(place(folder.path(), Duration::ZERO)).run().expect("it is kept");
    let copies = copies.take();
    assert!(copies.len() > 3);
    for copy in copies {
        // What a killed process has left of a checkpoint that it never ended.
        std::fs::write(copy.path().join("waiting-9999"), "half").expect("it is written");
        let mut states = std::fs::read(copy.path().join("states")).expect("it is there");
        states.extend(b"half of a piece");
        std::fs::write(copy.path().join("states"), states).expect("it is written");
        let kept = Search::new(&toy).resume(place(copy.path(), Duration::ZERO)).run().expect("it is resumed");
        assert!(text(&kept.report) == unbroken);
        assert!(!copy.path().join("waiting-9999").exists());
    }
}

/// A folder with the checkpoint of a search that was cut in the middle.
fn cut_short() -> tempfile::TempDir {
    let (toy, folder) = (winding(), folder());
    let bounds = Bounds { states: 700, ..Bounds::default() };
    let kept = Search::new(&toy).bounds(bounds).checkpoint(place(folder.path(), Duration::MAX)).run();
    assert_eq!(kept.expect("it is kept").report.stopped[0], Stopped::States(700));
    folder
}

fn resumed(folder: &Path) -> Result<Kept<u32, usize>, Refused> {
    Search::new(&winding()).resume(place(folder, Duration::MAX)).run()
}

#[test]
fn a_damaged_file_is_refused_and_not_touched() {
    let good = cut_short();
    for name in ["checkpoint", "states", "waiting-1"] {
        let whole = std::fs::read(good.path().join(name)).expect("it is there");
        let flipped = (0..whole.len()).step_by(1 + whole.len() / 97).map(|at| {
            let mut bytes = whole.clone();
            bytes[at] ^= 0x10;
            (format!("byte {at} flipped"), bytes)
        });
        let cut = [0, 1, whole.len() / 2, whole.len() - 1];
        let cut = cut.map(|length| (format!("cut to {length}"), whole[..length].to_vec()));
        for (what, bytes) in flipped.chain(cut) {
            let copy = copied(good.path());
            std::fs::write(copy.path().join(name), &bytes).expect("it is written");
            let refused = resumed(copy.path()).expect_err(&format!("{name}, {what}"));
            let says = refused.to_string();
            assert!(says.contains(name) && says.contains("accepted is"), "{name}, {what}: {says}");
            assert!(
                matches!(refused, Refused::Damaged { .. } | Refused::Version { .. }),
                "{name}, {what}: {says}"
            );
            assert_eq!(std::fs::read(copy.path().join(name)).expect("it is there"), bytes);
        }
        let copy = copied(good.path());
        std::fs::remove_file(copy.path().join(name)).expect("it was there");
        assert!(resumed(copy.path()).is_err(), "{name} is gone");
    }
    assert!(resumed(good.path()).is_ok());
}

#[test]
fn files_of_two_checkpoints_are_not_mixed() {
    let (one, other) = (cut_short(), folder());
    let bounds = Bounds { states: 300, ..Bounds::default() };
    let toy = winding();
    let kept = Search::new(&toy).bounds(bounds).checkpoint(place(other.path(), Duration::MAX)).run();
    assert!(kept.is_ok());
    for name in ["states", "waiting-1"] {
        let copy = copied(one.path());
        std::fs::copy(other.path().join(name), copy.path().join(name)).expect("it is copied");
        assert!(matches!(resumed(copy.path()), Err(Refused::Damaged { .. })), "{name}");
    }
}

#[test]
fn the_checkpoint_of_another_search_is_refused() {
    let folder = cut_short();
    let refused = |search: Search<'_, Toy>, identity: &[u8]| {
        let place = Place { identity: identity.to_vec(), ..place(folder.path(), Duration::MAX) };
        match search.resume(place).run() {
            Err(refused @ Refused::Foreign { .. }) => refused.to_string(),
            other => panic!("{other:?}"),
        }
    };
    let toy = winding();
    assert!(refused(Search::new(&toy), b"another toy").contains("another identity"));
    assert!(refused(Search::new(&toy).fingerprints(Bits::B128), b"a toy").contains("have 64 bits, not 128"));
    let mut elsewhere = winding();
    elsewhere.initial[3].0 = 2;
    assert!(refused(Search::new(&elsewhere), b"a toy").contains("does not begin where"));
    assert!(resumed(folder.path()).is_ok());
}

#[test]
fn a_folder_is_used_by_one_search_at_a_time_and_never_begun_anew() {
    let (toy, folder) = (winding(), folder());
    let again = || Search::new(&toy).checkpoint(place(folder.path(), Duration::MAX)).run();
    let nothing = resumed(folder.path()).expect_err("nothing is there");
    assert_eq!(nothing, Refused::Nothing(folder.path().to_owned()));
    let (looks, beside) = (Cell::new(0), Cell::new(Vec::new()));
    let search = Search::new(&toy).watched_by(|_| {
        looks.set(looks.get() + 1);
        if looks.get() == 3 {
            beside.set(vec![again().map(|_| ()), resumed(folder.path()).map(|_| ())]);
        }
        ControlFlow::Continue(())
    });
    search.checkpoint(place(folder.path(), Duration::ZERO)).run().expect("it is kept");
    let in_use = || Err(Refused::InUse(folder.path().to_owned()));
    assert_eq!(beside.take(), [in_use(), in_use()]);
    assert_eq!(again().map(|_| ()), Err(Refused::Taken(folder.path().to_owned())));
}

#[test]
fn a_system_that_writes_no_states_is_refused() {
    let (cube, folder) = (Cube { writes: false }, folder());
    let refused = Search::new(&cube).checkpoint(place(folder.path(), Duration::MAX)).run();
    assert_eq!(refused.map(|_| ()), Err(Refused::Mute));
}

#[test]
fn a_disk_that_fails_ends_checkpoints_and_not_the_search() {
    let (toy, folder) = (winding(), folder());
    let looks = Cell::new(0);
    let search = Search::new(&toy).watched_by(|progress| {
        looks.set(looks.get() + 1);
        match looks.get() {
            1 => assert_eq!(progress.checkpoint, None),
            2 => assert!(progress.checkpoint.is_some()),
            // Where the next checkpoint would be written aside, there is something else now.
            20 => std::fs::create_dir(folder.path().join("checkpoint.new")).expect("a folder"),
            _ => {}
        }
        ControlFlow::Continue(())
    });
    let kept = search.checkpoint(place(folder.path(), Duration::ZERO)).run().expect("it goes on");
    assert!(kept.unsaved.is_some_and(|why| why.contains(&*folder.path().to_string_lossy())));
    let unbroken = text(&Search::new(&toy).run());
    assert_eq!(text(&kept.report), unbroken);
    std::fs::remove_dir(folder.path().join("checkpoint.new")).expect("it was made above");
    assert_eq!(text(&resumed(folder.path()).expect("the checkpoint before is whole").report), unbroken);
}
