//! What a text means before a change and after it: one field of one object is another, and nothing else is.
//!
//! A change is made where its field stands in the text. A merge key, a text that keeps the empty lines behind it, or a colon in a comment may
//! make it mean something else; then it is not made.

use super::path::{FieldPath, Key};
use super::{Place, Value};
use crate::manifest::objects::trees;
use crate::manifest::tree::{Entry, Mark, Tree, Value as Meant};

/// Is `new` what `old` means, with the field of the object at `place` set to `value`? The items of lists stand in `path` by their places.
pub(super) fn is_set(old: &str, new: &str, place: &Place, path: &FieldPath, value: &Value) -> bool {
    let (Ok(before), Ok(after)) = (trees(old.as_bytes()), trees(new.as_bytes())) else { return false };
    let at = Mark { line: place.line, column: place.column };
    let mut expected = bare(Meant::Sequence(before.iter().map(meaning).collect()));
    let object = before.iter().enumerate().find_map(|(number, tree)| {
        let within = way(tree, at)?;
        Some([vec![Key::Index(number)], within].concat())
    });
    let Some(object) = object else { return false };
    let Some(value) = meant(value) else { return false };
    let all: Vec<Key> = object.into_iter().chain(path.0.iter().cloned()).collect();
    put(&mut expected, &all, value).is_some()
        && expected == bare(Meant::Sequence(after.iter().map(meaning).collect()))
}

/// Is `new` what `old` means, with one more document of these fields?
pub(super) fn is_added(old: &str, new: &str, fields: &[(String, Value)]) -> bool {
    let (Ok(before), Ok(after)) = (trees(old.as_bytes()), trees(new.as_bytes())) else { return false };
    let Some(added) = meant(&Value::Fields(fields.to_vec())) else { return false };
    let is_something = |tree: &&Tree| tree.value != Meant::Null;
    let expected: Vec<Tree> = before.iter().filter(is_something).map(meaning).chain([added]).collect();
    expected == after.iter().filter(is_something).map(meaning).collect::<Vec<_>>()
}

/// The way to the innermost mapping that begins there.
fn way(tree: &Tree, at: Mark) -> Option<Vec<Key>> {
    let of_items = tree.items().iter().enumerate().map(|(number, item)| (Key::Index(number), item));
    let of_entries = tree.entries().iter().map(|entry| (Key::Field(entry.key.clone()), &entry.value));
    let within = of_items.chain(of_entries).find_map(|(key, value)| {
        let within = way(value, at)?;
        Some([vec![key], within].concat())
    });
    let is_here = tree.mark == at && matches!(tree.value, Meant::Mapping(_));
    within.or(is_here.then(Vec::new))
}

/// A value that stands nowhere.
fn bare(value: Meant) -> Tree {
    Tree { mark: Mark { line: 0, column: 0 }, value }
}

/// What a tree means, wherever it stands and however its keys are ordered.
fn meaning(tree: &Tree) -> Tree {
    match &tree.value {
        Meant::Sequence(items) => bare(Meant::Sequence(items.iter().map(meaning).collect())),
        Meant::Mapping(entries) => {
            mapping(entries.iter().map(|entry| (entry.key.clone(), meaning(&entry.value))))
        }
        value => bare(value.clone()),
    }
}

fn mapping(fields: impl Iterator<Item = (String, Tree)>) -> Tree {
    let entry = |(key, value)| Entry { key, mark: Mark { line: 0, column: 0 }, value };
    let mut entries: Vec<Entry> = fields.map(entry).collect();
    entries.sort_by(|one, other| one.key.cmp(&other.key));
    bare(Meant::Mapping(entries))
}

/// What a value that is written means; none if it is none.
fn meant(value: &Value) -> Option<Tree> {
    match value {
        Value::Plain(text) => match &trees(text.as_bytes()).ok()?[..] {
            [tree] => Some(meaning(tree)),
            _ => None,
        },
        Value::List(items) => {
            items.iter().map(meant).collect::<Option<Vec<_>>>().map(|items| bare(Meant::Sequence(items)))
        }
        Value::Fields(fields) => {
            let fields = fields.iter().map(|(name, value)| Some((name.clone(), meant(value)?)));
            fields.collect::<Option<Vec<_>>>().map(|fields| mapping(fields.into_iter()))
        }
    }
}

/// Sets what is behind `keys`; none if there is no such place.
fn put(node: &mut Tree, keys: &[Key], value: Tree) -> Option<()> {
    let Some((key, rest)) = keys.split_first() else {
        *node = value;
        return Some(());
    };
    if node.value == Meant::Null && matches!(key, Key::Field(_)) {
        node.value = Meant::Mapping(Vec::new());
    }
    let next = match (key, &mut node.value) {
        (Key::Field(name), Meant::Mapping(entries)) => {
            let at = entries.binary_search_by(|entry| entry.key.as_str().cmp(name)).unwrap_or_else(|at| {
                let mark = Mark { line: 0, column: 0 };
                entries.insert(at, Entry { key: name.clone(), mark, value: bare(Meant::Null) });
                at
            });
            &mut entries[at].value
        }
        (Key::Index(number), Meant::Sequence(items)) => items.get_mut(*number)?,
        (Key::Front, Meant::Sequence(items)) => {
            items.insert(0, bare(Meant::Null));
            items.first_mut()?
        }
        _ => return None,
    };
    put(next, rest, value)
}
