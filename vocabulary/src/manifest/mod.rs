//! Reading Kubernetes manifests into scenarios.
