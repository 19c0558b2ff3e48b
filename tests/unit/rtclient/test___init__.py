"""What `import rtclient` leaves for later, so that programs start fast."""

import json
import subprocess
import sys

LATE = (
    "websockets",
    "certifi",
    "yaml",
    "numpy",
    "soxr",
    "sounddevice",
    "soundfile",
    "rich",
    "azure",
)


def test_importing_the_package_loads_no_slow_module() -> None:
    program = (
        f"import json, sys, rtclient; print(json.dumps([m for m in {LATE} if m in sys.modules]))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert json.loads(done.stdout) == []
