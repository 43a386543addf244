//! The story of a trace for a browser: one page that needs nothing but itself.
//!
//! - `data`: everything that the page shows, in words
//! - `teller`: going along the trace for it
//! - `bar`, `lane`, `arrow`: what is drawn over time
//! - `html`: the document, in which no name of a trace can be markup
//!
//! The program of the page stands beside these, in `program/`; it only draws.

mod arrow;
mod bar;
mod data;
mod html;
mod lane;
mod teller;

use std::collections::BTreeSet;

use crate::slice::Slice;
use crate::trace::Trace;
use crate::turning::TurningPoint;
use data::Data;

/// A page that is to be written.
#[derive(Debug)]
pub struct Page(Data);

impl Page {
    /// The page of a trace. What happens is told from what is recorded; only the beginning and the reasons at the end are
    /// computed on the model.
    pub fn of(trace: &Trace) -> Self {
        Self(Data::of(trace))
    }

    /// The same, with the steps that its end depends on, if somebody has told: the reader may fold all others away, but for the
    /// end itself, which may be a tick.
    #[must_use]
    pub fn sliced(mut self, slice: Option<&Slice>) -> Self {
        let end = Some(self.0.end).filter(|&end| end > 0);
        self.0.slice = slice.map(|slice| {
            let steps: BTreeSet<usize> = slice.steps.iter().copied().chain(end).collect();
            steps.into_iter().collect()
        });
        self
    }

    /// The same, with the turning point of `trace`, if there is one.
    #[must_use]
    pub fn turning(mut self, trace: &Trace, point: Option<&TurningPoint>) -> Self {
        self.0.turning =
            point.map(|point| (point.step, point.told(trace))).filter(|(_, told)| !told.is_empty());
        self
    }

    /// The document: HTML with its style, its program and its data, which asks for nothing over any network.
    pub fn to_html(&self) -> String {
        html::document(&self.0)
    }
}
