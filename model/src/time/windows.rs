//! Which clock each step runs against, and when it may be taken.

use podproof_vocabulary::action::{
    Action, Container, Deployment, Disruption, Drain, Kubelet, NodeLifecycle, PodGarbageCollector, Process,
    ReplicaSet, Scheduler, Watch, Watcher,
};
use podproof_vocabulary::approximation::Approximation;
use podproof_vocabulary::scenario::{Hang, PreStop, Probe};

use super::clocks::{Clock, OfContainer, OfNode, OfPod, OfReplicaSet, Once};
use crate::cluster::Cluster;
use crate::controllers::{pod_garbage_collector, taint_eviction};
use crate::fairness;
use crate::kubelet::{back_off, container_runtime, probes};
use crate::rules::Tolerated;

/// When a step may be taken, in seconds since its clock started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Window {
    pub(super) from: u32,
    pub(super) to: u32,
}

impl Window {
    const fn within(bound: u32) -> Self {
        Self { from: 0, to: bound }
    }

    const fn exactly(length: u32) -> Self {
        Self { from: length, to: length }
    }

    /// A taint that the pod does not tolerate ends the timer of one that it tolerates for a time (TEC-4). A shorter time
    /// for a taint that it does tolerate does not.
    pub(super) fn cancels_timer(self, action: &Action) -> bool {
        matches!(action, Action::TaintEviction(_)) && self.from == 0
    }
}

/// A result of a probe that takes `threshold` runs (PRB-4). A worker has one probe on its way at a time, so where one takes longer than the
/// period the next begins when it has ended (S28 `pkg/kubelet/prober/worker.go` `run`).
fn probe_window(probe: Probe, threshold: u32, from_start: bool) -> Window {
    let delay = if from_start { probe.initial_delay_seconds } else { 0 };
    Window {
        from: delay.saturating_add(threshold.saturating_sub(1).saturating_mul(probe.period_seconds)),
        to: delay
            .saturating_add(threshold.saturating_mul(probe.period_seconds.max(probe.timeout_seconds)))
            .saturating_add(probe.timeout_seconds),
    }
}

/// A step that waits much longer than messages take: a toleration, the node-monitor grace, a back-off. With the
/// approximation that they fire when quiet they have no clocks.
pub fn is_slow(cluster: &Cluster<'_>, action: &Action) -> bool {
    match *action {
        Action::TaintEviction(podproof_vocabulary::action::TaintEviction::DeletePod { pod }) => {
            !matches!(taint_eviction::tolerated(cluster, pod), Tolerated::No | Tolerated::For(0))
        }
        Action::Kubelet(Kubelet::StartContainer { pod, container }) => {
            let state = cluster.container(pod, container);
            state.cached().has_exited() && state.backoff() > 0
        }
        Action::NodeLifecycle(NodeLifecycle::MarkNodeUnknown { .. })
        | Action::Scheduler(Scheduler::FlushPod { .. })
        | Action::Deployment(Deployment::ExceedProgressDeadline)
        | Action::PodGarbageCollector(PodGarbageCollector::FailPod { .. })
        | Action::Disruption(Disruption::ForgetDisruption { .. })
        | Action::Kubelet(Kubelet::NoticeHang { .. }) => true,
        _ => false,
    }
}

/// The clock that a step runs against, and when it may be taken; none takes any time. What nobody promises comes at any moment.
pub(super) fn timing(cluster: &Cluster<'_>, action: &Action) -> Option<(Clock, Window)> {
    use Window as W;
    let scenario = &cluster.rules.scenario;
    let l = &scenario.latencies;
    let is_slow = cluster.rules.approximates(Approximation::SlowTimersWhenQuiet) && is_slow(cluster, action);
    if is_slow || fairness::is_left_open(cluster, action) {
        return None;
    }
    Some(match *action {
        Action::Tick | Action::Environment(_) => return None,
        // An event in a ring has its own clock, which runs behind others too.
        Action::Watch(watch) if cluster.rules.clocks.run_for_events() && is_of_ring(watch) => return None,
        Action::Watch(watch) => (watch_clock(watch), W::within(l.watch)),
        Action::Scheduler(step) => match step {
            Scheduler::AssumePod { pod, .. } | Scheduler::ParkPod { pod } | Scheduler::BindPod { pod } => {
                (Clock::Pod(OfPod::Schedule, pod), W::within(l.scheduler))
            }
            Scheduler::FlushPod { pod } => (Clock::Pod(OfPod::Flush, pod), W::exactly(l.unschedulable_flush)),
        },
        Action::Deployment(Deployment::ExceedProgressDeadline) => {
            let deadline = scenario.workload.progress_deadline_seconds.unwrap_or(0);
            (Clock::Once(Once::Deadline), W::exactly(deadline))
        }
        Action::Deployment(_) => (Clock::Once(Once::DeploymentSync), W::within(l.controller_sync)),
        Action::ReplicaSet(step) => match step {
            ReplicaSet::PlanReplicas { revision }
            | ReplicaSet::CreatePod { revision }
            | ReplicaSet::UpdateStatus { revision } => {
                (Clock::ReplicaSet(OfReplicaSet::Sync, revision), W::within(l.controller_sync))
            }
            ReplicaSet::ChooseVictim { .. } => return None,
            ReplicaSet::DeletePod { pod } => (Clock::Pod(OfPod::Planned, pod), W::within(l.controller_sync)),
            ReplicaSet::CountAvailable { pod } => {
                (Clock::Pod(OfPod::Available, pod), W::exactly(scenario.workload.min_ready_seconds))
            }
        },
        Action::NodeLifecycle(step) => match step {
            // NLC-3: the silence is counted from the last renewal, up to a period before it began, and noticed by a
            // pass up to a period later (9.1).
            NodeLifecycle::MarkNodeUnknown { node } => {
                let window = W {
                    from: l.node_monitor_grace.saturating_sub(l.heartbeat),
                    to: l.node_monitor_grace + l.heartbeat,
                };
                (Clock::Node(OfNode::Silence, node), window)
            }
            NodeLifecycle::MarkPodNotReady { pod } => {
                (Clock::Pod(OfPod::Mark, pod), W::within(l.controller_sync))
            }
            NodeLifecycle::TaintNoSchedule { node } => {
                (Clock::Node(OfNode::TaintNoSchedule, node), W::within(l.controller_sync))
            }
            NodeLifecycle::TaintNoExecute { node } => {
                (Clock::Node(OfNode::TaintNoExecute, node), W::within(l.controller_sync))
            }
        },
        Action::TaintEviction(podproof_vocabulary::action::TaintEviction::DeletePod { pod }) => {
            let window = match taint_eviction::tolerated(cluster, pod) {
                Tolerated::For(seconds) if seconds > 0 => W::exactly(seconds),
                _ => W::within(l.controller_sync),
            };
            (Clock::Pod(OfPod::Evict, pod), window)
        }
        Action::PodGarbageCollector(step) => match step {
            PodGarbageCollector::FailPod { pod } => {
                let quarantined = pod_garbage_collector::is_quarantined(cluster, pod);
                let from = if quarantined { l.orphan_quarantine } else { 0 };
                (Clock::Pod(OfPod::Collect, pod), W { from, to: from + pod_garbage_collector::PERIOD })
            }
            PodGarbageCollector::DeletePod { pod } => {
                (Clock::Pod(OfPod::Collect, pod), W::within(l.controller_sync))
            }
        },
        Action::Disruption(step) => match step {
            Disruption::UpdateStatus => (Clock::Once(Once::BudgetSync), W::within(l.controller_sync)),
            Disruption::ForgetDisruption { pod } => {
                (Clock::Pod(OfPod::Disruption, pod), W::exactly(l.disruption_timeout))
            }
        },
        Action::EndpointSlice(_) => (Clock::Once(Once::SliceSync), W::within(l.endpoint_slice_sync)),
        Action::Kubelet(step) => return kubelet_timing(cluster, step),
        Action::Container(step) => return process_timing(cluster, step),
        Action::Proxy(podproof_vocabulary::action::Proxy::ProgramRules { node }) => {
            (Clock::Node(OfNode::Program, node), W::within(l.proxy_sync))
        }
        Action::Drain(step) => match step {
            Drain::ListPods => (Clock::Once(Once::DrainList), W::within(l.eviction_retry)),
            Drain::EvictPod { pod } => (Clock::Pod(OfPod::Drain, pod), W::within(l.eviction_retry)),
            Drain::DeletePod { pod } => (Clock::Pod(OfPod::Drain, pod), W::within(l.controller_sync)),
        },
        Action::Process(step) => {
            let clock = match step {
                Process::StartApiServer => Clock::Once(Once::ApiServerStart),
                Process::StartScheduler => Clock::Once(Once::SchedulerStart),
                Process::StartControllerManager => Clock::Once(Once::ControllerManagerStart),
                Process::StartKubelet { node } => Clock::Node(OfNode::Start, node),
            };
            (clock, W::within(l.process_start))
        }
    })
}

/// Is this the delivery of an event that an exact search keeps in a ring?
pub(super) fn is_of_ring(watch: Watch) -> bool {
    !matches!(watch, Watch::List { .. } | Watch::DeliverBudget)
}

fn watch_clock(watch: Watch) -> Clock {
    match watch {
        Watch::DeliverPod { to: Watcher::Scheduler, pod } => Clock::Pod(OfPod::ToScheduler, pod),
        Watch::DeliverPod { to: Watcher::ControllerManager, pod } => {
            Clock::Pod(OfPod::ToControllerManager, pod)
        }
        Watch::DeliverPod { to: _, pod } => Clock::Pod(OfPod::ToKubelet, pod),
        Watch::DeliverNode { to: Watcher::Scheduler, node } => Clock::Node(OfNode::ToScheduler, node),
        Watch::DeliverNode { to: _, node } => Clock::Node(OfNode::ToControllerManager, node),
        Watch::DeliverDeployment => Clock::Once(Once::ToDeployment),
        Watch::DeliverReplicaSet { revision } => Clock::ReplicaSet(OfReplicaSet::Delivery, revision),
        Watch::DeliverBudget => Clock::Once(Once::ToBudget),
        Watch::DeliverSlice { node } => Clock::Node(OfNode::ToProxy, node),
        Watch::List { watcher } => match watcher {
            Watcher::Scheduler => Clock::Once(Once::SchedulerList),
            Watcher::ControllerManager => Clock::Once(Once::ControllerManagerList),
            Watcher::Kubelet(node) => Clock::Node(OfNode::KubeletList, node),
            Watcher::Proxy(node) => Clock::Node(OfNode::ProxyList, node),
        },
    }
}

fn kubelet_timing(cluster: &Cluster<'_>, step: Kubelet) -> Option<(Clock, Window)> {
    use Window as W;
    let l = &cluster.rules.scenario.latencies;
    Some(match step {
        Kubelet::BeginTermination { pod }
        | Kubelet::CreateSandbox { pod }
        | Kubelet::StopSandbox { pod }
        | Kubelet::FinishPod { pod }
        | Kubelet::ForgetPod { pod } => (Clock::Pod(OfPod::Worker, pod), W::within(l.kubelet_reaction)),
        Kubelet::StartContainer { pod, container } => {
            let state = cluster.container(pod, container);
            let (from, to) = match state.cached().has_exited() || state.is_end_known() {
                true => back_off::restart_seconds(cluster, state),
                false => (0, 0),
            };
            let window = W { from, to: to.saturating_add(l.kubelet_reaction) };
            (Clock::Container(OfContainer::Start, pod, container), window)
        }
        Kubelet::StopContainer { pod, container } => {
            (Clock::Container(OfContainer::Start, pod, container), W::within(l.kubelet_reaction))
        }
        // What a kill does next it does at once.
        Kubelet::RunPreStop { pod, container }
        | Kubelet::SendSigterm { pod, container }
        | Kubelet::SendSigkill { pod, container } => {
            (Clock::Container(OfContainer::Signal, pod, container), W::within(0))
        }
        Kubelet::FinishPreStop { pod, container } => {
            let window = match container_runtime::hook_of(cluster, pod, container) {
                Some(PreStop::Seconds(seconds)) => W::exactly(seconds),
                Some(PreStop::AtLeast(from)) => {
                    W { from, to: container_runtime::grace_seconds(cluster, pod).max(from) }
                }
                Some(PreStop::AnyTime) | None => W::within(container_runtime::grace_seconds(cluster, pod)),
            };
            (Clock::Container(OfContainer::Hook, pod, container), window)
        }
        Kubelet::ExpireGrace { pod, container } => (
            Clock::Container(OfContainer::Grace, pod, container),
            W::exactly(container_runtime::grace_seconds(cluster, pod)),
        ),
        Kubelet::ReportStatus { pod } => (Clock::Pod(OfPod::Status, pod), W::within(l.status_report)),
        Kubelet::RemovePod { pod } => (Clock::Pod(OfPod::Removal, pod), W::within(l.final_deletion)),
        Kubelet::FlipReadiness { pod, container } => {
            let probe = cluster.rules.container(container).readiness?;
            let turns_ready = cluster.container(pod, container).answers_readiness();
            let threshold = if turns_ready { probe.success_threshold } else { probe.failure_threshold };
            let window = probe_window(probe, threshold, false);
            // The first probe waits for its initial delay; how much of it has passed is not kept.
            let to = if turns_ready { window.to + probe.initial_delay_seconds } else { window.to };
            (Clock::Container(OfContainer::Readiness, pod, container), W { from: window.from, to })
        }
        Kubelet::PassStartup { pod, container } => {
            let probe = cluster.rules.container(container).startup?;
            let window = probe_window(probe, 1, false);
            (
                Clock::Container(OfContainer::Probe, pod, container),
                W { from: 0, to: window.to + probe.initial_delay_seconds },
            )
        }
        Kubelet::FailProbe { pod, container } => {
            let rules = cluster.rules.container(container);
            let started = probes::is_started(cluster, pod, container);
            let probe = if started { rules.liveness } else { rules.startup }?;
            let fresh = !cluster.container(pod, container).has_listened();
            (
                Clock::Container(OfContainer::Probe, pod, container),
                probe_window(probe, probe.failure_threshold, fresh),
            )
        }
        Kubelet::Relist { node } => (Clock::Node(OfNode::Relist, node), W::within(l.pleg_relist)),
        Kubelet::NoticeHang { node } => {
            let after = match cluster.rules.scenario.hang {
                Hang::RpcTimeout => l.runtime_timeout.min(l.pleg_threshold),
                _ => l.pleg_threshold,
            };
            (Clock::Node(OfNode::Notice, node), W { from: after, to: after + l.heartbeat })
        }
        Kubelet::ReportNodeStatus { node } => (Clock::Node(OfNode::Status, node), W::within(l.heartbeat)),
    })
}

fn process_timing(cluster: &Cluster<'_>, step: Container) -> Option<(Clock, Window)> {
    match step {
        Container::Listen { pod, container } => {
            let after = cluster.rules.container(container).listens_after;
            Some((Clock::Container(OfContainer::Listen, pod, container), Window::exactly(after)))
        }
        Container::Exit { pod, container } if cluster.container(pod, container).sigterm() => {
            let after = cluster.rules.container(container).exits_after()?;
            Some((Clock::Container(OfContainer::Exit, pod, container), Window::exactly(after)))
        }
        // How long an init container takes nobody says; nor when CNI uses an address again.
        Container::Exit { .. } | Container::ReuseAddress { .. } => None,
    }
}

#[cfg(test)]
mod tests {
    use podproof_vocabulary::NodeId;
    use podproof_vocabulary::action::{Environment, TaintEviction};
    use podproof_vocabulary::observation::Process as Runs;
    use podproof_vocabulary::scenario::{CUSTOM_TAINT, Scenario, TaintEffect, Toleration};

    use super::*;
    use crate::state::ControllerView;
    use crate::test_cluster::{C0, IntoAction, N0, P0, TestCluster};

    /// PRB-4: a worker asks again when its probe has ended, so one that takes longer than the period sets the pace.
    #[test]
    fn a_probe_that_takes_longer_than_its_period_sets_the_pace() {
        for (period_seconds, timeout_seconds, from, to) in [(10, 1, 20, 31), (5, 5, 10, 20), (2, 7, 4, 28)] {
            let probe = Probe {
                initial_delay_seconds: 3,
                period_seconds,
                timeout_seconds,
                success_threshold: 1,
                failure_threshold: 3,
            };
            let window = probe_window(probe, probe.failure_threshold, false);
            assert_eq!(window, Window { from, to }, "{period_seconds} {timeout_seconds}");
            let from_start = probe_window(probe, probe.failure_threshold, true);
            assert_eq!(from_start, Window { from: from + 3, to: to + 3 });
        }
    }

    fn window(cluster: &TestCluster, action: impl IntoAction) -> Option<(u32, u32)> {
        let action = action.into_action();
        cluster.look(|cluster| timing(cluster, &action).map(|(_, window)| (window.from, window.to)))
    }

    fn web(tweak: impl FnOnce(&mut Scenario)) -> TestCluster {
        TestCluster::web(1, 1, tweak)
    }

    /// SCH-10, RS-7, DEP-8, PDB-6, PGC-3, PGC-6.
    #[test]
    fn each_timer_of_the_control_plane_waits_as_long_as_its_latency_says() {
        let mut cluster = web(|s| {
            s.workload.min_ready_seconds = 7;
            s.workload.progress_deadline_seconds = Some(600);
        });
        assert_eq!(window(&cluster, Scheduler::FlushPod { pod: P0 }), Some((300, 300)));
        assert_eq!(window(&cluster, ReplicaSet::CountAvailable { pod: P0 }), Some((7, 7)));
        assert_eq!(window(&cluster, Deployment::ExceedProgressDeadline), Some((600, 600)));
        assert_eq!(window(&cluster, Disruption::ForgetDisruption { pod: P0 }), Some((120, 120)));
        let fail = PodGarbageCollector::FailPod { pod: P0 };
        assert_eq!(window(&cluster, fail), Some((0, 20)), "it was never bound");
        cluster.change(|cluster| {
            let missing = ControllerView::new().with_present(true).with_node(Some(NodeId(9)));
            cluster.pod_mut(P0).controller.set_view(missing);
        });
        assert_eq!(window(&cluster, fail), Some((40, 60)), "a node that is not there is in quarantine");
        assert_eq!(window(&cluster, PodGarbageCollector::DeletePod { pod: P0 }), Some((0, 1)));
    }

    /// NLC-3, PLEG-4, F-7; an alarm without a cause comes at any moment.
    #[test]
    fn detectors_wait_for_their_thresholds() {
        let unknown = NodeLifecycle::MarkNodeUnknown { node: N0 };
        let mut silent = web(|_| {});
        assert_eq!(window(&silent, unknown), None);
        silent.befall(Environment::StopKubelet { node: N0 });
        assert_eq!(
            window(&silent, unknown),
            Some((40, 60)),
            "50 s since the last of the heartbeats, 10 s apart"
        );
        let notice = Kubelet::NoticeHang { node: N0 };
        for (hang, expected) in [(Hang::RpcTimeout, (30, 40)), (Hang::StuckInspect, (180, 190))] {
            let mut hung = web(|s| s.hang = hang);
            assert_eq!(window(&hung, notice), None, "{hang:?}");
            hung.befall(Environment::HangRuntime { node: N0 });
            assert_eq!(window(&hung, notice), Some(expected), "{hang:?}");
        }
    }

    /// TEC-2, TEC-3.
    #[test]
    fn an_eviction_waits_exactly_as_long_as_its_taint_is_tolerated() {
        for (seconds, expected) in [(None, (0, 1)), (Some(0), (0, 1)), (Some(8), (8, 8))] {
            let mut cluster = web(|s| {
                s.workload.template.tolerations.extend(seconds.map(|seconds| Toleration {
                    key: CUSTOM_TAINT.into(),
                    exists: true,
                    value: String::new(),
                    effect: Some(TaintEffect::NoExecute),
                    seconds: Some(seconds),
                }));
            });
            cluster.change(|cluster| {
                let here = ControllerView::new().with_present(true).with_node(Some(N0));
                cluster.pod_mut(P0).controller.set_view(here);
                let tainted = cluster.node(N0).api.with_custom(true);
                cluster.node_mut(N0).controller = tainted;
            });
            assert_eq!(window(&cluster, TaintEviction::DeletePod { pod: P0 }), Some(expected), "{seconds:?}");
        }
    }

    /// PRB-4: each result takes its own threshold; the first waits for the initial delay.
    #[test]
    fn results_of_probes_wait_for_their_thresholds_and_for_the_first_delay() {
        let mut cluster = web(|s| {
            let probe = Probe {
                initial_delay_seconds: 3,
                period_seconds: 10,
                timeout_seconds: 1,
                success_threshold: 2,
                failure_threshold: 3,
            };
            let container = &mut s.workload.template.containers[0];
            (container.startup_probe, container.readiness_probe, container.liveness_probe) =
                (Some(Probe { success_threshold: 1, ..probe }), Some(probe), Some(probe));
        });
        let flip = Kubelet::FlipReadiness { pod: P0, container: C0 };
        let fail = Kubelet::FailProbe { pod: P0, container: C0 };
        assert_eq!(window(&cluster, flip), Some((20, 31)), "three failures");
        assert_eq!(window(&cluster, Kubelet::PassStartup { pod: P0, container: C0 }), Some((0, 14)));
        assert_eq!(
            window(&cluster, fail),
            Some((23, 34)),
            "the startup probe, from the start of the process"
        );
        cluster.change(|cluster| {
            let state = cluster.container_mut(P0, C0);
            state.set_cached(Runs::Running);
            state.set_probe_started(true);
            state.set_accepting(true);
            state.set_has_listened(true);
        });
        assert_eq!(window(&cluster, flip), Some((10, 24)), "two successes, the first after the delay");
        assert_eq!(window(&cluster, fail), Some((20, 31)), "the liveness probe of one that has listened");
    }
}
