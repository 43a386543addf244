//! What a promise needs of a log to be judged.

use std::collections::BTreeSet;
use std::rc::Rc;

use podproof_vocabulary::Property;
use podproof_vocabulary::property::Kind;
use podproof_vocabulary::scenario::Scenario;

use super::Evidence;

/// The nodes that a need is about.
pub(super) struct Places<'p> {
    /// All.
    pub all: &'p [Rc<str>],
    /// Those that its pods were on.
    pub homes: &'p BTreeSet<Rc<str>>,
}

/// Something that a log may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Need {
    /// The writes to the API server.
    Writes,
    /// The rules of every node, as each of them counts.
    RulesOfAll,
    /// The rules of some node: only those are judged.
    RulesOfSome,
    /// The container runtime of every node that its pods were on.
    Runtimes,
    /// The same, or what the processes say of themselves.
    Processes,
    /// What the processes say of themselves: no container runtime tells of SIGTERM.
    Signals,
}

/// What each promise needs. Without it the model may do what the promise speaks of at any moment, and a log cannot tell when
/// it was done.
const fn needs(property: Property) -> &'static [Need] {
    use Need::{Processes, RulesOfAll, RulesOfSome, Runtimes, Signals, Writes};
    match property {
        // The rules at the moment at which a process begins or ends to answer.
        Property::NoTrafficAfterSigterm => &[Writes, RulesOfAll, Signals],
        Property::NoFailedRequest | Property::NoMisroutedRequest => &[Writes, RulesOfAll, Processes],
        Property::NoAvoidableBlackout => &[Writes, RulesOfSome, Processes],
        // Processes that start, stop and are killed.
        Property::StoppedBeforeGone
        | Property::GraceHonoured
        | Property::InitBeforeApp
        | Property::SandboxHoldsNamespaces
        | Property::OneAddressOnePod
        // A pod that runs on counts, also where its object is gone.
        | Property::PodsWithinSurge => &[Writes, Runtimes],
        // What is written, by whom and after what.
        Property::ReadyMeansReady
        | Property::PlacementLawful
        | Property::DisruptionBudgetKept
        | Property::RolloutWithinBounds
        | Property::TerminalIsFinal => &[Writes],
        Property::ReplacedAfterNodeFailure
        | Property::ScheduledIfFeasible
        | Property::RolloutCompletes
        | Property::DeletionCompletes
        | Property::EndpointsConverge
        | Property::UnreachableEndpointsLeave
        | Property::CrashRecovers
        | Property::RuntimeHangDetected
        | Property::NoexecuteEvicts => &[],
    }
}

/// Why a log cannot tell anything of a promise; none if it can.
pub(super) fn lacks(
    property: Property,
    scenario: &Scenario,
    evidence: &Evidence,
    places: &Places<'_>,
) -> Option<String> {
    if property.facts().kind == Kind::Liveness {
        return Some("it is about what comes in the end, and a log ends before".to_owned());
    }
    let lacks = needs(property).iter().find_map(|&need| lack(need, evidence, places));
    lacks.or_else(|| match property {
        Property::NoMisroutedRequest if !scenario.addresses_are_reused => {
            Some("who else got an address that a pod had is not followed".to_owned())
        }
        Property::NoAvoidableBlackout if scenario.neighbours.iter().any(|neighbour| neighbour.in_service) => {
            Some("pods of other workloads serve too, and whether they accept is not followed".to_owned())
        }
        _ => None,
    })
}

/// What is missing of a need.
fn lack(need: Need, evidence: &Evidence, places: &Places<'_>) -> Option<String> {
    let missing = |wanted: &mut dyn Iterator<Item = &Rc<str>>, there: &BTreeSet<Rc<str>>| {
        let missing: Vec<&str> = wanted.filter(|&node| !there.contains(node)).map(|node| &**node).collect();
        (!missing.is_empty()).then(|| missing.join(", "))
    };
    let runtimes = || missing(&mut places.homes.iter(), &evidence.runtimes);
    match need {
        Need::Writes if !evidence.writes => Some("no audit log is given".to_owned()),
        Need::RulesOfAll => {
            let nodes = missing(&mut places.all.iter(), &evidence.rules)?;
            Some(format!("what kube-proxy programs is not given for {nodes}"))
        }
        Need::RulesOfSome if !places.all.iter().any(|node| evidence.rules.contains(node)) => {
            Some("what kube-proxy programs is given for no node".to_owned())
        }
        Need::Runtimes => {
            let nodes = runtimes()?;
            Some(format!("the events of the container runtime are not given for {nodes}"))
        }
        Need::Processes if !evidence.processes => {
            let nodes = runtimes()?;
            Some(format!(
                "neither what processes say of themselves is given nor, for {nodes}, the events of the container runtime"
            ))
        }
        Need::Signals if !evidence.processes => {
            Some("what processes say of themselves is not given, and only they tell of SIGTERM".to_owned())
        }
        Need::Writes | Need::RulesOfSome | Need::Processes | Need::Signals => None,
    }
}

/// Why nothing is known of requests although clients tell of their connections: what these are compared with is missing.
pub(super) fn unheard(evidence: &Evidence, places: &Places<'_>) -> Option<String> {
    let silent = places.all.iter().filter(|node| !evidence.runtimes.contains(*node));
    let silent: Vec<&str> = silent.map(|node| &**node).collect();
    let what = match (silent.is_empty(), evidence.processes) {
        _ if !evidence.requests => return None,
        (true, true) => return None,
        (true, false) => "what processes say of themselves is not given".to_owned(),
        (false, _) => format!("the events of the container runtime are not given for {}", silent.join(", ")),
    };
    Some(format!("clients tell of connections, and {what}: these were not looked at"))
}
