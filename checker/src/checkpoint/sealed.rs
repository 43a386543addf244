//! Small files that are whole or refused: written aside, put in place in one step, and closed with a checksum.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::Refused;

/// What a file is, and which version of it.
#[derive(Clone, Copy, Debug)]
pub struct Kind {
    /// What it begins with.
    pub magic: [u8; 8],
    /// Its version: only the same is read.
    pub version: u32,
}

/// Bytes before the content: what it is, its version, and how long the content is.
const HEAD: usize = 8 + 4 + 8;

/// Bytes after the content: the CRC-32 of all before it.
const TAIL: usize = 4;

/// Puts `content` into `path`. Until it is whole there, what was there before stays.
///
/// # Errors
/// Of writing it.
pub fn write(path: &Path, kind: Kind, content: &[u8]) -> io::Result<()> {
    let mut bytes = Vec::with_capacity(HEAD + content.len() + TAIL);
    bytes.extend(kind.magic);
    bytes.extend(kind.version.to_le_bytes());
    bytes.extend((content.len() as u64).to_le_bytes());
    bytes.extend(content);
    bytes.extend(crc32fast::hash(&bytes).to_le_bytes());
    let aside = aside(path);
    let mut file = File::create(&aside)?;
    file.write_all(&bytes)?;
    file.sync_all()?;
    drop(file);
    std::fs::rename(&aside, path)?;
    sync_folder(path.parent())
}

fn aside(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".new");
    name.into()
}

/// Makes a change of names last.
fn sync_folder(folder: Option<&Path>) -> io::Result<()> {
    // Only Unix opens a folder as a file.
    match folder.filter(|folder| cfg!(unix) && !folder.as_os_str().is_empty()) {
        Some(folder) => File::open(folder)?.sync_all(),
        None => Ok(()),
    }
}

/// The content of what [`write()`] has put into `path`.
///
/// # Errors
/// Why it is refused: it cannot be read, is something else, of another version, or damaged.
pub fn read(path: &Path, kind: Kind) -> Result<Vec<u8>, Refused> {
    let mut bytes = std::fs::read(path).map_err(|error| Refused::disk(path, &error))?;
    let damaged = |what: &str| Refused::damaged(path, what);
    let (magic, rest) = bytes.split_first_chunk::<8>().ok_or_else(|| damaged("it is cut off"))?;
    if *magic != kind.magic {
        return Err(damaged("it does not begin as such a file does"));
    }
    let (version, rest) = rest.split_first_chunk::<4>().ok_or_else(|| damaged("it is cut off"))?;
    let version = u32::from_le_bytes(*version);
    if version != kind.version {
        return Err(Refused::Version { file: path.to_owned(), found: version, accepted: kind.version });
    }
    let (length, rest) = rest.split_first_chunk::<8>().ok_or_else(|| damaged("it is cut off"))?;
    let length = u64::from_le_bytes(*length);
    if (rest.len() as u64) < length.saturating_add(TAIL as u64) {
        return Err(damaged("it is cut off"));
    }
    if rest.len() as u64 != length + TAIL as u64 {
        return Err(damaged("there is more in it than there should be"));
    }
    let end = bytes.len() - TAIL;
    let sum = bytes.split_off(end);
    if crc32fast::hash(&bytes).to_le_bytes() != sum[..] {
        return Err(damaged("its checksum is wrong"));
    }
    Ok(bytes.split_off(HEAD))
}

#[cfg(test)]
mod tests {
    use super::*;

    const KIND: Kind = Kind { magic: *b"a test\0\0", version: 3 };

    #[test]
    fn every_cut_and_every_flipped_bit_is_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("file");
        write(&path, KIND, b"what is kept").expect("it is written");
        assert_eq!(read(&path, KIND).expect("it is whole"), b"what is kept");
        let whole = std::fs::read(&path).expect("it is there");
        for length in 0..whole.len() {
            std::fs::write(&path, &whole[..length]).expect("it is written");
            assert!(matches!(read(&path, KIND), Err(Refused::Damaged { .. })), "cut to {length}");
        }
        for bit in 0..whole.len() * 8 {
            let mut flipped = whole.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            std::fs::write(&path, &flipped).expect("it is written");
            assert!(read(&path, KIND).is_err(), "bit {bit} flipped");
        }
        std::fs::write(&path, [&whole[..], b"x"].concat()).expect("it is written");
        assert!(matches!(read(&path, KIND), Err(Refused::Damaged { .. })));
    }

    #[test]
    fn another_version_is_named() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("file");
        write(&path, Kind { version: 4, ..KIND }, b"").expect("it is written");
        let refused = read(&path, KIND).expect_err("of another version");
        assert!(matches!(refused, Refused::Version { found: 4, accepted: 3, .. }), "{refused}");
    }

    #[test]
    fn what_was_there_stays_until_the_new_one_is_whole() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("file");
        write(&path, KIND, b"old").expect("it is written");
        // A folder stands where the new one would be written aside.
        std::fs::create_dir(aside(&path)).expect("a folder");
        assert!(write(&path, KIND, b"new").is_err());
        assert_eq!(read(&path, KIND).expect("the old one"), b"old");
    }
}
