//! Lies about the rules of nodes.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::Kind;
use crate::edit::{CLEARLY, SECOND, end};
use crate::line::{Line, Micros};
use crate::recording::Recording;

/// The kinds of this file.
pub const KINDS: &[Kind] = &[
    Kind {
        name: "rules-have-an-address-that-nobody-has",
        tells: "rules have an address that was never in a slice",
        shows: "those rules",
        by_the_api: false,
        falsify: rules_have_an_address_that_nobody_has,
    },
    Kind {
        name: "rules-know-before-the-slice",
        tells: "rules have an address before the slice has it",
        shows: "those rules",
        by_the_api: false,
        falsify: rules_know_before_the_slice,
    },
    Kind {
        name: "rules-keep-a-removed-address",
        tells: "rules that were programmed without an address have it again",
        shows: "those rules",
        by_the_api: false,
        falsify: rules_keep_a_removed_address,
    },
    Kind {
        name: "rules-forget-an-address",
        tells: "rules lose an address that the slice has",
        shows: "those rules",
        by_the_api: false,
        falsify: rules_forget_an_address,
    },
    Kind {
        name: "rules-lead-to-another-port",
        tells: "rules lead to another port than the Service and its slices",
        shows: "those rules",
        by_the_api: false,
        falsify: rules_lead_to_another_port,
    },
];

const PROXIES: [&str; 2] = ["proxy-node-a.jsonl", "proxy-node-b.jsonl"];

/// The addresses that the rules of the only Service have.
fn addresses(line: &Line) -> BTreeSet<String> {
    let services = line.value["endpoints"].as_object();
    let addresses = services.into_iter().flat_map(|services| services.values());
    let addresses = addresses.flat_map(|addresses| addresses.as_array().into_iter().flatten());
    addresses.filter_map(Value::as_str).map(str::to_owned).collect()
}

fn set(line: &mut Line, addresses: &BTreeSet<String>) {
    let services = line.value["endpoints"].as_object_mut().expect("the endpoints of the rules");
    let service = services.keys().next().cloned().expect("a Service");
    services.insert(service, json!(addresses));
}

/// The writes of kube-proxy on a node, in order.
fn writes<'r>(recording: &'r Recording, file: &str) -> Vec<&'r Line> {
    recording.lines(file).iter().filter(|line| line.text("/src") == "restore").collect()
}

fn rules_have_an_address_that_nobody_has(recording: &mut Recording) -> Option<usize> {
    let write = PROXIES.iter().find_map(|file| {
        writes(recording, file).into_iter().find(|line| !addresses(line).is_empty()).map(|line| line.id)
    })?;
    recording.change(write, |line| {
        let mut all = addresses(line);
        all.insert("10.244.9.9:8080".into());
        set(line, &all);
    });
    Some(write)
}

fn rules_lead_to_another_port(recording: &mut Recording) -> Option<usize> {
    let write = PROXIES.iter().find_map(|file| {
        writes(recording, file).into_iter().find(|line| !addresses(line).is_empty()).map(|line| line.id)
    })?;
    recording.change(write, |line| {
        let of_address = |address: &String| address.split(':').next().map(|ip| format!("{ip}:1"));
        let elsewhere = addresses(line).iter().filter_map(of_address).collect();
        set(line, &elsewhere);
    });
    Some(write)
}

/// The rules have an address before any slice has it as ready.
fn rules_know_before_the_slice(recording: &mut Recording) -> Option<usize> {
    let (write, before) = PROXIES.iter().find_map(|file| {
        let write = writes(recording, file).into_iter().find(|line| !addresses(line).is_empty())?;
        let address = addresses(write).into_iter().next()?;
        let ip = address.split(':').next()?.to_owned();
        let is_in = |line: &&Line| {
            let endpoints = line.value["responseObject"]["endpoints"].as_array();
            line.is("update", "endpointslices")
                && endpoints.into_iter().flatten().any(|endpoint| {
                    endpoint["addresses"][0] == *ip && endpoint["conditions"]["ready"] == true
                })
        };
        let slice = recording.audit().find(is_in)?.received();
        Some((write.id, slice))
    })?;
    recording.change(write, |line| line.happens(before - CLEARLY));
    Some(write)
}

/// Rules that were programmed without an address have it again, while no slice has it.
fn rules_keep_a_removed_address(recording: &mut Recording) -> Option<usize> {
    PROXIES
        .iter()
        .find_map(|file| {
            let all = writes(recording, file);
            all.windows(2).find_map(|pair| {
                let (before, after) = (addresses(pair[0]), addresses(pair[1]));
                let lost = before.difference(&after).next()?.clone();
                let at = pair[1].at() + CLEARLY;
                let write = pair[1].id;
                (!after.is_empty() && !is_in_a_slice(recording, &lost, at)).then_some((write, lost, at))
            })
        })
        .map(|(write, lost, at)| {
            recording.add_like(write, |line| {
                let mut all = addresses(line);
                all.insert(lost);
                set(line, &all);
                line.happens(at);
            })
        })
}

/// Does the slice of the moment, or of one near it, have this address as ready?
fn is_in_a_slice(recording: &Recording, address: &str, at: Micros) -> bool {
    let ip = address.split(':').next().unwrap_or_default();
    let has = |line: &&Line| {
        let endpoints = line.value["responseObject"]["endpoints"].as_array();
        endpoints
            .into_iter()
            .flatten()
            .any(|endpoint| endpoint["addresses"][0] == *ip && endpoint["conditions"]["ready"] == true)
    };
    let mut slices: Vec<&Line> =
        recording.audit().filter(|line| line.is("update", "endpointslices")).collect();
    slices.sort_by_key(|line| line.version());
    let before = slices.iter().rfind(|line| line.received() < at - CLEARLY);
    let near = slices.iter().filter(|line| (at - CLEARLY..at + CLEARLY).contains(&line.received()));
    before.into_iter().chain(near).any(has)
}

/// Rules that nobody wrote again lose an address of the slice.
fn rules_forget_an_address(recording: &mut Recording) -> Option<usize> {
    PROXIES.iter().find_map(|file| {
        let last = writes(recording, file).into_iter().rfind(|line| !addresses(line).is_empty())?;
        let at = last.at() + SECOND;
        let slices = recording.audit().filter(|line| line.is("update", "endpointslices"));
        let calm = slices.map(Line::at).all(|slice| slice < last.at() || slice > at + SECOND);
        let write = last.id;
        (calm && at < end(recording)).then(|| {
            recording.add_like(write, |line| {
                let all = addresses(line);
                set(line, &all.into_iter().skip(1).collect());
                line.happens(at);
            })
        })
    })
}
