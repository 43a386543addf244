//! A manifest of a test, a check of it, and what it becomes by a remedy.

use std::path::PathBuf;

use serde_json::Value;

use crate::run::{folder, podproof, stderr, stdout, text};

/// A manifest of a test, and what a check of it says.
pub struct Case {
    /// Where it is.
    pub folder: PathBuf,
    /// The file.
    pub manifest: PathBuf,
    /// What is checked of it.
    pub about: Vec<&'static str>,
}

impl Case {
    /// An example with other lines in some places.
    pub fn of(test: &str, example: &str, changes: &[(&str, &str)], about: &[&'static str]) -> Self {
        let folder = folder(test);
        let manifest = folder.join("web.yaml");
        let text = std::fs::read_to_string(example).expect("an example");
        let change = |text: String, (old, new): &(&str, &str)| {
            assert!(text.contains(old), "{old}");
            text.replace(old, new)
        };
        std::fs::write(&manifest, changes.iter().fold(text, change)).expect("written");
        Self { folder, manifest, about: about.to_vec() }
    }

    /// The exit status, and the first result.
    pub fn check(&self, more: &[&str]) -> (Option<i32>, Value) {
        let traces = self.folder.join("traces");
        let ends = ["--format", "json", "--trace-dir", text(&traces)];
        let output = podproof(&[&["check", text(&self.manifest)], &self.about[..], more, &ends].concat());
        let said = stdout(&output);
        let document: Value =
            serde_json::from_str(&said).unwrap_or_else(|_| panic!("{said}\n{}", stderr(&output)));
        (output.status.code(), document["workloads"][0]["results"][0].clone())
    }

    /// The remedy of what is broken, and what it adds to the manifest and takes from it; the manifest becomes what it proposes.
    pub fn remedied(&self, more: &[&str]) -> (Value, Vec<String>, Vec<String>) {
        let (status, result) = self.check(&[&["--remedy"], more].concat());
        assert_eq!((status, &result["verdict"]), (Some(1), &"broken".into()), "{result:#}");
        let remedy = result["remedy"].clone();
        let patch = remedy["patch"].as_str().unwrap_or_else(|| panic!("{result:#}"));
        let with = |sign: char| -> Vec<String> {
            let body = patch.lines().skip(2).filter(|line| line.starts_with(sign));
            body.map(|line| line[1..].trim().to_owned()).collect()
        };
        let before = std::fs::read_to_string(&self.manifest).expect("it is there");
        std::fs::write(&self.manifest, patched(&before, patch)).expect("written");
        (remedy.clone(), with('+'), with('-'))
    }

    /// The manifest, as it is now, holds.
    pub fn holds(&self) {
        let (status, result) = self.check(&[]);
        assert_eq!((status, &result["verdict"]), (Some(0), &"holds".into()), "{result:#}");
    }
}

/// A text with the hunks of a unified patch, each of which must fit.
fn patched(text: &str, patch: &str) -> String {
    let old: Vec<&str> = text.lines().collect();
    let mut new: Vec<&str> = Vec::new();
    let mut at = 0;
    for line in patch.lines().skip(2) {
        match line.split_at(1) {
            ("@", _) => {
                let begins = line.split([' ', ',', '-']).find_map(|part| part.parse::<usize>().ok());
                let begins = begins.expect("a hunk says where it begins") - 1;
                new.extend(&old[at..begins]);
                at = begins;
            }
            ("+", added) => new.push(added),
            (sign, kept) => {
                assert_eq!(old[at], kept, "{patch}");
                new.extend((sign == " ").then_some(kept));
                at += 1;
            }
        }
    }
    new.extend(&old[at..]);
    format!("{}\n", new.join("\n"))
}
