//! What a worker of the Deployment controller does with a key: at most one kind of change, then the status.

use std::collections::VecDeque;
use std::sync::Arc;

use k8s_openapi::api::apps::v1::{Deployment, ReplicaSet};

use super::super::informers::{BY_CONTROLLER, Informers};
use super::replica_sets::{make, new_of, owned, resize, wanted_of};
use super::rolling::{Bounds, new_replicas, scale_down};
use super::status::{status_of, stuck_after};
use super::{DeploymentController, RETRIES_MAX, scaling};
use crate::api::constants::is_terminal;
use crate::api::{ApiError, Key, Kind, Object, Request, Response};
use crate::context::Context;
use crate::operation::Component;

/// What a worker is at.
#[derive(Debug)]
pub struct Sync {
    deployment: Arc<Deployment>,
    /// As the cache had them when the sync began, with what this sync wrote.
    sets: Vec<Arc<ReplicaSet>>,
    /// ReplicaSets that are still to be resized.
    plan: VecDeque<(Arc<ReplicaSet>, i64)>,
    stage: Stage,
    /// Old ReplicaSets are scaled down in a rolling update: an error of that ends it, and the sync goes on as if there were nothing to
    /// do (S28 `rolling.go` `reconcileOldReplicaSets`).
    forgives: bool,
    /// The progress deadline is judged.
    judges_progress: bool,
    /// It made the new ReplicaSet.
    created: bool,
}

/// What the answer that the worker waits for is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Adjust,
    Create,
    Resize,
    Status,
}

/// Does the Deployment recreate rather than roll?
pub(super) fn recreates(deployment: &Deployment) -> bool {
    let strategy = deployment.spec.as_ref().and_then(|spec| spec.strategy.as_ref());
    strategy.and_then(|strategy| strategy.type_.as_deref()) == Some("Recreate")
}

impl DeploymentController {
    /// A worker begins with a key.
    pub(super) fn begin(&mut self, key: &Key, informers: &Informers, context: &mut Context<'_>) {
        let Some(deployment) = informers.deployments.cache().get(key).cloned() else {
            self.finish(key, Ok(()), context);
            return;
        };
        let sets = owned(&deployment, informers);
        let bounds = Bounds::of(&deployment);
        let paused = deployment.spec.as_ref().and_then(|spec| spec.paused).unwrap_or(false);
        let scaled = paused || scaling::was_scaled(bounds, &sets);
        let sync = Sync {
            judges_progress: !scaled,
            created: false,
            deployment,
            sets,
            plan: VecDeque::new(),
            stage: Stage::Resize,
            forgives: false,
        };
        let deleting = sync.deployment.is_deleting();
        self.syncs.insert(key.clone(), sync);
        if deleting {
            self.write_status(key, context);
        } else if !self.adjust(key, context) {
            self.go_on(key, informers, context);
        }
    }

    /// The new ReplicaSet gets the `minReadySeconds` of its Deployment before anything is scaled (S28 `sync.go`
    /// `getNewReplicaSet`). Is there something to write?
    fn adjust(&mut self, key: &Key, context: &mut Context<'_>) -> bool {
        let Some(sync) = self.syncs.get_mut(key) else { return false };
        let Some(new) = new_of(&sync.deployment, &sync.sets) else { return false };
        let wanted = sync.deployment.spec.as_ref().and_then(|spec| spec.min_ready_seconds);
        let own = new.spec.as_ref().and_then(|spec| spec.min_ready_seconds);
        if own.unwrap_or(0) == wanted.unwrap_or(0) {
            return false;
        }
        let mut new = (*new).clone();
        new.spec.get_or_insert_default().min_ready_seconds = wanted;
        sync.stage = Stage::Adjust;
        self.send(key, Request::Update(new.into()), context);
        true
    }

    fn go_on(&mut self, key: &Key, informers: &Informers, context: &mut Context<'_>) {
        match self.syncs.get(key) {
            Some(sync) if sync.judges_progress => self.roll_out(key, informers, context),
            Some(_) => self.scale(key, context),
            None => {}
        }
    }

    /// An answer has come for the sync of a key.
    pub(super) fn proceed(
        &mut self,
        key: &Key,
        answer: Result<Response, ApiError>,
        informers: &Informers,
        context: &mut Context<'_>,
    ) {
        let Some(sync) = self.syncs.get_mut(key) else { return };
        let object = match answer {
            Ok(Response::Object(object)) => object,
            Ok(_) => {
                self.finish(key, Err(ApiError::Internal), context);
                return;
            }
            // Nothing but the next event, or the progress deadline, brings it back.
            Err(_) if sync.forgives && sync.stage == Stage::Resize => {
                self.write_status(key, context);
                return;
            }
            Err(error) => {
                self.finish(key, Err(error), context);
                return;
            }
        };
        match (sync.stage, object) {
            (Stage::Create, Object::ReplicaSet(set)) => {
                sync.created = true;
                sync.sets.push(set);
                if recreates(&sync.deployment) {
                    self.write_status(key, context);
                } else {
                    self.roll(key, context);
                }
            }
            (stage @ (Stage::Adjust | Stage::Resize), Object::ReplicaSet(set)) => {
                let own = sync.sets.iter_mut().find(|own| own.metadata.uid == set.metadata.uid);
                if let Some(own) = own {
                    *own = set;
                }
                if stage == Stage::Adjust {
                    self.go_on(key, informers, context);
                } else {
                    self.resize_next(key, context);
                }
            }
            (Stage::Status, Object::Deployment(deployment)) => {
                sync.deployment = deployment;
                self.settle(key, context);
            }
            _ => self.finish(key, Err(ApiError::Internal), context),
        }
    }

    /// The wanted number changed, or the Deployment is paused: its ReplicaSets share the change (DEP-10).
    fn scale(&mut self, key: &Key, context: &mut Context<'_>) {
        let Some(sync) = self.syncs.get_mut(key) else { return };
        let new = new_of(&sync.deployment, &sync.sets);
        let total = sync.deployment.status.as_ref().and_then(|status| status.replicas).unwrap_or(0);
        let rolling = !recreates(&sync.deployment);
        let bounds = Bounds::of(&sync.deployment);
        sync.plan = scaling::scale(bounds, rolling, new.as_ref(), &sync.sets, i64::from(total)).into();
        self.resize_next(key, context);
    }

    fn roll_out(&mut self, key: &Key, informers: &Informers, context: &mut Context<'_>) {
        let Some(sync) = self.syncs.get_mut(key) else { return };
        if recreates(&sync.deployment) {
            self.recreate(key, informers, context);
        } else if new_of(&sync.deployment, &sync.sets).is_none() {
            let bounds = Bounds::of(&sync.deployment);
            let sum = sync.sets.iter().map(|set| wanted_of(set)).sum();
            let replicas = new_replicas(bounds, 0, sum, context.slips);
            self.create(key, replicas, context);
        } else {
            self.roll(key, context);
        }
    }

    fn create(&mut self, key: &Key, replicas: i64, context: &mut Context<'_>) {
        let Some(sync) = self.syncs.get_mut(key) else { return };
        sync.stage = Stage::Create;
        let set = make(&sync.deployment, Bounds::of(&sync.deployment), replicas);
        self.send(key, Request::Create(set.into()), context);
    }

    /// Scale up first; if that changed nothing, scale down (DEP-6).
    fn roll(&mut self, key: &Key, context: &mut Context<'_>) {
        let Some(sync) = self.syncs.get_mut(key) else { return };
        let bounds = Bounds::of(&sync.deployment);
        let Some(new) = new_of(&sync.deployment, &sync.sets) else {
            self.write_status(key, context);
            return;
        };
        let sum = sync.sets.iter().map(|set| wanted_of(set)).sum();
        let own = wanted_of(&new);
        let wanted = new_replicas(bounds, own, sum, context.slips);
        if wanted != own {
            sync.plan.push_back((new, wanted));
        } else {
            let old: Vec<_> =
                sync.sets.iter().filter(|set| set.metadata.uid != new.metadata.uid).cloned().collect();
            sync.plan = scale_down(bounds, Some(&new), &old, context.slips).into();
            sync.forgives = true;
        }
        self.resize_next(key, context);
    }

    /// The old ones go, their pods too, and only then the new one comes (DEP-7).
    fn recreate(&mut self, key: &Key, informers: &Informers, context: &mut Context<'_>) {
        let Some(sync) = self.syncs.get_mut(key) else { return };
        let new = new_of(&sync.deployment, &sync.sets);
        let is_old =
            |set: &&Arc<ReplicaSet>| new.as_ref().is_none_or(|new| new.metadata.uid != set.metadata.uid);
        let old: Vec<_> = sync.sets.iter().filter(is_old).cloned().collect();
        let replicas = Bounds::of(&sync.deployment).replicas;
        sync.plan = old.iter().filter(|set| wanted_of(set) > 0).map(|set| (Arc::clone(set), 0)).collect();
        if !sync.plan.is_empty() {
            self.resize_next(key, context);
            return;
        }
        let runs = old.iter().any(|set| {
            let uid = set.metadata.uid.as_deref().unwrap_or("");
            // What its status counts still runs (S28 `recreate.go` `oldPodsRunning`), and so does a pod that is being deleted.
            let counts = set.status.as_ref().is_some_and(|status| status.replicas > 0);
            counts || informers.pods.cache().by_index(BY_CONTROLLER, uid).any(|(_, pod)| !is_terminal(pod))
        });
        match new {
            _ if runs => self.write_status(key, context),
            None => self.create(key, replicas, context),
            Some(new) if wanted_of(&new) != replicas => {
                sync.plan.push_back((new, replicas));
                self.resize_next(key, context);
            }
            Some(_) => self.write_status(key, context),
        }
    }

    fn resize_next(&mut self, key: &Key, context: &mut Context<'_>) {
        let Some(sync) = self.syncs.get_mut(key) else { return };
        let Some((set, size)) = sync.plan.pop_front() else {
            self.write_status(key, context);
            return;
        };
        sync.stage = Stage::Resize;
        // One that this sync has written already is written as it is by now.
        let newest = sync.sets.iter().find(|own| own.metadata.uid == set.metadata.uid);
        let mut set = (**newest.unwrap_or(&set)).clone();
        resize(&mut set, Bounds::of(&sync.deployment), size);
        self.send(key, Request::Update(set.into()), context);
    }

    fn write_status(&mut self, key: &Key, context: &mut Context<'_>) {
        let Some(sync) = self.syncs.get_mut(key) else { return };
        let new = new_of(&sync.deployment, &sync.sets);
        let (progress, created) = (sync.judges_progress, sync.created);
        let status = status_of(&sync.deployment, &sync.sets, new.as_ref(), progress, created, context.now());
        if sync.deployment.status.as_ref() == Some(&status) {
            self.settle(key, context);
            return;
        }
        sync.stage = Stage::Status;
        let mut deployment = (*sync.deployment).clone();
        deployment.status = Some(status);
        self.send(key, Request::UpdateStatus(deployment.into()), context);
    }

    /// The end of a sync: the progress deadline brings it back (DEP-8).
    fn settle(&mut self, key: &Key, context: &mut Context<'_>) {
        let Some(sync) = self.syncs.get(key) else { return };
        let status = sync.deployment.status.clone().unwrap_or_default();
        if sync.judges_progress
            && let Some(at) = stuck_after(&sync.deployment, &status)
        {
            self.queue.add_at(key.clone(), at);
        }
        self.finish(key, Ok(()), context);
    }

    fn finish(&mut self, key: &Key, outcome: Result<(), ApiError>, context: &Context<'_>) {
        self.syncs.remove(key);
        if outcome.is_err() && self.queue.failures(key) < RETRIES_MAX {
            self.queue.add_rate_limited(key.clone(), context.now());
        } else {
            self.queue.forget(key);
        }
        self.queue.done(key);
    }

    fn send(&mut self, key: &Key, request: Request, context: &mut Context<'_>) {
        let call = context.calls.send(Component::Deployment, request);
        self.calls.insert(call, key.clone());
    }
}
