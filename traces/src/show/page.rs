//! A page of text: wrapped to a width, with or without colours.

use super::Style;
use crate::plain::{plain, plain_line};

/// No text is set narrower than this.
const WIDTH_MIN: usize = 40;
/// Columns that the words of a line keep, however wide its margin.
const WORDS_MIN: usize = 20;

/// What a piece of text is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Paint {
    /// Nothing special.
    Plain,
    /// A heading.
    Strong,
    /// Routine.
    Faint,
    /// What happens to the cluster.
    Event,
    /// What a step changed.
    Change,
    /// Time that passes.
    Time,
    /// What is broken.
    Guilt,
}

impl Paint {
    /// The parameters of its ANSI escape sequence (ECMA-48 SGR); none for plain text.
    const fn code(self) -> Option<&'static str> {
        match self {
            Self::Plain => None,
            Self::Strong => Some("1"),
            Self::Faint => Some("2"),
            Self::Event => Some("33"),
            Self::Change => Some("36"),
            Self::Time => Some("35"),
            Self::Guilt => Some("1;31"),
        }
    }
}

/// A page that grows from above.
pub(crate) struct Page {
    style: Style,
    text: String,
}

impl Page {
    pub(crate) const fn new(style: Style) -> Self {
        Self { style, text: String::new() }
    }

    /// The page, which ends in a newline.
    pub(crate) fn finish(self) -> String {
        self.text
    }

    pub(crate) fn blank(&mut self) {
        self.text.push('\n');
    }

    /// A paragraph, indented.
    pub(crate) fn text(&mut self, indent: usize, paint: Paint, words: &str) {
        self.hanging(indent, indent, paint, words);
    }

    /// A paragraph whose first line has another indent than the rest.
    pub(crate) fn hanging(&mut self, first: usize, rest: usize, paint: Paint, words: &str) {
        let spaces = |columns| Margin::of(Paint::Plain, " ".repeat(columns));
        self.under(&spaces(first), &spaces(rest), paint, words);
    }

    /// A paragraph beside a margin that stands on its first line.
    pub(crate) fn beside(&mut self, margin: &str, paint: Paint, words: &str) {
        let rest = Margin::of(Paint::Plain, " ".repeat(margin.chars().count()));
        self.under(&Margin::of(Paint::Plain, margin.to_owned()), &rest, paint, words);
    }

    /// A paragraph beside the margin of its first line and that of all others.
    pub(crate) fn under(&mut self, first: &Margin, rest: &Margin, paint: Paint, words: &str) {
        let width = self.style.width.max(WIDTH_MIN);
        let room = |margin: &Margin| width.saturating_sub(margin.columns()).max(WORDS_MIN);
        for (index, line) in wrap(words, room(first), room(rest)).iter().enumerate() {
            let margin = if index == 0 { first } else { rest };
            let start = self.text.len();
            for (paint, text) in &margin.pieces {
                self.paint(*paint, text);
            }
            self.paint(paint, line);
            if line.is_empty() && !self.style.colour {
                self.text.truncate(start + self.text[start..].trim_end().len());
            }
            self.text.push('\n');
        }
    }

    /// A line as it is, however wide: what is to be copied is not wrapped.
    pub(crate) fn verbatim(&mut self, paint: Paint, line: &str) {
        // How the line ends in a file of Windows is part of it.
        let (line, end) = line.strip_suffix('\r').map_or((line, "\n"), |line| (line, "\r\n"));
        self.paint(paint, &plain_line(line));
        self.text.push_str(end);
    }

    fn paint(&mut self, paint: Paint, text: &str) {
        match paint.code().filter(|_| self.style.colour && !text.trim().is_empty()) {
            Some(code) => self.text.push_str(&format!("\u{1b}[{code}m{text}\u{1b}[0m")),
            None => self.text.push_str(text),
        }
    }
}

/// What stands before a line, in pieces of one colour each.
#[derive(Clone, Debug)]
pub(crate) struct Margin {
    pieces: Vec<(Paint, String)>,
}

impl Margin {
    pub(crate) fn of(paint: Paint, text: String) -> Self {
        Self { pieces: vec![(paint, text)] }
    }

    pub(crate) fn push(&mut self, paint: Paint, text: String) {
        self.pieces.push((paint, text));
    }

    fn columns(&self) -> usize {
        self.pieces.iter().map(|(_, text)| text.chars().count()).sum()
    }
}

/// Breaks `words` into lines of at most `first` columns, then `rest`; a word that is longer stands alone.
fn wrap(words: &str, first: usize, rest: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in words.split_whitespace() {
        let room = if lines.len() == 1 { first } else { rest };
        let line = lines.last().map_or(0, |line| line.chars().count());
        if line > 0 && line + 1 + word.chars().count() > room {
            lines.push(String::new());
        }
        if let Some(line) = lines.last_mut() {
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(&plain(word));
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_stay_within_their_width() {
        assert_eq!(wrap("one two three four", 8, 5), ["one two", "three", "four"]);
    }

    #[test]
    fn a_long_word_stands_alone() {
        assert_eq!(wrap("a abcdefghij b", 4, 4), ["a", "abcdefghij", "b"]);
    }

    #[test]
    fn a_name_cannot_steer_the_terminal() {
        assert_eq!(wrap("pod \u{1b}[2Jweb", 80, 80), ["pod \\u{1b}[2Jweb"]);
    }
}
