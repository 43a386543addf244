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
            "01", "02", "05", "06", "07", "08", "09", "10", "11", "12", "15", "16", "17", "20", "21", "22",
            "28", "30", "36", "37",
        ],
        why: "the world makes a node of each name that a binding names",
    },
    Known {
        kind: "pod-created-before-its-replica-set",
        of: &["05", "07", "08", "09", "16", "17", "22", "30", "36"],
        why: "a status of the Deployment comes before, which no ReplicaSet is there for",
    },
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
        kind: "deletion-dropped",
        of: &["09"],
        why: "a report that shows the deletion comes first, and is what cannot be",
    },
    Known {
        kind: "deletion-dropped",
        of: &["37"],
        why: "the command of a hook may be one that a user runs, which no deletion is needed for",
    },
    Known {
        kind: "node-reported-after-its-removal",
        of: &["15"],
        why: "a pod that is created later has a world of the other node alone, and of one node that is unreachable none is tainted",
    },
    Known {
        kind: "reported-under-another-uid",
        of: &[
            "01", "02", "04", "09", "10", "11", "13", "15", "19", "20", "21", "23", "26", "27", "28", "32",
            "37",
        ],
        why: "a pod of another UID that no ReplicaSet of the log owns is a workload that was there before: that is incomplete",
    },
];

/// Recordings that are not lawful as they are, by number, and why: nothing is said of what is falsified in them.
pub const NOT_LAWFUL: &[(&str, &str)] = &[];

/// Why, of what a report leaves as it was.
const ONLY_THE_ANSWER: &str = "a report asks for what has changed, and only the answer shows the rest";

/// Why, of what a ReplicaSet asks for of its pods.
const NO_DEFAULTS: &str = "of a template no request shows the defaults, which its pods have";

/// Kinds that are found out with the answers of the API server and accepted without them, and why.
pub const NEEDS_ANSWERS: &[(&str, &str)] = &[
    (
        "address-of-another-pod",
        "without answers a Pod of a DaemonSet has the name that is bound next, and so another workload",
    ),
    ("bound-before-its-creation", "no version says which came first, and both stand by their receipt"),
    ("bound-to-a-node-that-is-not-there", "what pins a Pod to a node does not fit any name that is bound"),
    ("container-started-at-another-time", ONLY_THE_ANSWER),
    (
        "deleted-before-its-toleration-was-over",
        "no request shows what admission adds, so it may be over at any time",
    ),
    ("ended-by-a-change", "what asks for a change beside the status changes no status"),
    ("first-address-is-another", "a patch gives an address beside those that there are"),
    ("first-report-before-the-creation", "no version says which came first, and both stand by their receipt"),
    ("generation-goes-back", "no request shows a generation, which the API server counts"),
    ("last-state-ends-otherwise", ONLY_THE_ANSWER),
    (
        "observed-generation-goes-back",
        "what stood in an object before is not known for sure, as no answer shows it",
    ),
    ("pod-deleted-by-the-scheduler", "the scheduler's preemption is not modelled, so it may delete any pod"),
    ("pod-of-another-grace-than-its-template", NO_DEFAULTS),
    ("pod-of-another-pull-policy-than-its-template", NO_DEFAULTS),
    ("pod-started-at-another-time", ONLY_THE_ANSWER),
    (
        "replica-set-created-before-its-deployment",
        "the story begins with the Deployment, and no version says which came first",
    ),
    (
        "replica-set-lives-on-after-its-removal",
        "no answer says whether what is deleted is gone at once, or waits for its dependents",
    ),
    (
        "replica-set-of-another-image",
        "what a patch leaves of a Deployment is not known for sure, as no answer shows it",
    ),
    ("report-shows-another-quality", ONLY_THE_ANSWER),
    ("reported-after-its-removal", "a report that was received later may have been committed before"),
    ("restarts-counted-down", "what stood in an object before is not known for sure, as no answer shows it"),
    (
        "rollout-to-another-image",
        "what a patch leaves of a Deployment is not known for sure, as no answer shows it",
    ),
    ("slice-before-its-service", "no version says which came first"),
    (
        "slice-keeps-a-removed-pod-for-good",
        "of two pods that are removed at once no version says which went first",
    ),
    ("tainted-by-its-own-kubelet", "what asks for a status changes no taint"),
    (
        "told-of-a-container-that-it-does-not-have",
        "admission may have given it more containers than somebody asked for",
    ),
    ("two-conditions-of-one-type", "a patch of conditions goes by their types"),
    ("undeleted-by-a-change", "what asks for a change takes no deletion back"),
];
