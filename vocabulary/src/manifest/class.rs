//! The Services that send to one container of a workload and differ in nothing but their names: what is searched for them is the same.

use super::neighbours::Ties;
use super::service::{ENDED, ParsedService};
use super::workload::Parsed;
use super::{Warning, asked, beside};
use crate::left_out;

/// The name of a class of several, with the container that serves where one Service sends to more than one.
pub fn behind(name: &str, own: &Parsed<'_>, class: &Class<'_, '_>, classes: &[Class<'_, '_>]) -> String {
    let known = classes.iter().filter(|other| other.name() == class.name()).count();
    let container = own.workload.template.containers.get(usize::from(class.serving));
    match container.filter(|_| known > 1) {
        Some(container) => format!("{name} behind Service/{}, container {}", class.name(), container.name),
        None => format!("{name} behind Service/{}", class.name()),
    }
}

/// What is to be known of a search.
#[derive(Default)]
pub struct Notes {
    /// What is left out.
    pub rows: Vec<&'static left_out::Row>,
    /// What is assumed.
    pub assumptions: Vec<String>,
    /// What the reader should know.
    pub warnings: Vec<Warning>,
}

/// Services that differ in nothing but their names.
pub struct Class<'w, 'o> {
    /// They; none if nothing is sent.
    pub services: Vec<&'w ParsedService<'o>>,
    /// The container that they send to.
    pub serving: u8,
    /// What ties the other workloads of the input to it.
    pub ties: Vec<Ties>,
}

impl<'w, 'o> Class<'w, 'o> {
    /// One of them, of which all is so that is checked.
    pub fn service(&self) -> Option<&'w ParsedService<'o>> {
        self.services.first().copied()
    }

    /// The name of the first.
    pub fn name(&self) -> String {
        self.service().map(|service| service.object.name.clone()).unwrap_or_default()
    }

    /// The names of all.
    pub fn names(&self) -> Vec<String> {
        self.services.iter().map(|service| service.object.name.clone()).collect()
    }

    /// What is to be known of the container that it sends to.
    pub fn notes(&self, own: &Parsed<'_>) -> Notes {
        let mut notes = Notes::default();
        let Some(service) = self.service() else { return notes };
        let warning = |says: String| Warning {
            place: Some(own.object.place(own.object.tree.mark)),
            says: format!("{}: {says}", own.object.title()),
        };
        match asked::late(own, self.serving, &self.services) {
            Some(asked::Late::Elsewhere(says)) => {
                notes.rows.extend(left_out::behaviour(asked::ASKED));
                notes.warnings.push(warning(says));
            }
            Some(asked::Late::Assumed(says)) => notes.assumptions.push(says),
            None => {}
        }
        if service.service.publish_not_ready_addresses {
            notes.rows.extend(left_out::behaviour(ENDED));
        }
        if beside::has_others(own, self.serving) {
            notes.rows.extend(left_out::behaviour(beside::BESIDE));
            notes.warnings.extend(beside::stop_first(own, self.serving).map(warning));
        }
        notes
    }

    /// The port of that container.
    pub fn target_of(&self, own: &Parsed<'_>) -> Option<u16> {
        self.service()?.target_of(own.workload.template.containers.get(usize::from(self.serving))?)
    }
}
