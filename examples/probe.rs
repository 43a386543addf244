#![allow(warnings)]
use podproof_model::reduced::{Move, Reduced};
use podproof_model::*;
use podproof_vocabulary::*;
use std::hash::BuildHasher;
fn main() {
    let args: Vec<String> = std::env::args().collect();
    let mut s = catalogue::web("x", args[1].parse().unwrap(), args[2].parse().unwrap(), args[3].parse().unwrap());
    let max: usize = args[4].parse().unwrap();
    s.timing = scenario::Timing::Timed; s.addresses_are_reused = true;
    if let Ok(v) = std::env::var("PRE") { s.workload.template.containers[0].pre_stop = Some(scenario::PreStop::Seconds(v.parse().unwrap())); }
    let m = Reduced::new(Model::new(s).unwrap());
    let hb = foldhash::quality::FixedState::default();
    let mut seen = std::collections::HashSet::new();
    let mut q = std::collections::VecDeque::new();
    for (i, _) in m.initial() { seen.insert(hb.hash_one(&i)); q.push_back(i); }
    let mut counts: std::collections::BTreeMap<String, u64> = Default::default();
    while let Some(s) = q.pop_front() {
        let key = m.model.open(&s, |c| {
            match c.shared.control_plane.followed() { None => "none".to_string(), Some(p) => {
                let o = c.pod(p); 
                let d = if !o.api.exists() {"gone"} else if o.api.is_deleting() {"del"} else {"live"};
                format!("{:?} rev{} {} story{} clocks{}", p, o.head.revision(), d, c.shared.control_plane.story_told(), 0)
            } }
        });
        *counts.entry(key).or_default() += 1;
        m.moves(&s, |o| { if seen.insert(hb.hash_one(&o.next)) { q.push_back(o.next); } });
        if seen.len() > max { break; }
    }
    println!("{} queue {}", seen.len(), q.len());
    for (k, v) in counts { println!("{k}: {v}"); }
}
