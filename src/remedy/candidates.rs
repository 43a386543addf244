//! Which settings of a manifest have to do with a promise, the smallest change first.

use podproof_vocabulary::Property;
use podproof_vocabulary::event::EventName;
use podproof_vocabulary::manifest::edit::{FieldPath, Value};
use podproof_vocabulary::scenario::{Protocol, Scenario, Strategy, TaintEffect, Toleration, WorkloadKind};

use super::Undecided;
use super::budget::budgets;
use super::candidate::Candidate;
use crate::edits::{Edit, Texts};
use crate::report::SEARCHED_WELL;
use crate::tune::parameter::{Parameter, grace, pod_spec, pre_stop, serving};

/// Seconds that not-ready and unreachable are tolerated for where nobody says it (`DefaultTolerationSeconds`).
const TOLERATION_SECONDS: u32 = 300;
/// The taints of a node that cannot be reached and of one that is not ready (NLC-6).
const UNREACHABLE: &str = "node.kubernetes.io/unreachable";
const NOT_READY: &str = "node.kubernetes.io/not-ready";

/// Events with which a pod goes that one more may stand in for.
const GOES: [EventName; 3] = [EventName::DrainNode, EventName::EvictPod, EventName::DeletePod];

/// What a promise was broken in.
pub struct Broke<'a> {
    /// The text of the manifest.
    pub texts: Texts<'a>,
    /// The world, with its story.
    pub scenario: &'a Scenario,
    /// The worlds in which other containers serve.
    pub siblings: Vec<&'a Scenario>,
    /// Replicas that are checked at most.
    pub replicas_max: u8,
    /// It is broken where no pod is left that is ready in the rules.
    pub falls_back: bool,
    /// The port that the Service sends to.
    pub target_port: Option<u16>,
    /// The nodes are those of the input, and no more.
    pub nodes_are_given: bool,
    /// The HorizontalPodAutoscaler that sets the replicas.
    pub scaled_by: Option<&'a str>,
    /// The claim whose volume one node at a time may have.
    pub attached: Option<&'a str>,
}

impl Broke<'_> {
    /// The changes that may help a promise, in the order in which they are tried.
    pub fn candidates(&self, property: Property) -> Vec<Candidate> {
        match property {
            _ if is_of_requests(property) => {
                let readiness = self.readiness().into_iter().collect();
                match self.falls_back {
                    // Whoever waits for the rules waits in vain.
                    true => every_choice([self.others_serve(), readiness, self.hooks()]),
                    false => every_choice([readiness, self.hooks(), self.others_serve()]),
                }
            }
            Property::NoAvoidableBlackout => {
                let rolling = self.beside(self.rolling());
                let all = [rolling, self.readiness(), self.grown(), self.beside(self.anti_affinity())];
                all.into_iter().flatten().collect()
            }
            Property::RolloutCompletes | Property::ScheduledIfFeasible => self.one_unavailable(),
            Property::ReplacedAfterNodeFailure
            | Property::RuntimeHangDetected
            | Property::NoexecuteEvicts
            | Property::UnreachableEndpointsLeave => self.tolerations(),
            _ => Vec::new(),
        }
    }

    /// What cannot be changed though it has to do with a promise, and why.
    pub fn unchangeable(&self, property: Property) -> Option<Undecided> {
        let why = pre_stop(&self.texts, self.scenario).err().filter(|_| is_of_requests(property))?;
        Some(Undecided { says: "the preStop hook of the container that serves".into(), why })
    }

    /// Changes that may help a promise and that something else of the input makes void, and why.
    pub fn void(&self, property: Property) -> Vec<Undecided> {
        let may_help = |events: &[EventName]| {
            property == Property::NoAvoidableBlackout
                || (is_of_requests(property) && events.iter().any(|event| self.may(*event)))
        };
        let more = self.one_more().filter(|_| may_help(&GOES));
        let (scaled, more) = match self.scaled_by {
            Some(by) => (more.map(|more| (more, by)), None),
            None => (None, more),
        };
        let scaled = scaled.map(|(more, by)| Undecided {
            says: more.says(&more.greatest()),
            why: format!("{by} sets the replicas; accepted is a greater minReplicas in it"),
        });
        let rolling = self.rolling().filter(|_| may_help(&[EventName::Rollout]));
        let apart = self.anti_affinity().filter(|_| may_help(&[EventName::DrainNode]));
        let beside = self.attached.into_iter().flat_map(|claim| {
            let why = format!(
                "a second pod on another node waits for the volume of {claim}, which one node at a time may have (Multi-Attach)"
            );
            let all = [&rolling, &apart, &more].into_iter().flatten();
            let void = move |one: &Candidate| Undecided { says: one.says(&one.greatest()), why: why.clone() };
            all.map(void).collect::<Vec<_>>()
        });
        scaled.into_iter().chain(beside).collect()
    }

    /// One more replica, where the check may not have it though it may help a promise.
    pub fn excluded(&self, property: Property) -> Option<Undecided> {
        let workload = &self.scenario.workload;
        let may_help = property == Property::NoAvoidableBlackout
            || (is_of_requests(property) && GOES.into_iter().any(|event| self.may(event)));
        let is_void = self.scaled_by.is_some() || self.attached.is_some();
        let is_excluded =
            may_help && workload.kind != WorkloadKind::Pod && self.one_more().is_none() && !is_void;
        let (more, most) = (workload.manifest_replicas.saturating_add(1), self.replicas_max);
        let accepted = match more <= SEARCHED_WELL {
            true => format!("; accepted is --replicas {more}"),
            false => String::new(),
        };
        is_excluded.then(|| Undecided {
            says: format!("{more} replicas"),
            why: format!("no more than {most} are checked{accepted}"),
        })
    }

    /// May this happen to the cluster?
    fn may(&self, event: EventName) -> bool {
        self.scenario.story.event() == Some(event) || self.scenario.events.count(event) > 0
    }

    /// A readiness probe of the port that the Service sends to, else of the first that speaks TCP, where there is none.
    fn readiness(&self) -> Option<Candidate> {
        let template = &self.scenario.workload.template;
        let container = template.containers.get(usize::from(template.serving))?;
        let speaks_tcp = || container.ports.iter().find(|port| port.protocol == Protocol::Tcp);
        let port = self.target_port.or_else(|| Some(speaks_tcp()?.port))?;
        let path = serving(self.scenario).field("readinessProbe.tcpSocket.port");
        let says = format!("a readinessProbe of port {port} of container {}", container.name);
        let edit = Edit::of_workload(path, Value::number(port.into()));
        container.readiness_probe.is_none().then(|| Candidate::of(says, edit))
    }

    /// A preStop sleep within the grace, and one within a longer grace; the same with one of each container that serves.
    fn hooks(&self) -> Vec<Candidate> {
        let Ok(own) = pre_stop(&self.texts, self.scenario) else { return Vec::new() };
        let others: Vec<Parameter> =
            self.siblings.iter().filter_map(|sibling| pre_stop(&self.texts, sibling).ok()).collect();
        let all = [std::slice::from_ref(&own), &others[..]].concat();
        let sets = if others.is_empty() { vec![vec![own]] } else { vec![vec![own], all] };
        sets.iter().flat_map(|hooks| self.sleeps(hooks)).collect()
    }

    fn sleeps(&self, hooks: &[Parameter]) -> Vec<Candidate> {
        let template = &self.scenario.workload.template;
        let now = template.grace_seconds;
        // A hook that leaves the processes the time to exit, where they have it now.
        let spared = match template.stops_in_time() {
            true => now.saturating_sub(template.exits_within().saturating_add(1)),
            false => now,
        };
        let all = |most: u32| {
            let hooks = hooks.iter().map(|hook| Candidate::parameter(hook.clone().up_to(hook.to.min(most))));
            hooks.reduce(|one, other| one.and(&other)).unwrap_or_default()
        };
        let longest = hooks.iter().map(|hook| hook.to).max().unwrap_or(0);
        let longer = grace(self.scenario, longest);
        if longer.to <= now {
            return vec![all(spared)];
        }
        let longer = Candidate::parameter(longer.down_to(now.saturating_add(1)));
        vec![all(spared), all(u32::MAX).and(&longer)]
    }

    /// What keeps other pods serving while one goes. Without them kube-proxy falls back to those that terminate, however long their
    /// preStop hooks are (KPX-4).
    fn others_serve(&self) -> Vec<Candidate> {
        let pods = self.scenario.workload.manifest_replicas;
        let is_evicted = self.may(EventName::DrainNode) || self.may(EventName::EvictPod);
        let mut all = Vec::new();
        if self.may(EventName::Rollout) {
            all.extend(self.beside(self.rolling()));
        }
        let kept_apart = self.beside(self.anti_affinity()).filter(|_| self.may(EventName::DrainNode));
        if is_evicted {
            all.extend(budgets(self, pods));
            all.extend(kept_apart.clone());
        }
        if let Some(more) = self.grown().filter(|_| is_evicted || self.may(EventName::DeletePod)) {
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
    fn of_rolling(&self, name: &str, value: u32) -> Candidate {
        Candidate::number(name, FieldPath::default().field("spec.strategy.rollingUpdate").field(name), value)
    }

    /// The most pods more, and the most unavailable, of a rolling update; none, if there is no such.
    fn fenceposts(&self) -> Option<(u8, u8)> {
        let workload = &self.scenario.workload;
        let is_rolling = matches!(workload.strategy, Strategy::RollingUpdate { .. });
        (self.is_deployment() && is_rolling).then(|| workload.strategy.fenceposts(workload.replicas))
    }

    /// A change with which pods are beside each other on several nodes, unless a volume keeps them from that.
    fn beside(&self, change: Option<Candidate>) -> Option<Candidate> {
        change.filter(|_| self.attached.is_none())
    }

    /// One more replica, unless somebody else sets the number.
    fn grown(&self) -> Option<Candidate> {
        self.beside(self.one_more()).filter(|_| self.scaled_by.is_none())
    }

    /// A rolling update that takes no pod before another is there, whatever the strategy is.
    fn rolling(&self) -> Option<Candidate> {
        self.rolling_update().or_else(|| self.none_unavailable())
    }

    /// A rolling update in the place of a strategy that stops all pods at once.
    fn rolling_update(&self) -> Option<Candidate> {
        let path = FieldPath::default().field("spec.strategy.type");
        let edit = Edit::of_workload(path, Value::Plain("RollingUpdate".into()));
        let is_recreated = self.is_deployment() && self.scenario.workload.strategy == Strategy::Recreate;
        is_recreated.then(|| Candidate::of("strategy RollingUpdate".into(), edit))
    }

    /// A rolling update that takes no pod before another is there.
    fn none_unavailable(&self) -> Option<Candidate> {
        let (surge, unavailable) = self.fenceposts()?;
        let none = self.of_rolling("maxUnavailable", 0);
        let none = if surge == 0 { none.and(&self.of_rolling("maxSurge", 1)) } else { none };
        (unavailable > 0).then_some(none)
    }

    /// A rolling update that needs no room for one more pod, or not from its beginning.
    fn one_unavailable(&self) -> Vec<Candidate> {
        let Some((surge, unavailable)) = self.fenceposts() else { return Vec::new() };
        let one = self.of_rolling("maxUnavailable", 1);
        let none_more = one.and(&self.of_rolling("maxSurge", 0));
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

    /// No two pods on one node, and a rolling update that can go on where no node is left for one more pod.
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
        // Fewer replicas may be checked than there are; nodes that are given are all there are.
        let nodes = self.scenario.nodes.len();
        let wanted = usize::try_from(self.scenario.workload.manifest_replicas).unwrap_or(usize::MAX);
        if self.nodes_are_given && wanted > nodes {
            return None;
        }
        let says = "anti-affinity between its pods";
        let says =
            if wanted > nodes { format!("{says}, which takes {wanted} nodes") } else { says.to_owned() };
        let apart = Candidate::of(says, edit);
        let replicas = usize::from(self.scenario.workload.replicas);
        let is_full = nodes <= if self.nodes_are_given { wanted } else { replicas };
        let is_stuck = is_full && self.fenceposts().is_some_and(|(_, unavailable)| unavailable == 0);
        let with_room = if is_stuck { apart.and(&self.of_rolling("maxUnavailable", 1)) } else { apart };
        is_free.then_some(with_room)
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

    /// A node that cannot be reached, or is not ready, is tolerated for a time where it was for ever; both, if one is not enough.
    fn tolerations(&self) -> Vec<Candidate> {
        let each: Vec<Candidate> =
            [UNREACHABLE, NOT_READY].iter().filter_map(|taint| self.toleration(taint)).collect();
        let both = each.iter().cloned().reduce(|one, other| one.and(&other)).filter(|_| each.len() > 1);
        each.into_iter().chain(both).collect()
    }

    /// A taint is tolerated for a time where it was for ever. A toleration of more than this taint stays as it is: the first that
    /// matches counts (TEC-3), so one of its own comes before it.
    fn toleration(&self, taint: &str) -> Option<Candidate> {
        let tolerations = &self.scenario.workload.template.tolerations;
        let matches = |toleration: &Toleration| {
            (toleration.key == taint || (toleration.key.is_empty() && toleration.exists))
                && (toleration.exists || toleration.value.is_empty())
                && toleration.effect.is_none_or(|effect| effect == TaintEffect::NoExecute)
        };
        let place = tolerations.iter().position(matches)?;
        let first = &tolerations[place];
        if first.seconds.is_some() {
            return None;
        }
        let path = pod_spec(self.scenario).field("tolerations");
        let seconds = Value::number(TOLERATION_SECONDS);
        let edit = if first.key == taint && first.effect.is_some() {
            Edit::of_workload(path.item(place).field("tolerationSeconds"), seconds)
        } else {
            let text = |name: &str, value: &str| (name.to_owned(), Value::Plain(value.to_owned()));
            let fields = [text("key", taint), text("operator", "Exists"), text("effect", "NoExecute")];
            let fields = fields.into_iter().chain([("tolerationSeconds".into(), seconds)]).collect();
            Edit::of_workload(path.front(), Value::Fields(fields))
        };
        Some(Candidate::of(format!("tolerationSeconds of {TOLERATION_SECONDS} for {taint}"), edit))
    }
}

/// Promises that a preStop hook of the container that serves helps to keep.
pub const fn is_of_requests(property: Property) -> bool {
    matches!(
        property,
        Property::NoTrafficAfterSigterm | Property::NoFailedRequest | Property::NoMisroutedRequest
    )
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

#[cfg(test)]
mod tests {
    use clap::Parser;
    use podproof_vocabulary::event::Story;
    use podproof_vocabulary::manifest::Source;

    use super::*;
    use crate::arguments::{Arguments, Command};
    use crate::input::{Size, read_with};

    const EXAMPLE: &str = include_str!("../../examples/web-prestop.yaml");

    /// The changes that are tried of the example with some lines changed where a story breaks `no-failed-request`, in words, with the
    /// greatest values of their fields.
    fn tried(story: Story, changes: &[(&str, &str)]) -> Vec<String> {
        let told = |candidate: &Candidate| candidate.says(&candidate.greatest());
        look(story, changes, |broke| broke.candidates(Property::NoFailedRequest).iter().map(told).collect())
    }

    /// What is void of the same, each with the reason.
    fn void(story: Story, changes: &[(&str, &str)]) -> Vec<(String, String)> {
        let told = |one: Undecided| (one.says, one.why);
        look(story, changes, |broke| broke.void(Property::NoFailedRequest).into_iter().map(told).collect())
    }

    fn look<T>(story: Story, changes: &[(&str, &str)], look: impl Fn(&Broke<'_>) -> T) -> T {
        let change = |text: String, (old, new): &(&str, &str)| {
            assert!(text.contains(old), "{old}");
            text.replace(old, new)
        };
        let text = changes.iter().fold(EXAMPLE.to_owned(), change).into_bytes();
        let sources = [Source { path: "web.yaml".into(), text }];
        let arguments = Arguments::try_parse_from(["podproof", "check", "web.yaml"]);
        let Ok(Arguments { command: Command::Check(check) }) = arguments else { panic!("it is a check") };
        let read = read_with(&check.input, &sources, Size::Searched).unwrap_or_else(|why| panic!("{why:?}"));
        let workload = &read.workloads[0];
        let scenario = Scenario { story, ..workload.scenarios[0].clone() };
        let broke = crate::remedy::broke(&check, (workload, Texts::new(&sources, workload)), &scenario, true);
        look(&broke)
    }

    /// An autoscaler writes over the replicas of a manifest.
    #[test]
    fn one_more_replica_of_what_is_scaled_is_void() {
        let scaler = "---\napiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata: {name: web}\nspec:\n  scaleTargetRef: \
                      {apiVersion: apps/v1, kind: Deployment, name: web}\n  maxReplicas: 5\n---\n";
        let one = ("  replicas: 2\n", "  replicas: 1\n");
        assert!(tried(Story::Drain, &[one]).contains(&"2 replicas".to_owned()));
        assert_eq!(void(Story::Drain, &[one]), []);
        let scaled = [one, ("---\n", scaler)];
        assert!(!tried(Story::Drain, &scaled).iter().any(|says| says.contains("replicas")));
        let why = "HorizontalPodAutoscaler/web sets the replicas; accepted is a greater minReplicas in it";
        assert_eq!(void(Story::Drain, &scaled), [("2 replicas".to_owned(), why.to_owned())]);
        assert_eq!(void(Story::Rollout, &scaled), [], "it would not help");
    }

    /// Multi-Attach.
    #[test]
    fn a_second_pod_that_waits_for_a_volume_is_void() {
        let volume =
            "      volumes: [{name: d, persistentVolumeClaim: {claimName: data}}]\n      containers:\n";
        let changes = [
            ("  replicas: 2\n", "  replicas: 1\n  strategy: {type: Recreate}\n"),
            ("      containers:\n", volume),
        ];
        for (story, says) in [
            (Story::Drain, &["anti-affinity between its pods", "2 replicas"][..]),
            (Story::Rollout, &["strategy RollingUpdate"]),
        ] {
            let found = void(story, &changes);
            assert_eq!(found.iter().map(|(says, _)| says.as_str()).collect::<Vec<_>>(), says);
            assert!(
                found
                    .iter()
                    .all(|(_, why)| why.contains("the volume of PersistentVolumeClaim/data, which one node"))
            );
            let all = tried(story, &changes);
            assert!(!all.iter().any(|one| says.iter().any(|void| one.contains(void))), "{all:?}");
            let without = tried(story, &changes[..1]);
            assert!(says.iter().all(|void| without.iter().any(|one| one.starts_with(void))), "{without:?}");
        }
    }

    #[test]
    fn the_probe_asks_the_port_that_the_service_sends_to() {
        let probe = "          readinessProbe:\n            httpGet:\n              path: /ready\n              port: http\n";
        let own = "            - name: http\n              containerPort: 8080\n";
        let probe_of = |ports: &str, target: &str| {
            let changes = [(probe, ""), (own, ports), ("targetPort: http", target)];
            let all = tried(Story::Rollout, &changes);
            all.into_iter().find(|says| says.starts_with("a readinessProbe")).expect("it is tried")
        };
        let two = "            - {name: metrics, containerPort: 9090}\n            - {name: http, containerPort: 8080}\n";
        assert_eq!(probe_of(two, "targetPort: http"), "a readinessProbe of port 8080 of container web");
        assert_eq!(probe_of(two, "targetPort: 8080"), "a readinessProbe of port 8080 of container web");
        assert_eq!(probe_of(two, "targetPort: metrics"), "a readinessProbe of port 9090 of container web");
        assert_eq!(
            probe_of(two, "targetPort: 7000"),
            "a readinessProbe of port 7000 of container web",
            "whoever listens there"
        );
    }

    /// Nodes of the input are all there are, whatever number of replicas is checked.
    #[test]
    fn pods_are_kept_apart_where_there_are_nodes_for_all() {
        let nodes = |names: &[&str]| {
            let each = names
                .iter()
                .map(|name| format!("---\napiVersion: v1\nkind: Node\nmetadata: {{name: {name}}}\n"));
            each.collect::<String>() + "---\n"
        };
        let apart = |replicas: &str, names: &[&str]| {
            let mut changes = vec![("  replicas: 2\n", replicas)];
            let given = nodes(names);
            if !names.is_empty() {
                changes.push(("---\n", given.as_str()));
            }
            tried(Story::Drain, &changes).into_iter().find(|says| says.starts_with("anti-affinity"))
        };
        let alone = Some("anti-affinity between its pods".to_owned());
        let with_room = Some("anti-affinity between its pods and maxUnavailable of 1".to_owned());
        assert_eq!(apart("  replicas: 4\n", &["a", "b"]), None, "two would be Pending for ever");
        assert_eq!(apart("  replicas: 3\n", &["a", "b", "c"]), with_room, "a rollout needs a fourth");
        assert_eq!(apart("  replicas: 3\n", &["a", "b", "c", "d"]), alone);
        assert_eq!(apart("  replicas: 2\n", &[]), with_room);
        let more = "anti-affinity between its pods, which takes 5 nodes".to_owned();
        assert_eq!(apart("  replicas: 5\n", &[]), Some(more));
    }
}
