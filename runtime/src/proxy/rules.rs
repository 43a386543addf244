//! The rules of a machine. They stand in its kernel: they stay when kube-proxy is gone (PRX-8).

use std::collections::BTreeMap;
use std::sync::Arc;

use k8s_openapi::api::core::v1::{Service, ServiceSpec};
use podproof_vocabulary::Release;

use super::endpoint::{Endpoint, usable};
use crate::api::Key;
use crate::slip::{Slip, Slips};

/// Where connections to one Service go on this machine. Each goes to any of the endpoints (PRX-24); with none it is refused.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServiceRules {
    /// Connections from pods and from the machine itself.
    pub internal: Vec<Endpoint>,
    /// Connections from outside of the cluster; none if the Service takes none.
    pub external: Option<Vec<Endpoint>>,
}

/// The rules of a machine, by Service.
pub type Rules = BTreeMap<Key, ServiceRules>;

/// Computes the rules of one Service from its endpoints (PRX-20, PRX-21).
pub fn compute(
    service: &Service,
    endpoints: &[Endpoint],
    node: &Arc<str>,
    release: Release,
    slips: Slips,
) -> ServiceRules {
    let spec = service.spec.as_ref();
    let is_local = |policy: Option<&String>| policy.is_some_and(|policy| policy == "Local");
    let here = |it: &&Endpoint| it.node.as_ref() == Some(node);
    let of = |local: bool| {
        if local {
            usable(endpoints.iter().filter(here), release, slips)
        } else {
            usable(endpoints.iter(), release, slips)
        }
    };
    let mut local = [
        is_local(spec.and_then(|spec| spec.internal_traffic_policy.as_ref())),
        is_local(spec.and_then(|spec| spec.external_traffic_policy.as_ref())),
    ];
    if slips.has(Slip::ProxySwapsPolicies) {
        local.reverse();
    }
    let [inside, outside] = local;
    let internal = of(inside);
    let external = is_reached_from_outside(spec).then(|| of(outside));
    ServiceRules { internal, external }
}

fn is_reached_from_outside(spec: Option<&ServiceSpec>) -> bool {
    let kind = spec.and_then(|spec| spec.type_.as_deref());
    matches!(kind, Some("NodePort" | "LoadBalancer"))
        || spec.is_some_and(|spec| spec.external_ips.as_ref().is_some_and(|ips| !ips.is_empty()))
}
