//! JSON documents, one after the other, as trees. YAML would be enough for JSON, but for tabs between tokens, pairs of
//! surrogates and documents that nothing separates, which kubectl accepts.

use std::collections::BTreeSet;

use super::tree::{Entry, Mark, Tree, Value, cost_of, quoted};
use super::yaml::{DEPTH, Fault, NODES};

/// Reads all documents of `text`.
///
/// # Errors
/// The first place that is no JSON, a key that stands twice, or more than the limits allow.
pub fn documents(text: &str) -> Result<Vec<Tree>, Fault> {
    let mut reader = Reader { rest: text, line: 1, column: 1, nodes: 0 };
    let mut documents = Vec::new();
    reader.skip_space();
    while !reader.rest.is_empty() {
        documents.push(reader.value(0)?);
        reader.skip_space();
    }
    Ok(documents)
}

struct Reader<'t> {
    rest: &'t str,
    line: u32,
    column: u32,
    nodes: usize,
}

impl<'t> Reader<'t> {
    fn mark(&self) -> Mark {
        Mark { line: self.line, column: self.column }
    }

    fn fault(&self, says: impl Into<String>, accepted: impl Into<String>) -> Fault {
        Fault { mark: self.mark(), says: says.into(), accepted: accepted.into() }
    }

    fn peek(&self) -> Option<char> {
        self.rest.chars().next()
    }

    fn next(&mut self) -> Option<char> {
        let next = self.peek()?;
        self.rest = &self.rest[next.len_utf8()..];
        if next == '\n' {
            self.line += 1;
            self.column = 1;
        } else {
            self.column += 1;
        }
        Some(next)
    }

    fn skip_space(&mut self) {
        while self.peek().is_some_and(|next| matches!(next, ' ' | '\t' | '\n' | '\r')) {
            self.next();
        }
    }

    fn found(&self) -> String {
        self.peek().map_or("the end of the file".into(), |next| quoted(&next.to_string()))
    }

    fn expect(&mut self, wanted: char) -> Result<(), Fault> {
        if self.peek() == Some(wanted) {
            self.next();
            return Ok(());
        }
        Err(self.fault(format!("is no JSON: {} stands here", self.found()), format!("'{wanted}'")))
    }

    fn spend(&mut self, cost: usize) -> Result<(), Fault> {
        self.nodes += cost;
        if self.nodes > NODES { Err(Fault::too_large(self.mark())) } else { Ok(()) }
    }

    fn value(&mut self, depth: usize) -> Result<Tree, Fault> {
        let mark = self.mark();
        self.spend(1)?;
        if depth > DEPTH {
            return Err(Fault::too_deep(mark));
        }
        let value = match self.peek() {
            Some('{') => Value::Mapping(self.mapping(depth)?),
            Some('[') => Value::Sequence(self.sequence(depth)?),
            Some('"') => Value::String(self.string()?),
            Some('-' | '0'..='9') => self.number()?,
            _ => self.word()?,
        };
        Ok(Tree { mark, value })
    }

    fn mapping(&mut self, depth: usize) -> Result<Vec<Entry>, Fault> {
        self.expect('{')?;
        let mut entries = Vec::new();
        let mut keys = BTreeSet::new();
        self.skip_space();
        while self.peek() != Some('}') {
            if !entries.is_empty() {
                self.expect(',')?;
                self.skip_space();
            }
            let mark = self.mark();
            let key = self.string()?;
            if !keys.insert(key.clone()) {
                return Err(Fault::twice(mark, &key));
            }
            self.skip_space();
            self.expect(':')?;
            self.skip_space();
            let value = self.value(depth + 1)?;
            entries.push(Entry { key, mark, value });
            self.skip_space();
        }
        self.expect('}')?;
        Ok(entries)
    }

    fn sequence(&mut self, depth: usize) -> Result<Vec<Tree>, Fault> {
        self.expect('[')?;
        let mut items = Vec::new();
        self.skip_space();
        while self.peek() != Some(']') {
            if !items.is_empty() {
                self.expect(',')?;
                self.skip_space();
            }
            items.push(self.value(depth + 1)?);
            self.skip_space();
        }
        self.expect(']')?;
        Ok(items)
    }

    fn string(&mut self) -> Result<String, Fault> {
        self.expect('"')?;
        let mut text = String::new();
        loop {
            match self.peek() {
                Some('"') => break,
                Some('\\') => {
                    self.next();
                    let escaped = self.escape()?;
                    text.push(escaped);
                }
                Some(other) if other >= ' ' => {
                    self.next();
                    text.push(other);
                }
                _ => return Err(self.fault("is no JSON: a string is not closed", "'\"' at its end")),
            }
        }
        self.expect('"')?;
        self.spend(cost_of(&text))?;
        Ok(text)
    }

    fn escape(&mut self) -> Result<char, Fault> {
        let wrong = self.fault(
            "is no JSON: an escape that does not exist",
            "\\\" \\\\ \\/ \\b \\f \\n \\r \\t or \\u with four hex digits",
        );
        Ok(match self.next() {
            Some(same @ ('"' | '\\' | '/')) => same,
            Some('b') => '\u{8}',
            Some('f') => '\u{c}',
            Some('n') => '\n',
            Some('r') => '\r',
            Some('t') => '\t',
            Some('u') => {
                let first = self.hex().ok_or_else(|| wrong.clone())?;
                if !(0xd800..0xe000).contains(&first) {
                    return char::from_u32(first).ok_or(wrong);
                }
                // A lone half of a pair becomes the replacement character, as in Go.
                let before = (self.rest, self.column);
                let second = if self.rest.starts_with("\\u") {
                    self.next();
                    self.next();
                    self.hex().filter(|second| (0xdc00..0xe000).contains(second) && first < 0xdc00)
                } else {
                    None
                };
                match second {
                    Some(second) => {
                        char::from_u32(0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00)).ok_or(wrong)?
                    }
                    None => {
                        (self.rest, self.column) = before;
                        char::REPLACEMENT_CHARACTER
                    }
                }
            }
            _ => return Err(wrong),
        })
    }

    fn hex(&mut self) -> Option<u32> {
        let digits =
            self.rest.get(..4).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()))?;
        self.rest = &self.rest[4..];
        self.column += 4;
        u32::from_str_radix(digits, 16).ok()
    }

    fn token(&mut self, belongs: impl Fn(char) -> bool) -> &'t str {
        let end = self.rest.find(|next| !belongs(next)).unwrap_or(self.rest.len());
        let (token, rest) = self.rest.split_at(end);
        self.rest = rest;
        self.column += token.len() as u32;
        token
    }

    fn number(&mut self) -> Result<Value, Fault> {
        let at = self.fault("is no JSON: not a number", "a number such as 3, -1 or 2.5e3");
        let token = self.token(|next| next.is_ascii_digit() || matches!(next, '-' | '+' | '.' | 'e' | 'E'));
        match token.parse::<i64>() {
            Ok(value) => Ok(Value::Int(value)),
            Err(_) => token.parse().map(Value::Float).map_err(|_| at),
        }
    }

    fn word(&mut self) -> Result<Value, Fault> {
        let at = self.fault(
            format!("is no JSON: {} stands here", self.found()),
            "a value: {, [, \", a number, true, false or null",
        );
        match self.token(|next| next.is_ascii_alphabetic()) {
            "true" => Ok(Value::Bool(true)),
            "false" => Ok(Value::Bool(false)),
            "null" => Ok(Value::Null),
            _ => Err(at),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tabs_escapes_and_documents_without_separator_are_read() {
        let trees = documents(
            "{\t\"a\":\t[1, -2.5, true, null],\n\t\"b\": \"x\\/\\ud83d\\ude00\\ud83d\"}{\"c\": {}}",
        )
        .expect("JSON");
        assert_eq!(trees.len(), 2);
        assert_eq!(trees[0].get("a").map(|a| a.items().len()), Some(4));
        assert_eq!(trees[0].get("b").and_then(Tree::text), Some("x/\u{1f600}\u{fffd}"));
        assert_eq!(trees[0].entry("b").map(|b| b.mark), Some(Mark { line: 2, column: 2 }));
    }

    #[test]
    fn a_wrong_token_is_named_with_its_place() {
        for (text, line, column, says) in [
            ("{\"a\" 1}", 1, 6, "'1' stands here"),
            ("{\"a\": \n x}", 2, 2, "'x' stands here"),
            ("{\"a\": \"b", 1, 9, "a string is not closed"),
            ("{\"a\": 1, \"a\": 2}", 1, 10, "stands twice"),
            ("{\"a\": \"\\q\"}", 1, 9, "an escape"),
            ("{\"a\": 1-}", 1, 7, "not a number"),
            ("[", 1, 2, "the end of the file"),
        ] {
            let fault = documents(text).expect_err(text);
            assert_eq!((fault.mark.line, fault.mark.column), (line, column), "{text}: {}", fault.says);
            assert!(fault.says.contains(says), "{text}: {}", fault.says);
        }
        assert!(documents(&"[".repeat(1000)).expect_err("deep").says.contains("deeper"));
    }
}
