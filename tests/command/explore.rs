//! `podproof explore`: what the Explorer is told of states and steps.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::Child;

use serde_json::Value;

use crate::run::{command, folder, podproof, stderr, text};

/// An Explorer that runs.
struct Explorer {
    process: Child,
    port: u16,
    /// What it has said of what it explores.
    says: String,
    /// What it has said before.
    warnings: String,
}

impl Explorer {
    fn start(arguments: &[&str]) -> Self {
        // A port that is free now may be another's a moment later.
        for _ in 0..20 {
            let port =
                TcpListener::bind(("127.0.0.1", 0)).and_then(|it| it.local_addr()).expect("a port").port();
            let number = port.to_string();
            let mut process =
                command(&[&["explore", "--port", &number], arguments].concat()).spawn().expect("it runs");
            let mut says = String::new();
            let mut errors = BufReader::new(process.stderr.as_mut().expect("it is piped"));
            let mut warnings = String::new();
            errors.read_line(&mut says).expect("it says something");
            while says.starts_with("warning: ") {
                warnings += &std::mem::take(&mut says);
                errors.read_line(&mut says).expect("it says something");
            }
            if says.starts_with("exploring ") {
                return Self { process, port, says, warnings };
            }
            let _ = process.wait();
            assert!(says.contains(&number), "{says}");
        }
        panic!("no port is free");
    }

    /// What can be reached by one step from where a path of steps leads, as JSON.
    fn states(&self, path: &str) -> Vec<Value> {
        let answer = self.answer(&format!("127.0.0.1:{}", self.port), path);
        let (_, body) = answer.split_once("\r\n\r\n").expect("a body");
        serde_json::from_str(body).unwrap_or_else(|error| panic!("{error}: {answer}"))
    }

    /// What is answered to whoever asks for a host by this name.
    fn answer(&self, host: &str, path: &str) -> String {
        let mut stream = (0..200)
            .find_map(|_| {
                std::thread::sleep(std::time::Duration::from_millis(20));
                TcpStream::connect(("127.0.0.1", self.port)).ok()
            })
            .expect("it listens");
        let asked = format!("GET /.states{path} HTTP/1.0\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        stream.write_all(asked.as_bytes()).expect("it reads");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("it answers");
        answer
    }
}

/// Port 0 is any that is free, and the one that was found is said.
#[test]
fn the_port_that_was_found_is_said() {
    let mut process =
        command(&["explore", "--port", "0", "--scenario", "pod-life"]).spawn().expect("it runs");
    let mut says = String::new();
    let errors = process.stderr.as_mut().expect("it is piped");
    BufReader::new(errors).read_line(&mut says).expect("it says something");
    let port = says.split_once("http://127.0.0.1:").and_then(|(_, rest)| rest.split_once(' '));
    let port = port.and_then(|(port, _)| port.parse().ok()).unwrap_or(0);
    let explorer = Explorer { process, port, says: says.clone(), warnings: String::new() };
    assert!(port > 0, "{says}");
    assert!(!explorer.states("").is_empty());
}

/// A page of another name whose address has become this machine's reads nothing.
#[test]
fn only_who_asks_for_this_machine_is_answered() {
    let explorer = Explorer::start(&["--scenario", "pod-life"]);
    for host in ["evil.example", &format!("evil.example:{}", explorer.port), "127.0.0.1:1"] {
        let answer = explorer.answer(host, "");
        assert!(answer.starts_with("HTTP/1.1 403 "), "{host}: {answer}");
        assert!(!answer.contains("node-1"), "{host}: {answer}");
    }
    let answer = explorer.answer(&format!("{}:{}", "localhost", explorer.port), "");
    assert!(answer.contains(" 200 ") && answer.contains("node-1"), "{answer}");
}

#[test]
fn what_is_explored_is_said_with_its_story() {
    let explorer = Explorer::start(&["examples/web.yaml"]);
    assert!(
        explorer.says.starts_with("exploring Deployment/web, story rollout, untimed, on http://127.0.0.1:"),
        "{}",
        explorer.says
    );
    // A Pod has no template to change.
    let folder = folder("explore-pod");
    let manifest = folder.join("pod.yaml");
    let pod =
        "apiVersion: v1\nkind: Pod\nmetadata: {name: web}\nspec: {containers: [{name: web, image: web}]}\n";
    std::fs::write(&manifest, pod).expect("written");
    let explorer = Explorer::start(&[text(&manifest)]);
    assert!(explorer.says.starts_with("exploring Pod/web, story pod-deletion, untimed"), "{}", explorer.says);
    let output = podproof(&["explore", "examples/web.yaml", "--story", "drain", "--story", "rollout"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("one story is explored at a time"), "{}", stderr(&output));
}

impl Drop for Explorer {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn of<'v>(value: &'v Value, field: &str) -> &'v str {
    value[field].as_str().unwrap_or_default()
}

#[test]
fn states_and_steps_are_told_in_words() {
    let explorer = Explorer::start(&["--scenario", "rollout"]);
    let first = explorer.states("/");
    let state = of(&first[0], "state");
    assert!(state.contains("node node-1: Ready True\n"), "{state}");
    assert!(state.contains("may come: controller-manager now sees Deployment web\n"), "{state}");
    assert!(!state.contains("ClusterState("), "{state}");
    let next = explorer.states("/0");
    let step = next.iter().find(|step| of(step, "action").contains("now sees Deployment web"));
    let step = step.unwrap_or_else(|| panic!("{next:?}"));
    assert!(of(step, "outcome").starts_with("controller-manager now sees Deployment web"), "{step}");
}

/// No report tells it here: what the model leaves out, and which of two Services is looked at.
#[test]
fn what_is_left_out_of_a_manifest_is_said() {
    let folder = folder("explore-left-out");
    let manifest = folder.join("web.yaml");
    let gated = include_str!("../../examples/web.yaml").replace(
        "      containers:\n",
        "      readinessGates:\n        - conditionType: example.com/x\n      containers:\n",
    );
    let second = "---\napiVersion: v1\nkind: Service\nmetadata: {name: web-headless}\n\
                  spec: {clusterIP: None, selector: {app: web}, ports: [{port: 80, targetPort: http}]}\n";
    std::fs::write(&manifest, gated + second).expect("written");
    let explorer = Explorer::start(&[text(&manifest)]);
    let walk = podproof(&["trace", "from-walk", "1", text(&manifest), "--steps", "10"]);
    for said in [explorer.warnings.clone(), stderr(&walk)] {
        assert!(said.contains("readinessGates"), "{said}");
        assert!(said.contains("only Service web is looked at, not Service web-headless"), "{said}");
    }
}

/// Every pod has its clocks, as nobody is followed.
#[test]
fn with_time_it_passes() {
    let explorer = Explorer::start(&["--scenario", "rollout", "--timing", "timed"]);
    assert!(explorer.says.contains(", timed, on http://"), "{}", explorer.says);
    let mut path = String::from("/");
    for _ in 0..60 {
        let next = explorer.states(&path);
        assert!(
            next.iter().all(|step| !of(step, "action").contains("pod #")),
            "pods have their names: {next:?}"
        );
        if next.iter().any(|step| of(step, "action").contains("time passes")) {
            return;
        }
        path += if path == "/" { "0" } else { "/0" };
    }
    panic!("no time passes");
}

#[test]
fn a_trace_is_gone_on_from_in_the_world_that_is_asked_for() {
    let folder = folder("explore-trace");
    let about =
        ["check", "--scenario", "rollout", "--property", "no-failed-request", "--trace-dir", text(&folder)];
    assert_eq!(podproof(&about).status.code(), Some(1));
    let file = std::fs::read_dir(&folder).expect("a folder").next().expect("a trace").expect("a file").path();
    let explorer = Explorer::start(&["--from", text(&file), "--event", "node-crash=1"]);
    let first = explorer.states("/");
    assert_eq!(first.len(), 1, "it begins where the trace ends");
    let state = of(&first[0], "state");
    assert!(state.contains("container app: process exited, code 0"), "{state}");
    assert!(state.contains("rules on node-1: conditions ready, serving"), "{state}");
    let next = explorer.states("/0");
    assert!(
        next.iter().any(|step| of(step, "action") == "node-1 loses power"),
        "--event is honoured: {next:?}"
    );
    assert!(next.iter().all(|step| !of(step, "action").contains("pod #")), "pods have their names");

    // Where it would run after all, the port is taken.
    let taken = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    let port = taken.local_addr().expect("it has one").port().to_string();
    let refused = |arguments: &[&str]| {
        let about = ["explore", "--port", &port, "--from", text(&file)];
        let output = podproof(&[&about[..], arguments].concat());
        assert_eq!(output.status.code(), Some(2));
        stderr(&output)
    };
    let other = refused(&["--story", "create"]);
    assert!(other.contains("its steps cannot be taken in this world: step "), "{other}");
    assert!(refused(&["--nodes", "3"]).contains("cannot be used with"), "what has no effect is refused");
    assert!(
        refused(&["--story", "drain", "--story", "create"]).contains("one story"),
        "a choice is asked for"
    );
}
