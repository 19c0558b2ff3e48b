#!/bin/sh
# `node --test` on tests/web: node from PATH when it is new enough (20.10), else the one inside the
# Playwright package. No npm, no packages.
set -eu
cd "$(dirname "$0")/.."

node=$(command -v node || true)
if [ -z "$node" ] || ! "$node" -e 'const [major, minor] = process.versions.node.split("."); process.exit(+(major * 100 + +minor < 2010))'; then
  node=$(.venv/bin/python -c 'import pathlib, playwright; print(pathlib.Path(playwright.__file__).parent / "driver" / "node")')
fi
out=$(mktemp)
trap 'rm -f "$out"' EXIT
# shellcheck disable=SC2046  # the names of our own tests hold no blanks
if "$node" --test --test-concurrency=3 --test-reporter=spec $(find tests/web -name '*.test.js' | sort) >"$out"; then
  grep -E ' (tests|pass|fail|skipped|todo|duration_ms) [0-9.]+$' "$out"
else
  cat "$out"
  exit 1
fi
