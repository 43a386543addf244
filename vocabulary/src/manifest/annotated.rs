//! What manifests say of the processes of pods, of whatever kind the object is that has the pods.

use k8s_openapi::apimachinery::pkg::apis::meta::v1 as meta;

use super::cursor::Object;
use super::pod::{behaviour_annotations, refuse_annotations};
use super::tree::Tree;
use super::{Problem, Source, objects};
use crate::scenario::OnSigterm;

/// What the annotations of an object say of the processes of its pods.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Annotated {
    /// `kind`.
    pub kind: String,
    /// `metadata.namespace`, if it names one.
    pub namespace: Option<String>,
    /// `metadata.name`.
    pub name: String,
    /// What they do on SIGTERM, if it says so.
    pub on_sigterm: Option<OnSigterm>,
    /// Seconds from their start until they accept connections, if it says so.
    pub listens_after_seconds: Option<u32>,
}

/// Reads the annotations of podproof alone, of every object that is a Pod or has a template of pods.
///
/// # Errors
/// What keeps a source from being objects, and annotations that say nothing that is known.
pub fn annotated(sources: &[Source]) -> Result<Vec<Annotated>, Vec<Problem>> {
    let (mut found, mut problems) = (Vec::new(), Vec::new());
    for source in sources {
        match objects::objects(source, false) {
            Ok(objects::Contents { objects, .. }) => {
                found.extend(objects.iter().filter_map(read));
                problems.extend(objects.iter().flat_map(|object| object.findings.borrow().problems.clone()));
            }
            Err(wrong) => problems.extend(wrong),
        }
    }
    problems.sort();
    if problems.is_empty() { Ok(found) } else { Err(problems) }
}

fn read(object: &Object) -> Option<Annotated> {
    let cursor = object.cursor();
    let own = metadata(&object.tree);
    let (cursor, metadata) = if object.kind == "Pod" {
        (cursor, own)
    } else {
        let template = object.tree.get("spec")?.get("template")?;
        refuse_annotations(&cursor, &own);
        (cursor.at("spec.template"), metadata(template))
    };
    let (on_sigterm, listens_after_seconds) = behaviour_annotations(&cursor, &metadata);
    if on_sigterm.is_none() && listens_after_seconds.is_none() {
        return None;
    }
    let namespace = object.tree.get("metadata").and_then(|metadata| metadata.get("namespace"));
    let namespace = namespace.and_then(Tree::text).filter(|name| !name.is_empty()).map(str::to_owned);
    let (kind, name) = (object.kind.clone(), object.name.clone());
    Some(Annotated { kind, namespace, name, on_sigterm, listens_after_seconds })
}

/// The annotations of whatever has metadata.
fn metadata(tree: &Tree) -> meta::ObjectMeta {
    let annotations = tree.get("metadata").and_then(|metadata| metadata.get("annotations"));
    let pairs = annotations.map(Tree::entries).unwrap_or_default();
    let pairs = pairs.iter().filter_map(|entry| Some((entry.key.clone(), entry.value.text()?.to_owned())));
    meta::ObjectMeta { annotations: Some(pairs.collect()), ..meta::ObjectMeta::default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<Annotated>, Vec<Problem>> {
        annotated(&[Source { path: "a.yaml".into(), text: text.into() }])
    }

    #[test]
    fn annotations_are_read_of_whatever_has_pods() {
        let text = "# patch of Pod/p\napiVersion: v1\nkind: Pod\nmetadata:\n  name: p\n  annotations: {podproof.io/on-sigterm: drain=2}\n\
                    ---\napiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec: {selector: {app: web}}\n\
                    ---\napiVersion: apps/v1\nkind: StatefulSet\nmetadata: {name: db, namespace: shop}\nspec:\n  template:\n    \
                    metadata:\n      annotations: {podproof.io/listens-after: \"3\", other: x}\n    spec: {}\n";
        let pod = Annotated {
            kind: "Pod".into(),
            namespace: None,
            name: "p".into(),
            on_sigterm: Some(OnSigterm::Drain(2)),
            listens_after_seconds: None,
        };
        let db = Annotated {
            kind: "StatefulSet".into(),
            namespace: Some("shop".into()),
            name: "db".into(),
            on_sigterm: None,
            listens_after_seconds: Some(3),
        };
        assert_eq!(read(text), Ok(vec![pod, db]));
    }

    #[test]
    fn annotations_that_say_nothing_known_are_refused() {
        for (metadata, template, says) in [
            ("", "podproof.io/on-sigterm: stop", "'stop'"),
            ("", "podproof.io/on-sigtrem: exit", "did you mean 'podproof.io/on-sigterm'?"),
            ("podproof.io/on-sigterm: exit", "", "has no effect here"),
        ] {
            let text = format!(
                "apiVersion: apps/v1\nkind: StatefulSet\nmetadata: {{name: db, annotations: {{{metadata}}}}}\n\
                 spec: {{template: {{metadata: {{annotations: {{{template}}}}}}}}}\n"
            );
            let problems = read(&text).expect_err(&text);
            assert!(problems[0].to_string().contains(says), "{problems:?}");
            assert!(problems[0].place.is_some());
        }
        assert!(read("kind: [").is_err());
    }
}
