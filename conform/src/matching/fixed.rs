//! What stays as it is in a pod for as long as it is there: nobody changes it, whatever the request
//! (`staging/src/k8s.io/apimachinery/pkg/api/validation/objectmeta.go`, `ValidateObjectMetaAccessorUpdate`, `ValidateNoNewFinalizers`;
//! `pkg/apis/core/validation/validation.go`, `ValidatePodUpdate`), and a write of its status keeps all but that, its owners too
//! (`pkg/registry/core/pod/strategy.go`, `podStatusStrategy`).

use std::collections::{BTreeMap, BTreeSet};

use podproof_vocabulary::PodId;
use serde_json::Value;

use super::names::Names;
use crate::fingerprint::fingerprint;
use crate::fingerprint::leaves::{Leaves, Step};
use crate::record::{Facts, Object, Verb, Write};

/// Fields of a spec that may change.
const OPEN: [&str; 6] = [
    "nodeName",
    "activeDeadlineSeconds",
    "tolerations",
    "ephemeralContainers",
    "schedulingGates",
    "resources",
];

/// Fields of a spec that may change while the pod has scheduling gates.
const GATED: [&str; 2] = ["nodeSelector", "affinity"];

/// Fields of a container that may change: in place, from 1.27 on.
const OF_CONTAINERS: [&str; 3] = ["image", "resources", "resizePolicy"];

/// Fields of a spec, and of a container, that no release sets by itself: who asks for nothing has none, and nobody gives or takes one later.
const ASKED_FOR: [&str; 6] =
    ["nodeSelector", "affinity", "hostNetwork", "hostPID", "hostIPC", "topologySpreadConstraints"];
const ASKED_FOR_OF_CONTAINERS: [&str; 6] =
    ["readinessProbe", "livenessProbe", "startupProbe", "lifecycle", "command", "args"];

/// Fields beside the spec that nobody changes; the last is set once (`pkg/kubelet/status/status_manager.go`, `updateStatusInternal`).
const BESIDE: [&str; 3] = ["/metadata/creationTimestamp", "/status/qosClass", "/status/startTime"];

/// What the log has shown of a pod.
#[derive(Clone, Debug)]
struct First {
    spec: Leaves,
    is_gated: bool,
    /// Fields beside the spec.
    beside: BTreeMap<&'static str, String>,
    /// The fields that somebody has asked for; none if the log does not show the spec.
    asked_for: Option<BTreeSet<String>>,
    /// What it tolerates, for however long: more may come, and nothing goes.
    tolerations: BTreeSet<u64>,
    /// Its owners, as a number; none if they may have changed.
    owners: Option<u64>,
    /// The images of its containers, in their order: these may change.
    images: Vec<String>,
    /// Its finalizers, if it was being deleted: some go, and none come (`ValidateNoNewFinalizers`).
    finalizers: Option<BTreeSet<String>>,
}

/// What the log has shown first of each pod.
#[derive(Clone, Debug, Default)]
pub struct Fixed {
    of: BTreeMap<PodId, First>,
}

impl Fixed {
    /// Takes note of what a write shows; says what is another now, if something is.
    pub fn see(&mut self, names: &Names, write: &Write) -> Option<String> {
        if &*write.resource != "pods" || write.code >= 400 || !["", "status"].contains(&&*write.subresource) {
            return None;
        }
        // What was asked for is not what admission has made of it.
        let is_answer = write.resource_version.is_some() && !write.only_asked;
        let pod_of = |object: &&Object| matches!(object.facts, Facts::Pod(_));
        let Some(object) = write.object.as_ref().filter(|_| is_answer).filter(pod_of) else {
            self.lose_owners(names, write);
            return None;
        };
        let pod = names.pod(&object.name, &object.uid)?;
        let whole = &*object.whole;
        let Some(first) = self.of.get_mut(&pod) else {
            self.of.insert(pod, First::of(whole));
            return None;
        };
        let found = first.changed(whole, &write.subresource);
        first.tolerations.extend(tolerations(whole));
        found
    }

    /// Does a write, of which note was taken before, leave a pod with another image?
    pub fn has_other_image(&mut self, names: &Names, write: &Write) -> bool {
        let object = write.object.as_ref().filter(|_| &*write.resource == "pods" && !write.only_asked);
        let Some((object, pod)) =
            object.and_then(|object| Some((object, names.pod(&object.name, &object.uid)?)))
        else {
            return false;
        };
        let (Some(first), now) = (self.of.get_mut(&pod), images(&object.whole)) else { return false };
        let is_other = !now.is_empty() && !first.images.is_empty() && now != first.images;
        if is_other {
            first.images = now;
        }
        is_other
    }

    /// Somebody has changed a pod, and the log does not show what that left.
    fn lose_owners(&mut self, names: &Names, write: &Write) {
        let is_change = matches!(write.verb, Verb::Update | Verb::Patch) && write.subresource.is_empty();
        let pod = names.pod(&write.name, &write.uid).filter(|_| is_change);
        if let Some(first) = pod.and_then(|pod| self.of.get_mut(&pod)) {
            first.owners = None;
        }
    }

    /// A pod is forgotten.
    pub fn forget(&mut self, pod: PodId) {
        self.of.remove(&pod);
    }
}

impl First {
    fn of(whole: &Value) -> Self {
        let is_gated = whole["spec"]["schedulingGates"].as_array().is_some_and(|gates| !gates.is_empty());
        let named = |name: &'static str| Some((name, beside(whole, name)?));
        Self {
            spec: Leaves::of(&whole["spec"], |path| is_open(path, is_gated)),
            is_gated,
            beside: BESIDE.into_iter().filter_map(named).collect(),
            asked_for: asked_for(&whole["spec"], is_gated),
            tolerations: tolerations(whole).collect(),
            owners: Some(owners(whole)),
            images: images(whole),
            finalizers: last_finalizers(whole),
        }
    }

    /// What is another now than it was.
    fn changed(&mut self, whole: &Value, subresource: &str) -> Option<String> {
        if let Some(path) = self.spec.differing(&whole["spec"], |path| is_open(path, self.is_gated)) {
            return Some(format!("its spec.{path} was another, and nobody changes that"));
        }
        let now = asked_for(&whole["spec"], self.is_gated);
        if let Some((was, now)) = self.asked_for.as_ref().zip(now.as_ref())
            && let Some(other) = was.symmetric_difference(now).next()
        {
            let how = if now.contains(other) { "was not there" } else { "was there" };
            return Some(format!("its spec.{other} {how}, and nobody changes that"));
        }
        for name in BESIDE {
            let Some(is) = beside(whole, name) else { continue };
            let was = self.beside.entry(name).or_insert_with(|| is.clone());
            if is != *was {
                let name = name[1..].replace('/', ".");
                return Some(format!("its {name} was {was}, and nobody changes that"));
            }
        }
        let kept: BTreeSet<u64> = tolerations(whole).collect();
        if !self.tolerations.is_subset(&kept) {
            return Some("it does not tolerate what it did, and nobody takes that back".into());
        }
        if let Some(left) = last_finalizers(whole)
            && let Some(before) = self.finalizers.replace(left.clone())
            && let Some(new) = left.difference(&before).next()
        {
            return Some(format!(
                "its finalizer {new} is new, and it is being deleted: nobody adds one then"
            ));
        }
        let before = self.owners.replace(owners(whole)).filter(|_| subresource == "status");
        (before.is_some() && before != self.owners)
            .then(|| "its owners were others, and a write of its status keeps them".into())
    }
}

/// May what stands at this path of a spec change?
fn is_open(path: &[Step<'_>], is_gated: bool) -> bool {
    match path {
        [Step::Field(name)] => OPEN.contains(name) || is_gated && GATED.contains(name),
        [Step::Field("containers" | "initContainers"), Step::Place(_), Step::Field(name)] => {
            OF_CONTAINERS.contains(name)
        }
        _ => false,
    }
}

/// The fields of a spec that somebody has asked for.
fn asked_for(spec: &Value, is_gated: bool) -> Option<BTreeSet<String>> {
    let is_there = |value: &Value| match value {
        Value::Null | Value::Bool(false) => false,
        Value::Array(items) => !items.is_empty(),
        Value::Object(fields) => !fields.is_empty(),
        Value::Bool(true) | Value::Number(_) | Value::String(_) => true,
    };
    let containers = spec["containers"].as_array()?;
    let own = ASKED_FOR.iter().filter(|name| is_there(&spec[**name]) && !(is_gated && GATED.contains(name)));
    let mut all: BTreeSet<String> = own.map(ToString::to_string).collect();
    for (place, container) in containers.iter().enumerate() {
        let of = ASKED_FOR_OF_CONTAINERS.iter().filter(|name| is_there(&container[**name]));
        all.extend(of.map(|name| format!("containers[{place}].{name}")));
    }
    Some(all)
}

/// What stands in a field.
fn beside(whole: &Value, name: &str) -> Option<String> {
    whole.pointer(name).filter(|value| !value.is_null()).map(ToString::to_string)
}

/// The tolerations of a pod, each as a number, but for how long.
fn tolerations(whole: &Value) -> impl Iterator<Item = u64> + '_ {
    let all = whole["spec"]["tolerations"].as_array().into_iter().flatten();
    all.map(|toleration| {
        let mut toleration = toleration.clone();
        toleration.as_object_mut().map(|fields| fields.remove("tolerationSeconds"));
        fingerprint(&toleration)
    })
}

fn images(whole: &Value) -> Vec<String> {
    let containers = whole["spec"]["containers"].as_array().into_iter().flatten();
    containers.map(|container| container["image"].as_str().unwrap_or_default().to_owned()).collect()
}

/// The finalizers of a pod that is being deleted.
fn last_finalizers(whole: &Value) -> Option<BTreeSet<String>> {
    let is_deleting = whole["metadata"]["deletionTimestamp"].is_string();
    let all = whole["metadata"]["finalizers"].as_array().into_iter().flatten();
    is_deleting.then(|| all.filter_map(Value::as_str).map(str::to_owned).collect())
}

fn owners(whole: &Value) -> u64 {
    fingerprint(&whole["metadata"]["ownerReferences"])
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_pod_that_is_being_deleted_gets_no_finalizer() {
        let pod = |finalizers: &[&str], is_deleting: bool| {
            let deleted = is_deleting.then_some("2026-11-22T08:00:00Z");
            json!({"metadata": {"finalizers": finalizers, "deletionTimestamp": deleted}, "spec": {}})
        };
        let changed = |before: &Value, now: &Value| First::of(before).changed(now, "");
        assert_eq!(changed(&pod(&[], false), &pod(&["a"], false)), None);
        assert_eq!(
            changed(&pod(&["a"], false), &pod(&["a", "b"], true)),
            None,
            "it came before the deletion"
        );
        assert_eq!(changed(&pod(&["a", "b"], true), &pod(&["b"], true)), None);
        let new = changed(&pod(&["a"], true), &pod(&["b"], true)).expect("one is new");
        assert!(new.contains("finalizer b is new"), "{new}");
    }

    #[test]
    fn nobody_gives_a_pod_what_it_was_not_made_with_or_takes_it() {
        let bare = json!({"spec": {"containers": [{"name": "app"}]}});
        let with = |field: &str, value: Value| {
            let mut whole = bare.clone();
            let (parent, name) = field.rsplit_once('/').expect("a path");
            whole.pointer_mut(parent).expect("there is one")[name] = value;
            whole
        };
        let changed = |before: &Value, now: &Value| First::of(before).changed(now, "status");
        for (field, value) in [
            ("/spec/nodeSelector", json!({"zone": "a"})),
            ("/spec/hostNetwork", json!(true)),
            ("/spec/containers/0/readinessProbe", json!({"periodSeconds": 1})),
            ("/spec/containers/0/command", json!(["sleep"])),
        ] {
            let other = with(field, value);
            assert!(changed(&bare, &other).is_some_and(|says| says.contains("was not there")), "{field}");
            assert!(changed(&other, &bare).is_some_and(|says| says.contains("was there")), "{field}");
            assert_eq!(changed(&other, &other), None, "{field}");
        }
        assert_eq!(changed(&bare, &with("/spec/hostNetwork", json!(false))), None, "it is as none");
        let with_default = with("/spec/containers/0/terminationMessagePath", json!("/dev/termination-log"));
        assert_eq!(changed(&bare, &with_default), None, "another release may set it");
    }
}
