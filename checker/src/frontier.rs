//! The states that were found and not expanded yet, in the order in which they were found: whole, in segments, in memory
//! or in a temporary file.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::sync::{Mutex, PoisonError};

use crate::graph::Id;
use crate::system::System;

/// States with consecutive numbers.
pub struct Segment<S> {
    /// The number of the first.
    pub first: Id,
    count: usize,
    states: Where<S>,
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

/// A segment's states, borrowed or read back.
pub enum Loaded<'f, S> {
    Borrowed(&'f [S]),
    Read(Vec<S>),
}

impl<S> std::ops::Deref for Loaded<'_, S> {
    type Target = [S];

    fn deref(&self) -> &[S] {
        match self {
            Self::Borrowed(states) => states,
            Self::Read(states) => states,
        }
    }
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
            self.segments.push(Segment { first, count: states.len(), states: Where::Memory(states) });
        }
    }

    /// Bytes in memory.
    pub fn bytes(&self) -> u64 {
        let bytes = |segment: &Segment<S>| match &segment.states {
            Where::Memory(states) => states.capacity() * size_of::<S>(),
            Where::Disk(..) => 0,
        };
        self.segments.iter().map(|segment| (bytes(segment) + size_of::<Segment<S>>()) as u64).sum()
    }

    /// Forgets the states of a segment.
    pub fn release(&mut self, segment: usize) {
        let segment = &mut self.segments[segment];
        segment.count = 0;
        segment.states = Where::Memory(Vec::new());
    }

    /// The states of a segment.
    ///
    /// # Errors
    /// Of reading the temporary file.
    pub fn load<Y: System<State = S>>(&self, system: &Y, segment: usize) -> io::Result<Loaded<'_, S>> {
        let (offset, length) = match &self.segments[segment].states {
            Where::Memory(states) => return Ok(Loaded::Borrowed(states)),
            &Where::Disk(offset, length) => (offset, length),
        };
        let mut bytes = vec![0; length];
        if let Some(file) = &self.spilled {
            let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
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
            true => Ok(Loaded::Read(states)),
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
            let Where::Memory(states) = &segment.states else { continue };
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
            segment.states = Where::Disk(self.written, bytes.len());
            self.written += bytes.len() as u64;
        }
        Ok(true)
    }
}
