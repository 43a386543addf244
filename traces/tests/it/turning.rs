//! Where the end of a trace could no longer be avoided.

use std::collections::BTreeSet;

use podproof_model::{ClusterState, Model};
use podproof_traces::{Reason, Trace, TurningPoint, turning, turning_point, why};
use podproof_vocabulary::action::{
    Action, Container, Environment, Kubelet, Proxy, Scheduler, Watch, Watcher,
};
use podproof_vocabulary::approximation::Approximation;
use podproof_vocabulary::event::{EventName, Story};
use podproof_vocabulary::mutant::Mutant;
use podproof_vocabulary::scenario::{Node, Timing};
use podproof_vocabulary::{NodeId, Property, Release, Scenario, catalogue};

use crate::common::{broken, crash_loop, lassos, short_pre_stop, web};

/// Does the promise keep standing when these steps come before the step at which it turns?
fn is_kept_in_the_other_order(trace: &Trace, step: usize, first: &[Action]) -> bool {
    let model = Model::new(trace.scenario.clone()).expect("it is small");
    let property = trace.property.expect("it breaks one");
    let mut state = model.initial().remove(0);
    let before = trace.stem[..step - 1].iter().map(|step| step.action);
    for action in before.chain(first.iter().copied()).chain([trace.stem[step - 1].action]) {
        let mut enabled = Vec::new();
        model.enabled(&state, &mut enabled);
        assert!(enabled.contains(&action), "{action:?} is possible");
        let next = model.apply(&state, &action);
        if model.judge(&state, &action, &next).broken.contains(property) {
            return false;
        }
        state = next;
    }
    true
}

/// Are these steps possible in place of the one at which it turns, and is there a run from there to rest that keeps the promise?
fn is_kept_with_the_other(trace: &Trace, step: usize, others: &[Action]) -> bool {
    let model = Model::new(trace.scenario.clone()).expect("it is small");
    let property = trace.property.expect("it breaks one");
    let mut state = model.initial().remove(0);
    let before = trace.stem[..step - 1].iter().map(|step| step.action);
    let enabled = |state: &ClusterState| {
        let mut enabled = Vec::new();
        model.enabled(state, &mut enabled);
        enabled
    };
    let kept = |state: &ClusterState, action: &Action| {
        let next = model.apply(state, action);
        (!model.judge(state, action, &next).broken.contains(property)).then_some(next)
    };
    for action in before.chain(others.iter().copied()) {
        assert!(enabled(&state).contains(&action), "{action:?} is possible");
        let Some(next) = kept(&state, &action) else { return false };
        state = next;
    }
    let (mut seen, mut open) = (BTreeSet::new(), vec![state]);
    while let Some(state) = open.pop() {
        let steps = enabled(&state);
        let own = steps.iter().filter(|action| !matches!(action, Action::Environment(_)));
        let next: Vec<_> = own.map(|action| kept(&state, action)).collect();
        if next.is_empty() {
            return true;
        }
        open.extend(next.into_iter().flatten().filter(|next| seen.insert(next.clone())));
    }
    false
}

#[test]
fn a_race_is_told_with_what_would_have_had_to_come_first() {
    let trace = broken(&web(Story::PodDeletion, None), Property::NoFailedRequest);
    let point = turning_point(&trace).expect("there is one");
    assert!(point.is_certain, "{point:?}");
    assert_eq!(point.step, trace.stem.len(), "until the process is gone the rules can still follow");
    assert!(matches!(trace.stem[point.step - 1].action, Action::Container(Container::Exit { .. })));
    let Reason::Order(first) = &point.reason else { panic!("a race: {point:?}") };
    assert!(matches!(first.last(), Some(Action::Proxy(Proxy::ProgramRules { .. }))), "{first:?}");
    assert!(is_kept_in_the_other_order(&trace, point.step, first));
    let says = turning(&trace).sentences.join("\n");
    assert!(
        says.contains("had all of this come before step 27, the promise could still be kept: "),
        "{says}"
    );
    assert!(says.contains("kube-proxy on node-1 programs the rules of Service web\n"), "{says}");
    assert!(
        says.contains(OTHER_POD) && !says.contains(WAIT),
        "it takes another pod, and no time is told: {says}"
    );
}

/// What befalls the cluster nobody in it prevents; another manifest may still help.
#[test]
fn an_event_is_told_without_saying_that_nothing_helps() {
    let text = include_str!("../../corpus/no-failed-request/crash-is-nobodys-news.json");
    let trace = Trace::from_json(text).expect("it is kept");
    assert_eq!(turning_point(&trace).expect("there is one").reason, Reason::Event);
    let says = turning(&trace).sentences.join("\n");
    assert!(
        says.ends_with(
            "nothing that was tried to be done first prevents that: what helps must have been so before"
        ),
        "{says}"
    );
}

#[test]
fn with_time_it_turns_before_the_end_where_nothing_can_come_in_between() {
    let mut scenario = short_pre_stop();
    scenario.approximations = scenario.approximations.without(Approximation::Focus);
    let trace = broken(&Scenario { story: Story::PodDeletion, ..scenario }, Property::NoFailedRequest);
    let point = turning_point(&trace).expect("there is one");
    let Reason::Order(first) = &point.reason else { panic!("a race: {point:?}") };
    assert!(is_kept_in_the_other_order(&trace, point.step, first));
    assert!(!first.contains(&Action::Tick), "an order of steps, not of time: {first:?}");
    let says = turning(&trace).sentences.join("\n");
    assert!(says.contains(OTHER_POD), "there is one pod: {says}");
}

#[test]
fn a_wrong_decision_is_told_with_the_right_one() {
    let mut scenario = web(Story::Create, Some(Mutant::SchedulerIgnoresResources));
    scenario.nodes.push(catalogue::node(2));
    scenario.nodes[0].allocatable.cpu_milli = 100;
    scenario.workload.template.containers[0].requests.cpu_milli = 200;
    let trace = broken(&scenario, Property::PlacementLawful);
    let point = turning_point(&trace).expect("there is one");
    assert_eq!(point.step, trace.stem.len());
    let assumed = |action: Action| match action {
        Action::Scheduler(Scheduler::AssumePod { node, .. }) => Some(node),
        _ => None,
    };
    let Reason::Instead { first, other } = point.reason.clone() else { panic!("a decision: {point:?}") };
    assert_eq!(first, []);
    assert!(is_kept_with_the_other(&trace, point.step, &[other]));
    let (wrong, right) = (assumed(trace.stem[point.step - 1].action), assumed(other));
    assert!(wrong.is_some() && right.is_some() && wrong != right, "{wrong:?}, {right:?}");
    assert!(
        turning(&trace).sentences[1]
            .starts_with(&format!("instead of step {} this would keep it", point.step))
    );
}

/// What would have been right may only be known from news that are on their way: then they are told with it.
#[test]
fn what_could_be_done_instead_is_told_with_what_it_takes() {
    let mut scenario = web(Story::Create, Some(Mutant::SchedulerIgnoresResources));
    scenario.nodes.push(Node { unschedulable: true, ..catalogue::node(2) });
    scenario.nodes[0].allocatable.cpu_milli = 100;
    scenario.workload.template.containers[0].requests.cpu_milli = 200;
    scenario.events.set(EventName::UncordonNode, 1);
    let found = broken(&scenario, Property::PlacementLawful);
    // The other node is opened at the last moment.
    let mut actions: Vec<Action> = found.stem.iter().map(|step| step.action).collect();
    let uncordon = Action::Environment(Environment::UncordonNode { node: NodeId(1) });
    actions.retain(|action| *action != uncordon);
    actions.insert(actions.len() - 1, uncordon);
    let model = Model::new(scenario).expect("it is small");
    let first = model.initial().remove(0);
    let trace = Trace::record(&model, Property::PlacementLawful, &first, &actions, None, None);
    let point = turning_point(&trace).expect("there is one");
    let Reason::Instead { first, other } = point.reason.clone() else { panic!("a decision: {point:?}") };
    let news = Action::Watch(Watch::DeliverNode { to: Watcher::Scheduler, node: NodeId(1) });
    assert_eq!(first.last(), Some(&news), "{first:?}");
    assert!(is_kept_with_the_other(&trace, point.step, &[&first[..], &[other]].concat()));
    assert!(
        first.iter().all(|action| !matches!(action, Action::Kubelet(_))),
        "no more than it takes: {first:?}"
    );
    let says = &turning(&trace).sentences[1];
    let told = format!("had all of this come in place of step {}, in this order, ", point.step);
    assert!(says.starts_with(&told) && says.contains("; "), "{says}");
}

#[test]
fn a_progress_promise_turns_where_the_last_way_to_keep_it_is_lost() {
    // The kubelet never removes the object: lost from the deletion on.
    let mutant = web(Story::PodDeletion, Some(Mutant::KubeletNeverRemoves));
    let found = lassos(&mutant, Property::DeletionCompletes);
    let rest = found.iter().find(|trace| trace.cycle.is_empty()).expect("it rests");
    let point = turning_point(rest).expect("there is one");
    let turned = rest.stem[point.step - 1].action;
    assert!(matches!(turned, Action::Environment(_)), "{turned:?}");
    assert_eq!(point.reason, Reason::Event);
}

#[test]
fn what_can_always_still_be_met_has_no_turning_point() {
    let found = lassos(&crash_loop(), Property::NoexecuteEvicts);
    let round = found.iter().find(|trace| !trace.cycle.is_empty()).expect("it goes round");
    // Nothing ever rests here, so that it is lost cannot be told from that it only lasts.
    assert!(turning_point(round).is_none_or(|point| !point.is_certain));
}

#[test]
fn what_follows_one_pod_and_what_the_model_does_not_take_has_none() {
    let followed = broken(&short_pre_stop(), Property::NoFailedRequest);
    assert!(followed.followed.is_some());
    assert_eq!(turning_point(&followed), None);
    assert!(turning(&followed).sentences[0].contains("podproof trace shrink"), "{:?}", turning(&followed));
    let trace = broken(&web(Story::PodDeletion, None), Property::NoFailedRequest);
    assert_eq!(turning_point(&Trace { scenario: web(Story::Create, None), ..trace }), None);
}

#[test]
fn a_kill_too_early_turns_at_the_kill() {
    let mut scenario = web(Story::PodDeletion, Some(Mutant::SigkillAtOnce));
    scenario.timing = Timing::Untimed;
    let trace = broken(&scenario, Property::GraceHonoured);
    let point = turning_point(&trace).expect("there is one");
    let turned = trace.stem[point.step - 1].action;
    assert!(matches!(turned, Action::Kubelet(Kubelet::SendSigkill { .. })), "{turned:?}: {point:?}");
}

/// What is told of the end of a trace of the corpus, and of where it turns.
fn told_of(text: &str) -> (String, String) {
    let trace = Trace::from_json(text).expect("it is kept");
    (why(&trace), turning(&trace).sentences.join("\n"))
}

const WAIT: &str = "what keeps the pod serving must last longer than that";
const FALLBACK: &str = "kube-proxy falls back to those that terminate and are still reported to serve";
const OTHER_POD: &str = "waiting for the rules does not help; what helps is another pod that is ready";

/// Rules that have followed the deletion lead to the pod all the same where no endpoint is ready: no wait is long enough.
#[test]
fn where_the_rules_fall_back_no_wait_is_advised() {
    let (why, turns) =
        told_of(include_str!("../../corpus/no-failed-request/drain-takes-all-pods-at-once.json"));
    assert!(why.ends_with(FALLBACK), "{why}");
    assert!(turns.contains(OTHER_POD) && !turns.contains(WAIT), "{turns}");
    // Another pod is ready there: the rules lose the one that goes.
    let (why, turns) =
        told_of(include_str!("../../corpus/no-failed-request/budget-does-not-wait-for-rules.json"));
    assert!(!why.contains(FALLBACK), "{why}");
    assert!(turns.contains(WAIT) && !turns.contains(OTHER_POD), "{turns}");
}

/// The rules have not followed yet, and would fall back if they had.
#[test]
fn the_only_pod_is_fallen_back_to_before_the_rules_follow_too() {
    let mut scenario = short_pre_stop();
    scenario.approximations = scenario.approximations.without(Approximation::Focus);
    scenario.workload.template.containers[0].pre_stop = None;
    scenario.story = Story::PodDeletion;
    let newest = broken(&scenario, Property::NoFailedRequest);
    let turns = turning(&newest).sentences.join("\n");
    assert!(turns.contains(OTHER_POD) && !turns.contains(WAIT), "{turns}");
    // Before 1.26 the rules lead nowhere then, and nobody is sent to the pod.
    scenario.release = Release { minor: 25 };
    let turns = turning(&broken(&scenario, Property::NoFailedRequest)).sentences.join("\n");
    let bound = "a deletion is in the rules of every node within 4 s (watch 1 s, EndpointSlice 1 s, watch 1 s, kube-proxy 1 s)";
    assert!(turns.contains(bound) && turns.contains(WAIT) && !turns.contains(OTHER_POD), "{turns}");
}

#[test]
fn that_what_breaks_a_promise_comes_last_is_no_news() {
    let trace = broken(&web(Story::PodDeletion, None), Property::NoFailedRequest);
    let point = turning_point(&trace).expect("there is one");
    assert!(point.is_break && point.step == trace.stem.len());
    let says = point.told(&trace);
    assert!(says[0].contains(&format!("step {} itself, ", point.step)), "{says:?}");
    assert!(!says[0].contains("after it no more"), "{says:?}");
    let never = TurningPoint { reason: Reason::Never, ..point };
    let says = never.told(&trace);
    assert!(says[0].contains("itself, ") && says[0].contains("no order of steps was found"), "{says:?}");
    assert!(!says[0].contains("could still be kept"), "{says:?}");
    let before = TurningPoint { is_break: false, step: 3, ..never };
    assert!(
        before.told(&trace)[0].ends_with("could still be kept, after it no more"),
        "{:?}",
        before.told(&trace)
    );
}
