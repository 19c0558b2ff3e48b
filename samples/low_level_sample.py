"""The low-level sample under its first address; the program is `examples/low_level_sample.py`.

python samples/low_level_sample.py samples/input/sample.wav azure|openai|engine
"""

import runpy
from pathlib import Path

if __name__ == "__main__":
    program = Path(__file__).resolve().parents[1] / "examples/low_level_sample.py"
    runpy.run_path(str(program), run_name="__main__")
