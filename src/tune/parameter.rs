//! What is tuned: a field of the manifest, and how its values are written.

use podproof_vocabulary::manifest::edit::{FieldPath, Value};
use podproof_vocabulary::manifest::sleeps_in_script;
use podproof_vocabulary::scenario::{ContainerKind, OnSigterm, PreStop, Scenario, WorkloadKind};

use super::arguments::Range;
use crate::edits::{Edit, Texts};

/// A field with the values that are tried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameter {
    /// The field.
    pub path: FieldPath,
    /// What it is, in words.
    pub says: String,
    /// What its values are, as `s`; nothing of plain numbers.
    pub unit: &'static str,
    /// The least value that is tried.
    pub from: u32,
    /// The greatest.
    pub to: u32,
    /// What the manifest has, be it said there or not; none if that is no such number.
    pub now: Option<u32>,
    /// What stands there instead, if anything, as `25%`.
    pub other: Option<String>,
    /// Nobody has asked to lower what the manifest has: it stays where it holds too.
    pub is_kept: bool,
    /// How they are written.
    pub form: Form,
}

/// How a number is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Form {
    /// As it is.
    Number,
    /// As a text of its own: an argument of a command.
    Argument,
    /// In a script such as `sleep 5`, between what stands before and after it.
    Script(String, String),
    /// As the command `sleep 5`.
    Command,
}

impl Parameter {
    /// A field that is a whole number.
    pub fn plain(range: &Range, texts: &Texts<'_>) -> Self {
        let Range { path, from, to } = range.clone();
        // What is written otherwise, as 010 is, may be another number.
        let is_plain = |now: &u32, text: &str| now.to_string() == text;
        let text = texts.value(&path);
        let now = text.as_ref().and_then(|text| text.parse().ok().filter(|now| is_plain(now, text)));
        let other = text.filter(|_| now.is_none());
        let (says, unit) = (path.to_string(), "");
        Self { says, path, unit, from, to, now, other, is_kept: false, form: Form::Number }
    }

    /// The same, from another value.
    #[must_use]
    pub fn down_to(self, from: u32) -> Self {
        Self { from, ..self }
    }

    /// The same, up to another value.
    #[must_use]
    pub fn up_to(self, to: u32) -> Self {
        Self { to, ..self }
    }

    /// A value as it is written.
    fn written(&self, value: u32) -> Value {
        let text = |text: String| Value::Plain(quoted(&text));
        match &self.form {
            Form::Number => Value::number(value),
            Form::Argument => text(value.to_string()),
            Form::Script(before, after) => text(format!("{before}{value}{after}")),
            Form::Command => Value::List(vec![text("sleep".into()), text(value.to_string())]),
        }
    }

    /// The field with a value; none if the manifest has it.
    pub fn edit(&self, value: u32) -> Option<Edit> {
        let is_new = self.now != Some(value);
        is_new.then(|| Edit::of_workload(self.path.clone(), self.written(value)))
    }

    /// The values from `from` to this one, as they are told.
    pub fn range(&self, to: u32) -> String {
        format!("{} to {}", self.from, self.value(to))
    }

    /// The value with its unit.
    pub fn value(&self, value: u32) -> String {
        if self.unit.is_empty() { value.to_string() } else { format!("{value} {}", self.unit) }
    }
}

/// A text in double quotes, as YAML reads it.
fn quoted(text: &str) -> String {
    let mut written = String::from("\"");
    for letter in text.chars() {
        match letter {
            '"' | '\\' => written.extend(['\\', letter]),
            '\n' => written.push_str("\\n"),
            '\t' => written.push_str("\\t"),
            '\r' => written.push_str("\\r"),
            control if u32::from(control) < 0x20 => {
                written.push_str(&format!("\\x{:02x}", u32::from(control)));
            }
            letter => written.push(letter),
        }
    }
    written.push('"');
    written
}

/// The spec of a workload's pods.
pub fn pod_spec(scenario: &Scenario) -> FieldPath {
    let root = FieldPath::default();
    match scenario.workload.kind {
        WorkloadKind::Pod => root.field("spec"),
        WorkloadKind::Deployment | WorkloadKind::ReplicaSet => root.field("spec.template.spec"),
    }
}

/// The container that serves.
pub fn serving(scenario: &Scenario) -> FieldPath {
    let container = &scenario.workload.template.containers[usize::from(scenario.workload.template.serving)];
    let list = match container.kind {
        ContainerKind::App => "containers",
        ContainerKind::Init | ContainerKind::Sidecar => "initContainers",
    };
    pod_spec(scenario).field(list).named(&container.name)
}

/// The preStop sleep of the container that serves, up to twice what a deletion needs to reach every node's rules.
///
/// # Errors
/// Why it cannot be tuned.
pub fn pre_stop(texts: &Texts<'_>, scenario: &Scenario) -> Result<Parameter, String> {
    let template = &scenario.workload.template;
    let container = &template.containers[usize::from(template.serving)];
    let hook = serving(scenario).field("lifecycle.preStop");
    let (sleep, command) = (hook.field("sleep.seconds"), hook.field("exec.command"));
    // Not by its text: the name of a container may be a number.
    let part = |number: usize| command.item(number);
    let shown = |number: usize| texts.value(&part(number));
    let (path, form) = match container.pre_stop {
        None if scenario.release.has_sleep_hook() => (sleep, Form::Number),
        None => (command.clone(), Form::Command),
        Some(PreStop::Seconds(_)) if texts.value(&sleep).is_some() => (sleep, Form::Number),
        // Behind the options of a shell, as in `sh -e -c SCRIPT`.
        Some(PreStop::Seconds(_) | PreStop::AtLeast(_)) if shown(2).is_some() => {
            let script = (2..).take_while(|&number| shown(number).is_some()).last().unwrap_or(2);
            (part(script), in_script(&shown(script).unwrap_or_default()).ok_or_else(|| too_much(&hook))?)
        }
        Some(PreStop::Seconds(_)) if shown(1).is_some() => (part(1), Form::Argument),
        Some(PreStop::Seconds(_) | PreStop::AtLeast(_)) => {
            return Err(format!(
                "{hook}: it does not stand where it can be changed, as a merge key, <<, has it from elsewhere; accepted is a \
                 manifest in which it is written out"
            ));
        }
        Some(PreStop::AnyTime) => {
            return Err(format!(
                "{hook}: nobody says how long this hook takes, so it cannot be tuned; accepted is a hook that sleeps"
            ));
        }
    };
    let now = match container.pre_stop {
        Some(PreStop::Seconds(seconds) | PreStop::AtLeast(seconds)) => seconds,
        Some(PreStop::AnyTime) | None => 0,
    };
    let to = now.max(2 * (scenario.latencies.propagation() + 1));
    let says = format!("preStop sleep of container {}", container.name);
    Ok(Parameter { path, says, unit: "s", from: 0, to, now: Some(now), other: None, is_kept: true, form })
}

/// How the seconds of a sleep are written in a script; none, if it sleeps more than once.
fn in_script(script: &str) -> Option<Form> {
    let known = sleeps_in_script(script)?;
    let is_alone = !known.does_more && script.split_whitespace().count() == 2;
    match known.number.filter(|_| !is_alone) {
        Some(number) => Some(Form::Script(script[..number.start].into(), script[number.end..].into())),
        None if !known.does_more => Some(Form::Script("sleep ".into(), String::new())),
        None => None,
    }
}

fn too_much(hook: &FieldPath) -> String {
    format!(
        "{hook}: its script sleeps more than once, or not for seconds, so it cannot be tuned; accepted is \
         one sleep of whole seconds"
    )
}

/// `terminationGracePeriodSeconds`, up to what it is now or what a preStop hook of `longest` needs.
pub fn grace(scenario: &Scenario, longest: u32) -> Parameter {
    let template = &scenario.workload.template;
    let needed = longest.saturating_add(template.exits_within()).saturating_add(1);
    Parameter {
        path: pod_spec(scenario).field("terminationGracePeriodSeconds"),
        says: "terminationGracePeriodSeconds".into(),
        unit: "s",
        from: 0,
        to: template.grace_seconds.max(needed),
        now: Some(template.grace_seconds),
        other: None,
        is_kept: true,
        form: Form::Number,
    }
}

/// Does a Service send connections to the pods, in some of these worlds?
pub fn is_served(scenarios: &[Scenario]) -> bool {
    scenarios.iter().any(|scenario| scenario.service.as_ref().is_some_and(|service| !service.headless))
}

/// Seconds that the longest preStop hook takes, as far as somebody says how long.
pub fn sleeps(scenario: &Scenario) -> u32 {
    let hooks = scenario.workload.template.containers.iter().map(|container| match container.pre_stop {
        Some(PreStop::Seconds(seconds) | PreStop::AtLeast(seconds)) => seconds,
        Some(PreStop::AnyTime) | None => 0,
    });
    hooks.max().unwrap_or(0)
}

/// Does every process exit by itself once it gets SIGTERM, so that none has to be killed?
pub fn exits_by_itself(scenario: &Scenario) -> bool {
    scenario.workload.template.containers.iter().all(|container| container.on_sigterm != OnSigterm::Ignore)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_beside_a_sleep_stays() {
        let written = |script: &str| {
            let form = in_script(script)?;
            let parameter = Parameter {
                path: FieldPath::default().field("x"),
                says: String::new(),
                unit: "s",
                from: 0,
                to: 60,
                now: None,
                other: None,
                is_kept: true,
                form,
            };
            match parameter.written(7) {
                Value::Plain(text) => Some(text),
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(written("sleep 5").as_deref(), Some("\"sleep 7\""));
        assert_eq!(written("sleep 5\n").as_deref(), Some("\"sleep 7\""));
        assert_eq!(written(" sleep 1m;\n").as_deref(), Some("\"sleep 7\""));
        assert_eq!(written("sleep 5 && nginx -s quit").as_deref(), Some("\"sleep 7 && nginx -s quit\""));
        assert_eq!(
            written("echo 5\nsleep 5s\nkill 5\n").as_deref(),
            Some("\"echo 5\\nsleep 7s\\nkill 5\\n\"")
        );
        assert_eq!(
            written(r#"sleep 2; printf 'a\tb\\n' "x""#).as_deref(),
            Some(r#""sleep 7; printf 'a\\tb\\\\n' \"x\"""#)
        );
        assert_eq!(
            written("# long\nexec sleep '5' >/dev/null").as_deref(),
            Some("\"# long\\nexec sleep '7' >/dev/null\"")
        );
        assert_eq!(written("sleep 5; sleep 6"), None);
        assert_eq!(written("sleep 1m; kill 1"), None);
    }
}
