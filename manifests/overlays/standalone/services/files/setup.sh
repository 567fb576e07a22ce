#!/usr/bin/env bash
# The buckets, and a user for each that reaches nothing else. Keys go in by the standard input, so that no list of
# processes shows them; what `mc` says when it refuses one may quote it, so that is not passed on.
set -euo pipefail
folder="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"

give_up() {
    echo "$1" >&2
    exit 1
}

bucket() { # name, user, password, where the two come from
    mc mb --quiet --ignore-existing "store/$1" >/dev/null
    mc admin policy create store "$1" "$folder/$1-policy.json" >/dev/null
    printf '%s\n%s\n' "$2" "$3" | mc admin user add store >/dev/null 2>&1 ||
        give_up "MinIO takes no such user: $4 needs an accesskey of 3 to 20 characters and a secretkey of 8 to 40."
    # Attaching what is attached already is refused, and is how it should be.
    mc admin policy attach store "$1" --user "$2" >/dev/null 2>&1 ||
        mc admin user info store "$2" | grep -Eq "^PolicyName: +$1\$" ||
        give_up "The policy $1 could not be given to the user of $4."
    echo "Bucket $1 and its user are there."
}

printf '%s\n%s\n' "$ROOT_USER" "$ROOT_PASSWORD" | mc alias set store "$ENDPOINT" >/dev/null 2>&1 ||
    give_up "MinIO does not answer at $ENDPOINT, or it does not know the administrator of nasflow-minio-root."
bucket nasflow "$NASFLOW_USER" "$NASFLOW_PASSWORD" nasflow-s3
bucket mlflow "$MLFLOW_USER" "$MLFLOW_PASSWORD" nasflow-mlflow-server
