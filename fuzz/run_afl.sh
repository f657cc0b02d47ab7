#!/bin/sh
# run_afl.sh SECONDS DIRECTORY NAME...: runs DIRECTORY/NAME_fuzz under afl-fuzz for each name, SECONDS for each.
#
# Run at the root of the tree (`make fuzz-afl` does). AFL++ keeps what it finds in build/fuzz/NAME/afl. Ends with status
# 1 where an input crashed or hung.
set -eu

seconds=$1
directory=$2
shift 2
[ $# -gt 0 ] || { echo "fuzz: no harness of that name" >&2; exit 2; }
# A machine that is shared is no less useful for it, and core dumps may go where they like.
export AFL_SKIP_CPUFREQ=1 AFL_I_DONT_CARE_ABOUT_MISSING_CRASHES=1 AFL_NO_AFFINITY=1 AFL_NO_UI=1 AFL_QUIET=1
export ASAN_OPTIONS=abort_on_error=1:symbolize=0 UBSAN_OPTIONS=abort_on_error=1:symbolize=0

status=0
for name in "$@"; do
  out=build/fuzz/$name/afl
  rm -rf "$out"
  mkdir -p "$out"
  set -- -V "$seconds" -m none -t 10000 -i "fuzz/corpus/$name" -o "$out"
  [ ! -f "fuzz/dictionaries/$name.dict" ] || set -- "$@" -x "fuzz/dictionaries/$name.dict"
  echo "fuzz: $name under AFL++ for $seconds s"
  if ! afl-fuzz "$@" -- "$directory/${name}_fuzz" >"$out/log" 2>&1; then
    tail -n 30 "$out/log" >&2
    status=1
    continue
  fi
  sed -n 's/^\(execs_done\|execs_per_sec\|corpus_found\|saved_crashes\|saved_hangs\) *: /fuzz: \1 /p' \
    "$out/default/fuzzer_stats"
  for input in "$out"/default/crashes/id* "$out"/default/hangs/id*; do
    [ ! -e "$input" ] || { status=1; echo "fuzz: $name FAILED: $input" >&2; }
  done
done
exit $status
