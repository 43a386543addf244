//! What must be so once nothing is pending.

use std::time::Duration;

use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::{Node, Pod, PodStatus};
use podproof_runtime::Actor as _;
use podproof_runtime::api::constants::{condition, is_terminal, node_condition, node_of};
use podproof_runtime::api::{Key, Kind as _, Resource};
use podproof_runtime::clock::Moment;
use podproof_runtime::container_runtime::SandboxState;
use podproof_runtime::kubelet::KubeletProcess;
use podproof_runtime::operation::Process;

use super::{Machine, NODE, NODE_NAME, World as _};

/// After this, whatever failed was tried again (STM-1, STM-10).
const RETRIED: Duration = Duration::from_secs(25);
/// A runtime that hangs is noticed after 30 s, and told with the next status of the node.
const NOTICED: Duration = Duration::from_secs(60);
/// What a node's lease is for.
const LEASE: Duration = Duration::from_secs(40);
/// The longest grace period, a hook that is longer, and a relist and a status after that.
const GONE: Duration = Duration::from_secs(130);

impl Machine {
    pub(super) fn judge_rest(&mut self) {
        self.judge_stops_at_rest();
        self.statuses_are_written();
        self.the_node_is_as_its_runtime();
        self.the_lease_is_renewed();
    }

    /// STM-1, STM-9: the API says what the kubelet knows.
    fn statuses_are_written(&mut self) {
        let now = self.now();
        let calm = self.is_calm_for(RETRIED);
        let hears = self.facts.hears.is_some();
        let mut differs = std::collections::BTreeMap::new();
        if let Some(kubelet) = self.kubelet() {
            for (key, pod) in self.stage.cluster.server().store().all::<Pod>() {
                let known = kubelet.parts().status.get(&pod.uid()).filter(|_| node_of(pod).is_some());
                let (Some(known), Some(told)) = (known, &pod.status) else { continue };
                let same = known.container_statuses == told.container_statuses;
                assert!(!calm || same, "the API does not say of {key} what its kubelet knows");
                if ready(known) != ready(told) && !is_terminal(pod) {
                    let uid = pod.uid().as_str().to_owned();
                    // A kubelet that waits to watch anew, up to a minute, cannot know what the API says.
                    let since = self.facts.differs.get(&uid).copied().filter(|_| hears).unwrap_or(now);
                    assert!(
                        !calm || now.since(since) < RETRIED,
                        "the API says of {key} what is not so since {since}"
                    );
                    differs.insert(uid, since);
                }
            }
        }
        self.facts.differs = differs;
    }

    /// Has the kubelet a watch of its pods?
    pub(super) fn hears_of_pods(&self) -> bool {
        let mut hears = false;
        if let Some(process) = self.stage.cluster.actor::<KubeletProcess>(Process::Kubelet(NODE)) {
            process.watches(&mut |resource, _| hears |= resource == Resource::Pod);
        }
        hears
    }

    /// NOD-3: not ready while the runtime hangs, and ready again once nothing has been wrong for so long.
    fn the_node_is_as_its_runtime(&self) {
        let hung = self.facts.hung.is_some_and(|since| self.now().since(since) > NOTICED);
        let told = self.is_connected()
            && self.facts.trouble.is_none_or(|trouble| self.now().since(trouble) > NOTICED);
        let node = self.stage.cluster.server().store().get::<Node>(&Key::global(NODE_NAME));
        let ready = node.and_then(|node| node_condition(node, condition::READY));
        let ready = ready.is_some_and(|ready| ready.status == condition::TRUE);
        assert!(
            !(hung && told && ready),
            "the runtime hangs since {:?}, and the node says that it is ready",
            self.facts.hung
        );
        let is_well = self.is_calm_for(NOTICED) && self.now().since(Moment(0)) > NOTICED;
        assert!(
            ready || !is_well,
            "nothing has been wrong since {:?}, and the node says that it is not ready",
            self.facts.trouble
        );
    }

    /// NOD-1, NOD-4: whatever was lost of its renewals before.
    fn the_lease_is_renewed(&self) {
        let (now, own) = (self.now(), Key::new("kube-node-lease", NODE_NAME));
        if !self.is_calm_for(RETRIED) || now.since(Moment(0)) <= LEASE || self.kubelet().is_none() {
            return;
        }
        let lease = self.stage.cluster.server().store().get::<Lease>(&own);
        let renewed = lease.and_then(|lease| lease.spec.as_ref()?.renew_time.clone());
        assert!(
            renewed >= Some((now - LEASE).to_micro_time()),
            "the lease was renewed at {renewed:?}, and it is {now}"
        );
    }

    /// Once everything is deleted and nothing goes wrong, nothing is left.
    pub(super) fn clear_up(&mut self) {
        self.stage.renew();
        self.heal_and_delete();
        self.wait(GONE);
        if self.stage.is_over() {
            return;
        }
        let store = self.stage.cluster.server().store();
        let here = store.all::<Pod>().filter(|(_, pod)| node_of(pod).is_some());
        let left: Vec<&Key> = here.map(|(key, _)| key).collect();
        assert!(left.is_empty(), "{left:?} were deleted, and are still there");
        let runtime = self.runtime.borrow();
        let running = runtime.containers().find(|(_, it)| it.process.is_some()).map(|(_, it)| &it.status);
        assert_eq!(running, None, "it runs, and its pod is gone");
        let sandbox =
            runtime.sandboxes().find(|(_, it)| it.state == SandboxState::Ready).map(|(_, it)| &it.config);
        assert_eq!(sandbox, None, "it is ready, and its pod is gone");
    }
}

fn ready(status: &PodStatus) -> Option<&str> {
    let conditions = status.conditions.iter().flatten();
    conditions.into_iter().find(|it| it.type_ == condition::READY).map(|it| it.status.as_str())
}
