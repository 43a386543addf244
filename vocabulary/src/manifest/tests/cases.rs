//! For each represented field, two spellings of a manifest that differ in it alone.

use super::super::represented::REPRESENTED;
use super::effects::In;
use super::*;

const SELECTOR: &str = "selector: {matchLabels: {app: db}}";
const PROBE: &str = "tcpSocket: {port: 80}";

/// A field, where it stands, and two spellings that differ in it alone.
pub fn cases() -> Vec<(&'static str, In, String, String)> {
    let mut cases = Vec::new();
    let mut add = |field: &'static str, place: In, before: &str, after: &str| {
        cases.push((field, place, before.to_owned(), after.to_owned()));
    };
    inputs(&mut add);
    workloads(&mut add);
    pods(&mut add);
    containers(&mut add);
    services(&mut add);
    nodes(&mut add);
    affinity(&mut cases);
    cases
}

type Add<'a> = &'a mut dyn FnMut(&'static str, In, &str, &str);

fn inputs(add: Add<'_>) {
    let web = deployment("", "", "");
    add("*.apiVersion", In::Input, &web, &web.replace("apps/v1", "apps/v1beta1"));
    add("*.kind", In::Input, &web, &web.replace("Deployment", "ReplicaSet"));
    add("*.metadata.name", In::Input, &web, &web.replace("name: web", "name: www"));
    add(
        "*.metadata.namespace",
        In::Input,
        &web,
        &web.replace("name: web\n", "name: web\n  namespace: shop\n"),
    );
    let one = pod("a", "{app: web}", "");
    let generated = |name: &str| one.replace("  name: a\n", &format!("  generateName: {name}\n"));
    add("*.metadata.generateName", In::Input, &generated("a-"), &generated("b-"));
    let with = |field: &str, value: &str| {
        web.replace("labels: {app: web}", &format!("labels: {{app: web}}\n      {field}: {value}"))
    };
    let annotated = |value: &str| with("annotations", &format!("{{podproof.io/on-sigterm: {value}}}"));
    add("Pod.metadata.annotations", In::Input, &annotated("exit"), &annotated("drain=5"));
    add(
        "Pod.metadata.finalizers",
        In::Input,
        &with("finalizers", "[]"),
        &with("finalizers", "[example.com/hold]"),
    );
    add(
        "Pod.metadata.labels",
        In::Input,
        &web,
        &web.replace("labels: {app: web}", "labels: {app: web, tier: front}"),
    );
}

fn workloads(add: Add<'_>) {
    add("Deployment.spec.minReadySeconds", In::Deployment, "minReadySeconds: 0", "minReadySeconds: 7");
    add("Deployment.spec.progressDeadlineSeconds", In::Deployment, "", "progressDeadlineSeconds: 60");
    add("Deployment.spec.replicas", In::Deployment, "replicas: 1", "replicas: 2");
    add(
        "Deployment.spec.strategy.type",
        In::Deployment,
        "strategy: {type: RollingUpdate}",
        "strategy: {type: Recreate}",
    );
    let rolling = |line: &str| format!("strategy: {{rollingUpdate: {{{line}}}}}");
    add(
        "Deployment.spec.strategy.rollingUpdate.maxSurge",
        In::Deployment,
        &rolling("maxSurge: 1"),
        &rolling("maxSurge: 50%"),
    );
    add(
        "Deployment.spec.strategy.rollingUpdate.maxUnavailable",
        In::Deployment,
        &rolling("maxUnavailable: 0"),
        &rolling("maxUnavailable: 1"),
    );
    add("ReplicaSet.spec.minReadySeconds", In::ReplicaSet, "minReadySeconds: 0", "minReadySeconds: 7");
    add("ReplicaSet.spec.replicas", In::ReplicaSet, "replicas: 1", "replicas: 2");
    // A selector must match the template's labels: its effect is that it may be refused.
    let web = deployment("", "", "");
    for (kind, labels, key, operator, values) in [
        (
            "Deployment",
            "Deployment.spec.selector.matchLabels",
            "Deployment.spec.selector.matchExpressions[].key",
            "Deployment.spec.selector.matchExpressions[].operator",
            "Deployment.spec.selector.matchExpressions[].values",
        ),
        (
            "ReplicaSet",
            "ReplicaSet.spec.selector.matchLabels",
            "ReplicaSet.spec.selector.matchExpressions[].key",
            "ReplicaSet.spec.selector.matchExpressions[].operator",
            "ReplicaSet.spec.selector.matchExpressions[].values",
        ),
    ] {
        let web = web.replace("Deployment", kind);
        let with = |selector: &str| web.replace("matchLabels: {app: web}", selector);
        add(labels, In::Input, &web, &with("matchLabels: {app: www}"));
        let matching = with("matchExpressions: [{key: app, operator: In, values: [web]}]");
        add(key, In::Input, &matching, &with("matchExpressions: [{key: tier, operator: In, values: [web]}]"));
        add(
            operator,
            In::Input,
            &matching,
            &with("matchExpressions: [{key: app, operator: NotIn, values: [web]}]"),
        );
        add(
            values,
            In::Input,
            &matching,
            &with("matchExpressions: [{key: app, operator: In, values: [www]}]"),
        );
    }
}

fn pods(add: Add<'_>) {
    add("Pod.spec.nodeName", In::Pod, "", "nodeName: here");
    add("Pod.spec.nodeSelector", In::Pod, "", "nodeSelector: {disk: ssd}");
    let bare = |line: &str| pod("a", "{app: web}", line);
    add("Pod.spec.restartPolicy", In::Input, &bare("restartPolicy: Always"), &bare("restartPolicy: Never"));
    add("Pod.spec.terminationGracePeriodSeconds", In::Pod, "", "terminationGracePeriodSeconds: 7");
    let toleration = |fields: &str| format!("tolerations: [{{{fields}}}]");
    let plain = toleration("key: a, operator: Equal, value: b, effect: NoExecute");
    add(
        "Pod.spec.tolerations[].effect",
        In::Pod,
        &plain,
        &toleration("key: a, operator: Equal, value: b, effect: NoSchedule"),
    );
    add(
        "Pod.spec.tolerations[].key",
        In::Pod,
        &plain,
        &toleration("key: c, operator: Equal, value: b, effect: NoExecute"),
    );
    add(
        "Pod.spec.tolerations[].operator",
        In::Pod,
        &toleration("key: a"),
        &toleration("key: a, operator: Exists"),
    );
    add(
        "Pod.spec.tolerations[].value",
        In::Pod,
        &plain,
        &toleration("key: a, operator: Equal, value: c, effect: NoExecute"),
    );
    add(
        "Pod.spec.tolerations[].tolerationSeconds",
        In::Pod,
        &plain,
        &toleration("key: a, operator: Equal, value: b, effect: NoExecute, tolerationSeconds: 9"),
    );
    add(
        "Pod.spec.initContainers[].restartPolicy",
        In::Pod,
        "initContainers: [{name: i, image: x}]",
        "initContainers: [{name: i, image: x, restartPolicy: Always}]",
    );
}

fn containers(add: Add<'_>) {
    let web = deployment("", "", "");
    add("Pod.spec.containers[].name", In::Input, &web, &web.replace("- name: app", "- name: main"));
    for (field, before, after) in [
        ("Pod.spec.containers[].*Probe.failureThreshold", "failureThreshold: 3", "failureThreshold: 4"),
        (
            "Pod.spec.containers[].*Probe.initialDelaySeconds",
            "initialDelaySeconds: 0",
            "initialDelaySeconds: 4",
        ),
        ("Pod.spec.containers[].*Probe.periodSeconds", "periodSeconds: 10", "periodSeconds: 4"),
        ("Pod.spec.containers[].*Probe.timeoutSeconds", "timeoutSeconds: 1", "timeoutSeconds: 4"),
    ] {
        for probe in ["startupProbe", "readinessProbe", "livenessProbe"] {
            let with = |line: &str| format!("{probe}: {{{PROBE}, {line}}}");
            add(field, In::Container, &with(before), &with(after));
        }
    }
    let with = |count: u8| format!("readinessProbe: {{{PROBE}, successThreshold: {count}}}");
    add("Pod.spec.containers[].*Probe.successThreshold", In::Container, &with(1), &with(2));
    let hook = |hook: &str| format!("lifecycle: {{preStop: {{{hook}}}}}");
    add(
        "Pod.spec.containers[].lifecycle.preStop.exec.command",
        In::Container,
        &hook("exec: {command: [sleep, '5']}"),
        &hook("exec: {command: [drain]}"),
    );
    add(
        "Pod.spec.containers[].lifecycle.preStop.sleep.seconds",
        In::Container,
        &hook("sleep: {seconds: 5}"),
        &hook("sleep: {seconds: 6}"),
    );
    let port = |fields: &str| format!("ports: [{{{fields}}}]");
    add(
        "Pod.spec.containers[].ports[].containerPort",
        In::Container,
        &port("containerPort: 80"),
        &port("containerPort: 81"),
    );
    add(
        "Pod.spec.containers[].ports[].hostPort",
        In::Container,
        &port("containerPort: 80"),
        &port("containerPort: 80, hostPort: 8080"),
    );
    let host = "containerPort: 80, hostPort: 8080";
    add(
        "Pod.spec.containers[].ports[].hostIP",
        In::Container,
        &port(host),
        &port(&format!("{host}, hostIP: 10.0.0.1")),
    );
    add(
        "Pod.spec.containers[].ports[].name",
        In::Container,
        &port("containerPort: 80, name: a"),
        &port("containerPort: 80, name: b"),
    );
    add(
        "Pod.spec.containers[].ports[].protocol",
        In::Container,
        &port("containerPort: 80"),
        &port("containerPort: 80, protocol: UDP"),
    );
    for resource in ["cpu: 1", "memory: 1Gi"] {
        let with = |part: &str| format!("resources: {{{part}: {{{resource}}}}}");
        add("Pod.spec.containers[].resources.requests", In::Container, "", &with("requests"));
        add("Pod.spec.containers[].resources.limits", In::Container, "", &with("limits"));
    }
}

fn services(add: Add<'_>) {
    let with = |lines: &str| format!("selector: {{app: web}}\n{lines}");
    let ports = |fields: &str| with(&format!("ports: [{{{fields}}}]"));
    add(
        "Service.spec.clusterIP",
        In::Service,
        &ports("port: 80"),
        &(ports("port: 80") + "\nclusterIP: None"),
    );
    add("Service.spec.type", In::Service, &ports("port: 80"), &(ports("port: 80") + "\ntype: NodePort"));
    let outside = ports("port: 80") + "\ntype: LoadBalancer";
    add(
        "Service.spec.externalTrafficPolicy",
        In::Service,
        &outside,
        &(outside.clone() + "\nexternalTrafficPolicy: Local"),
    );
    add(
        "Service.spec.internalTrafficPolicy",
        In::Service,
        &ports("port: 80"),
        &(ports("port: 80") + "\ninternalTrafficPolicy: Local"),
    );
    add(
        "Service.spec.publishNotReadyAddresses",
        In::Service,
        &ports("port: 80"),
        &(ports("port: 80") + "\npublishNotReadyAddresses: true"),
    );
    add(
        "Service.spec.selector",
        In::Service,
        &ports("port: 80"),
        "selector: {app: web, tier: back}\nports: [{port: 80}]",
    );
    add("Service.spec.ports[].port", In::Service, &ports("port: 80"), &ports("port: 81"));
    add(
        "Service.spec.ports[].targetPort",
        In::Service,
        &ports("port: 80, targetPort: http"),
        &ports("port: 80, targetPort: mesh"),
    );
    add(
        "Service.spec.ports[].protocol",
        In::Service,
        &ports("port: 15001"),
        &ports("port: 15001, protocol: UDP"),
    );
    let budget = |lines: &str| format!("{SELECTOR}\n{lines}").replace("app: db", "app: web");
    add(
        "PodDisruptionBudget.spec.maxUnavailable",
        In::Budget,
        &budget("maxUnavailable: 1"),
        &budget("maxUnavailable: 50%"),
    );
    add(
        "PodDisruptionBudget.spec.minAvailable",
        In::Budget,
        &budget("minAvailable: 1"),
        &budget("minAvailable: 50%"),
    );
    add(
        "PodDisruptionBudget.spec.unhealthyPodEvictionPolicy",
        In::Budget,
        &budget(""),
        &budget("unhealthyPodEvictionPolicy: AlwaysAllow"),
    );
    add("PodDisruptionBudget.spec.selector.matchLabels", In::Budget, &budget(""), SELECTOR);
    let expression = |fields: &str| format!("selector: {{matchExpressions: [{{{fields}}}]}}");
    let own = expression("key: app, operator: In, values: [web]");
    add(
        "PodDisruptionBudget.spec.selector.matchExpressions[].key",
        In::Budget,
        &expression("key: app, operator: In, values: [web, back]"),
        &expression("key: tier, operator: In, values: [web, back]"),
    );
    add(
        "PodDisruptionBudget.spec.selector.matchExpressions[].operator",
        In::Budget,
        &own,
        &expression("key: app, operator: NotIn, values: [web]"),
    );
    add(
        "PodDisruptionBudget.spec.selector.matchExpressions[].values",
        In::Budget,
        &own,
        &expression("key: app, operator: In, values: [db]"),
    );
}

fn nodes(add: Add<'_>) {
    let web = deployment("", "", "");
    let labelled = |labels: &str| {
        joined(&[
            &web,
            &node("node-a", "").replace("name: node-a\n", &format!("name: node-a\n  labels: {labels}\n")),
        ])
    };
    add("Node.metadata.labels", In::Input, &labelled("{disk: ssd}"), &labelled("{disk: hdd}"));
    let taint = |fields: &str| format!("spec: {{taints: [{{{fields}}}]}}\n");
    let plain = taint("key: a, value: b, effect: NoSchedule");
    add("Node.spec.taints[].effect", In::Node, &plain, &taint("key: a, value: b, effect: NoExecute"));
    add("Node.spec.taints[].key", In::Node, &plain, &taint("key: c, value: b, effect: NoSchedule"));
    add("Node.spec.taints[].value", In::Node, &plain, &taint("key: a, value: c, effect: NoSchedule"));
    add("Node.spec.unschedulable", In::Node, "", "spec: {unschedulable: true}\n");
    for resource in ["cpu: 2", "memory: 4Gi", "pods: 20"] {
        add("Node.status.allocatable", In::Node, "", &format!("status: {{allocatable: {{{resource}}}}}\n"));
        add("Node.status.capacity", In::Node, "", &format!("status: {{capacity: {{{resource}}}}}\n"));
    }
}

/// The fields of affinity and spread are many and alike: each case is the rest of the path with two spellings of a term.
fn affinity(cases: &mut Vec<(&'static str, In, String, String)>) {
    let plain = "topologyKey: kubernetes.io/hostname, labelSelector: {matchLabels: {app: db}}";
    let expression = |fields: &str| {
        format!("topologyKey: kubernetes.io/hostname, labelSelector: {{matchExpressions: [{{{fields}}}]}}")
    };
    let one = expression("key: app, operator: In, values: [db]");
    let space = |fields: &str| format!("{plain}, namespaceSelector: {fields}");
    let far = "{matchExpressions: [{key: kubernetes.io/metadata.name, operator: In, values: [far]}]}";
    let terms = [
        (
            "topologyKey",
            plain.to_owned(),
            plain.replace("kubernetes.io/hostname", "topology.kubernetes.io/zone"),
        ),
        ("labelSelector.matchLabels", plain.to_owned(), plain.replace("app: db", "app: web")),
        ("labelSelector.matchExpressions[].key", one.clone(), one.replace("key: app", "key: tier")),
        (
            "labelSelector.matchExpressions[].operator",
            one.clone(),
            one.replace("operator: In", "operator: NotIn"),
        ),
        ("labelSelector.matchExpressions[].values", one.clone(), one.replace("[db]", "[db, web]")),
        ("matchLabelKeys", plain.to_owned(), format!("{plain}, matchLabelKeys: [pod-template-hash]")),
    ];
    let of_pods = [
        ("mismatchLabelKeys", plain.to_owned(), format!("{plain}, mismatchLabelKeys: [app]")),
        ("namespaces", plain.to_owned(), format!("{plain}, namespaces: [far]")),
        (
            "namespaceSelector.matchLabels",
            space("{}"),
            space("{matchLabels: {kubernetes.io/metadata.name: far}}"),
        ),
        (
            "namespaceSelector.matchExpressions[].key",
            space(far),
            space(&far.replace("kubernetes.io/metadata.name", "team")),
        ),
        (
            "namespaceSelector.matchExpressions[].operator",
            space(far),
            space(&far.replace("operator: In", "operator: NotIn")),
        ),
        (
            "namespaceSelector.matchExpressions[].values",
            space(far),
            space(&far.replace("[far]", "[default]")),
        ),
    ];
    for field in REPRESENTED.iter().copied() {
        let Some(rest) = field.strip_prefix("Pod.spec.affinity.") else { continue };
        let Some((kind, rest)) = rest.split_once('.') else { continue };
        let Some(part) = rest.strip_prefix("requiredDuringSchedulingIgnoredDuringExecution[].") else {
            continue;
        };
        for (_, before, after) in terms.iter().chain(&of_pods).filter(|(name, ..)| *name == part) {
            let with = |term: &str| {
                format!(
                    "affinity: {{{kind}: {{requiredDuringSchedulingIgnoredDuringExecution: [{{{term}}}]}}}}"
                )
            };
            cases.push((field, In::Pod, with(before), with(after)));
        }
    }
    let spread = "maxSkew: 1, whenUnsatisfiable: DoNotSchedule";
    let of_spread = [
        ("maxSkew", plain.to_owned(), plain.to_owned()),
        ("minDomains", plain.to_owned(), format!("{plain}, minDomains: 2")),
        ("nodeAffinityPolicy", plain.to_owned(), format!("{plain}, nodeAffinityPolicy: Ignore")),
        ("nodeTaintsPolicy", plain.to_owned(), format!("{plain}, nodeTaintsPolicy: Honor")),
        ("whenUnsatisfiable", plain.to_owned(), plain.to_owned()),
    ];
    for field in REPRESENTED.iter().copied() {
        let Some(part) = field.strip_prefix("Pod.spec.topologySpreadConstraints[].") else { continue };
        for (name, before, after) in terms.iter().chain(&of_spread).filter(|(name, ..)| *name == part) {
            let changed = match *name {
                "maxSkew" => spread.replace("maxSkew: 1", "maxSkew: 2"),
                "whenUnsatisfiable" => spread.replace("DoNotSchedule", "ScheduleAnyway"),
                _ => spread.to_owned(),
            };
            let with = |head: &str, term: &str| format!("topologySpreadConstraints: [{{{head}, {term}}}]");
            cases.push((field, In::Pod, with(spread, before), with(&changed, after)));
        }
    }
    for (list, before) in [
        ("matchExpressions", "{key: disk, operator: In, values: [ssd]}"),
        ("matchFields", "{key: metadata.name, operator: In, values: [a]}"),
    ] {
        for (part, from, to) in [
            ("key", "key: ", "key: x"),
            ("operator", "operator: In", "operator: NotIn"),
            ("values", "values: [", "values: [x"),
        ] {
            let with = |requirement: &str| {
                format!(
                    "affinity: {{nodeAffinity: {{requiredDuringSchedulingIgnoredDuringExecution: {{nodeSelectorTerms: [{{{list}: [{requirement}]}}]}}}}}}"
                )
            };
            let name = format!(
                "Pod.spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms[].{list}[].{part}"
            );
            let field =
                REPRESENTED.iter().copied().find(|field| *field == name).expect("a represented field");
            cases.push((field, In::Pod, with(before), with(&before.replace(from, to))));
        }
    }
}
