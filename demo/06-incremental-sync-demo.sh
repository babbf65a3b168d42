#!/usr/bin/env bash
# The demo as a script a person can read: the same story as `npm run demo`, told with the icebridge command.
# Run `npm run setup && npm run build` once before.
set -euo pipefail
cd "$(dirname "$0")/.."
export PATH="$PWD/node_modules/.bin:$PATH"

server='Server=tcp:127.0.0.1,11433;User Id=sa;Password=Sandbox-Only-1;Encrypt=false'
export SOURCE="$server;Database=SourceDb" TARGET="$server;Database=TargetDb"
LAKE="$(mktemp -d)"
export LAKE
icebridge() { node apps/sync-cli/bin/icebridge.js "$@"; }

echo '1. A source with 1,000 orders, their customers and lines'
node demo/src/sandbox.ts >"$LAKE/sandbox.log" &
sandbox=$!
trap 'kill "$sandbox" 2>/dev/null; wait "$sandbox" 2>/dev/null; rm -rf "$LAKE"' EXIT
until grep -q listens "$LAKE/sandbox.log"; do
  kill -0 "$sandbox" 2>/dev/null || { echo 'the sandbox did not start'; exit 1; }
  sleep 0.1
done

echo '2. First sync: everything goes to the lake and on to the target'
icebridge run -c demo/sync.yaml
first=$(icebridge inspect -c demo/sync.yaml --json sales.Orders | node demo/src/first-snapshot.ts)

echo '3. The source changes: 100 new orders, 50 changed ones'
node demo/src/change.ts "$SOURCE"

echo '4. Second sync: only what changed'
icebridge run -c demo/sync.yaml

echo '5. Third sync: nothing changed'
icebridge run -c demo/sync.yaml
icebridge status -c demo/sync.yaml

echo '6. Source and target, compared value by value'
icebridge verify -c demo/sync.yaml

echo '7. Back in time: the journal as of the first snapshot'
journal=shop_sales.Orders__changes
before=$(icebridge scan --catalog "$LAKE/catalog.db" "$journal" --columns _sync_seq --snapshot-id "$first" | wc -l)
now=$(icebridge scan --catalog "$LAKE/catalog.db" "$journal" --columns _sync_seq | wc -l)
echo "   snapshot $first: $before rows; now: $now rows"
[ "$before" -eq 1000 ]
icebridge verify -c demo/sync.yaml --json sales.Orders | node demo/src/last-line.ts "$now"
