#!/bin/sh
# Runs the black-box benchmarks: builds, prepares, measures, prints tables and writes JSON.
# Usage: bench/run.sh [all|http|invoke|sdk|startup|workers] [options of the suite]
#        bench/run.sh queue|jobs|delayed [embedded|memory|redis|rabbitmq] [options of the suite]
#        bench/run.sh bus|cluster|spread [redis|rabbitmq] [options of the suite]
# Without an adapter it is the first of those. Its server is started and stopped, unless --url says where one runs.
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

# Runs a suite over an adapter: over_adapter SUITE DEFAULT_ADAPTER [ADAPTER] [options of the suite]
over_adapter() {
  name=$1
  adapter=$2
  shift 2
  case ${1:--} in
    -*) ;;
    *)
      adapter=$1
      shift
      ;;
  esac
  case "$adapter $*" in
    redis\ *--url* | rabbitmq\ *--url*) "$bench" "$name" "$adapter" "$@" ;;
    redis\ * | rabbitmq\ *) bench/with-server.sh "$adapter" "$bench" "$name" "$adapter" "$@" ;;
    *) "$bench" "$name" "$adapter" "$@" ;;
  esac
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
    for name in bus cluster spread; do
      over_adapter "$name" redis || status=$?
    done
    for name in queue jobs delayed; do
      over_adapter "$name" embedded || status=$?
    done
    exit "$status"
    ;;
  http | invoke | sdk | workers)
    prepare
    exec "$bench" "$suite" "$@"
    ;;
  bus | cluster | spread)
    prepare
    over_adapter "$suite" redis "$@"
    ;;
  queue | jobs | delayed)
    prepare
    over_adapter "$suite" embedded "$@"
    ;;
  startup)
    exec bench/startup.sh "$@"
    ;;
  *)
    echo "Unknown suite '$suite': use all, http, invoke, sdk, startup, workers, bus, cluster, spread, queue, jobs or delayed." >&2
    exit 1
    ;;
esac
