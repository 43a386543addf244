//! Who decides where Kubernetes leaves a choice open: a random source, a script, an exhaustive search.
//!
//! Only choices *inside* an operation are asked here. Which operation comes next is the business of whoever drives the
//! cluster.

use crate::api::Key;

/// What is to be chosen.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Question<'a> {
    /// The node of a pod, among those that passed every filter. Scores are left open, ties are random (SCH-15).
    Node {
        /// The pod.
        pod: &'a Key,
        /// The names of the nodes.
        candidates: &'a [Key],
    },
    /// Which of equally preferred pods a ReplicaSet deletes (RS-5).
    Victim {
        /// The ReplicaSet.
        replica_set: &'a Key,
        /// The pods.
        candidates: &'a [Key],
    },
}

impl Question<'_> {
    /// How many answers there are.
    pub const fn options(&self) -> usize {
        match self {
            Self::Node { candidates, .. } | Self::Victim { candidates, .. } => candidates.len(),
        }
    }
}

/// Picks one answer of several.
pub trait Chooser {
    /// The index of the answer, below `question.options()`, which is at least 1.
    fn choose(&mut self, question: &Question<'_>) -> usize;
}

/// Always takes the first answer.
#[derive(Clone, Copy, Debug, Default)]
pub struct First;

impl Chooser for First {
    fn choose(&mut self, _: &Question<'_>) -> usize {
        0
    }
}

/// Any function may choose.
impl<F: FnMut(&Question<'_>) -> usize> Chooser for F {
    fn choose(&mut self, question: &Question<'_>) -> usize {
        self(question)
    }
}

/// Asks, unless there is only one answer, and holds the chooser to its contract.
///
/// # Panics
/// If there is nothing to choose from, or if the answer is none of the options.
pub fn ask(chooser: &mut dyn Chooser, question: &Question<'_>) -> usize {
    let options = question.options();
    assert!(options > 0, "nothing to choose from: {question:?}");
    let answer = if options == 1 { 0 } else { chooser.choose(question) };
    assert!(answer < options, "{answer} is no answer to {question:?}");
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_single_option_is_not_asked() {
        let pod = Key::new("default", "web");
        let candidates = [Key::global("node-0")];
        let mut asked = false;
        let mut chooser = |_: &Question<'_>| {
            asked = true;
            0
        };
        assert_eq!(ask(&mut chooser, &Question::Node { pod: &pod, candidates: &candidates }), 0);
        assert!(!asked);
    }

    #[test]
    #[should_panic(expected = "is no answer")]
    fn an_answer_out_of_range_is_refused() {
        let pod = Key::new("default", "web");
        let candidates = [Key::global("node-0"), Key::global("node-1")];
        ask(&mut |_: &Question<'_>| 2, &Question::Node { pod: &pod, candidates: &candidates });
    }
}
