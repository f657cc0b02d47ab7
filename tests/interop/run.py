#!/usr/bin/env python3
"""Runs every row of the matrix under every variant, two at a time.

Prints the matrix with what failed, writes it to BUILD/matrix.md, compares it with the README beside this file, and
ends with "N passed, N failed".
"""

import argparse
import concurrent.futures
import pathlib
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "e2e")]

from frame import matrix  # noqa: E402
from frame.page import PageRow  # noqa: E402
from frame.peers import peers  # noqa: E402
from frame.results import CANNOT, FAILED, OK  # noqa: E402
from frame.routes import HOST, ROUTES, VARIANTS, Setting  # noqa: E402
from frame.rows import ClientRow  # noqa: E402
from proxies import rows as proxies  # noqa: E402
from servers import rows as servers  # noqa: E402
from tls_certificates import Certificates  # noqa: E402

README = HERE / "README.md"
JOBS = 2


def all_rows(build):
    rows = [ClientRow(peer.name, ROUTES[route], peer.command) for peer in peers(build) for route in peer.routes]
    return [*rows, *servers.rows(build), *proxies.rows(peers(build)), PageRow(ROUTES["ws"])]


def selected(rows, only):
    """`only`: names, routes or NAME/ROUTE, by commas; empty: all."""
    wanted = set(filter(None, only.split(",")))
    return [row for row in rows if not wanted or wanted & {row.name, row.route.name, f"{row.name}/{row.route.name}"}]


def run_all(rows, build):
    """The results in the rows' order."""
    with Certificates() as certificates, concurrent.futures.ThreadPoolExecutor(JOBS) as pool:
        certificate, key = certificates.issue(HOST, f"DNS:{HOST},IP:127.0.0.1")
        setting = Setting(build, certificates, certificate, key)

        def run(row, variant):
            started = time.monotonic()
            result = row.run(variant, setting)
            failures = result.failures()
            said = f"{len(failures)} failed" if failures else "ok"
            print(f"  {row.name}, {row.route.name}, {variant}: {said}, {time.monotonic() - started:.1f} s", flush=True)
            return result

        jobs = [pool.submit(run, row, variant) for row in rows for variant in row.variants(VARIANTS)]
        return [job.result() for job in jobs]


def print_failures(results):
    for result in results:
        reasons = {}
        for case, reason in result.failures():
            reasons.setdefault(reason, []).append(case)
        for reason, cases in reasons.items():
            print(f"failed: {result.row.name}, {result.row.route.name}, {result.variant}: {', '.join(cases)}: {reason}")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", required=True, type=pathlib.Path, help="the folder of peers that were compiled")
    parser.add_argument("--only", default="", help="names, routes or NAME/ROUTE, by commas; without README")
    parser.add_argument("--update", action="store_true", help="write the matrix into the README")
    options = parser.parse_args()
    build = options.build.resolve()
    rows = selected(all_rows(build), options.only)
    results = run_all(rows, build)

    text = matrix.render(results, (*peers(build), *proxies.SOURCES))
    versions = matrix.versions(results, proxies.versions())
    (build / "matrix.md").write_text(f"{text}\n{versions}")
    print(f"\n{text}\n{versions}")
    print_failures(results)
    states = [outcome.state for result in results for outcome in result.outcomes.values()]
    failed = states.count(FAILED)
    if options.only:
        print("note: some of the rows; the README is not compared")
    elif options.update and not failed:
        matrix.put_into_readme(README, text)
    else:
        difference = matrix.difference(README, text)
        failed += bool(difference)
        if difference:
            print("failed: the README says otherwise; where this run is right, `make interop UPDATE=1` writes it there")
            print("\n".join(difference))
    print(f"note: {states.count(CANNOT)} cells cannot be, for the reasons in the matrix")
    print(f"{states.count(OK)} passed, {failed} failed")
    return 0 if failed == 0 and OK in states else 1


if __name__ == "__main__":
    sys.exit(main())
