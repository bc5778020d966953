#!/bin/sh
# Publishes the engine ahead of time, counts the trim and AOT warnings, and measures start-up and idle memory.
# Usage: bench/startup.sh [--runs N]
# Exit code: 0 when warnings and bars hold, 1 on a warning or failed build, 2 on a missed bar.
set -eu
cd "$(dirname "$0")/.."

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT INT TERM

# A copy, because a publish for one platform rewrites lock files and the intermediate output of the tree.
mkdir "$work/source"
tar -c --exclude=bin --exclude=obj src Directory.*.props global.json .editorconfig | tar -x -C "$work/source"

echo "publishing ahead of time ..."
if ! (cd "$work/source" && dotnet publish src/Iii.Cli -c Release -r linux-x64 -p:PublishAot=true \
    -p:TreatWarningsAsErrors=false --disable-build-servers -o "$work/out") >"$work/publish.log" 2>&1; then
  tail -n 40 "$work/publish.log"
  exit 1
fi

warnings=$(grep -oE '[^ ]*: .*warning IL[0-9]+:.*' "$work/publish.log" | sort -u || true)
count=$(printf '%s' "$warnings" | grep -c . || true)
echo "IL warnings: $count"
[ -z "$warnings" ] || printf '%s\n' "$warnings"
echo "binary: $(du -h "$work/out/iii" | cut -f1)"

dotnet build bench/Iii.Bench -c Release --nologo -v quiet --disable-build-servers >"$work/build.log" 2>&1 || { cat "$work/build.log"; exit 1; }
status=0
bench/Iii.Bench/bin/Release/net10.0/Iii.Bench startup "$work/out/iii" "$@" || status=$?
[ "$count" -eq 0 ] || exit 1
exit "$status"
