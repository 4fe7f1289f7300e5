//! The way to the cloud; the only place of the command line that names an implementation of the port.

use super::settings::Settings;

/// The cloud that commands work with.
#[cfg(feature = "aws")]
pub(super) type Connected = crate::aws::Aws;

/// Region: the command line's, then the spec's, then what the SDK finds in the environment and the profile.
#[cfg(feature = "aws")]
pub(super) async fn connect(settings: &Settings, spec_region: Option<&str>) -> anyhow::Result<Connected> {
    let options = crate::aws::Options {
        region: settings.region.clone().or_else(|| spec_region.map(ToOwned::to_owned)),
        profile: settings.profile.clone(),
        endpoint_url: settings.endpoint_url.clone(),
    };
    crate::aws::Aws::connect(options).await.map_err(|error: crate::aws::NoRegion| {
        super::exit::plain(
            error.to_string(),
            "say it: `--region`, `region` in the spec, `AWS_REGION`, or `aws configure set region us-east-1`",
        )
    })
}

/// The same in another region, whatever was said: a bucket is where it is.
#[cfg(feature = "aws")]
pub(super) async fn connect_in(settings: &Settings, region: &str) -> anyhow::Result<Connected> {
    connect(&Settings { region: Some(region.to_owned()), ..settings.clone() }, None).await
}

/// Asks AWS for the prices of the region; whether there is one the SDK finds out.
#[cfg(feature = "aws")]
pub(super) async fn list_prices(settings: &Settings) -> anyhow::Result<crate::aws::PriceList> {
    let connected = connect(settings, None).await?;
    connected.price_list().await.map_err(|error| super::exit::cloud(error, "ask for prices"))
}

/// Built without the SDK, only what needs no cloud works.
#[cfg(not(feature = "aws"))]
pub(super) type Connected = crate::simulated::Simulated;

#[cfg(not(feature = "aws"))]
pub(super) async fn connect(_: &Settings, _: Option<&str>) -> anyhow::Result<Connected> {
    Err(super::exit::plain("this build cannot reach AWS", "build it with the feature `aws`"))
}

#[cfg(not(feature = "aws"))]
pub(super) async fn connect_in(settings: &Settings, _: &str) -> anyhow::Result<Connected> {
    connect(settings, None).await
}
