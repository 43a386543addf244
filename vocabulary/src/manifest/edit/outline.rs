//! Where the parts of a YAML text begin and end, in bytes.

use std::collections::BTreeSet;
use std::ops::Range;

use saphyr_parser::{Event, Parser, ScalarStyle, Span};

use crate::manifest::joined::{joints, parts};

/// A value of a document.
#[derive(Clone, Debug)]
pub struct Node {
    /// Where it begins.
    pub start: usize,
    /// Where it ends: behind its last byte that is no white space.
    pub end: usize,
    /// The line that it begins in, from 1.
    pub line: u32,
    /// The column that it begins in, in characters from 1.
    pub column: u32,
    /// Where the key stands that it is the value of, if it is one's.
    pub key: Option<Range<usize>>,
    /// The number of its anchor; 0 if it has none.
    anchor: usize,
    /// An alias stands for it elsewhere.
    pub is_shared: bool,
    /// What it is.
    pub kind: Kind,
}

/// What a value is.
#[derive(Clone, Debug)]
pub enum Kind {
    /// A text or a number.
    Scalar(String),
    /// Nothing: `null`, `~`, or not a word.
    Nothing,
    /// A text in lines of its own, behind `|` or `>`.
    Block(String),
    /// An alias of another value.
    Alias,
    /// A list.
    Sequence(Vec<Node>),
    /// Keys with their values.
    Mapping(Vec<Entry>),
}

/// A key with its value.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The key.
    pub key: String,
    /// Where the key begins.
    pub start: usize,
    /// Where it ends.
    pub end: usize,
    /// Its value.
    pub value: Node,
}

impl Node {
    /// The value of this key in a mapping, with its entry.
    pub fn entry(&self, key: &str) -> Option<&Entry> {
        match &self.kind {
            Kind::Mapping(entries) => entries.iter().find(|entry| entry.key == key),
            _ => None,
        }
    }

    /// The innermost value that begins at this place and is a mapping.
    pub fn mapping_at(&self, line: u32, column: u32) -> Option<&Self> {
        let within = match &self.kind {
            Kind::Sequence(items) => items.iter().find_map(|item| item.mapping_at(line, column)),
            Kind::Mapping(entries) => entries.iter().find_map(|entry| entry.value.mapping_at(line, column)),
            Kind::Scalar(_) | Kind::Nothing | Kind::Block(_) | Kind::Alias => None,
        };
        let is_here = (self.line, self.column) == (line, column) && matches!(self.kind, Kind::Mapping(_));
        within.or(is_here.then_some(self))
    }

    /// This value and all within it.
    fn each(&mut self, change: &mut impl FnMut(&mut Self)) {
        change(self);
        match &mut self.kind {
            Kind::Sequence(items) => items.iter_mut().for_each(|item| item.each(change)),
            Kind::Mapping(entries) => entries.iter_mut().for_each(|entry| entry.value.each(change)),
            Kind::Scalar(_) | Kind::Nothing | Kind::Block(_) | Kind::Alias => {}
        }
    }

    /// Everything so many bytes further on.
    fn move_on(&mut self, bytes: usize) {
        self.each(&mut |node| {
            (node.start, node.end) = (node.start + bytes, node.end + bytes);
            node.key = node.key.take().map(|key| key.start + bytes..key.end + bytes);
            if let Kind::Mapping(entries) = &mut node.kind {
                for entry in entries {
                    (entry.start, entry.end) = (entry.start + bytes, entry.end + bytes);
                }
            }
        });
    }
}

/// The documents of a text, also of files that were joined without a line break between them.
///
/// # Errors
/// Why it is no YAML.
pub fn outline(text: &str) -> Result<Vec<Node>, String> {
    let mut documents = Vec::new();
    let begins = std::iter::once(0).chain(joints(text).into_iter().map(|mark| mark.line as usize));
    for (part, lines) in parts(text).iter().zip(begins) {
        // The lines before a part are empty ones in it.
        let before: usize = text.split_inclusive('\n').take(lines).map(str::len).sum();
        let mut of_part = outline_of(part)?;
        of_part.iter_mut().for_each(|node| node.move_on(before - lines));
        documents.extend(of_part);
    }
    Ok(documents)
}

fn outline_of(text: &str) -> Result<Vec<Node>, String> {
    let bytes: Vec<usize> = text.char_indices().map(|(at, _)| at).chain([text.len()]).collect();
    let mut builder =
        Builder { text, bytes, open: Vec::new(), documents: Vec::new(), aliased: BTreeSet::new() };
    let mut parser = Parser::new_from_str(text);
    while let Some(event) = parser.next_event() {
        let (event, span) = event.map_err(|error| error.to_string())?;
        builder.take(&event, span)?;
    }
    let Builder { mut documents, aliased, .. } = builder;
    let mut mark = |node: &mut Node| node.is_shared = aliased.contains(&node.anchor);
    documents.iter_mut().for_each(|node| node.each(&mut mark));
    Ok(documents)
}

/// A collection that has not ended, with the key that waits for its value.
struct Open {
    node: Node,
    key: Option<(String, usize, usize)>,
}

struct Builder<'t> {
    text: &'t str,
    /// Where each character begins.
    bytes: Vec<usize>,
    open: Vec<Open>,
    documents: Vec<Node>,
    /// The anchors that aliases name.
    aliased: BTreeSet<usize>,
}

impl Builder<'_> {
    fn byte(&self, character: usize) -> usize {
        self.bytes.get(character).copied().unwrap_or(self.text.len())
    }

    fn node(&self, span: Span, anchor: usize, kind: Kind) -> Node {
        let (start, end) = (self.byte(span.start.index()), self.byte(span.end.index()));
        let number = |value: usize| u32::try_from(value).unwrap_or(u32::MAX);
        let written = self.text.get(start..end).unwrap_or_default().trim_end().len();
        Node {
            start,
            end: start + written,
            line: number(span.start.line()),
            column: number(span.start.col()).saturating_add(1),
            key: None,
            anchor,
            is_shared: false,
            kind,
        }
    }

    fn take(&mut self, event: &Event<'_>, span: Span) -> Result<(), String> {
        match event {
            Event::SequenceStart(anchor, ..) => self.begin(span, *anchor, Kind::Sequence(Vec::new())),
            Event::MappingStart(anchor, ..) => self.begin(span, *anchor, Kind::Mapping(Vec::new())),
            Event::SequenceEnd | Event::MappingEnd => {
                let Some(Open { mut node, .. }) = self.open.pop() else { return Ok(()) };
                let is_flow = self.text[node.start..].starts_with(['[', '{']);
                let within = match &node.kind {
                    Kind::Sequence(items) => items.last().map(|item| item.end),
                    Kind::Mapping(entries) => entries.last().map(|entry| entry.value.end.max(entry.end)),
                    Kind::Scalar(_) | Kind::Nothing | Kind::Block(_) | Kind::Alias => None,
                };
                node.end = match within {
                    Some(end) if !is_flow => end,
                    _ => self.byte(span.end.index()),
                };
                return self.complete(node);
            }
            Event::Scalar(text, style, anchor, ..) => {
                let kind = match style {
                    ScalarStyle::Literal | ScalarStyle::Folded => Kind::Block(text.to_string()),
                    ScalarStyle::Plain if matches!(&**text, "" | "null" | "Null" | "NULL" | "~") => {
                        Kind::Nothing
                    }
                    _ => Kind::Scalar(text.to_string()),
                };
                let node = self.node(span, *anchor, kind);
                return self.complete(node);
            }
            Event::Alias(anchor) => {
                self.aliased.insert(*anchor);
                let node = self.node(span, 0, Kind::Alias);
                return self.complete(node);
            }
            _ => {}
        }
        Ok(())
    }

    fn begin(&mut self, span: Span, anchor: usize, kind: Kind) {
        let node = self.node(span, anchor, kind);
        self.open.push(Open { node, key: None });
    }

    fn complete(&mut self, node: Node) -> Result<(), String> {
        let Some(Open { node: parent, key }) = self.open.last_mut() else {
            self.documents.push(node);
            return Ok(());
        };
        match (&mut parent.kind, key.take()) {
            (Kind::Sequence(items), _) => items.push(node),
            (Kind::Mapping(entries), Some((key, start, end))) => {
                entries.push(Entry { key, start, end, value: Node { key: Some(start..end), ..node } });
            }
            (Kind::Mapping(_), None) => match node.kind {
                Kind::Scalar(text) | Kind::Block(text) => *key = Some((text, node.start, node.end)),
                Kind::Nothing => *key = Some((String::new(), node.start, node.end)),
                _ => return Err("a key is no text".into()),
            },
            (Kind::Scalar(_) | Kind::Nothing | Kind::Block(_) | Kind::Alias, _) => {}
        }
        Ok(())
    }
}
