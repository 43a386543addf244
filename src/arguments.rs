//! The command line.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use clap::{ArgGroup, Args, Parser, Subcommand, ValueEnum};
use podproof_checker::fingerprint::Bits;
use podproof_vocabulary::Release;
use podproof_vocabulary::event::{EventArgument, Story};
use podproof_vocabulary::mutant::Mutant;
use podproof_vocabulary::scenario::limits::{DAY_SECONDS, NODES_MAX};
use podproof_vocabulary::scenario::{Hang, Label, OnSigterm, Taint};

pub use crate::choices::{Engine, Format, SymmetryChoice};
use crate::conform::ConformArguments;
use crate::hunt::HuntArguments;
pub use crate::promises::{Only, PropertyArguments};
use crate::trace::arguments::TraceCommand;
use crate::tune::TuneArguments;

/// A model checker for the Kubernetes pod lifecycle.
///
/// Under every interleaving, and under every fault in the budget: does this workload on this cluster keep the promises of
/// the pod lifecycle? If not, here is the shortest story of how.
#[derive(Debug, Parser)]
#[command(name = "podproof", version, propagate_version = true, max_term_width = 100)]
pub struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Checks the workloads of manifests, or built-in scenarios
    Check(Box<CheckArguments>),
    /// Takes random walks at the workload's full size: quick, and no proof
    Simulate(Box<SimulateArguments>),
    /// Finds the smallest preStop sleep and terminationGracePeriodSeconds at which the promises hold
    ///
    /// Or the smallest value of any other field that is a whole number (--set). Each value is tried by a whole check, the greatest
    /// first and then by halves; below the one that is found each is tried if there are fewer than 32, else the least and the one in the
    /// middle. The report says which were tried and how many were not. What is found is shown as a patch, which was checked as a whole;
    /// the file itself is never changed.
    Tune(Box<TuneArguments>),
    /// Says whether what a log shows of a real cluster is lawful, and what was broken on the way
    Conform(Box<ConformArguments>),
    /// Lists the built-in scenarios, a line each
    Scenarios,
    /// Lists what --event, --latency, --story, --property and --mutant take, a line each
    Names,
    /// Opens the Stateright Explorer on 127.0.0.1
    Explore(Box<ExploreArguments>),
    /// Shows, replays, shrinks, compares, makes or exports traces
    Trace {
        /// What to do with it.
        #[command(subcommand)]
        command: TraceCommand,
    },
}

/// What is checked.
#[derive(Debug, Args)]
#[command(next_help_heading = "Input")]
pub struct InputArguments {
    /// Manifests, YAML or JSON; a folder stands for those in it, - is standard input
    #[arg(value_name = "FILE")]
    pub files: Vec<PathBuf>,

    /// Passes over what is no object of Kubernetes, such as values of Helm and templates that were not rendered, with a warning;
    /// else it is an error
    #[arg(long)]
    pub skip_others: bool,

    /// A built-in scenario (see `podproof scenarios`), with the nodes, replicas, release and processes that it has; may be
    /// repeated
    #[arg(long = "scenario", value_name = "NAME")]
    pub scenarios: Vec<String>,

    /// Only workloads of this name, as `web` or `Deployment/web`; may be repeated
    #[arg(long = "workload", value_name = "NAME")]
    pub workloads: Vec<String>,

    /// Equal nodes, where the input has no Node objects [default: 2]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=NODES_MAX as i64))]
    pub nodes: Option<u8>,

    /// Replicas that are checked at most, from 1 to 100: a manifest with more is checked with so many, as the number of states grows
    /// fast [default: 2]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=100))]
    pub replicas: Option<u8>,

    /// The Kubernetes release, wherever behaviour differs [default: the newest that is known]
    #[arg(long, value_name = "1.NN")]
    pub release: Option<Release>,

    /// What every process does on SIGTERM, whatever the annotation podproof.io/on-sigterm says: exit, drain=SECONDS,
    /// close=SECONDS or ignore
    #[arg(long, value_name = "HOW")]
    pub on_sigterm: Option<OnSigterm>,

    /// Seconds until every process accepts connections, whatever the annotation podproof.io/listens-after says
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(..=i64::from(DAY_SECONDS)))]
    pub listens_after: Option<u32>,

    /// How long something takes, for example watch=2; `podproof names` lists them
    #[arg(long = "latency", value_name = "NAME=SECONDS")]
    pub latencies: Vec<String>,
}

/// Which world it is checked in.
#[derive(Debug, Args)]
#[command(next_help_heading = "World")]
pub struct WorldArguments {
    /// Slots for pods, at least. One is used again only when nobody remembers its pod; a search that needs more than there are is
    /// incomplete [default: twice the pods that there may be at once, and more for events]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=250))]
    pub slots: Option<u8>,

    /// What is told: create, rollout, pod-deletion, drain, node-failure, partition, scale-down or runtime-hang; may be
    /// repeated [default: rollout, drain and node-failure]
    #[arg(long = "story", value_name = "NAME")]
    pub stories: Vec<Story>,

    /// Something that may happen at any moment beside the story, N times, for example container-crash=1; for scale also
    /// scale=+1, scale=-1 and scale:5, one of these in a run; may be repeated
    #[arg(long = "event", value_name = "NAME=N", allow_hyphen_values = true)]
    pub events: Vec<EventArgument>,

    /// Why a relist is stuck where a runtime hangs (story runtime-hang, event runtime-hang): rpc-timeout, too-many-pods=N,
    /// stuck-inspect or cni-status [default: rpc-timeout]
    #[arg(long, value_name = "KIND")]
    pub hang: Option<Hang>,

    /// The taint that the event taint-node sets, as kubectl taint takes it: KEY=VALUE:EFFECT or KEY:EFFECT
    /// [default: podproof.io/taint-node:NoExecute]
    #[arg(long, value_name = "TAINT")]
    pub taint: Option<Taint>,

    /// A label that the event label-node gives a node, and takes from it again; may be repeated
    #[arg(long = "label", value_name = "KEY=VALUE")]
    pub labels: Vec<Label>,

    /// Whether time is modelled: auto judges promises about latencies timed and all others untimed
    #[arg(long, value_enum, default_value_t = TimingChoice::Auto)]
    pub timing: TimingChoice,

    /// Switches every approximation off
    #[arg(long)]
    pub exact: bool,

    /// Failure detectors may fire without a cause, and timers that one process started together in any order
    #[arg(long)]
    pub inaccurate_detectors: bool,

    /// Breaks a rule of the model on purpose, to see a property broken
    #[arg(long, value_name = "NAME")]
    pub mutant: Option<Mutant>,
}

/// How time is modelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum TimingChoice {
    /// Each property in the mode in which it means something.
    Auto,
    /// Any step may take any time.
    Untimed,
    /// Discrete ticks.
    Timed,
}

/// `podproof check`.
#[derive(Debug, Args)]
#[command(
    mut_arg("time_limit", |limit| limit.help("Time for the whole command, divided over the searches that are left, for example 90s \
                                              or 5m; with --remedy half of it is for those that look for one. What is broken is told \
                                              within seconds after it")),
    after_help = "Exit status: 0 every checked property holds or is not applicable; 1 a property that counts is broken; \
                        2 the input or the command line is wrong; 3 a bound ended a search first and nothing broken was found."
)]
pub struct CheckArguments {
    /// What is checked.
    #[command(flatten)]
    pub input: InputArguments,

    /// Which world it is checked in.
    #[command(flatten)]
    pub world: WorldArguments,

    /// Which promises are judged.
    #[command(flatten)]
    pub promises: PropertyArguments,

    /// Bounds of the searches.
    #[command(flatten)]
    pub bounds: BoundArguments,

    /// What outlives the process.
    #[command(flatten)]
    pub keep: KeepArguments,

    /// Whether searches are hunts.
    #[command(flatten)]
    pub hunt: HuntArguments,

    /// Who searches
    #[arg(long, value_enum, default_value_t = Engine::Podproof, help_heading = "Search")]
    pub engine: Engine,

    /// Which states are one to the search: those that differ in the names of interchangeable pods, of interchangeable nodes,
    /// of both, or none. One that a search has not is an error [default: all that each search has; none with stateright]
    #[arg(long, value_enum, value_name = "WHAT", help_heading = "Search")]
    pub symmetry: Option<SymmetryChoice>,

    /// Leave out orders of steps that make no difference: from a state in which nobody can disturb what one pod's kubelet is
    /// about to do, only that is taken first. For searches of safety promises without clocks: asking for others too is an
    /// error (--only safety --only untimed selects those)
    #[arg(long, help_heading = "Search")]
    pub partial_order: bool,

    /// Look for the smallest change of the manifest at which a promise that counts and is broken holds, and prove it by the search
    /// that has found it broken, in which what held before has to hold too; it is shown as a patch, and the file itself is never
    /// changed. Needs a file
    #[arg(long, help_heading = "Report")]
    pub remedy: bool,

    /// How the report is written
    #[arg(long, value_enum, default_value_t = Format::Human, help_heading = "Report")]
    pub format: Format,

    /// Also writes the report in this format into this file, for example sarif=podproof.sarif; may be repeated
    #[arg(long = "report", value_name = "FORMAT=FILE", value_parser = Format::with_file, help_heading = "Report")]
    pub reports: Vec<(Format, PathBuf)>,

    /// Where counterexamples are written.
    #[command(flatten)]
    pub traces: TraceDirArguments,
}

/// Where counterexamples are written.
#[derive(Debug, Args)]
#[command(next_help_heading = "Report")]
pub struct TraceDirArguments {
    /// Where counterexamples are written; the folder is made when there is one
    #[arg(long, value_name = "DIR", default_value = "podproof-traces")]
    pub trace_dir: PathBuf,
}

/// What the command may take of the machine.
#[derive(Debug, Args)]
pub struct MachineArguments {
    /// Threads [default: one for each processor]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub threads: Option<u16>,

    /// Time for the whole command, divided over the searches that are left, for example 90s or 5m
    #[arg(long, value_name = "DUR", value_parser = humantime::parse_duration)]
    pub time_limit: Option<Duration>,
}

impl MachineArguments {
    /// How many threads run.
    pub fn threads(&self) -> usize {
        let processors = || std::thread::available_parallelism().map_or(1, usize::from);
        self.threads.map_or_else(processors, usize::from)
    }

    /// When the time is over. A limit beyond what a clock can hold is none.
    pub fn deadline(&self) -> Option<Instant> {
        self.time_limit.and_then(|limit| Instant::now().checked_add(limit))
    }
}

/// Bounds of the searches.
#[derive(Debug, Args)]
#[command(next_help_heading = "Search")]
pub struct BoundArguments {
    /// States that each search may find
    #[arg(long, value_name = "N", default_value_t = 4_000_000, value_parser = clap::value_parser!(u64).range(1..=u64::from(u32::MAX)))]
    pub max_states: u64,

    /// Moves from the beginning, in each search
    #[arg(long, value_name = "N")]
    pub max_depth: Option<u64>,

    /// Memory that each search may take, about, for example 512MiB [default: 8GiB]
    #[arg(long, value_name = "SIZE", value_parser = size)]
    pub max_memory: Option<u64>,

    /// Bits that are kept of each state: with 64 two of a thousand million states are taken for one with a probability of a
    /// few percent; 128 take 8 bytes more a state
    #[arg(long, value_name = "BITS", default_value = "64", value_parser = fingerprint_bits)]
    pub fingerprint_bits: Bits,

    /// Threads, and time for all of them.
    #[command(flatten)]
    pub machine: MachineArguments,
}

/// What each search may take of memory if nothing is said, in bytes: 8 GiB.
const MEMORY: u64 = 8 << 30;

impl BoundArguments {
    /// Memory that each search may take, about, in bytes.
    pub fn max_memory(&self) -> u64 {
        self.max_memory.unwrap_or(MEMORY)
    }
}

/// What outlives the process.
#[derive(Debug, Args)]
#[command(next_help_heading = "Search", group = ArgGroup::new("folder").multiple(true))]
pub struct KeepArguments {
    /// Keeps what the searches know in this folder, which must be new or empty, so that --resume can go on from there
    #[arg(long, value_name = "DIR", group = "folder")]
    pub checkpoint: Option<PathBuf>,

    /// Goes on from what --checkpoint has kept in this folder, and keeps it up to date; the input must be the same, bounds and
    /// threads may differ
    #[arg(long, value_name = "DIR", group = "folder")]
    pub resume: Option<PathBuf>,

    /// Time between two checkpoints, for example 30s or 10m; one is also written where a bound or Ctrl-C ends a search
    /// [default: 60s]
    #[arg(long, value_name = "DUR", requires = "folder", value_parser = humantime::parse_duration)]
    pub checkpoint_interval: Option<Duration>,
}

/// Time between two checkpoints if nothing is said.
const CHECKPOINT_INTERVAL: Duration = Duration::from_secs(60);

impl KeepArguments {
    /// Time between two checkpoints.
    pub fn interval(&self) -> Duration {
        self.checkpoint_interval.unwrap_or(CHECKPOINT_INTERVAL)
    }

    /// The options that name a folder, as they are typed.
    pub fn options(&self) -> impl Iterator<Item = &'static str> {
        let named = [("--checkpoint", &self.checkpoint), ("--resume", &self.resume)];
        named.into_iter().filter_map(|(option, folder)| folder.as_ref().map(|_| option))
    }
}

fn fingerprint_bits(text: &str) -> Result<Bits, String> {
    match text {
        "64" => Ok(Bits::B64),
        "128" => Ok(Bits::B128),
        _ => Err("accepted are 64 and 128".into()),
    }
}

fn size(text: &str) -> Result<u64, String> {
    let accepted =
        || format!("'{text}' is no size; accepted is a number with a unit, for example 512MiB or 8GiB");
    text.parse::<bytesize::ByteSize>().map(|size| size.as_u64()).map_err(|_| accepted())
}

/// What the help says of a size.
pub(crate) struct SizeHelp {
    /// Of its nodes.
    pub nodes: &'static str,
    /// Of its replicas.
    pub replicas: &'static str,
}

/// The help of the commands that take a workload at its full size.
pub(crate) const AT_FULL_SIZE: SizeHelp = SizeHelp {
    nodes: "Equal nodes, where the input has no Node objects [default: 2 for 5 replicas, so that 50 run on 20; more, if no two of the \
            pods may share a node]",
    replicas: "Replicas that are simulated at most [default: those of the manifest]",
};

/// `podproof simulate`.
///
/// Walks take small steps of the whole model, one at a time, and each step is judged as in a check. A component that can
/// move is drawn first, then one of its steps; which components are slow, and how rarely something happens to the cluster, is
/// drawn for each walk. The same seed and input give the same walks.
#[derive(Debug, Args)]
#[command(
    mut_arg("nodes", |nodes| nodes.help(AT_FULL_SIZE.nodes)),
    mut_arg("replicas", |replicas| replicas.help(AT_FULL_SIZE.replicas)),
    mut_arg("time_limit", |limit| limit.help("Time for the whole command, divided over the worlds that are left to walk \
                                              through, for example 90s or 5m; what was walked until then depends on the \
                                              machine")),
    after_help = "Exit status: 0 nothing that counts was seen broken, which proves nothing; 1 a property that counts is \
                  broken; 2 the input or the command line is wrong; 3 it was interrupted before it had walked all, or its time was over before a walk of every story, and nothing \
                  broken was seen."
)]
pub struct SimulateArguments {
    /// What is simulated.
    #[command(flatten)]
    pub input: InputArguments,

    /// Which world it is simulated in.
    #[command(flatten)]
    pub world: WorldArguments,

    /// Which promises are judged.
    #[command(flatten)]
    pub promises: PropertyArguments,

    /// How far it walks.
    #[command(flatten)]
    pub walks: WalkArguments,

    /// How the report is written
    #[arg(long, value_parser = human_or_json(), default_value = "human", help_heading = "Report")]
    pub format: Format,

    /// Where counterexamples are written.
    #[command(flatten)]
    pub traces: TraceDirArguments,
}

/// Which walks are taken, and how far.
#[derive(Debug, Args)]
#[command(next_help_heading = "Walks")]
pub struct WalkArguments {
    /// What the walks are drawn from [default: one that is drawn and printed]
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,

    /// Walks through each world: each story, untimed and timed
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..))]
    pub walks: u32,

    /// Only the walk of this number, the first being 1, as it is among all walks of its seed
    #[arg(long, value_name = "N", conflicts_with = "walks", value_parser = clap::value_parser!(u32).range(1..))]
    pub only_walk: Option<u32>,

    /// Steps that a walk takes at most
    #[arg(long, value_name = "N", default_value_t = 20_000, value_parser = clap::value_parser!(u32).range(1..))]
    pub steps: u32,

    /// Threads, and time for all of them.
    #[command(flatten)]
    pub machine: MachineArguments,
}

/// Formats of commands that are no checks.
pub(crate) fn human_or_json() -> impl clap::builder::TypedValueParser<Value = Format> {
    use clap::builder::TypedValueParser as _;
    let format = |name: String| if name == "json" { Format::Json } else { Format::Human };
    clap::builder::PossibleValuesParser::new(["human", "json"]).map(format)
}

/// `podproof explore`.
#[derive(Debug, Args)]
#[command(
    mut_arg("stories", |stories| stories.help("What is told, one of create, rollout, pod-deletion, drain, node-failure, partition, \
                                               scale-down and runtime-hang [default: rollout of a Deployment, else pod-deletion; \
                                               of a built-in scenario its own, and with --from that of the trace]")),
    mut_arg("timing", |timing| timing.help("Whether time is modelled: with auto it is not, and with --from as in the trace"))
)]
pub struct ExploreArguments {
    /// What is explored: one workload.
    #[command(flatten)]
    pub input: InputArguments,

    /// Which world it is explored in.
    #[command(flatten)]
    pub world: WorldArguments,

    /// Begins at the last step of this trace, in its world; what more is said of the world (--event, --mutant) holds there
    /// too, if the trace can still be taken
    #[arg(long, value_name = "TRACE", conflicts_with_all = [
        "files", "scenarios", "workloads", "nodes", "replicas", "release", "on_sigterm", "listens_after", "latencies",
    ])]
    pub from: Option<PathBuf>,

    /// The port on 127.0.0.1
    #[arg(long, value_name = "PORT", default_value_t = 3000)]
    pub port: u16,
}
