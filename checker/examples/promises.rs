//! Two clients and a lock: does whoever asks for the lock get it? It depends on how fair the taking is. Prints the verdict and the
//! run that breaks the promise.

#![allow(clippy::print_stdout, reason = "printing is all that it is for")]

use podproof_checker::{Fairness, Plain, Search};
use stateright::Model;

/// What a client does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Client {
    Rests,
    Waits,
    Holds,
}

struct Lock;

/// A client, and what it does next.
type Turn = (usize, Client);

impl Model for Lock {
    type State = [Client; 2];
    type Action = Turn;

    fn init_states(&self) -> Vec<[Client; 2]> {
        vec![[Client::Rests; 2]]
    }

    fn actions(&self, state: &[Client; 2], actions: &mut Vec<Turn>) {
        for (client, does) in state.iter().enumerate() {
            match does {
                Client::Rests => actions.push((client, Client::Waits)),
                Client::Waits if !state.contains(&Client::Holds) => actions.push((client, Client::Holds)),
                Client::Waits => {}
                Client::Holds => actions.push((client, Client::Rests)),
            }
        }
    }

    fn next_state(&self, state: &[Client; 2], (client, does): Turn) -> Option<[Client; 2]> {
        let mut next = *state;
        next[client] = does;
        Some(next)
    }
}

fn judge(taking: fn(u16) -> Fairness) -> Result<(), String> {
    let system = Plain::new(Lock)?
        .fair(move |_, &(client, does)| match does {
            Client::Waits => Fairness::None,
            Client::Holds => taking(client as u16),
            Client::Rests => Fairness::Weak(2 + client as u16),
        })
        .leads_to("whoever waits gets it", |_, s| s[0] == Client::Waits, |_, s| s[0] == Client::Holds)
        .always_eventually("it is free again and again", |_, s| !s.contains(&Client::Holds));
    let report = Search::new(&system).run();
    assert!(report.is_complete(), "it is small");
    println!("{:?}: {} states with what is pending", taking(0), report.states);
    for (promise, bit) in system.promises().into_iter().zip(0..) {
        match report.lassos.iter().find(|lasso| lasso.obligation == bit) {
            None => println!("  holds: {promise}"),
            Some(lasso) => {
                let steps = |path: &podproof_checker::Path<_, Turn>| {
                    format!("{:?}", path.actions().collect::<Vec<_>>())
                };
                println!(
                    "  broken: {promise}: {}, then for ever {}",
                    steps(&lasso.stem),
                    steps(&lasso.cycle)
                );
            }
        }
    }
    Ok(())
}

fn main() -> Result<(), String> {
    judge(Fairness::Weak)?;
    judge(Fairness::Strong)
}
