//! Which resources matter.

/// The resources that are written down as [`Write`](crate::record::Write)s, with the groups that they are of.
const WRITTEN: &[(&str, &[&str])] = &[
    ("pods", &[""]),
    ("nodes", &[""]),
    ("namespaces", &[""]),
    ("services", &[""]),
    ("deployments", &["apps", "extensions"]),
    ("replicasets", &["apps", "extensions"]),
    ("statefulsets", &["apps"]),
    ("daemonsets", &["apps", "extensions"]),
    ("jobs", &["batch"]),
    ("endpointslices", &["discovery.k8s.io"]),
    ("poddisruptionbudgets", &["policy"]),
];

/// The groups that such a resource is of; none, if it is not written down.
pub fn groups(resource: &str) -> Option<&'static [&'static str]> {
    WRITTEN.iter().find(|(name, _)| *name == resource).map(|(_, groups)| *groups)
}
