"""Transformers: one config, three models; equal logits, losses and all gradients."""

import copy
import math

import keras
import numpy as np
import pytest
import tensorflow as tf
import torch
from largemodels.configs import TransformerConfig
from largemodels.costs.models import MODELS
from largemodels.costs.parameters import count_parameters
from largemodels.parameters import from_wing, initial_parameters, shapes
from numpy.testing import assert_allclose, assert_array_equal
from wings import OTHERS, PYTORCH, SCRATCH, TENSORFLOW, WINGS

wings = pytest.mark.parametrize("wing", WINGS, ids=repr)
others = pytest.mark.parametrize("wing", OTHERS, ids=repr)

V, T = 13, 7
BASE = TransformerConfig(
    vocab_size=V, context_length=T, num_layers=2, d_model=12, num_heads=3, d_ff=5
)
GPT = {}
LLAMA = {"gated": True, "activation": "silu", "norm": "rms", "bias": False}
LLAMA |= {"positions": "rope", "tied_embeddings": False, "num_kv_heads": 1}
POST = {"norm_place": "post", "positions": "sinusoidal", "qkv_bias": False}
POST |= {"head_width": 5, "num_heads": 4, "num_kv_heads": 2, "activation": "relu"}
BARE = {"positions": "none", "norm_bias": False, "gated": True, "d_ff": None}
OPTIONS = {"gpt": GPT, "llama": LLAMA, "post": POST, "bare": BARE}
each_option = pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
# Sums of a few dozen products of numbers near 1, through two blocks.
CLOSE = {"rtol": 1e-11, "atol": 1e-13}


def config_of(options):
    return TransformerConfig(**{**vars(BASE), **options})


def values(config):
    """All different, norms' scales and biases too: at 1 and 0 they hide mistakes."""
    rng = np.random.default_rng(1)
    return {n: rng.normal(size=shape) / 2 for n, shape in shapes(config).items()}


def batch(B=3):
    rng = np.random.default_rng(2)
    return rng.integers(0, V, (B, T)), rng.integers(0, V, (B, T))


def build(wing, config):
    model = wing.transformer.Transformer(config, "float64")
    wing.layers.load_parameters(model, values(config))
    return model


@others
@each_option
def test_logits_and_all_gradients_agree(wing, options):
    config, (x, y) = config_of(options), batch()
    results = []
    for one in (wing, SCRATCH):
        model = build(one, config)
        results.append((one.value(model, x), *one.gradients(model, x, y)))
    (logits, loss, grads), (logits_0, loss_0, grads_0) = results
    assert logits.shape == (3, T, V)
    assert_allclose(logits, logits_0, **CLOSE)
    assert_allclose(loss, loss_0, rtol=1e-13, atol=0)
    assert list(grads) == list(grads_0) == list(shapes(config))
    for name, expected in grads_0.items():
        if not name.endswith("key.bias"):  # zero: the same for all scores of a query
            assert np.abs(expected).max() > 1e-4
        assert_allclose(grads[name], expected, **CLOSE)


@wings
@each_option
def test_names_sizes_and_starts_are_those_of_the_config(wing, options):
    config = config_of(options)
    named = wing.layers.read_parameters(wing.transformer.Transformer(config, "float64"))
    expected = initial_parameters(config, 0)
    assert list(named) == list(expected)
    for name, array in expected.items():
        assert_array_equal(named[name], array)
    counted = count_parameters(config)["total"]
    assert sum(array.size for array in named.values()) == counted


def test_every_combination_has_the_parameters_that_are_counted():
    """By names and shapes alone, which is how a large model is built without memory."""
    choices = {
        "num_kv_heads": [None, 1],
        "gated": [False, True],
        "norm": ["layer", "rms"],
        "norm_place": ["pre", "post"],
        "bias": [False, True],
        "qkv_bias": [None, True],
        "positions": ["learned", "sinusoidal", "rope", "relative", "none"],
        "tied_embeddings": [False, True],
    }
    grid = np.indices([len(c) for c in choices.values()]).reshape(len(choices), -1).T
    configs = [
        config_of({n: c[i] for (n, c), i in zip(choices.items(), row, strict=True)})
        for row in grid.tolist()
    ]
    assert len(configs) == 640
    for config in [*configs, *(model.config for model in MODELS.values())]:
        total = sum(math.prod(shape) for shape in shapes(config).values())
        assert total == count_parameters(config)["total"], config


def test_starts_are_those_of_gpt2():
    """Normal(0, 0.02^2), what is added to the stream 1 / sqrt(2 L) of that."""
    config = TransformerConfig(
        vocab_size=101, context_length=64, num_layers=8, d_model=64, num_heads=4
    )
    for name, array in initial_parameters(config, 0).items():
        if array.ndim == 1:
            assert_array_equal(array, float(name.endswith("norm.weight")))
            continue
        added = name.endswith(("attention.output.weight", "down.weight"))
        expected = 0.02 / math.sqrt(16) if added else 0.02
        # The standard error of a deviation is 1 / sqrt(2 n) of it: five of them.
        close = 5 / math.sqrt(2 * array.size)
        assert_allclose(array.std(), expected, rtol=close, atol=0)
    with pytest.raises(ValueError, match="scheme must be one of gpt2; got 'he'"):
        initial_parameters(config, 0, "he")


@wings
@each_option
def test_cached_pieces_equal_the_whole(wing, options):
    model, (x, _) = build(wing, config_of(options)), batch()
    whole = wing.value(model, x)
    cache, parts, at = model.new_cache(3), [], 0
    for n in (3, 1, 2, 1):
        piece = wing.tensor.tensor(x[:, at : at + n])
        parts.append(wing.tensor.numpy(wing.untracked(model, piece, cache=cache)))
        at += n
    assert_allclose(np.concatenate(parts, 1), whole, **CLOSE)
    with pytest.raises(ValueError, match="has 7 positions, got 1 tokens from positi"):
        wing.untracked(model, wing.tensor.tensor(x[:, :1]), cache=cache)
    cache[0].length = 2 if wing.name != "tf" else tf.Variable(2)
    with pytest.raises(ValueError, match=r"position must be 7, .* got 2"):
        wing.untracked(model, wing.tensor.tensor(x[:, :1]), cache=cache)


@wings
def test_mistakes_are_named(wing):
    model = wing.transformer.Transformer(BASE)
    wrong = [
        (np.zeros((2, T + 1), int), ValueError, "the model has 7 positions, got 8"),
        (np.zeros(T, int), ValueError, r"tokens must be \(B, T\)"),
        (np.zeros((2, 0), int), ValueError, r"tokens must be \(B, T\)"),
        (np.zeros((2, T)), TypeError, "tokens must be integers, got float"),
    ]
    for tokens, error, words in wrong:
        with pytest.raises(error, match=words):
            model(wing.tensor.tensor(tokens))
    with pytest.raises(ValueError, match="can be counted, but not computed"):
        wing.transformer.Transformer(config_of({"positions": "relative"}))


def test_compiled_tensorflow_equals_eager():
    """As a graph and by XLA, with sizes that are not known when it is traced."""
    config, (x, y) = config_of({**LLAMA, "num_layers": 1}), batch()
    model = build(TENSORFLOW, config)
    _, expected = TENSORFLOW.gradients(model, x, y)

    def gradients(x, y):
        with tf.GradientTape() as tape:
            loss = TENSORFLOW.losses.cross_entropy(model(x), y)
        named = dict(TENSORFLOW.layers.named_variables(model))
        return {
            n: tf.convert_to_tensor(g) for n, g in tape.gradient(loss, named).items()
        }

    spec = [tf.TensorSpec((None, None), tf.int64)] * 2
    x, y = tf.constant(x), tf.constant(y)
    for compiled in (
        tf.function(gradients, input_signature=spec),
        tf.function(gradients, jit_compile=True),
    ):
        for name, g in compiled(x, y).items():
            found = from_wing(name, g.numpy(), "tf")
            assert_allclose(found, expected[name], **CLOSE)


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning:keras")
def test_keras_trains_saves_and_loads_it(tmp_path):
    x, _ = batch(8)
    config = config_of({**LLAMA, "num_layers": 1})
    model = TENSORFLOW.transformer.Transformer(config, seed=3)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    optimizer = keras.optimizers.Adam(0.01)
    model.compile(optimizer=optimizer, loss=loss, jit_compile=False)
    history = model.fit(x[:, :-1], x[:, 1:], epochs=3, verbose=0).history["loss"]
    assert history[-1] < history[0]
    model.save(tmp_path / "model.keras")
    other = keras.models.load_model(tmp_path / "model.keras")
    assert other.config == model.config
    assert_array_equal(other(x), model(x))


def test_pytorch_models_are_copied_saved_and_cast():
    model, (x, _) = build(PYTORCH, config_of(LLAMA)), batch()
    tokens = torch.tensor(x)
    other = PYTORCH.transformer.Transformer(config_of(LLAMA), "float64", seed=9)
    other.load_state_dict(model.state_dict())
    assert list(model.state_dict()) == list(shapes(model.config))
    assert_array_equal(other(tokens).detach(), model(tokens).detach())
    assert_array_equal(copy.deepcopy(model)(tokens).detach(), model(tokens).detach())
    single = model.to(torch.float32)(tokens)
    assert single.dtype == torch.float32
    # Two blocks of float32, 6e-8 a rounding, logits below 10.
    assert_allclose(single.detach(), other(tokens).detach(), rtol=0, atol=1e-4)


@wings
def test_float32_stays_float32(wing):
    model = wing.transformer.Transformer(config_of(LLAMA))
    assert wing.value(model, batch()[0]).dtype == np.float32


@wings
def test_a_loss_over_sequences_is_that_over_all_rows(wing):
    rng = np.random.default_rng(0)
    z, y = rng.normal(size=(2, 3, 5)), rng.integers(0, 5, (2, 3))
    loss = wing.losses.cross_entropy
    rows = wing.value(loss, z.reshape(6, 5), y.ravel())
    assert_allclose(wing.value(loss, z, y), rows, rtol=1e-15, atol=0)
    with pytest.raises(ValueError, match=r"got \(3, 2\) for logits \(2, 3, 5\)"):
        wing.value(loss, z, y.T.copy())


@pytest.mark.gpu
@pytest.mark.parametrize("wing", OTHERS, ids=repr)
def test_a_gpu_computes_the_same(wing):
    config, (x, y) = config_of(LLAMA), batch()
    expected = SCRATCH.gradients(build(SCRATCH, config), x, y)[1]
    model = build(wing, config)
    if wing.name == "pytorch":
        tokens, labels = torch.tensor(x).cuda(), torch.tensor(y).cuda()
        wing.losses.cross_entropy(model.cuda()(tokens), labels).backward()
        named = model.named_parameters()
        grads = {n: from_wing(n, p.grad.cpu().numpy(), "pytorch") for n, p in named}
    else:
        grads = wing.gradients(model, x, y)[1]
    for name, array in expected.items():
        assert_allclose(grads[name], array, rtol=1e-9, atol=1e-11)
