//! What only grows in an object, from one write to the next.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use podproof_vocabulary::{NodeId, PodId, Revision};
use serde_json::Value;

use super::names::Names;
use super::subject::Subject;
use crate::record::{Facts, Write};

/// An object in which something only grows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Of {
    Pod(PodId),
    ReplicaSet(Revision),
    Deployment,
}

/// The most that was seen of an object so far, by what grows.
type Most = BTreeMap<Rc<str>, i64>;

/// The most that was seen of each so far, with its UID: another of the same name begins anew.
#[derive(Clone, Debug, Default)]
pub struct Grown {
    most: BTreeMap<Of, (Rc<str>, Most)>,
    /// Nodes that have been without power: their disks may be others.
    wiped: BTreeSet<NodeId>,
}

impl Grown {
    /// Takes note of what a write left; says what has become less, if something has. The restarts of a container go on from those
    /// of the one before, or from the status before (`pkg/kubelet/kuberuntime/kuberuntime_container.go`, `startContainer`;
    /// `pkg/kubelet/kubelet_pods.go`, `convertToAPIContainerStatuses`); a generation is counted up by the API server
    /// (`pkg/registry/apps/deployment/strategy.go`, `PrepareForUpdate`), and what a controller has observed comes from a copy
    /// that no write has overtaken (API-1).
    ///
    /// A node that comes back with another disk knows nothing of the containers of before, so their restarts are counted anew.
    pub fn see(&mut self, subject: &Subject, names: &Names, write: &Write) -> Option<String> {
        let object = write.object.as_ref().filter(|_| !write.only_asked)?;
        if write.code >= 400 || !["", "status"].contains(&&*write.subresource) {
            return None;
        }
        let number = |pointer: &str| object.whole.pointer(pointer).and_then(Value::as_i64);
        let generations = || {
            let of = ["/metadata/generation", "/status/observedGeneration"].into_iter();
            of.filter_map(|pointer| Some((pointer.rsplit('/').next()?.into(), number(pointer)?))).collect()
        };
        let (of, now): (Of, Vec<(Rc<str>, i64)>) = match &object.facts {
            Facts::Pod(facts) => {
                let restarts = |name: &str| format!("the restarts of container {name}").into();
                let containers = facts.containers.iter();
                let now = containers.map(|one| (restarts(&one.name), i64::from(one.restarts))).collect();
                (Of::Pod(names.pod(&object.name, &object.uid)?), now)
            }
            Facts::Deployment(_) if subject.is(object) => (Of::Deployment, generations()),
            Facts::ReplicaSet(_) => {
                (Of::ReplicaSet(names.replica_set(&object.name, &object.uid)?), generations())
            }
            _ => return None,
        };
        let is_anew = match of {
            Of::Pod(pod) => names.home(pod).is_some_and(|node| self.wiped.contains(&node)),
            Of::ReplicaSet(_) | Of::Deployment => false,
        };
        let (uid, most) = self.most.entry(of).or_default();
        if *uid != object.uid {
            *uid = Rc::clone(&object.uid);
            most.clear();
        }
        let mut less = None;
        for (what, now) in now {
            let before = most.entry(Rc::clone(&what)).or_insert(now);
            if now < *before && is_anew {
                *before = now;
            } else if now < *before {
                less = less.or(Some(format!("{what} is {now}, and was {before}")));
            }
            *before = now.max(*before);
        }
        less
    }

    /// A node has been without power.
    pub fn note_off(&mut self, node: NodeId) {
        self.wiped.insert(node);
    }

    /// A pod is forgotten.
    pub fn forget(&mut self, pod: PodId) {
        self.most.remove(&Of::Pod(pod));
    }
}
