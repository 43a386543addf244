//! Bytes as answers to "which one?". A script of choices fits every situation: an answer counts modulo the number of
//! options, a question with one option is not asked, and a script that has come to its end says so.

use podproof_vocabulary::action::Action;

/// The answers that are left of a script.
#[derive(Clone, Copy, Debug)]
pub struct Choices<'a> {
    rest: &'a [u8],
}

impl<'a> Choices<'a> {
    /// The answers of `script`.
    pub const fn new(script: &'a [u8]) -> Self {
        Self { rest: script }
    }

    /// Is none left?
    pub const fn is_over(&self) -> bool {
        self.rest.is_empty()
    }

    /// One of `options` things, by its place; none if there is nothing to choose from or the script is over.
    pub fn index(&mut self, options: usize) -> Option<usize> {
        if options <= 1 {
            return (options == 1).then_some(0);
        }
        let (&first, rest) = self.rest.split_first()?;
        self.rest = rest;
        if options <= 256 {
            return Some(usize::from(first) % options);
        }
        let second = self.rest.first().copied().unwrap_or(0);
        self.rest = self.rest.get(1..).unwrap_or_default();
        Some((usize::from(first) << 8 | usize::from(second)) % options)
    }

    /// One of several things.
    pub fn pick<'t, T>(&mut self, options: &'t [T]) -> Option<&'t T> {
        Some(&options[self.index(options.len())?])
    }

    /// One of several steps: first whose, then of which class, then which, so that what is rare is not drowned.
    pub fn action(&mut self, enabled: &[Action]) -> Option<Action> {
        let component = self.key(enabled, |_| true, |action| action.component())?;
        let own = |action: &Action| action.component() == component;
        let class = self.key(enabled, own, Action::class)?;
        let of_class: Vec<Action> =
            enabled.iter().copied().filter(|action| own(action) && action.class() == class).collect();
        self.pick(&of_class).copied()
    }

    fn key<K: PartialEq + Copy>(
        &mut self,
        actions: &[Action],
        of: impl Fn(&Action) -> bool,
        key: impl Fn(&Action) -> K,
    ) -> Option<K> {
        let mut keys: Vec<K> = Vec::new();
        for action in actions.iter().filter(|action| of(action)) {
            let own = key(action);
            if !keys.contains(&own) {
                keys.push(own);
            }
        }
        self.pick(&keys).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_script_fits_and_ends() {
        let mut choices = Choices::new(&[7, 255, 1, 2]);
        assert_eq!(choices.index(0), None);
        assert_eq!(choices.index(1), Some(0));
        assert_eq!(choices.index(5), Some(2));
        assert_eq!(choices.index(255), Some(0));
        assert_eq!(choices.index(300), Some(258), "two bytes for many options");
        assert!(choices.is_over());
        assert_eq!(choices.index(2), None);
        assert_eq!(choices.index(1), Some(0), "one option needs no answer");
    }
}
