//! The temporary file in which sequences are kept, block by block. It has no name and is gone with the process. A block that nobody needs
//! any more is used for another sequence.

use std::cell::RefCell;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};

use podproof_vocabulary::action::Action;

use super::deck::Deck;

/// Bytes of a block of the file.
pub const BLOCK: usize = 16 << 10;

/// Where a block is.
#[derive(Debug)]
pub(super) enum Kept {
    /// In the file: the one of this number.
    Disk(u64),
    /// In memory, as the file could not be written.
    Memory(Vec<u8>),
}

/// A temporary file, which is made when it is needed first.
#[derive(Debug, Default)]
pub struct Depot {
    inner: RefCell<Inner>,
    deck: RefCell<Deck>,
}

#[derive(Debug, Default)]
struct Inner {
    file: Option<File>,
    /// Blocks of the file.
    count: u64,
    /// Those of them that nobody needs.
    free: Vec<u64>,
    failed: Option<String>,
}

impl Depot {
    /// What went wrong with the file first, if something did. What was read since then may be cut short.
    ///
    /// # Errors
    /// That, in words.
    pub fn check(&self) -> Result<(), String> {
        self.inner.borrow().failed.clone().map_or(Ok(()), Err)
    }

    pub(super) fn number_of(&self, action: Action) -> u32 {
        self.deck.borrow_mut().number_of(action)
    }

    pub(super) fn action_of(&self, number: u32) -> Action {
        self.deck.borrow().action_of(number)
    }

    /// Puts a block into the file, or keeps it, if that fails.
    pub(super) fn put(&self, bytes: &[u8]) -> Kept {
        let mut inner = self.inner.borrow_mut();
        if inner.failed.is_some() {
            return Kept::Memory(bytes.to_vec());
        }
        match inner.write(bytes) {
            Ok(block) => Kept::Disk(block),
            Err(error) => {
                inner.fail("cannot be written", &error);
                Kept::Memory(bytes.to_vec())
            }
        }
    }

    /// Reads a block of so many bytes; false, if that fails.
    pub(super) fn get(&self, block: &Kept, length: usize, to: &mut Vec<u8>) -> bool {
        to.clear();
        match block {
            Kept::Memory(bytes) => to.extend_from_slice(bytes),
            Kept::Disk(block) => {
                to.resize(length, 0);
                let mut inner = self.inner.borrow_mut();
                if let Err(error) = inner.read(*block, to) {
                    inner.fail("cannot be read", &error);
                    return false;
                }
            }
        }
        true
    }

    /// Nobody needs a block any more.
    pub(super) fn let_go(&self, block: Kept) {
        if let Kept::Disk(block) = block {
            self.inner.borrow_mut().free.push(block);
        }
    }

    /// One whose file cannot be written, as on a full disk.
    #[cfg(test)]
    pub(super) fn full() -> Self {
        let file = File::open("Cargo.toml").expect("tests run in the folder of the package");
        let inner = Inner { file: Some(file), ..Inner::default() };
        Self { inner: RefCell::new(inner), deck: RefCell::default() }
    }

    /// Blocks of the file.
    #[cfg(test)]
    pub(super) fn blocks(&self) -> u64 {
        self.inner.borrow().count
    }
}

impl Inner {
    fn write(&mut self, bytes: &[u8]) -> io::Result<u64> {
        let file = match &mut self.file {
            Some(file) => file,
            none => none.insert(tempfile::tempfile()?),
        };
        let block = self.free.last().copied().unwrap_or(self.count);
        file.seek(SeekFrom::Start(block * BLOCK as u64))?;
        file.write_all(bytes)?;
        if self.free.pop().is_none() {
            self.count += 1;
        }
        Ok(block)
    }

    fn read(&mut self, block: u64, to: &mut [u8]) -> io::Result<()> {
        let file = self.file.as_mut().ok_or(io::ErrorKind::NotFound)?;
        file.seek(SeekFrom::Start(block * BLOCK as u64))?;
        file.read_exact(to)
    }

    fn fail(&mut self, what: &str, error: &io::Error) {
        let folder = std::env::temp_dir();
        self.failed.get_or_insert_with(|| {
            format!(
                "the temporary file in {} {what}: {error}; what is found of a workload that is there for long is kept in it \
                 (TMPDIR names another folder)",
                folder.display()
            )
        });
    }
}
