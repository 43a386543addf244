//! Renewals of node leases: who renews one runs, and reaches the API server (NLC-2).

use podproof_model::Cluster;
use podproof_vocabulary::action::Watcher;

use super::plan::Deed;
use super::replay::{Ended, Replay};
use super::unexplained::Unexplained;
use super::writes::nodes::can_write;
use crate::record::Entry;

impl Replay {
    /// The kubelet of `node` has renewed a lease. What was done to machines must be known: without that, a renewal shows how they stood.
    pub(super) fn renewed(
        &mut self,
        number: u64,
        entry: &Entry,
        node: &str,
        lease: &str,
    ) -> Result<(), Ended> {
        // Node authorizer, `plugin/pkg/auth/authorizer/node/node_authorizer.go`
        if node != lease {
            let seen = format!("kubelet {node} renews the lease of {lease}");
            let why = "a kubelet renews the lease of its own node alone".into();
            return Err(Box::new(Unexplained::wrong(number, entry, seen, why)));
        }
        let Some(own) = self.names.node(node).filter(|_| self.eyes.has_faults()) else { return Ok(()) };
        // A node that has registered joins when it is Ready for the first time.
        let model = &self.models[self.now].1;
        if !Cluster::new(&model.rules, &mut self.common).node(own).has_joined() {
            return Ok(());
        }
        let runs = Deed::only_if(Watcher::Kubelet(own), Box::new(move |cluster| can_write(cluster, own)));
        self.done(number, entry, &format!("kubelet {node} renews its lease"), &runs)
    }
}
