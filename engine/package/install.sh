#!/bin/sh
# install.sh: copies what `make libraries` built, the public headers and the package files to PREFIX below DESTDIR.
#
# From the environment: BRUME_OUT (the build tree), BRUME_VERSION, PREFIX, DESTDIR. Runs at the root of the tree.
set -eu

case $PREFIX in
  /*) prefix=$PREFIX ;;
  *) prefix=$PWD/$PREFIX ;;
esac
target=${DESTDIR:-}$prefix
series=${BRUME_VERSION%.*}
soname=libbrume.so.$series

while read -r header; do
  install -D -m 644 "$header" "$target/include/brume/$header"
done < engine/package/public_headers.txt

install -D -m 644 "$BRUME_OUT/release/libbrume.a" "$target/lib/libbrume.a"
install -D -m 644 "$BRUME_OUT/release/$soname" "$target/lib/libbrume.so.$BRUME_VERSION"
ln -sf "libbrume.so.$BRUME_VERSION" "$target/lib/$soname"
ln -sf "$soname" "$target/lib/libbrume.so"

# Fills in a template; a path may hold any character but a newline.
escaped_prefix=$(printf '%s' "$prefix" | sed 's/[&|\\]/\\&/g')
fill() {
  mkdir -p "${2%/*}"
  sed -e "s|@PREFIX@|$escaped_prefix|" -e "s|@VERSION@|$BRUME_VERSION|" -e "s|@SERIES@|$series|" \
    -e "s|@SONAME@|$soname|" "$1" > "$2"
}
fill engine/package/brume.pc.in "$target/lib/pkgconfig/brume.pc"
fill engine/package/brumeConfig.cmake.in "$target/lib/cmake/brume/brumeConfig.cmake"
fill engine/package/brumeConfigVersion.cmake.in "$target/lib/cmake/brume/brumeConfigVersion.cmake"

# The loader's cache, where this is a place it looks at.
if [ -z "${DESTDIR:-}" ] && [ "$(id -u)" -eq 0 ]; then
  case $prefix in
    /usr | /usr/local) ldconfig || true ;;
  esac
fi
