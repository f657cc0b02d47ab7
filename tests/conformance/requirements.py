"""The list of what the RFCs demand, and the cases that hold each of them (requirements.md).

Each row of its tables: section | who is bound | a few words of the text | the cases, or "none: " and why there can be
no case here. Cases are numbers and ranges inside a class: 1.2, 4.1-4.8, 5.* (the whole class). In front of a table
"Demands by section" says how often each section's text says MUST, REQUIRED or SHALL; the rows say so at least as often.

usage: requirements.py FILE: counts the demands in the text of RFC 6455 anew, and compares.
"""

import collections
import dataclasses
import pathlib
import re
import sys

FILE = pathlib.Path(__file__).with_name("requirements.md")
WHY_NONE = "none: "
DEMAND = re.compile(r"\b(?:MUST|REQUIRED|SHALL)\b")
CONVENTIONS = "2"  # the section of RFC 6455 that says what the words mean


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


def demands(path=FILE):
    """{rfc: {section: how many}} for those whose text was counted."""
    found = {}
    for part in re.split(r"(?m)^## RFC ", path.read_text())[1:]:
        listed = re.search(r"(?ms)^Demands by section: (.*?)\n\n", part)
        if listed:
            pairs = [pair.split() for pair in listed[1].replace("\n", " ").split(",")]
            found[part.split()[0]] = {section: int(count) for section, count in pairs}
    return found


def count_in(text):
    """{section: how many} in the text of RFC 6455."""
    counts, section = collections.Counter(), ""
    for line in text.replace("\f", "").splitlines():
        heading = re.match(r"(\d+(?:\.\d+)*)\.\s+\S", line)
        if heading and not re.search(r"\. \. \.|\.{4}", line):  # not of the table of contents
            section = heading[1]
        counts[section] += len(DEMAND.findall(line))
    return {section: count for section, count in counts.items() if count and section != CONVENTIONS}


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


def complaints(needs, tables, counted=None):
    """`counted`: what demands() gives, where the rows are held to that."""
    if not needs:
        yield f"{FILE.name} has no rows"
    said = collections.Counter()
    for need in needs:
        said[need.rfc, need.section] += len(DEMAND.findall(need.words))
    for rfc, sections in (counted or {}).items():
        for section, count in sections.items():
            if said[rfc, section] < count:
                yield f"RFC {rfc}, {section}: {count} demands in the text, {said[rfc, section]} in the rows"
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


def main(text):
    counted, listed = count_in(text), demands()["6455"]
    for section in sorted({*counted, *listed}):
        if counted.get(section, 0) != listed.get(section, 0):
            print(f"{section}: {counted.get(section, 0)} in the text, {listed.get(section, 0)} are listed")
    print(f"{sum(counted.values())} demands in {len(counted)} sections")
    return 0 if counted == listed else 1


if __name__ == "__main__":
    sys.exit(main(pathlib.Path(sys.argv[1]).read_text()))
