//! What is read and could still be otherwise in a cluster: it takes `holds` away, and says why.

use super::*;
use crate::left_out::Row;
use crate::manifest::{ATTACHED, Input, NOT_READY, UNCOUNTED};

fn input(documents: &[&str]) -> Input {
    reading(&joined(documents)).workloads.remove(0)
}

fn undecided(documents: &[&str]) -> Vec<&'static str> {
    input(documents).left_out.iter().filter(|row| row.contradicts).map(|row: &&Row| row.what).collect()
}

const NODE: &str = "status: {allocatable: {cpu: 4, memory: 8Gi, pods: 20}}\n";

/// VOL-2, FLT-23.
#[test]
fn a_volume_that_pods_cannot_share_leaves_a_rolling_update_undecided() {
    let volume = "volumes: [{name: d, persistentVolumeClaim: {claimName: data}}]";
    let claim = |modes: &str| {
        format!(
            "apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {{name: data}}\nspec: {{accessModes: {modes}}}\n"
        )
    };
    let of = |spec: &str, modes: &str, nodes: &[&str]| {
        let web = deployment(spec, volume, "");
        let nodes: Vec<_> = nodes.iter().map(|name| node(name, NODE)).collect();
        let mut all = vec![web.as_str()];
        let claim = claim(modes);
        all.push(&claim);
        all.extend(nodes.iter().map(String::as_str));
        undecided(&all)
    };
    assert_eq!(of("", "[ReadWriteOnce]", &[]), [ATTACHED], "one pod more is made first, on another node");
    assert!(of("", "[ReadWriteMany]", &[]).is_empty());
    assert!(of("", "[ReadWriteOnce]", &["a"]).is_empty(), "on one node pods share it");
    assert_eq!(of("", "[ReadWriteOncePod]", &["a"]), [ATTACHED], "that one not even there");
    for alone in ["strategy: {type: Recreate}", "strategy: {rollingUpdate: {maxSurge: 0, maxUnavailable: 1}}"]
    {
        assert!(of(alone, "[ReadWriteOncePod]", &[]).is_empty(), "{alone}: the old pod goes first");
    }
    assert_eq!(of("replicas: 2\nstrategy: {type: Recreate}", "[ReadWriteOnce]", &[]), [ATTACHED]);
}

/// FIT-3, FIT-4.
#[test]
fn room_that_is_asked_for_and_not_counted_is_a_doubt_on_nodes_of_the_input() {
    let of = |pod: &str, container: &str, nodes: &[String]| {
        let web = deployment("", pod, container);
        let mut all = vec![web.as_str()];
        all.extend(nodes.iter().map(String::as_str));
        undecided(&all)
    };
    let given = [node("a", &NODE.replace("cpu: 4", "cpu: 4, nvidia.com/gpu: 1"))];
    for (pod, container) in [
        ("", "resources: {limits: {nvidia.com/gpu: 1}}"),
        ("resources: {requests: {cpu: 3}}", ""),
        ("overhead: {cpu: 3}", ""),
    ] {
        assert_eq!(of(pod, container, &given), [UNCOUNTED], "{pod}{container}");
        assert!(of(pod, container, &[]).is_empty(), "{pod}{container}: generated nodes have room for all");
    }
    assert!(
        of("", "resources: {requests: {cpu: 1}}", &given).is_empty(),
        "what nobody asks for is no matter"
    );
}

#[test]
fn a_node_that_is_not_ready_from_the_beginning_is_told() {
    let of = |status: &str| {
        let condition = format!("pods: 20}}, conditions: [{{type: Ready, status: {status}}}]}}");
        let node = node("a", &NODE.replace("pods: 20}}", &condition));
        let reading = reading(&joined(&[&deployment("", "", ""), &node]));
        let input = &reading.workloads[0];
        let told = reading.warnings.iter().any(|warning| warning.says.contains("condition Ready is"));
        (input.left_out.iter().any(|row| row.what == NOT_READY && row.contradicts), told)
    };
    assert_eq!(of("\"True\""), (false, false));
    assert_eq!(of("\"False\""), (true, true));
    assert_eq!(of("Unknown"), (true, true));
}

/// What Helm leaves of a list that has nothing in it.
#[test]
fn an_empty_list_says_nothing() {
    for field in ["readinessGates", "schedulingGates"] {
        assert!(undecided(&[&deployment("", &format!("{field}: []"), "")]).is_empty(), "{field}");
    }
    let gate = deployment("", "readinessGates: [{conditionType: x.example/y}]", "");
    assert!(!undecided(&[&gate]).is_empty());
}

/// S28 `staging/src/k8s.io/api/policy/v1beta1/types.go`: there an empty selector selects nothing.
#[test]
fn an_empty_selector_of_an_old_budget_selects_no_pods() {
    let of = |version: &str| {
        let budget = budget("minAvailable: 1\nselector: {}").replace("policy/v1", version);
        let release = crate::release::Release { minor: 22 };
        let options = Options { release, ..Options::default() };
        let mut reading =
            read_with(&joined(&[&deployment("", "", ""), &budget]), &options).expect("it is fine");
        let input = reading.workloads.remove(0);
        let told = input.warnings.iter().any(|warning| warning.says.contains("selects no pods"));
        (input.scenarios[0].budgets.len(), told)
    };
    assert_eq!(of("policy/v1").0, 1);
    assert_eq!(of("policy/v1beta1").0, 0);
}

#[test]
fn that_init_containers_end_well_is_an_assumption() {
    let with = |policy: &str| {
        let pod = format!("initContainers: [{{name: wait, image: x{policy}}}]");
        input(&[&deployment("", &pod, "")]).assumptions.join("\n")
    };
    assert!(with("").contains("init containers 'wait' end well"), "{}", with(""));
    assert!(!with(", restartPolicy: Always").contains("end well"));
}

/// FLT-12.
#[test]
fn a_selector_of_namespaces_goes_by_the_labels_of_those_in_the_input() {
    let web = deployment(
        "",
        "affinity: {podAntiAffinity: {requiredDuringSchedulingIgnoredDuringExecution: [{topologyKey: kubernetes.io/hostname, \
         labelSelector: {matchLabels: {app: web}}, namespaceSelector: {matchLabels: {team: a}}}]}}",
        "",
    );
    let namespace = |team: &str| {
        format!("apiVersion: v1\nkind: Namespace\nmetadata: {{name: default, labels: {{team: {team}}}}}\n")
    };
    let of = |team: &str| {
        let scenario = scenario(&joined(&[&web, &namespace(team)]));
        scenario.workload.template.pod_anti_affinity[0].namespaces.clone()
    };
    assert_eq!(of("a"), ["default"]);
    assert_eq!(of("b"), [""], "no namespace has this name");
}

#[test]
fn a_selector_may_be_for_pods_that_an_operator_makes() {
    let of = |other: &str| {
        let service = service("selector: {app: db}\nports: [{port: 80}]");
        read_with(&joined(&[&deployment("", "", ""), &service, other]), &Options::default())
    };
    let custom = "apiVersion: db.example/v1\nkind: Cluster\nmetadata: {name: db}\n";
    let reading = of(custom).expect("whoever knows a Cluster may make such pods");
    assert_eq!(reading.workloads.len(), 1);
    let known = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: db}\n";
    let problems = of(known).expect_err("nobody does");
    assert!(shown(&problems).contains("selects no pod of the input"), "{}", shown(&problems));
    of(&custom.replace("name: db", "name: db, namespace: far")).expect_err("not there");
}

/// Who wrote which field is any JSON, and as long as somebody likes.
#[test]
fn who_manages_which_field_is_not_read() {
    let key = "k".repeat(1 << 16);
    let items = "0, ".repeat(1 << 14);
    let managed = format!("  managedFields: [{{manager: x, fieldsV1: {{{key}: [{items}0]}}}}]\n");
    let web = deployment("", "", "").replacen("  name: web\n", &format!("  name: web\n{managed}"), 1);
    assert_eq!(reading(&web).workloads.len(), 1);
}

/// What `kubectl get -o yaml` shows of every object.
#[test]
fn what_the_api_server_fills_in_is_no_news() {
    let pod = "schedulerName: default-scheduler\npriority: 0\npreemptionPolicy: PreemptLowerPriority";
    let of = |pod: &str, affinity: &str| {
        let service =
            service(&format!("selector: {{app: web}}\nports: [{{port: 80}}]\nsessionAffinity: {affinity}"));
        let input = input(&[&deployment("", pod, ""), &service]);
        input.warnings.iter().filter(|warning| warning.says.contains("not represented: ")).count()
    };
    assert_eq!(of(pod, "None"), 0);
    for (set, otherwise) in
        [("default-scheduler", "mine"), ("priority: 0", "priority: 7"), ("PreemptLowerPriority", "Never")]
    {
        assert_eq!(of(&pod.replace(set, otherwise), "None"), 1, "{otherwise}");
    }
    assert_eq!(of(pod, "ClientIP"), 1);
}
