"""Parameters: starting values and their statistics, layouts, files that are whole."""

import math
import os

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from largemodels import parameters
from largemodels.configs import MLPConfig, TransformerConfig

CONFIG = MLPConfig(d_in=5, hidden=(7, 3), num_classes=2)
NAMES = [
    "layers.0.weight",
    "layers.0.bias",
    "layers.1.weight",
    "layers.1.bias",
    "layers.2.weight",
    "layers.2.bias",
]


def same(one, other):
    """Two dictionaries with the same names, types, shapes and bits."""
    return one.keys() == other.keys() and all(
        one[name].dtype == other[name].dtype and np.array_equal(one[name], other[name])
        for name in one
    )


def test_names_and_shapes_in_their_order():
    shapes = parameters.shapes(CONFIG)
    assert list(shapes) == NAMES
    assert list(shapes.values()) == [(5, 7), (7,), (7, 3), (3,), (3, 2), (2,)]
    bare = MLPConfig(d_in=5, hidden=(7,), num_classes=2, bias=False)
    assert list(parameters.shapes(bare)) == ["layers.0.weight", "layers.1.weight"]


def test_the_classic_network_has_its_101770_parameters():
    config = MLPConfig(d_in=784, hidden=(128,), num_classes=10)
    assert parameters.count(parameters.initial_parameters(config, seed=0)) == 101_770


@pytest.mark.parametrize("scheme", parameters.SCHEMES)
def test_initial_values_fit_the_shapes_and_repeat(scheme):
    first = parameters.initial_parameters(CONFIG, 3, scheme)
    parameters.check_names(parameters.shapes(CONFIG), first)
    assert list(first) == NAMES
    assert same(first, parameters.initial_parameters(CONFIG, 3, scheme))
    assert not same(first, parameters.initial_parameters(CONFIG, 4, scheme))
    assert all(array.dtype == np.float64 for array in first.values())


def test_float32_is_the_same_start_rounded():
    exact = parameters.initial_parameters(CONFIG, 0)
    rounded = parameters.initial_parameters(CONFIG, 0, dtype="float32")
    assert same(rounded, {name: a.astype(np.float32) for name, a in exact.items()})


def test_a_deeper_network_begins_like_a_shallower_one():
    deeper = MLPConfig(d_in=5, hidden=(7, 3, 4), num_classes=2)
    one, other = (parameters.initial_parameters(c, 0) for c in (CONFIG, deeper))
    assert np.array_equal(one["layers.1.weight"], other["layers.1.weight"])


@pytest.mark.parametrize(
    ("scheme", "variance"),
    [("he", 2 / 400), ("xavier", 2 / (400 + 300)), ("lecun", 1 / 400)],
)
def test_variances_are_those_of_the_papers(scheme, variance):
    config = MLPConfig(d_in=400, hidden=(300,), num_classes=1)
    weight = parameters.initial_parameters(config, 0, scheme)["layers.0.weight"]
    n = weight.size
    # The standard error of a normal's variance is sqrt(2 / n) of it, of a uniform's
    # less; of the mean sqrt(variance / n). Five of each.
    assert weight.var() == pytest.approx(variance, rel=5 * math.sqrt(2 / n), abs=0)
    assert abs(weight.mean()) < 5 * math.sqrt(variance / n)


def test_xavier_is_the_uniform_and_the_others_are_normal():
    config = MLPConfig(d_in=400, hidden=(300,), num_classes=1)
    kurtosis = {}
    for scheme in parameters.SCHEMES:
        weight = parameters.initial_parameters(config, 0, scheme)["layers.0.weight"]
        scaled = weight / weight.std()
        kurtosis[scheme] = float((scaled**4).mean())
    # 3 for a normal, 9/5 for a uniform; the standard error at n = 120,000 is
    # sqrt(24 / n) = 0.014 for the normal and smaller for the uniform: five of it.
    assert kurtosis["he"] == pytest.approx(3, rel=0, abs=0.07)
    assert kurtosis["lecun"] == pytest.approx(3, rel=0, abs=0.07)
    assert kurtosis["xavier"] == pytest.approx(1.8, rel=0, abs=0.07)
    uniform = parameters.initial_parameters(config, 0, "xavier")["layers.0.weight"]
    bound = math.sqrt(6 / 700)
    assert 0.999 * bound < np.abs(uniform).max() <= bound


def test_biases_start_at_zero():
    for name, array in parameters.initial_parameters(CONFIG, 0).items():
        assert (not array.any()) == name.endswith("bias")


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (
            {"scheme": "orthogonal"},
            ValueError,
            "scheme must be one of he, xavier, lecun",
        ),
        ({"dtype": "float16"}, ValueError, "dtype must be float32 or float64"),
        ({"seed": -1}, ValueError, "seed must be at least 0, got -1"),
        ({"seed": None}, TypeError, "seed must be an integer, got None"),
        (
            {"config": {"d_in": 3}},
            TypeError,
            "config must be one of .*MLPConfig.*, got dict",
        ),
    ],
)
def test_initial_parameters_refuses(arguments, error, message):
    with pytest.raises(error, match=message):
        parameters.initial_parameters(**{"config": CONFIG, "seed": 0} | arguments)


def test_a_transformer_has_its_own_start():
    config = TransformerConfig(
        vocab_size=5, context_length=5, num_layers=1, d_model=4, num_heads=2
    )
    named = parameters.initial_parameters(config, 0)
    parameters.check_names(parameters.shapes(config), named)
    assert list(named)[:2] == ["token_embedding.weight", "position_embedding.weight"]
    with pytest.raises(ValueError, match="scheme must be one of gpt2; got 'xavier'"):
        parameters.initial_parameters(config, 0, "xavier")


def test_pytorch_has_weights_the_other_way_round():
    array = np.arange(6.0).reshape(2, 3)
    turned = parameters.to_wing("layers.0.weight", array, "pytorch")
    assert np.array_equal(turned, array.T)
    assert turned.flags["C_CONTIGUOUS"]
    for wing in ("scratch", "tf"):
        kept = parameters.to_wing("layers.0.weight", array, wing)
        assert np.array_equal(kept, array)
        assert not np.shares_memory(kept, array)
    bias = np.arange(3.0)
    assert np.array_equal(parameters.to_wing("layers.0.bias", bias, "pytorch"), bias)


@given(
    st.sampled_from(parameters.WINGS),
    st.integers(0, 12),
    st.integers(1, 5),
    st.integers(1, 5),
)
def test_there_and_back_is_the_same(wing, layer, d_in, d_out):
    array = np.arange(float(d_in * d_out)).reshape(d_in, d_out)
    name = f"layers.{layer}.weight"
    there = parameters.to_wing(name, array, wing)
    back = parameters.from_wing(name, there, wing)
    assert np.array_equal(back, array)
    assert back.shape == array.shape
    assert not np.shares_memory(there, array)
    assert not np.shares_memory(back, there)


@pytest.mark.parametrize("function", [parameters.to_wing, parameters.from_wing])
def test_unknown_names_axes_and_wings_are_refused(function):
    with pytest.raises(ValueError, match=r"no layout is known for .*'layers\.0\.gain'"):
        function("layers.0.gain", np.zeros(3), "tf")
    with pytest.raises(ValueError, match="no layout is known"):
        function("my.layers.0.weight", np.zeros((2, 2)), "tf")
    with pytest.raises(ValueError, match=r"must have 2 axes, got the shape \(3,\)"):
        function("layers.0.weight", np.zeros(3), "tf")
    with pytest.raises(ValueError, match="wing must be one of scratch, pytorch, tf"):
        function("layers.0.bias", np.zeros(3), "jax")


def test_check_names_lists_every_fault():
    given = {
        "layers.0.weight": np.zeros((5, 7)),
        "layers.0.bias": np.zeros((7, 1)),
        "layers.1.w": np.zeros((7, 3)),
    }
    expected = {
        "layers.0.weight": (5, 7),
        "layers.0.bias": (7,),
        "layers.1.weight": (7, 3),
    }
    with pytest.raises(ValueError) as caught:
        parameters.check_names(expected, given)
    assert str(caught.value) == (
        "the parameters do not fit the model: missing: layers.1.weight (7, 3); "
        "wrong shape: layers.0.bias (7, 1), not (7,); "
        "unexpected: layers.1.w (7, 3)"
    )
    assert (
        parameters.check_names(expected, {n: np.zeros(s) for n, s in expected.items()})
        is None
    )


def test_saved_is_loaded(tmp_path):
    named = parameters.initial_parameters(CONFIG, 0) | {
        "step": np.array(17),
        "half": np.ones((2, 0), np.float16),
        "mask": np.array([True, False]),
        "small": np.arange(3, dtype=np.uint8),
    }
    path = parameters.save(tmp_path / "model.safetensors", named)
    assert path == tmp_path / "model.safetensors"
    assert same(parameters.load(path), named)
    assert parameters.load_metadata(path) == {}
    assert [file.name for file in tmp_path.iterdir()] == ["model.safetensors"]


def test_views_are_saved_as_they_look(tmp_path):
    base = np.arange(24.0).reshape(4, 6)
    named = {"turned": base.T, "every second": base[::2, ::3], "backwards": base[::-1]}
    path = parameters.save(tmp_path / "views", named)
    assert same(parameters.load(path), named)


def test_names_come_back_in_the_order_of_their_numbers(tmp_path):
    named = {f"layers.{i}.bias": np.zeros(1) for i in (10, 2, 1)}
    path = parameters.save(tmp_path / "many", named)
    assert list(parameters.load(path)) == [f"layers.{i}.bias" for i in (1, 2, 10)]


def test_metadata_are_kept(tmp_path):
    words = {"model": "784-128-10", "größe": "µ"}
    path = parameters.save(tmp_path / "m", {"x": np.zeros(2)}, words)
    assert parameters.load_metadata(path) == words


def test_an_existing_file_is_kept_unless_told(tmp_path):
    path = parameters.save(tmp_path / "m", {"x": np.zeros(2)})
    with pytest.raises(FileExistsError, match="overwrite=True replaces it"):
        parameters.save(path, {"x": np.ones(2)})
    assert not parameters.load(path)["x"].any()
    parameters.save(path, {"x": np.ones(2)}, overwrite=True)
    assert parameters.load(path)["x"].all()


def test_a_failed_save_leaves_the_old_file_and_no_other(tmp_path, monkeypatch):
    path = parameters.save(tmp_path / "m", {"x": np.zeros(2)})

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        parameters.save(path, {"x": np.ones(2)}, overwrite=True)
    assert [file.name for file in tmp_path.iterdir()] == ["m"]
    assert not parameters.load(path)["x"].any()


def test_others_may_read_the_file_as_any_new_file(tmp_path):
    plain = tmp_path / "plain"
    plain.touch()
    path = parameters.save(tmp_path / "m", {"x": np.zeros(2)})
    assert path.stat().st_mode == plain.stat().st_mode


@pytest.mark.parametrize(
    ("named", "metadata", "error", "message"),
    [
        ({"": np.zeros(1)}, None, ValueError, "a parameter needs a name, got ''"),
        ({"x": np.array(["a"])}, None, ValueError, "x must hold numbers, got dtype"),
        ({"x": np.array([None])}, None, ValueError, "x must hold numbers, got dtype"),
        (
            {"x": np.zeros(1)},
            {"a": 1},
            TypeError,
            "metadata must be strings, got 'a': 1",
        ),
    ],
)
def test_save_refuses(tmp_path, named, metadata, error, message):
    with pytest.raises(error, match=message):
        parameters.save(tmp_path / "m", named, metadata)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("reader", [parameters.load, parameters.load_metadata])
def test_damaged_and_foreign_files_are_named(tmp_path, reader):
    good = parameters.save(tmp_path / "good", parameters.initial_parameters(CONFIG, 0))
    content = good.read_bytes()
    damaged = {
        "empty": b"",
        "short": content[:4],
        "cut": content[:-8],
        "longer": content + b"12345678",
        "header": content[:9] + b"!" + content[10:],
        "foreign": b"PK\x03\x04" + bytes(100),
    }
    for name, wrong in damaged.items():
        path = tmp_path / name
        path.write_bytes(wrong)
        with pytest.raises(ValueError, match=f"{name} is no whole safetensors file"):
            reader(path)
    with pytest.raises(FileNotFoundError, match="nowhere"):
        reader(tmp_path / "nowhere")
