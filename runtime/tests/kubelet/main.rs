//! A kubelet with a simulated container runtime and the real API server, from outside: many seeds, any order.

mod life;
mod rig;
