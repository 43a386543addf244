//! What an outsider sees of a cluster of the model.

use podproof_vocabulary::observation::{
    Address, BudgetSeen, ContainerSeen, DeploymentSeen, EndpointSeen, NodeSeen, Observe, PodSeen,
    ReplicaSetSeen, SandboxSeen,
};
use podproof_vocabulary::{ContainerId, NodeId, PodId, Revision};

use crate::cluster::Cluster;
use crate::kubelet::pleg;
use crate::state::{Endpoint, Worker};

fn endpoint(cluster: &Cluster<'_>, pod: PodId, entry: Endpoint) -> Option<EndpointSeen> {
    let address = entry.address()?;
    Some(EndpointSeen {
        address,
        node: cluster.pod(pod).head.node(),
        ready: entry.ready(),
        serving: entry.serving(),
        terminating: entry.terminating(),
    })
}

impl Observe for Cluster<'_> {
    fn pods(&self) -> usize {
        self.rules.pods
    }

    fn slots_in_use(&self) -> impl Iterator<Item = PodId> + Clone {
        self.used_pods()
    }

    fn nodes(&self) -> usize {
        self.rules.nodes
    }

    fn containers(&self) -> usize {
        self.rules.containers.len()
    }

    fn revisions(&self) -> usize {
        self.rules.revisions
    }

    fn pod(&self, pod: PodId) -> Option<PodSeen> {
        let column = &self.pods[pod.index()];
        let object = column.api;
        object.exists().then(|| PodSeen {
            revision: Revision(column.head.revision()),
            node: object.node(),
            phase: object.phase(),
            deletion: object.deletion(),
            finalizer: object.finalizer(),
            ready: object.ready(),
            address: object.address(),
        })
    }

    fn sandbox(&self, pod: PodId) -> SandboxSeen {
        let kubelet = self.pods[pod.index()].kubelet;
        SandboxSeen {
            sandbox: kubelet.sandbox(),
            address: kubelet.address(),
            terminating: matches!(
                kubelet.worker(),
                Worker::Terminating | Worker::Ended | Worker::Terminated | Worker::Finished
            ),
            runs_on: kubelet.node().filter(|_| self.containers_of(pod).iter().any(|c| c.is_running())),
        }
    }

    fn container(&self, pod: PodId, container: ContainerId) -> ContainerSeen {
        let state = Self::container(self, pod, container);
        ContainerSeen {
            process: state.process(),
            accepting: state.accepting(),
            sigterm: state.sigterm(),
            hook: state.hook(),
            grace_expired: state.grace_expired(),
        }
    }

    fn reused_address(&self, pod: PodId) -> Option<Address> {
        self.pods[pod.index()].head.reused_address()
    }

    fn endpoint(&self, pod: PodId) -> Option<EndpointSeen> {
        endpoint(self, pod, self.pods[pod.index()].slice)
    }

    fn rule(&self, node: NodeId, pod: PodId) -> Option<EndpointSeen> {
        endpoint(self, pod, self.proxy(node, pod).rule)
    }

    fn node(&self, node: NodeId) -> NodeSeen {
        let column = &self.nodes[node.index()];
        let (object, machine) = (column.api, column.machine);
        NodeSeen {
            exists: object.exists(),
            ready: object.ready(),
            unschedulable: object.unschedulable(),
            taints: object.taints(),
            powered: machine.powered(),
            connected: machine.connected(),
            kubelet_runs: machine.kubelet_runs(),
            proxy_runs: machine.proxy_runs(),
            runtime_answers: pleg::runtime_answers(self, node),
        }
    }

    fn replica_set(&self, revision: Revision) -> Option<ReplicaSetSeen> {
        let column = self.replica_sets[revision.index()];
        column.exists().then(|| ReplicaSetSeen { replicas: column.replicas(), available: column.available() })
    }

    fn deployment(&self) -> Option<DeploymentSeen> {
        let object = self.shared.deployment;
        object.exists().then(|| DeploymentSeen {
            replicas: object.replicas(),
            revision: Revision(object.revision()),
            deadline_exceeded: object.deadline_exceeded(),
        })
    }

    fn budget(&self) -> Option<BudgetSeen> {
        let status = self.shared.budget;
        status.written().then(|| BudgetSeen {
            disruptions_allowed: status.allowed(),
            current_healthy: status.healthy(),
            desired_healthy: status.desired(),
        })
    }
}
