//! `podproof explore`: the Stateright Explorer on 127.0.0.1.

use podproof_model::front_door::{self, Judges};
use podproof_model::properties::Judged;
use podproof_model::{ClusterState, Model};
use podproof_traces::{Names, Trace, words};
use podproof_vocabulary::action::Action;
use podproof_vocabulary::event::Story;
use podproof_vocabulary::observation::Observation;
use podproof_vocabulary::property::PropertySet;
use podproof_vocabulary::{Property, Scenario};
use stateright::Model as _;

use crate::arguments::{ExploreArguments, TimingChoice};
use crate::{input, output, plan};

/// The model of small steps, with steps in words.
struct Explored {
    model: Model,
}

impl stateright::Model for Explored {
    type State = ClusterState;
    type Action = Action;

    fn init_states(&self) -> Vec<ClusterState> {
        self.model.initial()
    }

    fn actions(&self, state: &ClusterState, actions: &mut Vec<Action>) {
        self.model.enabled(state, actions);
    }

    fn next_state(&self, state: &ClusterState, action: Action) -> Option<ClusterState> {
        Some(self.model.apply(state, &action))
    }

    fn format_action(&self, action: &Action) -> String {
        words::action(&Names::new(&self.model.rules.scenario), action)
    }

    fn format_step(&self, last: &ClusterState, action: Action) -> Option<String> {
        let next = self.model.apply(last, &action);
        let seen = |state: &ClusterState| self.model.open(state, |cluster| Observation::of(cluster));
        let names = Names::new(&self.model.rules.scenario);
        let changes = podproof_traces::difference(&seen(last), &seen(&next));
        let lines: Vec<String> = changes.iter().map(|change| words::change(&names, change)).collect();
        let broken = self.model.judge(last, &action, &next).broken;
        let broken = broken.iter().map(|property| format!("breaks {property}: {}", property.facts().says));
        Some(lines.into_iter().chain(broken).collect::<Vec<_>>().join("\n"))
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
    let scenario = match scenario(arguments) {
        Ok(scenario) => scenario,
        Err(errors) => {
            for error in errors {
                output::tell(format_args!("error: {error}"));
            }
            return crate::exit::WRONG_INPUT;
        }
    };
    let name = scenario.name.clone();
    let model = match Model::new(scenario) {
        Ok(model) => model,
        Err(error) => {
            output::tell(format_args!("error: {error}"));
            return crate::exit::WRONG_INPUT;
        }
    };
    // The Explorer panics on a port that is taken, so it is tried first.
    if let Err(error) = std::net::TcpListener::bind(("127.0.0.1", arguments.port)) {
        output::tell(format_args!(
            "error: port {} of 127.0.0.1: {error}; accepted is another one: --port",
            arguments.port
        ));
        return crate::exit::WRONG_INPUT;
    }
    output::tell(format_args!("exploring {name} on http://127.0.0.1:{} (end with Ctrl-C)", arguments.port));
    Explored { model }.checker().serve(("127.0.0.1", arguments.port));
    crate::exit::HOLDS
}

fn scenario(arguments: &ExploreArguments) -> Result<Scenario, Vec<String>> {
    if let Some(file) = &arguments.from {
        let text =
            std::fs::read_to_string(file).map_err(|error| vec![format!("{}: {error}", file.display())])?;
        let trace = Trace::from_json(&text).map_err(|error| vec![format!("{}: {error}", file.display())])?;
        return Ok(trace.scenario);
    }
    let mut input = input::read(&arguments.input)?;
    if input.workloads.len() > 1 {
        let names: Vec<_> = input.workloads.iter().map(|workload| workload.name.clone()).collect();
        return Err(vec![format!(
            "one workload is explored at a time; choose with --workload: {}",
            names.join(", ")
        )]);
    }
    let mut workload =
        input.workloads.pop().ok_or_else(|| vec!["there is no workload to explore".to_owned()])?;
    if workload.stories.is_none() && arguments.world.stories.is_empty() {
        workload.stories = Some(vec![Story::Rollout]);
    }
    let asked = match arguments.world.timing {
        TimingChoice::Timed => PropertySet::of(Property::all().filter(|property| property.facts().timed)),
        TimingChoice::Auto | TimingChoice::Untimed => PropertySet::of(Property::all()),
    };
    let (plans, untold) = plan::searches(&workload, &arguments.world, asked);
    let plan = plans.into_iter().find(|plan| {
        arguments.world.timing != TimingChoice::Timed
            || plan.timing == podproof_vocabulary::scenario::Timing::Timed
    });
    plan.map(|plan| plan.scenario).ok_or(untold)
}
