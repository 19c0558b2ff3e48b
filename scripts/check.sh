#!/usr/bin/env bash
# The static checks of `./test.sh check`: all run, side by side; what fails is printed whole.
set -u
cd "$(dirname "$0")/.." || exit 1
export PATH="$PWD/.venv/bin:$PATH" ZIZMOR_OFFLINE=1 NO_COLOR=1
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT

names=()
pids=()
begin() { # begin NAME COMMAND...
  names+=("$1")
  shift
  "$@" >"$out/${#names[@]}" 2>&1 </dev/null &
  pids+=("$!")
}
# bash 3.2 of macOS has no mapfile.
scripts=()
while IFS= read -r name; do scripts+=("$name"); done < <(git ls-files --cached --others --exclude-standard '*.sh' .ci/run)

begin mypy     python -m mypy
pyright=$(scripts/client_environment.sh requirements/pyright)/node_modules/.bin/pyright
begin "pyright for Linux" "$pyright" --pythonplatform Linux
# What differs between systems are these modules; files without them are the same everywhere.
differing='ctypes|fcntl|mmap|msvcrt|multiprocessing|os|pty|select|shutil|signal|socket|subprocess|sys|termios|tty'
portable=()
while IFS= read -r name; do portable+=("$name"); done < <(
  git grep -lE "^ *(import|from) ($differing)\b|add_signal_handler" -- 'rtclient/*.py'
)
for system in Darwin Windows; do
  begin "pyright for $system" "$pyright" --pythonplatform "$system" "${portable[@]}"
done
begin format   python -m ruff format --check .
begin lint     python -m ruff check .
begin spelling python -m codespell_lib
begin shell    shellcheck "${scripts[@]}"
begin docker   hadolint Dockerfile
begin workflow zizmor --offline --no-progress .github/workflows
begin docs     python scripts/generate_docs.py --check

failed=0
for index in "${!pids[@]}"; do
  if wait "${pids[$index]}"; then
    echo "ok      ${names[$index]}"
  else
    echo "FAILED  ${names[$index]}"
    sed 's/^/        /' "$out/$((index + 1))"
    failed=$((failed + 1))
  fi
done
python -m tests.test_repo  # notes about files that grow long; no failure
echo "$((${#pids[@]} - failed)) passed, $failed failed"
[ "$failed" -eq 0 ]
