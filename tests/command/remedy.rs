//! `podproof check --remedy`: changes of a manifest that a check has proved.

use std::fs::File;

use serde_json::Value;

use crate::case::Case;
use crate::run::{command, folder, podproof, stderr, stdout, text};

/// With the pods of a node evicted at once kube-proxy falls back to those that terminate, and no preStop sleep is long enough. A budget
/// that lets them go one by one keeps a drain of the only node waiting for ever: what stands there is no remedy, a new budget or
/// another number in one that allows too much.
#[test]
fn a_budget_with_which_a_drain_never_ends_is_no_remedy() {
    let about = ["--nodes", "1", "--story", "drain", "--property", "no-failed-request"];
    let pdb = |ask: &'static str| [("maxUnavailable: 1", ask)];
    for (test, example, changes, budget) in [
        ("new", "examples/web-prestop.yaml", &[][..], "a PodDisruptionBudget with maxUnavailable of 1"),
        (
            "most",
            "examples/web-pdb.yaml",
            &pdb("maxUnavailable: 2"),
            "maxUnavailable of 1 in PodDisruptionBudget web",
        ),
        (
            "least",
            "examples/web-pdb.yaml",
            &pdb("minAvailable: 0%"),
            "minAvailable of 1 in PodDisruptionBudget web",
        ),
    ] {
        let case = Case::of(&format!("remedy-budget-{test}"), example, changes, &about);
        let (status, result) = case.check(&["--remedy", "--hunt", "--seed", "1"]);
        assert_eq!(status, Some(1), "{result:#}");
        let endless =
            format!("{budget} (nothing is broken, as the story, drain, never comes to its end with it)");
        let tried = result["remedy"]["tried"].as_array().unwrap_or_else(|| panic!("{result:#}"));
        assert!(tried.contains(&endless.into()), "{result:#}");
        assert_eq!(result["remedy"]["patch"], Value::Null, "{result:#}");
    }
}

/// With a second node the search of a budget is longer than this bound; that of pods on nodes of their own is not. That the budget,
/// which is tried before, would do is not known then.
#[test]
fn a_smaller_change_that_could_not_be_decided_is_told() {
    let about = ["--story", "drain", "--property", "no-failed-request", "--max-states", "70000"];
    let case = Case::of("remedy-anti-affinity", "examples/web-prestop.yaml", &[], &about);
    let (remedy, added, _) = case.remedied(&["--hunt", "--seed", "1"]);
    // Where a node has room for one of them alone, a rollout needs one to go first.
    assert_eq!(remedy["says"], "anti-affinity between its pods and maxUnavailable of 1", "{remedy:#}");
    for (undecided, says) in remedy["undecided"]
        .as_array()
        .expect("a list")
        .iter()
        .zip(["a PodDisruptionBudget with maxUnavailable of 1", "preStop sleep of container web of 10 s"])
    {
        assert_eq!(undecided["says"], says, "{remedy:#}");
        let why = undecided["why"].as_str().expect("a sentence");
        assert!(why.contains("that --max-states allows were found"), "{why}");
    }
    assert_eq!(remedy["undecided"].as_array().map(Vec::len), Some(2), "{remedy:#}");
    assert!(added.contains(&"- topologyKey: kubernetes.io/hostname".to_owned()), "{added:?}");
    case.holds();
}

#[test]
fn a_bound_that_leaves_every_change_undecided_is_told() {
    let about =
        ["--nodes", "1", "--story", "drain", "--property", "no-failed-request", "--max-states", "2000"];
    let case = Case::of("remedy-undecided", "examples/web-prestop.yaml", &[], &about);
    let (status, result) = case.check(&["--remedy", "--hunt", "--seed", "1"]);
    assert_eq!(status, Some(1), "{result:#}");
    let remedy = &result["remedy"];
    assert_eq!(remedy["patch"], Value::Null, "{remedy:#}");
    let undecided = remedy["undecided"].to_string();
    assert!(undecided.contains("a PodDisruptionBudget with maxUnavailable of 1"), "{remedy:#}");
    let about =
        [&["check", text(&case.manifest), "--remedy", "--hunt", "--seed", "1"], &case.about[..]].concat();
    let said = stdout(&podproof(&[&about[..], &["--trace-dir", text(&case.folder.join("traces"))]].concat()));
    assert!(said.contains("remedy: none was found yet, the search for one was not finished"), "{said}");
}

/// With two pods one serves while the other goes; where only one may be checked that is told.
#[test]
fn a_replica_that_may_not_be_checked_is_told() {
    let about =
        ["--nodes", "1", "--story", "pod-deletion", "--property", "no-failed-request", "--replicas", "1"];
    let one = [("replicas: 2", "replicas: 1")];
    let case = Case::of("remedy-one-more", "examples/web-prestop.yaml", &one, &about);
    let ends = ["--remedy", "--trace-dir", text(&case.folder)];
    let said = stdout(&podproof(&[&["check", text(&case.manifest)], &about[..], &ends].concat()));
    let excluded = "cannot be made: 2 replicas (no more than 1 are checked; accepted is --replicas 2)";
    assert!(said.contains(excluded), "{said}");
}

/// A rolling update that takes its only pod first leaves kube-proxy with one that terminates.
#[test]
fn a_rollout_that_takes_the_only_pod_first_is_remedied_by_max_unavailable() {
    let strategy =
        "  replicas: 1\n  strategy:\n    rollingUpdate:\n      maxUnavailable: 1\n      maxSurge: 0\n";
    let about = ["--story", "rollout", "--property", "no-failed-request"];
    let changes = [("  replicas: 2\n", strategy)];
    let case = Case::of("remedy-one-first", "examples/web-prestop.yaml", &changes, &about);
    let (remedy, added, gone) = case.remedied(&[]);
    assert_eq!(remedy["says"], "maxUnavailable of 0 and maxSurge of 1", "{remedy:#}");
    assert_eq!(added, ["maxUnavailable: 0", "maxSurge: 1"]);
    assert_eq!(gone, ["maxUnavailable: 1", "maxSurge: 0"]);
    case.holds();
}

/// A node without room for one pod more: the new pod waits for the old one, which waits for the new one. `maxUnavailable: 0`, which is
/// what the default of 25% is of one pod, is one less.
#[test]
fn a_rollout_without_room_is_remedied_by_max_unavailable() {
    let node = "---\napiVersion: v1\nkind: Node\nmetadata:\n  name: node-1\nstatus:\n  allocatable: {cpu: 1, memory: 1Gi, pods: 9}\n---\n";
    let asks = "          resources: {requests: {cpu: 1}}\n          readinessProbe:\n";
    let changes =
        [("  replicas: 2\n", "  replicas: 1\n"), ("          readinessProbe:\n", asks), ("---\n", node)];
    let about = ["--story", "rollout", "--property", "rollout-completes"];
    let case = Case::of("remedy-no-room", "examples/web-prestop.yaml", &changes, &about);
    let (remedy, added, gone) = case.remedied(&[]);
    assert_eq!(remedy["says"], "maxUnavailable of 1", "{remedy:#}");
    assert_eq!(added, ["strategy:", "rollingUpdate:", "maxUnavailable: 1"]);
    assert!(gone.is_empty(), "{gone:?}");
    case.holds();
}

/// What is only expected, and held as nothing happened, keeps no change from helping: once the rollout goes on, more pods than the surge
/// allows are alive while old ones terminate.
#[test]
fn an_expectation_that_held_while_nothing_happened_weighs_nothing() {
    let apart = "      affinity:\n        podAntiAffinity:\n          requiredDuringSchedulingIgnoredDuringExecution:\n            - topologyKey: \
                 kubernetes.io/hostname\n              labelSelector: {matchLabels: {app: web}}\n      containers:\n";
    let about = ["--nodes", "2", "--story", "rollout", "--only", "untimed"];
    let case =
        Case::of("remedy-expected", "examples/web-prestop.yaml", &[("      containers:\n", apart)], &about);
    let ends = ["--remedy", "--trace-dir", text(&case.folder)];
    let said = stdout(&podproof(&[&["check", text(&case.manifest)], &about[..], &ends].concat()));
    assert!(said.contains("    broken rollout-completes"), "{said}");
    assert!(said.contains("remedy: maxUnavailable of 1; with it rollout-completes holds"), "{said}");
}

/// With one pod there is nobody else to send connections to while it goes.
#[test]
fn the_deletion_of_the_only_pod_is_remedied_by_a_second() {
    let about = ["--nodes", "1", "--story", "pod-deletion", "--property", "no-failed-request"];
    let changes = [("  replicas: 2\n", "  replicas: 1\n")];
    let case = Case::of("remedy-replicas", "examples/web-prestop.yaml", &changes, &about);
    let (remedy, added, gone) = case.remedied(&[]);
    assert_eq!(remedy["says"], "2 replicas", "{remedy:#}");
    assert_eq!((added, gone), (vec!["replicas: 2".to_owned()], vec!["replicas: 1".to_owned()]));
    case.holds();
}

#[test]
fn a_remedy_is_a_patch_that_the_same_check_has_proved() {
    let about = ["--replicas", "1", "--story", "rollout", "--property", "no-failed-request"];
    let case = Case::of("remedy", "examples/web.yaml", &[], &about);
    let traces = case.folder.join("traces");
    let ends = ["--remedy", "--trace-dir", text(&traces)];
    let output = podproof(&[&["check", text(&case.manifest)], &about[..], &ends].concat());
    let said = stdout(&output);
    assert_eq!(output.status.code(), Some(1), "{said}");
    let remedy = "remedy: preStop sleep of container web of 5 s; with it no-failed-request holds";
    for line in [remedy, "+              sleep:", "+                seconds: 5", "turning point: step "] {
        assert!(said.contains(line), "{line}\n{said}");
    }
    // Whoever has only the trace is told it too.
    let (_, patch) = said.split_once("\n--- ").expect("a patch");
    let patch: Vec<&str> =
        patch.lines().skip(2).take_while(|line| line.starts_with(['@', '+', ' '])).collect();
    let patch: Vec<&str> = patch.into_iter().take_while(|line| !line.starts_with("    holds ")).collect();
    let trace = traces.join("deployment-web-rollout-no-failed-request-timed.json");
    let shown = stdout(&podproof(&["trace", "show", text(&trace)]));
    let (_, end) = shown.split_once(&format!("does):\n  {remedy}")).unwrap_or_else(|| panic!("{shown}"));
    let end: Vec<&str> = end.lines().skip_while(|line| !line.starts_with("+++ ")).skip(1).collect();
    assert_eq!(end, patch, "{shown}");
    let page = stdout(&podproof(&["trace", "export", text(&trace), "--to", "html"]));
    assert!(page.contains("\"+              sleep:\""), "the page has the patch");
    let (remedy, added, _) = case.remedied(&[]);
    assert_eq!(added, ["lifecycle:", "preStop:", "sleep:", "seconds: 5"], "{remedy:#}");
    case.holds();
}

/// What a change was not tried on may be broken with it: that is said. Why none is looked for is said too.
#[test]
fn what_a_remedy_says_nothing_of_is_told() {
    let folder = folder("remedy-untried");
    let check = |more: &[&str]| {
        let about =
            ["check", "examples/web.yaml", "--replicas", "1", "--remedy", "--trace-dir", text(&folder)];
        stdout(&podproof(&[&about[..], more].concat()))
    };
    // What holds in the other searches was tried with it.
    let said = check(&["--story", "rollout", "--story", "pod-deletion"]);
    assert!(said.contains("remedy: preStop sleep") && !said.contains("not tried with it"), "{said}");
    let mutant = ["--mutant", "sigkill-at-once", "--property", "grace-honoured", "--story", "pod-deletion"];
    let said = check(&mutant);
    let why = "remedy: none was looked for: the wrong rule sigkill-at-once is switched on, and no manifest is to blame for it";
    assert!(said.contains(why), "{said}");
    // That is so of whatever is broken with it, and told once.
    let said = check(&["--mutant", "sigkill-at-once", "--story", "rollout"]);
    assert!(said.matches("    broken ").count() > 1, "{said}");
    assert_eq!((said.matches("remedy: ").count(), said.matches(why).count()), (1, 1), "{said}");
}

/// One change often keeps several promises.
#[test]
fn a_patch_is_shown_once() {
    let folder = folder("remedy-once");
    let about = ["check", "examples/web.yaml", "--replicas", "1", "--story", "rollout", "--remedy"];
    let said = stdout(&podproof(&[&about[..], &["--trace-dir", text(&folder)]].concat()));
    let times = |what: &str| said.matches(what).count();
    assert_eq!(times("remedy: preStop sleep of container web of 5 s; with it "), 3, "{said}");
    assert_eq!(times("+                seconds: 5"), 1, "{said}");
    assert_eq!(times("the patch is that of no-traffic-after-sigterm"), 2, "{said}");
}

#[test]
fn who_did_not_ask_for_a_remedy_is_told_how_to() {
    let about = ["check", "examples/web.yaml", "--replicas", "1", "--story", "rollout"];
    let says = |test: &str, more: &[&str]| {
        let traces = folder(test);
        stdout(&podproof(&[&about[..], &["--trace-dir", text(&traces)], more].concat()))
    };
    let advice = "--remedy looks for the smallest change of the manifest at which what is broken holds (no-traffic-after-sigterm, \
                  no-failed-request";
    let human = says("advice", &[]);
    let last = human.lines().last().expect("a line");
    assert!(last.starts_with(advice), "{human}");
    // What it says to type is what was typed, and finds one.
    let (_, command) = last.split_once("): podproof ").expect("a command");
    let words: Vec<&str> = command.split(' ').collect();
    assert_eq!((&words[..about.len()], words.last()), (&about[..], Some(&"--remedy")));
    assert!(stdout(&podproof(&words)).contains("remedy: preStop sleep of container web of 5 s"));
    let mutant = ["--mutant", "sigkill-at-once", "--property", "grace-honoured", "--story", "pod-deletion"];
    for more in [&["--remedy"][..], &["--property", "rollout-completes"], &mutant] {
        assert!(!says("advice-not", more).contains(advice), "{more:?}");
    }
    let markdown = says("advice-markdown", &["--format", "markdown"]);
    assert!(markdown.lines().take(6).any(|line| line.starts_with(advice)), "{markdown}");
}

#[test]
fn a_remedy_needs_a_file() {
    let manifest = File::open("examples/web.yaml").expect("an example");
    let output = command(&["check", "-", "--remedy"]).stdin(manifest).output().expect("the command runs");
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("--remedy changes the text of a file"), "{}", stderr(&output));
}

/// A hook that is longer than the grace needs a longer grace: as long as the hook, and no longer.
#[test]
fn a_grace_that_has_to_be_longer_is_no_longer_than_it_has_to_be() {
    let about = ["--replicas", "1", "--story", "rollout", "--property", "no-failed-request"];
    let changes = [("      containers:\n", "      terminationGracePeriodSeconds: 3\n      containers:\n")];
    for (test, more, hook) in
        [("remedy-grace", &[][..], 5), ("remedy-long-grace", &["--latency", "watch=20"], 43)]
    {
        let about = [&about[..], more].concat();
        let case = Case::of(test, "examples/web.yaml", &changes, &about);
        let (remedy, added, gone) = case.remedied(&[]);
        let says = format!(
            "preStop sleep of container web of {hook} s and terminationGracePeriodSeconds of {hook} s"
        );
        assert_eq!(remedy["says"], says.as_str(), "{remedy:#}");
        let grace = format!("terminationGracePeriodSeconds: {hook}");
        assert!(added.contains(&grace) && gone == ["terminationGracePeriodSeconds: 3"], "{added:?} {gone:?}");
        let is_short = hook == 5;
        assert_eq!(remedy["smaller"].as_array().is_some_and(Vec::is_empty), is_short, "{remedy:#}");
        case.holds();
    }
}

/// What was tried in vain is told with the values that were tried, and how many.
#[test]
fn what_was_tried_in_vain_is_told() {
    let about =
        ["--nodes", "1", "--story", "pod-deletion", "--property", "no-failed-request", "--replicas", "1"];
    let case = Case::of("remedy-in-vain", "examples/web-prestop.yaml", &[], &about);
    let command = [&["check", text(&case.manifest), "--remedy"], &case.about[..]].concat();
    let said =
        stdout(&podproof(&[&command[..], &["--trace-dir", text(&case.folder.join("traces"))]].concat()));
    let head = "remedy: none was found; one change was tried; none of these helps: preStop sleep of container web of 10 s";
    assert!(said.contains(head), "{said}");
}

/// A file that is read and cannot be changed is not one for which nothing is known.
#[test]
fn why_a_change_cannot_be_made_is_told() {
    let about = ["--replicas", "1", "--story", "rollout", "--property", "no-failed-request"];
    let hook = "          lifecycle:\n            preStop:\n              exec:\n                command:\n                - sh\n                \
                - -c\n                - |\n                  sleep 1\n          readinessProbe:\n";
    let changes = [("          readinessProbe:\n", hook)];
    let case = Case::of("remedy-refused", "examples/web.yaml", &changes, &about);
    let (_, result) = case.check(&["--remedy"]);
    let refused = &result["remedy"]["refused"][0];
    assert_eq!(refused["says"], "preStop sleep of container web of 10 s", "{result:#}");
    assert!(
        refused["why"].as_str().is_some_and(|why| why.contains("is a text in lines of its own")),
        "{result:#}"
    );
    let command = [&["check", text(&case.manifest), "--remedy"], &case.about[..]].concat();
    let said =
        stdout(&podproof(&[&command[..], &["--trace-dir", text(&case.folder.join("human"))]].concat()));
    assert!(said.contains("cannot be made: preStop sleep of container web of 10 s"), "{said}");
}

/// A grace of 7 s is proved within the bound, and one of 5 s, which has more states, is not.
#[test]
fn a_smaller_value_that_could_not_be_decided_is_told() {
    let about =
        ["--replicas", "1", "--story", "rollout", "--property", "no-failed-request", "--max-states", "3400"];
    let changes = [("      containers:\n", "      terminationGracePeriodSeconds: 3\n      containers:\n")];
    let case = Case::of("remedy-bound-grace", "examples/web.yaml", &changes, &about);
    let (remedy, ..) = case.remedied(&[]);
    let says = |grace: u32| {
        format!("preStop sleep of container web of 5 s and terminationGracePeriodSeconds of {grace} s")
    };
    assert_eq!(remedy["says"], says(7), "{remedy:#}");
    assert_eq!(remedy["undecided"][0]["says"], says(5), "{remedy:#}");
    let smaller =
        "not known to be the smallest terminationGracePeriodSeconds: 2 values below 7 s were not tried";
    assert_eq!(remedy["smaller"], serde_json::json!([smaller]), "{remedy:#}");
    case.holds();
}

/// A sleep of 10 s has more states than this bound allows, one of 5 s has not.
#[test]
fn where_the_greatest_cannot_be_decided_smaller_ones_are_tried() {
    let about =
        ["--replicas", "1", "--story", "rollout", "--property", "no-failed-request", "--max-states", "3370"];
    let case = Case::of("remedy-bound-greatest", "examples/web.yaml", &[], &about);
    let (remedy, ..) = case.remedied(&[]);
    assert_eq!(remedy["says"], "preStop sleep of container web of 5 s", "{remedy:#}");
    case.holds();
}
