//! Names, keys and ports that the API server refuses, each with its exact message.

use super::refusals::{check, refused};
use super::*;

const LABEL: &str =
    "at most 63 small letters, digits and '-', the first and the last of them a letter or digit";
const SUBDOMAIN: &str = "at most 253 small letters, digits, '-' and '.', each part between dots beginning and ending with a letter or digit";
const KEY: &str = "at most 63 letters, digits, '-', '_' and '.', the first and the last of them a letter or digit, after a DNS subdomain and '/' or alone";
const VALUE: &str = "nothing, or at most 63 letters, digits, '-', '_' and '.', the first and the last of them a letter or digit";

#[test]
fn names_of_objects_are_names_of_dns() {
    let named = |name: &str| deployment("", "", "").replace("  name: web\n", &format!("  name: '{name}'\n"));
    for name in ["WEB_!", "../../x", "web.", ".web", "web shop"] {
        check(&named(name), &format!("a.yaml:4:9: metadata.name: is '{name}'; accepted: {SUBDOMAIN}"));
    }
    let long = "x".repeat(300);
    check(
        &named(&long),
        &format!("a.yaml:4:9: metadata.name: is '{}...'; accepted: {SUBDOMAIN}", &long[..60]),
    );
    assert_eq!(reading(&named("shop.web-1")).workloads.len(), 1);
    assert_eq!(reading(&named(&long[..253])).workloads.len(), 1);
    check(
        &named("web").replace("  name: 'web'\n", "  name: web\n  namespace: my.shop\n"),
        &format!("a.yaml:5:14: metadata.namespace: is 'my.shop'; accepted: {LABEL}"),
    );
    let generated =
        |begin: &str| pod("a", "{}", "").replace("  name: a\n", &format!("  generateName: {begin}\n"));
    assert_eq!(reading(&generated("web-")).workloads.len(), 1);
    check(
        &generated("Web-"),
        &format!("a.yaml:4:17: metadata.generateName: is 'Web-'; accepted: {SUBDOMAIN}"),
    );
}

#[test]
fn names_of_services_are_labels_that_begin_with_a_letter() {
    let says = "at most 63 small letters, digits and '-', the first a letter, the last a letter or digit";
    let web = deployment("", "", "");
    for name in ["1web", "shop.web", &"x".repeat(64)] {
        let text = service("selector: {app: web}\nports: [{port: 80}]")
            .replace("  name: web\n", &format!("  name: {name}\n"));
        let shown: String = name.chars().take(60).collect();
        let more = if name.len() > 60 { "..." } else { "" };
        check(
            &joined(&[&web, &text]),
            &format!("a.yaml:19:9: metadata.name: is '{shown}{more}'; accepted: {says}"),
        );
    }
}

#[test]
fn containers_have_names_of_dns_and_images() {
    const HERE: &str = "spec.template.spec.containers[0]";
    let web = deployment("", "", "");
    check(
        &web.replace("- name: app", "- name: My_App"),
        &format!("a.yaml:13:15: {HERE}.name: is 'My_App'; accepted: {LABEL}"),
    );
    let accepted = "accepted: the name of an image, such as registry.example/web:1.0";
    check(
        &web.replace("        image: x\n", ""),
        &format!("a.yaml:13:9: {HERE}.image: is missing; {accepted}"),
    );
    check(
        &web.replace("image: x", "image: ''"),
        &format!("a.yaml:14:16: {HERE}.image: is empty; {accepted}"),
    );
    check(
        &web.replace("image: x", "image: ' x'"),
        &format!("a.yaml:14:16: {HERE}.image: is ' x'; {accepted}"),
    );
    let init = "initContainers: [{name: i}]";
    assert!(refused(&deployment("", init, "")).contains("initContainers[0].image: is missing"));
}

#[test]
fn keys_and_values_of_labels_are_checked_wherever_they_stand() {
    let web = deployment("", "", "");
    let label = |at: &str, says: &str, accepted: &str| format!("a.yaml:{at}: {says}; accepted: {accepted}");
    check(
        &web.replace("      labels: {app: web}", "      labels: {app: web, a b: c}"),
        &label("10:26", "spec.template.metadata.labels: 'a b' is no key of a label", KEY),
    );
    check(
        &web.replace("      labels: {app: web}", "      labels: {app: web, tier: a/b}"),
        &label("10:32", "spec.template.metadata.labels.tier: is 'a/b'", VALUE),
    );
    check(
        &web.replace("  name: web\n", "  name: web\n  annotations: {-x: z}\n"),
        &label("5:17", "metadata.annotations: '-x' is no key of an annotation", KEY),
    );
    let annotated =
        web.replace("  name: web\n", "  name: web\n  annotations: {Example.com/x: 'any thing'}\n");
    assert_eq!(reading(&annotated).workloads.len(), 1);
    check(
        &deployment("", "nodeSelector: {disk: my disk}", ""),
        &label("12:28", "spec.template.spec.nodeSelector.disk: is 'my disk'", VALUE),
    );
    check(
        &deployment("", "tolerations: [{key: a b, operator: Exists}]", ""),
        &label("12:27", "spec.template.spec.tolerations[0].key: is 'a b'", KEY),
    );
    check(
        &joined(&[&web, &service("selector: {app: web, x y: z}\nports: [{port: 80}]")]),
        &label("21:24", "spec.selector: 'x y' is no key of a label", KEY),
    );
    let expression = |fields: &str| budget(&format!("selector: {{matchExpressions: [{{{fields}}}]}}"));
    check(
        &joined(&[&web, &expression("key: app/, operator: Exists")]),
        &label("21:39", "spec.selector.matchExpressions[0].key: is 'app/'", KEY),
    );
    check(
        &joined(&[&web, &expression("key: app, operator: In, values: [web, a b]")]),
        &label("21:72", "spec.selector.matchExpressions[0].values[1]: is 'a b'", VALUE),
    );
}

#[test]
fn a_node_name_is_a_subdomain() {
    check(
        &deployment("", "nodeName: Node_1", ""),
        &format!("a.yaml:12:17: spec.template.spec.nodeName: is 'Node_1'; accepted: {SUBDOMAIN}"),
    );
}

#[test]
fn a_port_of_the_host_stands_once() {
    let ports = |ports: &str| deployment("", "", &format!("ports: [{ports}]"));
    check(
        &ports("{containerPort: 1, hostPort: 80}, {containerPort: 2, hostPort: 80}"),
        "a.yaml:14:80: spec.template.spec.containers[0].ports[1].hostPort: TCP port 80 of the host stands twice in the pod; \
         accepted: each port of the host once for each protocol and address",
    );
    for other in ["hostPort: 81", "hostPort: 80, protocol: UDP", "hostPort: 80, hostIP: 10.0.0.1"] {
        let text = ports(&format!("{{containerPort: 1, hostPort: 80}}, {{containerPort: 1, {other}}}"));
        assert_eq!(reading(&text).workloads.len(), 1, "{other}");
    }
    let on_host = deployment("", "hostNetwork: true", "ports: [{containerPort: 1}, {containerPort: 1}]");
    assert!(refused(&on_host).contains("ports[1].containerPort: TCP port 1 of the host stands twice"));
    // An init container has ended when the others want its port.
    let init = "initContainers: [{name: i, image: x, ports: [{containerPort: 1, hostPort: 80}]}]";
    let text = deployment("", init, "ports: [{containerPort: 1, hostPort: 80}]");
    assert_eq!(reading(&text).workloads.len(), 1);
}

#[test]
fn ports_of_a_service_can_be_told_apart() {
    let with = |lines: &str| {
        joined(&[&deployment("", "", ""), &service(&format!("selector: {{app: web}}\n{lines}"))])
    };
    let ports = |ports: &str| with(&format!("ports: [{ports}]"));
    const HERE: &str = "spec.ports[1]";
    check(
        &ports("{port: 80, name: a}, {port: 81}"),
        &format!("a.yaml:22:32: {HERE}.name: is missing; accepted: a name, as the Service has several ports"),
    );
    check(
        &ports("{port: 80, name: a}, {port: 81, name: a}"),
        &format!("a.yaml:22:49: {HERE}.name: 'a' is the name of two ports; accepted: each name once"),
    );
    check(
        &ports("{port: 80, name: a}, {port: 81, name: A}"),
        &format!("a.yaml:22:49: {HERE}.name: is 'A'; accepted: {LABEL}"),
    );
    check(
        &ports("{port: 80, name: a}, {port: 80, name: b}"),
        &format!(
            "a.yaml:22:39: {HERE}.port: TCP port 80 stands twice; accepted: each port once for each protocol"
        ),
    );
    check(
        &with("ports: [{port: 80}]\nsessionAffinity: Cookie"),
        "a.yaml:23:20: spec.sessionAffinity: is 'Cookie'; accepted: ClientIP or None",
    );
}

#[test]
fn a_sleep_is_compared_with_the_grace_period_as_it_is_written() {
    let text =
        deployment("", "terminationGracePeriodSeconds: -5", "lifecycle: {preStop: {sleep: {seconds: 1}}}");
    assert!(refused(&text).contains("sleep.seconds: is 1, and terminationGracePeriodSeconds is -5"));
}

#[test]
fn an_input_without_a_workload_names_its_files() {
    let source = |path: &str, text: &str| Source { path: path.into(), text: text.into() };
    let both = [source("a.yaml", ""), source("b.yaml", "# nothing\n")];
    assert_eq!(
        shown(&read(&both, &Options::default()).expect_err("nothing")),
        "a.yaml:1:1: the input, with b.yaml, holds no object; accepted: at least one Deployment, ReplicaSet or Pod"
    );
    let many: Vec<String> = (0..61).map(|number| node(&format!("n-{number}"), "")).collect();
    let pieces: Vec<&str> = many.iter().map(String::as_str).collect();
    check(
        &(deployment("", "", "") + "---\n" + &joined(&pieces)),
        "a.yaml:316:1: the input holds 61 Nodes; accepted: at most 60 Nodes",
    );
}

/// Fields that the model leaves out are checked where the API server would refuse them.
#[test]
fn unknown_values_are_refused_in_fields_that_are_left_out_too() {
    for (pod, container, says) in [
        ("dnsPolicy: Whatever", "", "dnsPolicy: is 'Whatever'; accepted: ClusterFirst, "),
        (
            "preemptionPolicy: Often",
            "",
            "preemptionPolicy: is 'Often'; accepted: PreemptLowerPriority or Never",
        ),
        ("os: {name: plan9}", "", "os.name: is 'plan9'; accepted: linux or windows"),
        (
            "",
            "imagePullPolicy: Sometimes",
            "imagePullPolicy: is 'Sometimes'; accepted: Always, IfNotPresent or Never",
        ),
        ("", "terminationMessagePolicy: Log", "is 'Log'; accepted: File or FallbackToLogsOnError"),
    ] {
        let error = refused(&deployment("", pod, container));
        assert!(error.contains(says), "{error}");
    }
}
