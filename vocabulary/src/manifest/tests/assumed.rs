//! What is assumed and could be otherwise in the cluster of whoever asks is told, and proves nothing.

use super::*;
use crate::manifest::{Input, asked, beside};

const SERVICE: &str = "selector: {app: web}\nports: [{port: 80, targetPort: http}]";
const PORTS: &str = "ports: [{name: http, containerPort: 8080}, {name: admin, containerPort: 9090}]";

fn late() -> Options {
    Options { listens_after_seconds: Some(5), ..Options::default() }
}

fn input(documents: &[&str], options: &Options) -> Input {
    read_with(&joined(documents), options)
        .unwrap_or_else(|problems| panic!("{}", shown(&problems)))
        .workloads
        .remove(0)
}

fn says(input: &Input, what: &str) -> bool {
    input.warnings.iter().any(|warning| warning.says.contains(what))
}

fn has(input: &Input, row: &str) -> bool {
    input.left_out.iter().any(|other| other.what == row)
}

/// A probe asks exactly what it names: that of another port may succeed before connections are accepted.
#[test]
fn readiness_of_another_port_decides_nothing_of_requests() {
    let of = |handler: &str, options: &Options| {
        let web = deployment("", "", &format!("{PORTS}\nreadinessProbe: {{{handler}}}"));
        input(&[&web, &service(SERVICE)], options)
    };
    for (handler, is_elsewhere) in [
        ("httpGet: {port: 9090}", true),
        ("tcpSocket: {port: admin}", true),
        ("grpc: {port: 9090}", true),
        ("httpGet: {port: http}", false),
        ("httpGet: {port: 8080}", false),
        ("exec: {command: ['true']}", false),
    ] {
        let input = of(handler, &late());
        assert_eq!(has(&input, asked::ASKED), is_elsewhere, "{handler}");
        assert_eq!(
            says(&input, "asks port 9090, to which Service/web sends nothing"),
            is_elsewhere,
            "{handler}"
        );
        let is_assumed = input
            .assumptions
            .iter()
            .any(|says| says.contains("command that the readiness probe of container app runs"));
        assert_eq!(is_assumed, handler.starts_with("exec"), "{handler}");
        assert!(!has(&of(handler, &Options::default()), asked::ASKED), "it listens at once, {handler}");
    }
    assert!(asked::ASKED.len() > 10 && crate::left_out::behaviour(asked::ASKED).expect("a row").contradicts);
}

/// CND-9: without a readiness probe the startup probe alone decides.
#[test]
fn a_startup_probe_that_decides_alone_has_to_ask_the_port() {
    let of = |probes: &str| {
        input(&[&deployment("", "", &format!("{PORTS}\n{probes}")), &service(SERVICE)], &late())
    };
    const ADMIN: &str = "{httpGet: {port: admin}}";
    let told = of(&format!("startupProbe: {ADMIN}"));
    assert!(has(&told, asked::ASKED));
    assert!(says(
        &told,
        "the startup probe of container app asks port 9090, to which Service/web sends nothing"
    ));
    let both = format!("startupProbe: {ADMIN}\nreadinessProbe: {{httpGet: {{port: http}}}}");
    assert!(!has(&of(&both), asked::ASKED), "it is Ready only later");
    assert!(!has(&of(&format!("livenessProbe: {ADMIN}")), asked::ASKED), "nothing of it is Ready by that");
    assert!(!has(&of("startupProbe: {httpGet: {port: http}}"), asked::ASKED));
}

/// A Service of two ports, and two Services that are one class, send to both ports.
#[test]
fn a_probe_has_to_ask_every_port_that_is_sent_to() {
    let other = |target: &str| {
        service(&format!("selector: {{app: web}}\nports: [{{port: 80, targetPort: {target}}}]"))
            .replace("name: web", "name: other")
    };
    let web = deployment("", "", &format!("{PORTS}\nreadinessProbe: {{httpGet: {{port: http}}}}"));
    let first = input(&[&web, &service(SERVICE), &other("admin")], &late());
    let last = input(&[&web, &other("admin"), &service(SERVICE)], &late());
    for input in [&first, &last] {
        assert_eq!(input.scenarios.len(), 1, "one class");
        assert!(has(input, asked::ASKED));
        assert!(says(input, "asks port 8080, to which Service/other sends nothing"));
    }
    assert!(!has(&input(&[&web, &service(SERVICE), &other("8080")], &late()), asked::ASKED));
    let two = |more: &str| {
        let ports =
            format!("selector: {{app: web}}\nports: [{{name: a, port: 80, targetPort: http}}, {more}]");
        input(&[&web, &service(&ports)], &late())
    };
    let both = two("{name: b, port: 81, targetPort: admin}");
    assert!(has(&both, asked::ASKED) && says(&both, "asks port 8080, Service/web sends to port 9090 too"));
    assert!(has(&two("{name: b, port: 81, targetPort: 7000}"), asked::ASKED), "whoever listens there");
    for same in
        ["{name: b, port: 81, targetPort: 8080}", "{name: b, port: 81, targetPort: 9090, protocol: UDP}"]
    {
        assert!(!has(&two(same), asked::ASKED), "{same}");
    }
}

/// KIL-8: containers get SIGTERM at once, each after its own hook; sidecars last.
#[test]
fn who_stops_before_the_one_that_answers_is_named() {
    let of = |hook: &str, kind: &str, other: &str| {
        let proxy = format!(
            "- name: proxy\n  image: x\n  ports: [{{name: http, containerPort: 8080}}]\n{hook}{kind}"
        );
        let (sidecars, apps) = match kind.is_empty() {
            true => (String::new(), indented(&proxy, 6)),
            false => (format!("      initContainers:\n{}", indented(&proxy, 6)), String::new()),
        };
        let web = deployment("", "", other)
            .replace("      containers:\n", &format!("{sidecars}      containers:\n{apps}"));
        input(&[&web, &service(SERVICE)], &Options::default())
    };
    const HOOK: &str = "  lifecycle: {preStop: {sleep: {seconds: 9}}}\n";
    const WHO: &str = "container app has no preStop hook and gets SIGTERM at once";
    assert!(says(&of(HOOK, "", ""), WHO));
    assert!(says(&of("", "  restartPolicy: Always\n", ""), WHO), "a sidecar ends last");
    let all = [of("", "", ""), of(HOOK, "", "lifecycle: {preStop: {sleep: {seconds: 9}}}")];
    assert!(all.iter().all(|input| !says(input, "gets SIGTERM at once") && has(input, beside::BESIDE)));
    let alone = input(&[&deployment("", "", PORTS), &service(SERVICE)], &Options::default());
    assert!(!has(&alone, beside::BESIDE));
}

/// Nobody who asks for a node of its own for each pod says that there are only two.
#[test]
fn generated_nodes_that_are_too_few_are_told() {
    let apart = "affinity: {podAntiAffinity: {requiredDuringSchedulingIgnoredDuringExecution: [{topologyKey: \
                 kubernetes.io/hostname, labelSelector: {matchLabels: {app: web}}}]}}";
    let of = |spec: &str, pod: &str, nodes: u8| {
        input(&[&deployment(spec, pod, "")], &Options { nodes, ..Options::default() })
    };
    const TOLD: &str = "2 generated nodes have room for 2 of the 3 pods that a rollout of 2 replicas has at once, with that of the surge";
    assert!(says(&of("replicas: 2", apart, 2), TOLD) && says(&of("replicas: 2", apart, 2), "(--nodes 3,"));
    let fine = [
        of("replicas: 2", apart, 3),
        of("replicas: 2", "", 2),
        of("replicas: 2\nstrategy: {type: Recreate}", apart, 2),
        of("replicas: 2", "nodeName: node-1", 2),
    ];
    assert!(fine.iter().all(|input| !says(input, "generated nodes have room for")));
}

/// S28 `cmd/kube-proxy/app/server.go`, `pkg/controller/endpointslice` `hintsEnabled`.
#[test]
fn metadata_of_a_service_that_steers_its_proxies_is_told() {
    let with = |metadata: &str| {
        let service = service(SERVICE).replace("  name: web\n", &format!("  name: web\n  {metadata}\n"));
        reading(&joined(&[&deployment("", "", PORTS), &service])).workloads.remove(0)
    };
    let other = with("labels: {service.kubernetes.io/service-proxy-name: mesh}");
    assert!(other.scenarios.iter().all(|scenario| scenario.service.is_none()), "no rules are kube-proxy's");
    let near = with("annotations: {service.kubernetes.io/topology-mode: Auto}");
    assert!(says(
        &near,
        "annotation service.kubernetes.io/topology-mode is not represented: each new connection"
    ));
    let off = with("annotations: {service.kubernetes.io/topology-mode: Disabled}");
    assert!(off.scenarios[0].service.is_some() && !says(&off, "topology-mode is not represented"));
}
