//! A Mermaid sequence diagram: a lifeline for each component, news and writes as messages to and from the API server.

use podproof_vocabulary::action::{Action, Component, Container, Kubelet};

use crate::change::Change;
use crate::plain::is_steering;
use crate::standing::Standing;
use crate::told::{Told, essence, told};
use crate::trace::{Kind, Trace, TraceStep};

/// Characters that Mermaid draws, unless a page is set up for more (`maxTextSize` of its configuration; GitHub's are not).
pub const TEXT_MAX: usize = 50_000;

/// The trace as a Mermaid document, told from what is recorded: of one that would be too long to be drawn what tells its end.
pub fn export(trace: &Trace) -> String {
    let mut text = excerpt(trace, |_| true, &[]);
    let mut most = trace.steps().count();
    while text.chars().count() > TEXT_MAX && most > 1 {
        most /= 2;
        let chosen = essence(trace, most);
        text = excerpt(trace, |number| chosen.contains(&number), &[]);
    }
    text
}

/// Notes of what came too late that a diagram has at most.
const LATE_MAX: usize = 8;

/// The same of the steps whose numbers are chosen; how many are left out between them is said. Whoever came too late with something
/// has a lifeline too, and behind the end stands what.
pub fn excerpt(trace: &Trace, is_chosen: impl Fn(usize) -> bool, late: &[(Component, String)]) -> String {
    let standing = Standing::of(trace);
    let told = told(trace);
    let all: Vec<(&Told, &TraceStep)> = told.iter().zip(trace.stem.iter().chain(&trace.cycle)).collect();
    let steps: Vec<(&Told, &TraceStep)> =
        all.into_iter().filter(|(told, _)| is_chosen(told.number)).collect();
    let mut out = String::from("sequenceDiagram\n");
    out += &format!("  %% {}\n", plain(&super::title(trace, &standing)));
    for component in Component::ALL {
        let speaks = |(_, step): &(&Told, &TraceStep)| {
            let (from, to) = ends(step);
            from == component || to == component
        };
        if steps.iter().any(speaks) || late.iter().any(|(whose, _)| *whose == component) {
            out += &format!("  participant {} as {}\n", id(component), component.name());
        }
    }
    let (stem, cycle) = steps.split_at(steps.partition_point(|(told, _)| told.number <= trace.stem.len()));
    // What the end of a safety trace is stands behind the step that breaks its promise, which need not be the last.
    let breaks = match standing {
        Standing::Broken { at_step } if trace.kind == Kind::Safety => at_step,
        _ => trace.stem.len(),
    };
    let (until, after) = stem.split_at(stem.partition_point(|(told, _)| told.number <= breaks));
    lines(&mut out, "  ", until, 0);
    let over = until.last().or(after.first());
    if let (Kind::Safety, Some(property), Some((last, _))) = (trace.kind, trace.property, over) {
        out += &format!("  Note over {}: {}\n", id(last.component), plain(&standing.says(property)));
    }
    for (whose, says) in late.iter().take(LATE_MAX) {
        out += &format!("  Note over {}: too late: {}\n", id(*whose), plain(says));
    }
    if let Some((whose, _)) = late.get(LATE_MAX) {
        out += &format!("  Note over {}: too late: {} more\n", id(*whose), late.len() - LATE_MAX);
    }
    lines(&mut out, "  ", after, until.last().map_or(0, |(told, _)| told.number));
    if let (Kind::Lasso, Some(property)) = (trace.kind, trace.property) {
        let so = match &standing {
            Standing::Broken { .. } => format!("and so {property} is broken"),
            other => plain(&other.says(property)),
        };
        out += &format!("  loop for ever, {so}\n");
        if cycle.is_empty() {
            let over = stem.last().map_or(Component::Time, |(last, _)| last.component);
            out += &format!("    Note over {}: nothing more happens\n", id(over));
        }
        lines(&mut out, "    ", cycle, trace.stem.len());
        out += "  end\n";
    }
    out
}

/// Steps as messages, the first of which may follow on the one of number `before`.
fn lines(out: &mut String, indent: &str, steps: &[(&Told, &TraceStep)], before: usize) {
    let mut before = before;
    for (told, step) in steps {
        let (from, to) = ends(step);
        match told.number - before - 1 {
            0 => {}
            1 => *out += &format!("{indent}Note over {}: 1 step is left out\n", id(from)),
            more => *out += &format!("{indent}Note over {}: {more} steps are left out\n", id(from)),
        }
        before = told.number;
        let arrow = if matches!(step.action, Action::Watch(_)) { "-->>" } else { "->>" };
        let says = plain(&format!("{}. {}", told.number, told.says));
        *out += &format!("{indent}{}{arrow}{}: {says}\n", id(from), id(to));
        for change in &told.changes {
            *out += &format!("{indent}Note over {}: {}\n", id(to), plain(change));
        }
    }
}

/// From whom a step goes to whom.
fn ends(step: &TraceStep) -> (Component, Component) {
    let own = step.component;
    match step.action {
        Action::Watch(_) => (Component::ApiServer, own),
        Action::Kubelet(
            Kubelet::CreateSandbox { .. }
            | Kubelet::StartContainer { .. }
            | Kubelet::RunPreStop { .. }
            | Kubelet::SendSigterm { .. }
            | Kubelet::SendSigkill { .. }
            | Kubelet::StopSandbox { .. },
        ) => (own, Component::ContainerRuntime),
        Action::Kubelet(Kubelet::Relist { .. }) => (Component::ContainerRuntime, own),
        Action::Container(Container::Exit { .. } | Container::Listen { .. }) => (own, own),
        _ if step.changed.iter().any(is_of_store) => (own, Component::ApiServer),
        _ => (own, own),
    }
}

/// Is this a change of an API object?
const fn is_of_store(change: &Change) -> bool {
    !matches!(
        change,
        Change::Sandbox { .. }
            | Change::SandboxAddress { .. }
            | Change::Terminating { .. }
            | Change::Process { .. }
            | Change::Accepting { .. }
            | Change::Sigterm { .. }
            | Change::Hook { .. }
            | Change::GraceExpired { .. }
            | Change::AddressReused { .. }
            | Change::Rule { .. }
            | Change::Machine { .. }
    )
}

/// The name of a lifeline: letters only.
fn id(component: Component) -> String {
    component.name().chars().filter(char::is_ascii_alphanumeric).collect()
}

/// Text that ends no line and no message: what has a meaning to Mermaid is written as its entity.
fn plain(text: &str) -> String {
    let mut plain = String::new();
    for letter in text.chars() {
        match letter {
            '#' => plain.push_str("#35;"),
            ';' => plain.push_str("#59;"),
            '%' => plain.push_str("#37;"),
            '<' => plain.push_str("#lt;"),
            '>' => plain.push_str("#gt;"),
            '"' => plain.push_str("#quot;"),
            letter if letter.is_control() => plain.push(' '),
            letter if is_steering(letter) => plain.extend(letter.escape_unicode()),
            letter => plain.push(letter),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::plain;

    #[test]
    fn a_name_cannot_end_a_message() {
        assert_eq!(plain("a\u{202e}b\u{2028}c"), "a\\u{202e}b\\u{2028}c");
        assert_eq!(plain("a;b#c\n%% d<br>"), "a#59;b#35;c #37;#37; d#lt;br#gt;");
    }
}
