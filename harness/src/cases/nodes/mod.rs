//! `nodes`: what becomes of pods when nodes fall silent, are tainted or go: the controller manager beside an API server, with kubelets
//! that are played. Every step is judged by naive clocks.
//!
//! - `played`: kubelets and users; `exposure`: what taints mean to a pod
//! - `silence`: the node lifecycle controller; `taints`: the taint eviction controller; `orphans`: the pod garbage collector

mod exposure;
mod orphans;
mod played;
mod silence;
mod taints;

use std::time::Duration;

use arbitrary::Arbitrary;
use k8s_openapi::api::core::v1::Node;
use podproof_runtime::api::Resource;
use podproof_runtime::clock::Moment;
use podproof_runtime::controllers::ControllerManager;
use podproof_runtime::operation::{Component, Process, Step};
use podproof_runtime::{Cluster, Operation, Slips};
use podproof_vocabulary::Release;

use crate::runner::Checked;
use crate::stage::script::Script;
use crate::stage::{Jinx, Stage, World};
use orphans::Orphans;
use played::{Mode, Played};
use silence::Silence;
use taints::Taints;

/// Controllers whose calls are lost on purpose.
const CONTROLLERS: [Component; 3] =
    [Component::NodeLifecycle, Component::TaintEviction, Component::PodGarbageCollector];
/// A cache that missed something has caught up after this.
const HEALED: Duration = Duration::from_secs(100);

/// What happens to nodes.
#[derive(Clone, Debug, Arbitrary)]
pub struct TestCase(Script<Event>);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Arbitrary)]
enum Event {
    Nothing,
    /// How a kubelet behaves from now on.
    Kubelet {
        node: u8,
        mode: Mode,
    },
    /// All of them fall silent, or speak again.
    All {
        silent: bool,
    },
    /// A user sets or removes one of two taints.
    Taint {
        node: u8,
        second: bool,
    },
    Untaint {
        node: u8,
        second: bool,
    },
    AddNode(u8),
    RemoveNode(u8),
    /// A pod that runs, on a node, with these tolerations.
    AddPod {
        node: u8,
        tolerations: u8,
    },
    Fault(u8),
    Jinx {
        controller: u8,
        answer_only: bool,
    },
    Compact,
    Restart,
}

/// Lets it happen. Useful if a controller wrote something.
///
/// # Panics
/// At a bug.
pub fn check(case: &TestCase) -> Checked {
    check_with(case, Slips::NONE)
}

/// The same of controllers with wrong mechanisms.
pub(crate) fn check_with(case: &TestCase, slips: Slips) -> Checked {
    let mut world = Nodes::new(case.0.seed, slips);
    world.begin(case.0.seed);
    world.play(&case.0.scenes);
    world.stage.lift_jinx();
    world.wait(Duration::from_secs(130));
    world.stage.log().checked(world.wrote > 0)
}

struct Nodes {
    stage: Stage,
    release: Release,
    played: Played,
    silence: Silence,
    taints: Taints,
    orphans: Orphans,
    /// When something last went wrong with calls, watches or the controllers themselves.
    trouble: Option<Moment>,
    wrote: usize,
}

impl World for Nodes {
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
            Event::Kubelet { node, mode } => self.set_mode(node, mode),
            Event::All { silent } => {
                let mode = if silent { Mode::Silent } else { Mode::Lease };
                (0..played::NODES.len())
                    .for_each(|node| self.set_mode(u8::try_from(node).unwrap_or(0), mode));
            }
            Event::Taint { node, second } => self.set_taint(node, second, true),
            Event::Untaint { node, second } => self.set_taint(node, second, false),
            Event::AddNode(node) => self.add_node(node),
            Event::RemoveNode(node) => self.remove_node(node),
            Event::AddPod { node, tolerations } => self.add_pod(node, tolerations),
            Event::Fault(answer) => self.go_wrong(answer),
            Event::Jinx { controller, answer_only } => {
                let component = CONTROLLERS[usize::from(controller) % CONTROLLERS.len()];
                let only = (controller >= 128).then_some(Resource::Pod);
                self.stage.jinx(Jinx { component, answer_only, only });
            }
            Event::Compact => self.stage.cluster.server_mut().compact(),
            Event::Restart => {
                self.trouble = Some(self.stage.now());
                self.silence.forget();
                self.stage.cluster.stop(Process::ControllerManager);
                self.stage.cluster.start(Process::ControllerManager);
            }
        }
        self.look();
    }

    fn before(&mut self, operation: &Operation) {
        if operation.step.is_fault() {
            self.trouble = Some(self.stage.now());
            self.silence.note_fault(operation, &self.stage.cluster);
        }
        let calm = self.is_calm();
        if let Step::Arrive(call) = operation.step
            && let Some(call) = self.stage.cluster.calls().get(call)
            && call.request.is_write()
        {
            self.wrote += 1;
            let (cluster, request) = (&self.stage.cluster, &call.request);
            self.silence.before_write(call, cluster);
            self.taints.before_write(operation.component, request, cluster, calm);
            self.orphans.before_write(operation.component, request, cluster);
        }
    }

    fn after(&mut self, operation: &Operation) {
        let calm = self.is_calm();
        self.silence.after(operation, &self.stage.cluster, self.release, calm);
        self.look();
    }

    fn at_rest(&mut self) {
        let calm_since = self.trouble.map_or(Moment(0), |trouble| trouble + HEALED);
        self.silence.at_rest(&self.stage.cluster, self.release, calm_since);
        silence::taints_mirror_conditions(&self.stage.cluster, self.trouble);
        self.taints.at_rest(&self.stage.cluster, self.trouble);
        self.orphans.at_rest(&self.stage.cluster, calm_since);
    }

    fn before_time(&mut self, _: Moment) {
        self.beat();
    }
}

impl Nodes {
    fn new(seed: u8, slips: Slips) -> Self {
        let release = if seed.is_multiple_of(4) { Release { minor: 31 } } else { Release::NEWEST };
        let mut stage = Stage::new(seed, release, slips);
        stage.cluster.add(Process::ControllerManager, Box::new(ControllerManager::default()));
        Self {
            stage,
            release,
            played: Played::default(),
            silence: Silence::default(),
            taints: Taints::default(),
            orphans: Orphans::default(),
            trouble: None,
            wrote: 0,
        }
    }

    /// Has nothing gone wrong for so long that every cache has caught up?
    fn is_calm(&self) -> bool {
        self.trouble.is_none_or(|trouble| self.stage.now().since(trouble) > HEALED)
    }

    /// The naive clocks look at what is stored.
    fn look(&mut self) {
        let cluster: &Cluster = &self.stage.cluster;
        let now = cluster.now();
        self.orphans.look(cluster, now);
        self.silence.look(cluster, now);
        self.taints.look(cluster, now);
    }
}

fn nodes_of(cluster: &Cluster) -> impl Iterator<Item = (&str, &Node)> {
    cluster.server().store().all::<Node>().map(|(key, node)| (key.name(), node))
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use k8s_openapi::api::core::v1::Taint;
    use podproof_runtime::Slip;
    use podproof_runtime::api::constants::taint;
    use podproof_runtime::api::patch::new_node_condition;
    use podproof_runtime::api::{Key, Patch, Preconditions, Request};

    use super::super::{SMOKE_RUNS, assert_useful};
    use super::*;
    use crate::stage::script::{Pace, Scene};

    #[test]
    fn smoke() {
        assert_useful("nodes", SMOKE_RUNS / 4, check, 2);
    }

    /// What the controllers have made of the nodes when nothing is pending, the first of which is silent; then somebody undoes it.
    fn says_when_undone(patch: Patch) -> String {
        let mut world = Nodes::new(1, Slips::NONE);
        world.begin(1);
        world.set_mode(0, Mode::Silent);
        world.wait(Duration::from_secs(130));
        world.at_rest();
        let node = Key::global(played::NODES[0]);
        world.stage.call(Request::Patch(Resource::Node, node, Preconditions::NONE, patch));
        let judged = catch_unwind(AssertUnwindSafe(|| world.at_rest()));
        let says = judged.expect_err("it is not as it should be");
        says.downcast_ref::<String>().cloned().unwrap_or_default()
    }

    #[test]
    fn a_silent_node_that_stays_ready_is_found() {
        let ready = new_node_condition("Ready", "True", "KubeletReady", Moment(140_000));
        let says = says_when_undone(Patch::NodeConditions(vec![ready]));
        assert!(says.contains("it is not Unknown"), "{says}");
    }

    #[test]
    fn a_node_without_the_taint_that_its_condition_asks_for_is_found() {
        let taint = Taint {
            key: taint::UNREACHABLE.to_owned(),
            effect: taint::NO_SCHEDULE.to_owned(),
            ..Taint::default()
        };
        let says = says_when_undone(Patch::NodeTaints { add: Vec::new(), remove: vec![taint] });
        assert!(says.contains("n0 is Ready=Unknown"), "{says}");
    }

    /// PGC-3: a node goes, its pods are collected, and then another is bound to it.
    #[test]
    fn a_pod_that_is_bound_to_a_missing_node_and_stays_is_found() {
        let scene = |event| Scene { event, pace: Pace::Wait(Duration::from_secs(130)), order: 0 };
        let late = Event::AddPod { node: 0, tolerations: 0 };
        let scenes = [Event::RemoveNode(0), late].map(scene);
        let case = TestCase(Script { seed: 1, scenes: scenes.into() });
        assert!(check(&case).useful);
        let slips = Slips::only(Slip::MissingNodeLookedAtOnce);
        let found = catch_unwind(|| check_with(&case, slips)).expect_err("it stays for ever");
        let says = found.downcast_ref::<String>().map_or("", String::as_str);
        assert!(says.contains("its node is missing since"), "{says}");
    }
}
