"""Mutants: changes of the sources that a test must notice. All are compiled at once, and the environment says whose turn it is."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))


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


def main(folder, crate, passes, names):
    """Breaks a crate of the program as mutants.toml of the folder lists it: the test that each names must fail, and pass before.

    `passes` takes a test, the program, and the number of the mutant or nothing; it returns whether the test passes, and why not. Among
    the names, which choose those that have one of them in their names, --check has only the places of the mutants be looked for.
    """
    mutants = tomllib.loads((folder / "mutants.toml").read_text())["mutant"]
    before = {file: file.read_text() for file in sorted((ROOT / f"crates/{crate}/src").rglob("*.rs"))}
    if names == ["--check"]:
        mutated(mutants, before)
        print(f"ok - places of the mutants of {crate}")
        return
    chosen = [(number, mutant) for number, mutant in enumerate(mutants) if not names or any(name in mutant["name"] for name in names)]
    if not chosen:
        sys.exit(f"no mutant has {' or '.join(names)} in its name")
    with tempfile.TemporaryDirectory() as directory:
        try:
            with in_place(mutants, before):
                build()
                # Nobody else is to find it.
                program = shutil.move(TARGET / "release/tally", directory)
            sys.exit(survivors(chosen, passes, program) > 0)
        finally:
            build()


def survivors(mutants, passes, program):
    """The number of mutants that the test which they name does not notice."""
    for test in sorted({mutant["by"] for _, mutant in mutants}):
        passed, why = passes(test, program, "")
        if not passed:
            sys.exit(f"not ok - {test} fails without a mutant: {why}")
    number_of = 0
    for number, mutant in mutants:
        survives, why = passes(mutant["by"], program, str(number))
        number_of += survives
        print(f"{'not ok' if survives else 'ok'} - {mutant['name']}: {why or 'no test fails'}", flush=True)
    return number_of


def build():
    done = subprocess.run(["cargo", "build", "--quiet", "--release", "-p", "tally-loader"], cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if done.returncode:
        sys.exit(done.stderr)


def outcome(command, environment):
    """Whether a test passes, and its first complaint."""
    done = subprocess.run(command, cwd=ROOT, env={**os.environ, **environment}, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    return done.returncode == 0, next((line for line in done.stdout.splitlines() if line.startswith("not ok")), done.stderr[-300:] if done.returncode else "")
