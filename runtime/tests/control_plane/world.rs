//! A cluster of doubles with a workload, and a driver that draws the next operation from a seed.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::hash::Hasher as _;
use std::time::Duration;

use k8s_openapi::api::apps::v1::{Deployment, DeploymentSpec, DeploymentStrategy, RollingUpdateDeployment};
use k8s_openapi::api::core::v1::{
    Container, Pod, PodSpec, PodTemplateSpec, ResourceRequirements, Service, ServiceSpec,
};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use k8s_openapi::api::policy::v1::{PodDisruptionBudget, PodDisruptionBudgetSpec};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use podproof_runtime::api::constants::{is_active, is_ready, node_of};
use podproof_runtime::api::{Key, Object, Request};
use podproof_runtime::chooser::Question;
use podproof_runtime::clock::Moment;
use podproof_runtime::controllers::ControllerManager;
use podproof_runtime::operation::{NodeIndex, Process};
use podproof_runtime::scheduler::Scheduler;
use podproof_runtime::{Cluster, Operation, Slips};
use podproof_vocabulary::Release;

use super::double::KubeletDouble;

/// A cluster and how it is driven.
pub struct World {
    pub cluster: Cluster,
    random: fastrand::Rng,
    /// One operation in so many is a fault; none if 0.
    faults_one_in: u32,
    /// Everything that happened, as a hash.
    log: std::collections::hash_map::DefaultHasher,
    pub steps: u64,
    operations: Vec<Operation>,
    line: String,
}

impl World {
    pub fn new(seed: u64, nodes: u16, slips: Slips, release: Release) -> Self {
        let mut choices = fastrand::Rng::with_seed(seed ^ 0x5eed);
        let chooser = move |question: &Question<'_>| choices.usize(..question.options());
        let mut cluster = Cluster::new(release, slips, Box::new(chooser));
        cluster.add(Process::Scheduler, Box::new(Scheduler::default()));
        cluster.add(Process::ControllerManager, Box::new(ControllerManager::default()));
        for node in 0..nodes {
            let zone = format!("zone-{}", node % 2);
            let labels = [("topology.kubernetes.io/zone", zone.as_str()), ("kubernetes.io/hostname", "x")];
            cluster.add(Process::Kubelet(NodeIndex(node)), Box::new(KubeletDouble::new(node, &labels, "4")));
        }
        Self {
            cluster,
            random: fastrand::Rng::with_seed(seed),
            faults_one_in: 0,
            log: std::collections::hash_map::DefaultHasher::new(),
            steps: 0,
            operations: Vec::new(),
            line: String::new(),
        }
    }

    pub fn faults_one_in(&mut self, steps: u32) {
        self.faults_one_in = steps;
    }

    /// Lets one thing happen.
    pub fn step(&mut self) {
        self.operations.clear();
        self.cluster.pending(&mut self.operations);
        // While something is on its way, time passes slowly.
        let idle = self.operations.is_empty();
        if (idle || self.random.u32(..16) == 0)
            && let Some(next) = self.cluster.next_deadline()
        {
            let soon = self.cluster.now() + Duration::from_millis(100);
            self.cluster.pass_until(if idle { next } else { next.min(soon) });
            return;
        }
        if self.faults_one_in > 0 && self.random.u32(..self.faults_one_in) == 0 {
            let mut faults = Vec::new();
            self.cluster.faults(&mut faults);
            if !faults.is_empty() {
                self.operations = faults;
            }
        }
        if self.operations.is_empty() {
            return;
        }
        let operation = self.operations[self.random.usize(..self.operations.len())].clone();
        self.line.clear();
        write!(self.line, "{} {operation}", self.cluster.now()).expect("a string takes everything");
        self.log.write(self.line.as_bytes());
        self.cluster.complete(&operation).unwrap_or_else(|refused| panic!("{operation}: {refused}"));
        self.steps += 1;
    }

    /// Steps until `done`, or for so long that it will not be.
    pub fn until(&mut self, what: &str, within: Duration, done: impl Fn(&Self) -> bool) {
        let end = self.cluster.now() + within;
        for _ in 0..400_000 {
            if done(self) {
                return;
            }
            if self.cluster.now() > end {
                break;
            }
            self.step();
        }
        panic!("{what}: not within {within:?} and {} steps; {}", self.steps, self.summary());
    }

    /// For so long.
    pub fn pass(&mut self, time: Duration) {
        let end = self.cluster.now() + time;
        while self.cluster.now() < end {
            self.step();
        }
    }

    /// A hash of everything that happened and of what is stored.
    pub fn log(&self) -> u64 {
        let mut log = self.log.clone();
        log.write(self.summary().as_bytes());
        log.write_u64(self.cluster.server().store().version().0);
        log.finish()
    }

    pub fn pods(&self) -> Vec<&Pod> {
        self.cluster.server().store().all::<Pod>().map(|(_, pod)| pod).collect()
    }

    pub fn ready_pods(&self) -> Vec<&Pod> {
        self.pods().into_iter().filter(|pod| is_active(pod) && is_ready(pod)).collect()
    }

    /// Addresses that are ready in the slices of the Service.
    pub fn ready_endpoints(&self) -> usize {
        let slices = self.cluster.server().store().all::<EndpointSlice>();
        let endpoints = slices.flat_map(|(_, slice)| slice.endpoints.iter().flatten());
        endpoints
            .filter(|endpoint| endpoint.conditions.as_ref().is_some_and(|c| c.ready == Some(true)))
            .count()
    }

    pub fn deployment(&self) -> &Deployment {
        self.cluster.server().store().get(&Key::new("default", "web")).expect("it was created")
    }

    pub fn summary(&self) -> String {
        let mut text = String::new();
        for pod in self.pods() {
            let name = pod.metadata.name.as_deref().unwrap_or("");
            let image = pod.spec.as_ref().and_then(|spec| spec.containers[0].image.as_deref()).unwrap_or("");
            let (active, ready) = (is_active(pod), is_ready(pod));
            write!(text, "[{name} {image} on {:?} active {active} ready {ready}] ", node_of(pod))
                .expect("text");
        }
        text
    }

    pub fn call(&mut self, request: Request) -> Object {
        match self.cluster.call(request) {
            Ok(podproof_runtime::api::Response::Object(object)) => object,
            other => panic!("{other:?}"),
        }
    }

    /// A Deployment of so many replicas, its Service, and a budget of one unavailable.
    pub fn create_workload(&mut self, replicas: i32) {
        self.call(Request::Create(deployment(replicas, "web:1").into()));
        let labels = BTreeMap::from([("app".to_owned(), "web".to_owned())]);
        let metadata = meta("web");
        let spec = ServiceSpec { selector: Some(labels.clone()), ..ServiceSpec::default() };
        self.call(Request::Create(
            Service { metadata: metadata.clone(), spec: Some(spec), ..Service::default() }.into(),
        ));
        let spec = PodDisruptionBudgetSpec {
            max_unavailable: Some(IntOrString::Int(1)),
            selector: Some(LabelSelector { match_labels: Some(labels), match_expressions: None }),
            ..PodDisruptionBudgetSpec::default()
        };
        self.call(Request::Create(PodDisruptionBudget { metadata, spec: Some(spec), status: None }.into()));
    }

    /// The image of the Deployment changes.
    pub fn roll_out(&mut self, image: &str) {
        let mut deployment = self.deployment().clone();
        let template = &mut deployment.spec.as_mut().expect("it has one").template;
        template.spec.as_mut().expect("it has one").containers[0].image = Some(image.to_owned());
        deployment.metadata.resource_version = None;
        self.call(Request::Update(deployment.into()));
    }

    pub fn crash_node(&mut self, node: u16) {
        self.cluster.stop(Process::Kubelet(NodeIndex(node)));
    }

    pub fn now(&self) -> Moment {
        self.cluster.now()
    }
}

fn meta(name: &str) -> ObjectMeta {
    ObjectMeta { name: Some(name.to_owned()), namespace: Some("default".to_owned()), ..ObjectMeta::default() }
}

pub fn deployment(replicas: i32, image: &str) -> Deployment {
    let labels = BTreeMap::from([("app".to_owned(), "web".to_owned())]);
    let container = Container {
        name: "app".to_owned(),
        image: Some(image.to_owned()),
        resources: Some(ResourceRequirements {
            requests: Some([("cpu".to_owned(), Quantity("1".to_owned()))].into()),
            ..ResourceRequirements::default()
        }),
        ..Container::default()
    };
    Deployment {
        metadata: meta("web"),
        spec: Some(DeploymentSpec {
            replicas: Some(replicas),
            selector: LabelSelector { match_labels: Some(labels.clone()), match_expressions: None },
            strategy: Some(DeploymentStrategy {
                type_: Some("RollingUpdate".to_owned()),
                rolling_update: Some(RollingUpdateDeployment {
                    max_surge: Some(IntOrString::Int(1)),
                    max_unavailable: Some(IntOrString::Int(1)),
                }),
            }),
            template: PodTemplateSpec {
                metadata: Some(ObjectMeta { labels: Some(labels), ..ObjectMeta::default() }),
                spec: Some(PodSpec { containers: vec![container], ..PodSpec::default() }),
            },
            ..DeploymentSpec::default()
        }),
        status: None,
    }
}
