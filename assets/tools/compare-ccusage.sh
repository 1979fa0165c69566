#!/bin/bash
# Compares Tokenmeter with ccusage (npm) on one home, model by model. ccusage is fetched into
# a temporary folder, for this comparison only.
#
#   compare-ccusage.sh [HOME]     without a home, 30 days are simulated
#
# Where the two differ there is a rule behind it; the known ones are named at the end.
set -eu
cd "$(dirname "$0")/../.."
for tool in npm node build/tokenmeter; do
  command -v "$tool" >/dev/null || { echo "skipped: $tool is not here"; exit 0; }
done

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
home=${1:-}
if [ -z "$home" ]; then
  home=$work/home
  build/tokenmeter demo --terminal --days 30 --home "$home" >"$work/demo" 2>&1 || { cat "$work/demo"; exit 1; }
fi
npm install --silent --no-audit --no-fund --prefix "$work/npm" ccusage@"${CCUSAGE:-20.0.24}" >"$work/npm.log" 2>&1 ||
  { echo "skipped: ccusage cannot be fetched"; tail -3 "$work/npm.log"; exit 0; }

isolated() { env -i PATH="$PATH" HOME="$home" TZ=UTC "$@"; }
isolated build/tokenmeter --data-dir "$work/data" history --by agent,model --timezone UTC --json >"$work/ours.json"
isolated "$work/npm/node_modules/.bin/ccusage" daily --json --offline --by-agent >"$work/theirs.json"
node assets/tools/compare-ccusage.mjs "$work/ours.json" "$work/theirs.json"
