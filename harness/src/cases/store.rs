//! `store`: the runtime's API server against a naive history: answers, what is stored, and what every watch brings.

use std::collections::BTreeMap;
use std::time::Duration;

use arbitrary::Arbitrary;
use k8s_openapi::api::core::v1::{Container, Pod, PodSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use podproof_runtime::Slips;
use podproof_runtime::api::constants::{node_of, phase_of};
use podproof_runtime::api::patch::PodStatusPatch;
use podproof_runtime::api::{
    ApiError, DeleteOptions, Key, Kind, Patch, Preconditions, Request, Resource, Response, Selector, Uid,
    Version,
};
use podproof_runtime::api_server::{ApiServer, WatchEvent};
use podproof_runtime::client::{CallId, WatchId};
use podproof_runtime::clock::Moment;
use podproof_vocabulary::Release;

use super::Log;
use crate::generators::requests::{Claim, Conversation, Grace, Name, Talk, Watched};
use crate::oracles::history::{History, NaivePod, No, PHASES, Told, is_watched};
use crate::runner::Checked;
use crate::telling::{short, tell};

const NODE: &str = "node-1";
const FINALIZER: &str = "podproof.io/kept";
const LABEL: &str = "mark";

/// A conversation with the server.
#[derive(Clone, Debug, Arbitrary)]
pub struct TestCase {
    conversation: Conversation,
}

/// Talks to both. Useful if a pod was deleted or a watch brought something.
///
/// # Panics
/// If they differ.
pub fn check(case: &TestCase) -> Checked {
    check_with(case, Slips::NONE)
}

/// The same of a server with wrong mechanisms.
pub(crate) fn check_with(case: &TestCase, slips: Slips) -> Checked {
    let mut both = Both::new(slips);
    for &talk in &case.conversation.0 {
        tell(|| format!("{talk:?}"));
        both.talk(talk);
        both.compare(talk);
    }
    for watch in both.history.open() {
        while both.receive(watch) {}
    }
    both.log.checked(both.useful)
}

struct Both {
    server: ApiServer,
    history: History,
    calls: u64,
    now: Moment,
    /// The identities by serial.
    uids: BTreeMap<u64, String>,
    log: Log,
    useful: bool,
}

impl Both {
    fn new(slips: Slips) -> Self {
        Self {
            server: ApiServer::new(Release::NEWEST, slips),
            history: History::default(),
            calls: 0,
            now: Moment(0),
            uids: BTreeMap::new(),
            log: Log::default(),
            useful: false,
        }
    }

    fn talk(&mut self, talk: Talk) {
        match talk {
            Talk::Create { name, bound, finalizer, grace } => {
                let answer = self.ask(Request::Create(pod(name, bound, finalizer, grace).into()));
                let serial = match &answer {
                    Ok(Response::Object(object)) => Some(object.uid().as_str().to_owned()),
                    _ => None,
                };
                agree(talk, &answer, self.history.create(name, bound, finalizer, grace));
                let own = self.history.pods.get(&name).map(|pod| pod.serial);
                self.uids.extend(own.zip(serial));
            }
            Talk::Bind { name, uid } => {
                let preconditions = self.preconditions(name, uid, Claim::None);
                let answer = self.ask(Request::Bind { pod: key(name), preconditions, node: NODE.into() });
                agree(talk, &answer, self.history.bind(name, uid));
            }
            Talk::Put { name, label, version } => self.put(talk, name, label, version),
            Talk::Label { name, label, version } => {
                let preconditions = self.preconditions(name, Claim::None, version);
                let patch =
                    Patch::Label { name: LABEL.to_owned(), value: label.map(|label| label.to_string()) };
                let answer = self.ask(Request::Patch(Resource::Pod, key(name), preconditions, patch));
                agree(talk, &answer, self.history.label(name, label, version));
            }
            Talk::Phase { name, phase, uid } => {
                let phase = usize::from(phase) % PHASES.len();
                let preconditions = self.preconditions(name, uid, Claim::None);
                let patch =
                    PodStatusPatch { phase: Some(PHASES[phase].to_owned()), ..PodStatusPatch::default() };
                let patch = Patch::PodStatus(patch);
                let answer = self.ask(Request::Patch(Resource::Pod, key(name), preconditions, patch));
                agree(talk, &answer, self.history.phase(name, phase, uid));
            }
            Talk::Unfinalize { name } => {
                let patch = Patch::RemoveFinalizer(FINALIZER.to_owned());
                let answer = self.ask(Request::Patch(Resource::Pod, key(name), Preconditions::NONE, patch));
                agree(talk, &answer, self.history.unfinalize(name));
            }
            Talk::Delete { name, grace, uid, version } => {
                let preconditions = self.preconditions(name, uid, version);
                let options = DeleteOptions { grace_seconds: grace.map(|grace| grace.0), preconditions };
                let answer = self.ask(Request::Delete(Resource::Pod, key(name), options));
                let expected = self.history.delete(name, grace, uid, version);
                self.useful |= expected.is_ok();
                agree(talk, &answer, expected);
            }
            Talk::Watch { ago, of } => self.watch(ago, of),
            Talk::Receive { watch } => {
                if let Some(id) = self.one_of(watch) {
                    self.useful |= self.receive(id);
                }
            }
            Talk::Close { watch } => {
                if let Some(id) = self.one_of(watch) {
                    self.server.close(WatchId(id));
                    self.history.close(id);
                }
            }
            Talk::Compact => {
                self.server.compact();
                self.history.compact();
            }
            Talk::Bookmark => {
                self.server.send_bookmarks(self.now);
                self.history.bookmark();
            }
            Talk::Wait { seconds } => {
                self.now = self.now + Duration::from_secs(seconds.into());
                self.history.now += i64::from(seconds);
            }
        }
    }

    fn ask(&mut self, request: Request) -> Result<Response, ApiError> {
        self.calls += 1;
        let answer = self.server.serve(CallId(self.calls), &request, self.now);
        let answer = answer.expect("every request but an eviction is answered at once");
        tell(|| format!("  {}: {}", short(&request), short(&answer)));
        self.log.note(&answer.as_ref().map(|_| ()));
        answer
    }

    fn one_of(&self, watch: u8) -> Option<u64> {
        let open = self.history.open();
        open.get(usize::from(watch) % open.len().max(1)).copied()
    }

    /// An update of what was read last, with another label.
    fn put(&mut self, talk: Talk, name: Name, label: u8, version: Claim) {
        let stored = self.server.store().get::<Pod>(&key(name)).cloned();
        let mut pod = stored.unwrap_or_else(|| pod(name, false, false, Grace(1)));
        let claimed = self.preconditions(name, Claim::None, version).version;
        pod.metadata.resource_version = claimed.map(|version| version.to_string());
        // What a client says of the status is not its business.
        pod.status = None;
        pod.metadata.labels.get_or_insert_default().insert(LABEL.to_owned(), label.to_string());
        let answer = self.ask(Request::Update(pod.into()));
        agree(talk, &answer, self.history.label(name, Some(label), version));
    }

    fn preconditions(&self, name: Name, uid: Claim, version: Claim) -> Preconditions {
        let pod = self.history.pods.get(&name);
        let own = pod.and_then(|pod| self.uids.get(&pod.serial)).map_or("", String::as_str);
        let at = pod.map_or(1, |pod| pod.version);
        Preconditions {
            uid: match uid {
                Claim::None => None,
                Claim::Right => Some(Uid::from(own)),
                Claim::Wrong => Some(Uid::from("another")),
            },
            version: match version {
                Claim::None => None,
                Claim::Right => Some(Version(at)),
                // Any other, but 0, which is no version.
                Claim::Wrong => Some(Version(if at > 1 { at - 1 } else { at + 1 })),
            },
        }
    }

    fn watch(&mut self, ago: u8, of: Watched) {
        let from = self.history.version.saturating_sub(ago.into());
        let answer = self.ask(Request::Watch(Resource::Pod, selector(of), Version(from)));
        match answer {
            Ok(Response::Watch(WatchId(id))) => {
                assert!(
                    from >= self.history.compacted(),
                    "a watch from {from} was promised what is forgotten"
                );
                self.history.watch(id, from, of);
            }
            Err(ApiError::Expired) => {
                assert!(self.history.may_refuse(from), "a watch from {from} is refused for no reason");
            }
            other => panic!("a watch is answered with {other:?}"),
        }
    }

    /// A watch brings its next event; is there one?
    fn receive(&mut self, id: u64) -> bool {
        let expected = self.history.receive(id);
        let brought = self.server.next_event(WatchId(id));
        let seen = brought.as_ref().map(|event| self.told(event));
        assert_eq!(seen, expected, "what watch {id} brings");
        self.log.note(&expected);
        expected.is_some()
    }

    fn told(&self, event: &WatchEvent) -> Told {
        let pod = |object| Pod::of(object).map(|pod| self.naive(pod)).expect("the watch is of pods");
        match event {
            WatchEvent::Added(key, object, _) => Told::Added(name_of(key), pod(object)),
            WatchEvent::Modified(key, object, _) => Told::Modified(name_of(key), pod(object)),
            WatchEvent::Deleted(key, _, version) => Told::Deleted(name_of(key), version.0),
            WatchEvent::Bookmark(version) => Told::Bookmark(version.0),
        }
    }

    fn compare(&self, talk: Talk) {
        let stored: BTreeMap<Name, NaivePod> =
            self.server.store().all::<Pod>().map(|(key, pod)| (name_of(key), self.naive(pod))).collect();
        assert_eq!(stored, self.history.pods, "what is stored after {talk:?}");
        assert_eq!(self.server.store().version().0, self.history.version, "the version after {talk:?}");
        for of in [Watched::Everything, Watched::OnNode, Watched::NotTerminal] {
            let (objects, _) = self.server.store().list(Resource::Pod, &selector(of));
            let expected = self.history.pods.values().filter(|pod| is_watched(of, pod)).count();
            assert_eq!(objects.len(), expected, "a list of {of:?} after {talk:?}");
        }
    }

    fn naive(&self, pod: &Pod) -> NaivePod {
        let meta = &pod.metadata;
        let uid = meta.uid.as_deref().unwrap_or("");
        let at = |time| i64::try_from(Moment::from_time(time).0 / 1000).unwrap_or(i64::MAX);
        NaivePod {
            serial: self.uids.iter().find(|(_, own)| *own == uid).map_or(0, |(serial, _)| *serial),
            version: pod.version().0,
            bound: node_of(pod).is_some(),
            label: pod.label(LABEL).and_then(|label| label.parse().ok()),
            phase: PHASES.iter().position(|phase| *phase == phase_of(pod)).unwrap_or(usize::MAX),
            deletion: meta
                .deletion_timestamp
                .as_ref()
                .map(|time| (at(time), meta.deletion_grace_period_seconds.unwrap_or(i64::MIN))),
            finalizer: meta.finalizers.as_ref().is_some_and(|own| !own.is_empty()),
            grace: pod
                .spec
                .as_ref()
                .and_then(|spec| spec.termination_grace_period_seconds)
                .unwrap_or(i64::MIN),
        }
    }
}

fn agree(talk: Talk, answer: &Result<Response, ApiError>, expected: Result<(), No>) {
    let answered = match answer {
        Ok(_) => Ok(()),
        Err(ApiError::NotFound) => Err(No::NotFound),
        Err(ApiError::AlreadyExists) => Err(No::AlreadyExists),
        Err(ApiError::Conflict) => Err(No::Conflict),
        Err(other) => panic!("{talk:?} is answered with {other}"),
    };
    assert_eq!(answered, expected, "the answer to {talk:?}");
}

fn key(name: Name) -> Key {
    Key::new("default", &format!("pod-{}", name.0))
}

fn name_of(key: &Key) -> Name {
    Name(key.name().trim_start_matches("pod-").parse().expect("pods are numbered"))
}

fn selector(of: Watched) -> Selector {
    match of {
        Watched::Everything => Selector::Everything,
        Watched::OnNode => Selector::OnNode(NODE.into()),
        Watched::NotTerminal => Selector::NotTerminal,
    }
}

fn pod(name: Name, bound: bool, finalizer: bool, grace: Grace) -> Pod {
    Pod {
        metadata: ObjectMeta {
            name: Some(format!("pod-{}", name.0)),
            namespace: Some("default".to_owned()),
            finalizers: finalizer.then(|| vec![FINALIZER.to_owned()]),
            ..ObjectMeta::default()
        },
        spec: Some(PodSpec {
            containers: vec![Container { name: "app".to_owned(), ..Container::default() }],
            node_name: bound.then(|| NODE.to_owned()),
            termination_grace_period_seconds: Some(grace.0),
            ..PodSpec::default()
        }),
        status: None,
    }
}

#[cfg(test)]
mod tests {
    use podproof_runtime::Slip;

    use super::super::{SMOKE_RUNS, assert_useful};
    use super::*;
    use crate::runner::first_failure;

    #[test]
    fn smoke_finds_nothing() {
        assert_useful("store", SMOKE_RUNS, check, 2);
    }

    fn with<const SLIP: usize>(case: &TestCase) -> Checked {
        check_with(case, Slips::only(SLIPS[SLIP]))
    }

    const SLIPS: [Slip; 5] = [
        Slip::UidIgnored,
        Slip::VersionIgnored,
        Slip::SecondBindingAccepted,
        Slip::GraceExtended,
        Slip::WatchFromNow,
    ];

    #[test]
    fn wrong_servers_are_found_out() {
        let checks: [fn(&TestCase) -> Checked; 5] = [with::<0>, with::<1>, with::<2>, with::<3>, with::<4>];
        for (slip, check) in SLIPS.into_iter().zip(checks) {
            assert!(first_failure(SMOKE_RUNS, check).is_err(), "{slip} is not found");
        }
    }
}
