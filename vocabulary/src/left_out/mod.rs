//! What the model does not represent, as data: each field, object or behaviour with the reason and the promises whose
//! verdict it could change. Warnings and reports are made from this table, and a test fails when a field of a manifest
//! kind that is read is neither represented nor here.

mod fields;
pub(crate) use fields::PROBED;
mod rows;

use crate::event::EventName;
use crate::property::Property;
use crate::scenario::{Scenario, WorkloadKind};

/// What a row is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A field of a manifest.
    Field,
    /// A kind of object.
    Object,
    /// Something that a cluster does.
    Behaviour,
}

/// Which scenarios a behaviour concerns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Concern {
    /// Those whose manifest sets the field or holds the object.
    WhenUsed,
    /// All.
    Always,
    /// Those with a Service.
    Service,
    /// Those with a headless Service.
    HeadlessService,
    /// Those with a Service that can be reached from outside.
    ExternalService,
    /// Those with a Deployment.
    Deployment,
    /// Those in which one of these may happen.
    Events(&'static [EventName]),
}

/// A row of the table.
#[derive(Debug, PartialEq)]
pub struct Row {
    /// The path of a field, such as `Pod.spec.volumes`; a kind; or a behaviour. In a path, `*.` stands for every kind,
    /// `Pod` also for the pod templates of Deployments and ReplicaSets, `containers[]` also for init containers and
    /// `*Probe` for the three probes; all that stands within the field is left out with it.
    pub what: &'static str,
    /// What it is about.
    pub kind: Kind,
    /// Why it is left out, or what is assumed in its place.
    pub reason: &'static str,
    /// The promises whose verdict it could change; none if no verdict depends on it.
    pub could_change: &'static [Property],
    /// Which scenarios it concerns.
    pub concerns: Concern,
    /// The manifest says that something must not happen, or not yet, and the model does it all the same: `holds` is not
    /// said of the promises whose verdict it could change.
    pub contradicts: bool,
    /// By what the manifest says something happens that does not in the model: `not-applicable` is not said either.
    pub adds: bool,
}

/// The table.
pub const ROWS: &[Row] = &rows::ALL;

impl Row {
    /// Its place in the table.
    pub fn position(&self) -> Option<usize> {
        ROWS.iter().position(|row| (row.kind, row.what) == (self.kind, self.what))
    }
}

/// The rows about fields.
pub fn fields() -> impl Iterator<Item = &'static Row> {
    ROWS.iter().filter(|row| row.kind == Kind::Field)
}

/// The row of the field with this path, or of a field that holds it.
pub fn field(path: &str) -> Option<&'static Row> {
    fields().find(|row| crate::manifest::is_within(path, row.what))
}

/// The row of a kind of object.
pub fn object(kind: &str) -> Option<&'static Row> {
    ROWS.iter().find(|row| row.kind == Kind::Object && row.what == kind)
}

/// The row of a behaviour.
pub fn behaviour(what: &str) -> Option<&'static Row> {
    ROWS.iter().find(|row| row.kind == Kind::Behaviour && row.what == what)
}

/// The behaviours that concern a scenario.
pub fn behaviours(scenario: &Scenario) -> impl Iterator<Item = &'static Row> {
    let service = scenario.service.as_ref();
    let concerns = move |row: &&Row| match row.concerns {
        Concern::WhenUsed => false,
        Concern::Always => true,
        Concern::Service => service.is_some(),
        Concern::HeadlessService => service.is_some_and(|service| service.headless),
        Concern::ExternalService => service.is_some_and(|service| service.external),
        Concern::Deployment => scenario.workload.kind == WorkloadKind::Deployment,
        Concern::Events(events) => events
            .iter()
            .any(|&event| scenario.events.count(event) > 0 || scenario.story.event() == Some(event)),
    };
    ROWS.iter().filter(|row| row.kind == Kind::Behaviour).filter(concerns)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::web;
    use crate::event::Story;

    #[test]
    fn behaviours_concern_the_scenarios_that_have_what_they_speak_of() {
        let mut scenario = web("x", Story::Create, 2, 2);
        let names = |scenario: &Scenario| behaviours(scenario).map(|row| row.what).collect::<Vec<_>>();
        assert!(names(&scenario).contains(&"established connections"));
        assert!(names(&scenario).contains(&"preemption"));
        assert!(!names(&scenario).contains(&"DNS records"));
        scenario.service = None;
        assert!(!names(&scenario).contains(&"established connections"));
        assert!(!names(&scenario).contains(&"reset of the restart back-off"));
        scenario.events.set(EventName::ContainerCrash, 1);
        assert!(names(&scenario).contains(&"reset of the restart back-off"));
        assert!(!names(&scenario).contains(&"new grace after a total outage"));
        scenario.story = Story::NodeFailure;
        assert!(names(&scenario).contains(&"new grace after a total outage"), "the story's own event");
    }

    #[test]
    fn every_row_gives_a_reason() {
        for row in ROWS {
            assert!(row.reason.len() > 15 && !row.reason.ends_with('.'), "{}: {}", row.what, row.reason);
        }
    }
}
