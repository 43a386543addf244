//! The EndpointSlice controller: the slice of the Service, from the controller manager's copy of the pods.
//!
//! Source: G33 `endpointslice/utils.go`, `reconciler.go`, `util/controller_utils.go`. One slice holds all endpoints (up to
//! 100 do in Kubernetes). Left out: the controller's lag on its own slices (EPS-9), retries that give up (EPS-8),
//! legacy Endpoints.

use podproof_vocabulary::action::{Action, EndpointSlice};
use podproof_vocabulary::mutant::Mutant;
use podproof_vocabulary::{NodeId, PodId};

use crate::cluster::Cluster;
use crate::scope::{Part, Parts, Scope};
use crate::state::{ControllerView, Endpoint};
use crate::watch;

/// The entry that a pod has, by the controller's copy of it (EPS-1 to EPS-5).
pub fn entry_of(cluster: &Cluster<'_>, view: ControllerView) -> Endpoint {
    // EPS-5: the node's object must exist.
    let node_exists = view
        .node()
        .is_some_and(|node| node.index() < cluster.rules.nodes && cluster.node(node).controller.exists());
    entry(cluster, view, node_exists)
}

/// The same, as if the pod's Node object were there or not.
fn entry(cluster: &Cluster<'_>, view: ControllerView, node_exists: bool) -> Endpoint {
    let Some(service) = &cluster.rules.scenario.service else { return Endpoint::new() };
    let keeps_terminating = cluster.rules.scenario.release.keeps_terminating_endpoints();
    let publishes = service.publish_not_ready_addresses;
    // EPS-4; before 1.22 a deleting pod left the slice at once, unless its Service publishes what is not ready.
    let included = view.present()
        && (!view.phase().is_terminal() || cluster.has_mutant(Mutant::SliceKeepsEndedPods))
        && view.address().is_some()
        && (node_exists || publishes)
        && (keeps_terminating || publishes || !view.deleting());
    if !included {
        return Endpoint::new();
    }
    let serving = view.ready() || cluster.has_mutant(Mutant::SliceIgnoresReadiness);
    let terminating = view.deleting() && !cluster.has_mutant(Mutant::SliceKeepsTerminatingReady);
    let ready = publishes || (serving && !terminating);
    // EPS-6: a slice that does not tell the other conditions is taken to serve if it is ready, and not to terminate.
    Endpoint::new()
        .with_address(view.address())
        .with_ready(ready)
        .with_serving(if keeps_terminating { serving } else { ready })
        .with_terminating(keeps_terminating && view.deleting())
}

/// The slice differs from what the copy asks for in this pod's entry, and the controller looks: that the pod's Node object is gone is no
/// news of a pod or of a Service, and what is in the slice stays until there are some (S28 `endpointslice_controller.go` `deleteNode` asks
/// for the topology alone). A node that is there again is seen by a retry (EPS-5, EPS-8).
pub fn is_stale(cluster: &Cluster<'_>, pod: PodId) -> bool {
    let column = cluster.pod(pod);
    let view = column.controller.view();
    let is_as_with_its_node = column.slice.is_present() && entry(cluster, view, true) == column.slice;
    entry_of(cluster, view) != column.slice && (!is_as_with_its_node || column.controller.left_out_next())
}

/// News of a pod have come: if they tell of what endpoints tell, its Service is looked at (EPS-7; G33 `util/controller_utils.go`
/// `podEndpointsChanged`: any change of a pod that is being deleted is one).
pub fn note_news(cluster: &mut Cluster<'_>, before: ControllerView, now: ControllerView) {
    let tells = before.present() != now.present()
        || before.node() != now.node()
        || before.address() != now.address()
        || before.ready() != now.ready()
        || (before != now && (before.deleting() || now.deleting()));
    if tells {
        look(cluster);
    }
}

/// The Service is looked at: whoever of it has no Node object is left out next (EPS-5). That a list brings it brings somebody to it, too
/// (G33 `endpointslice_controller.go` `onServiceUpdate` compares nothing).
pub fn look(cluster: &mut Cluster<'_>) {
    if !cluster.rules.may_lose_node_objects() {
        return;
    }
    for pod in cluster.pod_ids() {
        let column = cluster.pod(pod);
        let is_left_out =
            column.slice.is_present() && !entry_of(cluster, column.controller.view()).is_present();
        if is_left_out {
            cluster.pod_mut(pod).controller.set_left_out_next(true);
        }
    }
}

/// Something that has come is still to be written: whoever looks at the Service then sees what has come since.
pub fn is_awaited(cluster: &Cluster<'_>) -> bool {
    cluster.rules.may_lose_node_objects()
        && cluster.rules.scenario.service.is_some()
        && cluster.used_pods().any(|pod| is_stale(cluster, pod))
}

/// News of a node have come, while the slice `was_awaited` or not: its pods are left out no more if it is there again, and next if it is gone
/// and somebody is about to look (EPS-5, EPS-7: a Service that is in the queue is in it once).
pub fn note_node(cluster: &mut Cluster<'_>, node: NodeId, was_awaited: bool) {
    if cluster.node(node).controller.exists() {
        for column in cluster.pods.iter_mut().filter(|column| column.controller.view().node() == Some(node)) {
            column.controller.set_left_out_next(false);
        }
    } else if was_awaited {
        look(cluster);
    }
}

/// The parts whose candidates are its.
pub const PARTS: Parts = Parts::of(&[Part::Slice]);

/// The steps that the controller can take.
pub fn candidates(cluster: &Cluster<'_>, _scope: Scope, out: &mut Vec<Action>) {
    // Of all pods, whichever was touched: while one is followed the write keeps its latency for that one's sake alone, and
    // follows at once, for the others, when that one's entry is right.
    let runs = !cluster.shared.control_plane.controller_manager_down();
    if runs
        && cluster.rules.scenario.service.is_some()
        && cluster.used_pods().any(|pod| is_stale(cluster, pod))
    {
        out.push(Action::EndpointSlice(EndpointSlice::WriteSlice));
    }
}

/// Writes the slice: all entries at once.
pub fn apply(cluster: &mut Cluster<'_>, step: EndpointSlice) {
    let EndpointSlice::WriteSlice = step;
    for pod in cluster.pod_ids() {
        let entry = entry_of(cluster, cluster.pod(pod).controller.view());
        let column = cluster.pod_mut(pod);
        column.slice = entry;
        column.controller.set_left_out_next(false);
    }
    watch::publish_slice(cluster);
}

#[cfg(test)]
mod tests {
    use podproof_vocabulary::action::{Environment, Kubelet, Watch, Watcher};
    use podproof_vocabulary::observation::{Address, Phase};
    use podproof_vocabulary::release::Release;
    use podproof_vocabulary::scenario::Scenario;

    use super::*;
    use crate::test_cluster::{N0, N1, P0, P1, TestCluster};

    fn view() -> ControllerView {
        let view = ControllerView::new().with_present(true).with_node(Some(N0));
        view.with_phase(Phase::Running).with_ready(true).with_address(Some(Address(0)))
    }

    fn entry(tweak: impl FnOnce(&mut Scenario), view: ControllerView) -> Endpoint {
        TestCluster::web(1, 1, tweak).look(|cluster| entry_of(cluster, view))
    }

    fn publish(s: &mut Scenario) {
        s.service.as_mut().unwrap().publish_not_ready_addresses = true;
    }

    /// EPS-1 to EPS-3: the table of 6.3.
    #[test]
    fn the_conditions_of_an_endpoint_follow_readiness_deletion_and_the_service() {
        for (pod_ready, deleting, publishes, ready, serving, terminating) in [
            (true, false, false, true, true, false),
            (false, false, false, false, false, false),
            (true, true, false, false, true, true),
            (false, true, false, false, false, true),
            (true, false, true, true, true, false),
            (false, false, true, true, false, false),
            (true, true, true, true, true, true),
            (false, true, true, true, false, true),
        ] {
            let tweak =
                |s: &mut Scenario| s.service.as_mut().unwrap().publish_not_ready_addresses = publishes;
            let entry = entry(tweak, view().with_ready(pod_ready).with_deleting(deleting));
            let seen = (entry.ready(), entry.serving(), entry.terminating());
            assert_eq!(seen, (ready, serving, terminating), "{pod_ready} {deleting} {publishes}");
        }
    }

    /// EPS-4.
    #[test]
    fn terminal_pods_and_pods_without_an_address_have_no_endpoint() {
        for phase in [Phase::Succeeded, Phase::Failed] {
            assert!(!entry(publish, view().with_phase(phase)).is_present());
        }
        assert!(!entry(publish, view().with_address(None)).is_present());
        assert!(entry(|_| {}, view().with_phase(Phase::Pending)).is_present());
        assert!(!entry(|_| {}, ControllerView::new()).is_present());
        assert!(!entry(|s| s.service = None, view()).is_present());
    }

    /// EPS-4, before terminating endpoints were kept (S20 `endpointslice/reconciler.go` `includeTerminating`).
    #[test]
    fn in_1_21_a_deleting_pod_leaves_unless_it_is_published_anyway() {
        let of_1_21 = |s: &mut Scenario| s.release = Release { minor: 21 };
        let published = |s: &mut Scenario| {
            of_1_21(s);
            publish(s);
        };
        assert!(!entry(of_1_21, view().with_deleting(true)).is_present());
        let deleting = entry(published, view().with_ready(false).with_deleting(true));
        assert!(deleting.is_present() && deleting.ready());
        assert_eq!((deleting.serving(), deleting.terminating()), (true, false), "EPS-6");
    }

    /// EPS-5.
    #[test]
    fn a_pod_whose_node_is_not_there_is_left_out_unless_it_is_published_anyway() {
        for node in [N1, NodeId(9)] {
            let without_node = |s: &mut Scenario| {
                s.nodes.push(podproof_vocabulary::catalogue::node(2));
                s.spare_nodes = 1;
            };
            assert!(!entry(without_node, view().with_node(Some(node))).is_present());
            let published = |s: &mut Scenario| {
                without_node(s);
                publish(s);
            };
            assert!(entry(published, view().with_node(Some(node))).is_present());
        }
    }

    /// EPS-2, 13.2.
    #[test]
    fn a_terminating_endpoint_stays_from_1_22_on() {
        for (minor, stays) in [(20, true), (21, false), (22, true), (36, true)] {
            let entry = entry(|s| s.release = Release { minor }, view().with_deleting(true));
            assert_eq!(entry.is_present(), stays, "1.{minor}");
        }
    }

    /// EPS-11: the slice follows the controller's copy, not the store.
    #[test]
    fn the_slice_is_written_when_the_controller_has_seen_the_change() {
        let mut cluster = TestCluster::running(1, 1, |_| {});
        cluster.delete(P0);
        assert!(!cluster.can(EndpointSlice::WriteSlice));
        cluster.take(Watch::DeliverPod { to: Watcher::ControllerManager, pod: P0 });
        assert!(cluster.seen().slots[0].endpoint.unwrap().ready);
        cluster.take(EndpointSlice::WriteSlice);
        assert!(!cluster.seen().slots[0].endpoint.unwrap().ready);
        assert!(!cluster.can(EndpointSlice::WriteSlice));
    }

    /// 8.1, EPS-4, as the recording of a deletion under traffic shows.
    #[test]
    fn an_endpoint_leaves_the_slice_with_the_terminal_phase() {
        let mut cluster = TestCluster::running(1, 1, |_| {});
        cluster.delete(P0);
        cluster.settle_until(|action| matches!(action, Action::Kubelet(Kubelet::RemovePod { pod: P0 })));
        assert!(cluster.exists(P0));
        cluster.settle_but(|action| matches!(action, Action::Kubelet(Kubelet::RemovePod { pod: P0 })));
        assert_eq!(cluster.seen().slots[0].endpoint, None);
    }

    /// All entries are written at once.
    #[test]
    fn one_write_of_the_slice_takes_up_every_change() {
        let mut cluster = TestCluster::running(2, 1, |_| {});
        for pod in [P0, P1] {
            cluster.delete(pod);
            cluster.take(Watch::DeliverPod { to: Watcher::ControllerManager, pod });
        }
        cluster.take(EndpointSlice::WriteSlice);
        let seen = cluster.seen();
        assert!(seen.slots[..2].iter().all(|slot| !slot.endpoint.unwrap().ready));
    }

    /// EPS-16.
    #[test]
    fn without_a_controller_manager_the_slice_stays_as_it_is() {
        let mut cluster = TestCluster::running(1, 1, |_| {});
        cluster.delete(P0);
        cluster.take(Watch::DeliverPod { to: Watcher::ControllerManager, pod: P0 });
        cluster.befall(Environment::StopControllerManager);
        assert!(!cluster.can(EndpointSlice::WriteSlice));
        assert!(cluster.seen().slots[0].endpoint.unwrap().ready);
    }
}
