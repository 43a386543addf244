//! The document: a fixed text with a style and a program, and the data in a block that is no program.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

use super::data::Data;
use crate::plain::{make_plain, plain_line};

const DOCUMENT: &str = include_str!("program/page.html");
const STYLE: &str = include_str!("program/page.css");

/// The parts of the program, each of which uses those before it.
const PROGRAM: [&str; 6] = [
    include_str!("program/state.js"),
    include_str!("program/draw.js"),
    include_str!("program/timeline.js"),
    include_str!("program/list.js"),
    include_str!("program/panel.js"),
    include_str!("program/main.js"),
];

/// The whole document. What it may load and run is said by hash, so nothing else is loaded or run, whatever a trace holds.
pub(super) fn document(data: &Data) -> String {
    let program = format!("\"use strict\";\n(() => {{\n{}}})();\n", PROGRAM.concat());
    let policy = format!(
        "default-src 'none'; style-src '{}'; script-src '{}'; base-uri 'none'; form-action 'none'",
        hash(STYLE),
        hash(&program)
    );
    let parts =
        [("policy", policy), ("style", STYLE.to_owned()), ("data", block(data)), ("program", program)];
    let mut document = String::new();
    let mut rest = DOCUMENT;
    // What is put in is not looked through.
    for (name, part) in parts {
        let mark = format!("{{{{{name}}}}}");
        let (before, after) =
            rest.split_once(&mark).expect("the document has a place for each part, in this order");
        document += before;
        document += &part;
        rest = after;
    }
    document + rest
}

/// The hash of a text, as a Content Security Policy names it.
fn hash(text: &str) -> String {
    format!("sha256-{}", STANDARD.encode(Sha256::digest(text)))
}

/// The data as JSON in which nothing can end the block that it stands in, and no name steers how others are read.
fn block(data: &Data) -> String {
    let mut value = serde_json::to_value(data).expect("the data are plain words and numbers");
    // Those of the patch stay what they are in the manifest.
    let patch: Option<serde_json::Value> =
        data.remedy.as_ref().map(|(_, patch)| patch.iter().map(|line| plain_line(line)).collect());
    make_plain(&mut value);
    if let (Some(lines), Some(place)) = (patch, value.pointer_mut("/remedy/1")) {
        *place = lines;
    }
    value.to_string().replace('<', "\\u003c").replace('>', "\\u003e").replace('&', "\\u0026")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_is_that_of_the_standard() {
        // FIPS 180-4, the message "abc".
        assert_eq!(hash("abc"), "sha256-ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=");
    }
}
