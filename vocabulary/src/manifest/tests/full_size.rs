//! Where fewer replicas are checked than the manifest has: what does not become smaller with them.

use super::*;
use crate::left_out::Row;
use crate::manifest::{adoption, full_size, selector};

const APART: &str = "affinity: {podAntiAffinity: {requiredDuringSchedulingIgnoredDuringExecution: [{topologyKey: kubernetes.io/hostname, \
                     labelSelector: {matchLabels: {app: web}}}]}}";

fn input(documents: &[&str]) -> crate::manifest::Input {
    reading(&joined(documents)).workloads.remove(0)
}

fn undecided(input: &crate::manifest::Input) -> Vec<&'static str> {
    input.left_out.iter().filter(|row| row.contradicts).map(|row: &&Row| row.what).collect()
}

fn on_three_nodes(fields: &str, pod: &str, container: &str) -> crate::manifest::Input {
    let nodes =
        ["a", "b", "c"].map(|name| node(name, "status: {allocatable: {cpu: 4, memory: 8Gi, pods: 20}}\n"));
    let web = deployment(fields, pod, container);
    input(&[&web, &nodes[0], &nodes[1], &nodes[2]])
}

/// DEP-6, FLT-12.
#[test]
fn a_rollout_that_has_no_room_at_the_size_of_the_manifest_is_not_decided() {
    let three = on_three_nodes("replicas: 3", APART, "");
    assert_eq!(undecided(&three), [full_size::ROOM]);
    let says = three
        .warnings
        .iter()
        .map(ToString::to_string)
        .find(|says| says.contains("room for"))
        .expect("a warning");
    assert!(says.contains("2 of the manifest's 3 replicas are checked, and its nodes have room for 3 of 4 pods, of which one"), "{says}");
    let may_lack_one = "replicas: 3\nstrategy: {rollingUpdate: {maxSurge: 0, maxUnavailable: 1}}";
    assert!(undecided(&on_three_nodes(may_lack_one, APART, "")).is_empty(), "it needs no fourth");
    assert!(undecided(&on_three_nodes("replicas: 2", APART, "")).is_empty(), "all of it is checked");
    assert!(undecided(&on_three_nodes("replicas: 3", "", "")).is_empty(), "there is room for all");
}

/// FLT-3.
#[test]
fn requests_are_counted_at_the_size_of_the_manifest() {
    let asks = "resources: {requests: {cpu: 3}}";
    let ten = on_three_nodes("replicas: 10", "", asks);
    assert_eq!(undecided(&ten), [full_size::ROOM]);
    assert!(
        ten.warnings.iter().any(|warning| warning.says.contains("room for 3 of 10 pods, at the size")),
        "{:#?}",
        ten.warnings
    );
    assert!(undecided(&on_three_nodes("replicas: 10", "", "resources: {requests: {cpu: 1}}")).is_empty());
    assert!(
        undecided(&input(&[&deployment("replicas: 10", "", asks)])).is_empty(),
        "generated nodes have room for all"
    );
}

#[test]
fn a_pod_that_a_replica_set_adopts_is_not_decided_and_neither_is_its_adopter() {
    let set = deployment("replicas: 1", "", "").replace("kind: Deployment", "kind: ReplicaSet");
    let free = pod("canary", "{app: web}", "");
    for documents in [[set.as_str(), &free], [&free, &set]] {
        let input = input(&documents);
        assert_eq!(undecided(&input), [adoption::ADOPTION]);
        let says = "ReplicaSet/web adopts Pod/canary, which its selector selects and nobody controls";
        assert!(input.warnings.iter().any(|warning| warning.says.starts_with(says)), "{:#?}", input.warnings);
    }
    let other = pod("canary", "{app: other}", "");
    assert!(undecided(&input(&[&set, &other])).is_empty(), "it is not selected");
    let elsewhere = free.replace("name: canary\n", "name: canary\n  namespace: there\n");
    assert!(undecided(&input(&[&set, &elsewhere])).is_empty(), "it is in another namespace");
    assert!(
        undecided(&input(&[&deployment("replicas: 1", "", ""), &free])).is_empty(),
        "it has no template hash"
    );
}

/// S28 `getNewReplicaSet`.
#[test]
fn every_pod_of_a_deployment_has_a_template_hash() {
    let term = |expression: &str| {
        format!(
            "affinity: {{podAntiAffinity: {{requiredDuringSchedulingIgnoredDuringExecution: [{{topologyKey: kubernetes.io/hostname, \
                 labelSelector: {{matchExpressions: [{{key: pod-template-hash, {expression}}}]}}}}]}}}}"
        )
    };
    let selects = |text: String| {
        let scenario = scenario(&text);
        let template = scenario.workload.template;
        let selector = template.pod_anti_affinity[0].selector.clone();
        selector.is_some_and(|selector| selector::selects(&selector, &template.labels))
    };
    let deployed = |expression: &str| selects(deployment("", &term(expression), ""));
    assert!(deployed("operator: Exists"));
    assert!(deployed("operator: NotIn, values: [x]"));
    assert!(!deployed("operator: DoesNotExist"));
    assert!(!deployed("operator: In, values: [x]"));
    assert!(!selects(pod("web", "{app: web}", &term("operator: Exists"))), "a bare Pod has none");
    let one = reading(&deployment("", &term("operator: In, values: [x]"), "")).workloads.remove(0);
    assert!(
        one.warnings.iter().any(|warning| warning.says.contains("asks for one pod-template-hash")),
        "{:#?}",
        one.warnings
    );
    let all = budget("selector: {matchExpressions: [{key: pod-template-hash, operator: Exists}]}");
    assert_eq!(scenario(&joined(&[&deployment("", "", ""), &all])).budgets.len(), 1);
}
