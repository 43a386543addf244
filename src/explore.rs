//! `podproof explore`: the Stateright Explorer on 127.0.0.1.
//!
//! - `gate`: who is answered

mod gate;

use std::borrow::Borrow;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::net::{SocketAddrV4, TcpListener};
use std::path::Path;
use std::sync::Arc;

use podproof_model::front_door::{self, Judges};
use podproof_model::properties::Judged;
use podproof_model::{ClusterState, Model};
use podproof_traces::{Change, Names, words};
use podproof_vocabulary::action::Action;
use podproof_vocabulary::observation::Observation;
use podproof_vocabulary::property::PropertySet;
use podproof_vocabulary::scenario::Timing;
use podproof_vocabulary::{Property, Scenario};
use stateright::Model as _;

use crate::arguments::{ExploreArguments, TimingChoice, WorldArguments};
use crate::{events, input, output, plan, search};

/// The model of small steps, with steps and states in words.
struct Explored {
    model: Arc<Model>,
    /// Where it begins.
    first: Vec<Told>,
}

/// A state that tells what is so in it. How it came to its names makes no difference: states are equal if the model's are.
#[derive(Clone)]
struct Told {
    state: ClusterState,
    names: Arc<Names>,
    model: Arc<Model>,
}

impl Told {
    fn observation(&self) -> Observation {
        self.model.open(&self.state, |cluster| Observation::of(cluster))
    }

    fn enabled(&self) -> Vec<Action> {
        let mut enabled = Vec::new();
        self.model.enabled(&self.state, &mut enabled);
        enabled
    }

    /// The state after a step, and what it changed.
    fn after(&self, action: &Action) -> (Self, Vec<Change>) {
        let state = self.model.apply(&self.state, action);
        let mut next = Self { state, names: Arc::clone(&self.names), model: Arc::clone(&self.model) };
        let changes = podproof_traces::difference(&self.observation(), &next.observation());
        if changes.iter().any(Names::concerns) {
            Arc::make_mut(&mut next.names).see(&changes);
        }
        (next, changes)
    }
}

impl PartialEq for Told {
    fn eq(&self, other: &Self) -> bool {
        self.state == other.state
    }
}

impl Hash for Told {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        self.state.hash(hasher);
    }
}

impl Borrow<ClusterState> for Told {
    fn borrow(&self) -> &ClusterState {
        &self.state
    }
}

impl fmt::Debug for Told {
    /// What is so of every object, then the news that somebody has not seen yet: what the Explorer shows of a state.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for line in words::state(&self.names, &self.observation()) {
            writeln!(f, "{line}")?;
        }
        let news = self.enabled().into_iter().filter(|action| matches!(action, Action::Watch(_)));
        for action in news {
            writeln!(f, "may come: {}", words::action(&self.names, &action))?;
        }
        Ok(())
    }
}

/// A step with its words: who lists the steps out of a state knows the names of its objects.
#[derive(Clone)]
struct Said {
    action: Action,
    says: String,
}

impl PartialEq for Said {
    fn eq(&self, other: &Self) -> bool {
        self.action == other.action
    }
}

impl fmt::Debug for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.says)
    }
}

impl stateright::Model for Explored {
    type State = Told;
    type Action = Said;

    fn init_states(&self) -> Vec<Told> {
        self.first.clone()
    }

    fn actions(&self, told: &Told, steps: &mut Vec<Said>) {
        let said = |action| Said { says: words::action(&told.names, &action), action };
        steps.extend(told.enabled().into_iter().map(said));
    }

    fn next_state(&self, told: &Told, Said { action, .. }: Said) -> Option<Told> {
        Some(told.after(&action).0)
    }

    fn format_action(&self, step: &Said) -> String {
        step.says.clone()
    }

    fn format_step(&self, last: &Told, Said { action, says: step }: Said) -> Option<String> {
        let (next, changes) = last.after(&action);
        let changes = changes.iter().map(|change| format!("-> {}", words::change(&next.names, change)));
        let broken = self.model.judge(&last.state, &action, &next.state).broken;
        let broken = broken.iter().map(|property| format!("breaks {property}: {}", property.facts().says));
        Some([step].into_iter().chain(changes).chain(broken).collect::<Vec<_>>().join("\n"))
    }

    fn properties(&self) -> Vec<stateright::Property<Self>> {
        front_door::properties(self)
    }
}

impl Judges for Explored {
    fn judge_all(&self, state: &ClusterState) -> Judged {
        self.model.judge_all(state)
    }

    fn small_steps(&self) -> &Model {
        &self.model
    }
}

/// Runs the Explorer until it is ended.
pub fn run(arguments: &ExploreArguments) -> u8 {
    let explored = match explored(arguments) {
        Ok(explored) => explored,
        Err(errors) => {
            for error in errors {
                output::tell(format_args!("error: {error}"));
            }
            return crate::exit::WRONG_INPUT;
        }
    };
    let (listener, port, behind) = match doors(arguments.port) {
        Ok(doors) => doors,
        Err(error) => {
            output::tell(format_args!(
                "error: port {} of 127.0.0.1: {error}; accepted is another one: --port",
                arguments.port
            ));
            return crate::exit::WRONG_INPUT;
        }
    };
    let scenario = &explored.model.rules.scenario;
    output::tell(format_args!(
        "exploring {}, story {}, {}, on http://127.0.0.1:{port} (--story tells another; end with Ctrl-C)",
        scenario.name,
        scenario.story,
        scenario.timing.name()
    ));
    gate::open(listener, port, behind);
    explored.checker().serve(behind);
    crate::exit::HOLDS
}

/// What listens on the port, or for 0 on one that nobody has; which that is; and where the Explorer may listen behind it, who
/// panics where he may not.
fn doors(port: u16) -> std::io::Result<(TcpListener, u16, SocketAddrV4)> {
    let listener = TcpListener::bind(("127.0.0.1", port))?;
    let port = listener.local_addr()?.port();
    Ok((listener, port, gate::hidden_address()?))
}

fn explored(arguments: &ExploreArguments) -> Result<Explored, Vec<String>> {
    match &arguments.from {
        Some(file) => from_trace(file, &arguments.world).map_err(|error| vec![error]),
        None => from_beginning(scenario(arguments)?).map_err(|error| vec![error]),
    }
}

fn from_beginning(scenario: Scenario) -> Result<Explored, String> {
    let names = Arc::new(Names::new(&scenario));
    let model = Arc::new(Model::new(scenario)?);
    let told = |state| Told { state, names: Arc::clone(&names), model: Arc::clone(&model) };
    let first = model.initial().into_iter().map(told).collect();
    Ok(Explored { model, first })
}

/// The state at the end of a trace, in the world of the trace but for what the command line says of it.
fn from_trace(file: &Path, world: &WorldArguments) -> Result<Explored, String> {
    let mut trace = crate::trace::read(file)?;
    let of_file = |error: String| format!("{}: {error}", file.display());
    trace.scenario = plan::retold(&trace.scenario, world)?;
    let model = Arc::new(Model::new(trace.scenario.clone()).map_err(of_file)?);
    let (state, names) = podproof_traces::end(&trace)
        .map_err(|divergence| of_file(format!("its steps cannot be taken in this world: {divergence}")))?;
    let first = vec![Told { state, names: Arc::new(names), model: Arc::clone(&model) }];
    Ok(Explored { model, first })
}

fn scenario(arguments: &ExploreArguments) -> Result<Scenario, Vec<String>> {
    events::refuse(&arguments.world).map_err(|says| vec![says])?;
    let mut input = input::read(&arguments.input)?;
    input.tell();
    if input.workloads.len() > 1 {
        let names: Vec<_> = input.workloads.iter().map(|workload| workload.name.clone()).collect();
        return Err(vec![format!(
            "one workload is explored at a time; choose with --workload: {}",
            names.join(", ")
        )]);
    }
    if arguments.world.stories.len() > 1 {
        return Err(vec!["one story is explored at a time; accepted is one --story".to_owned()]);
    }
    let mut workload =
        input.workloads.pop().ok_or_else(|| vec!["there is no workload to explore".to_owned()])?;
    events::refuse_on(&workload.scenarios[0].nodes, &arguments.world).map_err(|says| vec![says])?;
    if workload.stories.is_none() && arguments.world.stories.is_empty() {
        workload.stories = Some(vec![plan::story_of_end(workload.scenarios[0].workload.kind)]);
    }
    let asked = match arguments.world.timing {
        TimingChoice::Timed => PropertySet::of(Property::all().filter(|property| property.facts().timed)),
        TimingChoice::Auto | TimingChoice::Untimed => PropertySet::of(Property::all()),
    };
    let (plans, untold) = plan::searches(&workload, &arguments.world, asked);
    let plan = plans
        .into_iter()
        .find(|plan| arguments.world.timing != TimingChoice::Timed || plan.timing == Timing::Timed);
    if let Some(plan) = &plan {
        workload.tell(&plan.behind);
    }
    // Nobody is followed here: every pod has its clocks.
    let world = |plan: plan::Plan| match plan.timing {
        Timing::Timed => search::with_all_clocks(&plan.scenario),
        Timing::Untimed => plan.scenario,
    };
    plan.map(world).ok_or(untold)
}
