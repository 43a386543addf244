//! Are two paths one file? What is read is not written over.

use std::path::Path;

/// Do two paths lead to one file that is there?
pub fn is_same(one: &Path, other: &Path) -> bool {
    let is_canonically = match (std::fs::canonicalize(one), std::fs::canonicalize(other)) {
        (Ok(one), Ok(other)) => one == other,
        _ => return false,
    };
    is_canonically || is_linked(one, other)
}

/// Are two paths hard links to one file?
#[cfg(unix)]
fn is_linked(one: &Path, other: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let place = |path| std::fs::metadata(path).map(|found| (found.dev(), found.ino())).ok();
    place(one).is_some_and(|one| place(other) == Some(one))
}

/// Are two paths hard links to one file? There is no way to tell here.
#[cfg(not(unix))]
const fn is_linked(_: &Path, _: &Path) -> bool {
    false
}
