//! Something that was seen of a process by itself, and not by the store: by its container runtime, its processes, its rules.

use podproof_model::Cluster;
use podproof_model::state::Worker;
use podproof_vocabulary::action::{Action, Container, Environment, Kubelet};
use podproof_vocabulary::{ContainerId, PodId};

use crate::record::{Micros, Place};

/// A condition on a state.
pub type Condition = Box<dyn Fn(&Cluster<'_>) -> bool>;

/// A condition on a step in a state.
pub type Choice = Box<dyn Fn(&Cluster<'_>, &Action) -> bool>;

/// Something that was seen of this process, by itself and not by the store.
pub struct Sighting {
    /// The entry's number.
    pub entry: u64,
    /// Where it stands.
    pub place: Place,
    /// What it says.
    pub says: String,
    /// When.
    pub at: Micros,
    /// Which file it is from: sightings of one file keep their order.
    pub source: u8,
    /// The steps that show in this way, any of them.
    pub actions: Vec<Action>,
    /// In which states a step can show in this way; none is in all.
    pub only: Option<Choice>,
    /// Or it shows what is so already.
    pub already: Option<Condition>,
    /// How it is after the step.
    pub after: Option<Condition>,
    /// The pod that it is about.
    pub about: Option<PodId>,
}

impl Sighting {
    /// Is it too late for it, whatever comes? It shows what a process does, or what is done to it; and who has ended does not start again
    /// once its pod is being stopped for good.
    pub fn is_missed(&self, cluster: &Cluster<'_>) -> bool {
        let has_ended = |action: &Action| {
            process_of(action).is_some_and(|(pod, container)| {
                let worker = cluster.pod(pod).kubelet.worker();
                matches!(worker, Worker::Terminating | Worker::Terminated | Worker::Finished)
                    && !cluster.container(pod, container).is_running()
            })
        };
        !self.actions.is_empty()
            && self.actions.iter().all(has_ended)
            && self.already.as_ref().is_none_or(|already| !already(cluster))
    }
}

/// The container whose process has to run for this step.
fn process_of(action: &Action) -> Option<(PodId, ContainerId)> {
    match *action {
        Action::Kubelet(
            Kubelet::SendSigterm { pod, container } | Kubelet::SendSigkill { pod, container },
        )
        | Action::Container(Container::Listen { pod, container } | Container::Exit { pod, container })
        | Action::Environment(
            Environment::CrashContainer { pod, container } | Environment::FinishContainer { pod, container },
        ) => Some((pod, container)),
        _ => None,
    }
}

/// Sightings from different files that are less apart than this may have happened in either order.
pub const SLACK: Micros = 200_000;

/// So many sightings a process leaves open at most; then it meets the first before its time.
pub const OPEN: usize = 120;

/// What was seen of a process, in order of time. Which of it a state has met is a bit each.
#[derive(Default)]
pub struct Sightings {
    all: Vec<Sighting>,
}

impl Sightings {
    /// The sighting of this number.
    pub fn get(&self, index: usize) -> &Sighting {
        &self.all[index]
    }

    /// All of them with their numbers.
    pub fn iter(&self) -> impl Iterator<Item = (usize, &Sighting)> {
        self.all.iter().enumerate()
    }

    /// The entry that shows one of them, the first in the log.
    pub fn first_entry(&self) -> Option<u64> {
        self.all.iter().map(|sighting| sighting.entry).min()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.all.len()
    }

    /// Is there none?
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// Takes one more to its place in time, which is returned.
    pub fn insert(&mut self, sighting: Sighting) -> usize {
        let place = self.all.partition_point(|other| other.at <= sighting.at);
        self.all.insert(place, sighting);
        place
    }

    /// The first is over.
    pub fn remove_first(&mut self) -> Sighting {
        self.all.remove(0)
    }

    /// May this one be met next by who has met these? Those of one file come in order, and none before another that was
    /// clearly earlier.
    pub fn is_next(&self, met: u128, index: usize) -> bool {
        let this = &self.all[index];
        let earlier = |other: &Sighting| other.source == this.source || other.at + SLACK < this.at;
        let open = |other: usize| met >> other & 1 == 0;
        open(index) && (0..index).all(|other| !open(other) || !earlier(&self.all[other]))
    }

    /// Is it too late in this state for something that who has met these has passed over?
    pub fn is_missed(&self, met: u128, cluster: &Cluster<'_>) -> bool {
        let passed = self.iter().take((u128::BITS - met.leading_zeros()) as usize);
        let mut open = passed.filter(|(index, _)| met >> index & 1 == 0);
        open.any(|(_, sighting)| sighting.is_missed(cluster))
    }

    /// Has who has met these met all that was seen before `deadline`?
    pub fn are_met_until(&self, met: u128, deadline: Micros) -> bool {
        self.iter().all(|(index, sighting)| sighting.at >= deadline || met >> index & 1 == 1)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use podproof_model::Model;
    use podproof_vocabulary::catalogue::web;
    use podproof_vocabulary::event::Story;
    use podproof_vocabulary::observation::Process;

    use super::*;

    /// An application tells of one of these steps.
    pub fn seen(entry: u64, at: Micros, actions: Vec<Action>) -> Sighting {
        Sighting {
            entry,
            place: Place { file: "app.jsonl".into(), line: entry },
            says: String::new(),
            at,
            source: 0,
            actions,
            only: None,
            already: None,
            after: None,
            about: None,
        }
    }

    #[test]
    fn who_has_ended_for_good_gets_no_signal_any_more() {
        let model = Model::new(web("missed", Story::Create, 1, 1)).expect("a world that fits");
        let mut state = model.initial().swap_remove(0);
        let mut cluster = Cluster::new(&model.rules, &mut state);
        let (pod, container) = (PodId(0), ContainerId(0));
        let mut all = Sightings::default();
        all.insert(seen(1, 1, vec![Action::Kubelet(Kubelet::SendSigterm { pod, container })]));
        all.insert(seen(2, 2, vec![Action::Container(Container::Exit { pod, container })]));
        for (worker, process, is_missed) in [
            (Worker::Sync, Process::ExitedOk, false),
            (Worker::Terminating, Process::Running, false),
            (Worker::Terminating, Process::ExitedOk, true),
            (Worker::Finished, Process::Absent, true),
        ] {
            cluster.pod_mut(pod).kubelet.set_worker(worker);
            cluster.container_mut(pod, container).set_process(process);
            assert_eq!(all.is_missed(0b10, &cluster), is_missed, "{worker:?} {process:?}");
            assert!(!all.is_missed(0b01, &cluster), "what is still to come was not passed over");
            assert!(!all.is_missed(0b11, &cluster), "all was met");
        }
    }
}
