//! Steps, changes and states in words, with real names.

mod action;
mod change;
mod resource;
mod state;

use podproof_vocabulary::action::Watcher;

pub use action::action;
pub use change::change;
pub(crate) use change::{phase_name, process_name, taint_name};
pub use resource::resource;
pub use state::state;

use crate::names::Names;

/// Who watches, as `kubelet on node-1`.
fn watcher(names: &Names, watcher: Watcher) -> String {
    match watcher {
        Watcher::Scheduler => "scheduler".to_owned(),
        Watcher::ControllerManager => "controller-manager".to_owned(),
        Watcher::Kubelet(node) => format!("kubelet on {}", names.node(node)),
        Watcher::Proxy(node) => format!("kube-proxy on {}", names.node(node)),
    }
}
