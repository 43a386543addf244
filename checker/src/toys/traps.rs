//! The traps that a lasso search falls into, a toy each.

use super::{Step, Toy, fair, unfair};
use crate::system::Obligations;

/// The cycles that a search of `toy` shows, by their vertices, after checking that they are what they claim.
fn lassos(toy: &Toy) -> Vec<Vec<u32>> {
    let report = toy.search();
    assert!(report.is_complete());
    let vertices = |lasso: &crate::progress::Lasso<u32, usize>| {
        toy.check(lasso);
        let mut vertices = vec![lasso.cycle.first];
        vertices.extend(lasso.cycle.steps.iter().map(|&(_, to)| to));
        vertices
    };
    report.lassos.iter().map(vertices).collect()
}

#[test]
fn a_cycle_that_keeps_the_obligation_is_found() {
    assert_eq!(lassos(&Toy::new([unfair(0, 1), fair(1, 2, 0), fair(2, 1, 0)], [1, 2])), [[1, 2, 1]]);
}

#[test]
fn a_cycle_through_a_state_where_nothing_is_owed_is_no_counterexample() {
    assert_eq!(lassos(&Toy::new([fair(0, 1, 0), fair(1, 0, 0)], [0])), [[0; 0]; 0]);
}

#[test]
fn an_unfair_cycle_is_no_counterexample() {
    // Unit 7 leads out of the cycle, is possible in both of its states and taken in neither.
    let steps = [fair(0, 1, 0), fair(1, 0, 0), fair(0, 2, 7), fair(1, 2, 7)];
    assert_eq!(lassos(&Toy::new(steps, [0, 1])), [[0; 0]; 0]);
}

#[test]
fn a_unit_that_is_disabled_once_a_cycle_owes_nothing_under_weak_fairness() {
    let steps = [fair(0, 1, 0), fair(1, 0, 0), fair(0, 2, 7)];
    assert_eq!(lassos(&Toy::new(steps, [0, 1])), [[0, 1, 0]]);
}

#[test]
fn a_unit_may_be_taken_on_one_edge_and_refused_on_another() {
    let steps = [fair(0, 1, 7), fair(1, 0, 7), fair(0, 2, 7)];
    assert_eq!(lassos(&Toy::new(steps, [0, 1])), [[0, 1, 0]]);
}

#[test]
fn fairness_is_judged_on_the_violating_part_and_not_on_the_component_around_it() {
    // 0, 1 and 2 are one component; only 0 and 1 owe. Unit 7 is taken in the whole, on the edges by 2, but in the part
    // it is always possible and never taken.
    let steps = [fair(0, 1, 0), fair(1, 0, 0), fair(0, 2, 7), fair(1, 2, 7), fair(2, 0, 0)];
    assert_eq!(lassos(&Toy::new(steps, [0, 1])), [[0; 0]; 0]);
}

#[test]
fn a_state_outside_the_violating_part_excuses_no_unit() {
    // Unit 7 is disabled in 2, which owes nothing; in the part that owes it is always possible.
    let steps = [fair(0, 1, 0), fair(1, 0, 0), fair(0, 3, 7), fair(1, 3, 7), fair(1, 2, 0), fair(2, 0, 0)];
    assert_eq!(lassos(&Toy::new(steps, [0, 1])), [[0; 0]; 0]);
}

#[test]
fn a_part_that_owes_is_found_beside_one_that_does_not() {
    // 1 and 2 keep it with unit 0 alone; the way back by 3 discharges it.
    let steps = [fair(0, 1, 0), fair(1, 2, 0), fair(2, 1, 0), unfair(2, 3), fair(3, 0, 0)];
    assert_eq!(lassos(&Toy::new(steps, [1, 2])), [[1, 2, 1]]);
}

#[test]
fn resting_for_ever_is_a_behaviour() {
    assert_eq!(lassos(&Toy::new([fair(0, 1, 0)], [1])), [[1]]);
}

#[test]
fn resting_where_only_unfair_steps_are_possible_is_fair() {
    assert_eq!(lassos(&Toy::new([unfair(0, 1), unfair(1, 2)], [1])), [[1]]);
}

#[test]
fn resting_where_a_fair_step_is_possible_is_unfair() {
    assert_eq!(lassos(&Toy::new([fair(0, 1, 0), fair(1, 2, 0)], [0, 1])), [[0; 0]; 0]);
}

#[test]
fn a_stutter_takes_no_fair_step_but_a_step_back_to_the_same_state_does() {
    // The edge from 0 to itself is a step of unit 0, so a run that takes it for ever is fair to unit 0, and not to unit 1.
    assert_eq!(lassos(&Toy::new([fair(0, 0, 0)], [0])), [[0, 0]]);
    assert_eq!(lassos(&Toy::new([fair(0, 0, 0), fair(0, 1, 1)], [0])), [[0; 0]; 0]);
}

#[test]
fn an_unfair_loop_does_not_excuse_a_fair_step() {
    assert_eq!(lassos(&Toy::new([unfair(0, 0), fair(0, 1, 0)], [0])), [[0; 0]; 0]);
}

#[test]
fn a_fair_cycle_takes_every_unit_that_is_always_possible() {
    // A figure of eight: each loop alone starves the other's unit, both together are fair.
    let steps = [fair(0, 1, 1), fair(1, 0, 0), fair(0, 2, 2), fair(2, 0, 0), fair(1, 3, 2), fair(2, 3, 1)];
    let found = lassos(&Toy::new(steps, [0, 1, 2]));
    assert_eq!(found.len(), 1);
    assert!(found[0].contains(&1) && found[0].contains(&2), "{found:?}");
}

#[test]
fn a_cycle_is_made_of_edges_and_not_of_the_states_of_a_component() {
    // In number order 1, 2, 3 are no path: the edges run the other way round.
    let steps = [fair(0, 1, 0), unfair(1, 3), unfair(3, 2), unfair(2, 1), unfair(0, 2), unfair(0, 3)];
    let toy = Toy::new(steps.map(|step| Step { unit: Some(step.from as u16), ..step }), [1, 2, 3]);
    assert_eq!(lassos(&toy), [[1, 3, 2, 1]]);
}

#[test]
fn a_join_after_the_goal_hides_no_counterexample() {
    // Two ways to 3: one met the goal at 1, the other did not at 2. An obligation is judged where it is pending.
    assert_eq!(
        lassos(&Toy::new([fair(0, 1, 0), fair(0, 2, 0), fair(1, 3, 0), fair(2, 3, 0)], [2, 3])),
        [[3]]
    );
}

#[test]
fn a_discharging_step_ends_the_obligation_although_it_is_pending_on_both_sides() {
    let cycle = [fair(0, 1, 0), Step { discharged: 1, ..fair(1, 0, 0) }];
    assert_eq!(lassos(&Toy::new(cycle, [0, 1])), [[0; 0]; 0]);
    // The same with a parallel step that does not discharge.
    let cycle = [cycle[0], cycle[1], fair(1, 0, 0)];
    assert_eq!(lassos(&Toy::new(cycle, [0, 1])), [[0, 1, 0]]);
}

#[test]
fn a_discharging_step_that_is_always_possible_must_be_taken() {
    let steps = [Step { discharged: 1, ..fair(0, 0, 7) }, fair(0, 0, 0)];
    assert_eq!(lassos(&Toy::new(steps, [0])), [[0; 0]; 0]);
}

/// Obligation 0 is kept by 0 and 1, obligation 1 by 1 and 2; all three are one component of what owes something.
fn two_that_overlap() -> Toy {
    let mut toy = Toy::new([fair(0, 1, 0), fair(1, 2, 0), fair(2, 1, 0), fair(1, 0, 0)], []);
    for (vertex, pending) in [0b01, 0b11, 0b10].into_iter().enumerate() {
        toy.vertices[vertex].pending = pending;
    }
    toy
}

#[test]
fn each_obligation_is_judged_by_itself_in_a_component_that_they_share() {
    assert_eq!(lassos(&two_that_overlap()), [vec![0, 1, 0], vec![1, 2, 1]]);
    let mut toy = two_that_overlap();
    toy.steps[2].discharged = 0b10;
    toy.steps[0].discharged = 0b10;
    assert_eq!(lassos(&toy), [[0, 1, 0]]);
}

#[test]
fn an_obligation_that_is_handed_from_one_bit_to_another_is_kept_by_neither() {
    let mut toy = Toy::new([fair(0, 1, 0), fair(1, 0, 0)], []);
    toy.vertices[0].pending = 0b01;
    toy.vertices[1].pending = 0b10;
    assert_eq!(lassos(&toy), [[0; 0]; 0]);
}

#[test]
fn one_lasso_is_shown_for_each_family() {
    let toy = two_that_overlap();
    let family: fn(u32) -> u32 = |_| 0;
    let report = crate::search::Search::new(&toy).one_lasso_per(family).run();
    assert_eq!(report.lassos.len(), 1);
    assert_eq!(report.owed, 0b11 as Obligations);
}

#[test]
fn the_lasso_shown_has_the_shortest_stem_to_a_component() {
    // Obligation 1 makes all one component. In what obligation 0 leaves of it a depth-first walk meets the loop at 3
    // first, and then, by 4, the cycle through 2, which is nearer to the beginning.
    let discharging = |step| Step { discharged: 1, ..step };
    let mut toy = Toy::new(
        [
            fair(0, 1, 2),
            fair(0, 2, 2),
            fair(1, 3, 2),
            fair(1, 4, 2),
            fair(2, 4, 0),
            fair(4, 2, 0),
            fair(3, 3, 1),
            discharging(unfair(3, 0)),
            discharging(unfair(4, 0)),
        ],
        [],
    );
    toy.vertices.iter_mut().for_each(|vertex| vertex.pending = 0b11);
    let report = toy.search();
    report.lassos.iter().for_each(|lasso| toy.check(lasso));
    let stems: Vec<u32> =
        report.lassos.iter().filter(|lasso| lasso.obligation == 0).map(|lasso| *lasso.stem.last()).collect();
    assert_eq!(stems, [2]);
}

#[test]
fn under_strong_fairness_a_unit_that_is_possible_again_and_again_is_taken() {
    let toy = Toy::new([fair(0, 1, 0), fair(1, 0, 0), fair(0, 2, 7)], [0, 1]).strong(7);
    assert_eq!(lassos(&toy), [[0; 0]; 0]);
}

#[test]
fn under_strong_fairness_the_part_that_avoids_a_unit_is_judged_by_itself() {
    // 0, 1 and 2 are one component; unit 7 leads out of 0 alone, and 1 and 2 keep the obligation without it.
    let steps = [fair(0, 1, 0), fair(1, 2, 0), fair(2, 1, 0), fair(2, 0, 0), fair(0, 3, 7)];
    let toy = Toy::new(steps, [0, 1, 2]).strong(7);
    assert_eq!(lassos(&toy), [[1, 2, 1]]);
}

#[test]
fn a_unit_that_is_held_back_on_the_way_counts_as_possible() {
    // Unit 7 leads out of 0 and is held back in 1: it is possible all along the cycle.
    let steps = [fair(0, 1, 0), fair(1, 0, 0), fair(0, 2, 7)];
    let toy = Toy::new(steps, [0, 1]).holding_back(7, [1]);
    assert_eq!(lassos(&toy), [[0; 0]; 0]);
    assert_eq!(toy.search().starved, 0, "it was not taken where it could be");
}

/// Where all that is fair is held back nobody may rest, but what holds it back need not be taken.
#[test]
fn a_rest_in_which_all_that_is_fair_is_held_back_is_starved() {
    for steps in [vec![], vec![unfair(0, 1)]] {
        let toy = Toy::new(steps, [0]).holding_back(7, [0]);
        assert_eq!(lassos(&toy), [[0; 0]; 0]);
        let report = toy.search();
        assert_eq!(report.starved, 1, "{report:?}");
    }
}

#[test]
fn what_only_a_unit_that_is_held_back_everywhere_makes_unfair_is_starved() {
    let steps = [fair(0, 1, 0), fair(1, 0, 0)];
    let toy = Toy::new(steps, [0, 1]).holding_back(7, [0, 1]);
    assert_eq!(lassos(&toy), [[0; 0]; 0]);
    assert_eq!(toy.search().starved, 1);
    let toy = Toy::new(steps, [0, 1]).holding_back(7, [0]);
    assert_eq!(lassos(&toy), [[0, 1, 0]], "in 1 it is not possible");
}
