//! probe
use podproof::searched::Searched;
use podproof_checker::Search;
use podproof_model::Model;
use podproof_model::reduced::Reduced;
use podproof_vocabulary::approximation::Approximation;
use podproof_vocabulary::catalogue::{ENTRIES, web};
use podproof_vocabulary::event::Story;
use podproof_vocabulary::property::{Kind, PropertySet};
use podproof_vocabulary::{Property, Scenario};

fn safety(all: bool) -> PropertySet {
    PropertySet::of(Property::all().filter(|p| p.facts().kind == Kind::Safety && (all || !p.facts().timed)))
}

fn run(name: &str, scenario: Scenario, all: bool) {
    let approximations = scenario.approximations.without(Approximation::Focus);
    let scenario = Scenario { approximations, ..scenario };
    let judged = safety(all);
    let make = || Searched::new(Reduced::new(Model::new(scenario.clone()).unwrap().judging(judged)), judged);
    let plain = make();
    let full = Search::new(&plain).threads(2).run();
    let por = make().by_partial_order().unwrap();
    let part = Search::new(&por).threads(2).partial_order().unwrap().run();
    let b = |r: &podproof_checker::Report<_, _>| {
        (r.violations.iter().fold(0u64, |a, v| a | 1 << v.property), r.reached)
    };

    println!(
        "{name:25} {} states {:>8} {:>8} {:.2}  trans {:>8} {:>8}  partial {} {}",
        if all { "A" } else { "u" },
        full.states,
        part.states,
        full.states as f64 / part.states as f64,
        full.transitions,
        part.transitions,
        part.partial,
        if b(&full) == b(&part) { "same" } else { "DIFF" }
    );
    if b(&full) != b(&part) {
        println!("  {:x?} {:x?}", b(&full), b(&part));
    }
}

#[test]
fn probe() {
    for all in [false, true] {
        for e in ENTRIES {
            run(e.name, e.scenario(), all);
        }
        for (r, n, story) in [
            (1, 2, Story::Rollout),
            (2, 1, Story::Rollout),
            (2, 2, Story::Rollout),
            (1, 2, Story::Drain),
            (2, 1, Story::Drain),
            (2, 2, Story::NodeFailure),
        ] {
            {
                run(&format!("{story} {r}x{n}"), web("p", story, r, n), all);
            }
        }
    }
}
