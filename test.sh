#!/usr/bin/env bash
# Builds everything and runs every test: ./test.sh [NAME_FILTER]
#
# NAME_FILTER is part of a test's full name (Namespace.Class.Method); without it, all tests run. Results and logs are in
# artifacts/. The last line is "N passed, N failed"; the exit code is 0 only if something passed and nothing failed.
# Needs: Debian (or alike), the .NET 10 SDK, Node 20 with npm. Whatever else is missing is installed, if run as root.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

filter="${1:-}"
artifacts="$PWD/artifacts"
results="$artifacts/test-results"
project_limit=600 # seconds that the tests of one project may take

# What tests need from Debian, as "command package" lines.
debian_packages=('redis-server redis-server' 'rabbitmq-server rabbitmq-server' 'caddy caddy')

# Projects that measure times or need default ports: each runs with the machine to itself, after the others.
alone=(Iii.EndToEnd.Tests)

export DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1

# Every job is a process group of its own, so that it is stopped together with all that it started.
set -m
running=()

start() {
  "$@" </dev/null &
  running+=($!)
}

finish() {
  local code=0
  wait "$1" || code=$?
  kill -KILL -- "-$1" 2>/dev/null || true # what the job has left behind
  return "$code"
}

stop_all() {
  local job
  for job in "${running[@]}"; do
    kill -KILL -- "-$job" 2>/dev/null || true
  done
}
trap stop_all EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

give_up() {
  printf '%s\n0 passed, 1 failed\n' "$1"
  exit 1
}

require() {
  command -v "$1" >/dev/null || give_up "$1 is missing: install $2."
}

# Runs a step with its output in a log, and says how long it took.
step() {
  local name="$1" log="$artifacts/$1.log" began=$SECONDS code=0
  shift
  start "$@" >"$log" 2>&1
  finish "${running[-1]}" || code=$?
  printf '%-28s %4d s\n' "$name" $((SECONDS - began))
  if [[ $code -ne 0 ]]; then
    # The build says each of its errors twice.
    grep -E '[Ee]rror( [A-Z]+[0-9]+)?:|npm error' "$log" | sort -u | sed -n '1,40p' || true
    give_up "$name failed; all of its output is in ${log#"$PWD"/}"
  fi
}

install_system_packages() {
  local missing=() line
  for line in "${debian_packages[@]}"; do
    command -v "${line%% *}" >/dev/null || missing+=("${line##* }")
  done
  [[ ${#missing[@]} -gt 0 ]] || return 0
  if [[ $(id -u) -ne 0 ]]; then
    echo "error: missing packages, which only root can install: apt-get install ${missing[*]}"
    return 1
  fi
  apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends "${missing[@]}"
}

# npm ci starts from nothing each time, so it runs only when the lock file is another one than last time.
install_npm_packages() {
  local lock folder
  while IFS= read -r lock; do
    folder="$(dirname "$lock")"
    if ! cmp --silent "$lock" "$folder/node_modules/.installed-lock"; then
      npm --prefix "$folder" ci || return
      cp "$lock" "$folder/node_modules/.installed-lock"
    fi
  done < <(find tests -name package-lock.json -not -path '*/node_modules/*')
}

# Packages come as the lock files say, or not at all: run `dotnet restore` after changing them. The compiler's server
# is one of this run's own, so that it goes when the run ends and is nobody else's.
build() {
  dotnet restore Iii.sln --locked-mode &&
    dotnet build Iii.sln --configuration Release --no-restore -nodeReuse:false "-p:SharedCompilationId=iii-tests-$$"
}

# Runs the tests of one project; leaves NAME.ctrf.json and NAME.exit in the folder of the results.
run_tests() {
  local name="$1" began=$SECONDS code=0 arguments=()
  [[ -z $filter ]] || arguments=(-method "*$filter*")
  TMPDIR="$artifacts/tmp" timeout --foreground --kill-after=10 "$project_limit" "tests/$name/bin/Release/net10.0/$name" \
    -noColor -noLogo -result-ctrf "$results/$name.ctrf.json" "${arguments[@]}" >"$results/$name.log" 2>&1 || code=$?
  echo "$code" >"$results/$name.exit"
  printf '%-28s %4d s\n' "$name" $((SECONDS - began))
}

require dotnet 'the .NET 10 SDK'
require node 'Node 20'
require npm 'npm'
rm -rf "$artifacts"
mkdir -p "$results" "$artifacts/tmp"
step system-packages install_system_packages
step npm-packages install_npm_packages
step build build

together=()
for file in tests/*/*.Tests.csproj; do
  name="$(basename "$file" .csproj)"
  [[ " ${alone[*]} " == *" $name "* ]] || together+=("$name")
done

waiting=()
for name in "${together[@]}"; do
  start run_tests "$name"
  waiting+=("${running[-1]}")
  if [[ ${#waiting[@]} -ge $(nproc) ]]; then
    finish "${waiting[0]}" || true
    waiting=("${waiting[@]:1}")
  fi
done
for job in "${waiting[@]}"; do
  finish "$job" || true
done
for name in "${alone[@]}"; do
  start run_tests "$name"
  finish "${running[-1]}" || true
done

node tests/summary.mjs "$results" "$filter" "${together[@]}" "${alone[@]}"
