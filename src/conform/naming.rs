//! What the objects of a path are called: as in the log.

use podproof_conform::matching::Replay;
use podproof_conform::matching::names::Past;
use podproof_traces::{Called, CalledPod, Names};
use podproof_vocabulary::PodId;
use podproof_vocabulary::scenario::limits::{NAME_MAX, check_name};

/// The name of an object as a log has it; none, if no object can have it.
fn name(text: &str) -> String {
    check_name(text, NAME_MAX).map_or_else(|_| String::new(), |()| text.to_owned())
}

/// The names that the objects of a workload have in the log: its pods in the order in which they were created.
pub fn called(replay: &Replay) -> Called {
    let pod = |past: &Past| CalledPod {
        name: name(&past.name),
        addresses: past.addresses.iter().map(ToString::to_string).collect(),
    };
    Called {
        pods: replay.names.history().iter().map(pod).collect(),
        replica_sets: replay.names.replica_set_names().map(name).collect(),
    }
}

/// A pod by the slot that it has now.
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
