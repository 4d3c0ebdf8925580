"""Optimizers against torch.optim and keras.optimizers, constants passed explicitly."""

import keras
import numpy as np
import pytest
import tensorflow as tf
import torch
from numpy.testing import assert_allclose
from wings import SCRATCH, WINGS

wings = pytest.mark.parametrize("wing", WINGS, ids=repr)
float64 = pytest.mark.usefixtures("float64")
STEPS = 50


def gradients(shape=(3, 5)):
    """From 1 down to 1e-8 and again."""
    rng = np.random.default_rng(1)
    return [10.0 ** -(k % 9) * rng.normal(size=shape) for k in range(STEPS)]


def start(shape=(3, 5)):
    return np.random.default_rng(0).normal(size=shape)


def ours(wing, name, grads=None, w=None, **options):
    grads = gradients() if grads is None else grads
    path = wing.path(
        name, [start() if w is None else w], [[g] for g in grads], **options
    )
    return np.array([w for [w] in path])


def torchs(make, grads=None, w=None):
    w = torch.nn.Parameter(torch.tensor(start() if w is None else w))
    optimizer, path = make([w]), []
    for g in gradients() if grads is None else grads:
        w.grad = torch.tensor(g)
        optimizer.step()
        path.append(w.detach().numpy().copy())
    return np.array(path)


def keras_path(optimizer, grads=None, w=None):
    w = keras.Variable(start() if w is None else w, dtype="float64")
    optimizer.build([w])
    path = []
    for g in gradients() if grads is None else grads:
        optimizer.apply([tf.constant(g, tf.float64)], [w])
        path.append(w.numpy())
    return np.array(path)


TORCH = {
    "Nesterov": (
        {"momentum": 0.9},
        lambda w: torch.optim.SGD(
            w, lr=0.1, momentum=0.9, dampening=0, weight_decay=0, nesterov=True
        ),
    ),
    "AdaGrad": (
        {"eps": 1e-6},
        lambda w: torch.optim.Adagrad(
            w, lr=0.1, lr_decay=0, weight_decay=0, initial_accumulator_value=0, eps=1e-6
        ),
    ),
    "RMSProp": (
        {"beta_2": 0.9, "eps": 1e-6},
        lambda w: torch.optim.RMSprop(
            w, lr=0.1, alpha=0.9, eps=1e-6, weight_decay=0, momentum=0, centered=False
        ),
    ),
    "Adam": (
        {"beta_1": 0.9, "beta_2": 0.999, "eps": 1e-8, "weight_decay": 0.3},
        lambda w: torch.optim.Adam(
            w, lr=0.1, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.3, amsgrad=False
        ),
    ),
    "AdamW": (
        {"beta_1": 0.8, "beta_2": 0.99, "eps": 1e-6, "weight_decay": 0.3},
        lambda w: torch.optim.AdamW(
            w, lr=0.1, betas=(0.8, 0.99), eps=1e-6, weight_decay=0.3, amsgrad=False
        ),
    ),
}


@wings
@pytest.mark.parametrize("name", TORCH)
@float64
def test_torch_has_the_same_rule(wing, name):
    options, make = TORCH[name]
    found = ours(wing, name, learning_rate=0.1, **options)
    # Fifty steps of some ten roundings of numbers below 10.
    assert_allclose(found, torchs(make), rtol=0, atol=1e-13)


@wings
@float64
def test_lion_is_that_of_keras(wing):
    """Constants that float32 holds exactly: Keras rounds some of them."""
    options = {"learning_rate": 0.125, "beta_1": 0.75, "beta_2": 0.875}
    options["weight_decay"] = 0.25
    found = ours(wing, "Lion", **options)
    expected = keras_path(keras.optimizers.Lion(**options))
    assert_allclose(found, expected, rtol=0, atol=1e-13)


@wings
@pytest.mark.parametrize("shape", [(3, 5), (5, 3)])
@float64
def test_muon_is_that_of_keras_for_matrices(wing, shape):
    theirs = keras.optimizers.Muon(
        learning_rate=0.125,
        momentum=0.75,
        weight_decay=0.25,
        nesterov=True,
        ns_steps=5,
        rms_rate=0.2,
        muon_a=3.4445,
        muon_b=-4.775,
        muon_c=2.0315,
    )
    grads, w = gradients(shape), start(shape)
    found = ours(
        wing, "Muon", grads, w, learning_rate=0.125, momentum=0.75, weight_decay=0.25
    )
    # Roundings are multiplied by up to 3.4 in each of five rounds.
    assert_allclose(found, keras_path(theirs, grads, w), rtol=0, atol=1e-11)


@float64
def test_muon_is_that_of_torch_but_for_bfloat16():
    """Eight bits of precision, five rounds: a few percent of one step."""
    g, w = gradients()[:1], start()
    found = ours(SCRATCH, "Muon", g, w, learning_rate=1.0, weight_decay=0.0)[0] - w
    theirs = torchs(
        lambda p: torch.optim.Muon(
            p,
            lr=1.0,
            weight_decay=0.0,
            momentum=0.95,
            nesterov=True,
            ns_coefficients=(3.4445, -4.775, 2.0315),
            eps=1e-7,
            ns_steps=5,
            adjust_lr_fn="match_rms_adamw",
        ),
        g,
        w,
    )
    distance = np.linalg.norm(theirs[0] - w - found) / np.linalg.norm(found)
    assert 1e-3 < distance < 0.05


# --- What Keras and others mean by the same word -------------------------------------


def first_step(wing, name, g, **options):
    return ours(wing, name, [np.array([g])], np.zeros(1), learning_rate=1.0, **options)[
        0
    ]


@wings
@float64
def test_keras_adam_has_another_epsilon(wing):
    """One step at g = 1e-6 with eps = 1e-8: 1 / 1.01 and 1 / 1.316, 23 % apart."""
    found = first_step(wing, "Adam", 1e-6, eps=1e-8)
    theirs = keras.optimizers.Adam(1.0, beta_1=0.9, beta_2=0.999, epsilon=1e-8)
    theirs = keras_path(theirs, [np.array([1e-6])], np.zeros(1))[0]
    assert_allclose(found, -1 / 1.01, rtol=1e-12, atol=0)
    # Theirs is compared with the root of 0.001 g^2. Keras rounds 0.999 to float32, of
    # which 1 - 0.999 keeps four digits.
    assert_allclose(theirs, -1 / (1 + 0.01 / 0.001**0.5), rtol=2e-5, atol=0)
    assert 1 - theirs / found == pytest.approx(0.23, rel=0, abs=0.005)
    hat = first_step(wing, "Adam", 1e-6, eps=1e-8 / 0.001**0.5)
    assert_allclose(hat, theirs, rtol=2e-5, atol=0)


@wings
@float64
def test_keras_rmsprop_has_epsilon_inside_the_root(wing):
    """One step at g = 1e-4, rho = 0.75, eps = 1e-7: twice the step here."""
    found = first_step(wing, "RMSProp", 1e-4, beta_2=0.75, eps=1e-7)
    theirs = keras.optimizers.RMSprop(1.0, rho=0.75, momentum=0.0, epsilon=1e-7)
    theirs = keras_path(theirs, [np.array([1e-4])], np.zeros(1))[0]
    assert_allclose(found, -1e-4 / (0.5e-4 + 1e-7), rtol=1e-12, atol=0)
    assert_allclose(theirs, -1e-4 / (0.25e-8 + 1e-7) ** 0.5, rtol=1e-6, atol=0)


@wings
@float64
def test_keras_adagrad_has_epsilon_inside_the_root(wing):
    found = first_step(wing, "AdaGrad", 1e-4, eps=1e-7)
    theirs = keras.optimizers.Adagrad(1.0, initial_accumulator_value=0.0, epsilon=1e-7)
    theirs = keras_path(theirs, [np.array([1e-4])], np.zeros(1))[0]
    assert_allclose(found, -1e-4 / (1e-4 + 1e-7), rtol=1e-12, atol=0)
    assert_allclose(theirs, -1e-4 / (1e-8 + 1e-7) ** 0.5, rtol=1e-6, atol=0)


@float64
def test_keras_adam_agrees_where_gradients_are_large():
    """And its weight_decay is that of AdamW, not that of Adam."""
    grads = [np.ones((3, 5)) * (1 + k % 3) for k in range(STEPS)]
    constants = {"learning_rate": 0.1, "beta_1": 0.75, "beta_2": 0.9375}
    theirs = keras.optimizers.Adam(**constants, epsilon=1e-15, weight_decay=0.25)
    found = ours(SCRATCH, "AdamW", grads, **constants, eps=1e-15, weight_decay=0.25)
    assert_allclose(found, keras_path(theirs, grads), rtol=0, atol=1e-12)


# --- Clipping ------------------------------------------------------------------------


@pytest.mark.parametrize("max_norm", [0.5, 100.0])
def test_clipping_is_that_of_torch_and_tensorflow(max_norm):
    grads = gradients()[:3]
    theirs = [torch.zeros(3, 5, dtype=torch.float64, requires_grad=True) for _ in grads]
    for p, g in zip(theirs, grads, strict=True):
        p.grad = torch.tensor(g)
    norm = torch.nn.utils.clip_grad_norm_(theirs, max_norm)
    clipped = [p.grad.numpy() for p in theirs]
    others, other_norm = tf.clip_by_global_norm(grads, max_norm)
    for wing, eps in [(w, e) for w in WINGS for e in (1e-6, 0.0)]:
        found, found_norm = clip(wing, grads, max_norm, eps)
        assert_allclose(found_norm, norm.item(), rtol=1e-14, atol=0)
        assert_allclose(found_norm, float(other_norm), rtol=1e-14, atol=0)
        for g, expected in zip(found, clipped if eps else others, strict=True):
            assert_allclose(g, expected, rtol=1e-14, atol=0)


def clip(wing, grads, max_norm, eps):
    if wing.name == "tf":
        return wing.optimizers.clip_gradients(grads, max_norm, eps)
    params = [wing.variable(np.zeros_like(g)) for g in grads]
    for p, g in zip(params, grads, strict=True):
        p.grad = (
            wing.tensor.numpy(g) if wing.name == "scratch" else wing.tensor.tensor(g)
        )
    norm = wing.optimizers.clip_gradients(params, max_norm, eps)
    return [wing.tensor.numpy(p.grad) for p in params], float(norm)


def test_what_torch_and_tensorflow_do_where_the_norm_is_not_finite():
    """What the docstring says: all gradients are spoiled by one."""
    p = torch.zeros(2, requires_grad=True)
    for bad in (np.inf, np.nan):
        p.grad = torch.tensor([1.0, bad])
        torch.nn.utils.clip_grad_norm_([p], 1.0)
        assert p.grad[0].item() != 1
        assert torch.isnan(p.grad[1])
    [g], _ = tf.clip_by_global_norm([tf.constant([1.0, np.inf])], 1.0)
    assert np.isnan(g.numpy()).all()
