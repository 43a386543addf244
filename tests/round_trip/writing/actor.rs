//! Who writes to the API server: users and agents, as an audit log names them.

use podproof_vocabulary::Release;

/// Who writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Actor<'n> {
    /// Somebody with `kubectl`.
    Admin,
    /// kube-scheduler.
    Scheduler,
    /// A controller of kube-controller-manager.
    Controller(&'static str),
    /// The kubelet of this node.
    Kubelet(&'n str),
    /// The API server itself.
    ApiServer,
}

pub(super) const DEPLOYMENT: Actor<'static> = Actor::Controller("deployment-controller");
pub(super) const REPLICA_SET: Actor<'static> = Actor::Controller("replicaset-controller");
pub(super) const NODE: Actor<'static> = Actor::Controller("node-controller");
pub(super) const GARBAGE: Actor<'static> = Actor::Controller("pod-garbage-collector");
pub(super) const DISRUPTION: Actor<'static> = Actor::Controller("disruption-controller");
pub(super) const SLICES: Actor<'static> = Actor::Controller("endpointslice-controller");

impl Actor<'_> {
    /// Who evicts from tainted nodes: part of the node controller until 1.28.
    pub fn of_taint_eviction(release: Release) -> Self {
        if release.minor >= 29 { Self::Controller("taint-eviction-controller") } else { NODE }
    }

    /// `user.username`.
    pub fn user(self) -> String {
        match self {
            Self::Admin => "kubernetes-admin".into(),
            Self::Scheduler => "system:kube-scheduler".into(),
            Self::Controller(name) => format!("system:serviceaccount:kube-system:{name}"),
            Self::Kubelet(node) => format!("system:node:{node}"),
            Self::ApiServer => "system:apiserver".into(),
        }
    }

    /// `userAgent`.
    pub fn agent(self, release: Release) -> String {
        let of =
            |name: &str, rest: &str| format!("{name}/v{release}.2 (linux/amd64) kubernetes/faecb19{rest}");
        match self {
            Self::Admin => of("kubectl", ""),
            Self::Scheduler => of("kube-scheduler", "/scheduler"),
            Self::Controller(_) => of("kube-controller-manager", &format!("/{}", self.user())),
            Self::Kubelet(_) => of("kubelet", ""),
            Self::ApiServer => of("kube-apiserver", ""),
        }
    }

    /// `user.groups`.
    pub fn groups(self) -> &'static [&'static str] {
        match self {
            Self::Admin | Self::ApiServer => &["system:masters", "system:authenticated"],
            Self::Scheduler => &["system:authenticated"],
            Self::Controller(_) => {
                &["system:serviceaccounts", "system:serviceaccounts:kube-system", "system:authenticated"]
            }
            Self::Kubelet(_) => &["system:nodes", "system:authenticated"],
        }
    }
}
