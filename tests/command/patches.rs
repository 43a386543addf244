//! What a remedy changes in the text of a manifest, and nothing else.

use crate::case::Case;

const ROLLOUT: [&str; 6] = ["--replicas", "1", "--story", "rollout", "--property", "no-failed-request"];

/// A toleration with an effect NoExecute or another, for ever.
fn toleration(key: &str, effect: &str) -> String {
    format!("        - key: {key}\n          operator: Exists\n          effect: {effect}\n")
}

/// A pod that tolerates for ever that its node is unreachable is never replaced. What else it tolerates stays as it is, and of what
/// it tolerates the first toleration that matches counts (TEC-3).
#[test]
fn a_toleration_without_an_end_is_remedied_by_one_of_that_taint() {
    let about = [
        "--replicas",
        "1",
        "--story",
        "node-failure",
        "--property",
        "replaced-after-node-failure",
        "--slots",
        "8",
    ];
    let unreachable = toleration("node.kubernetes.io/unreachable", "NoExecute");
    let not_ready = toleration("node.kubernetes.io/not-ready", "NoExecute");
    let seconds = &["tolerationSeconds: 300"][..];
    let own = &[
        "- key: node.kubernetes.io/unreachable",
        "operator: Exists",
        "effect: NoExecute",
        "tolerationSeconds: 300",
    ][..];
    for (test, tolerations, expected) in [
        ("alone", unreachable.clone(), seconds),
        ("no-schedule", toleration("dedicated", "NoSchedule") + &unreachable + &not_ready, seconds),
        ("no-execute", toleration("gpu", "NoExecute") + &not_ready + &unreachable, seconds),
        ("every", "        - operator: Exists\n          effect: NoExecute\n".to_owned(), own),
    ] {
        let with = format!("      tolerations:\n{tolerations}      containers:\n");
        let changes = [("      containers:\n", with.as_str())];
        let case = Case::of(&format!("patch-toleration-{test}"), "examples/web.yaml", &changes, &about);
        let (remedy, added, gone) = case.remedied(&[]);
        let says = "tolerationSeconds of 300 for node.kubernetes.io/unreachable";
        assert_eq!(remedy["says"], says, "{test}: {remedy:#}");
        assert_eq!(
            (&added[..], gone.len()),
            (&expected.iter().map(|line| (*line).to_owned()).collect::<Vec<_>>()[..], 0),
            "{test}"
        );
        case.holds();
    }
}

/// A probe that connects by TCP asks no port that speaks something else.
#[test]
fn a_readiness_probe_asks_a_port_that_speaks_tcp() {
    let about = ["--replicas", "1", "--nodes", "1", "--story", "create", "--property", "no-failed-request"];
    let changes = [
        (
            "            - name: http\n",
            "            - name: log\n              containerPort: 514\n              protocol: UDP\n            - name: http\n",
        ),
        (
            "          readinessProbe:\n            httpGet:\n              path: /ready\n              port: http\n",
            "",
        ),
        (
            "    metadata:\n      labels:\n",
            "    metadata:\n      annotations:\n        podproof.io/listens-after: \"3\"\n      labels:\n",
        ),
    ];
    let case = Case::of("patch-udp", "examples/web.yaml", &changes, &about);
    let (_, added, _) = case.remedied(&[]);
    assert_eq!(added, ["readinessProbe:", "tcpSocket:", "port: 8080"]);
    case.holds();
}

/// A change that would mean something else too is not made, and why is told.
#[test]
fn a_change_that_would_mean_something_else_is_not_made() {
    let web = "        - name: web\n          image: registry.example/web:1.0\n";
    let side = "        - &side\n          name: side\n          image: x\n          lifecycle:\n            postStart: {exec: {command: [\"true\"]}}\n";
    let merged = format!(
        "{side}        - <<: *side\n          name: web\n          image: registry.example/web:1.0\n"
    );
    let kept = "              port: http\n---\n";
    let keeps = "              port: http\n          args:\n            - |+\n              a\n\n\n---\n";
    for (test, change, why) in [
        ("merge", (web, merged.as_str()), "what a merge key, <<, stands for is not looked into"),
        ("keep", (kept, keeps), "the text around it is written in a way in which it cannot be changed"),
    ] {
        let case = Case::of(&format!("patch-{test}"), "examples/web.yaml", &[change], &ROLLOUT);
        let (status, result) = case.check(&["--remedy"]);
        assert_eq!(status, Some(1), "{test}: {result:#}");
        assert!(result["remedy"]["patch"].is_null(), "{test}: {result:#}");
        assert!(result["remedy"].to_string().contains(why), "{test}: {result:#}");
    }
}
