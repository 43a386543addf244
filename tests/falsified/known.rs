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
        kind: "bound-to-a-node-that-is-not-there",
        of: &[
            "01", "02", "05", "06", "07", "08", "09", "10", "11", "12", "15", "16", "17", "21", "22", "28",
            "30", "36", "37",
        ],
        why: "the world makes a node of each name that a binding names",
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
    Known { kind: "killed-right-after-sigterm", of: &["19"], why: "status 137 may be a crash of any kind" },
    Known {
        kind: "pod-deleted-by-the-scheduler",
        of: &[],
        why: "the scheduler's preemption is not modelled, so it may delete any pod",
    },
    Known {
        kind: "node-unknown-though-it-renews-its-lease",
        of: &["01", "04", "06", "13", "17", "22", "23", "26", "37"],
        why: "the node controller's part knows no kubelet, so all are silent to it",
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
    Known {
        kind: "reported-by-two-kubelets",
        of: &["06", "16", "17", "22", "36"],
        why: "with the audit log alone what no file shows may have happened at any moment: the search meets its bound",
    },
    Known {
        kind: "reported-not-ready-by-another-kubelet",
        of: &["05", "06", "17", "36"],
        why: "with the audit log alone what no file shows may have happened at any moment: the search meets its bound",
    },
    Known {
        kind: "over-although-it-restarts",
        of: &["17"],
        why: "with the audit log alone what no file shows may have happened at any moment: the search meets its bound",
    },
    Known {
        kind: "ready-although-pending",
        of: &[
            "01", "02", "04", "05", "06", "07", "08", "10", "12", "13", "16", "17", "19", "20", "21", "22",
            "23", "26", "27", "28", "30", "32", "36", "37",
        ],
        why: "with the audit log alone what no file shows may have happened at any moment: the search meets its bound",
    },
    Known {
        kind: "reported-after-its-removal",
        of: &["17"],
        why: "with the audit log alone what no file shows may have happened at any moment: the search meets its bound",
    },
    Known {
        kind: "removed-by-another-kubelet",
        of: &["06", "07", "08", "17"],
        why: "with the audit log alone what no file shows may have happened at any moment: the search meets its bound",
    },
    Known {
        kind: "removed-though-nobody-asked",
        of: &["17"],
        why: "with the audit log alone what no file shows may have happened at any moment: the search meets its bound",
    },
    Known { kind: "sigterm-after-the-exit", of: &["37"], why: "the exit comes first, and is what cannot be" },
    Known {
        kind: "tainted-by-its-own-kubelet",
        of: &["17"],
        why: "with the audit log alone what no file shows may have happened at any moment: the search meets its bound",
    },
];

/// Recordings that are not lawful as they are, by number, and why: nothing is said of what is falsified in them.
pub const NOT_LAWFUL: &[(&str, &str)] = &[];
