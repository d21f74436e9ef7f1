#!/usr/bin/env bash
# Builds ngx_http_gateway_module.so for the nginx of Debian and its relatives, of their packages
# nginx-dev, gcc and make. Downloads nothing itself.
#
#     examples/nginx-module/build.sh [FOLDER]
#
# FOLDER (build/ beside this script) is where it works and leaves the module. What may be set:
#
#     NGINX_SRC        the sources of nginx with `configure` and `conf_flags` [/usr/share/nginx/src]
#     GATEWAY_LIBRARY  libgateway.a [built by cargo, in the profile `release`]
#     GATEWAY_INCLUDE  the folder of gateway.h [gateway-ffi/include]
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
nginx_src=${NGINX_SRC:-/usr/share/nginx/src}
mkdir -p "${1:-$here/build}"
out=$(cd "${1:-$here/build}" && pwd)

[[ -e $nginx_src/configure ]] || {
  echo "$nginx_src has no nginx: install the package nginx-dev" >&2
  exit 1
}

if [[ -z ${GATEWAY_LIBRARY:-} ]]; then
  (cd "$root" && cargo build --quiet --locked --release -p gateway-ffi)
  GATEWAY_LIBRARY=${CARGO_TARGET_DIR:-$root/target}/release/libgateway.a
fi
GATEWAY_LIBRARY=$(realpath "$GATEWAY_LIBRARY")
GATEWAY_INCLUDE=$(realpath "${GATEWAY_INCLUDE:-$root/gateway-ffi/include}")
export GATEWAY_LIBRARY GATEWAY_INCLUDE

# What the makefile depends on: configuring takes longer than compiling.
of=$(cat "$nginx_src/conf_flags" "$nginx_src/src/core/nginx.h" "$here/config" | sha256sum)
of+=" $here $GATEWAY_LIBRARY $GATEWAY_INCLUDE"
if [[ $(cat "$out/configured" 2>/dev/null) != "$of" ]]; then
  rm -rf "$out/nginx" "$out/configured"
  cp -r "$nginx_src" "$out/nginx"
  # The module has to be of the same making as nginx, hence its flags.
  source "$nginx_src/conf_flags"
  (cd "$out/nginx" && ./configure "${NGX_CONF_FLAGS[@]}" --add-dynamic-module="$here" \
    --with-cc-opt="-O2 -g -Wall -Wextra -Werror -Wno-unused-parameter") >"$out/configure.log" 2>&1 || {
    cat "$out/configure.log" >&2
    exit 1
  }
  echo "$of" >"$out/configured"
fi
make -s -C "$out/nginx" -f objs/Makefile modules
cp "$out/nginx/objs/ngx_http_gateway_module.so" "$out/"
echo "$out/ngx_http_gateway_module.so"
