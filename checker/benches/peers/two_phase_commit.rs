//! Two-phase commit, the model that checkers are compared on: a transaction manager and so many resource managers, after
//! Gray and Lamport, "Consensus on Transaction Commit". Three times: with the types that stateright's own example has, vectors
//! and a set; with plain Rust types that own no memory; and packed into one number. The first two are for any checker of
//! stateright models.

use std::collections::BTreeSet;

use podproof_checker::system::{Owed, Properties};
use podproof_checker::{System, Transition};
use stateright::{Model, Property};

/// The protocol with so many resource managers.
#[derive(Clone, Copy)]
pub struct TwoPhaseCommit {
    pub managers: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Manager {
    Working,
    Prepared,
    Committed,
    Aborted,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Decision {
    None,
    Commit,
    Abort,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Message {
    Prepared(u8),
    Commit,
    Abort,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct State {
    pub managers: Vec<Manager>,
    pub decision: Decision,
    pub prepared: Vec<bool>,
    pub messages: BTreeSet<Message>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    ReceivePrepared(u8),
    DecideCommit,
    DecideAbort,
    Prepare(u8),
    ChooseAbort(u8),
    ReceiveCommit(u8),
    ReceiveAbort(u8),
}

impl Model for TwoPhaseCommit {
    type State = State;
    type Action = Step;

    fn init_states(&self) -> Vec<State> {
        let count = usize::from(self.managers);
        vec![State {
            managers: vec![Manager::Working; count],
            decision: Decision::None,
            prepared: vec![false; count],
            messages: BTreeSet::new(),
        }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Step>) {
        let open = state.decision == Decision::None;
        if open && state.prepared.iter().all(|&prepared| prepared) {
            actions.push(Step::DecideCommit);
        }
        if open {
            actions.push(Step::DecideAbort);
        }
        for manager in 0..self.managers {
            if open && state.messages.contains(&Message::Prepared(manager)) {
                actions.push(Step::ReceivePrepared(manager));
            }
            if state.managers[usize::from(manager)] == Manager::Working {
                actions.extend([Step::Prepare(manager), Step::ChooseAbort(manager)]);
            }
            if state.messages.contains(&Message::Commit) {
                actions.push(Step::ReceiveCommit(manager));
            }
            if state.messages.contains(&Message::Abort) {
                actions.push(Step::ReceiveAbort(manager));
            }
        }
    }

    fn next_state(&self, last: &State, step: Step) -> Option<State> {
        let mut state = last.clone();
        match step {
            Step::ReceivePrepared(manager) => state.prepared[usize::from(manager)] = true,
            Step::DecideCommit => {
                state.decision = Decision::Commit;
                state.messages.insert(Message::Commit);
            }
            Step::DecideAbort => {
                state.decision = Decision::Abort;
                state.messages.insert(Message::Abort);
            }
            Step::Prepare(manager) => {
                state.managers[usize::from(manager)] = Manager::Prepared;
                state.messages.insert(Message::Prepared(manager));
            }
            Step::ChooseAbort(manager) | Step::ReceiveAbort(manager) => {
                state.managers[usize::from(manager)] = Manager::Aborted;
            }
            Step::ReceiveCommit(manager) => state.managers[usize::from(manager)] = Manager::Committed,
        }
        Some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![Property::always("consistent", |_, state: &State| {
            let has = |wanted| state.managers.contains(&wanted);
            !(has(Manager::Committed) && has(Manager::Aborted))
        })]
    }
}

/// At most so many resource managers where the state has a fixed size.
const MANAGERS_MAX: usize = 12;

/// The protocol with a state of plain arrays.
#[derive(Clone, Copy)]
pub struct Flat {
    pub managers: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FlatState {
    pub managers: [Manager; MANAGERS_MAX],
    pub decision: Decision,
    pub prepared: [bool; MANAGERS_MAX],
    /// Those who have sent that they are prepared; commit and abort are sent with the decision.
    pub sent: [bool; MANAGERS_MAX],
}

impl Model for Flat {
    type State = FlatState;
    type Action = Step;

    fn init_states(&self) -> Vec<FlatState> {
        vec![FlatState {
            managers: [Manager::Working; MANAGERS_MAX],
            decision: Decision::None,
            prepared: [false; MANAGERS_MAX],
            sent: [false; MANAGERS_MAX],
        }]
    }

    fn actions(&self, state: &FlatState, actions: &mut Vec<Step>) {
        let count = usize::from(self.managers);
        let open = state.decision == Decision::None;
        if open && state.prepared[..count].iter().all(|&prepared| prepared) {
            actions.push(Step::DecideCommit);
        }
        if open {
            actions.push(Step::DecideAbort);
        }
        for manager in 0..self.managers {
            let index = usize::from(manager);
            if open && state.sent[index] {
                actions.push(Step::ReceivePrepared(manager));
            }
            if state.managers[index] == Manager::Working {
                actions.extend([Step::Prepare(manager), Step::ChooseAbort(manager)]);
            }
            match state.decision {
                Decision::None => {}
                Decision::Commit => actions.push(Step::ReceiveCommit(manager)),
                Decision::Abort => actions.push(Step::ReceiveAbort(manager)),
            }
        }
    }

    fn next_state(&self, last: &FlatState, step: Step) -> Option<FlatState> {
        let mut state = *last;
        match step {
            Step::ReceivePrepared(manager) => state.prepared[usize::from(manager)] = true,
            Step::DecideCommit => state.decision = Decision::Commit,
            Step::DecideAbort => state.decision = Decision::Abort,
            Step::Prepare(manager) => {
                state.managers[usize::from(manager)] = Manager::Prepared;
                state.sent[usize::from(manager)] = true;
            }
            Step::ChooseAbort(manager) | Step::ReceiveAbort(manager) => {
                state.managers[usize::from(manager)] = Manager::Aborted;
            }
            Step::ReceiveCommit(manager) => state.managers[usize::from(manager)] = Manager::Committed,
        }
        Some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![Property::always("consistent", |_, state: &FlatState| {
            let has = |wanted| state.managers.contains(&wanted);
            !(has(Manager::Committed) && has(Manager::Aborted))
        })]
    }
}

/// The same, with a state of 64 bits: two for each resource manager, one for each that the transaction manager knows to be
/// prepared, one for each message, two for the decision. At most 12 resource managers.
#[derive(Clone, Copy)]
pub struct Packed {
    pub managers: u32,
}

const WORKING: u64 = 0;
const PREPARED: u64 = 1;
const COMMITTED: u64 = 2;
const ABORTED: u64 = 3;
/// Where each part begins: resource managers at 0.
const KNOWN: u32 = 24;
const SENT: u32 = 36;
/// The decision: its message is sent with it.
const COMMIT: u64 = 1 << 60;
const ABORT: u64 = 1 << 61;

impl Packed {
    fn consistent(self, state: u64) -> bool {
        let low = 0x55_5555_u64 & ((1 << (2 * self.managers)) - 1);
        let (first, second) = (state & low, state >> 1 & low);
        let (committed, aborted) = (second & !first, second & first);
        committed == 0 || aborted == 0
    }
}

impl System for Packed {
    type State = u64;
    type Action = ();

    fn initial(&self) -> Vec<(u64, Properties, Properties)> {
        vec![(0, 0, 1)]
    }

    fn transitions(&self, &state: &u64, visit: &mut impl FnMut(Transition<u64, ()>)) {
        let mut to = |next: u64| {
            let broken = Properties::from(!self.consistent(next));
            visit(Transition { action: (), next, broken, reached: 1, unit: None, discharged: 0, classes: 0 });
        };
        let open = state & (COMMIT | ABORT) == 0;
        let all = (1 << self.managers) - 1;
        if open {
            if state >> KNOWN & all == all {
                to(state | COMMIT);
            }
            to(state | ABORT);
        }
        for manager in 0..self.managers {
            let at = 2 * manager;
            let set = |value: u64| state & !(3 << at) | value << at;
            if open && state >> (SENT + manager) & 1 == 1 {
                to(state | 1 << (KNOWN + manager));
            }
            if state >> at & 3 == WORKING {
                to(set(PREPARED) | 1 << (SENT + manager));
                to(set(ABORTED));
            }
            if state & COMMIT != 0 {
                to(set(COMMITTED));
            }
            if state & ABORT != 0 {
                to(set(ABORTED));
            }
        }
    }

    fn owed(&self, _state: &u64) -> Owed {
        Owed::default()
    }

    fn has_obligations(&self) -> bool {
        false
    }
}
