#!/usr/bin/env bash
# Run once by the image, on an empty volume: a role for MLflow that owns two databases and is no administrator.
set -euo pipefail
psql --username "${POSTGRES_USER:-postgres}" --dbname postgres --no-password --quiet -v ON_ERROR_STOP=1 \
    -v password="$(cat "$MLFLOW_PASSWORD_FILE")" <<'SQL'
CREATE ROLE mlflow LOGIN PASSWORD :'password';
CREATE DATABASE mlflow OWNER mlflow;
CREATE DATABASE mlflow_auth OWNER mlflow;
SQL
