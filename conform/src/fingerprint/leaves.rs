//! What a piece of JSON says in each of its leaves, in 16 bytes a leaf.

use std::fmt;

use serde_json::Value;

use super::{Fnv, fingerprint};

/// What a piece of JSON says: of each leaf the number of its path, and that of its value, by the first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Leaves(Box<[(u64, u64)]>);

/// A step of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step<'v> {
    /// The field of an object.
    Field(&'v str),
    /// The place in a list, from 0.
    Place(usize),
}

impl fmt::Display for Step<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Field(name) => write!(out, ".{name}"),
            Self::Place(place) => write!(out, "[{place}]"),
        }
    }
}

impl Leaves {
    /// Those of `value` but for what `is_left_out`, by its path, and all below that.
    pub fn of(value: &Value, is_left_out: impl Fn(&[Step<'_>]) -> bool) -> Self {
        let mut all = Vec::new();
        let mut note = |path, _: &[Step<'_>], value: &Value| all.push((path, fingerprint(value)));
        walk(value, Fnv::NEW, &mut Vec::new(), &is_left_out, &mut note);
        all.sort_unstable();
        Self(all.into())
    }

    /// The path of a leaf that `value` has too, and in which it says something else: the first. What one of them alone has may be a default
    /// that another release sets.
    pub fn differing(&self, value: &Value, is_left_out: impl Fn(&[Step<'_>]) -> bool) -> Option<String> {
        let mut found = None;
        let mut compare = |number: u64, path: &[Step<'_>], value: &Value| {
            let known = self.0.binary_search_by_key(&number, |(path, _)| *path);
            let is_other = || known.is_ok_and(|at| self.0[at].1 != fingerprint(value));
            if found.is_none() && is_other() {
                let path: String = path.iter().map(ToString::to_string).collect();
                found = Some(path.trim_start_matches('.').to_owned());
            }
        };
        walk(value, Fnv::NEW, &mut Vec::new(), &is_left_out, &mut compare);
        found
    }
}

/// Visits the leaves of a value: what is neither an object nor a list with anything in it, and of each list how long it is.
fn walk<'v>(
    value: &'v Value,
    number: Fnv,
    path: &mut Vec<Step<'v>>,
    is_left_out: &impl Fn(&[Step<'_>]) -> bool,
    visit: &mut impl FnMut(u64, &[Step<'_>], &Value),
) {
    let below = |step: Step<'v>, value: &'v Value, path: &mut Vec<Step<'v>>, visit: &mut _| {
        path.push(step);
        if !is_left_out(path) {
            let mut number = number;
            match step {
                Step::Field(name) => number.text(b'f', name),
                Step::Place(place) => number.text(b'p', &place.to_string()),
            }
            walk(value, number, path, is_left_out, visit);
        }
        path.pop();
    };
    match value {
        Value::Null => {}
        Value::Object(fields) => {
            for (name, value) in fields {
                below(Step::Field(name), value, path, visit);
            }
        }
        Value::Array(items) => {
            for (place, value) in items.iter().enumerate() {
                below(Step::Place(place), value, path, visit);
            }
            visit(number.number(), path, &items.len().into());
        }
        leaf => visit(number.number(), path, leaf),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn differing(known: &Value, value: &Value) -> Option<String> {
        Leaves::of(known, |_| false).differing(value, |_| false)
    }

    #[test]
    fn what_both_say_is_compared_and_named() {
        let known = json!({"a": [{"b": 1}, {"b": 2}], "c": "x"});
        assert_eq!(differing(&known, &known), None);
        assert_eq!(differing(&known, &json!({"a": [{"b": 1}, {"b": 3}], "c": "x"})).unwrap(), "a[1].b");
        assert_eq!(differing(&known, &json!({"c": "y"})).unwrap(), "c");
        assert_eq!(differing(&known, &json!({"c": 1})).unwrap(), "c", "a number is no text");
    }

    #[test]
    fn what_one_alone_says_is_a_default() {
        assert_eq!(differing(&json!({"a": {"b": 1}}), &json!({"a": {"d": 2}, "c": 3})), None);
        assert_eq!(differing(&json!({"a": null, "b": {}}), &json!({"a": 1, "b": {"c": 1}})), None);
    }

    #[test]
    fn a_list_that_became_longer_or_shorter_says_something_else() {
        assert_eq!(differing(&json!({"a": [1]}), &json!({"a": [1, 2]})).unwrap(), "a");
        assert_eq!(differing(&json!({"a": [1]}), &json!({"a": []})).unwrap(), "a");
    }

    #[test]
    fn what_is_left_out_is_not_compared() {
        let is_image = |path: &[Step<'_>]| path.last() == Some(&Step::Field("image"));
        let of = |image: &str, name: &str| json!({"containers": [{"image": image, "name": name}]});
        let known = Leaves::of(&of("a", "web"), is_image);
        assert_eq!(known.differing(&of("b", "web"), is_image), None);
        assert_eq!(known.differing(&of("b", "db"), is_image).unwrap(), "containers[0].name");
    }
}
