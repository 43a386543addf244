//! The matcher must be able to say no: recordings of a real cluster, falsified, are unexplained, each at the entry that lies.

mod edit;
mod judge;
mod kinds;
mod life;
mod line;
mod recording;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::thread;

use judge::{Found, is_lawful, judge};
use kinds::KINDS;
use recording::Recording;

/// What was found out, by kind and recording.
type Findings = BTreeMap<(usize, String), Found>;

fn folders() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/recordings");
    let entries = fs::read_dir(root).expect("the recordings").map(|entry| entry.expect("a folder").path());
    let mut folders: Vec<PathBuf> = entries.filter(|path| path.is_dir()).collect();
    folders.sort();
    folders
}

#[test]
fn table() {
    let only = std::env::var("ONLY").unwrap_or_default();
    let kind_only = std::env::var("KIND").unwrap_or_default();
    let queue = Mutex::new(folders());
    let findings = Mutex::new((Findings::new(), Findings::new()));
    let begun = std::time::Instant::now();
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| loop {
                let Some(folder) = queue.lock().unwrap().pop() else { break };
                if !folder.to_string_lossy().contains(&only) { continue; }
                let recording = Recording::read(&folder);
                let base = is_lawful(&recording);
                let mut api = recording.clone();
                api.forget_all_but_the_api();
                let base_api = is_lawful(&api);
                println!("{} base {base:?} api {base_api:?}", recording.name);
                for (index, kind) in KINDS.iter().enumerate() {
                    if !kind.name.contains(&kind_only) { continue; }
                    let mut falsified = recording.clone();
                    let Some(wrong) = (kind.falsify)(&mut falsified) else { continue };
                    let found = judge(&falsified, Some(wrong));
                    if found != Found::Out {
                        let line = falsified.line(wrong);
                        println!("{} {} {:?} at {:?} v{} {}", recording.name, kind.name, found, falsified.place(wrong), line.version(), line.user());
                        if std::env::var("KEEP").is_ok() {
                            let to = std::env::temp_dir().join(format!("lie-{}-{}", recording.name, kind.name));
                            let _ = fs::create_dir_all(&to);
                            falsified.write(&to);
                        }
                    }
                    findings.lock().unwrap().0.insert((index, recording.name.clone()), found);
                    if kind.by_the_api && base_api.is_ok() {
                        falsified.forget_all_but_the_api();
                        let found = judge(&falsified, Some(wrong));
                        if found != Found::Out {
                            println!("{} {} API {:?} at {:?}", recording.name, kind.name, found, falsified.place(wrong));
                        }
                        findings.lock().unwrap().1.insert((index, recording.name.clone()), found);
                    }
                }
            });
        }
    });
    let (full, api) = findings.into_inner().unwrap();
    let names: Vec<String> = folders().iter().map(|folder| folder.file_name().unwrap().to_string_lossy().into_owned()).collect();
    for (which, findings) in [("all files", &full), ("api", &api)] {
        println!("{which}");
        println!("{:48}{}", "", names.iter().map(|name| name[..2].to_owned() + " ").collect::<String>());
        for (index, kind) in KINDS.iter().enumerate() {
            let row: String = names.iter().map(|name| findings.get(&(index, name.clone())).map_or('.', Found::letter)).flat_map(|l| [l, ' ', ' ']).collect();
            println!("{:48}{row}", kind.name);
        }
    }
    println!("{} cells {} api cells in {:?}", full.len(), api.len(), begun.elapsed());
}
