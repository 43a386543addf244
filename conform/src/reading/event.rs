//! An event of an audit log as it is read when it arrives: all that its order and the request need of it, without the objects.

use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// An event, or a list of them, without the objects.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Event {
    pub(super) kind: String,
    pub(super) items: Option<Vec<Value>>,
    #[serde(rename = "auditID", deserialize_with = "null_is_default")]
    pub(super) id: String,
    pub(super) level: String,
    pub(super) stage: String,
    pub(super) verb: String,
    #[serde(rename = "requestURI")]
    pub(super) request_uri: String,
    #[serde(deserialize_with = "null_is_default")]
    pub(super) user: User,
    /// In whose name that user asks (`Impersonate-User`).
    pub(super) impersonated_user: Option<User>,
    #[serde(deserialize_with = "null_is_default")]
    pub(super) user_agent: String,
    #[serde(deserialize_with = "null_is_default")]
    pub(super) object_ref: Reference,
    #[serde(deserialize_with = "null_is_default")]
    pub(super) response_status: Status,
    #[serde(deserialize_with = "null_is_default")]
    pub(super) annotations: Annotations,
    pub(super) request_received_timestamp: Option<String>,
    pub(super) stage_timestamp: Option<String>,
}

/// The API server leaves out what is not there; what a log has passed through may write `null`.
fn null_is_default<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(
    input: D,
) -> Result<T, D::Error> {
    Ok(Option::deserialize(input)?.unwrap_or_default())
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct User {
    pub(super) username: String,
}

/// What is written beside an event, as far as it says what is missing in it.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Annotations {
    /// It was too large, and its objects were left out.
    #[serde(rename = "audit.k8s.io/truncated")]
    pub(super) truncated: Option<IgnoredAny>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Reference {
    pub(super) resource: String,
    pub(super) subresource: String,
    pub(super) namespace: String,
    pub(super) name: String,
    pub(super) uid: String,
    pub(super) api_group: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Status {
    pub(super) code: i64,
}

/// The objects of a write, as far as its order and the request need them.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Objects {
    #[serde(deserialize_with = "mapping_or_default")]
    pub(super) request_object: Option<Asked>,
    pub(super) response_object: Option<Got>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Asked {
    pub(super) metadata: Option<Metadata>,
    pub(super) target: Option<Target>,
    pub(super) grace_period_seconds: Option<i64>,
    pub(super) delete_options: Option<DeleteOptions>,
    pub(super) preconditions: Option<Metadata>,
    pub(super) dry_run: Option<Vec<String>>,
    #[serde(deserialize_with = "mapping_or_default")]
    pub(super) status: Option<AskedStatus>,
}

#[derive(Deserialize)]
pub(super) struct Target {
    pub(super) name: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct DeleteOptions {
    pub(super) preconditions: Option<Metadata>,
    pub(super) grace_period_seconds: Option<i64>,
    pub(super) dry_run: Option<Vec<String>>,
}

impl Asked {
    /// What the object has to be: an update and a binding say it in their metadata, a deletion and an eviction in their preconditions.
    pub(super) fn precondition(&self) -> Option<&Metadata> {
        let of_eviction = self.delete_options.as_ref().map(|options| options.preconditions.as_ref());
        self.preconditions.as_ref().or_else(|| of_eviction.unwrap_or(self.metadata.as_ref()))
    }

    /// A deletion and an eviction say in their body that they change nothing (`DeleteOptions.dryRun`).
    pub(super) fn is_dry_run(&self) -> bool {
        let of_eviction = self.delete_options.as_ref().and_then(|options| options.dry_run.as_ref());
        self.dry_run.as_ref().or(of_eviction).is_some_and(|stages| !stages.is_empty())
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Got {
    pub(super) kind: String,
    pub(super) metadata: Option<Metadata>,
    pub(super) spec: Option<Spec>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Metadata {
    pub(super) name: Option<String>,
    pub(super) uid: Option<String>,
    pub(super) resource_version: Option<String>,
    pub(super) deletion_timestamp: Option<IgnoredAny>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Spec {
    pub(super) node_name: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct AskedStatus {
    pub(super) start_time: Option<IgnoredAny>,
}

/// What is no mapping says nothing here: a JSON patch is a list.
fn mapping_or_default<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    input: D,
) -> Result<Option<T>, D::Error> {
    struct Mapping<T>(PhantomData<T>);
    impl<'de, T: Deserialize<'de>> Visitor<'de> for Mapping<T> {
        type Value = Option<T>;

        fn expecting(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
            to.write_str("a mapping, a list, or null")
        }

        fn visit_unit<E>(self) -> Result<Self::Value, E> {
            Ok(None)
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
            while list.next_element::<IgnoredAny>()?.is_some() {}
            Ok(None)
        }

        fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<Self::Value, A::Error> {
            T::deserialize(MapAccessDeserializer::new(members)).map(Some)
        }
    }
    input.deserialize_any(Mapping(PhantomData))
}
