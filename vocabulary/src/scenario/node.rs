//! Nodes: what their manifests say of them, and the taint that an event puts on one.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{Labels, Scenario};
use crate::manifest::names::{KEY, VALUE, is_key, is_value};

/// A node.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Node {
    /// `metadata.name`.
    pub name: String,
    /// `metadata.labels`.
    pub labels: Labels,
    /// The labels that a `label-node` event gives it, and takes from it; none if its labels never change.
    #[serde(default)]
    pub later_labels: Option<Labels>,
    /// `spec.taints` of the manifest; they never change. What a `taint-node` event sets comes beside them.
    pub taints: Vec<Taint>,
    /// `spec.unschedulable` at the start.
    pub unschedulable: bool,
    /// `status.allocatable`.
    pub allocatable: Resources,
}

impl Node {
    /// Its labels before a `label-node` event, or after it.
    pub fn labels_when(&self, relabelled: bool) -> &Labels {
        self.later_labels.as_ref().filter(|_| relabelled).unwrap_or(&self.labels)
    }
}

/// A taint of a node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Taint {
    /// Its key.
    pub key: String,
    /// Its value, or nothing.
    pub value: String,
    /// Its effect.
    pub effect: TaintEffect,
}

/// The effect of a taint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[expect(missing_docs, reason = "the names are Kubernetes' own")]
pub enum TaintEffect {
    NoSchedule,
    PreferNoSchedule,
    NoExecute,
}

/// Amounts of what a node can allocate or a container asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Resources {
    /// CPU in thousandths of a core.
    pub cpu_milli: u64,
    /// Memory in bytes.
    pub memory: u64,
    /// Pods; of a node only.
    pub pods: u64,
}

/// Key of the taint that a `taint-node` event sets, unless the scenario names another.
pub const CUSTOM_TAINT: &str = "podproof.io/taint-node";

impl fmt::Display for Taint {
    /// As `kubectl taint` takes it: `key=value:effect`, or `key:effect`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { key, value, effect } = self;
        match value.as_str() {
            "" => write!(f, "{key}:{effect:?}"),
            value => write!(f, "{key}={value}:{effect:?}"),
        }
    }
}

impl FromStr for Taint {
    type Err = String;

    /// The same back again.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = |why: &str| {
            format!(
                "'{text}': {why}; accepted is KEY=VALUE:EFFECT or KEY:EFFECT, with NoSchedule, PreferNoSchedule or NoExecute"
            )
        };
        let (name, effect) = text.rsplit_once(':').ok_or_else(|| wrong("it has no effect"))?;
        let (key, value) = name.split_once('=').unwrap_or((name, ""));
        let effect = match effect {
            "NoSchedule" => TaintEffect::NoSchedule,
            "PreferNoSchedule" => TaintEffect::PreferNoSchedule,
            "NoExecute" => TaintEffect::NoExecute,
            _ => return Err(wrong("this is no effect of a taint")),
        };
        check(key, value).map_err(|why| wrong(&why))?;
        Ok(Self { key: key.to_owned(), value: value.to_owned(), effect })
    }
}

/// Why no label and no taint has this key, or this value (S28 `ValidateLabels`, `validateNodeTaints`).
fn check(key: &str, value: &str) -> Result<(), String> {
    if !is_key(key) {
        Err(format!("its key has to be {KEY}"))
    } else if !is_value(value) {
        Err(format!("its value has to be {VALUE}"))
    } else {
        Ok(())
    }
}

/// A label, as a command line says it: `KEY=VALUE`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    /// Its key.
    pub key: String,
    /// Its value, or nothing.
    pub value: String,
}

impl FromStr for Label {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = |why: String| format!("'{text}': {why}; accepted is KEY=VALUE, for example zone=b");
        let (key, value) = text.split_once('=').ok_or_else(|| wrong("it has no value".to_owned()))?;
        check(key, value).map_err(wrong)?;
        Ok(Self { key: key.to_owned(), value: value.to_owned() })
    }
}

impl Scenario {
    /// The taint that a `taint-node` event sets.
    pub fn taint_of_events(&self) -> Taint {
        self.event_taint.clone().unwrap_or_else(|| Taint {
            key: CUSTOM_TAINT.into(),
            value: String::new(),
            effect: TaintEffect::NoExecute,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::web;
    use crate::event::Story;

    #[test]
    fn a_taint_is_written_as_kubectl_takes_it() {
        let taint = |value: &str, effect| Taint { key: "gpu".into(), value: value.into(), effect };
        assert_eq!(taint("", TaintEffect::NoSchedule).to_string(), "gpu:NoSchedule");
        assert_eq!(taint("yes", TaintEffect::NoExecute).to_string(), "gpu=yes:NoExecute");
        for text in ["gpu:NoSchedule", "example.com/gpu=yes:NoExecute", "a:PreferNoSchedule"] {
            assert_eq!(text.parse::<Taint>().map(|taint| taint.to_string()), Ok(text.to_owned()));
        }
        for wrong in [
            "",
            "gpu",
            "gpu=yes",
            ":NoExecute",
            "=yes:NoExecute",
            "gpu:noexecute",
            "g\u{7}u:NoExecute",
            "a=b=c:NoExecute",
            "a:NoExecute:NoSchedule",
            "a/b/c:NoExecute",
        ] {
            let refused = wrong.parse::<Taint>().expect_err(wrong);
            assert!(
                refused.starts_with(&format!("'{wrong}': "))
                    && refused.contains("accepted is KEY=VALUE:EFFECT")
            );
        }
    }

    #[test]
    fn a_label_is_a_key_and_a_value() {
        let label = |key: &str, value: &str| Ok(Label { key: key.into(), value: value.into() });
        assert_eq!("zone=b".parse(), label("zone", "b"));
        assert_eq!("node-role.kubernetes.io/worker=".parse(), label("node-role.kubernetes.io/worker", ""));
        for wrong in ["", "zone", "=b"] {
            assert!(wrong.parse::<Label>().expect_err(wrong).contains("accepted is KEY=VALUE"), "{wrong}");
        }
    }

    /// As a trace has it that was recorded before there was a choice, of this or of anything else.
    #[test]
    fn the_taint_of_events_is_one_of_their_own_unless_the_scenario_names_another() {
        let scenario = web("x", Story::Create, 1, 1);
        let mut json = serde_json::to_value(&scenario).expect("a scenario is JSON");
        for field in ["event-taint", "scale-targets"] {
            json.as_object_mut().expect("an object").remove(field).expect("the field");
        }
        json["nodes"][0].as_object_mut().expect("an object").remove("later-labels").expect("the field");
        let before: Scenario = serde_json::from_value(json).expect("a scenario without the fields");
        assert_eq!(before, scenario);
        assert_eq!(before.taint_of_events().to_string(), "podproof.io/taint-node:NoExecute");
        let taint = Taint { key: "gpu".into(), value: "yes".into(), effect: TaintEffect::NoSchedule };
        let named = Scenario { event_taint: Some(taint.clone()), ..scenario };
        assert_eq!(named.taint_of_events(), taint);
    }
}
