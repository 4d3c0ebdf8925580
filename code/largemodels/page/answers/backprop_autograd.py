"""References for the exercises of Building an autograd engine."""

import numpy as np

from largemodels.page.answers import judge, reference


def _scores(rng):
    """Prime sizes, one class, large scores of both signs, masked ones."""
    cases = []
    for rows, classes, scale in ((7, 5, 1.0), (3, 1, 1.0), (5, 11, 1000.0)):
        cases.append((rng.normal(size=rows), scale * rng.normal(size=(rows, classes))))
    masked = rng.normal(size=(5, 7))
    masked[rng.random((5, 7)) < 0.4] = -np.inf
    masked[:, 2] = 0.5
    cases.append((rng.normal(size=5), masked))
    return cases


@reference(
    "logsumexp-vjp",
    cases=_scores,
    hint="The slopes of a row are probabilities, and adding the same number to all "
    "scores of a row does not change them. Each row has its own cotangent.",
    rtol=1e-9,
    atol=1e-12,
)
def logsumexp_vjp(g, x):
    """g times exp(x - logsumexp(x)), row by row."""
    total = np.logaddexp.reduce(x, axis=-1, keepdims=True)
    return np.asarray(g)[:, None] * np.exp(x - total)


def _graphs(rng):
    """Small random graphs, one node, unused nodes, shared ones, and a long chain."""
    graphs = [([[]], 0), ([[], [0, 0], [], [1, 1]], 3), ([[], [0], [0], [2, 1]], 3)]
    # A parent that is also a parent's parent, named on either side.
    graphs += [([[], [0], [0, 1]], 2), ([[], [0], [1, 0]], 2)]
    for nodes in (5, 11, 23):
        parents = [
            rng.integers(i, size=rng.integers(4)).tolist() if i else []
            for i in range(nodes)
        ]
        names = rng.permutation(nodes)  # a node's number must not tell its place
        renamed = [[] for _ in range(nodes)]
        for i, of in enumerate(parents):
            renamed[names[i]] = [int(names[j]) for j in of]
        graphs.append((renamed, int(names[-1])))
    graphs.append(([[], *([i] for i in range(100_000))], 100_000))
    return graphs


@judge(
    "topological-order",
    hint="A node may be written down only when all its parents are. Python allows some "
    "thousand calls within one another: keep the nodes to be visited in a list.",
)
def topological_order(answer, rng):
    """Whether each list is complete, without repetition, and in order."""
    for parents, output in _graphs(rng):
        order = [int(node) for node in answer(parents, output)]
        needed, stack = {output}, [output]
        while stack:
            new = set(parents[stack.pop()]) - needed
            needed |= new
            stack.extend(new)
        told = "in a chain of 100,000 nodes"
        if len(parents) < 30:
            told = f"for parents = {parents} and output = {output}"
        if len(set(order)) < len(order):
            return f"a node stands in the list twice, {told}"
        if set(order) != needed:
            return f"{len(order)} nodes, where {len(needed)} are needed, {told}"
        place = {node: k for k, node in enumerate(order)}
        if any(place[j] > place[i] for i in order for j in parents[i]):
            return f"a node stands before one of its parents, {told}"
    return None


def _tapes(rng):
    """Shared values, unused inputs, squares, an input handed through, long tapes."""
    cases = [
        ([("mul", 0, 0)], rng.normal(size=1)),
        ([("add", 0, 0), ("mul", 2, 2)], rng.normal(size=2)),
        ([("mul", 0, 1), ("add", 3, 0), ("mul", 4, 3)], rng.normal(size=3)),
        ([("exp", 0), ("sin", 1), ("sin", 0)], rng.normal(size=1)),
    ]
    for inputs, steps in ((2, 5), (3, 12)):
        tape = []
        for k in range(steps):
            i, j = (int(a) for a in rng.integers(inputs + k, size=2))
            kind = ("add", "mul", "sin")[rng.integers(3)]
            tape.append((kind, i, j) if kind != "sin" else (kind, i))
        cases.append((tape, rng.normal(size=inputs)))
    return cases


@reference(
    "wengert-list",
    cases=_tapes,
    hint="Run the list forward and keep all values. Then go through it backwards: when "
    "a step has its turn, everything that uses its value has had its own. A value may "
    "be used several times, also by one step.",
    rtol=1e-9,
    atol=1e-12,
)
def wengert_gradient(tape, inputs):
    """By forward mode: each value with its derivatives by all inputs."""
    values = [float(x) for x in inputs]
    slopes = list(np.eye(len(values)))
    for op, *args in tape:
        a, da = values[args[0]], slopes[args[0]]
        b, db = values[args[-1]], slopes[args[-1]]
        value, slope = {
            "add": lambda a=a, b=b, da=da, db=db: (a + b, da + db),
            "mul": lambda a=a, b=b, da=da, db=db: (a * b, a * db + b * da),
            "sin": lambda a=a, da=da: (np.sin(a), np.cos(a) * da),
            "exp": lambda a=a, da=da: (np.exp(a), np.exp(a) * da),
        }[op]()
        values.append(value)
        slopes.append(slope)
    return slopes[-1]
