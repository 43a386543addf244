//! Edges on disk: a bound on memory that sends them there changes neither a verdict nor a lasso.

use std::ops::ControlFlow;

use super::{Step, Toy, fair, text};
use crate::checkpoint::Place;
use crate::search::{Bounds, Report, Search, Stage, Stopped};

const VERTICES: u32 = 3000;

/// Many edges, most of them within a stretch of the graph that owes obligations of its own.
fn stretches(seed: u32) -> Toy {
    let mut seed = seed;
    let mut draw = |below: u32| {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (seed >> 8) % below
    };
    let mut steps: Vec<Step> = Vec::new();
    for from in 0..VERTICES {
        for number in 0..24 + draw(9) {
            let near = from / 60 * 60 + draw(60);
            let to = if number == 0 { (from + draw(90)).min(VERTICES - 1) } else { near.min(VERTICES - 1) };
            let mut step = fair(from, to, (draw(6) + from / 60 % 3) as u16);
            step.unit = step.unit.filter(|_| draw(4) > 0);
            step.discharged = u128::from(draw(5) == 0) << draw(50);
            steps.push(step);
        }
        if from % 90 < 25 {
            // A stretch that a run can stay in, if it is fair to what is possible there.
            steps.retain(|step| step.from != from || step.to.abs_diff(from) < 2 || step.unit == Some(7));
            steps.push(fair(from, (from + 1).min(VERTICES - 1), 6));
        }
    }
    // From the twentieth stretch on a strong unit leads out everywhere and is taken nowhere inside.
    steps.retain(|step| step.from < 1200 || step.unit != Some(5));
    steps.extend((1200..VERTICES).map(|from| fair(from, (from + 60) % VERTICES, 5)));
    let mut toy =
        Toy::new(steps, []).strong(2).strong(5).holding_back(7, (0..3000).filter(|v| v % 120 > 100));
    for (number, vertex) in toy.vertices.iter_mut().enumerate() {
        let stretch = (number / 60) as u32;
        vertex.pending = (u128::from(draw(9) > 0) << stretch) | u128::from(draw(3)) << (stretch + 10);
    }
    toy.initial = (0..VERTICES).step_by(60).map(|vertex| (vertex, 0, 0)).collect();
    toy
}

fn search(toy: &Toy, memory: u64, threads: usize) -> Report<u32, usize> {
    Search::new(toy).bounds(Bounds { memory, ..Bounds::default() }).threads(threads).run()
}

/// What must not depend on where edges are.
fn found(report: &Report<u32, usize>) -> String {
    let Report { states, transitions, depth, stopped, unjudged, lassos, starved, owed, .. } = report;
    format!("{states} {transitions} {depth} {stopped:?} {unjudged:?} {starved:x} {owed:x} {lassos:?}")
}

/// Less than the search takes with its edges, and more than without.
fn tight(roomy: &Report<u32, usize>) -> u64 {
    roomy.memory * 2 / 3
}

#[test]
fn edges_on_disk_change_no_verdict_and_no_lasso() {
    let (mut lassos, mut starved) = (0, 0);
    for seed in 1..=2 {
        let toy = stretches(seed);
        let roomy = search(&toy, u64::MAX, 1);
        assert_eq!((roomy.spilled_edges, roomy.is_complete()), (0, true));
        roomy.lassos.iter().for_each(|lasso| toy.check(lasso));
        (lassos, starved) = (lassos + roomy.lassos.len(), starved + roomy.starved.count_ones());
        let mut texts = Vec::new();
        for threads in [1, 2, 4] {
            let memory = tight(&roomy);
            let report = search(&toy, memory, threads);
            assert!(report.spilled_edges > roomy.memory / 5, "{} of {}", report.spilled_edges, roomy.memory);
            assert!(report.memory < memory && report.peak < roomy.peak, "{} of {memory}", report.memory);
            assert!(found(&report) == found(&roomy), "seed {seed}, {threads} threads: {:?}", report.unjudged);
            texts.push(text(&report));
        }
        assert!(texts.iter().all(|text| *text == texts[0]), "seed {seed}");
    }
    assert!(lassos > 60 && lassos < 2 * 50 && starved > 0, "{lassos} lassos, {starved} starved");
}

/// A look at the bounds comes after each batch, and there are some for any number of states.
#[test]
fn a_search_with_edges_on_disk_is_resumed_with_the_same_ones_there() {
    let toy = stretches(3);
    let memory = tight(&search(&toy, u64::MAX, 1));
    let unbroken = search(&toy, memory, 1);
    let folder = tempfile::tempdir().unwrap();
    for step in 0.. {
        let mut left = 2;
        let bounded = Search::new(&toy).bounds(Bounds { memory, ..Bounds::default() });
        let search = bounded.watched_by(|progress| {
            left -= i32::from(progress.stage == Stage::States);
            if left <= 0 && progress.stage == Stage::States {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        });
        let place = Place {
            folder: folder.path().to_owned(),
            identity: Vec::new(),
            interval: std::time::Duration::ZERO,
        };
        let kept = if step == 0 { search.checkpoint(place).run() } else { search.resume(place).run() };
        let kept = kept.expect("it is kept");
        assert_eq!(kept.unsaved, None);
        if kept.report.stopped.first() != Some(&Stopped::Cancelled) {
            assert!(step > 1, "{step} steps");
            assert_eq!(text(&kept.report), text(&unbroken));
            break;
        }
    }
}
