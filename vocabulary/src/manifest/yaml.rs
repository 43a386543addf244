//! YAML documents as trees: aliases expanded and merge keys applied within a budget, a key that stands twice refused.

use std::collections::{BTreeMap, BTreeSet};

use saphyr_parser::{Event, Parser, ScalarStyle, Span, Tag};

use super::scalar::resolve;
use super::tree::{Entry, Mark, Tree, Value, cost_of, quoted};

/// How many values the documents of a file may have in all, aliases expanded; a longer text counts for more than one.
pub const NODES: usize = 1_000_000;
/// How deep a value may stand.
pub const DEPTH: usize = 128;

/// What is wrong with a file, before its documents mean anything.
#[derive(Clone, Debug, PartialEq)]
pub struct Fault {
    /// Where.
    pub mark: Mark,
    /// What is wrong.
    pub says: String,
    /// What would be accepted.
    pub accepted: String,
}

impl Fault {
    fn new(mark: Mark, says: impl Into<String>, accepted: impl Into<String>) -> Self {
        Self { mark, says: says.into(), accepted: accepted.into() }
    }

    /// The budget is spent.
    pub fn too_large(mark: Mark) -> Self {
        Self::new(
            mark,
            "the file holds too much, with its aliases expanded",
            format!("at most {NODES} values in one file"),
        )
    }

    /// The limit of depth is reached.
    pub fn too_deep(mark: Mark) -> Self {
        Self::new(mark, "is nested deeper than any manifest", format!("at most {DEPTH} levels"))
    }

    /// A key stands twice.
    pub fn twice(mark: Mark, key: &str) -> Self {
        let accepted = match key {
            "apiVersion" | "kind" => "each key once, and a line of its own with '---' between two objects",
            _ => "each key once",
        };
        Self::new(mark, format!("the key {} stands twice in one mapping", quoted(key)), accepted)
    }
}

/// Reads all documents of `text`.
///
/// # Errors
/// The first place that is no YAML or no manifest could have, or more than the limits allow.
pub fn documents(text: &str) -> Result<Vec<Tree>, Fault> {
    let mut builder = Builder::default();
    let mut parser = Parser::new_from_str(text);
    while let Some(event) = parser.next_event() {
        match event {
            Ok((event, span)) => builder.take(event, span)?,
            Err(error) => {
                let marker = error.marker();
                let mark = mark_of(marker.line(), marker.col());
                return Err(Fault::new(mark, format!("is no YAML: {}", error.info()), "YAML or JSON"));
            }
        }
    }
    Ok(builder.documents)
}

fn mark_of(line: usize, column: usize) -> Mark {
    let number = |value: usize| u32::try_from(value).unwrap_or(u32::MAX);
    Mark { line: number(line.max(1)), column: number(column).saturating_add(1) }
}

/// A collection that is not closed yet.
enum Frame {
    Sequence {
        mark: Mark,
        anchor: usize,
        items: Vec<Tree>,
    },
    Mapping {
        mark: Mark,
        anchor: usize,
        entries: Vec<Entry>,
        keys: BTreeSet<String>,
        key: Option<Key>,
        merged: Vec<Tree>,
    },
}

struct Key {
    text: String,
    mark: Mark,
    merges: bool,
}

#[derive(Default)]
struct Builder {
    documents: Vec<Tree>,
    frames: Vec<Frame>,
    anchors: BTreeMap<usize, Tree>,
    nodes: usize,
}

impl Builder {
    fn spend(&mut self, cost: usize, mark: Mark) -> Result<(), Fault> {
        self.nodes = self.nodes.saturating_add(cost);
        if self.nodes > NODES { Err(Fault::too_large(mark)) } else { Ok(()) }
    }

    fn open(&mut self, frame: Frame, mark: Mark) -> Result<(), Fault> {
        self.spend(1, mark)?;
        if let Some(Frame::Mapping { key: None, .. }) = self.frames.last() {
            return Err(Fault::new(mark, "a list or a mapping is used as a key", "a string as the key"));
        }
        self.frames.push(frame);
        if self.frames.len() > DEPTH { Err(Fault::too_deep(mark)) } else { Ok(()) }
    }

    fn take(&mut self, event: Event<'_>, span: Span) -> Result<(), Fault> {
        let mark = mark_of(span.start.line(), span.start.col());
        match event {
            Event::DocumentStart(_) => self.spend(1, mark)?,
            Event::SequenceStart(anchor, _) => {
                self.open(Frame::Sequence { mark, anchor, items: Vec::new() }, mark)?;
            }
            Event::MappingStart(anchor, _) => {
                let (entries, keys, merged) = (Vec::new(), BTreeSet::new(), Vec::new());
                self.open(Frame::Mapping { mark, anchor, entries, keys, key: None, merged }, mark)?;
            }
            Event::SequenceEnd | Event::MappingEnd => self.close()?,
            Event::Scalar(text, style, anchor, tag) => {
                self.spend(cost_of(&text), mark)?;
                if let Some(Frame::Mapping { key: key @ None, .. }) = self.frames.last_mut() {
                    *key = Some(key_of(&text, style, mark)?);
                    return Ok(());
                }
                let value = scalar(&text, style, tag.as_deref(), mark)?;
                self.complete(Tree { mark, value }, anchor)?;
            }
            Event::Alias(anchor) => {
                let Some(tree) = self.anchors.get(&anchor) else {
                    return Err(Fault::new(
                        mark,
                        "an alias stands inside of what it names",
                        "an alias of a value that has ended",
                    ));
                };
                let (cost, height) = (tree.cost(), tree.height());
                if self.frames.len() + height > DEPTH {
                    return Err(Fault::too_deep(mark));
                }
                if let Some(Frame::Mapping { key: None, .. }) = self.frames.last() {
                    return Err(Fault::new(mark, "an alias is used as a key", "a string as the key"));
                }
                // Paid before the copy is made.
                self.spend(cost, mark)?;
                let copy = self.anchors[&anchor].clone();
                self.complete(copy, 0)?;
            }
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => {}
        }
        Ok(())
    }

    fn close(&mut self) -> Result<(), Fault> {
        match self.frames.pop() {
            Some(Frame::Sequence { mark, anchor, items }) => {
                self.complete(Tree { mark, value: Value::Sequence(items) }, anchor)
            }
            Some(Frame::Mapping { mark, anchor, mut entries, mut keys, merged, .. }) => {
                // Keys of the mapping itself come first, then those of earlier merges.
                for tree in merged {
                    let sources = match tree.value {
                        Value::Sequence(items) => items,
                        _ => vec![tree],
                    };
                    for source in sources {
                        let Value::Mapping(more) = source.value else {
                            return Err(Fault::new(
                                source.mark,
                                "a merge key '<<' names no mapping",
                                "an alias of a mapping",
                            ));
                        };
                        let new = more.into_iter().filter(|entry| keys.insert(entry.key.clone()));
                        entries.extend(new);
                    }
                }
                self.complete(Tree { mark, value: Value::Mapping(entries) }, anchor)
            }
            None => Ok(()),
        }
    }

    fn complete(&mut self, tree: Tree, anchor: usize) -> Result<(), Fault> {
        if anchor > 0 {
            self.spend(tree.cost(), tree.mark)?;
            self.anchors.insert(anchor, tree.clone());
        }
        match self.frames.last_mut() {
            None => self.documents.push(tree),
            Some(Frame::Sequence { items, .. }) => items.push(tree),
            Some(Frame::Mapping { entries, keys, key, merged, .. }) => {
                let Some(Key { text, mark, merges }) = key.take() else {
                    return Err(Fault::new(tree.mark, "a value has no key", "a key before each value"));
                };
                if merges {
                    merged.push(tree);
                } else if !keys.insert(text.clone()) {
                    return Err(Fault::twice(mark, &text));
                } else {
                    entries.push(Entry { key: text, mark, value: tree });
                }
            }
        }
        Ok(())
    }
}

/// A key as kubectl turns it into a JSON key.
fn key_of(text: &str, style: ScalarStyle, mark: Mark) -> Result<Key, Fault> {
    let plain = style == ScalarStyle::Plain;
    let text = match if plain { resolve(text) } else { Value::String(text.into()) } {
        Value::Null => return Err(Fault::new(mark, "a key is empty", "a string as the key")),
        Value::Bool(value) => value.to_string(),
        Value::Int(value) => value.to_string(),
        Value::Float(value) => value.to_string(),
        _ => text.to_owned(),
    };
    Ok(Key { merges: plain && text == "<<", text, mark })
}

fn scalar(text: &str, style: ScalarStyle, tag: Option<&Tag>, mark: Mark) -> Result<Value, Fault> {
    let core = tag.filter(|tag| tag.is_yaml_core_schema()).map(|tag| tag.suffix.as_str());
    let not_specific = tag.is_some_and(|tag| tag.handle.is_empty() && tag.suffix == "!");
    match core {
        Some("str") => Ok(Value::String(text.into())),
        Some("int" | "float" | "bool" | "null" | "timestamp") => Ok(resolve(text)),
        Some(other) => Err(Fault::new(
            mark,
            format!("the tag !!{other} has no meaning in a manifest"),
            "a plain or a quoted value",
        )),
        None if style == ScalarStyle::Plain && !not_specific => Ok(resolve(text)),
        None => Ok(Value::String(text.into())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Tree {
        documents(text).expect(text).remove(0)
    }

    #[test]
    fn values_keep_their_lines_and_columns() {
        let tree = read("a:\n  - b: 1\n    c: 'x'\n");
        let item = &tree.get("a").expect("a").items()[0];
        let c = item.entry("c").expect("c");
        assert_eq!((c.mark, c.value.mark), (Mark { line: 3, column: 5 }, Mark { line: 3, column: 8 }));
    }

    #[test]
    fn aliases_and_merge_keys_are_expanded() {
        let tree =
            read("base: &b {x: 1, v: 2}\nmore: &m {v: 3, z: 4}\nall:\n  <<: [*b, *m]\n  x: 9\nsame: *b\n");
        let of = |key: &str| tree.get("all").and_then(|all| all.get(key)).map(|tree| tree.value.clone());
        assert_eq!(of("x"), Some(Value::Int(9)));
        assert_eq!(of("v"), Some(Value::Int(2)));
        assert_eq!(of("z"), Some(Value::Int(4)));
        assert_eq!(tree.get("same").map(|same| same.entries().len()), Some(2));
    }

    #[test]
    fn quotes_and_tags_make_strings() {
        let tree = read("a: '1'\nb: !!str 1\nc: !!int \"1\"\nd: ! 1\ne: !local 1\n");
        let of = |key: &str| tree.get(key).map(|tree| tree.value.clone());
        assert_eq!(of("a"), Some(Value::String("1".into())));
        assert_eq!(of("b"), Some(Value::String("1".into())));
        assert_eq!(of("c"), Some(Value::Int(1)));
        assert_eq!(of("d"), Some(Value::String("1".into())));
        assert_eq!(of("e"), Some(Value::Int(1)));
    }

    #[test]
    fn a_document_that_is_no_manifest_is_refused_with_its_place() {
        for (text, line, column, says) in [
            ("a: 1\nb: 2\na: 3\n", 3, 1, "the key 'a' stands twice"),
            ("a:\n\tb: 1\n", 2, 2, "is no YAML: tabs disallowed"),
            ("a: *x\n", 1, 4, "is no YAML: while parsing node, found unknown anchor"),
            ("a: &x [*x]\n", 1, 8, "an alias stands inside of what it names"),
            ("{{a: b}: c}\n", 1, 2, "used as a key"),
            ("? \n: 1\n", 2, 1, "a key is empty"),
            ("a: !!binary aGk=\n", 1, 4, "the tag !!binary"),
            ("x: &x 1\ny:\n  <<: *x\n", 1, 4, "names no mapping"),
        ] {
            let fault = documents(text).expect_err(text);
            assert!(fault.says.contains(says), "{text}: {}", fault.says);
            assert_eq!((fault.mark.line, fault.mark.column), (line, column), "{text}: {}", fault.says);
        }
    }

    #[test]
    fn an_alias_bomb_is_refused_within_the_budget() {
        let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
        for level in 1..=30 {
            let below = vec![format!("*a{}", level - 1); 10].join(", ");
            bomb.push_str(&format!("a{level}: &a{level} [{below}]\n"));
        }
        assert!(documents(&bomb).expect_err("a bomb").says.contains("too much"));
        let mut deep = String::from("a0: &a0 [x]\n");
        for level in 1..=200 {
            deep.push_str(&format!("a{level}: &a{level} [*a{}]\n", level - 1));
        }
        assert!(documents(&deep).expect_err("deep aliases").says.contains("deeper"));
        assert!(documents(&"- ".repeat(1000)).expect_err("deep").says.contains("deeper"));
        assert!(documents(&"- a\n".repeat(NODES)).expect_err("wide").says.contains("too much"));
    }
}
