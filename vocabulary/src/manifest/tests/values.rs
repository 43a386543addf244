//! Values that the API server refuses, each with its exact message.

use super::refusals::{check, refused};
use super::*;

#[test]
fn numbers_and_percentages_out_of_range_are_refused() {
    for (line, message) in [
        ("replicas: -1", "6:13: spec.replicas: is -1; accepted: a whole number from 0 to 2147483647"),
        (
            "minReadySeconds: -1",
            "6:20: spec.minReadySeconds: is -1; accepted: a whole number from 0 to 2147483647",
        ),
        (
            "progressDeadlineSeconds: 5\n  minReadySeconds: 9",
            "6:28: spec.progressDeadlineSeconds: is 5; accepted: more than minReadySeconds, which is 9",
        ),
        (
            "strategy: {rollingUpdate: {maxSurge: -1}}",
            "6:40: spec.strategy.rollingUpdate.maxSurge: is -1; accepted: a whole number from 0 to 2147483647, or a percentage such as '25%'",
        ),
        (
            "strategy: {rollingUpdate: {maxSurge: '25'}}",
            "6:40: spec.strategy.rollingUpdate.maxSurge: is '25'; accepted: a whole number from 0 to 2147483647, or a percentage such as '25%'",
        ),
        (
            "strategy: {rollingUpdate: {maxUnavailable: 101%}}",
            "6:46: spec.strategy.rollingUpdate.maxUnavailable: is more than 100%; accepted: a whole number, or a percentage from '0%' to '100%'",
        ),
        (
            "strategy: {rollingUpdate: {maxSurge: 0, maxUnavailable: 0%}}",
            "6:29: spec.strategy.rollingUpdate: maxSurge and maxUnavailable are both 0: no pod could ever be replaced; accepted: \
             at least one of them above 0",
        ),
    ] {
        check(&deployment(line.replace("\n  ", "\n").as_str(), "", ""), &format!("a.yaml:{message}"));
    }
}

#[test]
fn values_that_the_api_server_refuses_in_a_pod_are_refused() {
    for (line, message) in [
        (
            "terminationGracePeriodSeconds: 2147483648",
            "12:38: spec.template.spec.terminationGracePeriodSeconds: is 2147483648; accepted: a whole number from 0 to 2147483647",
        ),
        (
            "restartPolicy: always",
            "12:22: spec.template.spec.restartPolicy: is 'always'; accepted: Always, OnFailure or Never",
        ),
        (
            "restartPolicy: Never",
            "12:22: spec.template.spec.restartPolicy: is Never; accepted: Always, as the pods belong to a Deployment",
        ),
        (
            "activeDeadlineSeconds: 60",
            "12:30: spec.template.spec.activeDeadlineSeconds: is 60; accepted: nothing, as the pods belong to a Deployment",
        ),
        (
            "ephemeralContainers: [{name: debug, image: x}]",
            "12:28: spec.template.spec.ephemeralContainers: is set; accepted: nothing, as only a pod that exists can be debugged",
        ),
        (
            "tolerations: [{key: a, operator: Like}]",
            "12:40: spec.template.spec.tolerations[0].operator: is 'Like'; accepted: Equal or Exists",
        ),
        (
            "tolerations: [{key: a, operator: Exists, value: b}]",
            "12:55: spec.template.spec.tolerations[0].value: is set; accepted: no value, as the operator is Exists",
        ),
        (
            "tolerations: [{value: b}]",
            "12:21: spec.template.spec.tolerations[0].key: is missing; accepted: a key, or operator: Exists to tolerate every taint",
        ),
        (
            "tolerations: [{key: a, effect: NoSchedule, tolerationSeconds: 3}]",
            "12:69: spec.template.spec.tolerations[0].tolerationSeconds: is set; accepted: this field only beside effect: NoExecute",
        ),
        (
            "tolerations: [{key: a, effect: Never}]",
            "12:38: spec.template.spec.tolerations[0].effect: is 'Never'; accepted: NoSchedule, PreferNoSchedule or NoExecute",
        ),
        (
            "topologySpreadConstraints: [{maxSkew: 0, topologyKey: a, whenUnsatisfiable: DoNotSchedule}]",
            "12:45: spec.template.spec.topologySpreadConstraints[0].maxSkew: is 0; accepted: a whole number from 1 to 2147483647",
        ),
        (
            "topologySpreadConstraints: [{maxSkew: 1, topologyKey: a, whenUnsatisfiable: ScheduleAnyway, minDomains: 2}]",
            "12:111: spec.template.spec.topologySpreadConstraints[0].minDomains: is set; accepted: this field only beside whenUnsatisfiable: DoNotSchedule",
        ),
        (
            "topologySpreadConstraints: [{maxSkew: 1, topologyKey: a, whenUnsatisfiable: Maybe}]",
            "12:83: spec.template.spec.topologySpreadConstraints[0].whenUnsatisfiable: is 'Maybe'; accepted: DoNotSchedule or ScheduleAnyway",
        ),
        (
            "affinity: {podAffinity: {requiredDuringSchedulingIgnoredDuringExecution: [{labelSelector: {}}]}}",
            "12:81: spec.template.spec.affinity.podAffinity.requiredDuringSchedulingIgnoredDuringExecution[0].topologyKey: is missing; accepted: the key of a node label, such as kubernetes.io/hostname",
        ),
        (
            "affinity: {nodeAffinity: {requiredDuringSchedulingIgnoredDuringExecution: {nodeSelectorTerms: [{matchExpressions: [{key: a, operator: In}]}]}}}",
            "12:122: spec.template.spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms[0].matchExpressions[0].values: has no value; accepted: at least one value, as the operator is In or NotIn",
        ),
        (
            "affinity: {nodeAffinity: {requiredDuringSchedulingIgnoredDuringExecution: {nodeSelectorTerms: [{matchExpressions: [{key: a, operator: Gt, values: [x]}]}]}}}",
            "12:153: spec.template.spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms[0].matchExpressions[0].values: is not one whole number; accepted: one whole number in quotes, as the operator is Gt or Lt",
        ),
        (
            "affinity: {nodeAffinity: {requiredDuringSchedulingIgnoredDuringExecution: {nodeSelectorTerms: [{matchFields: [{key: metadata.uid, operator: In, values: [x]}]}]}}}",
            "12:123: spec.template.spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms[0].matchFields[0].key: is 'metadata.uid'; accepted: metadata.name, the only field",
        ),
        (
            "initContainers: [{name: app, image: x}]",
            "14:15: spec.template.spec.containers[0].name: 'app' is the name of two containers of the pod; accepted: each name once",
        ),
        (
            "initContainers: [{name: i, image: x, livenessProbe: {tcpSocket: {port: 1}}}]",
            "12:59: spec.template.spec.initContainers[0].livenessProbe: is set on an init container that is no sidecar; accepted: no such field, or restartPolicy: Always beside it",
        ),
    ] {
        check(&deployment("", line, ""), &format!("a.yaml:{message}"));
    }
}

#[test]
fn values_that_the_api_server_refuses_in_a_container_are_refused() {
    const HERE: &str = "spec.template.spec.containers[0]";
    for (line, column, field, message) in [
        (
            "ports: [{containerPort: 0}]",
            33,
            ".ports[0].containerPort",
            "is 0; accepted: a port from 1 to 65535",
        ),
        (
            "ports: [{containerPort: 65536}]",
            33,
            ".ports[0].containerPort",
            "is 65536; accepted: a port from 1 to 65535",
        ),
        (
            "ports: [{containerPort: 1, protocol: tcp}]",
            46,
            ".ports[0].protocol",
            "is 'tcp'; accepted: TCP, UDP or SCTP",
        ),
        (
            "resources: {requests: {cpu: -1}}",
            37,
            ".resources.requests.cpu",
            "'-1' is negative; accepted: a quantity such as 250m, 0.5, 64Mi or 1e9, at least 0 and at most 1Pi (2^50)",
        ),
        (
            "resources: {requests: {memory: 5mb}}",
            40,
            ".resources.requests.memory",
            "'5mb' is no quantity; accepted: a quantity such as 250m, 0.5, 64Mi or 1e9, at least 0 and at most 1Pi (2^50)",
        ),
        (
            "resources: {requests: {cpu: 2}, limits: {cpu: 1}}",
            37,
            ".resources.requests.cpu",
            "is more than the limit; accepted: at most what limits.cpu says",
        ),
        (
            "readinessProbe: {httpGet: {path: /, port: htttp}}",
            51,
            ".readinessProbe.httpGet.port",
            "is 'htttp', which the kubelet does not find, so that the probe fails for ever; accepted: a number, as no port of the container has a name",
        ),
        (
            "readinessProbe: {httpGet: {port: '8080'}}",
            42,
            ".readinessProbe.httpGet.port",
            "is '8080'; accepted: a number without quotes, or a name with a letter in it",
        ),
        (
            "livenessProbe: {tcpSocket: {port: 65536}}",
            43,
            ".livenessProbe.tcpSocket.port",
            "is 65536; accepted: a port from 1 to 65535",
        ),
        (
            "startupProbe: {grpc: {port: 0}}",
            37,
            ".startupProbe.grpc.port",
            "is 0; accepted: a port from 1 to 65535",
        ),
        (
            "lifecycle: {preStop: {httpGet: {port: '80'}}}",
            47,
            ".lifecycle.preStop.httpGet.port",
            "is '80'; accepted: a number without quotes, or a name with a letter in it",
        ),
        (
            "lifecycle: {preStop: {tcpSocket: {port: 0}}}",
            49,
            ".lifecycle.preStop.tcpSocket.port",
            "is 0; accepted: a port from 1 to 65535",
        ),
        (
            "readinessProbe: {periodSeconds: 5}",
            25,
            ".readinessProbe",
            "names 0 things to ask; accepted: exactly one of exec, httpGet, tcpSocket and grpc",
        ),
        (
            "livenessProbe: {grpc: {port: 1}, successThreshold: 2}",
            60,
            ".livenessProbe.successThreshold",
            "is 2; accepted: 1, as the probe is no readinessProbe",
        ),
        (
            "livenessProbe: {grpc: {port: 1}, periodSeconds: -1}",
            57,
            ".livenessProbe.periodSeconds",
            "is -1; accepted: a whole number from 0 to 2147483647",
        ),
        (
            "readinessProbe: {grpc: {port: 1}, terminationGracePeriodSeconds: 2}",
            74,
            ".readinessProbe.terminationGracePeriodSeconds",
            "is set on a readinessProbe; accepted: this field on startupProbe and livenessProbe only",
        ),
        (
            "lifecycle: {preStop: {}}",
            30,
            ".lifecycle.preStop",
            "names 0 things to do; accepted: exactly one of sleep, exec and httpGet",
        ),
        (
            "lifecycle: {preStop: {sleep: {seconds: 1}, exec: {command: [a]}}}",
            30,
            ".lifecycle.preStop",
            "names 2 things to do; accepted: exactly one of sleep, exec and httpGet",
        ),
        (
            "lifecycle: {preStop: {sleep: {seconds: 31}}}",
            48,
            ".lifecycle.preStop.sleep.seconds",
            "is 31, and terminationGracePeriodSeconds is 30; accepted: a whole number from 0 to terminationGracePeriodSeconds",
        ),
        (
            "lifecycle: {preStop: {exec: {command: []}}}",
            47,
            ".lifecycle.preStop.exec.command",
            "is empty; accepted: a command and its arguments",
        ),
    ] {
        check(&deployment("", "", line), &format!("a.yaml:14:{column}: {HERE}{field}: {message}"));
    }
    check(
        &deployment("", "hostNetwork: true", "ports: [{containerPort: 1, hostPort: 2}]"),
        &format!(
            "a.yaml:15:46: {HERE}.ports[0].hostPort: differs from containerPort 1; accepted: the same port, as the pod has hostNetwork: true"
        ),
    );
    let many: String = (0..33).map(|number| format!("- {{name: i{number}, image: x}}\n")).collect();
    assert!(
        refused(&deployment("", &format!("initContainers:\n{many}"), ""))
            .contains("a pod of 34 containers; accepted: at most 32")
    );
    check(
        &pod("a", "{}", "").replace("  containers:\n  - name: app\n    image: x\n", "  containers: []\n"),
        "a.yaml:7:15: spec.containers: has no container; accepted: at least one container",
    );
}

#[test]
fn what_a_release_does_not_have_is_refused() {
    let text = deployment("", "", "lifecycle: {preStop: {sleep: {seconds: 0}}}");
    let of = |minor| read_with(&text, &Options { release: crate::Release { minor }, ..Options::default() });
    assert!(of(33).is_ok());
    let says = shown(&of(32).expect_err("no zero sleep"));
    assert!(says.ends_with("is 0, and terminationGracePeriodSeconds is 30; accepted: a whole number from 1 to terminationGracePeriodSeconds"), "{says}");
    let says = shown(&of(29).expect_err("no sleep"));
    assert!(says.contains("sleep: does not exist in Kubernetes 1.29; accepted: exec with a sleep command, or release 1.30 or newer"), "{says}");
}
