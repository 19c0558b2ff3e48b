"""Whether an upstream can be dialled."""

from typing import Literal

State = Literal["starting", "ready", "failed"]
"""`starting`: soon; `ready`: now; `failed`: not without somebody's help."""
