//! Something that was seen of a process by itself, and not by the store: by its container runtime, its processes, its rules.

use podproof_model::Cluster;
use podproof_vocabulary::PodId;
use podproof_vocabulary::action::Action;

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

    /// Has who has met these met all that was seen before `deadline`?
    pub fn are_met_until(&self, met: u128, deadline: Micros) -> bool {
        self.iter().all(|(index, sighting)| sighting.at >= deadline || met >> index & 1 == 1)
    }
}
