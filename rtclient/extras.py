"""What a program is told when a package of an extra is not installed."""


class MissingExtraError(ImportError):
    """A package that only some programs need is not there; the text says what to install."""

    def __init__(self, package: str, purpose: str, extra: str = "audio") -> None:
        """Say it.

        Args:
            package: What could not be imported.
            purpose: What needs it, as the beginning of a sentence.
            extra: The extra of rtclient that brings it.
        """
        self.extra = extra
        super().__init__(
            f"{purpose} needs {package}: pip install 'rtclient[{extra}]'", name=package
        )
