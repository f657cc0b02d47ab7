#!/bin/sh
# run_long.sh CPU_SECONDS DIRECTORY NAME...: runs DIRECTORY/NAME_fuzz for each name until it has used CPU_SECONDS.
#
# Run at the root of the tree (`make fuzz-long` does). Processor time and not a clock's: it means the same on a machine
# that is shared. What each run did is one line of build/fuzz/long_runs. Ends with status 1 where any of them failed.
set -eu

wanted=$1
directory=$2
shift 2
[ $# -gt 0 ] || { echo "fuzz: no harness of that name" >&2; exit 2; }
ticks=$(getconf CLK_TCK)

# Processor seconds of process $1 so far, its own and its kernel's; fails once it is gone.
cpu_seconds() {
  # Behind the name, which may hold blanks: fields 14 and 15 of the line are the 12th and 13th.
  sed 's/.*) //' "/proc/$1/stat" 2>/dev/null |
    awk -v ticks="$ticks" '{ print int(($12 + $13) / ticks); found = 1 } END { exit !found }'
}

running=
trap '[ -z "$running" ] || kill -INT "$running" 2>/dev/null || true' INT TERM EXIT

status=0
for name in "$@"; do
  kept=build/fuzz/$name/corpus
  failed=build/fuzz/$name/failed
  log=build/fuzz/$name/long_log
  mkdir -p "$kept" "$failed"
  # A process may get no processor for a long while: only an input that takes minutes is a finding.
  set -- -timeout=300 -rss_limit_mb=4096 -print_final_stats=1 "-artifact_prefix=$failed/"
  [ ! -f "fuzz/dictionaries/$name.dict" ] || set -- "$@" "-dict=fuzz/dictionaries/$name.dict"
  echo "fuzz: $name for $wanted s of processor time"
  began=$(date +%s)
  "$directory/${name}_fuzz" "$@" "$kept" "fuzz/corpus/$name" 2>"$log" &
  running=$!
  used=0
  while now=$(cpu_seconds "$running"); do
    used=$now
    [ "$used" -lt "$wanted" ] || kill -INT "$running" 2>/dev/null || break
    sleep 1
  done
  # 72: libFuzzer was interrupted, as it is here.
  code=0
  wait "$running" || code=$?
  result=passed
  [ "$code" -eq 0 ] || [ "$code" -eq 72 ] || { result=FAILED; status=1; }
  running=
  runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
  reached=$(sed -n 's/.* cov: \([0-9]*\) ft: \([0-9]*\) .*/\1 edges, \2 features/p' "$log" | tail -n 1)
  line="$name: $result, ${runs:-?} executions in $used s of processor time ($(($(date +%s) - began)) s), $reached"
  echo "fuzz: $line"
  echo "$line" >>build/fuzz/long_runs
  [ "$result" = passed ] || { tail -n 60 "$log" >&2; echo "fuzz: the input is in $failed, the whole log is $log" >&2; }
done
exit $status
