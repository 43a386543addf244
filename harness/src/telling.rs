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

/// What is told from now on on standard error is of this input.
pub fn tell_of(input: &str) {
    if TELLS.load(Ordering::Relaxed) {
        let _ = writeln!(std::io::stderr(), "== {input}");
    }
}

/// Tells what happens, if anybody wants to know.
pub(crate) fn tell(what: impl FnOnce() -> String) {
    let tells = TELLS.load(Ordering::Relaxed);
    let is_heard = HEARD.with_borrow(Option::is_some);
    if !tells && !is_heard {
        return;
    }
    let what = what().trim_end().to_owned();
    if tells {
        let _ = writeln!(std::io::stderr(), "{what}");
    }
    HEARD.with_borrow_mut(|heard| heard.iter_mut().for_each(|heard| heard.push(what.clone())));
}

/// What something is, without the fields that are not set.
pub(crate) fn short(what: &impl Debug) -> String {
    let mut text = String::new();
    for field in format!("{what:?}").split(", ") {
        let closes_from = field.trim_end_matches([' ', '}', ')', ']']).len();
        let (said, closes) = field.split_at(closes_from);
        // What is opened before a field that is not set stays, and so does what is closed behind it.
        let kept = match said.strip_suffix(": None") {
            Some(named) => named.trim_end_matches(|letter: char| letter.is_alphanumeric() || letter == '_'),
            None => said,
        };
        let is_first = text.is_empty() || text.ends_with("{ ");
        text += if is_first || kept.is_empty() { "" } else { ", " };
        text += kept;
        text += if text.ends_with("{ ") { closes.trim_start() } else { closes };
    }
    text
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

    #[derive(Debug)]
    struct Inner {
        _unset: Option<u8>,
        _name: Option<&'static str>,
        _last: Option<u8>,
    }

    #[derive(Debug)]
    enum Outer {
        Create { _of: Inner, _with: Option<u8> },
        Set { _inner: Option<Inner>, _number: u8 },
    }

    #[test]
    fn what_is_not_set_is_left_out_and_nothing_else() {
        let inner = |name, last| Inner { _unset: None, _name: name, _last: last };
        let create = |of, with| Outer::Create { _of: of, _with: with };
        let set = |inner| Outer::Set { _inner: inner, _number: 2 };
        for (what, says) in [
            (
                create(inner(Some("n0"), None), Some(1)),
                r#"Create { _of: Inner { _name: Some("n0") }, _with: Some(1) }"#,
            ),
            (create(inner(None, None), None), "Create { _of: Inner { } }"),
            (set(Some(inner(None, Some(3)))), "Set { _inner: Some(Inner { _last: Some(3) }), _number: 2 }"),
            (set(None), "Set { _number: 2 }"),
        ] {
            assert_eq!(short(&what), says);
        }
    }

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
