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

/// FLT-15: two and one is the only way, and the fourth makes three and one.
#[test]
fn spread_is_counted_at_the_size_of_the_manifest() {
    let spread = "topologySpreadConstraints: [{maxSkew: 1, topologyKey: kubernetes.io/hostname, whenUnsatisfiable: DoNotSchedule, \
                  labelSelector: {matchLabels: {app: web}}}]";
    let of = |spread: &str, small: u32| {
        let node = |name: &str, cpu: u32| {
            node(name, &format!("status: {{allocatable: {{cpu: {cpu}, memory: 8Gi, pods: 20}}}}\n"))
        };
        let web = deployment("replicas: 3", spread, "resources: {requests: {cpu: 1}}");
        undecided(&input(&[&web, &node("a", 3), &node("b", small)]))
    };
    assert_eq!(of(spread, 1), [full_size::ROOM]);
    assert!(of(spread, 2).is_empty());
    assert!(of(&spread.replace("{matchLabels: {app: web}}", "{}"), 1).is_empty(), "FLT-18: it counts nobody");
}

/// FLT-13: all are on the node of the first.
#[test]
fn affinity_is_counted_at_the_size_of_the_manifest() {
    let together = APART.replace("podAntiAffinity", "podAffinity");
    let of = |cpu: u32| {
        let nodes = ["a", "b"].map(|name| {
            node(name, &format!("status: {{allocatable: {{cpu: {cpu}, memory: 8Gi, pods: 20}}}}\n"))
        });
        let web = deployment("replicas: 3", &together, "resources: {requests: {cpu: 1}}");
        undecided(&input(&[&web, &nodes[0], &nodes[1]]))
    };
    assert_eq!(of(3), [full_size::ROOM]);
    assert!(of(4).is_empty());
}

/// FLT-14: the surge pod may be beside a pod of the old template.
#[test]
fn what_is_apart_from_its_own_revision_needs_no_more_nodes_for_a_rollout() {
    let own = APART.replace("labelSelector:", "matchLabelKeys: [pod-template-hash], labelSelector:");
    assert!(undecided(&on_three_nodes("replicas: 3", &own, "")).is_empty());
    assert_eq!(undecided(&on_three_nodes("replicas: 4", &own, "")), [full_size::ROOM]);
}

#[test]
fn what_others_take_counts_at_the_size_of_the_manifest() {
    let one = "resources: {requests: {cpu: 1}}";
    let web = deployment("replicas: 9\nstrategy: {rollingUpdate: {maxSurge: 1, maxUnavailable: 0}}", "", one);
    let other = pod("db", "{app: db}", "").replace("- name: app\n", &format!("- name: app\n    {one}\n"));
    let of = |cpu: u32| {
        let node = node("a", &format!("status: {{allocatable: {{cpu: {cpu}, memory: 64Gi, pods: 110}}}}\n"));
        undecided(&input(&[&web, &other, &node]))
    };
    assert_eq!(of(10), [full_size::ROOM]);
    assert!(of(11).is_empty());
}

#[test]
fn a_replica_set_without_room_rolls_nothing_out() {
    let set = deployment("replicas: 3", APART, "").replace("kind: Deployment", "kind: ReplicaSet");
    let one = input(&[&set, &node("a", "status: {allocatable: {cpu: 4, memory: 8Gi, pods: 20}}\n")]);
    assert!(undecided(&one).is_empty());
    assert!(
        one.warnings.iter().any(|warning| warning.says.contains("what is Pending there is not followed")),
        "{:#?}",
        one.warnings
    );
}

/// S28 `ClaimReplicaSets`.
#[test]
fn a_replica_set_that_a_deployment_adopts_is_not_decided() {
    let labelled = |labels: &str| {
        deployment("replicas: 1", "", "").replace(
            "kind: Deployment\nmetadata:\n  name: web",
            &format!("kind: ReplicaSet\nmetadata:\n  name: old\n  labels: {labels}"),
        )
    };
    let web = deployment("replicas: 1", "", "");
    let both = input(&[&labelled("{app: web}"), &web]);
    assert_eq!(undecided(&both), [adoption::ADOPTION]);
    let says = "Deployment/web adopts ReplicaSet/old, which its selector selects and nobody controls, and scales it to 0";
    assert!(both.warnings.iter().any(|warning| warning.says.starts_with(says)), "{:#?}", both.warnings);
    assert!(undecided(&input(&[&labelled("{app: other}"), &web])).is_empty());
}

#[test]
fn a_template_hash_that_stands_in_the_manifest_is_a_label() {
    let set = deployment("replicas: 1", "", "")
        .replace("kind: Deployment", "kind: ReplicaSet")
        .replace("{app: web}", "{app: web, pod-template-hash: abc}");
    let asks = |hash: &str| {
        let selects =
            format!("selector: {{matchLabels: {{app: web, pod-template-hash: {hash}}}}}\nminAvailable: 1");
        read_with(&joined(&[&set, &budget(&selects)]), &Options::default()).is_ok()
    };
    assert!(asks("abc"));
    assert!(!asks("x"), "it selects no pod of the input");
}

/// PDB-1, PDB-4.
#[test]
fn a_budget_expects_no_bare_pod_but_where_it_asks_for_a_number() {
    let blocked = |ask: &str| {
        let selects = budget(&format!("selector: {{matchLabels: {{app: web}}}}\n{ask}"));
        input(&[&deployment("replicas: 1", "", ""), &pod("free", "{app: web}", ""), &selects])
            .blocked_drains
            .len()
    };
    assert_eq!(blocked("minAvailable: 100%"), 0, "one is asked for, and two are healthy");
    assert_eq!(blocked("minAvailable: 2"), 1);
    assert_eq!(blocked("maxUnavailable: 0"), 0);
}

/// EVI-4, PDB-4: two of six may go, so one of the three of each stays.
#[test]
fn a_budget_of_several_workloads_spares_one_of_each_that_it_would_spare() {
    let own = deployment("replicas: 3", "", "");
    let other = deployment("replicas: 3", "", "").replace("name: web", "name: canary");
    let ask = |documents: &[&str]| input(documents).scenarios[0].budgets[0].ask;
    let two = budget("selector: {matchLabels: {app: web}}\nmaxUnavailable: 2");
    let one = crate::scenario::BudgetAsk::MaxUnavailable(crate::scenario::IntOrPercent::Int(1));
    assert_eq!(ask(&[&own, &other, &two]), one);
    assert_eq!(ask(&[&own, &two]), one);
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
