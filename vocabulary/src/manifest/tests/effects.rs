//! Every represented field has its effect: two manifests that differ in it alone give different worlds.

use super::super::represented::REPRESENTED;
use super::cases::cases;
use super::*;

/// Where a line of a manifest goes.
#[derive(Clone, Copy)]
pub enum In {
    /// The spec of the Deployment.
    Deployment,
    /// The spec of a ReplicaSet.
    ReplicaSet,
    /// The spec of the pod, beside a neighbour.
    Pod,
    /// Its first container.
    Container,
    /// A Service that selects it.
    Service,
    /// A budget that selects it.
    Budget,
    /// A node.
    Node,
    /// The whole input.
    Input,
}

fn manifest(place: In, lines: &str) -> String {
    let replica_set = |lines: &str| deployment(lines, "", "").replace("Deployment", "ReplicaSet");
    let neighbours = pod("db", "{app: db, tier: back}", "")
        + "---\n"
        + &pod("other", "{app: other}", "").replace("name: other\n", "name: other\n  namespace: far\n");
    match place {
        In::Deployment => deployment(lines, "", ""),
        In::ReplicaSet => replica_set(lines),
        In::Pod => joined(&[&deployment("", lines, ""), &neighbours]),
        In::Container => deployment("", "terminationGracePeriodSeconds: 60", lines),
        In::Service => {
            let ports = "ports: [{containerPort: 80, name: http}]";
            let sidecar = "initContainers:\n- name: proxy\n  image: x\n  restartPolicy: Always\n  ports: [{containerPort: 15001, name: mesh-udp, protocol: UDP}, {containerPort: 81, name: mesh}]";
            joined(&[
                &deployment("", sidecar, ports),
                &service(lines),
                &pod("db", "{app: web, tier: back}", ""),
            ])
        }
        In::Budget => {
            joined(&[&deployment("", "", ""), &budget(lines), &pod("db", "{app: db, tier: back}", "")])
        }
        In::Node => joined(&[&deployment("", "", ""), &node("node-a", lines)]),
        In::Input => lines.to_owned(),
    }
}

fn outcome(text: &str) -> String {
    match read_with(text, &Options::default()) {
        Ok(reading) => {
            format!("{:#?}", reading.workloads.iter().map(|input| &input.scenarios).collect::<Vec<_>>())
        }
        Err(problems) => shown(&problems),
    }
}

/// Fields whose effect is that a manifest is refused.
const REFUSED: &[&str] =
    &["*.apiVersion", "Deployment.spec.selector.", "ReplicaSet.spec.selector.", "matchFields[].key"];

#[test]
fn every_represented_field_has_its_effect() {
    for (field, place, before, after) in cases() {
        let (before, after) = (manifest(place, &before), manifest(place, &after));
        assert!(read_with(&before, &Options::default()).is_ok(), "{field}: {}\n{before}", outcome(&before));
        let may_refuse = REFUSED.iter().any(|refused| field.starts_with(refused) || field.ends_with(refused));
        assert!(
            may_refuse || read_with(&after, &Options::default()).is_ok(),
            "{field}: {}\n{after}",
            outcome(&after)
        );
        assert_ne!(outcome(&before), outcome(&after), "{field}\n{before}\n{after}");
    }
}

#[test]
fn every_represented_field_has_a_case() {
    let cases = cases();
    let without: Vec<_> =
        REPRESENTED.iter().filter(|&field| !cases.iter().any(|(name, ..)| name == field)).collect();
    assert!(without.is_empty(), "fields whose effect nothing shows: {without:#?}");
    let strange: Vec<_> =
        cases.iter().map(|(field, ..)| field).filter(|field| !REPRESENTED.contains(field)).collect();
    assert!(strange.is_empty(), "cases of no represented field: {strange:#?}");
}
