"""The statistics service against exact arithmetic: the same batches, and answers equal to the last bit.

Numbers are kept as whole multiples of the least double, so that sums and sums of squares are exact, and Python's
division of whole numbers rounds once. Means and variances are computed with 104 bits and rounded once: only where the exact
one lies in the middle of two doubles, as far as so many bits can tell, may the answer be the other of the two.
"""

import random
import threading

from refusals import problem
from server import Service, psql

# All doubles are multiples of 2^-UNIT.
UNIT = 1074
# Bits of means and variances before they are rounded, by a safe margin.
BITS = 100
# Numbers that are hard to add up, each in its own way.
SHAPES = {
    "around a level": lambda: random.gauss(100, 1),
    "far from zero": lambda: 1e15 + random.random(),
    "of few values": lambda: float(random.randint(0, 3)),
    "prices": lambda: random.randint(1, 10**7) / 100,
    "of any size": lambda: random.uniform(-1, 1) * 10.0 ** random.randint(-30, 30),
    "that cancel": lambda: random.choice([1e16, -1e16, 1.0, 0.1]),
    "with spikes": lambda: 1e12 if random.random() < 0.001 else random.random(),
    "huge": lambda: random.uniform(0.5, 1) * 1e150,
    "tiny": lambda: random.uniform(-1, 1) * 1e-150,
    "subnormal sums": lambda: random.randint(-5, 5) * 5e-324,
    "constant": lambda: 0.1,
    "on both sides of zero": lambda: random.choice([-0.0, 0.0, 1e-8, -1e-8]),
}
# One value, the ends of steps, and of leaves of a thousand.
SIZES = [0, 1, 2, 9, 10, 11, 99, 100, 101, 999, 1000, 1001, 3000]


class Reference:
    """The numbers of a symbol, with running sums."""

    def __init__(self):
        self.values, self.sums, self.squares = [], [0], [0]

    def add(self, batch):
        for value in batch:
            top, bottom = value.as_integer_ratio()
            whole = top * ((1 << UNIT) // bottom)
            self.values.append(value)
            self.sums.append(self.sums[-1] + whole)
            self.squares.append(self.squares[-1] + whole * whole)

    def newest(self, count):
        """The statistics of the newest numbers, each as the answers that are right."""
        values = self.values[-count:]
        n, begin = len(values), max(len(self.values) - count, 0)
        total, squares = self.sums[-1] - self.sums[begin], self.squares[-1] - self.squares[begin]
        var = rounded(n * squares - total * total, n * (n - 1) << 2 * UNIT) if n > 1 else [None]
        return {"min": [min(values)], "max": [max(values)], "last": values[-1:], "avg": rounded(total, n << UNIT), "var": var, "num_vals": [n]}


def rounded(top, bottom):
    """The double nearest to a quotient of whole numbers first, and those nearest to what is hardly less or more."""
    return [(top * factor) / (bottom << BITS) for factor in (1 << BITS, (1 << BITS) - 1, (1 << BITS) + 1)]


def random_batches(rounds=60, seed=20261122):
    """Batches of every shape and size, of several symbols in turn; each answer for each k."""
    print(f"# seed {seed}")
    random.seed(seed)
    with Service() as service:
        known, asked, between = {}, 0, 0
        for turn in range(rounds):
            symbol = list(SHAPES)[turn % len(SHAPES)]
            size = 10_000 if turn == 0 else random.choice(SIZES)
            batch = [SHAPES[symbol]() for _ in range(size)]
            assert service.ask("POST", "/add_batch/", {"symbol": symbol, "values": batch}, user="owner")[2] == {"num_vals": size}
            reference = known.setdefault(symbol, Reference())
            reference.add(batch)
            if not reference.values:
                problem(stats(service, symbol, 1), 404)
                continue
            for k in range(1, 9):
                status, _, found = stats(service, symbol, k)
                wanted = reference.newest(10**k)
                assert status == 200 and all(found[name] in right for name, right in wanted.items()), (seed, turn, symbol, k, found, wanted)
                asked, between = asked + 1, between + any(found[name] != right[0] for name, right in wanted.items())
                if 10**k >= len(reference.values):
                    break
        print(f"# {asked} answers, {asked - between} equal to the last bit, {between} of a number between two doubles")
        assert between < asked / 50, "too many"


def stats(service, symbol, k):
    return service.ask("GET", f"/stats/?symbol={symbol.replace(' ', '+')}&k={k}", user="owner")


def refused_batches():
    """What is no batch and no question; nothing of a refused batch stays."""
    with Service() as service:
        problem(service.ask("GET", "/stats/?symbol=BTC&k=1", user="owner"), 404)
        problem(service.ask("POST", "/add_batch/", {"symbol": "BTC", "values": [1]}, user="ann"), 403, "42501")
        assert service.ask("POST", "/add_batch/", {"symbol": "S1", "values": [1]}, user="owner")[0] == 200
        for batch, status in [({"symbol": "B", "values": [1] * 10_001}, 422), ({"symbol": "B", "values": [1, "x"]}, 422), ({"symbol": "", "values": [1]}, 422), ({"values": [1]}, 422)]:
            problem(service.ask("POST", "/add_batch/", batch, user="owner"), status)
        problem(service.ask("POST", "/add_batch/", '{"symbol": "B", "values": [1, 1e999]}', user="owner", headers={"Content-Type": "application/json"}), 400)
        assert service.ask("POST", "/add_batch/", {"symbol": "B", "values": []}, user="owner")[0] == 200
        problem(service.ask("GET", "/stats/?symbol=B&k=1", user="owner"), 404)
        for k in ("0", "9", "x", ""):
            problem(service.ask("GET", f"/stats/?symbol=S1&k={k}", user="owner"), 422)
        problem(service.ask("GET", "/stats/?symbol=S1", user="owner"), 400)


def together():
    """Batches of one symbol that come at the same time stay whole, and whoever asks after an answer sees its batch."""
    failures = []

    def writer(number):
        try:
            for turn in range(10):
                value = number * 100 + turn
                service.ask("POST", "/add_batch/", {"symbol": "all", "values": [value] * 50}, user="owner")
                found = service.get("/stats/?symbol=all&k=8", user="owner")
                assert found["min"] <= value <= found["max"]
        except Exception as error:
            failures.append(error)

    with Service() as service:
        threads = [threading.Thread(target=writer, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not failures, failures
        assert service.get("/stats/?symbol=all&k=8", user="owner")["num_vals"] == 2000
    assert psql("SELECT count(*) FROM (SELECT value IS DISTINCT FROM lag(value) OVER (ORDER BY n) AS begins FROM stats_points WHERE symbol = 'all') s WHERE begins") == "40"


TESTS = [refused_batches, random_batches, together]
