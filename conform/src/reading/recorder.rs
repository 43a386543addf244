//! The lines of a recorder: container runtimes, processes, rules, connections and faults.

use std::collections::BTreeMap;
use std::rc::Rc;

use serde::Deserialize;

use super::kind::Source;
use super::lines::parse;
use super::moment::moment;
use super::names::Names;
use super::problem::Problem;
use crate::record::{
    AppEvent, AppWhat, Entry, FaultEvent, Micros, Place, RequestEvent, RulesEvent, RuntimeEvent, RuntimeWhat,
    Seen, UNHEARD,
};

/// A line, its entry if it says something, and when it was written down.
pub(super) struct Noted {
    /// When.
    pub(super) at: Micros,
    /// The entry.
    pub(super) entry: Option<Entry>,
}

/// Reads a line of `source`, in a file that speaks of `node`.
pub(super) fn read(
    source: Source,
    line: &[u8],
    place: Place,
    node: Option<&Rc<str>>,
    names: &mut Names,
) -> Result<Noted, Problem> {
    let (at, seen) = match source {
        Source::Runtime => runtime(parse(line, &place, "an event of a container runtime")?, &place, names)?,
        Source::App => app(parse(line, &place, "a line of a process")?, names),
        Source::Rules => rules(parse(line, &place, "the rules of a node")?, &place, node)?,
        Source::Requests => request(parse(line, &place, "a request of a client")?, names),
        Source::Faults => fault(parse(line, &place, "a fault")?, names),
        Source::Audit | Source::Watch => (0, None),
    };
    Ok(Noted { at, entry: seen.map(|(from, to, seen)| Entry { place, from, to: to.max(from), seen }) })
}

/// When a line was written, and what it says of which time.
type Said = (Micros, Option<(Micros, Micros, Seen)>);

/// A line of which nothing is said but what it is about.
fn left_out(from: Micros, to: Micros, what: &str, names: &mut Names) -> Said {
    (from, Some((from, to, Seen::Other(names.get(what)))))
}

#[derive(Deserialize)]
struct Runtime {
    t_us: Micros,
    ev_us: Option<Micros>,
    exited_at: Option<String>,
    topic: String,
    node: String,
    ns: Option<String>,
    pod: Option<String>,
    uid: Option<String>,
    container: Option<String>,
    exit_status: Option<i64>,
    exec_id: Option<String>,
}

fn runtime(line: Runtime, place: &Place, names: &mut Names) -> Result<Said, Problem> {
    if line.topic == UNHEARD {
        let event =
            FaultEvent { fault: names.get(UNHEARD), target: names.get(&line.node), by_request: false };
        return Ok((line.t_us, Some((line.t_us, line.t_us, Seen::Fault(event)))));
    }
    let exit = i32::try_from(line.exit_status.unwrap_or_default()).unwrap_or(i32::MAX);
    let what = match line.topic.as_str() {
        "/tasks/start" => RuntimeWhat::Started,
        "/tasks/exit" if line.exec_id.is_some() => RuntimeWhat::ExecExited(exit),
        "/tasks/exit" => RuntimeWhat::Exited(exit),
        "/tasks/exec-started" => RuntimeWhat::ExecStarted,
        "/containers/delete" => RuntimeWhat::Deleted,
        _ => return Ok((line.t_us, None)),
    };
    // A container that is no pod's is nobody's here.
    let Some(pod) = line.pod else { return Ok((line.t_us, None)) };
    let exited = match line.exited_at {
        Some(text) => Some(moment(&text).ok_or_else(|| {
            Problem::new(&place.file, place.line, format!("`exited_at` is {text:?}"), "a time as in RFC 3339")
        })?),
        None => None,
    };
    let at = exited.or(line.ev_us).unwrap_or(line.t_us);
    let event = RuntimeEvent {
        node: names.get(&line.node),
        namespace: names.get(&line.ns.unwrap_or_default()),
        pod: names.get(&pod),
        uid: names.get(&line.uid.unwrap_or_default()),
        container: line.container.map(|container| names.get(&container)),
        what,
        command: names.get(line.exec_id.as_deref().unwrap_or_default()),
    };
    Ok((line.t_us, Some((at, at, Seen::Runtime(event)))))
}

#[derive(Deserialize)]
struct App {
    t_us: Micros,
    kind: String,
    pod: String,
    uid: Option<String>,
    node: Option<String>,
    container: Option<String>,
    sig: Option<String>,
    code: Option<i64>,
    id: Option<String>,
    path: Option<String>,
}

/// The signals by their names, as Go and as C has them.
const SIGNALS: &[(&str, &str, i32)] = &[
    ("hangup", "SIGHUP", 1),
    ("interrupt", "SIGINT", 2),
    ("quit", "SIGQUIT", 3),
    ("killed", "SIGKILL", 9),
    ("user defined signal 1", "SIGUSR1", 10),
    ("user defined signal 2", "SIGUSR2", 12),
    ("terminated", "SIGTERM", 15),
    ("broken pipe", "SIGPIPE", 13),
    ("alarm clock", "SIGALRM", 14),
    ("child exited", "SIGCHLD", 17),
    ("continued", "SIGCONT", 18),
    // Go's scheduler sends it to its own process.
    ("urgent I/O condition", "SIGURG", 23),
];

/// What lines are called that are about signals of other names, which no process of the model gets.
const UNKNOWN_SIGNALS: &str = "signals of names that are not known";

fn app(line: App, names: &mut Names) -> Said {
    let what = match line.kind.as_str() {
        "started" => AppWhat::Started,
        "listening" => AppWhat::Listening,
        "signal" => {
            let name = line.sig.unwrap_or_default();
            let known = SIGNALS.iter().find(|(go, c, _)| [*go, *c].contains(&name.as_str()));
            let Some((_, _, number)) = known else {
                return left_out(line.t_us, line.t_us, UNKNOWN_SIGNALS, names);
            };
            AppWhat::Signal(*number)
        }
        "exit" => AppWhat::Exit(i32::try_from(line.code.unwrap_or_default()).unwrap_or(i32::MAX)),
        "req" => AppWhat::Served(line.id.unwrap_or_default().into()),
        "probe" => match (&line.path, line.code) {
            // `pkg/probe/http/http.go`, `DoHTTPProbe`.
            (Some(path), Some(code)) => {
                AppWhat::Probed { path: names.get(path), well: (200..400).contains(&code) }
            }
            _ => return (line.t_us, None),
        },
        _ => return (line.t_us, None),
    };
    let event = AppEvent {
        pod: names.get(&line.pod),
        uid: line.uid.map(|uid| names.get(&uid)),
        node: line.node.map(|node| names.get(&node)),
        container: names.get(&line.container.unwrap_or_default()),
        what,
    };
    (line.t_us, Some((line.t_us, line.t_us, Seen::App(event))))
}

#[derive(Deserialize)]
struct Rules {
    t_us: Micros,
    start_us: Option<Micros>,
    src: String,
    rc: Option<i64>,
    node: Option<String>,
    endpoints: BTreeMap<String, Vec<String>>,
}

fn rules(line: Rules, place: &Place, node: Option<&Rc<str>>) -> Result<Said, Problem> {
    let written = match line.src.as_str() {
        // A write that failed changed nothing; of one whose status is not there nobody says that it failed.
        "restore" if line.rc.is_some_and(|status| status != 0) => return Ok((line.t_us, None)),
        "restore" => true,
        "sample" => false,
        src => {
            let says = format!("`src` is {src:?}");
            return Err(Problem::new(&place.file, place.line, says, "restore or sample"));
        }
    };
    let Some(node) = line.node.map(Rc::from).or_else(|| node.cloned()) else {
        let accepted = "a file named proxy-NODE.jsonl, or a `node` in the line";
        return Err(Problem::new(&place.file, place.line, "the rules are of no node", accepted));
    };
    let event = RulesEvent { node, written, endpoints: line.endpoints };
    Ok((line.t_us, Some((line.start_us.unwrap_or(line.t_us), line.t_us, Seen::Rules(event)))))
}

#[derive(Deserialize)]
struct Request {
    t_us: Micros,
    d_us: Micros,
    id: String,
    node: String,
    ok: bool,
    pod: Option<String>,
    errno: Option<String>,
}

/// What lines of clients are called that say neither who answered nor what failed.
const UNTOLD: &str = "connections of clients that do not say how they ended";

fn request(line: Request, names: &mut Names) -> Said {
    let outcome = match (line.ok, line.pod, line.errno) {
        (true, Some(pod), _) => Ok(names.get(&pod)),
        (false, _, Some(errno)) => Err(names.get(&errno)),
        _ => return left_out(line.t_us, line.t_us.saturating_add(line.d_us), UNTOLD, names),
    };
    let event = RequestEvent { id: line.id.into(), node: names.get(&line.node), outcome };
    (line.t_us, Some((line.t_us, line.t_us.saturating_add(line.d_us), Seen::Request(event))))
}

#[derive(Deserialize)]
struct Fault {
    t_us: Micros,
    end_us: Option<Micros>,
    fault: String,
    target: Option<String>,
    /// What the API server answered, if it was asked.
    code: Option<u16>,
}

fn fault(line: Fault, names: &mut Names) -> Said {
    let by_request = line.code.is_some_and(|code| (200..600).contains(&code));
    let event = FaultEvent {
        fault: names.get(&line.fault),
        target: names.get(&line.target.unwrap_or_default()),
        by_request,
    };
    (line.t_us, Some((line.t_us, line.end_us.unwrap_or(line.t_us), Seen::Fault(event))))
}
