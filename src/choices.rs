//! What options of the command line choose from.

use std::path::PathBuf;

use clap::ValueEnum;
use podproof_model::Rules;
use podproof_model::reduced::symmetry::Symmetry;

/// Who searches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Engine {
    /// Our own search: safety and progress.
    Podproof,
    /// stateright's breadth-first search: safety only.
    StaterightBfs,
    /// stateright's depth-first search: safety only, counterexamples not shortest.
    StaterightDfs,
}

/// What is interchangeable in a search.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum SymmetryChoice {
    /// Nothing: every state is for itself.
    None,
    /// Pods of one template.
    Pods,
    /// Nodes that differ in nothing but their names.
    Nodes,
    /// Both.
    All,
    /// Whatever the scenario has.
    #[value(skip)]
    Any,
}

impl SymmetryChoice {
    /// This symmetry of a scenario.
    ///
    /// # Errors
    /// Why the scenario has it not.
    pub fn of(self, rules: &Rules) -> Result<Symmetry, String> {
        let (pods, nodes) = match self {
            Self::None => (false, false),
            Self::Pods => (true, false),
            Self::Nodes => (false, true),
            Self::All => (true, true),
            Self::Any => return Ok(Symmetry::of(rules)),
        };
        let asked = Symmetry::asked(rules, pods, nodes);
        asked.map_err(|why| format!("--symmetry {} cannot be honoured: {why}", self.name()))
    }

    /// Its name on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Pods => "pods",
            Self::Nodes => "nodes",
            Self::All => "all",
            Self::Any => "any",
        }
    }
}

/// How the report is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For a terminal.
    Human,
    /// One JSON document.
    Json,
    /// JUnit XML, a test case for each promise.
    Junit,
    /// SARIF 2.1.0, a result for each broken promise.
    Sarif,
    /// A Markdown table for each workload.
    Markdown,
}

impl Format {
    /// A format and a file, as `sarif=podproof.sarif`.
    ///
    /// # Errors
    /// What would be accepted.
    pub fn with_file(text: &str) -> Result<(Self, PathBuf), String> {
        let format = |name| Self::from_str(name, false).ok();
        let given = text.split_once('=').filter(|(_, file)| !file.is_empty());
        given.and_then(|(name, file)| Some((format(name)?, file.into()))).ok_or_else(|| {
            let names = Self::value_variants().iter().filter_map(Self::to_possible_value);
            let names: Vec<_> = names.map(|name| name.get_name().to_owned()).collect();
            format!("accepted is FORMAT=FILE with one of {}", names.join(", "))
        })
    }
}
