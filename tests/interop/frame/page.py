"""The echo program's page at "/" in headless Chromium (run_page_check.js): counted, but no row of the matrix."""

import dataclasses
import pathlib

from frame.results import Result
from frame.rows import follow
from server_program import CheckFailed

SCRIPT = pathlib.Path(__file__).resolve().parent.parent / "run_page_check.js"


@dataclasses.dataclass(frozen=True)
class PageRow:
    route: object
    name: str = "page"
    columns: tuple = ()

    def variants(self, variants):
        return variants[:1]

    def run(self, variant, setting):
        result = Result(self, variant)
        try:
            with self.route.open(variant, setting) as endpoint:
                command = ("node", str(SCRIPT), str(setting.build))
                follow(command, endpoint.url, setting, result, endpoint.server.terminate)
        except (CheckFailed, OSError) as failure:
            result.failed("runs", str(failure))
        return result
