//! What a log can tell of which promise.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::rc::Rc;

use podproof_model::{ClusterState, Model};
use podproof_vocabulary::action::{Action, Kubelet, PodGarbageCollector, Proxy};
use podproof_vocabulary::event::Story;
use podproof_vocabulary::property::PropertySet;
use podproof_vocabulary::scenario::{Neighbour, Scenario, Timing};
use podproof_vocabulary::{NodeId, PodId, Property, catalogue};

use super::needs::{Places, lacks, unheard};
use super::{Breach, Evidence, Judgement, blackout, judge};
use crate::matching::path::{Moment, Taken};
use crate::matching::whole::{self, Whole};
use crate::reading::Log;
use crate::record::Micros;
use crate::report::{Options, Report};
use crate::run;
use crate::spool::Spool;

const SECOND: Micros = 1_000_000;

fn names(names: &[&str]) -> Vec<Rc<str>> {
    names.iter().map(|&name| name.into()).collect()
}

fn set(set: &[&str]) -> BTreeSet<Rc<str>> {
    names(set).into_iter().collect()
}

/// Two nodes, of both of which everything is there.
fn everything() -> Evidence {
    let both = set(&["a", "b"]);
    Evidence {
        writes: true,
        rules: both.clone(),
        runtimes: both,
        processes: true,
        requests: true,
        until: 100 * SECOND,
    }
}

fn web() -> Scenario {
    let mut scenario = catalogue::web("x", Story::Create, 1, 1);
    scenario.timing = Timing::Untimed;
    scenario
}

/// What is missing for `property` in a world of nodes a and b, whose pods were on a.
fn missing(property: Property, evidence: &Evidence) -> Option<String> {
    let (all, homes) = (names(&["a", "b"]), set(&["a"]));
    let mut scenario = web();
    scenario.addresses_are_reused = true;
    lacks(property, &scenario, evidence, &Places { all: &all, homes: &homes })
}

#[test]
fn what_comes_in_the_end_is_never_judged() {
    for property in [Property::RolloutCompletes, Property::CrashRecovers] {
        let why = missing(property, &everything()).expect("a log ends");
        assert!(why.contains("a log ends"), "{why}");
    }
    assert_eq!(missing(Property::NoFailedRequest, &everything()), None);
}

#[test]
fn without_an_audit_log_nothing_is_judged() {
    let evidence = Evidence { writes: false, ..everything() };
    for property in Property::all() {
        assert!(missing(property, &evidence).is_some(), "{property}");
    }
}

#[test]
fn an_audit_log_alone_is_enough_for_what_is_written() {
    let evidence = Evidence { writes: true, ..Evidence::default() };
    for property in [Property::PlacementLawful, Property::RolloutWithinBounds, Property::TerminalIsFinal] {
        assert_eq!(missing(property, &evidence), None, "{property}");
    }
    for property in [Property::StoppedBeforeGone, Property::NoTrafficAfterSigterm] {
        assert!(missing(property, &evidence).is_some(), "{property}");
    }
}

#[test]
fn requests_need_the_rules_of_every_node() {
    let evidence = Evidence { rules: set(&["b"]), ..everything() };
    let why = missing(Property::NoFailedRequest, &evidence).expect("node a has rules too");
    assert_eq!(why, "what kube-proxy programs is not given for a");
    // Of a blackout those nodes are judged that there is something of.
    assert_eq!(missing(Property::NoAvoidableBlackout, &evidence), None);
    let none = Evidence { rules: BTreeSet::new(), ..everything() };
    assert!(missing(Property::NoAvoidableBlackout, &none).is_some());
}

/// Clients whose connections nobody compares with anything prove nothing.
#[test]
fn connections_that_are_not_looked_at_keep_no_promise() {
    let (all, homes) = (names(&["a", "b"]), set(&["a"]));
    let unheard = |evidence: &Evidence| unheard(evidence, &Places { all: &all, homes: &homes });
    assert_eq!(unheard(&everything()), None);
    let no_app = unheard(&Evidence { processes: false, ..everything() })
        .expect("they are compared with what processes say");
    assert!(no_app.contains("what processes say of themselves is not given"), "{no_app}");
    let no_runtime = unheard(&Evidence { runtimes: set(&["a"]), ..everything() }).expect("b has none");
    assert!(no_runtime.contains("not given for b: these were not looked at"), "{no_runtime}");
    assert_eq!(unheard(&Evidence { requests: false, processes: false, ..everything() }), None);
}

#[test]
fn processes_show_in_a_runtime_or_say_so_themselves() {
    // No pod was on b.
    let runtime = Evidence { processes: false, runtimes: set(&["a"]), ..everything() };
    let app = Evidence { processes: true, runtimes: set(&["b"]), ..everything() };
    let neither = Evidence { processes: false, ..app.clone() };
    assert_eq!(missing(Property::NoFailedRequest, &runtime), None);
    assert_eq!(missing(Property::NoFailedRequest, &app), None);
    assert!(
        missing(Property::NoFailedRequest, &neither).is_some_and(|why| why.contains("for a, the events"))
    );
    // Of SIGTERM only the processes themselves tell.
    let why = missing(Property::NoTrafficAfterSigterm, &runtime).expect("nobody tells of it");
    assert!(why.contains("only they tell of SIGTERM"), "{why}");
    assert_eq!(missing(Property::NoTrafficAfterSigterm, &app), None);
    assert_eq!(missing(Property::StoppedBeforeGone, &runtime), None);
    assert!(missing(Property::StoppedBeforeGone, &app).is_some_and(|why| why.ends_with("not given for a")));
}

#[test]
fn what_is_not_followed_is_not_judged() {
    let (all, homes) = (names(&["a"]), set(&["a"]));
    let places = Places { all: &all, homes: &homes };
    let mut scenario = web();
    scenario.addresses_are_reused = false;
    assert!(lacks(Property::NoMisroutedRequest, &scenario, &everything(), &places).is_some());
    assert_eq!(lacks(Property::NoAvoidableBlackout, &scenario, &everything(), &places), None);
    scenario.neighbours.push(Neighbour {
        name: "Pod/other".into(),
        namespace: scenario.workload.namespace.clone(),
        labels: scenario.workload.template.labels.clone(),
        node: 0,
        requests: Vec::new(),
        host_ports: Vec::new(),
        pod_anti_affinity: Vec::new(),
        tolerations: Vec::new(),
        is_bare: false,
        in_service: true,
        in_budget: false,
    });
    assert!(lacks(Property::NoAvoidableBlackout, &scenario, &everything(), &places).is_some());
}

/// A pod that comes to serve: every step but those of the kube-proxy at once, its own at `programmed`.
fn serving(model: &Model, programmed: Micros) -> Vec<Taken> {
    let mut state: ClusterState = model.initial().swap_remove(0);
    let (mut taken, mut enabled) = (Vec::new(), Vec::new());
    let programs = |action: &Action| matches!(action, Action::Proxy(Proxy::ProgramRules { .. }));
    loop {
        model.enabled(&state, &mut enabled);
        let next = enabled.iter().find(|action| !programs(action)).or(enabled.first());
        let Some(&action) = next else { break };
        let at = if programs(&action) { programmed } else { 0 };
        let moment = Moment { writes: 0, at };
        taken.push(Taken { action, moment, shown_by: None, is_write: false });
        state = model.apply(&state, &action);
        assert!(taken.len() < 1000, "it comes to rest");
    }
    taken
}

fn blackout_of(programmed: Micros, nodes: &[u8], until: Micros) -> Judgement {
    let model = Model::new(web()).expect("a small world");
    let steps = serving(&model, programmed);
    let nodes = nodes.iter().map(|&node| NodeId(node)).collect();
    blackout::judge(&[(0, &model)], &path(&model, steps), &nodes, until)
}

/// These steps as a path.
fn path(model: &Model, taken: Vec<Taken>) -> Whole {
    let mut steps = Spool::new(&Rc::default());
    taken.iter().for_each(|taken| steps.push(taken));
    let (broken, reached) = (BTreeMap::new(), PropertySet::default());
    Whole { steps, led: 0, broken, reached, refused: None, last: model.initial().swap_remove(0) }
}

/// Of a node that was found silent nobody may know whether it had power.
#[test]
fn what_a_collector_takes_from_a_node_that_may_have_had_no_power_breaks_nothing() {
    let model = Model::new(web()).expect("a small world");
    let mut state = model.initial().swap_remove(0);
    let mut enabled = Vec::new();
    loop {
        model.enabled(&state, &mut enabled);
        let Some(action) = enabled.first() else { break };
        state = model.apply(&state, action);
    }
    let pod = PodId(0);
    let collect = Action::PodGarbageCollector(PodGarbageCollector::DeletePod { pod });
    let after = model.apply(&state, &collect);
    for is_guessed in [false, true] {
        let judged = whole::judge(&model, &state, &collect, &after, |_| is_guessed);
        assert_eq!(judged.broken.contains(Property::StoppedBeforeGone), !is_guessed);
        assert_eq!(judged.reached.contains(Property::StoppedBeforeGone), !is_guessed);
    }
    let remove = Action::Kubelet(Kubelet::RemovePod { pod });
    let judged = whole::judge(&model, &state, &remove, &after, |_| true);
    assert!(judged.broken.contains(Property::StoppedBeforeGone), "a kubelet knows what runs");
}

#[test]
fn rules_that_lead_nowhere_for_longer_than_news_take_are_a_blackout() {
    let bound = SECOND * Micros::from(web().latencies.propagation());
    let Judgement::Broken(Breach { at, dark, step }) = blackout_of(3 * bound, &[0], 100 * bound) else {
        panic!("the node was dark for three times as long")
    };
    assert_eq!(at, bound);
    assert_eq!(dark.map(|(node, pod)| (node.0, pod.0)), Some((0, 0)));
    let model = Model::new(web()).expect("a small world");
    let programs = |taken: &Taken| matches!(taken.action, Action::Proxy(Proxy::ProgramRules { .. }));
    assert_eq!(serving(&model, 3 * bound).iter().position(programs), Some(step + 1), "the rules come next");
}

#[test]
fn rules_that_follow_in_time_are_none() {
    let bound = SECOND * Micros::from(web().latencies.propagation());
    assert_eq!(blackout_of(bound, &[0], 100 * bound), Judgement::Kept);
    assert_eq!(blackout_of(0, &[0], bound), Judgement::NotMet, "the pod has not been there for long enough");
    assert_eq!(blackout_of(3 * bound, &[], 100 * bound), Judgement::Kept, "nothing is known of the node");
}

#[test]
fn a_blackout_at_the_end_of_a_log_is_seen() {
    let bound = SECOND * Micros::from(web().latencies.propagation());
    let model = Model::new(web()).expect("a small world");
    let mut steps = serving(&model, 0);
    let programs = |taken: &Taken| matches!(taken.action, Action::Proxy(Proxy::ProgramRules { .. }));
    steps.truncate(steps.iter().position(programs).expect("rules are programmed"));
    let whole = path(&model, steps);
    let judge = |until| blackout::judge(&[(0, &model)], &whole, &BTreeSet::from([NodeId(0)]), until);
    assert!(matches!(judge(2 * bound), Judgement::Broken(_)));
    assert_eq!(judge(bound), Judgement::NotMet);
}

/// What came of a recording.
fn recorded(name: &str) -> (Log, Report) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/recordings").join(name);
    let log = Log::find(&[folder]).expect("the recordings can be read");
    let report = run::run(&log, &Options::default(), |_| {}).map_err(|_| ()).expect("they are logs");
    (log, report)
}

#[test]
fn a_rollout_without_a_pre_stop_hook_fails_requests_where_the_log_can_tell() {
    let (log, report) = recorded("05-rolling-no-prestop-r1");
    let followed = &report.followed[0];
    let said = |evidence: &Evidence, property: Property| {
        let all = judge(&followed.replay, &followed.whole, evidence);
        assert_eq!(
            all.iter().map(|(property, _)| *property).collect::<Vec<_>>(),
            Property::all().collect::<Vec<_>>()
        );
        all.into_iter().find(|(of, _)| *of == property).map(|(_, said)| said).expect("each is judged")
    };
    let evidence = Evidence::of(&log, report.span.1);
    assert!(evidence.writes && evidence.processes);
    assert_eq!((evidence.rules.len(), evidence.runtimes.len()), (2, 2));
    let Judgement::Broken(breach) = said(&evidence, Property::NoFailedRequest) else { panic!("68 failed") };
    assert_eq!(followed.whole.steps.get(breach.step).map(|taken| taken.moment.at), Some(breach.at));
    assert!(report.span.0 < breach.at && breach.at < report.span.1);
    assert_eq!(said(&evidence, Property::NoAvoidableBlackout), Judgement::Kept);
    assert_eq!(said(&evidence, Property::RolloutWithinBounds), Judgement::Kept);
    assert_eq!(said(&evidence, Property::DisruptionBudgetKept), Judgement::NotMet);
    assert_eq!(said(&evidence, Property::InitBeforeApp), Judgement::NotMet);
    let blind = Evidence { rules: BTreeSet::new(), ..evidence };
    assert!(matches!(said(&blind, Property::NoFailedRequest), Judgement::NotJudged(_)));
}
