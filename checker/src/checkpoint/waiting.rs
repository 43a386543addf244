//! What stands in `waiting-N`: the states that are found and not expanded, of the level that is being gone through and of the
//! next, a piece for each segment.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use super::Refused;
use super::frames::{Extent, Reader, Writer};
use super::numbers::Numbers;
use crate::frontier::{Frontier, Held, Label};
use crate::graph::Id;
use crate::system::System;

pub fn path(folder: &Path, generation: u64) -> PathBuf {
    folder.join(format!("waiting-{generation}"))
}

/// Writes both levels; how much that is.
pub fn write<Y: System>(
    system: &Y,
    path: &Path,
    level: &Frontier<Y::State>,
    next: &Frontier<Y::State>,
) -> io::Result<Extent> {
    let mut writer = Writer::behind(File::create(path)?, Extent::default())?;
    let mut piece = Vec::new();
    for (number, frontier) in [(0_u16, level), (1, next)] {
        for index in 0..frontier.segments.len() {
            let segment = &frontier.segments[index];
            piece.clear();
            piece.extend(number.to_le_bytes());
            piece.extend(segment.first.to_le_bytes());
            piece.extend((segment.len() as u64).to_le_bytes());
            let at = piece.len();
            piece.extend([0; 2]);
            let held: u16 = match frontier.pack(system, index, &mut piece)? {
                Held::Gone => 0,
                Held::Memory => 1,
                Held::Disk => 2,
            };
            piece[at..at + 2].copy_from_slice(&held.to_le_bytes());
            writer.append(&piece)?;
        }
    }
    writer.sync()
}

/// The states that wait.
pub struct Waiting<S> {
    /// The level that is being gone through.
    pub level: Frontier<S>,
    /// The level after it.
    pub next: Frontier<S>,
    /// Segments of the level that are done with.
    pub done: usize,
}

/// Reads both levels. `known` says whether a state is the one of that number.
pub fn read<Y: System>(
    system: &Y,
    path: &Path,
    extent: Extent,
    known: impl Fn(Id, &Y::State) -> bool,
) -> Result<Waiting<Y::State>, Refused> {
    let mut reader = Reader::open(path, extent)?;
    let mut waiting = Waiting { level: Frontier::default(), next: Frontier::default(), done: 0 };
    while let Some(piece) = reader.next()? {
        let Some(Piece { is_level, label, states }) = Piece::of(piece) else {
            return Err(reader.damaged("a piece of it is none that a search writes"));
        };
        waiting.done += usize::from(is_level && label.held == Held::Gone);
        let frontier = if is_level { &mut waiting.level } else { &mut waiting.next };
        match frontier.push_packed(system, label, states, &known) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                return Err(reader.damaged(&error.to_string()));
            }
            Err(error) => return Err(Refused::disk(&std::env::temp_dir(), &error)),
        }
    }
    Ok(waiting)
}

/// A segment.
struct Piece<'b> {
    is_level: bool,
    label: Label,
    states: &'b [u8],
}

impl<'b> Piece<'b> {
    fn of(bytes: &'b [u8]) -> Option<Self> {
        let mut numbers = Numbers(bytes);
        let is_level = match numbers.u16()? {
            0 => true,
            1 => false,
            _ => return None,
        };
        let (first, count) = (numbers.u32()?, usize::try_from(numbers.u64()?).ok()?);
        let held = match numbers.u16()? {
            0 => Held::Gone,
            1 => Held::Memory,
            2 => Held::Disk,
            _ => return None,
        };
        let is_right = (held == Held::Gone) == (count == 0);
        is_right.then_some(Self { is_level, label: Label { first, count, held }, states: numbers.0 })
    }
}
