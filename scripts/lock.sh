#!/bin/sh
# Make the four locks from pyproject.toml, and from their requirements.in those of the clients
# that are tested: every version, with hashes, for every platform and Python >= 3.11.
# `scripts/lock.sh` keeps what is pinned where it still fits; `scripts/lock.sh --upgrade` takes the
# newest for us, never for the clients. The full test set is solved first and constrains the other
# three, so a package has one version in all of them and they can be installed together.
set -eu
cd "$(dirname "$0")/.."

uv=$(command -v uv) || {
  tools=$(mktemp -d)
  trap 'rm -rf "$tools"' EXIT
  python3 -m venv "$tools"
  "$tools/bin/python" -m pip install --quiet --disable-pip-version-check uv
  uv=$tools/bin/uv
}

lock() { # lock FILE ARGUMENT... SOURCE: what the file holds is also what its header tells
  file=$1
  shift
  "$uv" pip compile --quiet --no-config --universal --python-version 3.11 --generate-hashes \
    --no-emit-index-url --no-emit-find-links --custom-compile-command "scripts/lock.sh" \
    ${upgrade:+"$upgrade"} "$@" --output-file "$file"
}

upgrade=${1:-}
lock requirements/test.txt --extra engine --extra voice-gpl --extra azure --extra audio --group test pyproject.toml
upgrade=
lock requirements.txt --extra engine --extra voice-gpl --group server -c requirements/test.txt pyproject.toml
lock requirements/azure.txt --extra azure -c requirements/test.txt pyproject.toml
lock requirements/audio.txt --extra audio -c requirements/test.txt pyproject.toml
for source in tests/*/*/requirements.in; do lock "${source%.in}.txt" "$source"; done
