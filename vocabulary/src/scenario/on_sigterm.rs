//! What a process does on SIGTERM, and its spelling in annotations and flags.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::limits::DAY_SECONDS;

/// What a process does on SIGTERM.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum OnSigterm {
    /// It exits at once.
    #[default]
    Exit,
    /// It goes on accepting for so many seconds, then exits.
    Drain(u32),
    /// It stops accepting at once and exits after so many seconds.
    Close(u32),
    /// It goes on accepting and never stops by itself.
    Ignore,
}

impl FromStr for OnSigterm {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let seconds = |text: &str| {
            let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
            text.parse().ok().filter(|&seconds: &u32| digits && seconds <= DAY_SECONDS)
        };
        let parsed = match text.split_once('=') {
            Some(("drain", value)) => seconds(value).map(Self::Drain),
            Some(("close", value)) => seconds(value).map(Self::Close),
            None if text == "exit" => Some(Self::Exit),
            None if text == "ignore" => Some(Self::Ignore),
            _ => None,
        };
        parsed.ok_or_else(|| {
            format!("'{text}' is no behaviour on SIGTERM; accepted are exit, drain=SECONDS, close=SECONDS (0 to 86400) and ignore")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_behaviour_on_sigterm_is_read_from_its_name() {
        assert_eq!("exit".parse(), Ok(OnSigterm::Exit));
        assert_eq!("drain=5".parse(), Ok(OnSigterm::Drain(5)));
        assert_eq!("close=0".parse(), Ok(OnSigterm::Close(0)));
        assert_eq!("ignore".parse(), Ok(OnSigterm::Ignore));
        for wrong in
            ["", "Exit", "drain", "drain=", "drain=-1", "drain=+1", "drain=5s", "close=86401", "exit=1"]
        {
            let says = wrong.parse::<OnSigterm>().expect_err(wrong);
            assert!(says.contains("accepted are exit, drain=SECONDS, close=SECONDS"), "{says}");
        }
    }
}
