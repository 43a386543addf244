//! What stands in the input and is no part of what runs: hooks of helm, and what is there twice in the dump of a cluster.

use super::*;
use crate::manifest::Warning;

const SERVICE: &str = "selector: {app: web}\nports: [{port: 80}]";
const BUDGET: &str = "selector: {matchLabels: {app: web}}\nminAvailable: 1";

fn hook(text: &str, name: &str) -> String {
    text.replace(
        &format!("  name: {name}\n"),
        &format!("  name: {name}\n  annotations: {{helm.sh/hook: test}}\n"),
    )
}

fn says(warnings: &[Warning], what: &str) -> bool {
    warnings.iter().any(|warning| warning.to_string().contains(what))
}

/// `helm template` prints hooks with the rest: none of them runs beside the workload.
#[test]
fn hooks_of_helm_are_left_out_altogether() {
    let job = "apiVersion: batch/v1\nkind: Job\nmetadata:\n  name: migrate\nspec: {template: {metadata: {labels: {app: web}}}}\n";
    let alone = [deployment("replicas: 2", "", ""), service(SERVICE), budget(BUDGET)];
    let with = |documents: &[String]| {
        let all: Vec<&str> = alone.iter().chain(documents).map(String::as_str).collect();
        reading(&joined(&all))
    };
    let hooks = [
        hook(&pod("check", "{app: web}", "restartPolicy: Never"), "check"),
        hook(job, "migrate"),
        hook(&service(SERVICE).replace("name: web", "name: probe"), "probe"),
        hook(&budget(BUDGET).replace("name: web", "name: spare"), "spare"),
    ];
    let (plain, hooked) = (with(&[]), with(&hooks));
    assert_eq!(hooked.workloads.len(), 1);
    assert_eq!(hooked.workloads[0].scenarios, plain.workloads[0].scenarios);
    assert_eq!(hooked.workloads[0].warnings, plain.workloads[0].warnings);
    assert_eq!(hooked.workloads[0].left_out, plain.workloads[0].left_out);
    let told: Vec<String> = hooked.warnings.iter().map(ToString::to_string).collect();
    assert_eq!(
        told,
        [
            "a.yaml:33: left out: Pod/check, Job/migrate, Service/probe, PodDisruptionBudget/spare (helm.sh/hook: helm creates them while it \
             installs, they are not part of what runs)"
        ]
    );
    let empty = with(&[pod("check", "{app: web}", "")
        .replace("  name: check\n", "  name: check\n  annotations: {helm.sh/hook: ''}\n")]);
    assert_eq!(empty.workloads.len(), 2, "an annotation without a value says nothing");
}

#[test]
fn an_input_of_hooks_alone_is_told_that_it_is() {
    let only = hook(&pod("check", "{app: web}", ""), "check");
    let map = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n";
    let refused = |text: &str| shown(&read_with(text, &Options::default()).expect_err("no workload"));
    let hooks = "Pod/check (helm.sh/hook: helm creates it while it installs, it is not part of what runs)";
    assert!(refused(&only).contains(&format!("the input holds no workload, only {hooks}; accepted")));
    let both = refused(&joined(&[&only, map]));
    assert!(both.contains(&format!("that is represented, only ConfigMap, and {hooks}; accepted")), "{both}");
}

/// A Pod that runs to its end need not be there any more: it keeps no promise of others.
#[test]
fn a_pod_that_ends_is_no_endpoint_and_none_that_a_budget_counts() {
    let with = |policy: &str| {
        let other = pod("once", "{app: web}", policy);
        let web = deployment("replicas: 2", "", "");
        let budget = budget("selector: {matchLabels: {app: web}}\nminAvailable: 2");
        reading(&joined(&[&web, &service(SERVICE), &budget, &other])).workloads.remove(0)
    };
    const READY: &str = "the pods of Pod/once, behind the same Service, are Ready";
    let lasting = with("restartPolicy: Always");
    assert!(lasting.scenarios[0].neighbours.iter().any(|one| one.in_service && one.in_budget));
    assert!(lasting.assumptions.iter().any(|says| says.starts_with(READY)));
    assert!(lasting.blocked_drains.is_empty(), "two of three");
    for policy in ["Never", "OnFailure"] {
        let input = with(&format!("restartPolicy: {policy}"));
        assert!(input.scenarios[0].neighbours.is_empty(), "{policy}");
        assert!(!input.assumptions.iter().any(|says| says.starts_with(READY)));
        let told = format!("Pod/once, which ends (restartPolicy {policy}), has ended, or is not Ready");
        assert!(input.assumptions.iter().any(|says| says.starts_with(&told)), "{:#?}", input.assumptions);
        assert_eq!(input.blocked_drains.len(), 1, "two of two");
    }
}

fn owned(text: &str, labels: &str, kind: &str, name: &str) -> String {
    let owner = format!("[{{apiVersion: apps/v1, kind: {kind}, name: {name}, uid: u, controller: true}}]");
    text.replacen("metadata:\n", &format!("metadata:\n  ownerReferences: {owner}\n{labels}"), 1)
}

/// A dump has a Deployment, its ReplicaSets and their Pods: these are the pods that the Deployment makes, and no others.
#[test]
fn what_another_object_of_the_input_makes_is_not_counted_again() {
    const HASHED: &str = "{app: web, pod-template-hash: 6d4}";
    let own = [deployment("replicas: 2", "", ""), service(SERVICE), budget(BUDGET)];
    let set = deployment("replicas: 2", "", "")
        .replace("Deployment", "ReplicaSet")
        .replace("{app: web}", HASHED)
        .replace("  name: web\n", "  name: web-6d4\n");
    let set = owned(&set, "  labels: {app: web, pod-template-hash: 6d4}\n", "Deployment", "web");
    let pods =
        ["web-6d4-a", "web-6d4-b"].map(|name| owned(&pod(name, HASHED, ""), "", "ReplicaSet", "web-6d4"));
    let read = |more: &[&String]| {
        let all: Vec<&str> = own.iter().chain(more.iter().copied()).map(String::as_str).collect();
        reading(&joined(&all))
    };
    let alone = read(&[]);
    let dump = read(&[&set, &pods[0], &pods[1]]);
    assert_eq!(dump.workloads.len(), 1);
    assert_eq!(dump.workloads[0].scenarios, alone.workloads[0].scenarios);
    assert_eq!(dump.workloads[0].warnings, alone.workloads[0].warnings);
    let told = "3 objects are left out, as what owns them is in the input too, and makes as many as it wants: ReplicaSet/web-6d4, \
                Pod/web-6d4-a, Pod/web-6d4-b";
    assert!(says(&dump.warnings, told), "{:#?}", dump.warnings);
    let without_set = read(&[&pods[0], &pods[1]]);
    assert_eq!(without_set.workloads.len(), 1, "the name of their ReplicaSet tells whose it is");
    let elsewhere = pods[0].replacen("metadata:\n", "metadata:\n  namespace: far\n", 1);
    assert_eq!(read(&[&elsewhere]).workloads.len(), 2, "its owner is of its own namespace");
    let other = pods[0].replace("controller: true", "controller: false");
    assert_eq!(read(&[&other]).workloads.len(), 2, "who does not control makes no pods");
    let of_other = pods[0].replace("name: web-6d4,", "name: front-6d4,");
    assert_eq!(read(&[&of_other]).workloads.len(), 2);
}

/// The pods of a StatefulSet have labels that its template has not.
#[test]
fn who_selects_what_was_left_out_has_no_typo() {
    let set = "apiVersion: apps/v1\nkind: StatefulSet\nmetadata: {name: db}\nspec: {template: {metadata: {labels: {app: db}}}}\n";
    let first = pod("db-0", "{app: db, statefulset.kubernetes.io/pod-name: db-0}", "");
    let first = owned(&first, "", "StatefulSet", "db");
    let service = service("selector: {statefulset.kubernetes.io/pod-name: db-0}\nports: [{port: 80}]");
    let reading = reading(&joined(&[&deployment("", "", ""), set, &first, &service]));
    assert_eq!(reading.workloads.len(), 1);
    assert!(says(&reading.warnings, "one object is left out, as what owns it is in the input too"));
    assert!(says(&reading.warnings, "Service/web selects no pods of a kind that is represented"));
}
