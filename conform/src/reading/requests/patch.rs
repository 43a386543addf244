//! Patches, as the API server applies them. An audit log does not say of which type a patch is: a list is a JSON patch (RFC 6902), and
//! anything else is taken as a strategic merge patch, which `kubectl` and all components send for the resources here.

use serde_json::{Map, Value};

/// Lists that are merged element by element, and the field that tells these apart (`patchMergeKey` in `staging/src/k8s.io/api`); any
/// other list is replaced.
const MERGED: &[(&str, &[&str])] = &[
    ("addresses", &["type"]),
    ("conditions", &["type"]),
    ("containers", &["name"]),
    ("env", &["name"]),
    ("ephemeralContainers", &["name"]),
    ("hostAliases", &["ip"]),
    ("imagePullSecrets", &["name"]),
    ("initContainers", &["name"]),
    ("ownerReferences", &["uid"]),
    ("podIPs", &["ip"]),
    // Of a container, and of a Service.
    ("ports", &["containerPort", "port"]),
    ("resourceClaims", &["name"]),
    ("schedulingGates", &["name"]),
    ("topologySpreadConstraints", &["topologyKey"]),
    ("volumeDevices", &["devicePath"]),
    ("volumeMounts", &["mountPath"]),
    ("volumes", &["name"]),
];

/// Lists of texts that are merged as sets are.
const SETS: &[&str] = &["finalizers", "podCIDRs"];

const DIRECTIVE: &str = "$patch";
const ORDER: &str = "$setElementOrder/";
const DELETE: &str = "$deleteFromPrimitiveList/";
const RETAIN: &str = "$retainKeys";

/// Applies a patch; false, if it cannot be applied to this.
pub(super) fn apply(to: &mut Value, patch: &Value) -> bool {
    match patch {
        Value::Array(operations) => operations.iter().all(|operation| operate(to, operation)),
        patch => {
            merge(to, patch);
            true
        }
    }
}

/// Is the object as this patch leaves it?
pub(super) fn holds(object: &Value, patch: &Value) -> bool {
    if patch.is_array() {
        return false;
    }
    let mut after = object.clone();
    merge(&mut after, patch);
    after == *object
}

/// A strategic merge patch of a mapping.
fn merge(to: &mut Value, patch: &Value) {
    let Some(changes) = patch.as_object().filter(|changes| changes.get(DIRECTIVE) != Some(&"replace".into()))
    else {
        *to = plain(patch);
        return;
    };
    if !to.is_object() {
        *to = Value::Object(Map::new());
    }
    let Some(members) = to.as_object_mut() else { return };
    if let Some(retained) = changes.get(RETAIN).and_then(Value::as_array) {
        members.retain(|name, _| retained.contains(&name.as_str().into()));
    }
    for (field, change) in changes.iter().filter(|(field, _)| !field.starts_with('$')) {
        match (change, merged_by(field)) {
            (Value::Null, _) => _ = members.remove(field),
            (Value::Array(elements), Some(keys)) => {
                merge_list(members.entry(field.clone()).or_insert(Value::Null), elements, keys);
            }
            (Value::Array(elements), None) if SETS.contains(&field.as_str()) => {
                let list = list_of(members.entry(field.clone()).or_insert(Value::Null));
                let new: Vec<Value> = elements.iter().filter(|one| !list.contains(one)).cloned().collect();
                list.extend(new);
            }
            (Value::Object(_), _) => merge(members.entry(field.clone()).or_insert(Value::Null), change),
            _ => _ = members.insert(field.clone(), plain(change)),
        }
    }
    for (directive, texts) in changes {
        if let Some(list) = directive.strip_prefix(DELETE).and_then(|field| members.get_mut(field)) {
            let gone = texts.as_array().map_or(&[][..], Vec::as_slice);
            list_of(list).retain(|one| !gone.contains(one));
        } else if let Some((field, list)) =
            directive.strip_prefix(ORDER).and_then(|field| Some((field, members.get_mut(field)?)))
        {
            put_in_order(list, texts, merged_by(field).unwrap_or_default());
        }
    }
}

/// The fields by one of which the elements of a list are told apart.
fn merged_by(field: &str) -> Option<&'static [&'static str]> {
    MERGED.iter().find(|(name, _)| *name == field).map(|(_, keys)| *keys)
}

/// What tells an element apart.
fn key<'v>(element: &'v Value, keys: &[&str]) -> &'v Value {
    keys.iter().map(|key| &element[*key]).find(|value| !value.is_null()).unwrap_or(&Value::Null)
}

fn merge_list(to: &mut Value, elements: &[Value], keys: &[&str]) {
    let is = |element: &Value, directive: &str| element[DIRECTIVE] == directive;
    // An element that says nothing else is about the whole list.
    let is_of_list = |element: &&Value| is(element, "replace") && key(element, keys).is_null();
    if elements.iter().any(|element| is_of_list(&element)) {
        *to = elements.iter().filter(|element| !is_of_list(element)).map(plain).collect();
        return;
    }
    let list = list_of(to);
    for element in elements {
        let own = key(element, keys);
        let place = list.iter().position(|known| !own.is_null() && key(known, keys) == own);
        match place {
            Some(place) if is(element, "delete") => _ = list.remove(place),
            _ if is(element, "delete") => {}
            Some(place) => merge(&mut list[place], element),
            None => list.push(plain(element)),
        }
    }
}

/// The elements that `order` names stand in its order, before all others.
fn put_in_order(list: &mut Value, order: &Value, keys: &[&str]) {
    let order = order.as_array().map_or(&[][..], Vec::as_slice);
    let place = |element: &Value| {
        let is = |named: &Value| match named.is_object() {
            true => key(named, keys) == key(element, keys),
            false => named == element,
        };
        order.iter().position(is).unwrap_or(order.len())
    };
    list_of(list).sort_by_key(place);
}

/// A value as a list; what is none becomes an empty one.
fn list_of(value: &mut Value) -> &mut Vec<Value> {
    if !value.is_array() {
        *value = Value::Array(Vec::new());
    }
    value.as_array_mut().expect("it is a list now")
}

/// What a patch sets where nothing was: it without its directives.
fn plain(patch: &Value) -> Value {
    match patch {
        Value::Object(members) => {
            let kept = members.iter().filter(|(name, value)| !name.starts_with('$') && !value.is_null());
            Value::Object(kept.map(|(name, value)| (name.clone(), plain(value))).collect())
        }
        Value::Array(elements) => elements.iter().map(plain).collect(),
        other => other.clone(),
    }
}

/// One operation of a JSON patch.
fn operate(to: &mut Value, operation: &Value) -> bool {
    let path = operation["path"].as_str().unwrap_or_default();
    let from = || operation["from"].as_str().unwrap_or_default();
    let value = || operation["value"].clone();
    match operation["op"].as_str().unwrap_or_default() {
        "add" => add(to, path, value()),
        "remove" => remove(to, path).is_some(),
        "replace" if path.is_empty() => add(to, path, value()),
        "replace" => to.pointer_mut(path).map(|target| *target = value()).is_some(),
        "move" => remove(to, from()).is_some_and(|moved| add(to, path, moved)),
        "copy" => to.pointer(from()).cloned().is_some_and(|copied| add(to, path, copied)),
        "test" => to.pointer(path) == Some(&operation["value"]),
        _ => false,
    }
}

/// What is around a place, and what the place is called there.
fn around<'v>(to: &'v mut Value, path: &str) -> Option<(&'v mut Value, String)> {
    let (around, last) = path.rsplit_once('/')?;
    Some((to.pointer_mut(around)?, last.replace("~1", "/").replace("~0", "~")))
}

fn add(to: &mut Value, path: &str, value: Value) -> bool {
    if path.is_empty() {
        *to = value;
        return true;
    }
    match around(to, path) {
        Some((Value::Object(members), name)) => _ = members.insert(name, value),
        Some((Value::Array(elements), place)) => {
            let place = if place == "-" { Some(elements.len()) } else { place.parse().ok() };
            let Some(place) = place.filter(|place| *place <= elements.len()) else { return false };
            elements.insert(place, value);
        }
        _ => return false,
    }
    true
}

fn remove(from: &mut Value, path: &str) -> Option<Value> {
    match around(from, path)? {
        (Value::Object(members), name) => members.remove(&name),
        (Value::Array(elements), place) => {
            let place = place.parse::<usize>().ok().filter(|place| *place < elements.len())?;
            Some(elements.remove(place))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn after(before: Value, patch: Value) -> Value {
        let mut object = before;
        assert!(apply(&mut object, &patch), "{patch} fits");
        object
    }

    #[test]
    fn mappings_are_merged_and_null_takes_away() {
        let before = json!({"spec": {"replicas": 1, "paused": true}, "status": {}});
        let patch = json!({"spec": {"replicas": 3, "paused": null, "minReadySeconds": 5}});
        let expected = json!({"spec": {"replicas": 3, "minReadySeconds": 5}, "status": {}});
        assert_eq!(after(before, patch), expected);
    }

    #[test]
    fn elements_of_a_list_are_merged_by_their_key_and_stand_as_the_order_says() {
        let before =
            json!({"conditions": [{"type": "Ready", "status": "False", "reason": "X"}, {"type": "Old"}]});
        let patch = json!({
            "$setElementOrder/conditions": [{"type": "New"}, {"type": "Ready"}],
            "conditions": [{"type": "Ready", "status": "True", "reason": null}, {"type": "New"}, {"$patch": "delete", "type": "Old"}],
        });
        let expected = json!({"conditions": [{"type": "New"}, {"type": "Ready", "status": "True"}]});
        assert_eq!(after(before, patch), expected);
    }

    #[test]
    fn other_lists_are_replaced_and_those_of_texts_are_sets() {
        let before = json!({"taints": [{"key": "a"}], "finalizers": ["a", "b"]});
        let patch = json!({"taints": [{"key": "b"}], "finalizers": ["c"], "$deleteFromPrimitiveList/finalizers": ["a"]});
        assert_eq!(after(before, patch), json!({"taints": [{"key": "b"}], "finalizers": ["b", "c"]}));
    }

    #[test]
    fn directives_replace_and_retain() {
        let before = json!({"addresses": [{"type": "A"}], "strategy": {"type": "RollingUpdate", "rollingUpdate": {}}, "spec": {"a": 1}});
        let patch = json!({
            "addresses": [{"type": "B"}, {"$patch": "replace"}],
            "strategy": {"$retainKeys": ["type"], "type": "Recreate"},
            "spec": {"$patch": "replace", "b": 2},
        });
        let expected =
            json!({"addresses": [{"type": "B"}], "strategy": {"type": "Recreate"}, "spec": {"b": 2}});
        assert_eq!(after(before, patch), expected);
    }

    #[test]
    fn a_list_is_a_json_patch() {
        let before =
            json!({"spec": {"taints": [{"key": "a"}, {"key": "b"}]}, "metadata": {"labels": {"x/y": "1"}}});
        let patch = json!([
            {"op": "test", "path": "/spec/taints/0/key", "value": "a"},
            {"op": "remove", "path": "/spec/taints/0"},
            {"op": "add", "path": "/spec/taints/-", "value": {"key": "c"}},
            {"op": "replace", "path": "/spec/taints/0/key", "value": "d"},
            {"op": "move", "from": "/metadata/labels/x~1y", "path": "/metadata/labels/z"},
            {"op": "copy", "from": "/metadata/labels/z", "path": "/metadata/name"},
        ]);
        let expected = json!({"spec": {"taints": [{"key": "d"}, {"key": "c"}]}, "metadata": {"labels": {"z": "1"}, "name": "1"}});
        assert_eq!(after(before.clone(), patch), expected);
        for wrong in [
            json!([{"op": "test", "path": "/spec/taints/0/key", "value": "z"}]),
            json!([{"op": "remove", "path": "/spec/none"}]),
            json!([{"op": "add", "path": "/spec/taints/9", "value": 1}]),
            json!([{"op": "dance", "path": "/spec"}]),
        ] {
            assert!(!apply(&mut before.clone(), &wrong), "{wrong}");
        }
    }

    #[test]
    fn a_patch_holds_where_it_changes_nothing() {
        let object = json!({"spec": {"replicas": 3, "template": {}}});
        assert!(holds(&object, &json!({"spec": {"replicas": 3}})));
        assert!(!holds(&object, &json!({"spec": {"replicas": 4}})));
        assert!(!holds(&object, &json!({"spec": {"paused": true}})));
    }
}
