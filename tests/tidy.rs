//! The habits of the house, as tests. Each failure says what to change.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use podproof_vocabulary::Property;

/// Files that are longer than they should be, with their lines. The list may only shrink.
const TOO_LONG: &[(&str, usize)] = &[];

/// A file has one purpose and no more lines than this.
const LINES: usize = 500;

/// Why no file of the repository fails to be read.
const READABLE: &str = "whoever runs the tests can read the repository";

/// Nothing is larger than this, in bytes.
const BYTES: usize = 256 << 10;

/// Which of our crates each may depend on, and which it does; the root, `harness` and `fuzz` may depend on all.
const ARROWS: &[(&str, &[&str])] = &[
    ("vocabulary", &[]),
    ("model", &["vocabulary"]),
    ("checker", &[]),
    ("runtime", &["vocabulary"]),
    ("traces", &["model", "vocabulary"]),
    ("conform", &["model", "traces", "vocabulary"]),
];

/// Where a file is, from the root, with its text.
struct File {
    path: String,
    text: String,
}

impl File {
    fn is_rust(&self) -> bool {
        self.path.ends_with(".rs")
    }

    fn is_in(&self, folder: &str) -> bool {
        self.path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'))
    }

    /// Each line with its number from 1.
    fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        self.text.lines().enumerate().map(|(index, line)| (index + 1, line))
    }
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Every file of the repository, by path. Build results, traces that a run left and what git keeps for itself are none.
fn paths() -> Vec<PathBuf> {
    let (mut found, mut folders) = (Vec::new(), vec![root()]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect(READABLE) {
            let entry = entry.expect(READABLE);
            match entry.file_type().expect(READABLE).is_dir() {
                true if !["target", ".git", "podproof-traces"]
                    .contains(&&*entry.file_name().to_string_lossy()) =>
                {
                    folders.push(entry.path());
                }
                true => {}
                // A worktree's `.git` is a file.
                false if entry.file_name() != ".git" => found.push(entry.path()),
                false => {}
            }
        }
    }
    found.sort();
    found
}

/// Every text file.
fn files() -> Vec<File> {
    let name = |path: &Path| {
        path.strip_prefix(root()).expect("files are below the root").to_string_lossy().replace('\\', "/")
    };
    let read = |path: PathBuf| {
        Some(File { path: name(&path), text: String::from_utf8(fs::read(&path).expect(READABLE)).ok()? })
    };
    paths().into_iter().filter_map(read).collect()
}

/// Every file of code.
fn sources() -> Vec<File> {
    files().into_iter().filter(File::is_rust).collect()
}

/// Fails with all of `wrong` and with what to do about it.
fn expect_none(wrong: Vec<String>, fix: &str) {
    assert!(wrong.is_empty(), "\n{}\n\nHow to fix it: {fix}\n", wrong.join("\n"));
}

/// The files that are test code as a whole: under `tests/`, `benches/` or `examples/`, and modules that are declared for tests only.
fn test_files(sources: &[File]) -> BTreeSet<String> {
    let mut tests: BTreeSet<String> = BTreeSet::new();
    for file in sources {
        if file.path.split('/').any(|part| ["tests", "benches", "examples"].contains(&part)) {
            tests.insert(file.path.clone());
        }
        // The modules of `a/mod.rs` are beside it, those of `a/b.rs` in `a/b/`.
        let stem = file.path.trim_end_matches(".rs");
        let (folder, name) = stem.rsplit_once('/').unwrap_or(("", stem));
        let folder = if ["mod", "lib", "main"].contains(&name) { folder } else { stem };
        let mut lines = file.text.lines().peekable();
        while let Some(line) = lines.next() {
            let Some(module) = lines.peek().filter(|_| line.trim() == "#[cfg(test)]") else { continue };
            let module = module.trim().trim_start_matches("pub(crate) ").trim_start_matches("pub ");
            let Some(module) = module.strip_prefix("mod ").and_then(|rest| rest.strip_suffix(';')) else {
                continue;
            };
            let (alone, inside) = (format!("{folder}/{module}.rs"), format!("{folder}/{module}/"));
            let its_own = |path: &&str| **path == alone || path.starts_with(&inside);
            tests
                .extend(sources.iter().map(|source| source.path.as_str()).filter(its_own).map(str::to_owned));
        }
    }
    tests
}

/// The lines of `file` before its inner test module.
fn production(file: &File) -> impl Iterator<Item = (usize, &str)> {
    let opens = |pair: &[&str]| {
        pair[0].trim() == "#[cfg(test)]" && pair[1].starts_with("mod ") && pair[1].ends_with('{')
    };
    let lines: Vec<&str> = file.text.lines().collect();
    let end = lines.windows(2).position(opens).unwrap_or(lines.len());
    file.lines().take(end)
}

/// What is left of a line without its comment.
fn code(line: &str) -> &str {
    line.find("//").map_or(line, |start| &line[..start])
}

#[test]
fn crates_depend_on_what_the_design_says() {
    let table: BTreeMap<&str, BTreeSet<String>> =
        ARROWS.iter().map(|&(from, to)| (from, to.iter().map(|&name| name.to_owned()).collect())).collect();
    let mut wrong = Vec::new();
    for file in files().iter().filter(|file| file.path.ends_with("/Cargo.toml")) {
        let folder = file.path.trim_end_matches("/Cargo.toml");
        if ["harness", "fuzz"].contains(&folder) {
            continue;
        }
        let Some(expected) = table.get(folder) else {
            wrong.push(format!("{folder}: not in the table of crates"));
            continue;
        };
        let names = file.lines().filter_map(|(_, line)| line.trim().strip_prefix("podproof-"));
        let ends: &[char] = &['.', ' ', '='];
        let found: BTreeSet<String> =
            names.map(|rest| rest.split(ends).next().unwrap_or(rest).to_owned()).collect();
        if found != *expected {
            wrong.push(format!("{folder} depends on {found:?} and should on {expected:?}"));
        }
        if folder == "runtime" && file.text.contains("stateright") {
            wrong.push("runtime depends on stateright".into());
        }
    }
    expect_none(wrong, "remove the dependency; a change of the table ARROWS is a change of the design");
}

#[test]
fn the_two_readings_of_the_rules_borrow_nothing_from_each_other() {
    let walls = [
        ("runtime", concat!("podproof", "_model")),
        ("runtime", concat!("state", "right")),
        ("model", concat!("podproof", "_runtime")),
    ];
    let mut wrong = Vec::new();
    for file in sources() {
        for (folder, name) in walls.iter().filter(|(folder, _)| file.is_in(folder)) {
            for (number, _) in file.lines().filter(|(_, line)| line.contains(name)) {
                wrong.push(format!("{}:{number}: {folder} knows nothing of {name}", file.path));
            }
        }
    }
    expect_none(
        wrong,
        "write it anew from the rules: the lockstep is worth nothing if one borrows from the other",
    );
}

#[test]
fn every_rust_file_says_what_it_is() {
    let wrong =
        sources().into_iter().filter(|file| !file.text.starts_with("//! ")).map(|file| file.path).collect();
    expect_none(wrong, "open the file with a line `//! What it is.`");
}

#[test]
fn no_room_is_empty() {
    let is_empty =
        |file: &File| file.text.lines().all(|line| line.trim().is_empty() || line.starts_with("//!"));
    let wrong = sources().into_iter().filter(is_empty).map(|file| file.path).collect();
    expect_none(wrong, "write the file or remove it: it has nothing but its description");
}

#[test]
fn files_are_short() {
    let mut wrong = Vec::new();
    let sources = sources();
    for &(path, _) in TOO_LONG.iter().filter(|(path, _)| sources.iter().all(|file| file.path != *path)) {
        wrong.push(format!("{path} is gone: take it out of TOO_LONG"));
    }
    for file in &sources {
        let lines = file.text.lines().count();
        let known = TOO_LONG.iter().find(|(path, _)| *path == file.path).map(|&(_, known)| known);
        match known {
            None if lines > LINES => {
                wrong.push(format!("{} has {lines} lines, {} too many", file.path, lines - LINES));
            }
            Some(_) if lines <= LINES => {
                wrong.push(format!("{} is short enough: take it out of TOO_LONG", file.path));
            }
            Some(known) if lines > known => {
                wrong.push(format!("{} grew from {known} to {lines} lines", file.path));
            }
            Some(known) if lines < known => {
                wrong.push(format!("{} shrank: write {lines} in TOO_LONG", file.path));
            }
            _ => {}
        }
    }
    expect_none(wrong, "ask what two things the file is, and split it; TOO_LONG may only shrink");
}

#[test]
fn no_file_is_large() {
    let size = |path: &PathBuf| fs::metadata(path).expect(READABLE).len();
    let large = paths().into_iter().filter(|path| size(path) > BYTES as u64);
    let wrong = large.map(|path| format!("{} has {} bytes", path.display(), size(&path))).collect();
    expect_none(wrong, "generate it, shrink it or leave it out: no file is over 256 KiB");
}

/// A rule's identifier (`KIL-5`), the page of rules, or a file of Kubernetes.
fn cites_a_source(text: &str) -> bool {
    let is_rule = |word: &str| {
        word.split_once('-').is_some_and(|(letters, rest)| {
            (2..=4).contains(&letters.len())
                && letters.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit())
                && letters.starts_with(|c: char| c.is_ascii_uppercase())
                && rest.starts_with(|c: char| c.is_ascii_digit())
        })
    };
    let words = || text.split(|c: char| !c.is_ascii_alphanumeric() && c != '-');
    words().any(is_rule) || ["kubernetes-semantics", ".go`", "`pkg/"].iter().any(|mark| text.contains(mark))
}

#[test]
fn every_component_cites_its_source() {
    let folders = [
        "api_server",
        "scheduler",
        "controllers",
        "kubelet",
        "endpoints",
        "proxy",
        "drain",
        "watch",
        "environment",
    ];
    let is_component = |file: &File| {
        let paths =
            folders.iter().flat_map(|name| [format!("model/src/{name}"), format!("runtime/src/{name}")]);
        paths.into_iter().any(|path| file.is_in(&path) || file.path == format!("{path}.rs"))
    };
    let silent = |file: &File| is_component(file) && !cites_a_source(&file.text);
    let tests = test_files(&sources());
    let wrong = sources()
        .into_iter()
        .filter(|file| silent(file) && !tests.contains(&file.path))
        .map(|file| file.path);
    expect_none(
        wrong.collect(),
        "name the rule (`KIL-5`) or the file of Kubernetes beside the code that models it",
    );
}

#[test]
fn every_property_is_in_a_test_or_a_scenario() {
    let sources = sources();
    let tests = test_files(&sources);
    let inner = |file: &File| {
        let end = production(file).count();
        file.text.lines().skip(end).collect::<Vec<_>>().join("\n")
    };
    let mut told: String = sources
        .iter()
        .filter(|file| file.path != "tests/tidy.rs" && !file.is_in("vocabulary/src"))
        .map(|file| if tests.contains(&file.path) { file.text.clone() } else { inner(file) })
        .collect();
    let is_story = |file: &&File| {
        !file.is_rust() && ["tests", "examples", "traces"].iter().any(|folder| file.is_in(folder))
    };
    told.extend(files().iter().filter(is_story).map(|file| file.text.as_str()));
    let is_told = |property: &Property| {
        told.contains(property.name()) || told.contains(&format!("Property::{property:?}"))
    };
    let wrong =
        Property::all().filter(|property| !is_told(property)).map(|property| property.name().to_owned());
    expect_none(
        wrong.collect(),
        "write a test, or a scenario, in which the property can be broken, and name it there",
    );
}

/// What is banned, in which files, and what to write instead.
struct Ban(&'static str, fn(&str) -> bool, &'static str);

fn bans() -> Vec<Ban> {
    let everywhere = |_: &str| true;
    let pure = |path: &str| {
        ["vocabulary/", "model/", "runtime/", "traces/"].iter().any(|folder| path.starts_with(folder))
    };
    let silent = |path: &str| !path.starts_with("src/");
    vec![
        Ban(
            concat!("collections::", "HashMap"),
            everywhere,
            "use BTreeMap or a sorted Vec: its order differs from run to run",
        ),
        Ban(
            concat!("collections::", "HashSet"),
            everywhere,
            "use BTreeSet or a sorted Vec: its order differs from run to run",
        ),
        Ban(
            concat!("collections::{", "Hash"),
            everywhere,
            "use a BTree collection: its order differs from run to run",
        ),
        Ban(concat!("Inst", "ant"), pure, "these crates know no clock"),
        Ban(concat!("System", "Time"), pure, "these crates know no clock"),
        Ban(concat!("thread_", "rng"), everywhere, "draw from a generator with a seed"),
        Ban(
            concat!(".unw", "rap()"),
            everywhere,
            "say why it cannot fail: `.expect(\"…\")`, or return the error",
        ),
        Ban(concat!("print", "ln!("), silent, "only the command prints; return what is to be said"),
        Ban(concat!("eprint", "!("), silent, "only the command prints; return what is to be said"),
        Ban(concat!("db", "g!("), everywhere, "remove it"),
        Ban(concat!("to", "do!("), everywhere, "write it"),
        Ban(concat!("unimple", "mented!("), everywhere, "write it"),
    ]
}

#[test]
fn nothing_banned_is_used() {
    let sources = sources();
    let tests = test_files(&sources);
    let mut wrong = Vec::new();
    for file in sources.iter().filter(|file| !tests.contains(&file.path)) {
        for (number, line) in production(file) {
            for Ban(banned, applies, instead) in bans() {
                if applies(&file.path) && code(line).contains(banned) {
                    wrong.push(format!("{}:{number}: {banned}: {instead}", file.path));
                }
            }
        }
    }
    for file in &sources {
        for (number, line) in file.lines() {
            for banned in [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("XX", "X")] {
                if line.contains(banned) {
                    wrong.push(format!(
                        "{}:{number}: {banned}: do it now, or say in the table of what is left out",
                        file.path
                    ));
                }
            }
        }
    }
    expect_none(wrong, "as each line says");
}

/// The attributes in `text` that silence something without saying why, each with its line.
fn silent_attributes(text: &str) -> Vec<usize> {
    let line_of = |at: usize| text[..at].matches('\n').count() + 1;
    let mut found = Vec::new();
    for (open, close) in [("[allow(", ")]"), ("[expect(", ")]"), ("[ignore", "]")] {
        for (at, _) in text.match_indices(open).filter(|&(at, _)| text[..at].ends_with(['#', '!'])) {
            let end = text[at..].find(close).map_or(text.len(), |length| at + length);
            let why = if open == "[ignore" { "=" } else { "reason =" };
            if !text[at..end].contains(why) {
                found.push(line_of(at));
            }
        }
    }
    found
}

#[test]
fn nothing_is_silenced_without_a_reason() {
    let at = |file: File| {
        silent_attributes(&file.text).into_iter().map(move |line| format!("{}:{line}", file.path))
    };
    let wrong = sources().into_iter().filter(|file| file.path != "tests/tidy.rs").flat_map(at).collect();
    expect_none(wrong, "write `reason = \"…\"` into the attribute, or `#[ignore = \"…\"]`, or do without it");
    assert_eq!(silent_attributes("#[allow(dead_code)]\nfn a() {}\n#[ignore]\n#![expect(x)]"), [1, 4, 3]);
    assert_eq!(
        silent_attributes("#[allow(\n    dead_code,\n    reason = \"why\"\n)]\n#[ignore = \"slow\"]"),
        [0; 0]
    );
}

#[test]
fn no_machine_is_named() {
    let places = [
        "/wo rk/",
        "/ho me/",
        "/t mp/",
        "/ro ot/",
        "/Us ers/",
        "/m nt/",
        "local host:",
        "://10 .",
        "://192 .168",
    ];
    let places = places.map(|place| place.replace(' ', ""));
    let mut wrong = Vec::new();
    for file in files() {
        for (number, line) in file.lines() {
            if let Some(place) = places.iter().find(|place| line.contains(*place)) {
                wrong.push(format!("{}:{number}: {place}", file.path));
            }
            let elsewhere =
                line.starts_with("source = \"") && !line.contains("//github.com/rust-lang/crates.io-index\"");
            if file.path.ends_with("Cargo.lock") && elsewhere {
                wrong.push(format!("{}:{number}: {line}", file.path));
            }
        }
        if file.path.contains(".cargo/config") && file.text.contains("registr") {
            wrong.push(format!("{}: a registry", file.path));
        }
    }
    expect_none(wrong, "write paths from the root of the repository, and name no machine or registry");
}

/// The paths that a page writes in backquotes or as links.
fn paths_in(page: &str) -> Vec<&str> {
    let quoted = page.split('`').skip(1).step_by(2);
    let linked = page.split("](").skip(1).filter_map(|rest| rest.split([')', '#', ' ']).next());
    let is_path = |word: &&str| {
        let plain = word.chars().all(|c| c.is_ascii_alphanumeric() || "_-./".contains(c));
        let ours = [
            "src/",
            "vocabulary/",
            "model/",
            "checker/",
            "runtime/",
            "traces/",
            "harness/",
            "fuzz/",
            "tests/",
        ];
        let also = ["benches/", "examples/", "docs/"];
        plain
            && (ours.iter().chain(&also).any(|top| word.starts_with(top))
                || word.ends_with(".md")
                || word.ends_with(".rs"))
    };
    quoted.chain(linked).filter(is_path).collect()
}

#[test]
fn every_path_in_a_page_exists() {
    let mut wrong = Vec::new();
    for file in files().iter().filter(|file| file.path.ends_with(".md")) {
        let folder = root().join(&file.path).parent().map(Path::to_owned).unwrap_or_default();
        for path in paths_in(&file.text) {
            if !root().join(path).exists() && !folder.join(path).exists() {
                wrong.push(format!("{}: {path}", file.path));
            }
        }
    }
    expect_none(wrong, "correct the page: what it names is not there");
    assert_eq!(
        paths_in("see `model/src/lib.rs`, `pkg/x` and [the guide](docs/guide.md#top)"),
        ["model/src/lib.rs", "docs/guide.md"]
    );
}

#[test]
fn a_citation_is_a_rule_or_a_file() {
    assert!(
        cites_a_source("as (KIL-5) says")
            && cites_a_source("`kubectl/pkg/drain/drain.go`")
            && cites_a_source("PW-19")
    );
    assert!(!cites_a_source("a plain sentence, UTF-x, pre-5 and A-1"));
}
