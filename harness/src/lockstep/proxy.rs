//! kube-proxy of each node: the runtime's own.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use podproof_model::traffic::{Origin, destinations_from};
use podproof_runtime::Step;
use podproof_runtime::api::{Key, Resource};
use podproof_runtime::operation::{Component, NodeIndex, Process};
use podproof_runtime::proxy::endpoint::Endpoint;
use podproof_runtime::proxy::{KubeProxy, ProxyStep};
use podproof_vocabulary::action::{Action, Component as Lane, Proxy, Watcher};
use podproof_vocabulary::observation::{EndpointSeen, NodeSeen, Observation};
use podproof_vocabulary::{NodeId, PodId};

use super::Running;
use crate::{ModelSystem, Refused};

/// Endpoints by slot.
pub(super) type Endpoints = BTreeMap<PodId, EndpointSeen>;

const fn index(node: NodeId) -> NodeIndex {
    NodeIndex(node.0 as u16)
}

pub(super) const fn process(node: NodeId) -> Process {
    Process::Proxy(index(node))
}

impl Running {
    /// A kube-proxy on each node, that knows what there is; of nodes that are still to come it does not run.
    pub(super) fn begin_proxies(&mut self, nodes: &[NodeSeen]) -> Result<(), Refused> {
        if !self.covered.has(Lane::KubeProxy) {
            return Ok(());
        }
        for (node, seen) in NodeId::first(nodes.len()).zip(nodes) {
            self.begin_step();
            let name = self.scenario.nodes[node.index()].name.clone();
            self.cluster.add(process(node), Box::new(KubeProxy::new(index(node), &name)));
            self.settle_watches(process(node), 2)?;
            self.programmed.insert(node, Endpoints::new());
            if !seen.exists {
                self.stop(Watcher::Proxy(node))?;
            }
        }
        Ok(())
    }

    /// A machine loses power: its kube-proxy stops, and its rules are gone.
    pub(super) fn crash_proxy(&mut self, node: NodeId) -> Result<(), Refused> {
        self.stop(Watcher::Proxy(node))?;
        if let Some(proxy) = self.cluster.actor_mut::<KubeProxy>(process(node)) {
            proxy.reboot();
            self.programmed.insert(node, Endpoints::new());
        }
        Ok(())
    }

    /// The machine boots: its kube-proxy will list.
    pub(super) fn start_proxy(&mut self, node: NodeId) {
        if self.covered.has(Lane::KubeProxy) {
            self.cluster.start(process(node));
        }
    }

    fn proxy(&self, node: NodeId) -> Option<&KubeProxy> {
        self.cluster.actor(process(node))
    }

    /// The endpoints that a kube-proxy has seen.
    fn seen_by(&self, node: NodeId) -> Endpoints {
        let slices = self.proxy(node).into_iter().flat_map(KubeProxy::slices);
        self.endpoints(slices.map(Arc::as_ref))
    }

    /// News of the slice reach a kube-proxy.
    pub(super) fn deliver_slice(&mut self, node: NodeId, rest: &ModelSystem) -> Result<(), Refused> {
        if !self.covered.has(Lane::KubeProxy) {
            return Ok(());
        }
        let (model, state) = rest.model();
        type Entry = (PodId, podproof_vocabulary::observation::Address, [bool; 3]);
        let target: Vec<Entry> = model.open(state, |cluster| {
            let entry = |pod: PodId| {
                let view = cluster.proxy(node, pod).view;
                Some((pod, view.address()?, [view.ready(), view.serving(), view.terminating()]))
            };
            cluster.pod_ids().filter_map(entry).collect()
        });
        self.deliver_until(process(node), Resource::EndpointSlice, |own| {
            let seen = own.seen_by(node).into_iter();
            seen.map(|(pod, it)| (pod, it.address, [it.ready, it.serving, it.terminating]))
                .eq(target.iter().copied())
        })
    }

    /// A kube-proxy programs what it has seen.
    pub(super) fn program(&mut self, node: NodeId) -> Result<(), Refused> {
        let component = Component::Proxy(index(node));
        let sync = Step::Proxy(ProxyStep::Sync);
        if !self.steps_of(component).contains(&sync) {
            let due = self.due(component, &sync);
            self.pass_until(due.ok_or_else(|| Refused::because("it has no reason to program rules"))?)?;
        }
        self.complete(component, sync)?;
        self.complete(component, Step::Proxy(ProxyStep::Program))?;
        let seen = self.seen_by(node);
        self.programmed.insert(node, seen);
        Ok(())
    }

    /// Rules that are there already are programmed again while the model has none to program; others are a step that the model
    /// does not have. Says whose rules were programmed.
    pub(super) fn settle_proxies(&mut self, enabled: &[Action]) -> Result<Vec<NodeId>, Refused> {
        let nodes: Vec<NodeId> = self.programmed.keys().copied().collect();
        let mut again = Vec::new();
        for node in nodes {
            let program = Action::Proxy(Proxy::ProgramRules { node });
            let due = self.steps_of(Component::Proxy(index(node))).contains(&Step::Proxy(ProxyStep::Sync));
            if due && !enabled.contains(&program) {
                let before = self.programmed.get(&node).cloned();
                self.program(node)?;
                again.push(node);
                if self.programmed.get(&node) != before.as_ref() {
                    self.unlawful = Some(program);
                }
            }
        }
        Ok(again)
    }

    /// Do connections from inside, and those from outside, go where the entries of a node's rules say that they may?
    pub(super) fn check_rules(&self, node: NodeId, seen: &Observation) -> Result<(), Refused> {
        let Some(service) = self.scenario.service.as_ref().filter(|service| !service.headless) else {
            return Ok(());
        };
        let key = Key::new(&self.scenario.workload.namespace, &service.name);
        let rules = self.proxy(node).and_then(|proxy| proxy.rules().get(&key));
        for origin in [Origin::Inside, Origin::Outside] {
            let expected: BTreeSet<_> = destinations_from(&self.scenario, seen, node, origin)
                .map(|(pod, endpoint)| (pod, endpoint.address))
                .collect();
            let endpoints = rules.and_then(|rules| match origin {
                Origin::Inside => Some(&rules.internal),
                Origin::Outside => rules.external.as_ref(),
            });
            let known = |endpoint: &Endpoint| {
                let slot = self.slot_of_uid(endpoint.pod.as_ref()?)?;
                Some((slot, self.address_of(slot, &endpoint.address.to_string())))
            };
            let programmed = endpoints.into_iter().flatten().map(|endpoint| {
                known(endpoint)
                    .ok_or_else(|| Refused::because(format!("a rule to nobody's address: {endpoint:?}")))
            });
            let programmed: BTreeSet<_> = programmed.collect::<Result<_, _>>()?;
            if programmed != expected {
                return Err(Refused::because(format!(
                    "the rules of {} send connections from {origin:?} to {programmed:?} where they should to {expected:?}",
                    self.scenario.nodes[node.index()].name
                )));
            }
        }
        Ok(())
    }
}
