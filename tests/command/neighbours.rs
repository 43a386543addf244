//! Pods of other workloads of the same input: what they take, and when they leave.

use crate::run::{folder, podproof, stdout, text};

/// A Deployment of one pod; its Service selects `app: shop`.
fn deployment(name: &str, container: &str) -> String {
    format!(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: {name}}}\nspec:\n  replicas: 1\n  selector: {{matchLabels: {{track: {name}}}}}\n  \
         template:\n    metadata: {{labels: {{app: shop, track: {name}}}}}\n    spec:\n      containers:\n      - {{name: app, image: a, {container}}}\n---\n"
    )
}

/// What a check of the first Deployment says, and its exit status.
fn check(test: &str, manifest: &str, about: &[&str]) -> (Option<i32>, String) {
    let folder = folder(test);
    let file = folder.join("shop.yaml");
    std::fs::write(&file, manifest).expect("written");
    let traces = folder.join("traces");
    let ends = ["--trace-dir", text(&traces)];
    let output = podproof(&[&["check", text(&file), "--workload", "web"], about, &ends].concat());
    (output.status.code(), stdout(&output))
}

/// DRN-2, PRX-22: a drain takes the last ready endpoint of a Service too, if that is of another workload, and the rules fall back to the pod
/// that it takes first.
#[test]
fn a_drain_takes_the_pods_of_other_workloads_too() {
    let container = "ports: [{containerPort: 8080}], readinessProbe: {tcpSocket: {port: 8080}}, lifecycle: {preStop: {sleep: {seconds: 10}}}";
    let service = "apiVersion: v1\nkind: Service\nmetadata: {name: shop}\nspec: {selector: {app: shop}, ports: [{port: 80, targetPort: 8080}]}\n";
    let manifest = deployment("web", container) + &deployment("canary", container) + service;
    let about = ["--property", "no-failed-request", "--nodes", "1", "--story"];
    let drain = check("neighbours-drain", &manifest, &[&about[..], &["drain"]].concat());
    assert_eq!(drain.0, Some(1), "{}", drain.1);
    assert!(drain.1.contains("the rules of node-1 have no ready endpoint left"), "{}", drain.1);
    assert!(
        drain.1.contains("the pods of Deployment/canary, behind the same Service, are Ready"),
        "{}",
        drain.1
    );
    let rollout = check("neighbours-rollout", &manifest, &[&about[..], &["rollout"]].concat());
    assert_eq!(rollout.0, Some(0), "the canary stays: {}", rollout.1);
}

/// FLT-4: the host port of another workload's pod is taken, so the new pod waits for the old one, which waits for it (DEP-1).
#[test]
fn a_host_port_of_another_workload_is_taken() {
    let about = ["--property", "rollout-completes", "--story", "rollout"];
    let of = |port: &str| {
        let with = |port: &str| format!("ports: [{{containerPort: 80, hostPort: {port}}}]");
        let manifest = deployment("web", &with("80")) + &deployment("other", &with(port));
        check(&format!("neighbours-port-{port}"), &manifest, &about)
    };
    let (status, said) = of("80");
    assert_eq!(status, Some(1), "{said}");
    assert!(
        said.contains("is Pending, as no node takes it: node-1, node-2 (NodePorts: host port 80 is taken)"),
        "{said}"
    );
    let (status, said) = of("81");
    assert_eq!(status, Some(0), "{said}");
}

/// FLT-3: what no node takes is told before anything is searched.
#[test]
fn what_no_node_takes_is_told() {
    let node = "apiVersion: v1\nkind: Node\nmetadata: {name: small, labels: {kubernetes.io/hostname: small}}\nstatus: {allocatable: {cpu: 1, memory: 8Gi, pods: 10}}\n";
    let with = |cpu: u32| deployment("web", &format!("resources: {{requests: {{cpu: {cpu}}}}}")) + node;
    let about = ["--only", "untimed", "--story", "create"];
    let (_, said) = check("neighbours-no-node", &with(2), &about);
    let warning = "shop.yaml:1: no node takes a pod of it: small (NodeResourcesFit: insufficient cpu)";
    assert!(said.contains(warning), "{said}");
    let (_, said) = check("neighbours-a-node", &with(1), &about);
    assert!(!said.contains("no node takes"), "{said}");
}

/// PRB-4, PRB-7: what no run can reach proves nothing.
#[test]
fn what_is_killed_before_it_listens_keeps_no_promise() {
    let container = "ports: [{containerPort: 8080}], startupProbe: {tcpSocket: {port: 8080}, periodSeconds: 10, failureThreshold: 3}";
    let with = |seconds: u32| {
        deployment("web", container).replace(
            "track: web}}\n    spec:",
            &format!("track: web}}, annotations: {{podproof.io/listens-after: '{seconds}'}}}}\n    spec:"),
        )
    };
    let about = ["--only", "untimed", "--story", "rollout", "--nodes", "1"];
    let (_, said) = check("neighbours-late", &with(40), &about);
    assert!(said.contains("no pod ever becomes Ready"), "{said}");
    assert!(said.contains("the story, rollout, never comes to its end here"), "{said}");
    let (_, said) = check("neighbours-in-time", &with(20), &about);
    assert!(!said.contains("never comes to its end"), "{said}");
}
