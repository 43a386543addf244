//! A digest of a state, or of bytes: which state a step leads to, and which file something comes from, in sixteen letters.

use std::fmt;
use std::str::FromStr;

use podproof_model::ClusterState;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// A digest, 64 bits, of a state or of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(with = "String", extend("pattern" = "^[0-9a-f]{16}$")))]
pub struct Digest(pub u64);

impl Digest {
    /// The digest of the whole state of a model, inner parts and clocks included: FNV-1a over the words of the state, each with
    /// its lowest byte first. It depends on how the model that made it lays states out, so two digests are to be compared within
    /// one trace, or between traces of one scenario and one release of podproof.
    pub fn of(state: &ClusterState) -> Self {
        let bytes = state.words().iter().flat_map(|word| word.to_le_bytes());
        Self(bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        }))
    }
}

impl Digest {
    /// The digest of bytes: the first 64 bits of their SHA-256 (FIPS 180-4).
    pub fn of_bytes(bytes: &[u8]) -> Self {
        let mut first = [0; 8];
        first.copy_from_slice(&Sha256::digest(bytes)[..8]);
        Self(u64::from_be_bytes(first))
    }
}

impl fmt::Display for Digest {
    /// As sixteen hexadecimal digits in lower case.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl FromStr for Digest {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        let digits = text.len() == 16 && text.bytes().all(is_digit);
        u64::from_str_radix(text, 16)
            .ok()
            .filter(|_| digits)
            .map(Self)
            .ok_or_else(|| format!("'{text}' is no digest; accepted are 16 hexadecimal digits in lower case"))
    }
}

impl From<Digest> for String {
    fn from(digest: Digest) -> Self {
        digest.to_string()
    }
}

impl TryFrom<String> for Digest {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digest_of_bytes_is_the_beginning_of_their_hash() {
        // FIPS 180-4, the message "abc".
        assert_eq!(Digest::of_bytes(b"abc").to_string(), "ba7816bf8f01cfea");
    }

    #[test]
    fn a_digest_is_sixteen_digits() {
        let digest = Digest(0x0f00_0000_0000_00a1);
        assert_eq!(digest.to_string(), "0f000000000000a1");
        assert_eq!("0f000000000000a1".parse(), Ok(digest));
        for wrong in
            ["", "f", "0f000000000000A1", "0f000000000000a1 ", "+f000000000000a1", "0x000000000000a1"]
        {
            assert!(wrong.parse::<Digest>().is_err(), "{wrong}");
        }
    }
}
