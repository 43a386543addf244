//! The EndpointSlices of a Service: one for each family of addresses, and more where one is full, or ports differ. The controller writes all that
//! differ when it looks at the Service, one after the other, of one copy of its pods (`pkg/controller/endpointslice/reconciler.go`,
//! `Reconcile`, for each address type). The model has what they show together, written at once: with the first of them. What is
//! left of the others by then is how they were, until they are written in turn.

use std::collections::BTreeMap;
use std::rc::Rc;

use podproof_model::Cluster;
use podproof_model::state::Endpoint;
use podproof_vocabulary::PodId;

use super::names::Names;
use crate::record::{Entry, Micros, SliceFacts};

/// The slices of a Service are written one right after the other: a client that is throttled, or an API server that is slow, takes
/// seconds.
const ONE_AFTER_THE_OTHER: Micros = 30_000_000;

/// A pod in a slice: its name, its UID, and how it stands there.
pub type Shown = (Rc<str>, Rc<str>, Endpoint);

/// What is known of a slice.
#[derive(Clone, Debug)]
struct View {
    /// `addressType`.
    family: Rc<str>,
    /// What it shows; none, if it was there before, and nothing has shown it yet.
    shows: Option<Vec<Shown>>,
}

/// What is known of the slices of a Service, by name.
#[derive(Clone, Debug, Default)]
pub struct Slices {
    views: BTreeMap<Rc<str>, View>,
    /// The write after which others were still to come.
    open: Option<(u64, Entry)>,
    /// The controller was kept from writing all.
    excused: bool,
}

/// What the other slices of its family say of the pods that a slice does not show.
#[derive(Clone, Debug, Default)]
pub struct Elsewhere {
    /// The pods that others show.
    pub shown: BTreeMap<PodId, Endpoint>,
    /// There are others.
    pub any: bool,
    /// What some of them show is not known.
    pub unknown: bool,
}

impl Slices {
    /// Of a Service that had these slices when it was seen first, each with its family.
    pub fn new(existed: &[(Rc<str>, Rc<str>)]) -> Self {
        let view = |(name, family): &(Rc<str>, Rc<str>)| {
            (Rc::clone(name), View { family: Rc::clone(family), shows: None })
        };
        Self { views: existed.iter().map(view).collect(), open: None, excused: false }
    }

    /// What the others of a family show.
    pub fn elsewhere(&self, names: &Names, name: &str, family: &str) -> Elsewhere {
        let others = self.views.iter().filter(|(other, view)| ***other != *name && *view.family == *family);
        let mut found = Elsewhere::default();
        for (_, view) in others {
            found.any = true;
            match &view.shows {
                None => found.unknown = true,
                Some(shown) => {
                    let own = |(name, uid, endpoint): &Shown| Some((names.pod(name, uid)?, *endpoint));
                    found.shown.extend(shown.iter().filter_map(own));
                }
            }
        }
        found
    }

    /// The `addressType` of the one of this name.
    pub fn family(&self, name: &str) -> Option<&str> {
        self.views.get(name).map(|view| &*view.family)
    }

    /// Is there one of this name?
    pub fn has(&self, name: &str) -> bool {
        self.views.contains_key(name)
    }

    /// Is it the only one?
    pub fn is_alone(&self, name: &str) -> bool {
        self.views.keys().all(|other| **other == *name)
    }

    /// A slice shows this now; nothing, if it was removed.
    pub fn note(&mut self, name: &Rc<str>, slice: &SliceFacts, shows: Option<Vec<Shown>>) {
        match shows {
            None => _ = self.views.remove(name),
            shows => {
                let view = View { family: Rc::clone(&slice.family), shows };
                self.views.insert(Rc::clone(name), view);
            }
        }
    }

    /// The controller was kept from writing some: a write failed, or it was stopped.
    pub fn excuse(&mut self) {
        self.excused = true;
    }

    /// Which of the slices is not as what they show together, `cluster`, and how; none, if all are, or if not all are known.
    pub fn misfit(&self, names: &Names, cluster: &Cluster<'_>) -> Option<String> {
        let mut families: Vec<&Rc<str>> = self.views.values().map(|view| &view.family).collect();
        families.sort();
        families.dedup();
        families.into_iter().find_map(|family| self.misfit_of(family, names, cluster))
    }

    fn misfit_of(&self, family: &str, names: &Names, cluster: &Cluster<'_>) -> Option<String> {
        let mut shown: BTreeMap<PodId, Endpoint> = BTreeMap::new();
        for (slice, view) in self.views.iter().filter(|(_, view)| *view.family == *family) {
            for (name, uid, endpoint) in view.shows.as_ref()? {
                let Some(pod) = names.pod(name, uid) else {
                    return Some(format!("{slice} still shows {name}, which is gone"));
                };
                if cluster.pod(pod).slice != *endpoint {
                    return Some(format!("{slice} shows {name} as others do not"));
                }
                shown.insert(pod, *endpoint);
            }
        }
        let is_left_out = |&pod: &PodId| {
            cluster.pod(pod).slice != Endpoint::new()
                && !shown.contains_key(&pod)
                && names.has_address_of(pod, family)
        };
        let left_out = cluster.pod_ids().find(is_left_out)?;
        Some(format!("no slice of {family} shows {}, and others do", names.pod_name(left_out)))
    }

    /// A slice was written by this entry: are others to follow?
    pub fn settle(&mut self, number: u64, entry: &Entry, names: &Names, cluster: &Cluster<'_>) {
        match self.views.len() > 1 && self.misfit(names, cluster).is_some() {
            true => self.open = Some((number, entry.clone())),
            false => (self.open, self.excused) = (None, false),
        }
    }

    /// The write after which others were to follow long before `at`, and did not.
    pub fn left_open(&self, at: Micros) -> Option<&(u64, Entry)> {
        let open = self.open.as_ref().filter(|_| !self.excused)?;
        (open.1.to.saturating_add(ONE_AFTER_THE_OTHER) < at).then_some(open)
    }

    /// Is the controller to write others before it looks at the Service anew?
    pub fn is_open(&self) -> bool {
        self.open.is_some() && !self.excused
    }
}
