"""Training: accumulation, clipping, precision, early stopping, tokens, resuming."""

import re

import numpy as np
import pytest
from largemodels import schedules
from largemodels.checkpoints import Checkpoints
from largemodels.configs import MLPConfig
from numpy.testing import assert_allclose, assert_array_equal
from wings import PYTORCH, SCRATCH, TENSORFLOW, WINGS

wings = pytest.mark.parametrize("wing", WINGS, ids=repr)
CONFIG = MLPConfig(d_in=5, hidden=(7,), num_classes=3)


def data(n=23, scale=1.0):
    rng = np.random.default_rng(0)
    return scale * rng.normal(size=(n, 5)), rng.integers(0, 3, n)


def order(steps, n=23, size=11):
    rng = np.random.default_rng(1)
    return [rng.choice(n, size, replace=False) for _ in range(steps)]


def run(wing, steps=6, dtype="float64", optimizer="Momentum", scale=1.0, **options):
    model = wing.model(CONFIG, dtype=dtype, seed=2)
    made = wing.optimizer_for(model, optimizer, learning_rate=0.125)
    x, y = data(scale=scale)
    history = wing.training.train(
        model, made, x.astype(dtype), y, options.pop("batches", order(steps)), **options
    )
    return history, wing.layers.read_parameters(model)


def assert_same(found, expected, atol):
    for name, array in expected.items():
        assert_allclose(found[name], array, rtol=0, atol=atol, err_msg=name)


@wings
@pytest.mark.parametrize("accumulate", [2, 40])
@pytest.mark.usefixtures("float64")
def test_accumulation_is_the_whole_batch(wing, accumulate):
    """11 examples in 2 parts: 6 and 5, which do not count the same. With clipping."""
    history, found = run(wing, accumulate=accumulate, max_norm=0.5)
    expected_history, expected = run(wing, max_norm=0.5)
    # Six steps of sums of at most 11 terms in another order.
    assert_allclose(history.loss, expected_history.loss, rtol=0, atol=1e-14)
    assert_same(found, expected, atol=1e-14)


@wings
@pytest.mark.usefixtures("float64")
def test_clipping_bounds_the_step_and_wings_agree(wing):
    """Plain descent: the length of a step is the rate times at most max_norm."""
    options = {"optimizer": "GradientDescent", "scale": 10.0}
    start = wing.layers.read_parameters(wing.model(CONFIG, dtype="float64", seed=2))

    def length(max_norm):
        _, found = run(wing, steps=1, max_norm=max_norm, **options)
        return np.sqrt(sum(((found[k] - start[k]) ** 2).sum() for k in start)) / 0.125

    free = length(None)
    assert free > 1.0
    # The 1e-6 beside the norm is torch's.
    assert length(0.25) == pytest.approx(0.25 * free / (free + 1e-6), rel=1e-12, abs=0)
    assert length(2 * free) == pytest.approx(free, rel=1e-14, abs=0)
    _, found = run(wing, max_norm=0.25, **options)
    assert_same(found, run(SCRATCH, max_norm=0.25, **options)[1], atol=1e-13)


@wings
def test_a_step_clips_too(wing):
    x, y = data()
    found = []
    for max_norm in (None, 0.01):
        model = wing.model(CONFIG, dtype="float64", seed=2)
        optimizer = wing.optimizer_for(model, "GradientDescent", learning_rate=0.5)
        start = wing.layers.read_parameters(model)
        wing.training.train_step(model, optimizer, x, y, max_norm=max_norm)
        end = wing.layers.read_parameters(model)
        found.append(np.sqrt(sum(((end[k] - start[k]) ** 2).sum() for k in start)))
    assert found[1] == pytest.approx(0.005, rel=1e-3, abs=0)
    assert found[0] > 0.05


def nan_gradient(wing):
    """A loss of zero whose gradient is NaN: 0 sqrt(0) at 0."""

    def loss(logits, labels):
        return wing.losses.cross_entropy(logits, labels) + 0 * wing.total(
            (logits * 0) ** 0.5
        )

    return loss


@wings
@pytest.mark.filterwarnings("ignore:divide by zero|invalid value:RuntimeWarning")
def test_a_gradient_that_is_not_finite_names_its_step(wing):
    with pytest.raises(FloatingPointError, match=r"norm is (nan|inf) at step 0"):
        run(wing, loss=nan_gradient(wing), max_norm=1.0)


@wings
def test_early_stopping_ends_with_the_best_weights(wing, capsys):
    """The losses are dictated: the third evaluation, of step 6, is the lowest."""
    losses, kept = iter([3.0, 2.0, 1.0, 1.5, 1.0, 0.5]), []

    def judge(model):
        kept.append(wing.layers.read_parameters(model))
        return {"loss": next(losses)}

    history, found = run(
        wing, steps=20, validation=judge, evaluate_every=2, patience=2, progress=True
    )
    assert len(history.loss) == 10
    assert [e["step"] for e in history.evaluations] == [2, 4, 6, 8, 10]
    for name, array in kept[2].items():
        assert_array_equal(found[name], array)
    assert np.abs(kept[4]["layers.0.weight"] - kept[2]["layers.0.weight"]).max() > 1e-6
    assert "step 10/20" in capsys.readouterr().err


@wings
def test_early_stopping_survives_a_stop(wing, tmp_path):
    """The best weights are in the checkpoint; the count of evaluations goes on."""

    def judge_from(losses):
        losses = iter(losses)
        return lambda model: {"loss": next(losses)}

    options = {"evaluate_every": 2, "patience": 2}
    _, whole = run(wing, 20, validation=judge_from([3.0, 1.0, np.nan, 1.5]), **options)
    options["checkpoints"] = Checkpoints(tmp_path, every=3)
    run(wing, 6, validation=judge_from([3.0, 1.0, np.nan]), **options)
    history, found = run(wing, 20, validation=judge_from([1.5]), **options)
    assert len(history.loss) == 8
    for name, array in whole.items():
        assert_array_equal(found[name], array)


@wings
@pytest.mark.parametrize("precision", ["bfloat16", "float16", "float32"])
@pytest.mark.filterwarnings("ignore:Was asked to gather along dimension")
def test_mixed_precision_trains_and_keeps_its_master_weights(wing, precision):
    """scratch: float64 weights and float32 products; the others float32 and 16 bits."""
    if precision not in wing.training.PRECISIONS:
        with pytest.raises(ValueError, match=f"precision must be one of .*{precision}"):
            run(wing, precision=precision)
        return
    dtype = "float64" if wing is SCRATCH else "float32"
    seen = []

    def loss(logits, labels):
        seen.append(str(logits.dtype))
        return wing.losses.cross_entropy(logits, labels)

    options = {"dtype": dtype, "optimizer": "AdamW", "steps": 20}
    options["max_norm"] = 1.0
    history, found = run(wing, precision=precision, loss=loss, **options)
    exact_history, exact = run(wing, **options)
    assert {a.dtype.name for a in found.values()} == {dtype}
    # Losses are computed in the precision of scratch's copies, or in float32.
    assert all("float32" in name for name in seen)
    bits = {"float32": 24, "float16": 11, "bfloat16": 8}[precision]
    distance = np.abs(np.subtract(history.loss, exact_history.loss)).max()
    assert 2.0**-bits / 1e3 < distance < 2.0**-bits * 30
    assert history.loss[-1] < 0.6 * history.loss[0]
    assert_same(found, exact, atol=0.3)
    # No weight is a number of few bits: it was rounded for the products alone.
    weight = found["layers.0.weight"].ravel()
    low = {"float32": "float32", "float16": "float16"}.get(precision)
    rounded = (
        weight.astype(low) if low else (weight.view("uint32") & 0xFFFF0000).view("f4")
    )
    assert np.mean(rounded == weight) < 0.1


@wings
def test_policies_are_as_they_were(wing):
    if wing is TENSORFLOW:
        model = wing.model(CONFIG)
        optimizer = wing.optimizer_for(model, "Momentum", learning_rate=0.1)
        x, y = data()
        wing.training.train(model, optimizer, x, y, order(2), precision="bfloat16")
        assert model.compute_dtype == model.linear_maps[0].compute_dtype == "float32"
    else:
        history, _ = run(wing, precision=wing.training.PRECISIONS[0], steps=1)
        assert len(history.loss) == 1


@wings
def test_a_gradient_that_overflows_in_float16_is_left_out(wing):
    """A hundred times the loss, times 2^15 or more: halved until it fits."""
    if "float16" not in wing.training.PRECISIONS:
        return
    options = {"dtype": "float32", "precision": "float16"}
    options["schedule"] = schedules.constant(0.00125)
    options["loss"] = lambda z, y: 100 * wing.losses.cross_entropy(z, y)
    _, first = run(wing, 1, **options)
    start = wing.layers.read_parameters(wing.model(CONFIG, seed=2))
    for name, array in start.items():
        assert_array_equal(first[name], array)
    history, _ = run(wing, 15, **options)
    assert history.loss[-1] < 0.9 * history.loss[0]


@wings
@pytest.mark.usefixtures("float64")
def test_sequences_have_a_perplexity_over_all_tokens(wing, capsys):
    """One-hot inputs (n, T, V), labels (n, T); the last batch is short."""
    rng = np.random.default_rng(0)
    tokens = rng.integers(0, 5, (7, 4))
    x, y = np.eye(5)[tokens], (tokens * 2) % 5
    model = wing.layers.Linear(5, 5, bias=False, dtype="float64")
    found = wing.training.evaluate(model, x, y, batch_size=3)
    z = wing.value(model, x)
    log_p = z - np.log(np.exp(z).sum(-1, keepdims=True))
    chosen = np.take_along_axis(log_p, y[..., None], -1)
    assert found["loss"] == pytest.approx(-chosen.mean(), rel=1e-13, abs=0)
    assert found["perplexity"] == pytest.approx(
        np.exp(-chosen.mean()), rel=1e-12, abs=0
    )
    assert found["accuracy"] == (z.argmax(-1) == y).mean()
    optimizer = wing.optimizer_for(model, "Adam", learning_rate=0.1)
    history = wing.training.train(
        model,
        optimizer,
        x,
        y,
        [np.arange(7)] * 30,
        validation=(x, y, 2),
        evaluate_every=30,
        progress=True,
    )
    assert history.evaluations[0]["perplexity"] < found["perplexity"]
    assert re.search(
        r"step 30/30  loss 0\.\d+  [\d,]+ tokens/s", capsys.readouterr().err
    )


@wings
def test_targets_that_are_no_classes_have_a_loss_alone(wing):
    x, _ = data(7)
    model = wing.model(CONFIG, dtype="float64")
    found = wing.training.evaluate(
        model, x, x[:, :3], batch_size=3, loss=wing.losses.mean_squared_error
    )
    expected = ((wing.value(model, x) - x[:, :3]) ** 2).mean()
    assert found == {"loss": pytest.approx(expected, rel=1e-12, abs=0)}


@wings
def test_a_run_that_goes_on_refuses_what_changed(wing, tmp_path):
    checkpoints = Checkpoints(tmp_path)
    before = order(4)
    run(wing, batches=before, checkpoints=checkpoints)
    other = [before[0], before[1][::-1], *before[2:], before[0]]
    for wrong in (other, before[:3], other[:4]):
        with pytest.raises(ValueError, match="the batches before step 4 are others"):
            run(wing, batches=wrong, checkpoints=checkpoints)
    with pytest.raises(ValueError, match="must be Momentum, as it was saved, got Adam"):
        run(wing, batches=before, checkpoints=checkpoints, optimizer="Adam")
    assert checkpoints.steps() == [4]


@wings
def test_a_longer_run_goes_on_at_the_right_rate(wing, tmp_path):
    options = {"schedule": schedules.warmup(schedules.linear(0.5, 8), 3)}
    whole, expected = run(wing, batches=order(8), **options)
    options["checkpoints"] = Checkpoints(tmp_path)
    run(wing, batches=order(8)[:5], **options)
    history, found = run(wing, batches=order(8), **options)
    assert history == whole
    assert_allclose(
        history.learning_rate[:4],
        np.array([1, 2, 3, 3]) / 3 * np.array([0.5, 0.4375, 0.375, 0.3125]),
        rtol=1e-6,
        atol=0,
    )
    for name, array in expected.items():
        assert_array_equal(found[name], array)


def test_torch_optimizers_and_random_layers_go_on(tmp_path):
    """Any optimizer of torch, and dropout: torch's generator is in the checkpoint."""
    import torch

    def go(folder, steps):
        torch.manual_seed(0)
        model = PYTORCH.model(CONFIG, dtype="float64", seed=2)
        drop = torch.nn.Dropout(0.5)
        model.layers[0].register_forward_hook(lambda m, i, out: drop(out))
        optimizer = torch.optim.AdamW(model.parameters(), lr=0.125, amsgrad=True)
        x, y = data()
        checkpoints = folder and Checkpoints(folder, every=2)
        PYTORCH.training.train(
            model, optimizer, x, y, order(steps), checkpoints=checkpoints
        )
        return PYTORCH.layers.read_parameters(model)

    expected = go(None, 7)
    go(tmp_path, 3)
    for name, array in go(tmp_path, 7).items():
        assert_array_equal(array, expected[name])


def test_scratch_modules_keep_their_generators(tmp_path):
    def go(folder, steps):
        model = SCRATCH.model(CONFIG, dtype="float64", seed=2)
        model.layers[0].noise = np.random.default_rng(3)
        forward = model.forward
        model.forward = lambda x: (
            forward(x) + model.layers[0].noise.normal(size=(11, 3))
        )
        optimizer = SCRATCH.optimizer_for(model, "Adam", learning_rate=0.125)
        x, y = data()
        checkpoints = folder and Checkpoints(folder)
        SCRATCH.training.train(
            model, optimizer, x, y, order(steps), checkpoints=checkpoints
        )
        return SCRATCH.layers.read_parameters(model)

    expected = go(None, 7)
    go(tmp_path, 3)
    for name, array in go(tmp_path, 7).items():
        assert_array_equal(array, expected[name])


@wings
@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"accumulate": 0}, ValueError, "accumulate must be at least 1, got 0"),
        ({"max_norm": 0}, ValueError, "max_norm must be above 0, got 0"),
        ({"precision": "half"}, ValueError, "precision must be one of .*; got 'half'"),
        ({"patience": 1}, ValueError, "patience=1 needs evaluate_every"),
    ],
)
def test_mistakes_are_named(wing, options, error, words):
    with pytest.raises(error, match=words):
        run(wing, **options)
