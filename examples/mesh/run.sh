#!/usr/bin/env bash
# Two callers, each with a proxy beside it, and a proxy before two versions of a workload: starts them
# all on the loopback, asks, compares, and stops them. GATEWAY names the command; without it, it is built.
set -euo pipefail
cd "$(dirname "$0")/../.."
if [ -z "${GATEWAY:-}" ]; then
  cargo build -q -p gateway-proxy --locked
  GATEWAY=${CARGO_TARGET_DIR:-target}/debug/gateway
fi
documents=examples/mesh

scratch=$(mktemp -d)
started=()
stop() {
  for process in "${started[@]}"; do kill "$process" 2>/dev/null || true; done
  wait
  rm -rf "$scratch"
}
trap stop EXIT

# Who signs, and what is signed: a certificate that names a service account, as a Secret.
new_key() { openssl ecparam -name prime256v1 -genkey -noout | openssl pkcs8 -topk8 -nocrypt -out "$1"; }
new_key "$scratch/ca.key"
openssl req -x509 -new -key "$scratch/ca.key" -subj /CN=mesh -days 1 -out "$scratch/ca.crt" \
  -addext keyUsage=critical,keyCertSign

identity() { # identity ACCOUNT
  local at=$scratch/$1
  new_key "$at.key"
  openssl req -new -key "$at.key" -subj "/CN=$1" -out "$at.csr"
  printf 'subjectAltName=URI:spiffe://cluster.local/ns/default/sa/%s\n' "$1" >"$at.ext"
  openssl x509 -req -in "$at.csr" -CA "$scratch/ca.crt" -CAkey "$scratch/ca.key" -days 1 \
    -extfile "$at.ext" -CAcreateserial -out "$at.crt" 2>/dev/null
  {
    printf 'apiVersion: v1\nkind: Secret\nmetadata: {name: %s}\ntype: kubernetes.io/tls\nstringData:\n' "$1"
    printf '  tls.crt: |\n' && sed 's/^/    /' "$at.crt"
    printf '  tls.key: |\n' && sed 's/^/    /' "$at.key"
    printf '  ca.crt: |\n' && sed 's/^/    /' "$scratch/ca.crt"
  } >"$at.yaml"
}
identity tea
identity website
identity batch

serve() { # serve NAME ARGUMENTS…: waits until it listens, for ten seconds at most
  local name=$1
  shift
  : >"$scratch/$name.log"
  "$GATEWAY" serve --bind 127.0.0.1 --admin off --threads 1 "$@" \
    >"$scratch/$name.out" 2>"$scratch/$name.log" &
  started+=($!)
  for _ in $(seq 100); do
    grep -q 'in force' "$scratch/$name.log" && return
    sleep 0.1
  done
  echo "$name did not start:"
  cat "$scratch/$name.out" "$scratch/$name.log"
  exit 1
}

serve workloads -f $documents/workloads.yaml

# Before the workloads: mutual TLS comes in, plain HTTP goes to the workload.
serve tea -f $documents/services.yaml -f $documents/access.yaml -f "$scratch/tea.yaml" --identity default/tea \
  --inbound default/tea-v1:80=127.0.0.1:18471 --endpoint default/tea-v1:80=127.0.0.1:18481 \
  --inbound default/tea-v2:80=127.0.0.1:18472 --endpoint default/tea-v2:80=127.0.0.1:18482

# Beside each caller: plain HTTP comes in, mutual TLS goes out.
caller() { # caller ACCOUNT PORT
  serve "$1" -f $documents/services.yaml -f $documents/canary.yaml -f "$scratch/$1.yaml" --identity "default/$1" \
    --mesh --map-port "80=$2" \
    --endpoint default/tea-v1:80=127.0.0.1:18471 --endpoint default/tea-v2:80=127.0.0.1:18472
}
caller website 18461
caller batch 18462

failed=0
expect() { # expect WANTED WHAT CURL_ARGUMENTS…
  local wanted=$1 what=$2 got
  shift 2
  got=$(curl -s --max-time 5 -w '%{http_code}' "$@" | tr '\n' ' ') || true
  case $got in
    $wanted) echo "ok: $what" ;;
    *) echo "FAILED: $what: wanted $wanted, got $got" && failed=1 ;;
  esac
}
expect 'tea-v1 200' 'without the cookie: version 1' -H 'Host: tea' http://127.0.0.1:18461/
expect 'tea-v2 200' 'with the cookie: version 2' -H 'Host: tea' -b version=beta http://127.0.0.1:18461/
expect 'tea-v2 200' 'the address of the Service' -H 'Host: tea' -b version=beta http://127.0.0.21:18461/
expect '403*403' 'a caller that the TrafficTarget does not list' -H 'Host: tea' http://127.0.0.1:18462/
expect '000' 'plain HTTP before the workload' -H 'Host: tea' http://127.0.0.1:18471/
expect '000' 'TLS without a certificate' -k -H 'Host: tea' https://127.0.0.1:18471/
expect 'tea-v1 200' 'TLS with the certificate of the website' -k -H 'Host: tea' \
  --cert "$scratch/website.crt" --key "$scratch/website.key" https://127.0.0.1:18471/
exit "$failed"
