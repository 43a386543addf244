//! The addresses of pods: a network gives each to one of them.

use podproof_vocabulary::PodId;

use super::Known;
use crate::record::PodFacts;

/// What is wrong with the addresses that a status shows of a pod with a network of its own.
pub fn misfit(known: &Known<'_, '_>, pod: PodId, facts: &PodFacts) -> Option<String> {
    let first = facts.ip.as_ref().and_then(|ip| holder(known, pod, ip));
    let is_taken = |other| format!("its address is that of {other}, which is Ready");
    first.map(is_taken).or_else(|| other_families(known, pod, facts))
}

/// Another pod that lives and has this address, which a network of its own gives it alone (`one-address-one-pod`).
fn holder<'k>(known: &'k Known<'_, '_>, pod: PodId, ip: &str) -> Option<&'k str> {
    let is_new = known.names.address(pod, ip).is_none();
    let mut others = known.names.pods().filter(|&other| other != pod && is_new);
    let other = others.find(|&other| {
        let object = known.cluster.pod(other).api;
        let has = object.address().is_some() && object.address() == known.names.address(other, ip);
        has && object.exists() && object.ready() && !object.is_deleting()
    })?;
    Some(known.names.pod_name(other))
}

/// What is wrong with the addresses that a pod has beside its first: they come with its sandbox, as that does, and are nobody else's.
fn other_families(known: &Known<'_, '_>, pod: PodId, facts: &PodFacts) -> Option<String> {
    if let Some((ip, other)) = facts.more_ips.iter().find_map(|ip| Some((ip, holder(known, pod, ip)?))) {
        return Some(format!("its address {ip} is that of {other}, which is Ready"));
    }
    let address = known.names.address(pod, facts.ip.as_ref()?)?;
    let mut more = facts.more_ips.iter();
    let (ip, before) = more.find_map(|ip| Some((ip, known.names.other_of_family(pod, address, ip)?)))?;
    Some(format!("its address {ip} was {before}, in the same sandbox"))
}
