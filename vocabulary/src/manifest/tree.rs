//! A document as a tree that remembers where each of its values stands.

/// A place in a file, in lines and characters from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mark {
    /// Its line.
    pub line: u32,
    /// Its column.
    pub column: u32,
}

/// A value with its place.
#[derive(Clone, Debug, PartialEq)]
pub struct Tree {
    /// Where it starts.
    pub mark: Mark,
    /// What it is.
    pub value: Value,
}

/// A value, typed as kubectl types it on its way from YAML to JSON.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Nothing.
    Null,
    /// True or false.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// Another number.
    Float(f64),
    /// A string.
    String(String),
    /// A list.
    Sequence(Vec<Tree>),
    /// Keys, each once, in their order.
    Mapping(Vec<Entry>),
}

/// A key with its value.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// The key.
    pub key: String,
    /// Where the key stands.
    pub mark: Mark,
    /// Its value.
    pub value: Tree,
}

impl Tree {
    /// The entries of a mapping; none of anything else.
    pub fn entries(&self) -> &[Entry] {
        match &self.value {
            Value::Mapping(entries) => entries,
            _ => &[],
        }
    }

    /// The items of a sequence; none of anything else.
    pub fn items(&self) -> &[Self] {
        match &self.value {
            Value::Sequence(items) => items,
            _ => &[],
        }
    }

    /// The entry of a mapping with this key.
    pub fn entry(&self, key: &str) -> Option<&Entry> {
        self.entries().iter().find(|entry| entry.key == key)
    }

    /// The value of this key in a mapping.
    pub fn get(&self, key: &str) -> Option<&Self> {
        self.entry(key).map(|entry| &entry.value)
    }

    /// The text of a string.
    pub fn text(&self) -> Option<&str> {
        match &self.value {
            Value::String(text) => Some(text),
            _ => None,
        }
    }

    /// How many levels are below it.
    pub fn height(&self) -> usize {
        let below = match &self.value {
            Value::Sequence(items) => items.iter().map(Self::height).max(),
            Value::Mapping(entries) => entries.iter().map(|entry| entry.value.height()).max(),
            _ => return 0,
        };
        1 + below.unwrap_or(0)
    }

    /// What it costs to have it once more, in units of the budget.
    pub fn cost(&self) -> usize {
        match &self.value {
            Value::Sequence(items) => 1 + items.iter().map(Self::cost).sum::<usize>(),
            Value::Mapping(entries) => {
                1 + entries.iter().map(|entry| cost_of(&entry.key) + entry.value.cost()).sum::<usize>()
            }
            Value::String(text) => cost_of(text),
            _ => 1,
        }
    }

    /// What it is, for a message: `the number 3`.
    pub fn describe(&self) -> String {
        match &self.value {
            Value::Null => "nothing".into(),
            Value::Bool(value) => format!("the boolean {value}"),
            Value::Int(value) => format!("the number {value}"),
            Value::Float(value) => format!("the number {value}"),
            Value::String(text) => format!("the string {}", quoted(text)),
            Value::Sequence(_) => "a list".into(),
            Value::Mapping(_) => "a mapping".into(),
        }
    }
}

/// What a text costs, in units of the budget.
pub fn cost_of(text: &str) -> usize {
    1 + text.len() / 32
}

/// A text in quotes, cut where it gets long, with its control characters escaped.
pub fn quoted(text: &str) -> String {
    const LONGEST: usize = 60;
    let escaped: String = text.chars().take(LONGEST).flat_map(char::escape_debug).collect();
    let more = if text.chars().nth(LONGEST).is_some() { "..." } else { "" };
    format!("'{}{more}'", escaped.replace("\\'", "'"))
}
