//! A conversation with the API server about a few pods.

use arbitrary::{Arbitrary, Result, Unstructured};

use super::limits::REQUESTS_MAX;

/// Which of a few names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Name(pub u8);

impl<'a> Arbitrary<'a> for Name {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        Ok(Self(u.int_in_range(0..=2)?))
    }
}

/// A precondition: what is claimed of the object's identity or version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Arbitrary)]
pub enum Claim {
    /// Nothing.
    None,
    /// What is so.
    Right,
    /// What is not.
    Wrong,
}

/// Seconds of grace, some of them negative.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grace(pub i64);

impl<'a> Arbitrary<'a> for Grace {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        Ok(Self(u.int_in_range(-1..=5)?))
    }
}

/// Which pods a watch is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Arbitrary)]
#[expect(missing_docs, reason = "each is the selector of that name")]
pub enum Watched {
    Everything,
    OnNode,
    NotTerminal,
}

/// One thing that is said, or happens, to the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Arbitrary)]
pub enum Talk {
    /// A pod is created, perhaps on a node, perhaps with a finalizer.
    Create {
        /// Its name.
        name: Name,
        /// It names its node.
        bound: bool,
        /// It has a finalizer.
        finalizer: bool,
        /// Its own grace.
        grace: Grace,
    },
    /// It is bound.
    Bind {
        /// Its name.
        name: Name,
        /// Of its identity.
        uid: Claim,
    },
    /// It is replaced by itself with another label.
    Put {
        /// Its name.
        name: Name,
        /// The label's value.
        label: u8,
        /// Of its version.
        version: Claim,
    },
    /// A label is patched in, or out.
    Label {
        /// Its name.
        name: Name,
        /// The label's value; none removes it.
        label: Option<u8>,
        /// Of its version.
        version: Claim,
    },
    /// Its phase is patched.
    Phase {
        /// Its name.
        name: Name,
        /// Which.
        phase: u8,
        /// Of its identity.
        uid: Claim,
    },
    /// Its finalizer is removed.
    Unfinalize {
        /// Its name.
        name: Name,
    },
    /// It is deleted.
    Delete {
        /// Its name.
        name: Name,
        /// With this grace, or its own.
        grace: Option<Grace>,
        /// Of its identity.
        uid: Claim,
        /// Of its version.
        version: Claim,
    },
    /// A watch is opened.
    Watch {
        /// From so many versions ago.
        ago: u8,
        /// On what.
        of: Watched,
    },
    /// A watch brings its next event.
    Receive {
        /// Which watch.
        watch: u8,
    },
    /// A watch ends.
    Close {
        /// Which watch.
        watch: u8,
    },
    /// The history is forgotten.
    Compact,
    /// Watches are told how far the store has come.
    Bookmark,
    /// Time passes.
    Wait {
        /// So many seconds.
        seconds: u8,
    },
}

/// A conversation.
#[derive(Clone, Debug)]
pub struct Conversation(pub Vec<Talk>);

impl<'a> Arbitrary<'a> for Conversation {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        let mut talks = Vec::new();
        while talks.len() < REQUESTS_MAX && !u.is_empty() {
            talks.push(u.arbitrary()?);
        }
        Ok(Self(talks))
    }
}
