//! Evictions through the API (EVI-1 to EVI-7): what asks for them is played, who answers is the runtime's API server.
//!
//! In the model an eviction is granted in one step and deletes in another. An eviction that spends a disruption is so here, too;
//! one that is free to go is one request of one write, so it is sent when the model deletes. One that is refused is no step of the model.

use podproof_model::api_server::eviction::{Answer, ask};
use podproof_runtime::Step;
use podproof_runtime::api::{ApiError, DeleteOptions, Request};
use podproof_runtime::client::CallState;
use podproof_runtime::operation::Component;
use podproof_vocabulary::PodId;
use podproof_vocabulary::action::{Component as Lane, Drain};

use super::Running;
use crate::{ModelSystem, Refused};

impl Running {
    /// A step of whoever evicts. `rest` has not taken it yet.
    pub(super) fn evict(&mut self, step: Drain, rest: &ModelSystem) -> Result<(), Refused> {
        let (model, state) = rest.model();
        match step {
            Drain::ListPods => Ok(()),
            Drain::EvictPod { pod } => match model.open(state, |cluster| ask(cluster, pod)) {
                Answer::Spent => self.send_eviction(pod, true),
                Answer::Free | Answer::Refused => Ok(()),
            },
            Drain::DeletePod { pod } => {
                if !self.evictions.contains_key(&pod) {
                    self.send_eviction(pod, false)?;
                }
                self.finish_eviction(pod)
            }
        }
    }

    fn send_eviction(&mut self, pod: PodId, spends: bool) -> Result<(), Refused> {
        let request = Request::Evict { pod: self.key(pod)?, options: DeleteOptions::default() };
        let call = self.cluster.request(request);
        self.complete(Component::User, Step::Arrive(call))?;
        let state = self.cluster.calls().get(call).map(|call| call.state.clone());
        match (state, spends) {
            (Some(CallState::Serving), true) | (Some(CallState::Answered(Ok(_))), false) => {
                self.evictions.insert(pod, call);
                Ok(())
            }
            (state, _) => Err(Refused::because(format!("the eviction comes to {state:?}"))),
        }
    }

    fn finish_eviction(&mut self, pod: PodId) -> Result<(), Refused> {
        let Some(call) = self.evictions.remove(&pod) else { return Ok(()) };
        if matches!(self.cluster.calls().get(call).map(|call| &call.state), Some(CallState::Serving)) {
            self.complete(Component::User, Step::Serve(call))?;
        }
        self.complete(Component::User, Step::Answer(call))
    }

    /// While somebody evicts, every eviction that the model's API server refuses is asked of the runtime's, too: it must refuse it, and
    /// a refusal writes nothing, so it may be asked after every step (EVI-2 to EVI-4, DRN-3).
    pub(super) fn evict_in_vain(&mut self, rest: &ModelSystem) -> Result<(), Refused> {
        if !self.covered.has(Lane::DisruptionController) || self.api_server_down {
            return Ok(());
        }
        let (model, state) = rest.model();
        let refused: Vec<PodId> = model.open(state, |cluster| {
            let pods = cluster.used_pods().filter(|_| cluster.shared.control_plane.evicts());
            pods.filter(|&pod| cluster.pod(pod).api.exists() && ask(cluster, pod) == Answer::Refused)
                .collect()
        });
        for pod in refused {
            let request = Request::Evict { pod: self.key(pod)?, options: DeleteOptions::default() };
            match self.cluster.call(request) {
                Err(ApiError::TooManyRequests | ApiError::Internal | ApiError::Forbidden) => {}
                answer => {
                    let why = format!("an eviction that is to be refused is answered with {answer:?}");
                    return Err(Refused::because(why));
                }
            }
        }
        Ok(())
    }

    /// Evictions of pods that somebody else deleted come to their end.
    pub(super) fn settle_evictions(&mut self, rest: &ModelSystem) -> Result<(), Refused> {
        let (model, state) = rest.model();
        for pod in self.evictions.keys().copied().collect::<Vec<_>>() {
            if !model.open(state, |cluster| cluster.pod(pod).head.eviction_granted()) {
                self.finish_eviction(pod)?;
            }
        }
        Ok(())
    }
}
