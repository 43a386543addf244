//! A line of a recording, and what it says.

use jiff::Timestamp;
use serde_json::Value;

use crate::said::Said;

/// Microseconds since the epoch.
pub type Micros = i64;

/// A line of a file.
#[derive(Clone, Debug)]
pub struct Line {
    /// Which line of the recording it is, wherever it is moved to.
    pub id: usize,
    /// What it says.
    pub value: Said,
}

impl Line {
    /// The text at this JSON pointer, or nothing.
    pub fn text(&self, pointer: &str) -> &str {
        self.value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
    }

    /// The number at this JSON pointer, or 0.
    pub fn number(&self, pointer: &str) -> i64 {
        self.value.pointer(pointer).and_then(Value::as_i64).unwrap_or_default()
    }

    /// Puts a value at a JSON pointer whose parent is an object; what is missing on the way to it is made.
    pub fn set(&mut self, pointer: &str, value: impl Into<Value>) {
        let mut at: &mut Value = &mut self.value;
        for key in pointer.split('/').skip(1) {
            at = match at {
                Value::Array(items) => &mut items[key.parse::<usize>().expect("an index")],
                other => &mut other[key],
            };
        }
        *at = value.into();
    }

    /// Who made a write.
    pub fn user(&self) -> &str {
        self.text("/user/username")
    }

    /// The node whose kubelet made a write.
    pub fn kubelet(&self) -> Option<&str> {
        self.user().strip_prefix("system:node:")
    }

    /// Was a write made by this controller of kube-controller-manager?
    pub fn is_by(&self, controller: &str) -> bool {
        self.user().strip_prefix("system:serviceaccount:kube-system:") == Some(controller)
    }

    /// Is it a write of this verb and resource, `pods/status` for example, that was granted?
    pub fn is(&self, verb: &str, resource: &str) -> bool {
        let (own, part) = resource.split_once('/').unwrap_or((resource, ""));
        self.text("/verb") == verb
            && self.text("/objectRef/resource") == own
            && self.text("/objectRef/subresource") == part
            && (200..400).contains(&self.number("/responseStatus/code"))
    }

    /// The name of the object of a write.
    pub fn name(&self) -> &str {
        match self.text("/objectRef/name") {
            "" => self.text("/responseObject/metadata/name"),
            name => name,
        }
    }

    /// The UID of the object of a write.
    pub fn uid(&self) -> &str {
        match self.text("/responseObject/metadata/uid") {
            "" => self.text("/objectRef/uid"),
            uid => uid,
        }
    }

    /// The resource version of the object after a write, or 0.
    pub fn version(&self) -> u64 {
        self.text("/responseObject/metadata/resourceVersion").parse().unwrap_or_default()
    }

    /// When a write was received.
    pub fn received(&self) -> Micros {
        self.moment("/requestReceivedTimestamp")
    }

    /// When a write was answered; of the line of another file, when it was written.
    pub fn at(&self) -> Micros {
        match self.number("/t_us") {
            0 => self.moment("/stageTimestamp"),
            at => at,
        }
    }

    fn moment(&self, pointer: &str) -> Micros {
        let text = self.text(pointer);
        text.parse::<Timestamp>().map_or(0, |moment| moment.as_microsecond())
    }

    /// Moves all times of the line, so that a write is received, or a thing happens, at this moment.
    pub fn happens(&mut self, at: Micros) {
        if self.value.get("auditID").is_some() {
            let took = self.at() - self.received();
            self.set("/requestReceivedTimestamp", text(at));
            self.set("/stageTimestamp", text(at + took));
            return;
        }
        let by = at - self.at();
        for key in ["/t_us", "/ev_us", "/start_us", "/end_us"] {
            let was = self.number(key);
            if was != 0 {
                self.set(key, was + by);
            }
        }
        let exited = self.moment("/exited_at");
        if exited != 0 {
            self.set("/exited_at", text(exited + by));
        }
    }

    /// The user of a write becomes another.
    pub fn made_by(&mut self, user: &str, agent: &str) {
        self.set("/user/username", user);
        self.set("/userAgent", agent);
    }
}

/// A moment in the manner of RFC 3339, with microseconds.
pub fn text(at: Micros) -> String {
    let moment = Timestamp::from_microsecond(at).expect("a moment of the recording");
    format!("{moment:.6}")
}
