---------------------------- MODULE termination ----------------------------
(***************************************************************************)
(* Termination -> endpoints -> one kube-proxy: one Deployment of N running *)
(* pods behind a Service on one node is scaled to 0.  A twin of podproof's *)
(* built-in scenario `termination`, as its untimed search without symmetry *)
(* sees it.  The variables are those of termination.pml, whose head says   *)
(* which part of the model each of them is; the actions are its steps,     *)
(* under the same names.                                                   *)
(*                                                                         *)
(*   java -cp tla2tools.jar tlc2.TLC -config termination.cfg termination   *)
(***************************************************************************)
EXTENDS Naturals, FiniteSets

CONSTANT N          \* the replicas, at least 1

VARIABLES
    api,            \* of each pod: the object in the API server's store
    worker,         \* of each pod: the kubelet's worker with container and sandbox
    seen,           \* of each pod: the controller manager's copy of api
    expects,        \* of each pod: the ReplicaSet controller waits to see it deleted
    rule,           \* of each pod: its entry in the rules of the node
    wanted,         \* replicas of the Deployment: all (TRUE) or none
    wantedSeen,     \* the controller manager's copy of wanted
    rsWanted,       \* replicas of the ReplicaSet: all or none
    victims         \* pods that the ReplicaSet controller has yet to choose

vars == <<api, worker, seen, expects, rule, wanted, wantedSeen, rsWanted, victims>>
kept == <<wanted, wantedSeen, rsWanted, victims>>

Pods == 1 .. N

Objects == {"gone", "running", "deleting", "unready", "succeeded"}
Workers == {"none", "sync", "terminating", "finished"}
Entries == {"absent", "ready", "serving", "not-serving"}

(* The entry of a pod in the EndpointSlice, by the controller manager's copy. *)
Entry(copy) ==
    CASE copy = "running"  -> "ready"
      [] copy = "deleting" -> "serving"
      [] copy = "unready"  -> "not-serving"
      [] OTHER             -> "absent"

Init ==
    /\ api     = [p \in Pods |-> "running"]
    /\ worker  = [p \in Pods |-> "sync"]
    /\ seen    = [p \in Pods |-> "running"]
    /\ expects = [p \in Pods |-> FALSE]
    /\ rule    = [p \in Pods |-> "ready"]
    /\ wanted = TRUE
    /\ wantedSeen = TRUE
    /\ rsWanted = TRUE
    /\ victims = 0

(* Somebody scales the Deployment to 0. *)
Scale ==
    /\ wanted
    /\ wanted' = FALSE
    /\ UNCHANGED <<api, worker, seen, expects, rule, wantedSeen, rsWanted, victims>>

(* The controller manager sees it. *)
DeliverDeployment ==
    /\ wantedSeen # wanted
    /\ wantedSeen' = wanted
    /\ UNCHANGED <<api, worker, seen, expects, rule, wanted, rsWanted, victims>>

(* The Deployment controller scales the ReplicaSet. *)
ScaleReplicaSet ==
    /\ rsWanted # wantedSeen
    /\ rsWanted' = wantedSeen
    /\ UNCHANGED <<api, worker, seen, expects, rule, wanted, wantedSeen, victims>>

(* The ReplicaSet controller decides how many pods go: all that it counts, *)
(* if it waits for nothing.                                                *)
PlanReplicas ==
    LET counted == {p \in Pods : seen[p] = "running"} IN
    /\ ~rsWanted
    /\ victims = 0
    /\ counted # {}
    /\ \A p \in Pods : ~expects[p]
    /\ victims' = Cardinality(counted)
    /\ UNCHANGED <<api, worker, seen, expects, rule, wanted, wantedSeen, rsWanted>>

(* It chooses a pod to go; the sync that has chosen its last one sends the *)
(* deletions.                                                              *)
ChooseVictim(p) ==
    /\ victims > 0
    /\ ~expects[p]
    /\ expects' = [expects EXCEPT ![p] = TRUE]
    /\ victims' = victims - 1
    /\ api' = IF victims = 1
              THEN [q \in Pods |-> IF expects[q] \/ q = p THEN "deleting" ELSE api[q]]
              ELSE api
    /\ UNCHANGED <<worker, seen, rule, wanted, wantedSeen, rsWanted>>

(* The kubelet sees the deletion and kills the pod: SIGTERM, exit, relist. *)
SeeDeletion(p) ==
    /\ api[p] = "deleting"
    /\ worker[p] = "sync"
    /\ worker' = [worker EXCEPT ![p] = "terminating"]
    /\ UNCHANGED <<api, seen, expects, rule, kept>>

(* The sandbox is stopped before a status was reported. *)
StopSandbox(p) ==
    /\ worker[p] = "terminating"
    /\ worker' = [worker EXCEPT ![p] = "finished"]
    /\ UNCHANGED <<api, seen, expects, rule, kept>>

(* The kubelet reports: not Ready, after which the sandbox is stopped; or, *)
(* with all stopped, Succeeded.                                            *)
ReportStatus(p) ==
    \/ /\ worker[p] = "terminating"
       /\ api' = [api EXCEPT ![p] = "unready"]
       /\ worker' = [worker EXCEPT ![p] = "finished"]
       /\ UNCHANGED <<seen, expects, rule, kept>>
    \/ /\ worker[p] = "finished"
       /\ api[p] \in {"deleting", "unready"}
       /\ api' = [api EXCEPT ![p] = "succeeded"]
       /\ UNCHANGED <<worker, seen, expects, rule, kept>>

(* The final deletion. *)
RemovePod(p) ==
    /\ worker[p] = "finished"
    /\ api[p] = "succeeded"
    /\ api' = [api EXCEPT ![p] = "gone"]
    /\ UNCHANGED <<worker, seen, expects, rule, kept>>

(* The kubelet sees the removal and forgets the pod. *)
SeeRemoval(p) ==
    /\ worker[p] = "finished"
    /\ api[p] = "gone"
    /\ worker' = [worker EXCEPT ![p] = "none"]
    /\ UNCHANGED <<api, seen, expects, rule, kept>>

(* The controller manager sees the pod; its EndpointSlice controller       *)
(* writes the slice.                                                       *)
DeliverPod(p) ==
    /\ seen[p] # api[p]
    /\ seen' = [seen EXCEPT ![p] = api[p]]
    /\ expects' = [expects EXCEPT ![p] = FALSE]
    /\ UNCHANGED <<api, worker, rule, kept>>

(* kube-proxy sees the slice and programs its node's rules, all at once. *)
DeliverSlice ==
    /\ \E p \in Pods : rule[p] # Entry(seen[p])
    /\ rule' = [p \in Pods |-> Entry(seen[p])]
    /\ UNCHANGED <<api, worker, seen, expects, kept>>

Next ==
    \/ Scale
    \/ DeliverDeployment
    \/ ScaleReplicaSet
    \/ PlanReplicas
    \/ \E p \in Pods :
          \/ ChooseVictim(p)
          \/ SeeDeletion(p)
          \/ StopSandbox(p)
          \/ ReportStatus(p)
          \/ RemovePod(p)
          \/ SeeRemoval(p)
          \/ DeliverPod(p)
    \/ DeliverSlice

Spec == Init /\ [][Next]_vars

TypeOK ==
    /\ api     \in [Pods -> Objects]
    /\ worker  \in [Pods -> Workers]
    /\ seen    \in [Pods -> Objects]
    /\ expects \in [Pods -> BOOLEAN]
    /\ rule    \in [Pods -> Entries]
    /\ {wanted, wantedSeen, rsWanted} \subseteq BOOLEAN
    /\ victims \in 0 .. N

(* New connections go to this pod: its entry is ready, or none is and it   *)
(* is serving.                                                             *)
Routed(p) ==
    \/ rule[p] = "ready"
    \/ rule[p] = "serving" /\ \A q \in Pods : rule[q] # "ready"

(* no-traffic-after-sigterm: broken, as in the model.  Here a pod that has *)
(* got SIGTERM is one whose worker no longer syncs; it exits in that step. *)
NoTrafficAfterSigterm == \A p \in Pods : worker[p] # "sync" => ~Routed(p)
=============================================================================
