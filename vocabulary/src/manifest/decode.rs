//! From a tree to a type of `k8s-openapi`, with a place for whatever is wrong: a serde deserializer that also tells
//! which fields a document sets, and which of its keys the type does not have (`k8s-openapi` itself ignores those).

use std::cell::RefCell;
use std::fmt;

use serde::de::{self, DeserializeSeed, Deserializer, IntoDeserializer, MapAccess, SeqAccess, Visitor};
use serde::forward_to_deserialize_any;

use super::suggest::nearest;
use super::tree::{Entry, Mark, Tree, Value, quoted};

/// A value of the wrong type, or a key that the type does not have.
#[derive(Clone, Debug, PartialEq)]
pub struct Misfit {
    /// Where; none only until the value around it adds it.
    pub mark: Option<Mark>,
    /// The path of the field.
    pub path: String,
    /// What is wrong.
    pub says: String,
    /// What would be accepted.
    pub accepted: String,
}

/// A field that a document sets.
#[derive(Clone, Debug, PartialEq)]
pub struct Used {
    /// The path, without the numbers of items: `spec.containers[].image`.
    pub path: String,
    /// Where its key stands.
    pub mark: Mark,
    /// It is false, an empty list, or what the API server fills in, which says what is so anyway.
    pub says_nothing: bool,
}

/// What came of a document.
pub struct Decoded<T> {
    /// The object, unless something had the wrong type.
    pub object: Option<T>,
    /// The fields that it sets; an object's field comes before the fields within.
    pub used: Vec<Used>,
    /// Unknown keys, and the first value of a wrong type.
    pub misfits: Vec<Misfit>,
}

/// What the API server fills in where a field is not set, as every object that is read from a cluster has it (S28
/// `pkg/apis/core/v1/defaults.go`).
const FILLED_IN: [(&str, &str); 3] = [
    ("schedulerName", "default-scheduler"),
    ("sessionAffinity", "None"),
    ("preemptionPolicy", "PreemptLowerPriority"),
];

fn is_so_anyway(key: &str, value: &Value) -> bool {
    match value {
        Value::Bool(value) => !value,
        Value::Sequence(items) => items.is_empty(),
        Value::Int(value) => key == "priority" && *value == 0,
        Value::String(text) => FILLED_IN.contains(&(key, text)),
        _ => false,
    }
}

/// Reads `tree` as a `T`.
pub fn decode<T: de::DeserializeOwned>(tree: &Tree) -> Decoded<T> {
    let notes = Notes::default();
    let result = T::deserialize(Decoder { tree, path: String::new(), notes: &notes });
    let mut misfits = notes.misfits.into_inner();
    let object = result.map_err(|misfit| misfits.push(misfit)).ok();
    misfits.sort_by_key(|misfit| misfit.mark);
    Decoded { object, used: notes.used.into_inner(), misfits }
}

#[derive(Default)]
struct Notes {
    used: RefCell<Vec<Used>>,
    misfits: RefCell<Vec<Misfit>>,
}

impl fmt::Display for Misfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path, self.says)
    }
}

impl std::error::Error for Misfit {}

impl de::Error for Misfit {
    fn custom<M: fmt::Display>(says: M) -> Self {
        Self {
            mark: None,
            path: String::new(),
            says: says.to_string(),
            accepted: "what the type of the field can hold".into(),
        }
    }

    fn invalid_type(_: de::Unexpected<'_>, expected: &dyn de::Expected) -> Self {
        let expected = expected.to_string();
        let accepted = match expected.as_str() {
            "IntOrString" => {
                "a whole number from 0 to 2147483647, or a string such as '25%' or the name of a port".into()
            }
            _ => expected,
        };
        Self { mark: None, path: String::new(), says: String::new(), accepted }
    }

    fn invalid_value(_: de::Unexpected<'_>, expected: &dyn de::Expected) -> Self {
        Self::invalid_type(de::Unexpected::Unit, expected)
    }
}

impl Misfit {
    fn around(mut self, decoder: &Decoder<'_>) -> Self {
        if self.mark.is_none() {
            self.mark = Some(decoder.tree.mark);
            self.path.clone_from(&decoder.path);
            if self.says.is_empty() {
                self.says = format!("is {}", decoder.tree.describe());
            }
        }
        self
    }
}

#[derive(Clone)]
struct Decoder<'t> {
    tree: &'t Tree,
    path: String,
    notes: &'t Notes,
}

impl<'t> Decoder<'t> {
    fn misfit(&self, accepted: impl Into<String>) -> Misfit {
        Misfit {
            mark: Some(self.tree.mark),
            path: self.path.clone(),
            says: format!("is {}", self.tree.describe()),
            accepted: accepted.into(),
        }
    }

    fn entry(&self, entry: &'t Entry) -> Self {
        let path =
            if self.path.is_empty() { entry.key.clone() } else { format!("{}.{}", self.path, entry.key) };
        Self { tree: &entry.value, path, notes: self.notes }
    }

    fn item(&self, index: usize, tree: &'t Tree) -> Self {
        Self { tree, path: format!("{}[{index}]", self.path), notes: self.notes }
    }

    /// A whole number, also one that is written like `2.0`.
    fn whole(&self) -> Option<i64> {
        match self.tree.value {
            Value::Null => Some(0),
            Value::Int(value) => Some(value),
            // 2^53: beyond, not every whole number can be told.
            Value::Float(value) if value.fract() == 0.0 && value.abs() <= 9_007_199_254_740_992.0 => {
                Some(value as i64)
            }
            _ => None,
        }
    }

    /// Whole numbers of the manifests that may be below zero are few.
    fn accepted_number(&self, most: i64) -> String {
        let field = self.path.rsplit('.').next().unwrap_or_default();
        let least = if matches!(field, "value" | "priority" | "exitCode") { -most - 1 } else { 0 };
        format!("a whole number from {least} to {most}")
    }

    fn string(&self) -> Result<&'t str, Misfit> {
        match &self.tree.value {
            Value::String(text) => Ok(text),
            Value::Null => Ok(""),
            Value::Bool(value) => Err(self.misfit(format!("a string; with quotes it is one: \"{value}\""))),
            Value::Int(value) => Err(self.misfit(format!("a string; with quotes it is one: \"{value}\""))),
            Value::Float(value) => Err(self.misfit(format!("a string; with quotes it is one: \"{value}\""))),
            Value::Sequence(_) | Value::Mapping(_) => Err(self.misfit("a string")),
        }
    }

    fn number(&self, most: i64) -> Result<i64, Misfit> {
        let value = self.whole().filter(|value| (-most - 1..=most).contains(value));
        value.ok_or_else(|| self.misfit(self.accepted_number(most)))
    }

    fn sequence(&self) -> Result<Items<'t>, Misfit> {
        match &self.tree.value {
            Value::Sequence(items) => Ok(self.seq_of(items)),
            Value::Null => Ok(self.seq_of(&[])),
            _ => Err(self.misfit("a list")),
        }
    }

    fn mapping(&self) -> Result<Entries<'t>, Misfit> {
        match &self.tree.value {
            Value::Mapping(entries) => Ok(self.map_of(entries.iter().collect())),
            Value::Null => Ok(self.map_of(Vec::new())),
            _ => Err(self.misfit("a mapping of names to values")),
        }
    }

    /// The entries that the struct of this `name` has fields for, which are used; the others are misfits.
    fn fields(&self, name: &str, fields: &'static [&'static str]) -> Result<Entries<'t>, Misfit> {
        let entries = match &self.tree.value {
            Value::Mapping(entries) => entries.as_slice(),
            Value::Null => &[],
            _ => return Err(self.misfit(format!("a mapping with fields of {name}: {}", fields.join(", ")))),
        };
        let (known, unknown): (Vec<_>, Vec<_>) =
            entries.iter().partition(|entry| fields.contains(&entry.key.as_str()));
        for entry in unknown {
            let near = nearest(&entry.key, fields.iter().copied());
            let says = format!("{} is no field of {name}", quoted(&entry.key));
            let (says, accepted) = match near {
                Some(near) => (format!("{says}; did you mean '{near}'?"), near.to_owned()),
                None => (says, fields.join(", ")),
            };
            let path = self.entry(entry).path;
            self.notes.misfits.borrow_mut().push(Misfit { mark: Some(entry.mark), path, says, accepted });
        }
        for entry in known.iter().filter(|entry| entry.value.value != Value::Null) {
            self.notes.used.borrow_mut().push(Used {
                path: without_numbers(&self.entry(entry).path),
                mark: entry.mark,
                says_nothing: is_so_anyway(&entry.key, &entry.value.value),
            });
        }
        Ok(self.map_of(known))
    }

    fn seq_of(&self, items: &'t [Tree]) -> Items<'t> {
        Items { decoder: self.clone(), items: items.iter().enumerate() }
    }

    fn map_of(&self, entries: Vec<&'t Entry>) -> Entries<'t> {
        Entries { decoder: self.clone(), entries: entries.into_iter(), value: None }
    }
}

impl<'de> Deserializer<'de> for Decoder<'_> {
    type Error = Misfit;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        let result = match &self.tree.value {
            Value::Null => visitor.visit_unit(),
            Value::Bool(value) => visitor.visit_bool(*value),
            Value::Int(value) => visitor.visit_i64(*value),
            Value::Float(value) => match self.whole() {
                Some(whole) => visitor.visit_i64(whole),
                None => visitor.visit_f64(*value),
            },
            Value::String(text) => visitor.visit_str(text),
            Value::Sequence(items) => visitor.visit_seq(self.seq_of(items)),
            Value::Mapping(entries) => visitor.visit_map(self.map_of(entries.iter().collect())),
        };
        result.map_err(|misfit: Misfit| misfit.around(&self))
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        match self.tree.value {
            Value::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        match self.tree.value {
            Value::Bool(value) => visitor.visit_bool(value),
            Value::Null => visitor.visit_bool(false),
            _ => Err(self.misfit("true or false")),
        }
    }

    fn deserialize_i32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        visitor.visit_i64(self.number(i32::MAX.into())?).map_err(|misfit: Misfit| misfit.around(&self))
    }

    fn deserialize_i64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        visitor.visit_i64(self.number(i64::MAX)?).map_err(|misfit: Misfit| misfit.around(&self))
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        visitor.visit_str(self.string()?).map_err(|misfit: Misfit| misfit.around(&self))
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        self.deserialize_str(visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Misfit> {
        let is_amount = matches!(self.tree.value, Value::Int(_) | Value::Float(_) | Value::String(_));
        if name == "Quantity" && !is_amount {
            return Err(self.misfit(super::quantity::ACCEPTED));
        }
        if name == "FieldsV1" {
            // Who wrote which field: any JSON, of which nobody reads anything.
            return visitor.visit_newtype_struct(().into_deserializer());
        }
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        visitor.visit_seq(self.sequence()?).map_err(|misfit: Misfit| misfit.around(&self))
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        visitor.visit_map(self.mapping()?).map_err(|misfit: Misfit| misfit.around(&self))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Misfit> {
        visitor.visit_map(self.fields(name, fields)?).map_err(|misfit: Misfit| misfit.around(&self))
    }

    forward_to_deserialize_any! {
        i8 i16 i128 u8 u16 u32 u64 u128 f32 f64 char bytes byte_buf unit unit_struct tuple tuple_struct enum identifier
        ignored_any
    }
}

/// `a[3].b` as `a[].b`.
fn without_numbers(path: &str) -> String {
    let mut result = String::with_capacity(path.len());
    let mut in_brackets = false;
    for next in path.chars() {
        match next {
            '[' => in_brackets = true,
            ']' => in_brackets = false,
            _ if in_brackets => continue,
            _ => {}
        }
        result.push(next);
    }
    result
}

struct Items<'t> {
    decoder: Decoder<'t>,
    items: std::iter::Enumerate<std::slice::Iter<'t, Tree>>,
}

impl<'t> Items<'t> {
    fn next_item(&mut self) -> Option<Decoder<'t>> {
        self.items.next().map(|(index, tree)| self.decoder.item(index, tree))
    }
}

impl<'de> SeqAccess<'de> for Items<'_> {
    type Error = Misfit;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Misfit> {
        let Some(item) = self.next_item() else { return Ok(None) };
        seed.deserialize(item.clone()).map(Some).map_err(|misfit| misfit.around(&item))
    }
}

struct Entries<'t> {
    decoder: Decoder<'t>,
    entries: std::vec::IntoIter<&'t Entry>,
    value: Option<&'t Entry>,
}

impl<'t> Entries<'t> {
    fn next_key(&mut self) -> Option<&'t str> {
        self.value = self.entries.next();
        self.value.map(|entry| entry.key.as_str())
    }

    fn next_value(&mut self) -> Decoder<'t> {
        self.decoder.entry(self.value.take().expect("serde asks for a value only after its key"))
    }
}

impl<'de> MapAccess<'de> for Entries<'_> {
    type Error = Misfit;

    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Misfit> {
        let Some(key) = self.next_key() else { return Ok(None) };
        seed.deserialize(de::value::StrDeserializer::new(key)).map(Some)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Misfit> {
        let value = self.next_value();
        seed.deserialize(value.clone()).map_err(|misfit| misfit.around(&value))
    }
}
