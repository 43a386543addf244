use podproof_checker::*;
use podproof_model::reduced::{Move, Reduced};
use podproof_model::*;
use podproof_vocabulary::*;

struct Checked(Reduced);
impl System for Checked {
    type State = ClusterState;
    type Action = Move;
    fn initial(&self) -> Vec<(ClusterState, u64, u64)> {
        self.0.initial().into_iter().map(|(s, j)| (s, j.broken.bits().into(), j.reached.bits().into())).collect()
    }
    fn transitions(&self, state: &ClusterState, out: &mut Vec<Transition<ClusterState, Move>>) {
        self.0.moves(state, |o| {
            out.push(Transition {
                action: o.taken,
                next: o.next,
                broken: o.judged.broken.bits().into(),
                reached: o.judged.reached.bits().into(),
                unit: o.unit,
                discharged: o.discharged,
            })
        });
    }
    fn owed(&self, state: &ClusterState) -> system::Owed {
        let o = self.0.model.owed(state);
        system::Owed { pending: o.pending, reached: o.reached }
    }
    fn limit(&self, state: &ClusterState) -> Option<&'static str> {
        self.0.model.limit(state)
    }
    fn has_obligations(&self) -> bool {
        !self.0.model.rules.is_timed()
    }
}

fn main() {
    let args: Vec<String> = std::env::args().collect();
    let story: event::Story = args[1].parse().unwrap();
    let r: u8 = args[2].parse().unwrap();
    let n: usize = args[3].parse().unwrap();
    let max: u64 = args[4].parse().unwrap();
    let threads: usize = args[5].parse().unwrap();
    let mut s = catalogue::web("x", story, r, n);
    if let Ok(v) = std::env::var("MUT") { s.mutant = Some(v.parse().unwrap()); }
    if std::env::var("TIMED").is_ok() { s.timing = scenario::Timing::Timed; s.addresses_are_reused = true; }
    if std::env::var("ALL").is_ok() { s.approximations = s.approximations.without(approximation::Approximation::Focus); }
    if std::env::var("EXACT").is_ok() { s.approximations = approximation::Approximations::NONE; }
    if let Ok(v) = std::env::var("PRE") { s.workload.template.containers[0].pre_stop = Some(scenario::PreStop::Seconds(v.parse().unwrap())); }
    if std::env::var("READY").is_ok() { s.workload.template.containers[0].readiness_probe = Some(scenario::Probe{initial_delay_seconds:0,period_seconds:10,timeout_seconds:1,success_threshold:1,failure_threshold:3}); }
    let m = Reduced::new(Model::new(s).unwrap());
    println!("fusions {:?} clocks {}", m.fusions(), m.model.rules.clocks.count());
    let c = Checked(m);
    let t = std::time::Instant::now();
    let report = Search::new(&c).bounds(Bounds { states: max, ..Default::default() }).threads(threads).run();
    println!("states {} transitions {} depth {} dead {} mem {}MB {:?} {:?}", report.states, report.transitions, report.depth, report.dead_ends, report.memory >> 20, report.stopped, t.elapsed());
    for v in &report.violations {
        println!("broken {} in {} moves", property::PROPERTIES[v.property as usize].name, v.path.steps.len());
        if std::env::var("SHOW").is_ok() { for a in v.path.actions() { println!("   {a:?}"); } }
    }
    for p in property::PROPERTIES {
        if p.kind == property::Kind::Safety && report.reached >> p.property as u32 & 1 == 0 { println!("not reached {}", p.name); }
        if p.kind == property::Kind::Liveness && report.owed & c.0.model.obligations.of_property(p.property) == 0 { println!("not owed {}", p.name); }
    }
    for l in &report.lassos {
        println!("lasso {} (bit {}) stem {} cycle {}", c.0.model.obligations.property_of(l.obligation), l.obligation, l.stem.steps.len(), l.cycle.steps.len());
        if std::env::var("SHOW").is_ok() { for a in l.stem.actions() { println!("   {a:?}"); }  println!(" cycle:"); for a in l.cycle.actions() { println!("   {a:?}"); } }
    }
}
