//! Lists of steps that are filled and forgotten millions of times: they are taken from the thread's own and given back, so
//! that no step of a search allocates.

use std::cell::RefCell;

use podproof_vocabulary::action::Action;

thread_local! {
    static SPARE: RefCell<Vec<Vec<Action>>> = const { RefCell::new(Vec::new()) };
}

/// Calls `with` on an empty list. Calls may nest.
pub fn with_actions<R>(with: impl FnOnce(&mut Vec<Action>) -> R) -> R {
    let mut actions = SPARE.with_borrow_mut(Vec::pop).unwrap_or_default();
    actions.clear();
    let result = with(&mut actions);
    SPARE.with_borrow_mut(|spare| spare.push(actions));
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_empty_and_nest() {
        let lengths = with_actions(|outer| {
            outer.push(Action::Tick);
            let inner = with_actions(|inner| {
                inner.extend([Action::Tick, Action::Tick]);
                inner.len()
            });
            (outer.len(), inner)
        });
        assert_eq!(lengths, (1, 2));
        assert_eq!(with_actions(|again| again.len()), 0);
    }
}
