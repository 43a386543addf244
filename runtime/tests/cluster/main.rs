//! The whole cluster: API server, scheduler, controllers, and on each machine a kubelet, a container runtime and a kube-proxy;
//! driven by a seeded choice of what comes next.

mod slips;
mod stories;
mod world;
