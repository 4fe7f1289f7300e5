//! The codes of the services, and what each means for what to do next.

use super::Purpose;
use crate::cloud::Class;

/// What of our own may not be known everywhere in the seconds after it was made.
///
/// EC2 API Reference, "Eventual consistency"; IAM User Guide, "Changes that I make are not always immediately visible".
pub(super) fn for_purpose(purpose: Purpose, code: &str, class: Class) -> Class {
    let of_ours = matches!(
        code,
        "InvalidGroup.NotFound"
            | "InvalidGroupId.NotFound"
            | "InvalidLaunchTemplateId.NotFound"
            | "InvalidLaunchTemplateName.NotFoundException"
            | "InvalidPlacementGroup.Unknown"
            | "NoSuchEntity"
            | "FileSystemNotFound"
            | "SecurityGroupNotFound"
            // Of EFS: what is made takes a mount target once it is available.
            | "IncorrectFileSystemLifeCycleState"
    );
    if purpose == Purpose::Create && of_ours { Class::NotYet } else { class }
}

pub(super) fn class_of(code: &str, message: &str, status: u16) -> Class {
    // FSx writes `BadRequest`, its wire code may carry a name space before `#`.
    let code = code.rsplit('#').next().unwrap_or(code);
    let message = message.to_ascii_lowercase();
    let says = |words: &[&str]| words.iter().any(|word| message.contains(word));
    match code {
        // What stands in for AWS and lacks a call; AWS's own words for a call that a region does not have yet.
        _ if status == 501 => Class::NotImplemented,
        "InvalidAction" | "NotImplemented" | "UnknownOperation" | "UnknownOperationException" => Class::NotImplemented,
        // Some say it in words, as a fault of the server.
        _ if status >= 500 && says(&["not implemented", "not been implemented"]) => Class::NotImplemented,

        "AuthFailure" if says(&["not authorized for"]) => Class::Denied,
        "AuthFailure"
        | "ExpiredToken"
        | "ExpiredTokenException"
        | "RequestExpired"
        | "InvalidClientTokenId"
        | "InvalidToken"
        | "UnrecognizedClientException"
        | "UnrecognizedClient"
        | "InvalidAccessKeyId"
        | "InvalidSignatureException"
        | "SignatureDoesNotMatch"
        | "IncompleteSignature"
        | "MissingAuthenticationToken"
        | "MissingAuthenticationTokenException"
        | "RequestTimeTooSkewed"
        | "TokenRefreshRequired" => Class::Credentials,

        "AccessDenied"
        | "AccessDeniedException"
        | "UnauthorizedOperation"
        | "Unauthorized"
        | "NotAuthorized"
        | "Forbidden"
        | "Blocked"
        | "OptInRequired"
        | "PendingVerification"
        | "OperationNotPermitted"
        | "UnmodifiableEntity" => Class::Denied,

        "RequestLimitExceeded"
        | "Throttling"
        | "ThrottlingException"
        | "ThrottledException"
        | "RequestThrottled"
        | "RequestThrottledException"
        | "TooManyRequestsException"
        | "SlowDown"
        | "EC2ThrottledException"
        | "BandwidthLimitExceeded"
        | "PriorRequestNotComplete"
        | "TooManyUpdates" => Class::Throttled,

        "InsufficientInstanceCapacity"
        | "InsufficientHostCapacity"
        | "InsufficientCapacity"
        | "InsufficientCapacityOnHost"
        | "InsufficientReservedInstanceCapacity"
        | "InsufficientAddressCapacity"
        | "InsufficientFreeAddressesInSubnet"
        | "NoFreeAddressesInSubnet"
        | "InsufficientThroughputCapacity"
        | "UnfulfillableCapacity" => Class::Capacity,

        "ReservationCapacityExceeded" => Class::ReservationFull,
        "Unsupported" => Class::NotOffered,

        "DependencyViolation"
        | "InvalidPlacementGroup.InUse"
        | "InvalidGroup.InUse"
        | "DeleteConflict"
        | "ResourceInUse"
        | "FileSystemInUse" => Class::InUse,

        "DataRepositoryTaskExecuting" => Class::Busy,

        "IncompatibleParameterError"
        | "IdempotentParameterMismatch"
        | "IdempotentInstanceTerminated"
        | "InvalidGroup.Duplicate"
        | "InvalidPlacementGroup.Duplicate"
        | "InvalidLaunchTemplateName.AlreadyExistsException"
        | "EntityAlreadyExists"
        | "ParameterAlreadyExists"
        | "ConcurrentModification"
        | "ConcurrentModificationException"
        | "InvalidPermission.Duplicate"
        | "IncorrectInstanceState"
        | "IncorrectState"
        | "BackupInProgress"
        | "FileSystemAlreadyExists"
        | "MountTargetConflict"
        | "IncorrectFileSystemLifeCycleState"
        | "IncorrectMountTargetState" => Class::Conflict,

        "EntityTemporarilyUnmodifiable" | "InvocationDoesNotExist" => Class::NotYet,
        "InvalidParameterValue" if says(&["iam instance profile"]) => Class::NotYet,

        "FileSystemNotFound"
        | "DataRepositoryAssociationNotFound"
        | "DataRepositoryTaskNotFound"
        | "MountTargetNotFound"
        | "FileCacheNotFound"
        | "ResourceNotFound"
        | "NoSuchEntity"
        | "NoSuchBucket"
        | "NoSuchKey"
        | "NoSuchResourceException"
        | "NotFound"
        | "ParameterNotFound"
        // Of Systems Manager: a node whose agent has never been heard of, or is not heard of now.
        | "InvalidInstanceId"
        | "TargetNotConnected"
        | "DoesNotExistException"
        | "InvalidPlacementGroup.Unknown"
        | "InvalidLaunchTemplateName.NotFoundException" => Class::NotFound,

        "BadRequest" if says(&["insufficient capacity", "not enough capacity"]) => Class::Capacity,
        "BadRequest" if says(&["unable to validate access", "not authorized", "access denied"]) => Class::Denied,
        "BadRequest"
            if says(&["data repository task", "repository tasks"])
                && says(&["running", "executing", "pending", "in progress"]) =>
        {
            Class::Busy
        }
        "BadRequest" if says(&["in progress", "being created", "being updated", "being deleted", "lifecycle"]) => {
            Class::Conflict
        }

        "InternalError"
        | "InternalFailure"
        | "InternalServerError"
        | "InternalServiceError"
        | "ServiceUnavailable"
        | "Unavailable"
        | "ServiceFailure"
        | "RequestTimeout"
        | "RequestTimeoutException" => Class::Transient,

        // S3 answers HEAD without a body, and so without a code.
        "" if status == 403 => Class::Denied,
        "" if status == 404 => Class::NotFound,
        "" if status == 429 => Class::Throttled,

        _ if code.ends_with("LimitExceeded")
            || code.ends_with("LimitExceededException")
            || code == "MaxSpotInstanceCountExceeded" =>
        {
            Class::Quota
        }
        _ if code.ends_with(".NotFound") || code.ends_with("NotFoundException") => Class::NotFound,
        // EFS: throughput may be changed back, or lowered, once in 24 hours.
        "TooManyRequests" | "SubnetNotFound" | "SecurityGroupNotFound" => Class::Invalid,
        _ if is_complaint(code) => Class::Invalid,
        _ if matches!(status, 500 | 502 | 503 | 504) => Class::Transient,
        _ => Class::Unknown,
    }
}

/// The request is wrong as it is.
fn is_complaint(code: &str) -> bool {
    [
        "Invalid",
        "Malformed",
        "Missing",
        "Unsupported",
        "Unknown",
        "Validation",
        "HierarchyLevel",
        "ParameterMaxVersion",
        "SpotMaxPriceTooLow",
    ]
    .iter()
    .any(|start| code.starts_with(start))
        || code == "BadRequest"
}
