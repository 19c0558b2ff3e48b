"""A conversation on disk: its sound, and what was said.

- `recorder`: writes it while it goes on
- `timeline`: where the sound of both sides lies (pure)
- `exporting`: JSON and Markdown (pure)
"""

from rtclient.recording.exporting import to_dict, to_markdown
from rtclient.recording.recorder import Recorder

__all__ = ["Recorder", "to_dict", "to_markdown"]
