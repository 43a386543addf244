//! What a terminal shows of a trace.

use crate::common::{broken, crash_loop, lassos, short_pre_stop, web};
use podproof_traces::{Style, Trace, TraceStep, View, show, show_as};
use podproof_vocabulary::Property;
use podproof_vocabulary::action::Action;
use podproof_vocabulary::event::{EventName, Story};
use podproof_vocabulary::mutant::Mutant;
use podproof_vocabulary::scenario::{
    BudgetAsk, Container, ContainerKind, DisruptionBudget, IntOrPercent, OnSigterm, PreStop, Strategy,
};
use podproof_vocabulary::{Scenario, catalogue};

const PLAIN: Style = Style { colour: false, width: 100 };

/// The end of the story, which names the culprit.
fn ending(trace: &Trace) -> String {
    let story = show(trace, Style { colour: false, width: 1000 });
    let (_, last) = story.trim_end().rsplit_once("\n\n").expect("a story has more than one paragraph");
    last.to_owned()
}

fn broken_by(mutant: Mutant, story: Story, property: Property) -> String {
    ending(&broken(&web(story, Some(mutant)), property))
}

#[test]
fn a_failed_request_is_a_story() {
    let trace = broken(&web(Story::PodDeletion, None), Property::NoFailedRequest);
    insta::assert_snapshot!(show(&trace, PLAIN));
}

/// From where on it is asked for, with what is so there.
#[test]
fn a_story_is_told_from_any_step_on() {
    let trace = broken(&web(Story::PodDeletion, None), Property::NoFailedRequest);
    insta::assert_snapshot!(show_as(&trace, PLAIN, View { full: false, from: Some(13), file: None }));
    let whole = show_as(&trace, PLAIN, View { full: false, from: Some(1), file: None });
    assert!(!whole.contains("not told"), "{whole}");
}

#[test]
fn a_lasso_is_drawn_as_a_loop() {
    let found = lassos(&crash_loop(), Property::NoexecuteEvicts);
    let trace = found.iter().find(|trace| trace.cycle.len() == 7).unwrap();
    insta::assert_snapshot!(show(trace, PLAIN));
}

#[test]
fn every_step_of_a_folded_story_is_in_a_line() {
    let trace = broken(&short_pre_stop(), Property::NoFailedRequest);
    let story = show(&trace, PLAIN);
    let told = story.lines().find_map(|line| line.strip_prefix("steps 1-")?.split_once(' '));
    let mut next: usize = told.expect("what leads up is folded").0.parse().unwrap();
    for line in story.lines() {
        let numbers = line.split_whitespace().next().unwrap_or_default();
        let (first, last) = numbers.split_once('-').unwrap_or((numbers, numbers));
        if let (Ok(first), Ok(last)) = (first.parse::<usize>(), last.parse::<usize>())
            && first == next + 1
        {
            next = last;
        }
    }
    assert_eq!(next, trace.stem.len(), "{story}");
}

#[test]
fn a_timed_story_tells_the_seconds() {
    let story = show(&broken(&short_pre_stop(), Property::NoFailedRequest), PLAIN);
    let last = story.lines().rfind(|line| line.contains("exits")).unwrap();
    assert!(last.contains("  3 s  "), "{last}");
    assert!(story.contains("time: the clocks of one pod run, from step 46 on"), "{story}");
}

#[test]
fn a_run_of_ticks_is_one_line_that_counts_them() {
    let mut ticks = broken(&short_pre_stop(), Property::NoFailedRequest);
    let tick = ticks.stem.iter().find(|step| step.action == Action::Tick).unwrap().clone();
    ticks.stem = (1..=3).map(|number| TraceStep { tick: number, ..tick.clone() }).collect();
    let story = show(&ticks, PLAIN);
    // Whoever brings news into the rules has a lane although it does nothing.
    assert!(
        story.contains("\n          │ endpointslice\n          │ │ kube-proxy\n1-3  3 s  ● │ │ 3 s pass\n"),
        "{story}"
    );
}

#[test]
fn an_untimed_story_has_no_seconds() {
    let story = show(&broken(&web(Story::PodDeletion, None), Property::NoFailedRequest), PLAIN);
    assert!(!story.contains(" 0 s "), "{story}");
}

#[test]
fn a_rest_ends_in_nothing() {
    let found =
        lassos(&web(Story::PodDeletion, Some(Mutant::KubeletNeverRemoves)), Property::DeletionCompletes);
    let story = show(found.iter().find(|trace| trace.cycle.is_empty()).unwrap(), PLAIN);
    assert!(story.contains("\nthen nothing more happens\n"), "{story}");
    assert!(
        story.ends_with(
            "so deletion-completes is broken\n  pod web-l4f8/0 is deleting and never removed\n  pod web-l4f8/0 is deleting and \
             stays: the kubelet on node-1 has stopped it, and its object is not\n    removed\n"
        ),
        "{story}"
    );
}

#[test]
fn a_cycle_is_told_once() {
    let found = lassos(&crash_loop(), Property::NoexecuteEvicts);
    let trace = found.iter().find(|trace| trace.cycle.len() == 7).unwrap();
    let story = show(trace, PLAIN);
    let (_, cycle) = story.split_once("\nthen, for ever:\n").unwrap();
    let first = format!(" {}  ", trace.stem.len() + 1);
    assert!(
        cycle.starts_with("┌> ") && cycle.lines().next().is_some_and(|line| line.contains(&first)),
        "{cycle}"
    );
    assert!(
        cycle.ends_with(
            "pod web-l4f8/0 does not tolerate a NoExecute taint of its node and stays\n  pod web-l4f8/0 is not deleted\n"
        ),
        "{cycle}"
    );
}

#[test]
fn colours_dim_the_routine_and_change_no_word() {
    let trace = broken(&web(Story::PodDeletion, None), Property::NoFailedRequest);
    let full = View { full: true, from: None, file: None };
    let coloured = show_as(&trace, Style { colour: true, width: 100 }, full);
    assert!(coloured.contains("\u{1b}[2mPLEG on node-1 lists the containers\u{1b}[0m"), "{coloured}");
    let mut plain = coloured;
    for code in ["0", "1", "2", "33", "35", "36", "1;31"] {
        plain = plain.replace(&format!("\u{1b}[{code}m"), "");
    }
    assert_eq!(plain, show_as(&trace, PLAIN, full));
}

#[test]
fn no_line_is_wider_than_the_terminal() {
    let trace = broken(&web(Story::PodDeletion, None), Property::NoFailedRequest);
    for width in [60, 80, 132] {
        let story = show(&trace, Style { colour: false, width });
        let widest = story.lines().map(|line| line.chars().count()).max().unwrap();
        assert!(widest <= width, "{widest} columns of {width}\n{story}");
    }
}

#[test]
fn a_full_story_drops_no_step() {
    let trace = broken(&web(Story::Rollout, Some(Mutant::SigkillAtOnce)), Property::GraceHonoured);
    let story = show_as(&trace, PLAIN, View { full: true, from: None, file: None });
    for number in 1..=trace.stem.len() {
        assert!(
            story.lines().any(|line| line.trim_start().starts_with(&format!("{number}  "))),
            "step {number}\n{story}"
        );
    }
}

#[test]
fn a_trace_that_the_model_no_longer_takes_is_told_all_the_same() {
    let mut trace = broken(&web(Story::PodDeletion, None), Property::NoFailedRequest);
    trace.scenario.story = Story::Create;
    let end = ending(&trace);
    assert!(end.ends_with("the model of today does not take these steps: replay says which"), "{end}");
}

#[test]
fn a_scenario_without_a_model_is_told_all_the_same() {
    let mut trace = broken(&web(Story::PodDeletion, None), Property::NoFailedRequest);
    trace.scenario.slots = 255;
    assert!(show(&trace, PLAIN).contains("step 27 breaks no-failed-request"));
}

#[test]
fn traffic_after_sigterm_names_node_pod_and_container() {
    let mut scenario = web(Story::PodDeletion, None);
    scenario.workload.template.containers[0].on_sigterm = OnSigterm::Drain(5);
    let end = ending(&broken(&scenario, Property::NoTrafficAfterSigterm));
    let guilt = "node-1 still routes new connections of Service web to pod web-l4f8/0 (its address #0), \
                 whose container app has received SIGTERM";
    assert!(end.contains(guilt), "{end}");
    let race =
        "the kubelet was faster: the EndpointSlice controller has not seen yet that the pod is being deleted";
    assert!(end.ends_with(race), "{end}");
}

#[test]
fn a_misrouted_request_names_the_address() {
    let mut scenario = web(Story::PodDeletion, None);
    scenario.addresses_are_reused = true;
    let end = ending(&broken(&scenario, Property::NoMisroutedRequest));
    assert!(
        end.contains(
            "to pod web-l4f8/0 (its address #0), and a pod of another workload has that address now"
        ),
        "{end}"
    );
}

#[test]
fn a_blackout_names_the_pod_that_could_serve() {
    let end = broken_by(Mutant::ProxyNeverAdds, Story::Create, Property::NoAvoidableBlackout);
    assert!(
        end.contains(
            "node-1 routes no connection of Service web to a pod that accepts it, although pod web-l4f8/0"
        ),
        "{end}"
    );
}

#[test]
fn a_wrong_slice_names_the_pod() {
    let end = broken_by(Mutant::SliceKeepsTerminatingReady, Story::PodDeletion, Property::ReadyMeansReady);
    assert!(
        end.ends_with("the slice calls pod web-l4f8/0 ready, and its writer's copy of the pod is deleting"),
        "{end}"
    );
}

#[test]
fn a_broken_grace_period_names_the_container() {
    let end = broken_by(Mutant::SigkillAtOnce, Story::PodDeletion, Property::GraceHonoured);
    assert!(
        end.contains("container app of pod web-l4f8/0 gets SIGKILL before the grace in force has run out"),
        "{end}"
    );
    let mut scenario = web(Story::PodDeletion, Some(Mutant::SigtermDuringPreStop));
    scenario.workload.template.containers[0].pre_stop = Some(PreStop::Seconds(5));
    let end = ending(&broken(&scenario, Property::GraceHonoured));
    assert!(
        end.ends_with("container app of pod web-l4f8/0 gets SIGTERM while its preStop hook runs"),
        "{end}"
    );
}

#[test]
fn a_pod_that_goes_too_early_is_named() {
    let end = broken_by(Mutant::KubeletRemovesEarly, Story::PodDeletion, Property::StoppedBeforeGone);
    assert!(end.ends_with("pod web-l4f8/0 is removed while its container app runs"), "{end}");
}

#[test]
fn a_container_that_outlives_its_sandbox_is_named() {
    let end = broken_by(Mutant::SandboxStoppedFirst, Story::PodDeletion, Property::SandboxHoldsNamespaces);
    assert!(end.ends_with("container app of pod web-l4f8/0 runs, and its sandbox is gone"), "{end}");
}

#[test]
fn a_container_that_starts_too_late_is_named() {
    let end = broken_by(Mutant::WorkerStartsAfterTermination, Story::PodDeletion, Property::TerminalIsFinal);
    assert!(
        end.contains("container app of pod web-l4f8/0 is started although its worker terminates the pod"),
        "{end}"
    );
}

fn with_init(mutant: Mutant, kind: ContainerKind) -> Scenario {
    let mut scenario = web(Story::PodDeletion, Some(mutant));
    let first = Container { name: "first".into(), kind, ports: Vec::new(), ..catalogue::app() };
    scenario.workload.template.containers.insert(0, first);
    scenario.workload.template.serving = 1;
    scenario
}

#[test]
fn a_container_that_does_not_wait_is_named() {
    let end = ending(&broken(
        &with_init(Mutant::AppsDoNotWaitForInit, ContainerKind::Init),
        Property::InitBeforeApp,
    ));
    assert!(end.contains("container app of pod web-l4f8/0 is started, and container first "), "{end}");
    let end = ending(&broken(
        &with_init(Mutant::SidecarsStopWithApps, ContainerKind::Sidecar),
        Property::InitBeforeApp,
    ));
    assert!(
        end.ends_with("container first of pod web-l4f8/0 gets SIGTERM while container app runs"),
        "{end}"
    );
}

#[test]
fn too_many_pods_are_counted() {
    let mut scenario = web(Story::Rollout, Some(Mutant::RecreateDoesNotWait));
    scenario.workload.strategy = Strategy::Recreate;
    let end = ending(&broken(&scenario, Property::PodsWithinSurge));
    assert!(
        end.ends_with("2 pods are alive at once, pod web-l4f8/0, pod web-kpb6/1; replicas + maxSurge is 1"),
        "{end}"
    );
}

#[test]
fn a_rollout_out_of_bounds_is_counted() {
    let mut scenario = catalogue::web("x", Story::Rollout, 2, 1);
    scenario.mutant = Some(Mutant::DeploymentIgnoresSurge);
    let end = ending(&broken(&scenario, Property::RolloutWithinBounds));
    assert!(end.ends_with("the ReplicaSets want 4 replicas now; replicas + maxSurge is 3"), "{end}");
    scenario.mutant = Some(Mutant::DeploymentIgnoresUnavailable);
    let end = ending(&broken(&scenario, Property::RolloutWithinBounds));
    assert!(end.contains("fewer than replicas - maxUnavailable, 2, are left"), "{end}");
}

#[test]
fn a_budget_that_is_overspent_is_counted() {
    let mut scenario = catalogue::web("x", Story::Drain, 2, 2);
    scenario.mutant = Some(Mutant::EvictionSpendsNothing);
    scenario.budgets = vec![DisruptionBudget {
        name: "web".into(),
        ask: BudgetAsk::MinAvailable(IntOrPercent::Int(1)),
        always_allow_unhealthy: false,
    }];
    let end = ending(&broken(&scenario, Property::DisruptionBudgetKept));
    assert!(end.ends_with(" leaves 0 healthy pods, and PodDisruptionBudget web asks for 1"), "{end}");
}

#[test]
fn a_node_that_is_too_full_is_named() {
    let mut scenario = web(Story::Rollout, Some(Mutant::SchedulerIgnoresResources));
    scenario.nodes[0].allocatable.pods = 1;
    let end = ending(&broken(&scenario, Property::PlacementLawful));
    assert!(end.ends_with("the scheduler's own cache rules node-1 out for pod web-kpb6/1"), "{end}");
    scenario.events.set(EventName::DeletePod, 0);
    scenario.mutant = Some(Mutant::AdmissionIgnoresResources);
    scenario.workload.template.node_name = Some("node-1".into());
    let end = ending(&broken(&scenario, Property::PlacementLawful));
    assert!(end.ends_with("node-1 has room for 1 and runs pod web-l4f8/0, pod web-kpb6/1"), "{end}");
}

#[test]
fn an_address_that_two_pods_hold_is_told() {
    let mut scenario = web(Story::PodDeletion, Some(Mutant::AddressFreedEarly));
    scenario.addresses_are_reused = true;
    let end = ending(&broken(&scenario, Property::OneAddressOnePod));
    assert!(
        end.contains(
            "the sandbox of pod web-l4f8/0 holds its address #0, and so does a pod of another workload"
        ),
        "{end}"
    );
}
