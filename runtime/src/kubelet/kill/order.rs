//! Whose turn it is to be stopped: sidecars after the app containers, in the reverse of their order in the spec (KIL-8; M33
//! `kuberuntime_termination_order.go`). Each waits for the next one alone; where that does not run the chain is broken, and those before
//! it do not wait for those behind it.

use super::container::KillContainer;
use crate::kubelet::pod::Role;
use crate::slip::{Slip, Slips};

/// Is everybody gone whom this container waits for? Who does not run is not waited for.
pub fn is_turn(containers: &[KillContainer], index: usize, slips: Slips) -> bool {
    let me = &containers[index];
    if me.role() != Role::Sidecar || slips.has(Slip::SidecarsStopWithApp) {
        return true;
    }
    let mut before_me = containers.iter().filter(|other| match other.role() {
        Role::App => true,
        Role::Sidecar => me.next_sidecar() == Some(other.place()),
        Role::Init => false,
    });
    if slips.has(Slip::SidecarsWaitForUnstarted) && !containers.iter().any(|it| it.role() == Role::App) {
        return false;
    }
    before_me.all(KillContainer::is_gone)
}
