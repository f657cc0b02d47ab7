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
# For brume's client: that a server of somebody else's is checked.
CERTIFICATE_CASES = (
    Case("unknown CA", "a certificate of another authority is refused, as one of TLS"),
    Case("wrong name", "a good certificate for another host is refused, as one of TLS, unless its name is expected"),
)
# Through a proxy, where the server is told for whom it speaks.
PROXY_CASES = (
    Case("address", "the client is seen at its own address, also where it brings an X-Forwarded-For of its own"),
    Case("Origin", "the page's own Origin is let in, those of another host and of another port are refused with 403"),
    Case("scheme", "the client's own X-Forwarded-Proto does not count; an Origin of the other scheme is refused with 403"),
    Case("idle", "pings keep an idle connection open for twice the proxy's time-out; without them the proxy cuts it"),
)
ALL = (*CASES, *CERTIFICATE_CASES, *PROXY_CASES)
NAMES = tuple(case.name for case in CASES)
CERTIFICATE_NAMES = tuple(case.name for case in CERTIFICATE_CASES)
PROXY_NAMES = tuple(case.name for case in PROXY_CASES)
