#!/bin/sh
# build_against_installed.sh STAGE: takes what `make install PREFIX=STAGE` put there out of the tree, builds app.cpp
# against it by pkg-config (shared and static) and by the CMakeLists.txt beside it, and runs each.
#
# Every public header is also compiled alone there: one that needs a header which is not installed fails here.
set -eu
unset MAKEFLAGS MAKELEVEL  # cmake's make is none of ours

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
stage=$scratch/installed
cp -R "$1" "$stage"
headers=$PWD/engine/package/public_headers.txt
cp tests/package/app.cpp tests/package/CMakeLists.txt "$scratch"
cd "$scratch"

export PKG_CONFIG_PATH="$stage/lib/pkgconfig"
brume_config() { pkg-config --define-variable=prefix="$stage" "$@" brume; }
warnings="-std=c++23 -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror"
# shellcheck disable=SC2046,SC2086
{
  "$CXX" $warnings -o app_shared app.cpp $(brume_config --cflags --libs) -Wl,-rpath,"$stage/lib"
  ./app_shared
  "$CXX" $warnings -o app_static app.cpp $(brume_config --cflags) \
    "$stage/lib/libbrume.a" $(brume_config --static --libs | sed 's/-lbrume//')
  ./app_static
  while read -r header; do
    echo "#include <brume/$header>" | "$CXX" $warnings -fsyntax-only $(brume_config --cflags) -x c++ -
  done < "$headers"
}

cmake -S . -B cmake -DCMAKE_PREFIX_PATH="$stage" -DCMAKE_CXX_COMPILER="$CXX" > cmake.log || { cat cmake.log; exit 1; }
cmake --build cmake >> cmake.log || { cat cmake.log; exit 1; }
./cmake/app
echo "package: a program builds against the installed tree by pkg-config and by CMake"
