"""Mutants: changes of the sources that a test must notice. All are compiled at once, and the environment says whose turn it is."""

import contextlib
import signal
import sys


def mutated(mutants, before):
    """The sources with all mutants: `new` takes the place of `old`, which occurs once; MUTANT in it says whether it is this one's turn."""
    after = dict(before)
    for number, mutant in enumerate(mutants):
        places = [file for file, source in after.items() for _ in range(source.count(mutant["old"]))]
        if len(places) != 1:
            sys.exit(f"not ok - {mutant['name']}: there are {len(places)} places for it")
        turn = f'(std::env::var("PG_TALLY_MUTANT").as_deref() == Ok("{number}"))'
        after[places[0]] = after[places[0]].replace(mutant["old"], mutant["new"].replace("MUTANT", turn))
    return after


@contextlib.contextmanager
def in_place(mutants, before):
    """Has the mutants in the sources for a while."""
    after = mutated(mutants, before)
    changed = [file for file in before if after[file] != before[file]]
    # So that the sources are put back then, too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    try:
        for file in changed:
            file.write_text(after[file])
        yield
    finally:
        for file in changed:
            file.write_text(before[file])
