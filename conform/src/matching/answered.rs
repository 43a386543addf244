//! What applications answered their probes: a container with a readiness probe over HTTP is ready once that was answered well, and not
//! before (PRB-4; `pkg/kubelet/prober/worker.go`, `newWorker`: readiness begins with failure, and `doProbe`). Where an application writes
//! down what it answers at the path of the probe, and has answered badly each time since it started, its pod cannot have become ready.
//!
//! A kubelet that starts anew may take what it finds running for ready for a moment (PRB-12), so nothing is said of those.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use jiff::Timestamp;
use podproof_vocabulary::PodId;
use serde_json::Value;

use super::eyes::Eyes;
use super::names::Names;
use crate::record::{AppEvent, AppWhat, Write};

/// A container of a pod.
type Place = (PodId, Rc<str>);

/// What containers answered their probes.
#[derive(Clone, Debug, Default)]
pub struct Answered {
    /// For each container whose start the log shows, and each path at which it has been probed since: was any probe answered well?
    well: BTreeMap<Place, BTreeMap<Rc<str>, bool>>,
    /// The containers that were told to be ready last.
    ready: BTreeSet<Place>,
}

impl Answered {
    /// A process says something.
    pub fn hear(&mut self, names: &Names, event: &AppEvent) {
        let uid = event.uid.as_deref().unwrap_or_default();
        let Some(pod) = names.speaker(&event.pod, uid, event.node.as_deref()) else { return };
        let place = (pod, Rc::clone(&event.container));
        match &event.what {
            AppWhat::Started => _ = self.well.insert(place, BTreeMap::new()),
            AppWhat::Probed { path, well } => {
                if let Some(paths) = self.well.get_mut(&place) {
                    *paths.entry(Rc::clone(path)).or_default() |= well;
                }
            }
            AppWhat::Listening | AppWhat::Signal(_) | AppWhat::Exit(_) | AppWhat::Served(_) => {}
        }
    }

    /// Takes note of what a write shows; says which container cannot have become ready, if one cannot.
    pub fn see(&mut self, names: &Names, eyes: &Eyes, write: &Write) -> Option<String> {
        let is_report = &*write.resource == "pods" && write.code < 400;
        let object = write.object.as_ref().filter(|_| is_report)?;
        let pod = names.pod(&object.name, &object.uid)?;
        let is_watched = names.home(pod).is_some_and(|node| eyes.has_run(node));
        let mut early = (is_watched && is_ready_before_it_is_asked(&object.whole))
            .then(|| "it became Ready before the initial delay of a probe was over (PRB-1)".into());
        for status in object.whole["status"]["containerStatuses"].as_array().into_iter().flatten() {
            let Some(name) = status["name"].as_str() else { continue };
            let place = (pod, Rc::from(name));
            if status["ready"] != true {
                self.ready.remove(&place);
                continue;
            }
            let path = readiness_path(&object.whole["spec"], name);
            let answers = self.well.get(&place).zip(path).and_then(|(answers, path)| answers.get(path));
            if self.ready.insert(place) && is_watched && answers == Some(&false) {
                early = early.or(Some(format!(
                    "container {name} became ready, and has answered its readiness probe badly each time since it started"
                )));
            }
        }
        early
    }

    /// A pod is forgotten.
    pub fn forget(&mut self, pod: PodId) {
        self.well.retain(|(own, _), _| *own != pod);
        self.ready.retain(|(own, _)| *own != pod);
    }
}

/// The path of the readiness probe of a container, if that is one over HTTP.
fn readiness_path<'v>(spec: &'v Value, name: &str) -> Option<&'v str> {
    let containers = spec["containers"].as_array()?;
    let container = containers.iter().find(|container| container["name"] == name)?;
    container["readinessProbe"]["httpGet"].as_object()?;
    Some(container["readinessProbe"]["httpGet"]["path"].as_str().unwrap_or("/"))
}

/// Of a pod that is Ready, by the clock of its kubelet: a probe is asked when its initial delay is over, and not before.
fn is_ready_before_it_is_asked(whole: &Value) -> bool {
    let moment = |value: &Value| value.as_str()?.parse::<Timestamp>().ok().map(Timestamp::as_second);
    let mut conditions = whole["status"]["conditions"].as_array().into_iter().flatten();
    let is_ready = |condition: &&Value| condition["type"] == "Ready" && condition["status"] == "True";
    let since = conditions.find(is_ready).and_then(|ready| moment(&ready["lastTransitionTime"]));
    let Some(since) = since else { return false };
    let statuses = whole["status"]["containerStatuses"].as_array();
    let containers = whole["spec"]["containers"].as_array();
    let is_early = |container: &Value| {
        let delays =
            ["startupProbe", "readinessProbe"].map(|probe| container[probe]["initialDelaySeconds"].as_i64());
        let delay = delays.into_iter().flatten().max()?;
        let own = statuses?.iter().find(|status| status["name"] == container["name"])?;
        let started = moment(&own["state"]["running"]["startedAt"])?;
        // One that has started since was not asked for that.
        Some(own["ready"] == true && started <= since && since < started.saturating_add(delay))
    };
    containers.into_iter().flatten().any(|container| is_early(container) == Some(true))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_pod_is_ready_when_the_delay_of_its_probe_is_over() {
        let early = |field: &str, value: Value| {
            let since = "2026-01-01T00:00:15Z";
            let mut whole = json!({
                "spec": {"containers": [{"name": "app", "readinessProbe": {"initialDelaySeconds": 5}}]},
                "status": {
                    "conditions": [{"type": "Ready", "status": "True", "lastTransitionTime": since}],
                    "containerStatuses": [
                        {"name": "app", "ready": true, "state": {"running": {"startedAt": "2026-01-01T00:00:10Z"}}},
                    ],
                },
            });
            *whole.pointer_mut(field).expect("there is one") = value;
            is_ready_before_it_is_asked(&whole)
        };
        let delay = "/spec/containers/0/readinessProbe/initialDelaySeconds";
        let started = "/status/containerStatuses/0/state/running/startedAt";
        assert!(!early(delay, json!(5)));
        assert!(early(delay, json!(6)));
        assert!(early(started, json!("2026-01-01T00:00:11Z")));
        assert!(!early("/spec/containers/0/readinessProbe", json!(null)));
        assert!(!early(started, json!("2026-01-01T00:00:16Z")), "another was ready before it");
        assert!(!early("/status/containerStatuses/0/ready", json!(false)));
    }
}
