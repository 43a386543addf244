//! What speaks of pods that are not there yet, or no more, and that nobody follows then; slices, of whichever Service; and nodes and
//! namespaces that were removed.
//!
//! - `gone`: nobody writes to a pod that was removed; `ended`: nothing starts of one that its kubelet has finished with
//! - `unborn`: nothing is seen of a pod before its creation
//! - `slices`: a slice is not written as it was, nor asked for so, and names no pod that was removed long before
//! - `nodes`: nobody writes to a node that was removed; `namespaces`: nothing is created in one that is being deleted
//! - `moments`: when something was seen of pods, as far as that is kept

mod ended;
mod gone;
mod moments;
mod namespaces;
mod nodes;
mod slices;
mod unborn;

use std::rc::Rc;

use crate::matching::Unexplained;
use crate::record::{Entry, Micros};

use ended::Ended;
use gone::Gone;
use namespaces::Namespaces;
use nodes::Nodes;
use slices::Slices;
use unborn::Unborn;

/// What two moments may be apart that the log has in another order than they happened: those of two API servers, or of an API server
/// and a node.
const SLACK: Micros = 5_000_000;

/// What else such entries may come from.
const CLOCKS: &str = "; where the clock of a node may be off, --clock-skew says how far";

/// Pods that are followed no more, or not yet.
#[derive(Clone, Debug, Default)]
pub(crate) struct Strays {
    gone: Gone,
    ended: Ended,
    unborn: Unborn,
    slices: Slices,
    nodes: Nodes,
    namespaces: Namespaces,
}

impl Strays {
    /// A pod has been removed, and is not followed any more.
    pub fn add_removed(&mut self, uid: &Rc<str>, at: Micros) {
        self.gone.add(uid, at);
    }

    /// What nothing should be at the end of the log, in words.
    pub fn left(&self) -> Vec<String> {
        self.slices.left()
    }

    /// Why the entry cannot be, if it speaks of a pod that is not there.
    pub fn see(&mut self, number: u64, entry: &Entry) -> Option<Unexplained> {
        let of_what_is_gone = self.gone.see(number, entry);
        let of_what_has_ended = self.ended.see(number, entry);
        let of_what_is_not_yet = self.unborn.see(number, entry);
        let of_slices = self.slices.see(number, entry);
        let of_nodes = self.nodes.see(number, entry);
        let of_namespaces = self.namespaces.see(number, entry);
        let of_pods = of_what_is_gone.or(of_what_has_ended).or(of_what_is_not_yet);
        of_pods.or(of_slices).or(of_nodes).or(of_namespaces)
    }
}
