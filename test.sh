#!/usr/bin/env bash
# Set up what the checks need (as ./start.sh does), then run them.
#   ./test.sh                 every default layer         ./test.sh unit web    only these
#   SKIP=browser ./test.sh    all but these; what is left out is printed
# All layers run even when one fails; the exit code is that of the first failure.
set -u
cd "$(dirname "$0")" || exit 1
export PYTHONDONTWRITEBYTECODE=  # the tests start many processes; compiled code is read again

default="check unit contract integration web browser clients packaging image"
by_name="interpreters third_party soak fuzz live bench"
layers=${*:-$default}
for layer in $layers ${SKIP:+${SKIP//,/ }}; do
  case " $default $by_name " in
    *" $layer "*) ;;
    *) echo "test.sh: no layer '$layer'. By default: $default. By name only: $by_name." >&2; exit 2 ;;
  esac
done

scripts/venv.sh requirements.txt requirements/test.txt || exit
python=.venv/bin/python
run_pytest() { $python -m pytest -q -rs "$@" </dev/null; }
run_clients() {
  for lock in "$1"/*/requirements.txt "$1"/*/package-lock.json; do
    scripts/client_environment.sh "${lock%/*}" >/dev/null || return
  done
  began=$SECONDS  # what is installed once does not count
  run_pytest "$1" --cells "$1/cells.toml"
}

run_layer() {
  case $1 in
    check)       scripts/check.sh ;;
    unit)        run_pytest tests/unit tests/test_repo.py -n 2 ;;
    contract)    run_pytest tests/contract -n 2 --dist loadfile ;;
    integration) run_pytest tests/integration -m "not image" -n 4 ;;
    web)         scripts/web_tests.sh ;;
    browser)     chromium=$(scripts/chromium.sh) && CHROMIUM=$chromium run_pytest tests/browser -n 2 --timeout 60 ;;
    clients|third_party) run_clients "tests/$1" ;;
    packaging)   run_pytest tests/packaging -n 2 --dist loadfile ;;
    interpreters) scripts/interpreters.sh ;;
    image)       run_pytest tests/integration/test_dockerfile.py -m image --timeout 240 ;;
    soak)        run_pytest tests/soak --timeout 3600 ;;
    fuzz)        run_pytest tests/unit -m hypothesis --hypothesis-profile fuzz --timeout 1800 ;;
    live)        run_pytest tests/live --timeout 120 ;;
    bench)       for bench in latency talkers microphones vad relay bridge sequencer barge_in recognition; do $python -m "bench.$bench" --quick || return; done ;;
  esac
}
first_failure=0 summary=
for layer in $layers; do
  if [[ ",${SKIP:-}," == *",$layer,"* ]]; then summary+=" $layer:LEFT-OUT"; continue; fi
  printf '\n=== %s\n' "$layer"
  began=$SECONDS
  run_layer "$layer"
  code=$? verdict=ok
  if [ "$code" -ne 0 ]; then verdict="FAILED($code)"; [ "$first_failure" -ne 0 ] || first_failure=$code; fi
  summary+=" $layer:$verdict:$((SECONDS - began))s"
done
printf '\n=== layers:%s\n' "$summary"
exit "$first_failure"
