//! HorizontalPodAutoscalers: a workload that one scales has as many replicas as it wants, whatever the manifest of the workload says.

use super::cursor::Object;
use super::tree::{Tree, Value};
use crate::scenario::limits::NUMBER_MAX;

/// The autoscalers of the input.
#[derive(Default)]
pub struct Autoscalers<'o>(Vec<Autoscaler<'o>>);

struct Autoscaler<'o> {
    object: &'o Object,
    /// Kind and name of what it scales.
    target: (&'o str, &'o str),
    min_replicas: u32,
}

/// The replicas of a workload that is scaled.
pub struct Scaled {
    /// How many are checked, at the size of the manifest.
    pub replicas: u32,
    /// Who scales it.
    pub by: String,
    /// What is assumed.
    pub says: String,
}

impl<'o> Autoscalers<'o> {
    /// Those among the objects.
    pub fn of(objects: &[&'o Object]) -> Self {
        let all = objects.iter().filter(|object| object.kind == "HorizontalPodAutoscaler");
        Self(all.filter_map(|object| read(object)).collect())
    }

    /// The replicas of a workload, if one of them scales it. One of no replicas is left alone, and what asks for fewer than `minReplicas` or
    /// for any other number gets what load there is for; with none that is `minReplicas` (S28 `pkg/controller/podautoscaler/horizontal.go`
    /// `reconcileAutoscaler`, `defaults.go` `SetDefaults_HorizontalPodAutoscaler`).
    pub fn scaled(&self, workload: &Object, written: u32) -> Option<Scaled> {
        let is_target = |own: &&Autoscaler<'_>| {
            own.target == (workload.kind.as_str(), workload.name.as_str())
                && own.object.namespace == workload.namespace
        };
        let Autoscaler { object, min_replicas, .. } =
            self.0.iter().find(is_target).filter(|_| written > 0)?;
        let instead = match *min_replicas == written {
            true => String::new(),
            false => format!(", in the place of {written}"),
        };
        let by = object.title();
        let says = format!(
            "{by} scales it, so it has its minReplicas, {min_replicas}{instead}; that it scales up and down is not followed"
        );
        Some(Scaled { replicas: *min_replicas, by, says })
    }
}

fn read(object: &Object) -> Option<Autoscaler<'_>> {
    let spec = object.tree.get("spec")?;
    let target = spec.get("scaleTargetRef")?;
    let text = |name: &str| target.get(name).and_then(Tree::text);
    // 0 is for those who scale by something else than load, and asks for 1 as long as there is some.
    let min_replicas = match spec.get("minReplicas").map(|given| &given.value) {
        Some(&Value::Int(given)) => {
            u32::try_from(given).ok().filter(|given| (1..=NUMBER_MAX).contains(given)).unwrap_or(1)
        }
        _ => 1,
    };
    Some(Autoscaler { object, target: (text("kind")?, text("name")?), min_replicas })
}
