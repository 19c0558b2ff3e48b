#!/bin/sh
# Set Parley up in .venv (the first time: about a minute), then run it.
# Arguments go to the server (`./start.sh --help`, `./start.sh --tls`, `./start.sh check`). From the
# environment:
#   EXTRAS=azure         install requirements/azure.txt too (sign in with Microsoft Entra ID)
#   EXTRAS=audio         install requirements/audio.txt too (`rtclient talk` with a sound card)
#   PYTHON=python3.12    the Python to make .venv with
set -eu
cd "$(dirname "$0")"

locks=requirements.txt
for extra in $(printf '%s' "${EXTRAS:-}" | tr ',' ' '); do
  if [ "$extra" = test ] || [ ! -f "requirements/$extra.txt" ]; then
    echo "start.sh: there is no extra named '$extra'. EXTRAS knows: azure, audio" >&2
    exit 2
  fi
  locks="$locks requirements/$extra.txt"
done

# shellcheck disable=SC2086  # one word per lock
scripts/venv.sh $locks
exec .venv/bin/python -m server "$@"
