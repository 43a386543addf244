//! What a workload's cluster holds: its size, its Services and budgets, its neighbours and its nodes.

use super::*;
use crate::left_out::Kind;
use crate::scenario::{
    BudgetAsk, IntOrPercent, OnSigterm, PreStop, Probe, Strategy, TaintEffect, Toleration, WorkloadKind,
};

#[test]
fn what_a_manifest_does_not_set_has_the_defaults_of_the_api_server() {
    let world = scenario(&deployment("", "", "livenessProbe: {grpc: {port: 1}}"));
    let workload = &world.workload;
    assert_eq!(
        (workload.kind, workload.replicas, workload.min_ready_seconds),
        (WorkloadKind::Deployment, 1, 0)
    );
    assert_eq!(workload.namespace, "default");
    assert_eq!(workload.progress_deadline_seconds, Some(600));
    let quarter = IntOrPercent::Percent(25);
    assert_eq!(workload.strategy, Strategy::RollingUpdate { max_surge: quarter, max_unavailable: quarter });
    assert_eq!(workload.template.grace_seconds, 30);
    let defaults = Probe {
        initial_delay_seconds: 0,
        period_seconds: 10,
        timeout_seconds: 1,
        success_threshold: 1,
        failure_threshold: 3,
    };
    assert_eq!(workload.template.containers[0].liveness_probe, Some(defaults));
    assert_eq!(workload.template.containers[0].on_sigterm, OnSigterm::Exit);
    assert_eq!((world.nodes.len(), world.slots, &world.service), (2, 4, &None));
}

#[test]
fn the_largest_progress_deadline_is_none() {
    let world = scenario(&deployment("progressDeadlineSeconds: 2147483647", "", ""));
    assert_eq!(world.workload.progress_deadline_seconds, None);
}

#[test]
fn default_tolerations_are_added_for_each_key_that_has_none() {
    let of = |tolerations: &str| {
        let world = scenario(&deployment("", &format!("tolerations: {tolerations}"), ""));
        world
            .workload
            .template
            .tolerations
            .into_iter()
            .map(|one: Toleration| (one.key, one.seconds))
            .collect::<Vec<_>>()
    };
    const NOT_READY: &str = "node.kubernetes.io/not-ready";
    const UNREACHABLE: &str = "node.kubernetes.io/unreachable";
    assert_eq!(of("[]"), [(NOT_READY.into(), Some(300)), (UNREACHABLE.into(), Some(300))]);
    assert_eq!(
        of(
            "[{key: node.kubernetes.io/not-ready, operator: Exists, effect: NoExecute, tolerationSeconds: 5}]"
        ),
        [(NOT_READY.into(), Some(5)), (UNREACHABLE.into(), Some(300))]
    );
    assert_eq!(of("[{operator: Exists}]"), [(String::new(), None)]);
    assert_eq!(
        of("[{key: node.kubernetes.io/not-ready, operator: Exists, effect: NoSchedule}]").len(),
        3,
        "a toleration of another effect is none of that key"
    );
}

#[test]
fn a_workload_is_scaled_down_with_its_percentages() {
    let mut reading = reading(&deployment("replicas: 50", "", ""));
    let input = reading.workloads.remove(0);
    assert_eq!((input.manifest_replicas, input.checked_replicas), (50, 2));
    assert_eq!(input.scenarios[0].workload.manifest_replicas, 50);
    assert_eq!(
        input.assumptions[0],
        "checked at 2 of 50 replicas; surge recomputed from the same percentage"
    );
    // 25 % of 2 are none: a rollout that waits for an old pod to go would wait for ever, and of 50 it does not.
    let says = "maxUnavailable is checked as 1 of 2: the same percentage would be 0, and is 12 of 50";
    assert!(input.assumptions.contains(&says.to_owned()), "{:#?}", input.assumptions);
    assert_eq!(input.scenarios[0].workload.strategy.fenceposts(2), (1, 1));
    let few =
        read_with(&deployment("replicas: 3", "", ""), &Options::default()).expect("fine").workloads.remove(0);
    assert_eq!(few.scenarios[0].workload.strategy.fenceposts(2), (1, 0), "25 % of 3 are none as well");
    let options = Options { replicas: 4, ..Options::default() };
    let mut reading = read_with(&deployment("replicas: 50", "", ""), &options).expect("fine");
    let world = reading.workloads.remove(0).scenarios.remove(0);
    assert_eq!((world.workload.replicas, world.slots), (4, 10), "4 replicas and a surge of 1, twice");
}

#[test]
fn a_number_is_kept_where_a_workload_is_scaled_down() {
    let text =
        deployment("replicas: 50\nstrategy: {rollingUpdate: {maxSurge: 3, maxUnavailable: 5}}", "", "");
    let input = reading(&text).workloads.remove(0);
    assert_eq!(input.scenarios[0].slots, 10);
    for says in [
        "checked at 2 of 50 replicas",
        "maxSurge is the number 3, and kept as it is",
        "maxUnavailable is checked as 1 of 2: 5 would be every checked replica, and 45 of 50 stay",
    ] {
        assert!(input.assumptions.contains(&says.to_owned()), "{says}: {:#?}", input.assumptions);
    }
    let text =
        deployment("replicas: 50\nstrategy: {rollingUpdate: {maxSurge: 5000%, maxUnavailable: 5}}", "", "");
    let input = reading(&text.replace("5000%", "'50000%'")).workloads.remove(0);
    let Strategy::RollingUpdate { max_surge, .. } = input.scenarios[0].workload.strategy else {
        panic!("it rolls")
    };
    assert_eq!((max_surge, input.scenarios[0].slots), (IntOrPercent::Int(2), 8));
    assert!(
        input
            .assumptions
            .contains(&"maxSurge is cut to 2: 1000 more pods are more than a state can hold".to_owned())
    );
}

#[test]
fn a_budget_allows_as_many_disruptions_at_every_size() {
    let world = |replicas: u32, ask: &str| {
        let text = joined(&[
            &deployment(&format!("replicas: {replicas}"), "", ""),
            &budget(&format!("selector: {{matchLabels: {{app: web}}}}\n{ask}")),
        ]);
        let input = reading(&text).workloads.remove(0);
        (input.scenarios[0].budgets[0].ask, input.assumptions.join("\n"))
    };
    let least = |count| BudgetAsk::MinAvailable(IntOrPercent::Int(count));
    assert_eq!(world(2, "minAvailable: 1").0, least(1));
    let (ask, says) = world(50, "minAvailable: 49");
    assert_eq!(ask, least(1));
    assert!(says.contains("PodDisruptionBudget/web: minAvailable 49 of 50 pods is checked as 1 of 2: as many may be disrupted"), "{says}");
    assert_eq!(world(50, "minAvailable: 50").0, least(2));
    let (ask, says) = world(50, "minAvailable: 1");
    assert_eq!(ask, least(1), "a budget that asks for nobody would be kept by everybody");
    assert!(
        says.contains("minAvailable is checked as 1 of 2: of 50 pods some always stay, and so does one of 2"),
        "{says}"
    );
    assert_eq!(world(50, "minAvailable: 0").0, least(0));
    assert_eq!(world(50, "minAvailable: 51").0, least(3));
    assert_eq!(world(50, "maxUnavailable: 1").0, BudgetAsk::MaxUnavailable(IntOrPercent::Int(1)));
    let most = |count| BudgetAsk::MaxUnavailable(IntOrPercent::Int(count));
    assert_eq!(world(50, "maxUnavailable: 49").0, most(1), "one of 50 stays, and so does one of 2");
    assert_eq!(
        world(50, "maxUnavailable: 99%").0,
        BudgetAsk::MaxUnavailable(IntOrPercent::Percent(99)),
        "all may go"
    );
    assert_eq!(world(50, "maxUnavailable: 90%").0, most(1));
    assert_eq!(world(50, "maxUnavailable: 50").0, most(50));
    let (ask, says) = world(50, "minAvailable: 90%");
    assert_eq!(ask, least(1), "one of the five disruptions that the manifest allows");
    assert!(says.contains("would allow no disruption, and 50 pods allow 5"), "{says}");
    assert_eq!(world(50, "").0, most(0), "neither allows none");
    assert_eq!(world(50, "minAvailable: 100%").0, BudgetAsk::MinAvailable(IntOrPercent::Percent(100)));
}

#[test]
fn several_budgets_are_all_there_and_warned_of() {
    let two = budget("selector: {matchLabels: {app: web}}").replace("name: web", "name: other");
    let text = joined(&[&deployment("", "", ""), &budget("selector: {matchLabels: {app: web}}"), &two]);
    let input = reading(&text).workloads.remove(0);
    assert_eq!(input.scenarios[0].budgets.len(), 2);
    assert!(
        input
            .warnings
            .iter()
            .any(|warning| warning.says.contains("several PodDisruptionBudgets select it (web, other)"))
    );
}

#[test]
fn hooks_and_annotations_become_lengths() {
    let hook = |lines: &str| scenario(&deployment("", "", lines)).workload.template.containers[0].pre_stop;
    assert_eq!(hook("lifecycle: {preStop: {sleep: {seconds: 5}}}"), Some(PreStop::Seconds(5)));
    assert_eq!(
        hook("lifecycle: {preStop: {exec: {command: [sh, -c, sleep 90]}}}"),
        Some(PreStop::Seconds(90))
    );
    assert_eq!(hook("lifecycle: {preStop: {httpGet: {port: 80}}}"), Some(PreStop::AnyTime));
    assert_eq!(hook("lifecycle: {preStop: {tcpSocket: {port: 80}}}"), Some(PreStop::Seconds(0)));
    assert_eq!(hook("lifecycle: {postStart: {sleep: {seconds: 5}}}"), None);
    let text = deployment("", "initContainers: [{name: i, image: x}]", "")
        .replace("labels: {app: web}\n    spec", "labels: {app: web}\n      annotations: {podproof.io/on-sigterm: drain=5, podproof.io/listens-after: '3'}\n    spec");
    let of = |options: &Options| {
        let input = read_with(&text, options).expect("fine").workloads.remove(0);
        let containers = &input.scenarios[0].workload.template.containers;
        assert_eq!(containers[0].listens_after_seconds, 0, "an init container serves nobody");
        (containers[1].on_sigterm, containers[1].listens_after_seconds, input.assumptions[..2].join("; "))
    };
    assert_eq!(
        of(&Options::default()),
        (
            OnSigterm::Drain(5),
            3,
            "container 'app' on SIGTERM: goes on accepting connections for 5 s, then exits (annotation podproof.io/on-sigterm); \
             container 'app' accepts connections 3 s after its start (annotation podproof.io/listens-after)"
                .into()
        )
    );
    let flags =
        Options { on_sigterm: Some(OnSigterm::Ignore), listens_after_seconds: Some(0), ..Options::default() };
    let (on_sigterm, listens_after, says) = of(&flags);
    assert_eq!((on_sigterm, listens_after), (OnSigterm::Ignore, 0));
    assert!(says.contains("set on the command line"), "{says}");
}

#[test]
fn pods_that_share_a_service_a_budget_or_a_domain_are_neighbours() {
    let away = "affinity: {podAntiAffinity: {requiredDuringSchedulingIgnoredDuringExecution: [{topologyKey: kubernetes.io/hostname, labelSelector: {matchLabels: {app: web}}}]}}";
    let text = joined(&[
        &deployment("", "", ""),
        &service("selector: {part: front}\nports: [{port: 80}]").replace("part: front", "app: web"),
        &pod("twin", "{app: web}", ""),
        &pod("shy", "{app: shy}", away),
        &pod("stranger", "{app: stranger}", ""),
        &budget("selector: {matchExpressions: [{key: app, operator: In, values: [web, shy]}]}"),
    ]);
    let inputs = reading(&text).workloads;
    let web = &inputs[0].scenarios[0];
    let neighbours: Vec<_> = web
        .neighbours
        .iter()
        .map(|one| (one.name.as_str(), one.node, one.in_service, one.in_budget))
        .collect();
    assert_eq!(
        neighbours,
        [("Pod/twin 0", 0, true, true), ("Pod/shy 0", 1, false, true)],
        "the shy one keeps away from the twin"
    );
    assert_eq!(web.neighbours[1].pod_anti_affinity.len(), 1);
    let stranger = inputs.iter().find(|input| input.name == "Pod/stranger").expect("it is a workload too");
    assert!(stranger.scenarios[0].neighbours.is_empty());
}

#[test]
fn neighbours_are_placed_where_they_may_run() {
    let shared = "tolerations: [{key: gpu, operator: Exists}]\nnodeSelector: {disk: ssd}";
    let labels = "  labels: {disk: ssd}\n";
    let text = joined(&[
        &deployment("", "", ""),
        &service("selector: {app: web}\nports: [{port: 80}]"),
        &pod("picky", "{app: web}", shared),
        &pod("plain", "{app: web}", ""),
        &pod("big", "{app: web}", "")
            .replace("- name: app\n", "- name: app\n    resources: {requests: {cpu: 3}}\n"),
        &pod("huge", "{app: web}", "")
            .replace("- name: app\n", "- name: app\n    resources: {requests: {cpu: 5}}\n"),
        &node("node-a", "spec: {taints: [{key: gpu, effect: NoSchedule}]}\n")
            .replace("name: node-a\n", &format!("name: node-a\n{labels}")),
        &node("node-b", "spec: {unschedulable: true}\n"),
        &node("node-c", "status: {allocatable: {cpu: 4, memory: 1Gi, pods: 9}}\n"),
    ]);
    let input = reading(&text).workloads.remove(0);
    let world = &input.scenarios[0];
    let placed: Vec<_> = world
        .neighbours
        .iter()
        .map(|one| (one.name.as_str(), world.nodes[usize::from(one.node)].name.as_str()))
        .collect();
    assert_eq!(placed, [("Pod/picky 0", "node-a"), ("Pod/plain 0", "node-c"), ("Pod/big 0", "node-c")]);
    assert!(
        input.warnings.iter().any(|warning| warning.says
            == "Deployment/web: 1 of 1 pods of Pod/huge fit on no node, and are left out")
    );
}

#[test]
fn what_a_hook_runs_beside_its_sleep_is_assumed_to_take_no_time() {
    let with = |script: &str| {
        let hook = format!("lifecycle: {{preStop: {{exec: {{command: [sh, -c, {script:?}]}}}}}}");
        let input = reading(&deployment("", "", &hook)).workloads.remove(0);
        (input.scenarios[0].workload.template.containers[0].pre_stop, input.assumptions.join("\n"))
    };
    let beside = "container 'app': what its preStop hook runs beside its sleep takes no time";
    let (hook, says) = with("sleep 15 && nginx -s quit");
    assert_eq!(hook, Some(PreStop::Seconds(15)));
    assert!(says.contains(beside) && says.contains("its preStop hook takes 15 s"), "{says}");
    let (hook, says) = with("sleep 15");
    assert_eq!(hook, Some(PreStop::Seconds(15)));
    assert!(!says.contains(beside), "{says}");
    assert_eq!(with("nginx -s quit; sleep 15").0, Some(PreStop::AnyTime), "it stops first");
    let (hook, says) = with("sleep 15; /app/drain");
    assert_eq!(hook, Some(PreStop::AtLeast(15)));
    assert!(says.contains("its preStop hook sleeps for 15 s and takes any time after that, up to"), "{says}");
}

#[test]
fn nodes_of_the_input_are_taken_as_they_are() {
    let lines = "spec: {taints: [{key: a, value: b, effect: NoExecute}], unschedulable: true}\nstatus: {allocatable: {cpu: 3500m, memory: 8Gi, pods: 20}}\n";
    let input = reading(&joined(&[&deployment("", "", ""), &node("node-a", lines)])).workloads.remove(0);
    let [node] = input.scenarios[0].nodes.as_slice() else { panic!("one node") };
    assert_eq!((node.name.as_str(), node.unschedulable), ("node-a", true));
    assert_eq!(
        (node.allocatable.cpu_milli, node.allocatable.memory, node.allocatable.pods),
        (3500, 8 << 30, 20)
    );
    assert_eq!((node.taints[0].key.as_str(), node.taints[0].effect), ("a", TaintEffect::NoExecute));
    assert_eq!(node.labels.get("kubernetes.io/hostname").map(String::as_str), Some("node-a"));
    let assumed =
        input.assumptions.iter().find(|says| says.starts_with("Node/node-a lacks labels")).expect("it does");
    assert_eq!(
        assumed,
        "Node/node-a lacks labels that its kubelet gives it: kubernetes.io/hostname=node-a, kubernetes.io/os=linux, \
         kubernetes.io/arch=amd64, beta.kubernetes.io/os=linux, beta.kubernetes.io/arch=amd64 are taken"
    );
}

#[test]
fn what_a_node_says_of_its_machine_is_its_labels() {
    let lines = "status: {nodeInfo: {operatingSystem: windows, architecture: arm64}}\n";
    let given = scenario(&joined(&[&deployment("", "", ""), &node("node-a", lines)]));
    let labels = &given.nodes[0].labels;
    let label = |key: &str| labels.get(key).map(String::as_str);
    assert_eq!((label("kubernetes.io/os"), label("kubernetes.io/arch")), (Some("windows"), Some("arm64")));
}

#[test]
fn generated_nodes_have_room_for_all_pods_and_what_they_ask_for() {
    let text = deployment(
        "replicas: 2",
        "nodeSelector: {disk: ssd}\ntopologySpreadConstraints: [{maxSkew: 1, topologyKey: rack, whenUnsatisfiable: DoNotSchedule}]",
        "resources: {requests: {cpu: 30, memory: 20Gi}}",
    );
    let options = Options { nodes: 3, ..Options::default() };
    let input = read_with(&text, &options).expect("fine").workloads.remove(0);
    let world = &input.scenarios[0];
    assert_eq!((world.nodes.len(), world.slots), (3, 6));
    for node in &world.nodes {
        assert_eq!(node.labels.get("disk").map(String::as_str), Some("ssd"));
        assert!(node.allocatable.cpu_milli >= 6 * 30_000 && node.allocatable.memory >= 120 << 30);
    }
    assert_ne!(world.nodes[0].labels.get("rack"), world.nodes[1].labels.get("rack"));
    for says in [
        "generated nodes carry the label disk=ssd, which the pods ask for",
        "generated nodes are each a domain of their own by the label rack",
    ] {
        assert!(input.assumptions.contains(&says.to_owned()), "{says}: {:#?}", input.assumptions);
    }
    let named = scenario(&pod("a", "{}", "nodeName: here"));
    assert_eq!(named.nodes[0].name, "here");
}

#[test]
fn a_bare_pod_and_a_replica_set_are_workloads() {
    let bare = scenario(&pod("a", "{app: web}", "restartPolicy: OnFailure"));
    assert_eq!((bare.workload.kind, bare.workload.replicas, bare.slots), (WorkloadKind::Pod, 1, 1));
    let text = deployment("replicas: 3\nminReadySeconds: 5", "", "").replace("Deployment", "ReplicaSet");
    let set = scenario(&text.replace("labels: {app: web}", "labels: {app: web, pod-template-hash: 6d4}"));
    assert_eq!((set.workload.kind, set.workload.replicas, set.slots), (WorkloadKind::ReplicaSet, 2, 4));
    assert!(set.workload.template.labels.contains_key("pod-template-hash"), "it is what its pods get");
}

#[test]
fn lists_and_json_are_read_like_yaml() {
    let list = format!(
        "apiVersion: v1\nkind: List\nitems:\n- {}",
        indented(&deployment("", "", ""), 2).trim_start()
    );
    assert_eq!(reading(&list).workloads[0].name, "Deployment/web");
    let of_one_kind = list
        .replace("apiVersion: v1\nkind: List", "apiVersion: apps/v1\nkind: DeploymentList")
        .replace("- apiVersion: apps/v1\n  kind: Deployment\n  ", "- ");
    assert!(!of_one_kind.contains("kind: Deployment\n"), "{of_one_kind}");
    assert_eq!(reading(&of_one_kind).workloads[0].name, "Deployment/web", "the list names the kind");
    let of_none = of_one_kind.replace("DeploymentList", "List");
    assert!(read_with(&of_none, &Options::default()).is_err());
    let json = "{\n\t\"apiVersion\": \"v1\", \"kind\": \"Pod\",\n\t\"metadata\": {\"name\": \"a\"},\n\t\"spec\": {\"containers\": [{\"name\": \"c\", \"image\": \"x\"}]}\n}\n\
                {\"apiVersion\": \"v1\", \"kind\": \"Pod\", \"metadata\": {\"name\": \"b\"}, \"spec\": {\"containers\": [{\"name\": \"c\", \"image\": \"x\"}]}}";
    let names: Vec<_> = reading(json).workloads.into_iter().map(|input| input.name).collect();
    assert_eq!(names, ["Pod/a", "Pod/b"]);
}

#[test]
fn rows_that_concern_the_input_come_with_it() {
    let text = joined(&[
        &deployment("paused: true", "", ""),
        "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: a}\n",
    ]);
    let input = reading(&text).workloads.remove(0);
    let names: Vec<_> = input.left_out.iter().map(|row| row.what).collect();
    for wanted in ["Deployment.spec.paused", "Pod.spec.containers[].image", "NetworkPolicy", "preemption"] {
        assert!(names.contains(&wanted), "{wanted}: {names:?}");
    }
    assert!(!names.contains(&"established connections"), "there is no Service");
    assert_eq!(input.left_out.iter().filter(|row| row.kind == Kind::Field).count(), 2);
}

#[test]
fn the_examples_are_read() {
    for (text, pre_stop, budgets) in [
        (include_str!("../../../../examples/web.yaml"), None, 0),
        (include_str!("../../../../examples/web-prestop.yaml"), Some(PreStop::Seconds(5)), 0),
        (include_str!("../../../../examples/web-pdb.yaml"), Some(PreStop::Seconds(5)), 1),
    ] {
        let world = scenario(text);
        assert_eq!((world.workload.replicas, world.budgets.len()), (2, budgets));
        assert_eq!(world.workload.template.containers[0].pre_stop, pre_stop);
        assert!(world.service.is_some());
    }
}

/// FLT-14, FLT-19: a key that the pod has no label of is passed over. Only a Deployment gives its pods the hash, or a cluster
/// from which they were read back.
#[test]
fn the_template_hash_tells_revisions_apart_only_where_pods_have_it() {
    let spread = "topologySpreadConstraints: [{maxSkew: 1, topologyKey: zone, whenUnsatisfiable: DoNotSchedule, \
                  labelSelector: {matchLabels: {app: web}}, matchLabelKeys: [pod-template-hash]}]";
    let same = |text: &str| scenario(text).workload.template.spread[0].same_revision;
    assert!(same(&deployment("", spread, "")));
    assert!(!same(&pod("web", "{app: web}", spread)));
    assert!(same(&pod("web", "{app: web, pod-template-hash: 6d4}", spread)));
}
