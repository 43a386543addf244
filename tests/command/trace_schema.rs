//! The JSON Schema of the trace format: current, and what every trace that is kept keeps to. `PODPROOF_UPDATE=1` writes it anew.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use jsonschema::Validator;
use podproof_traces::schema::{reproducer_schema, schema};
use podproof_traces::{Fault, Reproducer, Trace};
use serde_json::{Map, Value, json};

/// Why no trace that is kept fails to be read.
const READABLE: &str = "whoever runs the tests can read the traces";

fn traces() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("traces")
}

fn validator() -> Validator {
    jsonschema::draft202012::new(&schema()).expect("the schema is one")
}

/// Every JSON file below a folder, with its name.
fn documents(folder: &Path, out: &mut Vec<(String, Value)>) {
    let mut entries: Vec<PathBuf> =
        fs::read_dir(folder).expect(READABLE).map(|entry| entry.expect(READABLE).path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            documents(&path, out);
        } else if path.extension().is_some_and(|end| end == "json") {
            let document =
                serde_json::from_str(&fs::read_to_string(&path).expect(READABLE)).expect("a trace is JSON");
            out.push((path.display().to_string(), document));
        }
    }
}

fn kept() -> Vec<(String, Value)> {
    let mut all = Vec::new();
    documents(&traces().join("corpus"), &mut all);
    documents(&traces().join("tests/version-1"), &mut all);
    all
}

#[test]
fn the_schema_files_are_current() {
    is_current("schema.json", &schema());
    is_current("reproducer.schema.json", &reproducer_schema());
}

fn is_current(file: &str, schema: &Value) {
    let expected = format!("{schema:#}\n");
    let file = traces().join(file);
    if std::env::var_os("PODPROOF_UPDATE").is_some() {
        fs::write(&file, &expected).expect("it is there");
    }
    let found = fs::read_to_string(&file).unwrap_or_default();
    assert!(
        found == expected,
        "PODPROOF_UPDATE=1 cargo test --test command trace_schema writes {}",
        file.display()
    );
}

#[test]
fn every_trace_that_is_kept_keeps_to_the_schema() {
    let validator = validator();
    let kept = kept();
    assert!(kept.len() > 25, "{} traces", kept.len());
    for (name, document) in kept {
        let errors: Vec<String> = validator.iter_errors(&document).map(|error| error.to_string()).collect();
        assert!(errors.is_empty(), "{name}: {errors:?}");
    }
}

#[test]
fn a_reproducer_keeps_to_its_schema() {
    let validator = jsonschema::draft202012::new(&reproducer_schema()).expect("the schema is one");
    let reproducer =
        Reproducer::new("proxy", "a.rs:1:2", "two rules", vec!["0.000 s: a slice".to_owned()], &[1]);
    let mut document: Value = serde_json::from_str(&reproducer.to_json()).expect("it is JSON");
    assert!(validator.is_valid(&document), "{document}");
    document["more"] = json!(1);
    assert!(!validator.is_valid(&document), "no field that nobody knows");
}

/// What is done to a document.
type Edit = fn(&mut Value);

/// What the reader refuses of the shape of a document, the schema refuses too.
#[test]
fn a_document_of_another_shape_does_not_keep_to_the_schema() {
    let validator = validator();
    let (_, document) = kept().swap_remove(0);
    let edits: [(&str, Edit); 8] = [
        ("another version", |document| document["version"] = 2.into()),
        ("no scenario", |document| _ = document.as_object_mut().expect("it is there").remove("scenario")),
        ("an unknown field", |document| document["because"] = "so".into()),
        ("an unknown field of the scenario", |document| document["scenario"]["racks"] = 1.into()),
        ("an unknown step", |document| document["stem"][0]["action"] = "tock".into()),
        ("an unknown component", |document| document["stem"][0]["component"] = "somebody".into()),
        ("a number that is none", |document| document["scenario"]["slots"] = "four".into()),
        ("an unknown property", |document| document["property"] = "no-rain".into()),
    ];
    for (what, edit) in edits {
        let mut edited = document.clone();
        edit(&mut edited);
        assert!(!validator.is_valid(&edited), "{what}");
        let read = Trace::from_json(&edited.to_string());
        assert!(read.is_err(), "the reader takes {what}");
    }
}

/// Where the values of a document are that are of something new: an index is none of it, and the same field of another kind of step is
/// another. Steps that have nothing new are left out of the document.
fn places(document: &mut Value, seen: &mut BTreeSet<String>) -> Vec<String> {
    fn collect(value: &Value, at: &str, shape: &str, visit: &mut impl FnMut(&str, String)) {
        match value {
            Value::Object(fields) => {
                let kind = fields.get("action").and_then(Value::as_str).unwrap_or_default();
                fields.iter().for_each(|(key, value)| {
                    let key = key.replace('~', "~0").replace('/', "~1");
                    collect(value, &format!("{at}/{key}"), &format!("{shape}{kind}/{key}"), visit);
                });
            }
            Value::Array(items) => items.iter().enumerate().for_each(|(index, value)| {
                collect(value, &format!("{at}/{index}"), &format!("{shape}/-"), visit);
            }),
            _ => {}
        }
        visit(at, shape.to_owned());
    }
    let mut new = seen.clone();
    for part in ["stem", "cycle"] {
        let steps = document[part].as_array_mut().expect("steps");
        steps.retain(|step| {
            let known = new.len();
            collect(step, "", &format!("/{part}/-"), &mut |_, shape| _ = new.insert(shape));
            new.len() > known
        });
    }
    let mut found = Vec::new();
    collect(document, "", "", &mut |at, shape| {
        if seen.insert(shape) {
            found.push(at.to_owned());
        }
    });
    found
}

/// What may stand in the place of a value.
fn others(value: &Value) -> Vec<Value> {
    let mut others = vec![
        Value::Null,
        json!([]),
        json!({}),
        json!(true),
        json!(""),
        json!("x"),
        json!(-1),
        json!(1.5),
        json!(256),
        json!(65_536),
        json!(u64::from(u32::MAX) + 1),
        json!(u64::MAX),
        json!(1e30),
        json!([value]),
        json!({ "x": value }),
    ];
    if let Value::Object(fields) = value {
        others.push(fields.values().cloned().collect());
        others.push(json!(fields.keys().next()));
        for key in fields.keys() {
            let without: Map<String, Value> = fields
                .iter()
                .filter(|(other, _)| *other != key)
                .map(|(k, v)| (k.clone(), v.clone()))
                .collect();
            others.push(without.into());
        }
        let mut more = fields.clone();
        more.insert("because".into(), Value::Null);
        others.push(more.into());
    }
    if let Value::String(text) = value {
        others.push(json!({ text: null }));
    }
    others
}

/// How many forms of a document were taken and refused, by the reader and the schema alike.
fn forms(validator: &Validator, name: &str, document: &Value, places: &[String]) -> [usize; 2] {
    let [mut taken, mut refused] = [0, 0];
    for place in places {
        let value = document.pointer(place).expect("it is there").clone();
        for other in others(&value) {
            let mut edited = document.clone();
            *edited.pointer_mut(place).expect("it is there") = other;
            let valid = validator.is_valid(&edited);
            let read = Trace::from_json(&edited.to_string());
            let has_form = !matches!(&read, Err(error) if error.fault != Fault::Content);
            let now = edited.pointer(place);
            assert_eq!(has_form, valid, "{name}: {place}: {now:?}: {:?}", read.err());
            if valid { taken += 1 } else { refused += 1 }
        }
    }
    [taken, refused]
}

/// Whatever is done to a document: the reader takes its form exactly if the schema does. Each document has what those before it have
/// not, and they are shared out among threads: this is one of the longest tests of the command.
#[test]
fn the_reader_and_the_schema_take_the_same_forms() {
    let validator = validator();
    let mut seen = BTreeSet::new();
    let documents = kept().into_iter().map(|(name, mut document)| {
        let places = places(&mut document, &mut seen);
        (name, document, places)
    });
    let documents: Vec<(String, Value, Vec<String>)> = documents.collect();
    let next = AtomicUsize::new(0);
    let share = || {
        let mut found = [0, 0];
        while let Some((name, document, places)) = documents.get(next.fetch_add(1, Ordering::Relaxed)) {
            let more = forms(&validator, name, document, places);
            found = [found[0] + more[0], found[1] + more[1]];
        }
        found
    };
    let found = thread::scope(|scope| {
        let shares = [scope.spawn(share), scope.spawn(share)];
        shares.map(|share| share.join().expect("no form is taken by one alone"))
    });
    let [taken, refused] = [0, 1].map(|which| found[0][which] + found[1][which]);
    assert!(taken > 400 && refused > 9_000, "{taken} taken, {refused} refused");
}

/// The page that explains the format names every field of a trace and of a step, and no other.
#[test]
fn the_page_of_the_format_names_every_field() {
    let page = fs::read_to_string(traces().join("FORMAT.md")).expect("it is there");
    let schema = schema();
    let section = |from: &str| {
        let (_, rest) = page.split_once(from).unwrap_or_else(|| panic!("{from}"));
        let section =
            rest.split("\n## ").next().unwrap_or_default().split("\n### ").next().unwrap_or_default();
        let rows = section.lines().filter_map(|line| line.strip_prefix("| `")?.split_once('`'));
        rows.map(|(field, _)| field.to_owned()).collect::<Vec<_>>()
    };
    let fields = |of: &Value| {
        let mut names: Vec<String> =
            of["properties"].as_object().expect("it is there").keys().cloned().collect();
        names.sort_unstable();
        names
    };
    let sorted = |mut names: Vec<String>| {
        names.sort_unstable();
        names
    };
    assert_eq!(sorted(section("## The document")), fields(&schema));
    assert_eq!(sorted(section("## A step")), fields(&schema["$defs"]["TraceStep"]));
}
