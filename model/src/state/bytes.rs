//! A state as bytes, for a search that puts states on disk: which words are not zero, then those.

use super::{ClusterState, Layout};

const GROUP: usize = 64;

impl ClusterState {
    /// Appends it to `bytes`.
    pub fn write(&self, bytes: &mut Vec<u8>) {
        for group in self.words.chunks(GROUP) {
            let kept =
                group.iter().enumerate().fold(0, |set, (bit, &word)| set | u64::from(word != 0) << bit);
            bytes.extend(kept.to_le_bytes());
            for word in group.iter().filter(|&&word| word != 0) {
                bytes.extend(word.to_le_bytes());
            }
        }
    }

    /// Reads back what [`write`](Self::write) has written of a state of this layout; none if it is not that.
    pub fn read(mut bytes: &[u8], layout: &Layout) -> Option<Self> {
        let mut next = || {
            let (word, rest) = bytes.split_first_chunk::<8>()?;
            bytes = rest;
            Some(u64::from_le_bytes(*word))
        };
        let mut state = Self::zeroed(layout.words());
        for group in state.words.chunks_mut(GROUP) {
            let kept = next()?;
            for (bit, word) in group.iter_mut().enumerate() {
                if kept >> bit & 1 == 1 {
                    *word = next()?;
                }
            }
        }
        bytes.is_empty().then_some(state)
    }
}

#[cfg(test)]
mod tests {
    use podproof_vocabulary::catalogue;
    use podproof_vocabulary::event::Story;

    use super::*;
    use crate::Model;

    #[test]
    fn a_state_reads_back_and_nothing_else_does() {
        let model = Model::new(catalogue::web("bytes", Story::Rollout, 3, 3)).expect("it fits");
        let layout = &model.rules.layout;
        let mut state = model.initial().swap_remove(0);
        for _ in 0..40 {
            let mut bytes = Vec::new();
            state.write(&mut bytes);
            assert!(bytes.len() < 8 * layout.words(), "mostly zeros");
            assert_eq!(ClusterState::read(&bytes, layout), Some(state.clone()));
            assert_eq!(ClusterState::read(&bytes[..bytes.len() - 1], layout), None);
            bytes.push(0);
            assert_eq!(ClusterState::read(&bytes, layout), None);
            let mut actions = Vec::new();
            model.enabled(&state, &mut actions);
            let Some(action) = actions.first() else { break };
            state = model.apply(&state, action);
        }
    }
}
