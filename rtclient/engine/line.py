"""The line in which jobs wait for a worker, in a fair order.

Rules of the file: pure. Complete jobs come before live ones; owners take turns: of each owner one
job runs at a time, and who waits for more goes to the end of the line.
"""

from collections import deque
from collections.abc import Collection, Iterator
from typing import Generic, Protocol, TypeVar


class Waiting(Protocol):
    """A job as the line sees it; it may become complete while it waits."""

    owner: str
    is_complete: bool
    """Nothing more is to come: somebody waits for its result."""
    is_deferred: bool
    """It waits to be complete, and wants no worker before."""


W = TypeVar("W", bound=Waiting)


class Line(Generic[W]):
    """Jobs that wait: each owner's in the order of their coming, owners in turn."""

    def __init__(self) -> None:
        self._owners: dict[str, deque[W]] = {}

    def __iter__(self) -> Iterator[W]:
        return (job for jobs in self._owners.values() for job in jobs)

    def add(self, job: W) -> None:
        """Put a job at the end of its owner's, and a new owner at the end of the line."""
        self._owners.setdefault(job.owner, deque()).append(job)

    def remove(self, job: W) -> None:
        """Take a job out; nothing happens when it does not wait."""
        jobs = self._owners.get(job.owner)
        if jobs is not None and job in jobs:
            jobs.remove(job)
            if not jobs:
                del self._owners[job.owner]

    def take(self, busy: Collection[str], *, only_complete: bool) -> W | None:
        """Take out who is next: a complete job if there is one, else a live one if it may be.

        `busy`: owners that have a job running; a second one has to wait.
        """
        heads = [jobs[0] for owner, jobs in self._owners.items() if owner not in busy]
        found = next((job for job in heads if job.is_complete), None)
        if found is None and not only_complete:
            found = next((job for job in heads if not job.is_deferred), None)
        if found is not None:
            self.remove(found)
            if found.owner in self._owners:  # it has more to do: after everybody else
                self._owners[found.owner] = self._owners.pop(found.owner)
        return found
