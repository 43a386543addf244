//! When an object came and went, and whether what is seen of it is news.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use crate::record::Object;

/// An entry, by its number in the log, from 0, in the order in which the surveyor saw them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Moment(pub u64);

/// A time of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// The entry that shows its beginning; the first of all if it began before the log.
    pub from: Moment,
    /// The entry that shows its end; none if the log shows none.
    pub to: Option<Moment>,
}

impl Span {
    /// Is the entry in it?
    pub fn contains(self, at: Moment) -> bool {
        self.from <= at && self.to.is_none_or(|to| at < to)
    }

    /// Have the two an entry in common?
    pub fn overlaps(self, other: Self) -> bool {
        self.to.is_none_or(|to| other.from < to) && other.to.is_none_or(|to| self.from < to)
    }
}

/// How an entry shows an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sight {
    /// It is new.
    Created,
    /// It is there, and has just been written.
    Found,
    /// It is there, in a list of all that is.
    Listed,
    /// It is there, and its removal has just been asked for.
    Deleting,
    /// It has just been removed.
    Gone,
}

/// What the log shows of the life of an object.
#[derive(Clone, Debug)]
pub(super) struct Life {
    /// The entry that shows it first.
    pub first: Moment,
    /// No entry shows its creation.
    pub existed: bool,
    /// How it was seen first.
    pub sight: Sight,
    /// The entry that shows its removal.
    pub gone: Option<Moment>,
    /// The newest `metadata.resourceVersion` that was seen.
    version: u64,
}

impl Life {
    pub fn new(at: Moment, sight: Sight) -> Self {
        let existed = sight != Sight::Created;
        Self { first: at, existed, sight, gone: None, version: 0 }
    }

    /// Takes note of one more sight of the object. False if it is older than what was seen before, as two sources of one
    /// log tell the same at different times.
    pub fn is_news(&mut self, at: Moment, sight: Sight, object: &Object) -> bool {
        if sight == Sight::Created {
            self.existed = false;
        }
        if self.gone.is_some() {
            return false;
        }
        if sight == Sight::Gone {
            self.gone = Some(at);
        }
        let version = object.whole["metadata"]["resourceVersion"].as_str().and_then(|text| text.parse().ok());
        let is_news = version.is_none_or(|version| version >= self.version);
        self.version = self.version.max(version.unwrap_or(0));
        is_news
    }

    /// From when to when it was there.
    pub fn span(&self) -> Span {
        Span { from: if self.existed { Moment::default() } else { self.first }, to: self.gone }
    }
}

/// The records of all objects of a kind.
#[derive(Debug)]
pub(super) struct Register<T> {
    /// By UID; of an object without one, by its name.
    pub by_uid: BTreeMap<Rc<str>, T>,
    /// The last UID that had a namespace and name.
    latest: BTreeMap<(Rc<str>, Rc<str>), Rc<str>>,
    /// Namespaces and names that several UIDs had, one after the other.
    reused: BTreeSet<(Rc<str>, Rc<str>)>,
}

impl<T> Default for Register<T> {
    fn default() -> Self {
        Self { by_uid: BTreeMap::new(), latest: BTreeMap::new(), reused: BTreeSet::new() }
    }
}

impl<T> Register<T> {
    /// The record of an object; `new` makes the first.
    pub fn entry(&mut self, object: &Object, new: impl FnOnce() -> T) -> &mut T {
        let uid = uid_of(object);
        let name = (Rc::clone(&object.namespace), Rc::clone(&object.name));
        if self.latest.get(&name) != Some(&uid) && self.latest.insert(name.clone(), Rc::clone(&uid)).is_some()
        {
            self.reused.insert(name);
        }
        self.by_uid.entry(uid).or_insert_with(new)
    }

    /// Have several objects had this name, one after the other?
    pub fn is_reused(&self, namespace: &Rc<str>, name: &Rc<str>) -> bool {
        self.reused.contains(&(Rc::clone(namespace), Rc::clone(name)))
    }

    /// The record of the object that had a name last.
    pub fn named(&mut self, namespace: &Rc<str>, name: &Rc<str>) -> Option<&mut T> {
        let uid = self.latest.get(&(Rc::clone(namespace), Rc::clone(name)))?;
        self.by_uid.get_mut(uid)
    }
}

/// By what an object is known.
pub(super) fn uid_of(object: &Object) -> Rc<str> {
    match &*object.uid {
        "" => format!("{}/{}", object.namespace, object.name).into(),
        _ => Rc::clone(&object.uid),
    }
}
