//! The timeline for a terminal: what was seen on the left, on the right what the model did in between, up to that.

use anstyle::{AnsiColor, Style};
use podproof_conform::record::Micros;

use super::account::{Account, Broken, Workload};
use super::columns::{Paragraph, beside, wrap};
use super::human::GUILT;
use super::timeline::{Extent, Row, Timeline};
use crate::report::grouped;

const DIM: Style = Style::new().dimmed();
/// What happens beside the cluster's own doing.
const ASIDE: Style = AnsiColor::Yellow.on_default();

/// Columns of the time, and of what sets the other two apart.
const TIME: usize = 12;
const BETWEEN: usize = 3;
/// Hidden steps that are told between two entries, unless all of the timeline is.
const HIDDEN: usize = 8;
/// A pause that is longer is told.
const PAUSE: Micros = 3_000_000;

/// A moment as seconds since the log began.
pub fn since(began: Micros, at: Micros) -> String {
    let micros = at.saturating_sub(began);
    format!("{}.{:03} s", micros.div_euclid(1_000_000), micros.rem_euclid(1_000_000) / 1000)
}

/// Tells the timeline of a workload.
pub fn tell(text: &mut String, account: &Account, workload: &Workload, timeline: &Timeline, width: usize) {
    if timeline.parts.is_empty() {
        if timeline.skipped > 0 {
            *text += &format!("  {DIM}timeline: not told of this workload; --timeline tells it{DIM:#}\n");
        }
        return;
    }
    let room = width - TIME - BETWEEN;
    let widths = (room.div_ceil(2), room / 2);
    let title = Paragraph { style: DIM, text: "seen in the log".into() };
    let beside_it = [Paragraph { style: DIM, text: "what the model did for it, unseen".into() }];
    text.push('\n');
    *text += &beside(&" ".repeat(TIME), &title, &beside_it, widths);
    let story = Story { account, workload, is_whole: timeline.extent == Extent::Whole, width, widths };
    for part in &timeline.parts {
        story.skipped(text, part.skipped);
        for (index, row) in part.rows.iter().enumerate() {
            story.row(text, row);
            let next = part.rows.get(index + 1);
            story.unexplained(text, row);
            if let Some(next) = next {
                story.pause(text, row.at, next.at);
            }
        }
    }
    story.skipped(text, timeline.skipped);
    if timeline.skipped + timeline.parts.iter().map(|part| part.skipped).sum::<usize>() > 0 {
        story.aside(text, DIM, "--timeline tells all of it");
    }
}

struct Story<'s> {
    account: &'s Account,
    workload: &'s Workload,
    is_whole: bool,
    width: usize,
    widths: (usize, usize),
}

impl Story<'_> {
    fn margin(&self, at: Micros) -> String {
        let width = TIME - 2;
        format!("{:>width$}  ", since(self.account.began, at))
    }

    /// Tells of the entry that nothing explains, if it comes after this row.
    fn unexplained(&self, text: &mut String, row: &Row) {
        let Some(found) = &self.workload.unexplained else { return };
        if row.at <= found.at && found.at <= row.until {
            let words = format!("{}: nothing explains this", found.seen);
            *text +=
                &beside(&self.margin(found.at), &Paragraph { style: GUILT, text: words }, &[], self.widths);
        }
    }

    fn skipped(&self, text: &mut String, rows: usize) {
        if rows > 0 {
            let entries = if rows == 1 { "entry" } else { "entries" };
            self.aside(text, DIM, &format!("[…] {} {entries}", grouped(rows as u64)));
        }
    }

    fn pause(&self, text: &mut String, from: Micros, to: Micros) {
        if to - from > PAUSE {
            self.aside(text, DIM, &format!("{} without anything", since(from, to)));
        }
    }

    fn aside(&self, text: &mut String, style: Style, words: &str) {
        for line in wrap(words, self.width - TIME) {
            *text += &format!("{}{style}{line}{style:#}\n", " ".repeat(TIME));
        }
    }

    fn row(&self, text: &mut String, row: &Row) {
        let seen = Paragraph {
            style: if row.is_aside { ASIDE } else { Style::new() },
            text: if row.entry.is_some() { row.seen.clone() } else { "after the last entry".into() },
        };
        let most = if self.is_whole { usize::MAX } else { HIDDEN };
        let told = if row.hidden.len() > most { most - 1 } else { row.hidden.len() };
        let mut hidden: Vec<_> = row.hidden[..told]
            .iter()
            .map(|hidden| Paragraph {
                style: if hidden.is_routine { DIM } else { Style::new() },
                text: match hidden.times {
                    1 => hidden.says.clone(),
                    times => format!("{} ({times} times)", hidden.says),
                },
            })
            .collect();
        if let Some(more) = row.hidden.len().checked_sub(told).filter(|&more| more > 0) {
            hidden.push(Paragraph { style: DIM, text: format!("and {more} more") });
        }
        *text += &beside(&self.margin(row.at), &seen, &hidden, self.widths);
        if !row.failed.is_empty() {
            let kinds: Vec<_> =
                row.failed.iter().map(|(error, count)| format!("{} {error}", grouped(*count))).collect();
            self.aside(
                text,
                ASIDE,
                &format!("connections that fail until the next entry: {}", kinds.join(", ")),
            );
        }
        for mark in &row.broken {
            let Broken { property, at, says, again, .. } = &self.workload.broken[mark.broken];
            let (at, is, says) = match mark.again.and_then(|place| again.get(place)) {
                Some(again) => (again.at, "is broken again", &again.says),
                None => (*at, "is broken", says),
            };
            let when = since(self.account.began, at);
            self.aside(text, GUILT, &format!(">> {when}: {property} {is}: {says}"));
        }
    }
}
