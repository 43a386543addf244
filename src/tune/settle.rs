//! Settling one field after the other, those that come later at their greatest values.
//!
//! A value counts only if the check of it says something: the promises speak of nothing where no pod is there, or where the story
//! never comes to what they are about. What has to be reached is what the command line names, and what belongs to the life of every
//! workload and was reached with another value or in the manifest as it is.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use podproof_vocabulary::Property;
use podproof_vocabulary::manifest::left_out_field;
use podproof_vocabulary::property::PropertySet;

use super::human::verdict;
use super::parameter::Parameter;
use super::smallest::{Smallest, greatest_accepted, smallest};
use super::{Proof, Settled, Tuned};
use crate::edits::{Edit, Texts};
use crate::plan::Workload;
use crate::trial::{Trials, Tried};

/// What happens to every workload that is there: a change that avoids it proves nothing.
const OF_LIFE: [Property; 13] = [
    Property::NoTrafficAfterSigterm,
    Property::NoFailedRequest,
    Property::NoAvoidableBlackout,
    Property::ReadyMeansReady,
    Property::PlacementLawful,
    Property::RolloutWithinBounds,
    Property::StoppedBeforeGone,
    Property::GraceHonoured,
    Property::SandboxHoldsNamespaces,
    Property::ScheduledIfFeasible,
    Property::RolloutCompletes,
    Property::DeletionCompletes,
    Property::EndpointsConverge,
];

/// The fields with what is known of them.
pub struct Settling<'a> {
    texts: Texts<'a>,
    workload: &'a Workload,
    trials: Trials<'a>,
    parameters: Vec<Parameter>,
    /// The value that each has now.
    values: Vec<u32>,
    /// Which of them are not set, as in the manifest.
    unset: Vec<bool>,
    /// The promises that have to hold.
    judged: PropertySet,
    /// Those whose premise has to be reached, whatever was seen.
    required: PropertySet,
    /// Those whose premise was reached with some values.
    reached: PropertySet,
    /// No container may get SIGKILL.
    spares: bool,
}

/// Why no value is found: the check of one was not decided.
struct Undecided(String);

impl<'a> Settling<'a> {
    /// The fields, each at its greatest value; of `required` the premise has to be reached.
    pub fn new(
        texts: Texts<'a>,
        workload: &'a Workload,
        trials: Trials<'a>,
        parameters: Vec<Parameter>,
        (tuned, required): (&Tuned, PropertySet),
    ) -> Self {
        let values = parameters.iter().map(|parameter| parameter.to).collect();
        let unset = vec![false; parameters.len()];
        let (judged, spares) = (tuned.judged, tuned.spares_containers);
        let required = required.intersection(judged);
        Self {
            texts,
            workload,
            trials,
            parameters,
            values,
            unset,
            judged,
            required,
            reached: PropertySet::NONE,
            spares,
        }
    }

    /// Settles all fields, and proves them together; `keep` is told of each.
    ///
    /// # Errors
    /// Why a field cannot be tuned.
    pub fn settle(
        mut self,
        tuned: &mut Tuned,
        mut keep: impl FnMut(&mut Tuned, &mut Settled),
    ) -> Result<(), String> {
        self.refuse_twice()?;
        for place in 0..self.parameters.len() {
            let mut settled = self.field(place, tuned)?;
            tuned.approximations = self.trials.approximations();
            keep(tuned, &mut settled);
            let is_found = settled.value.is_some();
            tuned.settled.push(settled);
            if !is_found {
                return Ok(());
            }
        }
        self.prove(tuned)
    }

    /// Refuses a field that is named twice, by whichever names.
    fn refuse_twice(&self) -> Result<(), String> {
        let mut known: BTreeMap<_, &Parameter> = BTreeMap::new();
        for parameter in &self.parameters {
            // A path that leads nowhere is refused where its values are.
            let Ok(resolved) = self.texts.resolved(&parameter.path) else { continue };
            if let Some(other) = known.insert(resolved, parameter) {
                let (one, two) = (&other.path, &parameter.path);
                return Err(format!("{one} and {two} are one field; accepted is each field once"));
            }
        }
        Ok(())
    }

    fn field(&mut self, place: usize, tuned: &mut Tuned) -> Result<Settled, String> {
        let parameter = self.parameters[place].clone();
        let mut tried: BTreeMap<u32, Tried> = BTreeMap::new();
        // What cannot be changed in the text is no value that the API refuses.
        let change = [parameter.to, parameter.from].into_iter().find_map(|value| parameter.edit(value));
        if let Some(Err(why)) = change.map(|change| self.texts.edited(&[change])) {
            return Err(refused(&parameter, &why));
        }
        let accepted = greatest_accepted(parameter.from, parameter.to, parameter.now, |value| {
            self.values[place] = value;
            let refusal = self.refusal(place);
            let is_refused = refusal.is_some();
            tried.extend(refusal.map(|why| (value, Tried::Refused(why))));
            is_refused
        });
        let Some(accepted) = accepted else {
            let why = tried.values().rev().find_map(|tried| match tried {
                Tried::Refused(why) => Some(why.as_str()),
                _ => None,
            });
            return Err(refused(&parameter, why.unwrap_or("nobody says why")));
        };
        self.refuse_unread(place, accepted)?;
        let mut has_looked = false;
        let Smallest { value, is_jagged } = loop {
            let needed = self.needed();
            let found = smallest(parameter.from, accepted, parameter.now, |value| {
                self.holds(place, value, &mut tried)
            });
            let (found, undecided) = match found {
                Ok(found) => (found, None),
                // The least that was found to hold is one that does, whether or not a smaller one does too.
                Err(Undecided(why)) => {
                    let held = tried.iter().find(|(_, came)| self.counts(came));
                    (Smallest { value: held.map(|(value, _)| *value), is_jagged: false }, Some(why))
                }
            };
            let is_idle = |value: u32| {
                let idle = tried.get(&value).map(|tried| self.idle_in_life(tried));
                idle.is_some_and(|idle| !idle.is_empty())
            };
            // Is it so in the manifest as it is?
            if !has_looked && found.value.is_some_and(is_idle) {
                has_looked = true;
                let tried = self.trials.run(&[]);
                self.note(&tried);
            }
            if needed == self.needed() {
                let undecided = undecided.map(|why| format!("{}: {why}", parameter.says));
                tuned.undecided = tuned.undecided.take().or(undecided);
                break found;
            }
        };
        let all_hold = value.is_some() && accepted_of(&tried).all(|tried| self.counts(tried));
        let may_stay = |now: u32| all_hold || (parameter.is_kept && value.is_some_and(|value| value < now));
        let own = parameter.now.filter(|now| may_stay(*now));
        let own = own.filter(|now| {
            self.values[place] = *now;
            self.refusal(place).is_none() && matches!(self.holds(place, *now, &mut tried), Ok(true))
        });
        self.values[place] = own.or(value).unwrap_or(parameter.to);
        if all_hold && parameter.now.is_none() {
            self.unset[place] = true;
            let came = self.trials.run(&self.edits());
            self.note(&came);
            self.unset[place] = self.counts(&came);
        }
        // Where the manifest as it is does not hold, something depends on the field; and what one value says is little.
        let kept = own.filter(|own| Some(*own) != value);
        let is_alone = accepted_of(&tried).count() == 1;
        let all_hold = all_hold && (self.unset[place] || (own.is_some() && !is_alone));
        let idle = tried.iter().map(|(value, tried)| (*value, self.missed(tried)));
        let idle = idle.filter(|(_, missed)| !missed.is_empty()).collect();
        let is_unset = self.unset[place];
        Ok(Settled {
            parameter,
            value,
            kept,
            is_unset,
            all_hold,
            accepted,
            is_jagged,
            tried,
            idle,
            trace: None,
        })
    }

    /// Why the field cannot have its value.
    fn refusal(&self, place: usize) -> Option<String> {
        let workload = match self.trials.edited(&self.edits()) {
            Ok(workload) => workload,
            Err(why) => return Some(why),
        };
        let (checked, replicas) = (u32::from(workload.checked_replicas), workload.manifest_replicas);
        let is_cut = self.parameters[place].path.to_string() == "spec.replicas" && checked < replicas;
        is_cut.then(|| {
            format!("checked at {checked}, not at {replicas}; accepted is --replicas {replicas} with it")
        })
    }

    /// Refuses a field of which nothing that is searched depends.
    fn refuse_unread(&mut self, place: usize, accepted: u32) -> Result<(), String> {
        let Parameter { from, path, .. } = self.parameters[place].clone();
        let values = match from == accepted {
            true => [Some(from), from.checked_add(1), from.checked_sub(1)].into_iter().flatten().collect(),
            false if accepted - from < 32 => (from..=accepted).collect(),
            false => vec![from, from + 1, from + (accepted - from) / 2, accepted],
        };
        let mut worlds = Vec::new();
        for value in values {
            self.values[place] = value;
            worlds.extend(self.trials.worlds(&self.edits()));
        }
        self.values[place] = accepted;
        if worlds.len() < 2 || worlds.iter().any(|world| *world != worlds[0]) {
            return Ok(());
        }
        let row = left_out_field(self.workload.scenarios[0].workload.kind.name(), &path);
        let because = row.map_or_else(String::new, |row| format!(" ({})", row.reason));
        Err(format!(
            "{path}: nothing that is searched depends on it{because}, so no value of it proves anything; accepted is a field \
             that the model reads"
        ))
    }

    /// The changes that give the fields their values.
    fn edits(&self) -> Vec<Edit> {
        self.parameters
            .iter()
            .zip(&self.values)
            .zip(&self.unset)
            .filter(|(_, is_unset)| !**is_unset)
            .filter_map(|((parameter, value), _)| parameter.edit(*value))
            .collect()
    }

    fn holds(
        &mut self,
        place: usize,
        value: u32,
        tried: &mut BTreeMap<u32, Tried>,
    ) -> Result<bool, Undecided> {
        if let Entry::Vacant(untried) = tried.entry(value) {
            self.values[place] = value;
            let came = self.trials.run(&self.edits());
            self.note(&came);
            untried.insert(came);
        }
        match &tried[&value] {
            came @ Tried::Holds { .. } => Ok(self.counts(came)),
            Tried::Broken(_) | Tried::Refused(_) => Ok(false),
            Tried::Undecided(why) => {
                let value = self.parameters[place].value(value);
                Err(Undecided(format!("{value}: {why}")))
            }
        }
    }

    /// Does everything hold, and does that say something?
    fn counts(&self, tried: &Tried) -> bool {
        let Tried::Holds { kills, unended, .. } = tried else { return false };
        !(self.spares && *kills) && unended.is_empty() && self.missed(tried).is_empty()
    }

    /// Notes which premises were reached.
    fn note(&mut self, tried: &Tried) {
        match tried {
            Tried::Holds { reached, .. } => self.reached = self.reached.union(*reached),
            Tried::Broken(broken) => self.reached = self.reached.with(broken.property),
            Tried::Refused(_) | Tried::Undecided(_) => {}
        }
    }

    /// The promises whose premise has to be reached, as far as is known.
    fn needed(&self) -> PropertySet {
        self.required.union(self.reached.intersection(PropertySet::of(OF_LIFE)))
    }

    /// The promises of which a trial says nothing although it has to.
    fn missed(&self, tried: &Tried) -> PropertySet {
        match tried {
            Tried::Holds { reached, .. } if reached.is_empty() => self.judged,
            Tried::Holds { reached, .. } => self.needed().without(*reached),
            _ => PropertySet::NONE,
        }
    }

    /// The promises about every workload's life of which a trial says nothing.
    fn idle_in_life(&self, tried: &Tried) -> PropertySet {
        match tried {
            Tried::Holds { reached, .. } => {
                self.judged.without(*reached).intersection(PropertySet::of(OF_LIFE))
            }
            _ => PropertySet::NONE,
        }
    }

    /// Checks the manifest with all that is proposed, as a patch gives it.
    fn prove(mut self, tuned: &mut Tuned) -> Result<(), String> {
        let edits = self.edits();
        let proof = self.trials.run(&edits);
        self.note(&proof);
        tuned.approximations = self.trials.approximations();
        match &proof {
            Tried::Holds { reached, warnings, .. } => {
                tuned.heading.warnings.extend(warnings.iter().cloned());
                if !self.counts(&proof) {
                    let missed = self.missed(&proof);
                    tuned.proof = Proof::Fails(verdict(&proof, missed, self.spares, true));
                    return Ok(());
                }
                tuned.proof = Proof::Holds { idle: self.judged.without(*reached) };
                let (before, after) = (self.trials.edited(&[])?, self.trials.edited(&edits)?);
                // What the manifest has by default is not written into it.
                if before.scenarios != after.scenarios {
                    tuned.patch = Some(self.texts.patch(&edits)?);
                }
                tuned.assume(&after);
            }
            Tried::Undecided(why) => {
                tuned.undecided = Some(format!("the manifest with all of these values: {why}"));
            }
            Tried::Broken(_) | Tried::Refused(_) => {
                tuned.proof = Proof::Fails(verdict(&proof, PropertySet::NONE, self.spares, true));
            }
        }
        Ok(())
    }
}

/// What came of the values that were tried and are not refused.
fn accepted_of(tried: &BTreeMap<u32, Tried>) -> impl Iterator<Item = &Tried> {
    tried.values().filter(|tried| !matches!(tried, Tried::Refused(_)))
}

/// Why no value of a field can be tried.
fn refused(Parameter { path, from, to, .. }: &Parameter, why: &str) -> String {
    format!("{path}={from}..{to}: no value that was tried is accepted: {why}")
}
