//! What a process could have written in place of what was seen of it and nothing explains.

use std::collections::VecDeque;

use podproof_model::{parts, step};
use podproof_vocabulary::action::Action;

use super::part::{Part, Possible, Prints};
use super::quest::{Ground, Hidden, Quest};

/// States that are looked at: it is a reader's hint, and more of them seldom show another write.
const LOOKED_AT: usize = 1_024;

impl Part {
    /// Every write that the process could make at the moment of `quest`, in a state that it may be in or may have come to unseen; those
    /// that change the pod that it is about come first.
    pub fn could(&mut self, ground: Ground<'_>, quest: &Quest<'_>) -> Vec<Action> {
        let (mut found, mut enabled) = (Vec::new(), Vec::new());
        let mut queue = VecDeque::from(self.possible.clone());
        let mut seen: Prints = queue.iter().map(Possible::print).collect();
        let mut looked_at = 0;
        while let Some(mut possible) = queue.pop_front()
            && looked_at < LOOKED_AT
        {
            looked_at += 1;
            let cluster = possible.open(ground.model);
            step::enabled(&cluster, &mut enabled);
            let own = |action: &&Action| {
                step::is_write(action) && parts::process_of(&cluster, action) == Some(self.whose)
            };
            let own: Vec<Action> = enabled.iter().filter(own).copied().collect();
            for action in own {
                let mut after = possible.clone();
                let mut changed = after.open(ground.model);
                step::apply(&mut changed, &action);
                let is_about = quest
                    .about
                    .is_some_and(|pod| changed.pod(pod).api != possible.open(ground.model).pod(pod).api);
                found.push((!is_about, action));
            }
            let mut onward = self.sighted(ground, quest, quest.until, &mut possible, &enabled);
            let mut hidden = Hidden::any();
            onward.extend(self.hidden(ground, quest, &mut hidden, &mut possible, &enabled, |_| false));
            queue.extend(onward.into_iter().filter(|after| seen.insert(after.print())));
        }
        found.sort();
        found.dedup();
        found.into_iter().map(|(_, action)| action).collect()
    }
}
