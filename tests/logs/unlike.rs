//! Pods and Services that are unlike those of the recordings in what no scenario says: pods in the host network, probes that are
//! commands, a Service that goes.

use podproof_conform::report::Verdict;
use serde_json::{Value, json};

use crate::files::{AUDIT, Files, edit, judge, recording, time};

/// States that an entry may cost.
const MOST: u64 = 20_000;

const RUNTIMES: [&str; 2] = ["runtime-node-a.jsonl", "runtime-node-b.jsonl"];
const RULES: [&str; 2] = ["proxy-node-a.jsonl", "proxy-node-b.jsonl"];

fn verdict(files: &Files) -> (Verdict, String) {
    let report = judge(files, MOST);
    (report.verdict(), report.first_unexplained().map(|found| found.why.clone()).unwrap_or_default())
}

/// The spec of the pods that an object is or makes.
fn pod_spec(object: &mut Value) -> Option<&mut Value> {
    let spec = match object["kind"].as_str()? {
        "Pod" => &mut object["spec"],
        "Deployment" | "ReplicaSet" => &mut object["spec"]["template"]["spec"],
        _ => return None,
    };
    spec.is_object().then_some(spec)
}

/// Changes the specs of all pods.
fn with_specs(files: &mut Files, change: impl Fn(&mut Value)) {
    edit(files, AUDIT, |event| {
        for field in ["requestObject", "responseObject"] {
            if let Some(spec) = pod_spec(&mut event[field]) {
                change(spec);
            }
        }
    });
}

fn address_of(node: &str) -> String {
    format!("10.201.0.1{}", if node == "node-a" { 1 } else { 2 })
}

/// The pods have the addresses of their nodes, which they have from their first report on.
fn in_host_network(number: &str) -> Files {
    let mut files = recording(number);
    files.remove("client.jsonl");
    with_specs(&mut files, |spec| spec["hostNetwork"] = json!(true));
    let mut addresses: Vec<(String, String)> = Vec::new();
    edit(&mut files, AUDIT, |event| {
        let pod = &mut event["responseObject"];
        if pod["kind"] != "Pod" || !pod["status"]["hostIP"].is_string() {
            return;
        }
        let own = address_of(pod["spec"]["nodeName"].as_str().expect("a node"));
        if let Some(before) = pod["status"]["podIP"].as_str() {
            addresses.push((before.to_owned(), own.clone()));
        }
        pod["status"]["podIP"] = json!(own);
        pod["status"]["podIPs"] = json!([{"ip": own}]);
    });
    for text in files.values_mut().flatten() {
        for (before, own) in &addresses {
            *text = text.replace(&format!("\"{before}\""), &format!("\"{own}\""));
            *text = text.replace(&format!("\"{before}:8080\""), &format!("\"{own}:8080\""));
        }
    }
    files
}

#[test]
fn a_pod_in_the_host_network_has_the_address_of_its_node_from_the_beginning() {
    for number in ["02", "04", "06", "11"] {
        assert_eq!(verdict(&in_host_network(number)), (Verdict::Lawful, String::new()), "{number}");
    }
}

/// Commands run in each container, a second apart.
fn with_commands(number: &str) -> Files {
    let mut files = recording(number);
    for file in RUNTIMES {
        let lines = files.get_mut(file).expect("there is one");
        let mut commands = Vec::new();
        for line in
            lines.iter().filter(|line| line.contains("\"container\":") && line.contains("/tasks/start"))
        {
            let start: Value = serde_json::from_str(line).expect("JSON");
            for number in 0..3 {
                for (topic, after) in [("/tasks/exec-started", 300_000), ("/tasks/exit", 350_000)] {
                    let mut event = start.clone();
                    let at = time(line) + after + number * 1_000_000;
                    event["topic"] = json!(topic);
                    event["exec_id"] = json!(format!("command-{number}"));
                    event["t_us"] = json!(at);
                    event["ev_us"] = json!(at);
                    event["exit_status"] = json!(0);
                    commands.push(event.to_string());
                }
            }
        }
        assert!(!commands.is_empty() || number == "04", "{file}");
        lines.extend(commands);
        lines.sort_by_key(|line| time(line));
    }
    files
}

/// Recordings 04 and 06 have hooks, which are commands too.
#[test]
fn the_command_of_a_probe_or_of_a_user_is_no_hook() {
    for number in ["04", "06"] {
        let mut files = with_commands(number);
        assert_eq!(verdict(&files), (Verdict::Lawful, String::new()), "{number}: somebody runs them");
        with_specs(&mut files, |spec| {
            spec["containers"][0]["livenessProbe"] = json!({"exec": {"command": ["true"]}});
        });
        assert_eq!(verdict(&files), (Verdict::Lawful, String::new()), "{number}");
    }
}

/// One more command in each container that has a hook, from so many microseconds after the start of the hook to so many after it.
fn beside_the_hook(number: &str, from: i64, to: i64) -> Files {
    let mut files = recording(number);
    for file in RUNTIMES {
        let lines = files.get_mut(file).expect("there is one");
        let value = |line: &String| serde_json::from_str::<Value>(line).expect("JSON");
        let is_start = |event: &Value| event["topic"] == "/tasks/exec-started";
        let hooks: Vec<Value> = lines.iter().map(value).filter(is_start).collect();
        for hook in hooks {
            for (topic, after) in [("/tasks/exec-started", from), ("/tasks/exit", to)] {
                let mut event = hook.clone();
                let at = hook["ev_us"].as_i64().expect("a time") + after;
                event["topic"] = json!(topic);
                event["exec_id"] = json!("of-a-user");
                event["t_us"] = json!(at);
                event["ev_us"] = json!(at);
                event["exit_status"] = json!(0);
                lines.push(event.to_string());
            }
        }
        lines.sort_by_key(|line| time(line));
    }
    files
}

#[test]
fn a_user_may_run_a_command_before_beside_and_after_the_hook() {
    for number in ["04", "06"] {
        for (from, to) in [
            (-2_000_000, -1_000_000),
            (-1_000_000, 1_000_000),
            (-30_000, 200_000),
            (500_000, 1_000_000),
            (1_000_000, 2_990_000),
        ] {
            let files = beside_the_hook(number, from, to);
            assert_eq!(verdict(&files), (Verdict::Lawful, String::new()), "{number} from {from} to {to}");
        }
    }
}

/// With a Service its EndpointSlices and rules go, which no scenario says.
#[test]
fn a_service_that_is_removed_leaves_doubt() {
    let mut files = recording("04");
    files.remove("client.jsonl");
    let end = files[AUDIT].iter().map(|line| time(line)).max().expect("a line") + 1_000_000;
    let at = |after: i64| {
        let at = jiff::Timestamp::from_microsecond(end + after).expect("a time");
        json!(format!("{at:.6}"))
    };
    let is_creation =
        |line: &&String| line.contains("\"resource\":\"services\"") && line.contains("\"create\"");
    let creation = files[AUDIT].iter().find(is_creation).expect("a Service is created");
    let mut event: Value = serde_json::from_str(creation).expect("JSON");
    event["verb"] = json!("delete");
    event["auditID"] = json!("removed");
    event["objectRef"]["name"] = json!("web");
    event["requestObject"] = json!({"kind": "DeleteOptions"});
    event["responseObject"] = json!({"kind": "Status", "status": "Success"});
    event["responseStatus"]["code"] = json!(200);
    event["requestReceivedTimestamp"] = at(0);
    event["stageTimestamp"] = at(1_000);
    files.get_mut(AUDIT).expect("there is one").push(event.to_string());
    for file in RULES {
        let lines = files.get_mut(file).expect("there is one");
        let rules = json!({"endpoints": {}, "rc": 0, "src": "restore", "start_us": end + 300_000, "t_us": end + 310_000});
        lines.push(rules.to_string());
    }
    let (verdict, why) = verdict(&files);
    assert_eq!(verdict, Verdict::Incomplete);
    assert!(why.contains("whether Service/web is there changes"), "{why}");
}
