/* Termination -> endpoints -> one kube-proxy: one Deployment of N running pods behind a Service on one node is scaled to 0.
 *
 * A twin of podproof's built-in scenario `termination`, as its untimed search without symmetry sees it: its states are the
 * states of that search, its steps are that search's moves (a small step with those that follow it at once). The Rust twin
 * (termination.rs) and the TLA+ twin (termination.tla) have the same variables and the same steps under the same names.
 * tests/searches/twins.rs compares: the Rust twin with the model state by state, this one by its numbers of states and transitions.
 *
 *   spin -a -DN=2 termination.pml && cc -O2 -DSAFETY -DNOREDUCE -o pan pan.c && ./pan
 *
 * Every step is one d_step of the one process at its one place of control, so that "states, stored" counts states of the
 * variables and nothing else. Of each pod, and of what there is once:
 *
 *   here          in the model (model/src/state/)                      values
 *   api           PodColumn.api: exists, deletion, phase, ready        GONE, RUNNING, DELETING, UNREADY, SUCCEEDED
 *   worker        PodColumn.kubelet.worker, with process, sandbox,     NONE, SYNC, TERMINATING, FINISHED
 *                 caches: terminating is "exited, sandbox is left"
 *   seen          PodColumn.controller.view: the manager's copy        as api
 *   expects       PodColumn.controller.expects_deletion
 *   rule          ProxyPod.rule, the entry in the node's rules         ABSENT, READY, SERVING, NOT_SERVING
 *   wanted        Shared.deployment.replicas                           N or 0: true or false
 *   wanted_seen   Shared.deployment_view.replicas                      the same
 *   rs_wanted     ReplicaSetColumn.replicas                            the same
 *   victims       ReplicaSetColumn.victims_left                        0 to N
 *
 * All else in a state of the model is the same in every state, or follows from these where no step is left that follows at
 * once: the slice is ENTRY(seen), kube-proxy's copy is its rule, the scheduler's copy and the kubelet's follow api and
 * worker, deletion_planned is expects while victims > 0, the ReplicaSet's status counts the pods that are seen RUNNING, the
 * story is told when wanted is false, and a slot is used until nobody remembers its pod.
 *
 * -DCHECK asserts no-traffic-after-sigterm. -DMUTANT keeps the endpoint of a terminating pod ready, which is wrong: so that a
 * comparison of counts can be seen to fail. -DPATIENT makes the kubelet wait until no rule sends connections to the pod, and
 * kube-proxy never fall back to terminating endpoints: so that the assertion can be seen to hold.
 */

#ifndef N
#define N 2
#endif

#define GONE      0	/* removed from the API server's store */
#define RUNNING   1	/* phase Running, Ready */
#define DELETING  2	/* the same with deletionTimestamp */
#define UNREADY   3	/* deleting, phase Running, not Ready */
#define SUCCEEDED 4	/* deleting, phase Succeeded, not Ready */

#define NONE        0	/* the kubelet has forgotten the pod */
#define SYNC        1	/* the pod should run, its container accepts connections */
#define TERMINATING 2	/* the container has got SIGTERM and has exited, the PLEG has seen it, the sandbox is left */
#define FINISHED    3	/* all of it is stopped */

#define ABSENT      0	/* no endpoint */
#define READY       1	/* ready, serving */
#define SERVING     2	/* serving, terminating */
#define NOT_SERVING 3	/* terminating */

/* The entry of a pod in the EndpointSlice, by the controller manager's copy of it. */
#ifdef MUTANT
#define TERMINATING_ENTRY READY
#else
#define TERMINATING_ENTRY SERVING
#endif
#define ENTRY(copy) \
((copy) == RUNNING -> READY : ((copy) == DELETING -> TERMINATING_ENTRY : ((copy) == UNREADY -> NOT_SERVING : ABSENT)))

byte api[N] = RUNNING;
byte worker[N] = SYNC;
byte seen[N] = RUNNING;
bool expects[N];
byte rule[N] = READY;

bool wanted = true;
bool wanted_seen = true;
bool rs_wanted = true;
byte victims;

/* How often a value is in an array, and what is done for each pod. */
#if N == 1
#define ANY(test) (test(0))
#define EACH(act) act(0)
#elif N == 2
#define ANY(test) (test(0) || test(1))
#define EACH(act) act(0); act(1)
#elif N == 3
#define ANY(test) (test(0) || test(1) || test(2))
#define EACH(act) act(0); act(1); act(2)
#elif N == 4
#define ANY(test) (test(0) || test(1) || test(2) || test(3))
#define EACH(act) act(0); act(1); act(2); act(3)
#elif N == 5
#define ANY(test) (test(0) || test(1) || test(2) || test(3) || test(4))
#define EACH(act) act(0); act(1); act(2); act(3); act(4)
#else
#error "N is from 1 to 5"
#endif

#define IS_EXPECTED(p) expects[p]
#define IS_COUNTED(p)  (seen[p] == RUNNING)
#define IS_READY(p)    (rule[p] == READY)
#define IS_STALE(p)    (rule[p] != ENTRY(seen[p]))
#define COUNT(p)       victims = victims + (seen[p] == RUNNING)
#define DELETE(p)      api[p] = (expects[p] -> DELETING : api[p])
#define PROGRAM(p)     rule[p] = ENTRY(seen[p])

/* New connections go to this pod: its entry is ready, or none is and it is serving. */
#ifdef PATIENT
#define ROUTED(p) (rule[p] == READY)
#define MAY_KILL(p) && !ROUTED(p)
#else
#define ROUTED(p) (rule[p] == READY || (rule[p] == SERVING && !ANY(IS_READY)))
#define MAY_KILL(p)
#endif

#ifdef CHECK
#define SIGTERM(p) assert(!ROUTED(p))
#else
#define SIGTERM(p) skip
#endif

/* The ReplicaSet controller chooses a pod to go; the sync that has chosen its last one sends the deletions. */
#define CHOOSE_VICTIM(p) \
:: d_step { victims > 0 && !expects[p] -> \
	expects[p] = true; \
	victims = victims - 1; \
	if \
	:: victims == 0 -> EACH(DELETE) \
	:: else \
	fi }

/* The kubelet sees the deletion and kills the pod: SIGTERM, exit, relist. */
#define SEE_DELETION(p) \
:: d_step { api[p] == DELETING && worker[p] == SYNC MAY_KILL(p) -> \
	SIGTERM(p); \
	worker[p] = TERMINATING }

/* The sandbox is stopped before a status was reported. */
#define STOP_SANDBOX(p) \
:: d_step { worker[p] == TERMINATING -> worker[p] = FINISHED }

/* The kubelet reports: not Ready, after which the sandbox is stopped; or, with all stopped, Succeeded. */
#define REPORT_STATUS(p) \
:: d_step { worker[p] == TERMINATING -> api[p] = UNREADY; worker[p] = FINISHED } \
:: d_step { worker[p] == FINISHED && (api[p] == DELETING || api[p] == UNREADY) -> api[p] = SUCCEEDED }

/* The final deletion. */
#define REMOVE_POD(p) \
:: d_step { worker[p] == FINISHED && api[p] == SUCCEEDED -> api[p] = GONE }

/* The kubelet sees the removal and forgets the pod. */
#define SEE_REMOVAL(p) \
:: d_step { worker[p] == FINISHED && api[p] == GONE -> worker[p] = NONE }

/* The controller manager sees the pod; its EndpointSlice controller writes the slice. */
#define DELIVER_POD(p) \
:: d_step { seen[p] != api[p] -> seen[p] = api[p]; expects[p] = false }

#define POD(p) \
CHOOSE_VICTIM(p) SEE_DELETION(p) STOP_SANDBOX(p) REPORT_STATUS(p) REMOVE_POD(p) SEE_REMOVAL(p) DELIVER_POD(p)

active proctype cluster() {
end:	do
	/* Somebody scales the Deployment to 0. */
	:: d_step { wanted -> wanted = false }
	/* The controller manager sees it. */
	:: d_step { wanted_seen != wanted -> wanted_seen = wanted }
	/* The Deployment controller scales the ReplicaSet. */
	:: d_step { rs_wanted != wanted_seen -> rs_wanted = wanted_seen }
	/* The ReplicaSet controller decides how many pods go: all that it counts, if it waits for nothing. */
	:: d_step { !rs_wanted && victims == 0 && ANY(IS_COUNTED) && !ANY(IS_EXPECTED) -> EACH(COUNT) }
	POD(0)
#if N > 1
	POD(1)
#endif
#if N > 2
	POD(2)
#endif
#if N > 3
	POD(3)
#endif
#if N > 4
	POD(4)
#endif
	/* kube-proxy sees the slice and programs its node's rules, all at once. */
	:: d_step { ANY(IS_STALE) -> EACH(PROGRAM) }
	od
}
