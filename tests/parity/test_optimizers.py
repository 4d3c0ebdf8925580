"""Optimizers: fifty steps along the same gradients end at the same place."""

import importlib

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
    "Nesterov": {"learning_rate": 0.1, "momentum": 0.9},
    "AdaGrad": {"learning_rate": 0.1, "eps": 1e-6},
    "RMSProp": {"learning_rate": 0.1, "beta_2": 0.9, "eps": 1e-6},
    "Adam": {"learning_rate": 0.1, "beta_1": 0.9, "beta_2": 0.99, "eps": 1e-8},
    "Adam-L2": {"learning_rate": 0.1, "eps": 1e-6, "weight_decay": 0.3},
    "Adam-0": {"learning_rate": 0.1, "beta_1": 0.0, "beta_2": 0.0, "eps": 1e-6},
    "AdamW": {"learning_rate": 0.1, "eps": 1e-6, "weight_decay": 0.3},
    "Lion": {"learning_rate": 0.1, "weight_decay": 0.3},
    "Muon": {"learning_rate": 0.1, "momentum": 0.9, "weight_decay": 0.3, "rounds": 5},
    "Muon-off": {"learning_rate": 0.1, "orthogonalize": False, "weight_decay": 0.0},
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
@pytest.mark.usefixtures("float64")
def test_paths_agree(wing, case):
    found = run(wing, case, rates())
    expected = run(SCRATCH, case, rates())
    for step in range(STEPS):
        for a, b in zip(found[step], expected[step], strict=True):
            # At most 50 steps of some ten roundings of numbers below 10; Muon's are
            # multiplied by up to 3.4 in each of its five rounds.
            atol = 1e-12 if case.startswith("Muon") else 1e-13
            assert_allclose(a, b, rtol=0, atol=atol, err_msg=f"step {step}")


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
    # Its state starts with its first gradient: that is step 1 for it, whatever the
    # others have made by then. Keras keeps the rate of 0.1 in float32.
    [expected] = wing.path(case.split("-")[0], start()[:1], [grads[1][:1]], **options)
    assert_allclose(second[0], expected[0], rtol=0, atol=1e-8)
    assert np.abs(second[0] - start()[0]).max() > 1e-3


@wings
@optimizers
def test_float32_stays_float32(wing, case):
    small = [a.astype("float32") for a in start()]
    grads = [[g.astype("float32") for g in gs] for gs in gradients()]
    trace = wing.path(case.split("-")[0], small, grads, **OPTIMIZERS[case])
    assert all(a.dtype == np.float32 for a in trace[-1])
    # Fifty steps of a few roundings of 6e-8 to numbers below 10. Where Lion's mean is
    # zero but for rounding, its sign is chance; Muon's small singular values grow.
    atol = {"Lion": 0.3, "Muon": 5e-3}.get(case, 5e-5)
    for a, b in zip(trace[-1], run(SCRATCH, case)[-1], strict=True):
        assert_allclose(a, b, rtol=0, atol=atol)


@wings
@pytest.mark.usefixtures("float64")
def test_nesterov_by_hand(wing):
    """v: 2, 0.5 * 2 - 4 = -3; steps of g + 0.5 v: 3, -5.5."""
    trace = wing.path(
        "Nesterov",
        [np.array([1.0])],
        [[np.array([2.0])], [np.array([-4.0])]],
        rates=[0.5, 0.25],
        learning_rate=9.0,
        momentum=0.5,
    )
    assert_array_equal(trace, [[[-0.5]], [[0.875]]])


@wings
@pytest.mark.usefixtures("float64")
def test_the_first_step_of_adam_is_the_rate_times_the_sign(wing):
    """m / (1 - beta_1) = g and the root is |g|: eta g / (|g| + eps), for any g."""
    g = np.array([1.0, -1e-4, 1e-8, 0.0])
    [[w]] = wing.path("Adam", [np.zeros(4)], [[g]], learning_rate=0.5, eps=1e-8)
    assert_allclose(w, -0.5 * g / (np.abs(g) + 1e-8), rtol=1e-13, atol=0)


@wings
@pytest.mark.usefixtures("float64")
def test_weight_decay_is_rescaled_in_adam_and_not_in_adamw(wing):
    """Without a gradient, AdamW shrinks by 1 - 0.1 * 0.5; Adam makes a whole step."""
    options = {"learning_rate": 0.1, "weight_decay": 0.5, "eps": 1e-12}
    w = np.array([2.0, -0.02])
    [[decoupled]] = wing.path("AdamW", [w], [[np.zeros(2)]], **options)
    [[coupled]] = wing.path("Adam", [w], [[np.zeros(2)]], **options)
    assert_allclose(decoupled, 0.95 * w, rtol=1e-15, atol=0)
    assert_allclose(coupled, w - 0.1 * np.sign(w), rtol=1e-9, atol=0)


@wings
@pytest.mark.parametrize("shape", [(5, 7), (7, 5)])
def test_muon_makes_all_singular_values_near_one(wing, shape):
    """0.68 to 1.21, with the singular vectors of what it was given."""
    x = np.random.default_rng(0).normal(size=shape)
    u, _, v = np.linalg.svd(x, full_matrices=False)
    x = (u * np.geomspace(1, 0.01, 5)) @ v
    module = importlib.import_module(f"largemodels.{wing.name}.optimizers.direction")
    found = wing.value(module.orthogonal, x)
    sigma = np.diag(u.T @ found @ v.T)
    assert 0.68 < sigma.min() < sigma.max() < 1.21
    # Sums of at most 7 products of numbers below 4, five times.
    assert_allclose((u * sigma) @ v, found, rtol=0, atol=1e-13)
    zero = wing.value(module.orthogonal, np.zeros(shape))
    assert_array_equal(zero, np.zeros(shape))


def clipped(wing, grads, *limits):
    """The clipped gradients, and the norm before."""
    clip = wing.optimizers.clip_gradients
    if wing.name == "tf":
        found, norm = clip(
            [g if g is None else wing.tensor.tensor(g) for g in grads], *limits
        )
    else:
        params = [wing.variable(np.zeros_like(g)) for g in grads if g is not None]
        params.append(wing.variable(np.zeros(3)))  # without a gradient
        for p, g in zip(params, grads, strict=False):
            p.grad = g if wing.name == "scratch" else wing.tensor.tensor(g)
        norm = clip(params, *limits)
        found = [p.grad for p in params[:-1]]
    return [None if g is None else wing.tensor.numpy(g) for g in found], float(norm)


@wings
def test_clipping(wing):
    """One factor for all; nothing changes below the bound."""
    grads = gradients()[0]
    norm = np.sqrt(sum((g * g).sum() for g in grads))
    found, before = clipped(wing, grads, norm / 3, 0.0)
    assert before == pytest.approx(norm, rel=1e-14, abs=0)
    for g, expected in zip(found, grads, strict=True):
        assert_allclose(g, expected / 3, rtol=1e-14, atol=0)
    for limit in (norm * 1.01, 1e300):
        for g, expected in zip(clipped(wing, grads, limit)[0], grads, strict=True):
            assert_array_equal(g, expected)
    assert clipped(wing, [np.zeros(2)], 1.0, 0.0)[1] == 0
    with pytest.raises(ValueError, match="max_norm must be above 0, got 0"):
        clipped(wing, grads, 0.0)


@wings
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_gradients_that_are_not_finite_are_not_clipped(wing, bad):
    """The norm says so; good gradients are not made NaN by a bad one."""
    grads = [np.array([1.0, bad]), np.array([2.0, 3.0])]
    found, norm = clipped(wing, grads, 1.0)
    assert not np.isfinite(norm)
    for g, expected in zip(found, grads, strict=True):
        assert_array_equal(g, expected)


@wings
@pytest.mark.parametrize(
    ("name", "options", "error", "words"),
    [
        ("Adam", {"beta_1": 1.0}, ValueError, "beta_1 must be below 1, got 1"),
        ("AdamW", {"weight_decay": -1}, ValueError, "weight_decay must be at least 0"),
        ("RMSProp", {"eps": -1e-8}, ValueError, "eps must be at least 0"),
        (
            "AdaGrad",
            {"learning_rate": -1},
            ValueError,
            "learning_rate must be at least",
        ),
        ("Lion", {"beta_2": "b"}, TypeError, "beta_2 must be a number, got 'b'"),
        ("Muon", {"rounds": 0}, ValueError, "rounds must be at least 1, got 0"),
        ("Muon", {"orthogonalize": 1}, TypeError, "orthogonalize must be True or"),
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


CLASSES = sorted({case.split("-")[0] for case in OPTIMIZERS})


def test_every_optimizer_is_here():
    names = {name for name in SCRATCH.optimizers.__all__ if name[0].isupper()}
    assert set(CLASSES) == names


@pytest.mark.parametrize("name", CLASSES)
@pytest.mark.parametrize("wing", WINGS[:2], ids=repr)
def test_no_parameters_are_refused(wing, name):
    """Keras's optimizers are given their parameters later."""
    with pytest.raises((TypeError, ValueError)):
        wing.make(name, [], learning_rate=0.1)
