//! Pod objects.

use podproof_model::Cluster;
use podproof_model::kubelet::{probes, status};
use podproof_vocabulary::observation::{Deletion, Phase, PodSeen, Process};
use podproof_vocabulary::scenario::ContainerKind;
use podproof_vocabulary::{ContainerId, PodId, Revision};
use serde_json::{Value, json};

use super::actor::{self, Actor};
use super::audit::{Answer, Request, merge, of_version, seconds};
use super::cast::Cast;
use super::store::{Kind, set_condition};
use super::template;
use super::writer::Writer;

/// How a deletion is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Grace {
    /// With the pod's own grace period.
    Own,
    /// With none.
    Zero,
}

impl Writer<'_> {
    /// A request about a pod.
    pub(super) fn of_pod<'a>(
        &self,
        actor: Actor<'a>,
        verb: &'static str,
        subresource: &'static str,
        pod: PodId,
        body: Value,
    ) -> Request<'a> {
        let name = self.cast.pod(pod).name.clone();
        Request { actor, verb, kind: Kind::Pod, subresource, name, body }
    }

    /// A pod is created in a slot.
    pub(super) fn create_pod(&mut self, actor: Actor<'_>, pod: PodId, seen: &PodSeen) {
        let scenario = self.scenario;
        let bare = template::is_bare(scenario);
        let mut metadata = template::metadata(scenario, seen.revision.0.into());
        let name = match bare {
            true => scenario.workload.name.clone(),
            false => {
                let (set, uid) = self.cast.set(seen.revision);
                metadata["generateName"] = json!(format!("{set}-"));
                metadata["ownerReferences"] = json!([{
                    "apiVersion": "apps/v1", "kind": "ReplicaSet", "name": set, "uid": uid,
                    "controller": true, "blockOwnerDeletion": true,
                }]);
                format!("{set}-{}", Cast::letters(&mut self.clock.rng, 5))
            }
        };
        if let Some(hash) = self.template_hash(seen.revision) {
            metadata["labels"]["pod-template-hash"] = json!(hash);
        }
        let spec = template::spec(scenario, true);
        let kind = Kind::Pod.name();
        let body = json!({"kind": kind, "apiVersion": "v1", "metadata": metadata, "spec": spec});
        let called = self.cast.enter(&mut self.clock.rng, pod, name.clone());
        metadata["name"] = json!(name);
        metadata["namespace"] = json!(scenario.workload.namespace);
        metadata["uid"] = json!(called.uid);
        metadata["creationTimestamp"] = json!(seconds(self.clock.now));
        let status = json!({"phase": "Pending", "qosClass": "BestEffort"});
        let object =
            json!({"kind": kind, "apiVersion": "v1", "metadata": metadata, "spec": spec, "status": status});
        let object = self.store.stamp(object);
        let name = if bare { name } else { String::new() };
        let request = Request { actor, verb: "create", kind: Kind::Pod, subresource: "", name, body };
        self.ask(request, &Answer::Object(object.clone()));
        self.store.pods.insert(pod, object);
    }

    /// The label that tells templates apart; a bare pod and a bare ReplicaSet have none.
    pub(super) fn template_hash(&self, revision: Revision) -> Option<String> {
        self.is_deployment().then(|| format!("5c6f7d8{}b", char::from(b'a' + revision.0 % 26)))
    }

    /// The scheduler binds a pod, or is refused.
    pub(super) fn bind(&mut self, pod: PodId, target: &str, is_bound: bool, is_there: bool) {
        let called = self.cast.pod(pod);
        let (name, uid) = (&called.name, &called.uid);
        let namespace = &self.scenario.workload.namespace;
        let body = json!({
            "kind": "Binding", "apiVersion": "v1",
            "metadata": {"name": name, "namespace": namespace, "uid": uid},
            "target": {"kind": "Node", "name": target},
        });
        let answer = match (is_bound, is_there) {
            (true, _) => Answer::Done,
            (false, true) => Answer::Refused(409, "Conflict"),
            (false, false) => Answer::Refused(404, "NotFound"),
        };
        if is_bound && let Some(known) = self.store.pods.get(&pod).cloned() {
            let mut object = self.store.stamp(known);
            object["spec"]["nodeName"] = json!(target);
            let now = seconds(self.clock.now);
            set_condition(&mut object["status"], "PodScheduled", "True", &[], &now);
            self.store.pods.insert(pod, object);
        }
        let request = self.of_pod(Actor::Scheduler, "create", "binding", pod, body);
        self.ask(request, &answer);
    }

    /// A pod gets another status.
    pub(super) fn write_status(
        &mut self,
        actor: Actor<'_>,
        verb: &'static str,
        pod: PodId,
        change: impl FnOnce(&Self, &mut Value),
    ) {
        let Some(known) = self.store.pods.get(&pod).cloned() else {
            let request = self.of_pod(actor, verb, "status", pod, Value::Null);
            self.ask(request, &Answer::Refused(404, "NotFound"));
            return;
        };
        let mut object = known.clone();
        change(self, &mut object["status"]);
        let object = self.store.stamp(object);
        let body = match verb {
            "update" => of_version(&object, &known),
            _ => {
                let status = merge(&known["status"], &object["status"]);
                json!({"metadata": {"uid": object["metadata"]["uid"]}, "status": status})
            }
        };
        let request = self.of_pod(actor, verb, "status", pod, body);
        self.ask(request, &Answer::Object(object.clone()));
        self.store.pods.insert(pod, object);
    }

    /// The kubelet sends the status of a pod.
    pub(super) fn report(&mut self, node: &str, cluster: &Cluster<'_>, pod: PodId, seen: &PodSeen) {
        self.write_status(Actor::Kubelet(node), "patch", pod, |writer, status| {
            writer.fill_status(status, cluster, pod, seen);
        });
    }

    fn fill_status(&self, status: &mut Value, cluster: &Cluster<'_>, pod: PodId, seen: &PodSeen) {
        let now = seconds(self.clock.now);
        let truth = |is: bool| if is { "True" } else { "False" };
        let is_init = |container: ContainerId| {
            cluster.rules.scenario.workload.template.containers[container.index()].kind != ContainerKind::App
        };
        let apps = cluster.container_ids().filter(|&container| !is_init(container));
        let begun = apps.clone().any(|app| cluster.container(pod, app).cached() != Process::Absent);
        status["phase"] = json!(format!("{:?}", seen.phase));
        set_condition(status, "Initialized", truth(begun), &[], &now);
        let reason: &[_] = if seen.ready { &[] } else { &[("reason", "ContainersNotReady")] };
        set_condition(status, "Ready", truth(seen.ready), reason, &now);
        set_condition(status, "ContainersReady", truth(seen.ready), reason, &now);
        if status["startTime"].is_null() {
            status["startTime"] = json!(now);
        }
        if let Some(node) = seen.node {
            status["hostIP"] = json!(Self::node_ip(node));
        }
        match seen.address.map(|address| self.cast.address(pod, address)) {
            Some(ip) => {
                status["podIP"] = json!(ip);
                status["podIPs"] = json!([{"ip": ip}]);
            }
            None => {
                if let Some(fields) = status.as_object_mut() {
                    fields.remove("podIP");
                    fields.remove("podIPs");
                }
            }
        }
        let evicted = cluster.pod(pod).kubelet.evicted();
        // The last status is of what the runtime says after the kill (STP-5): nothing runs any more, whatever was relisted.
        let is_last = seen.phase.is_terminal() && !evicted;
        for (field, init) in [("initContainerStatuses", true), ("containerStatuses", false)] {
            let of_kind = cluster.container_ids().filter(|&container| is_init(container) == init);
            let statuses: Vec<_> =
                of_kind.map(|container| self.container_status(cluster, pod, container, is_last)).collect();
            if !statuses.is_empty() {
                status[field] = json!(statuses);
            }
        }
        // The reason goes with the phase Failed, the condition stays (S28 `generateAPIPodStatus`).
        match seen.phase {
            Phase::Failed if evicted => status["reason"] = json!("Evicted"),
            Phase::Failed if status::is_rejected(cluster, pod) => {
                status["reason"] = json!("UnexpectedAdmissionError");
            }
            Phase::Succeeded if evicted => {
                let reason = [("reason", "TerminationByKubelet")];
                set_condition(status, "DisruptionTarget", "True", &reason, &now);
            }
            _ => {}
        }
    }

    fn container_status(
        &self,
        cluster: &Cluster<'_>,
        pod: PodId,
        container: ContainerId,
        is_last: bool,
    ) -> Value {
        let given = &self.scenario.workload.template.containers[container.index()];
        let life = self.cast.pod(pod).lives.get(&container);
        let at = |at: Option<i64>| json!(at.map(seconds));
        let cached = cluster.container(pod, container).cached();
        // While others of its pod are being stopped one that has ended is told of as it was (STP-1).
        let runs = cached == Process::Running || probes::is_started(cluster, pod, container);
        let state = match cached {
            Process::Absent => json!({"waiting": {"reason": "ContainerCreating"}}),
            _ if runs && !is_last => json!({"running": {"startedAt": at(life.map(|life| life.started))}}),
            exited => {
                // It may have been started anew since.
                let last = life.map(|life| life.code);
                let code = match exited {
                    Process::ExitedOk => 0,
                    Process::ExitedError => last.filter(|&code| code != 0).unwrap_or(1),
                    Process::Absent | Process::Running => last.unwrap_or(0),
                };
                let reason = if code == 0 { "Completed" } else { "Error" };
                let (from, to) = (life.map(|life| life.started), life.map(|life| life.exited));
                let ended =
                    json!({"exitCode": code, "reason": reason, "startedAt": at(from), "finishedAt": at(to)});
                json!({"terminated": ended})
            }
        };
        json!({
            "name": given.name,
            "state": state,
            "lastState": {},
            "ready": !is_last && probes::is_ready(cluster, pod, container),
            "started": !is_last && probes::is_started(cluster, pod, container),
            "restartCount": life.map_or(0, |life| life.starts.saturating_sub(1)),
            "image": template::IMAGE,
            "imageID": "",
        })
    }

    /// The node controller marks a pod as not ready.
    pub(super) fn mark_not_ready(&mut self, pod: PodId) {
        self.write_status(actor::NODE, "update", pod, |writer, status| {
            let now = seconds(writer.clock.now);
            set_condition(status, "Ready", "False", &[("reason", "NodeNotReady")], &now);
        });
    }

    /// The garbage collector writes that a pod has failed.
    pub(super) fn fail(&mut self, pod: PodId) {
        self.write_status(actor::GARBAGE, "patch", pod, |_, status| status["phase"] = json!("Failed"));
    }

    /// The scheduler says that it has no place for a pod.
    pub(super) fn say_unschedulable(&mut self, pod: PodId) {
        if !self.store.pods.contains_key(&pod) {
            return;
        }
        self.write_status(Actor::Scheduler, "patch", pod, |writer, status| {
            let now = seconds(writer.clock.now);
            set_condition(status, "PodScheduled", "False", &[("reason", "Unschedulable")], &now);
        });
    }

    /// What a deletion does to the object: `after` is how it is seen then, if it is. The object of the answer.
    pub(super) fn mark_deleted(&mut self, pod: PodId, before: Deletion, after: Option<&PodSeen>) -> Answer {
        let Some(mut object) = self.store.pods.get(&pod).cloned() else {
            return Answer::Refused(404, "NotFound");
        };
        let deletion = after.map_or(Deletion::Immediate, |seen| seen.deletion);
        if deletion == before && after.is_some() {
            // What is being deleted is answered with as it is.
            return Answer::Object(object);
        }
        let grace = match deletion {
            Deletion::Graceful => self.scenario.workload.template.grace_seconds,
            Deletion::None | Deletion::Immediate => 0,
        };
        let metadata = &mut object["metadata"];
        metadata["deletionTimestamp"] = json!(seconds(self.clock.now + 1_000_000 * i64::from(grace)));
        metadata["deletionGracePeriodSeconds"] = json!(grace);
        let mut object = self.store.stamp(object);
        if after.is_some() {
            self.store.pods.insert(pod, object.clone());
            return Answer::Object(object);
        }
        self.store.pods.remove(&pod);
        // Up to 1.25 the answer has the version of the write before the removal.
        let removed = self.store.stamp(object.clone());
        if self.scenario.release.minor >= 26 {
            object = removed;
        }
        Answer::Object(object)
    }

    /// Somebody deletes a pod.
    pub(super) fn delete_pod(
        &mut self,
        actor: Actor<'_>,
        pod: PodId,
        grace: Grace,
        before: Option<&PodSeen>,
        after: Option<&PodSeen>,
    ) {
        let mut body = json!({"kind": "DeleteOptions", "apiVersion": "v1"});
        if grace == Grace::Zero {
            body["gracePeriodSeconds"] = json!(0);
        }
        if let Actor::Kubelet(_) = actor {
            body["preconditions"] = json!({"uid": self.cast.pod(pod).uid});
        }
        let deletion = before.map_or(Deletion::None, |seen| seen.deletion);
        let answer = self.mark_deleted(pod, deletion, after);
        let request = self.of_pod(actor, "delete", "", pod, body);
        self.ask(request, &answer);
    }
}
