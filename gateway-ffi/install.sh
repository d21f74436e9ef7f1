#!/usr/bin/env bash
# Builds the C library and installs it: PREFIX=/usr/local [LIBDIR=$PREFIX/lib] [DESTDIR=] [LDFLAGS=] install.sh
#
#   lib/libgateway.so -> .so.0.1 -> .so.0.1.0    shared: its SONAME has the version that links, and
#                                                its symbols the version of the interface
#   lib/libgateway.a                             static
#   include/gateway.h gateway.hpp
#   lib/pkgconfig/gateway.pc
#
# For Linux. cargo-c does the same elsewhere (`cargo cinstall -p gateway-ffi`), without versions of
# symbols.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
prefix=${PREFIX:-/usr/local}
libdir=${LIBDIR:-$prefix/lib}
root=${DESTDIR:-}
target=${CARGO_TARGET_DIR:-$here/../target}

cd "$here"
version=$(cargo pkgid --locked | sed 's/.*[#@]//')
# While the first number is 0, the second one changes when something breaks.
case $version in
  0.*) soname=libgateway.so.${version%.*} ;;
  *) soname=libgateway.so.${version%%.*} ;;
esac

private=$(cargo rustc --release --locked --lib -- --print native-static-libs 2>&1 |
  sed -n 's/^note: native-static-libs: //p' | tail -1)
if [ -z "$private" ]; then # It was built before, and rustc has nothing to say again.
  private="-lgcc_s -lutil -lrt -lpthread -lm -ldl -lc"
fi

install -d "$root$libdir/pkgconfig" "$root$prefix/include"
install -m 644 "$target/release/libgateway.a" "$root$libdir/"
# rustc takes no version script for symbols, so the linker makes the library of the archive.
${CC:-cc} -shared -o "$root$libdir/libgateway.so.$version" \
  -Wl,--whole-archive "$target/release/libgateway.a" -Wl,--no-whole-archive \
  -Wl,--version-script="$here/libgateway.map" -Wl,-soname,"$soname" \
  -Wl,--gc-sections -Wl,-z,relro,-z,now -Wl,-z,nodelete -Wl,--strip-all ${LDFLAGS:-} $private
ln -sf "libgateway.so.$version" "$root$libdir/$soname"
ln -sf "$soname" "$root$libdir/libgateway.so"
install -m 644 include/gateway.h include/gateway.hpp "$root$prefix/include/"
sed -e "s|@PREFIX@|$prefix|; s|@LIBDIR@|$libdir|; s|@VERSION@|$version|; s|@PRIVATE@|$private|" \
  gateway.pc.in >"$root$libdir/pkgconfig/gateway.pc"
echo "installed libgateway $version under $root$prefix"
