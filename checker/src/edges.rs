//! What leads out of the states that owe something: a [record](crate::record) for each of them, in the order in which states are
//! expanded, in blocks. A block is in memory or, where memory is short, in a temporary file, and comes back through a small
//! cache. In memory stay four bytes a state and 40 a block.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::graph::{Id, push};
use crate::record::{self, Edge, Out, Sets};

/// Bytes at which a block ends; the last record may reach beyond.
const BLOCK: usize = 1 << 14;

/// The cache takes this part of the memory that a search may take, in blocks at least and at most so many.
const CACHE_SHARE: u64 = 8;
const CACHED_MIN: u64 = 2;
const CACHED_MAX: u64 = 1 << 14;

struct Block {
    /// The first state whose record may be in it.
    first: Id,
    place: Place,
}

enum Place {
    Memory(Arc<[u8]>),
    /// From here on in the file, so many bytes with this checksum.
    Disk(u64, usize, u32),
}

/// The temporary file, and the blocks of it that were read last: each has one slot that it can be in.
struct Spilled {
    file: File,
    written: u64,
    slots: Vec<Option<(usize, Arc<[u8]>)>>,
}

/// The edges of a search.
#[derive(Default)]
pub struct Edges {
    /// Where in its block each state's record begins.
    starts: Vec<u32>,
    blocks: Vec<Block>,
    /// The block that is not full yet, and the first state of it.
    open: Vec<u8>,
    open_first: Id,
    pub sets: Sets,
    /// Bytes of blocks in memory.
    held: u64,
    /// Blocks that are on disk: all of the first ones.
    on_disk: usize,
    /// Blocks that go to disk as soon as they are full.
    bound_for_disk: usize,
    spilled: Option<Mutex<Spilled>>,
    /// Why a block could not be read.
    failed: Mutex<Option<String>>,
}

impl Edges {
    /// How many states were expanded.
    pub fn expanded(&self) -> usize {
        self.starts.len()
    }

    /// Blocks that are on disk.
    pub fn on_disk(&self) -> usize {
        self.on_disk
    }

    /// Bytes that were written to disk.
    pub fn spilled(&self) -> u64 {
        self.spilled.as_ref().map_or(0, |spilled| lock(spilled).written)
    }

    /// Records what leads out of the next state; none if it owes nothing.
    ///
    /// # Errors
    /// Of writing the temporary file.
    pub fn record(&mut self, edges: Option<&[Edge]>, keeps: impl Fn(&Edge) -> bool) -> io::Result<()> {
        let state = self.begin();
        if let Some(edges) = edges {
            record::write(state, edges, keeps, &mut self.sets, &mut self.open);
        }
        self.close_if_full()
    }

    /// The same with a record that was written before; how long it is. None if it is no record.
    pub fn take(&mut self, bytes: Option<&[u8]>) -> io::Result<Option<usize>> {
        let state = self.begin();
        let length = match bytes {
            None => 0,
            Some(bytes) => match record::length(state, &self.sets, bytes) {
                Some(length) => {
                    self.open.extend(&bytes[..length]);
                    length
                }
                None => return Ok(None),
            },
        };
        self.close_if_full()?;
        Ok(Some(length))
    }

    fn begin(&mut self) -> Id {
        let state = self.starts.len() as Id;
        push(&mut self.starts, self.open.len() as u32);
        state
    }

    fn close_if_full(&mut self) -> io::Result<()> {
        if self.open.len() < BLOCK { Ok(()) } else { self.close() }
    }

    /// Ends the last block.
    pub fn close(&mut self) -> io::Result<()> {
        let bytes: Arc<[u8]> = self.open.as_slice().into();
        self.open.clear();
        self.held += bytes.len() as u64;
        self.blocks.push(Block { first: self.open_first, place: Place::Memory(bytes) });
        self.open_first = self.starts.len() as Id;
        if self.blocks.len() <= self.bound_for_disk { self.write_blocks() } else { Ok(()) }
    }

    /// The first `blocks` blocks belong on disk, now or as soon as they are full. The search may take `memory` bytes.
    ///
    /// # Errors
    /// Of making the temporary file.
    pub fn bind_for_disk(&mut self, blocks: usize, memory: u64) -> io::Result<()> {
        self.bound_for_disk = blocks;
        if blocks > 0 && self.spilled.is_none() {
            let slots = (memory / CACHE_SHARE / BLOCK as u64).clamp(CACHED_MIN, CACHED_MAX);
            let slots = (0..slots).map(|_| None).collect();
            self.spilled = Some(Mutex::new(Spilled { file: tempfile::tempfile()?, written: 0, slots }));
        }
        self.write_blocks()
    }

    /// Moves all full blocks to a temporary file. The search may take `memory` bytes.
    ///
    /// # Errors
    /// Of writing the file.
    pub fn spill(&mut self, memory: u64) -> io::Result<()> {
        self.bind_for_disk(self.blocks.len(), memory)
    }

    fn write_blocks(&mut self) -> io::Result<()> {
        let Some(spilled) = &mut self.spilled else { return Ok(()) };
        let spilled = spilled.get_mut().unwrap_or_else(PoisonError::into_inner);
        let end = self.bound_for_disk.min(self.blocks.len());
        if self.on_disk < end {
            spilled.file.seek(SeekFrom::Start(spilled.written))?;
        }
        for block in self.blocks.iter_mut().take(end).skip(self.on_disk) {
            if let Place::Memory(bytes) = &block.place {
                spilled.file.write_all(bytes)?;
                let (at, length) = (spilled.written, bytes.len());
                spilled.written += length as u64;
                self.held -= length as u64;
                block.place = Place::Disk(at, length, crc32fast::hash(bytes));
            }
            self.on_disk += 1;
        }
        Ok(())
    }

    /// What leads out of an expanded state that owes something. Nothing once a block could not be read.
    pub fn out(&self, state: Id) -> Out<'_> {
        let start = self.starts[state as usize] as usize;
        if state >= self.open_first {
            return Out::new(state, &self.sets, self.open[start..].into(), 0);
        }
        let block = self.blocks.partition_point(|block| block.first <= state) - 1;
        match self.block(block) {
            Ok(bytes) => Out::new(state, &self.sets, bytes, start),
            Err(error) => {
                lock(&self.failed).get_or_insert(error.to_string());
                Out::nothing(state)
            }
        }
    }

    fn block(&self, number: usize) -> io::Result<Arc<[u8]>> {
        let (at, length, sum) = match &self.blocks[number].place {
            Place::Memory(bytes) => return Ok(bytes.clone()),
            &Place::Disk(at, length, sum) => (at, length, sum),
        };
        let spilled = self.spilled.as_ref().ok_or(io::ErrorKind::NotFound)?;
        let Spilled { file, slots, .. } = &mut *lock(spilled);
        let slot = number % slots.len();
        if let Some((_, bytes)) = slots[slot].as_ref().filter(|(known, _)| *known == number) {
            return Ok(bytes.clone());
        }
        let mut bytes = vec![0; length];
        file.seek(SeekFrom::Start(at))?;
        file.read_exact(&mut bytes)?;
        if crc32fast::hash(&bytes) != sum {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "edges do not read back"));
        }
        let bytes: Arc<[u8]> = bytes.into();
        slots[slot] = Some((number, bytes.clone()));
        Ok(bytes)
    }

    /// Appends the records of this state and those after it.
    ///
    /// # Errors
    /// Of reading the temporary file.
    pub fn copy(&self, from: usize, out: &mut Vec<u8>) -> io::Result<()> {
        let Some(&start) = self.starts.get(from) else { return Ok(()) };
        let (first, mut start) =
            (self.blocks.partition_point(|block| block.first as usize <= from), start as usize);
        if from < self.open_first as usize {
            for number in first - 1..self.blocks.len() {
                out.extend(&self.block(number)?[start..]);
                start = 0;
            }
        }
        out.extend(&self.open[start..]);
        Ok(())
    }

    /// Why edges could not be read, if they could not: nothing that was said of them counts.
    pub fn failed(&self) -> Option<String> {
        lock(&self.failed).clone()
    }

    /// Bytes in memory.
    pub fn bytes(&self) -> u64 {
        let cache = self.spilled.as_ref().map_or(0, |spilled| lock(spilled).slots.len() * (BLOCK + 32));
        let lists = self.starts.capacity() * size_of::<u32>() + self.blocks.len() * size_of::<Block>();
        self.held + (cache + lists + self.open.len()) as u64 + self.sets.bytes()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Inner;

    const STATES: Id = 20_000;

    fn edges_of(state: Id) -> Vec<Edge> {
        let unit = |number: Id| Some((number % 7) as u16).filter(|&unit| unit != 3);
        let edge = |number| Edge { to: (state + number * 977) % STATES, unit: unit(number), discharged: 0 };
        (0..state % 9).map(edge).collect()
    }

    /// Every third state owes nothing.
    fn filled(spills_at: &[Id]) -> Edges {
        let mut edges = Edges::default();
        for state in 0..STATES {
            let out = edges_of(state);
            edges.record((state % 3 != 0).then_some(&out), |edge| edge.to % 5 != 0).unwrap();
            if spills_at.contains(&state) {
                edges.spill(1 << 18).unwrap();
            }
        }
        edges
    }

    fn read(edges: &Edges) -> Vec<(Vec<Inner>, Vec<u16>)> {
        let all = (0..STATES).rev().filter(|state| state % 3 != 0).map(|state| edges.out(state));
        all.map(|out| (out.inner().collect(), out.taken().collect())).collect()
    }

    #[test]
    fn edges_on_disk_are_those_in_memory() {
        let (memory, disk) = (filled(&[]), filled(&[4000, 4001, 15_000]));
        assert!(disk.spilled() > 50_000 && memory.spilled() == 0);
        assert!(disk.bytes() + disk.spilled() / 2 < memory.bytes(), "{} {}", disk.bytes(), memory.bytes());
        assert!(read(&disk) == read(&memory));
        let copied = |edges: &Edges, from| {
            let mut out = Vec::new();
            edges.copy(from, &mut out).map(|()| out).unwrap()
        };
        let (all, some) = (copied(&memory, 0), copied(&disk, 9_001));
        assert!(copied(&disk, 0) == all && all.ends_with(&some) && copied(&disk, 20_000).is_empty());
        let mut again = Edges::default();
        memory.sets.all().iter().for_each(|units| assert!(again.sets.number(units.clone()).is_some()));
        again.bind_for_disk(disk.on_disk(), 1 << 18).unwrap();
        let mut rest = &*all;
        for state in 0..STATES {
            let length = again.take((state % 3 != 0).then_some(rest)).unwrap().expect("it is a record");
            rest = &rest[length..];
        }
        assert!(
            (again.bytes(), again.spilled()) == (disk.bytes(), disk.spilled()) && read(&again) == read(&disk)
        );
        let expected = edges_of(19_996);
        let kept = expected.iter().filter(|edge| edge.to % 5 != 0).map(|edge| (edge.to, edge.unit));
        let out = memory.out(19_996);
        assert!(out.inner().map(|inner| (inner.to, inner.unit)).eq(kept) && memory.failed().is_none());
    }

    #[test]
    fn a_block_that_does_not_read_back_is_noticed() {
        let mut edges = filled(&[15_000]);
        let spilled = edges.spilled.as_mut().unwrap().get_mut().unwrap();
        spilled.file.seek(SeekFrom::Start(7)).unwrap();
        spilled.file.write_all(&[255; 9]).unwrap();
        assert_eq!(edges.out(14_999).inner().count(), edges.out(14_999).inner().count());
        assert_eq!(edges.failed(), None);
        assert_eq!(edges.out(1).inner().count(), 0);
        assert_eq!(edges.failed().as_deref(), Some("edges do not read back"));
    }
}
