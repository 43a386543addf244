//! What holds of the order of every log: histories are made up with the moment at which each write was committed, which no
//! log knows, and the order is judged by it.

use std::collections::BTreeMap;

use proptest::collection::vec;
use proptest::prelude::*;

use crate::reading::order::{Order, Ticket};
use crate::reading::subject::{Effect, Subject, Tells};
use crate::record::Micros;

/// How many pods a history has.
const PODS: usize = 3;

/// What somebody asks for.
#[derive(Clone, Copy, Debug)]
enum Ask {
    /// A status, which gives the pod a new version.
    Write,
    /// A status that is there already.
    Again,
    /// To bind the pod; refused if it is bound.
    Bind,
    /// Something without a version.
    Other,
}

/// One request: of which pod, how long after the one before it was committed, for how long it was under way until then, and
/// for how long afterwards.
type Request = (Ask, usize, Micros, Micros, Micros);

fn request() -> impl Strategy<Value = Request> {
    let ask = prop_oneof![5 => Just(Ask::Write), 2 => Just(Ask::Again), 2 => Just(Ask::Bind), 2 => Just(Ask::Other)];
    // Most are short; some take as long as an API server lets them.
    let under_way = || prop_oneof![9 => 1..2_000_i64, 1 => 1..29_000_i64].prop_map(|ms| ms * 1_000);
    (ask, 0..PODS, 1..5_000_000_i64, under_way(), under_way())
}

/// An event with what no log knows.
#[derive(Debug)]
struct Event {
    ticket: Ticket,
    /// It made the version that it was answered with.
    wrote: bool,
    /// It bound the pod.
    bound: bool,
    pod: usize,
}

/// The events in the order in which they were committed.
fn history(requests: Vec<Request>) -> Vec<Event> {
    let (mut clock, mut version) = (0, 0);
    let mut pods = [(0_u64, false); PODS];
    let mut events = Vec::new();
    for (ask, pod, pause, before, after) in requests {
        clock += pause;
        let (known, is_bound) = &mut pods[pod];
        let was = Tells::Was { bound: Some(*is_bound), deleting: Some(false) };
        let (answered, tells, wrote) = match ask {
            Ask::Again if *known > 0 => (Some(*known), Some(was), false),
            Ask::Write | Ask::Again => {
                version += 1;
                *known = version;
                (Some(version), Some(was), true)
            }
            Ask::Bind if !*is_bound && *known > 0 => {
                version += 1;
                (*known, *is_bound) = (version, true);
                (None, Some(Tells::Did(Effect::Bound)), false)
            }
            Ask::Bind | Ask::Other => (None, None, false),
        };
        let name = format!("p{pod}");
        let subject =
            |tells| Subject { pod: ("s".into(), name.as_str().into()), uid: name.as_str().into(), tells };
        let subject = tells.map(subject);
        let bound = matches!(tells, Some(Tells::Did(_)));
        let ticket = Ticket {
            file: 0,
            from: clock - before,
            to: clock + after,
            version: answered,
            is_state: false,
            subject,
        };
        events.push(Event { ticket, wrote, bound, pod });
    }
    events
}

/// The numbers of the events as they leave the order.
fn ordered(events: &[Event]) -> Vec<usize> {
    let mut order = Order::default();
    let mut by_answer: Vec<usize> = (0..events.len()).collect();
    by_answer.sort_by_key(|index| events[*index].ticket.to);
    let mut left = Vec::new();
    for index in by_answer {
        order.push(events[index].ticket.clone(), index);
        left.extend(std::iter::from_fn(|| order.pop()));
    }
    order.end();
    left.extend(std::iter::from_fn(|| order.pop()));
    assert!(left.is_sorted_by_key(|(at, _)| *at), "positions go back");
    left.into_iter().map(|(_, index)| index).collect()
}

/// Any tickets, whether an API server could have written them or not.
fn any_ticket() -> impl Strategy<Value = Ticket> {
    let time = || prop_oneof![0..100_000_000_i64, any::<i64>()];
    let tells = prop_oneof![
        Just(Tells::Did(Effect::Bound)),
        Just(Tells::Did(Effect::Deleting)),
        (any::<Option<bool>>(), any::<Option<bool>>())
            .prop_map(|(bound, deleting)| Tells::Was { bound, deleting }),
    ];
    let subject = proptest::option::of((0..2_u8, 0..2_u8, tells).prop_map(|(pod, uid, tells)| Subject {
        pod: ("s".into(), pod.to_string().into()),
        uid: if uid == 0 { "".into() } else { uid.to_string().into() },
        tells,
    }));
    (0..3_usize, time(), time(), proptest::option::of(0..9_u64), any::<bool>(), subject).prop_map(
        |(file, from, to, version, is_state, subject)| {
            let version = if is_state { version.or(Some(0)) } else { version };
            Ticket { file, from: from.min(to), to: from.max(to), version, is_state, subject }
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_order_is_one_in_which_it_can_have_happened(requests in vec(request(), 1..80)) {
        judge(requests)?;
    }

    #[test]
    fn any_tickets_leave_the_order(tickets in vec(any_ticket(), 0..30)) {
        let mut order = Order::default();
        let count = tickets.len();
        let mut left = 0;
        for (index, ticket) in tickets.into_iter().enumerate() {
            order.push(ticket, index);
            left += std::iter::from_fn(|| order.pop()).count();
        }
        order.end();
        left += std::iter::from_fn(|| order.pop()).count();
        prop_assert_eq!(left, count);
    }
}

/// One of the two was answered with a version that another one, received earlier, was answered with as well: no log tells
/// which of these has written it, and they are alike.
fn is_twin(events: &[Event], first: usize, second: usize) -> bool {
    [first, second].iter().any(|index| {
        let ticket = &events[*index].ticket;
        let is_twin =
            |other: &Event| other.ticket.version == ticket.version && other.ticket.from < ticket.from;
        ticket.version.is_some() && events.iter().any(is_twin)
    })
}

/// Is the order one in which all of it can have happened?
fn judge(requests: Vec<Request>) -> Result<(), TestCaseError> {
    let events = history(requests);
    let left = ordered(&events);
    let place: BTreeMap<usize, usize> =
        left.iter().enumerate().map(|(place, index)| (*index, place)).collect();
    prop_assert_eq!(place.len(), events.len());
    for (first, early) in events.iter().enumerate() {
        for (second, late) in events.iter().enumerate().skip(first + 1) {
            let is_before = place[&first] < place[&second];
            // What was answered before another was asked for stands before it.
            prop_assert!(
                is_before || early.ticket.to >= late.ticket.from,
                "{first} answered before {second}"
            );
            prop_assert!(
                is_before || !(early.wrote && late.wrote) || is_twin(&events, first, second),
                "versions {first} {second}"
            );
            let of_one_pod =
                early.pod == late.pod && (early.bound && late.wrote || early.wrote && late.bound);
            prop_assert!(
                is_before || !of_one_pod || is_twin(&events, first, second),
                "binding {first} {second}"
            );
        }
    }
    Ok(())
}

/// What once was put into an order in which it cannot have happened.
#[test]
fn histories_that_were_misjudged() {
    use Ask::{Again, Bind, Write};
    let histories = [
        vec![
            (Write, 2, 1, 1_000, 1_000),
            (Write, 1, 1, 1_000, 5_899_000),
            (Bind, 1, 1, 1_000, 1_000),
            (Write, 0, 1, 1_000, 386_000),
            (Again, 2, 419_000, 33_000, 1_000),
        ],
        // The version of the first binding is nobody's but of him who writes nothing.
        vec![
            (Write, 0, 1, 1_000, 1_000),
            (Write, 2, 1, 1_000, 1_000),
            (Bind, 2, 1, 1_000, 1_000),
            (Write, 0, 1, 1_000, 5_177_000),
            (Bind, 0, 1, 1_000, 1_000),
            (Again, 2, 1_466_001, 1_000, 1_000),
        ],
        vec![
            (Write, 2, 1, 1_000, 1_000),
            (Bind, 2, 1, 1_000, 1_000),
            (Write, 0, 1, 1_000, 1_000),
            (Write, 2, 1, 16_876_000, 2_747_000),
            (Again, 2, 1_951_000, 1_953_000, 1_000),
            (Write, 0, 1, 1_953_000, 1_000),
        ],
    ];
    for history in histories {
        judge(history).expect("it can have happened");
    }
}
