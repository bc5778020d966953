#!/bin/sh
# Runs the black-box benchmarks: builds, prepares, measures, prints tables and writes JSON.
# Usage: bench/run.sh [all|http|invoke|sdk|startup|workers] [options of the suite]
set -eu
cd "$(dirname "$0")/.."
suite=${1:-all}
[ $# -eq 0 ] || shift
bench=bench/Iii.Bench/bin/Release/net10.0/Iii.Bench

prepare() {
  if ! command -v wrk >/dev/null; then
    if [ "$(id -u)" -ne 0 ]; then
      echo "wrk is missing: install it (Debian: apt-get install wrk), or run as root once." >&2
      exit 1
    fi
    apt-get update -qq
    apt-get install -y -qq --no-install-recommends wrk >/dev/null
  fi
  [ -d bench/node/node_modules/iii-sdk ] || (cd bench/node && npm ci --ignore-scripts --no-audit --no-fund)
  # Build servers that linger would compete for the cores.
  dotnet build src/Iii.Cli -c Release --nologo -v quiet --disable-build-servers
  dotnet build bench/Iii.Bench -c Release --nologo -v quiet --disable-build-servers
}

case $suite in
  all)
    prepare
    status=0
    "$bench" invoke "$@" || status=$?
    "$bench" sdk "$@" || status=$?
    "$bench" http "$@" || status=$?
    bench/startup.sh || status=$?
    "$bench" workers || status=$?
    exit "$status"
    ;;
  http | invoke | sdk | workers)
    prepare
    exec "$bench" "$suite" "$@"
    ;;
  startup)
    exec bench/startup.sh "$@"
    ;;
  *)
    echo "Unknown suite '$suite': use all, http, invoke, sdk, startup or workers." >&2
    exit 1
    ;;
esac
