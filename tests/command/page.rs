//! `podproof trace export --to html`, and opening what it writes.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::run::{command, folder, podproof, stderr, stdout, text};

/// A trace of a built-in scenario, in a folder of its own.
fn trace(name: &str) -> PathBuf {
    let folder = folder(name);
    let about =
        ["check", "--scenario", "rollout", "--property", "no-failed-request", "--trace-dir", text(&folder)];
    assert_eq!(podproof(&about).status.code(), Some(1));
    let file = std::fs::read_dir(&folder).expect("a folder").next().expect("a trace").expect("a file");
    file.path()
}

#[test]
fn a_page_is_written_where_it_is_asked_for() {
    let trace = trace("page-written");
    let output = podproof(&["trace", "export", text(&trace), "--to", "html"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let page = stdout(&output);
    assert!(page.starts_with("<!doctype html>") && page.ends_with("</html>\n"), "{}", page.len());
    let file = trace.with_file_name("written.html");
    let output = podproof(&["trace", "export", text(&trace), "--to", "html", "--output", text(&file)]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert_eq!(std::fs::read_to_string(file).expect("a page"), page, "the same trace gives the same page");
}

/// A program.
fn program(file: &Path, script: &str) {
    std::fs::write(file, format!("#!/bin/sh\n{script}")).expect("a program");
    let status = std::process::Command::new("chmod").arg("+x").arg(file).status();
    assert!(status.expect("chmod runs").success());
}

#[test]
fn a_page_is_opened_beside_its_trace() {
    let trace = trace("page-opened");
    let folder = trace.parent().expect("a folder");
    let browser = folder.join("browser");
    let opened = folder.join("opened");
    let named = text(&opened).to_owned();
    program(
        &browser,
        &format!("echo \"$*\" >'{named}.part'\nPATH=/bin:/usr/bin mv '{named}.part' '{named}'\n"),
    );
    // No program of the machine that the tests run on is opened.
    let empty = folder.join("empty");
    std::fs::create_dir(&empty).expect("a folder");
    let export = |browser: &str| {
        let _ = std::fs::remove_file(&opened);
        let mut export = command(&["trace", "export", text(&trace), "--to", "html", "--open"]);
        export.env("BROWSER", browser).env("PATH", &empty).output().expect("the command runs")
    };
    let output = export(text(&browser));
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let page = trace.with_extension("html");
    assert!(stderr(&output).contains(&format!("written: {}", text(&page))), "{}", stderr(&output));
    // Nobody waits for a browser.
    let said = || {
        let said = (0..1000).find_map(|_| {
            std::thread::sleep(Duration::from_millis(10));
            std::fs::read_to_string(&opened).ok()
        });
        said.unwrap_or_default().trim().to_owned()
    };
    assert_eq!(said(), text(&page));
    // Of several commands the first that can be run and does not fail.
    let failing = folder.join("failing");
    program(&failing, "exit 7\n");
    let output =
        export(&format!("/no/such/browser::{} --quick:{} --new '%s' x", text(&failing), text(&browser)));
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert_eq!(said(), format!("--new {} x", text(&page)));
    let output = export(text(&failing));
    assert_eq!(output.status.code(), Some(2));
    let says = stderr(&output);
    assert!(
        says.contains(&format!("could not be opened: {}: exit status: 7; xdg-open: ", text(&failing))),
        "{says}"
    );
    // Then what the desktop has.
    program(&empty.join("xdg-open"), &format!("exec '{}' desktop \"$@\"\n", text(&browser)));
    let output = export(text(&failing));
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert_eq!(said(), format!("desktop {}", text(&page)));
    std::fs::remove_file(empty.join("xdg-open")).expect("it was written");
    let output = export("/no/such/browser");
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("it could not be opened"), "{}", stderr(&output));
}
