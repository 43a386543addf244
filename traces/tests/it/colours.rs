//! The colours of the page: text can be read on its ground, in light and in dark (WCAG 2.2, success criteria 1.4.3 and 1.4.11).

use std::collections::BTreeMap;

const STYLE: &str = include_str!("../../src/page/program/page.css");

/// Contrast that text must have.
const TEXT: f64 = 4.5;
/// Contrast that what is drawn must have.
const DRAWN: f64 = 3.0;

/// What is set in which colour on which ground, and the contrast that it needs.
const PAIRS: [(&str, &str, f64); 32] = [
    ("ink", "ground", TEXT),
    ("ink", "raised", TEXT),
    ("ink", "chosen", TEXT),
    ("ink", "mark", TEXT),
    ("ink", "hit", TEXT),
    ("soft", "ground", TEXT),
    ("soft", "raised", TEXT),
    ("soft", "hit", TEXT),
    ("soft", "chosen", TEXT),
    ("accent", "ground", TEXT),
    ("accent", "raised", TEXT),
    ("broken", "ground", TEXT),
    ("broken", "broken-ground", TEXT),
    ("broken", "chosen", TEXT),
    ("control", "ground", TEXT),
    ("control", "chosen", TEXT),
    ("node", "ground", TEXT),
    ("node", "chosen", TEXT),
    ("network", "ground", TEXT),
    ("network", "chosen", TEXT),
    ("outside", "ground", TEXT),
    ("outside", "chosen", TEXT),
    ("on-bar", "accepts", TEXT),
    ("on-bar", "hook", TEXT),
    ("on-bar", "drains", TEXT),
    ("on-bar", "closes", TEXT),
    ("on-bar", "exited", TEXT),
    ("on-bar", "ready", TEXT),
    ("on-bar", "ground", TEXT),
    ("accent", "chosen", DRAWN),
    ("edge", "ground", DRAWN),
    ("edge", "raised", DRAWN),
];

/// The colours by name: in light, in dark.
fn colours() -> BTreeMap<&'static str, [[f64; 3]; 2]> {
    let mut colours = BTreeMap::new();
    for line in STYLE.lines() {
        let Some((name, value)) = line.trim().strip_prefix("--").and_then(|line| line.split_once(": "))
        else {
            continue;
        };
        let Some(value) = value.strip_prefix("light-dark(").and_then(|value| value.strip_suffix(");")) else {
            continue;
        };
        let (light, dark) = value.split_once(", ").expect("two colours");
        colours.insert(name, [light, dark].map(rgb));
    }
    colours
}

fn rgb(text: &str) -> [f64; 3] {
    let digits = text.strip_prefix('#').expect("colours are written in hexadecimal digits");
    assert_eq!(digits.len(), 6, "{text}");
    [0, 2, 4].map(|place| f64::from(u8::from_str_radix(&digits[place..place + 2], 16).expect("two digits")))
}

/// Relative luminance, as WCAG 2.2 defines it.
fn luminance(rgb: [f64; 3]) -> f64 {
    let linear = rgb.map(|part| part / 255.0).map(|part| match part <= 0.04045 {
        true => part / 12.92,
        false => ((part + 0.055) / 1.055).powf(2.4),
    });
    0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
}

fn contrast(one: [f64; 3], other: [f64; 3]) -> f64 {
    let (one, other) = (luminance(one), luminance(other));
    (one.max(other) + 0.05) / (one.min(other) + 0.05)
}

#[test]
fn black_on_white_is_the_greatest_contrast() {
    assert!((contrast(rgb("#000000"), rgb("#ffffff")) - 21.0).abs() < 1e-9);
    assert!((contrast(rgb("#777777"), rgb("#ffffff")) - 4.478).abs() < 1e-3);
}

#[test]
fn text_can_be_read_in_light_and_in_dark() {
    let colours = colours();
    let mut wrong = Vec::new();
    for (ink, ground, least) in PAIRS {
        for (index, theme) in ["light", "dark"].into_iter().enumerate() {
            let found = contrast(colours[ink][index], colours[ground][index]);
            if found < least {
                wrong.push(format!("{theme}: {ink} on {ground}: {found:.2}, and {least} is asked for"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The colour that the style gives a property of what a selector finds.
fn set(selector: &str, property: &str) -> &'static str {
    let rule =
        STYLE.lines().filter_map(|line| line.split_once(" { ")).filter(|&(given, _)| given == selector);
    let set = rule.flat_map(|(_, rule)| rule.split("; ")).filter_map(|line| line.split_once(": "));
    let value = set.filter(|&(given, _)| given == property).last();
    let value = value.unwrap_or_else(|| panic!("{selector} has no {property} of its own")).1;
    value
        .trim_end_matches([' ', ';', '}'])
        .strip_prefix("var(--")
        .and_then(|name| name.strip_suffix(')'))
        .expect("a name")
}

/// What a step has changed is marked, whatever colour its cell has, and the field of the search is seen where it is empty.
#[test]
fn what_is_marked_and_what_is_written_into_is_seen() {
    let pairs = [
        (set("td.ready mark", "color"), "mark", TEXT),
        (set("input[type=\"search\"]", "border-color"), "raised", DRAWN),
    ];
    for pair in pairs {
        assert!(PAIRS.contains(&pair), "{pair:?} is not looked at");
    }
}
