//! What a small step has touched, found by comparing the words of the states on both sides of it.

use bytemuck::Zeroable;

use crate::cluster::Cluster;
use crate::rules::Rules;
use crate::scope::Scope;
use crate::state::{
    ClusterState, Container, KubeletPod, NodeColumn, PodColumn, PodHead, PodObject, ProxyPod,
    ReplicaSetColumn, Shared,
};
use crate::watch::ring;

/// What each word of a state holds.
#[derive(Clone, Debug)]
pub struct Touches {
    words: Vec<Word>,
    /// Guards read more of what other pods do than a scope tells: those of rings and of hangs.
    coarse: bool,
}

#[derive(Clone, Copy, Debug)]
struct Word {
    /// What is touched where it changes.
    scope: Scope,
    /// Bits that touch everything where they change.
    common: u64,
    /// Bits that the promises about states read.
    seen: u64,
}

/// What a small step has touched.
#[derive(Clone, Copy, Debug)]
pub struct Touched {
    /// What guards may have become true of.
    pub scope: Scope,
    /// Something that promises about states read: without, each says of the state after the step what it said before.
    pub is_seen: bool,
}

impl Touches {
    /// The words of the states of `rules`.
    pub fn of(rules: &Rules) -> Self {
        let paint = |brush: &dyn Fn(&mut Cluster<'_>)| {
            let mut state = ClusterState::zeroed(rules.layout.words());
            brush(&mut Cluster::new(rules, &mut state));
            state
        };
        let nothing = Word { scope: Scope::NOTHING, common: 0, seen: 0 };
        let mut words = vec![nothing; rules.layout.words()];
        let common = paint(&|cluster| {
            *cluster.shared = all_ones();
            cluster.nodes.fill(all_ones::<NodeColumn>());
            // While a sync is choosing nothing else is possible, and after it everything is again.
            cluster.replica_sets.fill(ReplicaSetColumn::new().with_victims_left(127));
            cluster.rings.fill(u64::MAX);
        });
        let seen = paint(&|cluster| {
            *cluster.shared = all_ones::<Shared>();
            cluster.nodes.fill(all_ones::<NodeColumn>());
            let mut column = PodColumn::default();
            column.head = all_ones::<PodHead>();
            column.api = all_ones::<PodObject>();
            column.kubelet = all_ones::<KubeletPod>();
            cluster.pods.fill(column);
            cluster.containers.fill(all_ones::<Container>());
            let rule = all_ones::<ProxyPod>().rule;
            cluster.proxies.fill(ProxyPod { rule, ..ProxyPod::default() });
        });
        for (word, (common, seen)) in words.iter_mut().zip(common.words().iter().zip(seen.words())) {
            (word.common, word.seen) = (*common, *seen);
        }
        let mut touch = |painted: &ClusterState, scope: Scope| {
            for (word, &bits) in words.iter_mut().zip(painted.words()) {
                if bits != 0 {
                    word.scope = word.scope.union(scope);
                }
            }
        };
        let replica_sets = paint(&|cluster| cluster.replica_sets.fill(all_ones::<ReplicaSetColumn>()));
        touch(&replica_sets, Scope::REPLICA_SETS);
        for pod in podproof_vocabulary::PodId::first(rules.pods) {
            let column = paint(&|cluster| {
                *cluster.pod_mut(pod) = all_ones();
                cluster.containers_of_mut(pod).fill(all_ones::<Container>());
                for node in cluster.node_ids() {
                    *cluster.proxy_mut(node, pod) = all_ones();
                }
            });
            touch(&column, Scope::of(pod));
        }
        let rings = ring::is_kept(&Cluster::new(rules, &mut ClusterState::zeroed(rules.layout.words())));
        Self { words, coarse: rings || rules.has_hangs() }
    }

    /// What a step from `before` to `after` has touched, of which `cluster` is laid open.
    ///
    /// A guard that is true after it and was not before reads something that the step changed. What pods have in common is read
    /// by many guards, so a step that changes it has touched everything; and while pods are evicted the guards of that read the
    /// budget and all pods.
    pub fn between(&self, before: &ClusterState, after: &[u64], evicting: bool) -> Touched {
        let mut touched = Touched { scope: Scope::NOTHING, is_seen: false };
        let mut common = self.coarse || evicting;
        for ((word, before), after) in self.words.iter().zip(before.words()).zip(after) {
            let changed = before ^ after;
            if changed != 0 {
                touched.scope = touched.scope.union(word.scope);
                touched.is_seen |= changed & word.seen != 0;
                common |= changed & word.common != 0;
            }
        }
        if common {
            touched.scope = Scope::EVERYTHING;
        }
        touched
    }
}

fn all_ones<T: bytemuck::Pod + Zeroable>() -> T {
    let mut value = T::zeroed();
    bytemuck::bytes_of_mut(&mut value).fill(u8::MAX);
    value
}
