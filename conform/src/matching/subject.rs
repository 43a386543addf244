//! The workload that is followed: how its objects are recognised in a log.

use std::rc::Rc;

use podproof_vocabulary::scenario::{Scenario, WorkloadKind};

use crate::record::Object;

/// The workload that is followed.
#[derive(Clone, Debug)]
pub struct Subject {
    /// Its bounded world, from each of these entries on; the first is there from the beginning. What changes is what no
    /// event of the model changes: pods of other workloads, labels and taints of nodes. A state of one is a state of all.
    pub scenarios: Vec<(u64, Scenario)>,
    /// Its namespace.
    pub namespace: Rc<str>,
    /// Its name.
    pub name: Rc<str>,
    /// Its UID; of a bare pod, the pod's.
    pub uid: Rc<str>,
    /// The names of the scenario's nodes, in their order.
    pub nodes: Vec<Rc<str>>,
    /// The Service that selects its pods.
    pub service: Option<Rc<str>>,
    /// The budget that selects its pods.
    pub budget: Option<Rc<str>>,
}

impl Subject {
    /// What kind of workload it is.
    pub fn kind(&self) -> WorkloadKind {
        self.scenario().workload.kind
    }

    /// Its world in the beginning.
    pub fn scenario(&self) -> &Scenario {
        &self.scenarios.first().expect("there is a beginning").1
    }

    /// Is this object in its namespace?
    pub fn is_near(&self, namespace: &str) -> bool {
        &*self.namespace == namespace
    }

    /// Is it the workload's own object?
    pub fn is(&self, object: &Object) -> bool {
        object.uid == self.uid
    }
}
