#!/bin/bash
# Compares Tokenmeter with ccusage (npm), agent by agent and model by model. ccusage is
# fetched into a temporary folder, for this comparison only.
#
#   compare-ccusage.sh [HOME]   without a home: 30 simulated days, and then every case of the
#                               readers' test data; where the two differ there, the case's own
#                               words say which rule is behind it
set -eu
cd "$(dirname "$0")/../.."
for tool in npm node build/tokenmeter; do
  command -v "$tool" >/dev/null || { echo "skipped: $tool is not here"; exit 0; }
done
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# The newest version whose program for this system is served, too.
npm install --silent --no-audit --no-fund --prefix "$work/npm" "ccusage@${CCUSAGE:-20.0.24}" >"$work/npm.log" 2>&1 &&
  "$work/npm/node_modules/.bin/ccusage" --version ||
  { echo "skipped: ccusage cannot be fetched"; tail -3 "$work/npm.log"; exit 0; }

compare() { node assets/tools/compare-ccusage.mjs "$work/npm/node_modules/.bin/ccusage" "$work" "$@"; }
if [ $# -gt 0 ]; then
  compare "$1"
  exit
fi
build/tokenmeter demo --terminal --days 30 --home "$work/home" >"$work/demo" 2>&1 || { cat "$work/demo"; exit 1; }
compare "$work/home"
compare internal/agent/*/testdata/*.txtar
