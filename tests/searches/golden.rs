//! Golden numbers: how many states each built-in scenario has, untimed and timed. A change of these is a change of the
//! model and must be explained.

use clap::Parser;
use podproof::arguments::{Arguments, Command, WorldArguments};
use podproof::input;
use podproof::plan;
use podproof::progress::Line;
use podproof::search::{self, Limits};
use podproof::verdict::Verdict;
use podproof_vocabulary::Property;
use podproof_vocabulary::catalogue::ENTRIES;
use podproof_vocabulary::property::PropertySet;

use crate::common;

const LIMITS: Limits = Limits { states: 2_000_000, ..common::LIMITS };

/// Name, states untimed, states timed, and the promises that are broken.
const GOLDEN: &[(&str, u64, u64, &[Property])] = &[
    (
        "pod-life",
        85,
        1292,
        &[Property::NoTrafficAfterSigterm, Property::NoFailedRequest, Property::NoMisroutedRequest],
    ),
    (
        "rollout",
        613,
        11475,
        &[Property::NoTrafficAfterSigterm, Property::NoFailedRequest, Property::NoMisroutedRequest],
    ),
    ("rollout-prestop", 613, 3367, &[]),
    (
        "rollout-recreate",
        2335,
        81385,
        &[Property::NoTrafficAfterSigterm, Property::NoFailedRequest, Property::NoMisroutedRequest],
    ),
    ("node-crash", 2299, 11273, &[Property::PodsWithinSurge]),
    ("node-crash-no-room", 119, 261, &[]),
    ("node-crash-tolerated", 97, 237, &[Property::ReplacedAfterNodeFailure]),
    (
        "partition",
        751,
        24892,
        &[
            Property::NoTrafficAfterSigterm,
            Property::NoFailedRequest,
            Property::NoMisroutedRequest,
            Property::NoAvoidableBlackout,
        ],
    ),
    ("pleg-stuck", 213, 1007, &[Property::DeletionCompletes]),
    (
        "drain-pdb",
        3576,
        54762,
        &[Property::NoTrafficAfterSigterm, Property::NoFailedRequest, Property::NoMisroutedRequest],
    ),
    ("kubelet-restart", 441, 1351, &[]),
    (
        "taint-eviction",
        14841,
        462541,
        &[Property::NoTrafficAfterSigterm, Property::NoFailedRequest, Property::NoMisroutedRequest],
    ),
    ("anti-affinity", 4102, 21782, &[Property::RolloutCompletes]),
    (
        "init-and-sidecar",
        122,
        1347,
        &[Property::NoTrafficAfterSigterm, Property::NoFailedRequest, Property::NoMisroutedRequest],
    ),
    ("crash-loop", 126, 869, &[Property::NoFailedRequest]),
    ("control-plane-taint", 1062, 5482, &[]),
    (
        "sandbox-death",
        250,
        3120,
        &[
            Property::NoTrafficAfterSigterm,
            Property::NoFailedRequest,
            Property::NoMisroutedRequest,
            Property::SandboxHoldsNamespaces,
        ],
    ),
    ("tight-resources", 4093, 21773, &[]),
    ("host-ports", 4093, 21773, &[]),
    (
        "scale-down",
        2178,
        15284,
        &[Property::NoTrafficAfterSigterm, Property::NoFailedRequest, Property::NoMisroutedRequest],
    ),
    (
        "termination",
        1437,
        165974,
        &[Property::NoTrafficAfterSigterm, Property::NoFailedRequest, Property::NoMisroutedRequest],
    ),
];

fn world(arguments: &[&str]) -> (input::Workloads, WorldArguments) {
    let line = ["podproof", "check"].iter().chain(arguments);
    let Command::Check(arguments) = Arguments::parse_from(line).command else {
        panic!("a check was asked for")
    };
    (input::read(&arguments.input).expect("a built-in scenario"), arguments.world)
}

#[test]
fn states_and_broken_promises_of_the_built_in_scenarios() {
    let mut found = Vec::new();
    for entry in ENTRIES {
        let (input, arguments) = world(&["--scenario", entry.name]);
        let all = PropertySet::of(Property::all());
        let (plans, untold) = plan::searches(&input.workloads[0], &arguments, all);
        assert!(untold.is_empty(), "{}: {untold:?}", entry.name);
        let mut states = Vec::new();
        let mut broken = Vec::new();
        for plan in plans {
            let outcome =
                search::run(&plan, &LIMITS, &Line::new(entry.name, LIMITS.states)).expect("it fits");
            assert!(outcome.stopped.is_empty(), "{}: {:?}", entry.name, outcome.stopped);
            states.push(outcome.states);
            broken
                .extend(outcome.findings.iter().filter(|f| f.verdict == Verdict::Broken).map(|f| f.property));
        }
        broken.sort();
        assert_eq!(states.len(), 2, "{}: two searches", entry.name);
        found.push((entry.name, states[0], states[1], broken));
    }
    let expected: Vec<_> = GOLDEN
        .iter()
        .map(|&(name, untimed, timed, broken)| (name, untimed, timed, broken.to_vec()))
        .collect();
    assert_eq!(found, expected);
}
