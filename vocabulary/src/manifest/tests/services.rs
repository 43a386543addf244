//! Which Services send to a workload, to which of its containers.

use super::*;
use crate::scenario::ContainerKind;

#[test]
fn services_that_differ_only_in_name_are_one_class() {
    let named = |name: &str, lines: &str| {
        service(&format!("selector: {{app: web}}\nports: [{{port: 80}}]\n{lines}"))
            .replace("name: web", &format!("name: {name}"))
    };
    let text =
        joined(&[&deployment("", "", ""), &named("a", ""), &named("b", "type: NodePort"), &named("c", "")]);
    let input = reading(&text).workloads.remove(0);
    assert_eq!(input.services, [vec!["a".to_owned(), "c".into()], vec!["b".into()]]);
    let names: Vec<_> = input.scenarios.iter().map(|world| world.name.as_str()).collect();
    assert_eq!(names, ["Deployment/web behind Service/a", "Deployment/web behind Service/b"]);
    assert_eq!(input.scenarios[1].service.as_ref().map(|service| service.external), Some(true));
}

#[test]
fn the_container_of_the_target_port_serves() {
    let sidecars = "initContainers:\n- {name: setup, image: x, ports: [{containerPort: 80, name: http}]}\n- {name: proxy, image: x, restartPolicy: Always, ports: [{containerPort: 15001, name: mesh}]}";
    let serving = |port: &str| {
        let text = joined(&[
            &deployment("", sidecars, "ports: [{containerPort: 80, name: http}]"),
            &service(&format!("selector: {{app: web}}\nports: [{{{port}}}]")),
        ]);
        let input = reading(&text).workloads.remove(0);
        let template = &input.scenarios[0].workload.template;
        let kinds: Vec<_> = template.containers.iter().map(|container| container.kind).collect();
        assert_eq!(kinds, [ContainerKind::Init, ContainerKind::Sidecar, ContainerKind::App]);
        (
            template.serving,
            input
                .assumptions
                .iter()
                .filter(|says| says.starts_with("Service/"))
                .cloned()
                .collect::<Vec<_>>()
                .join("\n"),
        )
    };
    assert_eq!(serving("port: 80"), (2, String::new()));
    assert_eq!(serving("port: 8080, targetPort: http"), (2, String::new()));
    assert_eq!(serving("port: 80, targetPort: mesh"), (1, String::new()));
    let (first, says) = serving("port: 9");
    assert_eq!(
        (first, says.as_str()),
        (2, "Service/web: no container declares its target port; the first, 'app', is taken to serve it")
    );
    assert_eq!(
        serving("port: 80, name: a}, {port: 81, name: b, targetPort: grpc").0,
        2,
        "one port has endpoints"
    );
}

/// Hooks and signals go to each container by itself, so that one that stops sooner is seen.
#[test]
fn each_container_that_a_service_sends_to_is_a_class() {
    let beside =
        "        image: x\n      - {name: admin, image: x, ports: [{containerPort: 90, name: adm}]}\n";
    let worlds = |ports: &str| {
        let text = joined(&[
            &deployment("", "", "ports: [{containerPort: 80, name: http}]")
                .replace("        image: x\n", beside),
            &service(&format!("selector: {{app: web}}\nports: [{ports}]")),
        ]);
        let input = reading(&text).workloads.remove(0);
        let serving =
            input.scenarios.iter().map(|world| (world.workload.template.serving, world.name.clone()));
        let says = input.assumptions.iter().filter(|says| says.starts_with("Service/")).cloned();
        (serving.collect::<Vec<_>>(), says.collect::<Vec<_>>(), input.services.clone(), input.settings)
    };
    let behind = |container: &str| format!("Deployment/web behind Service/web, container {container}");
    for ports in [
        "{name: a, port: 80}, {name: b, port: 81, targetPort: adm}",
        "{name: a, port: 80}, {name: b, port: 81, targetPort: 90}, {name: c, port: 82, targetPort: adm}",
    ] {
        let (serving, says, services, settings) = worlds(ports);
        assert_eq!(serving, [(0, behind("app")), (1, behind("admin"))]);
        assert_eq!(says, [""; 0]);
        assert_eq!(services, [["web"], ["web"]]);
        let line = |serving: u8| settings[&serving][&crate::manifest::Setting::PreStop].line;
        assert!(line(0) < line(1), "{settings:#?}");
    }
    let (serving, says, ..) = worlds("{name: a, port: 80}, {name: b, port: 81}");
    assert_eq!(serving, [(0, "Deployment/web".to_owned())]);
    assert_eq!(says, ["Service/web: no container declares its target port 81; 'app' is taken to serve it"]);
}

#[test]
fn a_service_that_asks_for_a_port_by_a_name_that_nobody_has_sends_nothing() {
    let text = joined(&[
        &deployment("", "", "ports: [{containerPort: 80, name: http}]"),
        &service("selector: {app: web}\nports: [{port: 80, targetPort: grpc}]"),
    ]);
    let mut reading = reading(&text);
    let input = reading.workloads.remove(0);
    assert_eq!(input.scenarios[0].service, None);
    let warnings = reading.warnings.iter().chain(&input.warnings);
    let says = warnings.map(ToString::to_string).collect::<Vec<_>>().join("\n");
    assert!(says.contains("Service/web: no container has a port named 'grpc'"), "{says}");
    assert!(says.contains("Service/web: it sends no connection to these pods"), "{says}");
}

/// S28 `endpointslice/utils.go` `getEndpointPorts`.
#[test]
fn a_neighbour_without_the_named_port_is_no_endpoint() {
    let with = |port: &str| {
        let other =
            pod("other", "{app: web}", "").replace("    image: x\n", &format!("    image: x\n    {port}\n"));
        let text = joined(&[
            &deployment("", "", "ports: [{containerPort: 80, name: http}]"),
            &service("selector: {app: web}\nports: [{port: 80, targetPort: http}]"),
            &other,
        ]);
        reading(&text).workloads
    };
    let is_endpoint = |port: &str| with(port)[0].scenarios[0].neighbours.iter().any(|one| one.in_service);
    assert!(is_endpoint("ports: [{containerPort: 90, name: http}]"));
    assert!(!is_endpoint("ports: [{containerPort: 80, name: web}]") && !is_endpoint(""));
    // What is wrong with one workload is not said of the other.
    let inputs = with("");
    let said = |input: &crate::manifest::Input| {
        let mut all = input.warnings.iter().map(|warning| warning.says.as_str());
        all.any(|says| says == "Pod/other: Service/web: it sends no connection to these pods, and no promise is judged for it")
    };
    assert_eq!(inputs.iter().map(said).collect::<Vec<_>>(), [false, true]);
}
