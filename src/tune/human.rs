//! The report for a terminal.

use podproof_traces::why;

use super::{Settled, Tuned};
use crate::report::{grouped, left_out, list, name_and_size};
use crate::trial::Tried;

/// The whole report.
pub fn render(tuned: &Tuned) -> String {
    let stories: Vec<String> = tuned.stories.iter().map(ToString::to_string).collect();
    let mut out = format!("{}, story {}\n", name_and_size(&tuned.heading), stories.join(", "));
    for warning in &tuned.heading.warnings {
        out += &format!("  warning: {warning}\n");
    }
    let names: Vec<&str> = tuned.judged.iter().map(|property| property.name()).collect();
    let spared = if tuned.spares_containers { ", and no container gets SIGKILL" } else { "" };
    out += &format!("  has to hold: {}{spared}\n", names.join(", "));
    for settled in &tuned.settled {
        out += &section(settled, tuned.spares_containers);
    }
    if let Some(why) = &tuned.undecided {
        out += &format!("\n  undecided: {why}\n");
    }
    if let Some(patch) = &tuned.patch {
        out += &format!("\n{patch}");
    } else if tuned.exit() == crate::exit::HOLDS {
        out += "\n  the manifest has these values already\n";
    }
    list(&mut out, "assumptions", &tuned.heading.assumptions);
    list(&mut out, "approximations (--exact switches them off)", &tuned.approximations);
    list(&mut out, "left out of the model", &left_out(&tuned.heading));
    out
}

fn section(settled: &Settled, spares: bool) -> String {
    let parameter = &settled.parameter;
    let range = format!("{} to {}", parameter.from, parameter.value(parameter.to));
    let mut out = match settled.value {
        Some(value) => format!(
            "\n  {}: {} is the smallest from {range} that holds\n",
            parameter.says,
            parameter.value(value)
        ),
        None => format!("\n  {}: none from {range} was found to hold\n", parameter.says),
    };
    if settled.is_jagged {
        out += "    greater values do not always hold where a smaller one does: all were tried from the smallest on\n";
    }
    let width = parameter.value(parameter.to).chars().count();
    let shown = settled.below().map(|(value, _)| value);
    for (value, tried) in &settled.tried {
        let number = parameter.value(*value);
        out += &format!("    {number:>width$}  {}\n", verdict(tried, spares, shown == Some(*value)));
    }
    if let Some(path) = &settled.trace {
        out += &format!("    {:width$}  podproof trace show {}\n", "", path.display());
    }
    out
}

fn verdict(tried: &Tried, spares: bool, in_full: bool) -> String {
    match tried {
        Tried::Holds { states, kills: true } if spares => {
            format!("a container gets SIGKILL, {} states", grouped(*states))
        }
        Tried::Holds { states, .. } => format!("holds, {} states", grouped(*states)),
        Tried::Broken(broken) if in_full => format!("broken {}: {}", broken.property, why(&broken.trace)),
        Tried::Broken(broken) => format!("broken {}", broken.property),
        Tried::Refused(why) => format!("refused: {why}"),
        Tried::Undecided(why) => format!("undecided: {why}"),
    }
}
