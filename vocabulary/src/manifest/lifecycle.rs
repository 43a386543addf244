//! preStop hooks, and how long they take.

use k8s_openapi::api::core::v1 as core;

use super::container::PodFacts;
use super::cursor::Cursor;
use crate::scenario::limits::NUMBER_MAX;
use crate::scenario::{Container, PreStop};

/// Reads `lifecycle.preStop` (S28 `validateHandler`).
pub fn pre_stop(
    container: &Cursor<'_>,
    lifecycle: Option<&core::Lifecycle>,
    pod: &PodFacts,
) -> Option<PreStop> {
    let cursor = container.at("lifecycle.preStop");
    let hook = lifecycle?.pre_stop.as_ref()?;
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
        return Some(plain_sleep(command).map_or(PreStop::AnyTime, PreStop::Seconds));
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
        PreStop::AnyTime => {
            format!(
                "takes any time from 0 to the grace period of {grace_seconds} s, as nobody says how long, and the container serves on meanwhile, whatever the hook does"
            )
        }
    };
    Some(format!("container '{}': its preStop hook {takes}", container.name))
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

/// The whole seconds that a command sleeps, if it does nothing else: `sleep 5`, directly or through a shell.
fn plain_sleep(command: &[String]) -> Option<u32> {
    let words: Vec<&str> = command.iter().map(String::as_str).collect();
    let name = |path: &str| path.rsplit('/').next().unwrap_or_default().to_owned();
    let words: Vec<&str> = match words[..] {
        [shell, "-c", script] if matches!(name(shell).as_str(), "sh" | "bash" | "ash" | "dash") => {
            script.trim().trim_end_matches(';').split_ascii_whitespace().collect()
        }
        _ => words,
    };
    let [program, time] = words[..] else { return None };
    if name(program) != "sleep" {
        return None;
    }
    let (digits, factor) = match time.as_bytes().last()? {
        b's' => (&time[..time.len() - 1], 1),
        b'm' => (&time[..time.len() - 1], 60),
        b'h' => (&time[..time.len() - 1], 3600),
        _ => (time, 1),
    };
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    let seconds: u32 = digits.parse().ok().filter(|_| is_number)?;
    seconds.checked_mul(factor).filter(|&seconds| seconds <= NUMBER_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_that_only_sleeps_has_a_length() {
        for (command, seconds) in [
            (&["sleep", "5"][..], Some(5)),
            (&["/bin/sleep", "5s"], Some(5)),
            (&["sleep", "1m"], Some(60)),
            (&["sh", "-c", "sleep 5"], Some(5)),
            (&["/bin/bash", "-c", " sleep 5; "], Some(5)),
            (&["sh", "-c", "sleep 5 && nginx -s quit"], None),
            (&["sh", "-c", "sleep 5; nginx -s quit"], None),
            (&["sh", "-c", "sleep $DELAY"], None),
            (&["sleep", "0.5"], None),
            (&["sleep", "infinity"], None),
            (&["sleep", "-5"], None),
            (&["sleep", "5", "5"], None),
            (&["nginx", "-s"], None),
            (&["sleep"], None),
            (&["sleep", "4294967295h"], None),
            (&["sleep", "4294967295"], None),
            (&[], None),
        ] {
            let command: Vec<String> = command.iter().map(|&word| word.to_owned()).collect();
            assert_eq!(plain_sleep(&command), seconds, "{command:?}");
        }
    }
}
