//! Which settings of a manifest have to do with a promise, the smallest change first.

use podproof_vocabulary::Property;
use podproof_vocabulary::event::EventName;
use podproof_vocabulary::manifest::edit::{FieldPath, Value};
use podproof_vocabulary::scenario::{Scenario, Strategy, WorkloadKind};

use super::budget::budgets;
use super::candidate::Candidate;
use crate::edits::{Edit, Texts};
use crate::tune::parameter::{grace, pod_spec, pre_stop, serving};

/// Seconds that not-ready and unreachable are tolerated for where nobody says it (`DefaultTolerationSeconds`).
const TOLERATION_SECONDS: u32 = 300;

/// What a promise was broken in.
pub struct Broke<'a> {
    /// The text of the manifest.
    pub texts: Texts<'a>,
    /// The world, with its story.
    pub scenario: &'a Scenario,
    /// Replicas that are checked at most.
    pub replicas_max: u8,
}

impl Broke<'_> {
    /// The changes that may help a promise, in the order in which they are tried.
    pub fn candidates(&self, property: Property) -> Vec<Candidate> {
        match property {
            Property::NoTrafficAfterSigterm | Property::NoFailedRequest | Property::NoMisroutedRequest => {
                every_choice([self.readiness().into_iter().collect(), self.hooks(), self.others_serve()])
            }
            Property::NoAvoidableBlackout => {
                let all = [self.none_unavailable(), self.readiness(), self.one_more(), self.anti_affinity()];
                all.into_iter().flatten().collect()
            }
            Property::RolloutCompletes | Property::ScheduledIfFeasible => self.one_unavailable(),
            Property::ReplacedAfterNodeFailure
            | Property::RuntimeHangDetected
            | Property::NoexecuteEvicts
            | Property::UnreachableEndpointsLeave => self.tolerations().into_iter().collect(),
            _ => Vec::new(),
        }
    }

    /// May this happen to the cluster?
    fn may(&self, event: EventName) -> bool {
        self.scenario.story.event() == Some(event) || self.scenario.events.count(event) > 0
    }

    /// A readiness probe of the port that serves, where there is none.
    fn readiness(&self) -> Option<Candidate> {
        let template = &self.scenario.workload.template;
        let container = template.containers.get(usize::from(template.serving))?;
        let port = container.ports.first()?.port;
        let path = serving(self.scenario).field("readinessProbe.tcpSocket.port");
        let says = format!("a readinessProbe of port {port} of container {}", container.name);
        let edit = Edit::of_workload(path, Value::number(port.into()));
        container.readiness_probe.is_none().then(|| Candidate::of(says, edit))
    }

    /// A preStop sleep within the grace, and one within a longer grace.
    fn hooks(&self) -> Vec<Candidate> {
        let Ok(hook) = pre_stop(&self.texts, self.scenario) else { return Vec::new() };
        let now = self.scenario.workload.template.grace_seconds;
        let longer = grace(self.scenario, hook.to);
        let within = Candidate::parameter(hook.clone().up_to(hook.to.min(now)));
        if longer.to <= now {
            return vec![within];
        }
        let longer = Candidate::parameter(longer.down_to(now.saturating_add(1)));
        vec![within, Candidate::parameter(hook).and(&longer)]
    }

    /// What keeps other pods serving while one goes. Without them kube-proxy falls back to those that terminate, however long their
    /// preStop hooks are (KPX-4).
    fn others_serve(&self) -> Vec<Candidate> {
        let pods = self.scenario.workload.manifest_replicas;
        let is_evicted = self.may(EventName::DrainNode) || self.may(EventName::EvictPod);
        let mut all = Vec::new();
        if self.may(EventName::Rollout) {
            all.extend(self.none_unavailable());
        }
        let kept_apart = self.anti_affinity().filter(|_| self.may(EventName::DrainNode));
        if is_evicted {
            all.extend(budgets(self, pods));
            all.extend(kept_apart.clone());
        }
        if let Some(more) = self.one_more().filter(|_| is_evicted || self.may(EventName::DeletePod)) {
            if is_evicted && pods < 2 {
                all.extend(budgets(self, pods + 1).iter().chain(&kept_apart).map(|other| more.and(other)));
            }
            all.push(more);
        }
        all
    }

    fn is_deployment(&self) -> bool {
        self.scenario.workload.kind == WorkloadKind::Deployment
    }

    /// A field of a rolling update gets a number.
    fn rolling(&self, name: &str, value: u32) -> Candidate {
        Candidate::number(name, FieldPath::default().field("spec.strategy.rollingUpdate").field(name), value)
    }

    /// The most pods more, and the most unavailable, of a rolling update; none, if there is no such.
    fn fenceposts(&self) -> Option<(u8, u8)> {
        let workload = &self.scenario.workload;
        let is_rolling = matches!(workload.strategy, Strategy::RollingUpdate { .. });
        (self.is_deployment() && is_rolling).then(|| workload.strategy.fenceposts(workload.replicas))
    }

    /// A rolling update that takes no pod before another is there.
    fn none_unavailable(&self) -> Option<Candidate> {
        let (surge, unavailable) = self.fenceposts()?;
        let none = self.rolling("maxUnavailable", 0);
        let none = if surge == 0 { none.and(&self.rolling("maxSurge", 1)) } else { none };
        (unavailable > 0).then_some(none)
    }

    /// A rolling update that needs no room for one more pod, or not from its beginning.
    fn one_unavailable(&self) -> Vec<Candidate> {
        let Some((surge, unavailable)) = self.fenceposts() else { return Vec::new() };
        let one = self.rolling("maxUnavailable", 1);
        let none_more = one.and(&self.rolling("maxSurge", 0));
        match (surge, unavailable) {
            (_, 0) => vec![one, none_more],
            (0, _) => Vec::new(),
            _ => vec![none_more],
        }
    }

    /// One more replica, if the check can have it.
    fn one_more(&self) -> Option<Candidate> {
        let workload = &self.scenario.workload;
        let more = workload.manifest_replicas.saturating_add(1);
        let may_grow = workload.kind != WorkloadKind::Pod && more <= self.replicas_max.into();
        let edit = Edit::of_workload(FieldPath::default().field("spec.replicas"), Value::number(more));
        may_grow.then(|| Candidate::of(format!("{more} replicas"), edit))
    }

    /// No two pods on one node.
    fn anti_affinity(&self) -> Option<Candidate> {
        let template = &self.scenario.workload.template;
        let term = Value::Fields(vec![
            ("topologyKey".into(), Value::Plain("kubernetes.io/hostname".into())),
            ("labelSelector".into(), self.selector()),
        ]);
        let path = pod_spec(self.scenario)
            .field("affinity.podAntiAffinity.requiredDuringSchedulingIgnoredDuringExecution");
        let is_free =
            template.pod_anti_affinity.is_empty() && self.scenario.workload.kind != WorkloadKind::Pod;
        let edit = Edit::of_workload(path, Value::List(vec![term]));
        is_free.then(|| Candidate::of("anti-affinity between its pods".into(), edit))
    }

    /// A selector of the workload's pods: the labels that it selects them by, else all labels of its template.
    pub fn selector(&self) -> Value {
        let selector = FieldPath::default().field("spec.selector");
        let has_expressions = self.texts.has(&selector.field("matchExpressions"));
        let own = self.texts.fields(&selector.field("matchLabels"));
        let own = own.filter(|labels| !labels.is_empty() && !has_expressions);
        let all = || self.scenario.workload.template.labels.clone().into_iter().collect();
        let labels = own.unwrap_or_else(all).into_iter();
        let quoted = labels.map(|(key, value)| (key, Value::Plain(format!("\"{value}\""))));
        Value::Fields(vec![("matchLabels".into(), Value::Fields(quoted.collect()))])
    }

    /// What is tolerated for ever is tolerated for a time.
    fn tolerations(&self) -> Option<Candidate> {
        let path = pod_spec(self.scenario).field("tolerations");
        let edit = |place: usize| {
            let path = path.item(place).field("tolerationSeconds");
            Edit::of_workload(path, Value::number(TOLERATION_SECONDS))
        };
        let tolerated = self.scenario.workload.template.tolerations.iter().enumerate();
        let for_ever = tolerated.filter(|(_, toleration)| toleration.seconds.is_none());
        let mut edits = for_ever.map(|(place, _)| edit(place));
        let first = edits.next()?;
        let candidate = Candidate::of(format!("tolerationSeconds of {TOLERATION_SECONDS}"), first);
        Some(edits.fold(candidate, Candidate::with_edit))
    }
}

/// Every choice of at most one change of each row, those of the fewest settings first.
fn every_choice(rows: [Vec<Candidate>; 3]) -> Vec<Candidate> {
    let mut all = vec![Candidate::default()];
    for row in rows {
        let more: Vec<Candidate> =
            all.iter().flat_map(|known| row.iter().map(|change| known.and(change))).collect();
        all.extend(more);
    }
    all.retain(|candidate| candidate.settings() > 0);
    all.sort_by_key(Candidate::settings);
    all
}
