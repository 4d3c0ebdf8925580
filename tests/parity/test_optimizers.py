"""Optimizers: fifty steps along the same gradients end at the same place."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from wings import OTHERS, SCRATCH, WINGS

wings = pytest.mark.parametrize("wing", WINGS, ids=repr)
others = pytest.mark.parametrize("wing", OTHERS, ids=repr)

OPTIMIZERS = {
    "GradientDescent": {"learning_rate": 0.1},
    "Momentum": {"learning_rate": 0.1, "momentum": 0.9},
    "Momentum-0.5": {"learning_rate": 0.1, "momentum": 0.5},
}
optimizers = pytest.mark.parametrize("case", OPTIMIZERS)
STEPS = 50


def start():
    rng = np.random.default_rng(0)
    return [rng.normal(size=(3, 5)), rng.normal(size=7)]


def gradients():
    """From 1 down to 1e-8 and again, so that no size hides a constant."""
    rng = np.random.default_rng(1)
    return [
        [
            10.0 ** -(k % 9) * rng.normal(size=(3, 5)),
            10.0 ** -(k % 9) * rng.normal(size=7),
        ]
        for k in range(STEPS)
    ]


def rates():
    """A rate that changes in every step: a rate folded into the velocity shows."""
    return [0.1 / (1 + 0.2 * k) for k in range(STEPS)]


def run(wing, case, rates=None):
    return wing.path(
        case.split("-")[0], start(), gradients(), rates, **OPTIMIZERS[case]
    )


@others
@optimizers
@pytest.mark.parametrize("changing", [False, True], ids=["constant", "changing"])
@pytest.mark.usefixtures("float64")
def test_paths_agree(wing, case, changing):
    found = run(wing, case, rates() if changing else None)
    expected = run(SCRATCH, case, rates() if changing else None)
    for step in range(STEPS):
        for a, b in zip(found[step], expected[step], strict=True):
            # At most 50 steps of four roundings of numbers below 10.
            assert_allclose(a, b, rtol=0, atol=2e-14, err_msg=f"step {step}")


@wings
@pytest.mark.usefixtures("float64")
def test_gradient_descent_by_hand(wing):
    trace = wing.path(
        "GradientDescent",
        [np.array([1.0])],
        [[np.array([2.0])], [np.array([-4.0])]],
        rates=[0.5, 0.25],
        learning_rate=9.0,
    )
    assert_array_equal(trace, [[[0.0]], [[1.0]]])


@wings
@pytest.mark.usefixtures("float64")
def test_momentum_by_hand(wing):
    """v: 2, 0.5 * 2 - 4 = -3, 0.5 * -3 + 0 = -1.5; steps of 0.5 v, 0.25 v, 1 v."""
    trace = wing.path(
        "Momentum",
        [np.array([1.0])],
        [[np.array([2.0])], [np.array([-4.0])], [np.array([0.0])]],
        rates=[0.5, 0.25, 1.0],
        learning_rate=9.0,
        momentum=0.5,
    )
    assert_array_equal(trace, [[[0.0]], [[0.75]], [[2.25]]])


@wings
@optimizers
@pytest.mark.filterwarnings("ignore:Gradients do not exist")
def test_a_parameter_without_a_gradient_stays(wing, case):
    options = OPTIMIZERS[case]
    grads = [[None, np.ones(7)], [np.ones((3, 5)), np.ones(7)]]
    first, second = wing.path(case.split("-")[0], start(), grads, **options)
    assert_array_equal(first[0], start()[0])
    # Its velocity starts with its first gradient: one step of 0.1.
    assert_allclose(second[0], start()[0] - 0.1, rtol=0, atol=1e-8)


@wings
@optimizers
def test_float32_stays_float32(wing, case):
    small = [a.astype("float32") for a in start()]
    grads = [[g.astype("float32") for g in gs] for gs in gradients()]
    trace = wing.path(case.split("-")[0], small, grads, **OPTIMIZERS[case])
    assert all(a.dtype == np.float32 for a in trace[-1])
    # Fifty steps of a few roundings of 6e-8 to numbers below 10.
    for a, b in zip(trace[-1], run(SCRATCH, case)[-1], strict=True):
        assert_allclose(a, b, rtol=0, atol=5e-5)


@wings
@pytest.mark.parametrize(
    ("name", "options", "error", "words"),
    [
        (
            "GradientDescent",
            {"learning_rate": -0.1},
            ValueError,
            "at least 0, got -0.1",
        ),
        ("GradientDescent", {"learning_rate": "big"}, TypeError, "a number, got 'big'"),
        ("GradientDescent", {"learning_rate": np.nan}, ValueError, "finite, got nan"),
        ("Momentum", {"learning_rate": -0.1}, ValueError, "at least 0, got -0.1"),
        (
            "Momentum",
            {"learning_rate": 0.1, "momentum": 1.0},
            ValueError,
            "momentum must be below 1, got 1.0",
        ),
        (
            "Momentum",
            {"learning_rate": 0.1, "momentum": -0.5},
            ValueError,
            "momentum must be at least 0, got -0.5",
        ),
    ],
)
def test_mistakes_are_named(wing, name, options, error, words):
    with pytest.raises(error, match=words):
        wing.make(name, [wing.variable(np.ones(2))], **options)


@pytest.mark.parametrize("name", ["GradientDescent", "Momentum"])
@pytest.mark.parametrize("wing", WINGS[:2], ids=repr)
def test_no_parameters_are_refused(wing, name):
    """Keras's optimizers are given their parameters later."""
    with pytest.raises((TypeError, ValueError)):
        wing.make(name, [], learning_rate=0.1)
