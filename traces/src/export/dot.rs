//! Graphviz: the states around a step, with the steps that were taken and those that were possible instead.

use std::collections::BTreeMap;

use podproof_model::ClusterState;
use podproof_vocabulary::action::Action;

use super::Frames;
use crate::digest::Digest;
use crate::plain::is_steering;
use crate::replay::Divergence;
use crate::trace::Trace;
use crate::words;

/// The states that are drawn, each once.
#[derive(Default)]
struct Picture {
    drawn: Vec<Drawn>,
    places: BTreeMap<ClusterState, usize>,
}

/// A state that is drawn.
struct Drawn {
    state: ClusterState,
    /// After which steps of the trace it is reached, if it is one of the trace.
    on_trace: Vec<usize>,
    /// After which step of the trace it was met first: what there is then has the names of then.
    met: usize,
    /// What its last step broke, if it breaks something.
    broken: Option<String>,
}

/// The states from `around` steps before `step` to as many after it, and all states one step away from them, as a Graphviz
/// document. Steps of the trace are drawn thick; a state that a step leads to which breaks the trace's property is red. Step 0
/// is the beginning; a step that the trace does not have is its last.
///
/// # Errors
/// Where the model of today does something else.
pub fn export(trace: &Trace, step: usize, around: usize) -> Result<String, Divergence> {
    let frames = Frames::of(trace)?;
    let last = frames.told.len();
    let centre = step.min(last);
    let (from, to) = (centre.saturating_sub(around), centre.saturating_add(around).min(last));
    let mut picture = Picture::default();
    for at in from..=to {
        let place = picture.add(frames.states[at].clone(), at);
        picture.drawn[place].on_trace.push(at);
    }
    let mut edges = Vec::new();
    for at in from..=to {
        let source = picture.add(frames.states[at].clone(), at);
        let taken = (at < to).then(|| frames.trace.steps().nth(at).map(|(_, step)| step.action)).flatten();
        for action in enabled(&frames, &frames.states[at]) {
            let next = match taken == Some(action) {
                true => frames.states[at + 1].clone(),
                false => frames.world.model().apply(&frames.states[at], &action),
            };
            let broken = trace.property.filter(|&property| {
                frames.world.model().judge(&frames.states[at], &action, &next).broken.contains(property)
            });
            let target = picture.add(next, at);
            if let Some(property) = broken {
                picture.drawn[target].broken = Some(format!("breaks {property}"));
            }
            let says = words::action(&frames.seen[at].1, &action);
            edges.push((source, target, says, taken == Some(action)));
        }
    }
    between_others(&frames, &picture, &mut edges);
    Ok(document(&frames, centre, &picture.drawn, &edges))
}

fn enabled(frames: &Frames<'_>, state: &ClusterState) -> Vec<Action> {
    let mut enabled = Vec::new();
    frames.world.model().enabled(state, &mut enabled);
    enabled
}

impl Picture {
    /// The place of a state that is met after this step.
    fn add(&mut self, state: ClusterState, met: usize) -> usize {
        let Self { drawn, places } = self;
        if let Some(&place) = places.get(&state) {
            return place;
        }
        places.insert(state.clone(), drawn.len());
        drawn.push(Drawn { state, on_trace: Vec::new(), met, broken: None });
        drawn.len() - 1
    }
}

/// The steps that lead from a state beside the trace to one that is drawn: they close the diamonds of steps that commute.
fn between_others(frames: &Frames<'_>, picture: &Picture, edges: &mut Vec<(usize, usize, String, bool)>) {
    for (source, beside) in picture.drawn.iter().enumerate().filter(|(_, drawn)| drawn.on_trace.is_empty()) {
        for action in enabled(frames, &beside.state) {
            let next = frames.world.model().apply(&beside.state, &action);
            if let Some(&target) = picture.places.get(&next).filter(|&&target| target != source) {
                // What was created beside the trace has no names of its own.
                let says = words::action(&frames.seen[beside.met].1, &action);
                edges.push((source, target, says, false));
            }
        }
    }
}

fn document(
    frames: &Frames<'_>,
    centre: usize,
    drawn: &[Drawn],
    edges: &[(usize, usize, String, bool)],
) -> String {
    let mut out = format!(
        "digraph trace {{\n  label={};\n  labelloc=t;\n  rankdir=TB;\n  node [shape=box, style=rounded, fontname=\"sans-serif\"];\n  \
         edge [fontname=\"sans-serif\", fontsize=10];\n",
        quoted(&format!("{}, around step {centre}", super::title(frames.trace, &frames.standing)))
    );
    for (place, state) in drawn.iter().enumerate() {
        let digest = Digest::of(&state.state).to_string();
        let steps: Vec<String> =
            state.on_trace.iter().filter(|step| **step > 0).map(ToString::to_string).collect();
        let beginning = if state.on_trace.contains(&0) { "beginning\n" } else { "" };
        let after =
            if steps.is_empty() { String::new() } else { format!("after step {}\n", steps.join(" and ")) };
        let at = format!("{beginning}{after}");
        let broken = state.broken.as_ref().map_or_else(String::new, |broken| format!("\n{broken}"));
        let label = quoted(&format!("{at}{}{broken}", &digest[..8]));
        let look = match &state.broken {
            Some(_) => ", color=red, penwidth=2",
            None if state.on_trace.contains(&centre) => ", penwidth=3",
            None if state.on_trace.is_empty() => ", color=grey",
            None => ", penwidth=2",
        };
        out += &format!("  s{place} [label={label}{look}];\n");
    }
    for (source, target, says, taken) in edges {
        let look = if *taken { ", penwidth=2" } else { ", color=grey, fontcolor=grey" };
        out += &format!("  s{source} -> s{target} [label={}{look}];\n", quoted(says));
    }
    out + "}\n"
}

/// A quoted string of the DOT language; a line break stays one.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for letter in text.chars() {
        match letter {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            letter if letter.is_control() => quoted.push(' '),
            letter if is_steering(letter) => quoted += &format!("\\{}", letter.escape_unicode()),
            letter => quoted.push(letter),
        }
    }
    quoted + "\""
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn a_name_cannot_end_its_string() {
        assert_eq!(quoted("a\"b\\c\nd\u{7}"), "\"a\\\"b\\\\c\\nd \"");
        assert_eq!(quoted("a\u{202e}b"), "\"a\\\\u{202e}b\"");
    }
}
