//! Files into entries, in order.
