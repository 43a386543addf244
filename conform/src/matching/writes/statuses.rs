//! What a status says must fit together, whatever the cluster did before.

use podproof_model::Cluster;
use podproof_model::kubelet::probes;
use podproof_model::state::Worker;
use podproof_vocabulary::observation::Process;
use podproof_vocabulary::{ContainerId, PodId};
use serde_json::Value;

use super::states;
use crate::matching::subject::Subject;

fn conditions<'v>(whole: &'v Value, name: &str) -> Option<&'v str> {
    let mut all = whole["status"]["conditions"].as_array()?.iter();
    all.find(|condition| condition["type"] == name)?["status"].as_str()
}

/// What is wrong with the status of a pod as its kubelet writes it; `only_asked` if its answer is not known.
pub fn pod(whole: &Value, only_asked: bool) -> Option<String> {
    together(whole).map(str::to_owned).or_else(|| states::misfit(whole, only_asked))
}

/// Whether its parts go together: its conditions come from the statuses of its containers
/// (`pkg/kubelet/status/generate.go`), its phase from their states (`pkg/kubelet/kubelet_pods.go`, `getPhase`; STM-4, STM-5).
fn together(whole: &Value) -> Option<&'static str> {
    let status = &whole["status"];
    let containers = || status["containerStatuses"].as_array().into_iter().flatten();
    let is_true = |name| conditions(whole, name) == Some("True");
    let runs = |container: &Value| container["state"]["running"].is_object();
    let is_over = ["Succeeded", "Failed"].iter().any(|phase| status["phase"] == *phase);
    let failed = |container: &Value| container["state"]["terminated"]["exitCode"].as_i64().unwrap_or(0) != 0;
    match () {
        () if is_true("Ready") && conditions(whole, "ContainersReady") == Some("False") => {
            Some("it is Ready, and its containers are not")
        }
        // CND-5: nothing else keeps it from that, but gates.
        () if is_true("ContainersReady")
            && conditions(whole, "Ready") == Some("False")
            && whole["spec"]["readinessGates"].is_null() =>
        {
            Some("its containers are ready, and it is not Ready")
        }
        () if containers().any(runs) && waits_for_init(whole) => {
            Some("a container runs, and an init container has yet to (CPA-6)")
        }
        () if containers().any(runs) && has_failed_init(whole) => {
            Some("a container runs, and an init container has failed for good (CPA-7)")
        }
        () if is_true("ContainersReady") && containers().any(|one| one["ready"] == false) => {
            Some("its containers are ready, and one of them is not")
        }
        // Init containers may run again in a new sandbox; without any there is nothing to wait for.
        () if is_true("ContainersReady")
            && whole["spec"]["initContainers"].is_null()
            && conditions(whole, "Initialized") == Some("False") =>
        {
            Some("its containers are ready, and it is not initialized")
        }
        () if containers().any(|one| one["ready"] == true && !runs(one)) => {
            Some("a container is ready and does not run")
        }
        () if is_over && is_true("Ready") => Some("it has ended, and is Ready"),
        // Who is evicted has failed before its containers are stopped (`pkg/kubelet/kubelet.go`, `syncTerminatingPod`).
        () if is_over && status["reason"].is_null() && containers().any(runs) => {
            Some("it has ended, and a container runs")
        }
        () if status["phase"] == "Succeeded" && containers().any(failed) => {
            Some("it has succeeded, and a container has failed")
        }
        // A reason tells who else has ended it: its deadline, its kubelet's eviction or admission.
        // Of init containers that were to run again in a sandbox that died the kubelet tells nothing (STM-8).
        () if status["phase"] == "Failed"
            && status["reason"].is_null()
            && conditions(whole, "DisruptionTarget").is_none()
            && (whole["spec"]["initContainers"].is_null()
                || whole["spec"]["restartPolicy"] != "OnFailure")
            && have_all_succeeded(whole) =>
        {
            Some("it has failed, and no container has")
        }
        () => None,
    }
}

/// What a status says of a container.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    /// It runs.
    Runs,
    /// It has ended, with this exit code.
    Ended(i64),
}

/// The exit code of a process that SIGTERM has ended: 128, and 15.
const BY_SIGTERM: i64 = 143;

/// What the status of a pod says of those of its containers that the model has.
pub fn shown(subject: &Subject, whole: Option<&Value>) -> Vec<(ContainerId, Shown)> {
    let of = |status: &Value| {
        let container = subject.container(status["name"].as_str()?)?;
        let state = &status["state"];
        let ended = state["terminated"]["exitCode"].as_i64().map(Shown::Ended);
        Some((container, ended.or_else(|| state["running"].is_object().then_some(Shown::Runs))?))
    };
    whole.into_iter().flat_map(states::statuses).filter_map(of).collect()
}

/// Have its containers come to be, by what its kubelet knows, as a status shows them? While some of them are being stopped a status tells
/// of all as they were before (STP-1), and when all are how each has ended is looked at once more (STP-6); and nobody knows what a kubelet
/// that has lost one makes of it.
pub fn fit(shown: &[(ContainerId, Shown)], cluster: &Cluster<'_>, pod: PodId) -> bool {
    let are_stopped = matches!(cluster.pod(pod).kubelet.worker(), Worker::Terminated | Worker::Finished);
    shown.iter().all(|&(container, shown)| {
        let container_now = cluster.container(pod, container);
        let cached = container_now.cached();
        let last = if are_stopped { container_now.last_process() } else { cached };
        let is_either = |process| cached == process || last == process;
        match shown {
            Shown::Runs => cached == Process::Running || probes::is_started(cluster, pod, container),
            Shown::Ended(0) => is_either(Process::ExitedOk),
            Shown::Ended(BY_SIGTERM) => cached.has_exited() || last.has_exited(),
            Shown::Ended(_) => is_either(Process::ExitedError),
        }
    })
}

/// The statuses of the init containers that are to end before any container starts.
fn init_statuses(whole: &Value) -> impl Iterator<Item = &Value> {
    fn slice(value: &Value) -> &[Value] {
        value.as_array().map_or(&[], Vec::as_slice)
    }
    let specs = slice(&whole["spec"]["initContainers"]);
    let is_plain = move |status: &&Value| {
        specs.iter().any(|spec| spec["name"] == status["name"] && spec["restartPolicy"].is_null())
    };
    slice(&whole["status"]["initContainerStatuses"]).iter().filter(is_plain)
}

fn waits_for_init(whole: &Value) -> bool {
    init_statuses(whole).any(|status| status["state"]["waiting"].is_object())
}

fn has_failed_init(whole: &Value) -> bool {
    let failed =
        |status: &Value| status["state"]["terminated"]["exitCode"].as_i64().is_some_and(|code| code != 0);
    whole["spec"]["restartPolicy"] == "Never" && init_statuses(whole).any(failed)
}

/// Each container of a pod has ended with 0.
fn have_all_succeeded(whole: &Value) -> bool {
    let of = |statuses: &str, containers: &str| {
        let statuses = whole["status"][statuses].as_array().map_or(&[][..], Vec::as_slice);
        let asked = whole["spec"][containers].as_array().map_or(0, Vec::len);
        statuses.len() == asked
            && statuses.iter().all(|container| container["state"]["terminated"]["exitCode"] == 0)
    };
    whole["spec"]["containers"].is_array()
        && of("containerStatuses", "containers")
        && of("initContainerStatuses", "initContainers")
}

/// What is wrong with the status of a ReplicaSet (`pkg/controller/replicaset/replica_set_utils.go`, `calculateStatus`; RS-7) or of a
/// Deployment (`pkg/controller/deployment/sync.go`, `calculateStatus`): who is available is ready, who is ready is there.
pub fn controller(whole: &Value) -> Option<String> {
    let status = &whole["status"];
    let count = |field: &str| status.get(field).and_then(Value::as_i64).unwrap_or(0);
    let parts = [
        ("readyReplicas", "replicas"),
        ("availableReplicas", "readyReplicas"),
        ("fullyLabeledReplicas", "replicas"),
        ("updatedReplicas", "replicas"),
    ];
    if let Some(why) = observed(whole) {
        return Some(why);
    }
    parts
        .into_iter()
        .find(|(part, all)| count(part) > count(all))
        .map(|(part, all)| format!("{part} {} of {all} {}", count(part), count(all)))
}

/// What is wrong with the generation that the status of an object says its controller has observed: it comes from a copy.
pub fn observed(whole: &Value) -> Option<String> {
    let observed = whole["status"]["observedGeneration"].as_i64().unwrap_or(0);
    let generation = whole["metadata"]["generation"].as_i64().unwrap_or(i64::MAX);
    (observed > generation)
        .then(|| format!("observedGeneration {observed} of an object of generation {generation}"))
}

/// What is wrong with the labels of the pods of a ReplicaSet, which makes them of its template.
pub fn labelled(whole: &Value) -> Option<String> {
    let count = |field: &str| whole["status"].get(field).and_then(Value::as_i64).unwrap_or(0);
    let (pods, labelled) = (count("replicas"), count("fullyLabeledReplicas"));
    (pods != labelled).then(|| format!("of its {pods} pods {labelled} have the labels of its template"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// A pod of two containers that has failed, whose second ended with this.
    fn failed(code: i64) -> Value {
        let ended = |code: i64| json!({"ready": false, "state": {"terminated": {"exitCode": code}}});
        json!({
            "spec": {"containers": [{}, {}]},
            "status": {"phase": "Failed", "containerStatuses": [ended(0), ended(code)]},
        })
    }

    /// `getPhase`: with every container stopped it is Succeeded if all have, and Failed only else.
    #[test]
    fn a_pod_fails_by_a_container_or_for_a_reason() {
        assert_eq!(together(&failed(0)), Some("it has failed, and no container has"));
        assert_eq!(together(&failed(1)), None);
        let mut with_a_reason = failed(0);
        with_a_reason["status"]["reason"] = json!("DeadlineExceeded");
        let mut disrupted = failed(0);
        disrupted["status"]["conditions"] = json!([{"type": "DisruptionTarget", "status": "True"}]);
        let mut not_all_told = failed(0);
        not_all_told["spec"]["initContainers"] = json!([{}]);
        for lawful in [with_a_reason, disrupted, not_all_told] {
            assert_eq!(together(&lawful), None, "{lawful}");
        }
    }

    /// A pod of one app that runs and is Ready, with this init container and what is told of that.
    fn running(policy: &str, init: Value, told: Value) -> Value {
        json!({
            "spec": {
                "restartPolicy": policy,
                "initContainers": [init],
                "containers": [{"name": "app"}],
            },
            "status": {
                "phase": "Running",
                "conditions": [
                    {"type": "Ready", "status": "True"},
                    {"type": "ContainersReady", "status": "True"},
                ],
                "initContainerStatuses": [{"name": "init", "state": told}],
                "containerStatuses": [
                    {"name": "app", "ready": true, "state": {"running": {}}},
                ],
            },
        })
    }

    /// CPA-6, CPA-7: what runs has come after all init containers; sidecars are none of those.
    #[test]
    fn a_container_runs_after_its_init_containers() {
        let (plain, sidecar) = (json!({"name": "init"}), json!({"name": "init", "restartPolicy": "Always"}));
        let waiting = json!({"waiting": {"reason": "PodInitializing"}});
        let ended = |code: i64| json!({"terminated": {"exitCode": code}});
        let says = |policy: &str, init: &Value, told: Value| together(&running(policy, init.clone(), told));
        assert_eq!(says("Always", &plain, ended(0)), None);
        assert!(says("Always", &plain, waiting.clone()).is_some_and(|says| says.contains("CPA-6")));
        assert_eq!(says("Always", &sidecar, waiting), None);
        assert!(says("Never", &plain, ended(1)).is_some_and(|says| says.contains("CPA-7")));
        assert_eq!(
            says("OnFailure", &plain, ended(1)),
            None,
            "it is started again, in a new sandbox for one"
        );
        assert_eq!(says("Never", &sidecar, ended(1)), None);
    }

    /// CND-5
    #[test]
    fn a_pod_whose_containers_are_ready_is_so_but_for_its_gates() {
        let mut whole = running("Always", json!({"name": "init"}), json!({"terminated": {"exitCode": 0}}));
        whole["status"]["conditions"][0]["status"] = json!("False");
        assert_eq!(together(&whole), Some("its containers are ready, and it is not Ready"));
        whole["spec"]["readinessGates"] = json!([{"conditionType": "example.com/gate"}]);
        assert_eq!(together(&whole), None);
    }
}
