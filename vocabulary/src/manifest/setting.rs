//! Where the settings of a workload stand that its promises depend on, for whoever wants to point at one.

use std::collections::BTreeMap;

use super::Place;
use super::cursor::{Cursor, Object};
use super::tree::Tree;
use crate::scenario::WorkloadKind;

/// A setting of a workload, or of what belongs to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Setting {
    /// `lifecycle.preStop` of the container that serves.
    PreStop,
    /// `readinessProbe` of the container that serves.
    ReadinessProbe,
    /// `terminationGracePeriodSeconds`
    Grace,
    /// `replicas`
    Replicas,
    /// `strategy`
    Strategy,
    /// `affinity`, `nodeSelector` or `topologySpreadConstraints`, the first of them that is set.
    Placement,
    /// `tolerations`
    Tolerations,
    /// The PodDisruptionBudget, the first of several.
    Budget,
}

impl Setting {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::PreStop,
        Self::ReadinessProbe,
        Self::Grace,
        Self::Replicas,
        Self::Strategy,
        Self::Placement,
        Self::Tolerations,
        Self::Budget,
    ];

    /// What it is called in a manifest.
    pub const fn field(self) -> &'static str {
        match self {
            Self::PreStop => "lifecycle.preStop",
            Self::ReadinessProbe => "readinessProbe",
            Self::Grace => "terminationGracePeriodSeconds",
            Self::Replicas => "replicas",
            Self::Strategy => "strategy",
            Self::Placement => "affinity",
            Self::Tolerations => "tolerations",
            Self::Budget => "PodDisruptionBudget",
        }
    }
}

/// Where each setting stands; one that is not set, where it would be: at what is around it.
pub(super) fn places(
    workload: &Object,
    kind: WorkloadKind,
    serving: &str,
    budgets: &[&Object],
) -> BTreeMap<Setting, Place> {
    let path = match kind {
        WorkloadKind::Pod => "spec",
        WorkloadKind::Deployment | WorkloadKind::ReplicaSet => "spec.template.spec",
    };
    let (spec, pod) = (workload.cursor().field("spec"), workload.cursor().at(path));
    let tree = path.split('.').try_fold(&workload.tree, |tree, name| tree.get(name));
    let container = container(&pod, tree.unwrap_or(&workload.tree), serving);
    let placement = ["affinity", "nodeSelector", "topologySpreadConstraints"].map(|name| pod.field(name));
    let placement = placement.iter().find(|field| field.is_set()).unwrap_or(&pod);
    let place = |setting| {
        Some(match setting {
            Setting::PreStop => container.at(setting.field()).place(),
            Setting::ReadinessProbe => container.field(setting.field()).place(),
            Setting::Grace | Setting::Tolerations => pod.field(setting.field()).place(),
            Setting::Replicas | Setting::Strategy => spec.field(setting.field()).place(),
            Setting::Placement => placement.place(),
            Setting::Budget => budgets.first()?.cursor().place(),
        })
    };
    Setting::ALL.into_iter().filter_map(|setting| Some((setting, place(setting)?))).collect()
}

/// The container of this name; the list of them, if there is none.
fn container<'o>(pod: &Cursor<'o>, tree: &Tree, name: &str) -> Cursor<'o> {
    let of_list = |list: &str| {
        let is_its_name = |item: &Tree| item.get("name").and_then(Tree::text) == Some(name);
        let index = tree.get(list)?.items().iter().position(is_its_name)?;
        Some(pod.field(list).item(index))
    };
    ["containers", "initContainers"].into_iter().find_map(of_list).unwrap_or_else(|| pod.field("containers"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::{Options, Source, read};

    const WEB: &str = "\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      terminationGracePeriodSeconds: 40
      containers:
      - name: log
        image: x
      - name: app
        image: x
        ports: [{containerPort: 80}]
        lifecycle:
          preStop: {sleep: {seconds: 5}}
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: web}
spec:
  minAvailable: 1
  selector: {matchLabels: {app: web}}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec:
  selector: {app: web}
  ports: [{port: 80}]
";

    fn lines(text: &str) -> BTreeMap<Setting, u32> {
        let source = Source { path: "web.yaml".into(), text: text.into() };
        let reading = read(&[source], &Options::default()).expect("a workload");
        let places = reading.workloads[0].settings[&1].iter();
        places.map(|(&setting, place)| (setting, place.line)).collect()
    }

    #[test]
    fn a_setting_stands_where_it_is_set() {
        let lines = lines(WEB);
        assert_eq!(lines[&Setting::Replicas], 5);
        assert_eq!(lines[&Setting::Grace], 10);
        assert_eq!(lines[&Setting::PreStop], 18, "of the container that serves");
        assert_eq!(lines[&Setting::Budget], 20);
    }

    #[test]
    fn one_that_is_not_set_stands_at_what_is_around_it() {
        let lines = lines(&WEB.replace("        lifecycle:\n          preStop: {sleep: {seconds: 5}}\n", ""));
        assert_eq!(lines[&Setting::PreStop], 14);
        assert_eq!(lines[&Setting::ReadinessProbe], 14);
        assert_eq!(lines[&Setting::Tolerations], 9);
        assert_eq!(lines[&Setting::Strategy], 4);
    }
}
