//! What may happen *to* the cluster: operators and faults, by name, each with a budget; and the stories, each a
//! budget with a starting point.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

macro_rules! events {
    ($($variant:ident $name:literal => $says:literal;)*) => {
        /// Something that happens to the cluster, without its target.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
        #[serde(rename_all = "kebab-case")]
        pub enum EventName {
            $(#[doc = $says] $variant,)*
        }

        /// Every event with its name and what it does.
        pub const EVENTS: &[(EventName, &str, &str)] = &[$((EventName::$variant, $name, $says),)*];
    };
}

events! {
    Rollout "rollout" => "the template hash of the Deployment changes, nothing else";
    Scale "scale" => "the wanted replicas change: scale=+1, scale=-1 or scale:5";
    DeletePod "delete-pod" => "a pod is deleted with its own grace period";
    ForceDeletePod "force-delete-pod" => "a pod is deleted with grace period 0";
    EvictPod "evict-pod" => "a client evicts one pod through the eviction API, without draining its node";
    CordonNode "cordon-node" => "a node becomes unschedulable";
    UncordonNode "uncordon-node" => "a cordoned node becomes schedulable again";
    DrainNode "drain-node" => "a node is cordoned and its pods are evicted through the eviction API";
    TaintNode "taint-node" => "a node gets the taint of --taint, by default a NoExecute one with a key of its own";
    UntaintNode "untaint-node" => "the taint of taint-node goes";
    LabelNode "label-node" => "a node gets the labels of --label, or its old ones; without such never";
    AddNode "add-node" => "one more node, equal to the first, joins the cluster";
    RemoveNode "remove-node" => "a Node object is deleted, whatever its machine does; only a kubelet that starts registers it again";
    NodeCrash "node-crash" => "a node loses power: its containers, kubelet and rules die at once";
    NodeReturn "node-return" => "a crashed node boots again";
    NodePartition "node-partition" => "a node loses its link to the control plane while its pods go on serving";
    PartitionHeal "partition-heal" => "a cut link works again";
    KubeletRestart "kubelet-restart" => "a kubelet stops and starts again; containers live on, its memory is lost";
    ContainerCrash "container-crash" => "a running container exits with code 1";
    ContainerExit "container-exit" => "a running app container ends by itself with code 0";
    ReadinessChange "readiness-change" => "an app begins to fail its readiness probe while it accepts connections, or stops to";
    LivenessChange "liveness-change" => "an app begins to fail its liveness probe while it accepts connections, or stops to";
    SandboxDeath "sandbox-death" => "a pod's sandbox (pause) dies";
    RuntimeHang "runtime-hang" => "a container runtime stops answering, so the PLEG's relist is stuck; --hang says to what";
    RuntimeRecovery "runtime-recovery" => "a hung container runtime answers again";
    CniFailure "cni-failure" => "a node's network plugin fails for good: its pods are not synced any more, and no sandbox is torn down";
    WatchBreak "watch-break" => "the watches of one component break; it lists again and loses what lay between";
    LostResponse "lost-response" => "a write's outcome never reaches its writer, committed or not";
    ControllerManagerRestart "controller-manager-restart" => "the controller manager restarts; its memory is lost";
    SchedulerRestart "scheduler-restart" => "the scheduler restarts; its memory is lost";
    ProxyStop "proxy-stop" => "a kube-proxy stops for good; its rules stay";
    ApiServerRestart "api-server-restart" => "the API server restarts; every watch must list again";
    ResourcePressure "resource-pressure" => "a node runs short of memory: its kubelet evicts a pod";
}

impl EventName {
    /// How many events there are.
    pub const COUNT: usize = EVENTS.len();

    /// Its name, as `--event` takes it.
    pub fn name(self) -> &'static str {
        EVENTS[self as usize].1
    }

    /// All of them.
    pub fn all() -> impl Iterator<Item = Self> {
        EVENTS.iter().map(|&(event, ..)| event)
    }
}

impl fmt::Display for EventName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for EventName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        EVENTS.iter().find(|&&(_, name, _)| name == text).map(|&(event, ..)| event).ok_or_else(|| {
            let names: Vec<_> = EVENTS.iter().map(|&(_, name, _)| name).collect();
            format!("no event is called '{text}'; accepted are {}", names.join(", "))
        })
    }
}

/// What a `scale` event sets the wanted replicas to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum ScaleTarget {
    /// So many more, or fewer.
    By(i8),
    /// Exactly so many.
    To(u8),
}

impl ScaleTarget {
    /// The wanted replicas after the event, from 0 to 255.
    pub fn of(self, replicas: u8) -> u8 {
        match self {
            Self::By(change) => replicas.saturating_add_signed(change),
            Self::To(replicas) => replicas,
        }
    }
}

/// How often each event may happen, at any moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(from = "Vec<(EventName, u8)>", into = "Vec<(EventName, u8)>")]
pub struct Budget {
    counts: [u8; EventName::COUNT],
}

impl Default for Budget {
    /// Nothing happens.
    fn default() -> Self {
        Self { counts: [0; EventName::COUNT] }
    }
}

impl Budget {
    /// The count of an event that may happen as often as it likes.
    pub const NO_BOUND: u8 = u8::MAX;

    /// How often `event` may happen.
    pub fn count(&self, event: EventName) -> u8 {
        self.counts[event as usize]
    }

    /// Lets `event` happen `count` times.
    pub fn set(&mut self, event: EventName, count: u8) {
        self.counts[event as usize] = count;
    }

    /// The same budget, with `event` happening `count` times.
    #[must_use]
    pub fn with(mut self, event: EventName, count: u8) -> Self {
        self.set(event, count);
        self
    }

    /// The events that may happen, with their counts.
    pub fn iter(&self) -> impl Iterator<Item = (EventName, u8)> {
        EventName::all().map(|event| (event, self.count(event))).filter(|&(_, count)| count > 0)
    }
}

impl From<Vec<(EventName, u8)>> for Budget {
    fn from(rows: Vec<(EventName, u8)>) -> Self {
        rows.into_iter().fold(Self::default(), |budget, (event, count)| budget.with(event, count))
    }
}

impl From<Budget> for Vec<(EventName, u8)> {
    fn from(budget: Budget) -> Self {
        budget.iter().collect()
    }
}

/// One `--event` of a command line: `NAME=N`, or `scale=+1`, `scale=-1`, `scale:5`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventArgument {
    /// The event.
    pub event: EventName,
    /// How often it may happen; 1 for `scale`.
    pub count: u8,
    /// For `scale`, what to.
    pub scale: Option<ScaleTarget>,
}

impl FromStr for EventArgument {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let scale = |target| Self { event: EventName::Scale, count: 1, scale: Some(target) };
        if let Some(replicas) = text.strip_prefix("scale:") {
            let replicas = replicas
                .parse()
                .map_err(|_| format!("'{text}': accepted is scale:N with N from 0 to 255"))?;
            return Ok(scale(ScaleTarget::To(replicas)));
        }
        let (name, count) = text.split_once('=').ok_or_else(|| {
            format!("'{text}': accepted is NAME=N, for example node-crash=1; for scale also scale=+1, scale=-1, scale:5")
        })?;
        let event: EventName = name.parse()?;
        if event == EventName::Scale {
            let signed = count.starts_with(['+', '-']);
            let change = count.parse().ok().filter(|&change: &i8| signed && change != 0);
            return change.map(|change| scale(ScaleTarget::By(change))).ok_or_else(|| {
                format!("'{text}': accepted are scale=+N, scale=-N (N from 1 to 127) and scale:N")
            });
        }
        let count = count.parse().ok().filter(|&count: &u8| count < Budget::NO_BOUND);
        let count = count.ok_or_else(|| format!("'{text}': accepted is {event}=N with N from 0 to 254"))?;
        Ok(Self { event, count, scale: None })
    }
}

/// A story: one event, possible once the creation of the workload is quiet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Story {
    /// The workload is created from nothing.
    Create,
    /// Its template changes once.
    Rollout,
    /// One of its pods is deleted.
    PodDeletion,
    /// One node is cordoned and drained through the eviction API.
    Drain,
    /// One node crashes for good.
    NodeFailure,
    /// One node is cut off, then the cut heals.
    Partition,
    /// One replica fewer is wanted.
    ScaleDown,
    /// One runtime hangs for good.
    RuntimeHang,
}

impl Story {
    /// All stories.
    pub const ALL: [Self; 8] = [
        Self::Create,
        Self::Rollout,
        Self::PodDeletion,
        Self::Drain,
        Self::NodeFailure,
        Self::Partition,
        Self::ScaleDown,
        Self::RuntimeHang,
    ];
    /// What `check` runs unless told otherwise.
    pub const DEFAULT: [Self; 3] = [Self::Rollout, Self::Drain, Self::NodeFailure];

    /// Its name, as `--story` takes it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Rollout => "rollout",
            Self::PodDeletion => "pod-deletion",
            Self::Drain => "drain",
            Self::NodeFailure => "node-failure",
            Self::Partition => "partition",
            Self::ScaleDown => "scale-down",
            Self::RuntimeHang => "runtime-hang",
        }
    }

    /// The event of the story; none for `create`.
    pub const fn event(self) -> Option<EventName> {
        match self {
            Self::Create => None,
            Self::Rollout => Some(EventName::Rollout),
            Self::PodDeletion => Some(EventName::DeletePod),
            Self::Drain => Some(EventName::DrainNode),
            Self::NodeFailure => Some(EventName::NodeCrash),
            Self::Partition => Some(EventName::NodePartition),
            Self::ScaleDown => Some(EventName::Scale),
            Self::RuntimeHang => Some(EventName::RuntimeHang),
        }
    }

    /// The repair that the story promises: it comes in the end, and without a budget of its own.
    pub const fn promises(self) -> Option<EventName> {
        match self {
            Self::Partition => Some(EventName::PartitionHeal),
            Self::Create
            | Self::Rollout
            | Self::PodDeletion
            | Self::Drain
            | Self::NodeFailure
            | Self::ScaleDown
            | Self::RuntimeHang => None,
        }
    }
}

impl fmt::Display for Story {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Story {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|story| story.name() == text).ok_or_else(|| {
            format!("no story is called '{text}'; accepted are {}", Self::ALL.map(Self::name).join(", "))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_in_the_order_of_the_enum() {
        for (index, &(event, name, _)) in EVENTS.iter().enumerate() {
            assert_eq!(event as usize, index);
            assert_eq!(name.parse(), Ok(event));
        }
    }

    #[test]
    fn an_event_argument_is_a_name_and_a_count() {
        let crash = EventArgument { event: EventName::NodeCrash, count: 2, scale: None };
        assert_eq!("node-crash=2".parse(), Ok(crash));
        let scale = |target| Ok(EventArgument { event: EventName::Scale, count: 1, scale: Some(target) });
        assert_eq!("scale=+1".parse(), scale(ScaleTarget::By(1)));
        assert_eq!("scale=-2".parse(), scale(ScaleTarget::By(-2)));
        assert_eq!("scale:5".parse(), scale(ScaleTarget::To(5)));
        for wrong in
            ["node-crash", "crash=1", "node-crash=-1", "node-crash=x", "scale=1", "scale:-1", "scale=+0", ""]
        {
            assert!(wrong.parse::<EventArgument>().is_err(), "{wrong} must be refused");
        }
        // So many would be as often as it likes.
        assert_eq!("node-crash=254".parse::<EventArgument>().map(|it| it.count), Ok(254));
        let refused = "node-crash=255".parse::<EventArgument>();
        assert_eq!(
            refused,
            Err("'node-crash=255': accepted is node-crash=N with N from 0 to 254".to_owned())
        );
    }

    #[test]
    fn scaling_stops_at_zero() {
        assert_eq!(ScaleTarget::By(-3).of(2), 0);
        assert_eq!(ScaleTarget::By(1).of(2), 3);
        assert_eq!(ScaleTarget::To(7).of(2), 7);
    }
}
