//! Wrong mechanisms show of which it takes the whole cluster to see them: each of a kube-proxy, and some of controllers and kubelets.

use std::time::Duration;

use k8s_openapi::api::core::v1::{Node, Taint, Toleration};
use k8s_openapi::api::policy::v1::{PodDisruptionBudget, PodDisruptionBudgetSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use podproof_runtime::api::constants::{node_of, phase_of};
use podproof_runtime::api::patch::PodStatusPatch;
use podproof_runtime::api::{DeleteOptions, Key, Kind as _, Patch, Preconditions, Request, Resource};
use podproof_runtime::client::Call;
use podproof_runtime::container_runtime::simulated::behaviour::Behaviour;
use podproof_runtime::operation::{Component, NodeIndex, Operation, Process, Step};
use podproof_runtime::proxy::ProxyStep;
use podproof_runtime::{Slip, Slips};
use podproof_vocabulary::scenario::OnSigterm;

use crate::world::{World, web};

/// Holds without the slip for every seed, and is broken with it for at least one.
fn shows(slip: Slip, behaviour: Behaviour, broken: impl Fn(&mut World) -> bool) {
    let count = |slips| (0..24).filter(|&seed| broken(&mut World::with(seed, 2, behaviour, slips))).count();
    assert_eq!(count(Slips::NONE), 0, "broken without {slip}");
    assert!(count(Slips::only(slip)) > 0, "{slip} does not show");
}

fn up(world: &mut World, replicas: usize) {
    world.create(i32::try_from(replicas).expect("a few"), |_| ());
    world.eventually("it comes up", |world| world.ready("web:1") == replicas && world.converged(0..2));
}

#[test]
fn a_proxy_that_programs_too_early_cuts_everything_off() {
    shows(Slip::ProxyProgramsBeforeItIsSynced, Behaviour::default(), |world| {
        up(world, 1);
        let process = Process::Proxy(NodeIndex(0));
        world.cluster.stop(process);
        world.cluster.start(process);
        world.until(10, |world| world.rules(0).is_empty())
    });
}

#[test]
fn a_change_that_is_lost_while_rules_are_programmed_is_never_made_good() {
    shows(Slip::ProxyLosesChangesWhileProgramming, Behaviour::default(), |world| {
        world.create(3, |_| ());
        world.roll_out("web:2");
        !world.until(120, |world| world.ready("web:2") == 3 && world.converged(0..2))
    });
}

#[test]
fn endpoints_of_a_slice_that_is_gone_are_kept() {
    shows(Slip::ProxyKeepsDeletedSlices, Behaviour::default(), |world| {
        up(world, 2);
        let slices: Vec<Key> = {
            let store = world.cluster.server().store();
            store
                .all::<k8s_openapi::api::discovery::v1::EndpointSlice>()
                .map(|(key, _)| key.clone())
                .collect()
        };
        // The controller makes another one, under another name.
        for slice in slices {
            world.call(Request::Delete(Resource::EndpointSlice, slice, DeleteOptions::default()));
        }
        world.roll_out("web:2");
        !world.until(180, |world| world.ready("web:2") == 2 && world.converged(0..2))
    });
}

/// Nothing that the kube-proxy of the first node would program succeeds for so many seconds.
fn without_programming(world: &mut World, seconds: u64) {
    let proxy = Component::Proxy(NodeIndex(0));
    let end = world.cluster.now() + Duration::from_secs(seconds);
    let mut pending = Vec::new();
    while world.cluster.now() <= end {
        pending.clear();
        world.cluster.pending(&mut pending);
        if pending.iter().any(|it| it.component == proxy && it.step == Step::Proxy(ProxyStep::Program)) {
            let fails = Operation::new(proxy, Step::Proxy(ProxyStep::FailToProgram));
            world.cluster.complete(&fails).expect("it is pending");
        } else {
            world.step();
        }
    }
}

/// PRX-7: the retry is all that brings such rules in, where nothing changes any more.
#[test]
fn what_failed_to_be_programmed_and_is_forgotten_is_never_made_good() {
    shows(Slip::ProxyForgetsFailedProgramming, Behaviour::default(), |world| {
        up(world, 2);
        world.roll_out("web:2");
        without_programming(world, 120);
        !world.until(180, |world| world.ready("web:2") == 2 && world.converged(0..2))
    });
}

/// PRX-8: a pod goes while the kube-proxy is away, and its rules know the Service already.
#[test]
fn a_proxy_that_compares_by_presence_keeps_the_rules_that_it_finds() {
    shows(Slip::ProxyComparesByPresence, Behaviour::default(), |world| {
        up(world, 2);
        let process = Process::Proxy(NodeIndex(0));
        world.cluster.stop(process);
        let victim = world.pods()[0].key();
        world.delete(&victim, None);
        world.pass(120);
        world.cluster.start(process);
        !world.until(60, |world| world.ready("web:1") == 2 && world.converged(0..2))
    });
}

const DRAINS: Behaviour =
    Behaviour { runs_to_its_end: false, listens_after: Duration::ZERO, on_sigterm: OnSigterm::Drain(20) };

/// PRX-20: the only pod is being stopped and still serves.
#[test]
fn a_proxy_that_never_falls_back_refuses_connections_that_would_be_served() {
    shows(Slip::ProxyNeverFallsBack, DRAINS, |world| {
        up(world, 1);
        let victim = world.pods()[0].key();
        world.delete(&victim, None);
        let serving = |world: &World| {
            let address = std::net::Ipv4Addr::from([10, 1, 0, 1]);
            world.accepts(address) || world.accepts(std::net::Ipv4Addr::from([10, 1, 1, 1]))
        };
        world.until(8, |world| serving(world) && world.rules(0).is_empty())
    });
}

#[test]
fn a_proxy_that_takes_terminating_for_ready_sends_connections_to_who_leaves() {
    shows(Slip::ProxyTakesTerminatingForReady, DRAINS, |world| {
        up(world, 2);
        let victim = world.pods()[0];
        let address =
            victim.status.as_ref().and_then(|it| it.pod_ip.as_deref()?.parse().ok()).expect("it has one");
        let key = victim.key();
        world.delete(&key, None);
        world.pass(10);
        (0..2).any(|node| world.rules(node).contains(&address))
    });
}

/// TEC-3: taints that take the place of others leave the time that a pod has as it is.
#[test]
fn a_pod_that_gets_its_time_anew_with_every_taint_outstays_it() {
    shows(Slip::SwapRestartsToleration, Behaviour::default(), |world| {
        let toleration = |key: &str| Toleration {
            key: Some(key.to_owned()),
            operator: Some("Exists".to_owned()),
            effect: Some("NoExecute".to_owned()),
            toleration_seconds: Some(100),
            ..Toleration::default()
        };
        world.create(1, |spec| spec.tolerations = Some(vec![toleration("one"), toleration("two")]));
        world.eventually("it comes up", |world| world.ready("web:1") == 1);
        let pod = world.pods()[0].clone();
        let node = Key::global(node_of(&pod).expect("it runs"));
        let mut swap = |add: &str, remove: &str| {
            let taint =
                |key: &str| Taint { key: key.to_owned(), effect: "NoExecute".to_owned(), ..Taint::default() };
            let taints = Patch::NodeTaints { add: vec![taint(add)], remove: vec![taint(remove)] };
            world.call(Request::Patch(Resource::Node, node.clone(), Preconditions::NONE, taints));
            world.pass(60);
        };
        swap("one", "none");
        swap("two", "one");
        world.pods().iter().any(|own| own.uid() == pod.uid() && !own.is_deleting())
    });
}

/// PDB-1: a percentage is of what controllers want; in a rolling update there are more pods than that.
#[test]
fn a_percentage_of_the_pods_that_there_are_changes_with_them() {
    shows(Slip::PercentageOfPodsPresent, Behaviour::default(), |world| {
        up(world, 4);
        let labels = [("app".to_owned(), "web".to_owned())];
        let spec = PodDisruptionBudgetSpec {
            min_available: Some(IntOrString::String("50%".to_owned())),
            selector: Some(LabelSelector { match_labels: Some(labels.into()), match_expressions: None }),
            ..PodDisruptionBudgetSpec::default()
        };
        let mut budget = PodDisruptionBudget { spec: Some(spec), ..PodDisruptionBudget::default() };
        (budget.metadata.namespace, budget.metadata.name) = (Some("default".into()), Some("web".into()));
        world.call(Request::Create(budget.into()));
        let expects = |world: &World, pods| {
            let budget = world.cluster.server().store().get::<PodDisruptionBudget>(&web());
            let status = budget.and_then(|budget| budget.status.as_ref());
            status.is_some_and(|status| status.expected_pods == Some(pods))
        };
        world.eventually("it is counted", |world| expects(world, 4));
        world.roll_out("web:2");
        world.until(60, |world| !expects(world, 4))
    });
}

/// STM-2: what somebody says between the look of a kubelet and its patch stays.
#[test]
fn a_status_that_is_written_whole_takes_back_what_others_said() {
    shows(Slip::StatusPatchIsWhole, Behaviour::default(), |world| {
        world.create(1, |_| ());
        let is_patch = |call: &&Call| {
            matches!(call.caller, Component::Kubelet(_))
                && matches!(call.request, Request::Patch(Resource::Pod, ..))
        };
        let patched = |world: &World| world.cluster.calls().iter().find(is_patch).map(|call| call.id);
        world.eventually("a status is on its way", |world| patched(world).is_some());
        let call = patched(world).expect("it is on its way");
        let said = PodStatusPatch { message: Some("said".to_owned()), ..PodStatusPatch::default() };
        let pod = world.pods()[0].key();
        world.call(Request::Patch(Resource::Pod, pod, Preconditions::NONE, Patch::PodStatus(said)));
        world.eventually("it is written", |world| world.cluster.calls().get(call).is_none());
        let status = world.pods()[0].status.as_ref();
        status.is_none_or(|status| status.message.as_deref() != Some("said"))
    });
}

/// kubernetes/kubernetes#99336: a kubelet that learns of its pods before it has seen its node rejects those that run by its labels.
#[test]
fn a_kubelet_that_does_not_wait_for_its_node_rejects_what_runs() {
    shows(Slip::PodsBeforeOwnNode, Behaviour::default(), |world| {
        world.eventually("nodes register", |world| world.cluster.server().store().all::<Node>().count() == 2);
        let label = Patch::Label { name: "disk".to_owned(), value: Some("ssd".to_owned()) };
        world.call(Request::Patch(Resource::Node, Key::global("n0"), Preconditions::NONE, label));
        world.create(1, |spec| spec.node_selector = Some([("disk".to_owned(), "ssd".to_owned())].into()));
        world.eventually("it comes up", |world| world.ready("web:1") == 1);
        let kubelet = Process::Kubelet(NodeIndex(0));
        world.cluster.stop(kubelet);
        world.cluster.start(kubelet);
        // The lists of its node are lost for a while.
        let end = world.cluster.now() + Duration::from_secs(30);
        while world.cluster.now() <= end {
            let is_list = |call: &&Call| {
                call.caller.process() == kubelet && matches!(call.request, Request::List(Resource::Node, _))
            };
            let list = world.cluster.calls().iter().find(is_list).map(|call| (call.caller, call.id));
            match list {
                Some((caller, call)) => {
                    let lost = Operation::new(caller, Step::LoseRequest(call));
                    world.cluster.complete(&lost).expect("it is on its way");
                }
                None => world.step(),
            }
        }
        world.until(60, |world| world.pods().iter().any(|pod| phase_of(pod) == "Failed"))
    });
}
