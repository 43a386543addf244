//! Numbers as bytes, the least byte first.

/// Reads numbers from the front of bytes; none where they end too early.
pub struct Numbers<'b>(pub &'b [u8]);

impl<'b> Numbers<'b> {
    /// The next bytes.
    pub fn bytes(&mut self, count: usize) -> Option<&'b [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*taken)
    }

    pub fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_le_bytes)
    }

    pub fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }

    pub fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_le_bytes)
    }

    pub fn u128(&mut self) -> Option<u128> {
        self.array().map(u128::from_le_bytes)
    }

    /// A number of things of at least `least` bytes each that can still follow.
    pub fn count(&mut self, least: usize) -> Option<usize> {
        let count = usize::try_from(self.u64()?).ok()?;
        (count <= self.0.len() / least.max(1)).then_some(count)
    }

    /// Bytes with their number in front.
    pub fn block(&mut self) -> Option<&'b [u8]> {
        let count = self.count(1)?;
        self.bytes(count)
    }
}

/// Appends bytes with their number in front.
pub fn put_block(out: &mut Vec<u8>, block: &[u8]) {
    out.extend((block.len() as u64).to_le_bytes());
    out.extend(block);
}
