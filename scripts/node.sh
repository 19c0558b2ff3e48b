#!/bin/sh
# Print a node of at least this version (MAJOR MINOR): the one on PATH, else the one inside the
# Playwright package of .venv.
set -eu
cd "$(dirname "$0")/.."

is_new_enough='const [major, minor] = process.versions.node.split(".").map(Number);
const [, least, then] = process.argv.map(Number);
process.exit(major > least || (major === least && minor >= then) ? 0 : 1)'
inside='import pathlib, playwright; print(pathlib.Path(playwright.__file__).parent / "driver" / "node")'
for node in "$(command -v node || true)" "$(.venv/bin/python -c "$inside")"; do
  if [ -n "$node" ] && "$node" -e "$is_new_enough" "$1" "$2"; then echo "$node"; exit 0; fi
done
echo "Node $1.$2 or newer is needed: install it, or make .venv anew (./test.sh check)." >&2
exit 1
