//! Lies about what nobody changes in a pod, and what it is made of.

use serde_json::{Value, json};

use super::Kind;
use super::claims::change_creation;
use crate::life::lives;
use crate::line::text;
use crate::recording::Recording;

/// The kinds of this file.
pub const KINDS: &[Kind] = &[
    Kind {
        name: "report-shows-no-toleration",
        tells: "a report shows a pod that tolerates nothing any more",
        shows: "that report",
        by_the_api: true,
        falsify: report_shows_no_toleration,
    },
    Kind {
        name: "report-shows-another-owner",
        tells: "a report shows a pod that belongs to another ReplicaSet",
        shows: "that report",
        by_the_api: true,
        falsify: report_shows_another_owner,
    },
    Kind {
        name: "report-shows-another-account",
        tells: "a report shows a pod with another serviceAccountName than it was created with",
        shows: "that report",
        by_the_api: true,
        falsify: report_shows_another_account,
    },
    Kind {
        name: "report-shows-another-quality",
        tells: "a report shows a pod with another qosClass than before",
        shows: "that report",
        by_the_api: true,
        falsify: report_shows_another_quality,
    },
    Kind {
        name: "pod-of-another-grace-than-its-template",
        tells: "a ReplicaSet's pod is created with a grace period that its template does not have",
        shows: "that creation",
        by_the_api: true,
        falsify: pod_of_another_grace_than_its_template,
    },
    Kind {
        name: "pod-of-another-pull-policy-than-its-template",
        tells: "a container of a ReplicaSet's pod is created with an imagePullPolicy that its template does not have",
        shows: "that creation",
        by_the_api: true,
        falsify: pod_of_another_pull_policy_than_its_template,
    },
    Kind {
        name: "deletion-that-began-long-after-it-was-asked-for",
        tells: "the grace period of a deletion began ten minutes after that was asked for",
        shows: "that deletion",
        by_the_api: true,
        falsify: deletion_that_began_long_after_it_was_asked_for,
    },
];

/// Changes the second report of a pod that has several, in what it is answered with.
fn change_report(recording: &mut Recording, change: impl FnOnce(&mut Value) -> Option<()>) -> Option<usize> {
    let has_answer = |id: &usize| recording.line(*id).version() != 0;
    let second = |reports: Vec<usize>| reports.into_iter().filter(has_answer).nth(1);
    let report = lives(recording).into_iter().find_map(|life| second(life.reports))?;
    let mut changed = None;
    recording.change(report, |line| changed = change(&mut line.value["responseObject"]));
    changed.map(|()| report)
}

fn report_shows_no_toleration(recording: &mut Recording) -> Option<usize> {
    change_report(recording, |pod| {
        let tolerations = pod["spec"]["tolerations"].as_array_mut().filter(|all| !all.is_empty())?;
        tolerations.clear();
        Some(())
    })
}

fn report_shows_another_owner(recording: &mut Recording) -> Option<usize> {
    change_report(recording, |pod| {
        let owner = pod["metadata"]["ownerReferences"].get_mut(0)?;
        owner["name"] = json!("another");
        Some(())
    })
}

fn report_shows_another_account(recording: &mut Recording) -> Option<usize> {
    change_report(recording, |pod| {
        pod["spec"]["serviceAccountName"] = json!("another");
        Some(())
    })
}

fn report_shows_another_quality(recording: &mut Recording) -> Option<usize> {
    change_report(recording, |pod| {
        let is_best = pod["status"]["qosClass"].as_str()? == "Guaranteed";
        pod["status"]["qosClass"] = json!(if is_best { "Burstable" } else { "Guaranteed" });
        Some(())
    })
}

fn pod_of_another_grace_than_its_template(recording: &mut Recording) -> Option<usize> {
    change_creation(recording, |pod| pod["spec"]["terminationGracePeriodSeconds"] = json!(600))
}

fn pod_of_another_pull_policy_than_its_template(recording: &mut Recording) -> Option<usize> {
    change_creation(recording, |pod| {
        let is_never = pod["spec"]["containers"][0]["imagePullPolicy"] == "Never";
        let other = if is_never { "Always" } else { "Never" };
        pod["spec"]["containers"][0]["imagePullPolicy"] = json!(other);
    })
}

/// All that shows the end of a deletion shows one that is ten minutes later.
fn deletion_that_began_long_after_it_was_asked_for(recording: &mut Recording) -> Option<usize> {
    const ENDS: &str = "/responseObject/metadata/deletionTimestamp";
    let life = lives(recording).into_iter().find(|life| {
        life.asked.is_some_and(|asked| {
            let line = recording.line(asked);
            line.is("delete", "pods") && !line.text(ENDS).is_empty()
        })
    })?;
    let later = |ends: &str| {
        let moment: jiff::Timestamp = ends.parse().expect("a time");
        let later = text(moment.as_microsecond() + 600_000_000);
        format!("{}Z", &later[..19])
    };
    recording.change_objects("Pod", Some(&life.name), |pod| {
        if let Some(ends) = pod["metadata"]["deletionTimestamp"].as_str() {
            pod["metadata"]["deletionTimestamp"] = json!(later(ends));
        }
    });
    life.asked
}
