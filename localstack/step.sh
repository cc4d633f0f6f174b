#!/usr/bin/env bash
# step.sh LOG MINUTES "What is done" COMMAND…
# Says what is done, runs the command with its output in LOG, and tells every ten seconds that it still runs. A
# failure, or more than MINUTES, ends in one sentence with the path of the log. Speaks on the error stream only.
set -euo pipefail
exec >&2

log=$1 minutes=$2 what=$3
shift 3
mkdir -p "$(dirname "$log")"
echo "$what …"
began=$SECONDS

"$@" >"$log" 2>&1 </dev/null &
command=$!
trap 'kill "$command" 2>/dev/null || true' INT TERM
told=0
while kill -0 "$command" 2>/dev/null; do
    sleep 0.1
    took=$((SECONDS - began))
    if ((took >= minutes * 60)); then
        kill "$command" 2>/dev/null || true
        echo "$what: not done after $minutes minutes; see $log"
        exit 1
    fi
    if ((took >= told + 10)); then
        told=$took
        echo "  … still at it after $took s: $what"
    fi
done
if ! wait "$command"; then
    echo "$what: failed; see $log"
    exit 1
fi
