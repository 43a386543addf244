//! Changes of the text that a workload was read from: what a trial checks, and what a patch shows.

use std::cmp::Reverse;
use std::path::{Component, Path};

use podproof_vocabulary::manifest::edit::{self, FieldPath, Value};
use podproof_vocabulary::manifest::{Place, Setting, Source};

use crate::plan::Workload;

/// The object that a field is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Of {
    /// The workload.
    Workload,
    /// The PodDisruptionBudget that selects its pods.
    Budget,
}

/// A change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Edit {
    /// A field gets a value.
    Field {
        /// Of this object.
        of: Of,
        /// The field.
        path: FieldPath,
        /// Its value.
        value: Value,
    },
    /// One more object of these fields, behind the others of the workload's file.
    Object(Vec<(String, Value)>),
}

impl Edit {
    /// A field of the workload gets a value.
    pub fn of_workload(path: FieldPath, value: Value) -> Self {
        Self::Field { of: Of::Workload, path, value }
    }
}

/// The texts of the input, and the workload in them that is changed.
#[derive(Clone, Copy)]
pub struct Texts<'a> {
    sources: &'a [Source],
    workload: &'a Workload,
}

impl<'a> Texts<'a> {
    /// The sources that a workload was read from.
    pub fn new(sources: &'a [Source], workload: &'a Workload) -> Self {
        Self { sources, workload }
    }

    /// The source that an object stands in, by its number, with its place.
    fn home(&self, of: Of) -> Result<(usize, &'a Place), String> {
        let place = match of {
            Of::Workload => self.workload.place.as_ref(),
            Of::Budget => self.workload.settings.values().find_map(|places| places.get(&Setting::Budget)),
        };
        let place = place.ok_or("it comes from no file")?;
        let is_its_own = |source: &Source| source.path == place.file;
        let at = self.sources.iter().position(is_its_own).ok_or("it comes from no file")?;
        Ok((at, place))
    }

    fn text(&self, of: Of) -> Option<(&'a str, &'a Place)> {
        let (at, place) = self.home(of).ok()?;
        Some((std::str::from_utf8(&self.sources[at].text).ok()?, place))
    }

    /// Does this word stand anywhere in the sources?
    pub fn mention(&self, word: &str) -> bool {
        self.sources.iter().any(|source| String::from_utf8_lossy(&source.text).contains(word))
    }

    /// The path of the same field of the workload by the places of items in their lists: of two paths that lead to one field it is the
    /// same.
    ///
    /// # Errors
    /// Why there can be no such field.
    pub fn resolved(&self, path: &FieldPath) -> Result<FieldPath, String> {
        let (text, place) = self.text(Of::Workload).ok_or("it comes from no file")?;
        edit::resolved(text, place, path)
    }

    /// What a field of the workload says; none if it is not there.
    pub fn value(&self, path: &FieldPath) -> Option<String> {
        let (text, place) = self.text(Of::Workload)?;
        edit::get(text, place, path)
    }

    /// The fields of a mapping of the workload whose values are plain, such as labels; none if it is not there.
    pub fn fields(&self, path: &FieldPath) -> Option<Vec<(String, String)>> {
        let (text, place) = self.text(Of::Workload)?;
        edit::fields(text, place, path)
    }

    /// Is this field of the workload there?
    pub fn has(&self, path: &FieldPath) -> bool {
        self.text(Of::Workload).is_some_and(|(text, place)| edit::has(text, place, path))
    }

    /// Where what is changed stands, or what is around it; an object that is new, at the workload.
    pub fn nearest(&self, edit: &Edit) -> Option<Place> {
        match edit {
            Edit::Field { of, path, .. } => {
                let (text, place) = self.text(*of)?;
                edit::nearest(text, place, path)
            }
            Edit::Object(_) => self.workload.place.clone(),
        }
    }

    /// The sources with these changes.
    ///
    /// # Errors
    /// Why they cannot be made.
    pub fn edited(&self, edits: &[Edit]) -> Result<Vec<Source>, String> {
        let mut placed = Vec::new();
        for edit in edits {
            let of = match edit {
                Edit::Field { of, .. } => *of,
                Edit::Object(_) => Of::Workload,
            };
            placed.push((self.home(of)?, edit));
        }
        // From the end backwards: what stands before a change keeps its line.
        placed.sort_by_key(|((_, place), edit)| (matches!(edit, Edit::Field { .. }), Reverse(place.line)));
        let mut sources = self.sources.to_vec();
        for ((at, place), edit) in placed {
            let source = &mut sources[at];
            let text = std::str::from_utf8(&source.text).map_err(|_| "is no text".to_owned())?;
            let edited = match edit {
                Edit::Field { path, value, .. } => edit::set(text, place, path, value)?,
                Edit::Object(fields) => edit::append(text, fields)?,
            };
            source.text = edited.into_bytes();
        }
        Ok(sources)
    }

    /// The place in the sources as they are of one in the edited ones; none if what stands there is new.
    pub fn original(&self, edited: &[Source], place: &Place) -> Option<Place> {
        let of = |sources: &[Source]| {
            let source = sources.iter().find(|source| source.path == place.file)?;
            Some(String::from_utf8_lossy(&source.text).into_owned())
        };
        let (line, column) = before_change(&of(self.sources)?, &of(edited)?, place.line, place.column)?;
        Some(Place { line, column, ..place.clone() })
    }

    /// The changes as a patch: unified, with three lines around each.
    ///
    /// # Errors
    /// Why they cannot be made.
    pub fn patch(&self, edits: &[Edit]) -> Result<String, String> {
        let edited = self.edited(edits)?;
        let text = |source: &Source| String::from_utf8_lossy(&source.text).into_owned();
        let changed = self.sources.iter().zip(&edited).filter(|(old, new)| old != new);
        let patches = changed.map(|(old, new)| {
            let (before, after) = (text(old), text(new));
            let difference = similar::TextDiff::from_lines(&before, &after);
            let (old, new) = (in_header('a', &old.path), in_header('b', &new.path));
            difference.unified_diff().context_radius(3).header(&old, &new).to_string()
        });
        Ok(patches.collect())
    }
}

/// Where in `old` stands what stands in this line and column of `new`, both from 1; none of a line that is new.
fn before_change(old: &str, new: &str, line: u32, column: u32) -> Option<(u32, u32)> {
    let index = usize::try_from(line).ok()?.checked_sub(1)?;
    let difference = similar::TextDiff::from_lines(old, new);
    let op = difference.ops().iter().find(|op| op.new_range().contains(&index))?;
    let (before, after) = (op.old_range(), op.new_range());
    if before.len() != after.len() {
        return None;
    }
    let number = before.start + (index - after.start);
    let chars = |text: &str, number: usize| text.lines().nth(number).map(|line| line.chars().collect());
    let (old, new): (Vec<char>, Vec<char>) = (chars(old, number)?, chars(new, index)?);
    let common = old.iter().zip(&new).take_while(|(one, other)| one == other).count();
    let end = old.iter().rev().zip(new.iter().rev()).take_while(|(one, other)| one == other).count();
    let column = usize::try_from(column).ok()?.checked_sub(1)?;
    let column = match column {
        column if column <= common => column,
        column if column + end >= new.len() => (column + old.len()).saturating_sub(new.len()),
        _ => common,
    };
    Some((u32::try_from(number + 1).ok()?, u32::try_from(column + 1).ok()?))
}

/// The name of a file in the head of a patch, from the working directory on (of one that is not in it, from the root on) and behind `a/` or `b/`, as `git apply` and `patch -p1` take it: one with a space ends with a tab there (GNU diff, "Detailed Description of Unified
/// Format"), and what would break its line is escaped.
fn in_header(side: char, path: &str) -> String {
    let here = std::env::current_dir().unwrap_or_default();
    let mut whole = here.clone();
    for part in Path::new(path).components() {
        match part {
            Component::ParentDir => _ = whole.pop(),
            Component::CurDir => {}
            part => whole.push(part),
        }
    }
    let path = whole.strip_prefix(here).unwrap_or(&whole).display().to_string();
    let path = path.trim_start_matches("./").trim_start_matches('/');
    let ends = if path.contains(' ') { "\t" } else { "" };
    let escaped: String = path
        .chars()
        .map(
            |letter| {
                if letter.is_control() { letter.escape_default().to_string() } else { letter.to_string() }
            },
        )
        .collect();
    format!("{side}/{escaped}{ends}")
}

#[cfg(test)]
mod tests {
    use super::{before_change, in_header};

    #[test]
    fn a_place_in_the_changed_text_is_told_as_one_of_the_text_as_it_is() {
        let old = "a: 1\nb: {c: 2, d: 3}\ne: 4\n";
        let new = "x:\n  y: 0\na: 1\nb: {c: 1000, d: 3}\ne: 4\n";
        let of = |line, column| before_change(old, new, line, column);
        assert_eq!((of(3, 4), of(5, 4)), (Some((1, 4)), Some((3, 4))));
        assert_eq!((of(1, 1), of(2, 3)), (None, None), "it is new");
        assert_eq!((of(4, 8), of(4, 17)), (Some((2, 8)), Some((2, 14))), "beside a value that is another");
    }

    #[test]
    fn a_name_stands_in_one_line_of_a_patch_and_has_an_end() {
        assert_eq!(in_header('a', "web.yaml"), "a/web.yaml");
        assert_eq!(in_header('b', "./my web.yaml"), "b/my web.yaml\t");
        assert_eq!(in_header('a', "a\n+++ b"), "a/a\\n+++ b\t");
        let here = std::env::current_dir().expect("there is one").join("deploy/web.yaml");
        assert_eq!(in_header('a', &here.display().to_string()), "a/deploy/web.yaml");
        assert_eq!(in_header('a', "/elsewhere/web.yaml"), "a/elsewhere/web.yaml");
        assert_eq!(in_header('a', "deploy/../web.yaml"), "a/web.yaml");
        let beside = std::env::current_dir().expect("there is one").join("../web.yaml");
        assert_eq!(in_header('a', "../web.yaml"), in_header('a', &beside.display().to_string()));
        assert!(!in_header('a', "../web.yaml").contains(".."));
    }
}
