#!/bin/sh
# Install what a folder's package-lock.json says into .cache, once for each lock; print where.
# npm is the one on PATH, else Debian's package when we may install it.
set -eu
cd "$(dirname "$0")/.."

target=.cache/npm-$(cksum <"$1/package-lock.json" | cut -d ' ' -f 1)
if [ ! -d "$target/node_modules" ]; then
  if ! command -v npm >/dev/null && [ "$(id -u)" = 0 ] && grep -qx 'ID=debian' /etc/os-release 2>/dev/null; then
    echo "No npm on PATH; installing Debian's package ..." >&2
    { apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends npm; } >&2
  fi
  if ! command -v npm >/dev/null; then
    echo "The npm clients need npm: install it (with Node), then run this again." >&2
    exit 1
  fi
  mkdir -p .cache
  making=$(mktemp -d .cache/npm-XXXXXX)
  trap 'rm -rf "$making"' EXIT
  cp "$1/package.json" "$1/package-lock.json" "$1/.npmrc" "$making"
  (cd "$making" && npm ci --ignore-scripts) >&2
  mv "$making" "$target"
fi
echo "$PWD/$target"
