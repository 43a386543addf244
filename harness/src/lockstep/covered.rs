//! Which components are the runtime's own. A component may be played instead, so that a divergence can be narrowed down.

use podproof_vocabulary::action::{Action, Component, Container};

/// The components that are the runtime's own; all others are played by the model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Covered(u16);

const fn bit(component: Component) -> u16 {
    1 << component as u16
}

impl Covered {
    /// None: only the API server's store is the runtime's.
    pub const NONE: Self = Self(0);

    /// Every component that can be.
    pub const ALL: Self = Self(
        bit(Component::Scheduler)
            | bit(Component::DeploymentController)
            | bit(Component::ReplicaSetController)
            | bit(Component::NodeLifecycleController)
            | bit(Component::TaintEvictionController)
            | bit(Component::PodGarbageCollector)
            | bit(Component::DisruptionController)
            | bit(Component::EndpointSliceController)
            | bit(Component::Kubelet)
            | bit(Component::KubeProxy),
    );

    /// The same, with this component too, if it can be.
    #[must_use]
    pub const fn with(self, component: Component) -> Self {
        Self((self.0 | bit(component)) & Self::ALL.0)
    }

    /// The same without this component.
    #[must_use]
    pub const fn without(self, component: Component) -> Self {
        Self(self.0 & !bit(component))
    }

    /// Is this component the runtime's own?
    pub const fn has(self, component: Component) -> bool {
        self.0 & bit(component) != 0
    }

    /// Is this a step of a component that is the runtime's own? News are not meant: they are of who hears them. A machine is covered
    /// with its kubelet, but for addresses that go to other workloads.
    pub fn takes(self, action: &Action) -> bool {
        match action {
            Action::Watch(_) | Action::Process(_) => false,
            Action::Container(Container::ReuseAddress { .. }) => false,
            Action::Kubelet(_) | Action::Container(_) => self.has(Component::Kubelet),
            _ => self.has(action.component()),
        }
    }

    /// Those that can be, one by one.
    pub fn each() -> impl Iterator<Item = Component> {
        Component::ALL.into_iter().filter(|&component| Self::ALL.has(component))
    }
}

#[cfg(test)]
mod tests {
    use podproof_vocabulary::NodeId;
    use podproof_vocabulary::action::{EndpointSlice, Proxy, Watch};

    use super::*;

    #[test]
    fn components_are_taken_out_and_put_back_one_by_one() {
        for component in Covered::each() {
            let without = Covered::ALL.without(component);
            assert!(!without.has(component) && without != Covered::ALL, "{component:?}");
            assert_eq!(without.with(component), Covered::ALL);
        }
        assert!(!Covered::NONE.with(Component::Drain).has(Component::Drain), "it can only be played");
    }

    #[test]
    fn steps_belong_to_components_and_news_to_those_who_hear_them() {
        let write = Action::EndpointSlice(EndpointSlice::WriteSlice);
        assert!(Covered::ALL.takes(&write));
        assert!(!Covered::ALL.without(Component::EndpointSliceController).takes(&write));
        assert!(Covered::ALL.takes(&Action::Proxy(Proxy::ProgramRules { node: NodeId(0) })));
        assert!(!Covered::ALL.takes(&Action::Watch(Watch::DeliverDeployment)));
    }
}
