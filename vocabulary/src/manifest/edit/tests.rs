//! Fields are set where they stand, and nothing else changes.

use super::*;

const YAML: &str = "\
# first
apiVersion: v1
kind: Service
---
apiVersion: apps/v1   # kept
kind: Deployment
spec:
  replicas: 2 # two
  template:
    spec:
      containers:
        - name: web
          image: x
        # the second
        - name: side
          lifecycle: {preStop: {sleep: {seconds: 3}}}

# the end
";

fn place(line: u32) -> Place {
    Place { file: "x.yaml".into(), line, column: 1 }
}

fn path(text: &str) -> FieldPath {
    text.parse().expect(text)
}

fn edited(text: &str, line: u32, field: &str, value: &Value) -> String {
    set(text, &place(line), &path(field), value).expect(field)
}

/// The lines that are new, and those that are gone.
fn difference(old: &str, new: &str) -> (Vec<String>, Vec<String>) {
    let only = |of: &str, other: &str| {
        of.lines().filter(|line| !other.lines().any(|other| other == *line)).map(str::to_owned).collect()
    };
    (only(new, old), only(old, new))
}

#[test]
fn a_value_is_replaced_where_it_stands() {
    let new = edited(YAML, 5, "spec.replicas", &Value::number(13));
    assert_eq!(new, YAML.replace("replicas: 2 #", "replicas: 13 #"));
    let new = edited(
        YAML,
        5,
        "spec.template.spec.containers[side].lifecycle.preStop.sleep.seconds",
        &Value::number(9),
    );
    assert_eq!(new, YAML.replace("seconds: 3", "seconds: 9"));
    assert_eq!(get(&new, &place(5), &path("spec.template.spec.containers[1].name")), Some("side".into()));
    assert_eq!(get(&new, &place(5), &path("spec.template.spec.containers")), None);
    assert_eq!(get(&new, &place(5), &path("spec.paused")), None);
}

#[test]
fn a_field_that_is_missing_belongs_where_what_is_around_it_stands() {
    let at = |field: &str| nearest(YAML, &place(5), &path(field)).map(|place| (place.line, place.column));
    assert_eq!(at("spec.replicas"), Some((8, 13)));
    assert_eq!(at("spec.template.spec.containers[web].lifecycle.preStop.sleep.seconds"), Some((12, 11)));
    assert_eq!(at("spec.template.spec.containers[other].lifecycle"), None);
}

#[test]
fn a_plain_field_that_is_missing_comes_first() {
    let new = edited(YAML, 5, "spec.template.spec.terminationGracePeriodSeconds", &Value::number(6));
    let line = "      terminationGracePeriodSeconds: 6\n      containers:\n";
    assert_eq!(new, YAML.replace("      containers:\n", line));
}

#[test]
fn fields_that_are_missing_are_added_behind_the_others() {
    let new = edited(
        YAML,
        5,
        "spec.template.spec.containers[web].lifecycle.preStop.sleep.seconds",
        &Value::number(5),
    );
    let added = "          image: x\n          lifecycle:\n            preStop:\n              sleep:\n                seconds: 5\n";
    assert_eq!(new, YAML.replace("          image: x\n", added));
    let new = edited(
        YAML,
        5,
        "spec.template.spec.containers[1].lifecycle.postStart.sleep.seconds",
        &Value::number(1),
    );
    let (gone, line) = (
        "{preStop: {sleep: {seconds: 3}}}",
        "{preStop: {sleep: {seconds: 3}}, postStart: {sleep: {seconds: 1}}}",
    );
    assert_eq!(new, YAML.replace(gone, line));
}

#[test]
fn what_ends_without_a_line_break_does_so_no_more_than_before() {
    let text = "kind: Pod\nspec:\n  containers:\n  - name: a";
    let new = edited(text, 1, "spec.containers[a].lifecycle.preStop.sleep.seconds", &Value::number(2));
    let end = "\n    lifecycle:\n      preStop:\n        sleep:\n          seconds: 2";
    assert_eq!(new, format!("{text}{end}"));
}

#[test]
fn line_breaks_stay_as_they_are() {
    let text = "kind: Pod\r\nspec:\r\n  a: 1\r\n";
    assert_eq!(edited(text, 1, "spec.b", &Value::number(2)), "kind: Pod\r\nspec:\r\n  b: 2\r\n  a: 1\r\n");
}

#[test]
fn lists_and_fields_are_written_in_lines() {
    let list = Value::List(vec![Value::Fields(vec![
        ("key".into(), Value::Plain("a".into())),
        ("seconds".into(), Value::number(3)),
    ])]);
    let (added, gone) = difference(YAML, &edited(YAML, 5, "spec.template.spec.tolerations", &list));
    assert_eq!(added, ["      tolerations:", "        - key: a", "          seconds: 3"]);
    assert!(gone.is_empty(), "{gone:?}");
}

#[test]
fn the_fields_of_a_mapping_are_told() {
    let of = |field: &str| fields(YAML, &place(5), &path(field));
    let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
    assert_eq!(of("spec"), Some(vec![pair("replicas", "2")]));
    let container = [pair("name", "web"), pair("image", "x")];
    assert_eq!(of("spec.template.spec.containers[web]"), Some(container.to_vec()));
    assert_eq!((of("spec.selector"), of("spec.replicas")), (None, None));
    let is_there = |field: &str| has(YAML, &place(5), &path(field));
    assert!(
        is_there("spec.replicas") && is_there("spec.template.spec.containers") && !is_there("spec.selector")
    );
}

#[test]
fn a_document_is_added_behind_the_others() {
    let fields = [
        ("kind".to_owned(), Value::Plain("Pod".into())),
        ("spec".to_owned(), Value::Fields(vec![("a".into(), Value::number(1))])),
    ];
    let new = append(YAML, &fields).expect("YAML holds many");
    assert_eq!(new, format!("{YAML}---\nkind: Pod\nspec:\n  a: 1\n"));
    assert_eq!(outline(&new).expect("YAML").len(), outline(YAML).expect("YAML").len() + 1);
    assert_eq!(append("a: 1", &fields), Ok("a: 1\n---\nkind: Pod\nspec:\n  a: 1\n".into()));
    let new = append("a: 1\r\n", &fields);
    assert_eq!(new, Ok("a: 1\r\n---\r\nkind: Pod\r\nspec:\r\n  a: 1\r\n".into()));
    let refused = append(" {\"kind\": \"Pod\"}\n", &fields).expect_err("JSON");
    assert!(refused.contains("JSON holds one document"), "{refused}");
}

#[test]
fn json_stays_json() {
    let text = "{\"kind\": \"Pod\", \"spec\": {\"a\": 1}, \"metadata\": {}}\n";
    let new = edited(
        text,
        1,
        "spec.lifecycle.preStop.exec.command",
        &Value::List(vec![Value::Plain("true".into())]),
    );
    let spec = "\"spec\": {\"a\": 1, \"lifecycle\": {\"preStop\": {\"exec\": {\"command\": [true]}}}}";
    assert_eq!(new, text.replace("\"spec\": {\"a\": 1}", spec));
    let new = edited(text, 1, "metadata.name", &Value::Plain("web".into()));
    assert_eq!(new, text.replace("\"metadata\": {}", "\"metadata\": {\"name\": \"web\"}"));
}

#[test]
fn an_anchor_stays_and_what_it_shares_does_not_change() {
    let text = "kind: A\na: &n 2\nb: *n\nc: !!int 3\nd: !!int &d 4\n";
    let set_to = |field: &str| edited(text, 1, field, &Value::number(7));
    let refused = |text: &str, field: &str| {
        set(text, &place(1), &path(field), &Value::number(7)).expect_err("an alias would change with it")
    };
    assert!(
        refused(text, "a").contains("an alias stands for what begins in line 2"),
        "{}",
        refused(text, "a")
    );
    // The alias alone becomes a value of its own.
    assert_eq!(set_to("b"), text.replace("*n", "7"));
    let within = "kind: A\nx: &x {a: 1}\nz:\n  <<: *x\n";
    for field in ["x.a", "x.b", "x.b.c"] {
        assert!(refused(within, field).contains("line 2"), "{}", refused(within, field));
    }
    assert_eq!(edited(within, 1, "z.a", &Value::number(7)), within.replace("  <<", "  a: 7\n  <<"));
    assert_eq!(set_to("c"), text.replace("!!int 3", "7"));
    assert_eq!(set_to("d"), text.replace("!!int &d 4", "&d 7"));
}

#[test]
fn what_is_set_to_nothing_is_replaced_where_it_is_written() {
    let text = "kind: A\na: ~\nb: null # none\nc: 1\n";
    assert_eq!(edited(text, 1, "a.x.z", &Value::number(7)), text.replace('~', "{x: {z: 7}}"));
    assert_eq!(edited(text, 1, "b", &Value::number(7)), text.replace("null", "7"));
    let json = "{\"kind\": \"A\", \"a\": null}";
    assert_eq!(edited(json, 1, "a.x", &Value::number(7)), json.replace("null", "{\"x\": 7}"));
    let quoted = set("kind: A\na: 'null'\n", &place(1), &path("a.x"), &Value::number(7));
    assert_eq!(quoted, Err("a.x: is not what stands there".into()));
}

#[test]
fn what_is_not_written_is_added_behind_its_key() {
    let text = "kind: A\na: # none\nb:\n- c:\n  d: 1\ne:";
    let set_to = |field: &str| edited(text, 1, field, &Value::number(7));
    assert_eq!(set_to("a"), text.replace("a:", "a: 7"));
    assert_eq!(set_to("a.x.z"), text.replace("a: # none\n", "a: # none\n  x:\n    z: 7\n"));
    assert_eq!(set_to("b[0].c.x"), text.replace("- c:\n", "- c:\n    x: 7\n"));
    assert_eq!(set_to("e.x"), format!("{text}\n  x: 7"));
    assert_eq!(set_to("e"), format!("{text} 7"));
    let windows = "kind: A\r\na:\r\nb: 1\r\n";
    let new = edited(windows, 1, "a.x", &Value::number(7));
    assert_eq!(new, windows.replace("a:\r\n", "a:\r\n  x: 7\r\n"));
    assert_eq!(edited(windows, 1, "a", &Value::number(7)), windows.replace("a:", "a: 7"));
}

/// `path: redis.conf---` is read as the end of a file to which another was joined; what is changed is on the right side of it.
#[test]
fn files_that_were_joined_without_a_line_break_are_changed_all_the_same() {
    let text = "kind: A\nä: 1\nb:\n  c: x---\napiVersion: v1\nkind: B\nd: 2\n";
    let set_to = |line, field: &str| edited(text, line, field, &Value::number(7));
    assert_eq!(set_to(1, "ä"), text.replace("ä: 1", "ä: 7"));
    assert_eq!(set_to(1, "b.c"), text.replace("c: x---", "c: 7---"));
    assert_eq!(set_to(5, "d"), text.replace("d: 2", "d: 7"));
    // Where another line came first, the second file would no longer be known as one.
    let refused = set(text, &place(5), &path("e"), &Value::number(7)).expect_err("the end of a file");
    assert!(refused.contains("the text around it is written in a way"), "{refused}");
    let fields = Value::Fields(vec![("f".into(), Value::number(7))]);
    let behind = edited(text, 1, "b.e", &fields);
    assert_eq!(behind, text.replace("c: x---", "c: x\n  e:\n    f: 7\n---"));
    assert_eq!(get(&behind, &place(8), &path("d")), Some("2".into()));
    let new = append(text, &[("kind".to_owned(), Value::Plain("C".into()))]);
    assert_eq!(new, Ok(format!("{text}---\nkind: C\n")));
}

#[test]
fn what_cannot_be_changed_is_refused() {
    let refuse = |text: &str, line, field: &str| {
        set(text, &place(line), &path(field), &Value::number(1)).expect_err(field)
    };
    for (line, field, why) in [
        (2, "spec.template", "is no plain value"),
        (5, "spec.template.spec.containers[2].name", "there are 2 items"),
        (5, "spec.template.spec.containers[other].name", "no item is called 'other'"),
        (5, "spec.replicas.x", "is not what stands there"),
        (5, "spec.list[0].x", "the list is missing"),
        (3, "spec", "no object begins here"),
    ] {
        let text = if line == 2 { "\nkind: Pod\nspec:\n  template: {a: 1}\n" } else { YAML };
        let refused = refuse(text, line, field);
        assert!(refused.contains(why), "{field}: {refused}");
    }
    for (text, field, why) in [
        ("kind: A\na: {b: , c: 1}\n", "a.b", "is set to nothing, and cannot be changed as it is written"),
        ("kind: A\na: {\n  b:\n}\n", "a.b.c", "the text around it is written in a way"),
        ("kind: A\na: |\n  sleep 1\nb: 1\n", "a", "is a text in lines of its own"),
    ] {
        let refused = refuse(text, 1, field);
        assert!(refused.contains(why), "{field}: {refused}");
    }
    assert_eq!(get("kind: A\na: |\n  sleep 1\n", &place(1), &path("a")), Some("sleep 1\n".into()));
    let refused = refuse("kind: A\nx: &x {a: 1}\ny: *x\n", 1, "y.a");
    assert!(refused.contains("stands in an alias"), "{refused}");
}

#[test]
fn paths_of_one_field_become_one() {
    let one = |field: &str| resolved(YAML, &place(5), &path(field)).map(|path| path.to_string());
    for (field, resolved) in [
        (
            "spec.template.spec.containers[side].lifecycle.preStop",
            "spec.template.spec.containers[1].lifecycle.preStop",
        ),
        (
            "spec.template.spec.containers[1].lifecycle.preStop",
            "spec.template.spec.containers[1].lifecycle.preStop",
        ),
        ("spec.template.spec.containers[web].a.b", "spec.template.spec.containers[0].a.b"),
        ("spec.paused", "spec.paused"),
    ] {
        assert_eq!(one(field), Ok(resolved.to_owned()));
    }
    let refused = one("spec.template.spec.containers[other].a").expect_err("there is none");
    assert!(refused.ends_with("no item is called 'other'"), "{refused}");
}

#[test]
fn a_path_is_written_as_it_is_read() {
    for text in ["spec", "spec.containers[0].lifecycle", "spec.containers[web].ports[http].x"] {
        assert_eq!(path(text).to_string(), text);
    }
    for text in ["", "a..b", "a[", "a[]", "[0]", "a]b", "a[0]b"] {
        let refused = text.parse::<FieldPath>().expect_err(text);
        assert!(refused.contains("is no path of a field"), "{refused}");
    }
    let containers = path("spec.containers");
    assert_eq!(
        containers.named("web").field("lifecycle.preStop").to_string(),
        "spec.containers[web].lifecycle.preStop"
    );
}

/// Labels may be called anything; what YAML 1.1 or 1.2 reads as no text is quoted.
#[test]
fn keys_that_are_no_texts_are_quoted() {
    for (name, written) in
        [("on", "\"on\""), ("0123", "\"0123\""), ("app.kubernetes.io/name", "app.kubernetes.io/name")]
    {
        let fields = [(name.to_owned(), Value::Plain("x".into()))];
        assert_eq!(append("a: 1\n", &fields), Ok(format!("a: 1\n---\n{written}: x\n")));
    }
}

/// One more item comes before the others, as they are written.
#[test]
fn an_item_is_added_before_the_others() {
    let list = FieldPath::default().field("a.b").front();
    let item =
        Value::Fields(vec![("key".into(), Value::Plain("x".into())), ("seconds".into(), Value::number(3))]);
    let put = |text: &str| set(text, &Place { file: "x".into(), line: 1, column: 1 }, &list, &item);
    for (text, expected) in [
        ("a:\n  b:\n    - c: 1\n", "a:\n  b:\n    - key: x\n      seconds: 3\n    - c: 1\n"),
        ("a:\n  b: # why\n  - c\n", "a:\n  b: # why\n  - key: x\n    seconds: 3\n  - c\n"),
        ("a: {b: [c, d]}\n", "a: {b: [{key: x, seconds: 3}, c, d]}\n"),
        ("a: {b: []}\n", "a: {b: [{key: x, seconds: 3}]}\n"),
        ("{\"a\": {\"b\": [1]}}\n", "{\"a\": {\"b\": [{\"key\": \"x\", \"seconds\": 3}, 1]}}\n"),
    ] {
        assert_eq!(put(text), Ok(expected.to_owned()), "{text}");
    }
    for text in ["a: {b: 1}\n", "a: {c: 1}\n", "a:\n  b: &x [1]\n  c: *x\n"] {
        assert!(put(text).is_err(), "{text}");
    }
    assert_eq!(list.to_string(), "a.b[+]");
}

/// What would mean something else than it says is not done: a key that is merged in, lines that belong to a text, a comment.
#[test]
fn a_change_that_would_mean_something_else_is_refused() {
    let put = |text: &str, field: &str| {
        set(text, &Place { file: "x".into(), line: 1, column: 1 }, &path(field), &Value::number(3))
    };
    for (text, field) in [
        ("a: &a {b: {c: 1}}\nd:\n  <<: *a\n", "d.b.e"),
        ("a: &a {b: 1}\nd:\n  <<: *a\n", "d.b.e"),
        ("a:\n  - |+\n    text\n\n", "b.c"),
        ("a:\n  b: |+\n    text\n\n\n", "a.c.d"),
        ("? a # b: c\n", "a"),
    ] {
        let why = put(text, field).expect_err(text);
        assert!(
            why.contains("cannot be changed") || why.contains("is not what stands there"),
            "{text}: {why}"
        );
    }
    // A merge that has no such key, and lines that belong to nothing, are in nobody's way.
    let merged = "a: &a {b: 1}\nd:\n  <<: *a\n  x: 1\n";
    assert_eq!(put(merged, "d.x"), Ok(merged.replace("x: 1", "x: 3")));
    assert!(put(merged, "d.y").is_ok());
    assert!(put("a:\n  b: |\n    text\n\n\n", "a.c.d").is_ok());
}
