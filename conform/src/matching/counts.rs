//! What the statuses of controllers count, and what there was to be counted: a controller sees the store as it is, or as it was a
//! moment ago.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use podproof_model::Cluster;
use podproof_vocabulary::Revision;
use serde_json::Value;

use super::news::LAG_TIME;
use crate::record::Micros;

/// Changes that are remembered of each count.
const REMEMBERED: usize = 512;

/// Ways to add up what several ReplicaSets say that are tried.
const WAYS: usize = 4_096;

/// What something was, and since when.
#[derive(Clone, Debug)]
struct Recent<T>(VecDeque<(Micros, T)>);

impl<T> Default for Recent<T> {
    fn default() -> Self {
        Self(VecDeque::new())
    }
}

impl<T: Clone + Default + PartialEq> Recent<T> {
    /// It is this from `at` on; before that it was what it was, or nothing.
    fn note(&mut self, at: Micros, value: T) {
        if self.0.is_empty() {
            self.0.push_back((Micros::MIN, T::default()));
        }
        if self.0.back().is_none_or(|(_, known)| *known != value) {
            self.0.push_back((at, value));
            if self.0.len() > REMEMBERED {
                self.0.pop_front();
            }
        }
    }

    /// What it was at some moment since then.
    fn since(&self, from: Micros) -> Vec<T> {
        let later = self.0.partition_point(|&(at, _)| at < from).saturating_sub(1);
        self.0.iter().skip(later).map(|(_, value)| value.clone()).collect()
    }

    /// What it is now.
    fn now(&self) -> T {
        self.0.back().map(|(_, value)| value.clone()).unwrap_or_default()
    }
}

/// What each ReplicaSet says of itself.
type Sets = BTreeMap<Revision, [i64; 4]>;

/// What there was to be counted of one workload.
#[derive(Clone, Debug, Default)]
pub struct Counts {
    /// The active pods of each ReplicaSet, and how many of them were Ready.
    pods: BTreeMap<Revision, Recent<[i64; 2]>>,
    /// From when to when the controller has created or deleted pods of each ReplicaSet since it wrote its status: it counts them first,
    /// and writes what it has counted when all of that is answered (`pkg/controller/replicaset/replica_set.go`, `syncReplicaSet`).
    syncs: BTreeMap<Revision, (Micros, Micros)>,
    /// What the status of each ReplicaSet said: its pods, those that were ready, those that were available; and how many it was to have.
    /// All of them at each moment: the copy that the Deployment controller adds up is of one.
    sets: Recent<Sets>,
    /// The template that the Deployment had, by its number.
    template: Recent<u8>,
    /// There may have been ReplicaSets when the log began that it does not show: those that it shows have not added up yet.
    is_open: bool,
    /// Of some writes of ReplicaSets the log does not show which came first.
    is_disordered: bool,
}

/// Fields of a status as numbers; what is missing is 0.
fn fields<const N: usize>(whole: &Value, names: [&str; N]) -> [i64; N] {
    names.map(|name| whole["status"].get(name).and_then(Value::as_i64).unwrap_or(0))
}

const OF_A_SET: [&str; 3] = ["replicas", "readyReplicas", "availableReplicas"];
const OF_A_DEPLOYMENT: [&str; 5] =
    ["replicas", "readyReplicas", "availableReplicas", "unavailableReplicas", "updatedReplicas"];

/// What a ReplicaSet says of itself, and what is asked of it.
fn of_a_set(whole: &Value) -> [i64; 4] {
    let [pods, ready, available] = fields(whole, OF_A_SET);
    [pods, ready, available, whole["spec"]["replicas"].as_i64().unwrap_or(1)]
}

impl Counts {
    /// The store was so when the log began, and its ReplicaSets, which are so many, had said so.
    pub fn begin(&mut self, cluster: &Cluster<'_>, sets: usize) {
        self.note(cluster, Micros::MIN);
        let mut sum = [0; 4];
        for revision in (0..sets).map(Revision::from) {
            let set = cluster.replica_set(revision);
            let [pods, ready] = self
                .pods
                .get(&revision)
                .and_then(|recent| recent.0.back())
                .map_or([0, 0], |&(_, counts)| counts);
            let said = [pods, ready, i64::from(set.available()), i64::from(set.replicas())];
            self.note_said(revision, said, Micros::MIN);
            sum = [0, 1, 2, 3].map(|index| sum[index] + said[index]);
        }
        // Of one that was rolling out, the log may show only what changes.
        self.is_open = sum != [i64::from(cluster.shared.deployment.replicas()); 4];
    }

    /// The store is so from `at` on.
    pub fn note(&mut self, cluster: &Cluster<'_>, at: Micros) {
        self.template.note(at, cluster.shared.deployment.revision());
        let mut now: BTreeMap<Revision, [i64; 2]> =
            self.pods.keys().map(|&revision| (revision, [0, 0])).collect();
        for pod in cluster.used_pods() {
            let object = cluster.pod(pod).api;
            if object.exists() {
                let counts = now.entry(cluster.revision_of(pod)).or_default();
                let is_active = !object.is_deleting() && !object.phase().is_terminal();
                counts[0] += i64::from(is_active);
                counts[1] += i64::from(is_active && object.ready());
            }
        }
        for (revision, counts) in now {
            self.pods.entry(revision).or_default().note(at, counts);
        }
    }

    /// How many of its pods were Ready all the while that a controller that writes at `at` may have looked.
    pub fn least_ready(&self, at: Micros) -> u32 {
        let least =
            |recent: &Recent<[i64; 2]>| recent.since(at - LAG_TIME).into_iter().map(|[_, ready]| ready).min();
        let all: i64 = self.pods.values().filter_map(least).sum();
        u32::try_from(all).unwrap_or(0)
    }

    /// The controller has created or deleted a pod of a ReplicaSet, by a request of these moments.
    pub fn note_sync(&mut self, revision: Revision, from: Micros, to: Micros) {
        let (began, ended) = self.syncs.get(&revision).copied().unwrap_or((from, to));
        // What came long before was of another sync, which had no status to write.
        let began = if ended.saturating_add(LAG_TIME) < from { from } else { began.min(from) };
        self.syncs.insert(revision, (began, ended.max(to)));
    }

    /// The status of a ReplicaSet was written.
    pub fn note_status(&mut self, revision: Revision) {
        self.syncs.remove(&revision);
    }

    /// What a ReplicaSet says of itself; `has_version` if the log shows of this write which came before it.
    pub fn note_set(&mut self, revision: Revision, whole: &Value, at: Micros, has_version: bool) {
        self.is_disordered |= !has_version;
        self.note_said(revision, of_a_set(whole), at);
    }

    fn note_said(&mut self, revision: Revision, said: [i64; 4], at: Micros) {
        let mut now = self.sets.now();
        now.insert(revision, said);
        self.sets.note(at, now);
    }

    /// What a Deployment says of itself: once it has been what its ReplicaSets add up to, there are no others.
    pub fn note_deployment(&mut self, whole: &Value, at: Micros) {
        self.is_open &= self.copies(at).is_none_or(|copies| !copies.iter().any(|copy| adds_up(copy, whole)));
    }

    /// Why the status of a ReplicaSet that is written at `at` cannot be (RS-7); and whether one write more, which the store does not show,
    /// would make it right.
    pub fn set_misfit(&self, revision: Revision, whole: &Value, at: Micros) -> Option<(String, bool)> {
        let [pods, ready] = fields(whole, ["replicas", "readyReplicas"]);
        let sync = self.syncs.get(&revision).filter(|(_, ended)| ended.saturating_add(LAG_TIME) >= at);
        let since = sync.map_or(at, |(began, _)| at.min(*began)) - LAG_TIME;
        let there = self.pods.get(&revision).map(|recent| recent.since(since)).unwrap_or_default();
        let was = |index: usize, count: i64| {
            there.iter().any(|one| one[index] == count) || count == 0 && there.is_empty()
        };
        let is_one_write_away =
            || there.iter().any(|one| (one[0] - pods).abs() + (one[1] - ready).abs() <= 1);
        let says = || format!("it counts {pods} pods, {ready} of them ready, which there were not");
        (!was(0, pods) || !was(1, ready)).then(|| (says(), is_one_write_away()))
    }

    /// Why the status of a Deployment that is written at `at` cannot be: it adds up what its ReplicaSets say
    /// (`pkg/controller/deployment/sync.go`, `calculateStatus`).
    pub fn deployment_misfit(&self, whole: &Value, at: Micros) -> Option<String> {
        if self.is_open {
            return None;
        }
        let [pods, ready, available, unavailable, updated] = fields(whole, OF_A_DEPLOYMENT);
        let copies = self.copies(at)?;
        let mut fitting = copies.iter().filter(|copy| adds_up(copy, whole)).peekable();
        if fitting.peek().is_none() {
            return Some(format!(
                "it counts {pods} pods, {ready} ready, {available} available, {unavailable} unavailable, which its ReplicaSets do not \
                 add up to"
            ));
        }
        let newest: Vec<Revision> = self.template.since(at - LAG_TIME).into_iter().map(Revision).collect();
        // While it is paused there may be no ReplicaSet of its template.
        let is_paused = whole["spec"]["paused"] == true;
        let is_counted = |copy: &Sets| {
            let counted = |revision: &Revision| copy.get(revision).map_or(0, |said| said[0]);
            newest.iter().any(|revision| counted(revision) == updated)
        };
        let is_counted = fitting.any(is_counted) || is_paused && updated == 0;
        (!is_counted).then(|| {
            format!("it counts {updated} pods of its template, which the ReplicaSet of that does not")
        })
    }

    /// What the ReplicaSets may say in the copy that a controller which writes at `at` has added up: what they said at one moment, as it
    /// hears of all of them in one order (API-33), beside one that it has made itself since then (`getNewReplicaSet`). None if the log
    /// does not show that order, and there are too many.
    fn copies(&self, at: Micros) -> Option<Vec<Sets>> {
        let mut heard = self.sets.since(at - LAG_TIME);
        if heard.is_empty() {
            heard.push(Sets::new());
        }
        if self.is_disordered {
            return any_of_each(&heard);
        }
        let mut copies = heard.clone();
        for (index, copy) in heard.iter().enumerate() {
            let later = heard[index + 1..].iter().flatten();
            let mut made = Sets::new();
            for (&revision, &said) in later.filter(|(revision, _)| !copy.contains_key(revision)) {
                made.entry(revision).or_insert(said);
            }
            copies.extend(made.into_iter().map(|(revision, said)| {
                let mut copy = copy.clone();
                copy.insert(revision, said);
                copy
            }));
        }
        Some(copies)
    }
}

/// Each ReplicaSet as it was at some moment, whichever.
fn any_of_each(heard: &[Sets]) -> Option<Vec<Sets>> {
    let revisions: BTreeSet<Revision> = heard.iter().flat_map(|sets| sets.keys().copied()).collect();
    let mut all = vec![Sets::new()];
    for revision in revisions {
        let options: BTreeSet<Option<[i64; 4]>> =
            heard.iter().map(|sets| sets.get(&revision).copied()).collect();
        if all.len() * options.len() > WAYS {
            return None;
        }
        let with = |sets: &Sets| {
            let sets = sets.clone();
            options.clone().into_iter().map(move |said| {
                let said = said.map(|said| (revision, said));
                sets.clone().into_iter().chain(said).collect::<Sets>()
            })
        };
        all = all.iter().flat_map(with).collect();
    }
    Some(all)
}

/// Is what a Deployment says the sum of what its ReplicaSets say?
fn adds_up(sets: &Sets, whole: &Value) -> bool {
    let [pods, ready, available, unavailable, _] = fields(whole, OF_A_DEPLOYMENT);
    let sum = sets.values().fold([0; 4], |sum, said| [0, 1, 2, 3].map(|index| sum[index] + said[index]));
    // Unavailable is what is wanted of them and not available.
    sum[..3] == [pods, ready, available] && (sum[3] - sum[2]).max(0) == unavailable
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// A ReplicaSet that has as many pods as it is to have, or a Deployment whose pods are all of its template.
    fn status([pods, ready, available]: [i64; 3]) -> Value {
        json!({"spec": {"replicas": pods}, "status": {"replicas": pods, "readyReplicas": ready, "availableReplicas": available,
            "unavailableReplicas": pods - available, "updatedReplicas": pods}})
    }

    /// A Deployment of which so many pods are of its template.
    fn deployment(counts: [i64; 3], updated: i64) -> Value {
        let mut whole = status(counts);
        whole["status"]["updatedReplicas"] = json!(updated);
        whole
    }

    #[test]
    fn a_deployment_adds_up_what_its_replica_sets_said_lately() {
        let mut counts = Counts::default();
        counts.note_set(Revision(0), &status([2, 2, 2]), 0, true);
        counts.note_set(Revision(1), &status([1, 0, 0]), 10 * LAG_TIME, true);
        counts.note_set(Revision(1), &status([1, 1, 1]), 10 * LAG_TIME + 2, true);
        counts.template.note(10 * LAG_TIME, 1);
        let misfit = |said, at| counts.deployment_misfit(&deployment(said, 1), at);
        let now = 10 * LAG_TIME + 3;
        assert_eq!(misfit([3, 3, 3], now), None);
        assert_eq!(misfit([3, 2, 2], now), None, "as it was a moment ago");
        assert!(misfit([3, 2, 2], now + 2 * LAG_TIME).is_some(), "as it was long ago");
        assert!(misfit([3, 3, 2], now).is_some(), "no ReplicaSet said so");
        assert!(misfit([9, 9, 9], now).is_some());
        let updated = |updated| counts.deployment_misfit(&deployment([3, 3, 3], updated), now + 2 * LAG_TIME);
        assert_eq!(
            [0, 1, 2].map(|count| updated(count).is_some()),
            [true, false, true],
            "one is of its template"
        );
        let mut whole = deployment([3, 3, 3], 1);
        whole["status"]["unavailableReplicas"] = json!(1);
        assert!(counts.deployment_misfit(&whole, now).is_some(), "as many are available as are wanted");
    }

    /// Its copy is of one moment, where the log shows in which order that was heard of.
    #[test]
    fn a_deployment_adds_up_what_its_replica_sets_said_at_one_moment() {
        let heard = |has_version: bool| {
            let mut counts = Counts::default();
            counts.note_set(Revision(0), &status([1, 1, 1]), 0, has_version);
            counts.note_set(Revision(1), &status([2, 2, 2]), 1, has_version);
            counts.note_set(Revision(0), &status([0, 0, 0]), 2, has_version);
            counts.note_set(Revision(1), &status([2, 1, 1]), 3, has_version);
            counts.template.note(0, 1);
            counts
        };
        let misfit = |counts: &Counts, said| counts.deployment_misfit(&deployment(said, 2), 4);
        for said in [[3, 3, 3], [2, 2, 2], [2, 1, 1]] {
            assert_eq!(misfit(&heard(true), said), None, "{said:?}");
        }
        assert!(misfit(&heard(true), [3, 2, 2]).is_some(), "the first was gone before the second was less");
        assert_eq!(misfit(&heard(false), [3, 2, 2]), None, "nobody knows");
    }

    #[test]
    fn a_deployment_without_replica_sets_counts_nothing() {
        let mut counts = Counts::default();
        counts.template.note(0, 0);
        let misfit = |said| counts.deployment_misfit(&deployment(said, 0), 1);
        assert_eq!(misfit([0, 0, 0]), None);
        assert!(misfit([1, 0, 0]).is_some());
    }

    /// Of a Deployment that is rolling out the log may show only the ReplicaSet that changes.
    #[test]
    fn what_may_not_be_all_that_there_is_has_to_add_up_first() {
        let mut counts = Counts { is_open: true, ..Counts::default() };
        counts.note_set(Revision(0), &status([2, 2, 2]), Micros::MIN, true);
        let misfit = |counts: &Counts, said| counts.deployment_misfit(&deployment(said, 2), 10 * LAG_TIME);
        assert_eq!(misfit(&counts, [3, 2, 2]), None, "there may be another");
        counts.note_deployment(&deployment([3, 2, 2], 2), 10 * LAG_TIME);
        assert_eq!(misfit(&counts, [3, 2, 2]), None);
        counts.note_deployment(&deployment([2, 2, 2], 2), 10 * LAG_TIME);
        assert!(misfit(&counts, [3, 2, 2]).is_some(), "there is none");
    }

    /// It counts its pods, creates what is missing, which takes its time, and writes what it has counted.
    #[test]
    fn a_status_is_of_before_the_creations_that_its_sync_has_waited_for() {
        let counts = |is_told: bool| {
            let mut counts = Counts::default();
            let pods = counts.pods.entry(Revision(0)).or_default();
            for (pod, at) in (1..).zip([0, 3, 7, 11]) {
                pods.note(at * LAG_TIME / 4, [pod, 0]);
            }
            if is_told {
                [0, 3, 7, 11]
                    .iter()
                    .for_each(|at| counts.note_sync(Revision(0), at * LAG_TIME / 4, at * LAG_TIME / 4 + 1));
            }
            counts
        };
        let (nothing, at) = (status([0, 0, 0]), 3 * LAG_TIME);
        assert!(counts(false).set_misfit(Revision(0), &nothing, at).is_some());
        assert_eq!(counts(true).set_misfit(Revision(0), &nothing, at), None);
        assert!(
            counts(true).set_misfit(Revision(0), &nothing, 5 * LAG_TIME).is_some(),
            "the sync is long over"
        );
        assert!(
            counts(true).set_misfit(Revision(0), &status([5, 0, 0]), at).is_some(),
            "so many there never were"
        );
        let mut written = counts(true);
        written.note_status(Revision(0));
        assert!(written.set_misfit(Revision(0), &nothing, at).is_some(), "that sync has written its status");
    }

    #[test]
    fn what_was_since_a_moment_begins_with_what_was_then() {
        let mut recent = Recent::default();
        for (at, value) in [(3, 1), (10, 2), (10, 2), (20, 3)] {
            recent.note(at, value);
        }
        assert_eq!(recent.since(0), [0, 1, 2, 3], "before there was nothing");
        assert_eq!(recent.since(5), [1, 2, 3]);
        assert_eq!(recent.since(10), [1, 2, 3], "what changes at that moment may not be seen yet");
        assert_eq!(recent.since(15), [2, 3]);
        assert_eq!(recent.since(99), [3]);
    }
}
