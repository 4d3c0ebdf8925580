"""Training: whole runs on real digits agree, and the loop keeps its promises."""

import re

import numpy as np
import pytest
from largemodels import schedules
from largemodels.configs import MLPConfig
from largemodels.data import digits
from largemodels.data.batches import batches
from numpy.testing import assert_allclose, assert_array_equal
from wings import OTHERS, SCRATCH, WINGS

wings = pytest.mark.parametrize("wing", WINGS, ids=repr)
others = pytest.mark.parametrize("wing", OTHERS, ids=repr)

CONFIG = MLPConfig(d_in=64, hidden=(31,), num_classes=10)
TINY = MLPConfig(d_in=3, hidden=(), num_classes=2)


def tiny(n=11):
    rng = np.random.default_rng(0)
    return rng.normal(size=(n, 3)).astype("float32"), rng.integers(0, 2, n)


def setup(wing, config=TINY, optimizer="GradientDescent", rate=0.1, **options):
    model = wing.model(config, **options)
    return model, wing.optimizer_for(model, optimizer, learning_rate=rate)


def train_on_digits(wing, dtype, steps):
    split = digits.load(dtype=dtype)
    model, optimizer = setup(wing, CONFIG, "Momentum", dtype=dtype, seed=5)
    history = wing.training.train(
        model,
        optimizer,
        split.train_inputs,
        split.train_labels,
        batches(len(split.train_inputs), 61, seed=0, steps=steps),
        schedule=schedules.cosine(0.2, steps),
        validation=(split.test_inputs, split.test_labels),
        evaluate_every=37,
    )
    return history, wing.layers.read_parameters(model)


@pytest.fixture(scope="module")
def scratch_runs():
    return {
        "float64": train_on_digits(SCRATCH, "float64", 150),
        "float32": train_on_digits(SCRATCH, "float32", 30),
    }


@others
@pytest.mark.usefixtures("float64")
def test_a_whole_run_agrees_in_float64(wing, scratch_runs):
    history, named = train_on_digits(wing, "float64", 150)
    expected, expected_named = scratch_runs["float64"]
    # Each step adds roundings of 1e-16; training multiplies a difference, here by less
    # than 1e3 in 150 steps.
    assert_allclose(history.loss, expected.loss, rtol=0, atol=1e-12)
    assert_allclose(history.learning_rate, expected.learning_rate, rtol=1e-15, atol=0)
    assert history.step == expected.step == list(range(150))
    for name, array in expected_named.items():
        assert_allclose(named[name], array, rtol=0, atol=1e-12)
    assert [e["step"] for e in history.evaluations] == [37, 74, 111, 148, 150]
    for ours, theirs in zip(history.evaluations, expected.evaluations, strict=True):
        assert ours["accuracy"] == theirs["accuracy"]
        assert_allclose(ours["loss"], theirs["loss"], rtol=0, atol=1e-12)
    assert expected.evaluations[-1]["accuracy"] > 0.9  # it did learn


@others
def test_a_run_agrees_in_float32(wing, scratch_runs):
    """To 1e-5: roundings of 6e-8, thirty steps, and a growth below a hundredfold."""
    history, named = train_on_digits(wing, "float32", 30)
    expected, expected_named = scratch_runs["float32"]
    assert_allclose(history.loss, expected.loss, rtol=0, atol=1e-5)
    for name, array in expected_named.items():
        assert array.dtype == named[name].dtype == np.float32
        assert_allclose(named[name], array, rtol=0, atol=1e-5)


@wings
def test_a_short_last_batch_weighs_as_its_examples_do(wing):
    """7 examples in batches of 3: the last, alone in its batch, counts one seventh."""
    x, y = tiny(7)
    model, _ = setup(wing)
    found = wing.training.evaluate(model, x, y, batch_size=3)
    whole = wing.training.evaluate(model, x, y)
    assert_allclose(found["loss"], whole["loss"], rtol=1e-6, atol=0)
    logits = wing.value(model, x)
    m = logits.max(-1, keepdims=True)
    log_p = logits - m - np.log(np.exp(logits - m).sum(-1, keepdims=True))
    expected = -log_p[np.arange(7), y].mean()
    assert_allclose(found["loss"], expected, rtol=1e-6, atol=0)
    assert found["accuracy"] == (logits.argmax(-1) == y).mean()


@wings
def test_prediction_is_the_models_output_in_order(wing):
    x, _ = tiny(7)
    model, _ = setup(wing)
    found = wing.training.predict(model, x, batch_size=3)
    assert found.dtype == np.float32
    assert_allclose(found, wing.value(model, x), rtol=1e-6, atol=1e-7)


@wings
def test_a_step_returns_the_loss_before_it(wing):
    x, y = tiny()
    model, optimizer = setup(wing)
    before = wing.training.evaluate(model, x, y)["loss"]
    first = wing.training.train_step(model, optimizer, x, y)
    assert isinstance(first, float)
    assert_allclose(first, before, rtol=1e-6, atol=0)
    assert wing.training.evaluate(model, x, y)["loss"] < before


@wings
def test_train_repeats_train_step(wing):
    x, y = tiny()
    order = [np.array([3, 1, 4]), np.array([1, 5, 9]), np.array([2, 6])]
    model, optimizer = setup(wing)
    stepwise = [wing.training.train_step(model, optimizer, x[i], y[i]) for i in order]
    again, optimizer = setup(wing)
    history = wing.training.train(again, optimizer, x, y, order)
    assert_allclose(history.loss, stepwise, rtol=1e-6, atol=0)
    left, right = (wing.layers.read_parameters(m) for m in (model, again))
    for name, array in left.items():
        assert_allclose(array, right[name], rtol=0, atol=1e-7)


@wings
def test_the_schedule_sets_the_rate(wing):
    x, y = tiny()
    model, optimizer = setup(wing, rate=7.0)
    start = wing.layers.read_parameters(model)
    history = wing.training.train(
        model, optimizer, x, y, [np.arange(11)] * 3, schedule=schedules.constant(0.0)
    )
    assert history.learning_rate == [0.0, 0.0, 0.0]
    for name, array in wing.layers.read_parameters(model).items():
        assert_array_equal(array, start[name])


@wings
def test_without_a_schedule_the_optimizer_keeps_its_rate(wing):
    x, y = tiny()
    model, optimizer = setup(wing, rate=0.25)
    history = wing.training.train(model, optimizer, x, y, [np.arange(11)] * 2)
    assert history.learning_rate == [0.25, 0.25]
    assert history.evaluations == []


@wings
def test_another_loss(wing):
    """Targets of any kind: here a regression, which has no accuracy to evaluate."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(11, 3)).astype("float32")
    targets = rng.normal(size=(11, 2)).astype("float32")
    model, optimizer = setup(wing)
    history = wing.training.train(
        model,
        optimizer,
        x,
        targets,
        [np.arange(11)] * 20,
        loss=wing.losses.mean_squared_error,
    )
    expected = ((wing.value(wing.model(TINY), x) - targets) ** 2).mean()
    assert_allclose(history.loss[0], expected, rtol=1e-6, atol=0)
    assert history.loss[-1] < history.loss[0]


@wings
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_loss_that_is_not_finite_names_its_step(wing, bad):
    x, y = tiny()
    x[5] = bad
    model, optimizer = setup(wing)
    with (
        pytest.raises(FloatingPointError, match="the loss is nan at step 2"),
        np.errstate(invalid="ignore"),
    ):
        wing.training.train(
            model, optimizer, x, y, [np.array([0, 1]), np.array([2]), np.array([5])]
        )


@wings
def test_progress_is_one_line_on_stderr(wing, capsys):
    x, y = tiny()
    model, optimizer = setup(wing)
    wing.training.train(model, optimizer, x, y, [np.arange(11)] * 3)
    assert capsys.readouterr() == ("", "")
    history = wing.training.train(
        model, optimizer, x, y, [np.arange(11)] * 3, progress=True
    )
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    last = rf"step 3/3  loss {history.loss[-1]:.4f}  [\d,]+ examples/s  0:00:0\d in all"
    assert re.fullmatch(last, err.split("\r")[-1].strip())


@wings
def test_no_batches_train_nothing(wing):
    x, y = tiny()
    model, optimizer = setup(wing)
    history = wing.training.train(model, optimizer, x, y, [], validation=(x, y))
    assert history.step == []
    assert history.evaluations == []


@wings
def test_mistakes_are_named(wing):
    x, y = tiny()
    model, optimizer = setup(wing)
    training = wing.training
    with pytest.raises(ValueError, match=r"inputs \(11, 3\) and labels \(4,\)"):
        training.train(model, optimizer, x, y[:4], [np.arange(3)])
    with pytest.raises(ValueError, match=r"at least one input, got \(0, 3\)"):
        training.predict(model, x[:0])
    with pytest.raises(ValueError, match="one label for each input"):
        training.evaluate(model, x, y[:4])
    with pytest.raises(ValueError, match="evaluate_every=5 needs validation"):
        training.train(model, optimizer, x, y, [np.arange(3)], evaluate_every=5)
    with pytest.raises(ValueError, match="evaluate_every must be at least 1, got 0"):
        training.train(model, optimizer, x, y, [], evaluate_every=0, validation=(x, y))


@wings
def test_devices(wing):
    choose = wing.training.choose_device
    assert choose("cpu") == "cpu"
    assert choose(choose()) == choose()
    with pytest.raises(ValueError, match=r"device must be one there is \(.*cpu\), got"):
        choose("abacus")
    x, y = tiny()
    model, optimizer = setup(wing)
    history = wing.training.train(model, optimizer, x, y, [np.arange(11)], device="cpu")
    assert len(history.loss) == 1
    with pytest.raises(ValueError, match="device must be one there is"):
        wing.training.train(model, optimizer, x, y, [], device="abacus")


@pytest.mark.parametrize("wing", WINGS[:2], ids=repr)
def test_every_module_is_left_in_the_mode_it_was_in(wing):
    """A layer frozen in evaluation mode must not wake up because someone evaluated."""
    x, y = tiny()
    model, optimizer = setup(wing, MLPConfig(d_in=3, hidden=(5,), num_classes=2))
    model.train()
    model.layers[0].eval()
    seen = []
    forward = model.layers[1].forward

    def watched(x):
        seen.append((model.training, model.layers[1].training))
        return forward(x)

    model.layers[1].forward = watched
    wing.training.predict(model, x)
    wing.training.train(model, optimizer, x, y, [np.arange(11)])
    assert seen == [(False, False), (True, True)]
    assert model.training
    assert not model.layers[0].training
    assert model.layers[1].training
    with pytest.raises(ValueError, match="must be"):
        wing.training.predict(model, x[:, :2])
    assert model.training


def test_tensorflow_compiles_once_for_each_kind_of_batch():
    """A full batch, and once more for all other sizes."""
    wing, traces = WINGS[2], []

    def loss(logits, labels):
        traces.append(tuple(logits.shape))
        return wing.losses.cross_entropy(logits, labels)

    x, y = tiny()
    model, optimizer = setup(wing)
    sizes = [4, 4, 4, 3, 4, 2, 1, 4]
    wing.training.train(
        model,
        optimizer,
        x,
        y,
        [np.arange(n) for n in sizes],
        loss=loss,
        schedule=schedules.linear(0.1, 8),
    )
    assert traces == [(4, 2), (None, 2)]


def test_tensorflow_compiles_a_loss_as_it_is_written():
    """AutoGraph would turn its branch, at the price of rewriting every function."""
    wing = WINGS[2]

    def loss(logits, labels):
        value = wing.losses.cross_entropy(logits, labels)
        return value if value > 0 else -value

    with pytest.raises(TypeError, match="symbolic"):
        wing.training.train(*setup(wing), *tiny(), [np.arange(4)], loss=loss)
