//! An object of the input, and a place within it: who refuses a field says where it stands without looking.

use std::cell::RefCell;
use std::rc::Rc;

use super::tree::{Mark, Tree, Value};
use super::{Place, Problem, Warning};
use crate::left_out::Row;
use crate::scenario::limits::NUMBER_MAX;

/// An object of the input.
#[derive(Debug)]
pub struct Object {
    /// The file that it stands in.
    pub file: Rc<str>,
    /// `apiVersion`.
    pub api_version: String,
    /// `kind`.
    pub kind: String,
    /// `metadata.namespace`, `default` if it has none.
    pub namespace: String,
    /// `metadata.name`.
    pub name: String,
    /// The whole of it.
    pub tree: Tree,
    /// What was found in it so far.
    pub findings: RefCell<Findings>,
}

/// What was found in an object.
#[derive(Debug, Default)]
pub struct Findings {
    /// What is wrong with it.
    pub problems: Vec<Problem>,
    /// What is not represented, and what is odd.
    pub warnings: Vec<Warning>,
    /// The rows of the table of what is left out that it concerns.
    pub rows: Vec<&'static Row>,
}

impl Object {
    /// What it is called: `Deployment/web`.
    pub fn title(&self) -> String {
        format!("{}/{}", self.kind, self.name)
    }

    /// What `metadata` has in one of its mappings, as `annotations`, under a key.
    pub fn metadata(&self, mapping: &str, key: &str) -> Option<&str> {
        self.tree.get("metadata")?.get(mapping)?.get(key)?.text()
    }

    /// A place in its file.
    pub fn place(&self, mark: Mark) -> Place {
        Place { file: self.file.to_string(), line: mark.line, column: mark.column }
    }

    /// The place of the whole of it.
    pub fn cursor(&self) -> Cursor<'_> {
        Cursor {
            object: self,
            tree: Some(&self.tree),
            key: self.tree.mark,
            mark: self.tree.mark,
            path: String::new(),
        }
    }
}

/// A place in an object, by its path. A field that is not set stands where the value around it does.
#[derive(Clone, Debug)]
pub struct Cursor<'o> {
    /// The object.
    pub object: &'o Object,
    tree: Option<&'o Tree>,
    key: Mark,
    mark: Mark,
    path: String,
}

impl<'o> Cursor<'o> {
    /// A field within.
    pub fn field(&self, name: &str) -> Self {
        let path = if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) };
        match self.tree.and_then(|tree| tree.entry(name)) {
            Some(entry) => {
                Self { tree: Some(&entry.value), key: entry.mark, mark: entry.value.mark, path, ..*self }
            }
            None => Self { tree: None, path, ..*self },
        }
    }

    /// A field that stands deeper, by its path.
    pub fn at(&self, path: &str) -> Self {
        path.split('.').fold(self.clone(), |cursor, name| cursor.field(name))
    }

    /// An item of a list.
    pub fn item(&self, index: usize) -> Self {
        let path = format!("{}[{index}]", self.path);
        match self.tree.and_then(|tree| tree.items().get(index)) {
            Some(tree) => Self { tree: Some(tree), key: tree.mark, mark: tree.mark, path, ..*self },
            None => Self { tree: None, path, ..*self },
        }
    }

    /// The items of a list, each with its place.
    pub fn items<'v, T>(&self, values: &'v [T]) -> impl Iterator<Item = (Self, &'v T)> {
        values.iter().enumerate().map(|(index, value)| (self.item(index), value))
    }

    /// Does the object set it?
    pub fn is_set(&self) -> bool {
        self.tree.is_some_and(|tree| tree.value != Value::Null)
    }

    /// Where the key stands, or the value that has none.
    pub fn place(&self) -> Place {
        self.object.place(self.key)
    }

    /// Notes that something is wrong here.
    pub fn refuse(&self, says: impl Into<String>, accepted: impl Into<String>) {
        let place = Some(self.object.place(self.mark));
        let problem =
            Problem { place, field: self.path.clone(), says: says.into(), accepted: accepted.into() };
        self.object.findings.borrow_mut().problems.push(problem);
    }

    /// Notes that something is wrong with a key within.
    pub fn refuse_key(&self, key: &str, says: impl Into<String>, accepted: impl Into<String>) {
        let place = Some(self.field(key).place());
        let problem =
            Problem { place, field: self.path.clone(), says: says.into(), accepted: accepted.into() };
        self.object.findings.borrow_mut().problems.push(problem);
    }

    /// Notes that something is odd here.
    pub fn warn(&self, says: impl Into<String>) {
        let warning =
            Warning { place: Some(self.place()), says: format!("{}: {}", self.object.title(), says.into()) };
        self.object.findings.borrow_mut().warnings.push(warning);
    }

    /// A number that may not be below zero, or `default` if it is not set.
    pub fn count(&self, value: Option<impl Into<i64>>, default: u32) -> u32 {
        const MOST: i64 = NUMBER_MAX as i64;
        let Some(value) = value.map(Into::into) else { return default };
        match u32::try_from(value) {
            Ok(count) if value <= MOST => count,
            _ => {
                self.refuse(format!("is {value}"), format!("a whole number from 0 to {MOST}"));
                default
            }
        }
    }

    /// A number from 1, or `default` if it is not set.
    pub fn positive(&self, value: Option<impl Into<i64>>, default: u32) -> u32 {
        let value = value.map(Into::into);
        if value == Some(0) {
            self.refuse("is 0", format!("a whole number from 1 to {NUMBER_MAX}"));
            return default;
        }
        self.count(value, default)
    }

    /// The value of a name out of a list; `default` if it is not set.
    pub fn one_of<T: Copy>(&self, name: Option<&str>, names: &[(&str, T)], default: T) -> T {
        let Some(name) = name.filter(|name| !name.is_empty()) else { return default };
        if let Some(&(_, value)) = names.iter().find(|(known, _)| *known == name) {
            return value;
        }
        let known: Vec<_> = names.iter().map(|&(name, _)| name).collect();
        let accepted = match known.split_last() {
            Some((last, rest)) if !rest.is_empty() => format!("{} or {last}", rest.join(", ")),
            _ => known.concat(),
        };
        self.refuse(format!("is {}", super::tree::quoted(name)), accepted);
        default
    }
}
