//! Metrics: how far automatic export is behind.

use aws_sdk_cloudwatch::primitives::DateTime;
use aws_sdk_cloudwatch::types::{Dimension, Metric, MetricDataQuery, MetricStat};
use jiff::Timestamp;

use super::Aws;
use super::convert::timestamp;
use super::error::Explain as _;
use crate::cloud::{CloudError, QueuePoint};

/// FSx for Lustre User Guide, "FSx for Lustre metrics and dimensions", S3 repository metrics. There is one queue a file system
/// and direction, not one a link.
const NAMESPACE: &str = "AWS/FSx";
const METRIC: &str = "AgeOfOldestQueuedMessage";
const PUBLISHER: &str = "AutoExport";
/// Seconds; as often as FSx sends it.
const PERIOD: i32 = 60;
/// Seconds before now that are asked about.
const LOOK_BACK: i64 = 15 * 60;

impl Aws {
    pub(super) async fn age_of_queue(&self, file_system: &str, now: Timestamp) -> Result<Vec<QueuePoint>, CloudError> {
        let dimension = |name: &str, value: &str| Dimension::builder().name(name).value(value).build();
        let metric = Metric::builder()
            .namespace(NAMESPACE)
            .metric_name(METRIC)
            .dimensions(dimension("FileSystemId", file_system))
            .dimensions(dimension("Publisher", PUBLISHER))
            .build();
        let maximum = MetricStat::builder().metric(metric).period(PERIOD).stat("Maximum").build();
        let query = MetricDataQuery::builder().id("age").metric_stat(maximum).return_data(true).build();
        let now = now.as_second();
        let answer = self
            .cloudwatch
            .get_metric_data()
            .metric_data_queries(query)
            .start_time(DateTime::from_secs(now - LOOK_BACK))
            // The end does not count along, and clocks differ.
            .end_time(DateTime::from_secs(now + i64::from(PERIOD)))
            .send()
            .await
            .look("cloudwatch:GetMetricData")?;
        let points =
            answer.metric_data_results().iter().flat_map(|result| result.timestamps().iter().zip(result.values()));
        Ok(points.filter_map(|(at, age)| Some(QueuePoint { at: timestamp(at)?, age_s: whole(*age) })).collect())
    }
}

/// Seconds, rounded up: a queue that is not empty is none of age 0.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a cast from f64 saturates")]
fn whole(seconds: f64) -> u64 {
    seconds.ceil() as u64
}
