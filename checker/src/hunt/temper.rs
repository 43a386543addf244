//! Which transition is tried first: drawn for each dive and each walk, so that what is rare on one is common on another.

use fastrand::Rng;

use crate::system::Classes;

/// A transition that a dive or a walk may take.
pub struct Step<S> {
    pub choice: u16,
    pub kind: Classes,
    pub print: u64,
    pub state: S,
}

/// In which order transitions are tried.
pub struct Temper {
    how: How,
    salt: u64,
}

/// A kind is a set of classes of actions.
#[derive(Clone, Copy)]
enum How {
    /// All alike.
    Steps,
    /// All kinds alike, however many transitions are of each.
    Kinds,
    /// Each kind has its rank for the whole run: some are always quick and some always slow, which loses races that
    /// even chances never lose.
    Ranks,
}

/// Where ranks count, one in so many choices is made without them.
const AGAINST: u8 = 8;

impl Temper {
    pub fn draw(rng: &mut Rng) -> Self {
        let how = [How::Steps, How::Kinds, How::Ranks][rng.usize(..3)];
        Self { how, salt: rng.u64(..) }
    }

    /// Puts what is tried first last.
    pub fn order<S>(&self, rng: &mut Rng, steps: &mut [Step<S>]) {
        rng.shuffle(steps);
        let salt = match self.how {
            How::Steps => return,
            How::Ranks if rng.u8(..AGAINST) != 0 => self.salt,
            How::Kinds | How::Ranks => rng.u64(..),
        };
        let rank = |kind: Classes| {
            let low = Rng::with_seed(salt ^ kind as u64).u64(..);
            Rng::with_seed(low ^ (kind >> 64) as u64).u64(..)
        };
        steps.sort_by_key(|step| rank(step.kind));
    }
}
