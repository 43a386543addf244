//! The smallest value of a range that holds, by halves.

/// What was found of a range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Smallest {
    /// The value; none of the range if there is none.
    pub value: Option<u32>,
    /// A greater value was found not to hold where a smaller one does, so all were tried from the least on.
    pub is_jagged: bool,
}

/// The smallest value from `from` to `to` that `holds`, taking it that greater ones hold where a smaller one does. That is looked at
/// for one more value on each side; if it is not so, all are tried, the least first.
///
/// # Errors
/// What `holds` says, if it cannot tell.
pub fn smallest<E>(from: u32, to: u32, mut holds: impl FnMut(u32) -> Result<bool, E>) -> Result<Smallest, E> {
    if !holds(to)? {
        return Ok(Smallest { value: None, is_jagged: false });
    }
    // `fails` is the greatest that is known not to hold, one more; all below `fails` are taken for such.
    let (mut fails, mut value) = (from, to);
    while fails < value {
        let middle = fails + (value - fails) / 2;
        if holds(middle)? {
            value = middle;
        } else {
            fails = middle + 1;
        }
    }
    let above = value + (to - value) / 2;
    let below = from + (value - from) / 2;
    let is_even = (above == value || holds(above)?) && (below == value || !holds(below)?);
    if is_even {
        return Ok(Smallest { value: Some(value), is_jagged: false });
    }
    for value in from..to {
        if holds(value)? {
            return Ok(Smallest { value: Some(value), is_jagged: true });
        }
    }
    Ok(Smallest { value: Some(to), is_jagged: true })
}

/// The greatest value from `from` to `to` that is not refused, taking it that those above one that is refused are so too; none if all
/// that were tried are.
pub fn greatest_accepted(from: u32, to: u32, mut is_refused: impl FnMut(u32) -> bool) -> Option<u32> {
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
    accepted
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(from: u32, to: u32, holds: impl Fn(u32) -> bool) -> (Option<u32>, bool, usize) {
        let mut tried = 0;
        let found = smallest(from, to, |value| {
            tried += 1;
            Ok::<bool, ()>(holds(value))
        });
        let Smallest { value, is_jagged } = found.expect("it can always tell");
        (value, is_jagged, tried)
    }

    #[test]
    fn the_smallest_is_found_wherever_it_is() {
        for from in 0..4 {
            for to in from..24 {
                for least in 0..26 {
                    let (value, is_jagged, tried) = found(from, to, |value| value >= least);
                    let expected = (from..=to).find(|value| *value >= least);
                    assert_eq!((value, is_jagged), (expected, false), "{from}..{to}, {least}");
                    assert!(tried <= 9, "{tried} of {from}..{to}");
                }
            }
        }
    }

    #[test]
    fn where_greater_values_do_not_hold_all_are_tried() {
        // Halves end at 12; that 4 holds is seen when 6 is looked at once more.
        let (value, is_jagged, _) = found(0, 16, |value| value >= 12 || (4..=7).contains(&value));
        assert_eq!((value, is_jagged), (Some(4), true));
    }

    #[test]
    fn the_greatest_that_is_accepted_is_found_wherever_it_is() {
        for to in 3..24 {
            for most in 0..26 {
                let expected = (3..=to).rev().find(|value| *value <= most);
                assert_eq!(greatest_accepted(3, to, |value| value > most), expected, "3..{to}, {most}");
            }
        }
    }

    #[test]
    fn what_cannot_be_told_ends_it() {
        assert_eq!(smallest(0, 8, |value| if value == 4 { Err("?") } else { Ok(true) }), Err("?"));
    }
}
