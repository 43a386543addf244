//! A trace recorded again, as the model of today takes its steps.

use crate::replay::{Divergence, Replayed, replay};
use crate::trace::Trace;
use crate::walk::World;

impl Trace {
    /// The same steps recorded on the model of today, with all that this version of the format writes of a step; up to the step
    /// that breaks the property first. Title, lesson, manifest, names and the times of a log stay. A remedy does not: what makes the promise hold is
    /// found by a search on the manifest, and what is recorded anew is what the model of today has done.
    ///
    /// # Errors
    /// What [`replay`](fn@replay) says, if the model does something else or the verdict no longer stands.
    pub fn recorded_again(&self) -> Result<Self, Divergence> {
        let stem = match replay(self)? {
            Replayed::BrokenEarlier { at_step } => at_step,
            replayed if replayed.stands() => self.stem.len(),
            replayed => return Err(Divergence::Unfit { why: replayed.to_string() }),
        };
        let world = World::new(self.scenario.clone()).map_err(|why| Divergence::Unfit { why })?;
        let first = world.begin(self.observed_proxy).ok_or_else(|| Divergence::Unfit {
            why: "observed-proxy: no such kube-proxy is modelled".to_owned(),
        })?;
        let actions = |steps: &[crate::TraceStep]| steps.iter().map(|step| step.action).collect::<Vec<_>>();
        let (stem, cycle) = (actions(&self.stem[..stem]), actions(&self.cycle));
        let mut trace = match self.property {
            None => Self::path(world.model(), &first.state, &stem),
            Some(property) => {
                let cycle = self.obligation.map(|_| &cycle[..]);
                Self::record(world.model(), property, &first.state, &stem, cycle, self.obligation)
            }
        };
        trace = trace.noted_as(self);
        if let Some(log) = &self.log {
            trace = trace.logged(log.began.clone(), self.stem.iter().map(|step| step.seen_at));
        }
        Ok(match &self.called {
            Some(called) => trace.naming(called.clone()),
            None => trace,
        })
    }
}
