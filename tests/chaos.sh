#!/usr/bin/env bash
# Kills engines, workers and brokers at random while jobs are enqueued and handled, and has a checker judge the history.
# Usage: tests/chaos.sh [ADAPTER] [JOBS] [KILLS] [SEED], where ADAPTER is all, embedded, redis or rabbitmq.
# What is said of shared queues, of delayed jobs and of dead letters at length: III_CHAOS_JOBS=50000 ./test.sh SharedQueueTests, 100000 with
# DelayedJobTests, and 10000, which is what one redrive moves at most, with RedriveTests.
# Defaults: all, 100000 jobs, 20 kills, any seed; a seed that is printed can be given again. Build first (./test.sh does).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

adapter="${1:-all}"
export III_CHAOS_JOBS="${2:-100000}" III_CHAOS_KILLS="${3:-20}"
[[ -z "${4:-}" ]] || export III_SEED="$4"
exec tests/Iii.EndToEnd.Tests/bin/Release/net10.0/Iii.EndToEnd.Tests -noColor -noLogo -showLiveOutput \
  -method "Iii.EndToEnd.Tests.Chaos.NoLossTests.Accepted_jobs_of_${adapter/#all/*}_survive_kills"
