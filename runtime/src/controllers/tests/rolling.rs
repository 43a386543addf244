//! The arithmetic of a rolling update: DEP-1 to DEP-3, DEP-10.

use std::sync::Arc;

use k8s_openapi::api::apps::v1::{DeploymentStrategy, ReplicaSet, ReplicaSetStatus, RollingUpdateDeployment};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::super::deployment::rolling::{Bounds, new_replicas, scale_down};
use super::super::deployment::scaling::{scale, was_scaled};
use super::{deployment, replica_set};
use crate::slip::{Slip, Slips};
use crate::testing::labels;

fn bounds(replicas: i64, surge: i64, unavailable: i64) -> Bounds {
    Bounds { replicas, surge, unavailable }
}

/// Bounds of a Deployment with these values.
fn of(replicas: i32, surge: &str, unavailable: &str) -> Bounds {
    let value = |text: &str| match text.parse() {
        Ok(number) => IntOrString::Int(number),
        Err(_) => IntOrString::String(text.to_owned()),
    };
    let mut deployment = deployment(replicas);
    deployment.spec.get_or_insert_default().strategy = Some(DeploymentStrategy {
        type_: Some("RollingUpdate".to_owned()),
        rolling_update: Some(RollingUpdateDeployment {
            max_surge: Some(value(surge)),
            max_unavailable: Some(value(unavailable)),
        }),
    });
    Bounds::of(&deployment)
}

/// A ReplicaSet that wants so many and has so many available, and was last scaled for so many of the Deployment.
fn set(name: &str, wanted: i32, available: i32, desired: &str, max: &str) -> Arc<ReplicaSet> {
    let mut set = replica_set(wanted);
    set.metadata.name = Some(name.to_owned());
    set.metadata.uid = Some(name.to_owned());
    set.metadata.annotations = Some(labels(&[
        ("deployment.kubernetes.io/desired-replicas", desired),
        ("deployment.kubernetes.io/max-replicas", max),
    ]));
    let status = ReplicaSetStatus { available_replicas: Some(available), ..ReplicaSetStatus::default() };
    set.status = Some(status);
    Arc::new(set)
}

fn sizes(changed: Vec<(Arc<ReplicaSet>, i64)>) -> Vec<(String, i64)> {
    changed.into_iter().map(|(set, size)| (set.metadata.name.clone().unwrap_or_default(), size)).collect()
}

fn named(pairs: &[(&str, i64)]) -> Vec<(String, i64)> {
    pairs.iter().map(|(name, size)| ((*name).to_owned(), *size)).collect()
}

#[test]
fn surge_rounds_up_and_unavailable_rounds_down() {
    assert_eq!(of(10, "25%", "25%"), bounds(10, 3, 2), "DEP-1");
    assert_eq!(of(1, "0", "0"), bounds(1, 0, 1), "DEP-1: one may be unavailable");
    assert_eq!(of(1, "0%", "25%"), bounds(1, 0, 1), "DEP-1: 25 % of 1 is none, and so is the surge");
    assert_eq!(of(2, "1", "5"), bounds(2, 1, 2), "DEP-1: no more than there are");
}

#[test]
fn the_new_one_goes_up_as_far_as_the_surge_allows() {
    let b = bounds(4, 1, 0);
    assert_eq!(new_replicas(b, 0, 4, Slips::NONE), 1, "DEP-2");
    assert_eq!(new_replicas(b, 1, 5, Slips::NONE), 1, "DEP-2: no room");
    assert_eq!(new_replicas(b, 1, 2, Slips::NONE), 4, "DEP-2: no more than are wanted");
    assert_eq!(new_replicas(b, 6, 6, Slips::NONE), 4, "too many of the new go at once");
    assert_eq!(new_replicas(b, 0, 4, Slips::only(Slip::SurgeIgnored)), 4);
}

#[test]
fn the_old_ones_go_down_as_far_as_the_available_allow() {
    let b = bounds(4, 1, 1);
    let new = set("new", 1, 0, "4", "5");
    let old = [set("old", 4, 4, "4", "5")];
    // 5 wanted, 3 must be available, 1 of the new is not: one may go.
    assert_eq!(sizes(scale_down(b, Some(&new), &old, Slips::NONE)), named(&[("old", 3)]), "DEP-3");
    let ready = set("new", 1, 1, "4", "5");
    assert_eq!(sizes(scale_down(b, Some(&ready), &old, Slips::NONE)), named(&[("old", 2)]), "DEP-3");
    let strict = bounds(4, 1, 0);
    assert_eq!(sizes(scale_down(strict, Some(&new), &old, Slips::NONE)), [], "DEP-3");
    let slip = Slips::only(Slip::UnavailableCounted);
    assert_eq!(sizes(scale_down(strict, Some(&new), &old, slip)), named(&[("old", 3)]));
}

#[test]
fn unavailable_pods_of_old_sets_go_first_the_oldest_sets_first() {
    let b = bounds(4, 1, 1);
    let new = set("new", 2, 2, "4", "5");
    let old = [set("older", 2, 0, "4", "5"), set("old", 2, 2, "4", "5")];
    // Two unavailable ones go for free, then 4 available − 3 that must stay.
    assert_eq!(
        sizes(scale_down(b, Some(&new), &old, Slips::NONE)),
        named(&[("older", 0), ("old", 1)]),
        "DEP-3"
    );
}

/// S28 `cleanupUnhealthyReplicas`, `scaleDownOldReplicaSetsForRollingUpdate`: each writes for itself.
#[test]
fn one_old_set_is_written_for_its_unavailable_pods_and_again_for_the_others() {
    let new = set("new", 2, 2, "4", "5");
    let old = [set("old", 5, 3, "4", "5")];
    let writes = sizes(scale_down(bounds(4, 1, 1), Some(&new), &old, Slips::NONE));
    assert_eq!(writes, named(&[("old", 3), ("old", 1)]), "DEP-3");
}

/// S28 `cleanupUnhealthyReplicas`: an error, which ends the sync.
#[test]
fn a_status_that_counts_more_than_are_wanted_ends_the_scaling_down() {
    let new = set("new", 3, 1, "3", "6");
    let stale = [set("old", 2, 3, "3", "6")];
    assert_eq!(sizes(scale_down(bounds(3, 3, 1), Some(&new), &stale, Slips::NONE)), [], "DEP-3");
    let old = [set("older", 2, 1, "3", "6"), set("old", 2, 3, "3", "6")];
    let writes = sizes(scale_down(bounds(3, 3, 1), Some(&new), &old, Slips::NONE));
    assert_eq!(writes, named(&[("older", 1)]), "what was written before stays written");
}

#[test]
fn scaling_goes_to_the_only_active_set_or_to_the_new_one() {
    let b = bounds(5, 1, 1);
    let old = set("old", 3, 3, "3", "4");
    assert!(was_scaled(b, std::slice::from_ref(&old)), "DEP-10");
    assert!(!was_scaled(bounds(3, 1, 1), std::slice::from_ref(&old)));
    assert_eq!(sizes(scale(b, true, None, &[old], 3)), named(&[("old", 5)]), "DEP-10");
    let (idle, new) = (set("idle", 0, 0, "3", "4"), set("new", 0, 0, "3", "4"));
    assert_eq!(sizes(scale(b, true, Some(&new), &[idle, Arc::clone(&new)], 0)), named(&[("new", 5)]));
}

#[test]
fn scaling_in_the_middle_of_a_rollout_is_shared_by_size() {
    let (old, new) = (set("old", 8, 8, "10", "13"), set("new", 5, 5, "10", "13"));
    let sets = [old, Arc::clone(&new)];
    // 13 of 13 become 19 of 15 + 4: 12 and 7 by proportion.
    let changed = sizes(scale(bounds(15, 4, 3), true, Some(&new), &sets, 13));
    assert_eq!(changed, named(&[("old", 12), ("new", 7)]), "DEP-10");
    // Down to 5 + 2: 4 and 3.
    let changed = sizes(scale(bounds(5, 2, 1), true, Some(&new), &sets, 13));
    assert_eq!(changed, named(&[("old", 4), ("new", 3)]), "DEP-10");
    assert_eq!(
        sizes(scale(bounds(15, 0, 0), false, Some(&new), &sets, 13)),
        [],
        "only a rolling update shares"
    );
}

/// S28 `scaleReplicaSet`: else the Deployment would count as scaled for ever.
#[test]
fn a_set_whose_size_stays_is_told_what_is_wanted_now() {
    let (old, new) = (set("old", 2, 2, "3", "5"), set("new", 2, 0, "2", "4"));
    let sets = [old, Arc::clone(&new)];
    assert!(was_scaled(bounds(2, 2, 1), &sets));
    assert_eq!(sizes(scale(bounds(2, 2, 1), true, Some(&new), &sets, 4)), named(&[("old", 2)]), "DEP-10");
}

/// S28 `sync.go` `scale`: where no size changes nothing is sorted, and the newest is told last.
#[test]
fn sets_whose_sizes_stay_are_told_in_the_order_of_age_and_the_newest_last() {
    let (small, large) = (set("small", 1, 1, "2", "4"), set("large", 2, 2, "2", "4"));
    let sets = [Arc::clone(&small), Arc::clone(&large)];
    for (new, order) in [(&large, ["small", "large"]), (&small, ["large", "small"])] {
        let told = sizes(scale(bounds(1, 2, 1), true, Some(new), &sets, 3));
        let told: Vec<_> = told.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(told, order, "DEP-10");
    }
}

#[test]
fn what_rounding_leaves_goes_to_the_largest_and_a_saturated_new_one_ends_the_old() {
    let (old, new) = (set("old", 2, 2, "3", "4"), set("new", 2, 2, "3", "4"));
    let sets = [old, Arc::clone(&new)];
    let changed = scale(bounds(4, 1, 1), true, Some(&new), &sets, 4);
    assert_eq!(
        changed.iter().map(|(_, size)| size).sum::<i64>()
            + 2 * (2 - i64::try_from(changed.len()).expect("few")),
        5
    );
    let (old, new) = (set("old", 1, 1, "3", "4"), set("new", 4, 4, "4", "5"));
    let sets = [old, Arc::clone(&new)];
    assert_eq!(sizes(scale(bounds(4, 1, 1), true, Some(&new), &sets, 5)), named(&[("old", 0)]));
}
