//! Traces for other tools.
//!
//! - [`itf`]: the Informal Trace Format of Apalache, which the tools around TLA+ and Quint read
//! - [`perfetto`]: Trace Event JSON, for ui.perfetto.dev and chrome://tracing: a track for each component and each pod
//! - [`dot`]: Graphviz: the states around a step, with the steps that were not taken
//! - [`mermaid`]: a sequence diagram
//! - [`markdown`]: why, how and that diagram, for a comment
//!
//! What a state holds is taken from the model of today, so a trace that it no longer takes cannot be exported.

pub mod dot;
pub mod itf;
pub mod markdown;
pub mod mermaid;
pub mod perfetto;

use podproof_model::ClusterState;
use podproof_vocabulary::NodeId;
use podproof_vocabulary::observation::Observation;

use crate::names::Names;
use crate::replay::{Divergence, replay};
use crate::standing::Standing;
use crate::told::{Told, told};
use crate::trace::Trace;
use crate::walk::World;

/// A trace that the model of today takes, with its states.
pub(crate) struct Frames<'t> {
    pub(crate) trace: &'t Trace,
    /// What becomes of its claim.
    pub(crate) standing: Standing,
    pub(crate) world: World,
    /// The steps in words.
    pub(crate) told: Vec<Told>,
    /// What an outsider sees at the beginning and after each step, with the names that objects have then.
    pub(crate) seen: Vec<(Observation, Names)>,
    /// The states themselves.
    pub(crate) states: Vec<ClusterState>,
}

impl<'t> Frames<'t> {
    /// # Errors
    /// What [`replay`](fn@replay) says, if the model does something else.
    pub(crate) fn of(trace: &'t Trace) -> Result<Self, Divergence> {
        let standing = Standing::from(trace, Ok(replay(trace)?));
        let unfit = |why: String| Divergence::Unfit { why };
        let world = World::new(trace.scenario.clone()).map_err(unfit)?;
        let mut walk =
            world.begin(trace.observed_proxy).ok_or_else(|| unfit("it begins in no state".to_owned()))?;
        let mut names = Names::of(trace);
        let mut seen = vec![(walk.seen.clone(), names.clone())];
        let mut states = vec![walk.state.clone()];
        for (_, step) in trace.steps() {
            walk.step(&step.action, trace.followed);
            names.see(&step.changed);
            seen.push((walk.seen.clone(), names.clone()));
            states.push(walk.state.clone());
        }
        Ok(Self { trace, standing, told: told(trace), seen, states, world })
    }

    /// Is the kube-proxy of this node modelled? Of another it is not known what it has programmed.
    pub(crate) fn has_rules(&self, node: NodeId) -> bool {
        self.trace.observed_proxy.is_none_or(|modelled| modelled == node)
    }

    /// Seconds that have passed after a step, or at the beginning; 0 in a trace without time.
    pub(crate) fn seconds(&self, step: usize) -> u64 {
        let ticks = step.checked_sub(1).map_or(0, |index| self.told[index].tick);
        u64::from(ticks) * u64::from(self.world.unit_seconds())
    }
}

/// What a trace is called: its world, and what becomes of its property.
pub(crate) fn title(trace: &Trace, standing: &Standing) -> String {
    let name = &trace.scenario.name;
    match trace.property {
        Some(property) => format!("{name}: {}", standing.says(property)),
        None => format!("{name}: a path"),
    }
}
