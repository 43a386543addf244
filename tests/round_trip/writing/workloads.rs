//! Deployments, ReplicaSets, Services with their EndpointSlices, and PodDisruptionBudgets.

use podproof_model::Cluster;
use podproof_vocabulary::observation::{Deletion, DeploymentSeen, Observation, PodSeen, ReplicaSetSeen};
use podproof_vocabulary::scenario::{BudgetAsk, IntOrPercent, Strategy, WorkloadKind};
use podproof_vocabulary::{PodId, Revision};
use serde_json::{Map, Value, json};

use super::actor::{self, Actor};
use super::audit::{Answer, Request, as_asked_for, of_version, seconds};
use super::cast::Cast;
use super::store::{Kind, set_condition};
use super::template;
use super::writer::Writer;

const PREFIX: &str = "deployment.kubernetes.io";

fn int_or_percent(value: IntOrPercent) -> Value {
    match value {
        IntOrPercent::Int(count) => json!(count),
        IntOrPercent::Percent(percent) => json!(format!("{percent}%")),
    }
}

impl Writer<'_> {
    /// Is the workload a Deployment?
    pub(super) fn is_deployment(&self) -> bool {
        self.scenario.workload.kind == WorkloadKind::Deployment
    }

    /// An object that is just being created.
    fn new_object(&mut self, kind: Kind, name: &str, spec: Value) -> Value {
        json!({
            "kind": kind.name(),
            "apiVersion": kind.api_version(self.scenario.release),
            "metadata": {
                "name": name,
                "namespace": self.scenario.workload.namespace,
                "uid": Cast::uid(&mut self.clock.rng),
                "generation": 1,
                "creationTimestamp": seconds(self.clock.now),
            },
            "spec": spec,
        })
    }

    /// An object is created as it was sent.
    fn create(&mut self, actor: Actor<'_>, kind: Kind, object: Value) -> Value {
        let object = self.store.stamp(object);
        let name = object["metadata"]["name"].as_str().unwrap_or_default().to_owned();
        let body = as_asked_for(&object);
        let request = Request { actor, verb: "create", kind, subresource: "", name, body };
        self.ask(request, &Answer::Object(object.clone()));
        object
    }

    /// An object is written as a whole.
    fn update(
        &mut self,
        actor: Actor<'_>,
        kind: Kind,
        subresource: &'static str,
        known: &Value,
        object: Value,
    ) -> Value {
        let body = of_version(&object, known);
        let object = self.store.stamp(object);
        let name = object["metadata"]["name"].as_str().unwrap_or_default().to_owned();
        let request = Request { actor, verb: "update", kind, subresource, name, body };
        self.ask(request, &Answer::Object(object.clone()));
        object
    }

    /// `spec.template`.
    fn template(&self, revision: Revision, with_hash: bool) -> Value {
        let scenario = self.scenario;
        let mut metadata = template::metadata(scenario, revision.0.into());
        if with_hash && let Some(hash) = self.template_hash(revision) {
            metadata["labels"]["pod-template-hash"] = json!(hash);
        }
        json!({"metadata": metadata, "spec": template::spec(scenario, false)})
    }

    /// A user creates the Deployment.
    pub(super) fn create_deployment(&mut self, seen: &DeploymentSeen) {
        let workload = &self.scenario.workload;
        let strategy = match workload.strategy {
            Strategy::Recreate => json!({"type": "Recreate"}),
            Strategy::RollingUpdate { max_surge, max_unavailable } => json!({
                "type": "RollingUpdate",
                "rollingUpdate": {
                    "maxSurge": int_or_percent(max_surge), "maxUnavailable": int_or_percent(max_unavailable),
                },
            }),
        };
        let mut spec = json!({
            "replicas": seen.replicas,
            "selector": {"matchLabels": workload.template.labels},
            "template": self.template(seen.revision, false),
            "strategy": strategy,
            "revisionHistoryLimit": 10,
        });
        if workload.min_ready_seconds > 0 {
            spec["minReadySeconds"] = json!(workload.min_ready_seconds);
        }
        if let Some(seconds) = workload.progress_deadline_seconds {
            spec["progressDeadlineSeconds"] = json!(seconds);
        }
        let object = self.new_object(Kind::Deployment, &workload.name, spec);
        self.store.deployment = Some(self.create(Actor::Admin, Kind::Deployment, object));
    }

    /// A user changes template or replicas of the Deployment.
    pub(super) fn patch_deployment(&mut self, seen: &DeploymentSeen) {
        let Some(mut object) = self.store.deployment.clone() else { return };
        object["spec"]["replicas"] = json!(seen.replicas);
        object["spec"]["template"] = self.template(seen.revision, false);
        object["metadata"]["generation"] = json!(object["metadata"]["generation"].as_u64().unwrap_or(0) + 1);
        let object = self.store.stamp(object);
        let body = json!({"spec": {"replicas": seen.replicas, "template": object["spec"]["template"]}});
        let name = self.scenario.workload.name.clone();
        let kind = Kind::Deployment;
        let request = Request { actor: Actor::Admin, verb: "patch", kind, subresource: "", name, body };
        self.ask(request, &Answer::Object(object.clone()));
        self.store.deployment = Some(object);
    }

    /// A user scales, as `kubectl scale` does it: by subresource `scale`.
    pub(super) fn scale(&mut self, kind: Kind, replicas: u8) {
        let known = match kind {
            Kind::Deployment => self.store.deployment.as_mut(),
            _ => self.store.sets.get_mut(&Revision(0)),
        };
        let Some(known) = known else { return };
        known["spec"]["replicas"] = json!(replicas);
        known["metadata"]["generation"] = json!(known["metadata"]["generation"].as_u64().unwrap_or(0) + 1);
        let object = known.clone();
        let object = self.store.stamp(object);
        let metadata = &object["metadata"];
        let scale = json!({
            "kind": "Scale", "apiVersion": "autoscaling/v1",
            "metadata": {
                "name": metadata["name"], "namespace": metadata["namespace"], "uid": metadata["uid"],
                "resourceVersion": metadata["resourceVersion"], "creationTimestamp": metadata["creationTimestamp"],
            },
            "spec": {"replicas": replicas},
            "status": {"replicas": object["status"]["replicas"].as_u64().unwrap_or(0)},
        });
        let name = self.scenario.workload.name.clone();
        let body = json!({"spec": {"replicas": replicas}});
        let (actor, subresource) = (Actor::Admin, "scale");
        let request = Request { actor, verb: "patch", kind, subresource, name, body };
        self.ask(request, &Answer::Object(scale));
        match kind {
            Kind::Deployment => self.store.deployment = Some(object),
            _ => {
                self.store.sets.insert(Revision(0), object);
            }
        }
    }

    /// The Deployment controller writes the status of the Deployment.
    pub(super) fn report_deployment(&mut self, seen: &DeploymentSeen) {
        let Some(known) = self.store.deployment.clone() else { return };
        let mut object = known.clone();
        let now = seconds(self.clock.now);
        let status = &mut object["status"];
        for field in ["replicas", "readyReplicas", "availableReplicas"] {
            let of = |set: &Value| set["status"].get(field).and_then(Value::as_u64).unwrap_or(0);
            status[field] = json!(self.store.sets.values().map(of).sum::<u64>());
        }
        let wanted = |set: &Value| set["spec"]["replicas"].as_u64().unwrap_or(1);
        let wanted: u64 = self.store.sets.values().map(wanted).sum();
        let unavailable = wanted.saturating_sub(status["availableReplicas"].as_u64().unwrap_or(0));
        status["unavailableReplicas"] = json!(unavailable);
        let newest = self.store.sets.get(&seen.revision).map(|set| set["status"]["replicas"].clone());
        status["updatedReplicas"] = newest.filter(Value::is_u64).unwrap_or(json!(0));
        let (value, reason) = match seen.deadline_exceeded {
            true => ("False", "ProgressDeadlineExceeded"),
            false => ("True", "ReplicaSetUpdated"),
        };
        set_condition(status, "Progressing", value, &[("reason", reason)], &now);
        status["observedGeneration"] = known["metadata"]["generation"].clone();
        let kind = Kind::Deployment;
        self.store.deployment = Some(self.update(actor::DEPLOYMENT, kind, "status", &known, object));
    }

    /// A ReplicaSet is created: by the Deployment controller, or, a bare one, by a user.
    pub(super) fn create_set(&mut self, revision: Revision, seen: &ReplicaSetSeen, desired: u8) {
        let workload = &self.scenario.workload;
        let hash = self.template_hash(revision);
        let name = match &hash {
            Some(hash) => format!("{}-{hash}", workload.name),
            None => workload.name.clone(),
        };
        let mut labels = json!(workload.template.labels);
        if let Some(hash) = &hash {
            labels["pod-template-hash"] = json!(hash);
        }
        let mut spec = json!({
            "replicas": seen.replicas,
            "selector": {"matchLabels": labels},
            "template": self.template(revision, true),
        });
        if workload.min_ready_seconds > 0 {
            spec["minReadySeconds"] = json!(workload.min_ready_seconds);
        }
        let mut object = self.new_object(Kind::ReplicaSet, &name, spec);
        object["metadata"]["labels"] = labels;
        object["status"] = json!({"replicas": 0});
        let mut actor = Actor::Admin;
        if let Some(deployment) = &self.store.deployment {
            actor = actor::DEPLOYMENT;
            object["metadata"]["ownerReferences"] = json!([{
                "apiVersion": "apps/v1", "kind": "Deployment",
                "name": deployment["metadata"]["name"], "uid": deployment["metadata"]["uid"],
                "controller": true, "blockOwnerDeletion": true,
            }]);
            object["metadata"]["annotations"] = self.annotations(revision, desired);
        }
        self.cast.name_set(&mut self.clock.rng, revision, name);
        object["metadata"]["uid"] = json!(self.cast.set(revision).1);
        let object = self.create(actor, Kind::ReplicaSet, object);
        self.store.sets.insert(revision, object);
    }

    fn annotations(&self, revision: Revision, desired: u8) -> Value {
        let (surge, _) = self.scenario.workload.strategy.fenceposts(desired);
        json!({
            format!("{PREFIX}/desired-replicas"): desired.to_string(),
            format!("{PREFIX}/max-replicas"): (u32::from(desired) + u32::from(surge)).to_string(),
            format!("{PREFIX}/revision"): (u32::from(revision.0) + 1).to_string(),
        })
    }

    /// The Deployment controller scales a ReplicaSet.
    pub(super) fn scale_set(&mut self, revision: Revision, seen: &ReplicaSetSeen, desired: u8) {
        let Some(known) = self.store.sets.get(&revision).cloned() else { return };
        let mut object = known.clone();
        object["spec"]["replicas"] = json!(seen.replicas);
        object["metadata"]["annotations"] = self.annotations(revision, desired);
        let object = self.update(actor::DEPLOYMENT, Kind::ReplicaSet, "", &known, object);
        self.store.sets.insert(revision, object);
    }

    /// The ReplicaSet controller writes the status of a ReplicaSet.
    pub(super) fn report_set(&mut self, revision: Revision, seen: &ReplicaSetSeen, after: &Observation) {
        let Some(known) = self.store.sets.get(&revision).cloned() else { return };
        let mut object = known.clone();
        let is_counted = |pod: &PodSeen| {
            pod.revision == revision && pod.deletion == Deletion::None && !pod.phase.is_terminal()
        };
        let pods = || after.slots.iter().filter_map(|slot| slot.pod).filter(is_counted);
        let status = &mut object["status"];
        // What it counts as available it has seen a moment ago.
        let ready = pods().filter(|pod| pod.ready).count().max(seen.available.into());
        status["replicas"] = json!(pods().count().max(ready));
        status["fullyLabeledReplicas"] = status["replicas"].clone();
        status["readyReplicas"] = json!(ready);
        status["availableReplicas"] = json!(seen.available);
        object["status"]["observedGeneration"] = known["metadata"]["generation"].clone();
        let object = self.update(actor::REPLICA_SET, Kind::ReplicaSet, "status", &known, object);
        self.store.sets.insert(revision, object);
    }

    /// A user creates the Service, and its controller an empty EndpointSlice.
    pub(super) fn create_service(&mut self) {
        let Some(service) = &self.scenario.service else { return };
        let template = &self.scenario.workload.template;
        let port = template.containers[usize::from(template.serving)].ports.first();
        let target = port.map_or(8080, |port| port.port);
        let mut spec = json!({
            "selector": template.labels,
            "type": if service.external { "NodePort" } else { "ClusterIP" },
            "clusterIP": if service.headless { "None" } else { "10.96.0.10" },
            "ports": [{"port": 80, "protocol": "TCP", "targetPort": target}],
            "sessionAffinity": "None",
        });
        if service.publish_not_ready_addresses {
            spec["publishNotReadyAddresses"] = json!(true);
        }
        if service.internal_local {
            spec["internalTrafficPolicy"] = json!("Local");
        }
        if service.external_local {
            spec["externalTrafficPolicy"] = json!("Local");
        }
        let object = self.new_object(Kind::Service, &service.name, spec);
        let object = self.create(Actor::Admin, Kind::Service, object);
        self.clock.pass();
        let name = format!("{}-{}", service.name, Cast::letters(&mut self.clock.rng, 5));
        let mut slice = self.new_object(Kind::EndpointSlice, &name, Value::Null);
        slice.as_object_mut().map(|fields| fields.remove("spec"));
        slice["metadata"]["labels"] = json!({
            "endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io",
            "kubernetes.io/service-name": service.name,
        });
        slice["metadata"]["ownerReferences"] = json!([{
            "apiVersion": "v1", "kind": "Service", "name": service.name, "uid": object["metadata"]["uid"],
            "controller": true, "blockOwnerDeletion": true,
        }]);
        slice["addressType"] = json!("IPv4");
        slice["endpoints"] = Value::Null;
        slice["ports"] = Value::Null;
        self.store.service = Some(object);
        self.store.slice = Some(self.create(actor::SLICES, Kind::EndpointSlice, slice));
    }

    /// The EndpointSlice controller writes the slice.
    pub(super) fn write_slice(&mut self, after: &Observation) {
        let Some(known) = self.store.slice.clone() else { return };
        let mut object = known.clone();
        let old = Kind::EndpointSlice.version(self.scenario.release) == "v1beta1";
        let endpoints = after.slots.iter().enumerate().filter_map(|(slot, seen)| {
            let (pod, endpoint) = (PodId::from(slot), seen.endpoint?);
            let called = self.cast.pod(pod);
            let mut value = json!({
                "addresses": [self.cast.address(pod, endpoint.address)],
                "conditions": {
                    "ready": endpoint.ready, "serving": endpoint.serving, "terminating": endpoint.terminating,
                },
                "targetRef": {
                    "kind": "Pod", "namespace": self.scenario.workload.namespace,
                    "name": called.name, "uid": called.uid,
                },
            });
            if let Some(node) = endpoint.node {
                let name = self.node_name(node);
                match old {
                    true => value["topology"] = json!({"kubernetes.io/hostname": name}),
                    false => value["nodeName"] = json!(name),
                }
            }
            Some(value)
        });
        object["endpoints"] = endpoints.collect();
        object["ports"] = json!([{"name": "", "port": 8080, "protocol": "TCP"}]);
        let kind = Kind::EndpointSlice;
        self.store.slice = Some(self.update(actor::SLICES, kind, "", &known, object));
    }

    /// A user creates the budget.
    pub(super) fn create_budget(&mut self) {
        let Some(budget) = self.scenario.budgets.first() else { return };
        let (field, value) = match budget.ask {
            BudgetAsk::MinAvailable(value) => ("minAvailable", value),
            BudgetAsk::MaxUnavailable(value) => ("maxUnavailable", value),
        };
        let labels = &self.scenario.workload.template.labels;
        let mut spec = json!({field: int_or_percent(value), "selector": {"matchLabels": labels}});
        if budget.always_allow_unhealthy {
            spec["unhealthyPodEvictionPolicy"] = json!("AlwaysAllow");
        }
        let mut object = self.new_object(Kind::PodDisruptionBudget, &budget.name, spec);
        object["status"] = json!({
            "disruptionsAllowed": 0, "currentHealthy": 0, "desiredHealthy": 0, "expectedPods": 0,
        });
        self.store.budget = Some(self.create(Actor::Admin, Kind::PodDisruptionBudget, object));
    }

    /// The status of the budget is written, by its controller or by the API server.
    pub(super) fn report_budget(&mut self, actor: Actor<'_>, cluster: &Cluster<'_>) {
        let Some(known) = self.store.budget.clone() else { return };
        let mut object = known.clone();
        let budget = cluster.shared.budget;
        let disrupted = cluster.used_pods().filter(|&pod| cluster.pod(pod).head.disrupted());
        let now = seconds(self.clock.now);
        let disrupted: Map<_, _> =
            disrupted.map(|pod| (self.cast.pod(pod).name.clone(), json!(now))).collect();
        object["status"] = json!({
            "observedGeneration": 1,
            "disruptionsAllowed": budget.allowed(),
            "currentHealthy": budget.healthy(),
            "desiredHealthy": budget.desired(),
            "expectedPods": self.scenario.workload.replicas,
        });
        if !disrupted.is_empty() {
            object["status"]["disruptedPods"] = Value::Object(disrupted);
        }
        let kind = Kind::PodDisruptionBudget;
        self.store.budget = Some(self.update(actor, kind, "status", &known, object));
    }
}
