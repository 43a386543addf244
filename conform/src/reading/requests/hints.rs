//! What later requests tell of an object that was created without an answer: the name that it was given, its UID, and its spec with
//! what the API server has filled in. What an event waits for its turn is as far as this looks.

use std::collections::BTreeMap;
use std::rc::Rc;

use super::Key;
use crate::record::Micros;

/// Letters that the end of a generated name is made of, and how many (`staging/src/k8s.io/apiserver/pkg/storage/names/generate.go`,
/// `staging/src/k8s.io/apimachinery/pkg/util/rand/rand.go`).
const LETTERS: &str = "bcdfghjklmnpqrstvwxz2456789";
const LENGTH: usize = 5;

/// What stands in place of the end of a generated name that no request tells.
pub(in crate::reading) const UNKNOWN: char = '?';

/// How sure a request is a sign that its object is a new one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::reading) enum Newness {
    /// The scheduler, or the first status of a kubelet, speaks of nothing else.
    Sure,
    /// It may have been there for long.
    Likely,
    /// It says nothing of that.
    Unsaid,
}

/// What a request tells of the object that it names.
#[derive(Clone, Debug)]
pub(in crate::reading) struct Hint {
    /// The object.
    pub(in crate::reading) key: Key,
    /// When the request was received.
    pub(in crate::reading) from: Micros,
    /// Its UID.
    pub(in crate::reading) uid: Option<Rc<str>>,
    /// The node that it is bound to.
    pub(in crate::reading) node: Option<Rc<str>>,
    /// A sign that it is new.
    pub(in crate::reading) newness: Newness,
    /// The event, if the object stands in it whole, as it was stored.
    pub(in crate::reading) whole: Option<Rc<[u8]>>,
    /// It has no answer, so hints are needed.
    pub(in crate::reading) is_needed: bool,
}

/// An object that requests have named.
#[derive(Debug)]
struct Named {
    first: Micros,
    last: Micros,
    newness: Newness,
    node: Option<Rc<str>>,
    /// Its UIDs, one after the other, with when each was told first.
    uids: Vec<(Micros, Rc<str>)>,
    wholes: Vec<(Micros, Rc<[u8]>)>,
}

/// All hints that may still be needed.
#[derive(Debug, Default)]
pub(super) struct Hints {
    named: BTreeMap<Key, Named>,
    /// When old ones were last let go.
    swept: Micros,
    invented: u64,
}

/// Hints are let go in so many microseconds.
const PERIOD: Micros = 60_000_000;

impl Hints {
    /// Takes note of a hint.
    pub(super) fn note(&mut self, hint: Hint) {
        let Hint { key, from, uid, node, newness, whole, .. } = hint;
        let named = self.named.entry(key).or_insert_with(|| Named {
            first: from,
            last: from,
            newness,
            node: None,
            uids: Vec::new(),
            wholes: Vec::new(),
        });
        named.first = named.first.min(from);
        named.last = named.last.max(from);
        named.newness = named.newness.min(newness);
        let is_new = |uid: &Rc<str>| named.uids.last().is_none_or(|(_, last)| last != uid);
        named.uids.extend(uid.filter(is_new).map(|uid| (from, uid)));
        named.node = named.node.take().or(node);
        named.wholes.extend(whole.map(|whole| (from, whole)));
    }

    /// The name that an object was given that was created at `from` with this prefix, and is pinned to `node` if to any: the first that
    /// is heard of after that, if it is none that is there already. Objects of one prefix are alike, so any may be it; who is heard of
    /// first was created first, as another that comes later may not have been there by then.
    pub(super) fn name(
        &mut self,
        (resource, namespace): (&Rc<str>, &Rc<str>),
        prefix: &str,
        from: Micros,
        node: Option<&str>,
        is_there: impl Fn(&Key) -> bool,
    ) -> Rc<str> {
        let is_generated = |name: &str| {
            let end = name.strip_prefix(prefix);
            end.is_some_and(|end| end.len() == LENGTH && end.chars().all(|letter| LETTERS.contains(letter)))
        };
        let fits = |named: &Named| match (node, &named.node) {
            (Some(pinned), Some(bound)) => pinned == &**bound,
            _ => true,
        };
        let first = (Rc::clone(resource), Rc::clone(namespace), Rc::from(prefix));
        let near = self.named.range(first..);
        let near = near.take_while(|((other, around, name), _)| {
            (other, around) == (resource, namespace) && name.starts_with(prefix)
        });
        let candidates = near.filter(|(key, named)| {
            let is_new = named.newness < Newness::Unsaid && named.first >= from;
            is_new && is_generated(&key.2) && fits(named) && !is_there(key)
        });
        if let Some(((.., name), _)) = candidates.min_by_key(|(_, named)| named.first) {
            return Rc::clone(name);
        }
        self.invented += 1;
        format!("{prefix}{UNKNOWN}{}", self.invented).into()
    }

    /// The UID of an object that was created with this name at `from`, as far as it is told.
    pub(super) fn uid(&self, key: &Key, from: Micros) -> Option<Rc<str>> {
        let mut uids = self.named.get(key)?.uids.iter();
        uids.find(|(at, _)| *at >= from).map(|(_, uid)| Rc::clone(uid))
    }

    /// Where the object stands whole, as it was stored, in what was received after `from`: the next first.
    pub(super) fn wholes<'h>(&'h self, key: &Key, from: Micros) -> impl Iterator<Item = &'h [u8]> + use<'h> {
        let wholes = self.named.get(key).into_iter().flat_map(|named| &named.wholes);
        wholes.filter(move |(at, _)| *at > from).map(|(_, whole)| &**whole)
    }

    /// Where the objects of this resource whose names begin so stand whole, as they were stored, in what was received after `from`: the
    /// next first.
    pub(super) fn wholes_of(
        &self,
        (resource, namespace): (&str, &Rc<str>),
        prefix: &str,
        from: Micros,
    ) -> Vec<&[u8]> {
        let first = (Rc::from(resource), Rc::clone(namespace), Rc::from(prefix));
        let near = self.named.range(first..);
        let near = near.take_while(|((other, around, name), _)| {
            (&**other, around) == (resource, namespace) && name.starts_with(prefix)
        });
        let all = near.flat_map(|(_, named)| &named.wholes).filter(|(at, _)| *at > from);
        let mut all: Vec<_> = all.map(|(at, whole)| (*at, &**whole)).collect();
        all.sort_by_key(|(at, _)| *at);
        all.into_iter().map(|(_, whole)| whole).collect()
    }

    /// Nothing that happened before this moment asks for hints any more.
    pub(super) fn sweep(&mut self, before: Micros) {
        if before.saturating_sub(PERIOD) < self.swept {
            return;
        }
        self.swept = before;
        self.named.retain(|_, named| named.last >= before);
        for named in self.named.values_mut() {
            named.wholes.retain(|(at, _)| *at >= before);
        }
    }
}
