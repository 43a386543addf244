//! What has ended stays ended: a container that its kubelet has told to be over is over with that exit code, whatever comes after it
//! (`cri-api`, `ContainerState`: CONTAINER_EXITED is the last; `pkg/kubelet/kubelet_pods.go`, `convertToAPIContainerStatuses`). One that
//! is started in its place is another, with an ID of its own. One that its pod's policy does not restart has ended for good: a kubelet tells no
//! status in which it does anything else (STM-8; `pkg/kubelet/status/status_manager.go`, `checkContainerStateTransition`), and removes no
//! pod of which it has told that a container runs (STM-6; `canBeDeleted`).

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use podproof_vocabulary::PodId;
use serde_json::Value;

use super::actor::Actor;
use super::names::Names;
use super::writes::states::{self, statuses};
use crate::record::{Verb, Write};

/// How the containers of each pod have ended, as their kubelet told it last: by name, with the ID of the one that has.
#[derive(Clone, Debug, Default)]
pub struct Ends {
    of: BTreeMap<PodId, BTreeMap<Rc<str>, End>>,
    /// The addresses that each pod had last, and the containers that ran then, by their IDs.
    at: BTreeMap<PodId, Place>,
    /// When each container started, by its name, with its ID.
    began: BTreeMap<PodId, BTreeMap<Rc<str>, Began>>,
}

/// The addresses of a pod, and the containers that run there.
#[derive(Clone, Debug, Default)]
struct Place {
    addresses: BTreeSet<String>,
    running: BTreeSet<String>,
}

/// Which container started, and when.
type Began = (Rc<str>, Rc<str>);

/// Which container has ended, and with what exit code.
type End = (Rc<str>, i64);

impl Ends {
    /// Takes note of what a write shows; says which end is another now, if one is.
    pub fn see(&mut self, names: &Names, write: &Write) -> Option<String> {
        let object = write.object.as_ref().filter(|_| !write.only_asked && write.code < 400)?;
        let pod = names.pod(&object.name, &object.uid).filter(|_| &*write.resource == "pods")?;
        if let Some(why) = self.moved(pod, &object.whole) {
            return Some(why);
        }
        let of = self.of.entry(pod).or_default();
        if let Some((container, code)) = back_from_the_end(of, &object.whole) {
            return Some(format!(
                "container {container} had ended with {code}, for good by its pod's restart policy, and now it has not"
            ));
        }
        let mut other = None;
        for status in statuses(&object.whole) {
            if let Some(last) = last_told(status)
                && let Some((id, before)) = of.get(last.name)
                && let Some(code) = last.exit_code.filter(|code| **id == *last.id && code != before)
            {
                let container = last.name;
                let why = format!(
                    "container {container} had ended with {before}, and now it is told that it had with {code}"
                );
                other = other.or(Some(why));
            }
            let Some(now) = told(status) else { continue };
            match (of.get(now.name), now.exit_code) {
                (Some((id, before)), code) if **id == *now.id && code != Some(*before) => {
                    let now_it = code.map_or("runs".to_owned(), |code| format!("has ended with {code}"));
                    let container = now.name;
                    other = other.or(Some(format!(
                        "container {container} had ended with {before}, and now the same one {now_it}"
                    )));
                }
                (_, Some(code)) => _ = of.insert(now.name.into(), (now.id.into(), code)),
                (_, None) => {}
            }
        }
        other.or_else(|| self.began(pod, &object.whole))
    }

    /// When a container started is one moment, whatever comes of it; some runtimes tell of none that has ended as theirs.
    fn began(&mut self, pod: PodId, whole: &Value) -> Option<String> {
        let of = self.began.entry(pod).or_default();
        statuses(whole).find_map(|status| {
            let state = ["running", "terminated"].into_iter().map(|state| &status["state"][state]);
            let at = state.filter_map(|state| state["startedAt"].as_str()).next()?;
            let id = told(status)?.id;
            let known = of.insert(status["name"].as_str()?.into(), (id.into(), at.into()));
            let (_, before) = known.filter(|(known, before)| **known == *id && **before != *at)?;
            let is_told =
                [&*before, at].iter().all(|at| !at.starts_with("0001-") && !at.starts_with("1970-"));
            is_told.then(|| {
                format!(
                    "container {} started at {before}, and now the same one at {at}",
                    states::name(status)
                )
            })
        })
    }

    /// The address is that of the sandbox, in which its containers run to their ends: a new one begins with none of them (SBX-2, CPA-4).
    fn moved(&mut self, pod: PodId, whole: &Value) -> Option<String> {
        let now = Place::of(whole)?;
        let before = self.at.insert(pod, now.clone())?;
        let container = before.running.intersection(&now.running).next()?;
        let is_other = before.addresses.is_disjoint(&now.addresses);
        is_other.then(|| format!("its address is another, and container {container} runs where it did"))
    }

    /// A pod is forgotten.
    pub fn forget(&mut self, pod: PodId) {
        self.of.remove(&pod);
        self.at.remove(&pod);
        self.began.remove(&pod);
    }
}

impl Place {
    /// That of a pod that has a sandbox of its own, and an address.
    fn of(whole: &Value) -> Option<Self> {
        let status = &whole["status"];
        let more = status["podIPs"].as_array().into_iter().flatten().map(|own| &own["ip"]);
        let addresses: BTreeSet<String> =
            more.chain([&status["podIP"]]).filter_map(Value::as_str).map(str::to_owned).collect();
        let runs = |own: &&Value| own["state"]["running"].is_object();
        let running = status["containerStatuses"].as_array().into_iter().flatten().filter(runs);
        let running = running.filter_map(|own| own["containerID"].as_str()).map(str::to_owned).collect();
        (!addresses.is_empty() && whole["spec"]["hostNetwork"] != true).then_some(Self { addresses, running })
    }
}

/// Why a kubelet does not remove a pod with this write: by the status that goes with the pod a container runs. That stands in the write
/// itself, so it cannot be, whatever came before it.
pub fn misremoval(write: &Write) -> Option<String> {
    let object = write.object.as_ref().filter(|_| !write.only_asked && write.code < 400)?;
    let container = removed_while_it_runs(write, &object.whole).filter(|_| &*write.resource == "pods")?;
    Some(format!("its kubelet removes it, and has told that container {container} runs"))
}

/// A container that runs by the last status of a pod which its kubelet removes.
fn removed_while_it_runs<'v>(write: &Write, whole: &'v Value) -> Option<&'v str> {
    let is_removal = write.verb == Verb::Delete && write.subresource.is_empty();
    let by_kubelet = is_removal && matches!(Actor::of(write), Actor::Kubelet(_));
    let mut statuses = whole["status"]["containerStatuses"].as_array().filter(|_| by_kubelet)?.iter();
    statuses.find(|status| status["state"]["running"].is_object())?["name"].as_str()
}

/// A container that had ended for good, with this exit code, and has not by this status.
fn back_from_the_end<'v>(of: &BTreeMap<Rc<str>, End>, whole: &'v Value) -> Option<(&'v str, i64)> {
    let never = match whole["spec"]["restartPolicy"].as_str()? {
        "Never" => true,
        "OnFailure" => false,
        _ => return None,
    };
    let lists = [("initContainers", "initContainerStatuses"), ("containers", "containerStatuses")];
    let mut all = lists.into_iter().flat_map(|(specs, statuses)| {
        let list = |value: &'v Value| value.as_array().map_or(&[][..], Vec::as_slice);
        let specs = list(&whole["spec"][specs]);
        list(&whole["status"][statuses]).iter().map(move |status| (specs, status))
    });
    all.find_map(|(specs, status)| {
        let name = status["name"].as_str()?;
        let &(_, code) = of.get(name)?;
        // One with a policy of its own, as a sidecar, may be restarted.
        let is_plain = specs.iter().any(|spec| spec["name"] == *name && spec["restartPolicy"].is_null());
        let is_back = status["state"].is_object() && !status["state"]["terminated"].is_object();
        (is_plain && is_back && (never || code == 0)).then_some((name, code))
    })
}

/// What a status tells of a container.
struct Told<'v> {
    name: &'v str,
    id: &'v str,
    /// None while it runs.
    exit_code: Option<i64>,
}

/// What a status tells of the container that it is about, if it says which that is.
fn told<'v>(status: &'v Value) -> Option<Told<'v>> {
    let state = &status["state"];
    let id = |of: &'v Value| of["containerID"].as_str().filter(|id| !id.is_empty());
    let exit_code = state["terminated"]["exitCode"].as_i64();
    if exit_code.is_none() && !state["running"].is_object() {
        return None;
    }
    let id = id(&state["terminated"]).or_else(|| id(status))?;
    Some(Told { name: status["name"].as_str()?, id, exit_code })
}

/// What a status tells of the container that was there before the one that it is about.
fn last_told(status: &Value) -> Option<Told<'_>> {
    let last = &status["lastState"]["terminated"];
    let id = last["containerID"].as_str().filter(|id| !id.is_empty())?;
    Some(Told { name: status["name"].as_str()?, id, exit_code: last["exitCode"].as_i64() })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// STM-8, CPA-9
    #[test]
    fn what_is_not_restarted_does_not_come_back() {
        let ended = |code: i64| BTreeMap::from([(Rc::from("app"), (Rc::from("first"), code))]);
        let whole = |policy: &str, spec: Value, state: Value| {
            json!({
                "spec": {"restartPolicy": policy, "containers": [spec]},
                "status": {"containerStatuses": [{"name": "app", "state": state}]},
            })
        };
        let (app, runs) = (json!({"name": "app"}), json!({"running": {}}));
        let is_back = |policy: &str, code: i64, spec: &Value, state: &Value| {
            back_from_the_end(&ended(code), &whole(policy, spec.clone(), state.clone())).is_some()
        };
        assert!(is_back("Never", 1, &app, &runs) && is_back("OnFailure", 0, &app, &runs));
        assert!(is_back("OnFailure", 0, &app, &json!({"waiting": {}})));
        assert!(!is_back("OnFailure", 1, &app, &runs) && !is_back("Always", 0, &app, &runs));
        assert!(!is_back("Never", 1, &app, &json!({"terminated": {"exitCode": 1}})));
        let own = json!({"name": "app", "restartPolicy": "OnFailure"});
        assert!(!is_back("Never", 1, &own, &runs), "it has a policy of its own");
    }

    /// SBX-2, CPA-4
    #[test]
    fn an_address_goes_with_its_containers() {
        let at = |address: &str, id: &str| {
            json!({
                "spec": {},
                "status": {"podIP": address, "containerStatuses": [{"containerID": id, "state": {"running": {}}}]},
            })
        };
        let moves = |now: Value| {
            let mut ends = Ends::default();
            assert_eq!(ends.moved(PodId(0), &at("10.0.0.1", "first")), None);
            ends.moved(PodId(0), &now).is_some()
        };
        assert!(moves(at("10.0.0.2", "first")));
        assert!(!moves(at("10.0.0.2", "second")) && !moves(at("10.0.0.1", "first")));
        let mut both = at("10.0.0.2", "first");
        both["status"]["podIPs"] = json!([{"ip": "10.0.0.2"}, {"ip": "10.0.0.1"}]);
        assert!(!moves(both), "it has one of each family");
        let mut on_the_host = at("10.0.0.2", "first");
        on_the_host["spec"]["hostNetwork"] = json!(true);
        assert!(!moves(on_the_host));
    }

    /// STM-6
    #[test]
    fn a_kubelet_removes_no_pod_that_runs() {
        let whole =
            |state: &str| json!({"status": {"containerStatuses": [{"name": "app", "state": {state: {}}}]}});
        let by = |user: &str, verb: Verb| Write { user: user.into(), ..Write::granted(verb) };
        let kubelet = by("system:node:node-a", Verb::Delete);
        assert_eq!(removed_while_it_runs(&kubelet, &whole("running")), Some("app"));
        assert_eq!(removed_while_it_runs(&kubelet, &whole("terminated")), None);
        assert_eq!(removed_while_it_runs(&by("somebody", Verb::Delete), &whole("running")), None);
        assert_eq!(removed_while_it_runs(&by("system:node:node-a", Verb::Patch), &whole("running")), None);
    }
}
