//! Real traces that somebody has edited with bad intent: whatever is read can be told in every form, and nothing panics.

use std::panic::{AssertUnwindSafe, catch_unwind};

use podproof_traces::{
    Fault, Page, Style, Trace, View, diff, end, essence, export, first_other_state, replay, shorten, show_as,
    show_slice, show_turning, slice, turning_point, why,
};
use serde_json::{Map, Value, json};

use crate::corpus::traces;

const STYLE: Style = Style { colour: false, width: 100 };

/// Files that the test makes, unless `PODPROOF_HOSTILE` asks for another number.
const FILES: u64 = 300;

/// Numbers at the edges of what types, states and clocks hold.
const NUMBERS: [u64; 27] = [
    0,
    1,
    2,
    3,
    31,
    32,
    33,
    59,
    60,
    61,
    127,
    250,
    251,
    254,
    255,
    256,
    300,
    3600,
    65_535,
    86_400,
    2_419_200,
    i32::MAX as u64,
    i32::MAX as u64 + 1,
    u32::MAX as u64,
    1 << 32,
    i64::MAX as u64,
    u64::MAX,
];

/// Numbers that look as if drawn, the same each time (xorshift, Marsaglia 2003).
struct Dice(u64);

impl Dice {
    fn new(seed: u64) -> Self {
        Self((seed + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % end.max(1) as u64) as usize
    }
}

/// The pointers of all values in a document.
fn pointers(value: &Value, at: String, out: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            let escaped = |key: &str| key.replace('~', "~0").replace('/', "~1");
            fields.iter().for_each(|(key, value)| pointers(value, format!("{at}/{}", escaped(key)), out));
        }
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(index, value)| pointers(value, format!("{at}/{index}"), out));
        }
        _ => {}
    }
    out.push(at);
}

/// Edits a value somewhere in a document.
fn edit(document: &mut Value, dice: &mut Dice) {
    let mut all = Vec::new();
    pointers(document, String::new(), &mut all);
    // The world is the smaller part of a document, and the one that weighs.
    let of_world: Vec<&String> = all.iter().filter(|pointer| pointer.starts_with("/scenario")).collect();
    let pointer = match dice.below(3) {
        1.. if !of_world.is_empty() => of_world[dice.below(of_world.len())].clone(),
        _ => all[dice.below(all.len())].clone(),
    };
    let other = document.pointer(&all[dice.below(all.len())]).cloned().unwrap_or_default();
    let Some(value) = document.pointer_mut(&pointer) else { return };
    *value = match (value.take(), dice.below(8)) {
        (_, 0) => Value::Null,
        (value, 1) if std::mem::discriminant(&value) == std::mem::discriminant(&other) => other,
        (Value::Number(_), 2..) => NUMBERS[dice.below(NUMBERS.len())].into(),
        (Value::Bool(value), 2..) => (!value).into(),
        (Value::String(_), 2) => "\u{202e}\u{7}</script>\"#;%\n".into(),
        (Value::String(text), 3) => text.repeat(400).into(),
        (Value::Array(items), 2) => {
            let numbered = items.into_iter().enumerate();
            Value::Object(numbered.map(|(index, item)| (index.to_string(), item)).collect())
        }
        (Value::Array(items), 3..) => lengthened(items, dice).into(),
        (Value::Object(fields), 2) => fields.into_iter().map(|(_, value)| value).collect(),
        (Value::Object(fields), 3) => renamed(fields, dice).into(),
        (value, 4) => json!([value]),
        (value, _) => value,
    };
}

fn lengthened(mut items: Vec<Value>, dice: &mut Dice) -> Vec<Value> {
    let Some(item) = items.get(dice.below(items.len())).cloned() else { return items };
    let more = [0, 1, 2, 29, 58, 300][dice.below(6)];
    match more {
        0 => _ = items.pop(),
        more => items.extend(vec![item; more]),
    }
    if dice.below(4) == 0 {
        items.reverse();
    }
    items
}

fn renamed(mut fields: Map<String, Value>, dice: &mut Dice) -> Map<String, Value> {
    let key = fields.keys().nth(dice.below(fields.len())).cloned().unwrap_or_default();
    let value = fields.remove(&key).unwrap_or_default();
    if dice.below(2) == 0 {
        fields.insert(format!("{key}s"), value);
    }
    fields
}

/// The text of a document in which a key may stand twice.
fn written(document: &Value, dice: &mut Dice) -> String {
    let text = document.to_string();
    if dice.below(6) > 0 {
        return text;
    }
    // What follows a comma and ends in a colon is a key.
    let keys = text.match_indices(",\"").filter_map(|(at, _)| {
        let end = at + 2 + text[at + 2..].find('"')? + 1;
        text[end..].starts_with(':').then_some((at, end))
    });
    let keys: Vec<(usize, usize)> = keys.collect();
    let Some(&(at, end)) = keys.get(dice.below(keys.len())) else { return text };
    format!("{}{}:null{}", &text[..at], &text[at..end], &text[at..])
}

/// Everything that can be done with a trace.
fn everything(trace: &Trace, original: &Trace, seed: u64) {
    let stands = replay(trace).is_ok_and(|replayed| replayed.stands());
    let _ = (end(trace), first_other_state(trace), trace.recorded_again(), why(trace));
    let full = View { full: true, from: Some(1 + seed as usize % 40), file: None };
    assert!(show_as(trace, STYLE, View::default()).ends_with('\n'));
    assert!(show_as(trace, STYLE, full).ends_with('\n'));
    let _ = (export::itf::export(trace), export::perfetto::export(trace));
    let _ = export::dot::export(trace, seed as usize % 40, 1);
    let _ = (export::mermaid::export(trace), diff(original, trace, STYLE), shorten(trace, 20));
    let page = Page::of(trace);
    // The searches take their time, and have nothing to say of most.
    if !stands || seed.is_multiple_of(8) {
        let (cut, point) = (slice(trace), turning_point(trace));
        assert!(stands || (cut.is_none() && point.is_none()), "what breaks nothing has no turning point");
        let _ = page.sliced(cut.as_ref()).turning(trace, point.as_ref()).to_html();
        let _ = (show_slice(trace, STYLE, View::default()), show_turning(trace, STYLE), essence(trace, 8));
    }
    assert_eq!(Trace::from_json(&trace.to_json()).as_ref(), Ok(trace), "it is written as it was read");
}

#[test]
fn nothing_that_is_read_panics_wherever_it_is_told() {
    let originals: Vec<Trace> = traces().into_iter().filter(|trace| trace.stem.len() < 60).collect();
    let asked = std::env::var("PODPROOF_HOSTILE").ok().and_then(|files| files.parse().ok());
    let (mut read, mut form, mut content, mut wrong) = (0, 0, 0, Vec::new());
    for seed in 0..asked.unwrap_or(FILES) {
        let mut dice = Dice::new(seed);
        let original = &originals[dice.below(originals.len())];
        let mut document = serde_json::to_value(original).expect("a trace is JSON");
        for _ in 0..1 + dice.below(3) {
            edit(&mut document, &mut dice);
        }
        let text = written(&document, &mut dice);
        let done = catch_unwind(AssertUnwindSafe(|| match Trace::from_json(&text) {
            Ok(trace) => {
                read += 1;
                everything(&trace, original, seed);
            }
            Err(error) => {
                assert!(error.line > 0 && error.column > 0 && !error.message.is_empty(), "{error}");
                match error.fault {
                    Fault::Text => panic!("it is JSON: {error}"),
                    Fault::Form => form += 1,
                    Fault::Content => content += 1,
                }
            }
        }));
        wrong.extend(done.is_err().then_some(seed));
    }
    assert_eq!(wrong, [0; 0], "seeds of files that panic");
    assert!(read > 20 && form > 20 && content > 0, "{read} read, {form} of another form, {content} refused");
}
