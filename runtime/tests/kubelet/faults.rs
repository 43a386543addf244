//! Runtimes that hang, calls that fail, links that are cut.

use podproof_runtime::container_runtime::Request as Call;
use podproof_runtime::container_runtime::simulated::RuntimeStep;
use podproof_runtime::operation::Process;
use podproof_runtime::{Operation, operation::Step};

use crate::life::SEEDS;
use crate::rig::{NODE, Rig, pod};

/// SRC-5, NOD-3, NOD-4, PLEG-20: the node is not ready after 30 s at the earliest, and nothing is stopped or started.
#[test]
fn a_hung_runtime_freezes_the_kubelet() {
    for seed in 0..SEEDS {
        let mut rig = Rig::new(seed, &[]);
        rig.create(pod("p"));
        rig.eventually("it is ready", |rig| rig.is_ready("p") && rig.node_is_ready());
        rig.runtime.borrow_mut().faults_mut().hung = true;
        let hung = rig.now();
        rig.eventually("the node is not ready", |rig| !rig.node_is_ready());
        assert!(rig.now().since(hung).as_secs() >= 25, "seed {seed}");
        rig.delete("p", None);
        rig.create(pod("q"));
        rig.until(100, |_| false);
        assert!(rig.is_ready("p"), "its pod stays ready (NLC-7, SRC-5b)");
        assert!(rig.anything_runs() && rig.phase("q").as_deref() == Some("Pending"), "seed {seed}");
        rig.runtime.borrow_mut().faults_mut().hung = false;
        rig.eventually("all is done that was asked for", |rig| {
            rig.node_is_ready() && rig.pod("p").is_none() && rig.is_ready("q")
        });
    }
}

/// PLEG-6, hazard `pleg-inspect-error-wedges-pod`: an inspection that times out is made again and again, and nobody learns what became
/// of that pod. The node stays ready: each relist lists first (PLEG-3).
#[test]
fn a_container_that_cannot_be_inspected_wedges_its_pod() {
    for seed in 0..5 {
        let mut rig = Rig::new(seed, &[]);
        rig.create(pod("p"));
        rig.eventually("it is ready", |rig| rig.is_ready("p") && rig.node_is_ready());
        rig.crash("app", 1);
        let stuck = rig.containers("app")[0].status.id;
        rig.runtime.borrow_mut().faults_mut().stuck.insert(stuck);
        assert!(!rig.until(400, |rig| !rig.node_is_ready()), "seed {seed}");
        assert_eq!(rig.restarts("p", "app"), 0, "nobody learns of the crash");
        rig.runtime.borrow_mut().faults_mut().stuck.clear();
        rig.eventually("it is restarted", |rig| rig.restarts("p", "app") == 1);
    }
}

/// PLEG-4, hazard `pleg-hung-inspect-takes-node-down`: one that never returns keeps the next list from being made. After 3 min the
/// node is not ready, and another pod of it is frozen too.
#[test]
fn a_container_whose_inspection_never_returns_takes_the_node_down() {
    for seed in 0..5 {
        let mut rig = Rig::new(seed, &[]);
        rig.calls_time_out = false;
        rig.create(pod("p"));
        rig.create(pod("q"));
        rig.eventually("they are ready", |rig| rig.is_ready("p") && rig.is_ready("q") && rig.node_is_ready());
        let stuck = rig.containers("app")[0].status.id;
        rig.runtime.borrow_mut().faults_mut().stuck.insert(stuck);
        let now = rig.now();
        rig.runtime.borrow_mut().crash(stuck, 1, now);
        assert!(!rig.until(170, |rig| !rig.node_is_ready()), "seed {seed}: too early");
        rig.eventually("the node is not ready", |rig| !rig.node_is_ready());
        rig.delete("q", None);
        rig.until(100, |_| false);
        assert!(rig.pod("q").is_some() && rig.is_ready("q"), "seed {seed}: the other one is not stopped");
        rig.runtime.borrow_mut().faults_mut().stuck.clear();
        rig.eventually("all is well", |rig| rig.node_is_ready() && rig.pod("q").is_none());
    }
}

/// K-19: calls time out while the runtime hangs, and come in late when it goes on. All is done in the end, and nothing twice.
#[test]
fn calls_that_come_in_late_do_no_harm() {
    for seed in 0..2 * SEEDS {
        let mut rig = Rig::new(seed, &[]);
        rig.create(pod("p"));
        (0..20 + 3 * seed).for_each(|_| rig.step());
        rig.runtime.borrow_mut().faults_mut().hung = true;
        rig.until(300, |_| false);
        rig.runtime.borrow_mut().faults_mut().hung = false;
        let mut twice = false;
        rig.eventually("it is ready", |rig| {
            twice |= rig.containers("app").iter().filter(|it| it.process.is_some()).count() > 1;
            rig.is_ready("p") && rig.node_is_ready()
        });
        assert!(!twice, "seed {seed}");
    }
}

/// CPA-13, SP-9: while no sandbox can be made the pod is Pending; it is tried again.
#[test]
fn a_failing_network_plugin_is_tried_again() {
    for seed in 0..SEEDS {
        let mut rig = Rig::new(seed, &[]);
        rig.runtime.borrow_mut().faults_mut().cni = true;
        rig.create(pod("p"));
        assert!(!rig.until(60, |rig| rig.phase("p").as_deref() != Some("Pending")), "seed {seed}");
        rig.runtime.borrow_mut().faults_mut().cni = false;
        rig.eventually("it is ready", |rig| rig.is_ready("p"));
    }
}

/// SP-4, NOD-3: without a network the node is not ready, and no sync gets further than its status, one of a pod in the host's network
/// excepted.
#[test]
fn while_the_network_is_not_ready_only_pods_in_the_network_of_the_host_are_synced() {
    for seed in 0..SEEDS {
        let mut rig = Rig::new(seed, &[]);
        rig.create(pod("before"));
        rig.eventually("it is ready", |rig| rig.is_ready("before") && rig.node_is_ready());
        rig.runtime.borrow_mut().faults_mut().network_down = true;
        rig.eventually("the node is not ready", |rig| !rig.node_is_ready());
        let mut host = pod("host");
        host.spec.get_or_insert_default().host_network = Some(true);
        rig.create(pod("after"));
        rig.create(host);
        rig.eventually("it is ready", |rig| rig.is_ready("host"));
        assert!(rig.is_ready("before") && rig.phase("after").as_deref() == Some("Pending"), "seed {seed}");
        rig.runtime.borrow_mut().faults_mut().network_down = false;
        rig.eventually("all is well", |rig| rig.is_ready("after") && rig.node_is_ready());
    }
}

/// Every tenth call to the runtime fails, before or after a time-out: all is done in the end, and nothing twice.
#[test]
fn failing_calls_are_made_good() {
    for seed in 0..2 * SEEDS {
        let mut rig = Rig::new(seed, &[]);
        let mut random = fastrand::Rng::with_seed(seed);
        rig.create(pod("p"));
        let mut twice = false;
        for _ in 0..600 {
            if random.u8(..10) == 0 {
                let calls: Vec<Operation> = {
                    let mut operations = Vec::new();
                    rig.cluster.pending(&mut operations);
                    operations.retain(|it| matches!(it.step, Step::Runtime(RuntimeStep::Perform(_))));
                    operations
                };
                if let Some(Operation { component, step: Step::Runtime(RuntimeStep::Perform(call)) }) =
                    calls.first()
                {
                    let fail = Operation::new(*component, Step::Runtime(RuntimeStep::Fail(*call)));
                    rig.cluster.complete(&fail).expect("it may fail");
                }
            }
            rig.step();
            twice |= rig.containers("app").iter().filter(|it| it.process.is_some()).count() > 1;
        }
        rig.eventually("it is ready", |rig| rig.is_ready("p"));
        rig.delete("p", None);
        rig.eventually("it is gone", |rig| rig.pod("p").is_none() && !rig.anything_runs());
        assert!(!twice, "seed {seed}");
    }
}

/// CPA-16, SBX-5: a container that was created and could not be started is collected like one that ended: at first for the next of its
/// name, and with its pod in the end.
#[test]
fn a_container_that_never_started_is_collected() {
    for seed in 0..SEEDS {
        let mut rig = Rig::new(seed, &[]);
        rig.create(pod("p"));
        rig.fail_next(|call| matches!(call, Call::StartContainer(_)));
        rig.eventually("it is ready", |rig| rig.is_ready("p"));
        rig.crash("app", 1);
        rig.eventually("it runs again", |rig| rig.running("app").is_some());
        assert_eq!(rig.containers("app").len(), 3, "seed {seed}");
        assert!(rig.until(130, |rig| rig.containers("app").len() == 2), "seed {seed}: one is kept for ever");
        rig.crash("app", 1);
        rig.fail_next(|call| matches!(call, Call::StartContainer(_)));
        rig.delete("p", None);
        rig.eventually("it is gone", |rig| rig.pod("p").is_none());
        let is_empty = |rig: &Rig| rig.runtime.borrow().sandboxes().next().is_none();
        assert!(rig.until(130, is_empty), "seed {seed}: its sandbox is kept for ever");
    }
}

/// SRC-7, STM-10, NF-10: without the API server a crashed container is restarted; what happened is told later.
#[test]
fn a_cut_link_stops_nothing_on_the_node() {
    for seed in 0..SEEDS {
        let mut rig = Rig::new(seed, &[]);
        rig.create(pod("p"));
        rig.eventually("it is ready", |rig| rig.is_ready("p"));
        rig.cluster.connect(Process::Kubelet(NODE), false);
        rig.crash("app", 1);
        rig.eventually("it runs again", |rig| rig.running("app").is_some());
        rig.delete("p", None);
        rig.until(60, |_| false);
        assert!(rig.anything_runs(), "seed {seed}: it does not know of the deletion");
        assert_eq!(rig.restarts("p", "app"), 0);
        rig.cluster.connect(Process::Kubelet(NODE), true);
        rig.eventually("the deletion is done", |rig| rig.pod("p").is_none() && !rig.anything_runs());
    }
}
