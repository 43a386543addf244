//! preStop hooks, and how long they take.

use k8s_openapi::api::core::v1 as core;

use super::container::PodFacts;
use super::cursor::Cursor;
use super::probe::is_a_port;
use super::script::sleeps;
use crate::scenario::{Container, PreStop};

/// Reads `lifecycle.preStop` (S28 `validateHandler`).
pub fn pre_stop(
    container: &Cursor<'_>,
    lifecycle: Option<&core::Lifecycle>,
    pod: &PodFacts,
) -> Option<PreStop> {
    let cursor = container.at("lifecycle.preStop");
    let hook = lifecycle?.pre_stop.as_ref()?;
    let http = hook.http_get.as_ref().map(|asked| ("httpGet", &asked.port));
    let tcp = hook.tcp_socket.as_ref().map(|asked| ("tcpSocket", &asked.port));
    for (handler, asked) in http.into_iter().chain(tcp) {
        is_a_port(&cursor.field(handler).field("port"), asked);
    }
    let handlers =
        [hook.exec.is_some(), hook.http_get.is_some(), hook.sleep.is_some(), hook.tcp_socket.is_some()];
    let count = handlers.into_iter().filter(|&is_set| is_set).count();
    if count != 1 {
        cursor.refuse(format!("names {count} things to do"), "exactly one of sleep, exec and httpGet");
        return None;
    }
    if let Some(sleep) = &hook.sleep {
        return Some(PreStop::Seconds(sleep_seconds(&cursor, sleep, pod)));
    }
    if let Some(exec) = &hook.exec {
        let command = exec.command.as_deref().unwrap_or_default();
        if command.is_empty() {
            cursor.at("exec.command").refuse("is empty", "a command and its arguments");
        }
        return Some(match sleeps(command) {
            None => PreStop::AnyTime,
            Some(known) if known.is_least => PreStop::AtLeast(known.seconds),
            Some(known) => PreStop::Seconds(known.seconds),
        });
    }
    if hook.tcp_socket.is_some() {
        // The kubelet knows no such hook; one that fails goes straight on to SIGTERM (KIL-4).
        cursor.field("tcpSocket").warn("a tcpSocket hook always fails: read as one that takes no time");
        return Some(PreStop::Seconds(0));
    }
    Some(PreStop::AnyTime)
}

/// What is assumed of how long the hook of a container takes.
pub fn assumed(container: &Container, grace_seconds: u32) -> Option<String> {
    let takes = match container.pre_stop? {
        PreStop::Seconds(seconds) => format!("takes {seconds} s"),
        PreStop::AtLeast(seconds) => {
            format!(
                "sleeps for {seconds} s and takes any time after that, up to the grace period of {grace_seconds} s, as nobody says how long, and the container serves on meanwhile, whatever the hook does"
            )
        }
        PreStop::AnyTime => {
            format!(
                "takes any time from 0 to the grace period of {grace_seconds} s, as nobody says how long, and the container serves on meanwhile, whatever the hook does"
            )
        }
    };
    Some(format!("container '{}': its preStop hook {takes}", container.name))
}

/// What is assumed of the commands that the hook of a container runs beside its sleep.
pub fn beside_its_sleep(container: &core::Container) -> Option<String> {
    let command = container.lifecycle.as_ref()?.pre_stop.as_ref()?.exec.as_ref()?.command.as_deref()?;
    sleeps(command).filter(|known| known.does_more && !known.is_least)?;
    Some(format!(
        "container '{}': what its preStop hook runs beside its sleep takes no time, and what of it stops the server comes after it",
        container.name
    ))
}

fn sleep_seconds(cursor: &Cursor<'_>, sleep: &core::SleepAction, pod: &PodFacts) -> u32 {
    let (release, grace) = (pod.release, pod.written_grace_seconds);
    if !release.has_sleep_hook() {
        cursor.field("sleep").refuse(
            format!("does not exist in Kubernetes {release}"),
            "exec with a sleep command, or release 1.30 or newer",
        );
    }
    let at = cursor.at("sleep.seconds");
    let seconds = at.count(Some(sleep.seconds), 0);
    let least = u32::from(!release.allows_zero_sleep());
    if seconds < least || i64::from(seconds) > grace {
        at.refuse(
            format!("is {seconds}, and terminationGracePeriodSeconds is {grace}"),
            format!("a whole number from {least} to terminationGracePeriodSeconds"),
        );
    }
    seconds
}
