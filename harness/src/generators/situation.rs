//! Who is on which node: what the filters are asked about.

use arbitrary::{Arbitrary, Result, Unstructured};
use podproof_vocabulary::observation::TaintsSeen;
use podproof_vocabulary::scenario::{Scenario, WorkloadKind};
use podproof_vocabulary::{NodeId, Revision};

use super::limits::PLACED_MAX;
use super::one_in;
use super::scenario::{Shape, scenario};
use crate::objects::NodeState;

/// A pod of the workload on a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Placed {
    /// Where it is.
    pub node: NodeId,
    /// Its template.
    pub revision: Revision,
    /// It is being deleted.
    pub deleting: bool,
}

/// A moment of a cluster, as its scheduler sees it, with a pod that is to be scheduled.
#[derive(Clone, Debug)]
pub struct Situation {
    /// The world.
    pub scenario: Scenario,
    /// What has become of each node.
    pub nodes: Vec<NodeState>,
    /// The pods of the workload that are on nodes.
    pub placed: Vec<Placed>,
    /// The template of the pod that is to be scheduled.
    pub revision: Revision,
}

const SHAPE: Shape = Shape { faults: false, timed: false, placement: true, releases: true };

impl<'a> Arbitrary<'a> for Situation {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        let mut scenario = scenario(u, SHAPE)?;
        // The taint of an event is one of its own, or another that the scenario names.
        if one_in(u, 3)? {
            scenario.event_taint = scenario.nodes.iter().flat_map(|node| node.taints.first()).next().cloned();
        }
        let mut nodes = Vec::new();
        for node in &scenario.nodes {
            let mut taints = TaintsSeen::default();
            if one_in(u, 3)? {
                taints = TaintsSeen {
                    not_ready_no_schedule: one_in(u, 4)?,
                    unreachable_no_schedule: one_in(u, 4)?,
                    unschedulable_no_schedule: one_in(u, 4)?,
                    not_ready_no_execute: one_in(u, 4)?,
                    unreachable_no_execute: one_in(u, 4)?,
                    custom: one_in(u, 4)?,
                };
            }
            let unschedulable = node.unschedulable || one_in(u, 8)?;
            nodes.push(NodeState {
                gone: false,
                relabelled: node.later_labels.is_some() && u.arbitrary()?,
                unschedulable,
                taints,
            });
        }
        let revisions: u8 = match scenario.workload.kind {
            WorkloadKind::Deployment => 2,
            WorkloadKind::ReplicaSet | WorkloadKind::Pod => 1,
        };
        let mut placed = Vec::new();
        for _ in 0..u.int_in_range(0..=PLACED_MAX)? {
            placed.push(Placed {
                node: u.choose_index(nodes.len())?.into(),
                revision: Revision(u.int_in_range(0..=revisions - 1)?),
                deleting: one_in(u, 4)?,
            });
        }
        let revision = Revision(u.int_in_range(0..=revisions - 1)?);
        for node in &mut nodes {
            node.gone = one_in(u, 6)?;
        }
        if one_in(u, 8)? {
            let named = &scenario.nodes[u.choose_index(nodes.len())?];
            scenario.workload.template.node_name = Some(named.name.clone());
        }
        Ok(Self { scenario, nodes, placed, revision })
    }
}
