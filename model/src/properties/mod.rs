//! The safety promises: predicates over (before, small step, after).
//!
//! Those that an outsider can judge are generic over [`Observe`]; those that read a component's copy of the cluster, or a
//! clock, are model-only and take [`Cluster`]s. Each has a *premise*: a property whose premise no step reaches is not
//! judged (`not-applicable`).

mod addresses;
mod containers;
mod deletion;
mod disruption;
mod endpoints;
mod grace;
pub mod placement;
mod rollout;
#[cfg(test)]
mod tests;
pub mod traffic;

use podproof_vocabulary::action::{Action, Kubelet};
use podproof_vocabulary::observation::Observe;
use podproof_vocabulary::property::PropertySet;
use podproof_vocabulary::scenario::Scenario;
use podproof_vocabulary::{PodId, Property};

use crate::cluster::Cluster;

/// The pods that a promise about latencies is judged for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// Any.
    Any,
    /// The one whose clocks run: what others do takes any time and shows nothing.
    Followed(Option<PodId>),
}

impl Subject {
    /// Is a promise judged for this pod?
    pub fn is(self, pod: PodId) -> bool {
        match self {
            Self::Any => true,
            Self::Followed(followed) => followed == Some(pod),
        }
    }
}

/// One small step, from both sides.
pub struct Step<'s, O> {
    /// The pods that promises about latencies are judged for.
    pub subject: Subject,
    /// The scenario.
    pub scenario: &'s Scenario,
    /// The cluster before the step.
    pub before: &'s O,
    /// The step.
    pub action: &'s Action,
    /// The cluster after it.
    pub after: &'s O,
}

/// What a predicate says of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Judgement {
    /// The step has nothing to do with the property.
    Silent,
    /// The premise is true, and the promise is kept.
    Kept,
    /// The promise is broken.
    Broken,
}

impl Judgement {
    /// Kept or broken, where the premise holds.
    fn of(premise: bool, broken: bool) -> Self {
        match (premise, broken) {
            (_, true) => Self::Broken,
            (true, false) => Self::Kept,
            (false, false) => Self::Silent,
        }
    }
}

/// The properties that a step breaks, and those whose premise it reaches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Judged {
    /// Broken by this step, or true of nothing after it.
    pub broken: PropertySet,
    /// Their premise is true here.
    pub reached: PropertySet,
}

impl Judged {
    fn add(&mut self, property: Property, judgement: Judgement) {
        self.broken.insert_if(property, judgement == Judgement::Broken);
        self.reached.insert_if(property, judgement != Judgement::Silent);
    }

    /// What either says.
    #[must_use]
    pub fn union(self, other: Self) -> Self {
        Self { broken: self.broken.union(other.broken), reached: self.reached.union(other.reached) }
    }
}

/// Judges the properties of `judged` that an outsider can judge.
pub fn judge_seen<O: Observe>(step: &Step<'_, O>, judged: PropertySet) -> Judged {
    let mut result = Judged::default();
    let mut add = |property, judge: fn(&Step<'_, O>) -> Judgement| {
        if judged.contains(property) {
            result.add(property, judge(step));
        }
    };
    add(Property::NoTrafficAfterSigterm, traffic::no_traffic_after_sigterm);
    add(Property::NoFailedRequest, traffic::no_failed_request);
    add(Property::NoMisroutedRequest, traffic::no_misrouted_request);
    add(Property::DisruptionBudgetKept, disruption::disruption_budget_kept);
    add(Property::PodsWithinSurge, rollout::pods_within_surge);
    add(Property::TerminalIsFinal, deletion::terminal_is_final);
    add(Property::StoppedBeforeGone, deletion::stopped_before_gone);
    add(Property::InitBeforeApp, containers::init_before_app);
    add(Property::SandboxHoldsNamespaces, containers::sandbox_holds_namespaces);
    add(Property::OneAddressOnePod, addresses::one_address_one_pod);
    result
}

/// The promises that speak of the choice which this step is, and so of the step itself; the others speak of what a step leads
/// to.
pub fn about_choice(action: &Action) -> PropertySet {
    const NONE: PropertySet = PropertySet::NONE;
    match action {
        Action::Scheduler(_) => NONE.with(Property::PlacementLawful),
        Action::EndpointSlice(_) => NONE.with(Property::ReadyMeansReady),
        Action::Deployment(_) => NONE.with(Property::RolloutWithinBounds),
        Action::Drain(_) => NONE.with(Property::DisruptionBudgetKept),
        Action::Kubelet(Kubelet::SendSigterm { .. }) => {
            NONE.with(Property::GraceHonoured).with(Property::InitBeforeApp)
        }
        Action::Kubelet(Kubelet::SendSigkill { .. }) => NONE.with(Property::GraceHonoured),
        Action::Kubelet(Kubelet::StartContainer { .. }) => NONE.with(Property::InitBeforeApp),
        _ => NONE,
    }
}

/// Judges the properties of `judged`, those that read copies and clocks too.
pub fn judge(step: &Step<'_, Cluster<'_>>, judged: PropertySet) -> Judged {
    let mut result = judge_seen(step, judged);
    let mut add = |property, judge: fn(&Step<'_, Cluster<'_>>) -> Judgement| {
        if judged.contains(property) {
            result.add(property, judge(step));
        }
    };
    add(Property::NoAvoidableBlackout, traffic::no_avoidable_blackout);
    add(Property::ReadyMeansReady, endpoints::ready_means_ready);
    add(Property::PlacementLawful, placement::placement_lawful);
    add(Property::RolloutWithinBounds, rollout::rollout_within_bounds);
    add(Property::GraceHonoured, grace::grace_honoured);
    result
}
