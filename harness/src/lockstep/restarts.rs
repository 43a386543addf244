//! Processes that stop and start, and watches that break.

use podproof_runtime::Step;
use podproof_runtime::api::Resource;
use podproof_runtime::client::CallState;
use podproof_runtime::operation::Process;
use podproof_vocabulary::NodeId;
use podproof_vocabulary::action::{Component as Lane, Watcher};

use super::{Running, controllers, kubelet, proxy};
use crate::Refused;

impl Running {
    /// The process of the runtime that a watcher is, if it is not played, and how many watches it keeps open.
    fn watching(&self, watcher: Watcher) -> Option<(Process, usize)> {
        let (process, watches, is_covered) = match watcher {
            Watcher::Scheduler => (Process::Scheduler, 2, self.covered.has(Lane::Scheduler)),
            Watcher::ControllerManager => (controllers::OWN, Resource::ALL.len(), self.has_controllers()),
            Watcher::Proxy(node) => (proxy::process(node), 2, self.covered.has(Lane::KubeProxy)),
            Watcher::Kubelet(node) => (kubelet::process(node), 2, self.covered.has(Lane::Kubelet)),
        };
        is_covered.then_some((process, watches))
    }

    /// A process stops. What it had sent never arrives: the model has no request that outlives its process (MOD-4).
    pub(super) fn stop(&mut self, watcher: Watcher) -> Result<(), Refused> {
        let Some((process, _)) = self.watching(watcher) else { return Ok(()) };
        self.cluster.stop(process);
        let calls = self.cluster.calls().iter().filter(|call| call.caller.process() == process);
        let sent = calls.filter(|call| call.state == CallState::Sent).map(|call| (call.caller, call.id));
        for (caller, call) in sent.collect::<Vec<_>>() {
            self.complete(caller, Step::LoseRequest(call))?;
        }
        if watcher == Watcher::ControllerManager {
            self.victims.clear();
            self.deletions.clear();
            self.watches_broke = false;
        }
        Ok(())
    }

    /// A process that was stopped begins with a list.
    pub(super) fn start(&mut self, watcher: Watcher) -> Result<(), Refused> {
        if let Some((process, _)) = self.watching(watcher) {
            self.cluster.start(process);
        }
        self.list(watcher)
    }

    /// The watches of a process break.
    pub(super) fn break_watches(&mut self, watcher: Watcher) -> Result<(), Refused> {
        let Some((process, _)) = self.watching(watcher) else { return Ok(()) };
        // No node falls silent because of a broken watch: the model has no watch of leases.
        let mut open = self.open_watches(process);
        open.retain(|(of, _)| *of != Resource::Lease);
        self.watches_broke |= watcher == Watcher::ControllerManager && !open.is_empty();
        let mut broken = open.into_iter();
        broken.try_for_each(|(resource, _)| self.complete(process.watcher(), Step::BreakWatch(resource)))
    }

    /// The API server stops: every watch ends (API-36). What had been sent is served when it is back, as if it had been tried again.
    pub(super) fn stop_api_server(&mut self) -> Result<(), Refused> {
        self.api_server_down = true;
        let nodes = NodeId::first(self.scenario.nodes.len());
        let of_nodes = nodes.flat_map(|node| [Watcher::Kubelet(node), Watcher::Proxy(node)]);
        let watchers: Vec<_> =
            [Watcher::Scheduler, Watcher::ControllerManager].into_iter().chain(of_nodes).collect();
        watchers.into_iter().try_for_each(|watcher| self.break_watches(watcher))
    }

    /// A process lists anew. In the model it then loses what lay between, so the API server does not know that any more (API-36). A
    /// watch that is still open is one for which too much was on its way.
    pub(super) fn list(&mut self, watcher: Watcher) -> Result<(), Refused> {
        let Some((process, watches)) = self.watching(watcher) else { return Ok(()) };
        self.break_watches(watcher)?;
        self.cluster.server_mut().compact();
        self.settle_watches(process, watches)?;
        if let Watcher::Kubelet(node) = watcher {
            self.settle_machine(node)?;
        }
        if process == Process::Scheduler {
            self.know_all();
        }
        self.news_of_nodes |= process == controllers::OWN;
        Ok(())
    }
}
