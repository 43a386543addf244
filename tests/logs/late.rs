//! Logs that begin in the middle: a recording whose first lines are missing is as lawful as the whole, and what ran by then is
//! taken from how the log shows it first.

use std::path::Path;
use std::sync::Mutex;
use std::thread;

use podproof_conform::report::Verdict;
use podproof_vocabulary::Property;
use serde_json::Value;

use crate::files::{AUDIT, Files, folders, judge, later, line, read, recording, time};

/// States that an entry may cost: where something was under way, many are looked at in vain.
const MOST: u64 = 5_000;

/// The recording without the first `lines` lines of its audit log, and without what came before in its other files.
fn late(files: &Files, lines: usize) -> Files {
    let from = time(&files[AUDIT][lines]);
    let cut = |(name, all): (&String, &Vec<String>)| {
        let kept = match name == AUDIT {
            true => all[lines..].to_vec(),
            false => all.iter().filter(|line| time(line) >= from).cloned().collect(),
        };
        (name.clone(), kept)
    };
    files.iter().map(cut).filter(|(_, lines): &(_, Vec<_>)| !lines.is_empty()).collect()
}

/// How many of the logs that a recording makes are what.
#[derive(Debug, Default, PartialEq, Eq)]
struct Count {
    /// They begin at rest and are lawful.
    at_rest: usize,
    /// Something is under way when they begin, and they are lawful.
    under_way: usize,
    /// It is, and whether they are is not known.
    unsure: usize,
}

/// Judges each recording from so many places on.
fn judge_all(places: usize, files: impl Fn(&Path) -> Files + Sync) -> Count {
    let queue = Mutex::new(folders("recordings").into_iter());
    let total = Mutex::new(Count::default());
    let work = || {
        loop {
            let next = queue.lock().expect("no thread has panicked").next();
            let Some(folder) = next else { break };
            let files = files(&folder);
            let all = files[AUDIT].len();
            for cut in (1..places).map(|place| all * place / places) {
                let report = judge(&late(&files, cut), MOST);
                let mut total = total.lock().expect("no thread has panicked");
                let number = match (report.verdict(), report.began_under_way) {
                    (Verdict::Lawful, false) => &mut total.at_rest,
                    (Verdict::Lawful, true) => &mut total.under_way,
                    (Verdict::Incomplete, true) => &mut total.unsure,
                    (verdict, _) => panic!(
                        "{} from line {} of its audit log: {verdict:?}, {:?}",
                        folder.display(),
                        cut + 1,
                        report.first_unexplained()
                    ),
                };
                *number += 1;
            }
        }
    };
    thread::scope(|scope| {
        scope.spawn(work);
        scope.spawn(work);
    });
    total.into_inner().expect("no thread has panicked")
}

/// Without the connections of clients, which are most of it and judged by nobody.
fn without_clients(folder: &Path) -> Files {
    let mut files = read(folder);
    files.remove("client.jsonl");
    files
}

#[test]
fn a_lawful_log_that_begins_late_is_lawful_or_says_what_was_under_way() {
    let count = judge_all(12, without_clients);
    assert_eq!(count, Count { at_rest: 26, under_way: 76, unsure: 195 });
}

#[test]
fn so_is_an_audit_log_alone() {
    let alone = |folder: &Path| {
        let mut files = read(folder);
        files.retain(|name, _| name == AUDIT);
        files
    };
    let count = judge_all(12, alone);
    assert_eq!(count, Count { at_rest: 26, under_way: 131, unsure: 140 });
}

fn is_rollout(event: &Value) -> bool {
    event["objectRef"]["resource"] == "deployments" && event["verb"] == "patch"
}

/// A Deployment that was at rest when the log began, up to where it is rolled out. The recording's own creation is too short before
/// that: its times are set back.
fn at_rest_before_rollout() -> Files {
    set_back_before_rollout(60)
}

/// The same, with its times set back by so many seconds.
fn set_back_before_rollout(seconds: i64) -> Files {
    let mut files = without_clients(&folders("recordings")[3]);
    let cut = line(&files, AUDIT, is_rollout);
    let mut late = late(&files, cut);
    let audit = late.get_mut(AUDIT).expect("there is one");
    let began = time(&audit[0]);
    for line in audit.iter_mut() {
        *line = set_back(line, began, seconds);
    }
    files.clear();
    late
}

/// The line with every time in its objects that is before `began` so many seconds earlier.
fn set_back(line: &str, began: i64, seconds: i64) -> String {
    fn walk(value: &mut Value, began: i64, seconds: i64) {
        match value {
            Value::String(text) => {
                if let Ok(time) = text.parse::<jiff::Timestamp>()
                    && time.as_second() <= began.div_euclid(1_000_000)
                    && text.len() == "2026-11-22T08:02:54Z".len()
                {
                    let earlier = jiff::Timestamp::from_second(time.as_second() - seconds).expect("a time");
                    *text = earlier.to_string();
                }
            }
            Value::Array(values) => values.iter_mut().for_each(|value| walk(value, began, seconds)),
            Value::Object(fields) => fields.values_mut().for_each(|value| walk(value, began, seconds)),
            _ => {}
        }
    }
    let mut value: Value = serde_json::from_str(line).expect("JSON");
    walk(&mut value, began, seconds);
    value.to_string()
}

#[test]
fn a_rollout_of_what_was_there_is_lawful_and_its_promises_are_judged() {
    let files = at_rest_before_rollout();
    let report = judge(&files, MOST);
    assert!(!report.began_under_way);
    assert_eq!(report.verdict(), Verdict::Lawful, "{:?}", report.first_unexplained());
    let broken: Vec<_> = report.broken().iter().copied().map(Property::name).collect();
    assert!(broken.contains(&"no-traffic-after-sigterm"), "{broken:?}");
    let followed = &report.followed[0];
    assert!(followed.whole.led > 20, "the model was led to where it stood: {}", followed.whole.led);
    assert!(followed.whole.broken.values().all(|&step| step >= followed.whole.led));
}

/// What is wrong in a log is found out, however late it begins.
#[test]
fn a_lie_about_what_was_there_is_found_out() {
    let files = at_rest_before_rollout();
    let without = |is: &dyn Fn(&Value) -> bool| {
        let mut files = files.clone();
        let wrong = line(&files, AUDIT, is);
        files.get_mut(AUDIT).expect("there is one").remove(wrong);
        judge(&files, MOST)
    };
    let pods = |verb: &'static str| {
        move |event: &Value| {
            event["objectRef"]["resource"] == "pods"
                && event["verb"] == verb
                && event["responseStatus"]["code"] != 404
        }
    };
    for (what, report) in [
        ("nobody changed the template", without(&is_rollout)),
        ("a pod was bound by nobody", without(&|event| event["objectRef"]["subresource"] == "binding")),
        (
            "a pod was created by nobody",
            without(&|event| pods("create")(event) && event["objectRef"]["subresource"].is_null()),
        ),
        ("a pod was deleted by nobody", without(&pods("delete"))),
    ] {
        assert_eq!(report.verdict(), Verdict::Unexplained, "{what}");
    }
}

/// Its deletion was asked for before the log begins: it is followed from there, to its end.
#[test]
fn a_pod_that_was_being_deleted_is_followed_to_its_end() {
    for (number, alone) in [("02", true), ("02", false), ("04", true), ("04", false), ("37", false)] {
        let mut files = recording(number);
        files.remove("client.jsonl");
        if alone {
            files.retain(|name, _| name == AUDIT);
        }
        let by_somebody = |event: &Value| {
            let user = event["user"]["username"].as_str().unwrap_or_default();
            event["verb"] == "delete" && event["objectRef"]["resource"] == "pods" && user == "rig-admin"
                || event["objectRef"]["subresource"] == "eviction" && event["responseStatus"]["code"] == 201
        };
        let deletion = line(&files, AUDIT, by_somebody);
        let report = judge(&late(&files, deletion + 1), MOST);
        assert_eq!(report.tally.left_out, [], "{number}");
        assert!(report.began_under_way, "{number}");
        assert_eq!(report.verdict(), Verdict::Lawful, "{number} {alone}: {:?}", report.first_unexplained());
    }
}

/// With the files and with the audit log alone, from the first line on that is behind so many hundredths of the audit log.
fn from_hundredth(number: &str, hundredth: usize) -> [Files; 2] {
    let files = recording(number);
    let files = late(&files, files[AUDIT].len() * hundredth / 100);
    let mut alone = files.clone();
    alone.retain(|name, _| name == AUDIT);
    [files, alone]
}

/// Of one of its two pods the log shows nothing but its address in an EndpointSlice.
#[test]
fn a_slice_may_lead_to_pods_that_were_there() {
    for files in from_hundredth("15", 15) {
        let report = judge(&files, MOST);
        assert_ne!(report.verdict(), Verdict::Unexplained, "{:?}", report.first_unexplained());
    }
}

/// But only to those that it led to when the log began.
#[test]
fn a_slice_that_was_there_leads_nowhere_else() {
    let [mut files, _] = from_hundredth("15", 15);
    let is_of_slice = |event: &Value| {
        event["objectRef"]["resource"] == "endpointslices" && event["responseObject"]["endpoints"].is_array()
    };
    let last = line(&files, AUDIT, is_of_slice);
    let audit = files.get_mut(AUDIT).expect("there is one");
    let mut event: Value = serde_json::from_str(&audit[last]).expect("JSON");
    for object in ["requestObject", "responseObject"] {
        event[object]["endpoints"][0]["addresses"] = serde_json::json!(["10.244.9.9"]);
        event[object]["endpoints"][0]["targetRef"]["name"] = serde_json::json!("web-9");
        event[object]["endpoints"][0]["targetRef"]["uid"] = serde_json::json!("nobody");
    }
    audit[last] = event.to_string();
    let report = judge(&files, MOST);
    let found = report.first_unexplained().expect("nobody has the address");
    assert!(found.why.contains("web-9 at 10.244.9.9, an address that no pod has had"), "{}", found.why);
}

/// Power was cut before the log began, and nobody had noticed.
#[test]
fn a_node_that_was_silent_is_found_so() {
    for number in ["07", "15"] {
        let files = recording(number);
        let found = |event: &Value| {
            event["objectRef"]["resource"] == "nodes"
                && event["user"]["username"].as_str().is_some_and(|user| user.ends_with("node-controller"))
        };
        let all: Vec<Value> =
            files[AUDIT].iter().map(|line| serde_json::from_str(line).expect("JSON")).collect();
        let first = all.iter().position(found).expect("a node fails");
        let report = judge(&late(&files, first - 1), MOST);
        let why = report.first_unexplained().map(|found| found.why.clone()).unwrap_or_default();
        assert_ne!(report.verdict(), Verdict::Unexplained, "{number}: {why}");
        assert!(!why.contains("nothing was done to the node"), "{number}: {why}");
    }
}

/// A node that was heard of in the log was not silent when it began.
#[test]
fn a_node_that_nothing_was_done_to_is_not_found_silent() {
    let mut files = recording("07");
    files.get_mut("faults.jsonl").expect("there is one").retain(|line| !line.contains("poweroff"));
    let report = judge(&files, MOST);
    let found = report.first_unexplained().expect("nothing was done to the node");
    assert_eq!(report.verdict(), Verdict::Unexplained);
    assert!(found.why.contains("nothing was done to the node"), "{}", found.why);
}

/// A Deployment that has been there for two hours is rolled out an hour after the log began.
fn an_hour_before_rollout() -> Files {
    let mut files = set_back_before_rollout(7_200);
    let is_renewal = |event: &Value| event["objectRef"]["resource"] == "leases";
    let renewal = line(&files, AUDIT, is_renewal);
    let audit = files.get_mut(AUDIT).expect("there is one");
    let mut event: Value = serde_json::from_str(&audit[renewal]).expect("JSON");
    event["auditID"] = serde_json::json!("an hour before");
    later(&mut event, -3_600_000_000);
    audit.insert(0, event.to_string());
    files
}

/// The last status of this kind in which this holds has other counts.
fn miscounted(
    mut files: Files,
    kind: &str,
    is: impl Fn(&Value) -> bool,
    counts: &[(&str, u32)],
) -> (Verdict, String) {
    let last = line(&files, AUDIT, |event| {
        let object = &event["responseObject"];
        event["objectRef"]["subresource"] == "status" && object["kind"] == kind && is(&object["status"])
    });
    let audit = files.get_mut(AUDIT).expect("there is one");
    let mut event: Value = serde_json::from_str(&audit[last]).expect("JSON");
    for (field, count) in counts {
        event["responseObject"]["status"][*field] = serde_json::json!(count);
    }
    audit[last] = event.to_string();
    let report = judge(&files, MOST);
    (report.verdict(), report.first_unexplained().map(|found| found.why.clone()).unwrap_or_default())
}

/// Of what was there before the log it is known what there is to be counted, once what was under way has shown.
#[test]
fn what_was_there_is_counted() {
    let report = judge(&an_hour_before_rollout(), MOST);
    assert_eq!(report.verdict(), Verdict::Lawful, "{:?}", report.first_unexplained());
    let nine = [("replicas", 9), ("readyReplicas", 9), ("fullyLabeledReplicas", 9)];
    for kind in ["ReplicaSet", "Deployment"] {
        let (verdict, why) =
            miscounted(an_hour_before_rollout(), kind, |status| status["replicas"] == 2, &nine);
        assert_eq!(verdict, Verdict::Unexplained, "{kind}: {why}");
        assert!(why.contains("it counts 9 pods"), "{kind}: {why}");
    }
}

#[test]
fn every_count_of_a_status_is_looked_at() {
    for (number, kind, field, count, says) in [
        ("07", "Deployment", "unavailableReplicas", 7, "7 unavailable"),
        ("07", "Deployment", "updatedReplicas", 0, "it counts 0 pods of its template"),
        ("05", "ReplicaSet", "fullyLabeledReplicas", 0, "0 have the labels of its template"),
    ] {
        let is = |status: &Value| status["replicas"] != 0;
        let (verdict, why) = miscounted(recording(number), kind, is, &[(field, count)]);
        assert_eq!(verdict, Verdict::Unexplained, "{kind} {field}: {why}");
        assert!(why.contains(says), "{kind} {field}: {why}");
    }
}

/// A watch ends in the first seconds of the log that began so many seconds before: nothing is known of anything by then.
#[test]
fn a_watch_that_began_before_the_log_does_not_make_it_longer() {
    let plain = at_rest_before_rollout();
    let expected = judge(&plain, MOST);
    for seconds in [420, 3_600] {
        let mut files = plain.clone();
        let lines = files.get_mut(AUDIT).expect("there is one");
        let mut watch: Value = serde_json::from_str(&lines[0]).expect("JSON");
        let answered = watch["stageTimestamp"].clone();
        later(&mut watch, -seconds * 1_000_000);
        watch["stageTimestamp"] = answered;
        watch["auditID"] = "watch".into();
        watch["verb"] = "watch".into();
        watch["objectRef"] = serde_json::json!({"resource": "configmaps", "apiVersion": "v1"});
        for field in ["requestObject", "responseObject"] {
            _ = watch.as_object_mut().map(|event| event.remove(field));
        }
        lines.insert(1, watch.to_string());
        let report = judge(&files, MOST);
        assert_eq!(report.verdict(), Verdict::Lawful, "{seconds} s: {:?}", report.first_unexplained());
        assert_eq!(report.tally.left_out, [], "{seconds} s");
        assert_eq!(report.span, expected.span, "{seconds} s");
    }
}

/// An API server that comes back, and was not heard of before, was away when the log began: the cluster may have stood in any way then.
#[test]
fn a_log_may_begin_while_its_api_server_is_away() {
    let mut files = recording("17");
    files.remove("nodes.jsonl");
    let back = line(&files, "faults.jsonl", |fault| fault["fault"] == "apiserver-ready");
    let from = time(&files["faults.jsonl"][back]) - 3_000_000;
    for (name, lines) in &mut files {
        // What a recorder finds when it begins.
        let found = match name.split('-').next() {
            Some("proxy") => lines.iter().rfind(|line| time(line) < from && line.contains("restore")),
            Some("runtime") => lines.first(),
            _ => None,
        };
        let found: Option<Value> = found.map(|line| serde_json::from_str(line).expect("JSON"));
        lines.retain(|line| time(line) >= from);
        if let Some(mut found) = found {
            found["t_us"] = from.into();
            if name.starts_with("proxy") {
                found["start_us"] = from.into();
            }
            lines.insert(0, found.to_string());
        }
    }
    let report = judge(&files, MOST);
    let found = report.first_unexplained().expect("what the proxies have does not fit to what is seen first");
    assert_eq!(report.verdict(), Verdict::Incomplete, "{found:?}");
    assert!(found.why.contains("something was under way when the log began"), "{found:?}");
}
