//! How long pods of a template take to stop by themselves.

use super::{ContainerKind, OnSigterm, PodTemplate, PreStop};

impl PodTemplate {
    /// Seconds that its processes take to exit, at most, from when the first gets SIGTERM until the last is gone, with hooks left
    /// aside: apps stop side by side, sidecars after them one after the other (KIL-8). Of one that ignores SIGTERM, none.
    pub fn exits_within(&self) -> u32 {
        let (apps, sidecars) = self.containers.iter().fold((0u32, 0u32), |(apps, sidecars), container| {
            let exit = exit_seconds(container.on_sigterm).unwrap_or(0);
            match container.kind {
                ContainerKind::Sidecar => (apps, sidecars.saturating_add(exit)),
                ContainerKind::Init | ContainerKind::App => (apps.max(exit), sidecars),
            }
        });
        apps.saturating_add(sidecars)
    }

    /// Seconds from the beginning of a termination until its last container has exited by itself, where the grace period is longer
    /// (KIL-3, KIL-8). None if nobody says how long a hook takes, or if a process never exits.
    pub fn stops_within(&self) -> Option<u32> {
        let ends = |container: &super::Container, turn: u32| {
            let hook = match container.pre_stop {
                None => 0,
                Some(PreStop::Seconds(seconds)) => seconds,
                Some(PreStop::AtLeast(_) | PreStop::AnyTime) => return None,
            };
            exit_seconds(container.on_sigterm).map(|exit| hook.max(turn).saturating_add(exit))
        };
        let is_sidecar = |container: &&super::Container| container.kind == ContainerKind::Sidecar;
        let mut last = 0;
        for container in self.containers.iter().filter(|container| !is_sidecar(container)) {
            last = last.max(ends(container, 0)?);
        }
        // Each waits for the apps and for the sidecars after it.
        for container in self.containers.iter().rev().filter(is_sidecar) {
            last = last.max(ends(container, last)?);
        }
        Some(last)
    }

    /// Does a termination with the pod's own grace period leave each process the time to exit by itself?
    pub fn stops_in_time(&self) -> bool {
        self.stops_within().is_some_and(|seconds| seconds < self.grace_seconds)
    }
}

/// Seconds from SIGTERM until a process exits; none if it ignores it.
const fn exit_seconds(on_sigterm: OnSigterm) -> Option<u32> {
    match on_sigterm {
        OnSigterm::Exit => Some(0),
        OnSigterm::Drain(seconds) | OnSigterm::Close(seconds) => Some(seconds),
        OnSigterm::Ignore => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::app;
    use crate::scenario::Container;

    fn container(kind: ContainerKind, pre_stop: Option<PreStop>, on_sigterm: OnSigterm) -> Container {
        Container { kind, pre_stop, on_sigterm, ..app() }
    }

    #[test]
    fn apps_stop_side_by_side_and_sidecars_after_them() {
        use ContainerKind::{App, Sidecar};
        use OnSigterm::{Close, Drain, Exit, Ignore};
        let sleep = |seconds| Some(PreStop::Seconds(seconds));
        for (containers, exits, stops) in [
            (vec![container(App, sleep(5), Drain(20))], 20, Some(25)),
            (vec![container(App, sleep(5), Drain(2)), container(App, None, Close(9))], 9, Some(9)),
            (vec![container(Sidecar, None, Drain(3)), container(App, sleep(5), Drain(2))], 5, Some(10)),
            (vec![container(Sidecar, sleep(9), Drain(3)), container(App, None, Drain(2))], 5, Some(12)),
            (
                vec![
                    container(Sidecar, None, Drain(3)),
                    container(Sidecar, None, Drain(4)),
                    container(App, sleep(1), Exit),
                ],
                7,
                Some(8),
            ),
            (vec![container(App, Some(PreStop::AnyTime), Exit)], 0, None),
            (vec![container(App, None, Ignore)], 0, None),
        ] {
            let mut template = crate::catalogue::web("x", crate::event::Story::Drain, 1, 1).workload.template;
            template.containers = containers;
            assert_eq!((template.exits_within(), template.stops_within()), (exits, stops), "{template:?}");
            for (grace, in_time) in [(stops.unwrap_or(0), false), (stops.unwrap_or(0) + 1, stops.is_some())] {
                template.grace_seconds = grace;
                assert_eq!(template.stops_in_time(), in_time, "{grace}: {template:?}");
            }
        }
    }
}
