//! `podproof trace export --to html`, and opening what it writes.

use std::path::PathBuf;
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

#[test]
fn a_page_is_opened_beside_its_trace() {
    let trace = trace("page-opened");
    let folder = trace.parent().expect("a folder");
    let browser = folder.join("browser");
    let opened = folder.join("opened");
    let program = format!("#!/bin/sh\necho \"$1\" >'{0}.part'\nmv '{0}.part' '{0}'\n", text(&opened));
    std::fs::write(&browser, program).expect("a program");
    let status = std::process::Command::new("chmod").arg("+x").arg(&browser).status();
    assert!(status.expect("chmod runs").success());
    let export = |browser: &str| {
        let mut export = command(&["trace", "export", text(&trace), "--to", "html", "--open"]);
        export.env("BROWSER", browser).output().expect("the command runs")
    };
    let output = export(text(&browser));
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let page = trace.with_extension("html");
    assert!(stderr(&output).contains(&format!("written: {}", text(&page))), "{}", stderr(&output));
    // Nobody waits for a browser.
    let said = (0..1000).find_map(|_| {
        std::thread::sleep(Duration::from_millis(10));
        std::fs::read_to_string(&opened).ok()
    });
    assert_eq!(said.as_deref().map(str::trim), Some(text(&page)));
    let output = export("/no/such/browser");
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("it could not be opened"), "{}", stderr(&output));
}
