//! When something was first seen of pods, for those that were seen last.

use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;

use crate::record::Micros;

/// Of so many pods it is known.
const KEPT: usize = 16_384;

/// A moment for each pod, by UID.
#[derive(Clone, Debug, Default)]
pub(super) struct Moments {
    at: BTreeMap<Rc<str>, Micros>,
    order: VecDeque<Rc<str>>,
}

impl Moments {
    /// It was at this moment, unless it was before.
    pub fn note(&mut self, uid: &Rc<str>, at: Micros) {
        if uid.is_empty() || self.at.contains_key(uid) {
            return;
        }
        self.at.insert(Rc::clone(uid), at);
        self.order.push_back(Rc::clone(uid));
        if self.order.len() > KEPT
            && let Some(oldest) = self.order.pop_front()
        {
            self.at.remove(&oldest);
        }
    }

    /// When it was.
    pub fn of(&self, uid: &str) -> Option<Micros> {
        self.at.get(uid).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_moment_is_kept_of_the_newest_pods() {
        let mut moments = Moments::default();
        moments.note(&"".into(), 1);
        for number in 0..=KEPT {
            moments.note(&number.to_string().into(), 2);
        }
        moments.note(&"7".into(), 3);
        let kept = [moments.of(""), moments.of("0"), moments.of("1"), moments.of("7")];
        assert_eq!(kept, [None, None, Some(2), Some(2)]);
    }
}
