#!/bin/sh
# The main story, on this machine only: plan, apply, and a second plan that finds nothing to do.
# Works on a copy of specs/ so that every run starts fresh; leaves nothing running and no files.
set -eu

demo=$(mktemp -d)
sandbox=

finish() {
    code=$?
    trap - EXIT
    if [ -n "$sandbox" ]; then
        kill "$sandbox" 2>/dev/null || true
        wait "$sandbox" 2>/dev/null || true
    fi
    rm -rf "$demo"
    [ "$code" -eq 0 ] || echo "The demo failed (exit code $code)." >&2
    exit "$code"
}
trap finish EXIT
trap 'exit 130' INT TERM

run() {
    printf '\n$ reconcile %s\n' "$*"
    reconcile "$@"
}

# real credentials have no business here
for name in $(env | grep -Eo '^(DATABRICKS|CONNECT|RECONCILE)_[A-Z0-9_]*' || true); do
    unset "$name"
done
export DATABRICKS_CONFIG_FILE=/dev/null

cp -R specs "$demo/specs"
rm -rf "$demo/specs/.reconcile"
cd "$demo"

echo '$ reconcile sandbox --port 0 &'
reconcile sandbox --port 0 >environment &
sandbox=$!
tries=0
until grep -q '^export CONNECT_API_KEY=' environment; do
    kill -0 "$sandbox" 2>/dev/null || { echo 'The sandbox did not start.' >&2; exit 1; }
    tries=$((tries + 1))
    [ "$tries" -le 150 ] || { echo 'The sandbox did not answer within 30 seconds.' >&2; exit 1; }
    sleep 0.2
done
. ./environment
sed 's/=.*/=…/' environment

run plan specs/demo.yaml
run apply specs/demo.yaml --yes
run plan specs/demo.yaml --detailed-exitcode

printf '\nApplied, and the second plan is empty. No secret was shown, and none was written down.\n'
