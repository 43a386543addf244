//! What stands in the input and is no part of what is checked: hooks of helm, and objects of which another one of the input makes as many as
//! it wants.

use std::collections::BTreeSet;

use super::cursor::Object;
use super::pod::template_labels;
use super::selector::TEMPLATE_HASH;
use super::tree::{Tree, Value};
use super::world::labels_of_other;
use super::{Place, Warning};
use crate::scenario::Labels;

/// The annotation of what helm creates while it installs, upgrades, tests or removes (helm `pkg/release/hook.go` `HookAnnotation`): `helm
/// template` prints it with the rest.
const HOOK: &str = "helm.sh/hook";
/// Kinds that make pods, or objects that make pods, by themselves.
const OWNERS: [&str; 7] =
    ["Deployment", "ReplicaSet", "StatefulSet", "DaemonSet", "Job", "CronJob", "ReplicationController"];
/// So many are named.
const NAMED: usize = 8;

/// What was put aside.
#[derive(Default)]
pub struct Aside<'o> {
    /// Hooks of helm.
    hooks: Vec<&'o Object>,
    /// What a controller of the input owns.
    owned: Vec<&'o Object>,
}

impl<'o> Aside<'o> {
    /// What is put aside of the objects, and the others.
    pub fn part(objects: &'o [Object]) -> (Self, Vec<&'o Object>) {
        let (hooks, rest): (Vec<_>, Vec<_>) = objects.iter().partition(|object| is_hook(object));
        let name =
            |object: &&'o Object| (object.kind.as_str(), object.namespace.as_str(), object.name.as_str());
        let there: BTreeSet<_> = rest.iter().map(name).collect();
        let is_there = |name: (&str, &str, &str)| there.contains(&name);
        let (owned, kept) = rest.iter().partition(|object| is_owned(object, is_there));
        (Self { hooks, owned }, kept)
    }

    /// Namespace, labels and title of the pods that they are or have: who selects these alone has no typo.
    pub fn pods(&self) -> impl Iterator<Item = (String, Labels, String)> {
        self.hooks.iter().chain(&self.owned).filter_map(|object| {
            let labels = match object.kind.as_str() {
                "Pod" => template_labels(&object.tree),
                _ => labels_of_other(object)?,
            };
            Some((object.namespace.clone(), labels, object.title()))
        })
    }

    /// The hooks, as a sentence goes on with them.
    pub fn hooks(&self) -> Option<String> {
        let says = format!(
            "{} ({HOOK}: helm creates {} while it installs, {} not part of what runs)",
            titles(&self.hooks),
            if self.hooks.len() == 1 { "it" } else { "them" },
            if self.hooks.len() == 1 { "it is" } else { "they are" }
        );
        (!self.hooks.is_empty()).then_some(says)
    }

    /// What was put aside, and why.
    pub fn warnings(&self) -> Vec<Warning> {
        let place = |objects: &[&Object]| -> Option<Place> {
            objects.first().map(|object| object.place(object.tree.mark))
        };
        let hooks =
            self.hooks().map(|says| Warning { place: place(&self.hooks), says: format!("left out: {says}") });
        let owned = (!self.owned.is_empty()).then(|| Warning {
            place: place(&self.owned),
            says: format!(
                "{} left out, as what owns {} is in the input too, and makes as many as it wants: {}",
                match self.owned.len() {
                    1 => "one object is".to_owned(),
                    many => format!("{many} objects are"),
                },
                if self.owned.len() == 1 { "it" } else { "them" },
                titles(&self.owned)
            ),
        });
        hooks.into_iter().chain(owned).collect()
    }
}

/// The first of them by name, and how many more there are.
fn titles(objects: &[&Object]) -> String {
    let named: Vec<String> = objects.iter().take(NAMED).map(|object| object.title()).collect();
    match objects.len().checked_sub(NAMED) {
        None | Some(0) => named.join(", "),
        Some(more) => format!("{} and {more} more", named.join(", ")),
    }
}

fn is_hook(object: &Object) -> bool {
    object.metadata("annotations", HOOK).is_some_and(|hook| !hook.is_empty())
}

/// Is the owner there that controls the object (apimachinery `metav1.GetControllerOf`)? Others are asked for by kind, namespace and name.
fn is_owned(object: &Object, is_there: impl Fn((&str, &str, &str)) -> bool) -> bool {
    let Some((kind, name)) = owner(object) else { return false };
    let is_there = |kind: &str, name: &str| is_there((kind, &object.namespace, name));
    // S28 `deployment/sync.go` `getNewReplicaSet`: a ReplicaSet is named by its Deployment and the hash of its template.
    let deployment = || name.strip_suffix(object.metadata("labels", TEMPLATE_HASH)?)?.strip_suffix('-');
    let is_made = matches!(object.kind.as_str(), "Pod" | "ReplicaSet" | "Job") && OWNERS.contains(&kind);
    is_made
        && (is_there(kind, name)
            || (kind == "ReplicaSet" && deployment().is_some_and(|name| is_there("Deployment", name))))
}

/// Kind and name of who controls an object.
fn owner(object: &Object) -> Option<(&str, &str)> {
    let owners = object.tree.get("metadata")?.get("ownerReferences")?.items();
    let is_controller = |owner: &&Tree| {
        owner.get("controller").is_some_and(|controller| controller.value == Value::Bool(true))
    };
    let owner = owners.iter().find(is_controller)?;
    Some((owner.get("kind")?.text()?, owner.get("name")?.text()?))
}
