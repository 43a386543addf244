//! One relist: list the sandboxes, list the containers, inspect each pod that changed, publish (PLEG-2 to PLEG-9). Call by
//! call, so that anything may happen in between.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use super::event::{PlegEvent, PlegEventKind, Record, events, records};
use super::{CHANNEL_CAPACITY, Pleg};
use crate::api::Uid;
use crate::clock::Moment;
use crate::container_runtime::{Answer, CallId, ListedSandbox, Outcome, Request, RuntimeError, SandboxState};
use crate::kubelet::host::{Host, Waiter};
use crate::kubelet::inspect::Inspection;
use crate::kubelet::pod_cache::{PodCache, PodStatus};
use crate::slip::Slip;

/// A relist that is going on.
#[derive(Clone, Debug)]
pub struct Relist {
    /// When it began: the moment as of which all is known that it does not inspect (PLEG-2).
    timestamp: Moment,
    stage: Stage,
}

#[derive(Clone, Debug)]
enum Stage {
    Sandboxes(CallId),
    Containers(CallId, Vec<ListedSandbox>),
    /// The pods that are to be inspected, each with its new record and its events.
    Inspecting {
        current: Box<Inspection>,
        /// The moment as of which its status is known.
        since: Moment,
        changed: Changed,
        queue: VecDeque<(Uid, Changed)>,
    },
}

#[derive(Clone, Debug)]
struct Changed {
    record: Option<Record>,
    events: Vec<PlegEvent>,
}

impl Pleg {
    /// A relist begins, if it is time.
    pub fn begin(&mut self, host: &mut Host<'_, '_>) {
        let timestamp = host.now();
        let call = host.call(Waiter::Pleg, Request::ListSandboxes { uid: None });
        self.relist = Some(Relist { timestamp, stage: Stage::Sandboxes(call) });
    }

    /// One of its calls was answered.
    pub fn on_answer(
        &mut self,
        call: CallId,
        outcome: Outcome,
        cache: &mut PodCache,
        host: &mut Host<'_, '_>,
    ) {
        let Some(Relist { timestamp, stage }) = self.relist.take() else { return };
        match stage {
            Stage::Sandboxes(expected) if expected == call => match outcome {
                Ok(Answer::Sandboxes(sandboxes)) => {
                    let call = host.call(Waiter::Pleg, Request::ListContainers { uid: None });
                    self.relist = Some(Relist { timestamp, stage: Stage::Containers(call, sandboxes) });
                }
                // PLEG-2: nothing is touched.
                _ => self.end(host),
            },
            Stage::Containers(expected, sandboxes) if expected == call => match outcome {
                Ok(Answer::Containers(containers)) => {
                    let timestamp =
                        if host.context.has(Slip::PlegDatesListByItsEnd) { host.now() } else { timestamp };
                    // PLEG-3: before any pod is inspected.
                    self.relist_time = Some(timestamp);
                    let queue = self.compare(records(&sandboxes, &containers));
                    if host.context.has(Slip::PlegSaysFreshBeforeInspection) {
                        cache.update_time(timestamp);
                    }
                    self.inspect_next(timestamp, queue, cache, host);
                }
                _ => self.end(host),
            },
            Stage::Inspecting { mut current, since, changed, queue } => {
                match current.on_answer(call, outcome, host) {
                    None => {
                        let stage = Stage::Inspecting { current, since, changed, queue };
                        self.relist = Some(Relist { timestamp, stage });
                    }
                    Some(result) => {
                        self.publish(current.uid(), changed, result, since, cache, host);
                        self.inspect_next(timestamp, queue, cache, host);
                    }
                }
            }
            stage => self.relist = Some(Relist { timestamp, stage }),
        }
    }

    /// PLEG-5: the pods with events, and those whose inspection failed the last time.
    fn compare(&mut self, current: BTreeMap<Uid, Record>) -> VecDeque<(Uid, Changed)> {
        let nothing = Record::new();
        let mut uids: Vec<Uid> = self.records.keys().chain(current.keys()).cloned().collect();
        uids.extend(self.reinspect.iter().cloned());
        uids.sort_unstable();
        uids.dedup();
        let mut queue = VecDeque::new();
        for uid in uids {
            let (old, new) = (self.records.get(&uid), current.get(&uid));
            let mut found = Vec::new();
            events(&uid, old.unwrap_or(&nothing), new.unwrap_or(&nothing), &mut found);
            if !found.is_empty() || self.reinspect.contains(&uid) {
                queue.push_back((uid, Changed { record: new.cloned(), events: found }));
            }
        }
        self.reinspect.clear();
        queue
    }

    fn inspect_next(
        &mut self,
        timestamp: Moment,
        mut queue: VecDeque<(Uid, Changed)>,
        cache: &mut PodCache,
        host: &mut Host<'_, '_>,
    ) {
        while let Some((uid, changed)) = queue.pop_front() {
            if changed.record.is_some() {
                // PLEG-6 (S28 `updateCache`).
                let by_list = host.context.release.dates_statuses_by_their_list();
                let since = if by_list { timestamp } else { host.now() };
                let current = Box::new(Inspection::begin(uid, Waiter::Pleg, host));
                let stage = Stage::Inspecting { current, since, changed, queue };
                self.relist = Some(Relist { timestamp, stage });
                return;
            }
            // Nothing is left of it: there is nothing to inspect.
            cache.remove(&uid);
            self.records.remove(&uid);
            self.send(changed.events, host);
        }
        // PLEG-9: at the end, so one slow pod delays what is known of all.
        cache.update_time(timestamp);
        self.end(host);
    }

    /// PLEG-6 and PLEG-7.
    fn publish(
        &mut self,
        uid: &Uid,
        changed: Changed,
        result: Result<PodStatus, RuntimeError>,
        since: Moment,
        cache: &mut PodCache,
        host: &Host<'_, '_>,
    ) {
        let failed = result.is_err();
        let status = result.map(|status| Arc::new(keep_address(status, cache, uid)));
        cache.set(uid, status, since);
        if failed {
            self.reinspect.insert(uid.clone());
            if !host.context.has(Slip::PlegForgetsFailedInspection) {
                return;
            }
            self.reinspect.clear();
        }
        // The record advances before the events are sent: one that is lost is never made again.
        if let Some(record) = changed.record {
            self.records.insert(uid.clone(), record);
        }
        if !failed {
            self.send(changed.events, host);
        }
    }

    fn send(&mut self, events: Vec<PlegEvent>, host: &Host<'_, '_>) {
        for event in events {
            let lost = event.kind == PlegEventKind::ContainerDied && host.context.has(Slip::PlegLosesDeaths);
            if event.kind == PlegEventKind::ContainerChanged || lost {
                continue;
            }
            if self.channel.len() < CHANNEL_CAPACITY {
                self.channel.push_back(event);
            } else {
                self.discarded += 1;
            }
        }
    }

    fn end(&mut self, host: &Host<'_, '_>) {
        self.relist = None;
        let wait = if std::mem::take(&mut self.is_requested) { Duration::ZERO } else { self.period };
        self.next = host.now() + wait;
    }
}

/// PLEG-11: a pod without a ready sandbox keeps the address that it had.
fn keep_address(mut status: PodStatus, cache: &PodCache, uid: &Uid) -> PodStatus {
    let has_ready = status.sandboxes.iter().any(|sandbox| sandbox.state == SandboxState::Ready);
    if status.address.is_none() && !has_ready {
        status.address = cache.get(uid).ok().and_then(|old| old.address);
    }
    status
}
