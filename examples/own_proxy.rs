//! One's own component driven beside the model: here a tiny kube-proxy, in the place of the model's on every node.
//!
//! [`OwnCluster`] is a [`System`]: the model plays the rest of the cluster, and what belongs to kube-proxy is taken out of its
//! hands: what each proxy has seen, when it has something to program, and which rules each node has. [`agree`] then drives
//! it beside the model through the same steps, and an outsider must not be able to tell the two apart after any of them.
//!
//! `cargo run --example own_proxy` drives a right one, and a wrong one until it is found out.

use std::collections::BTreeMap;
use std::io::Write as _;

use podproof_harness::oracles::agreement::{Agreed, Divergence, agree};
use podproof_harness::{ModelSystem, Refused, System, Unfit};
use podproof_vocabulary::action::{Action, Proxy, ReplicaSet, Watch, Watcher};
use podproof_vocabulary::approximation::{Approximation, Approximations};
use podproof_vocabulary::catalogue;
use podproof_vocabulary::event::Story;
use podproof_vocabulary::observation::{EndpointSeen, Observation};
use podproof_vocabulary::{NodeId, PodId, Scenario};

/// Endpoints by the slot of their pod.
type Endpoints = BTreeMap<PodId, EndpointSeen>;

/// The kube-proxy of a node: this is the code that is tried.
#[derive(Clone, Debug, Default)]
struct OwnProxy {
    /// What its watch has brought.
    seen: Endpoints,
    /// What the kernel of its node has: it outlives the process.
    rules: Endpoints,
    /// A bug to be found: endpoints that have gone stay in the rules.
    forgets_to_remove: bool,
}

impl OwnProxy {
    /// A watch event brings the slice as it is now.
    fn on_slice(&mut self, slice: Endpoints) {
        self.seen = slice;
    }

    /// The rules as they should be.
    fn wanted(&self) -> Endpoints {
        let mut wanted = self.seen.clone();
        if self.forgets_to_remove {
            for (pod, old) in &self.rules {
                wanted.entry(*pod).or_insert(*old);
            }
        }
        wanted
    }

    fn is_behind(&self) -> bool {
        self.wanted() != self.rules
    }

    fn program(&mut self) {
        self.rules = self.wanted();
    }
}

/// A cluster with one's own kube-proxies.
#[derive(Default)]
struct OwnCluster {
    rest: ModelSystem,
    proxies: Vec<OwnProxy>,
    forgets_to_remove: bool,
}

impl OwnCluster {
    fn slice(&self) -> Endpoints {
        let seen = self.rest.observation();
        let endpoints = (0..).zip(&seen.slots).filter_map(|(pod, slot)| Some((PodId(pod), slot.endpoint?)));
        endpoints.collect()
    }

    fn proxy(&mut self, node: NodeId) -> &mut OwnProxy {
        &mut self.proxies[node.index()]
    }
}

impl System for OwnCluster {
    fn reset(&mut self, scenario: &Scenario) -> Result<(), Unfit> {
        let proxy = OwnProxy { forgets_to_remove: self.forgets_to_remove, ..OwnProxy::default() };
        self.proxies = vec![proxy; scenario.nodes.len()];
        self.rest.reset(scenario)
    }

    fn pending(&self, operations: &mut Vec<Action>) {
        self.rest.pending(operations);
        // A sync of the ReplicaSet controller that chooses whom to delete is one computation: nothing else happens meanwhile.
        if operations
            .iter()
            .any(|action| matches!(action, Action::ReplicaSet(ReplicaSet::ChooseVictim { .. })))
        {
            return;
        }
        operations.retain(|action| !matches!(action, Action::Proxy(_)));
        for (node, proxy) in (0..).zip(&self.proxies) {
            if proxy.is_behind() {
                operations.push(Action::Proxy(Proxy::ProgramRules { node: NodeId(node) }));
            }
        }
    }

    fn apply(&mut self, action: &Action) -> Result<(), Refused> {
        if let Action::Proxy(Proxy::ProgramRules { node }) = *action {
            if !self.proxy(node).is_behind() {
                return Err(Refused::because("this proxy has nothing to program"));
            }
            self.proxy(node).program();
        }
        // The model's own proxies do the same: what they see and write is not looked at.
        self.rest.apply(action)?;
        if let Action::Watch(Watch::DeliverSlice { node } | Watch::List { watcher: Watcher::Proxy(node) }) =
            *action
        {
            // With coalesced events, what arrives is the slice as it is now.
            let slice = self.slice();
            self.proxy(node).on_slice(slice);
        }
        Ok(())
    }

    fn observation(&self) -> Observation {
        let mut seen = self.rest.observation();
        for (pod, slot) in (0..).zip(&mut seen.slots) {
            let rule = |proxy: &OwnProxy| proxy.rules.get(&PodId(pod)).copied();
            slot.rules = self.proxies.iter().map(rule).collect();
        }
        seen
    }
}

/// A rollout on two nodes, with what arrives at a watch coalesced to the newest.
fn scenario() -> Scenario {
    let mut scenario = catalogue::web("own-proxy", Story::Rollout, 2, 2);
    scenario.approximations = Approximations::NONE.with(Approximation::CoalescedWatchEvents);
    scenario.one_proxy = false;
    scenario
}

/// Drives it beside the model through one script.
///
/// # Errors
/// How they differ.
pub fn drive(forgets_to_remove: bool, script: &[u8]) -> Result<Agreed, Box<Divergence>> {
    let mut own = OwnCluster { forgets_to_remove, ..OwnCluster::default() };
    agree(&mut ModelSystem::default(), &mut own, &scenario(), script, 600)
}

/// A script of a seed.
pub fn script(seed: u64) -> Vec<u8> {
    let mut random = fastrand::Rng::with_seed(seed);
    std::iter::repeat_with(|| random.u8(..)).take(1_800).collect()
}

/// Drives a right one and a wrong one.
pub fn main() {
    let steps: usize = (0..20)
        .map(|seed| match drive(false, &script(seed)) {
            Ok(agreed) => agreed.actions.len(),
            Err(divergence) => panic!("{divergence}"),
        })
        .sum();
    let found = (0..20).find_map(|seed| drive(true, &script(seed)).err());
    let mut out = std::io::stdout();
    let _ = writeln!(out, "a right proxy: {steps} steps without a difference");
    if let Some(divergence) = found {
        let _ = writeln!(out, "a wrong one, after {} steps: {}", divergence.actions.len(), divergence);
    }
}
