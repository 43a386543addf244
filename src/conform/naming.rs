//! What the objects of a path are called: as in the log.

use podproof_conform::matching::Replay;
use podproof_traces::{Called, CalledPod, Names};
use podproof_vocabulary::PodId;

/// The names that the objects of a workload have in the log.
pub fn called(replay: &Replay) -> Called {
    let last = replay.names.pods().map(PodId::index).max();
    let pods = (0..last.map_or(0, |last| last + 1)).map(|slot| pod(replay, PodId::from(slot)));
    Called {
        pods: pods.collect(),
        replica_sets: replay.names.replica_set_names().map(ToString::to_string).collect(),
    }
}

/// A pod by the slot that it has while it is followed, which no other pod gets.
fn pod(replay: &Replay, pod: PodId) -> CalledPod {
    if !replay.names.pods().any(|known| known == pod) {
        return CalledPod::default();
    }
    CalledPod {
        name: replay.names.pod_name(pod).to_owned(),
        addresses: replay.names.addresses(pod).iter().map(ToString::to_string).collect(),
    }
}

/// Names of the slots in which the pods of a workload are followed, at the end.
pub fn slots(replay: &Replay) -> Names {
    let mut names = Names::with(&replay.model().rules.scenario, called(replay));
    for known in replay.names.pods() {
        names.call(known, pod(replay, known), replay.names.home(known));
    }
    names
}
