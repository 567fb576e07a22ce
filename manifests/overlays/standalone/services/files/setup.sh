#!/usr/bin/env bash
# The buckets, and a user for each that reaches nothing else. Keys go in by the standard input, so that no list of
# processes shows them.
set -euo pipefail
folder="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"

quietly() { # runs a command that may have been obeyed before
    local said
    if ! said="$("$@" 2>&1)" && [[ "$said" != *"already"* ]]; then
        echo "$said" >&2
        return 1
    fi
}

printf '%s\n%s\n' "$ROOT_USER" "$ROOT_PASSWORD" | mc alias set store "$ENDPOINT" >/dev/null

bucket() { # name, user, password
    mc mb --ignore-existing "store/$1"
    mc admin policy create store "$1" "$folder/$1-policy.json" >/dev/null
    printf '%s\n%s\n' "$2" "$3" | mc admin user add store >/dev/null
    quietly mc admin policy attach store "$1" --user "$2"
    echo "Bucket $1 and its user are there."
}

bucket nasflow "$NASFLOW_USER" "$NASFLOW_PASSWORD"
bucket mlflow "$MLFLOW_USER" "$MLFLOW_PASSWORD"
