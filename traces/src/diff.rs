//! Two traces beside one another: what their worlds differ in, and where their steps part.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::names::Names;
use crate::show::Style;
use crate::show::page::{Page, Paint};
use crate::standing::Standing;
use crate::told::{self, Told};
use crate::trace::{Trace, TraceStep};
use crate::words;

/// Fields of two scenarios that are named at most.
const FIELDS_MAX: usize = 24;
/// Steps that both have and that stand around one that only one has.
const AROUND: usize = 2;
/// Letters of a value that are shown at most.
const VALUE_MAX: usize = 40;
/// The table of the alignment has no more cells than this: longer traces that part are shown one after the other.
const CELLS_MAX: usize = 16 << 20;

/// A line of two traces laid side by side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Line {
    /// A step of both, by its places.
    Both(usize, usize),
    /// A step that only the first has.
    First(usize),
    /// A step that only the second has.
    Second(usize),
}

/// What two traces differ in, for a terminal: their worlds, and their steps laid side by side, equal where they say the same, with
/// what is recorded of an equal step in one trace only.
pub fn diff(first: &Trace, second: &Trace, style: Style) -> String {
    let mut page = Page::new(style);
    heads(&mut page, first, second);
    worlds(&mut page, first, second);
    let (one, other) = (recorded(first), recorded(second));
    let pairs = one.iter().zip(&other).take_while(|(one, other)| one.told.says == other.told.says);
    let (common, others) = pairs.fold((0, 0), |(common, others), (one, other)| {
        (common + 1, others + usize::from(one.facts != other.facts))
    });
    page.blank();
    match (common == one.len(), common == other.len()) {
        (true, true) if others == 0 => {
            page.text(0, Paint::Strong, &format!("their {common} steps are the same"));
        }
        (true, true) => {
            let says = format!("their {common} steps are the same; of {others} another effect is recorded");
            page.text(0, Paint::Strong, &says);
        }
        (true, false) => page.text(0, Paint::Strong, &format!("the second goes on after step {common}")),
        (false, true) => page.text(0, Paint::Strong, &format!("the first goes on after step {common}")),
        (false, false) if common == 0 => page.text(0, Paint::Strong, "they part at the first step"),
        (false, false) => {
            page.text(0, Paint::Strong, &format!("they part after step {common}"));
        }
    }
    steps(&mut page, &one, &other);
    page.finish()
}

/// Do two traces tell the same: are their worlds alike but for their names, and their claims, their steps and what is recorded of them?
pub fn are_alike(first: &Trace, second: &Trace) -> bool {
    let claim = |trace: &Trace| {
        let about = (trace.obligation, trace.observed_proxy, trace.followed);
        (trace.kind, trace.property, trace.stem.len(), about)
    };
    let (one, other) = (recorded(first), recorded(second));
    let same =
        |(one, other): (&Recorded, &Recorded)| one.told.says == other.told.says && one.facts == other.facts;
    claim(first) == claim(second)
        && fields(first, second).is_empty()
        && one.len() == other.len()
        && one.iter().zip(&other).all(same)
}

/// A step with all that is recorded of what it did, in words.
struct Recorded {
    told: Told,
    facts: Vec<String>,
}

/// The steps of a trace as they are recorded.
fn recorded(trace: &Trace) -> Vec<Recorded> {
    let mut names = Names::of(trace);
    let mut before = 0;
    let of = |(number, step): (usize, &TraceStep)| {
        let told = told::one(&mut names, number, step);
        let mut facts: Vec<String> =
            step.changed.iter().map(|change| words::change(&names, change)).collect();
        facts.push(format!("a step of component {}", step.component.name()));
        // What differs once differs in all that comes later if it is counted from the beginning.
        facts.push(format!("ticks that have passed with it: {}", i64::from(step.tick) - i64::from(before)));
        before = step.tick;
        Recorded { told, facts }
    };
    trace.steps().map(of).collect()
}

fn heads(page: &mut Page, first: &Trace, second: &Trace) {
    for (mark, trace) in [("-", first), ("+", second)] {
        let what = trace.property.map_or("a path".to_owned(), |property| Standing::of(trace).says(property));
        let cycle = match trace.cycle.len() {
            0 => String::new(),
            steps => format!(", the last {steps} for ever"),
        };
        let name = &trace.scenario.name;
        let steps = trace.stem.len() + trace.cycle.len();
        page.hanging(0, 4, Paint::Strong, &format!("{mark} {name}: {what}, {steps} steps{cycle}"));
    }
}

/// The fields in which their worlds differ, with both values; that they are called otherwise does not count.
fn fields(first: &Trace, second: &Trace) -> Vec<(String, String, String)> {
    let value = |trace: &Trace| serde_json::to_value(&trace.scenario).unwrap_or_default();
    let mut fields = Vec::new();
    differences(&value(first), &value(second), "", &mut fields);
    fields.retain(|(field, ..)| field != "name");
    fields
}

fn worlds(page: &mut Page, first: &Trace, second: &Trace) {
    let fields = fields(first, second);
    if fields.is_empty() {
        return;
    }
    page.blank();
    page.text(0, Paint::Plain, "their worlds differ in");
    for (field, one, other) in fields.iter().take(FIELDS_MAX) {
        page.hanging(2, 4, Paint::Change, &format!("{field}: {one} | {other}"));
    }
    if let Some(more) = fields.len().checked_sub(FIELDS_MAX).filter(|&more| more > 0) {
        page.text(2, Paint::Faint, &format!("and {more} more"));
    }
}

/// The places at which two documents differ, with both values.
fn differences(one: &Value, other: &Value, path: &str, out: &mut Vec<(String, String, String)>) {
    let short = |value: Option<&Value>| {
        let text = value.map_or("nothing".to_owned(), Value::to_string);
        match text.char_indices().nth(VALUE_MAX) {
            Some((cut, _)) => format!("{}...", &text[..cut]),
            None => text,
        }
    };
    match (one, other) {
        (Value::Object(one), Value::Object(other)) => {
            let mut keys: Vec<_> = one.keys().chain(other.keys()).collect();
            keys.sort_unstable();
            keys.dedup();
            for key in keys {
                let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                match (one.get(key), other.get(key)) {
                    (Some(one), Some(other)) => differences(one, other, &path, out),
                    (one, other) => out.push((path, short(one), short(other))),
                }
            }
        }
        (Value::Array(one), Value::Array(other)) => {
            for index in 0..one.len().max(other.len()) {
                let path = format!("{path}[{index}]");
                match (one.get(index), other.get(index)) {
                    (Some(one), Some(other)) => differences(one, other, &path, out),
                    (one, other) => out.push((path, short(one), short(other))),
                }
            }
        }
        (one, other) if one != other => out.push((path.to_owned(), short(Some(one)), short(Some(other)))),
        _ => {}
    }
}

fn steps(page: &mut Page, one: &[Recorded], other: &[Recorded]) {
    let says = |steps: &[Recorded]| steps.iter().map(|step| step.told.says.clone()).collect::<Vec<_>>();
    let lines = aligned(&says(one), &says(other));
    let is_same =
        |line: &Line| matches!(line, Line::Both(left, right) if one[*left].facts == other[*right].facts);
    let shown: Vec<bool> = (0..lines.len())
        .map(|at| {
            let around = &lines[at.saturating_sub(AROUND)..(at + AROUND + 1).min(lines.len())];
            !around.iter().all(is_same)
        })
        .collect();
    let width = one.len().max(other.len()).to_string().len();
    let lane = one.iter().chain(other).map(|step| step.told.component.name().len()).max().unwrap_or(0);
    let mut at = 0;
    while at < lines.len() {
        if !shown[at] {
            let end = (at..lines.len()).find(|&at| shown[at]).unwrap_or(lines.len());
            page.text(2, Paint::Faint, &format!("... {} that both have", count(end - at)));
            at = end;
            continue;
        }
        let (mark, numbers, step, paint) = match lines[at] {
            Line::Both(left, right) => (' ', [Some(left), Some(right)], &one[left], Paint::Faint),
            Line::First(left) => ('-', [Some(left), None], &one[left], Paint::Guilt),
            Line::Second(right) => ('+', [None, Some(right)], &other[right], Paint::Change),
        };
        let number = |at: Option<usize>| at.map_or(String::new(), |at| (at + 1).to_string());
        let [left, right] = numbers.map(number);
        let component = step.told.component.name();
        let margin = format!("{mark} {left:>width$} {right:>width$}  {component:<lane$}  ");
        page.beside(&margin, paint, &step.told.says);
        if let Line::Both(left, right) = lines[at] {
            let empty = " ".repeat(2 * width + lane + 5);
            effects(page, ('-', Paint::Guilt), &empty, &one[left], &other[right]);
            effects(page, ('+', Paint::Change), &empty, &other[right], &one[left]);
        }
        at += 1;
    }
}

/// What is recorded of a step in one trace and not in the other.
fn effects(page: &mut Page, (mark, paint): (char, Paint), margin: &str, own: &Recorded, other: &Recorded) {
    let others: BTreeSet<&String> = other.facts.iter().collect();
    for fact in own.facts.iter().filter(|fact| !others.contains(fact)) {
        page.beside(&format!("{mark}{margin}  "), paint, &format!("-> {fact}"));
    }
}

fn count(steps: usize) -> String {
    if steps == 1 { "1 step".to_owned() } else { format!("{steps} steps") }
}

/// Two lists laid side by side with as many equal lines as there can be (a longest common subsequence), those that only the
/// first has before those that only the second has.
fn aligned(one: &[String], other: &[String]) -> Vec<Line> {
    let same = one.iter().zip(other).take_while(|(one, other)| one == other).count();
    let mut lines: Vec<Line> = (0..same).map(|at| Line::Both(at, at)).collect();
    let (first, second) = (&one[same..], &other[same..]);
    let ends = first.iter().rev().zip(second.iter().rev()).take_while(|(one, other)| one == other).count();
    let (first, second) = (&first[..first.len() - ends], &second[..second.len() - ends]);
    let rest = if first.len().saturating_mul(second.len()) > CELLS_MAX {
        apart(first, second)
    } else {
        with_most_in_common(first, second)
    };
    lines.extend(rest.into_iter().map(|line| match line {
        Line::Both(left, right) => Line::Both(left + same, right + same),
        Line::First(left) => Line::First(left + same),
        Line::Second(right) => Line::Second(right + same),
    }));
    lines.extend((0..ends).rev().map(|end| Line::Both(one.len() - 1 - end, other.len() - 1 - end)));
    lines
}

/// Two lists one after the other.
fn apart(one: &[String], other: &[String]) -> Vec<Line> {
    (0..one.len()).map(Line::First).chain((0..other.len()).map(Line::Second)).collect()
}

fn with_most_in_common(one: &[String], other: &[String]) -> Vec<Line> {
    let mut common = vec![vec![0_u32; other.len() + 1]; one.len() + 1];
    for left in (0..one.len()).rev() {
        for right in (0..other.len()).rev() {
            common[left][right] = if one[left] == other[right] {
                common[left + 1][right + 1] + 1
            } else {
                common[left + 1][right].max(common[left][right + 1])
            };
        }
    }
    let (mut left, mut right) = (0, 0);
    let mut lines = Vec::new();
    while left < one.len() || right < other.len() {
        if left < one.len() && right < other.len() && one[left] == other[right] {
            lines.push(Line::Both(left, right));
            (left, right) = (left + 1, right + 1);
        } else if right == other.len()
            || left < one.len() && common[left + 1][right] >= common[left][right + 1]
        {
            lines.push(Line::First(left));
            left += 1;
        } else {
            lines.push(Line::Second(right));
            right += 1;
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(one: &str, other: &str) -> String {
        let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        let (one, other) = (words(one), words(other));
        let line = |line: &Line| match *line {
            Line::Both(left, _) => one[left].clone(),
            Line::First(left) => format!("-{}", one[left]),
            Line::Second(right) => format!("+{}", other[right]),
        };
        aligned(&one, &other).iter().map(line).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn equal_lines_stand_beside_one_another() {
        assert_eq!(lines("a b c d", "a c x d"), "a -b c +x d");
        assert_eq!(lines("", "a"), "+a");
        assert_eq!(lines("a b", "b a"), "-a b +a");
    }

    /// Two long ways that differ in one step are not laid out whole: what ends alike is known to.
    #[test]
    fn a_line_more_at_the_beginning_of_many_parts_no_others() {
        let many: Vec<String> = (0..9_000).map(|number| number.to_string()).collect();
        let more = [&["new".to_owned()], &many[..]].concat();
        let lines = aligned(&many, &more);
        assert_eq!(lines.iter().filter(|line| matches!(line, Line::Both(..))).count(), many.len());
        assert!(matches!((&lines[0], &lines[1]), (Line::Second(0), Line::Both(0, 1))));
    }

    #[test]
    fn documents_differ_by_field() {
        let one = serde_json::json!({"a": [1, {"b": 2}], "c": 3});
        let other = serde_json::json!({"a": [1, {"b": 4}, 5]});
        let mut found = Vec::new();
        differences(&one, &other, "", &mut found);
        let found: Vec<_> = found.iter().map(|(at, one, other)| format!("{at}: {one} | {other}")).collect();
        assert_eq!(found, ["a[1].b: 2 | 4", "a[2]: nothing | 5", "c: 3 | nothing"]);
    }
}
