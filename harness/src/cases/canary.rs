//! `canary`: a case that must fail, so that a runner that finds nothing is found out.

use arbitrary::Arbitrary;

use super::Log;
use crate::runner::Checked;
use crate::telling::tell;

/// Any bytes.
#[derive(Clone, Debug, Arbitrary)]
pub struct TestCase {
    song: Vec<u8>,
}

/// Falls silent at the first byte that is divisible by 7.
///
/// # Panics
/// Always, but for inputs without such a byte.
pub fn check(case: &TestCase) -> Checked {
    let mut log = Log::default();
    for note in &case.song {
        tell(|| format!("it sings {note}"));
        assert!(!note.is_multiple_of(7), "the canary is dead, as it should be");
        log.note(note);
    }
    log.checked(!case.song.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runner::{first_failure, replay_command, run, smoke_in};

    /// A runner that does not notice would pass everything.
    #[test]
    fn smoke_fails() {
        let folder = tempfile::tempdir().expect("a folder");
        let failed = std::panic::catch_unwind(|| smoke_in(folder.path(), "canary", 50, check));
        let failed = failed.expect_err("it must fail");
        let says = failed.downcast_ref::<String>().expect("an assertion says something");
        assert!(says.contains("as it should be"), "{says}");
        assert!(
            says.contains("--bin replay -- canary ") && says.contains("trace from-fuzz canary "),
            "{says}"
        );
        assert_eq!(std::fs::read_dir(folder.path()).expect("a folder").count(), 1);
    }

    /// The command that is printed replays the failure: the kept input fails again.
    #[test]
    fn a_kept_input_fails_again() {
        let Err(failure) = first_failure(50, check) else { panic!("the canary lives") };
        assert!(failure.says.contains("as it should be"), "{}", failure.says);
        assert_eq!(failure.bytes.len(), 16, "it is made as short as a smoke run draws them");
        let folder = tempfile::tempdir().expect("a folder");
        let file = failure.keep("canary", folder.path()).expect("it is kept");
        let bytes = std::fs::read(&file).expect("it was kept");
        assert_eq!(bytes, failure.bytes);
        let again = std::panic::catch_unwind(|| run(&bytes, check));
        assert!(again.is_err());
        assert!(replay_command("canary", "x").ends_with("--bin replay -- canary x"));
    }
}
