"""Typical wrong answers to the exercises of the page on the autograd engine."""

import numpy as np


def _overflows(g, x):
    e = np.exp(x)
    return g[:, None] * e / e.sum(axis=-1, keepdims=True)


def _forgets_the_cotangent(g, x):
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def _one_maximum_for_all_rows(g, x):
    e = np.exp(x - x.max())
    return g[:, None] * e / e.sum(axis=-1, keepdims=True)


def _softmax_instead(g, x):
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    p = e / e.sum(axis=-1, keepdims=True)
    return p * (g[:, None] - (g[:, None] * p).sum(axis=-1, keepdims=True))


def _recursive(parents, output):
    order, seen = [], set()

    def visit(node):
        if node not in seen:
            seen.add(node)
            for parent in parents[node]:
                visit(parent)
            order.append(node)

    visit(output)
    return order


def _in_order_of_discovery(parents, output):
    found, seen, stack = [output], {output}, [output]
    while stack:
        for parent in parents[stack.pop()]:
            if parent not in seen:
                seen.add(parent)
                found.append(parent)
                stack.append(parent)
    return found[::-1]


def _all_nodes(parents, output):
    return list(range(len(parents)))


def _with_repetitions(parents, output):
    order, stack = [], [output]
    while stack:
        node = stack.pop()
        order.append(node)
        stack.extend(parents[node])
    return order[::-1]


def _counts_uses(parents, output):
    """Right: a node is written down, from the output on, after all its uses."""
    uses, stack = {output: 0}, [output]
    while stack:
        for parent in parents[stack.pop()]:
            if parent not in uses:
                uses[parent] = 0
                stack.append(parent)
            uses[parent] += 1
    order, ready = [], [output]
    while ready:
        node = ready.pop()
        order.append(node)
        for parent in parents[node]:
            uses[parent] -= 1
            if not uses[parent]:
                ready.append(parent)
    return order[::-1]


def _run(tape, inputs, add):
    v = [float(x) for x in inputs]
    for op, *args in tape:
        a, b = v[args[0]], v[args[-1]]
        v.append({"add": a + b, "mul": a * b, "sin": np.sin(a), "exp": np.exp(a)}[op])
    bar = np.zeros(len(v))
    bar[-1] = 1.0
    for k in reversed(range(len(tape))):
        op, *args = tape[k]
        g, z = bar[len(inputs) + k], v[len(inputs) + k]
        i, j = args[0], args[-1]
        slopes = {
            "add": ((i, 1.0), (j, 1.0)),
            "mul": ((i, v[j]), (j, v[i])),
            "sin": ((i, np.cos(v[i])),),
            "exp": ((i, z),),
        }[op]
        for place, slope in slopes:
            bar[place] = bar[place] + slope * g if add else slope * g
    return bar[: len(inputs)]


def _assigns(tape, inputs):
    return _run(tape, inputs, add=False)


def _all_values(tape, inputs):
    right = _run(tape, inputs, add=True)
    return np.append(right, np.ones(len(tape)))


def _forward_order(tape, inputs):
    return _run(tape[:1], inputs, add=True)


WRONG = {
    "logsumexp-vjp": [
        _overflows,
        _forgets_the_cotangent,
        _one_maximum_for_all_rows,
        _softmax_instead,
    ],
    "topological-order": [
        _recursive,
        _in_order_of_discovery,
        _all_nodes,
        _with_repetitions,
    ],
    "wengert-list": [_assigns, _all_values, _forward_order],
}

RIGHT = {"topological-order": [_counts_uses]}
