//! What a status says must fit together, whatever the cluster did before.

use serde_json::Value;

fn conditions<'v>(whole: &'v Value, name: &str) -> Option<&'v str> {
    let mut all = whole["status"]["conditions"].as_array()?.iter();
    all.find(|condition| condition["type"] == name)?["status"].as_str()
}

/// What is wrong with the status of a pod as its kubelet writes it: its conditions come from the statuses of its containers
/// (`pkg/kubelet/status/generate.go`), its phase from their states (`pkg/kubelet/kubelet_pods.go`, `getPhase`; STM-4, STM-5).
pub fn pod(whole: &Value) -> Option<&'static str> {
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
        () => None,
    }
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
    let (observed, generation) =
        (count("observedGeneration"), whole["metadata"]["generation"].as_i64().unwrap_or(i64::MAX));
    if observed > generation {
        return Some(format!("observedGeneration {observed} of an object of generation {generation}"));
    }
    parts
        .into_iter()
        .find(|(part, all)| count(part) > count(all))
        .map(|(part, all)| format!("{part} {} of {all} {}", count(part), count(all)))
}

/// What is wrong with the labels of the pods of a ReplicaSet, which makes them of its template.
pub fn labelled(whole: &Value) -> Option<String> {
    let count = |field: &str| whole["status"].get(field).and_then(Value::as_i64).unwrap_or(0);
    let (pods, labelled) = (count("replicas"), count("fullyLabeledReplicas"));
    (pods != labelled).then(|| format!("of its {pods} pods {labelled} have the labels of its template"))
}
