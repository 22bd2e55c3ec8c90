#!/usr/bin/env bash
# schemathesis against a throw-away server, with all checks: once signed in as an administrator,
# once as nobody. No 5xx, and every answer fits /openapi.json.
#
#   TENON_BIN=target/debug/tenon tests/schemathesis.sh [signed_in|nobody]
#
# TENON_FUZZ_EXAMPLES   requests that are made up per operation and run (default 12)
# TENON_FUZZ_SEED       another seed than 1, to look elsewhere
# TENON_FUZZ_REPORT     a folder that keeps the servers' logs and schemathesis's reports
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
binary=$(realpath "${TENON_BIN:-$here/../target/debug/tenon}")
place="$HOME/.cache/tenon-python"
examples=${TENON_FUZZ_EXAMPLES:-12}
seed=${TENON_FUZZ_SEED:-1}
runs=("${@:-signed_in}")
[ $# -gt 0 ] || runs=(signed_in nobody)

fail() { printf 'schemathesis: %s\n' "$*" >&2; exit 1; }

[ -x "$binary" ] || fail "there is no binary at $binary; cargo build --bin tenon, or set TENON_BIN"
work=$(mktemp -d "${TMPDIR:-/tmp}/tenon-schemathesis.XXXXXX")
reports=${TENON_FUZZ_REPORT:-$work/reports}
mkdir -p "$reports"
reports=$(realpath "$reports")
servers=()
stop() {
    local pid
    for pid in "${servers[@]}"; do
        kill "$pid" 2>/dev/null || true
    done
    for pid in "${servers[@]}"; do
        timeout 30 tail --pid="$pid" --follow /dev/null 2>/dev/null || kill -9 "$pid" 2>/dev/null || true
    done
    rm -rf "$work"
}
trap stop EXIT
trap 'exit 130' INT TERM

if ! "$place/bin/schemathesis" --version >/dev/null 2>&1; then
    { python3 -m venv --clear "$place" \
        && "$place/bin/pip" install --quiet --disable-pip-version-check 'schemathesis>=4,<5'; } \
        || fail "schemathesis could not be installed; on Debian: apt-get install --yes python3-venv"
fi

# json KEY: that member of the object on standard input.
json() { "$place/bin/python" -c 'import json, sys; print(json.load(sys.stdin)[sys.argv[1]])' "$1"; }

# post URL BODY
post() { curl --silent --show-error --fail-with-body --max-time 30 --header 'content-type: application/json' --data "$2" "$1"; }

# serve RUN: starts a server of its own for that run; sets $url.
serve() {
    local data="$work/$1" tries=0
    mkdir -p "$data"
    # Nothing of the developer's own settings: an empty environment, and no .env file in the folder.
    (cd "$data" && exec env -i PATH="$PATH" HOME="$HOME" RUST_BACKTRACE=1 APP_ENV=dev DATA_DIR="$data" \
        RATE_LIMIT_PER_MINUTE=0 JWT_EXPIRE_MINUTES=1440 LOG_LEVEL=warn \
        "$binary" serve --port 0 >"$data/stdout.log" 2>"$reports/$1-server.log") &
    server=$!
    servers+=("$server")
    url=
    while [ -z "$url" ]; do
        kill -0 "$server" 2>/dev/null || fail "the server did not start: $(tail -n 1 "$reports/$1-server.log")"
        [ $((tries += 1)) -le 600 ] || fail "the server did not start within 60 s"
        sleep 0.1
        url=$(sed -n 's/.* serves \(http[^ ]*\) .*/\1/p' "$data/stdout.log")
    done
}

# fuzz RUN: schemathesis against $url.
fuzz() {
    "$place/bin/schemathesis" --no-color --config-file "$here/schemathesis/$1.toml" run "$url/openapi.json" \
        --max-examples "$examples" --seed "$seed" --report ndjson --report-ndjson-path "$reports/$1.ndjson"
}

# check RUN: 0 when schemathesis found nothing and the run was worth something.
check() {
    local run=$1 begin=$SECONDS verdict=0 person='"username":"fuzz-owner","password":"tongue-and-mortise-71"'
    printf '\n== schemathesis, %s\n' "$run"
    serve "$run"
    post "$url/api/auth/init-user" "{$person,\"email\":\"fuzz@example.com\",\"organization\":\"Fuzz\"}" >/dev/null \
        || fail "set-up failed"
    TENON_TOKEN=$(post "$url/api/auth/login" "{$person}" | json access_token) || fail "sign-in failed"
    export TENON_TOKEN
    fuzz "$run" || verdict=$?
    # A process that died of a signal has found nothing and proved nothing: once more, and then it counts.
    if [ $verdict -ge 128 ]; then
        printf '== schemathesis itself died (exit code %s); the run begins again\n' "$verdict"
        verdict=0
        fuzz "$run" || verdict=$?
    fi
    kill -0 "$server" 2>/dev/null || fail "the server died: $(tail -n 5 "$reports/$run-server.log")"
    curl --silent --fail --max-time 30 --output /dev/null --header "authorization: Bearer $TENON_TOKEN" \
        "$url/api/auth/user/info" \
        || fail "the session ended during the run, so that much of it tried nothing; see the exclusions"
    if grep -n ' panic' "$reports/$run-server.log"; then
        fail "the server panicked"
    fi
    printf '== %s: %s after %s s\n' "$run" "$([ $verdict -eq 0 ] && echo green || echo RED)" "$((SECONDS - begin))"
    return $verdict
}

status=0
for run in "${runs[@]}"; do
    [ -f "$here/schemathesis/$run.toml" ] || fail "there is no run $run; use signed_in or nobody"
    check "$run" || status=1
done
exit $status
