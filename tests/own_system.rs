//! The example of one's own system beside the model does what it says.

#[path = "../examples/own_proxy.rs"]
mod own_proxy;

use podproof_vocabulary::action::{Action, Proxy};

const SEEDS: u64 = 12;

#[test]
fn a_right_proxy_agrees_with_the_model_and_has_programmed_something() {
    let mut programmed = 0;
    for seed in 0..SEEDS {
        let agreed = own_proxy::drive(false, &own_proxy::script(seed)).unwrap_or_else(|d| panic!("{d}"));
        let programs = |action: &&Action| matches!(action, Action::Proxy(Proxy::ProgramRules { .. }));
        programmed += agreed.actions.iter().filter(programs).count();
    }
    assert!(programmed > 0, "no rule was ever programmed");
}

#[test]
fn a_proxy_that_never_removes_is_found_out() {
    let found = (0..SEEDS).find_map(|seed| own_proxy::drive(true, &own_proxy::script(seed)).err());
    let divergence = found.expect("no script shows it");
    assert!(divergence.to_string().contains("ProgramRules"), "{divergence}");
}

#[test]
fn the_example_runs() {
    own_proxy::main();
}
