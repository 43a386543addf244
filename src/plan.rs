//! From a workload and what it is asked for to searches.

use std::collections::{BTreeMap, BTreeSet};

use podproof_vocabulary::approximation::{Approximation, Approximations};
use podproof_vocabulary::event::{EventName, ScaleTarget, Story};
use podproof_vocabulary::latency::Latencies;
use podproof_vocabulary::manifest::{Place, Setting, Warning};
use podproof_vocabulary::property::{Kind, PropertySet};
use podproof_vocabulary::scenario::{Scenario, Timing, WorkloadKind};
use podproof_vocabulary::{Property, left_out};

use crate::arguments::{TimingChoice, WorldArguments};
use crate::counterexamples::Manifest;
use crate::events;
use crate::output;
use crate::verdict::Verdict;

/// A workload that is to be checked.
#[derive(Clone, Debug)]
pub struct Workload {
    /// Its name in reports.
    pub name: String,
    /// A world for each class of Service that selects it.
    pub scenarios: Vec<Scenario>,
    /// The Services of each class.
    pub services: Vec<Vec<String>>,
    /// For each class, the TCP port that its Services send to.
    pub target_ports: Vec<Option<u16>>,
    /// The nodes are those of the input.
    pub nodes_are_given: bool,
    /// The stories that it comes with; none, if those of the command line are told.
    pub stories: Option<Vec<Story>>,
    /// The replicas of its manifest.
    pub manifest_replicas: u32,
    /// The replicas that are checked.
    pub checked_replicas: u8,
    /// Who sets them, if it is not whoever writes its manifest.
    pub scaled_by: Option<String>,
    /// The claim of its pods whose volume one node at a time may have.
    pub attached: Option<String>,
    /// What the verdicts assume of the input.
    pub assumptions: Vec<String>,
    /// What the reader should know of the input.
    pub warnings: Vec<String>,
    /// Of these, what makes a drain wait for ever.
    pub blocked_drains: Vec<Warning>,
    /// What the model leaves out that concerns it.
    pub left_out: Vec<&'static left_out::Row>,
    /// Promises of which `holds` is not said, each time with the reason.
    pub undecided: Vec<Doubt>,
    /// Where it stands in a file, if it comes from one.
    pub place: Option<Place>,
    /// The manifest that it was read from, if it comes from one.
    pub manifest: Option<Manifest>,
    /// Where each of its settings stands there, by the container that serves.
    pub settings: BTreeMap<u8, BTreeMap<Setting, Place>>,
}

impl Workload {
    /// Says on standard error what is to be known of it where no report tells it, and, if it has several classes of Services, behind
    /// which alone it is looked at.
    pub fn tell(&self, own: &Behind) {
        let told = self.warnings.iter().cloned().chain(self.undecided.iter().map(|doubt| doubt.why.clone()));
        let bare = |behind: &Behind| behind.told().trim_matches([' ', '(', ')']).to_owned();
        let classes = (0..self.scenarios.len()).map(|index| behind(self, index));
        let others: Vec<String> = classes.filter(|other| other != own).map(|other| bare(&other)).collect();
        let only = (!others.is_empty())
            .then(|| format!("only {} is looked at, not {}", bare(own), others.join(", nor ")));
        for warning in told.chain(only) {
            output::tell(format_args!("warning: {warning}"));
        }
    }
}

/// What the manifest says and the model does not do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Doubt {
    /// The promises whose verdict it could change.
    pub properties: PropertySet,
    /// Something happens by it that does not in the model, so that what a promise speaks of may come about all the same.
    pub adds: bool,
    /// The reason, a sentence.
    pub why: String,
}

impl Doubt {
    /// Why this verdict is not said of a promise, if it is not.
    pub fn of(doubts: &[Self], property: Property, verdict: Verdict) -> Option<&str> {
        let is_weak = |doubt: &&Self| match verdict {
            Verdict::Holds => true,
            Verdict::NotApplicable => doubt.adds,
            Verdict::Broken | Verdict::Incomplete => false,
        };
        let concerns = |doubt: &&Self| doubt.properties.contains(property) && is_weak(doubt);
        doubts.iter().find(concerns).map(|doubt| doubt.why.as_str())
    }
}

/// Whom the pods serve in a search; nothing is said where there is only one answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Behind {
    /// The Services, if the workload has several classes of them.
    pub services: Vec<String>,
    /// The container that serves, if a Service sends to several.
    pub container: Option<String>,
}

impl Behind {
    /// It in a report, with a space before it.
    pub fn told(&self) -> String {
        let container = self.container.iter().map(|container| format!(", container {container}"));
        match self.services.is_empty() {
            true => String::new(),
            false => format!(" (Service {}{})", self.services.join(", "), container.collect::<String>()),
        }
    }
}

/// A search that is to be run.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The story.
    pub story: Story,
    /// The timing that its verdicts are given in.
    pub timing: Timing,
    /// Whom the pods serve in it.
    pub behind: Behind,
    /// The world.
    pub scenario: Scenario,
    /// The promises that it judges.
    pub judged: PropertySet,
}

/// A workload with what is searched of it.
#[derive(Clone, Debug)]
pub struct Planned {
    /// The workload.
    pub workload: Workload,
    /// Its searches.
    pub plans: Vec<Plan>,
    /// A sentence for each story that cannot be told of it.
    pub untold: Vec<String>,
}

/// The searches of all workloads.
///
/// # Errors
/// Why there are none, a message each.
pub fn all(
    workloads: Vec<Workload>,
    world: &WorldArguments,
    asked: PropertySet,
) -> Result<Vec<Planned>, Vec<String>> {
    events::refuse(world).map_err(|says| vec![says])?;
    for scenario in workloads.iter().flat_map(|workload| &workload.scenarios) {
        events::refuse_on(&scenario.nodes, world).map_err(|says| vec![says])?;
    }
    let plan = |workload: Workload| {
        let (plans, untold) = searches(&workload, world, asked);
        Planned { workload, plans, untold }
    };
    let planned: Vec<Planned> = workloads.into_iter().map(plan).collect();
    if planned.iter().any(|planned| !planned.plans.is_empty()) {
        return Ok(planned);
    }
    let untold = planned.into_iter().flat_map(|Planned { workload, untold, .. }| {
        untold.into_iter().map(move |why| format!("{}: {why}", workload.name))
    });
    Err(untold.chain(["there is nothing to search; accepted are other stories (--story)".into()]).collect())
}

/// Promises that speak of a Service; the others are the same whichever Service is there.
const OF_SERVICE: [Property; 7] = [
    Property::NoTrafficAfterSigterm,
    Property::NoFailedRequest,
    Property::NoMisroutedRequest,
    Property::NoAvoidableBlackout,
    Property::ReadyMeansReady,
    Property::EndpointsConverge,
    Property::UnreachableEndpointsLeave,
];

/// The searches of a workload, those that are likely to be short first, and a sentence for each story that cannot be told
/// of it.
pub fn searches(workload: &Workload, world: &WorldArguments, asked: PropertySet) -> (Vec<Plan>, Vec<String>) {
    let default = workload.stories.clone().unwrap_or_else(|| Story::DEFAULT.to_vec());
    let stories = if world.stories.is_empty() { default } else { world.stories.clone() };
    let mut seen = BTreeSet::new();
    let mut plans = Vec::new();
    let mut untold = Vec::new();
    for story in stories.into_iter().filter(|story| seen.insert(*story)) {
        if let Some(why) = cannot_be_told(story, workload.scenarios[0].workload.kind) {
            untold.push(format!("story {story} is not told: {why}"));
            continue;
        }
        for (index, scenario) in workload.scenarios.iter().enumerate() {
            let judged = if index == 0 { asked } else { asked.intersection(PropertySet::of(OF_SERVICE)) };
            let behind = behind(workload, index);
            for (timing, judged, follow) in parts(world.timing, judged) {
                let scenario = told(scenario, story, timing, judged, follow, world);
                plans.push(Plan { story, timing, behind: behind.clone(), scenario, judged });
            }
        }
    }
    plans.sort_by_key(effort);
    (plans, untold)
}

/// Whom the pods of a class serve.
fn behind(workload: &Workload, index: usize) -> Behind {
    let services = |index: usize| workload.services.get(index).cloned().unwrap_or_default();
    if workload.scenarios.len() == 1 {
        return Behind::default();
    }
    let own = services(index);
    let is_shared = (0..workload.scenarios.len())
        .any(|other| other != index && services(other).iter().any(|name| own.contains(name)));
    let template = &workload.scenarios[index].workload.template;
    let container = template.containers.get(usize::from(template.serving));
    let container = container.filter(|_| is_shared).map(|container| container.name.clone());
    Behind { services: own, container }
}

/// How the promises are divided over searches: timing, promises, and whether a timed search may follow one pod.
fn parts(timing: TimingChoice, judged: PropertySet) -> Vec<(Timing, PropertySet, bool)> {
    let select =
        |keep: fn(Property) -> bool| PropertySet::of(judged.iter().filter(|&property| keep(property)));
    let parts = match timing {
        TimingChoice::Auto => vec![
            (Timing::Untimed, select(|property| !property.facts().timed), false),
            (Timing::Timed, select(|property| property.facts().timed), true),
        ],
        TimingChoice::Untimed => vec![(Timing::Untimed, judged, false)],
        // A lasso with the clocks of one pod would show what all clocks forbid.
        TimingChoice::Timed => vec![
            (Timing::Timed, select(|property| property.facts().kind == Kind::Safety), true),
            (Timing::Timed, select(|property| property.facts().kind == Kind::Liveness), false),
        ],
    };
    parts.into_iter().filter(|(_, judged, _)| !judged.is_empty()).collect()
}

/// The story in which the pods of a workload go.
pub const fn story_of_end(kind: WorkloadKind) -> Story {
    match kind {
        WorkloadKind::Deployment => Story::Rollout,
        WorkloadKind::ReplicaSet | WorkloadKind::Pod => Story::PodDeletion,
    }
}

fn cannot_be_told(story: Story, kind: WorkloadKind) -> Option<&'static str> {
    match (story, kind) {
        (Story::Rollout, WorkloadKind::Pod) => Some("a Pod has no template to change"),
        (Story::Rollout, WorkloadKind::ReplicaSet) => Some("a ReplicaSet does not roll its template out"),
        (Story::ScaleDown, WorkloadKind::Pod) => Some("a Pod has no replicas"),
        _ => None,
    }
}

fn effort(plan: &Plan) -> (u8, bool, usize) {
    let story = match plan.story {
        Story::Create => 0,
        Story::PodDeletion | Story::ScaleDown => 1,
        Story::NodeFailure | Story::RuntimeHang | Story::Partition => 2,
        Story::Rollout => 3,
        Story::Drain => 4,
    };
    (story, plan.timing == Timing::Timed, plan.behind.services.len())
}

/// A neighbour's new pod may take an address that was freed: for the promise that speaks of it.
pub fn reuses_addresses(timing: Timing, judged: PropertySet) -> bool {
    timing == Timing::Timed || judged.contains(Property::NoMisroutedRequest)
}

/// The scenario of a trace with what the command line says of its world: its own story and timing, unless others are asked for.
///
/// # Errors
/// A sentence, if more than one story is asked for.
pub fn retold(base: &Scenario, world: &WorldArguments) -> Result<Scenario, String> {
    events::refuse(world)?;
    events::refuse_on(&base.nodes, world)?;
    let story = match world.stories[..] {
        [] => base.story,
        [story] => story,
        _ => return Err("one story is explored at a time; accepted is one --story".into()),
    };
    let timing = match world.timing {
        TimingChoice::Auto => base.timing,
        TimingChoice::Untimed => Timing::Untimed,
        TimingChoice::Timed => Timing::Timed,
    };
    let follow = base.approximations.has(Approximation::Focus);
    Ok(told(base, story, timing, PropertySet::of([]), follow, world))
}

/// The scenario with its story, its events and its timing.
fn told(
    base: &Scenario,
    story: Story,
    timing: Timing,
    judged: PropertySet,
    follow: bool,
    world: &WorldArguments,
) -> Scenario {
    let mut scenario = base.clone();
    scenario.story = story;
    scenario.timing = timing;
    scenario.mutant = world.mutant.or(base.mutant);
    scenario.inaccurate_detectors |= world.inaccurate_detectors;
    events::befall(&mut scenario, world);
    if story.event() == Some(EventName::Scale) && scenario.scale.is_none() {
        scenario.scale = Some(ScaleTarget::By(-1));
    }
    if world.exact {
        scenario.approximations = Approximations::NONE;
    }
    if timing == Timing::Untimed || !follow {
        scenario.approximations = scenario.approximations.without(Approximation::Focus);
    }
    scenario.addresses_are_reused |= reuses_addresses(timing, judged);
    scenario.slots = world.slots.unwrap_or(0).max(slots(&scenario)).max(base.slots);
    scenario
}

/// Twice the pods that there may be at once: those that leave are remembered for a while.
fn slots(scenario: &Scenario) -> u8 {
    let replicas = scenario.workload.replicas;
    let scaled = scenario.scale.map(|scale| scale.of(replicas));
    let most = scenario.scale_targets.iter().copied().chain(scaled).fold(replicas, u8::max);
    let surge = scenario.workload.strategy.fenceposts(most).0;
    let count = |event: &EventName| scenario.events.count(*event);
    let of_pod = [
        EventName::DeletePod,
        EventName::ForceDeletePod,
        EventName::EvictPod,
        EventName::ResourcePressure,
        EventName::Rollout,
    ];
    // What befalls a node may take all pods at once, and they are remembered while others come in their place.
    let of_node = [
        EventName::NodeCrash,
        EventName::NodePartition,
        EventName::DrainNode,
        EventName::TaintNode,
        EventName::LabelNode,
        EventName::RemoveNode,
    ];
    let more = of_pod.iter().map(count).fold(0, u8::saturating_add);
    let nodes = of_node.iter().map(count).fold(0, u8::saturating_add);
    let more = more.saturating_add(nodes.saturating_mul(most.saturating_add(surge)));
    most.saturating_add(surge).saturating_mul(2).saturating_add(more).min(250)
}

/// What a search in this world assumes, a sentence each: its latencies, if it is timed, and how faults behave.
pub fn assumptions(latencies: &Latencies, timed: bool, inaccurate_detectors: bool) -> Vec<String> {
    let mut assumptions = Vec::new();
    if timed {
        let rows = Latencies::ROWS.iter();
        assumptions.extend(rows.map(|row| format!("{} {} s ({})", row.says, row.value(latencies), row.flag)));
    }
    if inaccurate_detectors {
        assumptions.push(
            "failure detectors may fire without a cause, and timers that one process started together in any order \
             (--inaccurate-detectors)"
                .into(),
        );
    } else {
        assumptions.push("untimed, a failure detector fires only while its cause is true".into());
        assumptions.push("untimed, timers that one process started together keep their order".into());
    }
    assumptions
}

#[cfg(test)]
mod tests {
    use podproof_vocabulary::catalogue;

    use super::*;

    #[test]
    fn there_is_a_slot_for_each_pod_that_what_may_happen_leaves_behind() {
        let slots = |tweak: fn(&mut Scenario)| {
            let mut scenario = catalogue::web("x", Story::Create, 2, 2);
            tweak(&mut scenario);
            slots(&scenario)
        };
        // Two and one of surge, twice.
        assert_eq!(slots(|_| {}), 6);
        for event in [EventName::DeletePod, EventName::EvictPod] {
            let mut scenario = catalogue::web("x", Story::Create, 2, 2);
            scenario.events.set(event, 3);
            assert_eq!(super::slots(&scenario), 9, "{event}: a pod each time");
        }
        for event in [EventName::TaintNode, EventName::LabelNode, EventName::RemoveNode] {
            let mut scenario = catalogue::web("x", Story::Create, 2, 2);
            scenario.events.set(event, 1);
            assert_eq!(super::slots(&scenario), 9, "{event}: all pods at once");
        }
        assert_eq!(slots(|s| s.scale = Some(ScaleTarget::To(4))), 10);
        assert_eq!(slots(|s| s.scale_targets = vec![1, 4]), 10);
    }
}
