//! What the objects of a scenario are called, as Kubernetes would call them.

use std::sync::Arc;

use podproof_model::Model;
use podproof_vocabulary::observation::{Address, Observe};
use podproof_vocabulary::scenario::{Beginning, Scenario, WorkloadKind};
use podproof_vocabulary::{ContainerId, NodeId, PodId, Revision};

use crate::change::Change;
use crate::trace::{Called, CalledPod, Trace};

/// The letters that Kubernetes makes names of (apimachinery `util/rand`): no vowels, nothing that looks like another.
const ALPHABET: &[u8; 27] = b"bcdfghjklmnpqrstvwxz2456789";
/// Letters of a template hash.
const HASH_LETTERS: usize = 4;
/// Template hashes that a scenario may have at most.
const REVISIONS_MAX: usize = 256;

/// A pod that a trace has told of.
#[derive(Clone, Debug)]
struct Known {
    name: String,
    addresses: Vec<String>,
    node: Option<NodeId>,
}

/// Names of the objects of a scenario. Pods get theirs in the order in which a trace creates them, so whoever walks along
/// one calls [`Names::see`] with what each step changed. A copy shares what never changes.
#[derive(Clone, Debug)]
pub struct Names {
    kind: WorkloadKind,
    workload: String,
    service: String,
    budgets: Vec<String>,
    nodes: Vec<String>,
    taint: String,
    containers: Vec<String>,
    hashes: Arc<[String]>,
    pods: Vec<Option<Known>>,
    created: usize,
    called: Arc<Called>,
}

impl Names {
    /// The names at the beginning of a trace.
    pub fn of(trace: &Trace) -> Self {
        Self::with(&trace.scenario, trace.called.clone().unwrap_or_default())
    }

    /// The names at the beginning of a trace whose objects have no names of their own: of the pods that run from the
    /// beginning, and of the one that the workload itself is.
    pub fn new(scenario: &Scenario) -> Self {
        Self::with(scenario, Called::default())
    }

    /// The same, with names of their own for some objects.
    pub fn with(scenario: &Scenario, called: Called) -> Self {
        let template = &scenario.workload.template;
        let node = template
            .node_name
            .as_ref()
            .and_then(|name| scenario.nodes.iter().position(|node| node.name == *name));
        let pods = match scenario.workload.kind {
            WorkloadKind::Pod => {
                let node = node.map(NodeId::from);
                let CalledPod { name, addresses } = called.pods.first().cloned().unwrap_or_default();
                let name = if name.is_empty() { scenario.workload.name.clone() } else { name };
                vec![Some(Known { name, addresses, node })]
            }
            WorkloadKind::Deployment | WorkloadKind::ReplicaSet => Vec::new(),
        };
        let mut names = Self {
            kind: scenario.workload.kind,
            workload: scenario.workload.name.clone(),
            service: scenario.service.as_ref().map_or_else(String::new, |service| service.name.clone()),
            budgets: scenario.budgets.iter().map(|budget| budget.name.clone()).collect(),
            nodes: scenario.nodes.iter().map(|node| node.name.clone()).collect(),
            taint: scenario.taint_of_events().to_string(),
            containers: template.containers.iter().map(|container| container.name.clone()).collect(),
            hashes: hashes(&scenario.workload.name).into(),
            pods,
            created: 0,
            called: Arc::new(called),
        };
        if scenario.begins == Beginning::Running {
            names.see(&running(scenario));
        }
        names
    }

    /// Takes note of the pods that a step created and of the nodes that they are bound to.
    pub fn see(&mut self, changed: &[Change]) {
        for change in changed {
            match change {
                Change::PodAppears { pod, object } => {
                    let CalledPod { name, addresses } =
                        self.called.pods.get(self.created).cloned().unwrap_or_default();
                    let name = match self.kind {
                        _ if !name.is_empty() => name,
                        WorkloadKind::Pod => self.workload.clone(),
                        _ => format!("{}/{}", self.owner(object.revision), self.created),
                    };
                    self.created += 1;
                    self.know(*pod, Known { name, addresses, node: object.node });
                }
                Change::PodNode { pod, node } => {
                    if let Some(Some(known)) = self.pods.get_mut(pod.index()) {
                        known.node = *node;
                    }
                }
                _ => {}
            }
        }
    }

    /// Is this a change that [`Names::see`] takes note of?
    pub const fn concerns(change: &Change) -> bool {
        matches!(change, Change::PodAppears { .. } | Change::PodNode { .. })
    }

    /// Names the pod in a slot, whichever steps a trace has told.
    pub fn call(&mut self, pod: PodId, called: CalledPod, node: Option<NodeId>) {
        self.know(pod, Known { name: called.name, addresses: called.addresses, node });
    }

    fn know(&mut self, pod: PodId, known: Known) {
        let slots = self.pods.len().max(pod.index() + 1);
        self.pods.resize(slots, None);
        self.pods[pod.index()] = Some(known);
    }

    /// `metadata.name` of the workload.
    pub fn workload(&self) -> &str {
        &self.workload
    }

    /// A pod, as `pod web-7c9f/2`; one that no step created by the number of its slot.
    pub fn pod(&self, pod: PodId) -> String {
        match self.pods.get(pod.index()) {
            Some(Some(known)) => format!("pod {}", known.name),
            _ => format!("pod #{}", pod.0),
        }
    }

    /// An address of a pod that was just named, as `10.244.1.7`; one that nobody has named as `its address #0`.
    pub fn address(&self, pod: PodId, address: Address) -> String {
        let known = self.pods.get(pod.index()).and_then(Option::as_ref);
        let named = known.and_then(|known| known.addresses.get(usize::from(address.0)));
        named.cloned().unwrap_or_else(|| format!("its address #{}", address.0))
    }

    /// The node that a pod is bound to, if it is.
    pub fn node_of(&self, pod: PodId) -> Option<NodeId> {
        self.pods.get(pod.index())?.as_ref()?.node
    }

    /// A node by its name; one that the scenario does not have by its number.
    pub fn node(&self, node: NodeId) -> String {
        self.nodes.get(node.index()).cloned().unwrap_or_else(|| format!("node #{}", node.0))
    }

    /// The taint of a `taint-node` event, as `podproof.io/taint-node:NoExecute`.
    pub fn taint(&self) -> &str {
        &self.taint
    }

    /// A container, as `container app`.
    pub fn container(&self, container: ContainerId) -> String {
        match self.containers.get(container.index()) {
            Some(name) => format!("container {name}"),
            None => format!("container #{}", container.0),
        }
    }

    /// The ReplicaSet of a revision, as `ReplicaSet web-7c9f`.
    pub fn replica_set(&self, revision: Revision) -> String {
        format!("ReplicaSet {}", self.owner(revision))
    }

    /// The template hash of a revision, four letters.
    pub fn hash(&self, revision: Revision) -> &str {
        &self.hashes[revision.index()]
    }

    /// `Deployment web`
    pub fn deployment(&self) -> String {
        format!("Deployment {}", self.workload)
    }

    /// `Service web`
    pub fn service(&self) -> String {
        if self.service.is_empty() { "the Service".to_owned() } else { format!("Service {}", self.service) }
    }

    /// `PodDisruptionBudget web`
    pub fn budget(&self) -> String {
        match self.budgets.first() {
            Some(name) => format!("PodDisruptionBudget {name}"),
            None => "the PodDisruptionBudget".to_owned(),
        }
    }

    /// What owns the pods of a revision: a ReplicaSet of a Deployment has the template hash in its name.
    fn owner(&self, revision: Revision) -> String {
        let called = self.called.replica_sets.get(revision.index()).filter(|name| !name.is_empty());
        match self.kind {
            WorkloadKind::Deployment => match called {
                Some(name) => name.clone(),
                None => format!("{}-{}", self.workload, self.hash(revision)),
            },
            WorkloadKind::ReplicaSet | WorkloadKind::Pod => self.workload.clone(),
        }
    }
}

/// The pods that run from the beginning, as if they appeared; none of a scenario that has no model.
fn running(scenario: &Scenario) -> Vec<Change> {
    let Ok(model) = Model::new(scenario.clone()) else { return Vec::new() };
    // Where there are several beginnings, they differ in the kube-proxy that is modelled.
    let Some(first) = model.initial().into_iter().next() else { return Vec::new() };
    model.open(&first, |cluster| {
        let appears = |pod| Observe::pod(cluster, pod).map(|object| Change::PodAppears { pod, object });
        PodId::first(model.rules.pods).filter_map(appears).collect()
    })
}

/// A hash for each revision of a workload, all different, the same on every machine.
fn hashes(workload: &str) -> Vec<String> {
    let mut hashes: Vec<String> = Vec::new();
    for revision in 0..REVISIONS_MAX {
        let unused = (0u32..)
            .map(|attempt| hash(workload, revision as u32, attempt))
            .find(|hash| !hashes.contains(hash));
        hashes.extend(unused);
    }
    hashes
}

/// FNV-1a over the name, the revision and the attempt, in letters.
fn hash(workload: &str, revision: u32, attempt: u32) -> String {
    let numbers = [revision.to_le_bytes(), attempt.to_le_bytes()];
    let bytes = workload.bytes().chain(numbers.into_iter().flatten());
    let hash = bytes.fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    // The low bits of FNV are its weakest.
    let mut rest = (hash ^ (hash >> 15)) as usize;
    let letter = |_| {
        let letter = ALPHABET[rest % ALPHABET.len()];
        rest /= ALPHABET.len();
        char::from(letter)
    };
    (0..HASH_LETTERS).map(letter).collect()
}

#[cfg(test)]
mod tests {
    use podproof_vocabulary::catalogue;
    use podproof_vocabulary::event::Story;
    use podproof_vocabulary::observation::{Deletion, Phase, PodSeen};

    use super::*;

    fn appears(pod: u8, revision: u8) -> Change {
        let object = PodSeen {
            revision: Revision(revision),
            node: None,
            phase: Phase::Pending,
            deletion: Deletion::None,
            finalizer: false,
            ready: false,
            address: None,
        };
        Change::PodAppears { pod: PodId(pod), object }
    }

    #[test]
    fn a_slot_that_is_used_again_gets_another_name() {
        let mut names = Names::new(&catalogue::web("x", Story::Rollout, 1, 1));
        names.see(&[appears(0, 0)]);
        let first = names.pod(PodId(0));
        names.see(&[appears(0, 0)]);
        assert!(first.ends_with("/0"), "{first}");
        assert!(names.pod(PodId(0)).ends_with("/1"), "{}", names.pod(PodId(0)));
    }

    #[test]
    fn every_revision_has_a_hash_of_its_own() {
        let names = Names::new(&catalogue::web("x", Story::Rollout, 1, 1));
        let mut hashes = names.hashes.to_vec();
        hashes.sort_unstable();
        hashes.dedup();
        assert_eq!(hashes.len(), REVISIONS_MAX);
        assert!(hashes.iter().flat_map(|hash| hash.bytes()).all(|letter| ALPHABET.contains(&letter)));
    }

    #[test]
    fn pods_that_run_from_the_beginning_have_the_first_names() {
        let mut names = Names::new(&catalogue::termination("x", 2));
        let name = |names: &Names, pod| names.pod(PodId(pod));
        assert!(name(&names, 0).ends_with("/0") && name(&names, 1).ends_with("/1"), "{names:?}");
        assert_eq!(names.node_of(PodId(1)), Some(NodeId(0)));
        assert_eq!(name(&names, 2), "pod #2");
        names.see(&[appears(2, 0)]);
        assert!(name(&names, 2).ends_with("/2"), "{names:?}");
    }

    #[test]
    fn a_bare_pod_has_its_own_name() {
        let mut scenario = catalogue::web("x", Story::Create, 1, 1);
        scenario.workload.kind = WorkloadKind::Pod;
        assert_eq!(Names::new(&scenario).pod(PodId(0)), "pod web");
    }

    #[test]
    fn a_replica_set_without_a_deployment_has_no_hash() {
        let mut scenario = catalogue::web("x", Story::Create, 1, 1);
        scenario.workload.kind = WorkloadKind::ReplicaSet;
        let mut names = Names::new(&scenario);
        names.see(&[appears(1, 0)]);
        assert_eq!(
            (names.replica_set(Revision(0)).as_str(), names.pod(PodId(1)).as_str()),
            ("ReplicaSet web", "pod web/0")
        );
    }
}
