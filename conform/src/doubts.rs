//! Why an entry that nothing explains may be lawful all the same: the replay began, or went on, from something that is not sure.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::rc::Rc;

use podproof_vocabulary::action::Watcher;

use crate::before::Target;
use crate::matching::whole::Whole;
use crate::matching::{Replay, Unexplained};
use crate::reading::is_nameless;
use crate::record::{API_SERVER, Entry, Facts, Micros, Outage, Place, Seen, Verb, Write};
use crate::world::{Composer, Observed};

/// What was under way when a log began shows for so long: the default toleration of a node that fails, and as much again as the
/// failure takes to be noticed.
pub const SETTLING: Micros = 400_000_000;

/// Something of a workload that changes during the log, or that is more than a state of the model can hold, and is not followed.
#[derive(Clone, Debug)]
pub struct Unfollowed {
    /// The number of the entry that shows it.
    pub entry: u64,
    /// Where that stands; nothing, before it is reached.
    pub place: Option<Place>,
    /// What is so from then on.
    pub what: String,
}

impl Unfollowed {
    /// Those of a workload.
    pub fn of(observed: &Observed) -> Vec<Self> {
        // The surveyor counts entries from 0, and who follows them from 1.
        let changes = observed.unfollowed.iter().map(|(at, what)| (at, format!("{what} changes")));
        let all = changes.chain(observed.limits.iter().map(|(at, what)| (at, what.clone())));
        all.map(|(at, what)| Self { entry: at.0 + 1, place: None, what }).collect()
    }

    /// The entry of this number is reached.
    pub fn see(&mut self, number: u64, entry: &Entry) {
        if number == self.entry {
            self.place = Some(entry.place.clone());
        }
    }
}

impl fmt::Display for Unfollowed {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(to, "{}", self.what)?;
        match &self.place {
            Some(Place { file, line }) => write!(to, " at {file}:{line}"),
            None => Ok(()),
        }
    }
}

/// The resources that the model follows.
const FOLLOWED: [&str; 6] =
    ["pods", "nodes", "deployments", "replicasets", "endpointslices", "poddisruptionbudgets"];

/// Was a write granted that leaves an object of the model behind, and is not known what it left?
fn is_unanswered(write: &Write) -> bool {
    let leaves_one = match &*write.subresource {
        "" => write.verb != Verb::Delete,
        "status" | "scale" => true,
        _ => false,
    };
    // A new pod that no later request names may be any of those that others name.
    let is_unknown = write.object.is_none() || write.only_asked && is_nameless(&write.name);
    FOLLOWED.contains(&&*write.resource) && leaves_one && is_unknown && (200..300).contains(&write.code)
}

/// What is not sure of a log.
#[derive(Clone, Debug)]
pub struct Doubts {
    /// When it began.
    began: Micros,
    /// Something was under way then, so the cluster may have stood in another way than it seems.
    pub under_way: bool,
    /// Since when writes are missing, if some are.
    pub missed: Option<Micros>,
    /// Since when the log has writes of which nobody knows what they left, by namespace.
    unanswered: BTreeMap<Rc<str>, Micros>,
    /// Since when it has writes that failed within the API server, and may have been made all the same.
    failed: BTreeMap<Rc<str>, Micros>,
    /// Nodes whose kubelets are of a release that does something otherwise, with its minor number.
    kubelets: BTreeMap<Rc<str>, u8>,
    /// Nodes of whose kubelets the log has nothing.
    silent: BTreeSet<Rc<str>>,
    /// Of what it has nothing although it was written, in which namespace; the nodes have none.
    unwritten: Vec<(Rc<str>, &'static str)>,
    /// Since when it has pods on such a node, by namespace, and the node.
    unheard: BTreeMap<Rc<str>, (Micros, Rc<str>)>,
    /// When the last request was answered that an audit log has.
    last: Micros,
    /// How long a write took at most.
    longest: Micros,
    /// When the container runtimes of nodes were last heard of.
    runtimes: BTreeMap<Rc<str>, Micros>,
}

/// What to do where the events of a container runtime may be all that is missing: whoever left out some of them looks the same.
fn not_heard_of(node: &str, since: Micros) -> String {
    let seconds = since as f64 / 1e6;
    format!(
        "nothing is heard of the container runtime of {node} in the {seconds:.1} s before, nor later: if it was recorded no longer, \
         judge the log without that file"
    )
}

impl Doubts {
    /// What is not sure, before it is replayed, of the log of this composer.
    pub fn new(composer: &Composer<'_>) -> Self {
        Self {
            began: composer.began(),
            under_way: composer.has_unready_nodes(),
            kubelets: composer.other_kubelets().clone(),
            silent: composer.unheard_nodes().clone(),
            unwritten: composer.unwritten().to_vec(),
            unheard: BTreeMap::new(),
            missed: None,
            unanswered: BTreeMap::new(),
            failed: BTreeMap::new(),
            last: Micros::MIN,
            longest: 0,
            runtimes: BTreeMap::new(),
        }
    }

    /// A workload begins where it stood then.
    pub fn begin(&mut self, observed: &Observed, target: &Target) {
        // The taints of a node that is only named are not known.
        self.under_way |= target.was_under_way || observed.nodes.iter().any(|node| node.is_only_named);
    }

    /// Takes note of an entry of the log.
    pub fn see(&mut self, entry: &Entry) {
        if let Seen::Write(_) | Seen::Renewal { .. } = &entry.seen {
            self.last = self.last.max(entry.to);
        }
        if let Seen::Fault(event) = &entry.seen
            && let Some((Outage { what: API_SERVER, .. }, true)) = event.outage()
        {
            // What comes back and was not heard of before was away when the log began.
            self.under_way |= self.last == Micros::MIN;
        }
        if let Seen::Runtime(event) = &entry.seen {
            self.runtimes.insert(Rc::clone(&event.node), entry.to);
        }
        let Seen::Write(write) = &entry.seen else { return };
        let of_pod = write.object.as_ref().and_then(|object| match &object.facts {
            Facts::Pod(facts) => facts.node.as_ref(),
            _ => None,
        });
        if let Some(node) = write.target.as_ref().or(of_pod).filter(|node| self.silent.contains(*node)) {
            let since = || (entry.from, Rc::clone(node));
            self.unheard.entry(Rc::clone(&write.namespace)).or_insert_with(since);
        }
        self.longest = self.longest.max(entry.to.saturating_sub(entry.from));
        if is_unanswered(write) {
            self.unanswered.entry(Rc::clone(&write.namespace)).or_insert(entry.from);
        }
        if FOLLOWED.contains(&&*write.resource) && (write.code >= 500 || write.code == 0) {
            self.failed.entry(Rc::clone(&write.namespace)).or_insert(entry.from);
        }
    }

    /// May a write be missing that was made by then, which a controller, the scheduler or a kube-proxy has heard of? An audit log has
    /// a request when it is answered, so it ends before those that are under way.
    fn ends_before(&self, at: Micros) -> bool {
        self.longest > 0 && at.saturating_add(self.longest) >= self.last
    }

    /// Notes in an entry that nothing explains why it may be lawful, if it may; the path up to it is `whole`, found by `replay`, and
    /// `changes` are those of the workload that are not followed.
    pub fn note(&self, found: &mut Unexplained, whole: &Whole, replay: &Replay, changes: &[Unfollowed]) {
        if let Some(change) = changes.iter().find(|change| change.entry <= found.entry) {
            found.doubt(&format!("{change}, and that is not followed"));
        }
        if let Some(what) = replay.beyond.before(found.entry, found.whose) {
            found.doubt(&format!("the model does not have what came before ({what})"));
        }
        let is_near = |namespace: &str| namespace.is_empty() || replay.subject.is_near(namespace);
        for (_, says) in self.unwritten.iter().filter(|(namespace, _)| is_near(namespace)) {
            found.doubt(&format!("the log leaves something out: {says}"));
        }
        let at = found.at;
        let any_before = |all: &BTreeMap<Rc<str>, Micros>| {
            all.iter().any(|(namespace, since)| *since < at && is_near(namespace))
        };
        if any_before(&self.unanswered) {
            found.doubt(
                "the log has writes without what they were answered with (an audit policy of level Request), and what they left \
                 cannot be made of what was asked for",
            );
        }
        if any_before(&self.failed) {
            found
                .doubt("a write before it failed within the API server, or says nothing of its answer, and may have been made all the same");
        }
        if let Some((_, node)) = self
            .unheard
            .iter()
            .find(|(namespace, (since, _))| *since < at && is_near(namespace))
            .map(|(_, one)| one)
        {
            found.doubt(&format!(
                "the log has nothing that the kubelet of {node} wrote, and pods are there: an audit policy may leave it out"
            ));
        }
        if let Some(Watcher::Kubelet(node)) = found.whose
            && let Some(minor) = self.kubelets.get(replay.names.node_name(node))
        {
            found.doubt(&format!("its kubelet is of release 1.{minor}, which does some things otherwise"));
        }
        let is_kubelets = matches!(found.whose, None | Some(Watcher::Kubelet(_)));
        if !is_kubelets && self.ends_before(found.at) {
            found.doubt("the log ends so soon after it that what it depends on may have been answered later");
        }
        if self.missed.is_some_and(|since| since <= found.at) {
            found.doubt("a watch was interrupted before, and what was written meanwhile is not in the log");
        }
        if self.under_way && found.at < self.began.saturating_add(SETTLING) {
            found.doubt(
                "something was under way when the log began, so the cluster may have stood in another way",
            );
        }
        if found.whose.is_some_and(|whose| whole.guesses_of(whose) || replay.guesses_of(whose)) {
            found.doubt(
                "something was done to a machine before that no entry shows, and what it was is guessed",
            );
        }
        if let Some(Watcher::Kubelet(node)) = found.whose {
            let node = replay.names.node_name(node);
            let last = self.runtimes.get(node).filter(|last| **last < found.at);
            last.into_iter().for_each(|last| found.hint(&not_heard_of(node, found.at - last)));
        }
    }
}
