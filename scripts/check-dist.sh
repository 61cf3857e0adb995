#!/bin/sh
# Installs what `make dist` built, and this repository as git has it, each into an environment of its own; with
# nothing else there: a first spec, a plan, an apply, and the outputs.
set -eu

root=$(cd "$(dirname "$0")/.." && pwd)
PYTHON=${PYTHON:-python3}
case $PYTHON in
    /*) ;;
    */*) PYTHON=$root/$PYTHON ;;
esac
place=$(mktemp -d)
sandbox=

finish() {
    code=$?
    trap - EXIT
    if [ -n "$sandbox" ]; then
        kill "$sandbox" 2>/dev/null || true
        wait "$sandbox" 2>/dev/null || true
    fi
    rm -rf "$place"
    exit "$code"
}
trap finish EXIT
trap 'exit 130' INT TERM

for name in $(env | grep -Eo '^(DATABRICKS|CONNECT|RECONCILE)_[A-Z0-9_]*' || true); do
    unset "$name"
done
export DATABRICKS_CONFIG_FILE=/dev/null

first_steps() { # first_steps NAME WHAT-TO-INSTALL
    echo "== from $1"
    mkdir "$place/$1"
    cd "$place/$1"
    "$PYTHON" -m venv venv
    venv/bin/pip install --quiet --disable-pip-version-check "$2"
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
    kill "$sandbox"
    wait "$sandbox" 2>/dev/null || true
    sandbox=
}

first_steps wheel "$(ls "$root"/dist/*.whl)"
first_steps git "git+file://$root"
