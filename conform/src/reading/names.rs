//! Names that come again and again, each stored once.

use std::collections::BTreeSet;
use std::rc::Rc;

/// How many names are kept: more are forgotten, so that a long log needs no more memory than a short one.
const MOST: usize = 1 << 16;

/// The names that were seen.
#[derive(Debug, Default)]
pub(super) struct Names(BTreeSet<Rc<str>>);

impl Names {
    /// The one copy of `name`.
    pub(super) fn get(&mut self, name: &str) -> Rc<str> {
        if let Some(known) = self.0.get(name) {
            return Rc::clone(known);
        }
        if self.0.len() >= MOST {
            self.0.clear();
        }
        let name: Rc<str> = name.into();
        self.0.insert(Rc::clone(&name));
        name
    }
}
