//! Why connections failed, in words, and whether `no-failed-request` counts them.

use podproof_conform::judged::{Cause, Causes};
use podproof_vocabulary::Property;

use crate::report::grouped;

/// Where a connection was sent that failed for this.
pub fn words(cause: &Cause) -> String {
    match cause {
        Cause::NotYet => "to a pod that did not accept yet".into(),
        Cause::NoMore => "to a pod that accepted no more".into(),
        Cause::PoweredOff(node) => format!("to a pod on {node}, which was powered off"),
        Cause::CutOff(node) => format!("to a pod that did not accept on {node}, whose link was cut"),
        Cause::Nowhere => "nowhere, as the rules had no endpoint".into(),
        Cause::Others => "perhaps to pods of other workloads, which are not followed".into(),
    }
}

/// What is said of `count` connections that failed for one of `causes`.
pub fn sentence(causes: &Causes, count: u64) -> String {
    let count = grouped(count);
    if causes.is_empty() {
        return format!("{count} failed while the path does not say where they were sent");
    }
    let where_to: Vec<_> = causes.iter().map(words).collect();
    let aside = if causes.iter().any(Cause::counts) { String::new() } else { not_counted(causes) };
    format!("{count} were sent {}{aside}", where_to.join(", or "))
}

/// Why these do not break the promise.
fn not_counted(causes: &Causes) -> String {
    let property = Property::NoFailedRequest;
    let is_dark = |cause: &Cause| matches!(cause, Cause::PoweredOff(_) | Cause::CutOff(_));
    let why = match causes {
        causes if causes.iter().any(is_dark) => "which is about nodes that can be reached",
        causes if causes.contains(&Cause::Nowhere) => "which is about rules that lead to somebody",
        _ => "which is about the pods of this workload",
    };
    format!(": they do not break {property}, {why}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_said_why_what_failed_does_not_count() {
        let says = |causes: &[Cause]| sentence(&causes.iter().cloned().collect(), 1200);
        let off = Cause::PoweredOff("node-b".into());
        assert_eq!(
            says(std::slice::from_ref(&off)),
            "1,200 were sent to a pod on node-b, which was powered off: they do not break no-failed-request, which is about nodes \
             that can be reached"
        );
        assert_eq!(
            says(&[Cause::NoMore, off]),
            "1,200 were sent to a pod that accepted no more, or to a pod on node-b, which was powered off"
        );
        assert!(says(&[Cause::Nowhere]).ends_with("which is about rules that lead to somebody"));
        assert!(says(&[Cause::Others]).ends_with("which is about the pods of this workload"));
        assert!(says(&[]).ends_with("does not say where they were sent"));
    }
}
