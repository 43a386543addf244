//! What has ended stays ended: a container that its kubelet has told to be over is over with that exit code, whatever comes after it
//! (`cri-api`, `ContainerState`: CONTAINER_EXITED is the last; `pkg/kubelet/kubelet_pods.go`, `convertToAPIContainerStatuses`). One that
//! is started in its place is another, with an ID of its own.

use std::collections::BTreeMap;
use std::rc::Rc;

use podproof_vocabulary::PodId;
use serde_json::Value;

use super::names::Names;
use crate::record::Write;

/// How the containers of each pod have ended, as their kubelet told it last: by name, with the ID of the one that has.
#[derive(Clone, Debug, Default)]
pub struct Ends {
    of: BTreeMap<PodId, BTreeMap<Rc<str>, End>>,
}

/// Which container has ended, and with what exit code.
type End = (Rc<str>, i64);

impl Ends {
    /// Takes note of what a write shows; says which end is another now, if one is.
    pub fn see(&mut self, names: &Names, write: &Write) -> Option<String> {
        let object = write.object.as_ref().filter(|_| !write.only_asked && write.code < 400)?;
        let pod = names.pod(&object.name, &object.uid).filter(|_| &*write.resource == "pods")?;
        let of = self.of.entry(pod).or_default();
        let lists = ["initContainerStatuses", "containerStatuses"].into_iter();
        let all = lists.flat_map(|list| object.whole["status"][list].as_array().into_iter().flatten());
        let mut other = None;
        for status in all {
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
        other
    }

    /// A pod is forgotten.
    pub fn forget(&mut self, pod: PodId) {
        self.of.remove(&pod);
    }
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
