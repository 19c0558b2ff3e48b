#!/bin/sh
# Install a client program's lock (requirements.txt or package-lock.json of the folder) into
# .cache/clients, once for each lock; print where. A Python one has bin/python, a Node one
# node_modules. What is said meanwhile goes to stderr.
set -eu
cd "$(dirname "$0")/.."

folder=$1
lock=$folder/package-lock.json
[ -f "$lock" ] || lock=$folder/requirements.txt
target=.cache/clients/$(basename "$folder")-$(cksum <"$lock" | cut -d ' ' -f 1)

install_npm() {
  if command -v npm >/dev/null; then return; fi
  if [ "$(id -u)" = 0 ] && grep -qx 'ID=debian' /etc/os-release 2>/dev/null; then
    echo "No npm on PATH; installing Debian's package ..." >&2
    { apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends npm; } >&2
  else
    echo "The npm clients need npm: install it (with Node), then run this again." >&2
    exit 1
  fi
}

# The mark is written last: what an interrupted run left is made anew.
if [ ! -f "$target/installed" ]; then
  began=$(date +%s)
  rm -rf "$target"
  mkdir -p "$target"
  case $lock in
    *.json)
      install_npm
      cp "$folder/package.json" "$lock" "$folder/.npmrc" "$target"
      (cd "$target" && npm ci --ignore-scripts --silent) >&2
      ;;
    *)
      .venv/bin/python -m venv "$target"
      "$target/bin/python" -m pip install -qq --disable-pip-version-check --no-input \
        --require-hashes -r "$lock" >&2
      ;;
  esac
  touch "$target/installed"
  echo "installed $folder in $(($(date +%s) - began)) s, not counted" >&2
fi
echo "$PWD/$target"
