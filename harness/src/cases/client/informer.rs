//! An informer in a cluster: what its handlers are told makes up its cache, and once nothing is under way the cache is what the
//! API server has, whatever calls were lost, watches broken and histories forgotten (API-33, API-36, API-41).

use std::collections::BTreeMap;
use std::time::Duration;

use arbitrary::Arbitrary;
use k8s_openapi::api::core::v1::Pod;
use podproof_runtime::api::patch::PodStatusPatch;
use podproof_runtime::api::{
    ApiError, Key, Kind as _, Patch, Preconditions, Request, Resource, Response, Selector, Version,
};
use podproof_runtime::api_server::WatchEvent;
use podproof_runtime::client::informer::Follower as _;
use podproof_runtime::client::{CallId, Informer, Notification, WatchId};
use podproof_runtime::clock::{Clock, Moment};
use podproof_runtime::operation::{Component, Process, Step};
use podproof_runtime::{Actor, Context, Operation, Refused, Slips};
use podproof_vocabulary::Release;

use crate::runner::Checked;
use crate::stage::build::{container, deletion, key, pod};
use crate::stage::script::Script;
use crate::stage::{Stage, World};

/// Who lists and watches.
const OWN: Component = Component::ControllerManager;
/// Two event handlers, each of its own pace.
const HANDLERS: [Component; 2] = [Component::Deployment, Component::ReplicaSet];
const PODS: [&str; 4] = ["a", "b", "c", "d"];
/// The label that the cache has an index of.
const MARK: &str = "mark";
const PHASES: [&str; 3] = ["Pending", "Running", "Succeeded"];
/// A reflector that failed often waits for so long.
const RETRIES: Duration = Duration::from_secs(40);

#[derive(Clone, Copy, Debug, Arbitrary)]
pub(super) enum Event {
    Nothing,
    Create(u8),
    Label { pod: u8, value: u8 },
    Phase { pod: u8, phase: u8 },
    Delete(u8),
    Fault(u8),
    Compact,
    Restart,
}

pub(super) fn check(script: &Script<Event>, slips: Slips) -> Checked {
    let selector = if script.seed.is_multiple_of(2) { Selector::Everything } else { Selector::NotTerminal };
    let mut stage = Stage::new(script.seed, Release::NEWEST, slips);
    stage.cluster.add(Process::ControllerManager, Box::new(Client::new(selector.clone())));
    let mut world = Watching { stage, selector, told: Default::default(), notified: 0 };
    world.play(&script.scenes);
    world.wait(RETRIES);
    world.stage.log().checked(world.notified > 2)
}

struct Watching {
    stage: Stage,
    selector: Selector,
    /// What each handler was told, and of which version.
    told: [BTreeMap<Key, Version>; 2],
    notified: usize,
}

impl World for Watching {
    type Event = Event;

    fn stage(&self) -> &Stage {
        &self.stage
    }

    fn stage_mut(&mut self) -> &mut Stage {
        &mut self.stage
    }

    fn act(&mut self, event: &Event) {
        let named = |answer: u8| PODS[usize::from(answer) % PODS.len()];
        let patch = |pod, patch| Request::Patch(Resource::Pod, key(named(pod)), Preconditions::NONE, patch);
        let request = match *event {
            Event::Nothing => return,
            Event::Create(answer) => Request::Create(pod(named(answer), vec![container("app")]).into()),
            Event::Label { pod, value } => {
                patch(pod, Patch::Label { name: MARK.to_owned(), value: Some(value.to_string()) })
            }
            Event::Phase { pod, phase } => {
                let phase = Some(PHASES[usize::from(phase) % PHASES.len()].to_owned());
                patch(pod, Patch::PodStatus(PodStatusPatch { phase, ..PodStatusPatch::default() }))
            }
            Event::Delete(answer) => Request::Delete(Resource::Pod, key(named(answer)), deletion(Some(0))),
            Event::Fault(answer) => {
                self.go_wrong(answer);
                return;
            }
            Event::Compact => {
                self.stage.cluster.server_mut().compact();
                return;
            }
            Event::Restart => {
                self.stage.cluster.stop(Process::ControllerManager);
                self.stage.cluster.start(Process::ControllerManager);
                self.told = Default::default();
                return;
            }
        };
        self.stage.call(request);
    }

    fn after(&mut self, operation: &Operation) {
        let (Some(handler), Step::Notify(_)) =
            (HANDLERS.iter().position(|own| *own == operation.component), &operation.step)
        else {
            return;
        };
        let Some(told) = self.client().last.clone() else { return };
        self.notified += 1;
        let known = &mut self.told[handler];
        match told {
            Notification::Added(key, pod) => {
                assert_eq!(known.insert(key, pod.version()), None, "an object is added twice");
            }
            Notification::Updated(key, old, pod) => {
                assert_eq!(
                    known.insert(key, pod.version()),
                    Some(old.version()),
                    "an update of what was not told"
                );
            }
            Notification::Deleted(key, _) => {
                assert!(known.remove(&key).is_some(), "a deletion of what was not told");
            }
        }
    }

    fn at_rest(&mut self) {
        let client = self.client();
        let cached: BTreeMap<Key, Version> =
            client.pods.cache().iter().map(|(key, pod)| (key.clone(), pod.version())).collect();
        assert_eq!(self.told, [cached.clone(), cached.clone()], "what the handlers were told, and the cache");
        for value in (u8::MIN..=u8::MAX).map(|value| value.to_string()) {
            let cache = client.pods.cache();
            let marked = |pod: &Pod| pod.label(MARK) == Some(&*value);
            let expected: Vec<&Key> =
                cache.iter().filter(|(_, pod)| marked(pod)).map(|(key, _)| key).collect();
            let indexed: Vec<&Key> = cache.by_index(0, &value).map(|(key, _)| key).collect();
            assert_eq!(indexed, expected, "the index of what is marked {value}");
        }
        if client.pods.watch().is_none() {
            return;
        }
        let (objects, _) = self.stage.cluster.server().store().list(Resource::Pod, &self.selector);
        let stored = objects.iter().map(|object| (object.key(), object.version())).collect();
        assert_eq!(cached, stored, "the cache and the API server");
    }
}

impl Watching {
    fn client(&self) -> &Client {
        self.stage.cluster.actor(Process::ControllerManager).unwrap_or_else(|| panic!("it was added"))
    }
}

/// A process that has an informer and nothing else.
struct Client {
    pods: Informer<Pod>,
    selector: Selector,
    /// What a handler was told last.
    last: Option<Notification<Pod>>,
}

impl Client {
    fn new(selector: Selector) -> Self {
        Self {
            pods: Informer::new(OWN, selector.clone(), &[|pod| pod.label(MARK)], &HANDLERS),
            selector,
            last: None,
        }
    }
}

impl Actor for Client {
    fn start(&mut self, context: &mut Context<'_>) {
        self.pods.start(context);
    }

    fn stop(&mut self) {
        *self = Self::new(self.selector.clone());
    }

    fn watches(&self, tell: &mut dyn FnMut(Resource, WatchId)) {
        self.pods.watch().into_iter().for_each(|watch| tell(Resource::Pod, watch));
    }

    fn on_event(&mut self, _: Resource, event: WatchEvent, _: &mut Context<'_>) {
        self.pods.on_event(event);
    }

    fn on_broken(&mut self, _: Resource, context: &mut Context<'_>) {
        self.pods.on_broken(context);
    }

    fn on_answer(
        &mut self,
        _: Component,
        call: CallId,
        answer: Result<Response, ApiError>,
        context: &mut Context<'_>,
    ) {
        self.pods.on_answer(call, &answer, context);
    }

    fn pending(&self, clock: Clock, operations: &mut Vec<Operation>) {
        self.pods.pending(clock, operations);
    }

    fn complete(&mut self, operation: &Operation, context: &mut Context<'_>) -> Result<(), Refused> {
        match operation.step {
            Step::Wake(_) => self.pods.wake(context),
            Step::Notify(_) => {
                self.last = Some(self.pods.next_notification(operation.component)?);
                Ok(())
            }
            _ => Err(Refused),
        }
    }

    fn next_deadline(&self, _: Moment) -> Option<Moment> {
        self.pods.next_deadline()
    }
}
