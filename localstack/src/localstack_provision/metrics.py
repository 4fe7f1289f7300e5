"""CloudWatch: LocalStack's own provider, with the age of FSx's queues in front (`fsx/queue.py`).

Source: CloudWatch API reference, GetMetricData, GetMetricStatistics, ListMetrics. Metric math over these points
is not evaluated.
"""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any

from localstack.aws.api import RequestContext
from localstack.services.cloudwatch.provider_v2 import CloudwatchProvider

from localstack_provision.fsx import queue
from localstack_provision.fsx.store import store_of
from localstack_provision.timeline import LOCK

NAMESPACE = "AWS/FSx"
NAME = "AgeOfOldestQueuedMessage"
UNIT = "Seconds"

STATISTICS: dict[str, Callable[[list[float]], float]] = {
    "Average": lambda values: sum(values) / len(values),
    "Maximum": max,
    "Minimum": min,
    "SampleCount": lambda values: float(len(values)),
    "Sum": sum,
}


class MetricsProvider(CloudwatchProvider):
    service = "cloudwatch"

    def get_metric_data(
        self,
        context: RequestContext,
        metric_data_queries: list[dict[str, Any]],
        start_time: datetime,
        end_time: datetime,
        next_token: str | None = None,
        scan_by: str | None = None,
        **kwargs: Any,
    ) -> dict[str, Any]:
        own = [query for query in metric_data_queries if _is_own((query.get("MetricStat") or {}).get("Metric") or {})]
        rest = [query for query in metric_data_queries if query not in own]
        answer: dict[str, Any] = {"MetricDataResults": [], "Messages": []}
        if rest:
            answer = dict(super().get_metric_data(context, rest, start_time, end_time, next_token, scan_by, **kwargs))
        for query in own:
            stat = query["MetricStat"]
            values = _values(context, stat["Metric"].get("Dimensions"), stat["Period"], start_time, end_time)
            points = sorted(values.items(), reverse=scan_by != "TimestampAscending")
            result = {
                "Id": query["Id"],
                "Label": query.get("Label") or NAME,
                "Timestamps": [datetime.fromtimestamp(at, UTC) for at, _ in points],
                "Values": [STATISTICS[stat["Stat"]](ages) for _, ages in points],
                "StatusCode": "Complete",
            }
            answer["MetricDataResults"].append(result)
        return answer

    def get_metric_statistics(
        self,
        context: RequestContext,
        namespace: str,
        metric_name: str,
        start_time: datetime,
        end_time: datetime,
        period: int,
        dimensions: list[dict[str, str]] | None = None,
        statistics: list[str] | None = None,
        **kwargs: Any,
    ) -> Any:
        if not _is_own({"Namespace": namespace, "MetricName": metric_name}):
            return super().get_metric_statistics(
                context, namespace, metric_name, start_time, end_time, period, dimensions, statistics, **kwargs
            )
        points = [
            {
                "Timestamp": datetime.fromtimestamp(at, UTC),
                "Unit": UNIT,
                **{name: STATISTICS[name](ages) for name in statistics or []},
            }
            for at, ages in _values(context, dimensions, period, start_time, end_time).items()
        ]
        return {"Label": NAME, "Datapoints": points}

    def list_metrics(
        self,
        context: RequestContext,
        namespace: str | None = None,
        metric_name: str | None = None,
        dimensions: list[dict[str, str]] | None = None,
        **kwargs: Any,
    ) -> Any:
        answer = super().list_metrics(context, namespace, metric_name, dimensions, **kwargs)
        if namespace not in (None, NAMESPACE) or metric_name not in (None, NAME):
            return answer
        wanted = {(one["Name"], one.get("Value")) for one in dimensions or []}
        with LOCK:
            found = [
                {"FileSystemId": system.id, "Publisher": publisher}
                for system in store_of(context.account_id, context.region).file_systems.values()
                for publisher, waiting in system.queues.items()
                if waiting.messages
            ]
        own = [
            {
                "Namespace": NAMESPACE,
                "MetricName": NAME,
                "Dimensions": [{"Name": name, "Value": value} for name, value in each.items()],
            }
            for each in found
            if all(name in each and value in (None, each[name]) for name, value in wanted)
        ]
        return {**answer, "Metrics": [*answer["Metrics"], *own]}


def _is_own(metric: dict[str, Any]) -> bool:
    return (metric.get("Namespace"), metric.get("MetricName")) == (NAMESPACE, NAME)


def _values(
    context: RequestContext, dimensions: Iterable[dict[str, str]] | None, period: int, start: datetime, end: datetime
) -> dict[float, list[float]]:
    """Returns the ages by the begin of their period. Other dimensions than these two name another metric."""
    named = {one["Name"]: one["Value"] for one in dimensions or []}
    system = store_of(context.account_id, context.region).file_systems.get(named.get("FileSystemId") or "")
    publisher = named.get("Publisher")
    if system is None or len(named) != 2 or publisher not in system.queues:
        return {}
    values: dict[float, list[float]] = {}
    with LOCK:
        exports = any(link.export_events for link in system.associations.values())
        for minute, age in queue.points(
            system.id, exports, system.queues[publisher], publisher, start.timestamp(), end.timestamp()
        ):
            values.setdefault(minute - minute % period, []).append(age)
    return values
