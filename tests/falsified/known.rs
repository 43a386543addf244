//! Lies that are not found out, or not where they should be, and why.

/// A lie that is not found out.
pub struct Known {
    /// The name of its kind.
    pub kind: &'static str,
    /// The numbers of the recordings; with none, all that it applies to.
    pub of: &'static [&'static str],
    /// Why.
    pub why: &'static str,
}

/// All of them: the list is to be as short as can be.
pub const KNOWN_ACCEPTED: &[Known] = &[
    Known {
        kind: "bound-by-a-kubelet",
        of: &[],
        why: "whoever is not the scheduler is taken for another scheduler, so the binding is not judged",
    },
    Known {
        kind: "bound-to-a-node-that-is-not-there",
        of: &[
            "01", "02", "05", "06", "07", "08", "09", "10", "11", "12", "15", "16", "17", "21", "22", "28",
            "30", "36", "37",
        ],
        why: "the world makes a node of each name that a binding names",
    },
    Known {
        kind: "bound-to-a-node-that-was-tainted-later",
        of: &[],
        why: "the scheduler's watch of nodes may lag for as long as it takes",
    },
    Known {
        kind: "bound-before-its-creation",
        of: &[],
        why: "a write to an object that is not known yet is taken for one of another workload",
    },
    Known {
        kind: "pod-created-before-its-replica-set",
        of: &[],
        why: "a write to an object that is not known yet is taken for one of another workload",
    },
    Known {
        kind: "replica-set-created-before-its-deployment",
        of: &[],
        why: "the story begins with the Deployment",
    },
    Known { kind: "killed-right-after-sigterm", of: &[], why: "status 137 may be a crash of any kind" },
    Known { kind: "killed-before-the-grace-was-over", of: &[], why: "status 137 may be a crash of any kind" },
    Known {
        kind: "started-on-another-node",
        of: &["01", "10", "27", "37"],
        why: "what one kubelet cannot explain is said before what another cannot, though it came later",
    },
    Known {
        kind: "slice-written-by-a-kubelet",
        of: &[],
        why: "EndpointSlices that others write are not judged",
    },
    Known {
        kind: "slice-written-by-another-controller",
        of: &[],
        why: "EndpointSlices that others write are not judged",
    },
    Known {
        kind: "rules-have-an-address-that-nobody-has",
        of: &[],
        why: "addresses of no pod are passed over",
    },
    Known {
        kind: "rules-know-before-the-slice",
        of: &["04", "05", "07", "08", "15", "16", "22", "27", "28", "30", "36"],
        why: "addresses that are not known yet are passed over",
    },
    Known {
        kind: "rules-keep-a-removed-address",
        of: &["27"],
        why: "rules are compared by pod, not by address",
    },
    Known {
        kind: "pod-deleted-by-the-deployment-controller",
        of: &[],
        why: "a controller that is not modelled may delete any pod",
    },
    Known {
        kind: "pod-deleted-by-the-scheduler",
        of: &[],
        why: "the scheduler's preemption is not modelled, so it may delete any pod",
    },
    Known {
        kind: "scaled-by-its-own-controller",
        of: &[],
        why: "a ReplicaSet that its Deployment's controller does not scale is taken to be scaled by hand",
    },
    Known {
        kind: "budget-written-by-a-kubelet",
        of: &[],
        why: "statuses of budgets that others write are not judged",
    },
    Known {
        kind: "node-unknown-though-it-renews-its-lease",
        of: &[],
        why: "the node controller's part knows no kubelet, so all are silent to it",
    },
    Known { kind: "deleted-before-its-toleration-was-over", of: &[], why: "no clock is kept of taints" },
    Known {
        kind: "report-from-a-node-that-is-off",
        of: &["16"],
        why: "a kubelet that was stopped may be started before the log says so",
    },
    Known {
        kind: "same-report-from-a-node-that-is-off",
        of: &[],
        why: "a report that changes nothing is not asked whether its kubelet can write",
    },
    Known {
        kind: "heartbeat-from-a-node-that-is-off",
        of: &[],
        why: "a report that changes nothing is not asked whether its kubelet can write",
    },
    Known {
        kind: "report-hides-the-deletion",
        of: &[],
        why: "what a status write shows beside the status is not compared",
    },
    Known {
        kind: "report-shows-a-deletion",
        of: &[],
        why: "what a status write shows beside the status is not compared",
    },
    Known {
        kind: "report-shows-another-node",
        of: &[],
        why: "what a status write shows beside the status is not compared",
    },
    Known {
        kind: "deployment-status-shows-other-replicas",
        of: &[],
        why: "what a status write shows beside the status is not compared",
    },
    Known {
        kind: "deployment-status-shows-another-template",
        of: &[],
        why: "what a status write shows beside the status is not compared",
    },
    Known {
        kind: "replica-set-status-shows-other-replicas",
        of: &[],
        why: "what a status write shows beside the status is not compared",
    },
    Known {
        kind: "deadline-exceeded-at-once",
        of: &[],
        why: "no clock is kept of the progress of a Deployment",
    },
];

/// Recordings that are not lawful as they are, by number, and why: nothing is said of what is falsified in them.
pub const NOT_LAWFUL: &[(&str, &str)] = &[
    ("19", "preemption"),
    ("20", "labels of a node that change"),
    ("26", "a readiness probe that begins to fail"),
    ("32", "a liveness probe that begins to fail"),
];
