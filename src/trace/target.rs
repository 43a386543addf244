//! Where the file goes that a command of `podproof trace` writes: never over what it was made of, and into a folder that is there.

use std::io::Write as _;
use std::path::Path;

use podproof_traces::Trace;

use crate::same_file::is_same;
use crate::{counterexamples, output};

/// Refuses a file that is one of those that are read, by whatever path, and one whose folder is not there. It is asked before
/// anything is done.
///
/// # Errors
/// The file, what is wrong with it, and what would be accepted.
pub(super) fn refuse<'p>(
    option: &str,
    output: Option<&Path>,
    inputs: impl IntoIterator<Item = &'p Path>,
) -> Result<(), String> {
    let Some(output) = output else { return Ok(()) };
    if output.is_dir() {
        return Err(format!("{option} {}: this is a folder; accepted is a file", output.display()));
    }
    if let Some(input) = inputs.into_iter().find(|input| is_same(input, output)) {
        return Err(format!(
            "{option} {}: this is {}, which is read; accepted is another file",
            output.display(),
            input.display()
        ));
    }
    refuse_folder(option, output)
}

/// Refuses a file whose folder is not there.
///
/// # Errors
/// The file, what is wrong with it, and what would be accepted.
pub(super) fn refuse_folder(option: &str, output: &Path) -> Result<(), String> {
    let folder = output.parent().filter(|folder| !folder.as_os_str().is_empty());
    match folder.filter(|folder| !folder.is_dir()) {
        Some(folder) => Err(format!(
            "{option} {}: there is no folder {}; accepted is a file in a folder that is there",
            output.display(),
            folder.display()
        )),
        None => Ok(()),
    }
}

/// Writes a trace into a file, or on standard output; the exit status.
pub(super) fn write(trace: &Trace, file: Option<&Path>) -> Result<u8, String> {
    write_text(&trace.to_json(), file)
}

/// The same of a document that is written already.
pub(super) fn write_text(text: &str, file: Option<&Path>) -> Result<u8, String> {
    let Some(file) = file else { return Ok(output::put(text, crate::exit::HOLDS)) };
    let written = counterexamples::write_whole(file, |out| out.write_all(text.as_bytes()));
    written.map_err(|error| format!("{}: {error}", file.display()))?;
    Ok(crate::exit::HOLDS)
}
