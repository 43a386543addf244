//! The control plane as a whole, with kubelets that are test doubles, driven by seeds.

mod double;
mod stories;
mod world;
