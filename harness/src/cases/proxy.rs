//! `proxy`: a kube-proxy beside an API server whose Services and slices change, against a naive map: at rest its rules are what the
//! Services and slices say, and a restart takes nothing away.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;
use std::time::Duration;

use arbitrary::Arbitrary;
use k8s_openapi::api::core::v1::{Service, ServiceSpec};
use k8s_openapi::api::discovery::v1::{Endpoint, EndpointConditions, EndpointSlice};
use podproof_runtime::api::{Key, Kind, Request, Resource, Version};
use podproof_runtime::operation::{Component, NodeIndex, Process, Step};
use podproof_runtime::proxy::{KubeProxy, ProxyStep};
use podproof_runtime::{Operation, Slips};
use podproof_vocabulary::Release;

use crate::runner::Checked;
use crate::stage::build::{deletion, key, labels, meta};
use crate::stage::script::Script;
use crate::stage::{Stage, World};

const NODE: NodeIndex = NodeIndex(0);
const NODES: [&str; 2] = ["here", "there"];
const SERVICES: [&str; 2] = ["web", "api"];
const SLICES: usize = 3;
const SERVICE_NAME: &str = "kubernetes.io/service-name";
/// Rules are programmed once a second after a burst of two; a failure is retried after 30 s, a broken reflector after as much.
const SETTLED: Duration = Duration::from_secs(70);

/// A Service and its slices.
#[derive(Clone, Debug, Arbitrary)]
pub struct TestCase(Script<Event>);

#[derive(Clone, Copy, Debug, Arbitrary)]
enum Event {
    Nothing,
    /// A Service is as it is now; two bits for its policies, three for how it is reached from outside.
    PutService {
        service: u8,
        policies: u8,
    },
    DeleteService(u8),
    /// A slice is of a Service and has these endpoints: four bits for each.
    PutSlice {
        slice: u8,
        service: u8,
        endpoints: u16,
    },
    DeleteSlice(u8),
    Fault(u8),
    FailToProgram,
    Compact,
    Restart,
}

/// Lets it happen. Useful if rules were programmed that send connections somewhere.
///
/// # Panics
/// At a bug.
pub fn check(case: &TestCase) -> Checked {
    check_with(case, Slips::NONE)
}

/// The same of a kube-proxy with wrong mechanisms.
pub(crate) fn check_with(case: &TestCase, slips: Slips) -> Checked {
    let release = if case.0.seed.is_multiple_of(4) { Release { minor: 25 } } else { Release::NEWEST };
    let mut stage = Stage::new(case.0.seed, release, slips);
    stage.cluster.add(Process::Proxy(NODE), Box::new(KubeProxy::new(NODE, NODES[0])));
    let mut world = Routing { stage, release, steady: BTreeMap::new(), useful: false };
    world.play(&case.0.scenes);
    world.wait(SETTLED);
    world.compare();
    world.stage.log().checked(world.useful)
}

type Addresses = BTreeSet<Ipv4Addr>;
/// Where connections from inside and from outside go.
type Targets = (Addresses, Option<Addresses>);

struct Routing {
    stage: Stage,
    release: Release,
    /// The Services that were there when the kube-proxy started and have not changed since, nor have their slices: the versions of
    /// all these. Of two changes that make up for each other it may have heard of one.
    steady: BTreeMap<Key, (Vec<Version>, Targets)>,
    useful: bool,
}

impl World for Routing {
    type Event = Event;

    fn stage(&self) -> &Stage {
        &self.stage
    }

    fn stage_mut(&mut self) -> &mut Stage {
        &mut self.stage
    }

    fn act(&mut self, event: &Event) {
        match *event {
            Event::Nothing => {}
            Event::PutService { service: which, policies } => {
                let service = service(SERVICES[usize::from(which) % SERVICES.len()], policies);
                self.stage.put(service);
            }
            Event::DeleteService(which) => {
                self.delete(Resource::Service, SERVICES[usize::from(which) % SERVICES.len()]);
            }
            Event::PutSlice { slice: which, service, endpoints } => {
                let service = SERVICES[usize::from(service) % SERVICES.len()];
                self.stage.put(slice(usize::from(which) % SLICES, service, endpoints));
            }
            Event::DeleteSlice(which) => {
                self.delete(Resource::EndpointSlice, &slice_name(usize::from(which) % SLICES));
            }
            Event::Fault(answer) => self.go_wrong(answer),
            Event::FailToProgram => self.fail_to_program(),
            Event::Compact => self.stage.cluster.server_mut().compact(),
            Event::Restart => {
                self.stage.cluster.stop(Process::Proxy(NODE));
                self.stage.cluster.start(Process::Proxy(NODE));
                let programmed = self.wanted().into_iter().filter(|it| self.rules().contains(it));
                let dated = |(key, targets): (Key, Targets)| (key.clone(), (self.versions(&key), targets));
                self.steady = programmed.map(dated).collect();
            }
        }
        let mut steady = std::mem::take(&mut self.steady);
        steady.retain(|key, (versions, _)| self.versions(key) == *versions);
        self.steady = steady;
    }

    /// PRX-6, PRX-8: rules for what did not change stay as they are over a restart.
    fn after(&mut self, operation: &Operation) {
        if operation.step == Step::Proxy(ProxyStep::Program) {
            let rules = self.rules();
            for (service, (_, targets)) in &self.steady {
                let programmed = rules.iter().find(|(key, _)| key == service).map(|(_, targets)| targets);
                assert_eq!(programmed, Some(targets), "the rules of {service}, which did not change");
            }
            self.useful |= rules.iter().any(|(_, (internal, _))| !internal.is_empty());
        }
    }
}

impl Routing {
    fn delete(&mut self, resource: Resource, name: &str) {
        self.stage.call(Request::Delete(resource, key(name), deletion(None)));
    }

    fn fail_to_program(&mut self) {
        let mut operations = Vec::new();
        self.stage.cluster.pending(&mut operations);
        if operations.iter().any(|operation| operation.step == Step::Proxy(ProxyStep::Program)) {
            self.complete(&Operation::new(Component::Proxy(NODE), Step::Proxy(ProxyStep::FailToProgram)));
        }
    }

    fn rules(&self) -> Vec<(Key, Targets)> {
        let proxy: Option<&KubeProxy> = self.stage.cluster.actor(Process::Proxy(NODE));
        let addresses =
            |of: &Vec<podproof_runtime::proxy::endpoint::Endpoint>| of.iter().map(|it| it.address).collect();
        let rules = proxy.into_iter().flat_map(|proxy| proxy.rules());
        rules
            .map(|(key, it)| (key.clone(), (addresses(&it.internal), it.external.as_ref().map(addresses))))
            .collect()
    }

    fn slices(&self, service: &Key) -> impl Iterator<Item = &EndpointSlice> {
        let slices = self.stage.cluster.server().store().all::<EndpointSlice>().map(|(_, slice)| slice);
        slices.filter(move |slice| {
            slice.label(SERVICE_NAME) == Some(service.name())
                && slice.metadata.namespace.as_deref() == Some(service.namespace())
        })
    }

    /// The versions of a Service and of its slices.
    fn versions(&self, service: &Key) -> Vec<Version> {
        let stored = self.stage.cluster.server().store().get::<Service>(service).map(Kind::version);
        stored.into_iter().chain(self.slices(service).map(Kind::version)).collect()
    }

    /// What the rules should be (PRX-20 to PRX-23).
    fn wanted(&self) -> BTreeMap<Key, Targets> {
        let store = self.stage.cluster.server().store();
        let services = store.all::<Service>();
        services
            .map(|(key, service)| {
                let endpoints: Vec<&Endpoint> =
                    self.slices(key).flat_map(|slice| slice.endpoints.iter().flatten()).collect();
                (key.clone(), self.targets(service, &endpoints))
            })
            .collect()
    }

    fn targets(&self, service: &Service, endpoints: &[&Endpoint]) -> Targets {
        let spec = service.spec.clone().unwrap_or_default();
        let of = |policy: Option<&str>| {
            let near = |it: &&&Endpoint| policy != Some("Local") || it.node_name.as_deref() == Some(NODES[0]);
            // EPS-6: what a slice does not say of an endpoint.
            let said = |it: &Endpoint, of: fn(&EndpointConditions) -> Option<bool>| {
                it.conditions.as_ref().and_then(of)
            };
            let is_ready = |it: &Endpoint| said(it, |c| c.ready) != Some(false);
            let serves = |it: &Endpoint| said(it, |c| c.serving).unwrap_or_else(|| is_ready(it));
            let addresses = |wanted: &dyn Fn(&Endpoint) -> bool| -> Addresses {
                let chosen = endpoints.iter().filter(near).filter(|it| wanted(it));
                chosen.flat_map(|it| it.addresses.iter().filter_map(|address| address.parse().ok())).collect()
            };
            let ready = addresses(&is_ready);
            if !ready.is_empty() || self.release.minor < 26 {
                return ready;
            }
            addresses(&|it| serves(it) && said(it, |c| c.terminating) == Some(true))
        };
        let has_own = spec.external_ips.is_some_and(|ips| !ips.is_empty());
        let outside = has_own || matches!(spec.type_.as_deref(), Some("NodePort" | "LoadBalancer"));
        let external = outside.then(|| of(spec.external_traffic_policy.as_deref()));
        (of(spec.internal_traffic_policy.as_deref()), external)
    }

    fn compare(&self) {
        if !self.stage.is_over() {
            let rules: BTreeMap<Key, Targets> = self.rules().into_iter().collect();
            assert_eq!(rules, self.wanted(), "the rules of the node, and what Services and slices say");
        }
    }
}

fn service(name: &str, policies: u8) -> Service {
    let policy = |bit: u8| (policies >> bit & 1 == 1).then(|| "Local".to_owned());
    let (type_, external_ips) = match policies >> 2 & 7 {
        0 => ("ClusterIP", None),
        1 => ("ClusterIP", Some(Vec::new())),
        2 => ("ClusterIP", Some(vec!["192.0.2.1".to_owned()])),
        3 | 4 => ("LoadBalancer", None),
        _ => ("NodePort", None),
    };
    let spec = ServiceSpec {
        type_: Some(type_.to_owned()),
        external_ips,
        internal_traffic_policy: policy(0),
        external_traffic_policy: policy(1),
        ..ServiceSpec::default()
    };
    Service { metadata: meta(name), spec: Some(spec), ..Service::default() }
}

fn slice_name(index: usize) -> String {
    format!("slice-{index}")
}

/// Four endpoints at most: none, ready, serving while it terminates, or neither; each on either node. A ready one may terminate too
/// (EPS-3), and one may come without a word of how it is.
fn slice(index: usize, service: &str, bits: u16) -> EndpointSlice {
    let endpoint = |place: u16| {
        let own = bits >> (4 * place) & 15;
        let conditions = |ready, serving, terminating| EndpointConditions {
            ready: Some(ready),
            serving: Some(serving),
            terminating: Some(terminating),
        };
        let conditions = match own & 3 {
            0 => return None,
            1 => Some(conditions(true, true, own & 8 == 8)),
            2 if own & 8 == 8 => None,
            2 => Some(conditions(false, true, true)),
            _ => Some(conditions(false, false, own & 8 == 8)),
        };
        Some(Endpoint {
            addresses: vec![
                Ipv4Addr::new(10, 1, u8::try_from(index).unwrap_or(0), u8::try_from(place).unwrap_or(0))
                    .to_string(),
            ],
            conditions,
            node_name: Some(NODES[usize::from(own >> 2 & 1)].to_owned()),
            ..Endpoint::default()
        })
    };
    let mut metadata = meta(&slice_name(index));
    metadata.labels = Some(labels([(SERVICE_NAME, service)]));
    EndpointSlice {
        address_type: "IPv4".to_owned(),
        endpoints: Some((0..4).filter_map(endpoint).collect()),
        metadata,
        ports: None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::{SMOKE_RUNS, assert_useful};
    use super::*;

    #[test]
    fn smoke() {
        assert_useful("proxy", SMOKE_RUNS, check, 2);
    }
}
