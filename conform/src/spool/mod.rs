//! Sequences that may be longer than memory is wide: the newest part of each is in memory, and the rest in one temporary file,
//! which has no name. What grows with the length of a log is kept in them.
//!
//! - `depot`: the file, in blocks that are used again
//! - `deck`: steps as numbers; `sort`: another order

mod deck;
mod depot;
mod sort;
#[cfg(test)]
mod tests;

use std::cell::RefCell;
use std::fmt;
use std::marker::PhantomData;
use std::rc::Rc;

use depot::Kept;
pub use depot::{BLOCK, Depot};
pub use sort::sorted;

/// Something of which there may be many: so many bytes each.
pub trait Record: Sized {
    /// How many.
    const BYTES: usize;
    /// Writes it.
    fn pack(&self, to: &mut Pack<'_>);
    /// Reads it.
    fn unpack(from: &mut Unpack<'_>) -> Self;
}

/// Where a record is written.
pub struct Pack<'p> {
    bytes: &'p mut Vec<u8>,
    depot: &'p Depot,
}

impl Pack<'_> {
    /// Writes a number of 8 bytes.
    pub fn number(&mut self, number: u64) {
        self.bytes.extend(number.to_le_bytes());
    }

    /// Writes a signed number of 8 bytes.
    pub fn signed(&mut self, number: i64) {
        self.bytes.extend(number.to_le_bytes());
    }

    /// Writes a step, in 4 bytes.
    pub fn action(&mut self, action: podproof_vocabulary::action::Action) {
        self.bytes.extend(self.depot.number_of(action).to_le_bytes());
    }

    /// Writes a byte.
    pub fn byte(&mut self, byte: u8) {
        self.bytes.push(byte);
    }
}

/// What a record is read from.
pub struct Unpack<'p> {
    bytes: &'p [u8],
    depot: &'p Depot,
}

impl Unpack<'_> {
    fn next<const N: usize>(&mut self) -> [u8; N] {
        let (first, rest) = self.bytes.split_first_chunk::<N>().expect("a record is read as it was written");
        self.bytes = rest;
        *first
    }

    /// Reads a number of 8 bytes.
    pub fn number(&mut self) -> u64 {
        u64::from_le_bytes(self.next())
    }

    /// Reads a signed number of 8 bytes.
    pub fn signed(&mut self) -> i64 {
        i64::from_le_bytes(self.next())
    }

    /// Reads a step.
    pub fn action(&mut self) -> podproof_vocabulary::action::Action {
        self.depot.action_of(u32::from_le_bytes(self.next()))
    }

    /// Reads a byte.
    pub fn byte(&mut self) -> u8 {
        let [byte] = self.next();
        byte
    }
}

/// A sequence of records.
pub struct Spool<T> {
    depot: Rc<Depot>,
    blocks: Vec<Kept>,
    /// What is behind the blocks, and less than one.
    tail: Vec<u8>,
    /// The block that was read last.
    read: RefCell<Option<(usize, Vec<u8>)>>,
    of: PhantomData<T>,
}

impl<T: Record> Spool<T> {
    /// Records that are in a block.
    const IN_BLOCK: usize = BLOCK / T::BYTES;

    /// An empty one, which is kept in `depot`.
    pub fn new(depot: &Rc<Depot>) -> Self {
        Self {
            depot: Rc::clone(depot),
            blocks: Vec::new(),
            tail: Vec::new(),
            read: RefCell::new(None),
            of: PhantomData,
        }
    }

    /// Where it is kept.
    pub fn depot(&self) -> &Rc<Depot> {
        &self.depot
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.blocks.len() * Self::IN_BLOCK + self.tail.len() / T::BYTES
    }

    /// There are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Appends one.
    pub fn push(&mut self, record: &T) {
        let before = self.tail.len();
        record.pack(&mut Pack { bytes: &mut self.tail, depot: &self.depot });
        debug_assert_eq!(self.tail.len() - before, T::BYTES, "a record has the length that it says");
        if self.tail.len() == Self::IN_BLOCK * T::BYTES {
            self.blocks.push(self.depot.put(&self.tail));
            self.tail.clear();
        }
    }

    /// The one at `index`; none, if it is not there, or could not be read: that is noted in the depot.
    pub fn get(&self, index: usize) -> Option<T> {
        let (block, place) = (index / Self::IN_BLOCK, index % Self::IN_BLOCK);
        if block == self.blocks.len() {
            return self.record(&self.tail, place);
        }
        let mut read = self.read.borrow_mut();
        let (known, bytes) = read.get_or_insert_with(|| (usize::MAX, Vec::new()));
        if *known != block {
            *known = usize::MAX;
            if !self.depot.get(self.blocks.get(block)?, Self::IN_BLOCK * T::BYTES, bytes) {
                return None;
            }
            *known = block;
        }
        self.record(bytes, place)
    }

    fn record(&self, bytes: &[u8], place: usize) -> Option<T> {
        let bytes = bytes.get(place * T::BYTES..(place + 1) * T::BYTES)?;
        Some(T::unpack(&mut Unpack { bytes, depot: &self.depot }))
    }

    /// All of them, in order.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = T> + '_ {
        (0..self.len()).filter_map(|index| self.get(index))
    }

    /// How many of them, from the first, are such, where no other one follows that is. It is looked for from `near` on.
    pub fn partition_point(&self, near: usize, is_such: impl Fn(&T) -> bool) -> usize {
        let is = |index: usize| self.get(index).is_some_and(|record| is_such(&record));
        let (mut low, mut high, mut stride) = (0, self.len(), 1);
        let near = near.min(high);
        if near < high && is(near) {
            low = near + 1;
            while low + stride < high && is(low + stride) {
                low += stride + 1;
                stride *= 2;
            }
            high = high.min(low + stride);
        } else {
            high = near;
            while high > stride && !is(high - stride) {
                high -= stride;
                stride *= 2;
            }
            low = low.max(high.saturating_sub(stride));
        }
        while low < high {
            let middle = low + (high - low) / 2;
            if is(middle) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        low
    }
}

impl<T> Drop for Spool<T> {
    fn drop(&mut self) {
        for block in self.blocks.drain(..) {
            self.depot.let_go(block);
        }
    }
}

impl<T> fmt::Debug for Spool<T> {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(to, "Spool({} blocks and {} bytes)", self.blocks.len(), self.tail.len())
    }
}

impl Record for i64 {
    const BYTES: usize = 8;

    fn pack(&self, to: &mut Pack<'_>) {
        to.signed(*self);
    }

    fn unpack(from: &mut Unpack<'_>) -> Self {
        from.signed()
    }
}
