#!/usr/bin/env -S python3 -B
"""Tests `tally serve` against a real server whose users log in with passwords; names of tests run only those.

    scripts/cluster.py run -- tests/serve/run.py [NAME…]
"""

import sys
import traceback

import answers
import document
import others
import outages
import refusals
import statistics_service
from server import Service, prepare


def attempt(name, test, *arguments):
    """Run a test; return whether it failed."""
    try:
        test(*arguments)
    except BaseException:
        traceback.print_exc(file=sys.stdout)
        print(f"not ok - serve: {name}", flush=True)
        return True
    print(f"ok - serve: {name}", flush=True)
    return False


def main():
    chosen = sys.argv[1:]
    prepare()
    failed = False
    shared = [test for module in (answers, document, refusals) for test in module.TESTS if not chosen or test.__name__ in chosen]
    with Service() as service:
        for test in shared:
            failed |= attempt(test.__name__, test, service)
    for test in [*statistics_service.TESTS, *others.TESTS, *outages.TESTS]:
        if not chosen or test.__name__ in chosen:
            failed |= attempt(test.__name__, test)
    sys.exit(failed)


main()
