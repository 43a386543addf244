//! `podproof trace from-walk`: one random walk as a trace.

use std::path::PathBuf;

use podproof_model::Model;
use podproof_traces::Trace;
use podproof_vocabulary::Property;
use podproof_vocabulary::property::PropertySet;

use super::arguments::FromWalkArguments;
use super::target;
use crate::counterexamples::{self, Manifest};
use crate::input::{self, Size};
use crate::plan::{self, Plan};
use crate::simulate::walk::{self, Bounds};
use crate::{manifests, output, simulate};

/// Runs the command; its exit status.
///
/// # Errors
/// What is wrong with the input, or with where the trace is to go.
pub fn run(arguments: &FromWalkArguments) -> Result<u8, String> {
    let read = manifests::files(&arguments.input.files).map_err(|errors| errors.join("\nerror: "))?;
    target::refuse("--output", arguments.output.as_deref(), read.iter().map(PathBuf::as_path))?;
    let (plan, manifest) = world(arguments)?;
    let mut trace = taken(arguments, &plan)?;
    counterexamples::note(&mut trace, manifest.as_ref());
    trace.title = Some(format!("walk {} of seed {}", arguments.walk, arguments.seed));
    let what = match trace.property {
        Some(property) => format!("{property} is broken"),
        None => "nothing is broken".to_owned(),
    };
    output::tell(format_args!(
        "{}, {}, {}, seed {}, walk {}: {what} in {} steps",
        plan.scenario.name,
        plan.story,
        plan.timing.name(),
        arguments.seed,
        arguments.walk,
        trace.stem.len()
    ));
    target::write(&trace, arguments.output.as_deref())
}

/// The walk as a trace.
fn taken(arguments: &FromWalkArguments, plan: &Plan) -> Result<Trace, String> {
    let model = Model::new(plan.scenario.clone())?.judging(plan.judged);
    let bounds = Bounds { steps: arguments.steps, deadline: None };
    let mut generator = walk::generator(arguments.seed, arguments.walk);
    let walk = walk::walk(&model, plan.judged, &mut generator, bounds);
    let is_asked_for = |property: Property| arguments.property.is_none_or(|asked| asked == property);
    let violation = walk.violations.iter().find(|violation| is_asked_for(violation.property));
    Ok(match violation {
        Some(&violation) => simulate::trace_of(&model, &walk, violation),
        None => Trace::path(&model, &walk.first, &walk.actions),
    })
}

/// The first world that is asked for in which the promise that is asked for is judged, and the manifest that it is of.
fn world(arguments: &FromWalkArguments) -> Result<(Plan, Option<Manifest>), String> {
    let input =
        input::read_in_size(&arguments.input, Size::Full).map_err(|errors| errors.join("\nerror: "))?;
    input.tell();
    if input.workloads.len() > 1 {
        let names: Vec<_> = input.workloads.iter().map(|workload| workload.name.clone()).collect();
        return Err(format!(
            "one workload is walked through at a time; choose with --workload: {}",
            names.join(", ")
        ));
    }
    let manifest = input.workloads.first().and_then(|workload| workload.manifest.clone());
    let workload = input.workloads.first().cloned();
    let asked = PropertySet::of(Property::all());
    let planned =
        plan::all(input.workloads, &arguments.world, asked).map_err(|errors| errors.join("\nerror: "))?;
    let mut plans = planned.into_iter().map(simulate::with_all_clocks).flat_map(|planned| planned.plans);
    let judges = |plan: &Plan| arguments.property.is_none_or(|property| plan.judged.contains(property));
    let plan = plans.find(judges);
    if let Some((workload, plan)) = workload.zip(plan.as_ref()) {
        workload.tell(&plan.behind);
    }
    plan.map(|plan| (plan, manifest))
        .ok_or_else(|| "no world that is asked for judges this promise".to_owned())
}
