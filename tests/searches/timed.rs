//! Timed searches: time can always go on, no run takes infinitely many steps without it, bounds are sharp, and following
//! one pod hides nothing that the clocks of all show.

use std::collections::{BTreeMap, BTreeSet};

use crate::common::{Checked, with_pre_stop};
use podproof_checker::System;
use podproof_model::reduced::focus;
use podproof_model::{ClusterState, step, time};
use podproof_vocabulary::action::Action;
use podproof_vocabulary::approximation::Approximation;
use podproof_vocabulary::event::{EventName, Story};
use podproof_vocabulary::mutant::{MUTANTS, Mutant};
use podproof_vocabulary::property::PROPERTIES;
use podproof_vocabulary::scenario::{OnSigterm, Probe, Timing};
use podproof_vocabulary::{Property, Scenario, catalogue};

/// No complete search of these tests has more states.
const STATES: u64 = 150_000;

/// Where a search ends that need not be complete.
const SHORT: u64 = 50_000;

fn focused(story: Story, nodes: usize) -> Scenario {
    Scenario { timing: Timing::Timed, ..catalogue::web("timed", story, 1, nodes) }
}

fn with_all_clocks(scenario: Scenario) -> Scenario {
    let approximations = scenario.approximations.without(Approximation::Focus);
    Scenario { approximations, ..scenario }
}

/// Why a run that stops in `state` is over; an error if time should go on there and cannot.
fn may_end(checked: &Checked, state: &ClusterState) -> Result<(), String> {
    checked.0.model.open(state, |cluster| {
        let mut possible = Vec::new();
        step::candidates(cluster, &mut possible);
        match cluster.shared.control_plane.followed() {
            Some(pod) if focus::is_over(cluster, pod) => Ok(()),
            Some(_) if !possible.iter().any(|action| time::is_clocked(cluster, action)) => Ok(()),
            None if possible.is_empty() => Ok(()),
            _ => Err(format!("time stands still before {possible:?}")),
        }
    })
}

/// A step, not a tick: where it leads, and whether a clock runs for it.
type Step = (usize, bool);

/// Every state in which nothing can be done is final, and every cycle contains a tick. Beside a followed pod the others
/// take any time, none at all included, so there the cycles that count are those with a step that has a clock.
fn time_goes_on(name: &str, scenario: Scenario) {
    let follows = scenario.approximations.has(Approximation::Focus);
    let checked = Checked::new(scenario);
    let mut numbers: BTreeMap<ClusterState, usize> = BTreeMap::new();
    let mut queue = Vec::new();
    let mut without_tick: Vec<Vec<Step>> = Vec::new();
    let mut ticks = 0_usize;
    for (state, ..) in checked.initial() {
        numbers.insert(state.clone(), queue.len());
        queue.push(state);
    }
    let mut transitions = Vec::new();
    while let Some(state) = queue.get(without_tick.len()).cloned() {
        assert!((queue.len() as u64) < STATES, "{name}: fewer states");
        checked.transitions(&state, &mut |transition| transitions.push(transition));
        if transitions.is_empty() {
            may_end(&checked, &state).unwrap_or_else(|why| panic!("{name}: {why}"));
        }
        let mut here = Vec::new();
        for transition in transitions.drain(..) {
            let number = *numbers.entry(transition.next.clone()).or_insert_with(|| {
                queue.push(transition.next);
                queue.len() - 1
            });
            let head = transition.action.head;
            match head {
                Action::Tick => ticks += 1,
                _ => here
                    .push((number, checked.0.model.open(&state, |cluster| time::is_clocked(cluster, &head)))),
            }
        }
        without_tick.push(here);
    }
    assert!(ticks > 0, "{name}: time passes");
    let counts = |clocked| clocked || !follows;
    assert!(!has_cycle(&without_tick, counts), "{name}: a cycle without a tick");
}

/// Is there a cycle with a step that counts?
fn has_cycle(graph: &[Vec<Step>], counts: impl Fn(bool) -> bool) -> bool {
    // Vertices are taken away one after the other, each when nothing leads to it any more; the rest is behind a cycle.
    let mut incoming = vec![0_usize; graph.len()];
    for &(to, _) in graph.iter().flatten() {
        incoming[to] += 1;
    }
    let mut free: Vec<usize> = (0..graph.len()).filter(|&vertex| incoming[vertex] == 0).collect();
    while let Some(vertex) = free.pop() {
        for &(to, _) in &graph[vertex] {
            incoming[to] -= 1;
            if incoming[to] == 0 {
                free.push(to);
            }
        }
    }
    let leads_back = |from: usize, to: usize| {
        let (mut seen, mut queue) = (BTreeSet::from([from]), vec![from]);
        while let Some(at) = queue.pop() {
            if at == to {
                return true;
            }
            queue.extend(graph[at].iter().map(|&(next, _)| next).filter(|&next| seen.insert(next)));
        }
        false
    };
    let behind = (0..graph.len()).filter(|&vertex| incoming[vertex] > 0);
    let mut steps =
        behind.flat_map(|vertex| graph[vertex].iter().map(move |&(to, clocked)| (vertex, to, clocked)));
    steps.any(|(from, to, clocked)| counts(clocked) && leads_back(to, from))
}

#[test]
fn a_cycle_is_told_from_a_join_and_from_what_is_behind_it() {
    let any = |_| true;
    assert!(!has_cycle(&[vec![(1, true), (2, true)], vec![(3, true)], vec![(3, true)], vec![]], any));
    assert!(has_cycle(&[vec![(1, true)], vec![(2, true)], vec![(1, true)]], any));
    assert!(has_cycle(&[vec![(0, false)]], any));
    // The clocked step only follows the cycle.
    let graph = [vec![(0, false), (1, true)], vec![(2, false)], vec![(2, false)]];
    assert!(has_cycle(&graph, any) && !has_cycle(&graph, |clocked| clocked));
}

#[test]
fn time_goes_on_for_a_followed_pod() {
    for (story, nodes) in [
        (Story::Create, 2),
        (Story::Rollout, 2),
        (Story::PodDeletion, 1),
        (Story::Drain, 1),
        (Story::NodeFailure, 2),
        (Story::Partition, 2),
        (Story::ScaleDown, 2),
        (Story::RuntimeHang, 2),
    ] {
        time_goes_on(story.name(), focused(story, nodes));
    }
}

#[test]
fn time_goes_on_with_all_clocks() {
    for (story, nodes) in [
        (Story::Create, 2),
        (Story::NodeFailure, 2),
        (Story::Partition, 1),
        (Story::ScaleDown, 1),
        (Story::RuntimeHang, 2),
    ] {
        time_goes_on(story.name(), with_all_clocks(focused(story, nodes)));
    }
    time_goes_on("rollout with preStop", with_all_clocks(with_pre_stop(focused(Story::Rollout, 1), 5)));
}

#[test]
fn time_goes_on_with_probes_signals_and_faults() {
    let probe = Probe {
        initial_delay_seconds: 0,
        period_seconds: 2,
        timeout_seconds: 1,
        success_threshold: 1,
        failure_threshold: 2,
    };
    for all in [false, true] {
        let clocks = |scenario| if all { with_all_clocks(scenario) } else { scenario };
        let mut probed = with_pre_stop(focused(Story::ScaleDown, 1), 5);
        let container = &mut probed.workload.template.containers[0];
        container.startup_probe = Some(probe);
        container.readiness_probe = Some(probe);
        container.liveness_probe = Some(probe);
        container.listens_after_seconds = 3;
        time_goes_on("probes", clocks(probed));
        for on_sigterm in [OnSigterm::Drain(5), OnSigterm::Close(5), OnSigterm::Ignore] {
            let mut scenario = with_pre_stop(focused(Story::ScaleDown, 1), 5);
            scenario.workload.template.containers[0].on_sigterm = on_sigterm;
            time_goes_on(&format!("{on_sigterm:?}"), clocks(scenario));
        }
        for event in [
            EventName::ContainerCrash,
            EventName::KubeletRestart,
            EventName::WatchBreak,
            EventName::NodePartition,
        ] {
            let mut scenario = focused(Story::Create, 1);
            scenario.events.set(event, 1);
            time_goes_on(event.name(), clocks(scenario));
        }
    }
}

/// The timed promises that a search finds broken.
fn broken(scenario: Scenario) -> BTreeSet<Property> {
    let report = Checked::new(scenario).report(2, STATES);
    assert!(report.is_complete(), "{:?}", report.stopped);
    let all = report.violations.iter().map(|violation| PROPERTIES[violation.property as usize].property);
    all.filter(|property| property.facts().timed).collect()
}

/// With a bound of so many seconds from a deletion to the rules, a preStop hook that long is too short, and one second
/// more is enough.
fn threshold_is_the_bound(base: &Scenario) {
    let bound = base.latencies.propagation();
    let refused = BTreeSet::from([Property::NoTrafficAfterSigterm, Property::NoFailedRequest]);
    for seconds in [bound - 1, bound] {
        assert_eq!(
            broken(with_pre_stop(base.clone(), seconds)),
            refused,
            "a preStop of {seconds} s within a bound of {bound} s"
        );
    }
    for seconds in [bound + 1, bound + 2] {
        let broken = broken(with_pre_stop(base.clone(), seconds));
        assert_eq!(broken, BTreeSet::new(), "a preStop of {seconds} s beyond a bound of {bound} s");
    }
}

fn with_latencies(mut scenario: Scenario, rows: &[(&str, u32)]) -> Scenario {
    for &(name, seconds) in rows {
        scenario.latencies.set(name, seconds).expect("a row of the table");
    }
    scenario
}

#[test]
fn a_pre_stop_of_four_seconds_is_too_short_and_five_are_enough() {
    let base = focused(Story::Rollout, 1);
    assert_eq!(base.latencies.propagation(), 4);
    threshold_is_the_bound(&base);
    threshold_is_the_bound(&focused(Story::Rollout, 2));
    threshold_is_the_bound(&with_all_clocks(base));
}

#[test]
fn the_threshold_follows_the_latencies() {
    for (rows, bound) in [
        (&[("watch", 2)][..], 6),
        (&[("proxy-sync", 3)], 6),
        (&[("endpoint-slice-sync", 5)], 8),
        (&[("watch", 2), ("endpoint-slice-sync", 2), ("proxy-sync", 2)], 8),
        (&[("watch", 0), ("proxy-sync", 2)], 3),
    ] {
        let base = with_latencies(focused(Story::Rollout, 1), rows);
        assert_eq!(base.latencies.propagation(), bound, "{rows:?}");
        threshold_is_the_bound(&base);
    }
    threshold_is_the_bound(&with_all_clocks(with_latencies(focused(Story::Rollout, 1), &[("watch", 2)])));
}

#[test]
fn the_last_pod_is_sent_connections_until_it_is_gone() {
    // With no ready endpoint left kube-proxy falls back to those that are serving and terminating (PRX-20), however long
    // the hook.
    let refused = BTreeSet::from([Property::NoTrafficAfterSigterm, Property::NoFailedRequest]);
    assert_eq!(broken(with_pre_stop(focused(Story::ScaleDown, 1), 20)), refused);
}

/// What the clocks of all show broken, following one pod shows too. A search with all clocks may be cut short.
fn focus_hides_nothing(name: &str, scenario: Scenario) -> BTreeSet<Property> {
    let focused = broken(scenario.clone());
    let report = Checked::new(with_all_clocks(scenario)).report(2, SHORT);
    let shown = report.violations.iter().map(|violation| PROPERTIES[violation.property as usize].property);
    let shown: BTreeSet<Property> = shown.filter(|property| property.facts().timed).collect();
    assert!(shown.is_subset(&focused), "{name}: all clocks show {shown:?}, a followed pod {focused:?}");
    shown
}

#[test]
fn what_all_clocks_show_broken_a_followed_pod_shows() {
    for story in Story::ALL {
        focus_hides_nothing(story.name(), focused(story, 1));
        focus_hides_nothing(story.name(), with_pre_stop(focused(story, 2), 5));
    }
    let mut partition = focused(Story::Partition, 2);
    partition.addresses_are_reused = true;
    let shown = Checked::new(with_all_clocks(partition.clone())).report(2, 400_000);
    let bit = Property::NoAvoidableBlackout as u32;
    assert!(
        shown.violations.iter().any(|violation| violation.property == bit),
        "a cut that heals leaves old rules"
    );
    assert!(broken(partition).contains(&Property::NoAvoidableBlackout), "the same for a followed pod");
}

/// DEL-17, DEL-18: a deletion with grace 0 removes the object in the write that asks for it.
#[test]
fn a_pod_that_is_removed_at_once_is_followed() {
    let refused = [Property::NoTrafficAfterSigterm, Property::NoFailedRequest, Property::NoMisroutedRequest];
    let mut no_grace = focused(Story::ScaleDown, 1);
    no_grace.workload.template.grace_seconds = 0;
    no_grace.addresses_are_reused = true;
    let mut forced = focused(Story::Create, 1);
    forced.events.set(EventName::ForceDeletePod, 1);
    forced.addresses_are_reused = true;
    for (name, scenario) in [("grace 0", no_grace), ("a forced deletion", forced)] {
        let shown = focus_hides_nothing(name, scenario);
        assert!(refused.iter().all(|property| shown.contains(property)), "{name}: {shown:?}");
    }
}

/// F-12: an address is published before its pod is ready, and freed when its sandbox dies.
#[test]
fn a_published_pod_is_followed_before_it_is_ready() {
    let mut published = focused(Story::Create, 1);
    published.addresses_are_reused = true;
    published.service.as_mut().expect("web has a Service").publish_not_ready_addresses = true;
    published.workload.template.containers[0].readiness_probe = Some(Probe {
        initial_delay_seconds: 0,
        period_seconds: 1,
        timeout_seconds: 1,
        success_threshold: 1,
        failure_threshold: 1,
    });
    published.workload.template.containers[0].listens_after_seconds = 100;
    published.events.set(EventName::SandboxDeath, 1);
    assert!(broken(published).contains(&Property::NoMisroutedRequest));
}

/// A pod that runs from the beginning on is evicted, and its address is used again while it is in the rules.
#[test]
fn a_pod_that_runs_from_the_beginning_on_is_followed() {
    let running = catalogue::termination("timed", 1);
    let mut evicted = Scenario { timing: Timing::Timed, story: Story::Create, ..running };
    evicted = with_pre_stop(evicted, 30);
    evicted.addresses_are_reused = true;
    evicted.events.set(EventName::ResourcePressure, 1);
    let shown = focus_hides_nothing("running from the beginning", evicted);
    assert!(shown.contains(&Property::NoMisroutedRequest), "{shown:?}");
}

/// Each mutant of each timed promise; a followed pod shows what all clocks show.
#[test]
fn wrong_rules_are_found_with_all_clocks_and_for_a_followed_pod() {
    let mut missing: BTreeSet<(Mutant, Property)> = MUTANTS
        .iter()
        .flat_map(|facts| facts.breaks.iter().map(|&property| (facts.mutant, property)))
        .filter(|(_, property)| property.facts().timed)
        .collect();
    for (story, mutant, properties) in [
        (Story::Create, Mutant::ProxyNeverAdds, &[Property::NoAvoidableBlackout][..]),
        (
            Story::ScaleDown,
            Mutant::SliceKeepsTerminatingReady,
            &[Property::NoTrafficAfterSigterm, Property::NoFailedRequest],
        ),
        (
            Story::ScaleDown,
            Mutant::ProxyNeverRemoves,
            &[Property::NoTrafficAfterSigterm, Property::NoFailedRequest, Property::NoMisroutedRequest],
        ),
        (Story::ScaleDown, Mutant::SigkillAtOnce, &[Property::GraceHonoured]),
        (Story::ScaleDown, Mutant::SigtermDuringPreStop, &[Property::GraceHonoured]),
    ] {
        let mut scenario = Scenario { mutant: Some(mutant), ..with_pre_stop(focused(story, 1), 5) };
        scenario.addresses_are_reused = properties.contains(&Property::NoMisroutedRequest);
        let shown = focus_hides_nothing(mutant.name(), scenario);
        for property in properties {
            assert!(shown.contains(property), "{mutant} breaks {property}: {shown:?}");
            missing.remove(&(mutant, *property));
        }
    }
    assert_eq!(missing, BTreeSet::new(), "mutants of timed promises that are not searched for here");
}
