//! The smallest value of a range that holds, by halves.

/// Values that a short range has at most. Of a short range every value is tried of which something is said.
const SHORT: u32 = 32;

/// What was found of a range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Smallest {
    /// The value; none if none that was tried holds.
    pub value: Option<u32>,
    /// A greater value was found not to hold where a smaller one does.
    pub is_jagged: bool,
}

/// The smallest value from `from` to `to` that `holds`. In a short range it is that, whatever `holds` says of which value; in a long
/// one halves are looked at, and one value more on each side of what they lead to. Where the greatest does not hold, of a long range
/// the least is tried, the one in the middle and `own`; so they are where it cannot be told of the greatest, whose check is often the
/// longest. What was already asked is asked again.
///
/// # Errors
/// What `holds` says, if it cannot tell before a value is found.
pub fn smallest<E>(
    from: u32,
    to: u32,
    own: Option<u32>,
    mut holds: impl FnMut(u32) -> Result<bool, E>,
) -> Result<Smallest, E> {
    let greatest = holds(to);
    if matches!(greatest, Ok(true)) {
        return smallest_below(from, to, holds);
    }
    let others = if is_short(from, to) {
        (from..to).collect()
    } else {
        let own = own.filter(|own| (from..to).contains(own));
        let mut others: Vec<u32> = [from, from + (to - from) / 2].into_iter().chain(own).collect();
        others.sort_unstable();
        others
    };
    for value in others {
        // Of two that cannot be told the greatest is named.
        let is_held = match holds(value) {
            Err(why) => return Err(greatest.err().unwrap_or(why)),
            Ok(is_held) => is_held,
        };
        if is_held {
            let found = smallest_below(from, value, holds)?;
            return Ok(Smallest { is_jagged: found.is_jagged || greatest.is_ok(), ..found });
        }
    }
    greatest.map(|_| Smallest { value: None, is_jagged: false })
}

/// The same, where it is known that `to` holds.
///
/// # Errors
/// What `holds` says, if it cannot tell before a value is found.
pub fn smallest_below<E>(
    from: u32,
    to: u32,
    mut holds: impl FnMut(u32) -> Result<bool, E>,
) -> Result<Smallest, E> {
    let (mut value, mut is_jagged) = (to, false);
    loop {
        value = halves(from, value, &mut holds)?;
        match one_below(from, value, &mut holds) {
            Some(smaller) => (value, is_jagged) = (smaller, true),
            None => break,
        }
    }
    let above = value + (to - value) / 2;
    is_jagged |= above != value && matches!(holds(above), Ok(false));
    Ok(Smallest { value: Some(value), is_jagged })
}

/// A value that holds, of which the one before does not, taking it that greater ones hold where a smaller one does and that `value`
/// holds.
fn halves<E>(from: u32, mut value: u32, holds: &mut impl FnMut(u32) -> Result<bool, E>) -> Result<u32, E> {
    // `value` holds, and nothing below `least` does, as far as what is taken for granted is so.
    let mut least = from;
    while least < value {
        let middle = least + (value - least) / 2;
        if holds(middle)? {
            value = middle;
        } else {
            least = middle + 1;
        }
    }
    Ok(value)
}

/// One that holds although halves have led to `value`: the least if there are few below, else the least of all or the one in the
/// middle. Where it cannot be told of one no more are looked at.
fn one_below<E>(from: u32, value: u32, holds: &mut impl FnMut(u32) -> Result<bool, E>) -> Option<u32> {
    let others: Vec<u32> = match is_short(from, value) {
        true => (from..value).collect(),
        false => vec![from, from + (value - from) / 2],
    };
    for other in others {
        match holds(other) {
            Ok(true) => return Some(other),
            Ok(false) => {}
            Err(_) => return None,
        }
    }
    None
}

/// Are there few values from one to the other?
fn is_short(from: u32, to: u32) -> bool {
    to - from < SHORT
}

/// The greatest value from `from` to `to` that is not refused. In a long range halves are looked at, taking it that those above one
/// that is refused are so too; if that leads to none, the least and `own` are. None if all that were looked at are refused.
pub fn greatest_accepted(
    from: u32,
    to: u32,
    own: Option<u32>,
    mut is_refused: impl FnMut(u32) -> bool,
) -> Option<u32> {
    if is_short(from, to) {
        return (from..=to).rev().find(|value| !is_refused(*value));
    }
    if !is_refused(to) {
        return Some(to);
    }
    let (mut least, mut refused, mut accepted) = (from, to, None);
    while least < refused {
        let middle = least + (refused - least) / 2;
        if is_refused(middle) {
            refused = middle;
        } else {
            accepted = Some(middle);
            least = middle + 1;
        }
    }
    let own = own.filter(|own| (from..to).contains(own));
    accepted.or_else(|| own.into_iter().chain([from]).find(|value| !is_refused(*value)))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// The value, whether it is jagged, and how many were tried.
    fn found(
        from: u32,
        to: u32,
        own: Option<u32>,
        holds: impl Fn(u32) -> bool,
    ) -> (Option<u32>, bool, usize) {
        let mut tried = BTreeSet::new();
        let found = smallest(from, to, own, |value| {
            assert!((from..=to).contains(&value));
            tried.insert(value);
            Ok::<bool, ()>(holds(value))
        });
        let Smallest { value, is_jagged } = found.expect("it can always tell");
        (value, is_jagged, tried.len())
    }

    /// Of a short range the smallest is the smallest, whichever values hold.
    #[test]
    fn of_a_short_range_nothing_is_taken_for_granted() {
        for from in 0..3 {
            for to in from..from + 9 {
                for pattern in 0_u32..1 << (to - from + 1) {
                    let holds = |value: u32| pattern >> (value - from) & 1 == 1;
                    let (value, is_jagged, _) = found(from, to, None, holds);
                    let expected = (from..=to).find(|value| holds(*value));
                    assert_eq!(value, expected, "{from}..{to}, {pattern:b}");
                    let is_even = expected.is_none_or(|least| (least..=to).all(holds));
                    assert!(!is_jagged || !is_even, "{from}..{to}, {pattern:b}");
                }
            }
        }
    }

    #[test]
    fn of_a_long_range_few_values_are_tried() {
        for least in 0..1002 {
            let (value, is_jagged, tried) = found(0, 1000, None, |value| value >= least);
            assert_eq!((value, is_jagged), ((least <= 1000).then_some(least), false), "{least}");
            assert!(tried <= 12 + SHORT as usize, "{tried} for {least}");
        }
    }

    #[test]
    fn where_the_greatest_does_not_hold_others_are_tried() {
        assert_eq!(found(0, 1, None, |value| value == 0), (Some(0), true, 2));
        assert_eq!(found(0, 1000, None, |value| value <= 10), (Some(0), true, 2));
        let own = |value| value == 777;
        assert_eq!(found(0, 1000, Some(777), own).0, Some(777));
        assert_eq!(found(0, 1000, None, own).0, None);
    }

    #[test]
    fn a_smaller_one_that_holds_is_seen_where_halves_lead_past_it() {
        // Halves end at 12; all below are tried then.
        let (value, is_jagged, _) = found(0, 16, None, |value| value >= 12 || (4..=7).contains(&value));
        assert_eq!((value, is_jagged), (Some(4), true));
        // Halves end at 800; that 400 holds is seen then, and halves below end at 301.
        let (value, is_jagged, _) = found(0, 1000, None, |value| value >= 800 || (301..450).contains(&value));
        assert_eq!((value, is_jagged), (Some(301), true));
    }

    #[test]
    fn the_greatest_that_is_accepted_is_found_wherever_it_is() {
        for to in [24, 100] {
            for most in 0..=to + 1 {
                let expected = (3..=to).rev().find(|value| *value <= most);
                assert_eq!(greatest_accepted(3, to, None, |value| value > most), expected, "3..{to}, {most}");
            }
        }
        assert_eq!(greatest_accepted(0, 9, None, |value| value != 3), Some(3));
        assert_eq!(greatest_accepted(0, 900, Some(700), |value| value != 700), Some(700));
    }

    #[test]
    fn what_cannot_be_told_ends_it_before_a_value_is_found_and_not_after() {
        assert_eq!(smallest(0, 8, None, |value| if value == 4 { Err("?") } else { Ok(true) }), Err("?"));
        let told = smallest(0, 8, None, |value| if value == 1 { Err("?") } else { Ok(value >= 4) });
        assert_eq!(told, Ok(Smallest { value: Some(4), is_jagged: false }));
    }

    #[test]
    fn where_it_cannot_be_told_of_the_greatest_smaller_ones_are_tried() {
        for (to, found) in [(8, 3), (900, 100)] {
            let told = smallest(0, to, None, |value| if value == to { Err("?") } else { Ok(value >= found) });
            assert_eq!(told, Ok(Smallest { value: Some(found), is_jagged: false }), "0..{to}");
            let none = smallest(0, to, None, |value| if value == to { Err("?") } else { Ok(false) });
            assert_eq!(none, Err("?"), "0..{to}");
        }
    }
}
