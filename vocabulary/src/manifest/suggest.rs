//! "Did you mean?": the nearest of some names.

/// The name that is nearest to `text`, if one is near: at most one edit for every three characters, a letter in the
/// other case being half an edit.
pub fn nearest<'n>(text: &str, names: impl Iterator<Item = &'n str>) -> Option<&'n str> {
    const LONGEST: usize = 64;
    if text.len() > LONGEST {
        return None;
    }
    let distances = names.map(|name| (distance(text, name), name));
    let (distance, name) = distances.min()?;
    (distance <= 2 * text.chars().count().div_ceil(3)).then_some(name)
}

/// Levenshtein distance in half edits.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).map(|edits| 2 * edits).collect();
    for (index, from) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = 2 * (index + 1);
        for (column, &to) in b.iter().enumerate() {
            let change = match from {
                _ if from == to => 0,
                _ if from.eq_ignore_ascii_case(&to) => 1,
                _ => 2,
            };
            let best = (diagonal + change).min(row[column] + 2).min(row[column + 1] + 2);
            diagonal = std::mem::replace(&mut row[column + 1], best);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_typo_is_near_and_another_word_is_not() {
        let names = ["replicas", "selector", "strategy", "template"];
        let of = |text: &str| nearest(text, names.into_iter());
        assert_eq!(of("replica"), Some("replicas"));
        assert_eq!(of("Replicas"), Some("replicas"));
        assert_eq!(of("stratgey"), Some("strategy"));
        assert_eq!(of("image"), None);
        assert_eq!(of(&"x".repeat(1000)), None);
    }
}
