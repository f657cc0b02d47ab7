"""The cases: the columns of the matrix. Every peer knows them by these names."""

import dataclasses

LIMIT_BYTES = 1 << 20  # of the echo program's largest message


@dataclasses.dataclass(frozen=True)
class Case:
    name: str
    what: str


CASES = (
    Case("text", "text with emoji comes back"),
    Case("binary", "70,000 bytes come back as binary"),
    Case("empty", "an empty text and an empty binary message come back"),
    Case("fragmented", "text and binary in several fragments come back whole"),
    Case("1 MiB", "1 MiB of text and 1 MiB of binary, the largest message allowed, come back"),
    Case("compressed", "permessage-deflate is agreed on, and messages that are alike, random and large come back"),
    Case("ping", "a ping is answered with its payload"),
    Case("close 1000", "the client closes with 1000 and a reason, and is answered with the code"),
    Case("close 3000", "the client closes with 3000 and a reason that is not ASCII"),
    Case("closed 4001", "the server closes with 4001 and a reason that is not ASCII, and both arrive"),
    Case("closed 1009", "one byte more than 1 MiB, text and binary: the server closes with 1009"),
    Case("closed 1001", "the server is told to end: it closes with 1001, and ends with status 0"),
)
NAMES = tuple(case.name for case in CASES)
