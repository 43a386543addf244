//! Tolerations, with those that admission adds, and taints.

use k8s_openapi::api::core::v1 as core;

use super::cursor::Cursor;
use super::names;
use crate::catalogue::default_tolerations;
use crate::latency::Latencies;
use crate::scenario::limits::NUMBER_MAX;
use crate::scenario::{Taint, TaintEffect, Toleration};

const EFFECTS: &[(&str, TaintEffect)] = &[
    ("NoSchedule", TaintEffect::NoSchedule),
    ("PreferNoSchedule", TaintEffect::PreferNoSchedule),
    ("NoExecute", TaintEffect::NoExecute),
];

/// Reads the tolerations of a pod (S28 `ValidateTolerations`) and adds the defaults of TEC-6 for the keys that it has no
/// toleration of.
pub fn tolerations(
    cursor: &Cursor<'_>,
    given: &[core::Toleration],
    latencies: &Latencies,
) -> Vec<Toleration> {
    let mut result: Vec<_> = cursor.items(given).map(|(cursor, given)| toleration(&cursor, given)).collect();
    let of_manifest = result.clone();
    result.extend(default_tolerations(latencies).into_iter().filter(|default| {
        !of_manifest.iter().any(|toleration| {
            (toleration.key == default.key || toleration.key.is_empty())
                && toleration.effect.is_none_or(|effect| effect == TaintEffect::NoExecute)
        })
    }));
    result
}

fn toleration(cursor: &Cursor<'_>, given: &core::Toleration) -> Toleration {
    let exists = cursor.field("operator").one_of(
        given.operator.as_deref(),
        &[("Equal", false), ("Exists", true)],
        false,
    );
    let key = given.key.clone().unwrap_or_default();
    let value = given.value.clone().unwrap_or_default();
    if key.is_empty() && !exists {
        cursor.field("key").refuse("is missing", "a key, or operator: Exists to tolerate every taint");
    }
    if !key.is_empty() {
        names::key(&cursor.field("key"), &key);
    }
    if exists && !value.is_empty() {
        cursor.field("value").refuse("is set", "no value, as the operator is Exists");
    }
    let effects: Vec<_> = EFFECTS.iter().map(|&(name, effect)| (name, Some(effect))).collect();
    let effect = cursor.field("effect").one_of(given.effect.as_deref(), &effects, None);
    if given.toleration_seconds.is_some() && effect != Some(TaintEffect::NoExecute) {
        cursor.field("tolerationSeconds").refuse("is set", "this field only beside effect: NoExecute");
    }
    // Zero and less mean at once.
    let seconds = given
        .toleration_seconds
        .map(|seconds| u32::try_from(seconds.clamp(0, NUMBER_MAX.into())).unwrap_or(0));
    Toleration { key, exists, value, effect, seconds }
}

/// Reads the taints of a node.
pub fn taints(cursor: &Cursor<'_>, given: &[core::Taint]) -> Vec<Taint> {
    let read = |(cursor, given): (Cursor<'_>, &core::Taint)| {
        if given.key.is_empty() {
            cursor.field("key").refuse("is missing", "the key of the taint");
        } else {
            names::key(&cursor.field("key"), &given.key);
        }
        if given.effect.is_empty() {
            cursor.field("effect").refuse("is missing", "NoSchedule, PreferNoSchedule or NoExecute");
        }
        Taint {
            key: given.key.clone(),
            value: given.value.clone().unwrap_or_default(),
            effect: cursor.field("effect").one_of(Some(&given.effect), EFFECTS, TaintEffect::NoSchedule),
        }
    };
    cursor.items(given).map(read).collect()
}
