//! Markdown, for a comment or an issue: why the promise is broken, how it comes to that, and a picture.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use podproof_vocabulary::action::Component;

use super::mermaid;
use crate::names::Names;
use crate::plain::is_steering;
use crate::show::facts;
use crate::standing::Standing;
use crate::told::{essence, told};
use crate::trace::Trace;
use crate::turning::turning;
use crate::why::reasons;

/// Steps that are told at most.
pub const STEPS_MAX: usize = 24;

/// The trace as a Markdown document, told from what is recorded.
pub fn export(trace: &Trace) -> String {
    let title = super::title(trace, &Standing::of(trace));
    let turning = turning(trace);
    let chosen = essence(trace, STEPS_MAX);
    let mut out = format!("# {}\n\n", cell(&title));
    let noted = [("about", &trace.title), ("lesson", &trace.lesson)];
    let noted = noted.into_iter().filter_map(|(what, says)| Some((what, says.clone()?)));
    // Lanes are what a picture of text has.
    let known = facts(trace, &Names::of(trace)).into_iter().filter(|(name, _)| *name != "lanes");
    for (name, fact) in noted.chain(known) {
        write(&mut out, format_args!("- **{name}:** {}\n", cell(&fact)));
    }
    out += &list(&reasons(trace).unwrap_or_default());
    out += &list(&turning.sentences);
    write(&mut out, format_args!("\nThe story: {} of {} steps\n\n", chosen.len(), trace.steps().count()));
    out + &steps(trace, &chosen) + "\n" + &picture(trace, &chosen, &turning.late)
}

fn write(out: &mut String, text: std::fmt::Arguments<'_>) {
    out.write_fmt(text).expect("writing to a String");
}

/// Text that cannot end a cell, begin markup, or lead elsewhere.
pub fn cell(text: &str) -> String {
    let mut cell = String::with_capacity(text.len());
    for (at, c) in text.char_indices() {
        match c {
            '\\' | '|' | '*' | '`' | '[' | '_' | '~' | '$' => cell.extend(['\\', c]),
            // No address of anything becomes a link.
            ':' if text[at..].starts_with("://") => cell.push_str(":&#8203;"),
            '.' if cell
                .get(cell.len().saturating_sub(3)..)
                .is_some_and(|end| end.eq_ignore_ascii_case("www")) =>
            {
                cell.push_str("&#8203;.");
            }
            '<' => cell.push_str("&lt;"),
            '&' => cell.push_str("&amp;"),
            // Nobody is called, and nothing of the same number is referred to: GitHub looks at what is shown.
            '@' | '#' => {
                cell.push(c);
                cell.push_str("&#8203;");
            }
            c if c.is_control() => cell.push(' '),
            c if is_steering(c) => cell.extend(c.escape_unicode()),
            c => cell.push(c),
        }
    }
    cell
}

/// These lines as a list.
pub fn list(lines: &[String]) -> String {
    lines.iter().map(|line| format!("- {}\n", cell(line))).collect()
}

/// The steps of `trace` whose numbers are chosen in words, a line each.
pub fn steps(trace: &Trace, chosen: &BTreeSet<usize>) -> String {
    let mut out = String::new();
    for step in told(trace).iter().filter(|step| chosen.contains(&step.number)) {
        write(
            &mut out,
            format_args!("- {} **{}** {}\n", step.number, step.component.name(), cell(&step.says)),
        );
    }
    out
}

/// The same as a diagram, with what came too late.
pub fn picture(trace: &Trace, chosen: &BTreeSet<usize>, late: &[(Component, String)]) -> String {
    let diagram = mermaid::excerpt(trace, |number| chosen.contains(&number), late);
    format!("```mermaid\n{diagram}```\n")
}

#[cfg(test)]
mod tests {
    use super::cell;

    #[test]
    fn text_cannot_end_a_cell() {
        assert_eq!(cell("a|b\n<c> & `d` \\*"), "a\\|b &lt;c> &amp; \\`d\\` \\\\\\*");
        assert_eq!(cell("_a_ ~~b~~ $c$"), "\\_a\\_ \\~\\~b\\~\\~ \\$c\\$");
        assert_eq!(cell("www.a.example, Www.b"), "www&#8203;.a.example, Www&#8203;.b");
        assert_eq!(cell("http://a: b.c"), "http:&#8203;//a: b.c");
        assert_eq!(cell("a\u{202e}b\u{2028}\u{7}"), "a\\u{202e}b\\u{2028} ");
    }
}
