//! What one status tells of the containers of its pod must fit together, and to the spec beside it, whatever the cluster did before.

use std::collections::BTreeSet;

use serde_json::Value;

/// The statuses of init containers and of containers, each with the part of the spec that it is about.
const LISTS: [(&str, &str); 2] =
    [("initContainerStatuses", "initContainers"), ("containerStatuses", "containers")];

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// The statuses of the init containers and of the containers of a pod.
pub fn statuses(whole: &Value) -> impl Iterator<Item = &Value> {
    LISTS.into_iter().flat_map(|(statuses, _)| list(&whole["status"][statuses]))
}

/// The name of a container, by its status or its spec.
pub fn name(of: &Value) -> &str {
    of["name"].as_str().unwrap_or_default()
}

/// What is wrong with what a kubelet tells of the containers of a pod. Where `only_asked` the spec is what somebody asked for, which
/// admission may have given more containers, and the addresses are those of a patch.
pub fn misfit(whole: &Value, only_asked: bool) -> Option<String> {
    let answered = || stranger(whole).or_else(|| other_address(whole));
    let answered = if only_asked { None } else { answered() };
    answered
        .or_else(|| twice(whole))
        .or_else(|| before_its_turn(whole))
        .or_else(|| statuses(whole).find_map(alone))
        .or_else(|| condition_twice(whole))
}

/// A kubelet tells of the containers of the spec (`pkg/kubelet/kubelet_pods.go`, `convertToAPIContainerStatuses`).
fn stranger(whole: &Value) -> Option<String> {
    LISTS.into_iter().filter(|(_, specs)| whole["spec"][specs].is_array()).find_map(|(statuses, specs)| {
        let is_asked =
            |status: &&Value| list(&whole["spec"][specs]).iter().any(|spec| spec["name"] == status["name"]);
        let stranger = list(&whole["status"][statuses]).iter().find(|status| !is_asked(status))?;
        Some(format!("it tells of container {}, which the pod does not have", name(stranger)))
    })
}

/// A runtime gives each container an ID of its own.
fn twice(whole: &Value) -> Option<String> {
    let mut ids = BTreeSet::new();
    let id = |status: &Value| status["containerID"].as_str().filter(|id| !id.is_empty()).map(str::to_owned);
    let second = statuses(whole).find(|status| id(status).is_some_and(|id| !ids.insert(id)))?;
    Some(format!("container {} has the ID of another", name(second)))
}

/// Init containers run one after the other, each when the one before it has ended well; one with a restart policy of its own is left running (CPA-6).
fn before_its_turn(whole: &Value) -> Option<String> {
    let told = list(&whole["status"]["initContainerStatuses"]);
    let specs = list(&whole["spec"]["initContainers"]);
    let status_of = |spec: &Value| told.iter().find(|status| status["name"] == spec["name"]);
    let runs = |status: &Value| status["state"]["running"].is_object();
    let has_failed =
        |status: &Value| status["state"]["terminated"]["exitCode"].as_i64().is_some_and(|code| code != 0);
    let mut open: Option<&str> = None;
    for spec in specs {
        let Some(status) = status_of(spec) else { continue };
        if let Some(before) = open.filter(|_| runs(status)) {
            return Some(format!(
                "init container {} runs, and {before} before it has yet to end well (CPA-6)",
                name(spec)
            ));
        }
        let has_to_end = spec["restartPolicy"].is_null();
        if has_to_end && (runs(status) || status["state"]["waiting"].is_object() || has_failed(status)) {
            open = open.or(Some(name(spec)));
        }
    }
    None
}

/// What is wrong with the status of one container by itself.
fn alone(status: &Value) -> Option<String> {
    let is_ready = status["ready"] == true;
    if is_ready && status["started"] == false {
        return Some(format!("container {} is ready, and has not started (CND-9)", name(status)));
    }
    [&status["state"]["terminated"], &status["lastState"]["terminated"]].into_iter().find_map(|end| {
        let code = end["exitCode"].as_i64()?;
        // `Completed` is the reason of a runtime for code 0 alone.
        (end["reason"] == "Completed" && code != 0)
            .then(|| format!("container {} completed, and ended with {code}", name(status)))
    })
}

/// `podIP` is the first of `podIPs` (`pkg/apis/core/v1/conversion.go`, `Convert_v1_PodStatus_To_core_PodStatus`).
fn other_address(whole: &Value) -> Option<String> {
    let status = &whole["status"];
    let (one, first) = (status["podIP"].as_str()?, status["podIPs"][0]["ip"].as_str()?);
    (one != first).then(|| format!("its podIP is {one}, and the first of its podIPs {first}"))
}

/// Conditions are a list by their types.
fn condition_twice(whole: &Value) -> Option<String> {
    let mut types = BTreeSet::new();
    let all = list(&whole["status"]["conditions"]).iter().filter_map(|one| one["type"].as_str());
    let twice = all.into_iter().find(|name| !types.insert(*name))?;
    Some(format!("it has two conditions {twice}"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// A pod of two init containers, the first with this policy of its own, and an app.
    fn pod(policy: &Value, states: [Value; 3]) -> Value {
        let [one, two, app] = states;
        json!({
            "spec": {
                "initContainers": [{"name": "one", "restartPolicy": policy}, {"name": "two"}],
                "containers": [{"name": "app"}],
            },
            "status": {
                "initContainerStatuses": [
                    {"name": "one", "state": one, "containerID": "containerd://1"},
                    {"name": "two", "state": two, "containerID": "containerd://2"},
                ],
                "containerStatuses": [{"name": "app", "state": app, "containerID": ""}],
            },
        })
    }

    fn runs() -> Value {
        json!({"running": {}})
    }

    fn waits() -> Value {
        json!({"waiting": {"reason": "PodInitializing"}})
    }

    fn ended(code: i64) -> Value {
        json!({"terminated": {"exitCode": code}})
    }

    #[test]
    fn init_containers_run_one_after_the_other() {
        let says = |policy: Value, one: Value, two: Value| misfit(&pod(&policy, [one, two, waits()]), false);
        for one in [runs(), waits(), ended(1)] {
            assert!(says(Value::Null, one, runs()).is_some_and(|says| says.contains("CPA-6")));
        }
        assert_eq!(says(Value::Null, ended(0), runs()), None);
        assert_eq!(says(json!("Always"), runs(), runs()), None, "a sidecar goes on");
        assert_eq!(says(Value::Null, runs(), ended(0)), None, "they run again in a new sandbox");
        assert_eq!(says(Value::Null, ended(1), ended(0)), None, "and may fail there");
    }

    /// A pod like that, in which this stands there.
    fn with(place: &str, value: Value) -> Value {
        let mut whole = pod(&Value::Null, [ended(0), ended(0), runs()]);
        let (parent, field) = place.rsplit_once('/').expect("a path");
        whole.pointer_mut(parent).expect("there is one")[field] = value;
        whole
    }

    #[test]
    fn what_one_status_tells_fits_together() {
        let app = "/status/containerStatuses/0";
        for (place, value, why) in [
            ("name", json!("other"), "does not have"),
            ("containerID", json!("containerd://2"), "the ID of another"),
            ("lastState", json!({"terminated": {"exitCode": 3, "reason": "Completed"}}), "ended with 3"),
        ] {
            let says = misfit(&with(&format!("{app}/{place}"), value), false);
            assert!(says.is_some_and(|says| says.contains(why)), "{why}");
        }
        let mut unstarted = with(&format!("{app}/ready"), json!(true));
        assert_eq!(misfit(&unstarted, false), None);
        unstarted["status"]["containerStatuses"][0]["started"] = json!(false);
        assert!(misfit(&unstarted, false).is_some_and(|says| says.contains("CND-9")));
        let two = with("/status/conditions", json!([{"type": "Ready"}, {"type": "Ready"}]));
        assert!(misfit(&two, false).is_some_and(|says| says.contains("two conditions Ready")));
        let mut elsewhere = with("/status/podIP", json!("10.0.0.1"));
        elsewhere["status"]["podIPs"] = json!([{"ip": "10.0.0.1"}, {"ip": "fd00::1"}]);
        assert_eq!(misfit(&elsewhere, false), None);
        elsewhere["status"]["podIPs"] = json!([{"ip": "10.0.0.2"}]);
        assert!(misfit(&elsewhere, false).is_some_and(|says| says.contains("first of its podIPs")));
        assert_eq!(misfit(&elsewhere, true), None, "nobody knows what stands there");
    }
}
