//! What is asked for in one command line and cannot be had together: all of it is said, before anything is searched.

use std::path::Path;

use podproof_checker::fingerprint::Bits;
use podproof_model::Rules;
use podproof_vocabulary::Property;
use podproof_vocabulary::property::Kind;
use podproof_vocabulary::scenario::Timing;

use crate::arguments::{CheckArguments, Engine, SymmetryChoice};
use crate::check::located;
use crate::plan::{Plan, Planned};
use crate::same_file::is_same;
use crate::{manifests, output, search};

/// Why a check cannot be run as it is asked for, a sentence for each reason.
pub fn of(arguments: &CheckArguments, planned: &[Planned]) -> Vec<String> {
    let mut refused = Vec::new();
    refused.extend(of_folders(arguments));
    if arguments.engine != Engine::Podproof {
        refused.extend(of_stateright(arguments));
    }
    if arguments.hunt.hunt {
        refused.extend(of_hunts(arguments));
    }
    if arguments.partial_order {
        refused.extend(of_partial_order(arguments, planned));
    }
    if arguments.remedy && arguments.input.files.iter().any(|file| file.as_os_str() == "-") {
        refused.push(
            "--remedy changes the text of a file, and standard input is read once; accepted is a file".into(),
        );
    }
    let is_searched_by_us = arguments.engine == Engine::Podproof;
    if let Some(asked) = arguments.symmetry.filter(|_| is_searched_by_us) {
        refused.extend(of_symmetry(asked, planned));
    }
    refused
}

/// Why a report cannot go where it is asked to, a sentence for each reason: it is asked before anything is read.
pub fn of_reports(arguments: &CheckArguments) -> Vec<String> {
    let files: Vec<&Path> = arguments.reports.iter().map(|(_, file)| file.as_path()).collect();
    // What is wrong with a folder is said when it is read.
    let read = manifests::files(&arguments.input.files).unwrap_or_default();
    let of_one = |(place, file): (usize, &&Path)| {
        if let Some(input) = read.iter().find(|input| is_same(input, file)) {
            let (file, input) = (file.display(), input.display());
            return Some(format!(
                "--report {file}: this is {input}, which is read; accepted is another file"
            ));
        }
        let shown = file.display();
        if file.as_os_str() == "-" {
            return Some(
                "--report -: standard output has the report of --format; accepted is a file".to_owned(),
            );
        }
        if file.is_dir() {
            return Some(format!("--report {shown}: this is a folder; accepted is a file"));
        }
        let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
        if let Some(folder) = folder.filter(|folder| !folder.is_dir()) {
            let folder = folder.display();
            return Some(format!(
                "--report {shown}: there is no folder {folder}; accepted is a file in a folder that is there"
            ));
        }
        let spelled = |file: &Path| std::path::absolute(file).ok();
        let is_other = |other: &&Path| spelled(other) == spelled(file) || is_same(other, file);
        files[..place].iter().any(is_other).then(|| {
            format!("--report {}: is named for two reports; accepted is a file for each", file.display())
        })
    };
    files.iter().enumerate().filter_map(of_one).collect()
}

fn of_folders(arguments: &CheckArguments) -> Option<String> {
    let (checkpoint, resume) = (arguments.keep.checkpoint.as_ref()?, arguments.keep.resume.as_ref()?);
    (checkpoint != resume).then(|| {
        format!(
            "--checkpoint and --resume name two folders; accepted is --resume {} alone, which is kept up to date",
            output::word(&resume.display().to_string())
        )
    })
}

/// What an engine of stateright has no use for.
fn of_stateright(arguments: &CheckArguments) -> Vec<String> {
    let mut options: Vec<&str> = arguments.keep.options().collect();
    let asked = [
        ("--max-memory", arguments.bounds.max_memory.is_some()),
        ("--fingerprint-bits 128", arguments.bounds.fingerprint_bits != Bits::B64),
        ("--hunt", arguments.hunt.hunt),
        ("--partial-order", arguments.partial_order),
    ];
    options.extend(asked.into_iter().filter_map(|(option, is_asked)| is_asked.then_some(option)));
    let without = |option| {
        format!("{option} has no effect with an engine of stateright; accepted is --engine podproof")
    };
    let mut refused: Vec<String> = options.into_iter().map(without).collect();
    if let Some(asked) = arguments.symmetry.filter(|&asked| asked != SymmetryChoice::None) {
        refused.push(format!(
            "--symmetry {} cannot be honoured: stateright searches without; accepted is --engine podproof, or \
             --symmetry none",
            asked.name()
        ));
    }
    refused
}

/// What a hunt has no use for.
fn of_hunts(arguments: &CheckArguments) -> Vec<String> {
    let mut refused = Vec::new();
    if arguments.partial_order {
        refused.push(
            "--partial-order has no effect with --hunt, which does not go through all orders; accepted is one of the two"
                .to_owned(),
        );
    }
    refused.extend(arguments.keep.options().map(|option| {
        format!(
            "{option} has no effect with --hunt: a hunt is begun anew, not gone on with; accepted is another --seed"
        )
    }));
    if arguments.bounds.fingerprint_bits != Bits::B64 {
        refused.push(
            "--fingerprint-bits 128 has no effect with --hunt: what it finds is taken again step by step, and what it takes \
             for known proves nothing; accepted is 64"
                .to_owned(),
        );
    }
    refused
}

fn of_partial_order(arguments: &CheckArguments, planned: &[Planned]) -> Vec<String> {
    let plans = || planned.iter().flat_map(|planned| &planned.plans);
    let named = |keep: &dyn Fn(&Plan, Property) -> bool| {
        let all = |property: &Property| {
            plans().any(|plan| plan.judged.contains(*property) && keep(plan, *property))
        };
        Property::all().filter(all).map(Property::name).collect::<Vec<_>>().join(", ")
    };
    let progress = named(&|_, property| property.facts().kind == Kind::Liveness);
    let timed = named(&|plan, _| plan.timing == Timing::Timed);
    let mut refused: Vec<String> = arguments
        .keep
        .options()
        .map(|option| {
            format!("{option} keeps no search by partial order; accepted is a check without --partial-order")
        })
        .collect();
    if !progress.is_empty() {
        refused.push(format!(
            "--partial-order judges no progress, and these promises are of progress: {progress}; accepted are safety \
             promises (--only safety, or --property)"
        ));
    }
    if !timed.is_empty() {
        refused.push(format!(
            "--partial-order is for searches without clocks, as a tick depends on every step, and these promises are judged \
             timed: {timed}; accepted are the others (--only untimed, or --property), or --timing untimed"
        ));
    }
    if progress.is_empty() && timed.is_empty() {
        let symmetry = arguments.symmetry.unwrap_or(SymmetryChoice::Any);
        add(&mut refused, planned, |plan| search::refused_by_partial_order(plan, symmetry));
    }
    refused
}

/// A symmetry that a search has not.
fn of_symmetry(asked: SymmetryChoice, planned: &[Planned]) -> Vec<String> {
    let mut refused = Vec::new();
    add(&mut refused, planned, |plan| {
        // What is wrong with the scenario itself is said by its search.
        let rules = Rules::compile(plan.scenario.clone()).ok()?;
        asked.of(&rules).err()
    });
    refused
}

/// Adds why searches are refused, each reason of a workload once.
fn add(refused: &mut Vec<String>, planned: &[Planned], why: impl Fn(&Plan) -> Option<String>) {
    for Planned { workload, plans, .. } in planned {
        for why in plans.iter().filter_map(&why) {
            let why = located(workload, &format!("{}: {why}", workload.name));
            if !refused.contains(&why) {
                refused.push(why);
            }
        }
    }
}
