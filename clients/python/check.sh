#!/usr/bin/env bash
# mypy and pytest over this package. With TENON_URL set (and TENON_API_KEY, or TENON_USERNAME and TENON_PASSWORD,
# unless that server is still to be set up) the tests against a real server run too; without it they are skipped.
# PYTHON is the interpreter; without it, one in an environment below the home folder, made when it is missing.
set -euo pipefail
cd "$(dirname "$0")"
export PYTHONDONTWRITEBYTECODE=1
logs="${TMPDIR:-/tmp}/tenon-ci"
mkdir -p "$logs"

if [ -z "${PYTHON:-}" ]; then
    place="$HOME/.cache/tenon-python"
    PYTHON="$place/bin/python"
    [ -x "$PYTHON" ] || python3 -m venv "$place"
fi
if ! "$PYTHON" -c 'import httpx, mypy, pytest' >/dev/null 2>&1; then
    "$PYTHON" -m pip install --quiet --disable-pip-version-check --requirement requirements-check.txt \
        >"$logs/python-client.log" 2>&1 \
        || { echo "clients/python: httpx, mypy and pytest could not be installed; see python-client.log" >&2; exit 1; }
fi
"$PYTHON" -m mypy --strict --cache-dir "$logs/mypy"
# Tracebacks name files of this machine; what is printed does not.
"$PYTHON" -m pytest --quiet --no-header -p no:cacheprovider -rs "$@" 2>&1 | sed "s|$PWD/||g; s|$HOME|~|g"
