//! A short smoke of the fuzz targets that needs no nightly toolchain: each is linked with libFuzzer and runs some of its seeds; the canary must fail.
//! Nothing is instrumented, so nothing is searched: `cargo +nightly fuzz run` does that.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use base64::prelude::{BASE64_STANDARD, Engine};
use tempfile::TempDir;

/// Seeds of each target that are run, at most.
const SEEDS: usize = 20;

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

/// The names of the files in `folder` that end in `ending`, without it.
fn names(folder: &Path, ending: &str) -> BTreeSet<String> {
    let entries = fs::read_dir(folder).expect("the folder can be read");
    let name = |entry: std::io::Result<fs::DirEntry>| {
        let name = entry.expect("the folder can be read").file_name();
        name.to_string_lossy().strip_suffix(ending).map(str::to_owned)
    };
    entries.filter_map(name).collect()
}

/// What the target did with `inputs`.
fn run(target: &str, inputs: &[PathBuf], artifacts: &TempDir) -> Output {
    let mut command = Command::new(Path::new(env!("CARGO_BIN_EXE_canary")).with_file_name(target));
    let dictionary = folder("dictionaries").join(format!("{target}.dict"));
    if dictionary.exists() {
        command.arg(format!("-dict={}", dictionary.display()));
    }
    command.arg(format!("-artifact_prefix={}/", artifacts.path().display())).args(inputs);
    command.output().unwrap_or_else(|error| panic!("{target} does not start: {error}"))
}

#[test]
fn every_target_runs_its_seeds_under_libfuzzer() {
    let targets = names(&folder("fuzz_targets"), ".rs");
    let mut with_seeds = names(&folder("seeds"), ".txt");
    for target in &with_seeds {
        let inputs = TempDir::new().expect("a folder can be made");
        let seeds =
            fs::read_to_string(folder("seeds").join(format!("{target}.txt"))).expect("it can be read");
        let write = |(number, line): (usize, &str)| {
            let path = inputs.path().join(format!("seed-{number}"));
            fs::write(&path, BASE64_STANDARD.decode(line).expect("a seed is base64"))
                .expect("it can be written");
            path
        };
        let paths: Vec<PathBuf> = seeds.lines().take(SEEDS).enumerate().map(write).collect();
        let output = run(target, &paths, &inputs);
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{target}: {told}");
        let ran = told.lines().filter(|line| line.starts_with("Executed")).count();
        assert_eq!(ran, paths.len(), "{target} does not run every seed: {told}");
    }
    with_seeds.insert("canary".to_owned());
    assert_eq!(with_seeds, targets, "every target but the canary has seeds");
}

#[test]
fn the_canary_fails() {
    let artifacts = TempDir::new().expect("a folder can be made");
    let song = artifacts.path().join("song");
    fs::write(&song, [7; 32]).expect("it can be written");
    let output = run("canary", &[song], &artifacts);
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success(), "{told}");
    assert!(told.contains("as it should be"), "{told}");
}
