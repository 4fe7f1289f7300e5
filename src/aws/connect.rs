//! Clients and their settings: one place for regions, endpoints, retries and time limits.

use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};

use super::error::CapacityIsFinal;
use super::pricing::endpoint_region;

/// The SDK's own default. Longer faults are for the engine, which says that it tries again, and can be interrupted.
const ATTEMPTS: u32 = 3;
/// The first call of a run says whether we are anyone and reach anything: it may fail fast.
const ATTEMPTS_TO_GREET: u32 = 2;
/// A handshake that takes longer does not end at all.
const CONNECT: Duration = Duration::from_secs(5);
/// Longer than any describe or create call was seen to take; ends connections that are half open.
const ATTEMPT: Duration = Duration::from_secs(30);
const OPERATION: Duration = Duration::from_secs(100);
/// Hundreds of instances in one call take their time, and the answer holds all of them.
const LAUNCH_ATTEMPT: Duration = Duration::from_mins(2);
const LAUNCH_OPERATION: Duration = Duration::from_mins(5);

/// What only helps is not waited for: a service that does not answer by then is told as such.
const HELP_ATTEMPTS: u32 = 2;
const HELP_ATTEMPT: Duration = Duration::from_secs(4);
const HELP_OPERATION: Duration = Duration::from_secs(8);

/// What the command line may say about the connection; the rest is the SDK's environment and profile.
#[derive(Debug, Clone, Default)]
pub struct Options {
    pub region: Option<String>,
    pub profile: Option<String>,
    pub endpoint_url: Option<String>,
}

/// Neither the command line nor the spec, the environment or the profile says where.
#[derive(Debug, thiserror::Error)]
#[error("no region is set")]
pub struct NoRegion;

/// AWS through its SDK. The SDK's clients are handles: clones share connections and credentials.
#[derive(Debug, Clone)]
pub struct Aws {
    pub(super) region: String,
    /// Of Systems Manager, for the program that speaks in a session.
    pub(super) ssm_endpoint: String,
    pub(super) cloudwatch: aws_sdk_cloudwatch::Client,
    pub(super) ec2: aws_sdk_ec2::Client,
    /// EFS, by its name in IAM.
    pub(super) elasticfilesystem: aws_sdk_efs::Client,
    pub(super) fsx: aws_sdk_fsx::Client,
    pub(super) iam: aws_sdk_iam::Client,
    pub(super) pricing: aws_sdk_pricing::Client,
    pub(super) kms: aws_sdk_kms::Client,
    pub(super) s3: aws_sdk_s3::Client,
    pub(super) servicequotas: aws_sdk_servicequotas::Client,
    pub(super) ssm: aws_sdk_ssm::Client,
    pub(super) sts: aws_sdk_sts::Client,
}

impl Aws {
    /// Reads environment and profile. Sends nothing: clients connect with their first call.
    pub async fn connect(options: Options) -> Result<Self, NoRegion> {
        let Options { region, profile, endpoint_url } = options;
        let mut loader = aws_config::defaults(version()).retry_config(retries(ATTEMPTS)).timeout_config(timeouts());
        if let Some(region) = region {
            loader = loader.region(Region::new(region));
        }
        if let Some(profile) = profile {
            loader = loader.profile_name(profile);
        }
        if let Some(url) = endpoint_url {
            loader = loader.endpoint_url(url);
        }
        Self::with(&loader.load().await)
    }

    /// The clients of a configuration whose retries and time limits are set.
    pub(super) fn with(config: &SdkConfig) -> Result<Self, NoRegion> {
        let region = config.region().map(ToString::to_string).ok_or(NoRegion)?;
        // An endpoint of one's own knows no host name for each bucket. There is no variable for path style, and none
        // of the SDK's tells the client about `AWS_ENDPOINT_URL_S3` before it is built.
        let own_endpoint = config.endpoint_url().is_some() || std::env::var_os("AWS_ENDPOINT_URL_S3").is_some();
        let s3 = aws_sdk_s3::config::Builder::from(config).force_path_style(own_endpoint).build();
        let ssm_endpoint = std::env::var("AWS_ENDPOINT_URL_SSM")
            .ok()
            .or_else(|| config.endpoint_url().map(ToOwned::to_owned))
            .unwrap_or_else(|| ssm_endpoint(&region));
        let sts = aws_sdk_sts::config::Builder::from(config).retry_config(retries(ATTEMPTS_TO_GREET)).build();
        let prices_in = Region::from_static(endpoint_region(&region));
        let pricing = aws_sdk_pricing::config::Builder::from(config).region(prices_in).build();
        let cloudwatch = aws_sdk_cloudwatch::config::Builder::from(config)
            .retry_config(retries(HELP_ATTEMPTS))
            .timeout_config(short())
            .build();
        let kms = aws_sdk_kms::config::Builder::from(config)
            .retry_config(retries(HELP_ATTEMPTS))
            .timeout_config(short())
            .build();
        let servicequotas = aws_sdk_servicequotas::config::Builder::from(config)
            .retry_config(retries(HELP_ATTEMPTS))
            .timeout_config(short())
            .build();
        Ok(Self {
            region,
            ssm_endpoint,
            cloudwatch: aws_sdk_cloudwatch::Client::from_conf(cloudwatch),
            ec2: aws_sdk_ec2::Client::new(config),
            elasticfilesystem: aws_sdk_efs::Client::new(config),
            fsx: aws_sdk_fsx::Client::new(config),
            iam: aws_sdk_iam::Client::new(config),
            pricing: aws_sdk_pricing::Client::from_conf(pricing),
            kms: aws_sdk_kms::Client::from_conf(kms),
            s3: aws_sdk_s3::Client::from_conf(s3),
            servicequotas: aws_sdk_servicequotas::Client::from_conf(servicequotas),
            ssm: aws_sdk_ssm::Client::new(config),
            sts: aws_sdk_sts::Client::from_conf(sts),
        })
    }

    /// For tests: no environment, no files, fixed credentials, every request to this HTTP client (None: the real one).
    #[cfg(test)]
    pub(super) fn over(http: Option<aws_sdk_s3::config::SharedHttpClient>, endpoint: Option<&str>) -> Self {
        Self::with(&Self::for_tests(http, endpoint)).expect("the region is set")
    }

    #[cfg(test)]
    pub(super) fn for_tests(http: Option<aws_sdk_s3::config::SharedHttpClient>, endpoint: Option<&str>) -> SdkConfig {
        use aws_sdk_s3::config::{Credentials, SharedCredentialsProvider};
        let mut config = SdkConfig::builder()
            .behavior_version(version())
            .region(Region::new("us-east-1"))
            .credentials_provider(SharedCredentialsProvider::new(Credentials::new(
                "AKIDEXAMPLE",
                "secret",
                None,
                None,
                "tests",
            )))
            .retry_config(retries(ATTEMPTS))
            .timeout_config(timeouts());
        config.set_http_client(http);
        config.set_endpoint_url(endpoint.map(str::to_owned));
        config.build()
    }
}

/// For what takes capacity: more time, and no second try where there is none.
pub(super) fn launch_settings() -> aws_sdk_ec2::config::Builder {
    let timeouts =
        TimeoutConfig::builder().operation_attempt_timeout(LAUNCH_ATTEMPT).operation_timeout(LAUNCH_OPERATION).build();
    aws_sdk_ec2::config::Builder::new()
        .retry_config(retries(ATTEMPTS))
        .timeout_config(timeouts)
        .retry_classifier(CapacityIsFinal)
}

/// For what must not be done twice: no second try, whatever the first one's end was.
pub(super) fn once() -> aws_sdk_ssm::config::Builder {
    aws_sdk_ssm::config::Builder::new().retry_config(retries(1))
}

/// Where the service is, by the region's partition (General Reference, "Systems Manager endpoints and quotas").
fn ssm_endpoint(region: &str) -> String {
    let domain = if region.starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" };
    format!("https://ssm.{region}.{domain}")
}

/// For the simulation of policies alone.
pub(super) fn simulation_settings() -> aws_sdk_iam::config::Builder {
    aws_sdk_iam::config::Builder::new().retry_config(retries(HELP_ATTEMPTS)).timeout_config(short())
}

/// Pinned, so that an update of the SDK changes no behaviour by itself.
fn version() -> BehaviorVersion {
    BehaviorVersion::v2026_01_12()
}

fn retries(attempts: u32) -> RetryConfig {
    RetryConfig::standard().with_max_attempts(attempts)
}

fn timeouts() -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(CONNECT)
        .operation_attempt_timeout(ATTEMPT)
        .operation_timeout(OPERATION)
        .build()
}

fn short() -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(HELP_ATTEMPT)
        .operation_attempt_timeout(HELP_ATTEMPT)
        .operation_timeout(HELP_OPERATION)
        .build()
}
