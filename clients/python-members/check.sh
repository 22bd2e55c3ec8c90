#!/usr/bin/env bash
# mypy and pytest over this package. Arguments go to pytest.
# PYTHON is the interpreter; without it, one in an environment below the home folder, made when it is missing.
set -euo pipefail
cd "$(dirname "$0")"
export PYTHONDONTWRITEBYTECODE=1
logs="${TMPDIR:-/tmp}/tenon-ci"
mkdir -p "$logs"

if [ -z "${PYTHON:-}" ]; then
    place="$HOME/.cache/tenon-python-members"
    PYTHON="$place/bin/python"
    [ -x "$PYTHON" ] || python3 -m venv "$place"
fi
if ! "$PYTHON" -c 'import fastapi, httpx, mypy, pytest, uvicorn' >/dev/null 2>&1; then
    "$PYTHON" -m pip install --quiet --disable-pip-version-check --requirement requirements-check.txt \
        >"$logs/python-members.log" 2>&1 \
        || { echo "clients/python-members: what requirements-check.txt lists could not be installed; see python-members.log" >&2; exit 1; }
fi
"$PYTHON" -m mypy --strict --cache-dir "$logs/mypy-members"
# Tracebacks name files of this machine; what is printed does not.
"$PYTHON" -m pytest --quiet --no-header -p no:cacheprovider -rs "$@" 2>&1 | sed "s|$PWD/||g; s|$HOME|~|g"
