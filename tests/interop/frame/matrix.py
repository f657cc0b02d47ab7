"""The matrix as Markdown: for the terminal, build/interop/matrix.md and README.md, which has to say the same."""

import difflib

from frame.cases import ALL
from frame.results import FAILED, OK, together

BEGIN, END = "<!-- the matrix: written by `make interop UPDATE=1` -->\n", "<!-- end of the matrix -->\n"


class Footnotes:
    def __init__(self):
        self.reasons = []

    def mark(self, reason):
        if reason not in self.reasons:
            self.reasons.append(reason)
        return f"[{self.reasons.index(reason) + 1}]"


def render(results, peers):
    """`results`: of all rows in the order of the matrix. The same peers that do the same give the same text."""
    rows = {}
    for result in results:
        if result.row.columns:
            rows.setdefault(result.row, []).append(result)
    footnotes = Footnotes()
    parts = []
    for group in dict.fromkeys(row.group for row in rows):
        parts.append(f"### {group}\n\n{table_of({row: rows[row] for row in rows if row.group == group}, footnotes)}")
    if footnotes.reasons:
        parts.append("".join(f"- [{number}] {reason}\n" for number, reason in enumerate(footnotes.reasons, 1)))
    shown = {column for row in rows for column in row.columns}
    parts.append(table([("case", "what has to happen"), *((case.name, case.what) for case in ALL if case.name in shown)]))
    parts.append(table([("peer", "where it comes from"), *((peer.name, peer.source) for peer in peers)]))
    return "\n".join(parts)


def table_of(rows, footnotes):
    columns = list(dict.fromkeys(column for row in rows for column in row.columns))
    lines = [("peer", "route", *columns)]
    for row, results in rows.items():
        cells = [cell(results, column, footnotes) if column in row.columns else "" for column in columns]
        lines.append((row.name, row.route.name, *cells))
    return table(lines)


def cell(results, column, footnotes):
    outcome = together([result.outcomes[column] for result in results])
    if outcome.state == FAILED:
        return "FAILED"
    word = "ok" if outcome.state == OK else ""
    return f"{word} {footnotes.mark(outcome.reason)}".strip() if outcome.reason else word


def table(lines):
    """The first line is the heading. Columns are padded, so that it reads well as it is."""
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    rows = ["| " + " | ".join(text.ljust(width) for text, width in zip(line, widths)) + " |\n" for line in lines]
    rows.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|\n")
    return "".join(rows)


def versions(results, others):
    """`others`: pairs besides those that the results say."""
    met = {(result.row.name, result.version) for result in results if result.version}
    return table([("peer", "version"), *sorted({*met, *others})])


def in_readme(readme):
    """What the README says between its marks."""
    return readme.read_text().partition(BEGIN)[2].partition(END)[0]


def put_into_readme(readme, text):
    before, begin, rest = readme.read_text().partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"{readme} lacks the marks of the matrix")
    readme.write_text(before + begin + "\n" + text + "\n" + end + after)


def difference(readme, text):
    """Lines of a diff; none where the README says the same."""
    said, met = in_readme(readme).strip().splitlines(), text.strip().splitlines()
    return list(difflib.unified_diff(said, met, "tests/interop/README.md", "this run", lineterm=""))
