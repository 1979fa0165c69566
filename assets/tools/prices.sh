#!/bin/bash
# Rebuilds the broad base of the price table from @pydantic/genai-prices (npm, MIT), which is
# fetched into a temporary folder. Rows that are kept by hand stay and win; what changed is
# printed. GENAI_PRICES names a version, else it is the newest.
set -eu
cd "$(dirname "$0")/../.."
for tool in npm node; do
  command -v "$tool" >/dev/null || { echo "error: $tool is needed to rebuild the prices" >&2; exit 1; }
done
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
package=@pydantic/genai-prices
version=$(npm view "$package@${GENAI_PRICES:-latest}" version)
day=$(npm view "$package@$version" time --json | V="$version" node -e '
  const times = JSON.parse(require("fs").readFileSync(0, "utf8"))
  process.stdout.write(times[process.env.V].slice(0, 10))')
npm install --silent --no-audit --no-fund --ignore-scripts --prefix "$work" "$package@$version"
node assets/tools/prices.mjs "$work/node_modules/$package" "$version" "$day" assets/prices/prices.json
cp "$work/node_modules/$package/LICENSE" assets/prices/LICENSE-genai-prices.txt
go test -count=1 -tags "$TEST_TAGS" ./internal/price
