//! x
mod common;
use podproof_vocabulary::{catalogue, event::Story, approximation::Approximations, mutant::MUTANTS};
use podproof_model::reduced::fusion::*;
use common::*;

#[test]
fn explore() {
    for (r,n) in [(1,1),(1,2),(2,1)] {
    for story in [Story::Create, Story::PodDeletion, Story::Rollout, Story::Drain, Story::NodeFailure, Story::Partition, Story::ScaleDown, Story::RuntimeHang] {
        for exact in [false, true] {
        let mut s = catalogue::web("x", story, r, n);
        if exact {s.approximations = Approximations::NONE.with(podproof_vocabulary::approximation::Approximation::CoalescedWatchEvents);}
        let t=std::time::Instant::now();
        let on = Checked::new(s.clone());
        let all = on.report(2, 300_000);
        let t1=t.elapsed(); let t=std::time::Instant::now();
        let off = Checked::with(s.clone(), Fusions::none());
        let none = off.report(2, 300_000);
        println!("{story:?} r{r} n{n} exact {exact}: on {}{} {t1:?} off {}{} {:?}", all.states, if all.is_complete() {""} else {"+"}, none.states, if none.is_complete() {""} else {"+"}, t.elapsed());
        }
    }
    }
}
