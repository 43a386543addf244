//! What a change of a manifest must not cost: other promises, the time that processes have to stop, an end of the story.

use serde_json::Value;

use crate::case::Case;
use crate::run::{folder, podproof, stdout, text};
use crate::tune;

/// A Deployment of one pod whose process goes on for some seconds after SIGTERM, behind a Service; with more of its spec, of its pods'
/// and of the file.
fn manifest(drain: u32, spec: &str, pods: &str, more: &str) -> String {
    format!(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: web}}\nspec:\n  replicas: 1\n{spec}  selector: {{matchLabels: {{app: web}}}}
  template:
    metadata: {{labels: {{app: web}}, annotations: {{podproof.io/on-sigterm: drain={drain}}}}}
    spec:
{pods}      containers:
        - name: c
          image: x
          ports: [{{containerPort: 80}}]
          readinessProbe: {{tcpSocket: {{port: 80}}}}
---
apiVersion: v1
kind: Service
metadata: {{name: web}}
spec: {{selector: {{app: web}}, ports: [{{port: 80}}]}}
{more}"
    )
}

fn case(test: &str, manifest: &str, about: &[&'static str]) -> Case {
    let folder = folder(test);
    let path = folder.join("web.yaml");
    std::fs::write(&path, manifest).expect("written");
    Case { folder, manifest: path, about: about.to_vec() }
}

/// The rollout waits for room; once it goes on, pods that are served get SIGTERM, of which nothing was said before.
#[test]
fn a_promise_that_spoke_of_nothing_before_is_not_broken_by_a_remedy() {
    let node = "---\napiVersion: v1\nkind: Node\nmetadata: {name: n1}\nstatus: {allocatable: {cpu: 1, memory: 4Gi, pods: 10}}\n";
    let written = manifest(20, "", "", node)
        .replace("          image: x\n", "          image: x\n          resources: {requests: {cpu: 1}}\n");
    let about =
        ["--story", "rollout", "--property", "rollout-completes", "--property", "no-traffic-after-sigterm"];
    let case = case("price-promise", &written, &about);
    let ends = ["--remedy", "--trace-dir", text(&case.folder)];
    let said = stdout(&podproof(&[&["check", text(&case.manifest)], &about[..], &ends].concat()));
    assert!(said.contains("broken rollout-completes"), "{said}");
    assert!(said.contains("maxUnavailable of 1 (breaks no-traffic-after-sigterm in story rollout"), "{said}");
}

/// The process needs 20 s of its 22: a hook within them would have it killed.
#[test]
fn a_hook_that_would_have_its_container_killed_comes_with_a_longer_grace() {
    let written = manifest(20, "", "      terminationGracePeriodSeconds: 22\n", "");
    let about = ["--story", "rollout", "--property", "no-traffic-after-sigterm"];
    let case = case("price-grace", &written, &about);
    let (remedy, ..) = case.remedied(&[]);
    assert_eq!(
        remedy["says"], "preStop sleep of container c of 5 s and terminationGracePeriodSeconds of 26 s",
        "{remedy:#}"
    );
    case.holds();
}

/// The sidecar stops after the app, and both within the grace period: that the timers of other pods are left open kills nobody.
#[test]
fn a_sidecar_that_stops_in_time_is_not_said_to_be_killed() {
    let sidecar = "      terminationGracePeriodSeconds: 60\n      initContainers:\n        - {name: side, image: x, restartPolicy: Always}\n";
    let case = case("price-sidecar", &manifest(2, "", sidecar, ""), &[]);
    let output = tune::tune("price-sidecar-tuned", &[text(&case.manifest), "--format", "json"]);
    let document = tune::document(&output);
    assert_eq!(output.status.code(), Some(0), "{document:#}");
    assert_eq!(document["settings"][0]["smallest"], 5, "{document:#}");
}

/// A budget that lets no pod go: a drain of the node beside comes to its end, and says nothing of one that waits.
#[test]
fn a_drain_that_evicts_nobody_proves_nothing() {
    let budget = "---\napiVersion: policy/v1\nkind: PodDisruptionBudget\nmetadata: {name: web}\nspec: {minAvailable: 1, selector: {matchLabels: {app: web}}}\n";
    let case = case("price-drain", &manifest(2, "", "", budget), &[]);
    let set = "spec.template.spec.containers[c].lifecycle.preStop.sleep.seconds=0..1";
    let about = ["--set", set, "--story", "drain", "--property", "no-failed-request", "--nodes", "2"];
    let output =
        tune::tune("price-drain-tuned", &[&[text(&case.manifest), "--format", "json"], &about[..]].concat());
    let document = tune::document(&output);
    assert_eq!(document["settings"][0]["smallest"], Value::Null, "{document:#}");
    let says = document["settings"][0]["tried"][0].clone();
    assert_eq!(says["stories-without-end"], serde_json::json!(["drain"]), "{document:#}");
}
