//! The command line of `podproof tune`.

use std::str::FromStr;

use clap::Args;
use podproof_vocabulary::manifest::edit::FieldPath;

use crate::arguments::{
    BoundArguments, Format, InputArguments, PropertyArguments, TraceDirArguments, WorldArguments,
    human_or_json,
};

/// `podproof tune`.
///
/// How it goes about it is told by [`Command::Tune`](crate::arguments::Command::Tune).
#[derive(Debug, Args)]
#[command(
    mut_arg("scenarios", |arg| arg.hide(true)),
    mut_arg("stories", |arg| arg.help("What is told: create, rollout, pod-deletion, drain, node-failure, partition, scale-down or \
                                       runtime-hang; may be repeated [default: rollout of a Deployment, else pod-deletion]")),
    mut_arg("properties", |arg| arg.help("Only this property has to hold; may be repeated [default: no-traffic-after-sigterm, \
                                          no-failed-request, no-misrouted-request and grace-honoured; with --set all but \
                                          expectations]")),
    mut_arg("time_limit", |arg| arg.help("Time for the whole command, for example 90s or 5m")),
    mut_arg("allowed", |arg| arg.help("This property need not hold; may be repeated")),
    mut_arg("only", |arg| arg.help("Only promises of this kind have to hold, of all but expectations; of two kinds only those that \
                                    are of both")),
    mut_arg("trace_dir", |arg| arg.help("Where the counterexample of the greatest value that does not hold is written")),
    after_help = "Exit status: 0 values are found, and the manifest with all of them was proved; 1 of a range no value that was tried \
                  holds, or what holds proves nothing, as the premise of a promise is not reached; 2 the input or the command line is \
                  wrong, or a field has no say in what is searched; 3 a bound ended a search first."
)]
pub struct TuneArguments {
    /// What is tuned: each workload by itself.
    #[command(flatten)]
    pub input: InputArguments,

    /// A field of the workload that is a whole number, and the values to try, for example spec.minReadySeconds=0..30 or
    /// spec.template.spec.containers[web].readinessProbe.periodSeconds=1..10; the smallest that holds is looked for; may be repeated:
    /// of several fields, each named once, the first is settled first, the others at their greatest; of spec.replicas no more are
    /// tried than --replicas allows [default: the preStop sleep of the container that serves, if a Service sends it connections, then
    /// terminationGracePeriodSeconds]
    #[arg(long = "set", value_name = "PATH=A..B", help_heading = "Input")]
    pub set: Vec<Range>,

    /// Which world it is checked in.
    #[command(flatten)]
    pub world: WorldArguments,

    /// Which promises have to hold.
    #[command(flatten)]
    pub promises: PropertyArguments,

    /// Bounds of each search.
    #[command(flatten)]
    pub bounds: BoundArguments,

    /// How the report is written
    #[arg(long, value_parser = human_or_json(), default_value = "human", help_heading = "Report")]
    pub format: Format,

    /// Where counterexamples are written.
    #[command(flatten)]
    pub traces: TraceDirArguments,
}

/// A field and the values that are tried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Range {
    /// The field.
    pub path: FieldPath,
    /// The least value.
    pub from: u32,
    /// The greatest.
    pub to: u32,
}

/// Fields of a probe in which the API server takes 0 for the default (`SetDefaults_Probe`).
const OF_PROBE: [&str; 4] = ["periodSeconds", "timeoutSeconds", "successThreshold", "failureThreshold"];

impl FromStr for Range {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let refused = || {
            format!(
                "'{text}' is no range; accepted is PATH=A..B with A up to B, for example spec.replicas=1..5"
            )
        };
        let (path, values) = text.rsplit_once('=').ok_or_else(refused)?;
        let (from, to) = values.split_once("..").ok_or_else(refused)?;
        let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        if !is_number(from) || !is_number(to) {
            return Err(refused());
        }
        let number = |digits: &str| {
            let number = digits.parse().ok().filter(|number| *number <= i32::MAX as u32);
            number.ok_or_else(|| {
                format!(
                    "{digits} is more than a field can be; accepted are whole numbers from 0 to {}",
                    i32::MAX
                )
            })
        };
        let (from, to) = (number(from)?, number(to)?);
        if from > to {
            return Err(refused());
        }
        let path: FieldPath = path.parse()?;
        let named = path.to_string();
        let is_of_probe = OF_PROBE.iter().any(|field| named.ends_with(&format!("Probe.{field}")));
        if from == 0 && is_of_probe {
            return Err(format!(
                "{named}: 0 stands for the default there, and is no smaller value; accepted is a range from 1"
            ));
        }
        Ok(Self { path, from, to })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_has_a_path_and_two_values() {
        let range: Range = "spec.replicas=1..5".parse().expect("a range");
        assert_eq!((range.path.to_string().as_str(), range.from, range.to), ("spec.replicas", 1, 5));
        for text in [
            "spec.replicas",
            "spec.replicas=5",
            "spec.replicas=5..1",
            "spec.replicas=a..b",
            "=1..2",
            "x=-1..2",
        ] {
            assert!(text.parse::<Range>().is_err(), "{text}");
        }
        for text in ["x=0..4294967295", "x=0..2147483648", "x=99999999999999999999..1"] {
            let refused = text.parse::<Range>().expect_err("it is too much");
            assert!(refused.ends_with("accepted are whole numbers from 0 to 2147483647"), "{refused}");
        }
    }
}
