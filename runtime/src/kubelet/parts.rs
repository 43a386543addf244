//! The parts of a kubelet that its workers share: what it knows of pods, and what it remembers of them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::core::v1::PodStatus as ApiStatus;

use super::api_status::{Generation, ReasonCache, generate};
use super::back_off::BackOff;
use super::host::Host;
use super::pleg::Pleg;
use super::pod::KnownPod;
use super::pod_cache::{PodCache, PodStatus};
use super::probes::Probes;
use super::status::StatusManager;
use crate::api::Uid;
use crate::clock::Moment;
use crate::slip::Slips;
use podproof_vocabulary::Release;

/// How long things take in a kubelet: its constants and flags (PLEG-1, PLEG-4, SRC-4, PW-17, CLB-1, STM-1, NOD-1, NOD-2; K-1 to K-30).
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are those of the table")]
pub struct Settings {
    pub pleg_period: Duration,
    pub pleg_threshold: Duration,
    pub runtime_request_timeout: Duration,
    pub runtime_check_period: Duration,
    pub runtime_check_threshold: Duration,
    pub housekeeping_period: Duration,
    pub sync_frequency: Duration,
    pub error_back_off: Duration,
    pub network_back_off: Duration,
    pub container_back_off: Duration,
    pub container_back_off_limit: Duration,
    pub status_period: Duration,
    pub node_status_period: Duration,
    pub node_status_report_period: Duration,
    pub lease_duration: Duration,
    pub collection_period: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Self {
            pleg_period: seconds(1),
            pleg_threshold: seconds(180),
            runtime_request_timeout: seconds(120),
            runtime_check_period: seconds(5),
            runtime_check_threshold: seconds(30),
            housekeeping_period: seconds(2),
            sync_frequency: seconds(60),
            error_back_off: seconds(10),
            network_back_off: seconds(1),
            container_back_off: seconds(10),
            container_back_off_limit: seconds(300),
            status_period: seconds(10),
            node_status_period: seconds(10),
            node_status_report_period: seconds(300),
            lease_duration: seconds(40),
            collection_period: seconds(60),
        }
    }
}

/// What the workers of a kubelet share.
#[derive(Clone, Debug)]
pub struct Parts {
    /// How long things take.
    pub settings: Settings,
    /// The pods that the kubelet's source names, by identity.
    pub pods: BTreeMap<Uid, KnownPod>,
    /// What the PLEG saw.
    pub cache: PodCache,
    /// The PLEG.
    pub pleg: Pleg,
    /// Why containers could not be started.
    pub reasons: ReasonCache,
    /// How long containers wait for their restart.
    pub back_off: BackOff,
    /// When an image that could not be pulled is tried again (CPA-14).
    pub image_back_off: BackOff,
    /// Probe workers and results.
    pub probes: Probes,
    /// The status manager.
    pub status: StatusManager,
    /// Images that are on the machine.
    pub images: BTreeSet<Arc<str>>,
    /// The runtime says that its network is ready.
    pub network_ready: bool,
}

impl Parts {
    /// What a kubelet knows when it starts: nothing.
    pub fn new(settings: Settings, release: Release, slips: Slips, now: Moment) -> Self {
        Self {
            pods: BTreeMap::new(),
            cache: PodCache::default(),
            pleg: Pleg::new(settings.pleg_period, settings.pleg_threshold, now, slips),
            reasons: ReasonCache::default(),
            back_off: BackOff::new(settings.container_back_off, settings.container_back_off_limit),
            image_back_off: BackOff::new(settings.container_back_off, settings.container_back_off_limit),
            probes: Probes::new(release, slips, now),
            status: StatusManager::new(settings.status_period, now),
            images: BTreeSet::new(),
            network_ready: false,
            settings,
        }
    }

    /// From now on the runtime counts as unwell no sooner.
    pub(super) const fn set_patience(&mut self, pleg: Duration, status: Duration) {
        self.settings.pleg_threshold = pleg;
        self.settings.runtime_check_threshold = status;
        self.pleg.set_threshold(pleg);
    }

    /// Computes the status of a pod for the API.
    pub fn generate(
        &mut self,
        pod: &KnownPod,
        runtime: &PodStatus,
        is_terminal: bool,
        host: &Host<'_, '_>,
    ) -> ApiStatus {
        let generation = Generation {
            pod,
            runtime,
            old: self.status.get(&pod.uid),
            reasons: self.reasons.of(&pod.uid),
            is_terminal,
            release: host.context.release,
            now: host.now(),
        };
        generate(&generation, &mut self.probes)
    }
}
