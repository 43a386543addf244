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
/// Each value is tried by a check of the whole workload, and the smallest at which every promise holds is looked for by halves.
/// That greater values hold where a smaller one does is looked at for one more value on each side; where it is not so, all
/// values are tried from the smallest on. A manifest is changed in the text that is checked, never in its file.
#[derive(Debug, Args)]
#[command(
    mut_arg("scenarios", |arg| arg.hide(true)),
    mut_arg("stories", |arg| arg.help("What is told: create, rollout, pod-deletion, drain, node-failure, partition, scale-down or \
                                       runtime-hang; may be repeated [default: rollout of a Deployment, else pod-deletion]")),
    mut_arg("properties", |arg| arg.help("Only this property has to hold; may be repeated [default: no-traffic-after-sigterm, \
                                          no-failed-request, no-misrouted-request and grace-honoured; with --set all but \
                                          expectations]")),
    mut_arg("time_limit", |arg| arg.help("Time for the whole command, for example 90s or 5m")),
    mut_arg("trace_dir", |arg| arg.help("Where the counterexample of the greatest value that does not hold is written")),
    after_help = "Exit status: 0 the smallest values are found; 1 no value of a range holds; 2 the input or the command line is \
                  wrong; 3 a bound ended a search first."
)]
pub struct TuneArguments {
    /// What is tuned: each workload by itself.
    #[command(flatten)]
    pub input: InputArguments,

    /// A field and the values to try, for example spec.replicas=1..5 or
    /// spec.template.spec.containers[web].readinessProbe.periodSeconds=1..10; the smallest that holds is looked for; of several the
    /// first is settled first, the others at their greatest [default: the preStop sleep of the container that serves, then
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
        let number = |text: &str| text.parse::<u32>().map_err(|_| refused());
        let (from, to) = (number(from)?, number(to)?);
        if from > to || to > i32::MAX as u32 {
            return Err(refused());
        }
        Ok(Self { path: path.parse()?, from, to })
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
    }
}
