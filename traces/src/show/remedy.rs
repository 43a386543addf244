//! What makes the promise of a trace hold, as far as somebody has looked for it.

use podproof_vocabulary::Scenario;

use super::page::{Page, Paint};
use super::{Style, asked};
use crate::standing::Standing;
use crate::trace::Trace;

/// How to look for a remedy, where none is recorded and the trace comes from a manifest that can be named: by the check that searches
/// its world, with the files that were read beside the manifest. What is only expected has none.
pub(crate) fn ask(trace: &Trace) -> Option<String> {
    let manifest = trace.manifest.as_ref().filter(|manifest| *manifest != STANDARD_INPUT)?;
    let property = trace.property.filter(|_| trace.remedy.is_none())?;
    if property.facts().expectation {
        return None;
    }
    // The world of a log is nobody's who checks, and of what is left out of a world no option says it.
    let is_smaller = trace.title.as_ref().is_some_and(|title| title.starts_with(SMALLER_WORLD));
    let asked =
        asked::check(manifest, &trace.scenario, property).filter(|_| trace.log.is_none() && !is_smaller);
    Some(match asked {
        Some(check) => {
            let others = if is_alone(&trace.scenario) { "" } else { OTHERS };
            format!("no remedy is recorded; {check} --remedy looks for one{others}")
        }
        None => "no remedy is recorded; the check that it comes from looks for one with --remedy".to_owned(),
    })
}

/// What is said where the world holds what may stand in another file than the workload.
const OTHERS: &str = ", with the other files of that check, if it had any";

/// Does the world hold nothing but the workload, and nodes that are made?
fn is_alone(scenario: &Scenario) -> bool {
    scenario.service.is_none() && scenario.budgets.is_empty() && scenario.neighbours.is_empty()
}

/// How the title of a trace begins whose world was made smaller than its manifest makes it: what is left out follows.
pub const SMALLER_WORLD: &str = "in a smaller world (";

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
