"""How time passes: a queue of due events, run in order on the next request.

Nothing polls and no thread waits. A lifecycle ("AVAILABLE in 6 s") is an event with a due time; before each
request the gateway calls `advance`, which runs every event that has fallen due, oldest first, with `now()`
standing at the event's own time. A chain of events therefore ends at the same instants whether or not
anybody looked in between.
"""

import heapq
import itertools
import logging
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime

LOG = logging.getLogger(__name__)

# Guards all state of this package. LocalStack serves requests from many threads.
LOCK = threading.RLock()

_queue: list[tuple[float, int, Callable[[], None]]] = []
_order = itertools.count()
_event_time: float | None = None


def now() -> float:
    """Returns the current time, or the due time of the event that is running."""
    return time.time() if _event_time is None else _event_time


def timestamp() -> datetime:
    return datetime.fromtimestamp(now(), UTC)


def schedule(delay: float, event: Callable[[], None]) -> None:
    """Runs `event` `delay` seconds from now; at once, if the delay is zero."""
    if delay <= 0:
        event()
        return
    with LOCK:
        heapq.heappush(_queue, (now() + delay, next(_order), event))


def advance() -> None:
    """Runs all events that are due."""
    global _event_time
    if not _queue or _queue[0][0] > time.time():
        return
    with LOCK:
        if _event_time is not None:
            return
        try:
            while _queue and _queue[0][0] <= time.time():
                due, _, event = heapq.heappop(_queue)
                _event_time = due
                try:
                    event()
                except Exception:
                    LOG.exception("an event of the timeline failed: %r", event)
        finally:
            _event_time = None


def clear() -> None:
    with LOCK:
        _queue.clear()
