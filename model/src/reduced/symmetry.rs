//! Symmetry: pods of one template differ in nothing but their slots, so a state stands for all that come from it by
//! renaming pods. The representative is the one whose columns are sorted.
//!
//! Exact for safety: every guard, effect and promise treats pods alike (a test compares the successors of states with
//! those of their representatives), and a column holds all that is known of its pod, so sorting columns renames. What a
//! search over representatives finds is unfolded again into steps with the names that they had.
//!
//! Progress speaks of one pod through a whole cycle, which a renaming on the way hides. So a search over
//! representatives judges progress coarsely, property by property: any state that a fair run may rest in is judged
//! exactly, and a cycle that might keep something pending sends the search back to the states themselves.

use podproof_vocabulary::PodId;

use crate::cluster::Cluster;
use crate::rules::Rules;
use crate::state::ClusterState;

/// Can states of this scenario be sorted? Not with watch events in exact order, which name pods, nor with the clocks of
/// every pod, which are in no column.
pub fn is_possible(rules: &Rules) -> bool {
    rules.layout.rings.is_empty() && (!rules.clocks.run() || rules.clocks.follow())
}

/// Renames pods so that their columns are sorted.
pub fn sort(rules: &Rules, state: &mut ClusterState) {
    debug_assert!(is_possible(rules), "only states whose columns hold everything are sorted");
    let mut cluster = Cluster::new(rules, state);
    let mut followed = cluster.shared.control_plane.followed();
    for end in 1..rules.pods {
        let mut at = end;
        while at > 0 && is_less(&cluster, at, at - 1, followed) {
            swap(&mut cluster, at - 1);
            followed = followed.map(|pod| swapped(pod, at - 1));
            at -= 1;
        }
    }
    cluster.shared.control_plane.set_followed(followed);
}

/// The slot of `pod` after the columns of `low` and the next slot changed places.
fn swapped(pod: PodId, low: usize) -> PodId {
    match pod.index() {
        index if index == low => PodId::from(low + 1),
        index if index == low + 1 => PodId::from(low),
        _ => pod,
    }
}

fn is_less(cluster: &Cluster<'_>, one: usize, other: usize, followed: Option<PodId>) -> bool {
    let (one, other) = (PodId::from(one), PodId::from(other));
    let key =
        |pod| (cluster.pod(pod), cluster.containers_of(pod), cluster.proxies_of(pod), followed == Some(pod));
    key(one) < key(other)
}

fn swap(cluster: &mut Cluster<'_>, low: usize) {
    cluster.pods.swap(low, low + 1);
    swap_rows(cluster.containers, cluster.rules.containers.len(), low);
    swap_rows(cluster.proxies, cluster.rules.nodes, low);
}

fn swap_rows<T>(rows: &mut [T], width: usize, low: usize) {
    let (first, second) = rows[low * width..(low + 2) * width].split_at_mut(width);
    first.swap_with_slice(second);
}
