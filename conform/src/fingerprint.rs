//! A piece of JSON as one number that is the same on every machine and in every release of this program; [`leaves`]: as one for each of its
//! leaves.

pub mod leaves;

use serde_json::Value;

/// FNV-1a, 64 bits.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fnv(u64);

impl Fnv {
    pub(crate) const NEW: Self = Self(0xcbf2_9ce4_8422_2325);

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }

    /// A text with its length, so that two beside each other are not another two.
    pub(crate) fn text(&mut self, kind: u8, text: &str) {
        self.write(&[kind]);
        self.write(&(text.len() as u64).to_le_bytes());
        self.write(text.as_bytes());
    }

    pub(crate) fn value(&mut self, value: &Value) {
        match value {
            Value::Null => self.write(b"z"),
            Value::Bool(flag) => self.write(if *flag { b"t" } else { b"f" }),
            Value::Number(number) => self.text(b'n', &number.to_string()),
            Value::String(text) => self.text(b's', text),
            Value::Array(values) => {
                self.write(b"[");
                values.iter().for_each(|value| self.value(value));
                self.write(b"]");
            }
            Value::Object(members) => {
                let mut members: Vec<_> = members.iter().filter(|(_, value)| !value.is_null()).collect();
                members.sort_by_key(|(key, _)| *key);
                self.write(b"{");
                for (key, value) in members {
                    self.text(b'k', key);
                    self.value(value);
                }
                self.write(b"}");
            }
        }
    }

    pub(crate) const fn number(self) -> u64 {
        self.0
    }
}

/// The number of a piece of JSON: the order of its fields does not matter, nor a field that is null, such as `creationTimestamp` in older
/// releases. Defaults that another API version leaves out do matter.
pub(crate) fn fingerprint(value: &Value) -> u64 {
    let mut hash = Fnv::NEW;
    hash.value(value);
    hash.number()
}
