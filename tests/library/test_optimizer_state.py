"""Optimizers in anyone's script: groups, state that is saved, copies, Keras's fit."""

import copy
import io
import pickle

import keras
import numpy as np
import pytest
import tensorflow as tf
import torch
from largemodels.configs import MLPConfig
from numpy.testing import assert_allclose, assert_array_equal
from wings import OPTIMIZERS, PYTORCH, SCRATCH, TENSORFLOW, WINGS

names = pytest.mark.parametrize("name", OPTIMIZERS)
two = pytest.mark.parametrize("wing", WINGS[:2], ids=repr)
CONFIG = MLPConfig(d_in=3, hidden=(5,), num_classes=2)


def run(wing, optimizer, params, steps):
    for k in steps:
        rng = np.random.default_rng(k)
        wing.apply(optimizer, params, [rng.normal(size=tuple(p.shape)) for p in params])


def values(wing, params):
    return [wing.tensor.numpy(p) for p in params]


def pair(wing, name):
    rng = np.random.default_rng(9)
    params = [wing.variable(rng.normal(size=s)) for s in [(3, 5), (7,)]]
    return params, wing.make(name, params, learning_rate=0.1)


@names
@two
def test_a_run_goes_on_from_its_state(wing, name):
    """Saved after 5 steps in a pickle, loaded, 5 more: to the last bit."""
    params, optimizer = pair(wing, name)
    run(wing, optimizer, params, range(5))
    saved = pickle.dumps((values(wing, params), optimizer.state_dict()))
    run(wing, optimizer, params, range(5, 10))
    arrays, state = pickle.loads(saved)
    again = [wing.variable(a) for a in arrays]
    other = wing.make(name, again, learning_rate=7.0)
    other.load_state_dict(state)
    run(wing, other, again, range(5, 10))
    for a, b in zip(values(wing, again), values(wing, params), strict=True):
        assert_array_equal(a, b)


@names
@two
@pytest.mark.parametrize(
    "copied", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))]
)
def test_copies_go_their_own_way(wing, name, copied):
    params, optimizer = pair(wing, name)
    run(wing, optimizer, params, range(3))
    before = values(wing, params)
    others, other = copied((params, optimizer))
    run(wing, other, others, range(3, 6))
    for a, b in zip(values(wing, params), before, strict=True):
        assert_array_equal(a, b)
    run(wing, optimizer, params, range(3, 6))
    for a, b in zip(values(wing, params), values(wing, others), strict=True):
        assert_array_equal(a, b)


@names
@two
def test_groups_have_their_own_options(wing, name):
    rate = "lr" if wing.name == "pytorch" else "learning_rate"
    (a, b), _ = pair(wing, name)
    still = wing.make(
        name, [{"params": [a], rate: 0.0}, {"params": b}], learning_rate=0.1
    )
    before = values(wing, [a, b])
    run(wing, still, [a, b], range(2))
    after = values(wing, [a, b])
    assert_array_equal(after[0], before[0])
    assert np.abs(after[1] - before[1]).max() > 1e-3
    with pytest.raises(ValueError, match=r"options must be among .*, got \['rate'\]"):
        wing.make(name, [{"params": [a], "rate": 1}], learning_rate=0.1)
    with pytest.raises(ValueError, match="at least 0, got -1"):
        wing.make(name, [{"params": [a], rate: -1}], learning_rate=0.1)
    with pytest.raises(ValueError, match=r"once|more than one|duplicate|appear"):
        wing.make(name, [{"params": [a]}, {"params": [a]}], learning_rate=0.1)


@two
def test_decay_spares_a_group(wing):
    (a, b), _ = pair(wing, "AdamW")
    groups = [{"params": [a]}, {"params": [b], "weight_decay": 0.0}]
    optimizer = wing.make("AdamW", groups, learning_rate=0.1, weight_decay=0.5)
    before = values(wing, [a, b])
    wing.apply(optimizer, [a, b], [np.zeros((3, 5)), np.zeros(7)])
    assert_allclose(values(wing, [a])[0], 0.95 * before[0], rtol=1e-15, atol=0)
    assert_array_equal(values(wing, [b])[0], before[1])


def test_scratch_refuses_what_does_not_fit():
    (a, b), optimizer = pair(SCRATCH, "Adam")
    run(SCRATCH, optimizer, [a, b], range(1))
    state = optimizer.state_dict()
    with pytest.raises(ValueError, match=r"sizes \[1\], got \[2\]"):
        SCRATCH.make("Adam", [a], learning_rate=1).load_state_dict(state)
    swapped = SCRATCH.make("Adam", [b, a], learning_rate=1)
    with pytest.raises(ValueError, match=r"first_moment must be \(7,\), got \(3, 5\)"):
        swapped.load_state_dict(state)
    assert swapped.state == {}
    with pytest.raises(ValueError, match="must be leaves"):
        SCRATCH.make("Adam", [a * 2], learning_rate=1)


def test_scratch_changes_nothing_that_was_recorded():
    """Two arrays take turns, unless somebody else holds the one whose turn it is."""
    w = SCRATCH.tensor.parameter(np.array([[1.0, 2.0]]))
    optimizer = SCRATCH.make("GradientDescent", [w], learning_rate=1.0)
    held, kept, arrays = [], [], set()
    for k in range(6):
        if k < 3:  # a graph, a view and a name
            held.append((w * w).sum())
            kept.append((w.data[0], w.data, w.data.copy()))
        arrays.add(id(w.data))
        w.grad = np.ones((1, 2))
        optimizer.step()
    assert len(arrays) > 2
    for k, (loss, (view, array, expected)) in enumerate(zip(held, kept, strict=True)):
        assert_array_equal(array, expected)
        assert_array_equal(view, expected[0])
        w.grad = None
        loss.backward()
        assert_array_equal(w.grad, 2 * expected)
        assert_array_equal(expected, [[1.0 - k, 2.0 - k]])
    held.clear(), kept.clear()
    del array, view, loss
    seen = set()
    for _ in range(6):
        w.grad = np.ones((1, 2))
        optimizer.step()
        seen.add(id(w.data))
    assert len(seen) <= 3


@pytest.mark.parametrize("name", ["Momentum", "AdamW", "Lion"])
@pytest.mark.parametrize("turned", [False, True])
def test_scratch_updates_long_arrays_stretch_by_stretch(name, turned):
    """90,000 elements, more than a block, in any layout: as in small pieces."""
    rng = np.random.default_rng(0)
    w, g, h = rng.normal(size=(3, 300, 300))
    whole = [a.T if turned else a for a in (w, g, h)]
    *_, [found] = SCRATCH.path(
        name, whole[:1], [[whole[1]], [whole[2]]], learning_rate=0.1
    )
    *_, parts = SCRATCH.path(name, list(w), [list(g), list(h)], learning_rate=0.1)
    assert_array_equal(found.T if turned else found, np.array(parts))


def test_muon_takes_matrices_whole():
    rng = np.random.default_rng(0)
    w, g = rng.normal(size=(2, 300, 240))
    found = [
        wing.path("Muon", [w], [[g]], learning_rate=0.1)[0][0] for wing in WINGS[:2]
    ]
    # Sums of 300 products of numbers below 1, five times.
    assert_allclose(found[0], found[1], rtol=0, atol=1e-12)


# --- Keras ---------------------------------------------------------------------------


@names
def test_keras_goes_on_from_its_config_and_variables(name):
    """As model.save keeps them. With XLA, too."""
    g = tf.constant(np.random.default_rng(0).normal(size=(2, 3)), tf.float32)
    w = keras.Variable(np.ones((2, 3), "float32"))
    optimizer = getattr(TENSORFLOW.optimizers, name)(learning_rate=0.03, clipnorm=1.0)
    for k in range(3):
        optimizer.apply([g * k], [w])
    again = keras.Variable(w.numpy())
    other = type(optimizer).from_config(optimizer.get_config())
    assert other.get_config() == optimizer.get_config()
    other.build([again])
    store = {}
    optimizer.save_own_variables(store)
    other.load_own_variables(store)
    optimizer.apply([g], [w])
    other.apply([g], [again])
    assert_array_equal(again.numpy(), w.numpy())
    tf.function(lambda g: optimizer.apply([g], [w]), jit_compile=True)(g)
    other.apply([g], [again])
    assert_allclose(again.numpy(), w.numpy(), rtol=0, atol=1e-5)


@pytest.mark.parametrize("name", ["AdamW", "Muon"])
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning:keras")
def test_keras_fits_saves_and_goes_on(name, tmp_path):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(32, 3)).astype("float32")
    y = (x.sum(1) > 0).astype("int64")
    model = TENSORFLOW.layers.MLP(CONFIG)
    optimizer = getattr(TENSORFLOW.optimizers, name)(learning_rate=0.03)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer=optimizer, loss=loss)
    history = model.fit(x, y, batch_size=8, epochs=6, verbose=0, shuffle=False)
    assert history.history["loss"][-1] < history.history["loss"][0]
    model.save(tmp_path / "model.keras")
    other = keras.models.load_model(tmp_path / "model.keras")
    assert other.optimizer.get_config() == optimizer.get_config()
    for a, b in zip(other.optimizer.variables, optimizer.variables, strict=True):
        assert_array_equal(a.numpy(), b.numpy())
    model.fit(x, y, epochs=1, verbose=0, shuffle=False)
    other.fit(x, y, epochs=1, verbose=0, shuffle=False)
    assert_array_equal(other(x), model(x))


def keras_pair():
    w, b = (
        keras.Variable(np.ones((2, 2), "float32"), name=n) for n in ("weight", "bias")
    )
    return [w, b], [tf.zeros((2, 2)), tf.zeros((2, 2))]


@pytest.mark.parametrize("name", ["Adam", "AdamW", "Lion", "Muon"])
@pytest.mark.parametrize("how", ["var_names", "var_list"])
def test_keras_leaves_out_of_the_decay_what_is_named(name, how):
    (w, b), grads = keras_pair()
    optimizer = getattr(TENSORFLOW.optimizers, name)(0.5, weight_decay=0.5)
    named = {"var_names": ["bias"]} if how == "var_names" else {"var_list": [b]}
    optimizer.exclude_from_weight_decay(**named)
    optimizer.apply(grads, [w, b])
    assert_array_equal(b.numpy(), np.ones((2, 2)))
    assert (w.numpy() < 0.8).all()


def test_keras_gives_some_variables_another_optimizer():
    """MultiOptimizer in place of groups."""
    (w, b), _ = keras_pair()
    grads = [tf.ones((2, 2)), tf.ones((2, 2))]
    floor = TENSORFLOW.optimizers
    others = {".*bias": floor.GradientDescent(0.5)}
    chosen = keras.optimizers.OptimizerMap(floor.Adam(0.25), others)
    both = keras.optimizers.MultiOptimizer(chosen)
    both.apply(grads, [w, b])
    assert_allclose(b.numpy(), np.full((2, 2), 0.5), rtol=1e-6, atol=0)
    assert_allclose(w.numpy(), np.full((2, 2), 0.75), rtol=1e-6, atol=0)


@pytest.mark.parametrize("how", ["var_names", "var_list"])
def test_keras_muon_leaves_matrices_to_adamw(how):
    (w, b), _ = keras_pair()
    optimizer = TENSORFLOW.optimizers.Muon(0.25, weight_decay=0.0)
    named = {"var_names": ["bias"]} if how == "var_names" else {"var_list": [b]}
    optimizer.exclude_from_orthogonalization(**named)
    optimizer.apply([tf.ones((2, 2)), tf.ones((2, 2))], [w, b])
    assert_allclose(b.numpy(), np.full((2, 2), 0.75), rtol=1e-6, atol=0)
    assert np.abs(w.numpy() - 0.75).min() > 0.01
    with pytest.raises(ValueError, match="comes before the building"):
        optimizer.exclude_from_orthogonalization(var_list=[w])


@names
def test_torch_saves_a_state_and_loads_it_with_weights_only(name):
    """Nothing but tensors and numbers is in it; the run goes on to the last bit."""
    params, optimizer = pair(PYTORCH, name)
    run(PYTORCH, optimizer, params, range(3))
    file = io.BytesIO()
    torch.save([[p.detach() for p in params], optimizer.state_dict()], file)
    file.seek(0)
    kept, state = torch.load(file, weights_only=True)
    others = [torch.nn.Parameter(p) for p in kept]
    other = PYTORCH.make(name, others, learning_rate=7.0)
    other.load_state_dict(state)
    for who, whose in ((optimizer, params), (other, others)):
        run(PYTORCH, who, whose, range(3, 6))
    for a, b in zip(values(PYTORCH, others), values(PYTORCH, params), strict=True):
        assert_array_equal(a, b)
