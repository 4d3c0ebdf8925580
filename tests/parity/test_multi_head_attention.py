"""The attention layer and its cache: equal gradients, positions that are kept."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from wings import OTHERS, PYTORCH, SCRATCH, WINGS

wings = pytest.mark.parametrize("wing", WINGS, ids=repr)
others = pytest.mark.parametrize("wing", OTHERS, ids=repr)

D, A, G, H = 10, 6, 3, 4
# Sums of a few dozen products of numbers near 1, through four maps.
CLOSE = {"rtol": 1e-12, "atol": 1e-12}


def layer(wing, **options):
    """With weights and biases that are all different."""
    options = {"num_kv_heads": G, "head_width": H, "dtype": "float64"} | options
    made = wing.attention.MultiHeadAttention(D, A, **options)
    rng = np.random.default_rng(3)
    named = wing.layers.read_parameters(made)
    named = {n: rng.normal(size=a.shape) / 2 for n, a in named.items()}
    wing.layers.load_parameters(made, named)
    return made


def inputs(T=7, seed=0):
    return np.random.default_rng(seed).normal(size=(2, T, D))


def options_of(wing, mask, turned):
    options = {}
    if turned:
        options["rotation"] = wing.attention.rotary(range(7), H)
    if isinstance(mask, str):
        options["attention_mask"] = mask
    elif mask is not None:
        options["attention_mask"] = wing.tensor.tensor(mask)
    return options


SOME = np.random.default_rng(5).random((7, 7)) < 0.6
SOME[:, 2] = True


@others
@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("mask", [None, "causal", SOME], ids=["all", "causal", "some"])
def test_outputs_and_gradients_agree(wing, mask, turned):
    results = []
    for one in (wing, SCRATCH):
        made, options = layer(one), options_of(one, mask, turned)

        def function(x, made=made, options=options):
            return [made(x, **options)]

        c = np.random.default_rng(1).normal(size=(2, 7, D))
        out = one.value(lambda x, f=function: f(x)[0], inputs())
        results.append((out, *one.pull_all(made, function, [c], inputs())))
    (out, [dx], named), (out_0, [dx_0], named_0) = results
    assert_allclose(out, out_0, **CLOSE)
    assert_allclose(dx, dx_0, **CLOSE)
    assert list(named) == list(named_0)
    assert len(named) == 8
    for name, expected in named_0.items():
        assert_allclose(named[name], expected, **CLOSE)
        # That of the key's bias is zero: it adds the same to all scores of a query.
        zero = name == "key.bias" and not turned
        assert (np.abs(expected).max() > 1e-3) != zero


@wings
def test_the_layer_is_its_maps_around_attention(wing):
    made, x = layer(wing), inputs()
    named = wing.layers.read_parameters(made)

    def heads(role, number):
        y = x @ named[f"{role}.weight"] + named[f"{role}.bias"]
        return y.reshape(2, 7, number, H).transpose(0, 2, 1, 3)

    arrays = heads("query", A), heads("key", G), heads("value", G)
    out = wing.value(wing.attention.attention, *arrays)
    out = out.transpose(0, 2, 1, 3).reshape(2, 7, A * H)
    expected = out @ named["output.weight"] + named["output.bias"]
    assert_allclose(wing.value(made, x), expected, **CLOSE)


@pytest.mark.parametrize("mask", [None, "causal", SOME], ids=["all", "causal", "some"])
def test_pytorchs_kernel_equals_what_is_written_out(mask):
    made, options = layer(PYTORCH), options_of(PYTORCH, mask, True)
    results = []
    for fused in (True, False):
        made.fused = fused
        c = np.random.default_rng(1).normal(size=(2, 7, D))
        results.append(
            PYTORCH.pull_all(made, lambda x: [made(x, **options)], [c], inputs())
        )
    ([dx], named), ([dx_0], named_0) = results
    assert_allclose(dx, dx_0, **CLOSE)
    for name, expected in named_0.items():
        assert_allclose(named[name], expected, **CLOSE)


@wings
def test_no_position_attends_to_a_later_one(wing):
    made, x = layer(wing), inputs()
    before = wing.value(lambda x: made(x, attention_mask="causal"), x)
    x[:, 4] += 1
    after = wing.value(lambda x: made(x, attention_mask="causal"), x)
    assert_array_equal(after[:, :4], before[:, :4])
    assert (after[:, 4:] != before[:, 4:]).all()


@wings
@pytest.mark.parametrize(
    ("options", "names"),
    [({"bias": False}, []), ({"bias": False, "qkv_bias": True}, ["query", "key"])],
)
def test_biases_are_chosen(wing, options, names):
    named = wing.layers.read_parameters(layer(wing, **options))
    for role in ("query", "key", "output"):
        assert (f"{role}.bias" in named) == (role in names)


@wings
def test_the_maps_start_apart_and_from_the_seed(wing):
    def start(seed):
        made = wing.attention.MultiHeadAttention(D, 5, seed=seed)
        return wing.layers.read_parameters(made)

    first, again, other = start(2), start(2), start(3)
    assert_array_equal(first["query.weight"], again["query.weight"])
    assert (first["query.weight"] != first["key.weight"]).all()
    assert (first["query.weight"] != other["query.weight"]).all()


@wings
def test_sizes_that_do_not_fit(wing):
    make = wing.attention.MultiHeadAttention
    with pytest.raises(ValueError, match="d_model must be a multiple of num_heads"):
        make(10, 3)
    with pytest.raises(ValueError, match="num_heads must be a multiple of num_kv_head"):
        make(12, 6, 4)
    with pytest.raises(ValueError, match="num_heads must be at least 1, got 0"):
        make(12, 0)


def cached(wing, made, x, lengths, mask="causal"):
    """The outputs for x, shown to a cache in pieces."""
    cache = wing.attention.KVCache(2, G, 7, H, "float64")
    parts, at = [], 0
    for n in lengths:
        turned = wing.attention.rotary(range(at, at + n), H)
        options = {"attention_mask": mask, "rotation": turned, "cache": cache}
        piece = wing.tensor.tensor(x[:, at : at + n])
        parts.append(wing.tensor.numpy(wing.untracked(made, piece, **options)))
        at += n
    assert int(cache.length) == at
    return np.concatenate(parts, 1)


@wings
@pytest.mark.parametrize("lengths", [(7,), (1, 1, 1, 1, 1, 1, 1), (3, 1, 2), (2, 4)])
def test_pieces_through_a_cache_equal_the_whole(wing, lengths):
    made, x = layer(wing), inputs(sum(lengths))
    options = {"attention_mask": "causal"}
    options["rotation"] = wing.attention.rotary(range(sum(lengths)), H)
    whole = wing.value(lambda x: made(x, **options), x)
    assert_allclose(cached(wing, made, x, lengths), whole, **CLOSE)


@wings
def test_without_a_mask_all_that_is_kept_is_seen(wing):
    """And nothing of the room that is left."""
    made, x = layer(wing), inputs(5)
    found = cached(wing, made, x, (3, 2), mask=None)[:, 3:]
    turned = wing.attention.rotary(range(5), H)
    whole = wing.value(lambda x: made(x, rotation=turned), x)
    assert_allclose(found, whole[:, 3:], **CLOSE)


@wings
def test_a_cache_refuses_wrong_positions_and_too_many(wing):
    cache = wing.attention.KVCache(2, 3, 5, 4, "float64")
    k = wing.tensor.tensor(np.ones((2, 3, 2, 4)))
    cache.extend(k, k)
    cache.extend(k, k, position=2)
    with pytest.raises(ValueError, match=r"position must be 4, .* got 3"):
        cache.extend(k, k, position=3)
    with pytest.raises(ValueError, match="room for 5 positions, and holds 4: 2 more"):
        cache.extend(k, k)
    assert int(cache.length) == 4
    for shape in ((1, 3, 1, 4), (2, 4, 1, 4), (2, 3, 1, 5), (2, 3, 4)):
        wrong = wing.tensor.tensor(np.ones(shape))
        with pytest.raises(ValueError, match=r"k and v must be \(2, 3, T, 4\)"):
            cache.extend(wrong, wrong)
    with pytest.raises(ValueError, match="capacity must be at least 1, got 0"):
        wing.attention.KVCache(2, 3, 0, 4)


@pytest.mark.parametrize("wing", [SCRATCH, PYTORCH], ids=repr)
def test_a_cache_keeps_no_gradients(wing):
    cache = wing.attention.KVCache(2, G, 7, H, "float64")
    with pytest.raises(ValueError, match="a cache keeps no gradients"):
        layer(wing)(wing.tensor.tensor(inputs()), cache=cache)
