//! What happens while a case is checked, step by step, for whoever wants to know: on standard error, or collected.

use std::cell::RefCell;
use std::fmt::Debug;
use std::io::Write as _;
use std::sync::atomic::{AtomicBool, Ordering};

/// Is what happens told on standard error?
static TELLS: AtomicBool = AtomicBool::new(false);

thread_local! {
    /// What was told on this thread to whoever listens.
    static HEARD: RefCell<Option<Vec<String>>> = const { RefCell::new(None) };
}

/// From now on, what happens is told on standard error.
pub fn tell_all() {
    TELLS.store(true, Ordering::Relaxed);
}

/// Tells what happens, if anybody wants to know.
pub(crate) fn tell(what: impl FnOnce() -> String) {
    let tells = TELLS.load(Ordering::Relaxed);
    let is_heard = HEARD.with_borrow(Option::is_some);
    if !tells && !is_heard {
        return;
    }
    let what = what();
    if tells {
        let _ = writeln!(std::io::stderr(), "{what}");
    }
    HEARD.with_borrow_mut(|heard| heard.iter_mut().for_each(|heard| heard.push(what.clone())));
}

/// What something is, without the fields that are not set.
pub(crate) fn short(what: &impl Debug) -> String {
    let text = format!("{what:?}");
    text.split(", ").filter(|field| !field.ends_with(": None")).collect::<Vec<_>>().join(", ")
}

/// Does something, and tells what is told meanwhile.
pub fn overhear<R>(act: impl FnOnce() -> R) -> (R, Vec<String>) {
    let before = HEARD.replace(Some(Vec::new()));
    let done = act();
    (done, HEARD.replace(before).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_listens_hears_what_is_told_meanwhile() {
        tell(|| unreachable!("nobody wants to know"));
        let (sum, heard) = overhear(|| {
            tell(|| "one".to_owned());
            tell(|| "two".to_owned());
            3
        });
        assert_eq!((sum, heard), (3, vec!["one".to_owned(), "two".to_owned()]));
        tell(|| unreachable!("nobody wants to know any more"));
    }
}
