//! The command line of `podproof trace`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use podproof_vocabulary::Property;

use crate::arguments::{AT_FULL_SIZE, InputArguments, WorldArguments};

/// What to do with a trace.
#[derive(Debug, Subcommand)]
pub enum TraceCommand {
    /// Prints a trace: a lane for each component, a line for each step
    ///
    /// What comes before the first event that befalls the cluster is told as what is so then, and news that change nothing yet
    /// stand on one line. Without a terminal, or with NO_COLOR, it has no colours.
    Show {
        /// The trace, as `check` or `conform` wrote it; - is standard input
        file: PathBuf,

        /// Every step on a line of its own, from the beginning on; with --slice, the whole slice
        #[arg(long)]
        full: bool,

        /// Begin with this step; what is so before it is told in its place
        #[arg(long, value_name = "N", value_parser = step)]
        from: Option<usize>,

        /// Only the steps that its end depends on, each with what goes before it: with these lines it may be longer than the
        /// story, which folds what happens before the first event
        #[arg(long)]
        slice: bool,
    },
    /// Replays a trace on the model and says whether its verdict still stands
    ///
    /// Exit status: 0 the verdict still stands; 1 the model of today does something else; 2 the file is no trace.
    Replay {
        /// The trace, as `check` or `conform` wrote it; - is standard input
        file: PathBuf,

        /// Write the trace into this file as the model of today records it, if its verdict still stands; it may be the file that is
        /// replayed. One whose promise is broken by an earlier step is written up to that, and the exit status is 0 then
        #[arg(long, value_name = "FILE")]
        record: Option<PathBuf>,
    },
    /// Looks for a shorter trace in a smaller world that breaks the same promise
    ///
    /// Fewer nodes, pods, events and containers, and simpler ones, are tried one after the other. In each world the steps of the
    /// trace that are still possible are taken, and if they break nothing a bounded search looks for others. Whatever is written
    /// was taken by the model step for step. A trace that follows one pod's clocks is taken with all clocks first. The same trace
    /// and bounds give the same result.
    Shrink(Box<ShrinkArguments>),
    /// Lays two traces side by side and shows where they part
    ///
    /// Exit status: 0 they tell the same in worlds that differ in their names at most; 1 they differ; 2 a file is no trace.
    Diff {
        /// A trace; - is standard input
        first: PathBuf,
        /// Another one; - is standard input, which is read once
        second: PathBuf,
    },
    /// Writes one random walk as a trace: up to what it breaks first, or whole
    ///
    /// The walk is the one that `podproof simulate --seed SEED --only-walk N` takes of the same input and world.
    FromWalk(Box<FromWalkArguments>),
    /// Writes what a fuzz target found as a trace or as a reproducer, made smaller
    ///
    /// What lockstep and model_walk find becomes a trace: fewer steps and a smaller scenario are tried as long as the failure is of
    /// the same kind. What any other case finds becomes a reproducer, which `trace show` reads, too: a shorter input on which the
    /// same check fails, with what happens on it step by step. It needs the feature `fuzz`, which brings the concrete runtime.
    ///
    /// Exit status: 0 it was written; 1 the input does not fail; 2 there is no such case, or what it was given cannot be used.
    FromFuzz(FromFuzzArguments),
    /// Writes a trace for other tools
    Export(Box<ExportArguments>),
}

/// A number of a step; the first is 1.
fn step(text: &str) -> Result<usize, String> {
    text.parse()
        .ok()
        .filter(|&step| step > 0)
        .ok_or_else(|| "accepted is the number of a step, from 1 on".into())
}

/// A seed of random walks.
fn seed(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| {
        format!("accepted is a number up to {}, before the manifests: from-walk SEED FILE", u64::MAX)
    })
}

/// `podproof trace shrink`.
#[derive(Debug, Args)]
pub struct ShrinkArguments {
    /// The trace, as `check` or `simulate` wrote it; - is standard input
    pub file: PathBuf,

    /// Where the smaller trace is written [default: standard output]
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,

    /// States that each search may find
    #[arg(long, value_name = "N", default_value_t = 50_000, value_parser = clap::value_parser!(u64).range(1..=u64::from(u32::MAX)))]
    pub max_states: u64,

    /// Worlds that are tried
    #[arg(long, value_name = "N", default_value_t = 200)]
    pub worlds: u32,

    /// Steps that are taken to leave steps out
    #[arg(long, value_name = "N", default_value_t = 1_000_000)]
    pub steps: u64,
}

/// `podproof trace from-walk`.
#[derive(Debug, Args)]
#[command(
    mut_arg("nodes", |nodes| nodes.help(AT_FULL_SIZE.nodes)),
    mut_arg("replicas", |replicas| replicas.help(AT_FULL_SIZE.replicas)),
    mut_arg("stories", |stories| stories.help("What is told: create, rollout, pod-deletion, drain, node-failure, partition, \
                                               scale-down or runtime-hang; of several the one that is the quickest to search \
                                               [default: node-failure]")),
    mut_arg("timing", |timing| timing.help("Whether time is modelled: with auto only where --property names a promise about \
                                            latencies"))
)]
pub struct FromWalkArguments {
    /// What the walk is drawn from, a number; it stands before the manifests
    #[arg(value_parser = seed)]
    pub seed: u64,

    /// What is walked through: one workload, at its full size.
    #[command(flatten)]
    pub input: InputArguments,

    /// Which world it is walked through in: the first, if several stories and timings are asked for.
    #[command(flatten)]
    pub world: WorldArguments,

    /// The walk of this number among those of its seed
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..), help_heading = "Walk")]
    pub walk: u32,

    /// Steps that it takes at most
    #[arg(long, value_name = "N", default_value_t = 20_000, value_parser = clap::value_parser!(u32).range(1..), help_heading = "Walk")]
    pub steps: u32,

    /// Up to the step that breaks this promise, instead of the first that is broken; a walk that keeps it is written whole
    #[arg(long, value_name = "NAME", help_heading = "Walk")]
    pub property: Option<Property>,

    /// Where the trace is written [default: standard output]
    #[arg(short, long, value_name = "FILE", help_heading = "Walk")]
    pub output: Option<PathBuf>,
}

/// `podproof trace from-fuzz`.
#[derive(Debug, Args)]
pub struct FromFuzzArguments {
    /// The case: the name of the fuzz target
    pub case: String,

    /// The input that fails, as libFuzzer keeps it; a trace; or a reproducer; - is standard input
    pub artifact: PathBuf,

    /// Where the trace is written [default: standard output]
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

/// `podproof trace export`.
#[derive(Debug, Args)]
pub struct ExportArguments {
    /// The trace, as `check` or `conform` wrote it; - is standard input
    pub file: PathBuf,

    /// What it becomes
    #[arg(long, value_enum)]
    pub to: Target,

    /// Where it is written [default: standard output; with --open, beside the trace]
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,

    /// Opens what was written, with the first command of BROWSER that can (%s is the file, : stands between two), or what the desktop
    /// has for it
    #[arg(long)]
    pub open: bool,

    /// Of dot: the states around this step, 0 being the beginning [default: the last]
    #[arg(long, value_name = "N")]
    pub step: Option<usize>,

    /// Of dot: so many steps of the trace before and after it [default: 2]
    #[arg(long, value_name = "N")]
    pub around: Option<usize>,
}

/// What a trace becomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Target {
    /// A page for a browser that needs nothing but itself: lanes, stepping, what is so of every object after each step.
    Html,
    /// The Informal Trace Format, for the tools around TLA+ and Quint.
    Itf,
    /// Trace Event JSON, for ui.perfetto.dev and chrome://tracing.
    #[value(alias = "chrome")]
    Perfetto,
    /// Graphviz: the states around a step, with the steps that were possible instead.
    #[value(alias = "graphviz")]
    Dot,
    /// A Mermaid sequence diagram.
    Mermaid,
    /// Markdown for a comment or an issue: why, the steps that count, and a diagram of them.
    Markdown,
}

impl Target {
    /// Its name, as `--to` takes it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Html => "html",
            Self::Itf => "itf",
            Self::Perfetto => "perfetto",
            Self::Dot => "dot",
            Self::Mermaid => "mermaid",
            Self::Markdown => "markdown",
        }
    }

    /// How the names of its files end.
    pub const fn extension(self) -> &'static str {
        match self {
            Self::Html => "html",
            Self::Itf => "itf.json",
            Self::Perfetto => "perfetto.json",
            Self::Dot => "dot",
            Self::Mermaid => "mmd",
            Self::Markdown => "md",
        }
    }
}
