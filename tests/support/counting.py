"""A craft for tests of the worker pool: counts what it is fed, fails or dies on request."""

import os
from collections.abc import Mapping
from typing import Any

from rtclient.engine.workers import Job


class Counting:
    """Answers with the number of bytes; `fails` and `dies` in its job do as they say."""

    def __init__(self, options: Mapping[str, Any]) -> None:
        if options.get("broken"):
            raise RuntimeError("no model")

    def facts(self) -> Mapping[str, Any]:
        """Say which process this is."""
        return {"pid": os.getpid()}

    def run(self, job: Job) -> bytes:
        """Count; prints as a careless library would, which must not break the frames."""
        print("noise of a library")
        if job.begin.get("fails"):
            raise ValueError("private words")
        if job.begin.get("dies"):
            os._exit(3)
        return str(sum(len(data) for data in job.data())).encode()
