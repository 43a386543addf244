//! What a write that was granted asked for beside the change: an object of this version, or with this UID. The API server refuses
//! it if the object is another by then (API-1, API-3, API-7), so one that it granted found what it asked for.

use super::names::Names;
use super::refusals::Refusals;
use crate::record::{Verb, Write};

/// Why a write cannot have been granted, or answered as it was.
pub fn misfit(refusals: &Refusals, names: &Names, write: &Write) -> Option<String> {
    let other_uid = || {
        let asked = write
            .asked_uid
            .as_ref()
            .filter(|_| write.verb != Verb::Create || !write.subresource.is_empty())?;
        let shown = write.object.as_ref().filter(|object| !write.only_asked && object.name == write.name);
        let found = match shown.map(|object| &object.uid).filter(|uid| !uid.is_empty()) {
            Some(uid) => Some(uid),
            // The answer has no object: the pod of this name that is there is the one.
            None if &*write.resource == "pods" && !write.only_asked && !names.has_strangers() => {
                names.pod(&write.name, "").and_then(|pod| names.uid(pod))
            }
            None => None,
        }?;
        (found != asked).then(|| format!("it asked for UID {asked}, and the object has {found}"))
    };
    let other_name = || {
        let is_of_it = ["", "status"].contains(&&*write.subresource) && !write.only_asked;
        let object = write.object.as_ref().filter(|_| is_of_it)?;
        let is_named = !object.uid.is_empty() && !object.name.is_empty() && !write.name.is_empty();
        let is_other = object.name != write.name
            || !write.namespace.is_empty()
                && !object.namespace.is_empty()
                && object.namespace != write.namespace;
        (is_named && is_other).then(|| format!("it was answered with {}/{}", object.namespace, object.name))
    };
    let old_version = || {
        let (asked, got) = (write.asked_version?, write.resource_version?);
        let newest = refusals.version(&write.resource, &write.name)?;
        let is_old = write.verb != Verb::Create && asked < newest && newest < got;
        is_old.then(|| format!("it asked for version {asked}, and the object had {newest} by then"))
    };
    let disagrees = || write.disagrees.as_ref().map(ToString::to_string);
    other_uid().or_else(other_name).or_else(old_version).or_else(disagrees)
}
