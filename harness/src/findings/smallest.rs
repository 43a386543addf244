//! The failure of an input, whatever case it is of: made smaller, as a file that `podproof trace show` reads.

use crate::cases::Case;

use super::failing::{Failing, input_of};
use super::{Finding, path_of};

/// A failure that was made smaller.
#[derive(Clone, Debug)]
pub struct Smallest {
    /// How much of it is left, and what is wrong.
    pub says: String,
    /// The file: a trace if the inputs of the case are paths through scenarios, else a reproducer.
    pub file: String,
}

/// What fails on the input of a file, which may be a trace or a reproducer; nothing if it does not fail.
///
/// # Errors
/// If it is a reproducer of another case.
pub fn fails(case: &'static Case, file: Vec<u8>) -> Result<Option<String>, String> {
    match case.walk.filter(|_| path_of(&file).is_some()) {
        Some(walk) => Ok(Finding::of(walk, &file).map(|found| found.to_string())),
        None => Ok(Failing::of(case, &input_of(case, file)?).map(|found| found.to_string())),
    }
}

/// What fails on these bytes of a reproducer, whatever they look like; nothing if they do not fail.
pub fn fails_on(case: &'static Case, bytes: &[u8]) -> Option<String> {
    Failing::of(case, bytes).map(|found| found.to_string())
}

/// The failure of the input of a file, made smaller; nothing if it does not fail. `says` is told meanwhile what is left.
///
/// # Errors
/// If it is a reproducer of another case, or the model cannot run the scenario that is left.
pub fn smallest(
    case: &'static Case,
    file: Vec<u8>,
    mut says: impl FnMut(&str),
) -> Result<Option<Smallest>, String> {
    match case.walk {
        Some(walk) => {
            // A trace is followed; any other file is an input, or what is wrong with it is said.
            let file = if path_of(&file).is_some() { file } else { input_of(case, file)? };
            let Some(found) = Finding::of(walk, &file) else { return Ok(None) };
            let steps = found.path.len();
            let found = found.shrink(walk, |left| says(&format!("{left} steps are left")));
            let says = format!("of {steps} steps {} are left: {}", found.path.len(), found.says);
            Ok(Some(Smallest { says, file: found.trace()?.to_json() }))
        }
        None => {
            let Some(found) = Failing::of(case, &input_of(case, file)?) else { return Ok(None) };
            let bytes = found.bytes.len();
            let found = found.shrink(|left| says(&format!("{left} bytes are left")));
            let says = format!("of {bytes} bytes {} are left: {found}", found.bytes.len());
            Ok(Some(Smallest { says, file: found.reproducer().to_json() }))
        }
    }
}
