//! What a PLEG must say, by a naive diff of what its runtime had when it was asked (PLEG-2 to PLEG-9).

use std::collections::{BTreeMap, BTreeSet};

use podproof_runtime::api::Uid;
use podproof_runtime::clock::Moment;
use podproof_runtime::container_runtime::simulated::Simulated;
use podproof_runtime::container_runtime::{
    Answer, ContainerId, ContainerState, Outcome, Request, RuntimeError, SandboxId, SandboxState,
};
use podproof_runtime::kubelet::parts::Settings;
use podproof_runtime::kubelet::pleg::Pleg;
use podproof_runtime::kubelet::pleg::event::{PlegEventKind, Plegged};
use podproof_runtime::kubelet::pod_cache::PodCache;

/// What runs, what has ended, and what is neither.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Runs,
    Ended,
    Unclear,
}

type Things = BTreeMap<Plegged, State>;
type Told = (Uid, Plegged, PlegEventKind);

/// What is known by now.
#[derive(Clone, Debug, Default)]
pub struct NaivePleg {
    /// What was told of each pod.
    told: BTreeMap<Uid, Things>,
    /// Pods whose inspection failed in the last relist.
    failed: BTreeSet<Uid>,
    /// When each pod was last inspected, by the begin of the relist.
    inspected: BTreeMap<Uid, Moment>,
    /// The begin of the last relist that came to its end.
    as_of: Option<Moment>,
    /// The begin of the last relist whose lists came.
    listed: Option<Moment>,
    relist: Relist,
    has_told: bool,
}

/// The relist that is going on.
#[derive(Clone, Debug, Default)]
struct Relist {
    begun: Moment,
    sandboxes: Option<BTreeMap<Uid, Things>>,
    containers: Option<BTreeMap<Uid, Things>>,
    failed: BTreeSet<Uid>,
    /// What each pod's containers were when they were looked at.
    seen: BTreeMap<Uid, BTreeMap<ContainerId, ContainerState>>,
    events: Vec<Told>,
}

impl NaivePleg {
    /// Did anything happen that was to be told?
    pub const fn has_told(&self) -> bool {
        self.has_told
    }

    /// A relist begins.
    pub fn begin(&mut self, now: Moment) {
        self.relist = Relist { begun: now, ..Relist::default() };
    }

    /// A call of the relist is answered; this is what the runtime has.
    pub fn answer(&mut self, request: &Request, outcome: &Outcome, runtime: &Simulated) {
        let failed = matches!(outcome, Err(error) if *error != RuntimeError::NotFound);
        match request {
            Request::ListSandboxes { uid: None } if !failed => {
                self.relist.sandboxes = Some(sandboxes_of(runtime));
            }
            Request::ListContainers { uid: None } if !failed => {
                self.relist.containers = Some(containers_of(runtime));
                self.listed = Some(self.relist.begun);
            }
            Request::ListSandboxes { uid: Some(uid) } => {
                self.relist.seen.insert(uid.clone(), BTreeMap::new());
                self.note(failed, Some(uid.clone()));
            }
            Request::ListContainers { uid: Some(uid) } => self.note(failed, Some(uid.clone())),
            Request::SandboxStatus(_) | Request::ContainerStatus(_) => {
                // Pods are inspected one after the other.
                let current = self.relist.seen.keys().next_back().cloned();
                if let (Ok(Answer::Container(status)), Some(uid)) = (outcome, &current) {
                    self.relist.seen.entry(uid.clone()).or_default().insert(status.id, status.state);
                }
                self.note(failed, current);
            }
            _ => {}
        }
    }

    fn note(&mut self, failed: bool, pod: Option<Uid>) {
        if failed {
            self.relist.failed.extend(pod);
        }
    }

    /// The PLEG told these events.
    pub fn hear(&mut self, events: Vec<Told>) {
        self.relist.events.extend(events);
    }

    /// Compares, at the end of a relist or in the middle of one.
    ///
    /// # Panics
    /// If the PLEG is wrong.
    pub fn compare(&mut self, over: bool, cache: &PodCache, now: Moment) {
        if !over {
            // Whoever was not looked at yet is not known any better.
            self.compare_age(&Uid::from("nobody"), None, cache, now);
            return;
        }
        let Relist { begun, sandboxes, containers, failed, seen, events } = std::mem::take(&mut self.relist);
        let (Some(mut found), Some(containers)) = (sandboxes, containers) else {
            // PLEG-2: a list that fails touches nothing.
            assert_eq!(events, [], "events of a relist without lists");
            self.compare_age(&Uid::from("nobody"), None, cache, now);
            return;
        };
        for (uid, things) in containers {
            found.entry(uid).or_default().extend(things);
        }
        let mut expected = Vec::new();
        let pods: BTreeSet<Uid> = self.told.keys().chain(found.keys()).chain(&self.failed).cloned().collect();
        let nothing = Things::new();
        for uid in pods {
            let (old, new) = (self.told.get(&uid).unwrap_or(&nothing), found.get(&uid));
            if old == new.unwrap_or(&nothing) && !self.failed.contains(&uid) {
                continue;
            }
            let changes = diff(&uid, old, new.unwrap_or(&nothing));
            let Some(new) = new else {
                self.told.remove(&uid);
                self.inspected.remove(&uid);
                expected.extend(changes);
                continue;
            };
            self.inspected.insert(uid.clone(), begun);
            if failed.contains(&uid) {
                assert!(
                    cache.get(&uid).is_err(),
                    "the cache does not say that {uid:?} could not be inspected"
                );
                continue;
            }
            let cached = cache.get(&uid).unwrap_or_else(|error| panic!("{uid:?} was inspected: {error:?}"));
            let cached: BTreeMap<_, _> = cached.containers.iter().map(|it| (it.id, it.state)).collect();
            assert_eq!(Some(&cached), seen.get(&uid), "what the cache says of the containers of {uid:?}");
            self.told.insert(uid, new.clone());
            expected.extend(changes);
        }
        self.has_told |= !expected.is_empty();
        let (mut heard, mut expected) = (events, expected);
        heard.sort();
        expected.sort();
        assert_eq!(heard, expected, "the events of the relist that began at {begun}");
        (self.failed, self.as_of) = (failed, Some(begun));
        for uid in self.inspected.keys().cloned().chain([Uid::from("nobody")]) {
            self.compare_age(&uid, self.inspected.get(&uid).copied(), cache, now);
        }
    }

    /// Is what the cache says of a pod as old as it must be (PLEG-9, PLEG-10)?
    fn compare_age(&self, uid: &Uid, own: Option<Moment>, cache: &PodCache, now: Moment) {
        let age = own.max(self.as_of);
        let around = age.into_iter().flat_map(|at| [at.0.saturating_sub(1), at.0]);
        for moment in around.chain([0, now.0.saturating_sub(1)]).map(Moment) {
            let newer = cache.newer_than(uid, Some(moment)).is_some();
            let expected = age.is_some_and(|age| age > moment);
            assert_eq!(newer, expected, "is {uid:?}, known as of {age:?}, newer than {moment}?");
        }
    }

    /// PLEG-4.
    ///
    /// # Panics
    /// If the PLEG is wrong about its health.
    pub fn compare_health(&self, pleg: &Pleg, now: Moment) {
        let fresh = self.listed.is_some_and(|listed| now.since(listed) <= Settings::default().pleg_threshold);
        assert_eq!(
            pleg.is_healthy(now),
            fresh,
            "its last list began at {:?}, and now it is {now}",
            self.listed
        );
    }
}

fn sandboxes_of(runtime: &Simulated) -> BTreeMap<Uid, Things> {
    let mut found: BTreeMap<Uid, Things> = BTreeMap::new();
    for (id, sandbox) in runtime.sandboxes() {
        let state = if sandbox.state == SandboxState::Ready { State::Runs } else { State::Ended };
        let thing: (Plegged, State) = (Plegged::Sandbox(SandboxId(id.0)), state);
        found.entry(sandbox.config.uid.clone()).or_default().extend([thing]);
    }
    found
}

fn containers_of(runtime: &Simulated) -> BTreeMap<Uid, Things> {
    let mut found: BTreeMap<Uid, Things> = BTreeMap::new();
    for (id, container) in runtime.containers() {
        let state = match container.status.state {
            ContainerState::Running => State::Runs,
            ContainerState::Exited => State::Ended,
            ContainerState::Created | ContainerState::Unknown => State::Unclear,
        };
        found.entry(container.uid.clone()).or_default().insert(Plegged::Container(id), state);
    }
    found
}

/// PLEG-5; a change to something unclear is not told.
fn diff(uid: &Uid, old: &Things, new: &Things) -> Vec<Told> {
    use PlegEventKind::{ContainerDied, ContainerRemoved, ContainerStarted};
    let mut told = Vec::new();
    let mut tell = |thing: &Plegged, kind| told.push((uid.clone(), *thing, kind));
    for (thing, state) in new {
        match (old.get(thing), state) {
            (Some(before), after) if before == after => {}
            (_, State::Runs) => tell(thing, ContainerStarted),
            (_, State::Ended) => tell(thing, ContainerDied),
            (_, State::Unclear) => {}
        }
    }
    for (thing, state) in old.iter().filter(|(thing, _)| !new.contains_key(thing)) {
        if *state != State::Ended {
            tell(thing, ContainerDied);
        }
        tell(thing, ContainerRemoved);
    }
    told
}
