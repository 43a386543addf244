//! Tests of which endpoints are used, and how often rules are programmed.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::core::v1::{Service, ServiceSpec};
use k8s_openapi::api::discovery::v1::{Endpoint as ApiEndpoint, EndpointConditions, EndpointSlice};
use podproof_vocabulary::Release;

use super::endpoint::{Endpoint, endpoints_of};
use super::frequency::Frequency;
use super::rules::compute;
use crate::clock::Moment;
use crate::slip::{Slip, Slips};

/// An endpoint by its last byte: ready, serving, terminating; on node `n` if the byte is odd.
fn endpoint(last: u8, conditions: &str) -> Endpoint {
    Endpoint {
        address: Ipv4Addr::new(10, 1, 0, last),
        node: Some(if last % 2 == 1 { "n" } else { "m" }.into()),
        pod: None,
        ready: conditions.contains('r'),
        serving: conditions.contains('s'),
        terminating: conditions.contains('t'),
    }
}

fn service(change: impl FnOnce(&mut ServiceSpec)) -> Service {
    let mut spec = ServiceSpec::default();
    change(&mut spec);
    Service { spec: Some(spec), ..Service::default() }
}

fn used(service: &Service, endpoints: &[Endpoint], minor: u8, slips: Slips) -> (Vec<u8>, Option<Vec<u8>>) {
    let rules = compute(service, endpoints, &Arc::from("n"), Release { minor }, slips);
    let bytes = |used: Vec<Endpoint>| used.iter().map(|it| it.address.octets()[3]).collect();
    (bytes(rules.internal), rules.external.map(bytes))
}

/// PRX-20 to PRX-23.
#[test]
fn ready_endpoints_are_used_or_else_those_that_terminate_and_serve() {
    let (plain, none) = (service(|_| ()), Vec::<u8>::new());
    let internal = |endpoints: &[Endpoint], minor| used(&plain, endpoints, minor, Slips::NONE).0;
    let mixed = [endpoint(1, "rs"), endpoint(2, "st"), endpoint(3, "s"), endpoint(4, "")];
    assert_eq!(internal(&mixed, 36), [1]);
    let leaving = [endpoint(2, "st"), endpoint(3, "s"), endpoint(4, "t"), endpoint(6, "")];
    assert_eq!(internal(&leaving, 36), [2]);
    assert_eq!(internal(&leaving, 26), [2]);
    assert_eq!(internal(&leaving, 25), none, "from 1.26 on");
    assert_eq!(internal(&[endpoint(1, "t"), endpoint(2, "")], 36), none, "PRX-23");
    assert_eq!(used(&plain, &leaving, 36, Slips::only(Slip::ProxyNeverFallsBack)).0, none);
    assert_eq!(used(&plain, &mixed, 36, Slips::only(Slip::ProxyTakesTerminatingForReady)).0, [1, 2, 3]);
}

/// PRX-21.
#[test]
fn a_local_policy_stays_on_its_node() {
    let local = |internal: bool, external: bool| {
        service(|spec| {
            let policy = |local| Some(if local { "Local" } else { "Cluster" }.to_owned());
            spec.type_ = Some("NodePort".to_owned());
            spec.internal_traffic_policy = policy(internal);
            spec.external_traffic_policy = policy(external);
        })
    };
    let endpoints = [endpoint(1, "st"), endpoint(2, "rs")];
    let of = |service: &Service| used(service, &endpoints, 36, Slips::NONE);
    assert_eq!(of(&local(false, false)), (vec![2], Some(vec![2])));
    assert_eq!(of(&local(true, false)), (vec![1], Some(vec![2])));
    assert_eq!(of(&local(false, true)), (vec![2], Some(vec![1])));
    let swapped = used(&local(false, true), &endpoints, 36, Slips::only(Slip::ProxySwapsPolicies));
    assert_eq!(swapped, (vec![1], Some(vec![2])));
    assert_eq!(of(&service(|_| ())).1, None, "nobody comes from outside");
}

/// EPS-6, EPS-10.
#[test]
fn conditions_have_defaults_and_an_address_counts_once() {
    let api = |address: &str, conditions| ApiEndpoint {
        addresses: vec![address.to_owned()],
        conditions,
        ..ApiEndpoint::default()
    };
    let slice =
        |endpoints| Arc::new(EndpointSlice { endpoints: Some(endpoints), ..EndpointSlice::default() });
    let not_ready = EndpointConditions { ready: Some(false), ..EndpointConditions::default() };
    let one = slice(vec![api("10.1.0.1", None), api("10.1.0.2", Some(not_ready))]);
    let other = slice(vec![api("10.1.0.1", None)]);
    let found = endpoints_of([&one, &other].into_iter(), "n", Release::NEWEST);
    let conditions: Vec<_> = found.iter().map(|it| (it.ready, it.serving, it.terminating)).collect();
    assert_eq!(conditions, [(true, true, false), (false, false, false)]);
}

/// EPS-10, kubernetes#135266: the address of a pod that is not gone yet is another pod's by now.
#[test]
fn of_two_endpoints_with_one_address_one_that_stays_is_used_from_1_36_on() {
    let api = |node: &str, stays| ApiEndpoint {
        addresses: vec!["10.1.0.1".to_owned()],
        node_name: Some(node.to_owned()),
        conditions: Some(EndpointConditions {
            ready: Some(stays),
            serving: Some(stays),
            terminating: Some(!stays),
        }),
        ..ApiEndpoint::default()
    };
    let (leaves, stays) = (api("m", false), api("n", true));
    for (minor, node, leaves_first, uses) in [
        (36, "n", true, true),
        (36, "m", true, true),
        (36, "n", false, true),
        (36, "m", false, true),
        (35, "n", true, true),
        (35, "m", true, false),
        (35, "o", true, false),
        (35, "n", false, true),
        (35, "m", false, false),
        (35, "o", false, true),
    ] {
        let mut endpoints = vec![leaves.clone(), stays.clone()];
        if !leaves_first {
            endpoints.reverse();
        }
        let slice = Arc::new(EndpointSlice { endpoints: Some(endpoints), ..EndpointSlice::default() });
        let found = endpoints_of([&slice].into_iter(), node, Release { minor });
        let ready: Vec<bool> = found.iter().map(|it| it.ready).collect();
        assert_eq!(ready, [uses], "1.{minor} on {node}, {leaves_first}");
    }
}

/// PRX-1, PRX-2: two at once, then one a second; and one an hour at least.
#[test]
fn rules_are_programmed_at_most_once_a_second_after_a_burst_of_two() {
    let mut frequency = Frequency::new(Duration::from_secs(1), Duration::from_secs(3_600));
    assert_eq!(frequency.next(), None);
    let mut due = |at: u64| {
        frequency.want();
        let due = frequency.is_due(Moment(at));
        if due {
            frequency.run(Moment(at));
        }
        due
    };
    let runs = [5_000, 5_000, 5_000, 5_999, 6_000, 6_500, 7_000, 20_000, 20_000, 20_000].map(&mut due);
    assert_eq!(runs, [true, true, false, false, true, false, true, true, true, false]);
    frequency.run(Moment(21_000));
    assert_eq!(frequency.next(), Some(Moment(3_621_000)), "nothing is wanted");
}

/// PRX-21: by its type, or by addresses of its own.
#[test]
fn a_service_is_reached_from_outside_by_its_type_or_by_external_addresses() {
    let of_type = |kind: &str| service(|spec| spec.type_ = Some(kind.to_owned()));
    let with = |ips: Vec<String>| service(|spec| spec.external_ips = Some(ips));
    let outside = |service: &Service| used(service, &[endpoint(2, "rs")], 36, Slips::NONE).1;
    for reached in [of_type("NodePort"), of_type("LoadBalancer"), with(vec!["192.0.2.1".to_owned()])] {
        assert_eq!(outside(&reached), Some(vec![2]));
    }
    for inner in [of_type("ClusterIP"), with(Vec::new())] {
        assert_eq!(outside(&inner), None);
    }
}
