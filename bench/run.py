#!/usr/bin/env python3
"""Measures brume beside bare TCP programs and other servers, and writes bench/RESULTS.md.

Each figure comes from a fresh server pinned to core 0, with the load generator on core 1. The servers of a line take
turns, round after round, so that a change of the machine's mood meets all of them. What was measured is kept for each
line, so that one line can be measured again (--only) and the report written anew with all lines.
"""

import argparse
import datetime
import json
import os
import pathlib
import re
import subprocess
import sys
import urllib.request

import hub_figures
import lines
import report
import servers

CLIENT_CORE = "1"
MEASURED = ("codec", "engine", "hub", "examples", "bench/wsblast", "bench/limits", "bench/peers")  # what figures depend on
RETRIES = 3
TIMEOUT_SECONDS = 120
QUICK = {"rounds": 1, "seconds": 1.0, "warm": 0.3}
QUICK_LEFT_OUT = ("beast", "gorilla", "ws")  # and what begins so, as "ws_fan" does


class Failed(Exception):
    """One figure could not be taken; the text says why."""


class Bench:
    def __init__(self, options):
        self.options = options
        self.servers = servers.all_servers(options.build)
        self.wsblast = str(pathlib.Path(options.build, "bench", "wsblast"))

    def measure_line(self, line):
        left_out = QUICK_LEFT_OUT if self.options.quick else ()
        keys = [key for key in line.servers if key.partition("_")[0] not in left_out]
        runs = {key: [] for key in keys}
        reasons = {}
        load_before = os.getloadavg()[0]
        for round_number in range(self.options.rounds):
            for key in keys:
                if key in reasons:
                    continue
                try:
                    figures = self.measure_undisturbed(line, self.servers[key])
                    runs[key].append(figures)
                    value = figures.get(line.figure.key)
                    shown = "not available" if value is None else f"{value:.{line.figure.decimals}f}"
                    print(f"  {line.key} {round_number + 1}/{self.options.rounds} {key}: {shown}", flush=True)
                except (servers.NotAvailable, Failed) as error:
                    reasons[key] = str(error)
                    print(f"  {line.key} {key}: {error}", flush=True)
        return {
            "line": line.key,
            "date": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
            "commit": commit(),
            "load_before": load_before,
            "rounds": self.options.rounds,
            "seconds": self.options.seconds,
            "runs": runs,
            "reasons": reasons,
        }

    def measure_undisturbed(self, line, server):
        """Takes a figure again while something else uses the machine; keeps the least disturbed one."""
        best = None
        for _ in range(RETRIES):
            taken = self.measure(line, server)
            if best is None or taken["other_work"] < best["other_work"]:
                best = taken
            if best["other_work"] <= report.DISTURBED or line.kind == "idle":
                break
        return best

    def measure(self, line, server):
        if line.kind == "stopped":
            without = self.one_run(line, server, line.arguments)
            stopped = self.one_run(line, server, ("stopped", *line.arguments[1:]))
            return {
                "p99_without_us": without["p99_us"],
                "p99_with_us": stopped["p99_us"],
                "p99_ratio": stopped["p99_us"] / without["p99_us"],
                "other_work": max(without["other_work"], stopped["other_work"]),
            }
        if line.kind == "fan_stopped":
            without = self.one_run(line, server, line.arguments)
            stopped = self.one_run(line, server, (*line.arguments, "--stopped", "1"))
            return {
                **({"dropped_newest": 0} if server.stats else {}),  # a counter at zero is not listed
                **stopped,
                "rate_without": without["msgs_per_s"],
                "others_p99_without_us": without["others_p99_us"],
                "others_p99_ratio": stopped["others_p99_us"] / without["others_p99_us"],
                "rss_growth_bytes": (stopped["rss_kb"] - without["rss_kb"]) * 1024,
                "other_work": max(without["other_work"], stopped["other_work"]),
            }
        return self.one_run(line, server, line.arguments)

    def run_alone(self, server):
        if not os.path.exists(server.needs):
            raise servers.NotAvailable("it was not built")
        *command, kind = server.command
        command = ["taskset", "-c", servers.SERVER_CORE, *command, str(self.options.seconds), kind]
        watch = OtherWork(None)
        return {**parse_figures(run_generator(command)), "other_work": watch.share()}

    def one_run(self, line, server, arguments):
        if server.alone:
            return self.run_alone(server)
        with servers.running(server, self.options.build) as running:
            command = [
                *("taskset", "-c", CLIENT_CORE, self.wsblast, *arguments),
                *("--port", str(running.port), "--path", server.path, "--pid", str(running.pid)),
                *("--secs", str(self.options.seconds), "--warm", str(self.options.warm)),
                *(["--raw"] if server.raw else []), *server.generator,
            ]
            watch = OtherWork(running.pid)
            output = run_generator(command)
            other_work = watch.share()
            running.check_alive()
            counters = read_counters(running)
        steps = [parse_figures(text) for text in output.splitlines()]
        figures = idle_figures(steps) if line.kind == "idle" else steps[-1]
        if counters.get("messages"):
            figures["compressions_per_message"] = counters["compressions"] / counters["messages"]
        return {**counters, **figures, "other_work": other_work}


def read_counters(running):
    """What the server itself says it did, where it says so."""
    if not running.server.stats:
        return {}
    with urllib.request.urlopen(f"http://127.0.0.1:{running.port}{running.server.stats}", timeout=10) as answer:
        return parse_figures(answer.read().decode())


def run_generator(command):
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_SECONDS)
    except subprocess.TimeoutExpired:
        raise Failed(f"the generator did not end within {TIMEOUT_SECONDS} s") from None
    if done.returncode == 0:
        return done.stdout
    if done.returncode == 1:
        figures = parse_figures(done.stdout)
        if not figures.get("mismatches") and not figures.get("ended"):
            raise Failed("nothing was received while it was measured")
        raise Failed(
            f"{figures.get('mismatches', 0):.0f} messages differed, "
            f"{figures.get('ended', 0):.0f} connections were ended by the server"
        )
    raise Failed(done.stderr.strip().splitlines()[-1] if done.stderr.strip() else f"status {done.returncode}")


def parse_figures(text):
    figures = {}
    for key, value in re.findall(r"(\w+)=(\S+)", text):
        try:
            figures[key] = float(value)
        except ValueError:
            figures[key] = None if value == "na" else value
    return figures


def idle_figures(steps):
    counts = [step["conns"] for step in steps]
    figures = {f"rss_at_{count:.0f}": step["rss_bytes"] for count, step in zip(counts, steps)}
    figures["rss_slope"] = slope(counts, [step["rss_bytes"] for step in steps])
    figures["rss_slope_later"] = slope(counts[-2:], [step["rss_bytes"] for step in steps[-2:]])
    figures["cgroup_slope"] = slope(counts, [step["cgroup_bytes"] for step in steps])
    return figures


def slope(xs, ys):
    """By least squares; None where a figure is not available."""
    if None in ys:
        return None
    mean_x, mean_y = sum(xs) / len(xs), sum(ys) / len(ys)
    return sum((x - mean_x) * (y - mean_y) for x, y in zip(xs, ys)) / sum((x - mean_x) ** 2 for x in xs)


class OtherWork:
    """How much of a core something other than the server and the generator used, since construction."""

    def __init__(self, server_pid):
        self.server_pid = server_pid
        self.start = self.read()

    def read(self):
        ticks = os.sysconf("SC_CLK_TCK")
        counters = pathlib.Path("/proc/stat").read_text().split()[1:8]
        user, nice, system, idle, wait, interrupt, soft = map(int, counters)
        children = os.times()
        return {
            "busy": (user + nice + system) / ticks,
            "all": (user + nice + system + idle + wait + interrupt + soft) / ticks / os.cpu_count(),
            "server": self.server_ticks() / ticks,
            "client": children.children_user + children.children_system,
        }

    def server_ticks(self):
        if self.server_pid is None:  # a child like the generator
            return 0
        fields = pathlib.Path(f"/proc/{self.server_pid}/stat").read_text().rpartition(")")[2].split()
        return int(fields[11]) + int(fields[12])

    def share(self):
        try:
            now = self.read()
        except OSError:
            return 0.0
        delta = {key: now[key] - self.start[key] for key in now}
        return max(0.0, delta["busy"] - delta["server"] - delta["client"]) / max(delta["all"], 0.01)


def commit():
    def git(*arguments):
        return subprocess.run(["git", *arguments], capture_output=True, text=True).stdout.strip()

    changed = git("status", "--porcelain", "--untracked-files=no", "--", *MEASURED)
    return (git("rev-parse", "--short", "HEAD") or "unknown") + (" with changes" if changed else "")


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default="build", help="the directory that make builds into")
    parser.add_argument("--only", help="some lines, by commas: " + ",".join([*(line.key for line in lines.LINES), hub_figures.KEY]))
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--seconds", type=float)
    parser.add_argument("--warm", type=float)
    parser.add_argument("--quick", action="store_true", help="one short round without the slower peers, kept apart")
    parser.add_argument("--report-only", action="store_true", help="measure nothing, write the report of what is kept")
    options = parser.parse_args()
    for name, usual in {"rounds": 5, "seconds": 3.0, "warm": 0.7}.items():
        if getattr(options, name) is None:
            setattr(options, name, QUICK[name] if options.quick else usual)
    known = {line.key: line for line in lines.LINES}
    chosen = options.only.split(",") if options.only else [*known, hub_figures.KEY]
    options.hub = hub_figures.KEY in chosen
    chosen = [key for key in chosen if key != hub_figures.KEY]
    unknown = [key for key in chosen if key not in known]
    if unknown or options.rounds < 1:
        parser.error(f"no line named {', '.join(unknown)}" if unknown else "at least one round")
    options.chosen = [known[key] for key in chosen]
    return options


def main():
    options = parse_arguments()
    kept = pathlib.Path(options.build, "bench", "quick" if options.quick else "kept")
    kept.mkdir(parents=True, exist_ok=True)
    if not options.report_only:
        if os.cpu_count() < 2:
            sys.exit("bench: two cores are needed, one for the server and one for the generator")
        if options.hub:
            print(f"{hub_figures.KEY}: {hub_figures.TITLE}", flush=True)
            result = hub_figures.measure(options.build, options.rounds) | {"commit": commit()}
            (kept / f"{hub_figures.KEY}.json").write_text(json.dumps(result, indent=1))
        servers.make_identity(options.build)
        bench = Bench(options)
        for line in options.chosen:
            print(f"{line.key}: {line.title}", flush=True)
            result = bench.measure_line(line)
            (kept / f"{line.key}.json").write_text(json.dumps(result, indent=1))
    results = {file.stem: json.loads(file.read_text()) for file in sorted(kept.glob("*.json"))}
    target = kept / "RESULTS.md" if options.quick else pathlib.Path("bench/RESULTS.md")
    earlier = target.read_text() if target.exists() and not options.quick else ""
    target.write_text(report.write(results, options.build, earlier))
    print(report.marks_table(results, servers.all_servers(options.build)))
    print(f"written: {target}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
