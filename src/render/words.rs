//! What the engine's own terms are called: operations, dangers, classes of errors. One word a thing, for all renderers.

use crate::cloud::Class;
use crate::plan::{Danger, Op, Verb};

/// `create`, for "cannot create fsx".
pub(super) const fn infinitive(op: &Op) -> &'static str {
    match op {
        Op::Create { .. } => "create",
        Op::Update { .. } => "update",
        Op::Settle => "wait for",
        Op::Preload => "import the metadata of",
        Op::EndTasks => "end the tasks of",
        Op::Export => "export",
        Op::Delete { .. } => "delete",
    }
}

/// The verb that an operation looks like, for its symbol.
pub(super) const fn verb(op: &Op) -> Verb {
    match op {
        Op::Create { .. } => Verb::Create,
        Op::Update { .. } | Op::EndTasks | Op::Export => Verb::Update,
        Op::Settle | Op::Preload => Verb::Keep,
        Op::Delete { .. } => Verb::Delete,
    }
}

/// For one resource that has it: "destroys data".
pub(super) const fn danger(danger: Danger) -> &'static str {
    match danger {
        Danger::Safe => "safe",
        Danger::Disruptive => "disruptive",
        Danger::DestroysCompute => "destroys compute",
        Danger::DestroysData => "destroys data",
    }
}

/// For several that have it: "2 destroy data".
pub(super) const fn dangers(danger: Danger) -> &'static str {
    match danger {
        Danger::Safe => "safe",
        Danger::Disruptive => "disruptive",
        Danger::DestroysCompute => "destroy compute",
        Danger::DestroysData => "destroy data",
    }
}

/// What a summary begins with; None: calmly.
pub(super) const fn leading(danger: Danger) -> Option<&'static str> {
    match danger {
        Danger::Safe => None,
        Danger::Disruptive => Some("DISRUPTIVE"),
        Danger::DestroysCompute => Some("DESTROYS COMPUTE"),
        Danger::DestroysData => Some("DESTROYS DATA"),
    }
}

/// Code of a failed call.
pub(super) const fn code(class: Class) -> &'static str {
    match class {
        Class::Denied => "aws::denied",
        Class::Credentials => "aws::credentials",
        Class::Quota => "aws::quota",
        Class::Capacity => "aws::capacity",
        Class::ReservationFull => "aws::reservation",
        Class::NotOffered => "aws::not-offered",
        Class::Throttled => "aws::throttled",
        Class::Conflict => "aws::conflict",
        Class::InUse => "aws::in-use",
        Class::Busy => "aws::busy",
        Class::NotFound => "aws::not-found",
        Class::Invalid => "aws::invalid",
        Class::NotImplemented => "aws::not-implemented",
        Class::NotYet => "aws::not-yet",
        Class::Transient => "aws::unavailable",
        Class::Unreachable => "aws::unreachable",
        Class::Unknown => "aws::unknown",
    }
}

/// Why a call failed, to follow "cannot create fsx: ". Of a denied one the title says it all: "may not create fsx".
pub(super) const fn cause(class: Class) -> &'static str {
    match class {
        Class::Denied => "AWS does not allow it",
        Class::Credentials => "there are no valid credentials",
        Class::Quota => "a limit of the account is reached",
        Class::Capacity => "AWS has no capacity for it now",
        Class::ReservationFull => "the capacity reservation has no room for it now",
        Class::NotOffered => "AWS does not have it in this zone",
        Class::Throttled => "AWS limits the rate of requests",
        Class::Conflict => "it is being changed by somebody else",
        Class::InUse => "something else still uses it",
        Class::Busy => "a data repository task must end first",
        Class::NotFound => "it, or something that it needs, is gone",
        Class::Invalid => "AWS refuses the request as it is",
        Class::NotImplemented => "the endpoint does not know this call",
        Class::NotYet => "what it needs is not known everywhere yet",
        Class::Transient => "AWS failed again and again",
        Class::Unreachable => "AWS was not reached",
        Class::Unknown => "AWS gave an answer that is not known here",
    }
}

/// Why a call is tried again, for one line.
pub(super) const fn passing(class: Class) -> &'static str {
    match class {
        Class::Throttled => "throttled",
        Class::NotYet => "not known everywhere yet",
        Class::Unreachable => "not reached",
        Class::Transient
        | Class::Denied
        | Class::Credentials
        | Class::Quota
        | Class::Capacity
        | Class::ReservationFull
        | Class::NotOffered
        | Class::Conflict
        | Class::InUse
        | Class::Busy
        | Class::NotFound
        | Class::Invalid
        | Class::NotImplemented
        | Class::Unknown => "passing fault",
    }
}
