//! The report for a terminal.

use std::collections::BTreeMap;

use anstyle::{AnsiColor, Style};
use podproof_conform::judged::Connections;
use podproof_conform::report::Verdict;
use podproof_vocabulary::Property;

use super::account::{Account, Broken, Found, Workload};
use super::columns::wrap;
use super::timeline::Timeline;
use super::{causes, moment, story};
use crate::report::grouped;

const BOLD: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();
/// What is broken, or unexplained.
pub(super) const GUILT: Style = AnsiColor::Red.on_default().bold();

/// Columns of a page whose terminal does not say how wide it is.
const WIDTH: usize = 120;
/// No page is narrower.
const WIDTH_MIN: usize = 80;
/// Steps that are named of those that would have been allowed.
const ALLOWED: usize = 12;

fn style_of(verdict: Verdict) -> Style {
    match verdict {
        Verdict::Lawful => AnsiColor::Green.on_default().bold(),
        Verdict::Unexplained => GUILT,
        Verdict::Incomplete => AnsiColor::Yellow.on_default().bold(),
    }
}

/// The columns of the terminal: those that it is said to have, else those that it says itself.
pub fn width() -> usize {
    let said = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
    let own = || console::Term::stdout().size_checked().map(|(_, columns)| usize::from(columns));
    said.or_else(own).unwrap_or(WIDTH).max(WIDTH_MIN)
}

/// The whole report, with a timeline for each workload, set to so many columns.
pub fn render(account: &Account, timelines: &[Timeline], width: usize) -> String {
    let mut page = Page { text: String::new(), width };
    for warning in &account.warnings {
        page.line(0, &format!("warning: {warning}"));
    }
    for (index, (workload, timeline)) in account.workloads.iter().zip(timelines).enumerate() {
        if index > 0 {
            page.text.push('\n');
        }
        page.workload(account, workload, timeline);
    }
    page.list("assumptions", &shared(account, |workload| &workload.assumptions));
    page.list("not judged", &not_judged(&shared(account, |workload| &workload.not_judged)));
    let outside = account.outside.iter().map(|(what, count)| format!("{what}: {}", grouped(*count)));
    page.list("not modelled, with how many entries speak of it", &outside.collect::<Vec<_>>());
    let left_out = account.left_out.iter().map(|(what, why)| format!("{what}: {why}"));
    if let Some(found) = &account.stray {
        page.text.push('\n');
        page.unexplained(account, found);
    }
    page.list("left out", &left_out.collect::<Vec<_>>());
    page.text.push('\n');
    page.summary(account);
    page.text
}

/// What all workloads have alike.
fn shared<T: Clone + PartialEq>(account: &Account, of: impl Fn(&Workload) -> &Vec<T>) -> Vec<T> {
    let Some((first, others)) = account.workloads.split_first() else { return Vec::new() };
    let everywhere = |one: &&T| others.iter().all(|workload| of(workload).contains(one));
    of(first).iter().filter(everywhere).cloned().collect()
}

/// Promises that were not judged, a line for each reason.
fn not_judged(all: &[(Property, String)]) -> Vec<String> {
    let mut by_reason: BTreeMap<&str, Vec<Property>> = BTreeMap::new();
    for (property, why) in all {
        by_reason.entry(why).or_default().push(*property);
    }
    by_reason.into_iter().map(|(why, properties)| format!("{}: {why}", names(&properties))).collect()
}

fn names(properties: &[Property]) -> String {
    properties.iter().map(|property| property.name()).collect::<Vec<_>>().join(", ")
}

/// Things that no entry shows that are told of a workload.
const UNSEEN: usize = 8;

/// The page that a report is set on.
struct Page {
    text: String,
    width: usize,
}

impl Page {
    /// A paragraph, so many columns in. Styles may stand at its ends only.
    fn line(&mut self, indent: usize, text: &str) {
        self.painted(indent, Style::new(), text);
    }

    fn painted(&mut self, indent: usize, style: Style, text: &str) {
        for line in wrap(text, self.width - indent) {
            self.text += &" ".repeat(indent);
            match style == Style::new() {
                true => self.text += &line,
                false => self.text += &format!("{style}{line}{style:#}"),
            }
            self.text.push('\n');
        }
    }

    /// A line that begins with a word in a style.
    fn said(&mut self, indent: usize, style: Style, word: &str, rest: &str) {
        let text = format!("{word} {rest}");
        for (index, line) in wrap(&text, self.width - indent).into_iter().enumerate() {
            self.text += &" ".repeat(indent);
            match line.strip_prefix(word).filter(|_| index == 0) {
                Some(rest) => self.text += &format!("{style}{word}{style:#}{rest}"),
                None => self.text += &line,
            }
            self.text.push('\n');
        }
    }

    /// What must have happened though no entry shows it.
    fn unseen(&mut self, account: &Account, workload: &Workload) {
        for (at, says) in workload.unseen.iter().take(UNSEEN) {
            let text =
                format!("{says}, at {} at the latest: no entry shows it", story::since(account.began, *at));
            self.said(2, DIM, "must have happened:", &text);
        }
        if let Some(more @ 1..) = workload.unseen.len().checked_sub(UNSEEN) {
            self.line(2, &format!("and {} more such things", grouped(more as u64)));
        }
    }

    /// What clients saw, if any did.
    fn connections(&mut self, account: &Account, said: &Connections) {
        let all = said.answered + said.failed;
        if all == 0 {
            return;
        }
        let mut text = format!("{} answered, {} failed", grouped(said.answered), grouped(said.failed));
        if said.late > 0 {
            text += &format!(
                "; {} of these ran out of time after the rules had changed, as a kernel remembers where a connection that nobody \
                 answered was sent",
                grouped(said.late)
            );
        }
        text += match said.unexplained {
            0 => "; the path has a moment for each",
            _ => "",
        };
        self.said(2, DIM, "connections", &text);
        for (causes, count) in &said.failed_for {
            self.line(6, &causes::sentence(causes, *count));
        }
        if let Some(odd) = said.odd.first() {
            let what = match &odd.outcome {
                Ok(pod) => format!("answered by {pod}"),
                Err(error) => error.to_string(),
            };
            let text = format!(
                "the path has no moment for {} of them; the first is one from {} at {}: {what}",
                grouped(said.unexplained),
                odd.node,
                story::since(account.began, odd.at)
            );
            self.painted(2, GUILT, &text);
        }
    }

    fn workload(&mut self, account: &Account, workload: &Workload, timeline: &Timeline) {
        let replicas = match workload.replicas {
            1 => "1 replica".to_owned(),
            replicas => format!("{replicas} replicas"),
        };
        self.said(
            0,
            BOLD,
            &format!("{}:", workload.name),
            &format!("{replicas} on {}", workload.nodes.join(", ")),
        );
        for warning in &workload.warnings {
            self.line(2, &format!("warning: {warning}"));
        }
        let (steps, shown) = (workload.steps, workload.shown);
        let counts = format!(
            "{}{} steps of the model, {} of them seen in the log",
            if workload.verdict == Verdict::Lawful { "" } else { "after " },
            grouped(steps as u64),
            grouped(shown as u64)
        );
        self.said(2, style_of(workload.verdict), workload.verdict.name(), &counts);
        if let Some(path) = &workload.trace {
            self.line(6, &crate::report::show_command(path));
        }
        if let Some((step, says)) = &workload.misfit {
            let text = format!(
                "the parts did not fit together at step {step}: {says}. That is a defect of podproof, and what comes after was \
                 not judged"
            );
            self.painted(2, GUILT, &text);
        }
        if let Some(found) = &workload.unexplained {
            self.unexplained(account, found);
        }
        self.unseen(account, workload);
        self.connections(account, &workload.connections);
        for broken in &workload.broken {
            self.broken(account, broken);
        }
        for (word, properties) in [("kept", &workload.kept), ("nothing seen of", &workload.not_met)] {
            if !properties.is_empty() {
                let style = if word == "kept" { AnsiColor::Green.on_default() } else { DIM };
                self.said(2, style, word, &names(properties));
            }
        }
        let everywhere = shared(account, |workload| &workload.not_judged);
        let own: Vec<_> =
            workload.not_judged.iter().filter(|one| !everywhere.contains(one)).cloned().collect();
        for line in not_judged(&own) {
            self.said(2, DIM, "not judged", &line);
        }
        let everywhere = shared(account, |workload| &workload.assumptions);
        for assumption in workload.assumptions.iter().filter(|one| !everywhere.contains(one)) {
            self.line(2, &format!("assumed: {assumption}"));
        }
        story::tell(&mut self.text, account, workload, timeline, self.width);
    }

    /// A list under a title, if there is anything in it.
    fn list(&mut self, title: &str, lines: &[String]) {
        if lines.is_empty() {
            return;
        }
        self.text.push('\n');
        self.painted(2, DIM, title);
        for line in lines {
            self.painted(4, DIM, line);
        }
    }

    fn broken(&mut self, account: &Account, broken: &Broken) {
        let aside = match (broken.counts, broken.property.facts().expectation) {
            (true, _) => "",
            (false, true) => " (an expectation: does not count)",
            (false, false) => " (allowed: does not count)",
        };
        let when = format!(
            "{} at {} ({}), by step {}{aside}",
            broken.property,
            story::since(account.began, broken.at),
            moment(broken.at),
            broken.step
        );
        self.said(2, GUILT, "broken", &when);
        self.line(6, &broken.says);
        for again in &broken.again {
            let when = story::since(account.began, again.at);
            self.said(6, GUILT, "again", &format!("at {when}, by step {}: {}", again.step, again.says));
        }
        if broken.more > 0 {
            let times = if broken.more == 1 { "time" } else { "times" };
            self.line(6, &format!("and {} more {times}, for causes as above", grouped(broken.more as u64)));
        }
        if let Some(path) = &broken.trace {
            self.line(6, &crate::report::show_command(path));
        }
    }

    fn unexplained(&mut self, account: &Account, found: &Found) {
        let when = format!(
            "entry {}, {}:{}, at {} ({})",
            grouped(found.entry),
            found.file,
            found.line,
            story::since(account.began, found.at),
            moment(found.at)
        );
        self.said(2, GUILT, "no explanation of", &when);
        self.line(6, &format!("seen: {}", found.seen));
        self.line(6, &format!("why: {}", found.why));
        if found.allowed.is_empty() {
            self.line(6, "allowed there: no write by the same component");
            return;
        }
        self.line(6, "allowed there:");
        for says in found.allowed.iter().take(ALLOWED) {
            self.line(8, says);
        }
        if let Some(more) = found.allowed.len().checked_sub(ALLOWED).filter(|&more| more > 0) {
            self.line(8, &format!("and {more} more"));
        }
    }

    fn summary(&mut self, account: &Account) {
        let broken = account.broken(true).len();
        let aside = match account.broken(false).len() {
            0 => String::new(),
            more => format!(" (and {more} that do not count)"),
        };
        let text = format!(
            "{} entries: {} explained, {} not modelled; {broken} promise{} broken{aside}; {} states, {:.1} s",
            grouped(account.entries),
            grouped(account.explained),
            grouped(account.not_modelled()),
            if broken == 1 { "" } else { "s" },
            grouped(account.states),
            account.seconds
        );
        let mut in_vain: Vec<Property> =
            account.workloads.iter().flat_map(|workload| workload.asked_in_vain.iter().copied()).collect();
        in_vain.sort_unstable();
        in_vain.dedup();
        if !in_vain.is_empty() {
            let says = format!("of {} the log cannot tell anything", names(&in_vain));
            self.said(0, style_of(Verdict::Incomplete), "not judged:", &says);
        }
        self.said(0, style_of(account.verdict), &format!("{}:", account.verdict.name()), &text);
    }
}
