//! A piece of JSON as one number that is the same on every machine and in every release of this program.

use serde_json::Value;

/// FNV-1a, 64 bits.
struct Fnv(u64);

impl Fnv {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }

    /// A text with its length, so that two beside each other are not another two.
    fn text(&mut self, kind: u8, text: &str) {
        self.write(&[kind]);
        self.write(&(text.len() as u64).to_le_bytes());
        self.write(text.as_bytes());
    }

    fn value(&mut self, value: &Value) {
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
}

/// The number of a pod template: the order of its fields does not matter, nor a field that is null, such as
/// `creationTimestamp` in older releases. Defaults that another API version leaves out do matter.
pub(super) fn fingerprint(template: &Value) -> u64 {
    let mut hash = Fnv(0xcbf2_9ce4_8422_2325);
    hash.value(template);
    hash.0
}

/// What a pod or a template says of the pod that whoever creates it must not change: its labels, and the image of each container.
pub(super) fn made_of(pod: &Value) -> u64 {
    let mut hash = Fnv(0xcbf2_9ce4_8422_2325);
    hash.value(&pod["metadata"]["labels"]);
    for field in ["initContainers", "containers"] {
        for container in pod["spec"][field].as_array().into_iter().flatten() {
            hash.value(&container["name"]);
            hash.value(&container["image"]);
        }
    }
    hash.0
}

/// The label that a Deployment adds to the template of each of its ReplicaSets.
pub(super) const HASH: &str = "pod-template-hash";

/// The template of a Deployment, or the one that its ReplicaSet is made of.
fn plain(controller: &Value) -> Value {
    let mut template = controller["spec"]["template"].clone();
    if let Some(labels) = template.pointer_mut("/metadata/labels").and_then(Value::as_object_mut) {
        labels.remove(HASH);
    }
    template
}

/// The number of the template of a Deployment, or of the one that its ReplicaSet is made of.
pub fn template_of(controller: &Value) -> u64 {
    fingerprint(&plain(controller))
}

/// What that template says of its pods that no ReplicaSet of it changes: labels and images.
pub(super) fn pods_of(controller: &Value) -> u64 {
    made_of(&plain(controller))
}
