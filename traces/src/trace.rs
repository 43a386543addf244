//! A trace: one path through one scenario, with the promise that it breaks, if it is there to show that.

use podproof_model::{ClusterState, Model};
use podproof_vocabulary::action::{Action, Component};
use podproof_vocabulary::property::Kind as PropertyKind;
use podproof_vocabulary::{NodeId, PodId, Property, Resource, Scenario};
use serde::{Deserialize, Serialize};

use crate::change::Change;
use crate::digest::Digest;
use crate::names::Names;
use crate::walk::{Walk, World};
use crate::words;

/// The version of the format that this crate writes and reads.
pub const VERSION: u32 = 1;

/// What a trace shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A finite path whose last step breaks a safety property.
    Safety,
    /// A finite path and a cycle that a fair run can take for ever, with an obligation that is never met.
    Lasso,
    /// A finite path, and nothing but that it can be taken: what a cluster did, as a log shows it.
    Path,
}

/// What the objects of a trace are called, where they have names of their own. An empty name is none.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Called {
    /// The pods, in the order in which they are created.
    pub pods: Vec<CalledPod>,
    /// The ReplicaSets, in the order of their revisions.
    pub replica_sets: Vec<String>,
}

/// What a pod is called.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct CalledPod {
    /// `metadata.name`.
    pub name: String,
    /// Its addresses, one after the other.
    pub addresses: Vec<String>,
}

/// The pod that a timed search follows with its clocks, all else taking any time (approximation `focus`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Followed {
    /// The pod.
    pub pod: PodId,
    /// Its clocks run from the end of this step on, at least 1; the first step of the stem is 1.
    pub from_step: u32,
}

/// Which manifest a workload was read from, wherever that was named from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Origin {
    /// A digest of its absolute path with all links followed; none of what was read from standard input.
    pub path: Option<Digest>,
    /// A digest of its text.
    pub content: Digest,
}

/// What was found when somebody looked for a change of the manifest at which the promise holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Remedy {
    /// What was found, a sentence each.
    pub says: Vec<String>,
    /// The change of the manifest's text in the unified format, if one was found.
    pub patch: Option<String>,
}

/// The log that a trace is of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Log {
    /// When it begins, as RFC 3339 has it.
    pub began: String,
}

/// One small step of a trace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct TraceStep {
    /// Whose step it is.
    pub component: Component,
    /// The step in words, with the names of its objects. It is for people; what is replayed is the action.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub says: String,
    /// The step.
    pub action: Action,
    /// How many ticks have passed, this step counted.
    pub tick: u32,
    /// In a trace of a log: when the log shows this step, in microseconds after [`Log::began`]. None if no entry shows it: then it
    /// was taken between the steps around it that have a time, as far as the log can tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seen_at: Option<u64>,
    /// What decides whether it is possible and what it does, of parts that somebody knows anything of. None if that may be
    /// anything: of ticks, of what happens to the cluster, and of steps that wait until nothing else is possible.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reads: Option<Vec<Resource>>,
    /// The parts that it changed, those that no outsider sees among them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub writes: Vec<Resource>,
    /// What it changed of what an outsider can see.
    pub changed: Vec<Change>,
    /// A digest of the whole state after it, as the model that recorded it has states.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<Digest>,
}

/// A path through a scenario, self-contained. Its stem may be anything that is written as a list of steps.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(
    feature = "schema",
    schemars(rename = "Trace", description = "A path through a scenario, self-contained.")
)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Trace<S = Vec<TraceStep>> {
    /// The version of the format: [`VERSION`].
    pub version: u32,
    /// What it is about, in a line: where somebody has read it, what they say; else which random walk it is, if it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// What is to be learnt from it, and which issue, document or hazard it corresponds to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lesson: Option<String>,
    /// The file that its workload was read from, as it was named then; none if it comes from no manifest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub manifest: Option<String>,
    /// Which manifest that is; none if it comes from no manifest, or if the trace is older than the field.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<Origin>,
    /// What makes the promise hold, where that was looked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remedy: Option<Remedy>,
    /// The property that it breaks; none of a path.
    pub property: Option<Property>,
    /// How it breaks it.
    pub kind: Kind,
    /// Of a lasso: the progress obligation that is pending for ever, by its bit in the model's layout.
    pub obligation: Option<u32>,
    /// Where only one kube-proxy is modelled: the node that it is on.
    pub observed_proxy: Option<NodeId>,
    /// In a timed search that follows one pod: which, and from where on.
    pub followed: Option<Followed>,
    /// The log that it is of; none if it comes from no log, or if the trace is older than the field.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log: Option<Log>,
    /// What its objects are called; none if nobody has named them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub called: Option<Called>,
    /// The bounded world in which it happens.
    pub scenario: Scenario,
    /// The steps from the beginning; the last one of a safety trace breaks the property.
    pub stem: S,
    /// Of a lasso: the steps that repeat; none if everything rests after the stem.
    pub cycle: Vec<TraceStep>,
}

impl TraceStep {
    /// Takes a step, which must be enabled, and records it without words.
    pub(crate) fn taken(walk: &mut Walk<'_>, action: &Action, followed: Option<Followed>) -> Self {
        let reads = walk.reads(action);
        let changed = walk.step(action, followed);
        Self {
            component: action.component(),
            says: String::new(),
            action: *action,
            tick: walk.tick,
            seen_at: None,
            reads,
            writes: walk.written(),
            changed,
            digest: Some(Digest::of(&walk.state)),
        }
    }
}

impl Trace {
    /// Records `stem`, and of a lasso `cycle`, as taken on `model` from `first`, one of [`Model::initial`].
    ///
    /// The actions are small steps, each enabled in its place. `cycle` is none for a safety trace, and empty for a lasso
    /// that rests after its stem; `obligation` is the bit that stays pending in a lasso. Where the scenario follows one
    /// pod, which and from where on is found here: it is what makes the last step break the property.
    pub fn record(
        model: &Model,
        property: Property,
        first: &ClusterState,
        stem: &[Action],
        cycle: Option<&[Action]>,
        obligation: Option<u32>,
    ) -> Self {
        Self::recorded(model, Some(property), first, stem, cycle, obligation)
    }

    /// Records `stem` as taken on `model` from `first`, one of [`Model::initial`]: a path, of which nothing is said but that it
    /// can be taken. The actions are small steps, each enabled in its place.
    pub fn path(model: &Model, first: &ClusterState, stem: &[Action]) -> Self {
        Self::recorded(model, None, first, stem, None, None)
    }

    /// The same, with names for its objects.
    #[must_use]
    pub fn naming(mut self, called: Called) -> Self {
        self.called = Some(called);
        self.say();
        self
    }

    /// The same, of a log that begins at `began`, in RFC 3339, with when it shows each step of the stem, in microseconds after that.
    #[must_use]
    pub fn logged(mut self, began: String, seen_at: impl IntoIterator<Item = Option<u64>>) -> Self {
        self.log = Some(Log { began });
        for (step, seen_at) in self.stem.iter_mut().zip(seen_at) {
            step.seen_at = seen_at;
        }
        self
    }

    /// The same, with what somebody has noted of `other`: title, lesson and manifest, with which that is.
    #[must_use]
    pub fn noted_as(mut self, other: &Self) -> Self {
        self.title.clone_from(&other.title);
        self.lesson.clone_from(&other.lesson);
        self.manifest.clone_from(&other.manifest);
        self.origin = other.origin;
        self
    }

    /// Writes each step in words.
    fn say(&mut self) {
        let mut names = Names::of(self);
        for step in self.stem.iter_mut().chain(&mut self.cycle) {
            step.says = words::action(&names, &step.action);
            names.see(&step.changed);
        }
    }

    fn recorded(
        model: &Model,
        property: Option<Property>,
        first: &ClusterState,
        stem: &[Action],
        cycle: Option<&[Action]>,
        obligation: Option<u32>,
    ) -> Self {
        let scenario = model.rules.scenario.clone();
        let world = World::new(scenario.clone()).expect("the scenario of a model compiles");
        let observed_proxy = model.open(first, |cluster| cluster.shared.control_plane.observed_proxy());
        let followed = match (property, cycle) {
            (Some(property), None) => world.followed_by(observed_proxy, property, stem),
            _ => None,
        };
        let mut walk = world.begin(observed_proxy).unwrap_or_else(|| Walk::from_state(&world, first.clone()));
        let mut steps = |actions: &[Action]| {
            actions.iter().map(|action| TraceStep::taken(&mut walk, action, followed)).collect::<Vec<_>>()
        };
        let mut trace = Self {
            version: VERSION,
            title: None,
            lesson: None,
            manifest: None,
            origin: None,
            remedy: None,
            property,
            kind: match (property, cycle) {
                (None, _) => Kind::Path,
                (Some(_), None) => Kind::Safety,
                (Some(_), Some(_)) => Kind::Lasso,
            },
            obligation,
            observed_proxy,
            followed,
            log: None,
            called: None,
            stem: steps(stem),
            cycle: steps(cycle.unwrap_or_default()),
            scenario,
        };
        trace.say();
        trace
    }

    /// Its steps with their numbers, stem and cycle in a row; the first is 1.
    pub fn steps(&self) -> impl Iterator<Item = (usize, &TraceStep)> {
        (1..).zip(self.stem.iter().chain(&self.cycle))
    }

    /// The kind of trace that a property is broken by; a path breaks none.
    pub(crate) fn kind_for(property: Option<Property>) -> Kind {
        match property.map(|property| property.facts().kind) {
            Some(PropertyKind::Safety) => Kind::Safety,
            Some(PropertyKind::Liveness) => Kind::Lasso,
            None => Kind::Path,
        }
    }
}
