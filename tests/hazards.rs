//! `docs/hazards.md` names what there is: every trace, wrong rule, slip, test, release and row that it says a hazard is told by.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use podproof_vocabulary::mutant::Mutant;
use podproof_vocabulary::{Property, Release, left_out};

const PAGE: &str = "docs/hazards.md";

/// One line of the table.
struct Hazard {
    line: usize,
    /// Its promise, or a dash.
    promise: String,
    /// What tells it, in words; none if nothing does.
    told: Vec<String>,
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn page() -> String {
    fs::read_to_string(root().join(PAGE)).expect("the page is there")
}

/// The lines of the table: number and name, references, promise, what tells it, how.
fn hazards(page: &str) -> Vec<Hazard> {
    let rows = page.lines().enumerate().filter(|(_, text)| {
        text.strip_prefix("| ").is_some_and(|rest| rest.starts_with(|first: char| first.is_ascii_digit()))
    });
    rows.map(|(index, text)| {
        let cells: Vec<&str> = text.trim_matches('|').split(" | ").map(str::trim).collect();
        let [_, _, promise, told, _] = cells[..] else { panic!("{PAGE}:{}: five cells", index + 1) };
        let told = told.split('`').skip(1).step_by(2).map(str::to_owned).collect();
        Hazard { line: index + 1, promise: promise.trim_matches('`').to_owned(), told }
    })
    .collect()
}

/// Every Rust source in a crate's folder, or in the tests of the whole.
fn sources(folder: &Path) -> String {
    let (mut text, mut folders) = (String::new(), vec![folder.to_owned()]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display())) {
            let path = entry.expect("an entry").path();
            if path.is_dir() && path.file_name().is_some_and(|name| name != "target") {
                folders.push(path);
            } else if path.extension().is_some_and(|end| end == "rs") {
                text += &fs::read_to_string(&path).expect("a source is text");
            }
        }
    }
    text
}

/// Why this tells nothing.
fn wrong(reference: &str) -> Option<String> {
    let slips = || fs::read_to_string(root().join("harness/slips.tsv")).expect("the slips are there");
    let is_there = match reference.split(' ').collect::<Vec<_>>()[..] {
        ["trace", name] => root().join(format!("traces/corpus/{name}.json")).is_file(),
        ["mutant", name] => name.parse::<Mutant>().is_ok(),
        ["slip", name] => slips().lines().any(|line| line.split('\t').next() == Some(name)),
        ["release", release] => release.parse::<Release>().is_ok(),
        ["test", folder, name] => sources(&root().join(folder)).contains(&format!("fn {name}(")),
        ["left-out", ..] => {
            let what = reference.trim_start_matches("left-out ");
            left_out::ROWS.iter().any(|row| row.what == what)
        }
        _ => return Some(format!("`{reference}` is of no kind that is known")),
    };
    (!is_there).then(|| format!("`{reference}` is not there"))
}

#[test]
fn what_tells_a_hazard_is_there() {
    let page = page();
    let hazards = hazards(&page);
    assert!(hazards.len() > 60, "the table has {} lines", hazards.len());
    let mut all = Vec::new();
    for Hazard { line, promise, told } in &hazards {
        let unknown = promise != "—" && promise.split("`, `").any(|name| name.parse::<Property>().is_err());
        all.extend(unknown.then(|| format!("{PAGE}:{line}: no promise is called {promise}")));
        all.extend(told.iter().filter_map(|one| Some(format!("{PAGE}:{line}: {}", wrong(one)?))));
    }
    assert!(all.is_empty(), "{}", all.join("\n"));
}

/// The page's own sum is that of its table.
#[test]
fn the_page_counts_what_it_tells() {
    let page = page();
    let hazards = hazards(&page);
    let is_left_out = |hazard: &&Hazard| hazard.told.iter().any(|one| one.starts_with("left-out "));
    let left_out = hazards.iter().filter(is_left_out).count();
    let untold = hazards.iter().filter(|hazard| hazard.told.is_empty()).count();
    let told = hazards.len() - left_out - untold;
    let says = format!(
        "{} hazards: {told} are told, {left_out} are left out of the model, {untold} are not told yet.",
        hazards.len()
    );
    assert!(page.contains(&says), "{PAGE} has to say: {says}");
}

/// A name that nothing has is found out, of each kind.
#[test]
fn what_is_not_there_is_found_out() {
    let wrongs = [
        "trace no-failed-request/x",
        "mutant x",
        "slip x",
        "release 1.x",
        "test model x",
        "left-out x",
        "hope x",
    ];
    let unnoticed: BTreeSet<_> = wrongs.into_iter().filter(|one| wrong(one).is_none()).collect();
    assert!(unnoticed.is_empty(), "{unnoticed:?}");
}
