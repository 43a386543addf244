//! Why an entry that nothing explains may be lawful all the same: the replay began, or went on, from something that is not sure.

use crate::before::Target;
use crate::matching::Unexplained;
use crate::matching::whole::Whole;
use crate::record::Micros;
use crate::world::Observed;

/// What was under way when a log began shows for so long: the default toleration of a node that fails, and as much again as the
/// failure takes to be noticed.
const SETTLING: Micros = 400_000_000;

/// What is not sure of a log.
#[derive(Clone, Copy, Debug)]
pub struct Doubts {
    /// When it began.
    began: Micros,
    /// Something was under way then, so the cluster may have stood in another way than it seems.
    pub under_way: bool,
    /// Since when writes are missing, if some are.
    pub missed: Option<Micros>,
}

impl Doubts {
    /// What is not sure, before it is replayed, of a log that began at this moment, when some nodes were not Ready or none.
    pub fn new(began: Micros, has_unready_nodes: bool) -> Self {
        Self { began, under_way: has_unready_nodes, missed: None }
    }

    /// A workload begins where it stood then.
    pub fn begin(&mut self, observed: &Observed, target: &Target) {
        // The taints of a node that is only named are not known.
        self.under_way |= target.was_under_way || observed.nodes.iter().any(|node| node.is_only_named);
    }

    /// Notes in an entry that nothing explains why it may be lawful, if it may; the path up to it is `whole`.
    pub fn note(&self, found: &mut Unexplained, whole: &Whole) {
        if self.missed.is_some_and(|since| since <= found.at) {
            found.doubt("a watch was interrupted before, and what was written meanwhile is not in the log");
        }
        if self.under_way && found.at < self.began.saturating_add(SETTLING) {
            found.doubt(
                "something was under way when the log began, so the cluster may have stood in another way",
            );
        }
        if found.whose.is_some_and(|whose| whole.guesses_of(whose)) {
            found.doubt(
                "something was done to a machine before that no entry shows, and what it was is guessed",
            );
        }
    }
}
