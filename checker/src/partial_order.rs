//! Partial order: from a state it can be enough to go on with a part of its transitions, where the others may as well come
//! later.
//!
//! A [`System`](crate::System) that knows which of its transitions commute offers a *part* of those out of a state
//! ([`ample`](crate::System::ample)), and a [search by partial order](crate::Search::partial_order) takes it if the cycle
//! condition allows it. The search then finds the same properties broken and the same premises reached as one that leaves
//! nothing out, and each counterexample is a run of the system. It is not always a shortest one, and the numbers of states
//! and transitions are those of what it took.
//!
//! # What the system answers for
//!
//! Of each state, with its part: along every run from the state that takes no transition of the part,
//!
//! 1. *they stay*: each transition of the part stays possible;
//! 2. *they commute*: each transition `p` of the part and each transition `t` that the run can go on with: after `p`, `t` is
//!    possible, after `t`, `p` is, and both orders end in the same state;
//! 3. *they show the same*: what `t`, `p` break and reach one after the other, `p`, `t` break and reach too, but for what
//!    every transition into the state before them has shown.
//!
//! A transition that is possible now, depends on a transition of the part and is not in it breaks 2; so does one that becomes
//! possible by steps of others alone. The classical condition that a part be invisible is a case of 3, and stronger: of
//! reachability nobody asks in which order things are shown. Where states stand for others (symmetry), "the same" is "the
//! same but for names", if the part of a state does not depend on names.
//!
//! # What the search answers for
//!
//! *The cycle condition*: a part is taken only if one of its transitions leads to the next level, that is, to a state that
//! no shorter way was found to. Else the state is gone on from with all transitions. This depends neither on threads nor on
//! batches: the search keeps the fingerprints of the next level by themselves.
//!
//! # Why nothing is missed
//!
//! Let a run `t1 … tn` from a state `s` that the search has found show something in `tn`, and nothing less long from `s` do.
//! If the search went on from `s` with all transitions, it took `t1`, and a shorter run is left. Else it took a part.
//!
//! - If some `ti` is of the part, take the first. By 1 and 2 the search can take it first and come, by
//!   `t1 … ti-1 ti+1 … tn`, to where the run comes; by 3 this shows what the run shows, or the step into `s` has. A shorter
//!   run is left.
//! - Else every transition `p` of the part is possible at the end of the run, and `p t1 … tn` shows what `t1 … tn p` does, or
//!   the step into `s` has. The run that is left after `p` is as long as before; take for `p` the one that leads to the next
//!   level. Levels are finitely many, so this does not go on for ever: at the last level every state is gone on from with
//!   all of its transitions.
//!
//! What the step into `s` has shown was shown. An initial state has no step into it: what a system lets stand there it says
//! itself ([`initial`](crate::System::initial)).
//!
//! # What it cannot do
//!
//! A run that takes the others for ever and keeps an obligation pending may be left out, so a system with
//! [obligations](crate::System::has_obligations) is refused. A state at the system's [limit](crate::System::limit) may be
//! left out as well: a search that is complete says what it would say without the limit.

use std::error::Error;
use std::fmt;

/// A search by partial order is refused: the system has progress obligations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refused;

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a search by partial order judges no progress, and the system has progress obligations")
    }
}

impl Error for Refused {}
