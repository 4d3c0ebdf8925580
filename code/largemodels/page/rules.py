"""The small language in which a claim's rule is written, and nothing beyond it.

A rule compares the evidence by name: `plain.low > doubled.high`,
`abs(gap) < 0.01 and steps >= 100`. Numbers, names, `.mean .low .high` of an interval,
+ - * /, abs min max, < <= > >= == !=, and or not. No other Python runs.
"""

import ast
import functools
import operator

from largemodels.metrics import Interval
from largemodels.page.output import PageError

BOUNDS = ("mean", "low", "high")
FUNCTIONS = {"abs": abs, "min": min, "max": max}
ARITHMETIC = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}
COMPARISONS = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}


class ClaimError(PageError):
    """A claim that its evidence does not bear, or that is not stated properly."""


@functools.lru_cache(maxsize=1024)
def parse(rule):
    """The syntax tree of a rule. Raises ClaimError where it is not an expression."""
    if not isinstance(rule, str):
        raise ClaimError(f"a rule is a string, got {rule!r}")
    try:
        return ast.parse(rule.strip(), mode="eval").body
    except SyntaxError as error:
        raise ClaimError(f"the rule {rule!r} is no expression: {error.msg}") from None


def names(rule):
    """The names of the evidence that a rule uses, a set."""
    tree = parse(rule)
    calls = {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    return {
        node.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Name) and id(node) not in calls
    }


def evaluate(rule, evidence):
    """Whether the rule is true of the evidence.

    evidence: name -> number or metrics.Interval. Raises ClaimError, naming the rule,
    where it leaves the language, uses a name that is not there, divides by zero, or is
    no condition.
    """
    return _Evaluation(rule, evidence).condition(parse(rule))


class _Evaluation:
    """A walk over the tree of one rule, with a method for each kind of node.

    Numbers and conditions are kept apart: `2 and x` and `(a < b) + 1` are refused. All
    parts are evaluated, also those after which and, or are decided.
    """

    def __init__(self, rule, evidence):
        self.rule, self.evidence = rule, evidence

    def refuse(self, reason):
        raise ClaimError(f"the rule {self.rule!r}: {reason}")

    def visit(self, node):
        """The value of a node: a number, or a bool for a condition."""
        step = getattr(self, f"on_{type(node).__name__.lower()}", None)
        if step is None:
            self.refuse(f"{ast.unparse(node)!r} is not in the language of rules")
        return step(node)

    def number(self, node):
        """The value of a node that must be a number."""
        value = self.visit(node)
        if isinstance(value, bool):
            self.refuse(f"{ast.unparse(node)!r} is a condition, not a number")
        return value

    def condition(self, node):
        """The value of a node that must be a condition."""
        value = self.visit(node)
        if not isinstance(value, bool):
            self.refuse(f"{ast.unparse(node)!r} is a number, not a condition")
        return value

    def look_up(self, name):
        """The evidence of a name."""
        if name not in self.evidence:
            self.refuse(f"no evidence is named {name!r}")
        return self.evidence[name]

    def on_constant(self, node):
        """A number as written."""
        if type(node.value) not in (int, float):
            self.refuse(f"{node.value!r} is not a number")
        return node.value

    def on_name(self, node):
        """A number of the evidence."""
        value = self.look_up(node.id)
        if isinstance(value, Interval):
            self.refuse(f"{node.id} is an interval: write .mean, .low or .high")
        return value

    def on_attribute(self, node):
        """A bound of an interval of the evidence."""
        if not isinstance(node.value, ast.Name) or node.attr not in BOUNDS:
            self.refuse(f"{ast.unparse(node)!r} is not .mean, .low or .high of a name")
        value = self.look_up(node.value.id)
        if not isinstance(value, Interval):
            self.refuse(f"{node.value.id} is a number and has no .{node.attr}")
        return float(getattr(value, node.attr))

    def on_call(self, node):
        """One of abs, min, max."""
        name = node.func.id if isinstance(node.func, ast.Name) else None
        if name not in FUNCTIONS or node.keywords:
            self.refuse(f"{ast.unparse(node)!r} is not abs, min or max")
        values = [self.number(argument) for argument in node.args]
        if len(values) == 0 or (name == "abs") != (len(values) == 1):
            self.refuse(f"{name} takes {'one' if name == 'abs' else 'several'} numbers")
        return FUNCTIONS[name](*values)

    def on_unaryop(self, node):
        """The words not x, or -x."""
        if isinstance(node.op, ast.Not):
            return not self.condition(node.operand)
        if isinstance(node.op, ast.USub):
            return -self.number(node.operand)
        return self.refuse(f"{ast.unparse(node)!r} is not in the language of rules")

    def on_binop(self, node):
        """Arithmetic of two numbers."""
        if type(node.op) not in ARITHMETIC:
            self.refuse(f"{ast.unparse(node)!r} is not one of + - * /")
        left, right = self.number(node.left), self.number(node.right)
        try:
            return ARITHMETIC[type(node.op)](left, right)
        except ZeroDivisionError:
            return self.refuse(f"{ast.unparse(node)!r} divides by zero")

    def on_compare(self, node):
        """A comparison, or a chain of them."""
        sides = [self.number(side) for side in (node.left, *node.comparators)]
        for op in node.ops:
            if type(op) not in COMPARISONS:
                self.refuse(f"{ast.unparse(node)!r} is not one of < <= > >= == !=")
        pairs = zip(node.ops, sides, sides[1:], strict=False)
        return all(COMPARISONS[type(op)](left, right) for op, left, right in pairs)

    def on_boolop(self, node):
        """Conditions joined by and, or."""
        values = [self.condition(value) for value in node.values]
        return all(values) if isinstance(node.op, ast.And) else any(values)
