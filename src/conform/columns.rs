//! Text beside text.

use anstyle::Style;

/// A paragraph of one style.
pub struct Paragraph {
    /// How it looks.
    pub style: Style,
    /// What it says.
    pub text: String,
}

/// Breaks `text` into lines of at most `width` columns, all but the first two columns in; a longer word is cut.
pub fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    // Names come from a log: nothing in them may steer the terminal.
    let plain: String = text.chars().filter(|letter| !letter.is_control() || *letter == ' ').collect();
    for word in plain.split_whitespace() {
        let mut rest: Vec<char> = word.chars().collect();
        while !rest.is_empty() {
            let indent = if lines.len() == 1 { 0 } else { 2 };
            let room = width.saturating_sub(indent).max(1);
            let Some(line) = lines.last_mut() else { break };
            let used = line.chars().count();
            let gap = usize::from(used > 0);
            if used + gap + rest.len() <= room {
                line.push_str(&" ".repeat(gap));
                line.extend(rest.drain(..));
            } else if used == 0 {
                line.extend(rest.drain(..room.min(rest.len())));
                lines.push(String::new());
            } else {
                lines.push(String::new());
            }
        }
    }
    if lines.len() > 1 && lines.last().is_some_and(String::is_empty) {
        lines.pop();
    }
    let set = |(index, line): (usize, String)| if index == 0 { line } else { format!("  {line}") };
    lines.into_iter().enumerate().map(set).collect()
}

/// Sets `left` beside `right` behind a margin that stands on the first line; so many columns for each.
pub fn beside(
    margin: &str,
    left: &Paragraph,
    right: &[Paragraph],
    (left_width, right_width): (usize, usize),
) -> String {
    let lines = |paragraph: &Paragraph, width| {
        let style = paragraph.style;
        let set = |line: String| (style, line);
        wrap(&paragraph.text, width).into_iter().map(set).collect::<Vec<_>>()
    };
    let left = lines(left, left_width);
    let right: Vec<_> = right.iter().flat_map(|paragraph| lines(paragraph, right_width)).collect();
    let blank = (Style::new(), String::new());
    let mut text = String::new();
    for index in 0..left.len().max(right.len()) {
        let (left_style, left) = left.get(index).unwrap_or(&blank);
        let (right_style, right) = right.get(index).unwrap_or(&blank);
        let margin = if index == 0 { margin.to_owned() } else { " ".repeat(margin.chars().count()) };
        let pad = " ".repeat(left_width.saturating_sub(left.chars().count()));
        let mut line =
            format!("{margin}{}{pad} | {}", painted(*left_style, left), painted(*right_style, right));
        line.truncate(line.trim_end().len());
        text += &line;
        text.push('\n');
    }
    text
}

/// Text in a style; as it is, if there is nothing to it.
fn painted(style: Style, text: &str) -> String {
    if text.is_empty() || style == Style::new() { text.to_owned() } else { format!("{style}{text}{style:#}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_stay_within_their_width() {
        assert_eq!(wrap("one two three four", 9), ["one two", "  three", "  four"]);
        assert_eq!(wrap("abcdefghijkl xy", 6), ["abcdef", "  ghij", "  kl", "  xy"]);
        assert_eq!(wrap("", 6), [""]);
    }

    #[test]
    fn a_name_cannot_steer_the_terminal() {
        assert_eq!(wrap("pod \u{1b}[2Jweb", 80), ["pod [2Jweb"]);
    }

    #[test]
    fn two_columns_stand_side_by_side() {
        let plain = |text: &str| Paragraph { style: Style::new(), text: text.into() };
        let right = [plain("a b"), plain("c")];
        let text = beside(" 1 s  ", &plain("left"), &right, (6, 8));
        assert_eq!(text, " 1 s  left   | a b\n             | c\n");
        let bold = Paragraph { style: Style::new().bold(), text: "x".into() };
        assert_eq!(beside("", &bold, &[], (2, 2)), "\u{1b}[1mx\u{1b}[0m  |\n");
    }
}
