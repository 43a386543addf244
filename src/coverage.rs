//! Steps that a search never took although its scenario has what they are about: what depends on them holds without having
//! been tried.

use podproof_vocabulary::Scenario;
use podproof_vocabulary::action::CLASSES;
use podproof_vocabulary::event::{EventName, Story};
use podproof_vocabulary::scenario::{Beginning, WorkloadKind};

/// What happens when an event befalls the cluster; of the drain of a pod alone, and of a scale to a number, the other class tells.
fn event_of(class: &str) -> Option<EventName> {
    Some(match class {
        "environment/change-template" => EventName::Rollout,
        "environment/scale" => EventName::Scale,
        "environment/delete-pod" => EventName::DeletePod,
        "environment/force-delete-pod" => EventName::ForceDeletePod,
        "environment/evict-pod" => EventName::EvictPod,
        "environment/cordon-node" => EventName::CordonNode,
        "environment/uncordon-node" => EventName::UncordonNode,
        "environment/drain-node" => EventName::DrainNode,
        "environment/taint-node" => EventName::TaintNode,
        "environment/untaint-node" => EventName::UntaintNode,
        "environment/relabel-node" => EventName::LabelNode,
        "environment/add-node" => EventName::AddNode,
        "environment/remove-node" => EventName::RemoveNode,
        "environment/crash-node" => EventName::NodeCrash,
        "environment/return-node" => EventName::NodeReturn,
        "environment/partition-node" => EventName::NodePartition,
        "environment/heal-partition" => EventName::PartitionHeal,
        "environment/stop-kubelet" => EventName::KubeletRestart,
        "environment/crash-container" => EventName::ContainerCrash,
        "environment/finish-container" => EventName::ContainerExit,
        "environment/change-readiness" => EventName::ReadinessChange,
        "environment/change-liveness" => EventName::LivenessChange,
        "environment/kill-sandbox" => EventName::SandboxDeath,
        "environment/hang-runtime" => EventName::RuntimeHang,
        "environment/recover-runtime" => EventName::RuntimeRecovery,
        "environment/fail-cni" => EventName::CniFailure,
        "environment/break-watches" => EventName::WatchBreak,
        "environment/lose-response" => EventName::LostResponse,
        "environment/stop-controller-manager" => EventName::ControllerManagerRestart,
        "environment/stop-scheduler" => EventName::SchedulerRestart,
        "environment/stop-proxy" => EventName::ProxyStop,
        "environment/stop-api-server" => EventName::ApiServerRestart,
        "environment/evict-under-pressure" => EventName::ResourcePressure,
        _ => return None,
    })
}

/// The kinds of steps that the scenario should lead to. What happens only to those who have no luck (a pod that fits nowhere,
/// a process that must be killed) is not among them; the events that it allows are: nothing is known of one that never came.
fn expected(scenario: &Scenario) -> impl Fn(&str) -> bool + '_ {
    let template = &scenario.workload.template;
    let kind = scenario.workload.kind;
    let any =
        |has: fn(&podproof_vocabulary::scenario::Container) -> bool| template.containers.iter().any(has);
    let story = scenario.story;
    let creates = scenario.begins == Beginning::Nothing;
    let stops = matches!(story, Story::Rollout | Story::PodDeletion | Story::Drain | Story::ScaleDown);
    let is_allowed = |event| scenario.events.count(event) > 0 && scenario.scale_targets.is_empty();
    move |class| match class {
        class if event_of(class).is_some_and(is_allowed) => true,
        "watch/deliver-deployment" => kind == WorkloadKind::Deployment,
        "deployment/create-replica-set" => creates && kind == WorkloadKind::Deployment,
        "deployment/scale-replica-set" => kind == WorkloadKind::Deployment && story == Story::Rollout,
        "watch/deliver-replica-set" | "replica-set/plan-replicas" | "replica-set/update-status" => {
            kind != WorkloadKind::Pod
        }
        "replica-set/create-pod" => creates && kind != WorkloadKind::Pod,
        "replica-set/choose-victim" | "replica-set/delete-pod" => {
            kind == WorkloadKind::Deployment && matches!(story, Story::Rollout | Story::ScaleDown)
        }
        "watch/deliver-pod" | "kubelet/report-status" | "kubelet/relist" => true,
        "scheduler/assume-pod"
        | "scheduler/bind-pod"
        | "kubelet/create-sandbox"
        | "kubelet/start-container" => creates,
        "container/listen" => creates && any(|container| container.listens_after_seconds > 0),
        "watch/deliver-budget" | "disruption/update-status" => !scenario.budgets.is_empty(),
        "watch/deliver-slice" | "endpoint-slice/write-slice" | "proxy/program-rules" => {
            scenario.service.as_ref().is_some_and(|service| !service.headless)
        }
        "node-lifecycle/mark-node-unknown"
        | "node-lifecycle/taint-no-execute"
        | "taint-eviction/delete-pod" => story == Story::NodeFailure && scenario.nodes.len() > 1,
        "kubelet/notice-hang" => story == Story::RuntimeHang,
        "kubelet/flip-readiness" => any(|container| container.readiness_probe.is_some()),
        "kubelet/pass-startup" => any(|container| container.startup_probe.is_some()),
        "kubelet/run-pre-stop" => stops && any(|container| container.pre_stop.is_some()),
        "kubelet/begin-termination"
        | "kubelet/send-sigterm"
        | "container/exit"
        | "kubelet/stop-sandbox"
        | "kubelet/remove-pod" => stops,
        "drain/list-pods" | "drain/evict-pod" => story == Story::Drain,
        _ => false,
    }
}

/// The kinds of steps that were to be expected and were not taken, by name. `coverage` has a count for each class.
pub fn never_taken(scenario: &Scenario, coverage: &[u64]) -> Vec<&'static str> {
    let expected = expected(scenario);
    let was_taken = |class: usize| coverage.get(class).is_some_and(|&count| count > 0);
    let never = CLASSES.iter().enumerate().filter(|&(class, name)| !was_taken(class) && expected(name));
    never.map(|(_, &name)| name).collect()
}

#[cfg(test)]
mod tests {
    use podproof_vocabulary::catalogue;

    use super::*;

    #[test]
    fn every_class_that_is_expected_exists() {
        let source = include_str!("coverage.rs");
        let named = source.split('"').filter(|text| text.contains('/') && !text.contains(' '));
        let named: Vec<_> = named.collect();
        assert!(named.len() > 20);
        for name in named {
            assert!(CLASSES.contains(&name), "{name}");
        }
    }

    #[test]
    fn every_event_has_a_class() {
        let named: Vec<_> = CLASSES.iter().filter_map(|class| event_of(class)).collect();
        let missing: Vec<_> = EventName::all().filter(|event| !named.contains(event)).collect();
        assert_eq!(missing, []);
    }

    #[test]
    fn a_search_that_took_nothing_lacks_what_its_story_is_about() {
        let never = never_taken(&catalogue::web("none", Story::Drain, 1, 2), &[]);
        assert!(never.contains(&"drain/evict-pod") && never.contains(&"kubelet/send-sigterm"));
        assert!(!never.contains(&"kubelet/notice-hang") && !never.contains(&"kubelet/run-pre-stop"));
        let running = never_taken(&catalogue::termination("none", 2), &[]);
        assert!(running.contains(&"kubelet/send-sigterm") && !running.contains(&"kubelet/create-sandbox"));
        let mut labelled = catalogue::web("labelled", Story::Create, 1, 2);
        labelled.events.set(EventName::LabelNode, 1);
        assert!(never_taken(&labelled, &[]).contains(&"environment/relabel-node"));
        let all = vec![1; CLASSES.len()];
        assert!(never_taken(&catalogue::web("all", Story::Drain, 1, 2), &all).is_empty());
    }
}
