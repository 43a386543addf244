//! What is not represented is told once, with its place.

use super::*;

/// The warnings, but for one that is about images only: every manifest has these.
fn shown(warnings: &[super::super::Warning]) -> Vec<String> {
    let of_image = |field: &str| field.contains("ontainers[].image at line ");
    let of_images = |says: &String| {
        says.split_once("no verdict depends on it: ")
            .is_some_and(|(_, fields)| fields.split(", ").all(of_image))
    };
    warnings.iter().map(ToString::to_string).filter(|says| !of_images(says)).collect()
}

#[test]
fn a_field_that_could_change_a_verdict_is_warned_of_once() {
    let pod = "volumes: [{name: a}]\nhostNetwork: false\ninitContainers:\n- {name: i, image: x, volumeMounts: [{name: a, mountPath: /a}]}\n- {name: j, image: x, volumeMounts: [{name: a, mountPath: /a}]}";
    let input = reading(&deployment("", pod, "")).workloads.remove(0);
    assert_eq!(
        shown(&input.warnings),
        [
            "a.yaml:12: Deployment/web: spec.template.spec.volumes is not represented: volumes are not modelled: they bind, attach and mount at once, anywhere",
            "a.yaml:15: Deployment/web: spec.template.spec.initContainers[].volumeMounts (2 places) is not represented: volumes are not modelled: \
             they bind, attach and mount at once, anywhere",
        ]
    );
}

#[test]
fn fields_that_change_no_verdict_are_told_together() {
    let input =
        reading(&deployment("revisionHistoryLimit: 3", "", "env: [{name: A, value: b}]")).workloads.remove(0);
    assert_eq!(
        shown(&input.warnings),
        [
            "a.yaml:6: Deployment/web: not represented, and no verdict depends on it: spec.revisionHistoryLimit at line 6, \
          spec.template.spec.containers[].env at line 15, spec.template.spec.containers[].image at line 16"
        ]
    );
}

#[test]
fn a_kind_that_is_not_represented_is_told_once() {
    let map = |name: &str| format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}}}\n");
    let widget = "apiVersion: example.com/v1\nkind: Widget\nmetadata: {name: a}\n";
    let reading = reading(&joined(&[&map("a"), &deployment("", "", ""), &map("b"), widget]));
    assert_eq!(
        shown(&reading.warnings),
        [
            "a.yaml:1: ConfigMap (2 objects) is not represented: what a process is told is not modelled; it is assumed to be there",
            "a.yaml:24: Widget is not represented: the model does not know the kind",
        ]
    );
}

#[test]
fn services_that_are_not_represented_are_told() {
    let web = deployment("", "", "");
    let outside = service("type: ExternalName\nexternalName: example.com");
    let says = shown(&reading(&joined(&[&web, &outside])).warnings);
    assert_eq!(
        says[0],
        "a.yaml:21: Service/web: a Service of type ExternalName has no endpoints and is not represented"
    );
    let open = service("ports: [{port: 80}]");
    let says = shown(&reading(&joined(&[&web, &open])).warnings);
    assert_eq!(
        says[0],
        "a.yaml:20: Service/web: a Service without selector has endpoints that somebody else writes, and is not represented"
    );
    let set = "apiVersion: apps/v1\nkind: StatefulSet\nmetadata: {name: db}\nspec: {template: {metadata: {labels: {app: db}}}}\n";
    let other = service("selector: {app: db}\nports: [{port: 80}]");
    let says = shown(&reading(&joined(&[&web, set, &other])).warnings);
    assert!(
        says.contains(
            &"a.yaml:21: Service/web selects no pods of a kind that is represented, and is not checked"
                .to_owned()
        ),
        "{says:#?}"
    );
}

#[test]
fn what_shares_a_service_but_is_not_represented_is_told() {
    let set = "apiVersion: apps/v1\nkind: StatefulSet\nmetadata: {name: db}\nspec: {template: {metadata: {labels: {app: web}}}}\n";
    let input = reading(&joined(&[
        &deployment("", "", ""),
        set,
        &service("selector: {app: web}\nports: [{port: 80}]"),
    ]))
    .workloads
    .remove(0);
    assert_eq!(
        shown(&input.warnings),
        [
            "a.yaml:16: Deployment/web: Service/web also selects pods of StatefulSet/db, which is not represented"
        ]
    );
}

#[test]
fn priorities_and_other_resources_are_told() {
    let class = "apiVersion: scheduling.k8s.io/v1\nkind: PriorityClass\nmetadata: {name: high}\nvalue: -5\n";
    let reading =
        reading(&joined(&[&deployment("", "", "resources: {requests: {nvidia.com/gpu: 1}}"), class]));
    assert_eq!(
        shown(&reading.warnings),
        [
            "a.yaml:20: PriorityClass/high: value is not represented: priorities matter for preemption only, which is left out"
        ]
    );
    let input = &reading.workloads[0];
    assert_eq!(
        shown(&input.warnings),
        [
            "a.yaml:14: Deployment/web: resource 'nvidia.com/gpu' is not represented: only cpu, memory and pods are compared with what a \
          node can allocate"
        ]
    );
    assert!(input.left_out.iter().any(|row| row.what == "PriorityClass.value"));
}

#[test]
fn an_old_release_is_told_what_it_does_not_have() {
    let text = joined(&[
        &deployment("", "initContainers: [{name: i, image: x, restartPolicy: Always}]", ""),
        &budget("unhealthyPodEvictionPolicy: AlwaysAllow\nmaxUnavailable: 1\nselector: {}"),
    ]);
    let options = Options { release: crate::Release { minor: 26 }, ..Options::default() };
    let input = read_with(&text, &options).expect("fine").workloads.remove(0);
    assert_eq!(
        shown(&input.warnings),
        [
            "a.yaml:12: Deployment/web: Kubernetes 1.26 drops the field: sidecar 'i' is an init container that never ends",
            "a.yaml:22: PodDisruptionBudget/web: unhealthyPodEvictionPolicy has no effect in Kubernetes 1.26",
        ]
    );
}

/// Fields whose feature gate was off: the API server drops them.
#[test]
fn what_an_old_release_drops_has_no_effect() {
    let spread = "topologySpreadConstraints: [{maxSkew: 1, topologyKey: kubernetes.io/hostname, whenUnsatisfiable: DoNotSchedule, \
                  minDomains: 3, nodeAffinityPolicy: Ignore, nodeTaintsPolicy: Honor}]";
    let affinity = "affinity: {podAntiAffinity: {requiredDuringSchedulingIgnoredDuringExecution: [{topologyKey: \
                    kubernetes.io/hostname, namespaceSelector: {}}]}}";
    let text = joined(&[
        &deployment("", &format!("{spread}\n{affinity}"), ""),
        &service("selector: {app: web}\nports: [{port: 80}]\ninternalTrafficPolicy: Local"),
    ]);
    let read = |minor: u8| {
        let options = Options { release: crate::Release { minor }, ..Options::default() };
        let mut input = read_with(&text, &options).expect("fine").workloads.remove(0);
        let scenario = input.scenarios.remove(0);
        let spread = &scenario.workload.template.spread[0];
        let term = &scenario.workload.template.pod_anti_affinity[0];
        let dropped = [
            "minDomains",
            "nodeAffinityPolicy",
            "nodeTaintsPolicy",
            "namespaceSelector",
            "internalTrafficPolicy",
        ];
        let is_told = |field: &&str| {
            let says = format!("{field} has no effect in Kubernetes 1.{minor}");
            input.warnings.iter().any(|warning| warning.says.contains(&says))
        };
        (
            (spread.min_domains, spread.honour_node_affinity, spread.honour_node_taints),
            (term.all_namespaces, scenario.service.is_some_and(|service| service.internal_local)),
            dropped.iter().filter(|field| is_told(field)).count(),
        )
    };
    assert_eq!(read(27), ((3, false, true), (true, true), 0));
    assert_eq!(read(26), ((1, false, true), (true, true), 1));
    assert_eq!(read(25), ((1, true, false), (true, true), 3));
    assert_eq!(read(22), ((1, true, false), (true, true), 3));
    assert_eq!(read(21), ((1, true, false), (false, false), 5));
}

#[test]
fn a_grace_period_below_zero_is_read_as_one() {
    let mut input = reading(&deployment("", "terminationGracePeriodSeconds: -5", "")).workloads.remove(0);
    assert_eq!(
        shown(&input.warnings),
        ["a.yaml:12: Deployment/web: terminationGracePeriodSeconds is -5: read as 1, as Kubernetes does"]
    );
    assert_eq!(input.scenarios.remove(0).workload.template.grace_seconds, 1);
}

#[test]
fn a_budget_that_allows_nothing_is_told() {
    let said = |replicas: u32, ask: &str| {
        let web = deployment(&format!("replicas: {replicas}"), "", "");
        let text = joined(&[&web, &budget(&format!("selector: {{matchLabels: {{app: web}}}}\n{ask}"))]);
        let mut said = shown(&reading(&text).workloads[0].warnings);
        said.retain(|says| says.contains("PodDisruptionBudget"));
        said
    };
    assert_eq!(
        said(1, "minAvailable: 1"),
        [
            "a.yaml:17: PodDisruptionBudget/web allows no disruption while all pods that it selects are healthy, 1: no eviction of them is \
             granted, and a drain waits for ever; maxUnavailable: 1 allows one"
        ]
    );
    for (replicas, ask) in [(2, "minAvailable: 1"), (1, "maxUnavailable: 1"), (0, "minAvailable: 1")] {
        assert!(said(replicas, ask).is_empty(), "{replicas}, {ask}");
    }
    for ask in ["minAvailable: 100%", "maxUnavailable: 0", "maxUnavailable: 0%", "minAvailable: 8"] {
        assert_eq!(said(8, ask).len(), 1, "{ask}");
    }
    assert!(said(8, "minAvailable: 87%").is_empty(), "7 of 8");
    let of_pod = |ask: &str| {
        let budget = budget(&format!("selector: {{matchLabels: {{app: web}}}}\n{ask}"));
        let text = joined(&[&pod("web", "{app: web}", ""), &budget]);
        shown(&reading(&text).workloads[0].warnings).join("\n")
    };
    assert!(of_pod("maxUnavailable: 1").ends_with("a drain waits for ever"), "a pod without a controller");
    assert_eq!(of_pod("minAvailable: 0"), "");
}

/// PRB-4, PRB-7.
#[test]
fn a_container_that_is_killed_before_it_listens_is_warned_of() {
    let with = |listens: u32, probe: &str| {
        let text = deployment(
            "",
            "",
            &format!("{probe}: {{tcpSocket: {{port: 80}}, periodSeconds: 10, failureThreshold: 3}}"),
        );
        let annotated = text.replace(
            "labels: {app: web}\n",
            &format!("labels: {{app: web}}\n      annotations: {{podproof.io/listens-after: '{listens}'}}\n"),
        );
        let warnings = reading(&annotated).workloads.remove(0).warnings;
        let says = warnings.into_iter().map(|warning| warning.says);
        says.filter(|says| says.contains(" listens ")).collect::<Vec<_>>()
    };
    assert!(with(30, "startupProbe").is_empty());
    assert_eq!(
        with(40, "startupProbe"),
        [
            "container app listens 40 s after its start, and its startup probe has failed for good 31 s after it at the latest: it is \
          killed each time, and no pod ever becomes Ready"
        ]
    );
    assert!(with(40, "livenessProbe")[0].contains("its liveness probe has failed"));
    assert!(
        with(40, "livenessProbe")[0]
            .ends_with("never accepts a connection, though its pod is Ready in between")
    );
    assert!(with(40, "readinessProbe").is_empty());
}
