#!/bin/sh
# `node --test` on tests/web. No npm, no packages.
set -eu
cd "$(dirname "$0")/.."

node=$(scripts/node.sh 20 10)
out=$(mktemp)
trap 'rm -f "$out"' EXIT
# shellcheck disable=SC2046  # the names of our own tests hold no blanks
if "$node" --test --test-concurrency=3 --test-reporter=spec $(find tests/web -name '*.test.js' | sort) >"$out"; then
  grep -E ' (tests|pass|fail|skipped|todo|duration_ms) [0-9.]+$' "$out"
else
  cat "$out"
  exit 1
fi
