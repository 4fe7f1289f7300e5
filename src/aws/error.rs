//! What the services say when they refuse, in the classes that the engine goes by.
//!
//! The only place where words and codes of a service are matched. What a code means depends a little on what the call was
//! for: a group that is not found is an answer to a look, success to a removal, and "not known everywhere yet" to a
//! creation that was given its id a second ago.

mod class;

use std::error::Error;

use aws_sdk_ec2::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_ec2::operation::RequestId;
use aws_sdk_ec2::operation::create_capacity_reservation::CreateCapacityReservationError;
use aws_sdk_ec2::operation::run_instances::RunInstancesError;
use aws_smithy_runtime_api::client::interceptors::context::InterceptorContext;
use aws_smithy_runtime_api::client::retries::classifiers::{ClassifyRetry, RetryAction};

use class::{class_of, for_purpose};

use super::hints;
use crate::cloud::{Class, CloudError, Limit, Remains};

/// What a call is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Purpose {
    Look,
    /// Builds on what was made a moment ago.
    Create,
    Change,
}

/// Turns the outcome of a call into ours; the name is that of the method.
pub(super) trait Explain<T> {
    /// The call reads.
    fn look(self, operation: &str) -> Result<T, CloudError>;
    /// The call makes something out of things that may be seconds old.
    fn create(self, operation: &str) -> Result<T, CloudError>;
    /// The call changes or removes.
    fn change(self, operation: &str) -> Result<T, CloudError>;
}

impl<T, E> Explain<T> for Result<T, SdkError<E>>
where
    E: ProvideErrorMetadata + Error + 'static,
{
    fn look(self, operation: &str) -> Result<T, CloudError> {
        self.map_err(|error| explain(operation, Purpose::Look, &error))
    }

    fn create(self, operation: &str) -> Result<T, CloudError> {
        self.map_err(|error| explain(operation, Purpose::Create, &error))
    }

    fn change(self, operation: &str) -> Result<T, CloudError> {
        self.map_err(|error| explain(operation, Purpose::Change, &error))
    }
}

/// A second call failed after a first one has made something.
pub(super) fn left_behind(error: CloudError) -> CloudError {
    CloudError { remains: Remains::Perhaps, ..error }
}

/// "Not found" is what a removal wants to hear.
pub(super) fn gone_is_success(outcome: Result<(), CloudError>) -> Result<(), CloudError> {
    found(outcome).map(|_| ())
}

/// None for what does not exist.
pub(super) fn found<T>(outcome: Result<T, CloudError>) -> Result<Option<T>, CloudError> {
    match outcome {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.class == Class::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// There is one by this name already.
pub(super) fn exists_already(error: &CloudError) -> bool {
    matches!(
        error.code.as_deref(),
        Some(
            "InvalidGroup.Duplicate"
                | "InvalidPlacementGroup.Duplicate"
                | "InvalidLaunchTemplateName.AlreadyExistsException"
                | "EntityAlreadyExists"
                | "ParameterAlreadyExists"
                | "FileSystemAlreadyExists"
                | "MountTargetConflict"
        )
    )
}

/// Nobody may look there, or there is nothing to look at: whoever only searches has found nothing.
pub(super) fn is_not_told(error: &CloudError) -> bool {
    matches!(error.class, Class::Denied | Class::NotImplemented)
}

/// The same token came with other parameters before.
pub(super) fn token_was_for_other_data(error: &CloudError) -> bool {
    error.code.as_deref() == Some("IdempotentParameterMismatch")
}

/// A rule of a security group is there already. A call is all or nothing, so one that was sent before has done all of it.
pub(super) fn rule_exists(error: &CloudError) -> bool {
    error.code.as_deref() == Some("InvalidPermission.Duplicate")
}

/// A rule of a security group is gone already.
pub(super) fn rule_is_gone(error: &CloudError) -> bool {
    error.code.as_deref() == Some("InvalidPermission.NotFound")
}

/// An instance profile holds one role at most, and has one.
pub(super) fn profile_is_full(error: &CloudError) -> bool {
    error.code.as_deref() == Some("LimitExceeded")
}

/// A trial that would have been carried out.
pub(super) fn would_be_done(error: &CloudError) -> bool {
    error.code.as_deref() == Some("DryRunOperation")
}

/// A task has ended before it could be cancelled.
pub(super) fn task_has_ended(error: &CloudError) -> bool {
    error.code.as_deref() == Some("DataRepositoryTaskEnded")
}

/// A new file system's network was checked before the rules of a new group were known everywhere
/// (FSx User Guide, "Troubleshooting file system creation": port 988; EFA: all traffic within the group).
pub(super) fn rules_not_seen_yet(error: CloudError) -> CloudError {
    let message = error.message.to_ascii_lowercase();
    let about_rules = ["988", "lnet", "rule", "security group"].iter().any(|word| message.contains(word));
    if error.code.as_deref() == Some("InvalidNetworkSettings") && about_rules {
        return CloudError { class: Class::NotYet, ..error };
    }
    error
}

/// A call that is as simple as this one is refused as such only where it does not exist.
pub(super) fn unsupported_is_unknown(error: CloudError) -> CloudError {
    let is_unknown = error.code.as_deref() == Some("UnsupportedOperation");
    if is_unknown { CloudError { class: Class::NotImplemented, ..error } } else { error }
}

/// The instance ids among these that EC2 says it does not know.
pub(super) fn unknown_instances(error: &CloudError, asked: &[String]) -> Vec<String> {
    if error.code.as_deref() != Some("InvalidInstanceID.NotFound") {
        return Vec::new();
    }
    // "The instance ID 'i-0a' does not exist", "The instance IDs 'i-0a, i-0b' do not exist": whole words only.
    let words: Vec<&str> = error.message.split(|c: char| !c.is_ascii_alphanumeric() && c != '-').collect();
    asked.iter().filter(|id| words.contains(&id.as_str())).cloned().collect()
}

/// Forbids the SDK to try again at what another try a second later does not change.
///
/// EC2 says "no capacity" with HTTP 500, which the standard mode would repeat as an inner fault.
#[derive(Debug)]
pub(super) struct CapacityIsFinal;

impl ClassifyRetry for CapacityIsFinal {
    fn classify_retry(&self, context: &InterceptorContext) -> RetryAction {
        let error = context.output_or_error().and_then(Result::err).and_then(|error| error.as_operation_error());
        let code = error.and_then(|error| {
            let launch = error.downcast_ref::<RunInstancesError>().and_then(ProvideErrorMetadata::code);
            launch
                .or_else(|| error.downcast_ref::<CreateCapacityReservationError>().and_then(ProvideErrorMetadata::code))
        });
        match code {
            Some(code) if is_final(class_of(code, "", 0)) => RetryAction::RetryForbidden,
            _ => RetryAction::NoActionIndicated,
        }
    }

    fn name(&self) -> &'static str {
        "no capacity is final"
    }
}

/// A second later the answer is the same.
const fn is_final(class: Class) -> bool {
    matches!(class, Class::Capacity | Class::ReservationFull | Class::NotOffered | Class::Quota | Class::NotImplemented)
}

fn explain<E>(operation: &str, purpose: Purpose, error: &SdkError<E>) -> CloudError
where
    E: ProvideErrorMetadata + Error + 'static,
{
    let mut explained = match error {
        SdkError::ServiceError(context) => {
            let status = context.raw().status().as_u16();
            let meta = context.err().meta();
            let code = meta.code().unwrap_or_default();
            let message = match (meta.message(), status) {
                (Some(message), _) => without_signature(readable(message)),
                // Done, and said in a way that this version cannot read.
                (None, 200..=299) => format!("unreadable answer: {}", chain(error)),
                (None, _) => format!("refused with HTTP status {status}"),
            };
            let class = for_purpose(purpose, code, class_of(code, &message, status));
            let mut explained = CloudError::new(operation, class, message);
            explained.code = meta.code().map(str::to_owned);
            explained.request_id = meta.request_id().or_else(|| error.request_id()).map(str::to_owned);
            if class == Class::Capacity {
                explained.elsewhere = hints::zones_with_capacity(&explained.message);
            }
            if class == Class::Quota {
                explained.limit = hints::current_limit(&explained.message)
                    .map(|current| Box::new(Limit { current: Some(current), quota: None }));
            }
            if class == Class::Unknown && (400..500).contains(&status) {
                explained.remains = Remains::Nothing;
            }
            explained
        }
        SdkError::ResponseError(context) => {
            let class = match context.raw().status().as_u16() {
                // A proxy or a gateway in between that does not speak the service's language.
                429 | 500..=599 => Class::Transient,
                _ => Class::Unknown,
            };
            let mut explained = CloudError::new(operation, class, format!("unreadable answer: {}", chain(error)));
            explained.request_id = error.request_id().map(str::to_owned);
            explained
        }
        // The SDK has asked several times by then: whoever accepts connections and says nothing is no service of AWS.
        SdkError::TimeoutError(_) => CloudError::new(operation, Class::Unreachable, "no answer in time"),
        SdkError::DispatchFailure(failure) => {
            let text = chain(error);
            let class = if is_about_credentials(&text) {
                Class::Credentials
            } else if failure.is_timeout() || is_about_connecting(&text) {
                Class::Unreachable
            } else if failure.is_user() {
                Class::Invalid
            } else {
                Class::Transient
            };
            let text = if class == Class::Credentials { no_credentials(error, &text) } else { text };
            CloudError::new(operation, class, text)
        }
        _ => {
            let text = chain(error);
            if is_about_credentials(&text) {
                CloudError::new(operation, Class::Credentials, no_credentials(error, &text))
            } else {
                CloudError::new(operation, Class::Invalid, text)
            }
        }
    };
    if purpose == Purpose::Look {
        explained.remains = Remains::Nothing;
    }
    explained
}

/// EC2 adds to a denial what only `sts:DecodeAuthorizationMessage` can read: several hundred characters.
fn readable(message: &str) -> &str {
    message.split(" Encoded authorization failure message:").next().unwrap_or(message)
}

const NO_CREDENTIALS: &str = "none in the environment, in the profile, or of this machine";

/// Layers of the SDK around the one that says what is wrong.
const WRAPPERS: &[&str] = &[
    "other",
    "service error",
    "dispatch failure",
    "io error",
    "an error occurred while loading credentials",
    "an error occurred while loading an access token",
    "unexpected credentials error",
    "the credentials provider was not properly configured",
];

/// Why there are none, in a line: the SDK goes on for six about every place where it looked.
fn no_credentials(error: &(dyn Error + 'static), text: &str) -> String {
    if text.contains("no credentials found in chain") {
        return NO_CREDENTIALS.to_owned();
    }
    // The last place to look for them, so there are none before it.
    if text.contains("IMDS") {
        return "none in the environment or in the profile, and the metadata service of this machine (IMDS) gives none"
            .to_owned();
    }
    let layers = layers(error);
    let telling: Vec<&str> = layers.iter().map(String::as_str).filter(|layer| !WRAPPERS.contains(layer)).collect();
    format!("none to be had: {}", if telling.is_empty() { text.to_owned() } else { telling.join(": ") })
}

/// A refused signature is explained with the request that was to be signed, session token included.
fn without_signature(message: &str) -> String {
    let end = ["The Canonical String", "The String-to-Sign", "x-amz-security-token"]
        .iter()
        .filter_map(|start| message.find(start))
        .min();
    end.map_or(message, |end| message[..end].trim_end()).to_owned()
}

/// The inner layers of an error in one line.
fn chain(error: &(dyn Error + 'static)) -> String {
    let layers = layers(error);
    if layers.is_empty() { error.to_string() } else { layers.join(": ") }
}

/// The inner layers of an error, outermost first, each said once.
fn layers(error: &(dyn Error + 'static)) -> Vec<String> {
    let mut layers: Vec<String> = Vec::new();
    let mut next = error.source();
    while let Some(layer) = next {
        let text = layer.to_string();
        if !layers.iter().any(|said| said.contains(&text)) {
            layers.push(text);
        }
        next = layer.source();
    }
    layers
}

fn is_about_credentials(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    ["credential", "sso ", "sso session", "identity", "security token", "access token", "assume role"]
        .iter()
        .any(|word| text.contains(word))
}

fn is_about_connecting(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    [
        "dns error",
        "failed to lookup",
        "connection refused",
        "error trying to connect",
        "connect error",
        "unreachable",
        "certificate",
    ]
    .iter()
    .any(|word| text.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("{says}")]
    struct Layer {
        says: &'static str,
        source: Option<Box<Layer>>,
    }

    fn layered(layers: &[&'static str]) -> Layer {
        let (says, inner) = layers.split_first().expect("one at least");
        Layer { says, source: (!inner.is_empty()).then(|| Box::new(layered(inner))) }
    }

    #[test]
    fn of_the_layers_of_the_sdk_only_the_telling_ones_are_said() {
        let failed = "an error occurred while loading credentials";
        for (layers, said) in [
            (
                &["dispatch failure", "other", failed, "failed to load the cached SSO token"][..],
                "none to be had: failed to load the cached SSO token",
            ),
            (
                &[
                    "dispatch failure",
                    "other",
                    "the credentials provider was not properly configured",
                    "ProfileFile provider could not be built",
                    "profile missing aws_secret_access_key",
                ],
                "none to be had: ProfileFile provider could not be built: profile missing aws_secret_access_key",
            ),
            (
                &["dispatch failure", "other", failed],
                "none to be had: other: an error occurred while loading credentials",
            ),
            (&["dispatch failure", "other", "no credentials found in chain: ask here and there"], NO_CREDENTIALS),
        ] {
            let error = layered(layers);
            assert_eq!(no_credentials(&error, &chain(&error)), said);
        }
    }
}
