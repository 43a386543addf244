//! Calls in flight. A component sends a request and goes on; the request arrives at the API server later, and its answer
//! reaches the component later still, or never (MOD-3).
//!
//! Calls of one component may overtake each other: each has a connection of its own. A component that was restarted gets
//! no answers to what its predecessor asked, but what was sent before may still arrive (CTL-5).

use crate::api::{ApiError, Request, Response};
use crate::operation::{Component, Operation, Process, Refused, Step};

/// One call, unique for the life of the cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CallId(pub u64);

/// One open watch, unique for the life of the cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WatchId(pub u64);

/// How far a call has come.
#[derive(Clone, Debug, PartialEq)]
pub enum CallState {
    /// On its way to the server.
    Sent,
    /// The server has done a part of it and will go on.
    Serving,
    /// The answer is on its way back.
    Answered(Result<Response, ApiError>),
}

/// A call in flight.
#[derive(Clone, Debug)]
pub struct Call {
    /// Which one.
    pub id: CallId,
    /// Who asks.
    pub caller: Component,
    /// What for.
    pub request: Request,
    /// How far it has come.
    pub state: CallState,
    /// Its caller is gone: nobody waits for the answer.
    pub orphaned: bool,
}

/// All calls in flight, oldest first.
#[derive(Debug, Default)]
pub struct Calls {
    flying: Vec<Call>,
    last: u64,
}

impl Calls {
    /// Puts a request in flight. Its answer will be handed to the component with this number.
    pub fn send(&mut self, caller: Component, request: Request) -> CallId {
        self.last += 1;
        let id = CallId(self.last);
        self.flying.push(Call { id, caller, request, state: CallState::Sent, orphaned: false });
        id
    }

    /// A call in flight.
    pub fn get(&self, id: CallId) -> Option<&Call> {
        self.position(id).map(|index| &self.flying[index])
    }

    /// All calls in flight, oldest first.
    pub fn iter(&self) -> impl Iterator<Item = &Call> {
        self.flying.iter()
    }

    /// What may happen next to each call, faults left out.
    pub fn pending(&self, operations: &mut Vec<Operation>) {
        operations.extend(self.flying.iter().map(|call| {
            let step = match call.state {
                CallState::Sent => Step::Arrive(call.id),
                CallState::Serving => Step::Serve(call.id),
                CallState::Answered(_) => Step::Answer(call.id),
            };
            Operation::new(call.caller, step)
        }));
    }

    /// What may go wrong with each call. A read that is lost is a loss like any other.
    pub fn faults(&self, operations: &mut Vec<Operation>) {
        operations.extend(self.flying.iter().filter(|call| call.state != CallState::Serving).map(|call| {
            let step = match call.state {
                CallState::Answered(_) => Step::LoseAnswer(call.id),
                CallState::Sent | CallState::Serving => Step::LoseRequest(call.id),
            };
            Operation::new(call.caller, step)
        }));
    }

    /// The server has got a request; how it answers is set by [`Calls::answer`].
    ///
    /// # Errors
    /// If no such request is on its way.
    pub fn arrive(&mut self, id: CallId) -> Result<&Call, Refused> {
        let index = self.position(id).ok_or(Refused)?;
        if self.flying[index].state != CallState::Sent {
            return Err(Refused);
        }
        self.flying[index].state = CallState::Serving;
        Ok(&self.flying[index])
    }

    /// The server answers a call that has arrived. The answer to nobody goes nowhere: a watch that it opened is given back.
    #[must_use]
    pub fn answer(&mut self, id: CallId, answer: Result<Response, ApiError>) -> Option<WatchId> {
        let index = self.position(id)?;
        if self.flying[index].orphaned {
            self.flying.remove(index);
            return opened(&answer);
        }
        self.flying[index].state = CallState::Answered(answer);
        None
    }

    /// The answer reaches its caller, and the call is over.
    ///
    /// # Errors
    /// If no answer is on its way.
    pub fn receive(&mut self, id: CallId) -> Result<(Component, Result<Response, ApiError>), Refused> {
        let index = self.position(id).ok_or(Refused)?;
        let CallState::Answered(_) = self.flying[index].state else { return Err(Refused) };
        match self.flying.remove(index) {
            Call { caller, state: CallState::Answered(answer), .. } => Ok((caller, answer)),
            _ => Err(Refused),
        }
    }

    /// The request, or its answer, is lost, and the call is over. Its caller learns that time ran out; a watch that it opened is
    /// given back.
    ///
    /// # Errors
    /// If nothing of it is on its way.
    pub fn lose(&mut self, id: CallId) -> Result<(Component, Option<WatchId>), Refused> {
        let index = self.position(id).ok_or(Refused)?;
        if self.flying[index].state == CallState::Serving {
            return Err(Refused);
        }
        let call = self.flying.remove(index);
        let watch = match &call.state {
            CallState::Answered(answer) => opened(answer),
            CallState::Sent | CallState::Serving => None,
        };
        Ok((call.caller, watch))
    }

    /// The server stops: what it was at work on is not finished, watches that it has just opened are ended, and nobody says so.
    pub fn abandon(&mut self) {
        for call in &mut self.flying {
            let ends = match &call.state {
                CallState::Sent => false,
                CallState::Serving => true,
                CallState::Answered(answer) => opened(answer).is_some(),
            };
            if ends {
                call.state = CallState::Answered(Err(ApiError::Timeout));
            }
        }
    }

    /// A process is gone. What it had sent may still arrive; nobody waits for the answers (CTL-5). Watches that were opened for
    /// it are given back.
    #[must_use]
    pub fn orphan(&mut self, process: Process) -> Vec<WatchId> {
        let mut watches = Vec::new();
        self.flying.retain_mut(|call| {
            if call.caller.process() != process {
                return true;
            }
            call.orphaned = true;
            let CallState::Answered(answer) = &call.state else { return true };
            watches.extend(opened(answer));
            false
        });
        watches
    }

    fn position(&self, id: CallId) -> Option<usize> {
        self.flying.binary_search_by_key(&id, |call| call.id).ok()
    }
}

/// The watch that an answer opens.
const fn opened(answer: &Result<Response, ApiError>) -> Option<WatchId> {
    match answer {
        Ok(Response::Watch(watch)) => Some(*watch),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::{Key, Resource};

    fn get() -> Request {
        Request::Get(Resource::Pod, Key::new("default", "web"))
    }

    fn steps(calls: &Calls) -> Vec<Step> {
        let mut operations = Vec::new();
        calls.pending(&mut operations);
        operations.into_iter().map(|operation| operation.step).collect()
    }

    #[test]
    fn a_call_arrives_is_answered_and_is_over() {
        let mut calls = Calls::default();
        let id = calls.send(Component::User, get());
        assert_eq!(steps(&calls), [Step::Arrive(id)]);
        assert!(calls.receive(id).is_err(), "there is no answer yet");
        calls.arrive(id).expect("the call was sent");
        assert!(calls.arrive(id).is_err(), "a request arrives once");
        assert!(calls.lose(id).is_err(), "what the server works on cannot be lost");
        assert_eq!(calls.answer(id, Err(ApiError::NotFound)), None);
        assert_eq!(steps(&calls), [Step::Answer(id)]);
        assert_eq!(calls.receive(id), Ok((Component::User, Err(ApiError::NotFound))));
        assert!(steps(&calls).is_empty());
    }

    #[test]
    fn later_calls_may_overtake() {
        let mut calls = Calls::default();
        let first = calls.send(Component::User, get());
        let second = calls.send(Component::User, get());
        calls.arrive(second).expect("the call was sent");
        assert_eq!(calls.answer(second, Ok(Response::Done)), None);
        assert_eq!(steps(&calls), [Step::Arrive(first), Step::Answer(second)]);
    }

    #[test]
    fn a_restarted_process_gets_no_answers_but_its_requests_arrive() {
        let mut calls = Calls::default();
        let sent = calls.send(Component::ReplicaSet, get());
        let answered = calls.send(Component::Deployment, get());
        let other = calls.send(Component::Scheduler, get());
        calls.arrive(answered).expect("the call was sent");
        assert_eq!(calls.answer(answered, Ok(Response::Watch(WatchId(7)))), None);
        assert_eq!(calls.orphan(Process::ControllerManager), [WatchId(7)], "nobody will read it");
        assert_eq!(steps(&calls), [Step::Arrive(sent), Step::Arrive(other)]);
        calls.arrive(sent).expect("it still arrives");
        assert_eq!(calls.answer(sent, Ok(Response::Watch(WatchId(8)))), Some(WatchId(8)));
        assert_eq!(steps(&calls), [Step::Arrive(other)], "the answer goes nowhere");
    }

    #[test]
    fn a_lost_answer_ends_the_call() {
        let mut calls = Calls::default();
        let id = calls.send(Component::Scheduler, get());
        assert_eq!(calls.lose(id), Ok((Component::Scheduler, None)));
        assert_eq!(calls.lose(id), Err(Refused));
        let id = calls.send(Component::Scheduler, get());
        calls.arrive(id).expect("the call was sent");
        assert_eq!(calls.answer(id, Ok(Response::Watch(WatchId(7)))), None);
        assert_eq!(calls.lose(id), Ok((Component::Scheduler, Some(WatchId(7)))));
    }

    #[test]
    fn a_server_that_stops_ends_what_it_was_at() {
        let mut calls = Calls::default();
        let answers = [None, Some(Ok(Response::Done)), Some(Ok(Response::Watch(WatchId(1))))];
        let ids = answers.map(|answer| {
            let id = calls.send(Component::Scheduler, get());
            calls.arrive(id).expect("the call was sent");
            if let Some(answer) = answer {
                assert_eq!(calls.answer(id, answer), None);
            }
            id
        });
        calls.abandon();
        let received = ids.map(|id| calls.receive(id).map(|(_, answer)| answer));
        let timeout = || Ok(Err(ApiError::Timeout));
        assert_eq!(received, [timeout(), Ok(Ok(Response::Done)), timeout()], "a watch ends with its server");
    }
}
