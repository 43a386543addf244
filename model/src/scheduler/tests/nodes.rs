//! The predicates that look at a node and at what is on it: name, cordon, room, host ports, labels, taints.

use podproof_vocabulary::NodeId;
use podproof_vocabulary::scenario::{
    CUSTOM_TAINT, ContainerKind, HostPort, NodeSelectorTerm, Operator, Protocol, Resources, Scenario, Taint,
    TaintEffect,
};

use super::super::filters::Filter;
use super::{Bench, HOST, ZONE, expression, neighbour, requirement, toleration};

/// FLT-1.
#[test]
fn a_pod_that_names_its_node_fits_only_there() {
    let bench = Bench::new(|s| s.workload.template.node_name = Some("node-3".into()));
    assert_eq!(bench.passes(Filter::NodeName), [2]);
    assert_eq!(Bench::new(|_| {}).passes(Filter::NodeName), [0, 1, 2, 3]);
}

/// FLT-2.
#[test]
fn a_cordoned_node_takes_only_pods_that_tolerate_it() {
    let cordoned = |bench: Bench| bench.with_node(1, |node| node.with_unschedulable(true));
    assert_eq!(cordoned(Bench::new(|_| {})).passes(Filter::NodeUnschedulable), [0, 2, 3]);
    let tolerant = Bench::new(|s| {
        s.workload.template.tolerations.push(toleration("node.kubernetes.io/unschedulable", None, None));
    });
    assert_eq!(cordoned(tolerant).passes(Filter::NodeUnschedulable), [0, 1, 2, 3]);
}

fn cpu(milli: u64) -> Resources {
    Resources { cpu_milli: milli, memory: 0, pods: 0 }
}

/// FLT-3.
#[test]
fn a_node_takes_as_many_pods_as_fit() {
    let bench = |pods| {
        Bench::new(|s| {
            s.nodes[0].allocatable.cpu_milli = 1000;
            s.workload.template.containers[0].requests = cpu(500);
        })
        .with(pods)
    };
    assert_eq!(bench(&[0]).passes(Filter::NodeResourcesFit), [0, 1, 2, 3]);
    assert_eq!(bench(&[0, 0]).passes(Filter::NodeResourcesFit), [1, 2, 3]);
}

/// FLT-3: each resource, and the number of pods, counts on its own.
#[test]
fn any_resource_alone_can_keep_a_pod_out() {
    for (short, milli, memory, pods) in
        [("memory", 9000, 150, 9), ("cpu", 150, 9000, 9), ("pods", 9000, 9000, 1)]
    {
        let bench = Bench::new(|s| {
            s.nodes[0].allocatable = Resources { cpu_milli: milli, memory, pods };
            s.workload.template.containers[0].requests = Resources { cpu_milli: 100, memory: 100, pods: 0 };
        });
        assert_eq!(bench.with(&[0]).passes(Filter::NodeResourcesFit), [1, 2, 3], "{short}");
    }
}

/// FLT-3, FIT-5.
#[test]
fn a_resource_that_is_not_asked_for_is_not_compared() {
    let bench = Bench::new(|s| s.nodes[0].allocatable.cpu_milli = 0);
    assert_eq!(bench.with(&[0]).passes(Filter::NodeResourcesFit), [0, 1, 2, 3]);
}

/// FLT-3: pods of other workloads take up room too; a deleting pod still does (2.7).
#[test]
fn neighbours_and_deleting_pods_take_up_room() {
    let tight = |s: &mut Scenario| {
        s.nodes[0].allocatable.cpu_milli = 1000;
        s.workload.template.containers[0].requests = cpu(600);
    };
    let crowded = Bench::new(|s| {
        tight(s);
        s.neighbours
            .push(super::Neighbour { requests: vec![(ContainerKind::App, cpu(500))], ..neighbour(0) });
    });
    assert_eq!(crowded.passes(Filter::NodeResourcesFit), [1, 2, 3]);
    assert_eq!(Bench::new(tight).with_pod(0, 0, true).passes(Filter::NodeResourcesFit), [1, 2, 3]);
}

fn host_port(s: &mut Scenario) {
    s.workload.template.containers[0].ports[0].host = Some(HostPort { port: 80, ip: String::new() });
}

/// FLT-4.
#[test]
fn a_host_port_is_used_once_on_a_node() {
    assert_eq!(Bench::new(host_port).with(&[1]).passes(Filter::NodePorts), [0, 2, 3]);
    assert_eq!(Bench::new(|_| {}).with(&[1]).passes(Filter::NodePorts), [0, 1, 2, 3]);
    let taken = |port| {
        Bench::new(|s| {
            host_port(s);
            let claim = (Protocol::Tcp, HostPort { port, ip: "10.0.0.1".into() });
            s.neighbours.push(super::Neighbour { host_ports: vec![claim], ..neighbour(2) });
        })
    };
    assert_eq!(taken(80).passes(Filter::NodePorts), [0, 1, 3], "0.0.0.0 is every address");
    assert_eq!(taken(81).passes(Filter::NodePorts), [0, 1, 2, 3]);
}

/// FLT-4: an init container runs before the others and holds no port beside them; a sidecar does, from 1.34 on.
#[test]
fn host_ports_of_init_containers_do_not_count_and_those_of_sidecars_do() {
    for (minor, kind, passes) in [
        (36, ContainerKind::Init, &[0, 1, 2, 3][..]),
        (33, ContainerKind::Sidecar, &[0, 1, 2, 3]),
        (34, ContainerKind::Sidecar, &[0, 2, 3]),
    ] {
        let bench = Bench::new(|s| {
            host_port(s);
            s.release = podproof_vocabulary::Release { minor };
            s.workload.template.containers[0].kind = kind;
            s.workload.template.containers.push(podproof_vocabulary::catalogue::app());
        });
        assert_eq!(bench.with(&[1]).passes(Filter::NodePorts), passes, "{kind:?}");
    }
}

/// FLT-5.
#[test]
fn all_pairs_of_a_node_selector_must_match() {
    let bench = |zone: &'static str| {
        Bench::new(move |s| {
            s.workload.template.node_selector = super::labels(&[(ZONE, zone), (HOST, "node-2")]);
        })
    };
    assert_eq!(bench("a").passes(Filter::NodeAffinity), [1]);
    assert!(bench("b").passes(Filter::NodeAffinity).is_empty());
}

/// FLT-5.
#[test]
fn one_term_of_node_affinity_is_enough_and_all_of_it_must_match() {
    let affinity = |terms: Vec<NodeSelectorTerm>| {
        Bench::new(move |s| s.workload.template.node_affinity = Some(terms)).passes(Filter::NodeAffinity)
    };
    let (zone, host) =
        (|zone| expression(ZONE, Operator::In, &[zone]), |host| expression(HOST, Operator::In, &[host]));
    assert_eq!(affinity(vec![zone("b"), host("node-1")]), [0, 2, 3]);
    let both = NodeSelectorTerm {
        expressions: vec![
            requirement(ZONE, Operator::In, &["b"]),
            requirement(HOST, Operator::NotIn, &["node-3"]),
        ],
        fields: Vec::new(),
    };
    assert_eq!(affinity(vec![both]), [3]);
    let field = NodeSelectorTerm {
        expressions: Vec::new(),
        fields: vec![requirement("metadata.name", Operator::In, &["node-2"])],
    };
    assert_eq!(affinity(vec![field]), [1]);
    assert!(affinity(vec![NodeSelectorTerm::default()]).is_empty(), "an empty term matches nothing");
    assert!(affinity(Vec::new()).is_empty());
}

/// FLT-5: what a node is called now counts, not what it was called.
#[test]
fn a_node_selector_and_an_affinity_follow_the_labels_of_a_node() {
    let bench = |tweak: fn(&mut Scenario)| {
        Bench::new(|s| {
            s.nodes[1].later_labels = Some(super::labels(&[(ZONE, "c")]));
            tweak(s);
        })
    };
    let relabelled = |bench: Bench| bench.with_node(1, |node| node.with_relabelled(true));
    let selects: fn(&mut Scenario) = |s| s.workload.template.node_selector = super::labels(&[(ZONE, "c")]);
    assert!(bench(selects).passes(Filter::NodeAffinity).is_empty());
    assert_eq!(relabelled(bench(selects)).passes(Filter::NodeAffinity), [1]);
    let affinity: fn(&mut Scenario) =
        |s| s.workload.template.node_affinity = Some(vec![expression(ZONE, Operator::In, &["a"])]);
    assert_eq!(bench(affinity).passes(Filter::NodeAffinity), [0, 1]);
    assert_eq!(relabelled(bench(affinity)).passes(Filter::NodeAffinity), [0]);
}

fn tainted(effect: TaintEffect) -> impl FnOnce(&mut Scenario) {
    move |s| s.nodes[3].taints.push(Taint { key: "gpu".into(), value: "yes".into(), effect })
}

/// FLT-6.
#[test]
fn no_schedule_and_no_execute_taints_keep_pods_out_and_prefer_no_schedule_does_not() {
    for (effect, passes) in [
        (TaintEffect::NoSchedule, &[0, 1, 2][..]),
        (TaintEffect::NoExecute, &[0, 1, 2]),
        (TaintEffect::PreferNoSchedule, &[0, 1, 2, 3]),
    ] {
        assert_eq!(Bench::new(tainted(effect)).passes(Filter::TaintToleration), passes, "{effect:?}");
    }
}

/// FLT-6, FLT-7.
#[test]
fn a_taint_that_is_tolerated_however_long_lets_a_pod_in() {
    use TaintEffect::{NoExecute, NoSchedule};
    for (tolerated, key, exists, value, effect) in [
        (true, "gpu", true, "", None),
        (true, "gpu", false, "yes", Some(NoExecute)),
        (true, "", true, "", None),
        (false, "gpu", false, "no", None),
        (false, "gpu", true, "", Some(NoSchedule)),
        (false, "cpu", true, "", None),
        (false, "", false, "yes", None),
    ] {
        let bench = Bench::new(|s| {
            tainted(NoExecute)(s);
            let toleration = super::Toleration {
                exists,
                value: value.into(),
                ..toleration(key, effect, effect.map(|_| 1))
            };
            s.workload.template.tolerations.push(toleration);
        });
        let passes = bench.passes(Filter::TaintToleration).contains(&3);
        assert_eq!(passes, tolerated, "{key:?} exists {exists} {value:?} {effect:?}");
    }
}

/// FLT-6, NLC-10, NLC-13: the taints that come and go. Of these the workload tolerates the NoExecute ones for 300 s, which
/// is enough to be placed.
#[test]
fn the_taints_of_a_sick_node_keep_pods_out_until_they_are_tolerated() {
    let set = [
        (false, "node.kubernetes.io/not-ready"),
        (false, "node.kubernetes.io/unreachable"),
        (false, "node.kubernetes.io/unschedulable"),
        (true, "node.kubernetes.io/not-ready"),
        (true, "node.kubernetes.io/unreachable"),
        (false, CUSTOM_TAINT),
    ];
    for (index, (placed, key)) in set.into_iter().enumerate() {
        let taint = |bench: Bench| {
            bench.with_node(0, |node| match index {
                0 => node.with_not_ready_no_schedule(true),
                1 => node.with_unreachable_no_schedule(true),
                2 => node.with_unschedulable_no_schedule(true),
                3 => node.with_not_ready_no_execute(true),
                4 => node.with_unreachable_no_execute(true),
                _ => node.with_custom(true),
            })
        };
        let passes = |bench: Bench| taint(bench).passes(Filter::TaintToleration).contains(&0);
        assert_eq!(passes(Bench::new(|_| {})), placed, "{index} {key}");
        assert!(
            passes(Bench::new(|s| s.workload.template.tolerations.push(toleration(key, None, None)))),
            "{key}"
        );
    }
}

/// A node that the scheduler does not see is no choice.
#[test]
fn only_a_node_that_exists_is_feasible() {
    let bench = Bench::new(|_| {}).with_node(1, |node| node.with_exists(false));
    let feasible =
        |node| bench.filters.is_feasible(&bench.placement, podproof_vocabulary::Revision(0), NodeId(node));
    assert!(feasible(0) && !feasible(1));
}
