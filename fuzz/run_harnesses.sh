#!/bin/sh
# run_harnesses.sh SECONDS DIRECTORY NAME...: runs DIRECTORY/NAME_fuzz for each name, SECONDS for all of them together.
#
# Run at the root of the tree (`make fuzz` does). Ends with status 1 where any of them failed.
set -eu

seconds=$1
directory=$2
shift 2
[ $# -gt 0 ] || { echo "fuzz: no harness of that name" >&2; exit 2; }
each=$((seconds / $#))
[ "$each" -gt 0 ] || each=1

status=0
for name in "$@"; do
  kept=build/fuzz/$name/corpus
  failed=build/fuzz/$name/failed
  mkdir -p "$kept" "$failed"
  set -- -max_total_time="$each" -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 -verbosity=0 \
    -artifact_prefix="$failed/"
  [ ! -f "fuzz/dictionaries/$name.dict" ] || set -- "$@" "-dict=fuzz/dictionaries/$name.dict"
  echo "fuzz: $name for $each s"
  if "$directory/${name}_fuzz" "$@" "$kept" "fuzz/corpus/$name" 2>"build/fuzz/$name/log"; then
    sed -n 's/^stat::number_of_executed_units: */fuzz: runs: /p; s/^stat::new_units_added: */fuzz: new inputs: /p' \
      "build/fuzz/$name/log"
  else
    status=1
    tail -n 60 "build/fuzz/$name/log" >&2
    echo "fuzz: $name FAILED; the input is in $failed, the whole log in build/fuzz/$name/log" >&2
  fi
done
exit $status
