//! NodeResourcesFit: what is asked for is free (FLT-3).

use crate::api::quantity::Amounts;
use crate::scheduler::cache::NodeInfo;

/// Is there room for one more pod, and for every resource that it asks for?
pub fn passes(requests: &Amounts, info: &NodeInfo) -> bool {
    let count = i128::try_from(info.pods_count() + 1).unwrap_or(i128::MAX) * 1_000;
    let fits = |(name, wanted): (&str, i128)| {
        wanted <= 0 || wanted <= info.allocatable.get(name) - info.requested.get(name)
    };
    count <= info.allocatable.get("pods") && requests.iter().all(fits)
}
