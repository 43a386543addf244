//! Changing one field of an object in the text that it stands in; every other line stays as it is, comments too.

mod meaning;
mod outline;
mod path;
#[cfg(test)]
mod tests;
mod write;

use super::Place;
use super::joined::joints;
use outline::{Kind, Node, outline};
use write::{block, flow, item};

pub use path::{FieldPath, Key};

/// Why a change is not made that would mean something else, too.
const AROUND: &str = "the text around it is written in a way in which it cannot be changed";

/// What a field is set to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// A number, a boolean, or a text as it is to be written.
    Plain(String),
    /// A list.
    List(Vec<Self>),
    /// Fields with their values, in their order.
    Fields(Vec<(String, Self)>),
}

impl Value {
    /// A number.
    pub fn number(number: u32) -> Self {
        Self::Plain(number.to_string())
    }
}

/// What a field of an object says; none if it is not there, or is no plain value.
pub fn get(text: &str, place: &Place, path: &FieldPath) -> Option<String> {
    let documents = outline(text).ok()?;
    match walk(object(&documents, place).ok()?, path).ok()? {
        (node, []) => match &node.kind {
            Kind::Scalar(value) | Kind::Block(value) => Some(value.clone()),
            _ => None,
        },
        _ => None,
    }
}

/// Is a field of an object there?
pub fn has(text: &str, place: &Place, path: &FieldPath) -> bool {
    let Ok(documents) = outline(text) else { return false };
    let found = object(&documents, place).and_then(|object| walk(object, path));
    found.is_ok_and(|(_, missing)| missing.is_empty())
}

/// The keys and values of a mapping of an object, as far as they are plain; none if it is not there.
pub fn fields(text: &str, place: &Place, path: &FieldPath) -> Option<Vec<(String, String)>> {
    let documents = outline(text).ok()?;
    let (node, []) = walk(object(&documents, place).ok()?, path).ok()? else { return None };
    let Kind::Mapping(entries) = &node.kind else { return None };
    let plain = entries.iter().filter_map(|entry| match &entry.value.kind {
        Kind::Scalar(value) | Kind::Block(value) => Some((entry.key.clone(), value.clone())),
        _ => None,
    });
    Some(plain.collect())
}

/// Where a field of an object stands, or what is there of what is around it.
pub fn nearest(text: &str, place: &Place, path: &FieldPath) -> Option<Place> {
    let documents = outline(text).ok()?;
    let (node, _) = walk(object(&documents, place).ok()?, path).ok()?;
    Some(Place { file: place.file.clone(), line: node.line, column: node.column })
}

/// The path of the same field by the places of items in their lists: of two paths that lead to one field it is the same.
///
/// # Errors
/// Why there can be no such field, in a sentence.
pub fn resolved(text: &str, place: &Place, path: &FieldPath) -> Result<FieldPath, String> {
    let documents = outline(text)?;
    let located = |why: String| format!("{path}: {why}");
    let mut node = object(&documents, place)?;
    let mut keys = Vec::new();
    for (number, key) in path.0.iter().enumerate() {
        let Some((key, next)) = step(node, key).map_err(located)? else {
            keys.extend_from_slice(&path.0[number..]);
            break;
        };
        keys.push(key);
        node = next;
    }
    Ok(FieldPath(keys))
}

/// `text` with a field of the object that begins at `place` set to `value`; fields around it that are missing are added.
///
/// # Errors
/// Why it cannot be done, in a sentence.
pub fn set(text: &str, place: &Place, path: &FieldPath, value: &Value) -> Result<String, String> {
    let documents = outline(text)?;
    let located = |why: String| format!("{path}: {why}");
    let object = object(&documents, place)?;
    refuse_shared(object, path).map_err(located)?;
    let (node, missing) = walk(object, path).map_err(located)?;
    let mut edited = text.to_owned();
    let ends_lines = if text.contains("\r\n") { "\r\n" } else { "\n" };
    let Splice { start, end, with } = match (missing, value) {
        ([], Value::Plain(value)) => match &node.kind {
            Kind::Nothing if node.start == node.end => {
                let at = behind_colon(text, node).map_err(located)?;
                Splice { start: at, end: at, with: format!(" {value}") }
            }
            Kind::Alias => Splice { start: node.start, end: node.end, with: value.clone() },
            Kind::Scalar(_) | Kind::Nothing => {
                let with = anchor(&text[node.start..node.end]) + value;
                Splice { start: node.start, end: node.end, with }
            }
            Kind::Block(_) => {
                return Err(format!("{path}: is a text in lines of its own, which is not changed"));
            }
            _ => return Err(format!("{path}: is no plain value")),
        },
        ([], _) => return Err(format!("{path}: is set")),
        (missing, value) => addition(text, node, missing, value).map_err(located)?,
    };
    edited.replace_range(start..end, &with.replace('\n', ends_lines));
    let is_set =
        resolved(text, place, path).is_ok_and(|path| meaning::is_set(text, &edited, place, &path, value));
    match is_set {
        true => Ok(edited),
        false if text.contains("<<") => {
            Err(located(format!("{AROUND}; what a merge key, <<, stands for is not looked into")))
        }
        false => Err(located(AROUND.into())),
    }
}

/// `text` with one more document behind the others, of these fields.
///
/// # Errors
/// Why it cannot be done, in a sentence.
pub fn append(text: &str, fields: &[(String, Value)]) -> Result<String, String> {
    if is_json(text) {
        return Err("JSON holds one document, and another cannot be added".into());
    }
    let ends_lines = if text.contains("\r\n") { "\r\n" } else { "\n" };
    let is_cut = !text.is_empty() && !text.ends_with('\n');
    let lines: String = fields.iter().map(|(name, value)| block(name, value, 0)).collect();
    let with = format!("{}---\n{lines}", if is_cut { "\n" } else { "" });
    let edited = format!("{text}{}", with.replace('\n', ends_lines));
    if meaning::is_added(text, &edited, fields) { Ok(edited) } else { Err(AROUND.into()) }
}

/// A change of a text: what stands in `start..end` becomes `with`.
struct Splice {
    start: usize,
    end: usize,
    with: String,
}

fn object<'n>(documents: &'n [Node], place: &Place) -> Result<&'n Node, String> {
    documents
        .iter()
        .find_map(|document| document.mapping_at(place.line, place.column))
        .ok_or_else(|| format!("{place}: no object begins here"))
}

/// How far `path` leads from `node`: the last value on it that is there, and what is missing.
fn walk<'n, 'p>(node: &'n Node, path: &'p FieldPath) -> Result<(&'n Node, &'p [Key]), String> {
    let mut node = node;
    for (place, key) in path.0.iter().enumerate() {
        match step(node, key)? {
            Some((_, next)) => node = next,
            None => return Ok((node, &path.0[place..])),
        }
    }
    Ok((node, &[]))
}

/// What `key` leads to from `node`, with the key that gives its place; none of a field that is missing.
fn step<'n>(node: &'n Node, key: &Key) -> Result<Option<(Key, &'n Node)>, String> {
    match (&node.kind, key) {
        (Kind::Mapping(_), Key::Field(name)) => Ok(node.entry(name).map(|entry| (key.clone(), &entry.value))),
        (Kind::Sequence(items), Key::Index(number)) => {
            let item = items.get(*number).ok_or_else(|| format!("there are {} items", items.len()))?;
            Ok(Some((key.clone(), item)))
        }
        (Kind::Sequence(items), Key::Named(name)) => {
            let is_named = |item: &Node| {
                item.entry("name")
                    .is_some_and(|entry| matches!(&entry.value.kind, Kind::Scalar(of) if of == name))
            };
            let number =
                items.iter().position(is_named).ok_or_else(|| format!("no item is called '{name}'"))?;
            Ok(Some((Key::Index(number), &items[number])))
        }
        (Kind::Alias, _) => Err("stands in an alias, which other places share".into()),
        (Kind::Sequence(_), Key::Front) | (Kind::Nothing, Key::Field(_)) => Ok(None),
        _ => Err("is not what stands there".into()),
    }
}

/// Refuses a change of what an alias stands for elsewhere: that would change with it.
fn refuse_shared(object: &Node, path: &FieldPath) -> Result<(), String> {
    let mut node = object;
    for key in std::iter::once(None).chain(path.0.iter().map(Some)) {
        if let Some(key) = key {
            let Some((_, next)) = step(node, key)? else { break };
            node = next;
        }
        if node.is_shared {
            return Err(format!(
                "an alias stands for what begins in line {}, and would change with it; accepted is a manifest in which it is \
                 written twice",
                node.line
            ));
        }
    }
    Ok(())
}

/// Behind the colon of a key that has no value in its line.
fn behind_colon(text: &str, node: &Node) -> Result<usize, String> {
    let refused = || "is set to nothing, and cannot be changed as it is written".to_owned();
    let key = node.key.as_ref().ok_or_else(refused)?;
    let colon = key.end + text[key.end..].find(':').ok_or_else(refused)?;
    let rest = text[colon + 1..].lines().next().unwrap_or_default().trim_start();
    match rest.is_empty() || rest.starts_with('#') {
        true => Ok(colon + 1),
        false => Err(refused()),
    }
}

/// What is to be added to the list `node` for one more item before the others.
fn front_item(text: &str, node: &Node, value: &Value) -> Result<Splice, String> {
    let Kind::Sequence(items) = &node.kind else { return Err("is no list".into()) };
    let at = |at: usize, with: String| Ok(Splice { start: at, end: at, with });
    if text[node.start..].starts_with('[') {
        let quoted = text[..node.start].trim_end().ends_with("\":");
        let comma = if items.is_empty() { "" } else { ", " };
        return at(node.start + 1, format!("{}{comma}", flow(value, quoted)));
    }
    let first = items.first().map_or(node.start, |first| first.start);
    let line = line_start(text, first);
    let is_margin = |margin: &str| margin.chars().all(|letter| letter == ' ');
    match text[line..first].split_once('-') {
        Some((margin, behind)) if is_margin(margin) && is_margin(behind) => {
            at(line, item(value, margin.len()))
        }
        _ => Err("is a list that cannot be changed as it is written".into()),
    }
}

/// What is to be added to the mapping `node` for the fields `missing`, the last of which is `value`.
fn addition(text: &str, node: &Node, missing: &[Key], value: &Value) -> Result<Splice, String> {
    if missing == [Key::Front] {
        return front_item(text, node, value);
    }
    let Some((Key::Field(name), within)) = missing.split_first() else {
        return Err("a list has no such item".into());
    };
    let mut value = value.clone();
    for key in within.iter().rev() {
        let Key::Field(name) = key else { return Err("the list is missing".into()) };
        value = Value::Fields(vec![(name.clone(), value)]);
    }
    if matches!(node.kind, Kind::Nothing) && node.start < node.end {
        let with = flow(&Value::Fields(vec![(name.clone(), value)]), is_json(text));
        return Ok(Splice { start: node.start, end: node.end, with });
    }
    let at = |at: usize, with: String| Splice { start: at, end: at, with };
    let Kind::Mapping(entries) = &node.kind else {
        let colon = behind_colon(text, node)?;
        let key = node.key.as_ref().map_or(colon, |key| key.start);
        let indent = text[line_start(text, key)..key].chars().count() + write::STEP;
        return Ok(behind_line(text, colon, &block(name, &value, indent)));
    };
    let is_flow = text[node.start..].starts_with('{');
    let (Some(first), Some(last)) = (entries.first(), entries.last()) else {
        let quoted = text[..node.start].contains('"');
        return match is_flow {
            true => Ok(at(node.start + 1, format!("{}: {}", write::key(name, quoted), flow(&value, quoted)))),
            false => Err("is empty".into()),
        };
    };
    if is_flow {
        let quoted = text[first.start..].starts_with('"');
        let with = format!(", {}: {}", write::key(name, quoted), flow(&value, quoted));
        return Ok(at(last.value.end.max(last.end), with));
    }
    let line = line_start(text, first.start);
    let indent = text[line..first.start].chars().count();
    let lines = block(name, &value, indent);
    let stands_alone = text[line..first.start].chars().all(char::is_whitespace);
    // A plain field comes first, where it is seen; what is longer stands behind the others.
    if stands_alone && matches!(value, Value::Plain(_)) {
        return Ok(at(line, lines));
    }
    Ok(behind_line(text, node.end, &lines))
}

/// Lines behind the one that `at` is in. Where a `---` ends that one, as files were joined without a line break, they come before it,
/// and it gets a line of its own.
fn behind_line(text: &str, at: usize, lines: &str) -> Splice {
    let added = |at: usize, with: String| Splice { start: at, end: at, with };
    let end = at + text[at..].find('\n').map_or(text.len() - at, |at| at + 1);
    let number = text[..at].matches('\n').count() + 1;
    if joints(text).iter().any(|mark| mark.line as usize == number) {
        return added(at, format!("\n{lines}"));
    }
    let is_cut = !text[..end].ends_with('\n');
    added(end, if is_cut { format!("\n{}", lines.trim_end()) } else { lines.to_owned() })
}

/// The anchor of a value, with the space behind it: other places may share the value by it.
fn anchor(written: &str) -> String {
    let properties = written.split_whitespace().take_while(|word| word.starts_with(['&', '!']));
    properties.filter(|word| word.starts_with('&')).map(|anchor| format!("{anchor} ")).collect()
}

fn is_json(text: &str) -> bool {
    text.trim_start().starts_with(['{', '['])
}

fn line_start(text: &str, at: usize) -> usize {
    text[..at].rfind('\n').map_or(0, |line| line + 1)
}
