//! The report for a terminal.

use podproof_traces::why;
use podproof_vocabulary::property::PropertySet;

use super::{Proof, Settled, TuneReport, Tuned};
use crate::report::{grouped, left_out, list, name_and_size};
use crate::trial::Tried;

/// The whole report.
pub fn render(report: &TuneReport) -> String {
    let warnings: String = report.warnings.iter().map(|warning| format!("warning: {warning}\n")).collect();
    let sections: Vec<String> = report.workloads.iter().map(workload).collect();
    warnings + &sections.join("\n")
}

fn workload(tuned: &Tuned) -> String {
    let stories: Vec<String> = tuned.stories.iter().map(ToString::to_string).collect();
    let mut out = format!("{}, story {}\n", name_and_size(&tuned.heading), stories.join(", "));
    for warning in &tuned.heading.warnings {
        out += &format!("  warning: {warning}\n");
    }
    let spared = if tuned.spares_containers { ", and no container gets SIGKILL" } else { "" };
    out += &format!("  has to hold: {}{spared}\n", names(tuned.judged));
    for settled in &tuned.settled {
        out += &section(settled, tuned.spares_containers);
    }
    if let Some(why) = &tuned.undecided {
        out += &format!("\n  undecided: {why}\n");
    }
    match &tuned.proof {
        Proof::None => {}
        Proof::Fails(how) => {
            out += &format!("\n  each value holds, and all of them together do not: {how}\n");
        }
        Proof::Holds { idle } => {
            if !idle.is_empty() {
                out += &format!(
                    "\n  nothing is said of these, whose premise is never reached: {}\n",
                    names(*idle)
                );
            }
            match &tuned.patch {
                Some(patch) => out += &format!("\n{patch}"),
                None => out += "\n  the manifest holds as it is: there is nothing to change\n",
            }
        }
    }
    list(&mut out, "assumptions", &tuned.heading.assumptions);
    list(&mut out, "approximations (--exact switches them off)", &tuned.approximations);
    list(&mut out, "left out of the model", &left_out(&tuned.heading));
    out
}

fn names(properties: PropertySet) -> String {
    properties.iter().map(|property| property.name()).collect::<Vec<_>>().join(", ")
}

fn section(settled: &Settled, spares: bool) -> String {
    let parameter = &settled.parameter;
    let mut out = format!("\n  {}: {}\n", parameter.says, result(settled, spares));
    if let Some(kept) = settled.kept {
        out += &format!(
            "    the manifest has {}, which holds too and is left as it is\n",
            parameter.value(kept)
        );
    }
    if settled.is_jagged {
        out += "    greater values do not always hold where a smaller one does\n";
    }
    if settled.all_hold {
        let accepted = if settled.tried.values().any(is_refused) { " and is accepted" } else { "" };
        out += &format!(
            "    every value that was tried{accepted} holds: nothing that has to hold was seen to depend on it\n"
        );
    }
    if settled.is_unset {
        let has = parameter.other.as_ref().map_or("does not set it".to_owned(), |text| format!("has {text}"));
        out += &format!("    the manifest {has}, which holds too, and is left as it is\n");
    }
    let width = parameter.value(parameter.to).chars().count();
    let shown = settled.below().map(|(value, _)| value);
    let tried: Vec<(u32, &Tried)> = settled.tried.iter().map(|(value, tried)| (*value, tried)).collect();
    // Those that are refused one after the other are so for one reason, mostly.
    for run in tried.chunk_by(|(_, one), (_, two)| is_refused(one) && is_refused(two)) {
        let [.., (value, tried)] = run else { continue };
        let least = parameter.value(run[0].0);
        let idle = settled.idle.get(value).copied().unwrap_or_default();
        let says = verdict(tried, idle, spares, shown == Some(*value));
        let more = if run.len() > 1 {
            format!(" (so are all from {least} on that were tried)")
        } else {
            String::new()
        };
        out += &format!("    {:>width$}  {says}{more}\n", parameter.value(*value));
    }
    if let Some(path) = &settled.trace {
        out += &format!("    {:width$}  {}\n", "", crate::report::show_command(path));
    }
    out
}

const fn is_refused(tried: &Tried) -> bool {
    matches!(tried, Tried::Refused(_))
}

/// What is known of the smallest value, and no more than that.
fn result(settled: &Settled, spares: bool) -> String {
    let (parameter, untried) = (&settled.parameter, settled.untried());
    let range = parameter.range(settled.accepted);
    let holds = |(value, tried): &(&u32, &Tried)| settled.holds(**value, tried, spares);
    let greater =
        if settled.accepted < parameter.to { ", and greater ones that were tried are refused" } else { "" };
    match (settled.value, settled.tried.iter().find(holds)) {
        (Some(value), _) if untried == 0 => {
            format!("{} is the smallest from {range} that holds", parameter.value(value))
        }
        (Some(value), _) => {
            let value = parameter.value(value);
            format!(
                "{value} is the smallest from {range} that was found to hold; {untried} below it were not decided"
            )
        }
        (None, Some((value, _))) => {
            let value = parameter.value(*value);
            format!("{value} holds; whether a smaller one from {range} does was not found out")
        }
        (None, None) if untried == 0 => format!("none from {range} holds{greater}"),
        (None, None) => format!("none from {range} was found to hold{greater}; {untried} were not decided"),
    }
}

/// What came of a trial, in which the premise of these promises has to be reached and was not.
pub(super) fn verdict(tried: &Tried, idle: PropertySet, spares: bool, in_full: bool) -> String {
    match tried {
        Tried::Holds { states, .. } if !idle.is_empty() => {
            format!(
                "proves nothing of {}: the premise is never reached, {} states",
                names(idle),
                grouped(*states)
            )
        }
        Tried::Holds { states, unended, .. } if !unended.is_empty() => {
            let stories: Vec<&str> = unended.iter().map(|story| story.name()).collect();
            format!(
                "proves nothing: the story, {}, never comes to its end, {} states",
                stories.join(", "),
                grouped(*states)
            )
        }
        Tried::Holds { states, kills: true, .. } if spares => {
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

    use podproof_vocabulary::Property;

    use super::*;
    use crate::tune::parameter::{Form, Parameter};

    /// What is said of these values from 0 to 10.
    fn said(value: Option<u32>, tried: &[(u32, Tried)], idle: &[u32]) -> String {
        let parameter = Parameter {
            path: "spec.x".parse().expect("a path"),
            says: "spec.x".into(),
            unit: "",
            from: 0,
            to: 10,
            now: None,
            other: None,
            is_kept: false,
            form: Form::Number,
        };
        let unreached = PropertySet::of([Property::GraceHonoured]);
        let settled = Settled {
            parameter,
            value,
            kept: None,
            is_unset: false,
            all_hold: false,
            accepted: 10,
            is_jagged: false,
            tried: tried.iter().cloned().collect::<BTreeMap<_, _>>(),
            idle: idle.iter().map(|value| (*value, unreached)).collect(),
            trace: None,
        };
        section(&settled, true)
    }

    fn holds(kills: bool) -> Tried {
        Tried::Holds {
            states: 7,
            kills,
            reached: PropertySet::NONE,
            unended: Vec::new(),
            warnings: Vec::new(),
        }
    }

    fn undecided() -> Tried {
        Tried::Undecided("time".into())
    }

    fn refused() -> Tried {
        Tried::Refused("no".into())
    }

    #[test]
    fn what_holds_is_said_where_the_smallest_is_not_known() {
        let said_of = |kills| said(None, &[(5, undecided()), (10, holds(kills))], &[]);
        let says = "10 holds; whether a smaller one from 0 to 10 does was not found out";
        assert!(said_of(false).contains(says), "{}", said_of(false));
        let says = "none from 0 to 10 was found to hold; 10 were not decided";
        assert!(said_of(true).contains(says), "{}", said_of(true));
    }

    #[test]
    fn no_more_is_claimed_than_was_tried() {
        let few = said(Some(3), &[(2, refused()), (3, holds(false))], &[]);
        assert!(
            few.contains("3 is the smallest from 0 to 10 that was found to hold; 2 below it were"),
            "{few}"
        );
        let all = [(0, refused()), (1, refused()), (2, refused()), (3, holds(false))];
        let all = said(Some(3), &all, &[]);
        assert!(all.contains("3 is the smallest from 0 to 10 that holds\n"), "{all}");
        let folded = "     2  refused: no (so are all from 0 on that were tried)\n     3  holds, 7 states\n";
        assert!(all.contains(folded), "{all}");
    }

    #[test]
    fn what_proves_nothing_does_not_hold() {
        let idle = said(None, &[(10, holds(false))], &[10]);
        assert!(idle.contains("none from 0 to 10 was found to hold"), "{idle}");
        assert!(
            idle.contains("10  proves nothing of grace-honoured: the premise is never reached"),
            "{idle}"
        );
    }
}
