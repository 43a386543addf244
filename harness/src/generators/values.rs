//! JSON documents with the form that a reader expects and values that nobody can have written.

use arbitrary::{Arbitrary, Result, Unstructured};
use serde_json::Value;

use super::limits::EDITS_MAX;
use super::one_of;

/// Numbers at the edges of what fields, states and clocks hold.
const NUMBERS: [u64; 16] = [
    0,
    1,
    19,
    37,
    60,
    61,
    250,
    251,
    255,
    3_600,
    86_400,
    86_401,
    2_147_483_647,
    2_147_483_648,
    4_294_967_295,
    9_223_372_036_854_775_808,
];

/// An edit of a value, at a place that is a share of all values.
#[derive(Clone, Debug, Arbitrary)]
struct Edit {
    place: u16,
    what: What,
}

#[derive(Clone, Copy, Debug)]
enum What {
    /// Of a number.
    Number(u64),
    /// Of a text: nothing, so many letters, or one that steers how it is shown.
    Text(&'static str, u16),
    /// Of a list: an item stands in it again.
    Again(u8),
    /// The value of another place of the same type.
    Other(u16),
}

impl<'a> Arbitrary<'a> for What {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        Ok(match u.int_in_range(0..=3)? {
            0 => Self::Number(one_of(u, &NUMBERS)?),
            1 => {
                let letter = one_of(u, &["a", "\u{7}", "\u{202e}", "\n", "\"<"])?;
                Self::Text(letter, one_of(u, &[0, 1, 253, 254, 401])?)
            }
            2 => Self::Again(u.arbitrary()?),
            _ => Self::Other(u.arbitrary()?),
        })
    }
}

/// A few edits of a document.
#[derive(Clone, Debug)]
pub struct Values {
    /// Which of the good ones they are made in.
    base: u8,
    edits: Vec<Edit>,
}

impl<'a> Arbitrary<'a> for Values {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        let mut edits = vec![u.arbitrary()?];
        while edits.len() < EDITS_MAX && u.ratio(1, 3)? {
            edits.push(u.arbitrary()?);
        }
        Ok(Self { base: u.arbitrary()?, edits })
    }
}

impl Values {
    /// The text, made of one of these.
    ///
    /// # Panics
    /// If one of these is no JSON.
    pub fn of(&self, good: &[String]) -> String {
        let text = &good[usize::from(self.base) % good.len()];
        let mut document: Value = serde_json::from_str(text).expect("a good one is JSON");
        for edit in &self.edits {
            edit.make(&mut document);
        }
        document.to_string()
    }
}

impl Edit {
    /// Makes it at the place among the values that it is for.
    fn make(&self, document: &mut Value) {
        let suits = |value: &Value| match self.what {
            What::Number(_) => value.is_number(),
            What::Text(..) => value.is_string(),
            What::Again(_) => value.as_array().is_some_and(|items| !items.is_empty()),
            What::Other(_) => value.is_number() || value.is_string(),
        };
        let Some(pointer) = pick(document, self.place, &suits) else { return };
        let value = match self.what {
            What::Number(number) => number.into(),
            What::Text(letter, times) => letter.repeat(times.into()).into(),
            What::Again(index) => {
                let mut items =
                    document.pointer(&pointer).and_then(Value::as_array).cloned().unwrap_or_default();
                items.push(items[usize::from(index) % items.len()].clone());
                items.into()
            }
            What::Other(place) => {
                let is_text = document.pointer(&pointer).is_some_and(Value::is_string);
                let alike = |value: &Value| if is_text { value.is_string() } else { value.is_number() };
                let other = pick(document, place, &alike).and_then(|other| document.pointer(&other));
                other.cloned().unwrap_or_default()
            }
        };
        if let Some(place) = document.pointer_mut(&pointer) {
            *place = value;
        }
    }
}

/// The pointer of one of the values that suit. Every other place is one of the scenario, which is the smaller part of a trace and
/// the one that weighs.
fn pick(document: &Value, place: u16, suits: &impl Fn(&Value) -> bool) -> Option<String> {
    let mut all = Vec::new();
    pointers(document, String::new(), suits, &mut all);
    if place.is_multiple_of(2) && all.iter().any(|pointer| pointer.starts_with("/scenario")) {
        all.retain(|pointer| pointer.starts_with("/scenario"));
    }
    let index = usize::from(place) * all.len() / (usize::from(u16::MAX) + 1);
    all.into_iter().nth(index)
}

fn pointers(value: &Value, at: String, suits: &impl Fn(&Value) -> bool, out: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            let escaped = |key: &str| key.replace('~', "~0").replace('/', "~1");
            fields
                .iter()
                .for_each(|(key, value)| pointers(value, format!("{at}/{}", escaped(key)), suits, out));
        }
        Value::Array(items) => {
            let numbered = items.iter().enumerate();
            numbered.for_each(|(index, value)| pointers(value, format!("{at}/{index}"), suits, out));
        }
        _ => {}
    }
    if suits(value) {
        out.push(at);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_edit_finds_a_value_of_its_kind() {
        let document = serde_json::json!({ "a": 1, "scenario": { "b/c": "x", "d": [1, 2] } });
        let made = |place, what| {
            let mut document = document.clone();
            Edit { place, what }.make(&mut document);
            document
        };
        assert_eq!(made(1, What::Number(7))["a"], 7);
        assert_eq!(made(0, What::Number(7))["scenario"]["d"], serde_json::json!([7, 2]));
        assert_eq!(made(0, What::Text("ab", 2))["scenario"]["b/c"], "abab");
        assert_eq!(made(0, What::Again(1))["scenario"]["d"], serde_json::json!([1, 2, 2]));
        assert_eq!(made(u16::MAX, What::Other(1))["scenario"]["d"], serde_json::json!([1, 1]));
        let mut nothing = Value::Null;
        Edit { place: 0, what: What::Again(0) }.make(&mut nothing);
        assert_eq!(nothing, Value::Null);
    }
}
