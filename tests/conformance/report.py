"""What came out, as a table for the terminal and as one HTML file without outside resources."""

import collections
import html as markup

import requirements

OUTCOMES = ("strict", "non-strict", "failed", "not run")
STYLE = """
body { font: 15px/1.45 system-ui, sans-serif; margin: 2rem auto; max-width: 110rem; padding: 0 1rem; color: #1b2330;
       background: #fff; }
table { border-collapse: collapse; margin: 1rem 0 2rem; width: 100%; }
th, td { text-align: left; padding: .3rem .6rem; border-bottom: 1px solid #d9dee6; vertical-align: top; }
th { background: #f2f4f8; } td.number { white-space: nowrap; font-variant-numeric: tabular-nums; }
.strict { color: #17683a; } .non-strict { color: #8a5a00; } .failed { color: #b00020; font-weight: 600; }
.not-run { color: #667085; } .detail { display: block; font-size: .85em; color: #475467; white-space: pre-wrap; }
@media (prefers-color-scheme: dark) { body { background: #12161d; color: #dfe5ee; } th { background: #1d2430; }
  th, td { border-color: #2b3443; } .strict { color: #6fd39a; } .non-strict { color: #f0bd5b; }
  .failed { color: #ff8a95; } .not-run, .detail { color: #9aa6b8; } }
"""


def counts(table, column):
    there = [case.number for case in table.cases if case.number in column.results]
    return collections.Counter(column.results[number].outcome for number in there)


def cell(count):
    """strict/non-strict/failed, and behind a sign what could not be run."""
    if not count:
        return "-"
    ran = "/".join(str(count[outcome]) for outcome in OUTCOMES[:3])
    return ran if not count["not run"] else f"{ran} ({count['not run']} not run)"


def not_run(columns):
    """(column, reason) -> how many."""
    return collections.Counter((column.title, result.detail) for column in columns
                               for result in column.results.values() if result.outcome == "not run")


def overview_lines(tables, columns):
    """The table for the terminal; a column is as wide as what is in it."""
    rows = [("class", [column.who for column in columns]), ("", [column.how for column in columns])]
    for table in tables:
        cells = [cell(counts(table, column)) for column in columns]
        if set(cells) != {"-"}:
            rows.append((f"{table.number:3} {table.title}", cells))
    totals = [sum((counts(table, column) for table in tables), collections.Counter()) for column in columns]
    rows.append(("all (strict/non-strict/failed)", [cell(total) for total in totals]))
    first = max(len(name) for name, _ in rows)
    widths = [max(len(cells[i]) for _, cells in rows) + 2 for i in range(len(columns))]
    return [name.ljust(first) + "".join(each.rjust(width) for each, width in zip(cells, widths))
            for name, cells in rows]


def text(tables, columns, needs, wrong, seconds):
    yield from overview_lines(tables, columns)
    for table in tables:
        for case in table.cases:
            for column in columns:
                result = column.results.get(case.number)
                if result and result.outcome in ("non-strict", "failed"):
                    where = f"{result.outcome} {case.number} [{column.title}]"
                    yield f"{where} {case.sentence} ({case.section}): {result.detail}"
    for (title, reason), count in not_run(columns).items():
        yield f"note: {title}: {count} cases not run: {reason}"
    yield from (f"wrong: {each}" for each in wrong)
    cases = sum(len(table.cases) for table in tables)
    reasons = sum(bool(need.why_none()) for need in needs)
    yield (f"{cases} cases in {len(tables)} classes; {len(needs)} requirements, {reasons} of them without a case for a "
           f"written reason; {seconds:.0f} s")


def escaped(value):
    return markup.escape(str(value))


def result_cell(result):
    if result is None:
        return "<td>-</td>"
    name = result.outcome.replace(" ", "-")
    detail = f'<span class="detail">{escaped(result.detail)}</span>' if result.detail else ""
    return f'<td class="{name}">{escaped(result.outcome)}{detail}</td>'


def html(tables, columns, needs, wrong, seconds):
    parts = ["<!doctype html><html lang=en><meta charset=utf-8><title>brume: conformance</title>",
             f"<meta name=viewport content='width=device-width'><style>{STYLE}</style><h1>Conformance of brume</h1>"]
    parts += [f"<p>{escaped(line)}</p>" for line in list(text(tables, columns, needs, wrong, seconds))[-1:]]
    parts += [f"<p class=failed>{escaped(each)}</p>" for each in wrong]
    parts += [f"<p class=not-run>{escaped(title)}: {count} cases not run: {escaped(reason)}</p>"
              for (title, reason), count in not_run(columns).items()]
    parts.append(overview(tables, columns))
    for table in tables:
        parts.append(class_table(table, columns))
    parts.append(requirement_tables(tables, needs))
    return "\n".join(parts) + "\n"


def outcomes(count):
    spans = [f'<span class="{outcome.replace(" ", "-")}">{count[outcome]} {outcome}</span>' for outcome in OUTCOMES
             if count[outcome]]
    return ", ".join(spans) or "-"


def overview(tables, columns):
    rows = ["<table><tr><th>class<th>cases" + "".join(f"<th>{escaped(column.title)}" for column in columns)]
    for table in tables:
        cells = ["<td>" + outcomes(counts(table, column)) for column in columns]
        rows.append(f'<tr><td><a href="#class-{table.number}">{table.number} {escaped(table.title)}</a>'
                    f"<td>{len(table.cases)}{''.join(cells)}")
    return "\n".join(rows) + "</table>"


def class_table(table, columns):
    rows = [f'<h2 id="class-{table.number}">{table.number} {escaped(table.title)}</h2>',
            "<table><tr><th>case<th>what is said<th>RFC",
            *[f"<th>{escaped(column.title)}" for column in columns]]
    for case in table.cases:
        cells = "".join(result_cell(column.results.get(case.number)) for column in columns)
        rows.append(f'<tr id="case-{case.number}"><td class=number>{case.number}<td>{escaped(case.sentence)}'
                    f"<td class=number>{escaped(case.section)}{cells}")
    return "\n".join(rows) + "</table>"


def requirement_tables(tables, needs):
    rows, rfc = ["<h2>Requirements</h2>"], None
    for need in needs:
        if need.rfc != rfc:
            rows.append(("" if rfc is None else "</table>") + f"<h3>RFC {escaped(need.rfc)}</h3>"
                        "<table><tr><th>section<th>binds<th>text<th>cases")
            rfc = need.rfc
        named, _ = requirements.cases_of(need, tables)
        links = ", ".join(f'<a href="#case-{number}">{number}</a>' for number in named[:12])
        more = f" and {len(named) - 12} more" if len(named) > 12 else ""
        cases = escaped(need.why_none()) if need.why_none() else links + more
        cells = [f"<tr><td class=number>{escaped(need.section)}", escaped(need.who), escaped(need.words), cases]
        rows.append("<td>".join(cells))
    return "\n".join(rows) + "</table>"
