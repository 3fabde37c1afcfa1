#!/usr/bin/env -S python3 -B
"""Checks the walls between the rooms of the code: who may take from whom, and that nobody goes in circles.

A room is a folder, or a file beside folders, of a house; a house is a crate's sources. Imports are read from the
sources, tests left out. A `mod.rs` stands for its folder: it takes from the rooms inside, and shares types with them.

may      room: the rooms that it may take from and, once it is built, does; every file must be in a room. A room stands for the rooms
         inside too, and the files at the root that are in none are "."
walls    pairs of rooms, the first of which takes nothing from the second

Crates are held to the dependencies of their manifests.
"""

import re
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

# What the ways in and out of a power tree stand on; none of them knows another.
GROUND = "powertree/base powertree/model powertree/store pg"

# What the loader does; the rooms below know none of it.
FEATURES = ("archive", "files", "load", "messages")
GROUND_OF_FEATURES = ("kafka", "observe", "pg")

# What files may be; none of them knows another.
FORMATS = ("csv", "ndjson", "parquet")

# Crates: those of ours that each may take from and does, tests left out.
CRATES = {
    ".": "stats",
    "stats": "",
    "postgres": "",
    "program": "postgres",
    "objects": "postgres",
    "rows": "postgres",
    "notify": "postgres rows",
    "files": "objects postgres program rows",
    "archive": "files notify objects postgres program rows stats",
    "serve": "notify postgres program rows",
    "loader": "archive files notify objects postgres program rows serve",
    "market": "postgres program rows",
    "testkit": "",
}

HOUSES = {
    "src": {
        "may": {
            "lib": "",
            "powertree": "",
            "powertree/capture": f"{GROUND} settings",
            "powertree/compact": f"{GROUND} settings",
            "powertree/ddl": GROUND,
            "powertree/read": f"{GROUND} datum",
            "powertree/base": "powertree/model powertree/store datum pg",
            "powertree/model": "powertree/store datum pg",
            "powertree/store": "pg",
            "rewrite": "pg settings",
            "rewrite/rollups": "pg powertree powertree/model settings",
            "rewrite/rollups/node": "rewrite/rollups/answer rewrite/rollups/inquiry rewrite/rollups/question rewrite/rollups/terms powertree powertree/model pg",
            "rewrite/rollups/answer": "rewrite/rollups/question rewrite/rollups/terms powertree powertree/model pg settings",
            "rewrite/rollups/inquiry": "rewrite/rollups/terms pg settings",
            "rewrite/rollups/question": "rewrite/rollups/terms powertree/model pg settings",
            "rewrite/rollups/terms": "powertree datum pg",
            "rewrite/windows": "datum pg settings",
            "tally": "datum pg",
            "detector": "pg",
            "datum": "pg",
            "pg": "",
            "pg/calls": "pg/memory pg/nodes pg/server pg/tables pg/values",
            "pg/execution": "pg/memory pg/nodes pg/server pg/tables pg/values",
            "pg/planning": "pg/memory pg/nodes pg/server pg/tables pg/values",
            "pg/tables": "pg/memory pg/nodes pg/server pg/values",
            "pg/nodes": "pg/memory pg/server pg/values",
            "pg/values": "pg/memory pg/server",
            "pg/memory": "pg/server",
            "pg/server": "",
            "settings": "",
        },
    },
    "crates/stats/src": {
        "may": {
            "summary": "detector .",
            "detector": "",
            "detector/report": "detector detector/segmentation .",
            "detector/segmentation": "detector detector/scale",
            "detector/scale": "detector",
            "detector/surprise": "detector",
            "tree": ".",
            ".": "",
        },
    },
    "crates/loader/src": {
        "walls": [
            *((room, feature) for room in (*GROUND_OF_FEATURES, "store") for feature in FEATURES),
            *((room, "store") for room in GROUND_OF_FEATURES),
            ("files", "load"),
            ("load", "files"),
            # Messages in files stand on both.
            *((feature, "messages") for feature in ("archive", "files", "load")),
            *((feature, "archive") for feature in ("files", "load", "messages")),
            *(("archive", feature) for feature in ("files", "load", "store")),
            ("store", "kafka"),
            ("kafka", "pg"),
        ],
    },
    "crates/rows/src": {
        "may": {
            "registry": "config decode",
            "decode": "config definition",
            "definition": "config",
            "refusal": "decode",
            "raw": "decode",
            "config": "",
            ".": "",
        },
    },
    "crates/files/src": {
        "walls": [
            *((format, other) for format in FORMATS for other in FORMATS if format != other),
            *((room, format) for room in ("infer", "input", "text") for format in FORMATS),
            ("input", "infer"),
            ("input", "text"),
        ],
    },
    "crates/archive/src": {
        "walls": [
            *((room, way) for room in ("compare", "export", "form", "key", "ledger", "manifest", "object", "proof", "rows", "step", "stretch", "table", "work") for way in ("drop", "job", "look", "restore", "run", "session")),
            *(("form", room) for room in ("ledger", "table")),
            *((room, "step") for room in ("export", "ledger", "manifest", "object", "proof", "table", "work")),
            *((room, "ledger") for room in ("export", "key", "object", "proof", "rows", "table")),
            # Topics have nothing to do with tables.
            *(("topic", room) for room in ("drop", "export", "form", "ledger", "look", "object", "proof", "restore", "run", "session", "step", "table")),
        ],
    },
    "crates/serve/src": {
        "may": {
            "lib": "",
            "api": "access alerts database events http problem streams",
            "alerts": "access config database problem streams",
            "events": "access config database problem streams",
            "streams": "access database problem",
            "access": "config database problem",
            "database": "problem",
            "http": "config problem",
            "observe": "access streams",
            "reports": "config database problem",
            "page": "problem",
            "check": "config http",
            "config": "",
            "problem": "",
        },
    },
    "crates/objects/src": {},
    "crates/market/src": {},
    "crates/testkit/src": {},
    "crates/postgres/src": {
        "may": {
            "connection": ".",
            "pgtype": "",
            ".": "",
        },
    },
}


def code(text):
    """Sources without comments, text and tests."""
    text = re.sub(r'//[^\n]*|/\*(?s:.*?)\*/|"(?:\\.|[^"\\])*"|r#*"(?s:.*?)"#*', " ", text)
    tests = re.search(r"#\[cfg\((?:all\()?test\b[^\]]*\]\s*(?:pub )?mod \w+ \{", text)
    return text[: tests.start()] if tests else text


def expanded(path):
    """`a::{b, c::{d}}` as a::b and a::c::d."""
    if "{" not in path:
        yield path.split(" as ")[0].strip()
        return
    head, rest = path.split("{", 1)
    depth, part, parts = 1, "", []
    for letter in rest:
        depth += (letter == "{") - (letter == "}")
        if depth == 0 or depth == 1 and letter == ",":
            parts.append(part)
            part = ""
        else:
            part += letter
        if depth == 0:
            break
    for part in parts:
        if part.strip():
            yield from expanded(head.strip() + part.strip())


class House:
    def __init__(self, folder):
        self.folder = ROOT / folder
        self.files = {}
        for file in sorted(self.folder.rglob("*.rs")):
            path = file.relative_to(self.folder)
            module = path.parent.parts if path.name == "mod.rs" else path.with_suffix("").parts
            self.files[module if path.name not in ("lib.rs", "main.rs") else ()] = path

    def arrows(self):
        """Pairs of modules, the first of which takes from the second."""
        for module, path in self.files.items():
            text = code((self.folder / path).read_text())
            for start in re.finditer(r"\b(?:crate|super)\s*::", text):
                whole = re.match(r"[\w:\s]*?(?:\{[^;]*|\*|(?=[^\w:\s])|$)", text[start.start() :])[0]
                for name in expanded(re.sub(r"\s+", " ", whole)):
                    found = self.resolve(module, re.findall(r"\w+", name))
                    # What a module inside of a file takes from the file around it is no arrow.
                    if found is not None and found != module and not name.endswith("super::*"):
                        yield module, found

    def resolve(self, module, names):
        """The innermost module of a path."""
        here = () if names[0] == "crate" else module
        for name in names:
            if name == "super":
                here = here[:-1]
            elif name not in ("crate", "self"):
                if here + (name,) not in self.files:
                    break
                here += (name,)
        return here if here in self.files else None


def room_of(module, rooms):
    """The innermost of the rooms that a module belongs to."""
    names = "/".join(module) or "lib"
    inside = [room for room in rooms if is_inside(names, room)]
    return max(inside, key=len, default="." if "." in rooms and len(module) < 2 else None)


def is_inside(room, other):
    """Whether a room is another one, or inside of it."""
    return room == other or room.startswith(other + "/")


def circles(arrows):
    """The sets of nodes that reach each other."""
    reach = {}
    nodes = sorted({node for arrow in arrows for node in arrow})
    for node in nodes:
        seen, todo = set(), [node]
        while todo:
            for first, second in arrows:
                if first == todo[-1] and second not in seen:
                    seen.add(second)
                    todo.insert(0, second)
            todo.pop()
        reach[node] = seen
    found = []
    for node in nodes:
        circle = sorted(other for other in reach[node] if node in reach[other])
        if circle and circle not in found:
            found.append(circle)
    return found


def among_siblings(house, arrows):
    """For each folder, the arrows between what is in it."""
    siblings = {}
    for first, second in arrows:
        shared = next((i for i, (a, b) in enumerate(zip(first, second)) if a != b), None)
        if shared is not None:
            siblings.setdefault(first[:shared], set()).add((first[shared], second[shared]))
    return siblings


def complaints(name, house, rules):
    arrows = set(house.arrows())
    if not arrows:
        yield f"{name}: no imports were found"
    if "may" in rules:
        may = {room: others.split() for room, others in rules["may"].items()}
        drawn = {}
        for module in house.files:
            if room_of(module, may) is None:
                yield f"{name}: {house.files[module]} is in no room"
        for first, second in arrows:
            rooms = room_of(first, may), room_of(second, may)
            if None not in rooms and rooms[0] != rooms[1]:
                drawn.setdefault(rooms, []).append(f"{house.files[first]} takes from {house.files[second]}")
        for (first, second), examples in sorted(drawn.items()):
            nested = is_inside(first, second) or is_inside(second, first)
            if not any(is_inside(second, other) for other in may[first]) and not nested and first != "lib":
                yield f"{name}: {first} must not take from {second}: {sorted(examples)[0]}"
        built = {room_of(module, may) for module in house.files}
        for first, others in may.items():
            for second in others if first in built else ():
                if not any(one == first and is_inside(other, second) for one, other in drawn):
                    yield f"{name}: {first} does not take from {second}: strike it from the list"
    for first, second in rules.get("walls", []):
        for room in first, second:
            if not any(room_of(module, [room]) for module in house.files):
                yield f"{name}: there is no room {room}"
        for one, other in sorted(arrows):
            if room_of(one, [first]) and room_of(other, [second]):
                yield f"{name}: {first} must not take from {second}: {house.files[one]} does"
    for folder, between in among_siblings(house, arrows).items():
        for circle in circles(between):
            names = ", ".join("/".join((*folder, room)) for room in circle)
            yield f"{name}: a circle: {names}"


def complaints_about_crates():
    manifests = {".": ROOT / "Cargo.toml", **{file.parent.name: file for file in ROOT.glob("crates/*/Cargo.toml")}}
    for name in sorted(manifests.keys() ^ CRATES.keys()):
        yield f"crate {name}: it is not both in crates and in the list"
    for name in sorted(manifests.keys() & CRATES.keys()):
        needs = tomllib.loads(manifests[name].read_text()).get("dependencies", {})
        taken = {need.removeprefix("tally-") for need in needs if need.startswith("tally-")}
        for other in sorted(taken - set(CRATES[name].split())):
            yield f"crate {name} must not take from {other}"
        for other in sorted(set(CRATES[name].split()) - taken):
            yield f"crate {name} does not take from {other}: strike it from the list"


def main():
    failed = False
    for complaint in complaints_about_crates():
        print(complaint)
        failed = True
    for name, rules in HOUSES.items():
        house = House(name)
        for complaint in complaints(name, house, rules):
            print(complaint)
            failed = True
    if failed:
        sys.exit(1)
    print("ok - walls")


if __name__ == "__main__":
    main()
