//! What makes the promise of a trace hold, as far as somebody has looked for it.

use super::Style;
use super::page::{Page, Paint};
use crate::plain::word;
use crate::standing::Standing;
use crate::trace::Trace;

/// How to look for a remedy, where none is recorded and the trace comes from a manifest that can be named. What is only expected has none.
pub(crate) fn ask(trace: &Trace) -> Option<String> {
    let manifest = trace.manifest.as_ref().filter(|manifest| *manifest != STANDARD_INPUT)?;
    let property = trace.property.filter(|_| trace.remedy.is_none())?;
    if property.facts().expectation {
        return None;
    }
    Some(format!(
        "no remedy is recorded; podproof check {} --story {} --property {property} --remedy looks for one",
        word(manifest),
        trace.scenario.story.name()
    ))
}

/// What standard input is called where files are named.
const STANDARD_INPUT: &str = "-";

/// What is said of a remedy that stands in a file: nobody has tried it again.
pub(crate) const RECORDED: &str = "recorded, not checked again (podproof check --remedy does):";

/// What the trace says that makes its promise hold, with the patch: a paragraph, or how to look for it if nobody has. A file can
/// say anything, and to find out whether it is so takes the manifest and a search, so it is told as what is recorded.
pub fn show_remedy(trace: &Trace, style: Style) -> String {
    let mut page = Page::new(style);
    let Some(remedy) = &trace.remedy else {
        if let Some(ask) = ask(trace).filter(|_| Standing::of(trace).is_broken()) {
            page.blank();
            page.hanging(0, 2, Paint::Plain, &ask);
        }
        return page.finish();
    };
    page.blank();
    page.hanging(0, 2, Paint::Strong, RECORDED);
    for sentence in &remedy.says {
        page.hanging(2, 4, Paint::Plain, sentence);
    }
    for line in remedy.patch.iter().flat_map(|patch| patch.split_terminator('\n')) {
        let paint = match line.bytes().next() {
            Some(b'+') => Paint::Change,
            Some(b'-') => Paint::Guilt,
            _ => Paint::Plain,
        };
        page.verbatim(paint, line);
    }
    page.finish()
}
