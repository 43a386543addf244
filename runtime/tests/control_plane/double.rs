//! A kubelet that runs every pod at once and stops it when it is asked to: a test double.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::api::core::v1::{Node, NodeStatus, Pod, PodStatus};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use podproof_runtime::api::constants::{is_ready, is_terminal};
use podproof_runtime::api::patch::{new_node_condition, new_pod_condition};
use podproof_runtime::api::{
    ApiError, DeleteOptions, Key, Kind, Object, Patch, Preconditions, Request, Resource, Response, Selector,
};
use podproof_runtime::api_server::WatchEvent;
use podproof_runtime::client::informer::Follower as _;
use podproof_runtime::client::{Backoff, CallId, Informer, Notification, WatchId, WorkQueue};
use podproof_runtime::clock::{Clock, Moment, earlier};
use podproof_runtime::operation::{NodeIndex, Queue, Timer};
use podproof_runtime::{Actor, Component, Context, Operation, Refused, Step};
use std::time::Duration;

const HEARTBEAT: Duration = Duration::from_secs(10);

/// What an answer is for.
enum Purpose {
    Register,
    Heartbeat,
    Pod(Key),
}

pub struct KubeletDouble {
    index: NodeIndex,
    node: Node,
    pods: Informer<Pod>,
    queue: WorkQueue,
    lease: Option<Lease>,
    heartbeat_at: Option<Moment>,
    calls: BTreeMap<CallId, Purpose>,
    /// Pods whose containers were started, by UID; they outlive the kubelet.
    pub started: BTreeSet<String>,
}

impl KubeletDouble {
    pub fn new(index: u16, labels: &[(&str, &str)], cpu: &str) -> Self {
        let index = NodeIndex(index);
        let own = Component::Kubelet(index);
        let name = format!("node-{}", index.0);
        let mut node = Node::default();
        node.metadata.name = Some(name.clone());
        node.metadata.labels = Some(labels.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect());
        let quantity = |text: &str| Quantity(text.to_owned());
        node.status = Some(NodeStatus {
            allocatable: Some(
                [("cpu".to_owned(), quantity(cpu)), ("pods".to_owned(), quantity("110"))].into(),
            ),
            ..NodeStatus::default()
        });
        Self {
            index,
            node,
            pods: Informer::new(own, Selector::OnNode(name.as_str().into()), &[], &[own]),
            queue: WorkQueue::new(own, Queue::Main, 100, Backoff::DEFAULT),
            lease: None,
            heartbeat_at: None,
            calls: BTreeMap::new(),
            started: BTreeSet::new(),
        }
    }

    fn own(&self) -> Component {
        Component::Kubelet(self.index)
    }

    fn send(&mut self, purpose: Purpose, request: Request, context: &mut Context<'_>) {
        let call = context.calls.send(self.own(), request);
        self.calls.insert(call, purpose);
    }

    fn heartbeat(&mut self, context: &mut Context<'_>) {
        let mut lease = self.lease.clone().unwrap_or_default();
        let renewed = Some(context.now().to_micro_time());
        lease.spec = Some(LeaseSpec { renew_time: renewed, ..LeaseSpec::default() });
        lease.metadata.name = self.node.metadata.name.clone();
        lease.metadata.namespace = Some("kube-node-lease".to_owned());
        let request = match self.lease {
            Some(_) => Request::Update(lease.into()),
            None => Request::Create(lease.into()),
        };
        self.send(Purpose::Heartbeat, request, context);
        let ready = new_node_condition("Ready", "True", "KubeletReady", context.now());
        let patch = Patch::NodeConditions(vec![ready]);
        let patch = Request::Patch(Resource::Node, self.node.key(), Preconditions::NONE, patch);
        self.send(Purpose::Heartbeat, patch, context);
        self.heartbeat_at = Some(context.now() + HEARTBEAT);
    }

    fn sync(&mut self, key: &Key, context: &mut Context<'_>) {
        let Some(pod) = self.pods.cache().get(key).cloned() else {
            self.queue.done(key);
            return;
        };
        let uid = pod.uid().as_str().to_owned();
        let preconditions = Preconditions::uid(pod.uid());
        let status = |phase: &str, ready: &str, now| PodStatus {
            phase: Some(phase.to_owned()),
            pod_ip: Some(format!("10.0.{}.{}", self.index.0, uid.len() + usize::from(uid.as_bytes()[35]))),
            conditions: Some(vec![new_pod_condition("Ready", ready, "", now)]),
            ..PodStatus::default()
        };
        let write = |status: PodStatus, preconditions| {
            Request::Patch(Resource::Pod, key.clone(), preconditions, Patch::PodStatusWhole(Arc::new(status)))
        };
        let request = if pod.is_deleting() && is_terminal(&pod) {
            let options = DeleteOptions { grace_seconds: Some(0), preconditions };
            Request::Delete(Resource::Pod, key.clone(), options)
        } else if pod.is_deleting() {
            self.started.remove(&uid);
            write(status("Failed", "False", context.now()), preconditions)
        } else if is_terminal(&pod) || is_ready(&pod) {
            self.queue.done(key);
            return;
        } else {
            self.started.insert(uid.clone());
            write(status("Running", "True", context.now()), preconditions)
        };
        self.send(Purpose::Pod(key.clone()), request, context);
    }
}

impl Actor for KubeletDouble {
    fn start(&mut self, context: &mut Context<'_>) {
        self.pods.start(context);
        self.send(Purpose::Register, Request::Create(self.node.clone().into()), context);
    }

    fn stop(&mut self) {
        let own = self.own();
        let name = self.node.metadata.name.as_deref().unwrap_or("").into();
        self.pods = Informer::new(own, Selector::OnNode(name), &[], &[own]);
        self.queue = WorkQueue::new(own, Queue::Main, 100, Backoff::DEFAULT);
        self.heartbeat_at = None;
        self.lease = None;
        self.calls.clear();
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
        if self.pods.on_answer(call, &answer, context) {
            return;
        }
        match (self.calls.remove(&call), answer) {
            (Some(Purpose::Register), Ok(_) | Err(ApiError::AlreadyExists)) => self.heartbeat(context),
            (Some(Purpose::Register), Err(_)) => {
                self.send(Purpose::Register, Request::Create(self.node.clone().into()), context);
            }
            (Some(Purpose::Heartbeat), Ok(Response::Object(Object::Lease(lease)))) => {
                self.lease = Some((*lease).clone());
            }
            (
                Some(Purpose::Heartbeat),
                Err(ApiError::AlreadyExists | ApiError::Conflict | ApiError::Timeout),
            ) => {
                let name = self.node.metadata.name.clone().unwrap_or_default();
                let get = Request::Get(Resource::Lease, Key::new("kube-node-lease", &name));
                self.send(Purpose::Heartbeat, get, context);
            }
            (Some(Purpose::Pod(key)), answer) => {
                if matches!(answer, Err(ApiError::Timeout)) {
                    self.queue.add_rate_limited(key.clone(), context.now());
                }
                self.queue.done(&key);
            }
            _ => {}
        }
    }

    fn pending(&self, clock: Clock, operations: &mut Vec<Operation>) {
        self.pods.pending(clock, operations);
        self.queue.pending(clock, operations);
        if self.heartbeat_at.is_some_and(|at| clock.is_due(at)) {
            operations.push(Operation::new(self.own(), Step::Wake(Timer::NodeMonitor)));
        }
    }

    fn complete(&mut self, operation: &Operation, context: &mut Context<'_>) -> Result<(), Refused> {
        match &operation.step {
            Step::Notify(_) => {
                let notification = self.pods.next_notification(self.own())?;
                if let Notification::Deleted(_, pod) = &notification {
                    self.started.remove(pod.uid().as_str());
                }
                self.queue.add(notification.key().clone());
            }
            Step::Work(_, key) => {
                self.queue.take(key)?;
                self.sync(key, context);
            }
            Step::Wake(Timer::NodeMonitor) => self.heartbeat(context),
            Step::Wake(Timer::Reflect(_)) => self.pods.wake(context)?,
            Step::Wake(Timer::Delayed(_, key)) => self.queue.wake(key, context.clock)?,
            _ => return Err(Refused),
        }
        Ok(())
    }

    fn next_deadline(&self, _: Moment) -> Option<Moment> {
        earlier(self.heartbeat_at, earlier(self.pods.next_deadline(), self.queue.next_deadline()))
    }
}
