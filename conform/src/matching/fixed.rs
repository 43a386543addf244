//! What stays as it is in a pod for as long as it is there: nobody changes it, whatever the request
//! (`staging/src/k8s.io/apimachinery/pkg/api/validation/objectmeta.go`, `ValidateObjectMetaAccessorUpdate`;
//! `pkg/apis/core/validation/validation.go`, `ValidatePodUpdate`), and a write of its status keeps all but that.

use std::collections::BTreeMap;

use podproof_vocabulary::PodId;
use serde_json::Value;

use super::names::Names;
use crate::record::{Facts, Write};

/// Fields that nobody changes.
const FIELDS: [&str; 4] = [
    "/metadata/creationTimestamp",
    "/spec/restartPolicy",
    "/spec/terminationGracePeriodSeconds",
    "/spec/schedulerName",
];

/// Lists to which nothing is added, and of which nothing goes.
const LISTS: [&str; 2] = ["/spec/containers", "/spec/initContainers"];

/// A field, and what it is.
type Field = (&'static str, String);

/// What the log has shown first of each pod.
#[derive(Clone, Debug, Default)]
pub struct Fixed {
    of: BTreeMap<PodId, Vec<Field>>,
}

impl Fixed {
    /// Takes note of what a write shows; says what is another now, if something is.
    pub fn see(&mut self, names: &Names, write: &Write) -> Option<String> {
        let is_pod = &*write.resource == "pods" && ["", "status"].contains(&&*write.subresource);
        // What was asked for is not what admission has made of it.
        let is_answer = write.resource_version.is_some() && !write.only_asked && write.code < 400;
        let object = write.object.as_ref().filter(|_| is_pod && is_answer)?;
        let Facts::Pod(_) = &object.facts else { return None };
        let pod = names.pod(&object.name, &object.uid)?;
        let now = fields(&object.whole);
        let before = self.of.entry(pod).or_insert_with(|| now.clone());
        let is_other = |(name, was): &&Field| {
            now.iter().any(|(own, is)| own == name && is != was && !was.starts_with('-'))
        };
        let (name, was) = before.iter().find(is_other)?;
        Some(format!("its {} was {was}, and nobody changes that", name[1..].replace('/', ".")))
    }

    /// A pod is forgotten.
    pub fn forget(&mut self, pod: PodId) {
        self.of.remove(&pod);
    }
}

/// The fields that a pod has of those that nobody changes.
fn fields(whole: &Value) -> Vec<Field> {
    let plain = FIELDS.into_iter().filter_map(|name| {
        let value = whole.pointer(name).filter(|value| !value.is_null())?;
        Some((name, value.to_string()))
    });
    let lists = LISTS.into_iter().filter_map(|name| {
        let items = whole.pointer(name)?.as_array()?;
        let names: Vec<&str> = items.iter().filter_map(|item| item["name"].as_str()).collect();
        Some((name, names.join(", ")))
    });
    plain.chain(lists).collect()
}
