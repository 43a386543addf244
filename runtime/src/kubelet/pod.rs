//! What a kubelet reads of a pod object, read once when the object changes.

use std::sync::Arc;

use k8s_openapi::api::core::v1::{Container, LifecycleHandler, Pod, PodSpec, Probe};
use podproof_vocabulary::Release;

use crate::api::{Key, Kind, Uid};
use crate::container_runtime::ProbeKind;

/// What a container is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// An init container: runs to its end before the next starts.
    Init,
    /// An init container with `restartPolicy: Always`: starts in its turn and goes on (MC-11).
    Sidecar,
    /// An app container.
    App,
}

/// `restartPolicy` of a pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are Kubernetes' own")]
pub enum RestartPolicy {
    Always,
    OnFailure,
    Never,
}

/// A container of a pod.
#[derive(Clone, Debug, PartialEq)]
pub struct ContainerSpec {
    /// Its name.
    pub name: Arc<str>,
    /// What it is for.
    pub role: Role,
    /// `image`.
    pub image: Arc<str>,
    /// Changes when what is to be run changes: the image, of all that may (API-10).
    pub hash: u64,
    /// `lifecycle.postStart`.
    pub post_start: Option<Hook>,
    /// `lifecycle.preStop`.
    pub pre_stop: Option<Hook>,
    probes: [Option<ProbeSpec>; 3],
}

impl ContainerSpec {
    /// Its probe of this kind.
    pub const fn probe(&self, kind: ProbeKind) -> Option<&ProbeSpec> {
        self.probes[kind as usize].as_ref()
    }
}

/// A hook of a container's life.
#[derive(Clone, Debug, PartialEq)]
pub enum Hook {
    /// `exec`.
    Exec(Arc<[String]>),
    /// `sleep`, in seconds.
    Sleep(u32),
    /// `httpGet`.
    HttpGet,
    /// Something that the kubelet cannot do: it fails at once (KIL-4).
    Unknown,
}

/// A probe, with the defaults of PRB-1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is the field of that name")]
pub struct ProbeSpec {
    pub initial_delay_seconds: u32,
    pub period_seconds: u32,
    pub timeout_seconds: u32,
    pub success_threshold: u32,
    pub failure_threshold: u32,
    pub grace_seconds: Option<i64>,
}

/// What a kubelet reads of a pod's spec.
#[derive(Clone, Debug, PartialEq)]
pub struct Spec {
    /// Init containers and sidecars in their order, then the app containers in theirs.
    pub containers: Vec<ContainerSpec>,
    /// How many of them are init containers or sidecars.
    pub init_count: usize,
    /// `restartPolicy`.
    pub restart_policy: RestartPolicy,
    /// `terminationGracePeriodSeconds`.
    pub grace_seconds: i64,
    /// `hostNetwork`.
    pub host_network: bool,
}

impl Spec {
    /// The init containers and sidecars.
    pub fn init(&self) -> &[ContainerSpec] {
        &self.containers[..self.init_count]
    }

    /// The app containers.
    pub fn app(&self) -> &[ContainerSpec] {
        &self.containers[self.init_count..]
    }

    /// The container of this name, with its place.
    pub fn find(&self, name: &str) -> Option<(usize, &ContainerSpec)> {
        self.containers.iter().enumerate().find(|(_, container)| *container.name == *name)
    }
}

/// A pod, as its kubelet has it. Cheap to clone.
#[derive(Clone, Debug)]
pub struct KnownPod {
    /// Its identity.
    pub uid: Uid,
    /// Its namespace and name.
    pub key: Key,
    /// The object.
    pub object: Arc<Pod>,
    /// Its spec.
    pub spec: Arc<Spec>,
}

impl KnownPod {
    /// A pod object that was not known before.
    pub fn new(object: Arc<Pod>, release: Release) -> Self {
        let spec = Arc::new(object.spec.as_ref().map_or_else(empty, |spec| read(spec, release)));
        Self { uid: object.uid(), key: object.key(), object, spec }
    }

    /// The same pod with another state of its object.
    pub fn with(&self, object: Arc<Pod>, release: Release) -> Self {
        if object.spec == self.object.spec {
            Self { object, ..self.clone() }
        } else {
            Self::new(object, release)
        }
    }

    /// `metadata.deletionTimestamp` is set.
    pub fn is_deleting(&self) -> bool {
        self.object.is_deleting()
    }
}

fn empty() -> Spec {
    Spec {
        containers: Vec::new(),
        init_count: 0,
        restart_policy: RestartPolicy::Always,
        grace_seconds: 0,
        host_network: false,
    }
}

fn read(spec: &PodSpec, release: Release) -> Spec {
    let init = spec.init_containers.iter().flatten().map(|container| {
        let goes_on = container.restart_policy.as_deref() == Some("Always") && release.has_native_sidecars();
        read_container(container, if goes_on { Role::Sidecar } else { Role::Init })
    });
    let app = spec.containers.iter().map(|container| read_container(container, Role::App));
    Spec {
        containers: init.chain(app).collect(),
        init_count: spec.init_containers.as_ref().map_or(0, Vec::len),
        restart_policy: match spec.restart_policy.as_deref() {
            Some("OnFailure") => RestartPolicy::OnFailure,
            Some("Never") => RestartPolicy::Never,
            _ => RestartPolicy::Always,
        },
        grace_seconds: spec.termination_grace_period_seconds.unwrap_or(30),
        host_network: spec.host_network.unwrap_or(false),
    }
}

fn read_container(container: &Container, role: Role) -> ContainerSpec {
    let hook = |of: fn(&k8s_openapi::api::core::v1::Lifecycle) -> Option<&LifecycleHandler>| {
        container.lifecycle.as_ref().and_then(of).map(read_hook)
    };
    let image = container.image.as_deref().unwrap_or("");
    let probe = |probe: &Option<Probe>| probe.as_ref().map(read_probe);
    ContainerSpec {
        name: container.name.as_str().into(),
        role,
        image: image.into(),
        hash: fnv(container.name.as_bytes().iter().chain(&[0]).chain(image.as_bytes())),
        post_start: hook(|lifecycle| lifecycle.post_start.as_ref()),
        pre_stop: hook(|lifecycle| lifecycle.pre_stop.as_ref()),
        probes: [
            probe(&container.startup_probe),
            probe(&container.readiness_probe),
            probe(&container.liveness_probe),
        ],
    }
}

fn read_hook(handler: &LifecycleHandler) -> Hook {
    if let Some(exec) = &handler.exec {
        Hook::Exec(exec.command.clone().unwrap_or_default().into())
    } else if let Some(sleep) = &handler.sleep {
        Hook::Sleep(u32::try_from(sleep.seconds).unwrap_or(0))
    } else if handler.http_get.is_some() {
        Hook::HttpGet
    } else {
        Hook::Unknown
    }
}

/// PRB-1.
fn read_probe(probe: &Probe) -> ProbeSpec {
    let field = |value: Option<i32>, least: u32, default: u32| {
        value.and_then(|value| u32::try_from(value).ok()).filter(|&value| value >= least).unwrap_or(default)
    };
    ProbeSpec {
        initial_delay_seconds: field(probe.initial_delay_seconds, 0, 0),
        period_seconds: field(probe.period_seconds, 1, 10),
        timeout_seconds: field(probe.timeout_seconds, 1, 1),
        success_threshold: field(probe.success_threshold, 1, 1),
        failure_threshold: field(probe.failure_threshold, 1, 3),
        grace_seconds: probe.termination_grace_period_seconds,
    }
}

/// FNV-1a.
fn fnv<'a>(bytes: impl Iterator<Item = &'a u8>) -> u64 {
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, &byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}
