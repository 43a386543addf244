//! Files that almost are what a reader expects: a good one with a few edits, or any bytes at all.

use arbitrary::{Arbitrary, Result, Unstructured};

use super::limits::EDITS_MAX;
use super::one_of;

/// What a value may be replaced with: where readers stumble.
const TOKENS: [&str; 26] = [
    "null",
    "-1",
    "[]",
    "{}",
    "\"\"",
    "1e999",
    "2147483647",
    "2147483648",
    "9223372036854775807",
    "18446744073709551616",
    "[[[",
    "{{{",
    "\"\\ud800\"",
    "true",
    "~",
    "&a",
    "*a",
    "<<: *a",
    "---\n",
    "\t",
    "\u{feff}",
    "0x1f",
    "1Gi",
    "100%",
    "'",
    "#",
];

/// A text.
#[derive(Clone, Debug)]
pub struct Text {
    /// Which of the good ones it was made of.
    base: usize,
    edits: Vec<Edit>,
    /// If it was made of none: the bytes.
    raw: Option<Vec<u8>>,
}

/// A change of a text, at a place that is a share of its length.
#[derive(Clone, Debug)]
struct Edit {
    place: u16,
    what: What,
}

#[derive(Clone, Debug)]
enum What {
    Insert(&'static str),
    Replace(&'static str),
    Remove(u8),
    Byte(u8),
    Repeat(u8),
    Swap(u16),
    End,
}

impl<'a> Arbitrary<'a> for Text {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        let base = u.arbitrary::<u8>()?.into();
        let mut edits = Vec::new();
        // Mostly one: a text with many is hardly ever read to its end.
        while edits.len() < EDITS_MAX && (edits.is_empty() || u.ratio(1, 3)?) {
            let what = match u.int_in_range(0..=6)? {
                0 => What::Insert(one_of(u, &TOKENS)?),
                1 | 2 => What::Replace(one_of(u, &TOKENS)?),
                3 => What::Remove(u.arbitrary()?),
                4 => What::Byte(u.arbitrary()?),
                5 => What::Repeat(u.arbitrary()?),
                _ => match u.ratio(1, 8)? {
                    true => What::End,
                    false => What::Swap(u.arbitrary()?),
                },
            };
            edits.push(Edit { place: u.arbitrary()?, what });
        }
        let raw = if u.ratio(1, 4)? { Some(u.bytes(u.len())?.to_vec()) } else { None };
        Ok(Self { base, edits, raw })
    }
}

impl Text {
    /// The bytes, if it is made of one of these.
    pub fn of(&self, good: &[String]) -> Vec<u8> {
        if let Some(raw) = &self.raw {
            return raw.clone();
        }
        let mut bytes = good[self.base % good.len()].clone().into_bytes();
        for edit in &self.edits {
            edit.make(&mut bytes);
        }
        bytes
    }

    /// Is it one of these, as it is?
    pub fn is_one_of(&self, good: &[String]) -> bool {
        let bytes = self.of(good);
        good.iter().any(|text| text.as_bytes() == bytes)
    }
}

impl Edit {
    fn make(&self, bytes: &mut Vec<u8>) {
        let at = |place: u16| usize::from(place) * bytes.len() / (usize::from(u16::MAX) + 1);
        let here = at(self.place);
        match self.what {
            What::Insert(token) => drop(bytes.splice(here..here, token.bytes())),
            What::Replace(token) => {
                let word = word_at(bytes, here);
                drop(bytes.splice(word, token.bytes()));
            }
            What::Remove(length) => {
                let end = bytes.len().min(here + usize::from(length));
                bytes.drain(here..end);
            }
            What::Byte(byte) => {
                if let Some(old) = bytes.get_mut(here) {
                    *old = byte;
                }
            }
            What::Repeat(length) => {
                let end = bytes.len().min(here + usize::from(length));
                let again = bytes[here..end].to_vec();
                drop(bytes.splice(end..end, again));
            }
            What::Swap(place) => {
                let (one, two) = (line_at(bytes, here), line_at(bytes, at(place)));
                if one.end <= two.start {
                    let (first, second) = (bytes[one.clone()].to_vec(), bytes[two.clone()].to_vec());
                    drop(bytes.splice(two, first));
                    drop(bytes.splice(one, second));
                }
            }
            What::End => bytes.truncate(here),
        }
    }
}

/// The word or number around a place.
fn word_at(bytes: &[u8], at: usize) -> std::ops::Range<usize> {
    let ends = |byte: &u8| b" \n\t:,[]{}\"".contains(byte);
    let start = bytes[..at].iter().rposition(ends).map_or(0, |before| before + 1);
    let end = bytes[at..].iter().position(ends).map_or(bytes.len(), |length| at + length);
    start..end
}

/// The line around a place, with its end.
fn line_at(bytes: &[u8], at: usize) -> std::ops::Range<usize> {
    let start = bytes[..at].iter().rposition(|byte| *byte == b'\n').map_or(0, |before| before + 1);
    let end =
        bytes[at..].iter().position(|byte| *byte == b'\n').map_or(bytes.len(), |length| at + length + 1);
    start..end
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edits_fit_texts_of_any_length() {
        let mut random = fastrand::Rng::with_seed(1);
        for length in [0, 1, 2, 60] {
            let good = ["replicas: 1\n".repeat(length)];
            for _ in 0..300 {
                let bytes: Vec<u8> = std::iter::repeat_with(|| random.u8(..)).take(200).collect();
                let text = Text::arbitrary_take_rest(Unstructured::new(&bytes)).expect("bytes suffice");
                assert_eq!(text.of(&good), text.of(&good));
            }
        }
    }

    #[test]
    fn a_word_is_what_stands_between_marks() {
        assert_eq!(word_at(b"a: 12\n", 3), 3..5);
        assert_eq!(word_at(b"a: 12\n", 4), 3..5);
        assert_eq!(line_at(b"a\nbc\nd", 3), 2..5);
    }
}
