//! Tests of the simulated runtime: calls that come in late, signals, addresses.

use std::net::Ipv4Addr;
use std::time::Duration;

use podproof_vocabulary::scenario::OnSigterm;

use super::*;
use crate::container_runtime::call::ContainerConfig;
use crate::slip::Slip;

fn runtime(behaviour: Behaviour) -> Simulated {
    let network = Network::new(Ipv4Addr::new(10, 0, 0, 1), Ipv4Addr::new(10, 1, 0, 1), 2);
    Simulated::new(network, [("app".into(), behaviour)])
}

fn now(runtime: &mut Simulated, request: Request, at: u64) -> Outcome {
    let call = runtime.call(request);
    runtime.complete(RuntimeStep::Perform(call), Moment(at)).expect("it was sent");
    runtime.take_answer(call).expect("it is answered")
}

fn config(uid: &str, attempt: u32) -> SandboxConfig {
    SandboxConfig {
        uid: Uid::from(uid),
        name: "p".into(),
        namespace: "default".into(),
        attempt,
        host_network: false,
    }
}

fn sandbox(runtime: &mut Simulated, uid: &str, attempt: u32) -> SandboxId {
    match now(runtime, Request::RunSandbox(config(uid, attempt)), 0) {
        Ok(Answer::NewSandbox(id)) => id,
        other => panic!("{other:?}"),
    }
}

fn app(runtime: &mut Simulated, at: u64) -> ContainerId {
    let sandbox = sandbox(runtime, "a", 0);
    let config = ContainerConfig { name: "app".into(), attempt: 0, spec_hash: 0 };
    match now(runtime, Request::CreateContainer { sandbox, config }, at) {
        Ok(Answer::NewContainer(id)) => {
            now(runtime, Request::StartContainer(id), at).expect("it starts");
            id
        }
        other => panic!("{other:?}"),
    }
}

fn steps(runtime: &Simulated, at: u64) -> Vec<RuntimeStep> {
    let mut steps = Vec::new();
    runtime.pending(Moment(at), &mut steps);
    steps
}

/// KIL-6.
#[test]
fn a_stop_sends_sigterm_and_sigkill_after_its_time_out() {
    let ignores = Behaviour { on_sigterm: OnSigterm::Ignore, ..Behaviour::default() };
    let mut runtime = runtime(ignores);
    let id = app(&mut runtime, 0);
    let stop = runtime.call(Request::StopContainer { container: id, timeout_seconds: 5 });
    assert_eq!(steps(&runtime, 0), [RuntimeStep::Perform(stop), RuntimeStep::Listen(id)]);
    runtime.complete(RuntimeStep::Perform(stop), Moment(1_000)).expect("it was sent");
    assert!(runtime.complete(RuntimeStep::Kill(stop), Moment(5_999)).is_err());
    assert_eq!(runtime.next_deadline(Moment(1_000)), Some(Moment(6_000)));
    assert!(runtime.take_answer(stop).is_none(), "it waits for the process");
    runtime.complete(RuntimeStep::Kill(stop), Moment(6_000)).expect("the time-out is over");
    assert_eq!(runtime.take_answer(stop), Some(Ok(Answer::Done)));
    assert_eq!(runtime.containers[&id].status.exit_code, KILLED);
}

#[test]
fn slip_stop_answers_at_sigterm_while_the_process_runs() {
    let ignores = Behaviour { on_sigterm: OnSigterm::Ignore, ..Behaviour::default() };
    let mut runtime = runtime(ignores);
    runtime.set_slips(Slips::only(Slip::StopAnswersAtSigterm));
    let id = app(&mut runtime, 0);
    let stopped = now(&mut runtime, Request::StopContainer { container: id, timeout_seconds: 5 }, 1_000);
    assert_eq!(stopped, Ok(Answer::Done));
    assert!(runtime.containers[&id].process.is_some(), "it ignores SIGTERM, and nobody kills it");
}

/// The four behaviours on SIGTERM: when the process may exit, and whether it accepts until then.
#[test]
fn processes_do_on_sigterm_as_they_are_told() {
    for (on_sigterm, exits, accepts) in [
        (OnSigterm::Exit, Some(10_000), true),
        (OnSigterm::Drain(3), Some(13_000), true),
        (OnSigterm::Close(3), Some(13_000), false),
        (OnSigterm::Ignore, None, true),
    ] {
        let mut runtime = runtime(Behaviour { on_sigterm, ..Behaviour::default() });
        let id = app(&mut runtime, 0);
        runtime.complete(RuntimeStep::Listen(id), Moment(0)).expect("it may listen");
        assert!(runtime.complete(RuntimeStep::Exit(id), Moment(9_000)).is_err(), "nobody told it to");
        let stop = runtime.call(Request::StopContainer { container: id, timeout_seconds: 30 });
        runtime.complete(RuntimeStep::Perform(stop), Moment(10_000)).expect("it was sent");
        assert_eq!(runtime.probe(id, ProbeKind::Readiness), accepts, "{on_sigterm:?}");
        for at in [9_999, 10_000, 12_999, 13_000, 40_000] {
            let may = steps(&runtime, at).contains(&RuntimeStep::Exit(id));
            assert_eq!(may, exits.is_some_and(|exits| at >= exits), "{on_sigterm:?} at {at}");
        }
    }
}

#[test]
fn a_process_listens_after_a_while() {
    let mut runtime = runtime(Behaviour { listens_after: Duration::from_secs(4), ..Behaviour::default() });
    let id = app(&mut runtime, 1_000);
    assert_eq!(runtime.next_deadline(Moment(1_000)), Some(Moment(5_000)));
    assert!(runtime.complete(RuntimeStep::Listen(id), Moment(4_999)).is_err());
    let address = runtime.sandboxes().next().expect("there is one").1.address.expect("it has one");
    assert!(!runtime.accepts(address));
    runtime.complete(RuntimeStep::Listen(id), Moment(5_000)).expect("it may listen");
    assert!(runtime.accepts(address) && runtime.probe(id, ProbeKind::Liveness));
    runtime.change_liveness(id);
    assert!(!runtime.probe(id, ProbeKind::Liveness) && runtime.probe(id, ProbeKind::Readiness));
}

/// A call that was given up may still take effect; then the name is taken.
#[test]
fn a_call_that_was_given_up_comes_in_late() {
    let mut runtime = runtime(Behaviour::default());
    let late = runtime.call(Request::RunSandbox(config("a", 0)));
    runtime.abandon(late);
    let mut faults = Vec::new();
    runtime.call_faults(&mut faults);
    assert_eq!(faults, [RuntimeStep::Fail(late), RuntimeStep::Lose(late)]);
    runtime.complete(RuntimeStep::Perform(late), Moment(0)).expect("it still arrives");
    assert!(runtime.take_answer(late).is_none(), "nobody hears of it");
    assert_eq!(runtime.sandboxes().count(), 1);
    assert_eq!(now(&mut runtime, Request::RunSandbox(config("a", 0)), 0), Err(RuntimeError::NameReserved));
}

/// SBX-4, F-12: addresses go around, and a small range gives one away again at once.
#[test]
fn addresses_go_around() {
    let mut runtime = runtime(Behaviour::default());
    let (one, other) = (sandbox(&mut runtime, "a", 0), sandbox(&mut runtime, "b", 0));
    let address = |runtime: &Simulated, id| runtime.sandboxes[&id].address;
    let first = address(&runtime, one);
    assert_ne!(first, address(&runtime, other));
    let full = now(&mut runtime, Request::RunSandbox(config("c", 0)), 0);
    assert_eq!(full, Err(RuntimeError::NetworkPluginFailed));
    now(&mut runtime, Request::StopSandbox(one), 0).expect("it stops");
    let new = sandbox(&mut runtime, "c", 0);
    assert_eq!(address(&runtime, new), first);
}

#[test]
fn stopping_a_sandbox_kills_what_runs_in_it() {
    let mut runtime = runtime(Behaviour::default());
    let id = app(&mut runtime, 0);
    let sandbox = runtime.containers[&id].status.sandbox;
    runtime.kill_sandbox(sandbox);
    assert!(runtime.containers[&id].process.is_some(), "it runs on in the namespaces of the dead one");
    let config = ContainerConfig { name: "app".into(), attempt: 1, spec_hash: 0 };
    let refused = now(&mut runtime, Request::CreateContainer { sandbox, config }, 0);
    assert_eq!(refused, Err(RuntimeError::NotRunnable), "SBX-1");
    now(&mut runtime, Request::StopSandbox(sandbox), 0).expect("it stops");
    assert_eq!(runtime.containers[&id].status.exit_code, KILLED);
    now(&mut runtime, Request::RemoveSandbox(sandbox), 0).expect("it is removed");
    assert!(runtime.containers.is_empty() && runtime.sandboxes.is_empty());
}

/// SBX-4: what cannot be torn down is not stopped, and its address is not free.
#[test]
fn without_a_network_plugin_no_sandbox_is_stopped() {
    let mut runtime = runtime(Behaviour::default());
    let id = app(&mut runtime, 0);
    let sandbox = runtime.containers[&id].status.sandbox;
    runtime.faults_mut().network_down = true;
    for request in [Request::StopSandbox(sandbox), Request::RemoveSandbox(sandbox)] {
        assert_eq!(now(&mut runtime, request, 0), Err(RuntimeError::NetworkPluginFailed));
    }
    assert_eq!(runtime.containers[&id].status.exit_code, KILLED, "what runs in it is stopped before");
    assert!(runtime.sandboxes[&sandbox].address.is_some());
    runtime.faults_mut().network_down = false;
    now(&mut runtime, Request::StopSandbox(sandbox), 0).expect("it stops");
    runtime.faults_mut().network_down = true;
    now(&mut runtime, Request::RemoveSandbox(sandbox), 0).expect("nothing is left to be torn down");
}

#[test]
fn a_hung_runtime_does_nothing_and_goes_on_where_it_was() {
    let mut runtime = runtime(Behaviour::default());
    let id = app(&mut runtime, 0);
    let stop = runtime.call(Request::StopContainer { container: id, timeout_seconds: 5 });
    runtime.faults_mut().hung = true;
    assert_eq!(steps(&runtime, 0), [RuntimeStep::Listen(id)], "its processes live on");
    assert!(runtime.complete(RuntimeStep::Perform(stop), Moment(0)).is_err());
    runtime.faults_mut().hung = false;
    runtime.complete(RuntimeStep::Perform(stop), Moment(0)).expect("it was sent");
    runtime.reboot(Moment(9));
    assert_eq!(runtime.containers[&id].status.exit_code, fault::LOST);
    assert!(steps(&runtime, 9).is_empty());
}

#[test]
fn a_plain_sleep_takes_its_time_and_anything_else_any() {
    let mut runtime = runtime(Behaviour::default());
    let id = app(&mut runtime, 0);
    let mut ends = |words: &[&str]| {
        let command = words.iter().map(|&word| word.to_owned()).collect::<Vec<_>>().into();
        let call = runtime.call(Request::Exec { container: id, command });
        runtime.complete(RuntimeStep::Perform(call), Moment(0)).expect("it was sent");
        let ends = |at| steps(&runtime, at).contains(&RuntimeStep::FinishExec(call));
        let found = [0, 2_999, 3_000].map(ends);
        runtime.complete(RuntimeStep::FinishExec(call), Moment(3_000)).expect("it ends");
        assert_eq!(runtime.take_answer(call), Some(Ok(Answer::Exited(0))));
        found
    };
    assert_eq!(ends(&["sleep", "3"]), [false, false, true]);
    assert_eq!(ends(&["sh", "-c", "sleep 3"]), [false, false, true]);
    assert_eq!(ends(&["/bin/drain"]), [true; 3]);
    let command: Arc<[String]> = ["sleep".to_owned(), "100".to_owned()].into();
    let call = runtime.call(Request::Exec { container: id, command });
    runtime.complete(RuntimeStep::Perform(call), Moment(0)).expect("it was sent");
    runtime.crash(id, 1, Moment(1));
    assert_eq!(runtime.take_answer(call), Some(Ok(Answer::Exited(KILLED))), "it dies with its container");
}

/// Whoever drives the cluster may say which address the next sandbox gets; one that is held is not given twice. A sandbox that was
/// stopped is told from one that only died (SBX-1, SBX-4).
#[test]
fn an_address_may_be_chosen_and_a_stopped_sandbox_is_no_dead_one() {
    let mut runtime = runtime(Behaviour::default());
    let chosen = Ipv4Addr::new(10, 1, 0, 9);
    runtime.network_mut().choose(chosen);
    let first = sandbox(&mut runtime, "a", 0);
    runtime.network_mut().choose(chosen);
    let second = sandbox(&mut runtime, "b", 0);
    let of = |runtime: &Simulated, id: SandboxId| {
        let found = runtime.sandboxes().find(|(own, _)| *own == id).expect("it was made");
        (found.1.address, found.1.state, found.1.stopped)
    };
    assert_eq!(of(&runtime, first).0, Some(chosen));
    assert_eq!(of(&runtime, second).0, Some(Ipv4Addr::new(10, 1, 0, 1)));
    runtime.kill_sandbox(first);
    assert_eq!(of(&runtime, first), (Some(chosen), SandboxState::NotReady, false));
    now(&mut runtime, Request::StopSandbox(first), 1).expect("it stops");
    assert_eq!(of(&runtime, first), (None, SandboxState::NotReady, true));
}
