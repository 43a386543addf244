//! Names that come again and again, each stored once.

use std::collections::BTreeSet;
use std::rc::Rc;

/// How many names are kept: more are forgotten, so that a long log needs no more memory than a short one.
const MOST: usize = 1 << 12;

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_stored_once_and_old_ones_are_forgotten() {
        let mut names = Names::default();
        let first = names.get("pods");
        assert!(Rc::ptr_eq(&first, &names.get("pods")));
        for name in 0..2 * MOST {
            names.get(&name.to_string());
            assert!(names.0.len() <= MOST);
        }
        assert_eq!(names.get("pods"), first);
    }
}
