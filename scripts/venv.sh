#!/bin/sh
# Bring .venv in step with the locks named as arguments; does nothing when it is.
#
# Rules of the file: the only program needed is Python >= 3.11; `uv` is used when it is on PATH
# (PARLEY_INSTALLER=pip says no). A lock counts as installed only when its copy lies in
# .venv/installed, written last, so an interrupted run is taken up again by the next one.
set -eu
cd "$(dirname "$0")/.."

say() { printf '%s\n' "$*" >&2; }
new_enough() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; }

find_python() {
  if [ -n "${PYTHON:-}" ]; then
    if new_enough "$PYTHON"; then echo "$PYTHON"; return; fi
    say "PYTHON=$PYTHON is not a Python 3.11 or newer that starts. Name another, or leave PYTHON empty."
    exit 1
  fi
  for name in python3.13 python3.12 python3.11 python3 python; do
    if new_enough "$name"; then echo "$name"; return; fi
  done
  say "Parley needs Python 3.11 or newer; found: $(python3 --version 2>&1 || echo none)."
  say "Debian/Ubuntu: apt install python3 python3-venv   macOS: brew install python   else: https://www.python.org/downloads/"
  say "Is it installed under another name? PYTHON=/path/to/python $0"
  exit 1
}

make_venv() {
  rm -rf .venv
  python=$(find_python)
  if [ "$installer" = uv ] && uv venv --quiet --python "$(command -v "$python")" .venv; then return; fi
  installer=pip
  if "$python" -m venv .venv; then return; fi
  rm -rf .venv
  say "$python could not make a virtual environment. Debian/Ubuntu: apt install python3-venv, then run this again."
  exit 1
}

install() {
  # One `-r FILE` per lock, kept as words.
  for lock in "$@"; do set -- "$@" -r "$lock"; shift; done
  if [ "$installer" = uv ]; then
    uv pip install --quiet --python .venv/bin/python --require-hashes "$@" && return
    say "uv could not; trying pip, which has its own settings for mirrors and certificates ..."
  fi
  .venv/bin/python -m pip --version >/dev/null 2>&1 || .venv/bin/python -m ensurepip >/dev/null
  .venv/bin/python -m pip install -qq --disable-pip-version-check --no-input \
    --root-user-action ignore --require-hashes "$@"
}

installer=pip
if [ "${PARLEY_INSTALLER:-uv}" = uv ] && command -v uv >/dev/null 2>&1; then installer=uv; fi

new_enough .venv/bin/python || make_venv

stale=
for lock in "$@"; do cmp -s "$lock" ".venv/installed/$lock" || stale="$stale $lock"; done
[ -n "$stale" ] || exit 0

trap 'say; say "Stopped before everything was installed. Run the same command again: it goes on from here."; exit 130' INT TERM
say "Installing$stale into .venv with $installer (first time: about a minute) ..."
for lock in "$@"; do rm -f ".venv/installed/$lock"; done
if ! install "$@"; then
  say "Installing$stale failed; the lines above say why."
  say "No network, or a proxy or mirror in between? pip's own settings (PIP_INDEX_URL, PIP_CERT, HTTPS_PROXY) are honoured."
  exit 1
fi
for lock in "$@"; do
  mkdir -p ".venv/installed/$(dirname "$lock")"
  cp "$lock" ".venv/installed/$lock"
done
