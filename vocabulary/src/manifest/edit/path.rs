//! The path of a field: `spec.template.spec.containers[web].lifecycle.preStop.sleep.seconds`.

use std::fmt;
use std::str::FromStr;

/// A step of a path.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Key {
    /// The value of this key.
    Field(String),
    /// The item of this number, the first being 0.
    Index(usize),
    /// The item whose `name` is this.
    Named(String),
    /// One more item, before the first; only to be set.
    Front,
}

/// The path of a field in its object.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct FieldPath(pub Vec<Key>);

impl FieldPath {
    /// The path of a field of this one.
    #[must_use]
    pub fn field(&self, name: &str) -> Self {
        let fields = name.split('.').map(|name| Key::Field(name.to_owned()));
        Self(self.0.iter().cloned().chain(fields).collect())
    }

    /// The path of the item of this number in this list, the first being 0.
    #[must_use]
    pub fn item(&self, number: usize) -> Self {
        Self(self.0.iter().cloned().chain([Key::Index(number)]).collect())
    }

    /// The path of one more item of this list, before the first.
    #[must_use]
    pub fn front(&self) -> Self {
        Self(self.0.iter().cloned().chain([Key::Front]).collect())
    }

    /// The path of the item of this name in this list.
    #[must_use]
    pub fn named(&self, name: &str) -> Self {
        Self(self.0.iter().cloned().chain([Key::Named(name.to_owned())]).collect())
    }
}

impl fmt::Display for FieldPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, key) in self.0.iter().enumerate() {
            match key {
                Key::Field(name) if place == 0 => f.write_str(name)?,
                Key::Field(name) => write!(f, ".{name}")?,
                Key::Index(number) => write!(f, "[{number}]")?,
                Key::Named(name) => write!(f, "[{name}]")?,
                Key::Front => f.write_str("[+]")?,
            }
        }
        Ok(())
    }
}

impl FromStr for FieldPath {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let refused = || {
            format!(
                "'{text}' is no path of a field; accepted is for example spec.template.spec.containers[0].name"
            )
        };
        let mut keys = Vec::new();
        for part in text.split('.') {
            let (name, mut rest) = part.split_at(part.find('[').unwrap_or(part.len()));
            if name.is_empty() || name.contains(']') {
                return Err(refused());
            }
            keys.push(Key::Field(name.to_owned()));
            while let Some(more) = rest.strip_prefix('[') {
                let (item, after) = more.split_once(']').ok_or_else(refused)?;
                keys.push(match item.parse() {
                    Ok(number) => Key::Index(number),
                    Err(_) if item.is_empty() => return Err(refused()),
                    Err(_) => Key::Named(item.to_owned()),
                });
                rest = after;
            }
            if !rest.is_empty() {
                return Err(refused());
            }
        }
        Ok(Self(keys))
    }
}
