//! Kubelets that renew leases and statuses, or do not, and users that taint, add and remove nodes.

use std::collections::BTreeMap;
use std::time::Duration;

use arbitrary::Arbitrary;
use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::api::core::v1::{Node, Pod, PodStatus, Taint, Toleration};
use podproof_runtime::api::constants::{
    condition, is_ready, is_terminal, node_condition, node_of, phase, taint,
};
use podproof_runtime::api::patch::{new_node_condition, new_pod_condition};
use podproof_runtime::api::{Key, Kind as _, Patch, Preconditions, Request, Resource};
use podproof_runtime::clock::Moment;

use super::silence::{LEASES, is_lit};
use super::{Nodes, World as _, nodes_of};
use crate::stage::build::{container, deletion, meta, node, pod};

/// The nodes; the last is in a zone of its own.
pub(super) const NODES: [&str; 3] = ["n0", "n1", "n2"];
/// Taints of users.
pub(super) const TAINTS: [&str; 2] = ["gpu", "disk"];
/// How long the toleration lasts that is not for ever, in seconds.
const TOLERATED: i64 = 20;
const HEARTBEAT: Duration = Duration::from_secs(10);

/// How a kubelet behaves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Arbitrary)]
pub(super) enum Mode {
    /// It renews its lease, and writes its status if that changes.
    #[default]
    Lease,
    /// It writes its status and has no lease.
    Status,
    /// It does neither.
    Silent,
    /// It says that it is not ready.
    NotReady,
}

/// What the played parts remember.
#[derive(Debug, Default)]
pub(super) struct Played {
    modes: BTreeMap<usize, Mode>,
    last_beat: Option<Moment>,
    pods: u32,
}

impl Nodes {
    pub(super) fn begin(&mut self, seed: u8) {
        (0..3).for_each(|index| self.add_node(index));
        self.beat();
        for index in 0..3 {
            self.add_pod(index, seed.wrapping_mul(31).wrapping_add(index.wrapping_mul(83)));
        }
        self.wait(Duration::from_secs(12));
    }

    fn call(&mut self, request: Request) {
        self.stage.call(request);
    }

    pub(super) fn set_mode(&mut self, which: u8, mode: Mode) {
        self.played.modes.insert(usize::from(which) % NODES.len(), mode);
    }

    /// Every kubelet does what it does every 10 s.
    pub(super) fn beat(&mut self) {
        let now = self.stage.now();
        if self.played.last_beat.is_some_and(|last| now.since(last) < HEARTBEAT) {
            return;
        }
        self.played.last_beat = Some(now);
        for (index, name) in NODES.into_iter().enumerate() {
            let mode = self.played.modes.get(&index).copied().unwrap_or_default();
            let stored = self.stage.cluster.server().store().get::<Node>(&Key::global(name));
            let Some(stored) = stored.filter(|_| mode != Mode::Silent) else { continue };
            let ready = if mode == Mode::NotReady { condition::FALSE } else { condition::TRUE };
            let changed = node_condition(stored, condition::READY).is_none_or(|old| old.status != ready);
            if changed || mode != Mode::Lease {
                self.report(name, ready);
            }
            if mode != Mode::Status {
                self.renew(name);
            }
            if changed {
                self.silence.turns(name);
            }
            self.tend(name, mode != Mode::NotReady);
        }
    }

    fn report(&mut self, node: &str, ready: &str) {
        let ready = new_node_condition(condition::READY, ready, "KubeletReady", self.stage.now());
        let patch = Patch::NodeConditions(vec![ready]);
        self.call(Request::Patch(Resource::Node, Key::global(node), Preconditions::NONE, patch));
    }

    fn renew(&mut self, node: &str) {
        let mut metadata = meta(node);
        metadata.namespace = Some(LEASES.to_owned());
        let renewed = Some(self.stage.now().to_micro_time());
        let spec = Some(LeaseSpec { renew_time: renewed, ..LeaseSpec::default() });
        self.stage.put(Lease { metadata, spec });
    }

    /// A kubelet says that its pods are ready, and removes those that are deleted or have ended.
    fn tend(&mut self, node: &str, ready: bool) {
        let pods = self.stage.cluster.server().store().all::<Pod>();
        let own: Vec<Pod> =
            pods.filter(|(_, pod)| node_of(pod) == Some(node)).map(|(_, pod)| pod.clone()).collect();
        for pod in own {
            if pod.is_deleting() || is_terminal(&pod) {
                self.call(Request::Delete(Resource::Pod, pod.key(), deletion(Some(0))));
            } else if ready && !is_ready(&pod) {
                self.run(&pod);
            }
        }
    }

    fn run(&mut self, pod: &Pod) {
        let ready = new_pod_condition(condition::READY, condition::TRUE, "", self.stage.now());
        let status = PodStatus {
            phase: Some(phase::RUNNING.to_owned()),
            conditions: Some(vec![ready]),
            ..PodStatus::default()
        };
        let patch = Patch::PodStatusWhole(status.into());
        self.call(Request::Patch(Resource::Pod, pod.key(), Preconditions::uid(pod.uid()), patch));
    }

    /// A pod that runs. Two bits for each taint: not tolerated, for some time, or for ever.
    pub(super) fn add_pod(&mut self, which: u8, bits: u8) {
        self.played.pods += 1;
        let mut made = pod(&format!("pod-{}", self.played.pods), vec![container("app")]);
        let mut tolerations: Vec<Toleration> = TAINTS
            .into_iter()
            .enumerate()
            .filter_map(|(index, key)| {
                let seconds = match bits >> (2 * index) & 3 {
                    0 => return None,
                    1 | 2 => Some(TOLERATED),
                    _ => None,
                };
                Some(toleration(key, seconds))
            })
            .collect();
        if bits >> 4 & 1 == 1 {
            tolerations
                .extend([taint::UNREACHABLE, taint::NOT_READY].map(|key| toleration(key, Some(TOLERATED))));
        }
        let spec = made.spec.get_or_insert_default();
        spec.tolerations = Some(tolerations);
        spec.node_name = Some(NODES[usize::from(which) % NODES.len()].to_owned());
        let key = made.key();
        self.call(Request::Create(made.into()));
        // A kubelet that says nothing does not say that a pod is ready either.
        let index = usize::from(which) % NODES.len();
        let mode = self.played.modes.get(&index).copied().unwrap_or_default();
        let is_lit = nodes_of(&self.stage.cluster).any(|(name, node)| name == NODES[index] && is_lit(node));
        if is_lit && matches!(mode, Mode::Lease | Mode::Status) {
            let stored = self.stage.cluster.server().store().get::<Pod>(&key).cloned();
            stored.iter().for_each(|pod| self.run(pod));
        }
    }

    pub(super) fn set_taint(&mut self, which: u8, second: bool, set: bool) {
        let taint = Taint {
            key: TAINTS[usize::from(second)].to_owned(),
            effect: taint::NO_EXECUTE.to_owned(),
            ..Taint::default()
        };
        let patch = match set {
            true => Patch::NodeTaints { add: vec![taint], remove: Vec::new() },
            false => Patch::NodeTaints { add: Vec::new(), remove: vec![taint] },
        };
        let node = Key::global(NODES[usize::from(which) % NODES.len()]);
        self.call(Request::Patch(Resource::Node, node, Preconditions::NONE, patch));
    }

    pub(super) fn add_node(&mut self, which: u8) {
        let index = usize::from(which) % NODES.len();
        let mut made = node(NODES[index], 8_000, 110);
        let zone = if index == 2 { "b" } else { "a" };
        let labels = made.metadata.labels.get_or_insert_default();
        labels.insert("topology.kubernetes.io/zone".to_owned(), zone.to_owned());
        let now = self.stage.now();
        let ready = new_node_condition(condition::READY, condition::TRUE, "KubeletReady", now);
        made.status.get_or_insert_default().conditions = Some(vec![ready]);
        if self.stage.cluster.call(Request::Create(made.into())).is_ok() {
            self.silence.turns(NODES[index]);
        }
    }

    pub(super) fn remove_node(&mut self, which: u8) {
        let node = Key::global(NODES[usize::from(which) % NODES.len()]);
        self.call(Request::Delete(Resource::Node, node, deletion(None)));
    }
}

fn toleration(key: &str, seconds: Option<i64>) -> Toleration {
    Toleration {
        key: Some(key.to_owned()),
        operator: Some("Exists".to_owned()),
        effect: Some(taint::NO_EXECUTE.to_owned()),
        toleration_seconds: seconds,
        ..Toleration::default()
    }
}
