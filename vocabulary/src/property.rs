//! The promises of the pod lifecycle, by name. The names are the interface: reports, traces, tests and filters use
//! them as they stand here. The predicates themselves are in the model.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// What kind of claim a property is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A bad step is never taken: refuted by a finite path.
    Safety,
    /// Under fairness something good comes: refuted by a lasso.
    Liveness,
}

impl Kind {
    /// Its name in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Safety => "safety",
            Self::Liveness => "liveness",
        }
    }
}

/// What a property is, apart from its predicate.
pub struct Facts {
    /// The property.
    pub property: Property,
    /// Its name, in kebab case.
    pub name: &'static str,
    /// Safety or progress.
    pub kind: Kind,
    /// Judged timed under `--timing auto`: it speaks of latencies.
    pub timed: bool,
    /// An *expectation*: what people expect and Kubernetes does not promise. Reported, but it does not count for
    /// the exit status unless it is named.
    pub expectation: bool,
    /// The promise in one sentence.
    pub says: &'static str,
    /// What must come about for the promise to be judged at all. Where it never does, the promise is not applicable.
    pub premise: &'static str,
}

macro_rules! properties {
    ($($variant:ident $name:literal $kind:ident $(timed $timed:literal)? $(expectation $expectation:literal)? => $says:literal, if $premise:literal;)*) => {
        /// A promise of the pod lifecycle.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
        #[serde(rename_all = "kebab-case")]
        pub enum Property {
            $(#[doc = $says] $variant,)*
        }

        /// Every property, in the order of the design.
        pub const PROPERTIES: &[Facts] = &[$(Facts {
            property: Property::$variant,
            name: $name,
            kind: Kind::$kind,
            timed: false $(|| $timed)?,
            expectation: false $(|| $expectation)?,
            says: $says,
            premise: $premise,
        },)*];
    };
}

properties! {
    NoTrafficAfterSigterm "no-traffic-after-sigterm" Safety timed true =>
        "no node has a rule that would send a new connection to a pod whose serving container has received SIGTERM",
        if "a pod behind a Service that is not headless gets SIGTERM in its serving container";
    NoFailedRequest "no-failed-request" Safety timed true =>
        "no living node has a rule that would send a new connection to an address on a reachable node where nobody accepts it",
        if "a living node has a rule to an address on a node that is alive and connected";
    NoMisroutedRequest "no-misrouted-request" Safety timed true =>
        "no rule sends a connection to an address that now belongs to another workload's pod",
        if "an address that a rule or a slice still knows as a pod's belongs to another workload's pod";
    NoAvoidableBlackout "no-avoidable-blackout" Safety timed true =>
        "while some pod has been accepting, Ready in the API and not deleting for longer than the propagation bound, every living, connected node has a rule to an accepting pod",
        if "a pod is accepting, Ready and not deleting for longer than the propagation bound, with no other workload's pod behind its Service";
    ReadyMeansReady "ready-means-ready" Safety =>
        "each slice write sets ready to publishNotReadyAddresses, or Ready and not deleting, of the writer's copy of the pod",
        if "an EndpointSlice with an entry is written";
    PlacementLawful "placement-lawful" Safety =>
        "every binding is to a node that satisfied all filter predicates in the scheduler's view, and no set of admitted pods exceeds what the node can allocate",
        if "a node is chosen for a pod, or a kubelet admits one";
    DisruptionBudgetKept "disruption-budget-kept" Safety =>
        "evictions through the API never take the healthy pods below what the budget asks",
        if "a pod that a budget rules over is evicted through the API";
    RolloutWithinBounds "rollout-within-bounds" Safety =>
        "no write of the Deployment controller in a rolling update raises the sum of its ReplicaSets' wanted replicas above replicas + maxSurge, nor scales old ones down so far that its own view has fewer than replicas - maxUnavailable available",
        if "the Deployment controller, by the strategy RollingUpdate, raises the wanted replicas or scales an old ReplicaSet down";
    PodsWithinSurge "pods-within-surge" Safety expectation true =>
        "no more than replicas + maxSurge pods of the Deployment are alive at once, terminating ones counted",
        if "as many as replicas + maxSurge pods of a Deployment are alive at once";
    TerminalIsFinal "terminal-is-final" Safety =>
        "no write turns Succeeded or Failed into another phase, and no container starts after its pod's worker began terminating",
        if "a pod has a terminal phase and a worker that terminates it";
    StoppedBeforeGone "stopped-before-gone" Safety =>
        "a pod object is removed only after its containers stopped (force delete and collection from a dead node excepted)",
        if "the object of a pod that had containers is removed, neither by force nor from a node without power by the pod garbage collector";
    GraceHonoured "grace-honoured" Safety timed true =>
        "no SIGKILL by a deletion before the smallest grace in force (at least 2 s) has run; SIGTERM only after preStop ended or the grace ran out",
        if "a kubelet that stops a pod sends a signal to a container of it";
    InitBeforeApp "init-before-app" Safety =>
        "init containers finish in order before any app container starts; a sidecar starts before and gets SIGTERM after the app containers, unless it crashed or the grace ran out",
        if "an app container starts in a pod that has init containers or sidecars";
    SandboxHoldsNamespaces "sandbox-holds-namespaces" Safety =>
        "a container runs only while its pod's sandbox lives; its pod's network identity is the sandbox's",
        if "a container runs";
    OneAddressOnePod "one-address-one-pod" Safety =>
        "no two live sandboxes hold the same IP; no host port is held twice on a node; no port twice in a pod",
        if "a pod has a living sandbox";
    ReplacedAfterNodeFailure "replaced-after-node-failure" Liveness =>
        "a node fails for good, room remains elsewhere: the workload is back at its wanted number of ready pods on living nodes",
        if "a node fails for good, and all wanted pods can be ready on the healthy ones";
    ScheduledIfFeasible "scheduled-if-feasible" Liveness =>
        "a pod that is feasible from some point on is bound in the end",
        if "there is a pod that is bound, or could be";
    RolloutCompletes "rollout-completes" Liveness =>
        "a rollout ends, if from some point on a joint placement of all its new pods on live, schedulable nodes exists without the old ones, and the template can become ready",
        if "the template changes, and all pods of the new one fit without the old ones and can become ready";
    DeletionCompletes "deletion-completes" Liveness =>
        "a deleted pod without finalizer on a node that stays alive and connected disappears",
        if "a pod without finalizer is deleted on a node that is alive and connected";
    EndpointsConverge "endpoints-converge" Liveness =>
        "if the API state of the Service's pods settles, every living, connected node's rules come to equal what kube-proxy selects from it",
        if "a kube-proxy programs rules of the workload's Service";
    UnreachableEndpointsLeave "unreachable-endpoints-leave" Liveness =>
        "a pod on a node that failed for good leaves the rules of every living, connected node",
        if "a node fails for good under a pod behind a Service";
    CrashRecovers "crash-recovers" Liveness =>
        "on a node that stays alive and connected, a crashed container of a pod that should run is running again",
        if "a container that its policy restarts, and whose port no other of its pod holds, exits on a node that is alive and connected";
    RuntimeHangDetected "runtime-hang-detected" Liveness =>
        "a runtime that hangs for good makes the node NotReady, and with room elsewhere its pods are replaced",
        if "a container runtime hangs for good on a node that is alive and connected";
    NoexecuteEvicts "noexecute-evicts" Liveness =>
        "on a node that stays alive and connected, a pod that does not tolerate a NoExecute taint leaves",
        if "a node that is alive and connected has a NoExecute taint that a pod on it does not tolerate";
}

impl Property {
    /// How many properties there are.
    pub const COUNT: usize = PROPERTIES.len();

    /// All of them, in the order of the design.
    pub fn all() -> impl Iterator<Item = Self> {
        PROPERTIES.iter().map(|facts| facts.property)
    }

    /// What is known of it apart from its predicate.
    pub fn facts(self) -> &'static Facts {
        &PROPERTIES[self as usize]
    }

    /// Its name in kebab case.
    pub fn name(self) -> &'static str {
        self.facts().name
    }
}

impl fmt::Display for Property {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Property {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        PROPERTIES.iter().find(|facts| facts.name == text).map(|facts| facts.property).ok_or_else(|| {
            let names: Vec<_> = PROPERTIES.iter().map(|facts| facts.name).collect();
            format!("no property is called '{text}'; accepted are {}", names.join(", "))
        })
    }
}

/// A set of properties.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PropertySet(u32);

impl PropertySet {
    /// No property.
    pub const NONE: Self = Self(0);

    /// The set with the properties of `members`.
    pub fn of(members: impl IntoIterator<Item = Property>) -> Self {
        members.into_iter().fold(Self::NONE, Self::with)
    }

    /// This set and `property`.
    #[must_use]
    pub const fn with(self, property: Property) -> Self {
        Self(self.0 | 1 << property as u32)
    }

    /// What is in either set.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// What is in this set and not in `other`.
    #[must_use]
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// What is in both sets.
    #[must_use]
    pub const fn intersection(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Adds `property` if `holds`.
    pub const fn insert_if(&mut self, property: Property, holds: bool) {
        self.0 |= (holds as u32) << property as u32;
    }

    /// Is `property` in it?
    pub const fn contains(self, property: Property) -> bool {
        self.0 & 1 << property as u32 != 0
    }

    /// Is nothing in it?
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Its members, in the order of the design.
    pub fn iter(self) -> impl Iterator<Item = Property> {
        Property::all().filter(move |&property| self.contains(property))
    }

    /// The set as a number: bit `i` stands for the `i`-th property.
    pub const fn bits(self) -> u32 {
        self.0
    }

    /// The set that [`Self::bits`] gave.
    pub const fn from_bits(bits: u32) -> Self {
        Self(bits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_in_the_order_of_the_enum() {
        for (index, facts) in PROPERTIES.iter().enumerate() {
            assert_eq!(facts.property as usize, index);
            assert_eq!(facts.name.parse(), Ok(facts.property));
            assert_eq!(serde_json::to_value(facts.property).ok(), Some(facts.name.into()));
        }
    }

    #[test]
    fn an_unknown_name_lists_the_known_ones() {
        let message = "no-trafic".parse::<Property>().expect_err("unknown");
        assert!(message.contains("no-traffic-after-sigterm"), "{message}");
    }

    #[test]
    fn a_set_holds_what_was_put_in() {
        let set = PropertySet::of([Property::NoFailedRequest, Property::CrashRecovers]);
        assert_eq!(set.iter().collect::<Vec<_>>(), [Property::NoFailedRequest, Property::CrashRecovers]);
        assert!(set.without(PropertySet::of([Property::NoFailedRequest])).contains(Property::CrashRecovers));
    }
}
