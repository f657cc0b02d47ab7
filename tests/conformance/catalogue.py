"""All classes in their order, and what must be true of them as a whole."""

import importlib

NAMES = ("lengths", "framing", "control_frames", "reserved_bits", "opcodes", "masking", "fragmentation", "interleaved",
         "utf8_valid", "utf8_invalid", "utf8_fail_fast", "close_codes", "closing", "limits", "load", "request_line",
         "http_fields", "websocket_fields", "bodies", "origins", "subprotocols", "extensions", "deflate_offers",
         "deflate_data", "client_request", "client_answer")
LEAST_CASES, LEAST_IN_CLASS = 500, 20


def load():
    return [importlib.import_module(f"cases.{name}").table for name in NAMES]


def complaints(tables):
    """What is wrong with the catalogue: numbers, sentences said twice, too few cases."""
    cases = [case for table in tables for case in table.cases]
    if [table.number for table in tables] != list(range(1, len(tables) + 1)):
        yield "the classes are not numbered in their order"
    if len(cases) < LEAST_CASES:
        yield f"{len(cases)} cases are fewer than {LEAST_CASES}"
    for table in tables:
        if len(table.cases) < LEAST_IN_CLASS:
            yield f"class {table.number}, {table.title}, has {len(table.cases)} cases, fewer than {LEAST_IN_CLASS}"
    seen = {}
    for case in cases:
        if case.sentence in seen:
            yield f"{case.number} and {seen[case.sentence]} have the same sentence: {case.sentence}"
        seen[case.sentence] = case.number
        if not case.scripts:
            yield f"{case.number} has no script"
