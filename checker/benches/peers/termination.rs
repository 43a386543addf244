//! Termination → endpoints → one kube-proxy: one Deployment of a few running pods behind a Service on one node is scaled to 0.
//! The twin in Rust of `termination.pml` (for SPIN) and `termination.tla` (for TLC), with the same variables and the same steps
//! under the same names; the head of `termination.pml` says which part of podproof's model each variable is. Here a state is
//! packed into one number: 11 bits for each pod, then what there is once.

use podproof_checker::system::{Owed, Properties};
use podproof_checker::{System, Transition};

/// The Deployment with so many replicas, from 1 to [`REPLICAS_MAX`].
#[derive(Clone, Copy)]
pub struct Termination {
    pub replicas: u32,
}

/// More do not fit in 64 bits.
pub const REPLICAS_MAX: u32 = 5;

/// The one property that is judged: `no-traffic-after-sigterm`.
pub const NO_TRAFFIC_AFTER_SIGTERM: Properties = 1;

/// A step; of a pod where it has one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    Scale,
    DeliverDeployment,
    ScaleReplicaSet,
    PlanReplicas,
    ChooseVictim(u32),
    SeeDeletion(u32),
    StopSandbox(u32),
    ReportStatus(u32),
    RemovePod(u32),
    SeeRemoval(u32),
    DeliverPod(u32),
    DeliverSlice,
}

/// `api`: the pod in the API server's store; `seen`: in the controller manager's copy.
pub const GONE: u64 = 0;
pub const RUNNING: u64 = 1;
pub const DELETING: u64 = 2;
pub const UNREADY: u64 = 3;
pub const SUCCEEDED: u64 = 4;

/// `worker`: the kubelet's worker, with container and sandbox.
pub const NONE: u64 = 0;
pub const SYNC: u64 = 1;
pub const TERMINATING: u64 = 2;
pub const FINISHED: u64 = 3;

/// `rule`: the entry in the node's rules.
pub const ABSENT: u64 = 0;
pub const READY: u64 = 1;
pub const SERVING: u64 = 2;
pub const NOT_SERVING: u64 = 3;

/// Where the variables of a pod begin in its bits.
const API: u32 = 0;
const WORKER: u32 = 3;
const SEEN: u32 = 5;
const EXPECTS: u32 = 8;
const RULE: u32 = 9;
const WIDTH: u32 = 11;
/// Where what there is once begins.
const WANTED: u32 = WIDTH * REPLICAS_MAX;
const WANTED_SEEN: u32 = WANTED + 1;
const RS_WANTED: u32 = WANTED + 2;
const VICTIMS: u32 = WANTED + 3;

/// A pod's variables.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pod {
    pub api: u64,
    pub worker: u64,
    pub seen: u64,
    pub expects: bool,
    pub rule: u64,
}

/// All variables.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Variables {
    pub pods: Vec<Pod>,
    pub wanted: bool,
    pub wanted_seen: bool,
    pub rs_wanted: bool,
    pub victims: u64,
}

impl Variables {
    /// The state that they are.
    pub fn pack(&self) -> u64 {
        let pods = self.pods.iter().zip(0..).fold(0, |state, (pod, place)| {
            let bits = pod.api << API
                | pod.worker << WORKER
                | pod.seen << SEEN
                | u64::from(pod.expects) << EXPECTS
                | pod.rule << RULE;
            state | bits << (WIDTH * place)
        });
        pods | u64::from(self.wanted) << WANTED
            | u64::from(self.wanted_seen) << WANTED_SEEN
            | u64::from(self.rs_wanted) << RS_WANTED
            | self.victims << VICTIMS
    }
}

/// The entry of a pod in the EndpointSlice, by the controller manager's copy of it: two bits for each value of the copy.
const fn entry(copy: u64) -> u64 {
    const ENTRIES: u64 = READY << (2 * RUNNING) | SERVING << (2 * DELETING) | NOT_SERVING << (2 * UNREADY);
    ENTRIES >> (2 * copy) & 3
}

/// The first variables of each pod, `bits` wide at `place`.
const fn each(place: u32, bits: u64) -> u64 {
    let (mut all, mut pod) = (0, 0);
    while pod < REPLICAS_MAX {
        all |= bits << (pod * WIDTH + place);
        pod += 1;
    }
    all
}

impl Termination {
    /// A connection may go to the pod whose bits these are: its entry is ready, or none is and it is serving.
    fn is_routed(state: u64, pod: u64) -> bool {
        let rules = state >> RULE & each(0, 3);
        let any_ready = (rules & !(rules >> 1)) & each(0, 1) != 0;
        match pod >> RULE & 3 {
            READY => true,
            SERVING => !any_ready,
            _ => false,
        }
    }

    /// Pods whose copy is RUNNING, which the ReplicaSet controller counts.
    fn counted(self, state: u64) -> u64 {
        (0..self.replicas).filter(|pod| state >> (pod * WIDTH + SEEN) & 7 == RUNNING).count() as u64
    }
}

impl System for Termination {
    type State = u64;
    type Action = Step;

    fn initial(&self) -> Vec<(u64, Properties, Properties)> {
        assert!((1..=REPLICAS_MAX).contains(&self.replicas), "from 1 to {REPLICAS_MAX} replicas");
        let pod = Pod { api: RUNNING, worker: SYNC, seen: RUNNING, expects: false, rule: READY };
        let pods = vec![pod; self.replicas as usize];
        let first = Variables { pods, wanted: true, wanted_seen: true, rs_wanted: true, victims: 0 };
        vec![(first.pack(), 0, 0)]
    }

    fn transitions(&self, &state: &u64, visit: &mut impl FnMut(Transition<u64, Step>)) {
        let plain = |action, next| Transition {
            action,
            next,
            broken: 0,
            reached: 0,
            unit: None,
            discharged: 0,
            classes: 0,
        };
        let is_set = |place: u32| state >> place & 1 == 1;
        let victims = state >> VICTIMS & 7;
        if is_set(WANTED) {
            visit(plain(Step::Scale, state & !(1 << WANTED)));
        }
        if is_set(WANTED_SEEN) != is_set(WANTED) {
            visit(plain(Step::DeliverDeployment, state ^ 1 << WANTED_SEEN));
        }
        if is_set(RS_WANTED) != is_set(WANTED_SEEN) {
            visit(plain(Step::ScaleReplicaSet, state ^ 1 << RS_WANTED));
        }
        if !is_set(RS_WANTED) && victims == 0 && state & each(EXPECTS, 1) == 0 {
            let counted = self.counted(state);
            if counted > 0 {
                visit(plain(Step::PlanReplicas, state | counted << VICTIMS));
            }
        }
        let mut programmed = state & !each(RULE, 3);
        for number in 0..self.replicas {
            let at = number * WIDTH;
            let pod = state >> at;
            let with =
                |place: u32, mask: u64, value: u64| state & !(mask << (at + place)) | value << (at + place);
            let (api, worker, seen) = (pod >> API & 7, pod >> WORKER & 3, pod >> SEEN & 7);
            if victims > 0 && pod >> EXPECTS & 1 == 0 {
                let mut next = (state | 1 << (at + EXPECTS)) - (1 << VICTIMS);
                if victims == 1 {
                    for going in (0..self.replicas).map(|going| going * WIDTH) {
                        if next >> (going + EXPECTS) & 1 == 1 {
                            next = next & !(7 << (going + API)) | DELETING << (going + API);
                        }
                    }
                }
                visit(plain(Step::ChooseVictim(number), next));
            }
            match (worker, api) {
                (SYNC, DELETING) => {
                    let broken = Properties::from(Self::is_routed(state, pod)) * NO_TRAFFIC_AFTER_SIGTERM;
                    let taken = plain(Step::SeeDeletion(number), with(WORKER, 3, TERMINATING));
                    visit(Transition { broken, reached: NO_TRAFFIC_AFTER_SIGTERM, ..taken });
                }
                (TERMINATING, _) => {
                    visit(plain(Step::StopSandbox(number), with(WORKER, 3, FINISHED)));
                    let unready = with(API, 7, UNREADY) & !(3 << (at + WORKER)) | FINISHED << (at + WORKER);
                    visit(plain(Step::ReportStatus(number), unready));
                }
                (FINISHED, DELETING | UNREADY) => {
                    visit(plain(Step::ReportStatus(number), with(API, 7, SUCCEEDED)));
                }
                (FINISHED, SUCCEEDED) => visit(plain(Step::RemovePod(number), with(API, 7, GONE))),
                (FINISHED, GONE) => visit(plain(Step::SeeRemoval(number), with(WORKER, 3, NONE))),
                _ => {}
            }
            if seen != api {
                visit(plain(Step::DeliverPod(number), with(SEEN, 7, api) & !(1 << (at + EXPECTS))));
            }
            programmed |= entry(seen) << (at + RULE);
        }
        if programmed != state {
            visit(plain(Step::DeliverSlice, programmed));
        }
    }

    fn owed(&self, _state: &u64) -> Owed {
        Owed::default()
    }

    fn has_obligations(&self) -> bool {
        false
    }
}
