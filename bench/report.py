"""Turns what was measured into bench/RESULTS.md: a table for each line of work, and one of the marks."""

import os
import pathlib
import platform
import re
import statistics

import hub_figures
import lines
import servers

NOT_MEASURED = "Not measured yet:"
DISTURBED = 0.04  # of a core: above this share of other work on the machine a figure is in doubt

INTRODUCTION = """# Results

`make bench` wrote this file; `make bench ONLY={first}` measures one line again and leaves the others as they were: below
each table stands when and of which commit it was measured. Every figure comes from a fresh server
on core 0 and the load generator (`bench/wsblast`) on core 1, over loopback; the servers of a line take turns, round after
round.
Absolute figures move from machine to machine and from hour to hour: compare within one table only.

The bare TCP programs (`bench/limits`) send back what they receive, or send it to everybody, and know no protocol: they
are the kernel's limit. OpenSSL's calls alone are the limit of TLS handshakes.
Ratios are of medians. "c" behind a median: the generator used more than 0.97 of its core in at least half of the runs,
so the server might do more. "d": in at least half of the runs something else used more than {disturbed:.0%} of a core.
"""


def write(results, build, earlier=""):
    """`earlier`: a report that has the lines which `results` has not; they are taken over as they stand there."""
    known = servers.all_servers(build)
    sections = sections_of(earlier)
    parts = [
        INTRODUCTION.format(first=lines.LINES[0].key, disturbed=DISTURBED),
        machine(build),
        "## Marks\n\n" + marks_table(results, known, earlier),
    ]
    missing = []
    for line in lines.LINES:
        if line.key in results:
            parts.append(section(line, results[line.key], known))
        elif line.title in sections:
            parts.append(sections[line.title])
        else:
            missing.append(line.key)
    if hub_figures.KEY in results:
        parts.append(hub_figures.section(results[hub_figures.KEY], table))
    elif hub_figures.TITLE in sections:
        parts.append(sections[hub_figures.TITLE])
    if missing:
        parts.append(f"{NOT_MEASURED} {', '.join(missing)}.\n")
    return "\n".join(parts)


def sections_of(text):
    """The sections of a report by their titles."""
    text = text.partition(f"\n{NOT_MEASURED}")[0]
    sections = ("## " + part.rstrip("\n") + "\n" for part in text.split("\n## ")[1:])
    return {part.partition("\n")[0].removeprefix("## "): part for part in sections}


def earlier_marks(text):
    """The rows of a report's marks by their first three cells."""
    rows = [line.strip("| ").split(" | ") for line in sections_of(text).get("Marks", "").splitlines()]
    return {tuple(row[:3]): row for row in rows if len(row) == 5}


def machine(build):
    model = re.search(r"model name\s*:\s*(.+)", pathlib.Path("/proc/cpuinfo").read_text())
    memory = re.search(r"MemTotal:\s*(\d+)", pathlib.Path("/proc/meminfo").read_text())
    rows = [
        ("CPU", f"{model[1] if model else platform.machine()}, {os.cpu_count()} cores"),
        ("Memory", f"{int(memory[1]) / 2**20:.0f} GiB" if memory else "unknown"),
        ("Kernel", re.match(r"\d+\.\d+", platform.release())[0]),
        ("Compiler", servers.output_of(["g++", "-dumpfullversion"]).join(["g++ ", ""])),
        *servers.versions(build),
    ]
    return table(("", ""), rows, align="ll")


def section(line, result, known):
    command = "wsblast " + " ".join(line.arguments) + f" --secs {result['seconds']:g}"
    if line.kind == "stopped":
        command += f"`, then `wsblast stopped {' '.join(line.arguments[1:])} --secs {result['seconds']:g}"
    if line.kind == "fan_stopped":
        command += "`, then the same with `--stopped 1"
    text = [f"## {line.title}\n", f"`{command}`\n"]
    if line.note:
        text.append(line.note + "\n")
    limit = best_limit(result, line)
    bun = median(result, next((key for key in line.servers if key.startswith("bun")), ""), line.figure.key)
    compare = line.kind == "load"
    header = ["server", line.figure.title + ", median", "min", "max"]
    header += ["of the better bare TCP" if limit else None, "of Bun" if bun else None] if compare else []
    header += [figure.title for figure in line.extra]
    rows = []
    for key in [key for key in line.servers if key in result["runs"]]:
        rows.append(row(line, result, key, known[key].name, limit if compare else None, bun if compare else None))
    width = len([name for name in header if name])
    rows = [cells + [""] * (width - len(cells)) for cells in rows]
    text.append(table([name for name in header if name], rows, align="l" + "r" * (width - 1)))
    text.append(
        f"{result['rounds']} rounds of {result['seconds']:g} s, {result['date']}, commit {result['commit']}, "
        f"load average before: {result['load_before']:.1f}.\n"
    )
    return "\n".join(text)


def row(line, result, key, name, limit, bun):
    values = values_of(result, key, line.figure.key)
    if not values:
        return [name, "not available: " + result["reasons"].get(key, "the kernel does not give this figure")]

    def show(value, figure=line.figure):
        return f"{value / figure.divisor:,.{figure.decimals}f}"

    cells = [name, show(statistics.median(values)) + signs(line, result["runs"][key]), show(min(values)), show(max(values))]
    cells += [f"{statistics.median(values) / other:.2f}" for other in (limit, bun) if other]
    for figure in line.extra:
        middle = median(result, key, figure.key)
        cells.append("n/a" if middle is None else show(middle, figure))
    return cells


def signs(line, runs):
    if line.kind == "idle":  # memory does not depend on who else is running
        return ""
    bound = sum(run.get("client_bound") == "yes" for run in runs) >= len(runs) / 2
    return (" c" if bound else "") + (" d" if disturbed(runs) else "")


def disturbed(runs):
    """Whether something else used the machine in at least half of the runs."""
    return bool(runs) and sum(run["other_work"] > DISTURBED for run in runs) >= len(runs) / 2


def values_of(result, key, figure):
    return [run[figure] for run in result["runs"].get(key, []) if run.get(figure) is not None]


def median(result, key, figure):
    values = values_of(result, key, figure)
    return statistics.median(values) if values else None


def limits_of(line):
    return [key for key in line.servers if key in (*lines.LIMITS, *lines.FAN_LIMITS)]


def best_limit(result, line):
    medians = [median(result, key, line.figure.key) for key in limits_of(line)]
    medians = [value for value in medians if value is not None]
    if not medians:
        return None
    return max(medians) if line.figure.higher_is_better else min(medians)


def marks_table(results, known, earlier=""):
    rows = []
    before = earlier_marks(earlier)
    for line in lines.LINES:
        for mark in line.marks:
            for subject in (mark.only,) if mark.only else line.subjects:
                now = mark_row(line, mark, results.get(line.key), subject, known[subject].name)
                rows.append(now if line.key in results else before.get(tuple(now[:3]), now))
    return table(("line", "server", "mark", "reached", ""), rows, align="lllrl")


def mark_row(line, mark, result, subject, name):
    wanted = f"{'at least' if mark.at_least else 'at most'} {mark.goal:g} {mark.text}"
    figure = mark.figure or line.figure.key
    value = median(result, subject, figure) if result else None
    if value is not None and mark.against:
        other = best_limit(result, line) if mark.against == "limit" else median(result, mark.against, figure)
        value = value / other if other else None
    if value is None:
        return [line.key, name, wanted, "", "not measured"]
    met = value >= mark.goal if mark.at_least else value <= mark.goal
    decimals = 0 if mark.goal > 100 else 3
    others = {"limit": limits_of(line), "": ()}.get(mark.against, (mark.against,))
    in_doubt = line.kind != "idle" and any(disturbed(result["runs"].get(key, [])) for key in (subject, *others))
    doubt = ", but disturbed" if in_doubt else ""
    return [line.key, name, wanted, f"{value:.{decimals}f}", ("met" if met else "**missed**") + doubt]


def table(header, rows, align):
    marks = {"l": ":--", "r": "--:"}
    output = [header, [marks[letter] for letter in align], *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in cells) + " |" for cells in output) + "\n"
