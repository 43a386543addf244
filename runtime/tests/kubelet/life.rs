//! A pod's life: it starts, is ready, is deleted, and its object goes last.

use crate::rig::{Rig, pod};

const SEEDS: u64 = 20;

#[test]
fn a_pod_starts_and_becomes_ready_and_goes_when_it_is_deleted() {
    for seed in 0..SEEDS {
        let mut rig = Rig::new(seed, &[]);
        rig.create(pod("p"));
        rig.eventually("the node is ready", Rig::node_is_ready);
        rig.eventually("the pod is ready", |rig| rig.is_ready("p"));
        assert_eq!(rig.phase("p").as_deref(), Some("Running"));
        rig.delete("p", None);
        let mut gone_early = false;
        rig.eventually("the pod is gone", |rig| {
            let gone = rig.pod("p").is_none();
            gone_early |= gone && rig.anything_runs();
            gone
        });
        assert!(!gone_early, "seed {seed}: the object went before its containers");
    }
}
