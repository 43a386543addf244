//! An endpoint as kube-proxy has it, and which endpoints a connection may go to (PRX-20 to PRX-23; M31 `pkg/proxy/topology.go`
//! `CategorizeEndpoints`).

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::Arc;

use k8s_openapi::api::discovery::v1::EndpointSlice;
use podproof_vocabulary::Release;

use crate::api::Uid;
use crate::slip::{Slip, Slips};

/// An endpoint of a Service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// Its address.
    pub address: Ipv4Addr,
    /// `nodeName`.
    pub node: Option<Arc<str>>,
    /// The pod that it is, or was, as the slice says.
    pub pod: Option<Uid>,
    /// Condition `ready`.
    pub ready: bool,
    /// Condition `serving`.
    pub serving: bool,
    /// Condition `terminating`.
    pub terminating: bool,
}

/// The endpoints of some slices, each address once (EPS-10): as the first that has it is, unless a later one is on this node or, from
/// 1.36 on, does not terminate (`endpointslicecache.go` `addEndpoints`, kubernetes#135593). A condition that is not set has its
/// default (EPS-6).
pub fn endpoints_of<'a>(
    slices: impl Iterator<Item = &'a Arc<EndpointSlice>>,
    node: &str,
    release: Release,
) -> Vec<Endpoint> {
    let mut found: BTreeMap<Ipv4Addr, Endpoint> = BTreeMap::new();
    for endpoint in slices.flat_map(|slice| slice.endpoints.iter().flatten()) {
        let conditions = endpoint.conditions.as_ref();
        let ready = conditions.and_then(|it| it.ready).unwrap_or(true);
        let serving = conditions.and_then(|it| it.serving).unwrap_or(ready);
        let terminating = conditions.and_then(|it| it.terminating).unwrap_or(false);
        let is_local = endpoint.node_name.as_deref() == Some(node);
        let takes_over = if release.minor >= 36 { !terminating } else { is_local };
        for address in endpoint.addresses.iter().filter_map(|address| address.parse().ok()) {
            let own = Endpoint {
                address,
                node: endpoint.node_name.as_deref().map(Arc::from),
                pod: endpoint.target_ref.as_ref().and_then(|it| it.uid.as_deref()).map(Uid::from),
                ready,
                serving,
                terminating,
            };
            if takes_over {
                found.insert(address, own);
            } else {
                found.entry(address).or_insert(own);
            }
        }
    }
    found.into_values().collect()
}

/// Those of the endpoints that a new connection may go to: the ready ones, or else, from 1.26 on, those that terminate and still
/// serve.
pub fn usable<'a>(
    endpoints: impl Iterator<Item = &'a Endpoint> + Clone,
    release: Release,
    slips: Slips,
) -> Vec<Endpoint> {
    let terminating_is_ready = slips.has(Slip::ProxyTakesTerminatingForReady);
    let ready = |it: &&Endpoint| it.ready || (terminating_is_ready && it.serving);
    let usable: Vec<Endpoint> = endpoints.clone().filter(ready).cloned().collect();
    let falls_back = release.falls_back_to_terminating() && !slips.has(Slip::ProxyNeverFallsBack);
    if !usable.is_empty() || !falls_back {
        return usable;
    }
    endpoints.filter(|it| it.serving && it.terminating).cloned().collect()
}
