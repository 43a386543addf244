//! Objects as the API server emits them: with the fields that it and the controllers set.

use super::*;

const METADATA: &str = r#""uid": "97126842-dfc1-4d20-8481-7094e386b08c", "resourceVersion": "364", "generation": 2,
    "creationTimestamp": "2026-11-22T08:02:54Z", "namespace": "default", "labels": {"app": "web", "pod-template-hash": "6d4c7df8d"},
    "annotations": {"deployment.kubernetes.io/revision": "1", "kubectl.kubernetes.io/last-applied-configuration": "{}\n"},
    "managedFields": [{"manager": "kubectl", "operation": "Update", "apiVersion": "v1", "time": "2026-11-22T08:02:54Z",
        "fieldsType": "FieldsV1", "fieldsV1": {"f:spec": {"f:replicas": {}}}}]"#;

const POD: &str = r#"{"volumes": [{"name": "kube-api-access-x", "projected": {"defaultMode": 420, "sources": [
        {"serviceAccountToken": {"expirationSeconds": 3607, "path": "token"}}]}}],
    "containers": [{"name": "app", "image": "x:1", "resources": {}, "terminationMessagePath": "/dev/termination-log",
        "terminationMessagePolicy": "File", "imagePullPolicy": "IfNotPresent",
        "volumeMounts": [{"name": "kube-api-access-x", "readOnly": true, "mountPath": "/var/run/secrets"}],
        "lifecycle": {"preStop": {"exec": {"command": ["sleep", "3"]}}},
        "readinessProbe": {"httpGet": {"path": "/", "port": 8080, "scheme": "HTTP"}, "timeoutSeconds": 1,
            "periodSeconds": 1, "successThreshold": 1, "failureThreshold": 1}}],
    "restartPolicy": "Always", "terminationGracePeriodSeconds": 10, "dnsPolicy": "ClusterFirst",
    "serviceAccountName": "default", "serviceAccount": "default", "securityContext": {},
    "schedulerName": "default-scheduler", "priority": 0, "enableServiceLinks": true,
    "preemptionPolicy": "PreemptLowerPriority", "nodeName": "node-a",
    "tolerations": [{"key": "node.kubernetes.io/not-ready", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 5}]}"#;

fn object(api_version: &str, kind: &str, metadata: &str, rest: &str) -> String {
    format!(
        r#"{{"kind": "{kind}", "apiVersion": "{api_version}", "metadata": {{"name": "web", {METADATA}{metadata}}}, {rest}}}"#
    )
}

fn template() -> String {
    format!(
        r#"{{"metadata": {{"creationTimestamp": null, "labels": {{"app": "web", "pod-template-hash": "6d4c7df8d"}}}}, "spec": {POD}}}"#
    )
}

#[test]
fn what_the_api_server_and_the_controllers_set_is_read() {
    let owner = r#", "deletionTimestamp": "2026-11-22T08:03:54Z", "deletionGracePeriodSeconds": 10, "ownerReferences": [
        {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web-6d4c7df8d", "uid": "x", "controller": true, "blockOwnerDeletion": true}]"#;
    let status = r#""status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True", "lastProbeTime": null,
        "lastTransitionTime": "2026-11-22T08:02:56Z"}], "hostIP": "10.0.0.1", "podIP": "10.0.1.1", "podIPs": [{"ip": "10.0.1.1"}],
        "startTime": "2026-11-22T08:02:54Z", "qosClass": "BestEffort", "containerStatuses": [{"name": "app", "state": {"running":
        {"startedAt": "2026-11-22T08:02:55Z"}}, "lastState": {}, "ready": true, "restartCount": 0, "image": "x:1", "imageID": "x",
        "containerID": "containerd://x", "started": true}]}"#;
    let pod = object("v1", "Pod", owner, &format!(r#""spec": {POD}, {status}"#));
    let selector = r#""selector": {"matchLabels": {"app": "web", "pod-template-hash": "6d4c7df8d"}}"#;
    let spec = format!(r#""spec": {{"replicas": 2, {selector}, "template": {}}}"#, template());
    let set = object(
        "apps/v1",
        "ReplicaSet",
        "",
        &format!(
            r#"{spec}, "status": {{"replicas": 2, "fullyLabeledReplicas": 2, "observedGeneration": 1}}"#
        ),
    );
    let spec = format!(
        r#""spec": {{"replicas": 2, "selector": {{"matchLabels": {{"app": "web"}}}}, "template": {}, "strategy": {{"type":
        "RollingUpdate", "rollingUpdate": {{"maxUnavailable": "25%", "maxSurge": "25%"}}}}, "revisionHistoryLimit": 10,
        "progressDeadlineSeconds": 600}}"#,
        template()
    );
    let deployment = object(
        "apps/v1",
        "Deployment",
        "",
        &format!(r#"{spec}, "status": {{"observedGeneration": 1, "unavailableReplicas": 1}}"#),
    );
    for (text, has_hash) in [(pod, true), (set, true), (deployment, false)] {
        let scenario = scenario(&text);
        let template = &scenario.workload.template;
        assert_eq!(template.labels.get("app").map(String::as_str), Some("web"));
        assert_eq!(template.labels.contains_key("pod-template-hash"), has_hash, "{text}");
        assert_eq!(template.tolerations[0].seconds, Some(5));
        assert!(template.containers[0].pre_stop.is_some(), "{text}");
    }
}

#[test]
fn what_the_api_server_sets_of_services_budgets_and_nodes_is_read() {
    let service = object(
        "v1",
        "Service",
        "",
        r#""spec": {"ports": [{"protocol": "TCP", "port": 80, "targetPort": 8080}], "selector": {"app": "web"},
        "clusterIP": "10.96.1.4", "clusterIPs": ["10.96.1.4"], "type": "ClusterIP", "sessionAffinity": "None",
        "ipFamilies": ["IPv4"], "ipFamilyPolicy": "SingleStack", "internalTrafficPolicy": "Cluster"}, "status": {"loadBalancer": {}}"#,
    );
    let budget = object(
        "policy/v1beta1",
        "PodDisruptionBudget",
        "",
        r#""spec": {"minAvailable": 1, "selector": {"matchLabels": {"app": "web"}}}, "status": {"observedGeneration": 1,
        "disruptedPods": {"web-x": "2026-11-22T08:02:56Z"}, "disruptionsAllowed": 0, "currentHealthy": 1, "desiredHealthy": 1, "expectedPods": 2}"#,
    );
    let node = object(
        "v1",
        "Node",
        "",
        r#""spec": {"podCIDR": "10.244.1.0/24", "podCIDRs": ["10.244.1.0/24"], "taints": [
        {"key": "node.kubernetes.io/unreachable", "effect": "NoExecute", "timeAdded": "2026-11-22T08:02:56Z"}]},
        "status": {"capacity": {"cpu": "2", "memory": "24684092Ki", "pods": "40", "ephemeral-storage": "264212084Ki", "hugepages-1Gi": "0"},
        "allocatable": {"cpu": "2", "memory": "24581692Ki", "pods": "40", "ephemeral-storage": "264212084Ki", "hugepages-1Gi": "0"},
        "conditions": [{"type": "Ready", "status": "Unknown", "lastHeartbeatTime": "2026-11-22T08:02:53Z",
            "lastTransitionTime": "2026-11-22T08:02:53Z", "reason": "NodeStatusUnknown", "message": ""}],
        "addresses": [{"type": "InternalIP", "address": "10.201.0.11"}], "daemonEndpoints": {"kubeletEndpoint": {"Port": 10250}},
        "nodeInfo": {"machineID": "x", "systemUUID": "x", "bootID": "x", "kernelVersion": "6", "osImage": "x",
            "containerRuntimeVersion": "containerd://1.6.20", "kubeletVersion": "v1.20.2", "kubeProxyVersion": "v1.20.2",
            "operatingSystem": "linux", "architecture": "amd64"},
        "images": [{"names": ["x:1"], "sizeBytes": 6636279}]}"#,
    );
    let pod = pod("p", "{app: web}", "");
    let scenario = scenario(&joined(&[&(service + "\n"), &(budget + "\n"), &(node + "\n"), &pod]));
    assert!(scenario.service.is_some() && scenario.budgets.len() == 1);
    assert_eq!((scenario.nodes[0].name.as_str(), scenario.nodes[0].allocatable.pods), ("web", 40));
}
