//! What objects are called: names, UIDs and addresses, which the model has no need of.

use std::collections::BTreeMap;

use fastrand::Rng;
use podproof_vocabulary::observation::Address;
use podproof_vocabulary::{ContainerId, NodeId, PodId, Revision};

use podproof_conform::record::Micros;

/// The letters of names that Kubernetes generates.
const LETTERS: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";

/// A pod that has or had a slot.
#[derive(Clone, Debug)]
pub(super) struct Called {
    /// `metadata.name`.
    pub name: String,
    /// `metadata.uid`.
    pub uid: String,
    /// Its sandbox.
    pub sandbox: String,
    /// Its containers.
    pub lives: BTreeMap<ContainerId, Life>,
}

/// A container.
#[derive(Clone, Debug)]
pub(super) struct Life {
    /// Its name in the runtime.
    pub id: String,
    /// How often it was started.
    pub starts: u32,
    /// When it was started last.
    pub started: Micros,
    /// When it exited last.
    pub exited: Micros,
    /// Its exit code then.
    pub code: i32,
    /// A command that runs beside its process.
    pub exec: Option<String>,
}

/// Names of everything.
#[derive(Debug, Default)]
pub(super) struct Cast {
    pods: BTreeMap<PodId, Called>,
    addresses: BTreeMap<(PodId, Address), String>,
    given: BTreeMap<NodeId, u32>,
    sets: BTreeMap<Revision, (String, String)>,
    events: u64,
}

impl Cast {
    /// A new UID.
    pub fn uid(rng: &mut Rng) -> String {
        let number = format!("{:032x}", rng.u128(..));
        let parts = [&number[..8], &number[8..12], &number[12..16], &number[16..20], &number[20..]];
        parts.join("-")
    }

    /// A new name in a container runtime.
    pub fn id(rng: &mut Rng) -> String {
        format!("{:032x}{:032x}", rng.u128(..), rng.u128(..))
    }

    /// So many letters.
    pub fn letters(rng: &mut Rng, count: usize) -> String {
        (0..count).map(|_| char::from(LETTERS[rng.usize(..LETTERS.len())])).collect()
    }

    /// A number for an audit event.
    pub fn event(&mut self) -> u64 {
        self.events += 1;
        self.events
    }

    /// A pod gets a slot.
    pub fn enter(&mut self, rng: &mut Rng, pod: PodId, name: String) -> &Called {
        self.addresses.retain(|(slot, _), _| *slot != pod);
        let called = Called { name, uid: Self::uid(rng), sandbox: String::new(), lives: BTreeMap::new() };
        self.pods.insert(pod, called);
        self.pod(pod)
    }

    /// What the pod is called that had this slot last.
    pub fn pod(&self, pod: PodId) -> &Called {
        self.pods.get(&pod).expect("a pod that anybody speaks of was created")
    }

    /// The same, to change.
    pub fn pod_mut(&mut self, pod: PodId) -> &mut Called {
        self.pods.get_mut(&pod).expect("a pod that anybody speaks of was created")
    }

    /// A sandbox gets an address that no other has had.
    pub fn give_address(&mut self, node: NodeId, pod: PodId, address: Address) {
        let given = self.given.entry(node).or_insert(1);
        *given += 1;
        // A range of its own for each node.
        let ip = format!("10.{}.{}.{}", 100 + node.0, *given / 250, *given % 250 + 1);
        self.addresses.insert((pod, address), ip);
    }

    /// An address.
    pub fn address(&self, pod: PodId, address: Address) -> &str {
        self.addresses.get(&(pod, address)).expect("an address that anybody speaks of was given")
    }

    /// A ReplicaSet is created: its name and UID.
    pub fn name_set(&mut self, rng: &mut Rng, revision: Revision, name: String) {
        self.sets.insert(revision, (name, Self::uid(rng)));
    }

    /// Name and UID of a ReplicaSet.
    pub fn set(&self, revision: Revision) -> (&str, &str) {
        let (name, uid) = self.sets.get(&revision).expect("a ReplicaSet that anybody speaks of was created");
        (name, uid)
    }
}
