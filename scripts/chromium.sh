#!/bin/sh
# Print the Chromium for the browser tests: one on PATH, else Debian's package when we may install
# it, else Playwright's own, downloaded. What is installed is said on stderr.
set -eu
cd "$(dirname "$0")/.."

on_path() {
  for name in chromium chromium-browser google-chrome-stable google-chrome; do
    if command -v "$name" && "$name" --version >/dev/null 2>&1; then exit 0; fi
  done
}

if [ -n "${CHROMIUM:-}" ]; then echo "$CHROMIUM"; exit 0; fi
on_path
# Ubuntu's package of this name only installs a snap, which does not start in containers.
if [ "$(id -u)" = 0 ] && grep -qx 'ID=debian' /etc/os-release 2>/dev/null; then
  echo "No Chromium on PATH; installing Debian's package ..." >&2
  if { apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends chromium; } >&2; then
    on_path
  fi
fi
echo "No Chromium on PATH; Playwright brings its own (kept in its cache) ..." >&2
where='from playwright.sync_api import sync_playwright as start
with start() as playwright: print(playwright.chromium.executable_path)'
if ! .venv/bin/python -m playwright install chromium >&2 || ! .venv/bin/python -c "$where"; then
  echo "The browser layer needs Chromium: install chromium or google-chrome, or set CHROMIUM=/path/to/it." >&2
  exit 1
fi
