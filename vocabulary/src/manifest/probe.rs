//! Probes: their periods and thresholds. What a probe asks is left out: it succeeds exactly if the container accepts
//! connections.

use k8s_openapi::api::core::v1 as core;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::container::port_number;
use super::cursor::Cursor;
use super::names;
use super::tree::quoted;
use crate::scenario::Probe;

/// What a probe is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Use {
    /// `startupProbe`.
    Startup,
    /// `readinessProbe`.
    Readiness,
    /// `livenessProbe`.
    Liveness,
}

/// Reads a probe, with the defaults of PRB-1 (S28 `pkg/apis/core/v1/defaults.go` `SetDefaults_Probe`, which takes a zero
/// for a value that is not set, and `validateProbe`).
pub fn probe(
    cursor: &Cursor<'_>,
    given: Option<&core::Probe>,
    purpose: Use,
    container: &core::Container,
) -> Option<Probe> {
    let given = given?;
    let ports = container.ports.as_deref().unwrap_or_default();
    let http = given.http_get.as_ref().map(|asked| &asked.port);
    let tcp = given.tcp_socket.as_ref().map(|asked| &asked.port);
    for (handler, asked) in [("httpGet", http), ("tcpSocket", tcp)] {
        let at = cursor.field(handler).field("port");
        if let Some(asked) = asked.filter(|asked| is_a_port(&at, asked)) {
            asks_a_port(&at, asked, ports);
        }
    }
    if let Some(asked) = &given.grpc {
        is_a_port(&cursor.at("grpc.port"), &IntOrString::Int(asked.port));
    }
    let handlers =
        [given.exec.is_some(), given.http_get.is_some(), given.tcp_socket.is_some(), given.grpc.is_some()];
    let count = handlers.into_iter().filter(|&is_set| is_set).count();
    if count != 1 {
        cursor.refuse(
            format!("names {count} things to ask"),
            "exactly one of exec, httpGet, tcpSocket and grpc",
        );
    }
    let or_default =
        |name: &str, value: Option<i32>, default: u32| match cursor.field(name).count(value, default) {
            0 => default,
            value => value,
        };
    let success_threshold = or_default("successThreshold", given.success_threshold, 1);
    if purpose != Use::Readiness && success_threshold != 1 {
        cursor
            .field("successThreshold")
            .refuse(format!("is {success_threshold}"), "1, as the probe is no readinessProbe");
    }
    if purpose == Use::Readiness && given.termination_grace_period_seconds.is_some() {
        cursor
            .field("terminationGracePeriodSeconds")
            .refuse("is set on a readinessProbe", "this field on startupProbe and livenessProbe only");
    }
    Some(Probe {
        initial_delay_seconds: cursor.field("initialDelaySeconds").count(given.initial_delay_seconds, 0),
        period_seconds: or_default("periodSeconds", given.period_seconds, 10),
        timeout_seconds: or_default("timeoutSeconds", given.timeout_seconds, 1),
        success_threshold,
        failure_threshold: or_default("failureThreshold", given.failure_threshold, 3),
    })
}

/// Refuses what can be no port, by number or by name (S28 `validatePortNumOrName`, for probes and hooks alike).
pub fn is_a_port(cursor: &Cursor<'_>, asked: &IntOrString) -> bool {
    match asked {
        IntOrString::Int(number) => {
            port_number(cursor, *number);
            (1..=65_535).contains(number)
        }
        IntOrString::String(name) => {
            names::port(cursor, name);
            names::is_port_name(name)
        }
    }
}

/// A port by name is one of the container's own: the API server takes any name, and the kubelet, which finds none, says for ever that
/// the probe has failed (S28 `pkg/probe/util.go` `ResolveContainerPort`).
fn asks_a_port(cursor: &Cursor<'_>, asked: &IntOrString, ports: &[core::ContainerPort]) {
    let IntOrString::String(name) = asked else { return };
    let names: Vec<&str> = ports.iter().filter_map(|port| port.name.as_deref()).collect();
    if names.contains(&name.as_str()) {
        return;
    }
    let accepted = match names.as_slice() {
        [] => "a number, as no port of the container has a name".to_owned(),
        names => format!("a number, or the name of a port of the container: {}", names.join(", ")),
    };
    let says =
        format!("is {}, which the kubelet does not find, so that the probe fails for ever", quoted(name));
    cursor.refuse(says, accepted);
}
