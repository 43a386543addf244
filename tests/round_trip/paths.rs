//! Paths whose logs were once not lawful: each says what made them so.

use std::fs;
use std::path::Path;

use podproof_model::Model;
use podproof_vocabulary::action::Action;

use super::walk::{Walk, along};
use super::worlds::by_name;

/// All of them, by name; each is written out in several ways.
pub fn all() -> Vec<(String, Walk)> {
    of(|text| (0..8).chain(seeds(text, "seed ")).collect())
}

/// Those whose logs had no explanation without answers, with the moments and names with which that was so.
pub fn asked() -> Vec<(String, Walk)> {
    of(|text| seeds(text, "asked ").collect())
}

/// All paths, with the moments and names of these numbers.
fn of(seeds: impl Fn(&str) -> Vec<u64>) -> Vec<(String, Walk)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/round_trip/paths");
    let files = fs::read_dir(folder).expect("the paths").map(|entry| entry.expect("a path").path());
    let mut files: Vec<_> = files.collect();
    files.sort();
    let read = |file: &std::path::PathBuf| {
        let name = file.file_stem().expect("a name").to_string_lossy().into_owned();
        let text = fs::read_to_string(file).expect("a path is text");
        let named = |seed| (format!("{name} {seed}"), walk(&text, seed));
        seeds(&text).into_iter().map(named).collect::<Vec<_>>()
    };
    files.iter().flat_map(read).collect()
}

/// The numbers of the moments and names with which a log was once not lawful.
fn seeds<'t>(text: &'t str, word: &'t str) -> impl Iterator<Item = u64> + 't {
    text.lines().filter_map(move |line| line.strip_prefix(word)).map(|seed| seed.parse().expect("a number"))
}

/// The walk that a file describes: what it is about, its world, its steps.
fn walk(text: &str, seed: u64) -> Walk {
    let is_step = |line: &&str| !["#", "seed ", "asked "].iter().any(|word| line.starts_with(word));
    let mut lines = text.lines().filter(is_step).filter(|line| !line.is_empty());
    let world = lines.next().and_then(|line| line.strip_prefix("world ")).expect("a world");
    let model = Model::new(by_name(world)).expect("a world fits");
    let mut state = model.initial().swap_remove(0);
    let (mut path, mut enabled) = (Vec::<Action>::new(), Vec::new());
    for line in lines {
        model.enabled(&state, &mut enabled);
        let action = enabled.iter().find(|action| format!("{action:?}") == line);
        let action = *action.unwrap_or_else(|| panic!("{line} is possible in the world {world}"));
        state = model.apply(&state, &action);
        path.push(action);
    }
    let nowhere = Walk { model, seed, path: Vec::new(), broken: Default::default() };
    along(&nowhere, path).expect("its steps are possible")
}
