//! What can as well be done later: of the states that a search has ended in, those need not be kept that others can still come to, by
//! steps that nobody would see, or by what was seen and not yet met. Such steps are searched for again as soon as something asks for
//! them, so what is left can do all that the others could; and what is open of one pod does not multiply what is open of the others.
//!
//! A list is no such step: it shows what there is then, and not what there was. What cannot come after a change has been done before it
//! (`ahead`), and has led to states that the others cannot come to any more.

use std::collections::BTreeMap;

use podproof_model::step;
use podproof_vocabulary::action::{Action, Watch};

use super::part::{Part, Possible};
use super::quest::{Ground, Hidden, Quest};

impl Part {
    /// Those of `found`, no two of them alike, that no other of them can come to, as early and by a way that goes as well with the times.
    pub(super) fn needed(
        &mut self,
        ground: Ground<'_>,
        quest: &Quest<'_>,
        mut found: Vec<Possible>,
    ) -> Vec<Possible> {
        if found.len() < 2 {
            return found;
        }
        let mut places: BTreeMap<u128, Vec<usize>> = BTreeMap::new();
        for (place, possible) in found.iter().enumerate() {
            places.entry(possible.timeless()).or_default().push(place);
        }
        let mut leads = Vec::new();
        for place in 0..found.len() {
            let mut from = found[place].clone();
            let mut after = self.later(ground, quest, &mut from);
            after.push(from);
            let alike = after.iter().flat_map(|after| {
                let alike = places.get(&after.timeless()).map_or(&[][..], |places| places);
                alike.iter().copied().filter(|&other| other != place && after.is_as_good(&found[other]))
            });
            leads.push(alike.collect());
        }
        let mut is_needed = sources(&leads).into_iter();
        found.retain(|_| is_needed.next().unwrap_or(true));
        found
    }

    /// The states after one step that can come later.
    fn later(&mut self, ground: Ground<'_>, quest: &Quest<'_>, from: &mut Possible) -> Vec<Possible> {
        let mut enabled = Vec::new();
        step::enabled(&from.open(ground.model), &mut enabled);
        enabled.retain(|action| !matches!(action, Action::Watch(Watch::List { .. })));
        let mut after = self.hidden(ground, quest, &mut Hidden::any(), from, &enabled, |_| false);
        after.extend(self.sighted(ground, quest, quest.until, from, &enabled));
        after
    }
}

/// The fewest places of a graph that lead to all the others.
fn sources(leads: &[Vec<usize>]) -> Vec<bool> {
    let (mut left, mut is_met) = (Vec::new(), vec![false; leads.len()]);
    (0..leads.len()).for_each(|from| visit(leads, from, &mut is_met, &mut left));
    // Who leads to another and is not led to by it is left after it, so nobody who is still to come leads to the next that was not met.
    let (mut is_source, mut is_met) = (vec![false; leads.len()], vec![false; leads.len()]);
    for from in left.into_iter().rev() {
        is_source[from] = !is_met[from];
        visit(leads, from, &mut is_met, &mut Vec::new());
    }
    is_source
}

/// Goes from a place to all to which it leads and that were not met, and notes each when it is left for good.
fn visit(leads: &[Vec<usize>], from: usize, is_met: &mut [bool], left: &mut Vec<usize>) {
    if std::mem::replace(&mut is_met[from], true) {
        return;
    }
    let mut way = vec![(from, 0)];
    while let Some((place, next)) = way.last_mut() {
        match leads[*place].get(*next) {
            Some(&to) => {
                *next += 1;
                if !std::mem::replace(&mut is_met[to], true) {
                    way.push((to, 0));
                }
            }
            None => {
                left.push(*place);
                way.pop();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use podproof_model::Model;
    use podproof_vocabulary::PodId;
    use podproof_vocabulary::action::{Action, Watch, Watcher};
    use podproof_vocabulary::catalogue::web;
    use podproof_vocabulary::event::Story;

    use super::*;
    use crate::matching::path::{Moment, Taken};

    /// The controller manager, and which of these it needs: what it is, what it comes to by a delivery that nobody sees, and so on.
    fn needed(change: impl Fn(&mut Vec<Possible>)) -> Vec<usize> {
        let model = Model::new(web("later", Story::Create, 1, 1)).expect("a world that fits");
        let first = model.initial().swap_remove(0);
        let mut part = Part::new(&model, Watcher::ControllerManager, &first, &Rc::default());
        let (eyes, dates) = Default::default();
        let ground = Ground { model: &model, eyes: &eyes, dates: &dates, bound: 1 };
        let moment = Moment { writes: 0, at: 10 };
        let quest = Quest {
            entry: 1,
            actions: &[],
            before: None,
            after: None,
            deadline: 0,
            until: 10,
            moment,
            about: None,
        };
        let mut found = part.possible.clone();
        let mut heard = found[0].clone();
        part.take(&model, &mut heard, Taken::hidden(Action::Watch(Watch::DeliverDeployment), moment));
        found.push(heard);
        change(&mut found);
        let prints: Vec<u128> = found.iter().map(Possible::print).collect();
        let needed = part.needed(ground, &quest, found);
        let place = |possible: &Possible| prints.iter().position(|&print| print == possible.print());
        needed.iter().filter_map(place).collect()
    }

    #[test]
    fn what_another_can_still_come_to_is_not_needed() {
        assert_eq!(needed(|_| ()), [0], "it can hear of the Deployment later");
        assert_eq!(needed(|found| found.reverse()), [1]);
        assert_eq!(needed(|found| found[0].met = 1), [0, 1], "nobody forgets what was seen");
    }

    #[test]
    fn what_goes_better_with_the_times_or_can_be_earlier_is_needed() {
        let behind = |possible: &mut Possible| {
            possible.fit.see(7);
            possible.fit.see(1);
        };
        assert_eq!(needed(|found| behind(&mut found[0])), [0, 1]);
        assert_eq!(needed(|found| behind(&mut found[1])), [0]);
        let late = |possible: &mut Possible| possible.clock.raise(PodId(0), 5);
        assert_eq!(needed(|found| late(&mut found[0])), [0, 1]);
        assert_eq!(needed(|found| late(&mut found[1])), [0]);
    }

    #[test]
    fn what_others_lead_to_is_none() {
        assert_eq!(sources(&[vec![1, 2], vec![3], vec![3], vec![]]), [true, false, false, false]);
        assert_eq!(sources(&[vec![], vec![0], vec![1]]), [false, false, true], "the last leads to all");
        assert_eq!(sources(&[vec![], vec![]]), [true, true]);
    }

    #[test]
    fn of_a_circle_the_first_stays() {
        assert_eq!(sources(&[vec![1], vec![2], vec![0]]), [true, false, false]);
        assert_eq!(sources(&[vec![0]]), [true]);
        assert_eq!(sources(&[vec![1], vec![0], vec![1]]), [false, false, true], "the last leads into it");
        assert_eq!(sources(&[vec![1, 2], vec![0], vec![]]), [true, false, false], "it leads to the last");
    }
}
