//! Pods of many shapes, and how their processes behave.

use std::sync::Arc;
use std::time::Duration;

use arbitrary::Arbitrary;
use k8s_openapi::api::core::v1::{Container, ExecAction, Lifecycle, LifecycleHandler, Pod, PodSpec, Probe};
use podproof_runtime::container_runtime::ProbeKind;
use podproof_runtime::container_runtime::simulated::behaviour::Behaviour;
use podproof_vocabulary::scenario::OnSigterm;

use super::{LABEL, NODE_NAME};
use crate::stage::build::{asking, container, labels, pod};

/// Containers that end by themselves before the others begin.
pub(super) const INIT: &str = "init";
/// The sidecar.
pub(super) const SIDECAR: &str = "helper";
/// An app container that ends by itself.
const SHORT: &str = "short";
/// The shortest hook, in seconds.
pub(super) const SHORT_HOOK: i64 = 3;
/// Failures in a row after which a probe counts as failed, and a startup probe.
const FAILURES: i32 = 2;
const STARTUP_FAILURES: i32 = 20;

/// How each process behaves, by the name of its container.
const PROCESSES: [(&str, u64, OnSigterm); 4] = [
    ("app", 0, OnSigterm::Exit),
    ("slow", 6, OnSigterm::Exit),
    ("drains", 0, OnSigterm::Drain(3)),
    ("deaf", 0, OnSigterm::Ignore),
];

pub(super) fn behaviours() -> impl Iterator<Item = (Arc<str>, Behaviour)> {
    let apps = PROCESSES.map(|(name, seconds, on_sigterm)| {
        let listens_after = Duration::from_secs(seconds);
        (Arc::from(name), Behaviour { runs_to_its_end: false, listens_after, on_sigterm })
    });
    let ends = [INIT, SHORT]
        .map(|name| (Arc::from(name), Behaviour { runs_to_its_end: true, ..Behaviour::default() }));
    apps.into_iter().chain(ends)
}

/// What a pod is like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Arbitrary)]
pub(super) struct Shape {
    /// Its restart policy, its init container, its sidecar, a second app container, its probes.
    parts: u8,
    /// Its process, its hook, its grace period, its size.
    manner: u8,
}

impl Shape {
    pub(super) fn pod(self, name: &str) -> Pod {
        let Self { parts, manner } = self;
        let bit = |byte: u8, place: u8| byte >> place & 1 == 1;
        let app = if bit(manner, 5) && bit(manner, 6) { SHORT } else { PROCESSES[usize::from(manner & 3)].0 };
        let milli = if bit(manner, 7) { 2_500 } else { 500 };
        let mut containers = vec![Container {
            readiness_probe: bit(parts, 4).then(probe),
            liveness_probe: bit(parts, 5).then(probe),
            startup_probe: (parts >> 4 == 15)
                .then(|| Probe { failure_threshold: Some(STARTUP_FAILURES), ..probe() }),
            lifecycle: hook(manner >> 2 & 3),
            ..asking(app, milli)
        }];
        if bit(parts, 3) {
            containers.push(container(if bit(manner, 6) && app != SHORT { SHORT } else { "second" }));
        }
        let mut init = Vec::new();
        if bit(parts, 1) {
            init.push(Container { restart_policy: Some("Always".to_owned()), ..container(SIDECAR) });
        }
        if bit(parts, 2) {
            init.push(container(INIT));
        }
        let policy = match parts & 9 {
            0 => "Never",
            8 => "OnFailure",
            _ => "Always",
        };
        let made = pod(name, containers);
        let spec = PodSpec {
            node_name: Some(NODE_NAME.to_owned()),
            node_selector: Some(labels([LABEL])),
            init_containers: Some(init),
            restart_policy: Some(policy.to_owned()),
            termination_grace_period_seconds: Some(if bit(manner, 4) { 5 } else { 30 }),
            ..made.spec.unwrap_or_default()
        };
        Pod { spec: Some(spec), ..made }
    }
}

/// Failures in a row after which a probe of this kind counts as failed.
pub(super) const fn most_failures(kind: ProbeKind) -> i32 {
    match kind {
        ProbeKind::Startup => STARTUP_FAILURES,
        ProbeKind::Liveness | ProbeKind::Readiness => FAILURES,
    }
}

fn probe() -> Probe {
    Probe { period_seconds: Some(1), failure_threshold: Some(FAILURES), ..Probe::default() }
}

/// None, one that is short, one that takes longer than any grace period.
fn hook(which: u8) -> Option<Lifecycle> {
    let seconds = match which {
        1 => SHORT_HOOK,
        2 => 60,
        _ => return None,
    };
    let exec = ExecAction { command: Some(vec!["sleep".to_owned(), seconds.to_string()]) };
    let pre_stop = LifecycleHandler { exec: Some(exec), ..LifecycleHandler::default() };
    Some(Lifecycle { pre_stop: Some(pre_stop), ..Lifecycle::default() })
}
