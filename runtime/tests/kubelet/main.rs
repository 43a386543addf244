//! A kubelet with a simulated container runtime and the real API server, from outside: many seeds, any order.

mod admission;
mod containers;
mod deletion;
mod faults;
mod life;
mod restart;
mod rig;
mod slips;
mod slips_of_stops;
