//! The file `checkpoint`: whose it is, how much of the other files counts, and the counters.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::Refused;
use super::frames::Extent;
use super::numbers::{Numbers, put_block};
use super::sealed::{self, Kind};
use crate::counts::Counts;

/// What the file begins with. The version counts for all files of a folder.
pub const KIND: Kind = Kind { magic: *b"search\r\n", version: 3 };

/// Everything that is not in the other files.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Head {
    pub identity: Vec<u8>,
    /// Bits of a fingerprint.
    pub bits: u32,
    pub keeps_edges: bool,
    /// Blocks of edges that were on disk.
    pub blocks_on_disk: u64,
    /// The N of `waiting-N`.
    pub generation: u64,
    /// How much of `states` counts.
    pub log: Extent,
    /// How much of `waiting-N` counts.
    pub waiting: Extent,
    /// Time that the search has taken.
    pub elapsed: Duration,
    pub counts: Counts,
}

pub fn path(folder: &Path) -> PathBuf {
    folder.join("checkpoint")
}

impl Head {
    pub fn write(&self, folder: &Path) -> std::io::Result<()> {
        sealed::write(&path(folder), KIND, &self.to_bytes())
    }

    pub fn read(folder: &Path) -> Result<Self, Refused> {
        let path = path(folder);
        if !path.exists() {
            return Err(Refused::Nothing(folder.to_owned()));
        }
        let bytes = sealed::read(&path, KIND)?;
        Self::of_bytes(&bytes).ok_or_else(|| Refused::damaged(&path, "its content is none of a checkpoint"))
    }

    fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::new();
        put_block(&mut out, &self.identity);
        out.extend(self.bits.to_le_bytes());
        out.extend(u32::from(self.keeps_edges).to_le_bytes());
        out.extend(self.blocks_on_disk.to_le_bytes());
        out.extend(self.generation.to_le_bytes());
        for extent in [self.log, self.waiting] {
            out.extend(extent.bytes.to_le_bytes());
            out.extend(extent.sum.to_le_bytes());
        }
        out.extend(self.elapsed.as_secs().to_le_bytes());
        out.extend(self.elapsed.subsec_nanos().to_le_bytes());
        let counts = &self.counts;
        for number in [
            counts.transitions,
            counts.max_out_degree,
            counts.depth,
            counts.dead_ends,
            counts.reached,
            counts.peak,
            counts.spilled,
        ] {
            out.extend(number.to_le_bytes());
        }
        out.extend(counts.owed.to_le_bytes());
        out.extend((counts.broken.len() as u64).to_le_bytes());
        for &(property, state, choice) in &counts.broken {
            out.extend(property.to_le_bytes());
            out.extend(state.to_le_bytes());
            out.extend(choice.map_or(u32::MAX, u32::from).to_le_bytes());
        }
        out.extend((counts.limits.len() as u64).to_le_bytes());
        for &(why, count) in &counts.limits {
            put_block(&mut out, why.as_bytes());
            out.extend(count.to_le_bytes());
        }
        out.extend((counts.coverage.len() as u64).to_le_bytes());
        counts.coverage.iter().for_each(|count| out.extend(count.to_le_bytes()));
        out
    }

    fn of_bytes(bytes: &[u8]) -> Option<Self> {
        let mut numbers = Numbers(bytes);
        let identity = numbers.block()?.to_vec();
        let (bits, keeps_edges) = (numbers.u32()?, numbers.u32()? != 0);
        let (blocks_on_disk, generation) = (numbers.u64()?, numbers.u64()?);
        let log = Extent { bytes: numbers.u64()?, sum: numbers.u32()? };
        let waiting = Extent { bytes: numbers.u64()?, sum: numbers.u32()? };
        let seconds = numbers.u64()?;
        let elapsed = Duration::from_secs(seconds) + Duration::from_nanos(numbers.u32()?.into());
        let mut counts = Counts {
            transitions: numbers.u64()?,
            max_out_degree: numbers.u64()?,
            depth: numbers.u64()?,
            dead_ends: numbers.u64()?,
            reached: numbers.u64()?,
            peak: numbers.u64()?,
            spilled: numbers.u64()?,
            owed: numbers.u128()?,
            ..Counts::default()
        };
        for _ in 0..numbers.count(12)? {
            let (property, state) = (numbers.u32()?, numbers.u32()?);
            let choice = match numbers.u32()? {
                u32::MAX => None,
                choice => Some(u16::try_from(choice).ok()?),
            };
            counts.broken.push((property, state, choice));
        }
        for _ in 0..numbers.count(16)? {
            // A few words, once for each time that a search is resumed.
            let why = String::from_utf8(numbers.block()?.to_vec()).ok()?.leak();
            counts.limits.push((why, numbers.u64()?));
        }
        for _ in 0..numbers.count(8)? {
            counts.coverage.push(numbers.u64()?);
        }
        let head =
            Self { identity, bits, keeps_edges, blocks_on_disk, generation, log, waiting, elapsed, counts };
        numbers.0.is_empty().then_some(head)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_reads_back() {
        let counts = Counts {
            transitions: 1,
            max_out_degree: 2,
            depth: 3,
            dead_ends: 4,
            // A search by partial order is not kept.
            partial: 0,
            reached: 5,
            owed: 1 << 100,
            broken: vec![(1, 2, None), (3, 4, Some(65_535))],
            limits: vec![("no slot", 6), ("", 7)],
            coverage: vec![8, 0, u64::MAX],
            peak: 9,
            spilled: 10,
        };
        let head = Head {
            identity: b"whose".to_vec(),
            bits: 64,
            keeps_edges: true,
            blocks_on_disk: 18,
            generation: 11,
            log: Extent { bytes: 12, sum: 13 },
            waiting: Extent { bytes: 14, sum: 15 },
            elapsed: Duration::new(16, 17),
            counts,
        };
        let bytes = head.to_bytes();
        assert_eq!(Head::of_bytes(&bytes), Some(head));
        assert!((0..bytes.len()).all(|length| Head::of_bytes(&bytes[..length]).is_none()));
    }
}
