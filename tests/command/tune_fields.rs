//! `podproof tune` beyond one hook and one grace: several containers that serve, and other fields.

use std::path::PathBuf;

use crate::run::{folder, stdout, text};
use crate::tune::{document, tune};

/// What a Service sends to another container is to be kept from failing, too.
#[test]
fn each_container_that_serves_has_a_hook_of_its_own() {
    let file = two_containers("tune-two-containers-file");
    let output = tune("tune-two-containers", &[text(&file), "--format", "json"]);
    let document = document(&output);
    assert_eq!(output.status.code(), Some(0), "{document:#}");
    let settings = document["settings"].as_array().expect("a list");
    let found = settings.iter().map(|setting| (setting["path"].as_str(), setting["smallest"].as_u64()));
    let hook = |name: &str| format!("spec.template.spec.containers[{name}].lifecycle.preStop.sleep.seconds");
    let (web, admin) = (hook("web"), hook("admin"));
    let grace = "spec.template.spec.terminationGracePeriodSeconds";
    assert_eq!(
        found.collect::<Vec<_>>(),
        [(Some(admin.as_str()), Some(5)), (Some(web.as_str()), Some(5)), (Some(grace), Some(5))],
        "{document:#}"
    );
}

/// `examples/web.yaml` with a container `admin` to which the Service sends as well.
fn two_containers(test: &str) -> PathBuf {
    let web = std::fs::read_to_string("examples/web.yaml").expect("it is there");
    let beside =
        "      containers:\n        - {name: admin, image: x, ports: [{name: adm, containerPort: 9090}]}\n";
    let (deployment, service) = web.split_once("---\n").expect("two objects");
    let ports = "  ports:\n    - {name: adm, port: 81, targetPort: adm}\n";
    let service = service.replace("  ports:\n", ports);
    let web = [deployment.replace("      containers:\n", beside), service].join("---\n");
    let file = folder(test).join("two.yaml");
    std::fs::write(&file, web).expect("it can be written");
    file
}

/// The grace is not lowered to where a process is killed, whoever asks for the range.
#[test]
fn a_grace_that_is_set_spares_the_containers_too() {
    let web = std::fs::read_to_string("examples/web-prestop.yaml").expect("it is there");
    let drains = web.replace(
        "    metadata:\n      labels:",
        "    metadata:\n      annotations:\n        podproof.io/on-sigterm: drain=10\n      labels:",
    );
    assert_ne!(web, drains);
    let file = folder("tune-set-grace-file").join("drain.yaml");
    std::fs::write(&file, drains).expect("it can be written");
    let set = "spec.template.spec.terminationGracePeriodSeconds=0..40";
    let output = tune("tune-set-grace", &[text(&file), "--set", set, "--format", "json"]);
    let document = document(&output);
    let [ref grace] = document["settings"].as_array().expect("a list")[..] else { panic!("{document:#}") };
    assert_eq!(grace["smallest"], 16, "{document:#}");
}

#[test]
fn what_the_manifest_has_is_told_though_it_is_no_number() {
    let web = std::fs::read_to_string("examples/web-prestop.yaml").expect("it is there");
    let strategy = "  strategy: {rollingUpdate: {maxSurge: 25%, maxUnavailable: 0}}\n  selector:";
    let file = folder("tune-percent-file").join("web.yaml");
    std::fs::write(
        &file,
        web.replacen("  selector:", strategy, 1).replacen("replicas: 2", "replicas: 20", 1),
    )
    .expect("it can be written");
    let set = "spec.strategy.rollingUpdate.maxSurge=1..2";
    let about = [text(&file), "--set", set, "--property", "no-failed-request"];
    let said = stdout(&tune("tune-percent", &about));
    assert!(said.contains("the manifest has 25%, which holds too, and is left as it is"), "{said}");
    assert!(
        said.contains("its values are tried at 1 of 20 replicas; unlike a percentage a number stays"),
        "{said}"
    );
}
