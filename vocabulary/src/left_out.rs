//! What the model does not represent, as data.
