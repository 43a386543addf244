//! Replay: does the model of today take the steps of a trace, see what it saw, and break what it broke?

use std::fmt;

use podproof_model::ClusterState;
use podproof_model::fairness::Unit;
use podproof_vocabulary::Property;
use podproof_vocabulary::action::Action;

use crate::change::Change;
use crate::digest::Digest;
use crate::names::Names;
use crate::trace::{Kind, Trace, TraceStep};
use crate::walk::{Walk, World};
use crate::words;

/// Enabled steps that a message lists at most.
const LISTED_MAX: usize = 8;

/// What became of a trace that the model still takes, step for step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Replayed {
    /// The property is broken as recorded.
    StillBroken {
        /// By this step, the first being 1; of a lasso, the last step before what repeats.
        at_step: usize,
    },
    /// The property is broken by a step before the last one already.
    BrokenEarlier {
        /// By this step, the first being 1.
        at_step: usize,
    },
    /// Every step is taken and the property is kept.
    NoLongerBroken,
    /// Every step of a path, which breaks nothing, is taken.
    CanBeTaken,
    /// Every step is taken, but what repeats breaks the promise no more.
    NoLassoAnyMore {
        /// Why not, in a sentence.
        why: String,
    },
}

impl Replayed {
    /// Does the verdict stand: is the property broken along this trace, or can a path be taken?
    pub const fn stands(&self) -> bool {
        matches!(self, Self::StillBroken { .. } | Self::BrokenEarlier { .. } | Self::CanBeTaken)
    }
}

impl fmt::Display for Replayed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::StillBroken { at_step } => write!(f, "still broken, at step {at_step}"),
            Self::BrokenEarlier { at_step } => {
                write!(f, "broken at step {at_step} already, before the last one: record it again")
            }
            Self::NoLongerBroken => f.write_str(
                "no longer broken: every step is taken as recorded, and the property is kept by the last",
            ),
            Self::CanBeTaken => {
                f.write_str("it can be taken: every step is possible and does what is recorded")
            }
            Self::NoLassoAnyMore { why } => {
                write!(f, "no longer broken: every step is taken as recorded, but {why}")
            }
        }
    }
}

/// Why a trace cannot be replayed: the model of today does not do what it tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Divergence {
    /// The trace contradicts itself, or its scenario has no model.
    Unfit {
        /// Why, in a sentence.
        why: String,
    },
    /// A step is not possible where it stands.
    NotEnabled {
        /// Its number, the first being 1.
        step: usize,
        /// The step in words.
        action: String,
        /// What is possible instead, in words.
        enabled: Vec<String>,
    },
    /// A step did something else.
    Different {
        /// Its number, the first being 1.
        step: usize,
        /// The step in words.
        action: String,
        /// What is recorded and was not so, in words.
        recorded: Vec<String>,
        /// What was so and is not recorded, in words.
        replayed: Vec<String>,
    },
    /// The pod that is followed cannot be followed from there on.
    NotFollowed {
        /// The number of the step at whose end it should be, the first being 1.
        step: usize,
        /// The pod in words.
        pod: String,
    },
}

impl fmt::Display for Divergence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |parts: &[String]| match parts {
            [] => "nothing".to_owned(),
            parts => parts.join("; "),
        };
        match self {
            Self::Unfit { why } => f.write_str(why),
            Self::NotEnabled { step, action, enabled } => {
                write!(f, "step {step}: '{action}' is not possible here; possible are: ")?;
                let shown = &enabled[..enabled.len().min(LISTED_MAX)];
                f.write_str(&list(shown))?;
                match enabled.len() - shown.len() {
                    0 => Ok(()),
                    more => write!(f, "; and {more} more"),
                }
            }
            Self::Different { step, action, recorded, replayed } => write!(
                f,
                "step {step}: '{action}' does something else; recorded: {}; replayed: {}",
                list(recorded),
                list(replayed)
            ),
            Self::NotFollowed { step, pod } => {
                write!(
                    f,
                    "step {step}: {pod} cannot be followed from here on: the step writes neither its readiness nor its deletion"
                )
            }
        }
    }
}

impl std::error::Error for Divergence {}

fn unfit<T>(why: impl Into<String>) -> Result<T, Divergence> {
    Err(Divergence::Unfit { why: why.into() })
}

/// The state at the end of `trace` on the model of its scenario, with the names that its objects have there. What a step
/// changed is not compared with what is recorded, so the scenario may be another than the one that it was recorded in.
///
/// # Errors
/// The first step that is not possible where it stands.
pub fn end(trace: &Trace) -> Result<(ClusterState, Names), Divergence> {
    let world = World::new(trace.scenario.clone()).or_else(unfit)?;
    let mut walk = begin(&world, trace)?;
    let mut names = Names::of(trace);
    for (number, step) in trace.steps() {
        possible(&walk, &names, number, &step.action)?;
        names.see(&walk.step(&step.action, trace.followed));
    }
    Ok((walk.state, names))
}

/// Replays `trace` on the model of its scenario: each step must be possible in its place and change what is recorded; then
/// the property must be broken by the last step of the stem and by none before, or the lasso must be one: the cycle
/// returns to the state where it begins, the obligation is pending all along and discharged by no step, and every unit
/// of fairness has a step in the cycle or is disabled in one of its states. A path has nothing to break.
///
/// # Errors
/// The first place where the model does something else.
pub fn replay(trace: &Trace) -> Result<Replayed, Divergence> {
    let world = match World::new(trace.scenario.clone()) {
        Ok(world) => world,
        Err(why) => return unfit(why),
    };
    if trace.kind != Trace::kind_for(trace.property) {
        return unfit(match trace.property {
            Some(property) => format!("kind: {property} is broken by a trace of the other kind"),
            None => "property: a trace of this kind breaks one; accepted is its name".to_owned(),
        });
    }
    let mut walk = begin(&world, trace)?;
    let mut names = Names::of(trace);
    if trace.followed.is_some() && !world.model().rules.clocks.follow() {
        return unfit("followed: the scenario follows no pod; accepted is null");
    }
    match (trace.kind, trace.property) {
        (Kind::Lasso, Some(property)) => lasso(trace, property, &world, walk, names),
        (_, property) => {
            let mut broken_at = None;
            for (number, step) in trace.steps() {
                take(trace, &mut walk, &mut names, number, step)?;
                let breaks = |property| walk.judged.broken.contains(property);
                if broken_at.is_none() && property.is_some_and(breaks) {
                    broken_at = Some(number);
                }
            }
            Ok(match broken_at {
                _ if property.is_none() => Replayed::CanBeTaken,
                Some(at_step) if at_step == trace.stem.len() => Replayed::StillBroken { at_step },
                Some(at_step) => Replayed::BrokenEarlier { at_step },
                None => Replayed::NoLongerBroken,
            })
        }
    }
}

/// The beginning with the kube-proxy that the trace names.
fn begin<'w>(world: &'w World, trace: &Trace) -> Result<Walk<'w>, Divergence> {
    world.begin(trace.observed_proxy).map_or_else(
        || {
            let known: Vec<_> = world
                .beginnings()
                .iter()
                .map(|(proxy, _)| proxy.map_or("null".to_owned(), |n| n.0.to_string()))
                .collect();
            unfit(format!(
                "observed-proxy: no such kube-proxy is modelled; accepted are {}",
                known.join(", ")
            ))
        },
        Ok,
    )
}

/// Is a step possible where it stands?
fn possible(walk: &Walk<'_>, names: &Names, number: usize, action: &Action) -> Result<(), Divergence> {
    let enabled = walk.enabled();
    if enabled.contains(action) {
        return Ok(());
    }
    let enabled = enabled.iter().map(|action| words::action(names, action)).collect();
    Err(Divergence::NotEnabled { step: number, action: words::action(names, action), enabled })
}

/// The first step after which the state is another one than the recorded digest says, in a trace that [`replay`] takes step for
/// step: the model has another inner life since, or lays states out in another way. What an outsider sees is the same. None also
/// where no digest is recorded.
pub fn first_other_state(trace: &Trace) -> Option<usize> {
    let world = World::new(trace.scenario.clone()).ok()?;
    let mut walk = world.begin(trace.observed_proxy)?;
    for (number, step) in trace.steps() {
        if !walk.enables(&step.action) {
            return None;
        }
        walk.step(&step.action, trace.followed);
        if step.digest.is_some_and(|digest| digest != Digest::of(&walk.state)) {
            return Some(number);
        }
    }
    None
}

/// Takes a recorded step and compares what it does.
fn take(
    trace: &Trace,
    walk: &mut Walk<'_>,
    names: &mut Names,
    number: usize,
    step: &TraceStep,
) -> Result<(), Divergence> {
    possible(walk, names, number, &step.action)?;
    if let Some(followed) = trace.followed
        && followed.from_step as usize == number
        && !walk.may_follow(&step.action, followed.pod)
    {
        return Err(Divergence::NotFollowed { step: number, pod: names.pod(followed.pod) });
    }
    let changed = walk.step(&step.action, trace.followed);
    let mut recorded = Vec::new();
    let mut replayed = Vec::new();
    let component = step.action.component();
    if step.component != component {
        recorded.push(format!("component {}", step.component.name()));
        replayed.push(format!("component {}", component.name()));
    }
    if step.tick != walk.tick {
        recorded.push(format!("tick {}", step.tick));
        replayed.push(format!("tick {}", walk.tick));
    }
    // What the step was called before it, which is said only if it does something else.
    let before = changed.iter().any(Names::concerns).then(|| names.clone());
    names.see(&changed);
    let missing = |of: &[Change], from: &[Change]| {
        let odd = of.iter().filter(|change| !from.contains(change));
        odd.map(|change| words::change(names, change)).collect::<Vec<_>>()
    };
    recorded.extend(missing(&step.changed, &changed));
    replayed.extend(missing(&changed, &step.changed));
    if recorded.is_empty() && replayed.is_empty() && step.changed != changed {
        recorded.push("the same changes in another order, or some twice".to_owned());
    }
    if recorded.is_empty() && replayed.is_empty() {
        Ok(())
    } else {
        let action = words::action(before.as_ref().unwrap_or(names), &step.action);
        Err(Divergence::Different { step: number, action, recorded, replayed })
    }
}

/// The units of fairness of the steps that are possible in a state.
fn fair_units(world: &World, state: &ClusterState, enabled: &[Action]) -> Vec<Unit> {
    let mut units: Vec<_> =
        enabled.iter().filter_map(|action| world.model().unit_of(state, action)).collect();
    // What is held back is possible: a run that never takes it is not fair for that.
    units.extend(world.model().held_back(state));
    units.sort_unstable();
    units.dedup();
    units
}

fn lasso(
    trace: &Trace,
    property: Property,
    world: &World,
    mut walk: Walk<'_>,
    mut names: Names,
) -> Result<Replayed, Divergence> {
    let model = world.model();
    let Some(bit) = trace.obligation else {
        return unfit("obligation: a lasso keeps one pending; accepted is its number");
    };
    if !model.obligations.range(property).contains(&bit) {
        return unfit(format!("obligation: {bit} is none of {property}"));
    }
    for (number, step) in trace.steps().take(trace.stem.len()) {
        take(trace, &mut walk, &mut names, number, step)?;
    }
    let entry = walk.state.clone();
    let no_more = |why: String| Ok(Replayed::NoLassoAnyMore { why });
    if let Some(limit) = model.limit(&entry) {
        return no_more(format!("the search ends where it should repeat: {limit}"));
    }
    let what = crate::why::obligation(world, &names, bit);
    let mut always_enabled = fair_units(world, &entry, &walk.enabled());
    let mut taken_units = Vec::new();
    let is_pending = |state: &ClusterState| model.pending(state).contains(&bit);
    let mut kept = is_pending(&entry);
    for (number, step) in trace.steps().skip(trace.stem.len()) {
        let before = walk.state.clone();
        taken_units.extend(model.unit_of(&before, &step.action));
        take(trace, &mut walk, &mut names, number, step)?;
        let enabled = fair_units(world, &walk.state, &walk.enabled());
        always_enabled.retain(|unit| enabled.contains(unit));
        kept &= is_pending(&walk.state);
        kept &= !model.open(&before, |before| {
            model.open(&walk.state, |after| model.discharges(property, before, after))
        });
    }
    if walk.state != entry {
        return no_more("its cycle does not return to the state where it begins".to_owned());
    }
    if !kept {
        return no_more(format!("something of what repeats meets the obligation: {what}"));
    }
    let neglected = always_enabled.into_iter().find(|unit| !taken_units.contains(unit));
    if let Some(unit) = neglected {
        let steps = walk.enabled();
        let step = steps.iter().find(|action| model.unit_of(&walk.state, action) == Some(unit));
        let step = step.map_or_else(
            || "a fair step".to_owned(),
            |action| format!("'{}'", words::action(&names, action)),
        );
        return no_more(format!("no fair run repeats it: {step} is possible all along and never taken"));
    }
    Ok(Replayed::StillBroken { at_step: trace.stem.len() })
}
