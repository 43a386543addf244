//! What the components of Kubernetes write at all (`plugin/pkg/auth/authorizer/rbac/bootstrappolicy/policy.go` and
//! `controller_policy.go`; of kubelets `plugin/pkg/admission/noderestriction/admission.go`): whoever makes another write in the name of
//! one is somebody else, whatever it changes.

use crate::matching::actor::Actor;
use crate::record::{Verb, Write};

/// Does nobody of this kind make such a write? Nothing is said of clients, and of controllers that the model does not have.
pub fn is_strange(actor: &Actor, write: &Write) -> bool {
    let Write { verb, resource, subresource, .. } = write;
    let deletes = *verb == Verb::Delete;
    let written = match (&**resource, &**subresource) {
        ("pods", "") if deletes => "pods, deleted",
        ("pods", "") => "pods",
        ("pods", "status") => "pods/status",
        ("pods", "binding") => "pods/binding",
        ("pods", "eviction") => "pods/eviction",
        ("nodes", _) => "nodes",
        ("deployments", _) => "deployments",
        ("replicasets", _) => "replicasets",
        ("endpointslices", _) => "endpointslices",
        ("poddisruptionbudgets", _) => "poddisruptionbudgets",
        ("services", _) => "services",
        _ => return false,
    };
    let own: &[&str] = match actor {
        Actor::Kubelet(_) => &["pods", "pods, deleted", "pods/status", "pods/eviction", "nodes"],
        Actor::Scheduler => &["pods, deleted", "pods/status", "pods/binding"],
        Actor::Controller(controller) => match &**controller {
            "replicaset-controller" => &["pods", "pods, deleted", "replicasets"],
            "deployment-controller" => &["pods", "replicasets", "deployments"],
            "endpointslice-controller" => &["endpointslices"],
            "disruption-controller" => &["pods/status", "poddisruptionbudgets"],
            "node-controller" => &["pods, deleted", "pods/status", "nodes"],
            "taint-eviction-controller" | "pod-garbage-collector" => &["pods, deleted", "pods/status"],
            _ => return false,
        },
        Actor::ApiServer | Actor::Client(_) => return false,
    };
    !own.contains(&written)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_component_writes_what_is_its_own() {
        let set = Actor::Controller("replicaset-controller".into());
        let slices = Actor::Controller("endpointslice-controller".into());
        let outsider = Actor::Controller("job-controller".into());
        let kubelet = Actor::Kubelet("node-a".into());
        let client = Actor::Client("admin".into());
        for (actor, verb, resource, subresource, expected) in [
            (&kubelet, Verb::Update, "endpointslices", "", true),
            (&kubelet, Verb::Update, "poddisruptionbudgets", "status", true),
            (&kubelet, Verb::Patch, "nodes", "status", false),
            (&kubelet, Verb::Patch, "pods", "status", false),
            (&Actor::Scheduler, Verb::Patch, "nodes", "status", true),
            (&Actor::Scheduler, Verb::Create, "pods", "binding", false),
            (&Actor::Scheduler, Verb::Create, "pods", "", true),
            (&Actor::Scheduler, Verb::Delete, "pods", "", false),
            (&slices, Verb::Update, "replicasets", "status", true),
            (&slices, Verb::Update, "endpointslices", "", false),
            (&set, Verb::Update, "replicasets", "status", false),
            (&set, Verb::Create, "pods", "", false),
            (&set, Verb::Update, "deployments", "scale", true),
            (&outsider, Verb::Create, "pods", "", false),
            (&client, Verb::Update, "endpointslices", "", false),
            (&kubelet, Verb::Create, "events", "", false),
        ] {
            let write =
                Write { resource: resource.into(), subresource: subresource.into(), ..Write::granted(verb) };
            assert_eq!(is_strange(actor, &write), expected, "{actor:?} {verb:?} {resource}/{subresource}");
        }
    }
}
