//! Which settings of a manifest have to do with a promise, the smallest change first.

use podproof_vocabulary::Property;
use podproof_vocabulary::manifest::edit::{FieldPath, Value};
use podproof_vocabulary::scenario::{Scenario, Strategy, WorkloadKind};

use crate::trial::{Edit, Trials};
use crate::tune::parameter::{Parameter, grace, pod_spec, pre_stop, serving};

/// Seconds that not-ready and unreachable are tolerated for where nobody says it (`DefaultTolerationSeconds`).
const TOLERATION_SECONDS: u32 = 300;

/// A change that may help.
#[derive(Clone, Debug)]
pub struct Candidate {
    says: Vec<String>,
    /// What is changed.
    pub edits: Vec<Edit>,
    /// A field whose value is to be found.
    pub parameter: Option<Parameter>,
}

impl Candidate {
    fn edit(says: &str, path: FieldPath, value: Value) -> Self {
        Self { says: vec![says.to_owned()], edits: vec![Edit { path, value }], parameter: None }
    }

    fn parameter(parameter: Parameter) -> Self {
        Self { says: vec![parameter.says.clone()], edits: Vec::new(), parameter: Some(parameter) }
    }

    /// This change and that.
    fn and(&self, other: &Self) -> Self {
        Self {
            says: [&self.says[..], &other.says].concat(),
            edits: [&self.edits[..], &other.edits].concat(),
            parameter: self.parameter.clone().or_else(|| other.parameter.clone()),
        }
    }

    /// The change in words.
    pub fn says(&self) -> String {
        self.says.join(" and ")
    }
}

/// The changes that may help a promise, in the order in which they are tried.
pub fn candidates(trials: &Trials<'_>, scenario: &Scenario, property: Property) -> Vec<Candidate> {
    match property {
        Property::NoTrafficAfterSigterm | Property::NoFailedRequest | Property::NoMisroutedRequest => {
            of_requests(trials, scenario)
        }
        Property::NoAvoidableBlackout => {
            let all = [
                max_unavailable(scenario, 0),
                readiness(scenario),
                replicas(scenario),
                anti_affinity(scenario),
            ];
            all.into_iter().flatten().collect()
        }
        Property::RolloutCompletes | Property::ScheduledIfFeasible => {
            max_unavailable(scenario, 1).into_iter().collect()
        }
        Property::ReplacedAfterNodeFailure
        | Property::RuntimeHangDetected
        | Property::NoexecuteEvicts
        | Property::UnreachableEndpointsLeave => {
            let all = [tolerations(scenario), replicas(scenario), anti_affinity(scenario)];
            all.into_iter().flatten().collect()
        }
        _ => Vec::new(),
    }
}

/// A pod takes requests only once it can, or goes on taking them until nobody sends it any.
fn of_requests(trials: &Trials<'_>, scenario: &Scenario) -> Vec<Candidate> {
    let readiness = readiness(scenario);
    let mut hooks = Vec::new();
    if let Ok(hook) = pre_stop(trials, scenario) {
        let template = &scenario.workload.template;
        let longer = grace(scenario, hook.to);
        let within = hook.to.min(template.grace_seconds);
        hooks.push(Candidate::parameter(hook.clone().up_to(within)));
        if longer.to > template.grace_seconds {
            let says = format!("{} of {}", longer.says, longer.value(longer.to));
            let edit = longer.edit(longer.to);
            hooks.push(Candidate::edit(&says, edit.path, edit.value).and(&Candidate::parameter(hook)));
        }
    }
    let both: Vec<Candidate> =
        readiness.iter().flat_map(|readiness| hooks.iter().map(|hook| readiness.and(hook))).collect();
    readiness.into_iter().chain(hooks).chain(both).collect()
}

/// A readiness probe of the port that serves, where there is none.
fn readiness(scenario: &Scenario) -> Option<Candidate> {
    let container =
        scenario.workload.template.containers.get(usize::from(scenario.workload.template.serving))?;
    let port = container.ports.first()?.port;
    let path = serving(scenario).field("readinessProbe.tcpSocket.port");
    let says = format!("a readinessProbe of port {port} of container {}", container.name);
    container.readiness_probe.is_none().then(|| Candidate::edit(&says, path, Value::number(port.into())))
}

/// `maxUnavailable` of a rolling update; with none unavailable one more has to be allowed, and the other way round.
fn max_unavailable(scenario: &Scenario, unavailable: u32) -> Option<Candidate> {
    let Strategy::RollingUpdate { .. } = scenario.workload.strategy else { return None };
    let deployment = scenario.workload.kind == WorkloadKind::Deployment;
    let surge = 1 - unavailable.min(1);
    let rolling = FieldPath::default().field("spec.strategy.rollingUpdate");
    let field = |name: &str, value: u32| {
        Candidate::edit(&format!("{name} of {value}"), rolling.field(name), Value::number(value))
    };
    deployment.then(|| field("maxUnavailable", unavailable).and(&field("maxSurge", surge)))
}

/// One more replica.
fn replicas(scenario: &Scenario) -> Option<Candidate> {
    let more = scenario.workload.manifest_replicas + 1;
    let has = scenario.workload.kind != WorkloadKind::Pod;
    let path = FieldPath::default().field("spec.replicas");
    has.then(|| Candidate::edit(&format!("{more} replicas"), path, Value::number(more)))
}

/// No two pods on one node.
fn anti_affinity(scenario: &Scenario) -> Option<Candidate> {
    let template = &scenario.workload.template;
    let plain = |text: &str| Value::Plain(text.to_owned());
    let labels = template.labels.iter().map(|(key, value)| (key.clone(), plain(&format!("\"{value}\""))));
    let term = Value::Fields(vec![
        ("topologyKey".into(), plain("kubernetes.io/hostname")),
        (
            "labelSelector".into(),
            Value::Fields(vec![("matchLabels".into(), Value::Fields(labels.collect()))]),
        ),
    ]);
    let path =
        pod_spec(scenario).field("affinity.podAntiAffinity.requiredDuringSchedulingIgnoredDuringExecution");
    let is_free = template.pod_anti_affinity.is_empty() && scenario.workload.kind != WorkloadKind::Pod;
    is_free.then(|| Candidate::edit("anti-affinity between its pods", path, Value::List(vec![term])))
}

/// What is tolerated for ever is tolerated for a time.
fn tolerations(scenario: &Scenario) -> Option<Candidate> {
    let path = pod_spec(scenario).field("tolerations");
    let edit = |place: usize| {
        let path = format!("{path}[{place}].tolerationSeconds").parse().ok()?;
        Some(Edit { path, value: Value::number(TOLERATION_SECONDS) })
    };
    let tolerated = scenario.workload.template.tolerations.iter().enumerate();
    let for_ever = tolerated.filter(|(_, toleration)| toleration.seconds.is_none());
    let edits: Vec<Edit> = for_ever.filter_map(|(place, _)| edit(place)).collect();
    let says = vec![format!("tolerationSeconds of {TOLERATION_SECONDS}")];
    (!edits.is_empty()).then_some(Candidate { says, edits, parameter: None })
}
