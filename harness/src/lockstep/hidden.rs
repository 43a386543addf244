//! Hidden steps: what the runtime does and the model has no action for.
//!
//! Every operation of the runtime that is completed in one step of the lockstep is counted, that which is seen and those which lead to
//! it. One that is in no row of [`HIDDEN`], or comes oftener than its row says, is a divergence.

use podproof_runtime::api::Request;
use podproof_runtime::container_runtime::simulated::RuntimeStep;
use podproof_runtime::kubelet::KubeletStep;
use podproof_runtime::kubelet::node_status::NodeStep;
use podproof_runtime::kubelet::pod_worker::step::WorkerStep;
use podproof_runtime::kubelet::sync_loop::Source;
use podproof_runtime::operation::Timer;
use podproof_runtime::proxy::ProxyStep;
use podproof_runtime::{Operation, Step};

use super::Running;
use crate::Refused;

/// A hidden step.
pub struct Hidden {
    /// The operation of the runtime.
    pub operation: &'static str,
    /// The actions that it is a part of.
    pub within: &'static str,
    /// How often at most in one step, with what is seen.
    pub most: usize,
    is: fn(&Happening<'_>) -> bool,
}

/// What is completed.
struct Happening<'a> {
    step: &'a Step,
    /// The request, of a call to the API server.
    request: Option<&'a Request>,
}

impl Happening<'_> {
    const fn is_call(&self) -> bool {
        matches!(self.step, Step::Arrive(_) | Step::Serve(_) | Step::Answer(_))
    }

    fn writes(&self) -> bool {
        self.request.is_some_and(Request::is_write)
    }
}

/// No loop of the driver goes round oftener.
pub(super) const HIDDEN_MAX: usize = 1_000;

/// All of them.
pub const HIDDEN: &[Hidden] = &[
    Hidden {
        operation: "Deliver of an event that changes nothing that the component reads, and of the one that does",
        within: "watch/deliver-*, and after every step for the controllers",
        most: 50,
        is: |own| matches!(own.step, Step::Deliver(_)),
    },
    Hidden {
        operation: "Notify: event handlers do not lag behind the cache",
        within: "watch/deliver-*, watch/list",
        most: 200,
        is: |own| matches!(own.step, Step::Notify(_)),
    },
    Hidden {
        operation: "Arrive, Answer of lists and watches, and of looks at one object: at a node that may be missing, a pod that is to be \
                    evicted, the pod whose status is written, the node that is reported",
        within: "watch/list, process/start-*, pod-garbage-collector/*, taint-eviction/*, node-lifecycle/*, kubelet/report-status, \
                 remove-pod, report-node-status",
        most: 150,
        is: |own| own.is_call() && !own.writes(),
    },
    Hidden {
        operation: "Arrive, Serve, Answer of a write: the one that is seen; those that change nothing that is compared, such as the \
                    condition PodScheduled and the status of a workload; a binding that must fail; the deletion of a pod that is gone",
        within: "every step",
        most: 50,
        is: |own| own.is_call() && own.writes(),
    },
    Hidden {
        operation: "LoseRequest of what a process that stops had sent; of what a sync would write after its first write, since the model \
                    looks anew before each; of what the copy does not ask for any more; of the first look at a node, and Ready=False of \
                    a pod that has just been bound; of the rest of a batch of statuses. LoseAnswer of a write whose outcome is lost",
        within: "every step",
        most: 50,
        is: |own| matches!(own.step, Step::LoseRequest(_) | Step::LoseAnswer(_)),
    },
    Hidden {
        operation: "BreakWatch; Wake(Reflect), a list or watch that is tried again",
        within: "environment/break-watches, stop-api-server; watch/list, process/start-*",
        most: 50,
        is: |own| matches!(own.step, Step::BreakWatch(_) | Step::Wake(Timer::Reflect(_) | Timer::Bookmark)),
    },
    Hidden {
        operation: "Wake(BackoffFlush), Wake(UnschedulableFlush), once their time has come",
        within: "scheduler/assume-pod, park-pod, flush-pod",
        most: 30,
        is: |own| matches!(own.step, Step::Wake(Timer::BackoffFlush | Timer::UnschedulableFlush)),
    },
    Hidden {
        operation: "Schedule: a scheduling cycle, and before it those of pods that come first and find no node once more, or are deleted",
        within: "scheduler/assume-pod, park-pod, flush-pod",
        most: 20,
        is: |own| matches!(own.step, Step::Schedule(_)),
    },
    Hidden {
        operation: "Park: what a cycle ends with that found no node",
        within: "scheduler/assume-pod, park-pod, flush-pod",
        most: 20,
        is: |own| matches!(own.step, Step::Park(_)),
    },
    Hidden {
        operation: "Work of a controller that comes to the step that is seen, to no write, or to one that changes nothing that is compared",
        within: "every step",
        most: 50,
        is: |own| matches!(own.step, Step::Work(..)),
    },
    Hidden {
        operation: "Wake(Delayed), once a key that failed is due",
        within: "deployment/*, replica-set/*, disruption/*, endpoint-slice/*",
        most: 1,
        is: |own| matches!(own.step, Step::Wake(Timer::Delayed(..))),
    },
    Hidden {
        operation: "Wake(NodeMonitor), once it is due and leases are renewed: a pass over all nodes that marks none Unknown but the one \
                    that is seen to be",
        within: "node-lifecycle/mark-node-unknown, watch/deliver-node, watch/list, and after every step when 5 s have passed",
        most: 1,
        is: |own| matches!(own.step, Step::Wake(Timer::NodeMonitor)),
    },
    Hidden {
        operation: "Wake(TaintPass), once it is due: the next node of a zone that waits for its taint",
        within: "node-lifecycle/taint-no-execute",
        most: 10,
        is: |own| matches!(own.step, Step::Wake(Timer::TaintPass)),
    },
    Hidden {
        operation: "Wake(CollectGarbage), once it is due",
        within: "pod-garbage-collector/*, as often as the quarantine of a missing node takes; and after every step when 20 s have passed",
        most: 4,
        is: |own| matches!(own.step, Step::Wake(Timer::CollectGarbage)),
    },
    Hidden {
        operation: "Wake(Evict), once a toleration has run out; Wake(Retry)",
        within: "taint-eviction/delete-pod",
        most: 1,
        is: |own| matches!(own.step, Step::Wake(Timer::Evict(_) | Timer::Retry(_))),
    },
    Hidden {
        operation: "Sync, Program of rules: those that are seen, and those that are there already while the model has none to program",
        within: "proxy/program-rules, and after every step",
        most: 24,
        is: |own| matches!(own.step, Step::Proxy(ProxyStep::Sync | ProxyStep::Program)),
    },
    Hidden {
        operation: "Take of housekeeping",
        within: "kubelet/forget-pod; begin-termination of what only the runtime knows; report-status and remove-pod of a pod that was rejected",
        most: 1,
        is: |own| matches!(own.step, Step::Kubelet(KubeletStep::Take(Source::Housekeeping))),
    },
    Hidden {
        operation: "Take of what else the sync loop has; Return of an answered call; CheckRuntime",
        within: "kubelet/*, watch/deliver-pod and watch/list to a kubelet",
        most: 500,
        is: |own| {
            matches!(
                own.step,
                Step::Kubelet(KubeletStep::Take(_) | KubeletStep::Return(_) | KubeletStep::CheckRuntime)
            )
        },
    },
    Hidden {
        operation: "Take, Begin, Mount of a sync, once the worker is handed its pod again; Take, Begin and Unmount of what ends a pod",
        within: "kubelet/create-sandbox, start-container, stop-container, begin-termination, stop-sandbox, finish-pod, report-status, \
                 probes, and environment/evict-under-pressure of a pod that waits for a restart",
        most: 200,
        is: |own| {
            matches!(
                own.step,
                Step::Kubelet(KubeletStep::Worker(
                    _,
                    WorkerStep::Take | WorkerStep::Begin | WorkerStep::Mount | WorkerStep::Unmount
                ))
            )
        },
    },
    Hidden {
        operation: "hooks and grace periods: those that are seen, and of a container that has exited",
        within: "every step of its machine, for each container of a pod",
        most: 4,
        is: |own| matches!(own.step, Step::Kubelet(KubeletStep::Worker(_, WorkerStep::Kill(..)))),
    },
    Hidden {
        operation: "Relist, once it is due: the one that is seen, and those that find nothing the model has not seen, where a worker \
                    waits for a newer pod cache (PW-16)",
        within: "kubelet/*",
        most: 100,
        is: |own| matches!(own.step, Step::Kubelet(KubeletStep::Relist)),
    },
    Hidden {
        operation: "BeginProbe, FinishProbe until the threshold is reached",
        within: "kubelet/flip-readiness, pass-startup, fail-probe, and start-container of what waits for a sidecar",
        most: 50,
        is: |own| matches!(own.step, Step::Kubelet(KubeletStep::BeginProbe(_) | KubeletStep::FinishProbe(_))),
    },
    Hidden {
        operation: "WriteStatuses, ReconcileStatuses: a batch of statuses begins",
        within: "kubelet/report-status, remove-pod",
        most: 2,
        is: |own| {
            matches!(own.step, Step::Kubelet(KubeletStep::WriteStatuses | KubeletStep::ReconcileStatuses))
        },
    },
    Hidden {
        operation: "Register, Report, once they are due",
        within: "kubelet/report-node-status",
        most: 2,
        is: |own| matches!(own.step, Step::Kubelet(KubeletStep::Node(NodeStep::Register | NodeStep::Report))),
    },
    Hidden {
        operation: "Perform of calls to the runtime: the one that is seen; those that read, PullImage, and what changes nothing or fails \
                    for a sandbox that has died; StopSandbox of a sandbox that died, RemoveContainer of its init containers",
        within: "kubelet/*, container/*",
        most: 400,
        is: |own| matches!(own.step, Step::Runtime(RuntimeStep::Perform(_))),
    },
    Hidden {
        operation: "Listen, Exit, FinishExec, Kill: those that are seen, and Listen of a process that listens as soon as it starts",
        within: "container/*, kubelet/start-container, finish-pre-stop, send-sigkill",
        most: 1,
        is: |own| {
            matches!(
                own.step,
                Step::Runtime(
                    RuntimeStep::Listen(_)
                        | RuntimeStep::Exit(_)
                        | RuntimeStep::FinishExec(_)
                        | RuntimeStep::Kill(_)
                )
            )
        },
    },
    Hidden {
        operation: "Lose of calls to a runtime whose kubelet has stopped: the model has none that outlives its caller",
        within: "environment/stop-kubelet, crash-node",
        most: 10,
        is: |own| matches!(own.step, Step::Runtime(RuntimeStep::Lose(_))),
    },
];

/// How often each was taken in the step that is under way.
pub(super) struct Counts([usize; HIDDEN.len()]);

impl Default for Counts {
    fn default() -> Self {
        Self([0; HIDDEN.len()])
    }
}

impl Counts {
    fn count(&mut self, happening: &Happening<'_>) -> Result<(), Refused> {
        let row = HIDDEN.iter().position(|row| (row.is)(happening));
        let row = row.ok_or_else(|| Refused::because("no row of the table of hidden steps has it"))?;
        self.0[row] += 1;
        match self.0[row] > HIDDEN[row].most {
            true => Err(Refused::because(format!(
                "more than {} in one step of: {}",
                HIDDEN[row].most, HIDDEN[row].operation
            ))),
            false => Ok(()),
        }
    }
}

impl Running {
    /// A step of the lockstep begins.
    pub(super) fn begin_step(&mut self) {
        self.counts = Counts::default();
    }

    /// This is about to be completed, within its bound.
    pub(super) fn count(&mut self, operation: &Operation) -> Result<(), Refused> {
        let step = &operation.step;
        let request = match step {
            Step::Arrive(call) | Step::Serve(call) | Step::Answer(call) => {
                self.cluster.calls().get(*call).map(|call| &call.request)
            }
            _ => None,
        };
        self.counts.count(&Happening { step, request })
    }
}

#[cfg(test)]
mod tests {
    use podproof_runtime::Slips;
    use podproof_runtime::operation::{Component, NodeIndex};
    use podproof_vocabulary::catalogue;
    use podproof_vocabulary::event::Story;

    use super::super::{Covered, fit};
    use super::*;

    /// What comes oftener than its row says is a divergence, and so is what is in no row.
    #[test]
    fn hidden_steps_keep_to_their_bounds() {
        let mut scenario = catalogue::web("x", Story::Create, 1, 1);
        fit(&mut scenario);
        let mut running = Running::new(&scenario, Slips::NONE, Covered::ALL);
        let pass = Operation::new(Component::NodeLifecycle, Step::Wake(Timer::NodeMonitor));
        assert_eq!(running.count(&pass), Ok(()));
        let again = running.count(&pass).expect_err("a pass is enough");
        assert!(again.why.starts_with("more than 1 in one step"), "{again}");
        running.begin_step();
        assert_eq!(running.count(&pass), Ok(()), "each step has its own");
        let collect = Operation::new(Component::Kubelet(NodeIndex(0)), Step::Kubelet(KubeletStep::Collect));
        assert!(running.count(&collect).is_err(), "dead containers are not collected");
    }

    #[test]
    fn every_row_has_a_bound_that_ends_before_the_loops_do() {
        for row in HIDDEN {
            assert!((1..HIDDEN_MAX).contains(&row.most), "{}", row.operation);
        }
    }
}
