//! The command line of `podproof conform`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use podproof_conform::matching::BOUND;
use podproof_vocabulary::Release;

use crate::arguments::{Format, PropertyArguments, TraceDirArguments, human_or_json};

/// `podproof conform`.
///
/// The workloads in the log become scenarios, and for each a path of the model is looked for whose visible steps are the
/// entries of the log: the same writes by the same components in the same order, and whatever else was seen. What lies in
/// between is found out. The promises are judged along the path.
#[derive(Debug, Args)]
#[command(
    mut_arg("properties", |arg| arg.help("Judge only this property; it counts even if it is only an expectation; may be \
                                          repeated")),
    mut_arg("trace_dir", |arg| arg.help("Where the path of each workload is written, and for each broken promise the path up \
                                         to there; the folder is made when there is one")),
    after_help = "Exit status: 0 what the log shows is lawful, and nothing that counts is broken; 1 an entry is unexplained, or a \
                  property that counts is broken; 2 the input or the command line is wrong; 3 a bound came first, or the \
                  log cannot tell anything of a promise that --property names."
)]
pub struct ConformArguments {
    /// The log: files, plain or gzip, or folders of a recording. A file is known by its first line: an audit log (JSON lines of
    /// audit.k8s.io, level Request or RequestResponse), or raw watches in its place, and beside it what recorders wrote of container
    /// runtimes, kube-proxies, processes, clients and faults
    #[arg(value_name = "DIR|FILE", required = true)]
    pub paths: Vec<PathBuf>,

    /// Manifests whose annotations podproof.io/on-sigterm and podproof.io/listens-after say what processes do; - is standard
    /// input; may be repeated. All else is as the log has it, and manifests that lie beside it are not read
    #[arg(long = "manifests", value_name = "FILE", help_heading = "Input")]
    pub manifests: Vec<PathBuf>,

    /// The Kubernetes release, wherever behaviour differs [default: the one that the components name in the log]
    #[arg(long, value_name = "1.NN", help_heading = "Input")]
    pub release: Option<Release>,

    /// How far the clock of a node may be from that of the API server. Up to that far it is set by what the log tells of causes and
    /// what they cause, and the report says by how much. Clocks that differ by less than 0.2 s need nothing
    #[arg(long, value_name = "DUR", value_parser = humantime::parse_duration, default_value = "0s", help_heading = "Input")]
    pub clock_skew: Duration,

    /// States that one entry may cost
    #[arg(long, value_name = "N", default_value_t = BOUND, value_parser = clap::value_parser!(u64).range(1..), help_heading = "Search")]
    pub max_states: u64,

    /// Which promises are judged.
    #[command(flatten)]
    pub promises: PropertyArguments,

    /// How the report is written
    #[arg(long, value_parser = human_or_json(), default_value = "human", help_heading = "Report")]
    pub format: Format,

    /// Print the whole timeline, and not only what is around an unexplained entry or a broken promise; of the first workloads that
    /// have neither, what is around that which befell the cluster
    #[arg(long, help_heading = "Report")]
    pub timeline: bool,

    /// Where paths are written.
    #[command(flatten)]
    pub traces: TraceDirArguments,
}
