"""What one run of a peer said, case by case, and what several runs of it say together."""

import dataclasses

OK, FAILED, CANNOT = "ok", "FAILED", "cannot"


@dataclasses.dataclass(frozen=True)
class Outcome:
    state: str
    reason: str = ""


@dataclasses.dataclass
class Result:
    """A row's outcome under one variant. Whatever is not one of the matrix' cases counts, but has no column."""

    row: object
    variant: object
    version: str = ""
    outcomes: dict = dataclasses.field(default_factory=dict)  # case -> Outcome

    def passed(self, case):
        self.outcomes[case] = Outcome(OK)

    def failed(self, case, reason):
        self.outcomes[case] = Outcome(FAILED, reason or "failed")

    def check(self, case, condition, reason):
        if condition:
            self.passed(case)
        else:
            self.failed(case, reason)

    def take(self, line):
        """One of a peer's lines: "client VERSION", "pass CASE", "FAIL CASE: REASON", "cannot CASE: REASON".

        "pass CASE: NOTE" has seen less than the case says."""
        word, _, rest = line.strip().partition(" ")
        name, _, reason = rest.partition(": ")
        if word == "client":
            self.version = rest
        elif word == "pass":
            self.outcomes[name] = Outcome(OK, reason)
        elif word == "FAIL":
            self.failed(name, reason)
        elif word == "cannot":
            self.outcomes[name] = Outcome(CANNOT, reason) if reason else Outcome(FAILED, "cannot, and gave no reason")
        elif word:
            self.failed("speaks as the runner expects", f"said {line.strip()!r}")

    def require(self, names):
        """A case of which nothing was said has failed."""
        for name in names:
            if name not in self.outcomes:
                self.failed(name, "nothing was said of it")

    def failures(self):
        return [(case, outcome.reason) for case, outcome in self.outcomes.items() if outcome.state == FAILED]


def together(outcomes):
    """The one outcome of several runs: they have to agree."""
    for outcome in outcomes:
        if outcome.state == FAILED:
            return outcome
    if len(set(outcomes)) != 1:
        return Outcome(FAILED, "not the same in each variant")
    return outcomes[0]
