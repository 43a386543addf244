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
    let range = format!("{} to {}", parameter.from, parameter.value(settled.accepted));
    let mut out = match settled.value {
        Some(value) => format!(
            "\n  {}: {} is the smallest from {range} that holds\n",
            parameter.says,
            parameter.value(value)
        ),
        None => format!("\n  {}: {}\n", parameter.says, unsettled(settled, &range, spares)),
    };
    if let Some(kept) = settled.kept {
        out += &format!(
            "    the manifest has {}, which holds too and is left as it is\n",
            parameter.value(kept)
        );
    }
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
        out += &format!("    {:width$}  {}\n", "", crate::report::show_command(path));
    }
    out
}

/// What is known where the smallest value that holds is not.
fn unsettled(settled: &Settled, range: &str, spares: bool) -> String {
    let holds = |tried: &Tried| matches!(tried, Tried::Holds { kills, .. } if !(spares && *kills));
    match settled.tried.iter().find(|(_, tried)| holds(tried)) {
        Some((value, _)) => {
            let value = settled.parameter.value(*value);
            format!("{value} holds; whether a smaller one from {range} does was not found out")
        }
        None if settled.accepted < settled.parameter.to => {
            format!("none from {range} was found to hold, and greater ones are refused")
        }
        None => format!("none from {range} was found to hold"),
    }
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::tune::parameter::Parameter;

    /// A search that was cut short after these values.
    fn cut_short(tried: [(u32, Tried); 2]) -> String {
        let range = "spec.x=0..10".parse().expect("a range");
        let parameter = Parameter::plain(&range);
        let settled = Settled {
            parameter,
            value: None,
            kept: None,
            accepted: 10,
            is_jagged: false,
            tried: BTreeMap::from(tried),
            trace: None,
        };
        section(&settled, true)
    }

    #[test]
    fn what_holds_is_said_where_the_smallest_is_not_known() {
        let undecided = || (5, Tried::Undecided("time".into()));
        let said = cut_short([undecided(), (10, Tried::Holds { states: 7, kills: false })]);
        assert!(
            said.contains("10 holds; whether a smaller one from 0 to 10 does was not found out"),
            "{said}"
        );
        let said = cut_short([undecided(), (10, Tried::Holds { states: 7, kills: true })]);
        assert!(said.contains("none from 0 to 10 was found to hold"), "{said}");
    }
}
