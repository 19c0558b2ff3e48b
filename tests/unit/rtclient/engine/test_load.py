"""When the queue of the ears is told."""

from rtclient.engine.load import QueueWatch


def load(queue_ms: int) -> dict[str, dict[str, int]]:
    return {"ears": {"workers": 2, "busy": 2, "waiting": 3, "queue_ms": queue_ms}}


def test_it_is_told_once_when_it_begins_and_once_when_it_ends() -> None:
    watch = QueueWatch()
    told = [watch.look(load(ms), 7) for ms in (0, 900, 1800, 2400, 900, 300, 100, 0)]
    assert [line and line["queue_ms"] for line in told] == [
        *(None, None, 1800),
        *(None, None, None),
        *(0, None),
    ]
    assert told[2] == {"event": "load", "sessions": 7, "waiting": 3, "queue_ms": 1800}


def test_senses_without_workers_are_never_busy() -> None:
    assert QueueWatch().look({}, 1) is None
