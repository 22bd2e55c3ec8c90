#!/usr/bin/env bash
# The clients, of the id service and of the authority on members: types and tests of those in Python, and tests of
# those and of the one in Rust against a throw-away server. A service that lives on what it remembers while Tenon is
# away is part of it; its outage lasts TENON_FAULT_SECONDS (12).
#
#   TENON_BIN=target/debug/tenon tests/python_client.sh
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
binary=$(realpath "${TENON_BIN:-$here/../target/debug/tenon}")
[ -x "$binary" ] || { echo "python_client: there is no binary at $binary; cargo build --bin tenon, or set TENON_BIN" >&2; exit 1; }
secret="a secret of this run, $RANDOM$RANDOM$RANDOM$RANDOM"
work=$(mktemp -d "${TMPDIR:-/tmp}/tenon-python-client.XXXXXX")
(cd "$work" && exec env -i PATH="$PATH" HOME="$HOME" APP_ENV=dev DATA_DIR="$work" RATE_LIMIT_PER_MINUTE=0 LOG_LEVEL=warn \
    INTERNAL_SHARED_SECRET="$secret" \
    "$binary" serve --port 0 >"$work/stdout.log" 2>"$work/stderr.log") &
server=$!
trap 'kill $server 2>/dev/null || true; wait $server 2>/dev/null || true; rm -rf "$work"' EXIT
url=""
for _ in $(seq 150); do
    url=$(sed -n 's|.* serves \(http://[^ ]*\).*|\1|p' "$work/stdout.log" | head -1)
    [ -n "$url" ] && curl --silent --fail --max-time 2 "$url/readyz" >/dev/null && break
    sleep 0.2
done
[ -n "$url" ] || { cat "$work/stderr.log" >&2; exit 1; }
TENON_URL="$url" bash "$here/../clients/python/check.sh"
TENON_URL="$url" TENON_INTERNAL_SECRET="$secret" TENON_BIN="$binary" bash "$here/../clients/python-members/check.sh"
(cd "$here/.." && TENON_URL="$url" TENON_INTERNAL_SECRET="$secret" \
    cargo test --quiet --package tenon-id --test members -- real_server)
