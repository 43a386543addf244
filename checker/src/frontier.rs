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
    states: Mutex<Where<S>>,
}

enum Where<S> {
    Memory(Vec<S>),
    /// In a file, from here on, so many bytes.
    Disk(u64, usize),
}

impl<S> Segment<S> {
    pub fn len(&self) -> usize {
        self.count
    }
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
    pub fn push(&mut self, first: Id, states: Vec<S>) {
        if !states.is_empty() {
            self.segments.push(Segment {
                first,
                count: states.len(),
                states: Mutex::new(Where::Memory(states)),
            });
        }
    }

    /// Bytes in memory.
    pub fn bytes(&self) -> u64 {
        let bytes = |segment: &Segment<S>| match &*lock(&segment.states) {
            Where::Memory(states) => states.capacity() * size_of::<S>(),
            Where::Disk(..) => 0,
        };
        self.segments.iter().map(|segment| (bytes(segment) + size_of::<Segment<S>>()) as u64).sum()
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
        let (offset, length) = match taken {
            Where::Memory(states) => return Ok(states),
            Where::Disk(offset, length) => (offset, length),
        };
        let mut bytes = vec![0; length];
        if let Some(file) = &self.spilled {
            let mut file = lock(file);
            file.seek(SeekFrom::Start(offset))?;
            file.read_exact(&mut bytes)?;
        }
        let damaged = || io::Error::new(io::ErrorKind::InvalidData, "a state does not read back");
        let mut states = Vec::with_capacity(self.segments[segment].count);
        let mut rest = bytes.as_slice();
        while let Some((length, more)) = rest.split_first_chunk::<4>() {
            let length = u32::from_le_bytes(*length) as usize;
            let (state, more) = more.split_at_checked(length).ok_or_else(damaged)?;
            states.push(system.decode(state).ok_or_else(damaged)?);
            rest = more;
        }
        match states.len() == self.segments[segment].count {
            true => Ok(states),
            false => Err(damaged()),
        }
    }

    /// Moves every segment that is in memory to a temporary file; false if the system cannot write its states.
    ///
    /// # Errors
    /// Of writing the file.
    pub fn spill<Y: System<State = S>>(&mut self, system: &Y) -> io::Result<bool> {
        if self.spilled.is_none() {
            self.spilled = Some(Mutex::new(tempfile::tempfile()?));
        }
        let Some(file) = &mut self.spilled else { return Ok(false) };
        let file = file.get_mut().unwrap_or_else(PoisonError::into_inner);
        let mut bytes = Vec::new();
        for segment in &mut self.segments {
            let place = segment.states.get_mut().unwrap_or_else(PoisonError::into_inner);
            let Where::Memory(states) = &*place else { continue };
            bytes.clear();
            for state in states {
                let start = bytes.len();
                bytes.extend([0; 4]);
                if !system.encode(state, &mut bytes) {
                    return Ok(false);
                }
                let length = (bytes.len() - start - 4) as u32;
                bytes[start..start + 4].copy_from_slice(&length.to_le_bytes());
            }
            file.seek(SeekFrom::Start(self.written))?;
            file.write_all(&bytes)?;
            *place = Where::Disk(self.written, bytes.len());
            self.written += bytes.len() as u64;
        }
        Ok(true)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
