//! Files that are written from front to back in pieces, each with its length and checksum: what is known to be whole is a
//! number of bytes from the front, and what comes behind it does not count.

use std::fs::File;
use std::io::{self, BufReader, Read, Write};
use std::path::{Path, PathBuf};

use super::Refused;

/// Length and checksum of a piece.
const HEAD: usize = 8 + 4;

/// How much of a file counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Extent {
    /// Bytes from the front.
    pub bytes: u64,
    /// The checksum of the heads of all pieces, so that no piece can be another's.
    pub sum: u32,
}

/// Writes pieces.
pub struct Writer {
    file: File,
    extent: Extent,
}

impl Writer {
    /// Writes behind `extent` of a file that is open for it; what is there is cut off.
    pub fn behind(mut file: File, extent: Extent) -> io::Result<Self> {
        file.set_len(extent.bytes)?;
        io::Seek::seek(&mut file, io::SeekFrom::Start(extent.bytes))?;
        Ok(Self { file, extent })
    }

    pub fn append(&mut self, piece: &[u8]) -> io::Result<()> {
        let head = head(piece);
        self.file.write_all(&head)?;
        self.file.write_all(piece)?;
        self.extent.sum = chained(self.extent.sum, &head);
        self.extent.bytes += (HEAD + piece.len()) as u64;
        Ok(())
    }

    /// How much was written; it is on disk afterwards.
    pub fn sync(&mut self) -> io::Result<Extent> {
        self.file.sync_data()?;
        Ok(self.extent)
    }
}

fn head(piece: &[u8]) -> [u8; HEAD] {
    let length = (piece.len() as u64).to_le_bytes();
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&length);
    hasher.update(piece);
    let mut head = [0; HEAD];
    head[..8].copy_from_slice(&length);
    head[8..].copy_from_slice(&hasher.finalize().to_le_bytes());
    head
}

fn chained(sum: u32, head: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new_with_initial(sum);
    hasher.update(head);
    hasher.finalize()
}

/// Reads the pieces of what counts.
pub struct Reader {
    path: PathBuf,
    file: BufReader<File>,
    extent: Extent,
    read: Extent,
    piece: Vec<u8>,
}

impl Reader {
    pub fn open(path: &Path, extent: Extent) -> Result<Self, Refused> {
        let file = File::open(path).map_err(|error| Refused::disk(path, &error))?;
        let length = file.metadata().map_err(|error| Refused::disk(path, &error))?.len();
        if length < extent.bytes {
            let what = format!("it has {length} bytes of the {} that were written", extent.bytes);
            return Err(Refused::damaged(path, &what));
        }
        let file = BufReader::with_capacity(1 << 20, file);
        Ok(Self { path: path.to_owned(), file, extent, read: Extent::default(), piece: Vec::new() })
    }

    /// The next piece; none behind the last.
    pub fn next(&mut self) -> Result<Option<&[u8]>, Refused> {
        if self.read.bytes == self.extent.bytes {
            return match self.read.sum == self.extent.sum {
                true => Ok(None),
                false => Err(self.damaged("it is not the one that was written last")),
            };
        }
        let left = self.extent.bytes - self.read.bytes;
        let mut found = [0; HEAD];
        if left < HEAD as u64 {
            return Err(self.damaged("a piece of it is cut off"));
        }
        self.file.read_exact(&mut found).map_err(|error| Refused::disk(&self.path, &error))?;
        let length = found[..8].iter().rev().fold(0, |number, &byte| number << 8 | u64::from(byte));
        if length > left - HEAD as u64 {
            return Err(self.damaged("a piece of it is longer than the file"));
        }
        let length = usize::try_from(length).map_err(|_| self.damaged("a piece of it is too long"))?;
        self.piece.resize(length, 0);
        self.file.read_exact(&mut self.piece).map_err(|error| Refused::disk(&self.path, &error))?;
        if head(&self.piece) != found {
            return Err(self.damaged("a checksum in it is wrong"));
        }
        self.read.sum = chained(self.read.sum, &found);
        self.read.bytes += (HEAD + length) as u64;
        Ok(Some(&self.piece))
    }

    /// What is said of this file if it is not what it should be.
    pub fn damaged(&self, what: &str) -> Refused {
        Refused::damaged(&self.path, what)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(path: &Path, extent: Extent) -> Result<Vec<Vec<u8>>, Refused> {
        let mut reader = Reader::open(path, extent)?;
        let mut pieces = Vec::new();
        while let Some(piece) = reader.next()? {
            pieces.push(piece.to_vec());
        }
        Ok(pieces)
    }

    #[test]
    fn what_comes_behind_does_not_count_and_what_counts_must_be_whole() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("file");
        let file = File::create(&path).expect("a file");
        let mut writer = Writer::behind(file, Extent::default()).expect("an empty file");
        writer.append(b"one").and_then(|()| writer.append(b"")).expect("it is written");
        let extent = writer.sync().expect("it is written");
        writer.append(b"more").expect("it is written");
        assert_eq!(read(&path, extent).expect("it is whole"), [b"one".to_vec(), Vec::new()]);
        let whole = std::fs::read(&path).expect("it is there");
        for at in 0..extent.bytes as usize * 8 {
            let mut flipped = whole.clone();
            flipped[at / 8] ^= 1 << (at % 8);
            std::fs::write(&path, flipped).expect("it is written");
            assert!(read(&path, extent).is_err(), "bit {at} flipped");
        }
        for length in 0..extent.bytes as usize {
            std::fs::write(&path, &whole[..length]).expect("it is written");
            assert!(matches!(read(&path, extent), Err(Refused::Damaged { .. })), "cut to {length}");
        }
    }

    #[test]
    fn a_whole_file_of_the_same_length_is_not_taken_for_another() {
        let folder = tempfile::tempdir().expect("a folder");
        let extent = |name: &str, piece: &[u8]| {
            let file = File::create(folder.path().join(name)).expect("a file");
            let mut writer = Writer::behind(file, Extent::default()).expect("an empty file");
            writer.append(piece).and_then(|()| writer.sync()).expect("it is written")
        };
        let (one, _) = (extent("one", b"one"), extent("two", b"two"));
        assert!(read(&folder.path().join("one"), one).is_ok());
        assert!(read(&folder.path().join("two"), one).is_err());
    }
}
