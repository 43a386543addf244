//! Two systems through one script: the reference chooses among what it can do, the other must be able to do it too, and an
//! outsider must not be able to tell them apart after any step. What the other says that it could do, the reference must
//! allow. The safety promises are judged on both sides.
//!
//! Slots are numbers that each system gives by itself, so the slots of a pod that appears in both are paired, and what is
//! said of the one holds of the other.

use std::borrow::Cow;
use std::fmt;

use podproof_vocabulary::action::{Action, Rename};
use podproof_vocabulary::observation::{Observation, SandboxSeen, SlotSeen};
use podproof_vocabulary::property::PropertySet;
use podproof_vocabulary::{NodeId, PodId, Property, Scenario};

use super::promises::{self, kept_by};
use super::rest::{Rest, Resting, broken, failed};
use crate::choices::Choices;
use crate::system::{Parts, Refusal, Refused, System, Unfit};
use crate::telling::tell;

/// Whole observations are compared every so many steps, and at the end.
const WHOLE_EVERY: usize = 64;

/// What came of a script.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Agreed {
    /// The steps that were taken.
    pub actions: Vec<Action>,
    /// Steps that the other refused because it lawfully keeps to an order that the reference leaves open.
    pub passed_over: usize,
    /// How it ended when nothing more happened to the cluster.
    pub rest: Option<Rest>,
}

/// How two systems differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Divergence {
    /// The steps that led there, that of the divergence last.
    pub actions: Vec<Action>,
    /// What is different.
    pub difference: Difference,
}

/// What is different.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Difference {
    /// One of them cannot run the scenario.
    Unfit(Unfit),
    /// The other cannot take the step that the reference takes.
    Refused {
        /// Why not.
        why: String,
    },
    /// The other could do something that the reference does not allow.
    NotAllowed(Action),
    /// An outsider sees something else.
    Seen {
        /// Of what.
        what: String,
        /// In the reference.
        reference: String,
        /// In the other.
        other: String,
    },
    /// A promise is broken that holds on every path of the scenario.
    Broken(Property),
    /// At rest something has not come that is promised.
    Owed {
        /// By which promise.
        promise: Property,
        /// What.
        why: String,
    },
}

impl Divergence {
    /// What kind of difference it is, without numbers: two of one kind are taken to have one cause.
    pub fn kind(&self) -> String {
        let last = self.actions.last().map(Action::class);
        match &self.difference {
            Difference::Unfit(_) => "unfit".to_owned(),
            Difference::Refused { why } => format!("refused {last:?}: {}", without_names(why)),
            Difference::NotAllowed(action) => format!("not allowed {:?}", action.class()),
            Difference::Seen { what, .. } => {
                format!("seen {}", what.replace(|c: char| c.is_ascii_digit(), ""))
            }
            Difference::Broken(promise) | Difference::Owed { promise, .. } => format!("broken {promise}"),
        }
    }
}

/// What is said before it comes to particulars, without words that are names of objects or have numbers.
fn without_names(why: &str) -> String {
    let general = why.split([':', '{', '(', '"']).next().unwrap_or_default();
    let is_name = |word: &&str| word.contains(|c: char| c.is_ascii_digit() || "-/".contains(c));
    general.split_whitespace().filter(|word| !is_name(word)).collect::<Vec<_>>().join(" ")
}

impl fmt::Display for Divergence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, action) in self.actions.iter().enumerate() {
            writeln!(f, "{:4} {action:?}", number + 1)?;
        }
        match &self.difference {
            Difference::Unfit(unfit) => unfit.fmt(f),
            Difference::Refused { why } => write!(f, "the other system cannot do the last step: {why}"),
            Difference::NotAllowed(action) => {
                write!(f, "the other system could do {action:?} now, which the reference does not allow")
            }
            Difference::Seen { what, reference, other } => {
                write!(f, "{what}:\n  the reference has {reference}\n  the other has   {other}")
            }
            Difference::Broken(promise) => write!(f, "both break {promise}"),
            Difference::Owed { promise, why } => write!(f, "at rest {promise} is broken: {why}"),
        }
    }
}

impl std::error::Error for Divergence {}

/// Drives `other` beside `reference` through at most so many steps of a script. Then nothing more happens to the cluster, and both
/// come to the same rest if they come to any soon.
///
/// # Errors
/// The first difference.
pub fn agree(
    reference: &mut impl System,
    other: &mut impl System,
    scenario: &Scenario,
    script: &[u8],
    steps_max: usize,
) -> Result<Agreed, Box<Divergence>> {
    let mut choices = Choices::new(script);
    let next = |taken: usize, enabled: &[Action]| {
        let goes_on = taken < steps_max && !choices.is_over();
        if goes_on { choices.action(enabled) } else { None }
    };
    take(reference, other, scenario, next)
}

/// Drives `other` beside `reference` along a path, and then to rest; steps of it that the reference does not allow are left out.
///
/// # Errors
/// The first difference.
pub fn follow(
    reference: &mut impl System,
    other: &mut impl System,
    scenario: &Scenario,
    path: &[Action],
) -> Result<Agreed, Box<Divergence>> {
    let mut path = path.iter();
    take(reference, other, scenario, |_, enabled| path.find(|action| enabled.contains(action)).copied())
}

fn take(
    reference: &mut impl System,
    other: &mut impl System,
    scenario: &Scenario,
    next: impl FnMut(usize, &[Action]) -> Option<Action>,
) -> Result<Agreed, Box<Divergence>> {
    let mut agreed = Agreed::default();
    match take_all(reference, other, scenario, next, &mut agreed) {
        Ok(()) => Ok(agreed),
        Err(difference) => Err(Box::new(Divergence { actions: agreed.actions, difference })),
    }
}

fn take_all(
    reference: &mut impl System,
    other: &mut impl System,
    scenario: &Scenario,
    mut next: impl FnMut(usize, &[Action]) -> Option<Action>,
    agreed: &mut Agreed,
) -> Result<(), Difference> {
    let Agreed { actions, passed_over, rest } = agreed;
    reference.reset(scenario).map_err(Difference::Unfit)?;
    other.reset(scenario).map_err(Difference::Unfit)?;
    let mut sides =
        Sides { reference: reference.observation(), other: other.observation(), pairs: Pairs::default() };
    let changed = (reference.observe(&mut sides.reference), other.observe(&mut sides.other));
    sides.compare(&changed.0, &changed.1)?;
    let (mut enabled, mut own) = (Vec::new(), Vec::new());
    // What the other refused since the last step, and how: without it the reference may have nothing to offer, and the script is over.
    let mut put_off: Vec<(Action, Refused)> = Vec::new();
    let kept = kept_by(scenario);
    let mut before = (sides.reference.clone(), sides.other.clone());
    let mut resting: Option<Resting> = None;
    loop {
        enabled.clear();
        reference.pending(&mut enabled);
        own.clear();
        other.pending(&mut own);
        sides.all_allowed(&enabled, &own)?;
        enabled.retain(|action| !put_off.iter().any(|(refused, _)| refused == action));
        let chosen = match &mut resting {
            None => next(actions.len(), &enabled),
            Some(resting) => {
                enabled.retain(|action| !matches!(action, Action::Environment(_)));
                put_off.retain(|(action, _)| !matches!(action, Action::Environment(_)));
                match resting.next(&enabled, !put_off.is_empty()) {
                    Ok(action) => Some(action),
                    Err(end) => {
                        *rest = Some(if reference.is_stuck() { Rest::Stuck } else { end });
                        break;
                    }
                }
            }
        };
        let Some(action) = chosen else {
            tell(|| "--- from here on nothing goes wrong any more".to_owned());
            resting = Some(Resting::default());
            continue;
        };
        let theirs = action.renamed(&sides.pairs);
        tell(|| format!("{:4} {action:?}", actions.len() + 1));
        match other.apply(&theirs) {
            Ok(()) => {
                actions.push(action);
                put_off.clear();
            }
            Err(refused) if refused.refusal == Refusal::Difference => {
                actions.push(action);
                return Err(Difference::Refused { why: refused.why });
            }
            Err(refused) => {
                tell(|| format!("     not now: {}", refused.why));
                *passed_over += 1;
                put_off.push((action, refused));
                continue;
            }
        }
        if let Err(refused) = reference.apply(&action) {
            unreachable!("the reference offered {action:?} and refuses it: {refused}");
        }
        let changed = (reference.observe(&mut sides.reference), other.observe(&mut sides.other));
        sides.compare(&changed.0, &changed.1)?;
        sides.judge(scenario, &before, (&action, &theirs), kept, reference.broken().union(other.broken()))?;
        changed.0.bring(&sides.reference, &mut before.0);
        changed.1.bring(&sides.other, &mut before.1);
        if actions.len().is_multiple_of(WHOLE_EVERY) {
            sides.compare_whole(reference, other)?;
        }
    }
    sides.compare_whole(reference, other)?;
    match *rest {
        Some(Rest::Endless | Rest::Stuck) | None => Ok(()),
        Some(_) => {
            // An order that the reference leaves open is no reason any more: nothing is left that could come first.
            let is_late = |own: &&(Action, Refused)| own.1.refusal == Refusal::Later;
            if let Some((action, refused)) = put_off.iter().find(is_late) {
                actions.push(*action);
                return Err(Difference::Refused { why: format!("at rest, {}", refused.why) });
            }
            if *rest != Some(Rest::CrashLoop) {
                sides.linger(reference, other)?;
            }
            let passed_over = put_off.iter().filter_map(|(action, _)| match action {
                Action::Kubelet(step) => step.pod(),
                _ => None,
            });
            sides.judge_rest(scenario, &failed(actions), &passed_over.collect::<Vec<_>>())
        }
    }
}

/// Which slot of the other is which slot of the reference.
#[derive(Clone, Debug, Default)]
struct Pairs(Vec<(PodId, PodId)>);

impl Pairs {
    fn pair(&mut self, reference: PodId, other: PodId) {
        self.0.retain(|(one, two)| *one != reference && *two != other);
        self.0.push((reference, other));
    }

    fn of_other(&self, other: PodId) -> PodId {
        self.0.iter().find(|(_, two)| *two == other).map_or(other, |(one, _)| *one)
    }
}

impl Rename for Pairs {
    fn pod(&self, pod: PodId) -> PodId {
        self.0.iter().find(|(one, _)| *one == pod).map_or(pod, |(_, two)| *two)
    }

    fn node(&self, node: NodeId) -> NodeId {
        node
    }
}

/// The same, the other way round.
struct Back<'a>(&'a Pairs);

impl Rename for Back<'_> {
    fn pod(&self, pod: PodId) -> PodId {
        self.0.of_other(pod)
    }

    fn node(&self, node: NodeId) -> NodeId {
        node
    }
}

struct Sides {
    reference: Observation,
    other: Observation,
    pairs: Pairs,
}

impl Sides {
    fn compare(&mut self, of_reference: &Parts, of_other: &Parts) -> Result<(), Difference> {
        self.pair_new(of_reference, of_other);
        let mut slots: Vec<PodId> = of_reference.slots.clone();
        slots.extend(of_other.slots.iter().map(|&pod| self.pairs.of_other(pod)));
        slots.sort_unstable();
        slots.dedup();
        for pod in slots {
            let (one, two) = (self.slot(&self.reference, pod), self.slot(&self.other, self.pairs.pod(pod)));
            equal(format_args!("pod {}", pod.0), &one, &two)?;
        }
        if of_reference.others || of_other.others {
            let (one, two) = (&self.reference, &self.other);
            equal("the nodes", &one.nodes, &two.nodes)?;
            equal("the ReplicaSets", &one.replica_sets, &two.replica_sets)?;
            equal("the Deployment", &one.deployment, &two.deployment)?;
            equal("the budget", &one.budget, &two.budget)?;
        }
        Ok(())
    }

    /// What a step breaks and keeps must be the same on both sides, and nothing that is kept on every path may be broken, nor of what
    /// each judges `of_copies` that it alone knows.
    fn judge(
        &self,
        scenario: &Scenario,
        before: &(Observation, Observation),
        action: (&Action, &Action),
        kept: PropertySet,
        of_copies: PropertySet,
    ) -> Result<(), Difference> {
        let one = promises::judge(scenario, &before.0, action.0, &self.reference);
        let two = promises::judge(scenario, &before.1, action.1, &self.other);
        equal("the promises", &one, &two)?;
        match one.broken.union(of_copies).intersection(kept).iter().next() {
            Some(promise) => Err(Difference::Broken(promise)),
            None => Ok(()),
        }
    }

    /// The other goes on by its clocks alone, and nothing comes of it that the reference does not allow.
    fn linger(&mut self, reference: &impl System, other: &mut impl System) -> Result<(), Difference> {
        let lingered = other.linger();
        lingered.map_err(|refused| Difference::Refused { why: format!("at rest, {}", refused.why) })?;
        let (mut enabled, mut own) = (Vec::new(), Vec::new());
        reference.pending(&mut enabled);
        other.pending(&mut own);
        self.all_allowed(&enabled, &own)?;
        let changed = other.observe(&mut self.other);
        self.compare(&Parts::default(), &changed)
    }

    /// What was promised has come, on both sides.
    /// What is owed at rest. A pod of which the other lawfully does not take a step (`passed_over`) goes no further on either side.
    fn judge_rest(
        &self,
        scenario: &Scenario,
        failed: &[NodeId],
        passed_over: &[PodId],
    ) -> Result<(), Difference> {
        let theirs: Vec<PodId> = passed_over.iter().map(|&pod| self.pairs.pod(pod)).collect();
        for (seen, passed_over) in [(&self.reference, passed_over), (&self.other, &theirs)] {
            if let Some((promise, why)) = broken(scenario, seen, failed, passed_over) {
                return Err(Difference::Owed { promise, why });
            }
        }
        Ok(())
    }

    /// Pods that appeared on both sides in this step are one.
    fn pair_new(&mut self, of_reference: &Parts, of_other: &Parts) {
        let known = |pod: PodId, of: fn(&(PodId, PodId)) -> PodId, pairs: &Pairs| {
            pairs.0.iter().any(|pair| of(pair) == pod)
        };
        let there = |seen: &Observation, pod: &PodId| {
            seen.slots.get(pod.index()).is_some_and(|slot| slot.pod.is_some())
        };
        // A slot that is free on both sides is nobody's.
        let (reference, other) = (&self.reference, &self.other);
        self.pairs.0.retain(|(one, two)| {
            !is_free(&reference.slots[one.index()])
                || other.slots.get(two.index()).is_some_and(|slot| !is_free(slot))
        });
        let mut ours = of_reference
            .slots
            .iter()
            .copied()
            .filter(|pod| there(reference, pod) && !known(*pod, |pair| pair.0, &self.pairs))
            .collect::<Vec<_>>()
            .into_iter();
        let theirs: Vec<PodId> = of_other
            .slots
            .iter()
            .copied()
            .filter(|pod| there(other, pod) && !known(*pod, |pair| pair.1, &self.pairs))
            .collect();
        for two in theirs {
            if let Some(one) = ours.next() {
                self.pairs.pair(one, two);
            }
        }
    }

    fn slot<'a>(&self, seen: &'a Observation, pod: PodId) -> Cow<'a, SlotSeen> {
        let free = || SlotSeen {
            pod: None,
            sandbox: SandboxSeen::default(),
            containers: vec![Default::default(); self.reference.containers],
            reused_address: None,
            endpoint: None,
            rules: vec![None; self.reference.nodes.len()],
        };
        seen.slots.get(pod.index()).map_or_else(|| Cow::Owned(free()), Cow::Borrowed)
    }

    fn compare_whole(&mut self, reference: &impl System, other: &impl System) -> Result<(), Difference> {
        equal(
            "the whole, not as reported step by step, of the reference",
            &reference.observation(),
            &self.reference,
        )?;
        equal("the whole, not as reported step by step, of the other", &other.observation(), &self.other)?;
        let everything = (Parts::everything(&self.reference), Parts::everything(&self.other));
        self.compare(&everything.0, &everything.1)
    }

    fn all_allowed(&self, enabled: &[Action], own: &[Action]) -> Result<(), Difference> {
        let allowed = |action: &Action| enabled.contains(&action.renamed(&Back(&self.pairs)));
        match own.iter().find(|action| !allowed(action)) {
            Some(action) => Err(Difference::NotAllowed(action.renamed(&Back(&self.pairs)))),
            None => Ok(()),
        }
    }
}

/// Nothing is seen of this slot.
fn is_free(slot: &SlotSeen) -> bool {
    slot.pod.is_none()
        && slot.sandbox == SandboxSeen::default()
        && slot.endpoint.is_none()
        && slot.rules.iter().all(Option::is_none)
}

fn equal<T: PartialEq + fmt::Debug>(
    what: impl fmt::Display,
    reference: &T,
    other: &T,
) -> Result<(), Difference> {
    match reference == other {
        true => Ok(()),
        false => Err(Difference::Seen {
            what: what.to_string(),
            reference: format!("{reference:?}"),
            other: format!("{other:?}"),
        }),
    }
}

#[cfg(test)]
mod tests;
