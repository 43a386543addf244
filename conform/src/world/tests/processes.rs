//! Tests of what is known of processes.

use podproof_vocabulary::action::{Container as ContainerStep, Environment, Kubelet};
use podproof_vocabulary::manifest::Source;
use podproof_vocabulary::scenario::{Container, OnSigterm};
use podproof_vocabulary::{Action, ContainerId, PodId};
use serde_json::json;

use super::*;

const UNKNOWN: (OnSigterm, u32) = (OnSigterm::Drain(86_400), 86_400);

fn behaviour(container: &Container) -> (OnSigterm, u32) {
    (container.on_sigterm, container.listens_after_seconds)
}

fn annotated(value: Value, around: &str) -> Value {
    let ours = json!({"podproof.io/on-sigterm": "exit", "podproof.io/listens-after": "3", "other": "x"});
    with(value, &format!("{around}/annotations"), ours)
}

#[test]
fn processes_of_which_nothing_is_known_may_do_anything() {
    let mut given = pod("a");
    given["spec"]["initContainers"] = json!([{"name": "init", "image": "x"}]);
    let observed = only(&[created(given)]);
    let containers = &observed.scenario.workload.template.containers;
    assert_eq!(behaviour(&containers[0]), (OnSigterm::Drain(86_400), 0));
    assert_eq!(behaviour(&containers[1]), UNKNOWN);
    assert_eq!(observed.assumptions.len(), 4, "{:?}", observed.assumptions);
    assert!(says(&observed.assumptions, "init containers 'init' end well"));
    assert!(says(&observed.assumptions, "on SIGTERM its processes go on accepting"));
    assert!(says(&observed.assumptions, "begin to accept connections at any moment"));
}

/// Without clocks a process that exits at once is never killed, and one that ignores the signal never exits.
#[test]
fn processes_of_which_nothing_is_known_exit_or_are_killed() {
    let scenario = only(&[listed(vec![node("node-a")]), created(pod("a"))]).scenario;
    let model = podproof_model::Model::new(scenario).unwrap();
    let mut state = model.initial().remove(0);
    let enabled = |state: &_| {
        let mut actions = Vec::new();
        model.enabled(state, &mut actions);
        actions
    };
    let (id, container) = (PodId(0), ContainerId(0));
    let delete = Action::Environment(Environment::DeletePod { pod: id });
    let start = Action::Kubelet(Kubelet::StartContainer { pod: id, container });
    let exit = Action::Container(ContainerStep::Exit { pod: id, container });
    let sigterm = Action::Kubelet(Kubelet::SendSigterm { pod: id, container });
    let expire = Action::Kubelet(Kubelet::ExpireGrace { pod: id, container });
    let kill = Action::Kubelet(Kubelet::SendSigkill { pod: id, container });
    for goal in [start, sigterm] {
        if goal == sigterm {
            state = model.apply(&state, &delete);
        }
        while !enabled(&state).contains(&goal) {
            let of_the_cluster = |action: &Action| !matches!(action, Action::Environment(_));
            let next = enabled(&state).into_iter().find(of_the_cluster).expect("the goal is ahead");
            state = model.apply(&state, &next);
        }
        state = model.apply(&state, &goal);
    }
    let after_signal = enabled(&state);
    assert!(after_signal.contains(&exit) && after_signal.contains(&expire), "{after_signal:?}");
    let after_grace = enabled(&model.apply(&state, &expire));
    assert!(after_grace.contains(&exit) && after_grace.contains(&kill), "{after_grace:?}");
}

#[test]
fn annotations_of_the_log_count() {
    let bare = only(&[created(annotated(pod("a"), "/metadata"))]);
    let set = annotated(controller("ReplicaSet", "set", 1), "/spec/template/metadata");
    let set = only(&[created(set), created(annotated(owned(pod("b"), "ReplicaSet", "set"), "/metadata"))]);
    for observed in [bare, set] {
        let container = &observed.scenario.workload.template.containers[0];
        assert_eq!(behaviour(container), (OnSigterm::Exit, 3));
        assert!(says(&observed.assumptions, "(annotation podproof.io/on-sigterm)"));
    }
}

/// They have no effect there, and whoever wrote them is told so by `check`.
#[test]
fn annotations_of_a_controller_itself_do_not_count() {
    let observed = only(&[created(annotated(controller("ReplicaSet", "set", 1), "/metadata"))]);
    assert_eq!(behaviour(&observed.scenario.workload.template.containers[0]), UNKNOWN);
}

#[test]
fn manifests_of_the_user_count_more() {
    let of = |entries: &[Entry], manifest: &str| {
        let text = format!(
            "{manifest}  template: {{metadata: {{annotations: {{podproof.io/on-sigterm: ignore}}}}}}\n"
        );
        let options =
            Options { release: None, manifests: vec![Source { path: "m.yaml".into(), text: text.into() }] };
        behaviour(&world_with(entries, &options).workloads[0].scenario.workload.template.containers[0])
    };
    let web = |kind: &str, namespace: &str| {
        format!("apiVersion: apps/v1\nkind: {kind}\nmetadata: {{name: web{namespace}}}\nspec:\n")
    };
    let deployment = [created(annotated(controller("Deployment", "web", 1), "/spec/template/metadata"))];
    assert_eq!(of(&deployment, &web("Deployment", "")), (OnSigterm::Ignore, 3));
    assert_eq!(of(&deployment, &web("Deployment", ", namespace: shop")), (OnSigterm::Ignore, 3));
    assert_eq!(of(&deployment, &web("Deployment", ", namespace: other")), (OnSigterm::Exit, 3));
    assert_eq!(of(&deployment, &web("StatefulSet", "")), (OnSigterm::Exit, 3));
    let of_set = [created(owned(pod("web-0"), "StatefulSet", "web"))];
    assert_eq!(of(&of_set, &web("StatefulSet", "")), (OnSigterm::Ignore, 86_400));
}

#[test]
fn manifests_that_cannot_be_read_are_a_problem() {
    let source = Source { path: "m.yaml".into(), text: "kind: [".into() };
    let options = Options { release: None, manifests: vec![source] };
    let problems = Surveyor::default().composer(&options, None).map(drop).expect_err("no YAML");
    assert_eq!(problems[0].place.as_ref().map(|place| place.file.as_str()), Some("m.yaml"));
}
