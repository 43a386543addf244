//! Which promises the command line asks for.

use clap::{Args, ValueEnum};
use podproof_vocabulary::Property;
use podproof_vocabulary::property::{Kind, PropertySet};

/// Which promises are judged, and which count.
#[derive(Debug, Args)]
#[command(next_help_heading = "Properties")]
pub struct PropertyArguments {
    /// Only this property; it counts even if it is only an expectation; may be repeated
    #[arg(long = "property", value_name = "NAME")]
    pub properties: Vec<Property>,

    /// Only promises of this kind; of two kinds only those that are of both
    #[arg(long, value_enum, value_name = "KIND")]
    pub only: Vec<Only>,

    /// Report this property, but do not count it for the exit status; may be repeated
    #[arg(long = "allow", value_name = "NAME")]
    pub allowed: Vec<Property>,
}

impl PropertyArguments {
    /// The promises that are judged.
    pub fn asked(&self) -> PropertySet {
        let named = match self.properties.is_empty() {
            true => PropertySet::of(Property::all()),
            false => PropertySet::of(self.properties.iter().copied()),
        };
        let is_of_kinds = |property: &Property| self.only.iter().all(|kind| kind.has(*property));
        PropertySet::of(named.iter().filter(is_of_kinds))
    }

    /// The promises that are judged, every one among them that is named.
    ///
    /// # Errors
    /// Which is named and of another kind than those that are asked for, a message each; or that there is none.
    pub fn judged(&self) -> Result<PropertySet, Vec<String>> {
        let asked = self.asked();
        let lost = PropertySet::of(self.properties.iter().copied().filter(|&named| !asked.contains(named)));
        let says = |property: Property| {
            format!(
                "--property {property} is not of every kind that --only names; accepted is one that is, or less of --only"
            )
        };
        match lost.iter().map(says).collect::<Vec<_>>() {
            lost if !lost.is_empty() => Err(lost),
            _ if asked.is_empty() => {
                Err(vec!["no promise that is asked for is of every kind that --only names".into()])
            }
            _ => Ok(asked),
        }
    }

    /// Does this promise count for the exit status?
    pub fn count(&self, property: Property) -> bool {
        let is_named = self.properties.contains(&property);
        !self.allowed.contains(&property) && (is_named || !property.facts().expectation)
    }
}

/// A kind of promise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Only {
    /// Something bad never happens.
    Safety,
    /// Something good comes in the end.
    Progress,
    /// It is about latencies.
    Timed,
    /// It is not about latencies.
    Untimed,
}

impl Only {
    fn has(self, property: Property) -> bool {
        let facts = property.facts();
        match self {
            Self::Safety => facts.kind == Kind::Safety,
            Self::Progress => facts.kind == Kind::Liveness,
            Self::Timed => facts.timed,
            Self::Untimed => !facts.timed,
        }
    }
}
