#!/usr/bin/env -S python3 -B
"""Tests `tally serve` against a real server whose users log in with passwords; names of tests run only those, --long those that take long.

    scripts/cluster.py run -- tests/serve/run.py [--long] [NAME…]
"""

import sys
import traceback

import alerts
import answers
import document
import long
import lookalikes
import others
import outages
import refusals
import reports
import statistics_service
from server import PASSWORDS, Service, prepare


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
    shared = [*answers.TESTS, *document.TESTS, *refusals.TESTS]
    alone = [*statistics_service.TESTS, *others.TESTS, *outages.TESTS, *reports.TESTS, *alerts.TESTS]
    if "--long" in chosen:
        chosen.remove("--long")
        shared, alone = long.SHARED, long.TESTS
    if unknown := set(chosen) - {test.__name__ for test in shared + alone}:
        sys.exit(f"there is no test {', '.join(sorted(unknown))}")
    prepare()
    lookalikes.make()
    lookalikes.show(*PASSWORDS)
    failed = False
    with Service() as service:
        for test in shared:
            if not chosen or test.__name__ in chosen:
                failed |= attempt(test.__name__, test, service)
    lookalikes.hide(*PASSWORDS)
    for test in alone:
        if not chosen or test.__name__ in chosen:
            failed |= attempt(test.__name__, test)
    sys.exit(failed)


if __name__ == "__main__":
    main()
