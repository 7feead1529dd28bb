#!/usr/bin/env bash
# Makes the Secrets that operators/ and the chart's examples/operators.yaml refer to, with random passwords, once:
# a Secret that is there already is left as it is. Usage: make-secrets.sh [namespace]
set -euo pipefail
namespace=${1:-assay}

random() { openssl rand -hex 24; }

absent() { ! kubectl --namespace "$namespace" get secret "$1" >/dev/null 2>&1; }

make() { # name, then arguments of kubectl create secret generic
    local name=$1
    shift
    kubectl --namespace "$namespace" create secret generic "$name" "$@"
    kubectl --namespace "$namespace" label secret "$name" app.kubernetes.io/part-of=assay >/dev/null
}

# The passwords of PostgreSQL stand in three Secrets, for three readers: the operator, its first start, and the chart.
if absent assay-database; then
    if ! absent assay-postgres-owner || ! absent assay-postgres-logins; then
        echo "assay-postgres-owner or assay-postgres-logins is there without assay-database: remove both, or restore it" >&2
        exit 1
    fi
    owner=$(random)
    passwords=(--from-literal=owner="$owner")
    logins=""
    for schema in auth prompt evaluation audit analytics; do
        password=$(random)
        passwords+=(--from-literal="$schema=$password")
        logins+="CREATE ROLE assay_$schema LOGIN PASSWORD '$password';"$'\n'
    done
    make assay-postgres-owner --type=kubernetes.io/basic-auth --from-literal=username=assay_owner --from-literal=password="$owner"
    make assay-postgres-logins --from-literal=logins.sql="$logins"
    make assay-database "${passwords[@]}"
fi
absent assay-kafka-login && make assay-kafka-login --from-literal=username=assay --from-literal=password="$(random)"
absent assay-keys && make assay-keys --from-literal=key-encryption-key="$(openssl rand -base64 32)" \
    --from-literal=bootstrap-admin-password="$(random)"

missing=()
for name in assay-valkey assay-object-store assay-backup-store assay-providers; do
    if absent "$name"; then missing+=("$name"); fi
done
if ((${#missing[@]})); then
    echo "to be made by you, from what your providers gave you: ${missing[*]}"
fi
