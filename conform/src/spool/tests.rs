//! What is put in comes out, in memory and on disk; a disk that is full is said.

use std::rc::Rc;

use super::*;

/// So many numbers are some blocks and a part of one.
const MANY: i64 = 20_000;

fn of(depot: &Rc<Depot>, numbers: impl Iterator<Item = i64>) -> Spool<i64> {
    let mut spool = Spool::new(depot);
    numbers.for_each(|number| spool.push(&number));
    spool
}

#[test]
fn what_was_put_in_comes_out_from_both_ends() {
    let depot = Rc::default();
    let spool = of(&depot, 0..MANY);
    assert!(depot.blocks() > 5 && spool.len() == 20_000);
    assert!(spool.iter().eq(0..MANY));
    assert!(spool.iter().rev().eq((0..MANY).rev()));
    assert_eq!((spool.get(4_321), spool.get(20_000)), (Some(4_321), None));
    assert_eq!(depot.check(), Ok(()));
}

#[test]
fn blocks_are_used_again() {
    let depot = Rc::default();
    for _ in 0..10 {
        let (one, other) = (of(&depot, 0..MANY), of(&depot, 5..MANY));
        assert!(one.iter().skip(5).eq(other.iter()));
    }
    let blocks_of_one = MANY as u64 * 8 / BLOCK as u64;
    assert!(depot.blocks() <= 2 * blocks_of_one, "{}", depot.blocks());
}

#[test]
fn where_something_ends_is_found_from_everywhere() {
    let depot = Rc::default();
    for length in [0, 1, 2, 7, 5_000] {
        let spool = of(&depot, (0..length).map(|number| number / 2));
        for near in [0, 1, 3, 2_500, 4_999, 9_999] {
            for below in [0, 1, 2, 3, 1_000, 1_250, 2_499, 2_500] {
                let expected = spool.iter().take_while(|number| *number < below).count();
                let found = spool.partition_point(near, |number| *number < below);
                assert_eq!(found, expected, "{length} numbers, those below {below}, from {near}");
            }
        }
    }
}

#[test]
fn a_disk_that_is_full_is_said_and_nothing_is_lost() {
    let depot = Rc::new(Depot::full());
    let spool = of(&depot, 0..MANY);
    assert!(spool.iter().eq(0..MANY));
    let says = depot.check().expect_err("a file that is only read takes nothing");
    assert!(says.contains("cannot be written") && says.contains("TMPDIR"), "{says}");
}

#[test]
fn what_is_sorted_in_runs_is_as_what_is_sorted_at_once() {
    let depot = Rc::default();
    let all: Vec<i64> = (0..30_000).map(|number| number * 7_919 % 10_007).collect();
    let key = |number: &i64| number / 10;
    let found = sorted(all.iter().copied(), key, &depot);
    let mut expected = all;
    expected.sort_by_key(key);
    assert!(expected.len() > 3 * sort::RUN && found.iter().eq(expected));
    assert!(sorted(std::iter::empty::<i64>(), key, &depot).is_empty());
}
