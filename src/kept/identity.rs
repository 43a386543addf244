//! What a checkpoint is bound to, and in what two of these differ.

use std::hash::BuildHasher;
use std::sync::OnceLock;

use serde_json::{Value, json};

use crate::plan::Plan;

/// Differences that are told one by one.
const SHOWN: usize = 5;

/// Characters of a value that are shown.
const WIDTH: usize = 60;

/// This program: two builds of one version may have two models.
///
/// # Errors
/// If it cannot be read: then it is not known which it is.
fn build() -> Result<&'static str, String> {
    static BUILD: OnceLock<Result<String, String>> = OnceLock::new();
    let build = BUILD.get_or_init(|| {
        let program = std::env::current_exe().and_then(std::fs::read);
        let bytes = program.map_err(|error| {
            format!("podproof cannot read its own program, which a checkpoint is bound to: {error}")
        })?;
        Ok(format!("{:016x}", foldhash::quality::FixedState::default().hash_one(&bytes)))
    });
    build.as_deref().map_err(Clone::clone)
}

/// All that has a say in what the searches of `plans` find, but for bounds and threads.
///
/// # Errors
/// If it is not known which build of podproof this is.
pub fn of(plans: &[(&str, &Plan)], fingerprint_bits: u32, symmetry: &str) -> Result<Value, String> {
    let search = |(workload, plan): &(&str, &Plan)| {
        json!({
            "workload": workload,
            "story": plan.story,
            "timing": plan.timing,
            "services": plan.behind.services,
            "container": plan.behind.container,
            "judged": plan.judged.iter().map(|property| property.name()).collect::<Vec<_>>(),
            "scenario": plan.scenario,
        })
    };
    Ok(json!({
        "version": env!("CARGO_PKG_VERSION"),
        "build": build()?,
        "fingerprint-bits": fingerprint_bits,
        "symmetry": symmetry,
        "searches": plans.iter().map(search).collect::<Vec<_>>(),
    }))
}

/// The searches of a check, each with all that it is bound to.
pub fn searches(identity: &Value) -> Vec<Value> {
    let about = ["version", "build", "fingerprint-bits", "symmetry"].map(|key| &identity[key]);
    let searches = identity["searches"].as_array().into_iter().flatten();
    searches.map(|search| json!([about, search])).collect()
}

/// Are the two the same check?
///
/// # Errors
/// In what they differ, a sentence.
pub fn same(before: &Value, now: &Value) -> Result<(), String> {
    if before == now {
        return Ok(());
    }
    for (key, what) in [
        ("version", "version of podproof"),
        ("fingerprint-bits", "number of fingerprint bits"),
        ("symmetry", "symmetry"),
    ] {
        if before[key] != now[key] {
            return Err(format!("its {what} is {}, not {}", shown(&before[key]), shown(&now[key])));
        }
    }
    if before["build"] != now["build"] {
        return Err(format!("another build of podproof {} wrote it", shown(&now["version"])));
    }
    let (old, new) = (names(before), names(now));
    if old != new {
        return Err(format!(
            "its searches are {}; those of this check are {}",
            old.join("; "),
            new.join("; ")
        ));
    }
    let mut found = Vec::new();
    let pairs = before["searches"]
        .as_array()
        .into_iter()
        .flatten()
        .zip(now["searches"].as_array().into_iter().flatten());
    for ((before, now), name) in pairs.zip(&old) {
        let mut differ = Vec::new();
        differences("", before, now, &mut differ);
        found.extend(differ.into_iter().map(|difference| format!("{name}: {difference}")));
    }
    let more = found.len().saturating_sub(SHOWN);
    found.truncate(SHOWN);
    if more > 0 {
        found.push(format!("and {more} more differences"));
    }
    Err(found.join("; "))
}

fn names(identity: &Value) -> Vec<String> {
    let searches = identity["searches"].as_array().into_iter().flatten();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    searches
        .map(|search| {
            format!("{} {} {}", text(&search["workload"]), text(&search["story"]), text(&search["timing"]))
        })
        .collect()
}

/// Appends where the two differ, each with both values.
fn differences(place: &str, before: &Value, now: &Value, found: &mut Vec<String>) {
    let inside = |key: &str| if place.is_empty() { key.to_owned() } else { format!("{place}.{key}") };
    match (before, now) {
        (Value::Object(old), Value::Object(new)) => {
            for key in old.keys().chain(new.keys().filter(|key| !old.contains_key(*key))) {
                let value = |map: &serde_json::Map<String, Value>| map.get(key).cloned().unwrap_or_default();
                differences(&inside(key), &value(old), &value(new), found);
            }
        }
        (Value::Array(old), Value::Array(new)) if old.len() == new.len() => {
            for (index, (old, new)) in old.iter().zip(new).enumerate() {
                differences(&inside(&index.to_string()), old, new, found);
            }
        }
        _ if before != now => {
            found.push(format!("{place} is {} there and {} here", shown(before), shown(now)));
        }
        _ => {}
    }
}

fn shown(value: &Value) -> String {
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    match text.chars().count() > WIDTH {
        true => text.chars().take(WIDTH).collect::<String>() + "…",
        false => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(replicas: u32, bits: u32) -> Value {
        let search = json!({ "workload": "Deployment/web", "story": "drain", "timing": "timed",
            "scenario": { "nodes": ["a", "b"], "workload": { "replicas": replicas } } });
        json!({ "version": "1", "build": "x", "fingerprint-bits": bits, "searches": [search] })
    }

    #[test]
    fn what_differs_is_named() {
        assert_eq!(same(&check(2, 64), &check(2, 64)), Ok(()));
        let says = same(&check(2, 64), &check(3, 64)).expect_err("other replicas");
        assert_eq!(says, "Deployment/web drain timed: scenario.workload.replicas is 2 there and 3 here");
        let says = same(&check(2, 64), &check(2, 128)).expect_err("other bits");
        assert_eq!(says, "its number of fingerprint bits is 64, not 128");
        let mut other = check(2, 64);
        other["build"] = "y".into();
        assert_eq!(
            same(&check(2, 64), &other).expect_err("other build"),
            "another build of podproof 1 wrote it"
        );
        let mut other = check(2, 64);
        other["searches"][0]["story"] = "rollout".into();
        assert!(
            same(&check(2, 64), &other).expect_err("other story").contains("web drain timed; those of this")
        );
        let mut other = check(2, 64);
        other["searches"][0]["scenario"]["nodes"] = json!(["a"]);
        let says = same(&check(2, 64), &other).expect_err("fewer nodes");
        assert!(says.contains(r#"scenario.nodes is ["a","b"] there and ["a"] here"#), "{says}");
    }
}
