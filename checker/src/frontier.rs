//! The states that were found and not expanded yet, in the order in which they were found: whole, in segments, in memory
//! or in a temporary file.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::graph::Id;
use crate::system::System;

/// States with consecutive numbers.
pub struct Segment<S> {
    /// The number of the first.
    pub first: Id,
    count: usize,
    /// Bytes that its states hold outside of themselves.
    heap: u64,
    states: Mutex<Where<S>>,
}

/// Where the states of a segment are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Held {
    /// They were taken.
    Gone,
    Memory,
    Disk,
}

enum Where<S> {
    Memory(Vec<S>),
    /// In a file, from here on, so many bytes with this checksum (CRC-32).
    Disk(u64, usize, u32),
}

impl<S> Segment<S> {
    pub fn len(&self) -> usize {
        self.count
    }

    /// Bytes that its states take once they are taken, wherever they wait.
    pub fn weight(&self) -> u64 {
        (self.count * size_of::<S>()) as u64 + self.heap
    }
}

/// What a segment is, beside its states.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Label {
    /// The number of the first state.
    pub first: Id,
    /// How many there are.
    pub count: usize,
    pub held: Held,
}

/// The states of a level.
pub struct Frontier<S> {
    pub segments: Vec<Segment<S>>,
    spilled: Option<Mutex<File>>,
    written: u64,
}

impl<S> Default for Frontier<S> {
    fn default() -> Self {
        Self { segments: Vec::new(), spilled: None, written: 0 }
    }
}

impl<S> Frontier<S> {
    pub fn len(&self) -> u64 {
        self.segments.iter().map(|segment| segment.count as u64).sum()
    }

    pub fn is_empty(&self) -> bool {
        self.segments.is_empty()
    }

    /// Appends states whose numbers begin with `first`.
    pub fn push<Y: System<State = S>>(&mut self, system: &Y, first: Id, mut states: Vec<S>) {
        if !states.is_empty() {
            states.shrink_to_fit();
            let heap = heap_of(system, &states);
            let (count, states) = (states.len(), Mutex::new(Where::Memory(states)));
            self.segments.push(Segment { first, count, heap, states });
        }
    }

    /// Bytes in memory.
    pub fn bytes(&self) -> u64 {
        let bytes = |segment: &Segment<S>| match &*lock(&segment.states) {
            Where::Memory(states) if states.is_empty() => 0,
            Where::Memory(states) => (states.capacity() * size_of::<S>()) as u64 + segment.heap,
            Where::Disk(..) => 0,
        };
        self.segments.iter().map(|segment| bytes(segment) + size_of::<Segment<S>>() as u64).sum()
    }

    /// A segment's states were taken: none of them waits any more.
    pub fn release(&mut self, segment: usize) {
        self.segments[segment].count = 0;
    }

    /// Takes the states of a segment, once.
    ///
    /// # Errors
    /// Of reading the temporary file.
    pub fn take<Y: System<State = S>>(&self, system: &Y, segment: usize) -> io::Result<Vec<S>> {
        let taken = std::mem::replace(&mut *lock(&self.segments[segment].states), Where::Memory(Vec::new()));
        let (offset, length, sum) = match taken {
            Where::Memory(states) => return Ok(states),
            Where::Disk(offset, length, sum) => (offset, length, sum),
        };
        unpack(system, &self.read(offset, length, sum)?, self.segments[segment].count)
    }

    /// Bytes of the temporary file, which must be those that were written.
    fn read(&self, offset: u64, length: usize, sum: u32) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; length];
        if let Some(file) = &self.spilled {
            let mut file = lock(file);
            file.seek(SeekFrom::Start(offset))?;
            file.read_exact(&mut bytes)?;
        }
        if crc32fast::hash(&bytes) != sum {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "states are not as they were written"));
        }
        Ok(bytes)
    }

    /// Appends the states of a segment as bytes and leaves them where they are.
    ///
    /// # Errors
    /// Of reading the temporary file, or if the system cannot write its states.
    pub fn pack<Y>(&self, system: &Y, segment: usize, bytes: &mut Vec<u8>) -> io::Result<Held>
    where
        Y: System<State = S>,
    {
        let segment = &self.segments[segment];
        match &*lock(&segment.states) {
            _ if segment.count == 0 => Ok(Held::Gone),
            Where::Memory(states) => match pack(system, states, bytes) {
                true => Ok(Held::Memory),
                false => Err(io::Error::new(io::ErrorKind::Unsupported, "the system writes no states")),
            },
            &Where::Disk(offset, length, sum) => {
                bytes.extend(self.read(offset, length, sum)?);
                Ok(Held::Disk)
            }
        }
    }

    /// Appends a segment as it was when it was [packed](Self::pack). `known` says whether a state is the one of that number.
    ///
    /// # Errors
    /// Of writing the temporary file, or if the bytes are no such states.
    pub fn push_packed<Y: System<State = S>>(
        &mut self,
        system: &Y,
        Label { first, count, held }: Label,
        bytes: &[u8],
        known: impl Fn(Id, &S) -> bool,
    ) -> io::Result<()> {
        let states = unpack(system, bytes, count)?;
        if !states.iter().zip(first..).all(|(state, id)| known(id, state)) {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "a state that waits is none that was found",
            ));
        }
        let heap = heap_of(system, &states);
        let place = match held {
            Held::Gone => Where::Memory(Vec::new()),
            Held::Memory => {
                self.push(system, first, states);
                return Ok(());
            }
            Held::Disk => self.write(bytes)?,
        };
        self.segments.push(Segment { first, count, heap, states: Mutex::new(place) });
        Ok(())
    }

    /// Appends to the temporary file.
    fn write(&mut self, bytes: &[u8]) -> io::Result<Where<S>> {
        let file = match &mut self.spilled {
            Some(file) => file,
            none => none.insert(Mutex::new(tempfile::tempfile()?)),
        };
        let file = file.get_mut().unwrap_or_else(PoisonError::into_inner);
        file.seek(SeekFrom::Start(self.written))?;
        file.write_all(bytes)?;
        let place = Where::Disk(self.written, bytes.len(), crc32fast::hash(bytes));
        self.written += bytes.len() as u64;
        Ok(place)
    }

    /// Moves every segment that is in memory to a temporary file; false if the system cannot write its states.
    ///
    /// # Errors
    /// Of writing the file.
    pub fn spill<Y: System<State = S>>(&mut self, system: &Y) -> io::Result<bool> {
        let mut bytes = Vec::new();
        for index in 0..self.segments.len() {
            let place = self.segments[index].states.get_mut().unwrap_or_else(PoisonError::into_inner);
            let Where::Memory(states) = &*place else { continue };
            bytes.clear();
            if !pack(system, states, &mut bytes) {
                return Ok(false);
            }
            let place = self.write(&bytes)?;
            *self.segments[index].states.get_mut().unwrap_or_else(PoisonError::into_inner) = place;
        }
        Ok(true)
    }
}

/// Bytes that states hold outside of themselves.
fn heap_of<Y: System>(system: &Y, states: &[Y::State]) -> u64 {
    states.iter().map(|state| system.heap_bytes(state) as u64).sum()
}

/// Appends states as bytes, each with its length in front; false if the system cannot write them.
fn pack<Y: System>(system: &Y, states: &[Y::State], bytes: &mut Vec<u8>) -> bool {
    for state in states {
        let start = bytes.len();
        bytes.extend([0; 4]);
        if !system.encode(state, bytes) {
            return false;
        }
        let length = (bytes.len() - start - 4) as u32;
        bytes[start..start + 4].copy_from_slice(&length.to_le_bytes());
    }
    true
}

/// The states that [`pack`] has written.
fn unpack<Y: System>(system: &Y, bytes: &[u8], count: usize) -> io::Result<Vec<Y::State>> {
    let damaged = || io::Error::new(io::ErrorKind::InvalidData, "a state does not read back");
    let mut states = Vec::with_capacity(count.min(bytes.len() / 4));
    let mut rest = bytes;
    while let Some((length, more)) = rest.split_first_chunk::<4>() {
        let length = u32::from_le_bytes(*length) as usize;
        let (state, more) = more.split_at_checked(length).ok_or_else(damaged)?;
        states.push(system.decode(state).ok_or_else(damaged)?);
        rest = more;
    }
    match states.len() == count && rest.is_empty() {
        true => Ok(states),
        false => Err(damaged()),
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::toys::{Toy, unfair};

    /// Also where the changed bytes are a state too.
    #[test]
    fn a_state_that_was_changed_in_its_file_is_refused() {
        let toy = Toy::new([unfair(0, 9)], []);
        let spilled = |first| {
            let mut frontier = Frontier::default();
            frontier.push(&toy, first, vec![1, 2, 3]);
            assert!(frontier.spill(&toy).expect("there is room"));
            frontier
        };
        assert_eq!(spilled(0).take(&toy, 0).expect("it is as it was"), [1, 2, 3]);
        let changed = spilled(0);
        if let Some(file) = &changed.spilled {
            let mut file = lock(file);
            // The first byte after the length of the second state.
            file.seek(SeekFrom::Start(12)).expect("a file");
            file.write_all(&[7]).expect("a file");
        }
        let error = changed.take(&toy, 0).expect_err("it was changed");
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
    }
}
