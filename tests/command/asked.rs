//! What is asked for is judged or refused, and reports tell in which world and behind which Service.

use std::process::Output;

use serde_json::Value;

use crate::run::{folder, podproof, stderr, stdout, text};

const FORMATS: [&str; 5] = ["human", "json", "junit", "sarif", "markdown"];

fn document(output: &Output) -> Value {
    let text = stdout(output);
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}{}", stderr(output)))
}

/// What was proved with faults cannot be taken for what was proved without, nor what was found with a wrong rule for a defect of the
/// manifest.
#[test]
fn every_report_tells_what_may_happen_and_which_rule_is_wrong() {
    let about = ["--scenario", "rollout", "--property", "placement-lawful"];
    let worlds: [(&[&str], &str); 6] = [
        (
            &[
                "--event",
                "taint-node=1",
                "--taint",
                "gpu=yes:NoSchedule",
                "--event",
                "label-node=1",
                "--label",
                "disk=ssd",
            ],
            "taint-node (gpu=yes:NoSchedule) once, label-node (disk=ssd) once (--event)",
        ),
        (
            &["--story", "runtime-hang", "--hang", "stuck-inspect"],
            "why a relist is stuck where a runtime hangs: stuck-inspect (--hang)",
        ),
        (
            &["--event", "container-crash=1", "--event", "scale:5"],
            "this may happen, at any moment: scale to 5 once, container-crash once (--event)",
        ),
        (&["--event", "delete-pod=2"], "at any moment: delete-pod 2 times (--event)"),
        (&["--mutant", "proxy-never-adds"], "the wrong rule proxy-never-adds is switched on (--mutant)"),
        (&["--inaccurate-detectors"], "in any order (--inaccurate-detectors)"),
    ];
    for (world, says) in worlds {
        for format in FORMATS {
            let bounds = ["--max-states", "50", "--format", format];
            let output = podproof(&[&["check"], &about[..], world, &bounds].concat());
            assert!(stdout(&output).contains(says), "{format}: {says}\n{}", stdout(&output));
        }
        for format in ["human", "json"] {
            let bounds = ["--walks", "1", "--steps", "20", "--seed", "1", "--format", format];
            let output = podproof(&[&["simulate"], &about[..], world, &bounds].concat());
            assert!(stdout(&output).contains(says), "{format}: {says}\n{}", stdout(&output));
        }
    }
    let output = podproof(&[&["check"], &about[..], &["--max-states", "50"]].concat());
    for (_, says) in worlds {
        assert!(!stdout(&output).contains(says), "{}", stdout(&output));
    }
}

/// What says how something happens that is not asked for has no effect, and is refused with what is accepted.
#[test]
fn how_an_event_happens_needs_the_event() {
    let cases: [(&[&str], &str); 8] = [
        (
            &["--event", "taint-node=1", "--taint", "node.kubernetes.io/unreachable:NoExecute"],
            "sets and takes this one itself; accepted is another key",
        ),
        (&["--event", "label-node=1", "--label", "a=1", "--label", "a=2"], "--label a is there twice"),
        (
            &["--event", "label-node=1", "--label", "kubernetes.io/hostname=n"],
            "each node has a value of its own; accepted is another key",
        ),
        (&["--hang", "cni-status"], "--hang with --story runtime-hang or --event runtime-hang=1"),
        (&["--taint", "gpu:NoExecute"], "--taint with --event taint-node=1"),
        (&["--label", "zone=b", "--event", "label-node=0"], "--label with --event label-node=1"),
        (&["--event", "taint-node=1", "--taint", "gpu"], "accepted is KEY=VALUE:EFFECT"),
        (&["--story", "runtime-hang", "--hang", "slow"], "accepted are rpc-timeout, too-many-pods=N"),
    ];
    for (world, says) in cases {
        for command in [&["check"][..], &["explore"], &["simulate"], &["trace", "from-walk", "1"]] {
            let output = podproof(&[command, &["examples/web.yaml"], world].concat());
            assert_eq!(output.status.code(), Some(2), "{command:?}: {}", stdout(&output));
            assert!(stderr(&output).contains(says), "{command:?}: {says}\n{}", stderr(&output));
        }
    }
}

/// Two taints of one key and effect, which no node has: of a node of the input, and in a trace of such a one.
#[test]
fn a_taint_that_a_node_has_already_is_refused() {
    let folder = folder("asked-taint");
    let (file, walk) = (folder.join("pod.yaml"), folder.join("walk.json"));
    let manifest = "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: {containers: [{name: c, image: i}]}\n---\napiVersion: v1\nkind: Node\nmetadata: {name: node-a}\nspec: {taints: [{key: k, value: old, effect: NoSchedule}]}\nstatus: {allocatable: {cpu: 4, pods: 9}}\n";
    std::fs::write(&file, manifest).expect("written");
    let event = |taint: &'static str| ["--event", "taint-node=1", "--taint", taint];
    let told = podproof(&["trace", "from-walk", "1", text(&file), "--story", "create", "-o", text(&walk)]);
    assert_eq!(told.status.code(), Some(0), "{}", stderr(&told));
    let same = event("k=v:NoSchedule");
    for command in [
        &["check", text(&file)][..],
        &["explore", text(&file)],
        &["simulate", text(&file)],
        &["explore", "--from", text(&walk)],
    ] {
        let output = podproof(&[command, &same].concat());
        assert_eq!(output.status.code(), Some(2), "{command:?}: {}", stdout(&output));
        let says = "--taint k=v:NoSchedule: node-a has a taint of this key and effect already";
        assert!(stderr(&output).contains(says), "{command:?}: {}", stderr(&output));
    }
    let other =
        podproof(&[&["check", text(&file), "--story", "create"], &event("k=v:NoExecute")[..]].concat());
    assert_eq!(other.status.code(), Some(0), "another effect: {}{}", stdout(&other), stderr(&other));
}

/// A pod that wants a label starts only once a node has got it, and one that tolerates the taint of an event is not evicted by it.
#[test]
fn an_event_does_what_the_command_line_says() {
    let file = folder("asked-events").join("pod.yaml");
    let verdict = |spec: &str, property: &str, world: &[&str]| {
        let head =
            "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec:\n  containers: [{name: c, image: i}]\n";
        std::fs::write(&file, format!("{head}{spec}")).expect("written");
        let about = ["check", text(&file), "--story", "create", "--format", "json", "--property"];
        let output = podproof(&[&about[..], &[property], world].concat());
        document(&output)["workloads"][0]["results"][0]["verdict"].as_str().expect("a verdict").to_owned()
    };
    let tolerates = "  tolerations: [{key: gpu, operator: Exists}]\n";
    let tainted =
        |taint: &str| verdict(tolerates, "noexecute-evicts", &["--event", "taint-node=1", "--taint", taint]);
    assert_eq!(tainted("disk:NoExecute"), "holds", "it is evicted");
    assert_eq!(tainted("gpu:NoExecute"), "not-applicable", "it is tolerated");
    for seconds in [0, 30] {
        let for_a_time = format!(
            "  tolerations: [{{key: gpu, effect: NoExecute, operator: Exists, tolerationSeconds: {seconds}}}]\n"
        );
        let world = ["--event", "taint-node=1", "--taint", "gpu:NoExecute"];
        assert_eq!(verdict(&for_a_time, "noexecute-evicts", &world), "holds", "it is for {seconds} s");
        let broken = [&world[..], &["--mutant", "taint-eviction-never-fires"]].concat();
        assert_eq!(verdict(&for_a_time, "noexecute-evicts", &broken), "broken", "it stays, for {seconds} s");
    }
    assert_eq!(tainted("disk:NoSchedule"), "not-applicable", "this evicts nobody");
    let selects = "  nodeSelector: {disk: ssd}\n---\napiVersion: v1\nkind: Node\nmetadata: {name: node-a}\nstatus: {allocatable: {cpu: 4, pods: 9}}\n";
    let labelled = |label: &str| {
        verdict(
            selects,
            "grace-honoured",
            &["--event", "label-node=1", "--label", label, "--event", "delete-pod=1"],
        )
    };
    assert_eq!(labelled("disk=ssd"), "holds", "it starts, and is stopped");
    assert_eq!(labelled("disk=hdd"), "not-applicable", "it never starts");
}

#[test]
fn a_promise_that_is_named_is_judged_or_refused() {
    let named = ["--property", "no-failed-request", "--property", "rollout-completes", "--only", "untimed"];
    for command in ["check", "simulate", "tune"] {
        let output = podproof(&[&[command, "examples/web.yaml", "--story", "rollout"], &named[..]].concat());
        assert_eq!(output.status.code(), Some(2), "{command}: {}", stdout(&output));
        let errors = stderr(&output);
        let says = "error: --property no-failed-request is not of every kind that --only names";
        assert!(errors.contains(says) && !errors.contains("rollout-completes"), "{command}: {errors}");
    }
}

/// The kubelet ends such a pod, which the model does not: that nothing gets SIGTERM in it is not said.
#[test]
fn what_the_manifest_adds_is_not_said_never_to_come_about() {
    let status = |name: &str, deadline: &str| {
        let file = folder(&format!("adds-{name}")).join("pod.yaml");
        let manifest = format!(
            "apiVersion: v1\nkind: Pod\nmetadata: {{name: web, labels: {{app: web}}}}\nspec:\n{deadline}  containers: [{{name: web, \
             image: web, ports: [{{containerPort: 80}}]}}]\n---\napiVersion: v1\nkind: Service\nmetadata: {{name: web}}\n\
             spec: {{selector: {{app: web}}, ports: [{{port: 80}}]}}\n"
        );
        std::fs::write(&file, manifest).expect("written");
        let about = ["--story", "create", "--property", "no-traffic-after-sigterm", "--nodes", "1"];
        let output = podproof(&[&["check", text(&file)], &about[..]].concat());
        (output.status.code(), stdout(&output))
    };
    let (without, said) = status("nothing", "");
    assert_eq!(without, Some(0), "{said}");
    assert!(said.contains("not-applicable no-traffic-after-sigterm"), "{said}");
    let (with, said) = status("deadline", "  activeDeadlineSeconds: 60\n");
    assert_eq!(with, Some(3), "{said}");
    assert!(said.contains("incomplete no-traffic-after-sigterm"), "{said}");
    assert!(said.contains("Pod.spec.activeDeadlineSeconds is set and not modelled"), "{said}");
}

/// `web-prestop.yaml` with a second Service.
fn with_two_services(name: &str, second: &str) -> String {
    let folder = folder(name);
    let file = folder.join("web.yaml");
    let example = include_str!("../../examples/web-prestop.yaml");
    std::fs::write(&file, format!("{example}---\n{second}")).expect("written");
    text(&file).to_owned()
}

/// One line of a report speaks of several searches: which, and what each has said.
#[test]
fn a_verdict_names_the_service_that_it_is_not_of() {
    let headless = "apiVersion: v1\nkind: Service\nmetadata: {name: web-headless}\n\
                    spec: {clusterIP: None, selector: {app: web}, ports: [{port: 80, targetPort: http}]}\n";
    let file = with_two_services("two-services", headless);
    let about = ["--story", "rollout", "--property", "no-failed-request", "--replicas", "1"];
    let report = |format: &str| {
        let output = podproof(&[&["check", &file, "--format", format], &about[..]].concat());
        assert_eq!(output.status.code(), Some(0), "{}{}", stdout(&output), stderr(&output));
        output
    };
    let idle = "not-applicable (Service web-headless)";
    let human = stdout(&report("human"));
    assert!(human.contains(&format!("no-failed-request: {idle}")), "{human}");
    let row = &document(&report("json"))["workloads"][0]["results"][0];
    assert_eq!((&row["verdict"], &row["note"]), (&"holds".into(), &idle.into()), "{row}");
    assert_eq!(row["services"], serde_json::json!(["web"]), "{row}");
    for format in ["junit", "sarif", "markdown"] {
        let said = stdout(&report(format));
        assert!(said.contains("timed (Service web-headless)"), "{format}: {said}");
        assert!(said.contains("timed (Service web)"), "{format}: {said}");
    }
}

/// The trace of one of them is shown; that the other is broken too is said, and its trace is beside.
#[test]
fn what_is_broken_behind_another_service_too_is_said() {
    let folder = folder("two-broken");
    let other = "apiVersion: v1\nkind: Service\nmetadata: {name: admin}\n\
                 spec: {selector: {app: web}, ports: [{port: 81, targetPort: admin}]}\n";
    let file = with_two_services("two-broken-input", other);
    let two = std::fs::read_to_string(&file).expect("it is there").replace("              containerPort: 8080\n", 
        "              containerPort: 8080\n        - name: admin\n          image: admin\n          ports: [{name: admin, containerPort: 8081}]\n        - name: nothing\n          image: nothing\n");
    let hook =
        "          lifecycle:\n            preStop:\n              sleep:\n                seconds: 5\n";
    let probe = "          readinessProbe:\n            httpGet:\n              path: /ready\n              port: http\n";
    std::fs::write(&file, two.replace(hook, "").replace(probe, "")).expect("written");
    let about = ["--story", "rollout", "--property", "no-failed-request", "--replicas", "1"];
    let traces = ["--trace-dir", text(&folder), "--format", "json"];
    let output = podproof(&[&["check", &file], &about[..], &traces].concat());
    assert_eq!(output.status.code(), Some(1), "{}{}", stdout(&output), stderr(&output));
    let row = &document(&output)["workloads"][0]["results"][0];
    let services = row["services"].as_array().expect("one of them");
    let second = if services[0] == "web" { "admin" } else { "web" };
    let beside = row["trace"].as_str().expect("a path").replace(".json", &format!("-{second}.json"));
    assert_eq!(row["note"], format!("also broken (Service {second}): {beside}"), "{row}");
    let trace = stdout(&podproof(&["trace", "replay", &beside]));
    assert!(trace.contains("no-failed-request"), "{trace}");
}
