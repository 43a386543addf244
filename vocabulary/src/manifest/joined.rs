//! Files that were joined without a line break between them: the `---` of the second ends the last line of the first.
//!
//! YAML reads `path: redis.conf---` as a value, so that two objects become one with every key twice. Where a line ends so
//! and the next begins an object in the first column, nothing else can be meant; the reader is warned all the same.

use super::tree::Mark;

const SEPARATOR: &str = "---";

/// Where a separator ends a line that it should begin.
pub fn joints(text: &str) -> Vec<Mark> {
    let lines: Vec<&str> = text.lines().collect();
    let mut joints = Vec::new();
    for (index, line) in lines.iter().enumerate() {
        let Some(before) = line.trim_end().strip_suffix(SEPARATOR) else { continue };
        let is_value = !before.trim().is_empty() && !before.ends_with('-') && !before.contains('#');
        let next = lines[index + 1..].iter().find(|next| !next.trim().is_empty());
        let begins_object =
            next.is_some_and(|next| next.starts_with("apiVersion:") || next.starts_with("kind:"));
        if is_value && begins_object {
            let number = |value: usize| u32::try_from(value).unwrap_or(u32::MAX);
            joints.push(Mark { line: number(index + 1), column: number(before.chars().count() + 1) });
        }
    }
    joints
}

/// The files that `text` was joined of, each with the lines before it left empty, so that places stay what they were.
pub fn parts(text: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let joints = joints(text);
    let mut ends = joints.iter().map(|mark| mark.line as usize - 1).peekable();
    for (index, line) in text.split_inclusive('\n').enumerate() {
        let last = parts.last_mut().expect("there is a first part");
        if ends.next_if_eq(&index).is_none() {
            last.push_str(line);
            continue;
        }
        let kept = line.trim_end().strip_suffix(SEPARATOR).unwrap_or(line);
        last.push_str(kept);
        last.push('\n');
        parts.push("\n".repeat(index + 1));
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_separator_at_the_end_of_a_value_parts_two_files() {
        let text = "kind: A\nspec:\n  path: redis.conf---\napiVersion: v1\nkind: B\n";
        assert_eq!(joints(text), [Mark { line: 3, column: 19 }]);
        assert_eq!(parts(text), ["kind: A\nspec:\n  path: redis.conf\n", "\n\n\napiVersion: v1\nkind: B\n"]);
    }

    #[test]
    fn what_may_be_meant_as_it_stands_is_left_alone() {
        for text in [
            "kind: A\n---\nkind: B\n",
            "# A -----\nkind: A\n",
            "text: a---\nother: b\n",
            "text: a----\nkind: B\n",
            "text: a---\n  kind: B\n",
            "text: a---",
        ] {
            assert_eq!(joints(text), [], "{text}");
            assert_eq!(parts(text), [text]);
        }
    }
}
