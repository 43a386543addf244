//! Nothing that a file can hold makes the reader panic or hang.

use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::*;

fn of_bytes(text: Vec<u8>) -> Result<Reading, Vec<Problem>> {
    read(&[Source { path: "a.yaml".into(), text }], &Options::default())
}

/// A manifest that uses much of what is read.
fn rich() -> String {
    let pod = "terminationGracePeriodSeconds: 60\nnodeSelector: {disk: ssd}\ntolerations: [{key: a, operator: Exists, effect: NoExecute, tolerationSeconds: 3}]\n\
               affinity:\n  podAntiAffinity:\n    requiredDuringSchedulingIgnoredDuringExecution:\n    - topologyKey: kubernetes.io/hostname\n      labelSelector: {matchLabels: {app: web}}\n\
               topologySpreadConstraints: [{maxSkew: 1, topologyKey: zone, whenUnsatisfiable: DoNotSchedule}]\ninitContainers: [{name: i, image: x, restartPolicy: Always}]";
    let container = "ports: [{containerPort: 80, hostPort: 80}]\nresources: {requests: {cpu: 250m, memory: 64Mi}}\n\
                     readinessProbe: {httpGet: {port: 80}, periodSeconds: 5}\nlifecycle: {preStop: {sleep: {seconds: 5}}}";
    joined(&[
        &deployment(
            "replicas: 3\nstrategy: {rollingUpdate: {maxSurge: 50%, maxUnavailable: 1}}",
            pod,
            container,
        ),
        &service("selector: {app: web}\nports: [{port: 80}]\ntype: NodePort"),
        &budget("selector: {matchLabels: {app: web}}\nminAvailable: 50%"),
        &node(
            "node-a",
            "spec: {taints: [{key: a, effect: NoSchedule}]}\nstatus: {allocatable: {cpu: 4, memory: 8Gi, pods: 9}}\n",
        ),
    ])
}

#[test]
fn ten_megabytes_of_nonsense_are_refused_at_once() {
    let start = Instant::now();
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let nonsense: Vec<u8> = std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        b" \n-:[]{},\"'#&*!|>%@`?a1\t"[(state % 24) as usize]
    })
    .take(10_000_000)
    .collect();
    let says = shown(&of_bytes(nonsense.clone()).expect_err("nonsense"));
    assert_eq!(says, "a.yaml:1:1: the file is 10 MB large; accepted: a file of at most 8 MiB");
    assert!(of_bytes(nonsense[..8_000_000].to_vec()).is_err());
    for piece in [
        "[",
        "{\"a\":",
        "- ",
        "a: ",
        "? ",
        "x",
        "\u{1f600}",
        "- a\n",
        "a,",
        "[a, ",
        "---\n",
        "&a ",
        "\"",
        "{{",
        "|\n",
    ] {
        let text = piece.repeat(8_000_000 / piece.len());
        assert!(of_bytes(text.into_bytes()).is_err(), "{piece}");
    }
    let keys: String = (0..400_000).map(|key| format!("k{key}: 1\n")).collect();
    assert!(of_bytes(keys.into_bytes()).is_err());
    // Generous, for a machine that is busy: each takes a second at most by itself.
    assert!(start.elapsed() < Duration::from_secs(120), "{:?}", start.elapsed());
}

#[test]
fn deep_aliases_are_refused_at_once() {
    let mut bomb = String::from("apiVersion: v1\nkind: ConfigMap\na0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for level in 1..=30 {
        bomb.push_str(&format!(
            "a{level}: &a{level} [{}]\n",
            vec![format!("*a{}", level - 1); 10].join(", ")
        ));
    }
    let says = shown(&of_bytes(bomb.into_bytes()).expect_err("a bomb"));
    assert!(
        says.contains(
            "the file holds too much, with its aliases expanded; accepted: at most 1000000 values in one file"
        ),
        "{says}"
    );
}

#[test]
fn a_large_input_is_read_in_reasonable_time() {
    let start = Instant::now();
    let many: Vec<String> = (0..200)
        .map(|number| deployment("", "", "tty: true").replace("web", &format!("web-{number}")))
        .collect();
    let pieces: Vec<&str> = many.iter().map(String::as_str).collect();
    assert_eq!(reading(&joined(&pieces)).workloads.len(), 200);
    assert!(start.elapsed() < Duration::from_secs(30), "{:?}", start.elapsed());
}

#[test]
fn the_rich_manifest_is_fine() {
    assert_eq!(reading(&rich()).workloads.len(), 1);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_bytes_never_panic(text in proptest::collection::vec(any::<u8>(), 0..400)) {
        let _ = of_bytes(text);
    }

    #[test]
    fn random_punctuation_never_panics(text in "[-:{}\\[\\],&*!|>%@?#'\" a-c0-9\n\t\\\\~<.]{0,200}") {
        let _ = of_bytes(text.into_bytes());
    }

    /// A line of a manifest that is fine is dropped, repeated, moved, or given another value.
    #[test]
    fn a_changed_manifest_never_panics(
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), 0..6_u8, VALUES), 1..4),
    ) {
        let mut lines: Vec<String> = rich().lines().map(str::to_owned).collect();
        for (at, other, how, value) in changes {
            let (at, other) = (at.index(lines.len()), other.index(lines.len()));
            match how {
                0 => { lines.remove(at); }
                1 => { let line = lines[at].clone(); lines.insert(other, line); }
                2 => lines.swap(at, other),
                3 => lines[at] = lines[at].split_once(':').map_or(value.clone(), |(key, _)| format!("{key}: {value}")),
                4 => { let words: Vec<&str> = lines[at].splitn(2, ": ").collect(); lines[at] = words.concat(); }
                _ => {
                    let digits = |next: char| next.is_ascii_digit();
                    lines[at] = lines[at].replacen(digits, &value, 1);
                }
            }
            if lines.is_empty() { break; }
        }
        let text = lines.join("\n");
        if let Err(problems) = of_bytes(text.clone().into_bytes()) {
            prop_assert!(!problems.is_empty());
            for problem in problems {
                prop_assert!(!problem.says.is_empty() && !problem.accepted.is_empty(), "{problem}\n{text}");
            }
        }
    }
}

/// Values of every type, and those that hurt.
const VALUES: &str = "(-1|0|1|2147483647|2147483648|9223372036854775807|1e400|1.5|.nan|'25%'|4000000000%|true|null|\\[\\]|\\{\\}|\\[a\\]|\\{a: b\\}|''|Always|1Ei|99999999999999999999m|\\*a|&a b|!!str 1)";
