"""The list of what the RFCs demand, and the cases that hold each of them (requirements.md).

Each row of its tables: section | who is bound | a few words of the text | the cases, or "none: " and why there can be
no case here. Cases are numbers and ranges inside a class: 1.2, 4.1-4.8, 5.* (the whole class).
"""

import dataclasses
import pathlib
import re

FILE = pathlib.Path(__file__).with_name("requirements.md")
WHY_NONE = "none: "


@dataclasses.dataclass
class Requirement:
    line: int
    rfc: str
    section: str
    who: str
    words: str
    cases: str  # as written

    def why_none(self):
        return self.cases.removeprefix(WHY_NONE) if self.cases.startswith(WHY_NONE) else ""


def load(path=FILE):
    found, rfc = [], ""
    for number, line in enumerate(path.read_text().splitlines(), 1):
        heading = re.match(r"## RFC (\d+)", line)
        rfc = heading[1] if heading else rfc
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if line.startswith("|") and len(cells) == 4 and cells[0] not in ("section", "---"):
            found.append(Requirement(number, rfc, *cells))
    return found


def cases_of(requirement, tables):
    """The numbers it names; those that are not there are in the second list."""
    there = {case.number for table in tables for case in table.cases}
    sizes = {str(table.number): len(table.cases) for table in tables}
    named, unknown = [], []
    if requirement.why_none():
        return named, unknown
    for word in re.split(r"[,\s]+", requirement.cases):
        one = re.fullmatch(r"(\d+)\.(\d+)", word)
        several = re.fullmatch(r"(\d+)\.(\d+)-\1\.(\d+)", word)
        whole = re.fullmatch(r"(\d+)\.\*", word)
        if one:
            numbers = [word]
        elif several:
            numbers = [f"{several[1]}.{n}" for n in range(int(several[2]), int(several[3]) + 1)]
        elif whole:
            numbers = [f"{whole[1]}.{n}" for n in range(1, sizes.get(whole[1], 0) + 1)]
        else:
            numbers = []
        if not numbers:
            unknown.append(word or "(nothing)")
        named += [number for number in numbers if number in there]
        unknown += [number for number in numbers if number not in there]
    return named, unknown


def complaints(needs, tables):
    if not needs:
        yield f"{FILE.name} has no rows"
    for need in needs:
        place = f"{FILE.name}:{need.line}: RFC {need.rfc}, {need.section}"
        if not need.who or not need.words:
            yield f"{place}: an empty cell"
        if need.why_none():
            continue
        named, unknown = cases_of(need, tables)
        for word in unknown:
            yield f"{place}: there is no case {word}"
        if not named:
            yield f"{place}: neither a case nor a reason why there is none"
