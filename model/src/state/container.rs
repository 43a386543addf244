//! A container: its process in the runtime, the PLEG's record of it, its probes and its way to the end.

use bitfield_struct::bitfield;
use bytemuck::{Pod, Zeroable};
use podproof_vocabulary::observation::{Hook, Process};

/// A container of a pod, by runtime, PLEG cache, prober and pod worker.
#[bitfield(u32)]
#[derive(PartialEq, Eq, PartialOrd, Ord, Pod, Zeroable)]
pub struct Container {
    /// The process in the runtime.
    #[bits(2)]
    pub process: Process,
    /// The process accepts connections.
    pub accepting: bool,
    /// The process has accepted connections since it was started.
    pub has_listened: bool,
    /// The process has received SIGTERM.
    pub sigterm: bool,
    /// The kubelet is stopping it.
    pub stopping: bool,
    /// The grace period of that stop has run out.
    pub grace_expired: bool,
    /// Its preStop hook.
    #[bits(2)]
    pub hook: Hook,
    /// The process in the PLEG's cache.
    #[bits(2)]
    pub cached: Process,
    /// The kubelet started it after the cache was filled.
    pub touched: bool,
    /// Its readiness probe's result; without a probe, unused.
    pub probe_ready: bool,
    /// Its startup probe has succeeded; without a probe, unused.
    pub probe_started: bool,
    /// Its startup or liveness probe has failed as often as it may.
    pub probe_failed: bool,
    /// How often it was restarted, up to the last step of the back-off ladder.
    #[bits(3)]
    pub backoff: u8,
    /// The app fails its readiness probe whether or not it accepts connections.
    pub fails_readiness: bool,
    /// The app fails its liveness probe whether or not it accepts connections.
    pub fails_liveness: bool,
    /// A sync stops it, or has stopped it, to start it anew although it may end well: of a pod that restarts on failure.
    pub starts_anew: bool,
    /// How the last app of its name ended in a sandbox before, as long as the cache shows none of this sandbox.
    #[bits(2)]
    pub ended_before: Process,
    /// An app of its name has ended in a sandbox before, and none has started in this one.
    pub ended_earlier: bool,
    /// The cache shows that end.
    pub is_end_known: bool,
    /// Its back-off keeps it from starting, and its pod is evicted: whoever would start it has found that, or will when it has ended. Or it
    /// is the init container of a pod that is done, and could not be started again in a sandbox that has died; or a sidecar of which nobody
    /// knows any more that it has run.
    pub held_back: bool,
    /// It had started when its pod, which has more than one, began to be stopped: so it counts until all have stopped.
    pub started_before_kill: bool,
    /// Its kubelet has restarted since its pod was to end, and probes its readiness no more.
    pub unprobed: bool,
    /// A sync that has seen it run in a sandbox that is dead may have begun: it stops it whatever its pod has done meanwhile, and starts an
    /// app anew, too, although that ends by itself.
    pub may_be_stopped: bool,
    /// A sidecar that the kubelet stops for its probe, and not with its pod: it waits for nobody.
    pub stops_alone: bool,
    #[bits(2)]
    __: u32,
}

impl Container {
    /// What a readiness probe finds.
    pub fn answers_readiness(self) -> bool {
        self.accepting() && !self.fails_readiness()
    }

    /// What a liveness probe finds.
    pub fn answers_liveness(self) -> bool {
        self.accepting() && !self.fails_liveness()
    }

    /// What the runtime's last status of its name says: where none has started in this sandbox, that of a sandbox before.
    pub fn last_process(self) -> Process {
        if self.process() == Process::Absent { self.ended_before() } else { self.process() }
    }

    /// The same as the PLEG's cache knows it.
    pub fn last_cached(self) -> Process {
        if self.cached() == Process::Absent { self.ended_before() } else { self.cached() }
    }

    /// Its start counts as a restart, as far as the cache tells: the back-off goes by the newest container of its name that has exited,
    /// in whatever sandbox (CLB-2).
    pub fn counts_as_restart(self) -> bool {
        self.cached() != Process::Absent || self.is_end_known()
    }

    /// The process runs.
    pub fn is_running(self) -> bool {
        self.process() == Process::Running
    }
}
