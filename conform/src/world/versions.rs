//! The release of a cluster, from what its components say of themselves.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use podproof_vocabulary::Release;
use serde_json::Value;

/// The components whose release is the cluster's, in the order in which they are believed. A kubelet may be older than
/// the control plane.
const COMPONENTS: [&str; 5] =
    ["kube-controller-manager", "kube-scheduler", "kube-apiserver", "kubelet", "kube-proxy"];

/// Which releases the log shows.
#[derive(Debug, Default)]
pub(super) struct Versions {
    /// The place of the component in the order above, and its minor release.
    seen: BTreeSet<(usize, u8)>,
    /// The minor releases of the kubelets, by node.
    kubelets: BTreeMap<Rc<str>, BTreeSet<u8>>,
}

/// The minor releases with which kubelets came to do otherwise what the model has of them (`podproof_vocabulary::Release`).
const SWITCHES: [u8; 6] = [22, 24, 27, 28, 31, 35];

/// Those with which the control plane or kube-proxy did: the collector fails what it deletes and kube-proxy falls back (26), a node is missed
/// later (32).
const OTHER_SWITCHES: [u8; 2] = [26, 32];

impl Versions {
    /// Takes note of `userAgent`, for example `kube-scheduler/v1.20.2 (linux/amd64) kubernetes/faecb19`.
    pub fn see_agent(&mut self, agent: &str) {
        let Some((name, version)) = agent.split_once('/') else { return };
        if let Some(rank) = COMPONENTS.iter().position(|component| *component == name) {
            self.seen.extend(minor(version).map(|minor| (rank, minor)));
        }
    }

    /// Takes note of the agent of a kubelet, by its user.
    pub fn see_kubelet(&mut self, user: &str, agent: &str) {
        if let Some(node) = user.strip_prefix("system:node:")
            && let Some(minor) = agent.strip_prefix("kubelet/").and_then(minor)
        {
            self.of_kubelet(node, minor);
        }
    }

    /// Takes note of `status.nodeInfo.kubeletVersion`.
    pub fn see_node(&mut self, node: &Value) {
        let version = node["status"]["nodeInfo"]["kubeletVersion"].as_str().unwrap_or_default();
        let Some(minor) = minor(version) else { return };
        self.seen.insert((3, minor));
        self.of_kubelet(node["metadata"]["name"].as_str().unwrap_or_default(), minor);
    }

    fn of_kubelet(&mut self, node: &str, minor: u8) {
        match self.kubelets.get_mut(node) {
            Some(known) => _ = known.insert(minor),
            None => _ = self.kubelets.insert(node.into(), BTreeSet::from([minor])),
        }
    }

    /// Does any component tell its release?
    pub fn are_shown(&self) -> bool {
        !self.seen.is_empty()
    }

    /// The nodes whose kubelets do something otherwise than those of this release, each with the minor release of its own.
    pub fn other_kubelets(&self, release: Release) -> BTreeMap<Rc<str>, u8> {
        let is_other = |minor: &u8| {
            let (low, high) = (release.minor.min(*minor), release.minor.max(*minor));
            SWITCHES.iter().any(|switch| (low + 1..=high).contains(switch))
        };
        let other = |known: &BTreeSet<u8>| known.iter().copied().find(is_other);
        self.kubelets.iter().filter_map(|(node, known)| Some((Rc::clone(node), other(known)?))).collect()
    }

    /// The release of the first component that shows one, the oldest if it shows several, and what there is to say of it.
    pub fn release(&self) -> (Release, Option<String>) {
        let Some(&(rank, minor)) = self.seen.first() else {
            return (Release::NEWEST, Some(says_guessed(Release::NEWEST)));
        };
        let component = COMPONENTS[rank];
        let several: Vec<_> = self
            .seen
            .iter()
            .filter(|(other, _)| *other == rank)
            .map(|(_, minor)| format!("1.{minor}"))
            .collect();
        let known = Release { minor }.clamp(Release::OLDEST, Release::NEWEST);
        let says = if known.minor != minor {
            Some(format!(
                "{component} is of release 1.{minor}, which the model does not know: {known} is taken"
            ))
        } else if several.len() > 1 {
            Some(format!("{component} is of releases {}: {known} is taken", several.join(" and ")))
        } else {
            None
        };
        (known, says)
    }
}

/// What is said of a release that no component tells.
pub(super) fn says_guessed(release: Release) -> String {
    let why = if release == Release::NEWEST { "" } else { ", the newest that explains it" };
    format!("the log does not show the release of its cluster: {release} is taken{why}")
}

/// The releases by which a log is tried that does not show its own: the newest, and the last of each time in which nothing changed that a
/// log shows.
pub(crate) fn releases_to_try() -> impl Iterator<Item = Release> {
    let before = SWITCHES.iter().chain(&OTHER_SWITCHES).map(|switch| switch - 1);
    let all: BTreeSet<u8> = before.chain([Release::NEWEST.minor]).collect();
    all.into_iter().rev().map(|minor| Release { minor })
}

/// The `NN` of `v1.NN.P`.
fn minor(version: &str) -> Option<u8> {
    let rest = version.strip_prefix("v1.")?;
    let end = rest.find(|character: char| !character.is_ascii_digit()).unwrap_or(rest.len());
    rest[..end].parse().ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn of(agents: &[&str]) -> (u8, Option<String>) {
        let mut versions = Versions::default();
        agents.iter().for_each(|agent| versions.see_agent(agent));
        let (release, says) = versions.release();
        (release.minor, says)
    }

    #[test]
    fn the_release_is_that_of_the_control_plane() {
        let scheduler = "kube-scheduler/v1.29.4 (linux/amd64) kubernetes/faecb19/scheduler";
        assert_eq!(of(&["kubelet/v1.28.1 (linux/amd64)", scheduler, "kubectl/v1.34.0"]), (29, None));
        assert_eq!(of(&["kubelet/v1.28.1 (linux/amd64)"]), (28, None));
        let gke = "kube-controller-manager/v1.30.5-gke.1443001 (linux/amd64)";
        assert_eq!(of(&[gke, scheduler]), (30, None));
    }

    #[test]
    fn kubelets_that_do_something_otherwise_are_known() {
        let mut versions = Versions::default();
        versions.see_kubelet("system:node:a", "kubelet/v1.26.9 (linux/amd64)");
        versions.see_kubelet("system:node:b", "kubelet/v1.28.1 (linux/amd64)");
        versions.see_kubelet("rig-admin", "kubelet/v1.20.0");
        let old = |minor| versions.other_kubelets(Release { minor });
        assert_eq!(old(29), BTreeMap::from([("a".into(), 26)]));
        assert_eq!(old(26), BTreeMap::from([("b".into(), 28)]));
        assert_eq!(old(25), BTreeMap::from([("b".into(), 28)]), "nothing changed with 1.25 and 1.26");
    }

    #[test]
    fn a_log_of_watches_shows_the_release_by_its_nodes() {
        let mut versions = Versions::default();
        versions.see_node(&json!({"status": {"nodeInfo": {"kubeletVersion": "v1.25.3+k3s1"}}}));
        assert_eq!(versions.release(), (Release { minor: 25 }, None));
    }

    #[test]
    fn all_releases_that_differ_are_tried() {
        let tried: Vec<u8> = releases_to_try().map(|release| release.minor).collect();
        assert_eq!(tried, [36, 34, 31, 30, 27, 26, 25, 23, 21]);
    }

    #[test]
    fn a_release_that_is_guessed_is_said() {
        assert_eq!(of(&[]).0, Release::NEWEST.minor);
        assert!(of(&["curl/8.0"]).1.is_some_and(|says| says.contains("does not show")));
        let (minor, says) = of(&["kube-scheduler/v1.18.0"]);
        assert_eq!(minor, Release::OLDEST.minor);
        assert!(says.is_some_and(|says| says.contains("1.18")));
        let (minor, says) = of(&["kube-scheduler/v1.30.0", "kube-scheduler/v1.29.0"]);
        assert_eq!(minor, 29);
        assert!(says.is_some_and(|says| says.contains("1.29 and 1.30")));
    }
}
