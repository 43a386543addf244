//! What `podproof trace` does with a reproducer: it is shown, and the case it is of is run on its input again.

use std::path::Path;

use podproof_traces::plain::plain;
use podproof_traces::{Reproducer, View};

use crate::{mistaken, output};

/// The reproducer that these bytes of a file are, if they are one for sure.
///
/// # Errors
/// The file with what is wrong with it.
pub(super) fn of(bytes: &[u8], file: &Path) -> Result<Option<Reproducer>, String> {
    if !mistaken::is_reproducer(bytes) {
        return Ok(None);
    }
    let text = std::str::from_utf8(bytes).map_err(|error| format!("{}: {error}", file.display()))?;
    Reproducer::from_json(text).map(Some).map_err(|error| format!("{}: {error}", file.display()))
}

/// Tells it; the exit status.
///
/// # Errors
/// If a part of it alone is asked for.
pub(super) fn show(reproducer: &Reproducer, view: View<'_>, slice: bool) -> Result<u8, String> {
    let part = [("--from", view.from.is_some()), ("--slice", slice)].into_iter().find(|(_, given)| *given);
    if let Some((option, _)) = part {
        return Err(format!(
            "{option}: this is a reproducer, which is told whole; accepted is the same without {option}"
        ));
    }
    let mut story = reproducer.story();
    if let Some(file) = view.file {
        story += &format!("\nreplay it: {}\n", plain(&command(reproducer, file)));
    }
    Ok(output::put(&story, crate::exit::HOLDS))
}

/// The command that runs its case on its input again, where podproof is built with the cases.
fn command(reproducer: &Reproducer, file: &str) -> String {
    format!("cargo run -p podproof-harness --bin replay -- {} {file}", output::word(&reproducer.case))
}

/// Runs its case on its input again; the exit status.
///
/// # Errors
/// If there is no such case.
#[cfg(feature = "fuzz")]
pub(super) fn replay(reproducer: &Reproducer, _file: &Path) -> Result<u8, String> {
    use podproof_harness::cases::case_of;
    use podproof_harness::findings::fails_on;

    let case = case_of(&reproducer.case)?;
    let (says, status) = match fails_on(case, &reproducer.bytes()?) {
        Some(says) if says == reproducer.says => {
            ("it still fails, and says the same".to_owned(), crate::exit::HOLDS)
        }
        Some(says) => (format!("it still fails, and says something else: {says}"), crate::exit::BROKEN),
        None => ("it does not fail any more".to_owned(), crate::exit::BROKEN),
    };
    Ok(output::put(&format!("{}: {says}\n", reproducer.case), status))
}

/// Says how to build a command that can.
///
/// # Errors
/// Always.
#[cfg(not(feature = "fuzz"))]
pub(super) fn replay(reproducer: &Reproducer, file: &Path) -> Result<u8, String> {
    let file = file.display().to_string();
    let command = command(reproducer, &output::word(&file));
    Err(format!(
        "{file}: this is a reproducer, and this podproof is built without the cases of the fuzz targets; accepted is {command}"
    ))
}
