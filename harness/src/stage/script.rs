//! Scripts: bytes as scenes, each of which is one event and how far things go on after it.

use std::time::Duration;

use arbitrary::{Arbitrary, Result, Unstructured};

/// Scenes of a script.
const SCENES_MAX: usize = 48;

/// How far things go on after an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// So many steps.
    Steps(u8),
    /// Until nothing is pending.
    Rest,
    /// For so long, without delay.
    Wait(Duration),
}

/// How long a wait takes, in seconds: the periods of the runtime, and what lies around them.
const WAITS: [u64; 8] = [1, 3, 6, 11, 25, 45, 70, 130];

impl<'a> Arbitrary<'a> for Pace {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        let byte: u8 = u.arbitrary()?;
        Ok(match byte {
            0..=191 => Self::Steps(byte % 64),
            192..=215 => Self::Rest,
            216.. => Self::Wait(Duration::from_secs(WAITS[usize::from(byte % 8)])),
        })
    }
}

/// One event, and what follows it.
#[derive(Clone, Copy, Debug, Arbitrary)]
pub struct Scene<E> {
    /// What happens.
    pub event: E,
    /// How far things go on.
    pub pace: Pace,
    /// In which order.
    pub order: u8,
}

/// A script.
#[derive(Clone, Debug)]
pub struct Script<E> {
    /// Of the choices inside operations, and of what the world is like.
    pub seed: u8,
    /// What happens.
    pub scenes: Vec<Scene<E>>,
}

impl<'a, E: Arbitrary<'a>> Arbitrary<'a> for Script<E> {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        let seed = u.arbitrary()?;
        Ok(Self { seed, scenes: until_empty(u, SCENES_MAX)? })
    }
}

/// As many as the bytes reach for, up to `most`.
pub fn until_empty<'a, T: Arbitrary<'a>>(u: &mut Unstructured<'a>, most: usize) -> Result<Vec<T>> {
    let mut all = Vec::new();
    while all.len() < most && !u.is_empty() {
        all.push(u.arbitrary()?);
    }
    Ok(all)
}

/// The one that an answer means, of several.
pub fn pick<T>(options: &[T], answer: u8) -> Option<&T> {
    options.get(usize::from(answer) % options.len().max(1))
}
