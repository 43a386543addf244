//! The addresses of a network plugin that allocates on its own node: each new sandbox gets the one after the last that is
//! free, around and around, so a small range gives an address away again at once (F-12).

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

/// The addresses of one node's pods.
#[derive(Clone, Debug)]
pub struct Network {
    node: Ipv4Addr,
    first: u32,
    count: u32,
    next: u32,
    /// The address that the next sandbox gets, if whoever drives the cluster has said so.
    chosen: Option<Ipv4Addr>,
    held: BTreeSet<Ipv4Addr>,
}

impl Network {
    /// `count` addresses for pods from `first` on, on the machine with the address `node`.
    pub fn new(node: Ipv4Addr, first: Ipv4Addr, count: u32) -> Self {
        Self { node, first: first.into(), count, next: 0, chosen: None, held: BTreeSet::new() }
    }

    /// The address of the machine.
    pub const fn node(&self) -> Ipv4Addr {
        self.node
    }

    /// The next address that is taken shall be this one, if it is free.
    pub const fn choose(&mut self, address: Ipv4Addr) {
        self.chosen = Some(address);
    }

    /// Takes the next free address; none if all are held.
    pub fn allocate(&mut self) -> Option<Ipv4Addr> {
        if let Some(chosen) = self.chosen.take()
            && self.held.insert(chosen)
        {
            return Some(chosen);
        }
        for step in 0..self.count {
            let index = (self.next + step) % self.count;
            let address = Ipv4Addr::from(self.first + index);
            if self.held.insert(address) {
                self.next = (index + 1) % self.count;
                return Some(address);
            }
        }
        None
    }

    /// Gives an address back; that of the machine, or one that is free already, changes nothing.
    pub fn release(&mut self, address: Ipv4Addr) {
        self.held.remove(&address);
    }
}
