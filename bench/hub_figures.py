"""What bench/hub_bench says, several times over, as a table of medians for bench/RESULTS.md."""

import pathlib
import statistics
import subprocess

KEY = "hub"
TITLE = "The hub by itself (build/bench/hub_bench)"

# What a line of it is about, the figure, and its title; higher is better where said so.
FIGURES = (
    ("rooms_of_one_member", {}, "bytes_a_room", "bytes of RSS for a room of one member, slope from 10,000 to 100,000 rooms"),
    ("rooms_of_one_member", {}, "ratio", "time to make 100,000 rooms, in times of that for 10,000"),
    ("rooms_of_one_member", {}, "left_over_kb", "KiB of RSS more than before, once all have gone"),
    ("counted_broadcast", {"cores": "sleeping"}, "p50_us", "counted broadcast, room at home on another core, cores sleep: p50 µs"),
    ("counted_broadcast", {"cores": "sleeping"}, "p99_us", "the same: p99 µs"),
    ("counted_broadcast", {"cores": "busy_polling"}, "p50_us", "the same, busy polling: p50 µs"),
    ("counted_broadcast", {"cores": "busy_polling"}, "p99_us", "the same, busy polling: p99 µs"),
    ("join_and_leave", {"home": "local"}, "pairs_per_s_and_core", "join and leave, room at home: pairs a second and core"),
    ("join_and_leave", {"home": "remote"}, "pairs_per_s_and_core", "join and leave, room at home on another core: pairs a second and core"),
)


def measure(build, rounds):
    program = pathlib.Path(build, "bench", "hub_bench")
    if not program.exists():
        return {"missing": "build/bench/hub_bench is not built"}
    runs = []
    for _ in range(rounds):
        output = subprocess.run([str(program)], capture_output=True, text=True, check=True).stdout
        runs.append([parse(line) for line in output.splitlines() if "=" in line])
    return {"runs": runs}


def parse(line):
    name, *fields = line.split()
    return {"name": name, **dict(field.split("=", 1) for field in fields)}


def section(result, table):
    if "missing" in result:
        return f"## {TITLE}\n\n{result['missing']}\n"
    rows = []
    for name, wanted, key, title in FIGURES:
        values = [float(line[key]) for run in result["runs"] for line in run
                  if line["name"] == name and all(line.get(k) == v for k, v in wanted.items())]
        shown = [f"{value:,.1f}" if value < 1000 else f"{value:,.0f}"
                 for value in (statistics.median(values), min(values), max(values))]
        rows.append((title, *shown))
    runs = len(result["runs"])
    return (f"## {TITLE}\n\n" + table(("", "median", "min", "max"), rows, align="lrrr") +
            f"\n{runs} runs, commit {result.get('commit', 'unknown')}.\n")
