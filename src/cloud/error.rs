//! What can go wrong at the port. Strings of a service are matched in `src/aws/error.rs` only; everything else
//! goes by [`Class`].

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::desired::Address;

/// What an error means for what to do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Class {
    /// The caller may not do it.
    Denied,
    /// No credentials, or expired, or for another partition.
    Credentials,
    /// A limit of the account.
    Quota,
    /// The cloud has none left of it at the moment.
    Capacity,
    /// What was reserved is full, or not to be used now.
    ReservationFull,
    /// The cloud does not have this at all where it is wanted.
    NotOffered,
    Throttled,
    /// It exists, or is being changed, or a token was used for something else.
    Conflict,
    /// Something else still uses it.
    InUse,
    /// A data repository task that must end first.
    Busy,
    NotFound,
    /// The request can never succeed as it is.
    Invalid,
    /// The endpoint does not know this call.
    NotImplemented,
    /// Made a moment ago and not yet known everywhere; trying again is right.
    NotYet,
    /// A passing fault; trying again is right.
    Transient,
    /// The endpoint was not reached at all.
    Unreachable,
    Unknown,
}

impl Class {
    /// Whether what was refused may go by itself: who only looks then looks again.
    #[must_use]
    pub const fn passes(self) -> bool {
        matches!(self, Self::Throttled | Self::Transient | Self::Unreachable | Self::NotYet)
    }
}

/// What a failed call may have left behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Remains {
    Nothing,
    /// The request may have been carried out; the next look tells.
    Perhaps,
}

/// A call that failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
pub struct CloudError {
    /// `fsx:CreateFileSystem`
    pub operation: String,
    pub address: Option<Address>,
    /// The service's own code.
    pub code: Option<String>,
    /// The service's own words.
    pub message: String,
    pub request_id: Option<String>,
    pub class: Class,
    pub remains: Remains,
    /// Of [`Class::Capacity`]: the zones that the service says have some.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub elsewhere: Vec<String>,
    /// Of [`Class::Quota`]: which limit, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<Box<Limit>>,
}

/// A limit of the account that a call met.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limit {
    /// What it is now, as the service says.
    pub current: Option<u64>,
    /// As Service Quotas knows it; the service that refused does not say.
    pub quota: Option<LimitedBy>,
}

/// A quota, and what was wanted of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LimitedBy {
    /// `ec2`
    pub service: String,
    /// `L-417A185B`
    pub code: String,
    pub name: String,
    /// What the number is of, with a blank before it: ` vCPUs`.
    pub unit: String,
    /// How much more the call was to take.
    pub more: u64,
}

impl fmt::Display for CloudError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.operation, self.message)?;
        match (&self.code, &self.request_id) {
            (Some(code), Some(id)) => write!(f, " ({code}, request {id})"),
            (Some(code), None) => write!(f, " ({code})"),
            (None, Some(id)) => write!(f, " (request {id})"),
            (None, None) => Ok(()),
        }
    }
}

impl CloudError {
    pub fn new(operation: impl Into<String>, class: Class, message: impl Into<String>) -> Self {
        let remains = match class {
            Class::Transient | Class::Unknown | Class::Unreachable => Remains::Perhaps,
            Class::Denied
            | Class::Credentials
            | Class::Quota
            | Class::Capacity
            | Class::ReservationFull
            | Class::NotOffered
            | Class::Throttled
            | Class::Conflict
            | Class::InUse
            | Class::Busy
            | Class::NotFound
            | Class::Invalid
            | Class::NotImplemented
            | Class::NotYet => Remains::Nothing,
        };
        Self {
            operation: operation.into(),
            address: None,
            code: None,
            message: message.into(),
            request_id: None,
            class,
            remains,
            elsewhere: Vec::new(),
            limit: None,
        }
    }

    #[must_use]
    pub fn code(mut self, code: impl Into<String>) -> Self {
        self.code = Some(code.into());
        self
    }

    #[must_use]
    pub fn about(mut self, address: &Address) -> Self {
        self.address = Some(address.clone());
        self
    }
}
