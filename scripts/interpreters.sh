#!/usr/bin/env bash
# Run the tests of the library on every Python 3.11-3.13 that this machine has; print which.
# Each gets an environment of its own in .cache, with the versions of requirements/test.txt.
set -u
cd "$(dirname "$0")/.." || exit 1

lock=requirements/test.txt
failed=0 tested=
for version in 3.11 3.12 3.13; do
  # Those on PATH, and those of pyenv that are not chosen.
  for python in "python$version" "${PYENV_ROOT:-$HOME/.pyenv}/versions/$version".*/bin/python; do
    "$python" -c 'import sys' >/dev/null 2>&1 && break
  done || { echo "no Python $version on this machine"; continue; }
  target=.cache/interpreters/$version-$(cksum <"$lock" | cut -d ' ' -f 1)
  # The mark is written last: what an interrupted run left is made anew.
  if [ ! -f "$target/installed" ]; then
    rm -rf "$target"
    "$python" -m venv "$target" &&
      "$target/bin/python" -m pip install -qq --disable-pip-version-check --no-input \
        --require-hashes -r "$lock" &&
      touch "$target/installed" || exit
  fi
  tested+=" $("$target/bin/python" -c 'import platform; print(platform.python_version())')"
  "$target/bin/python" -m pytest -q -n 2 tests/unit/rtclient tests/unit/examples </dev/null ||
    failed=1
done
echo "tested on:${tested:- nothing}"
[ -n "$tested" ] && exit "$failed"
