"""The queues of automatic import and export, and their age as CloudWatch shows it.

Source: FSx for Lustre user guide, "Monitoring with Amazon CloudWatch", S3 repository metrics:
AgeOfOldestQueuedMessage (AWS/FSx, dimensions FileSystemId and Publisher, seconds, once a minute). There is one
queue for a file system and a direction. A point comes only while the queue is in use, so that no point does not
mean that nothing waits.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from localstack_provision import settings
from localstack_provision.timeline import now

EXPORT = "AutoExport"
IMPORT = "AutoImport"
PUBLISHERS = (EXPORT, IMPORT)

# Seconds between two points.
MINUTE = 60
# How long an empty queue still has points. AWS does not say.
TAIL = 120.0


@dataclass(eq=False)
class Message:
    link_id: str
    queued: float = field(default_factory=now)
    done: float | None = None
    # Automatic export was switched off before its turn came.
    dropped: bool = False

    def waits_at(self, instant: float) -> bool:
        return self.queued <= instant and (self.done is None or self.done > instant)

    def in_use(self, start: float, end: float) -> bool:
        tail = 0.0 if self.dropped else TAIL
        return self.queued <= end and (self.done is None or self.done + tail >= start)


@dataclass
class Queue:
    messages: list[Message] = field(default_factory=list)

    def put(self, link_id: str) -> Message:
        message = Message(link_id)
        self.messages.append(message)
        return message

    def drop(self, link_id: str) -> None:
        """Forgets what waits for an association: nothing of it is done any more."""
        for message in self.messages:
            if message.link_id == link_id and message.done is None:
                message.done, message.dropped = now(), True

    def points(self, start: float, end: float) -> Iterator[tuple[float, float]]:
        """Returns (begin of a minute, age in seconds at its end) for each minute in which the queue was in use."""
        for minute in minutes(start, end):
            until = min(minute + MINUTE, now())
            if any(message.in_use(minute, until) for message in self.messages):
                waiting = (message.queued for message in self.messages if message.waits_at(until))
                yield minute, until - min(waiting, default=until)


def minutes(start: float, end: float) -> Iterator[float]:
    """Returns the beginnings of the minutes in a span, as far as they have begun."""
    minute = start - start % MINUTE
    while minute < min(end, now()):
        if minute >= start:
            yield minute
        minute += MINUTE


def points(file_system: str, exports: bool, queue: Queue, publisher: str, start: float, end: float):
    """Returns the points of a queue after what the test has ordered for it (`fsx.queue_age`)."""
    ages = settings.get("fsx.queue_age")
    age = ages.get(file_system, ages.get("*"))
    if publisher != EXPORT or age is None:
        return list(queue.points(start, end))
    if age == "silent" or not exports:
        return []
    return [(minute, float(age)) for minute in minutes(start, end)]
