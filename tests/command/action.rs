//! The Action: its scripts alone, and all its steps one after the other as GitHub runs them, in an empty folder with stand-ins for
//! `cargo` and `gh`.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use podproof_vocabulary::manifest::Place;
use podproof_vocabulary::manifest::edit::{fields, get};

use crate::run::{folder, stderr, text};

/// The definition of the Action.
const ACTION: &str = include_str!("../../action.yml");

/// The folder of what a job leaves, whose name has a space.
fn runner(folder: &Path) -> PathBuf {
    let runner = folder.join("temp folder");
    std::fs::create_dir_all(&runner).expect("a folder");
    runner
}

/// The folders of the checks of a job.
fn reports(runner: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(runner).expect("a folder").map(|entry| entry.expect("an entry").path());
    let mut reports: Vec<_> = entries.filter(|path| text(path).contains("podproof-report-")).collect();
    reports.sort();
    reports
}

/// Runs the script of the Action, with `files` and `arguments` as its inputs.
fn script(folder: &Path, files: &str, arguments: &str) -> Output {
    script_of(folder, Path::new(env!("CARGO_BIN_EXE_podproof")), files, arguments)
}

/// The same, with another program in the place of podproof.
fn script_of(folder: &Path, podproof: &Path, files: &str, arguments: &str) -> Output {
    let output = Command::new("bash")
        .arg("action/check")
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .env("PODPROOF", podproof)
        .env("RUNNER_TEMP", runner(folder))
        .env("FILES", files)
        .env("ARGUMENTS", arguments)
        .env("GITHUB_OUTPUT", folder.join("outputs"))
        .env("GITHUB_STEP_SUMMARY", folder.join("summary"))
        .output()
        .expect("bash runs");
    assert!(output.status.success(), "{}", stderr(&output));
    output
}

/// The same; what it gives the next step.
fn action(folder: &Path, files: &str, arguments: &str) -> String {
    action_of(folder, Path::new(env!("CARGO_BIN_EXE_podproof")), files, arguments)
}

/// The same, with another program in the place of podproof.
fn action_of(folder: &Path, podproof: &Path, files: &str, arguments: &str) -> String {
    script_of(folder, podproof, files, arguments);
    std::fs::read_to_string(folder.join("outputs")).expect("the outputs")
}

const ARGUMENTS: &str = "--replicas=1\n\n--story=rollout\n--property=no-failed-request\n";

#[test]
fn the_action_checks_and_leaves_reports_and_pages() {
    let folder = folder("action");
    let outputs = action(&folder, "  examples/web.y*ml\n", ARGUMENTS);
    assert!(outputs.starts_with("status=1\n"), "{outputs}");
    let [report] = &reports(&runner(&folder))[..] else { panic!("one check") };
    assert!(outputs.contains(&format!("sarif={}\n", text(&report.join("report.sarif")))), "{outputs}");
    let summary = std::fs::read_to_string(folder.join("summary")).expect("a summary");
    assert!(summary.contains("### no-failed-request is broken"), "{summary}");
    let pages = report.join("pages");
    let pages: Vec<_> =
        std::fs::read_dir(pages).expect("a folder").map(|entry| entry.expect("a file").path()).collect();
    let [page] = &pages[..] else { panic!("{pages:?}") };
    assert!(std::fs::read_to_string(page).expect("a page").starts_with("<!doctype html>"));
}

#[test]
fn the_action_tells_what_is_wrong_with_its_inputs() {
    let folder = folder("action-wrong");
    let outputs = action(&folder, "examples/none*.yaml", ARGUMENTS);
    assert!(outputs.starts_with("status=2\n"), "{outputs}");
    let summary = std::fs::read_to_string(folder.join("summary")).expect("a summary");
    assert!(summary.contains("examples/none\\*.yaml"), "{summary}");
    let before = reports(&runner(&folder));
    let outputs = action(&folder, "examples/web.yaml", "--no-such-argument");
    let mut after = reports(&runner(&folder));
    after.retain(|report| !before.contains(report));
    let [report] = &after[..] else { panic!("another folder: {after:?}") };
    let (_, outputs) = outputs.rsplit_once("status=").expect("a status");
    assert_eq!(
        outputs,
        format!("2\nreport={0}/report.md\nsarif=\npages={0}/pages\ntraces={0}/traces\n", text(report))
    );
}

/// What ends podproof is no fault of its arguments.
#[test]
fn the_action_tells_what_ended_before_it_could_report() {
    let folder = folder("action-killed");
    program(&folder, "podproof", "kill -9 $$\n");
    let outputs = action_of(&folder, &folder.join("podproof"), "examples/web.yaml", ARGUMENTS);
    assert!(outputs.starts_with("status=137\n"), "{outputs}");
    let summary = std::fs::read_to_string(folder.join("summary")).expect("a summary");
    assert!(summary.contains("podproof ended with status 137 before it could report"), "{summary}");
}

/// A program in a folder.
fn program(folder: &Path, name: &str, script: &str) {
    let file = folder.join(name);
    std::fs::write(&file, format!("#!/bin/sh\n{script}")).expect("a program");
    assert!(Command::new("chmod").arg("+x").arg(&file).status().expect("chmod runs").success());
}

/// A stand-in for `gh` that notes what it is asked, with the body of a comment, where a comment with this number is there already.
/// It asks as the bot of a workflow.
fn gh(folder: &Path, known: &str) {
    let script = format!(
        "case \"$*\" in *viewer*) echo 'github-actions[bot]'; exit ;; esac\n\
         echo \"$@\" >>'{0}/asked'\n\
         for word in \"$@\"; do case \"$word\" in body=@*) cp \"${{word#body=@}}\" '{0}/body' ;; esac; done\n\
         case \"$*\" in *--jq*) echo \"$ME $MARK\" >'{0}/sought'; echo '{known}' ;; esac\n",
        text(folder)
    );
    program(folder, "gh", &script);
}

/// The programs of the machine, after those of a folder.
fn path_with(folder: &Path) -> String {
    format!("{}:{}", text(folder), std::env::var("PATH").expect("a path"))
}

/// Runs the script of the Action that writes the report of a folder as a comment, by the `gh` that is there.
fn comment_of(folder: &Path) -> Output {
    Command::new("bash")
        .arg("action/comment")
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .env("PATH", path_with(folder))
        .env("GITHUB_REPOSITORY", "o/r")
        .env("GITHUB_WORKFLOW", "Check --> it")
        .env("GITHUB_JOB", "pods")
        .env("PULL_REQUEST", "7")
        .env("REPORT", folder.join("report.md"))
        .env("NAME", "the --> web")
        .output()
        .expect("bash runs")
}

/// What the script of the Action asks `gh` for, where a comment with this number is there already.
fn comment(name: &str, known: &str) -> String {
    let folder = folder(name);
    gh(&folder, known);
    std::fs::write(folder.join("report.md"), "# podproof\n").expect("a report");
    let script = comment_of(&folder);
    assert!(script.status.success(), "{}", stderr(&script));
    std::fs::read_to_string(folder.join("asked")).expect("what was asked")
}

#[test]
fn the_action_writes_one_comment_and_writes_it_anew() {
    let asked = comment("comment-new", "");
    assert!(
        asked
            .lines()
            .nth(1)
            .is_some_and(|line| line.starts_with("api repos/o/r/issues/7/comments --field body=@")),
        "{asked}"
    );
    let asked = comment("comment-known", "42");
    let again = "api --method PATCH repos/o/r/issues/comments/42 --field body=@";
    assert!(asked.lines().nth(1).is_some_and(|line| line.starts_with(again)), "{asked}");
    // Only what this job wrote itself is written over.
    let folder = folder("comment-own");
    gh(&folder, "");
    std::fs::write(folder.join("report.md"), "# podproof\n").expect("a report");
    assert!(comment_of(&folder).status.success());
    let text = |file: &str| std::fs::read_to_string(folder.join(file)).expect("it was noted");
    assert_eq!(text("sought"), "github-actions <!-- podproof Checkitpods theweb -->\n");
    assert_eq!(text("body"), "<!-- podproof Checkitpods theweb -->\n# podproof\n");
}

/// The token of a pull request from a fork may only read. What else GitHub says is told as it says it.
#[test]
fn a_comment_that_is_refused_is_a_warning() {
    for (error, is_of_permissions) in [
        ("gh: Resource not accessible by integration (HTTP 403)", true),
        ("gh: Validation Failed (HTTP 422)", false),
    ] {
        let folder = folder(&format!("comment-refused-{is_of_permissions}"));
        program(&folder, "gh", &format!("echo '{error}' >&2\necho '::error::x' >&2\nexit 1\n"));
        std::fs::write(folder.join("report.md"), "# podproof\n").expect("a report");
        let script = comment_of(&folder);
        let said = String::from_utf8_lossy(&script.stdout).into_owned();
        assert!(script.status.success() && said.starts_with("::warning::podproof: no comment"), "{said}");
        assert_eq!(said.lines().count(), 1, "no line is a command of its own: {said}");
        assert!(said.contains(error) && said.contains("pull-requests: write") == is_of_permissions, "{said}");
        assert_eq!(stderr(&script), "");
    }
}

/// What is shown of a manifest or of its name is no command to the runner.
#[test]
fn nothing_of_a_manifest_is_a_command_to_the_runner() {
    let folder = folder("action-commands");
    let manifest = folder.join("::error::x.yaml");
    std::fs::copy("examples/web.yaml", &manifest).expect("copied");
    let output = script(&folder, text(&manifest), ARGUMENTS);
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let lines: Vec<&str> = said.lines().collect();
    let word = lines[0].strip_prefix("::stop-commands::").unwrap_or_else(|| panic!("{said}"));
    assert!(word.len() > 30, "nobody can know it: {word}");
    let resumed = lines.iter().position(|line| *line == format!("::{word}::")).expect("they are taken again");
    let is_command = |line: &&str| line.trim_start().starts_with("::");
    assert_eq!(lines[resumed + 1..].iter().filter(|line| is_command(line)).count(), 0, "{said}");
}

/// Where the definition begins in its file.
fn begin() -> Place {
    let line = ACTION.lines().position(|line| line.starts_with("name:")).expect("it has a name") + 1;
    Place { file: "action.yml".into(), line: line as u32, column: 1 }
}

/// What a field of the Action says.
fn says(path: &str) -> Option<String> {
    get(ACTION, &begin(), &path.parse().expect("a path"))
}

/// How many steps the Action has.
fn steps() -> usize {
    (0..).take_while(|step| says(&format!("runs.steps[{step}].name")).is_some()).count()
}

/// A run of the Action in a workflow.
struct Workflow {
    folder: PathBuf,
    /// Inputs that are given.
    inputs: Vec<(&'static str, &'static str)>,
    /// What the step `check` gives those after it.
    outputs: Vec<(String, String)>,
}

impl Workflow {
    /// A workflow in a repository that has one manifest.
    fn new(name: &str, inputs: &[(&'static str, &'static str)]) -> Self {
        let folder = folder(name);
        for inner in ["workspace/deploy", "temp", "bin"] {
            std::fs::create_dir_all(folder.join(inner)).expect("a folder");
        }
        let manifest = include_str!("../../examples/web.yaml");
        std::fs::write(folder.join("workspace/deploy/web app.yaml"), manifest).expect("a manifest");
        // `cargo install` of this crate.
        let install = format!(
            "echo \"$@\" >>'{0}/installed'\nfor word in \"$@\"; do root=\"$word\"; done\n\
             mkdir -p \"$root/bin\" && cp '{1}' \"$root/bin/podproof\"\n",
            text(&folder),
            env!("CARGO_BIN_EXE_podproof")
        );
        program(&folder.join("bin"), "cargo", &install);
        gh(&folder.join("bin"), "");
        Self { folder, inputs: inputs.to_vec(), outputs: Vec::new() }
    }

    /// The value of an expression of GitHub, as the Action uses them.
    fn value(&self, expression: &str) -> String {
        let temp = text(&self.folder.join("temp")).to_owned();
        let output =
            |name: &str| self.outputs.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone());
        match expression {
            "runner.temp" => temp,
            "github.token" => "a-token".to_owned(),
            "github.event.pull_request.number" => "7".to_owned(),
            _ => {
                let of_input = expression.strip_prefix("inputs.").map(|name| {
                    let given = self
                        .inputs
                        .iter()
                        .find(|(key, _)| *key == name)
                        .map(|(_, value)| (*value).to_owned());
                    let default =
                        || self.filled(&says(&format!("inputs.{name}.default")).unwrap_or_default());
                    assert!(
                        says(&format!("inputs.{name}.description")).is_some(),
                        "there is no input {name}"
                    );
                    given.unwrap_or_else(default)
                });
                let of_check = expression.strip_prefix("steps.check.outputs.").and_then(output);
                of_input.or(of_check).unwrap_or_else(|| panic!("{expression} is nothing"))
            }
        }
    }

    /// A text with the values of its expressions.
    fn filled(&self, text: &str) -> String {
        let mut filled = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("${{") {
            let (expression, after) = after.split_once("}}").expect("an expression ends");
            filled += &(before.to_owned() + &self.value(expression.trim()));
            rest = after;
        }
        filled + rest
    }

    /// Runs a step as GitHub runs one with `shell: bash`.
    fn step(&mut self, step: usize) -> Output {
        let field = |name: &str| says(&format!("runs.steps[{step}].{name}"));
        assert_eq!(field("shell").as_deref(), Some("bash"));
        let script = self.folder.join("script");
        std::fs::write(&script, self.filled(&field("run").expect("a script"))).expect("a script");
        let outputs = self.folder.join("outputs");
        let mut shell = Command::new("bash");
        shell.args(["--noprofile", "--norc", "-eo", "pipefail", text(&script)]);
        shell
            .current_dir(self.folder.join("workspace"))
            .env_clear()
            .env("PATH", path_with(&self.folder.join("bin")));
        shell.env("GITHUB_ACTION_PATH", env!("CARGO_MANIFEST_DIR")).env("GITHUB_REPOSITORY", "o/r");
        shell.env("RUNNER_TEMP", self.folder.join("temp")).env("GITHUB_OUTPUT", &outputs);
        shell.env("GITHUB_STEP_SUMMARY", self.folder.join("summary"));
        let path = format!("runs.steps[{step}].env").parse().expect("a path");
        for (name, value) in fields(ACTION, &begin(), &path).unwrap_or_default() {
            shell.env(name, self.filled(&value));
        }
        let output = shell.output().expect("bash runs");
        if field("id").as_deref() == Some("check") {
            let given = std::fs::read_to_string(&outputs).expect("outputs");
            let given = given.lines().filter_map(|line| line.split_once('='));
            self.outputs = given.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        }
        output
    }

    /// Runs its steps until one fails; the status of the last.
    fn run(&mut self) -> Option<i32> {
        let comments = self.value("inputs.comment") == "true";
        let mut status = None;
        for step in 0..steps() {
            match says(&format!("runs.steps[{step}].if")).as_deref() {
                None => {}
                Some("inputs.comment == 'true' && github.event_name == 'pull_request'") if comments => {}
                Some("inputs.comment == 'true' && github.event_name == 'pull_request'") => continue,
                Some(other) => panic!("a condition that nobody reads here: {other}"),
            }
            let output = self.step(step);
            status = output.status.code();
            if status != Some(0) {
                break;
            }
        }
        status
    }

    fn text(&self, file: &str) -> String {
        std::fs::read_to_string(self.folder.join(file)).unwrap_or_default()
    }
}

#[test]
fn the_steps_of_the_action_run_as_on_github() {
    let mut workflow =
        Workflow::new("action-steps", &[("files", "deploy/**/*.yaml"), ("arguments", ARGUMENTS)]);
    assert_eq!(workflow.run(), Some(1), "the last step ends with the status of the check");
    let installed = workflow.text("installed");
    let root = workflow.folder.join("temp/podproof");
    assert_eq!(
        installed,
        format!("install --locked --quiet --path {} --root {}\n", env!("CARGO_MANIFEST_DIR"), text(&root))
    );
    let body = workflow.text("bin/body");
    let (mark, report) = body.split_once('\n').expect("a first line");
    assert!(mark.starts_with("<!-- podproof ") && report.starts_with("# podproof\n"), "{body}");
    assert!(body.contains("### no-failed-request is broken") && body.contains("```mermaid"), "{body}");
    assert_eq!(report, workflow.text("summary"));
    assert!(workflow.text("bin/asked").contains("repos/o/r/issues/7/comments"));
    assert!(
        body.contains("podproof trace show traces/deployment-web-rollout-"),
        "as it lies in the artifact: {body}"
    );
    // What the Action gives the steps after it.
    for output in ["status", "report", "sarif", "pages", "traces"] {
        let value = workflow.filled(&says(&format!("outputs.{output}.value")).expect("an output"));
        match output {
            "status" => assert_eq!(value, "1"),
            _ => assert!(Path::new(&value).exists(), "{output}: {value}"),
        }
    }
    let sarif = std::fs::read_to_string(workflow.value("steps.check.outputs.sarif")).expect("a report");
    assert!(sarif.contains("\"uri\": \"deploy/web%20app.yaml\""), "a place in the repository: {sarif}");
    assert!(
        sarif.contains("\"uri\": \"traces/deployment-web-rollout-"),
        "as it lies in the artifact: {sarif}"
    );
    assert!(!sarif.contains("file://"), "no place of the runner: {sarif}");
}

/// A job may check one thing after the other: each check keeps its report and its comment.
#[test]
fn two_checks_of_one_job_leave_each_other_alone() {
    let told = |story: &'static str, name: &'static str| {
        [("files", "deploy/web app.yaml"), ("arguments", story), ("name", name)]
    };
    let [rollout, deletion] = [
        "--replicas=1\n--story=rollout\n--property=terminal-is-final",
        "--replicas=1\n--story=pod-deletion\n--property=terminal-is-final",
    ];
    let mut workflow = Workflow::new("action-twice", &told(rollout, ""));
    let mut mark_of = |inputs: [(&'static str, &'static str); 3]| {
        workflow.inputs = inputs.to_vec();
        std::fs::write(workflow.folder.join("outputs"), "").expect("a file");
        assert_eq!(workflow.run(), Some(0));
        let body = workflow.text("bin/body");
        let report = workflow.value("steps.check.outputs.report");
        let (mark, rest) = body.split_once('\n').expect("a first line");
        assert_eq!(rest, std::fs::read_to_string(&report).expect("a report"));
        (mark.to_owned(), report)
    };
    let (first, report) = mark_of(told(rollout, ""));
    let kept = std::fs::read_to_string(&report).expect("a report");
    let (second, other) = mark_of(told(deletion, ""));
    assert!(first != second && report != other, "{first}, {second}, {report}, {other}");
    assert_eq!(std::fs::read_to_string(&report).expect("it is still there"), kept);
    // The same check writes the same comment over, and one that is called has that of its name.
    assert_eq!(mark_of(told(rollout, "")).0, first);
    let named = mark_of(told(rollout, "web")).0;
    assert!(named.ends_with(" web -->"), "{named}");
    assert_eq!(mark_of(told(deletion, "web")).0, named);
}

#[test]
fn the_action_writes_no_comment_where_none_is_wanted() {
    let inputs = [
        ("files", "deploy/web app.yaml"),
        ("arguments", "--replicas=1\n--story=rollout\n--property=terminal-is-final"),
        ("comment", "false"),
    ];
    let mut workflow = Workflow::new("action-quiet", &inputs);
    assert_eq!(workflow.run(), Some(0));
    assert_eq!(workflow.text("bin/asked"), "");
    assert!(workflow.text("summary").contains("terminal-is-final"));
}

/// What met a bound fails the job only where that is asked for.
#[test]
fn a_check_that_is_incomplete_warns_or_fails() {
    for (fails, status) in [("false", 0), ("true", 3)] {
        let inputs = [
            ("files", "deploy/web app.yaml"),
            ("arguments", "--replicas=1\n--story=rollout\n--property=terminal-is-final\n--max-states=100"),
            ("comment", "false"),
            ("fail-on-incomplete", fails),
        ];
        let mut workflow = Workflow::new(&format!("action-incomplete-{fails}"), &inputs);
        assert_eq!(workflow.run(), Some(status), "{fails}");
    }
}
