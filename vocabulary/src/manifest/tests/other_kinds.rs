//! What objects of kinds that are not represented do to a workload.

use super::*;
use crate::manifest::{HIDDEN, Input};
use crate::property::Property;

fn input(documents: &[&str]) -> Input {
    reading(&joined(documents)).workloads.remove(0)
}

fn says(input: &Input, what: &str) -> bool {
    input.warnings.iter().any(|warning| warning.says.contains(what))
}

fn has(input: &Input, row: &str) -> bool {
    input.left_out.iter().any(|other| other.what == row)
}

fn autoscaler(kind: &str, spec: &str) -> String {
    format!(
        "apiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata: {{name: web}}\nspec:\n  scaleTargetRef: {{apiVersion: apps/v1, kind: \
         {kind}, name: web}}\n  {spec}\n"
    )
}

/// S28 `pkg/controller/podautoscaler/horizontal.go` `reconcileAutoscaler`.
#[test]
fn what_an_autoscaler_scales_has_its_least_replicas() {
    let of = |replicas: &str, spec: &str| {
        let input = input(&[&deployment(replicas, "", ""), &autoscaler("Deployment", spec)]);
        (input.manifest_replicas, input.scaled_by.clone(), input.assumptions.join("\n"))
    };
    let by = Some("HorizontalPodAutoscaler/web".to_owned());
    for (replicas, spec, checked, instead) in [
        ("", "minReplicas: 3", 3, ", in the place of 1"),
        ("replicas: 2", "minReplicas: 3", 3, ", in the place of 2"),
        ("replicas: 5", "minReplicas: 3", 3, ", in the place of 5"),
        ("replicas: 3", "minReplicas: 3", 3, ""),
        ("replicas: 4", "maxReplicas: 9", 1, ", in the place of 4"),
        ("replicas: 4", "minReplicas: 0", 1, ", in the place of 4"),
    ] {
        let (found, scaled_by, told) = of(replicas, spec);
        assert_eq!((found, &scaled_by), (checked, &by), "{replicas}, {spec}");
        let says = format!(
            "HorizontalPodAutoscaler/web scales it, so it has its minReplicas, {checked}{instead}; that it scales up and down is not followed"
        );
        assert!(told.contains(&says), "{told}");
    }
    let (none, scaled_by, _) = of("replicas: 0", "minReplicas: 3");
    assert_eq!((none, scaled_by), (0, None), "it leaves alone what has no replicas");
    for other in [
        autoscaler("ReplicaSet", "minReplicas: 3"),
        autoscaler("Deployment", "minReplicas: 3")
            .replace("name: web}\nspec", "name: web, namespace: far}\nspec"),
        autoscaler("Deployment", "minReplicas: 3").replace("name: web}\n  min", "name: other}\n  min"),
    ] {
        let input = input(&[&deployment("replicas: 2", "", ""), &other]);
        assert_eq!((input.manifest_replicas, input.scaled_by), (2, None), "{other}");
    }
    let row = crate::left_out::object("HorizontalPodAutoscaler").expect("a row");
    for property in [Property::NoFailedRequest, Property::DisruptionBudgetKept] {
        assert!(row.could_change.contains(&property));
    }
}

/// The documentation of each webhook.
#[test]
fn what_a_webhook_adds_is_told() {
    let of = |labels: &str, annotations: &str, namespace: &str| {
        let web = deployment("", "", "").replace(
            "      labels: {app: web}\n",
            &format!("      labels: {{app: web, {labels}}}\n      annotations: {{{annotations}}}\n"),
        );
        let space = format!("apiVersion: v1\nkind: Namespace\nmetadata: {{name: default, {namespace}}}\n");
        input(&[&web, &space])
    };
    const ROW: &str = "containers and gates that a webhook adds";
    for (labels, annotations, namespace, adds) in [
        ("sidecar.istio.io/inject: 'true'", "", "", "Istio's proxy"),
        ("", "sidecar.istio.io/inject: 'true'", "", "Istio's proxy"),
        ("istio.io/rev: canary", "", "", "Istio's proxy"),
        ("", "", "labels: {istio-injection: enabled}", "Istio's proxy"),
        ("", "", "labels: {istio.io/rev: canary}", "Istio's proxy"),
        ("", "linkerd.io/inject: enabled", "", "Linkerd's proxy"),
        ("", "linkerd.io/inject: ingress", "", "Linkerd's proxy"),
        ("", "", "annotations: {linkerd.io/inject: enabled}", "Linkerd's proxy"),
        ("", "consul.hashicorp.com/connect-inject: 'true'", "", "Consul's proxy"),
        ("", "dapr.io/enabled: 'true'", "", "Dapr's sidecar"),
        ("", "vault.hashicorp.com/agent-inject: 'true'", "", "Vault's agent"),
        (
            "",
            "",
            "labels: {elbv2.k8s.aws/pod-readiness-gate-inject: enabled}",
            "a readiness gate of the load balancer",
        ),
    ] {
        let input = of(labels, annotations, namespace);
        assert!(has(&input, ROW), "{labels} {annotations} {namespace}");
        let told = format!("a webhook adds {adds} to each pod, which is not seen here; ");
        assert!(says(&input, &told), "{:#?}", input.warnings);
        assert_eq!(says(&input, "of Namespace/default is '"), !namespace.is_empty());
    }
    for (labels, annotations, namespace) in [
        ("", "", ""),
        ("sidecar.istio.io/inject: 'false'", "", "labels: {istio-injection: enabled}"),
        ("", "linkerd.io/inject: disabled", "annotations: {linkerd.io/inject: enabled}"),
        ("", "", "labels: {istio-injection: disabled}"),
        ("", "dapr.io/enabled: 'false', vault.hashicorp.com/agent-inject: 'false'", ""),
        ("dapr.io/enabled: 'true'", "", ""),
    ] {
        let input = of(labels, annotations, namespace);
        assert!(!has(&input, ROW) && !says(&input, "a webhook adds"), "{labels} {annotations} {namespace}");
    }
    assert!(crate::left_out::behaviour(ROW).is_some_and(|row| !row.contradicts));
}

const DB: &str = "apiVersion: apps/v1\nkind: StatefulSet\nmetadata: {name: db}\nspec:\n  replicas: 2\n  template:\n    metadata: {labels: {app: \
                  db}}\n    spec:\n      containers: [{name: db, image: x, resources: {requests: {cpu: 2}}}]\n";

fn told(input: &Input) -> Option<&str> {
    let mut all = input.warnings.iter().map(|warning| warning.says.as_str());
    let told = all.find(|says| says.contains("are on no node here"));
    assert_eq!(told.is_some(), has(input, HIDDEN), "{:#?}", input.warnings);
    told
}

/// FLT-3: what they take of nodes that are given.
#[test]
fn room_that_other_kinds_may_take_is_told() {
    let web = deployment("replicas: 2", "", "resources: {requests: {cpu: 1}}");
    let nodes = |cpu: u32| {
        let of =
            |name| node(name, &format!("status: {{allocatable: {{cpu: {cpu}, memory: 8Gi, pods: 110}}}}\n"));
        [of("node-a"), of("node-b"), of("node-c")]
    };
    let with = |web: &str, other: &str, cpu: u32| {
        let [a, b, c] = nodes(cpu);
        input(&[web, other, &a, &b, &c])
    };
    let short = with(&web, DB, 4);
    assert_eq!(
        told(&short),
        Some(
            "Deployment/web: the pods of StatefulSet/db, which are not represented, are on no node here, and they may take room that it \
             needs on its nodes: whether its pods find a place is not decided"
        )
    );
    assert_eq!(told(&with(&web, DB, 64)), None, "there is room for all");
    assert_eq!(told(&with(&web, &DB.replace("replicas: 2", "replicas: 0"), 4)), None);
    assert_eq!(told(&with(&deployment("", "", ""), DB, 4)), None, "it asks for nothing");
    let daemons = DB.replace("StatefulSet", "DaemonSet");
    assert_eq!(told(&with(&web, &daemons, 5)), None, "one of them on each node, and three pods on two");
    assert!(told(&with(&web, &daemons, 3)).is_some());
    assert_eq!(told(&input(&[&web, DB])), None, "generated nodes have room");
    let row = crate::left_out::behaviour(HIDDEN).expect("a row");
    assert!(row.contradicts);
    for property in
        [Property::RolloutCompletes, Property::ReplacedAfterNodeFailure, Property::ScheduledIfFeasible]
    {
        assert!(row.could_change.contains(&property));
    }
}

/// FLT-4, FLT-8, FLT-10, FLT-15.
#[test]
fn other_kinds_that_affinity_or_a_host_port_meets_are_told() {
    let term = |kind: &str, app: &str| {
        format!(
            "affinity: {{{kind}: {{requiredDuringSchedulingIgnoredDuringExecution: [{{topologyKey: kubernetes.io/hostname, labelSelector: \
             {{matchLabels: {{app: {app}}}}}}}]}}}}"
        )
    };
    let spread = "topologySpreadConstraints: [{maxSkew: 1, topologyKey: kubernetes.io/hostname, whenUnsatisfiable: DoNotSchedule, \
                  labelSelector: {matchExpressions: [{key: app, operator: In, values: [web, db]}]}}]";
    let of = |pod: &str, container: &str, other: &str| input(&[&deployment("", pod, container), other]);
    const SELECTS: &str = "its affinity, anti-affinity or spread selects them";
    for (pod, is_told) in [
        (term("podAntiAffinity", "db"), true),
        (term("podAffinity", "db"), true),
        (spread.to_owned(), true),
        (term("podAntiAffinity", "web"), false),
        (String::new(), false),
    ] {
        let found = of(&pod, "", DB);
        assert_eq!(told(&found).is_some_and(|says| says.contains(SELECTS)), is_told, "{pod}");
    }
    let shy = DB.replace("    spec:\n", &format!("    spec:\n      {}\n", term("podAntiAffinity", "web")));
    assert!(
        told(&of("", "", &shy)).is_some_and(|says| says.contains("their anti-affinity selects its pods"))
    );
    let port = |port: u16| {
        DB.replace("image: x,", &format!("image: x, ports: [{{containerPort: 1, hostPort: {port}}}],"))
    };
    let own = "ports: [{containerPort: 80, hostPort: 80}]";
    assert!(
        told(&of("", own, &port(80)))
            .is_some_and(|says| says.contains("they hold a host port that it wants"))
    );
    assert_eq!(told(&of("", own, &port(81))), None);
    let cron = DB
        .replace("kind: StatefulSet", "kind: CronJob")
        .replace("  template:", "  jobTemplate: {spec: {parallelism: 0}}\n  template:");
    assert_eq!(told(&of(&term("podAntiAffinity", "db"), "", &cron)), None, "it makes none");
}

#[test]
fn a_volume_that_one_node_has_is_found() {
    let of = |claim: &str| {
        let pod =
            "volumes: [{name: c, configMap: {name: c}}, {name: d, persistentVolumeClaim: {claimName: data}}]";
        input(&[&deployment("", pod, ""), claim]).attached
    };
    let claim = |modes: &str| {
        format!(
            "apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {{name: data}}\nspec: {{accessModes: {modes}}}\n"
        )
    };
    let one = Some("PersistentVolumeClaim/data".to_owned());
    assert_eq!(of(&claim("[ReadWriteOnce]")), one);
    assert_eq!(of(&claim("[ReadWriteMany, ReadWriteOncePod]")), one);
    assert_eq!(of(""), one, "nobody says of which mode it is");
    assert_eq!(of(&claim("[ReadWriteMany]").replace("name: data", "name: data, namespace: far")), one);
    assert_eq!(of(&claim("[ReadWriteMany, ReadOnlyMany]")), None);
    assert_eq!(input(&[&deployment("", "", "")]).attached, None);
}
