//! Every field of the kinds that are read, from the types of `k8s-openapi` themselves: a deserializer that gives each
//! struct all of its fields, and notes their paths.

use std::cell::RefCell;

use serde::de::{self, DeserializeOwned, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::forward_to_deserialize_any;

use super::decode::Misfit;

/// The paths of all fields of `T`, such as `spec.containers[].image`, each before those within it.
pub fn fields<T: DeserializeOwned + k8s_openapi::Resource>() -> Vec<String> {
    let paths = RefCell::default();
    let whole = Fill { path: String::new(), text: "", api: (T::API_VERSION, T::KIND), paths: &paths };
    T::deserialize(whole).expect("an object with all fields can be read");
    paths.into_inner()
}

#[derive(Clone)]
struct Fill<'p> {
    path: String,
    text: &'static str,
    api: (&'static str, &'static str),
    paths: &'p RefCell<Vec<String>>,
}

impl Fill<'_> {
    fn below(&self, step: &str) -> Self {
        Self { path: format!("{}{step}", self.path), ..self.clone() }
    }
}

impl<'de> Deserializer<'de> for Fill<'_> {
    type Error = Misfit;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        visitor.visit_i64(1)
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        visitor.visit_bool(true)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        visitor.visit_some(self)
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        match self.path.as_str() {
            "apiVersion" => visitor.visit_str(self.api.0),
            "kind" => visitor.visit_str(self.api.1),
            _ => visitor.visit_str(self.text),
        }
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        self.deserialize_str(visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Misfit> {
        let text = if name.ends_with("Time") { "2024-01-01T00:00:00Z" } else { "" };
        visitor.visit_newtype_struct(Self { text, ..self })
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        visitor.visit_seq(One(Some(self.below("[]"))))
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        let value = self.below("{}");
        visitor.visit_map(Each {
            names: vec!["name"].into_iter(),
            value: None,
            at: Box::new(move |_| value.clone()),
        })
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Misfit> {
        let at = move |name: &str| {
            let field = self.below(&if self.path.is_empty() { name.to_owned() } else { format!(".{name}") });
            self.paths.borrow_mut().push(field.path.clone());
            field
        };
        visitor.visit_map(Each { names: Vec::from(fields).into_iter(), value: None, at: Box::new(at) })
    }

    forward_to_deserialize_any! {
        i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char bytes byte_buf unit unit_struct tuple tuple_struct enum
        identifier ignored_any
    }
}

struct One<'p>(Option<Fill<'p>>);

impl<'de> SeqAccess<'de> for One<'_> {
    type Error = Misfit;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Misfit> {
        self.0.take().map(|item| seed.deserialize(item)).transpose()
    }
}

struct Each<'p> {
    names: std::vec::IntoIter<&'static str>,
    value: Option<Fill<'p>>,
    at: Box<dyn Fn(&str) -> Fill<'p> + 'p>,
}

impl<'de> MapAccess<'de> for Each<'_> {
    type Error = Misfit;

    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Misfit> {
        let Some(name) = self.names.next() else { return Ok(None) };
        self.value = Some((self.at)(name));
        seed.deserialize(de::value::StrDeserializer::new(name)).map(Some)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Misfit> {
        seed.deserialize(self.value.take().expect("serde asks for a value only after its key"))
    }
}
