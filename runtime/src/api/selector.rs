//! Label selectors, as controllers, budgets and affinity terms use them.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, LabelSelectorRequirement};

/// Does the selector select these labels? An empty selector selects everything.
pub fn selects(selector: &LabelSelector, labels: Option<&BTreeMap<String, String>>) -> bool {
    let value = |key: &str| labels.and_then(|labels| labels.get(key)).map(String::as_str);
    let equal = selector.match_labels.iter().flatten().all(|(key, wanted)| value(key) == Some(wanted));
    equal
        && selector
            .match_expressions
            .iter()
            .flatten()
            .all(|requirement| meets(requirement, value(&requirement.key)))
}

/// Does a map of labels contain all of these, as the selector of a Service asks?
pub fn contains(labels: Option<&BTreeMap<String, String>>, wanted: &BTreeMap<String, String>) -> bool {
    wanted.iter().all(|(key, value)| labels.and_then(|labels| labels.get(key)) == Some(value))
}

fn meets(requirement: &LabelSelectorRequirement, value: Option<&str>) -> bool {
    let listed =
        || value.is_some_and(|value| requirement.values.iter().flatten().any(|other| other == value));
    match requirement.operator.as_str() {
        "In" => listed(),
        "NotIn" => !listed(),
        "Exists" => value.is_some(),
        "DoesNotExist" => value.is_none(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    fn selector(key: &str, operator: &str, values: &[&str]) -> LabelSelector {
        LabelSelector {
            match_expressions: Some(vec![LabelSelectorRequirement {
                key: key.to_owned(),
                operator: operator.to_owned(),
                values: Some(values.iter().map(|value| (*value).to_owned()).collect()),
            }]),
            match_labels: None,
        }
    }

    #[test]
    fn expressions_mean_what_their_operators_say() {
        let web = labels(&[("app", "web")]);
        let cases = [
            (selector("app", "In", &["web", "db"]), true),
            (selector("app", "In", &["db"]), false),
            (selector("app", "NotIn", &["db"]), true),
            (selector("tier", "NotIn", &["db"]), true),
            (selector("app", "Exists", &[]), true),
            (selector("tier", "Exists", &[]), false),
            (selector("tier", "DoesNotExist", &[]), true),
            (selector("app", "Like", &["web"]), false),
        ];
        for (selector, expected) in cases {
            assert_eq!(selects(&selector, Some(&web)), expected, "{selector:?}");
        }
    }

    #[test]
    fn an_empty_selector_selects_everything_and_labels_must_all_match() {
        assert!(selects(&LabelSelector::default(), None));
        let both = LabelSelector {
            match_labels: Some(labels(&[("app", "web"), ("tier", "front")])),
            match_expressions: None,
        };
        assert!(!selects(&both, Some(&labels(&[("app", "web")]))));
        assert!(contains(Some(&labels(&[("app", "web"), ("x", "y")])), &labels(&[("app", "web")])));
        assert!(!contains(None, &labels(&[("app", "web")])));
    }
}
