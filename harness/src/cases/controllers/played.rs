//! Everybody but the controllers: users, a scheduler that binds any pod anywhere, kubelets that do what they are told.

use std::time::Duration;

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::api::core::v1::{Pod, PodStatus};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use podproof_runtime::api::constants::{is_ready, is_terminal, node_of, phase};
use podproof_runtime::api::patch::{new_node_condition, new_pod_condition};
use podproof_runtime::api::{Key, Kind as _, Patch, Preconditions, Request, Resource, Uid};
use podproof_runtime::clock::Moment;
use podproof_runtime::controllers::informers::controller_of;

use super::objects::{SOLO, WEB, budget, deployment, image_of, replica_set, service};
use super::{Controlled, World as _};
use crate::stage::build::{deletion, key, meta, node};
use crate::stage::script::pick;

const NODES: [&str; 2] = ["n0", "n1"];
/// Kubelets renew their leases so often.
const HEARTBEAT: Duration = Duration::from_secs(10);

/// What the played parts remember.
#[derive(Debug, Default)]
pub(super) struct Played {
    last_beat: Option<Moment>,
    addresses: u32,
}

impl Controlled {
    pub(super) fn create_all(&mut self) {
        let now = self.stage.now();
        for name in NODES {
            let mut node = node(name, 8_000, 110);
            let ready = new_node_condition("Ready", "True", "KubeletReady", now);
            node.status.get_or_insert_default().conditions = Some(vec![ready]);
            self.call(Request::Create(node.into()));
        }
        self.beat(now);
        self.call(Request::Create(deployment().into()));
        self.call(Request::Create(service().into()));
        self.call(Request::Create(budget(self.steps.ask).into()));
        self.create_set();
    }

    fn call(&mut self, request: Request) {
        self.stage.call(request);
    }

    /// Kubelets renew their leases, so that the nodes stay as they are.
    pub(super) fn beat(&mut self, now: Moment) {
        if self.played.last_beat.is_some_and(|last| now.since(last) < HEARTBEAT) {
            return;
        }
        self.played.last_beat = Some(now);
        for name in NODES {
            let mut metadata = meta(name);
            metadata.namespace = Some("kube-node-lease".to_owned());
            let spec = LeaseSpec { renew_time: Some(now.to_micro_time()), ..LeaseSpec::default() };
            self.stage.put(Lease { metadata, spec: Some(spec) });
        }
    }

    fn pods(&self) -> Vec<Pod> {
        self.stage.cluster.server().store().all::<Pod>().map(|(_, pod)| pod.clone()).collect()
    }

    fn some_pod(&self, which: u8, wanted: impl Fn(&Pod) -> bool) -> Option<Pod> {
        let pods: Vec<Pod> = self.pods().into_iter().filter(wanted).collect();
        pick(&pods, which).cloned()
    }

    pub(super) fn ready_pods(&self) -> usize {
        self.pods().iter().filter(|pod| is_ready(pod)).count()
    }

    /// Pods are bound, become ready, and go.
    pub(super) fn progress(&mut self) {
        self.bring_up();
        self.bring_down();
    }

    /// Pods are bound and become ready.
    pub(super) fn bring_up(&mut self) {
        for (index, pod) in
            self.pods().iter().enumerate().filter(|(_, pod)| !is_terminal(pod) && !pod.is_deleting())
        {
            if node_of(pod).is_none() {
                self.bind_to(pod, NODES[index % NODES.len()]);
            } else if !is_ready(pod) {
                self.report(pod, phase::RUNNING, true);
            }
        }
    }

    /// Pods that are being deleted go.
    pub(super) fn bring_down(&mut self) {
        for pod in self.pods().iter().filter(|pod| pod.is_deleting()) {
            self.call(Request::Delete(Resource::Pod, pod.key(), deletion(Some(0))));
        }
    }

    pub(super) fn bind(&mut self, which: u8) {
        if let Some(pod) = self.some_pod(which, |pod| node_of(pod).is_none()) {
            self.bind_to(&pod, NODES[usize::from(which) % NODES.len()]);
        }
    }

    fn bind_to(&mut self, pod: &Pod, node: &str) {
        let preconditions = Preconditions::uid(pod.uid());
        self.call(Request::Bind { pod: pod.key(), preconditions, node: node.into() });
    }

    pub(super) fn set_ready(&mut self, which: u8, ready: bool) {
        let wanted = |pod: &Pod| node_of(pod).is_some() && !is_terminal(pod) && is_ready(pod) != ready;
        if let Some(pod) = self.some_pod(which, wanted) {
            self.report(&pod, phase::RUNNING, ready);
        }
    }

    pub(super) fn fail(&mut self, which: u8) {
        if let Some(pod) = self.some_pod(which, |pod| node_of(pod).is_some() && !is_terminal(pod)) {
            self.report(&pod, phase::FAILED, false);
        }
    }

    fn report(&mut self, pod: &Pod, phase: &str, ready: bool) {
        let address = pod.status.as_ref().and_then(|status| status.pod_ip.clone()).unwrap_or_else(|| {
            self.played.addresses += 1;
            std::net::Ipv4Addr::from(0x0A01_0000 + self.played.addresses).to_string()
        });
        let ready = if ready { "True" } else { "False" };
        let status = PodStatus {
            phase: Some(phase.to_owned()),
            pod_ip: Some(address),
            conditions: Some(vec![new_pod_condition("Ready", ready, "", self.stage.now())]),
            ..PodStatus::default()
        };
        self.patch(pod, Patch::PodStatusWhole(status.into()));
    }

    pub(super) fn remove(&mut self, which: u8) {
        if let Some(pod) = self.some_pod(which, |pod| pod.is_deleting()) {
            self.call(Request::Delete(Resource::Pod, pod.key(), deletion(Some(0))));
        }
    }

    pub(super) fn delete(&mut self, which: u8) {
        if let Some(pod) = self.some_pod(which, |pod| !pod.is_deleting()) {
            self.call(Request::Delete(Resource::Pod, pod.key(), deletion(None)));
        }
    }

    pub(super) fn disown(&mut self, which: u8) {
        let owner = |pod: &Pod| controller_of(&pod.metadata).map(|owner| Uid::from(owner.uid.as_str()));
        let Some(pod) = self.some_pod(which, |pod| owner(pod).is_some()) else { return };
        if let Some(owner) = owner(&pod) {
            self.steps.note_orphaned(&pod);
            self.patch(&pod, Patch::RemoveOwner(owner));
        }
    }

    pub(super) fn relabel(&mut self, which: u8) {
        if let Some(pod) = self.some_pod(which, |pod| controller_of(&pod.metadata).is_some()) {
            self.steps.note_disowned(&pod);
            self.patch(&pod, Patch::Label { name: "app".to_owned(), value: Some("nobody".to_owned()) });
        }
    }

    fn patch(&mut self, pod: &Pod, patch: Patch) {
        self.call(Request::Patch(Resource::Pod, pod.key(), Preconditions::uid(pod.uid()), patch));
    }

    /// Requests to evict one pod or several are sent; they take effect later.
    pub(super) fn evict_some(&mut self, which: u8) {
        (0..=which >> 6).for_each(|next| self.evict(which.wrapping_add(next)));
    }

    fn evict(&mut self, which: u8) {
        if let Some(pod) = self.some_pod(which, |pod| !pod.is_deleting()) {
            self.stage.cluster.request(Request::Evict { pod: pod.key(), options: deletion(None) });
        }
    }

    pub(super) fn touch_budget(&mut self) {
        let stored = self.stage.cluster.server().store().get::<PodDisruptionBudget>(&key(WEB)).cloned();
        let Some(mut budget) = stored else { return };
        if let Some(spec) = &mut budget.spec {
            let default = "IfHealthyBudget".to_owned();
            spec.unhealthy_pod_eviction_policy =
                spec.unhealthy_pod_eviction_policy.is_none().then_some(default);
        }
        self.stage.put(budget);
    }

    fn change_deployment(&mut self, change: impl FnOnce(&mut Deployment)) {
        let stored = self.stage.cluster.server().store().get::<Deployment>(&key(WEB)).cloned();
        let Some(mut deployment) = stored else { return };
        change(&mut deployment);
        self.stage.put(deployment);
    }

    pub(super) fn roll_out(&mut self, image: u8) {
        self.change_deployment(|deployment| {
            let template = deployment.spec.as_mut().map(|spec| &mut spec.template);
            if let Some(container) = template.and_then(image_of) {
                container.image = Some(format!("image:{}", image % 4));
            }
        });
    }

    pub(super) fn scale(&mut self, replicas: u8) {
        self.change_deployment(|deployment| {
            if let Some(spec) = &mut deployment.spec {
                spec.replicas = Some(i32::from(replicas % 5));
            }
        });
    }

    pub(super) fn delete_set(&mut self) {
        self.call(Request::Delete(Resource::ReplicaSet, key(SOLO), deletion(None)));
    }

    pub(super) fn create_set(&mut self) {
        self.call(Request::Create(replica_set().into()));
    }

    pub(super) fn delete_slice(&mut self) {
        let slices: Vec<Key> =
            self.stage.cluster.server().store().all::<EndpointSlice>().map(|(key, _)| key.clone()).collect();
        for slice in slices {
            self.steps.note_slice_goes(&slice, &self.stage.cluster);
            self.call(Request::Delete(Resource::EndpointSlice, slice, deletion(None)));
        }
    }

    /// For so long, pods come up and go as fast as they can.
    pub(super) fn settle(&mut self, time: Duration) {
        let rounds = time.as_secs().max(1);
        for _ in 0..rounds {
            self.rest();
            self.progress();
            self.wait(time / u32::try_from(rounds).unwrap_or(1));
        }
    }
}
