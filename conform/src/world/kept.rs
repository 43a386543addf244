//! Manifests as they are kept: those of objects that differ only in their name are kept once, so that a log in which a workload comes
//! and goes a thousand times needs no more of them than one in which it comes once.

use std::collections::BTreeMap;
use std::rc::Rc;

use serde_json::Value;

/// The manifests of all objects of a kind.
#[derive(Debug, Default)]
pub(super) struct Kept {
    /// By their text.
    by_text: BTreeMap<Box<str>, Rc<Value>>,
}

impl Kept {
    /// The one copy of what is equal to it.
    pub fn share(&mut self, value: Value) -> Rc<Value> {
        let text = value.to_string();
        match self.by_text.get(&*text) {
            Some(known) => Rc::clone(known),
            None => Rc::clone(self.by_text.entry(text.into()).or_insert_with(|| Rc::new(value))),
        }
    }

    /// The one copy of a manifest without its name; [`named`] gives it back.
    pub fn share_nameless(&mut self, mut manifest: Value) -> Rc<Value> {
        if let Some(metadata) = manifest["metadata"].as_object_mut() {
            metadata.remove("name");
        }
        self.share(manifest)
    }
}

/// The manifest of the object of this name.
pub(super) fn named(manifest: &Value, name: &str) -> Value {
    let mut manifest = manifest.clone();
    manifest["metadata"]["name"] = name.into();
    manifest
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_differs_only_in_its_name_is_kept_once() {
        let of = |name: &str, image: &str| json!({"metadata": {"name": name, "labels": {}}, "spec": image});
        let mut kept = Kept::default();
        let first = kept.share_nameless(of("web-1", "a"));
        assert!(Rc::ptr_eq(&first, &kept.share_nameless(of("web-2", "a"))));
        assert!(!Rc::ptr_eq(&first, &kept.share_nameless(of("web-1", "b"))));
        assert_eq!(named(&first, "web-2"), of("web-2", "a"));
    }
}
