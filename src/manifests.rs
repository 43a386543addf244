//! The files of manifests that the command line names, a folder with those that are in it.

use std::io::Read;
use std::path::{Path, PathBuf};

use podproof_vocabulary::manifest::Source;

use crate::mistaken;

/// How the names of manifests in a folder end.
const ENDINGS: [&str; 3] = ["yaml", "yml", "json"];

/// The files that `named` stands for: of a folder those in it whose name ends as that of a manifest, by name. Folders below are passed
/// over, as `kubectl apply -f` does.
///
/// # Errors
/// Which folder cannot be read, or has no manifest, a message each.
pub fn files(named: &[PathBuf]) -> Result<Vec<PathBuf>, Vec<String>> {
    let mut files = Vec::new();
    let mut problems = Vec::new();
    for path in named {
        if !path.is_dir() {
            files.push(path.clone());
            continue;
        }
        match of_folder(path) {
            Ok(found) if found.is_empty() => problems.push(format!(
                "{}: no file in this folder ends in .yaml, .yml or .json; accepted is a folder of manifests, those below it are not read",
                path.display()
            )),
            Ok(found) => files.extend(found),
            Err(error) => problems.push(format!("{}: {error}; accepted is a readable folder", path.display())),
        }
    }
    if problems.is_empty() { Ok(files) } else { Err(problems) }
}

fn of_folder(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        let is_manifest = path.extension().is_some_and(|ending| ENDINGS.iter().any(|known| ending == *known));
        if is_manifest && path.is_file() {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

/// Reads the files that `named` stands for.
///
/// # Errors
/// What is wrong with them, a message each.
pub fn sources(named: &[PathBuf]) -> Result<Vec<Source>, Vec<String>> {
    let mut sources = Vec::new();
    let mut problems = Vec::new();
    for path in &files(named)? {
        let told = path.display().to_string();
        match load(path) {
            Ok(text) => match mistaken::for_manifest(&text) {
                Some(what) => problems.push(format!("{told}: {what}")),
                None => sources.push(Source { path: told, text }),
            },
            Err(error) => {
                problems
                    .push(format!("{told}: {error}; accepted is a readable file or - for standard input"));
            }
        }
    }
    if problems.is_empty() { Ok(sources) } else { Err(problems) }
}

fn load(path: &Path) -> std::io::Result<Vec<u8>> {
    if path == Path::new("-") {
        let mut text = Vec::new();
        std::io::stdin().lock().read_to_end(&mut text)?;
        return Ok(text);
    }
    std::fs::read(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_stands_for_the_manifests_in_it_by_name() {
        let folder = tempfile::tempdir().expect("a folder");
        for name in ["b.yml", "a.yaml", "c.json", "notes.md", "yaml"] {
            std::fs::write(folder.path().join(name), "kind: Pod").expect("a file");
        }
        std::fs::create_dir(folder.path().join("below.yaml")).expect("a folder");
        let named = files(&[folder.path().to_owned(), PathBuf::from("-")]).expect("a folder of manifests");
        let names: Vec<_> = named.iter().filter_map(|path| path.file_name()?.to_str()).collect();
        assert_eq!(names, ["a.yaml", "b.yml", "c.json", "-"]);
    }

    #[test]
    fn a_folder_without_manifests_is_an_error() {
        let folder = tempfile::tempdir().expect("a folder");
        let problems = files(&[folder.path().to_owned()]).expect_err("nothing to read");
        assert!(problems[0].contains("no file in this folder ends in .yaml"), "{problems:?}");
    }
}
