//! Wrong input: each kind of it with its exact message.

use super::*;

/// The problems of a text, a line each.
pub fn refused(text: &str) -> String {
    match read_with(text, &Options::default()) {
        Ok(_) => panic!("must be refused:\n{text}"),
        Err(problems) => shown(&problems),
    }
}

/// A text is refused with exactly these problems.
#[track_caller]
pub fn check(text: &str, message: &str) {
    assert_eq!(refused(text), message, "\n{text}");
}

#[test]
fn a_file_that_is_no_manifest_is_refused() {
    check(
        "a: b: c\n",
        "a.yaml:1:5: is no YAML: mapping values are not allowed in this context; accepted: YAML or JSON",
    );
    check(
        "- a\n",
        "a.yaml:1:1: a document is a list; accepted: an object with apiVersion, kind and metadata",
    );
    check(
        "kind: Pod\n",
        "a.yaml:1:1: apiVersion: is missing; accepted: the version of a kind, such as apps/v1",
    );
    check(
        "apiVersion: v1\nkind: 3\n",
        "a.yaml:2:7: kind: is the number 3; accepted: the kind of an object, such as Deployment",
    );
    check("", "a.yaml:1:1: the input holds no object; accepted: at least one Deployment, ReplicaSet or Pod");
    check(
        "# nothing\n---\n---\n",
        "a.yaml:1:1: the input holds no object; accepted: at least one Deployment, ReplicaSet or Pod",
    );
    check(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n",
        "a.yaml:1:1: the input holds no workload that is represented, only ConfigMap; accepted: at least one Deployment, ReplicaSet or Pod",
    );
    let bytes = Source { path: "a.yaml".into(), text: b"kind: Pod\nname: \xff".to_vec() };
    let problems = read(&[bytes], &Options::default()).expect_err("no UTF-8");
    assert_eq!(shown(&problems), "a.yaml:2:7: is no UTF-8 text; accepted: YAML or JSON in UTF-8");
}

/// What has neither `apiVersion` nor `kind` is passed over where that is asked for; what has one of them was meant as an object.
#[test]
fn what_is_no_object_is_passed_over_only_where_that_is_asked_for() {
    let others = [
        ("values.yaml", "image:\n  tag: 1\n", "1:1: no object: apiVersion and kind are missing"),
        ("list.yaml", "- a\n", "1:1: no object: a document is a list"),
        (
            "chart.yaml",
            "{{- if .Values.on }}\nkind: Pod\n{{- end }}\n",
            "1:1: a template that was not rendered",
        ),
    ];
    let source = |name: &str, text: &str| Source { path: name.into(), text: text.as_bytes().to_vec() };
    let web = source("web.yaml", &deployment("", "", ""));
    for (name, text, says) in others {
        let sources = [source(name, text), web.clone()];
        let refused = read(&sources, &Options::default()).expect_err(name);
        assert!(shown(&refused).starts_with(&format!("{name}:1:1: ")), "{}", shown(&refused));
        let asked = Options { skip_others: true, ..Options::default() };
        let reading = read(&sources, &asked).expect(name);
        assert_eq!(reading.workloads.len(), 1);
        let warnings: Vec<String> = reading.warnings.iter().map(ToString::to_string).collect();
        assert_eq!(
            warnings,
            [format!("{name}:{}: passed over (--skip-others)", says.replacen("1:1", "1", 1))]
        );
        let alone = read(&sources[..1], &asked).expect_err(name);
        assert!(shown(&alone).contains("the input holds no object"), "{}", shown(&alone));
    }
    for text in ["kind: Pod\n", "apiVersion: v1\n", "apiVersion: 3\nkind: 3\n", "a: b: c\n"] {
        let asked = Options { skip_others: true, ..Options::default() };
        read(&[source("a.yaml", text), web.clone()], &asked).expect_err(text);
    }
}

#[test]
fn a_template_that_was_not_rendered_is_named_as_such() {
    let says = "looks like a template: '{{' stands here; accepted: rendered manifests, such as 'helm template CHART' or 'kubectl kustomize DIR' print";
    check("{{- if .Values.on }}\nkind: Pod\n{{- end }}\n", &format!("a.yaml:1:1: {says}"));
    check(
        "apiVersion: v1\nkind: Pod\nmetadata:\n  name: {{ .Release.Name }}\n",
        &format!("a.yaml:4:9: {says}"),
    );
    // A fault elsewhere is told where it is, whatever else is rendered by somebody else.
    let alert =
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: rules}\ndata:\n  rule: 'of {{ $labels.pod }}'\n";
    let twice = deployment("", "", "image: y");
    let text = joined(&[alert, &twice]);
    check(&text, "a.yaml:21:9: the key 'image' stands twice in one mapping; accepted: each key once");
    let skips = Options { skip_others: true, ..Options::default() };
    read_with(&text, &skips).expect_err("the Deployment is not passed over");
    // In a string of a manifest that is fine it means nothing.
    let fine = deployment("", "", "args: ['{{ $labels }}']");
    assert_eq!(reading(&fine).workloads.len(), 1);
}

#[test]
fn a_wrong_type_is_refused_with_its_place() {
    check(
        &deployment("replicas: two", "", ""),
        "a.yaml:6:13: spec.replicas: is the string 'two'; accepted: a whole number from 0 to 2147483647",
    );
    check(
        &deployment("replicas: 1.5", "", ""),
        "a.yaml:6:13: spec.replicas: is the number 1.5; accepted: a whole number from 0 to 2147483647",
    );
    check(
        &deployment("replicas: 99999999999", "", ""),
        "a.yaml:6:13: spec.replicas: is the number 99999999999; accepted: a whole number from 0 to 2147483647",
    );
    check(
        &deployment("", "nodeSelector: {disk: yes}", ""),
        "a.yaml:12:28: spec.template.spec.nodeSelector.disk: is the boolean true; accepted: a string; with quotes it is one: \"true\"",
    );
    check(
        &deployment("paused: 1", "", ""),
        "a.yaml:6:11: spec.paused: is the number 1; accepted: true or false",
    );
    check(
        &deployment("strategy: {rollingUpdate: {maxSurge: true}}", "", ""),
        "a.yaml:6:40: spec.strategy.rollingUpdate.maxSurge: is the boolean true; accepted: a whole number from 0 to 2147483647, \
         or a string such as '25%' or the name of a port",
    );
    check(
        &deployment("", "", "resources: {requests: {cpu: true}}"),
        "a.yaml:14:37: spec.template.spec.containers[0].resources.requests.cpu: is the boolean true; accepted: \
         a quantity such as 250m, 0.5, 64Mi or 1e9, at least 0 and at most 1Pi (2^50)",
    );
    check(
        &deployment("", "tolerations: {}", ""),
        "a.yaml:12:20: spec.template.spec.tolerations: is a mapping; accepted: a list",
    );
    check(
        &deployment("", "", "ports: [80]"),
        "a.yaml:14:17: spec.template.spec.containers[0].ports[0]: is the number 80; accepted: \
         a mapping with fields of ContainerPort: containerPort, hostIP, hostPort, name, protocol",
    );
    assert_eq!(
        scenario(&deployment("replicas: 2.0", "", "")).workload.replicas,
        2,
        "a whole number all the same"
    );
}

#[test]
fn a_field_that_does_not_exist_is_refused_with_what_is_near() {
    check(
        &deployment("", "terminationGracePeriodSecond: 5", ""),
        "a.yaml:12:7: spec.template.spec.terminationGracePeriodSecond: 'terminationGracePeriodSecond' is no field of PodSpec; \
         did you mean 'terminationGracePeriodSeconds'?; accepted: terminationGracePeriodSeconds",
    );
    check(
        &deployment("strategy: {size: 3}", "", ""),
        "a.yaml:6:14: spec.strategy.size: 'size' is no field of DeploymentStrategy; accepted: rollingUpdate, type",
    );
    let both = deployment("replica: two", "", "imagee: x");
    assert_eq!(refused(&both).lines().count(), 2, "every one is told");
}

#[test]
fn a_version_that_is_not_read_is_refused() {
    let old = deployment("", "", "").replace("apps/v1", "extensions/v1beta1");
    check(&old, "a.yaml:1:13: apiVersion: of Deployment/web is 'extensions/v1beta1'; accepted: apps/v1");
}

#[test]
fn a_workload_that_contradicts_itself_is_refused() {
    check(
        &deployment("", "", "").replace("matchLabels: {app: web}", "matchLabels: {app: www}"),
        "a.yaml:7:5: spec.selector: does not match the labels of the template; accepted: a selector that the template's labels match: 'app=web'",
    );
    check(
        &deployment("", "", "").replace("matchLabels: {app: web}", "matchLabels: {}"),
        "a.yaml:7:5: spec.selector: is empty or missing; accepted: a selector that the template's labels match",
    );
    check(
        &deployment("strategy: {type: Recreate, rollingUpdate: {maxSurge: 1}}", "", ""),
        "a.yaml:6:45: spec.strategy.rollingUpdate: is set; accepted: no rollingUpdate, as the type is Recreate",
    );
    check(
        &deployment("strategy: {type: Rolling}", "", ""),
        "a.yaml:6:20: spec.strategy.type: is 'Rolling'; accepted: RollingUpdate or Recreate",
    );
    check(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: a}\nspec: {selector: {matchLabels: {a: b}}}\n",
        "a.yaml:4:7: spec.template: has no spec; accepted: a pod template with metadata.labels and spec.containers",
    );
    check(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: a}\n",
        "a.yaml:1:1: spec: is missing; accepted: the spec of a Deployment: selector and template",
    );
    let nameless = deployment("", "", "").replace("  name: web\n", "  labels: {}\n");
    check(&nameless, "a.yaml:4:3: metadata.name: is missing; accepted: the name of the Deployment");
}

#[test]
fn a_selector_that_selects_nothing_is_refused() {
    let web = deployment("", "", "");
    check(
        &joined(&[&web, &service("selector: {app: wbe}\nports: [{port: 80}]")]),
        "a.yaml:21:13: spec.selector: selects no pod of the input in namespace default; accepted: a selector that matches the labels \
         of a pod template: 'app=web' of Deployment/web",
    );
    check(
        &joined(&[&web, &budget("selector: {matchLabels: {app: wbe}}")]),
        "a.yaml:21:13: spec.selector: selects no pod of the input in namespace default; accepted: a selector that matches the labels \
         of a pod template: 'app=web' of Deployment/web",
    );
    let far = service("selector: {app: web}\nports: [{port: 80}]")
        .replace("  name: web\n", "  name: web\n  namespace: far\n");
    check(
        &joined(&[&web, &far]),
        "a.yaml:22:13: spec.selector: selects no pod of the input in namespace far; it would select those of Deployment/web in \
         namespace default; accepted: a selector that matches the labels of a pod template",
    );
    // Pods of a kind that is not represented are pods all the same.
    let set = "apiVersion: apps/v1\nkind: StatefulSet\nmetadata: {name: db}\nspec: {template: {metadata: {labels: {app: db}}}}\n";
    assert!(
        read_with(
            &joined(&[&web, set, &service("selector: {app: db}\nports: [{port: 80}]")]),
            &Options::default()
        )
        .is_ok()
    );
}

#[test]
fn two_objects_of_one_name_are_refused() {
    let web = deployment("", "", "");
    check(
        &joined(&[&web, &web]),
        "a.yaml:19:9: metadata.name: Deployment/web stands twice in namespace default; the other is at a.yaml:1:1; accepted: each object once",
    );
    let node = node("a", "");
    check(
        &joined(&[&web, &node, &node]),
        "a.yaml:24:9: metadata.name: Node/a stands twice; the other is at a.yaml:16:1; accepted: each object once",
    );
    // Of what is not represented the last one counts, and of one prefix there are many names.
    let namespace = "apiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n";
    let generated = pod("p", "{app: db}", "").replace("  name: p\n", "  generateName: p-\n");
    let foreign = "apiVersion: longhorn.io/v1beta2\nkind: Node\nmetadata: {name: a}\n";
    let all = reading(&joined(&[&web, namespace, namespace, &generated, &generated, foreign, foreign]));
    assert_eq!(all.workloads.len(), 3);
    let elsewhere = web.replace("  name: web\n", "  name: web\n  namespace: far\n");
    let names: Vec<_> =
        reading(&joined(&[&web, &elsewhere])).workloads.into_iter().map(|input| input.name).collect();
    assert_eq!(names, ["Deployment/default/web", "Deployment/far/web"]);
}

#[test]
fn services_and_budgets_that_contradict_themselves_are_refused() {
    let web = deployment("", "", "");
    for (lines, message) in [
        (
            "selector: {app: web}",
            "21:3: spec.ports: has no port; accepted: at least one port, or clusterIP: None",
        ),
        (
            "ports: [{port: 70000}]\nselector: {app: web}",
            "21:18: spec.ports[0].port: is 70000; accepted: a port from 1 to 65535",
        ),
        (
            "ports: [{port: 80}]\nselector: {app: web}\ntype: Public",
            "23:9: spec.type: is 'Public'; accepted: ClusterIP, NodePort, LoadBalancer or ExternalName",
        ),
        (
            "ports: [{port: 80}]\nselector: {app: web}\nexternalTrafficPolicy: Local",
            "23:26: spec.externalTrafficPolicy: is set; accepted: this field only on a Service of type NodePort or LoadBalancer",
        ),
        (
            "ports: [{port: 80}]\nselector: {app: web}\ninternalTrafficPolicy: Near",
            "23:26: spec.internalTrafficPolicy: is 'Near'; accepted: Cluster or Local",
        ),
        (
            "ports: [{port: 80, targetPort: \"8080\"}]\nselector: {app: web}",
            "21:34: spec.ports[0].targetPort: is '8080'; accepted: a number without quotes, or a name with a letter in it",
        ),
    ] {
        check(&joined(&[&web, &service(lines)]), &format!("a.yaml:{message}"));
    }
    for (lines, message) in [
        (
            "minAvailable: 1\nmaxUnavailable: 1",
            "22:19: spec.maxUnavailable: is set beside minAvailable; accepted: one of the two",
        ),
        (
            "minAvailable: 101%",
            "21:17: spec.minAvailable: is more than 100%; accepted: a whole number, or a percentage from '0%' to '100%'",
        ),
        (
            "unhealthyPodEvictionPolicy: Never",
            "21:31: spec.unhealthyPodEvictionPolicy: is 'Never'; accepted: IfHealthyBudget or AlwaysAllow",
        ),
        (
            "selector: {matchExpressions: [{key: app, operator: Is}]}",
            "21:54: spec.selector.matchExpressions[0].operator: is 'Is'; accepted: In, NotIn, Exists or DoesNotExist",
        ),
    ] {
        check(&joined(&[&web, &budget(lines)]), &format!("a.yaml:{message}"));
    }
}

#[test]
fn annotations_of_ours_are_read_strictly() {
    let with = |annotation: &str| {
        deployment("", "", "").replace(
            "labels: {app: web}\n    spec",
            &format!("labels: {{app: web}}\n      annotations:\n        {annotation}\n    spec"),
        )
    };
    const HERE: &str = "spec.template.metadata.annotations.podproof.io/";
    check(
        &with("podproof.io/on-sigterm: wait"),
        &format!(
            "a.yaml:12:33: {HERE}on-sigterm: is 'wait'; accepted: exit, drain=SECONDS, close=SECONDS (0 to 86400) or ignore"
        ),
    );
    check(
        &with("podproof.io/listens-after: '-1'"),
        &format!(
            "a.yaml:12:36: {HERE}listens-after: is '-1'; accepted: seconds as a whole number from 0 to 86400, in quotes"
        ),
    );
    check(
        &with("podproof.io/on-sigtrem: exit"),
        &format!(
            "a.yaml:12:33: {HERE}on-sigtrem: 'podproof.io/on-sigtrem' is no annotation of podproof; did you mean 'podproof.io/on-sigterm'?; \
         accepted: podproof.io/on-sigterm or podproof.io/listens-after"
        ),
    );
    let above = deployment("", "", "")
        .replace("  name: web\n", "  name: web\n  annotations: {podproof.io/on-sigterm: exit}\n");
    check(
        &above,
        "a.yaml:5:41: metadata.annotations.podproof.io/on-sigterm: has no effect here; accepted: this annotation on the pod template: \
         spec.template.metadata.annotations",
    );
}

#[test]
fn options_out_of_range_are_refused() {
    let options = Options { nodes: 0, replicas: 101, ..Options::default() };
    let problems = read(&[], &options).expect_err("out of range");
    assert_eq!(
        shown(&problems),
        "--nodes: is 0; accepted: a number from 1 to 60\n--replicas: is 101; accepted: a number from 0 to 100"
    );
}

/// `validateContainerPorts`, `IsValidPortName`.
#[test]
fn names_of_ports_that_the_api_server_refuses_are_refused() {
    let ports = |names: [&str; 2]| {
        let [first, second] = names;
        let ports = format!(
            "ports: [{{containerPort: 80, name: '{first}'}}, {{containerPort: 81, name: '{second}'}}]"
        );
        deployment("", "", &ports)
    };
    assert!(read_with(&ports(["http", "metrics-2"]), &Options::default()).is_ok());
    for name in ["HTTP", "a--b", "-a", "a-", "a_b", "sixteen-letters0"] {
        assert!(
            refused(&ports([name, "b"])).contains(&format!("name: is '{name}'; accepted: at most 15")),
            "{name}"
        );
    }
    assert!(refused(&ports(["80", "b"])).contains("name: is '80'; accepted: a number without quotes"));
    assert!(refused(&ports(["http", "http"])).contains("'http' is the name of two ports of the container"));
}

#[test]
fn an_amount_that_is_not_read_is_compared_with_no_other() {
    let says = refused(&deployment("", "", "resources: {requests: {memory: 1Mi}, limits: {memory: 1E}}"));
    assert_eq!(says.lines().count(), 1, "{says}");
}

/// S28 `ValidateVolumes`, `ValidateVolumeMounts`.
#[test]
fn what_mounts_no_volume_of_the_pod_is_refused() {
    let volumes = "volumes: [{name: data, emptyDir: {}}]";
    let with = |pod: &str, mount: &str| {
        deployment("", pod, &format!("volumeMounts: [{{name: {mount}, mountPath: /data}}]"))
    };
    assert_eq!(reading(&with(volumes, "data")).workloads.len(), 1);
    let at = "spec.template.spec.containers[0].volumeMounts[0].name";
    check(
        &with(volumes, "date"),
        &format!("a.yaml:15:31: {at}: 'date' is no volume of the pod; accepted: data"),
    );
    check(
        &with("", "data"),
        &format!("a.yaml:14:31: {at}: 'data' is no volume of the pod; accepted: one of spec.volumes"),
    );
    let twice = "volumes: [{name: data, emptyDir: {}}, {name: data, emptyDir: {}}]";
    check(
        &deployment("", twice, ""),
        "a.yaml:12:52: spec.template.spec.volumes[1].name: 'data' stands twice; accepted: each name once",
    );
}
