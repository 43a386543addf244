//! Answers of the API server.

use std::fmt;

use super::{Object, Version};
use crate::client::WatchId;

/// A request that succeeded.
#[derive(Clone, Debug, PartialEq)]
pub enum Response {
    /// The object as it is now; after a deletion, as it was last.
    Object(Object),
    /// The objects that were asked for, and the version that they are the state of.
    List(Vec<Object>, Version),
    /// A watch that is open from now on.
    Watch(WatchId),
    /// It was done, and nothing comes back.
    Done,
}

impl Response {
    /// The object, if there is one.
    pub const fn object(&self) -> Option<&Object> {
        match self {
            Self::Object(object) => Some(object),
            _ => None,
        }
    }
}

/// Why a request failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ApiError {
    /// 404: there is no such object.
    NotFound,
    /// 409: the name is taken (API-6).
    AlreadyExists,
    /// 409: a precondition failed, or the state forbids it (API-1, API-7, API-20).
    Conflict,
    /// 410: the version is too old to watch from; list again (API-36).
    Expired,
    /// 403: it is not allowed.
    Forbidden,
    /// 422: the object breaks a rule.
    Invalid,
    /// 429: not now; of an eviction, the budget is spent (EVI-4).
    TooManyRequests,
    /// 500.
    Internal,
    /// Nobody answered in time: it may have been done or not (MOD-3).
    Timeout,
}

impl ApiError {
    /// May the request have been carried out?
    pub const fn outcome_unknown(self) -> bool {
        matches!(self, Self::Timeout)
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotFound => "404 NotFound",
            Self::AlreadyExists => "409 AlreadyExists",
            Self::Conflict => "409 Conflict",
            Self::Expired => "410 Expired",
            Self::Forbidden => "403 Forbidden",
            Self::Invalid => "422 Invalid",
            Self::TooManyRequests => "429 TooManyRequests",
            Self::Internal => "500 InternalError",
            Self::Timeout => "504 Timeout",
        })
    }
}

impl std::error::Error for ApiError {}
