//! What must be so once faults have ended, kubelets do what they should, and nothing is under way any more.

use std::collections::BTreeMap;
use std::time::Duration;

use k8s_openapi::api::apps::v1::ReplicaSet;
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::api::discovery::v1::EndpointSlice;
use podproof_runtime::api::constants::{is_active, is_ready, is_terminal};
use podproof_runtime::api::{Key, Kind as _};
use podproof_runtime::controllers::informers::controller_of;

use super::objects::WEB;
use super::{Controlled, World as _};

/// Longer than reflectors and work queues wait after the failures of one script, and shorter than a controller waits for what it
/// expects and does not see (C-15).
const SOON: Duration = Duration::from_secs(100);
/// A Service whose syncs failed often waits for so long (EPS-8).
const LATE: Duration = Duration::from_secs(1_000);

/// Of an endpoint: ready, serving, terminating.
type Conditions = (bool, bool, bool);

impl Controlled {
    /// Pods come up, but nothing that is being deleted goes; then it does.
    pub(super) fn converge(&mut self) {
        self.stage.renew();
        self.stage.lift_jinx();
        self.wait_while(SOON, Self::bring_up);
        self.tell_of_orphans();
        self.everything_is_there();
        self.slices_are_right();
        self.wait_while(SOON / 10, Self::progress);
        self.everything_is_there();
        self.slices_are_right();
    }

    fn wait_while(&mut self, time: Duration, act: fn(&mut Self)) {
        let rounds = time.as_secs() / 5;
        for _ in 0..rounds {
            act(self);
            self.rest();
            act(self);
            self.wait(Duration::from_secs(5));
        }
    }

    /// Of a pod whose deletion is seen only its present owner is told (S28 `replica_set.go` `updatePod`): the one that it lost before,
    /// unseen, learns nothing of it, until something else brings the controller to it or somebody starts the controllers anew.
    fn tell_of_orphans(&mut self) {
        if self.sets_that_lack().any(|(key, ..)| self.steps.orphaned.contains(key)) {
            self.restart();
            self.wait_while(SOON, Self::bring_up);
        }
    }

    /// RS-1, RS-3: each ReplicaSet has as many pods as it wants, those that fail or go not counted.
    fn everything_is_there(&self) {
        if self.stage.is_over() {
            return;
        }
        for (key, active, wanted) in self.sets_that_lack() {
            assert!(
                self.steps.waits_in_vain(key, &self.stage.cluster),
                "{key} has {active} pods and wants {wanted}"
            );
        }
    }

    /// The ReplicaSets that have another number of pods than they want: how many they have, and want.
    fn sets_that_lack(&self) -> impl Iterator<Item = (&Key, usize, i32)> {
        let store = self.stage.cluster.server().store();
        store.all::<ReplicaSet>().filter_map(move |(key, set)| {
            let uid = set.metadata.uid.as_deref();
            let own = |pod: &Pod| controller_of(&pod.metadata).map(|owner| owner.uid.as_str()) == uid;
            let active = store.all::<Pod>().filter(|(_, pod)| own(pod) && is_active(pod)).count();
            let wanted = set.spec.as_ref().and_then(|spec| spec.replicas).unwrap_or(1);
            (usize::try_from(wanted) != Ok(active)).then_some((key, active, wanted))
        })
    }

    /// EPS-1 to EPS-4: the slices of the Service have each pod that takes part once, in the condition that it is in.
    fn slices_are_right(&mut self) {
        if self.told() != self.wanted() {
            self.stage.renew();
            self.wait(LATE);
        }
        // A deletion that its handler is told of before the write is answered is forgotten, and one that comes before a list it is
        // never told of: the slice is expected for ever (kubernetes#141592), until somebody starts the controllers anew.
        if self.told() != self.wanted() && self.steps.slice_was_gone {
            self.restart();
            self.wait(SOON);
        }
        if !self.stage.is_over() {
            assert_eq!(self.told(), self.wanted(), "what the slices say, and what the pods are");
        }
    }

    fn told(&self) -> BTreeMap<String, Vec<Conditions>> {
        let mut told: BTreeMap<String, Vec<Conditions>> = BTreeMap::new();
        let slices = self.stage.cluster.server().store().all::<EndpointSlice>();
        for endpoint in slices.flat_map(|(_, slice)| slice.endpoints.iter().flatten()) {
            let uid = endpoint.target_ref.as_ref().and_then(|target| target.uid.clone()).unwrap_or_default();
            let conditions = endpoint.conditions.clone().unwrap_or_default();
            let is = |condition: Option<bool>| condition == Some(true);
            let conditions = (is(conditions.ready), is(conditions.serving), is(conditions.terminating));
            told.entry(uid).or_default().push(conditions);
        }
        told
    }

    fn wanted(&self) -> BTreeMap<String, Vec<Conditions>> {
        let takes_part = |pod: &&Pod| {
            let address = pod.status.as_ref().and_then(|status| status.pod_ip.as_deref());
            pod.label("app") == Some(WEB) && address.is_some() && !is_terminal(pod)
        };
        let pods = self.stage.cluster.server().store().all::<Pod>().map(|(_, pod)| pod);
        let conditions = |pod: &Pod| (is_ready(pod) && !pod.is_deleting(), is_ready(pod), pod.is_deleting());
        pods.filter(takes_part).map(|pod| (pod.uid().as_str().to_owned(), vec![conditions(pod)])).collect()
    }
}
