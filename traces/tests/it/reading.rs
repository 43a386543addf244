//! Reading is total: any bytes are a trace, or an error that says where.

use podproof_traces::{Style, Trace, View, replay, shorten, show_as};
use podproof_vocabulary::Property;
use podproof_vocabulary::event::Story;
use proptest::prelude::*;

use crate::common::{broken, short_pre_stop, web};

fn refusal(bytes: &[u8]) -> String {
    Trace::from_bytes(bytes).expect_err("this is no trace").to_string()
}

#[test]
fn bytes_that_are_no_text_are_refused_with_their_place() {
    assert_eq!(refusal(b"{\n  \"version\": \xff1}"), "line 2, column 14: this is not UTF-8");
    assert_eq!(refusal(b"\xc3"), "line 1, column 1: this is not UTF-8");
}

#[test]
fn what_is_nested_without_end_is_refused() {
    let text = "[".repeat(100_000);
    assert!(refusal(text.as_bytes()).contains("line 1, column "), "{}", refusal(text.as_bytes()));
}

#[test]
fn a_digest_that_is_none_is_refused_with_its_step() {
    let trace = broken(&web(Story::PodDeletion, None), Property::NoFailedRequest);
    let digest = trace.stem[2].digest.unwrap().to_string();
    let message = refusal(trace.to_json().replace(&digest, "yes").as_bytes());
    assert!(message.contains("stem[2].digest: 'yes' is no digest; accepted are 16"), "{message}");
}

#[test]
fn a_resource_that_nobody_knows_is_refused() {
    let trace = broken(&web(Story::PodDeletion, None), Property::NoFailedRequest);
    let text = trace.to_json().replacen("{\"object\": 0}", "{\"objects\": 0}", 1);
    let message = refusal(text.as_bytes());
    assert!(message.contains("there is no 'objects' here; accepted are head, "), "{message}");
}

#[test]
fn a_pod_cannot_be_followed_from_a_step_that_is_none() {
    let trace = broken(&short_pre_stop(), Property::NoFailedRequest);
    let text = trace.to_json();
    let steps = trace.stem.len();
    let now =
        format!("\"from-step\": {}", trace.followed.expect("without a clock nothing is late").from_step);
    assert!(text.contains(&now), "{text}");
    for step in [0, steps + 1, 9999] {
        let message = refusal(text.replace(&now, &format!("\"from-step\": {step}")).as_bytes());
        assert!(message.contains(&format!("accepted is 1 to {steps}")), "{step}: {message}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_are_a_trace_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let error = Trace::from_bytes(&bytes).expect_err("no trace is so short");
        prop_assert!(!error.message.is_empty());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    /// Whoever edits a file gets an error with its place, or a trace with which everything can be done.
    #[test]
    fn an_edited_trace_is_a_trace_or_an_error(
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..3u8), 1..4),
    ) {
        let trace = broken(&web(Story::PodDeletion, None), Property::NoFailedRequest);
        let mut bytes = trace.to_json().into_bytes();
        for (place, byte, how) in edits {
            let place = place.index(bytes.len());
            match how {
                0 => _ = bytes.remove(place),
                1 => bytes.insert(place, byte),
                // A digit becomes another: what is a number stays one.
                _ if bytes[place].is_ascii_digit() => bytes[place] = b'0' + byte % 10,
                _ => bytes[place] = byte,
            }
        }
        match Trace::from_bytes(&bytes) {
            Err(error) => {
                prop_assert!(!error.message.is_empty());
                prop_assert_eq!(error.line == 0, error.column == 0);
                let is_json = std::str::from_utf8(&bytes).is_ok_and(|text| serde_json::from_str::<serde_json::Value>(text).is_ok());
                prop_assert!(error.line > 0 || !error.field.is_empty() || is_json, "{error}");
            }
            Ok(edited) => {
                let _ = replay(&edited);
                let shown = show_as(&edited, Style { colour: false, width: 100 }, View { full: true, from: None, file: None });
                prop_assert!(shown.ends_with('\n'));
                let _ = shorten(&edited, 100);
            }
        }
    }
}
