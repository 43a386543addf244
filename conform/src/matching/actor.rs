//! Who made a write, from the user and the agent that an audit log names.

use std::rc::Rc;

use crate::record::Write;

/// Who made a write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Actor {
    /// kube-scheduler.
    Scheduler,
    /// A controller of kube-controller-manager, such as `replicaset-controller`.
    Controller(Rc<str>),
    /// The kubelet of this node.
    Kubelet(Rc<str>),
    /// The API server itself.
    ApiServer,
    /// Anybody else.
    Client(Rc<str>),
}

/// Prefix of the users of the controllers, where each has credentials of its own (`--use-service-account-credentials`).
const CONTROLLERS: &str = "system:serviceaccount:kube-system:";

/// The controllers of kube-controller-manager, by their service accounts (`plugin/pkg/auth/authorizer/rbac/bootstrappolicy/controller_policy.go`
/// and `cmd/kube-controller-manager/names/controller_names.go` of Kubernetes 1.20 to 1.36). Others of kube-system are anybody's.
const NAMES: &[&str] = &[
    "attachdetach-controller",
    "bootstrap-signer",
    "certificate-controller",
    "clusterrole-aggregation-controller",
    "cronjob-controller",
    "daemon-set-controller",
    "deployment-controller",
    "device-taint-eviction-controller",
    "disruption-controller",
    "endpoint-controller",
    "endpointslice-controller",
    "endpointslicemirroring-controller",
    "ephemeral-volume-controller",
    "expand-controller",
    "generic-garbage-collector",
    "horizontal-pod-autoscaler",
    "job-controller",
    "legacy-service-account-token-cleaner",
    "namespace-controller",
    "node-controller",
    "persistent-volume-binder",
    "pod-garbage-collector",
    "pv-protection-controller",
    "pvc-protection-controller",
    "replicaset-controller",
    "replication-controller",
    "resource-claim-controller",
    "resourcequota-controller",
    "root-ca-cert-publisher",
    "service-account-controller",
    "service-cidrs-controller",
    "statefulset-controller",
    "storage-version-garbage-collector",
    "storage-version-migrator-controller",
    "taint-controller",
    "taint-eviction-controller",
    "token-cleaner",
    "ttl-after-finished-controller",
    "ttl-controller",
];

impl Actor {
    /// Who made this write.
    pub fn of(write: &Write) -> Self {
        Self::named(&write.user, &write.agent)
    }

    fn named(user: &str, agent: &str) -> Self {
        if let Some(node) = user.strip_prefix("system:node:") {
            return Self::Kubelet(node.into());
        }
        if let Some(account) = user.strip_prefix(CONTROLLERS)
            && NAMES.contains(&account)
        {
            return Self::Controller(account.into());
        }
        match user {
            "system:kube-scheduler" => Self::Scheduler,
            "system:apiserver" => Self::ApiServer,
            // One user for all controllers: the agent ends with the account that each would have, or with its name alone
            // (`staging/src/k8s.io/controller-manager/pkg/clientbuilder`).
            "system:kube-controller-manager" => {
                let account = agent.rsplit_once(CONTROLLERS).map(|(_, account)| account);
                let name = agent.rsplit_once('/').map(|(_, name)| name);
                let known = account.or_else(|| name.filter(|name| NAMES.contains(name)));
                Self::Controller(known.unwrap_or("kube-controller-manager").into())
            }
            _ => Self::Client(user.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_controller_is_one_of_those_that_there_are() {
        let set = Actor::Controller("replicaset-controller".into());
        let account = "system:serviceaccount:kube-system:replicaset-controller";
        assert_eq!(Actor::named(account, ""), set);
        let one_user = "system:kube-controller-manager";
        assert_eq!(
            Actor::named(
                one_user,
                &format!("kube-controller-manager/v1.20.2 (linux) kubernetes/x/{account}")
            ),
            set
        );
        assert_eq!(
            Actor::named(
                one_user,
                "kube-controller-manager/v1.20.2 (linux) kubernetes/x/replicaset-controller"
            ),
            set
        );
        for other in ["aws-node-termination-handler", "cloud-node-lifecycle-controller", "my-controller"] {
            let user = format!("system:serviceaccount:kube-system:{other}");
            assert_eq!(Actor::named(&user, ""), Actor::Client(user.as_str().into()), "{other}");
        }
    }
}
