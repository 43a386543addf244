//! Nothing: only where its dependency lies matters.
