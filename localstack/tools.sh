#!/usr/bin/env bash
# Names what this machine lacks of what `make demo` and `make test` need, with what to install. Silent when all is there.
set -euo pipefail

missing=0
lacks() { echo "$1" >&2; missing=1; }
# at_least WANTED FOUND: compares dotted versions.
at_least() { [ "$(printf '%s\n%s\n' "$1" "$2" | sort -V | head -n 1)" = "$1" ]; }

if ! command -v go >/dev/null; then
    lacks "Go is missing: install Go 1.26 or newer (https://go.dev/dl)."
elif ! at_least 1.26 "$(go env GOVERSION | sed 's/^go//')"; then
    lacks "Go $(go env GOVERSION) is too old: install Go 1.26 or newer (https://go.dev/dl)."
fi

# The CDK CLI takes Node 22 or newer. On Linux npm installs one for it (infra/package.json), which Node 20's npm can.
case "$(uname -s)/$(uname -m)" in
Linux/x86_64 | Linux/aarch64) node_least=20 ;;
*) node_least=22 ;;
esac
if ! command -v node >/dev/null || ! command -v npm >/dev/null; then
    lacks "Node.js is missing: install Node 22 or newer, with npm (https://nodejs.org)."
elif ! at_least "$node_least" "$(node --version | sed 's/^v//')"; then
    lacks "Node.js $(node --version) is too old: install Node 22 or newer (https://nodejs.org)."
fi

if ! command -v python3 >/dev/null; then
    lacks "Python is missing: install Python 3.10 or newer (https://python.org)."
elif ! python3 -c 'import sys; sys.exit(sys.version_info < (3, 10))'; then
    lacks "$(python3 --version) is too old: install Python 3.10 or newer (https://python.org)."
elif ! python3 -c 'import ensurepip, venv' 2>/dev/null; then
    lacks "Python's venv module is missing: install it (on Debian and Ubuntu: apt-get install python3-venv)."
fi

# Only tests need a browser; `make test` sets NEEDS_BROWSER.
if [ -n "${NEEDS_BROWSER:-}" ] && ! command -v chromium >/dev/null; then
    lacks "Chromium is missing, in which tests open the console's pages: install it (on Debian: apt-get install chromium)."
fi

# The emulators run the functions as they are built for the local stage (infra/stages.go).
if [ "$(uname -s)/$(uname -m)" != Linux/x86_64 ] && [ "${EMULATOR:-ministack}" = ministack ] && [ -z "${AWS_ENDPOINT_URL:-}" ]; then
    lacks "MiniStack runs the functions as processes of this machine, and they are built for Linux on x86-64: use such a machine, or EMULATOR=localstack with Docker."
fi

exit "$missing"
