//! What a kubelet hears of pods: what its model has news of, and what it has not.

use k8s_openapi::api::core::v1::Pod;
use podproof_model::state::KubeletView;
use podproof_runtime::api::constants::{is_ready, is_terminal};
use podproof_runtime::api::{Key, Object, Resource};
use podproof_runtime::api_server::WatchEvent;
use podproof_vocabulary::{NodeId, PodId};

use super::process;
use crate::lockstep::Running;
use crate::lockstep::observed::deletion_of;
use crate::{ModelSystem, Refused};

/// What the kubelet of the model reads of a pod.
fn view(pod: Option<&Pod>) -> KubeletView {
    let Some(pod) = pod else { return KubeletView::new() };
    KubeletView::new()
        .with_present(true)
        .with_deletion(deletion_of(pod))
        .with_ready(is_ready(pod))
        .with_terminal(is_terminal(pod))
}

impl Running {
    fn viewed(&self, node: NodeId, key: &Key) -> KubeletView {
        view(self.kubelet(node).and_then(|kubelet| kubelet.pods().get(key)).map(AsRef::as_ref))
    }

    /// Does the kubelet of a node read something else of a pod than the API says?
    pub(super) fn has_news_of_pod(&self, node: NodeId, key: &Key) -> bool {
        self.viewed(node, key) != view(self.cluster.server().store().get::<Pod>(key))
    }

    /// News of its node, and of pods where they change nothing that the model's kubelet reads.
    pub(super) fn absorb_news(&mut self, node: NodeId) -> Result<(), Refused> {
        while self.next_event(process(node), Resource::Node).is_some() {
            self.deliver_next(process(node), Resource::Node)?;
        }
        while self.is_no_news_of_pod(node) {
            self.deliver_next(process(node), Resource::Pod)?;
        }
        Ok(())
    }

    fn is_no_news_of_pod(&self, node: NodeId) -> bool {
        match self.next_event(process(node), Resource::Pod) {
            None => false,
            Some(WatchEvent::Bookmark(_)) => true,
            Some(
                WatchEvent::Added(key, Object::Pod(pod), _) | WatchEvent::Modified(key, Object::Pod(pod), _),
            ) => self.slot(key).is_none() || self.viewed(node, key) == view(Some(pod)),
            Some(event) => match event {
                WatchEvent::Deleted(key, ..) => self.slot(key).is_none(),
                _ => true,
            },
        }
    }

    /// News of a pod reach its kubelet, and the sync loop takes them.
    pub(in crate::lockstep) fn deliver_to_kubelet(
        &mut self,
        node: NodeId,
        pod: PodId,
        rest: &ModelSystem,
    ) -> Result<(), Refused> {
        if !self.covered.has(podproof_vocabulary::action::Component::Kubelet) {
            return Ok(());
        }
        let (model, state) = rest.model();
        let target = model.open(state, |cluster| cluster.pod(pod).kubelet.view());
        let key = self.key(pod)?;
        self.settle_machine(node)?;
        self.deliver_until(process(node), Resource::Pod, |own| own.viewed(node, &key) == target)?;
        self.settle_machine(node)
    }
}
