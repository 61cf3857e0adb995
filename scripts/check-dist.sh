#!/bin/sh
# Installs what `make dist` built, and this repository as git has it, side by side, each into an environment of its
# own; with nothing else there: a first spec, a plan, an apply, and the outputs.
set -eu

root=$(cd "$(dirname "$0")/.." && pwd)
PYTHON=${PYTHON:-python3}
case $PYTHON in
    /*) ;;
    */*) PYTHON=$root/$PYTHON ;;
esac
place=$(mktemp -d)
wheel=
git=

finish() {
    code=$?
    trap - EXIT
    for job in $wheel $git; do
        kill "$job" 2>/dev/null || true
        wait "$job" 2>/dev/null || true
    done
    rm -rf "$place"
    exit "$code"
}
trap finish EXIT
trap 'exit 130' INT TERM

for name in $(env | grep -Eo '^(DATABRICKS|CONNECT|RECONCILE)_[A-Z0-9_]*' || true); do
    unset "$name"
done
export DATABRICKS_CONFIG_FILE=/dev/null

first_steps() ( # first_steps NAME WHAT-TO-INSTALL
    sandbox=
    trap '[ -z "$sandbox" ] || kill "$sandbox"' EXIT
    trap 'exit 130' INT TERM
    echo "== from $1"
    mkdir "$place/$1"
    cd "$place/$1"
    "$PYTHON" -m venv venv
    venv/bin/pip install --quiet --disable-pip-version-check --no-compile "$2"
    reconcile=$PWD/venv/bin/reconcile
    "$reconcile" version
    "$reconcile" init --sandbox --pipeline github
    "$reconcile" sandbox --port 0 >environment &
    sandbox=$!
    tries=0
    until grep -q CONNECT_API_KEY environment; do
        tries=$((tries + 1))
        [ "$tries" -lt 150 ] || exit 1
        sleep 0.2
    done
    # shellcheck disable=SC1091 # the sandbox has just written it
    . ./environment
    "$reconcile" plan
    "$reconcile" apply --yes
    "$reconcile" outputs --format env | grep -q LOGIN_URL
    "$reconcile" plan --format html >page.html
    grep -q '<style' page.html
    "$reconcile" explain redirect-missing >/dev/null
)

first_steps wheel "$(ls "$root"/dist/*.whl)" >"$place/wheel.log" 2>&1 &
wheel=$!
first_steps git "git+file://$root" >"$place/git.log" 2>&1 &
git=$!
code=0
for job in wheel:"$wheel" git:"$git"; do
    wait "${job#*:}" || code=$?
    cat "$place/${job%%:*}.log"
done
exit "$code"
