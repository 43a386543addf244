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

/// Service accounts of kube-system that are no controllers of kube-controller-manager have other endings.
const ENDINGS: [&str; 5] = ["-controller", "-collector", "-binder", "-handler", "-cleaner"];

impl Actor {
    /// Who made this write.
    pub fn of(write: &Write) -> Self {
        let user: &str = &write.user;
        if let Some(node) = user.strip_prefix("system:node:") {
            return Self::Kubelet(node.into());
        }
        if let Some(account) = user.strip_prefix(CONTROLLERS)
            && ENDINGS.iter().any(|ending| account.ends_with(ending))
        {
            return Self::Controller(account.into());
        }
        match user {
            "system:kube-scheduler" => Self::Scheduler,
            "system:apiserver" => Self::ApiServer,
            // One user for all controllers: the agent ends with the account that each would have.
            "system:kube-controller-manager" => {
                let account = write.agent.rsplit_once(CONTROLLERS).map(|(_, account)| account);
                Self::Controller(account.unwrap_or("kube-controller-manager").into())
            }
            _ => Self::Client(write.user.clone()),
        }
    }
}
