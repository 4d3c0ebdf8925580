"""Generation: the same seed gives the same text in all wings, with a cache or not."""

import numpy as np
import pytest
from largemodels.configs import TransformerConfig
from largemodels.parameters import shapes
from largemodels.sampling import draw, sample_distribution
from numpy.testing import assert_array_equal
from wings import OTHERS, SCRATCH, TENSORFLOW, WINGS

wings = pytest.mark.parametrize("wing", WINGS, ids=repr)
others = pytest.mark.parametrize("wing", OTHERS, ids=repr)

V, CONTEXT = 11, 13
GPT = TransformerConfig(
    vocab_size=V,
    context_length=CONTEXT,
    num_layers=1,
    d_model=8,
    num_heads=2,
    d_ff=5,
    tied_embeddings=False,  # a tied one of random numbers says what it hears
)
LLAMA = TransformerConfig(
    vocab_size=V,
    context_length=CONTEXT,
    num_layers=1,
    d_model=8,
    num_heads=2,
    num_kv_heads=1,
    d_ff=5,
    gated=True,
    norm="rms",
    bias=False,
    positions="rope",
    tied_embeddings=False,
)
PROMPT = np.array([[1, 5, 2], [7, 0, 10]])


def build(wing, config=GPT):
    model = wing.transformer.Transformer(config, "float64")
    rng = np.random.default_rng(1)
    named = {n: rng.normal(size=shape) for n, shape in shapes(config).items()}
    wing.layers.load_parameters(model, named)
    return model


def run(wing, tokens=PROMPT, num_new=9, config=GPT, **options):
    return wing.generation.generate(build(wing, config), tokens, num_new, **options)


@pytest.fixture(scope="module")
def texts():
    return {
        (name, t): run(SCRATCH, config=config, temperature=t, seed=4)
        for name, config in (("gpt", GPT), ("llama", LLAMA))
        for t in (0, 2.0)
    }


@wings
@pytest.mark.parametrize("temperature", [0, 2.0])
@pytest.mark.parametrize("cache", [True, False])
@pytest.mark.parametrize("name", ["gpt", "llama"])
def test_texts_are_equal(wing, name, cache, temperature, texts):
    config = GPT if name == "gpt" else LLAMA
    found = run(wing, config=config, cache=cache, temperature=temperature, seed=4)
    expected = texts[name, temperature]
    assert found.dtype == np.int64
    assert_array_equal(found, expected)
    assert_array_equal(expected[:, :3], PROMPT)
    assert expected.shape == (2, 12)
    assert len(np.unique(expected[:, 3:])) > 2  # there is something to agree on


@wings
@pytest.mark.parametrize("cache", [True, False])
@pytest.mark.parametrize(
    "limits", [{"top_k": 3}, {"top_p": 0.6}, {"top_k": 3, "top_p": 0.6}], ids=str
)
def test_limits_reach_the_drawing(wing, limits, cache, texts):
    """Against a text drawn here, from the logits of all that is written so far."""
    model, rng = build(wing), np.random.default_rng(4)
    text = PROMPT
    for _ in range(9):
        logits = wing.value(model, text)[:, -1]
        p = sample_distribution(logits, 2.0, **limits)
        text = np.concatenate((text, draw(p, rng)[:, None]), 1)
    found = run(wing, temperature=2.0, seed=4, cache=cache, **limits)
    assert_array_equal(found, text)
    assert (found != texts["gpt", 2.0]).any()  # the limits bind


@wings
def test_greedy_takes_the_most_probable(wing):
    model = build(wing)
    text = wing.generation.generate(model, PROMPT, 4, temperature=0)
    logits = wing.value(model, text)
    assert_array_equal(text[:, 3:], logits[:, 2:-1].argmax(-1))
    k1 = wing.generation.generate(model, PROMPT, 4, top_k=1)
    assert_array_equal(k1, text)


@wings
def test_one_sequence(wing):
    found = run(wing, tokens=[1, 5, 2], num_new=4, temperature=0)
    assert_array_equal(found, run(wing, num_new=4, temperature=0)[0])
    assert_array_equal(run(wing, num_new=0), PROMPT)


@wings
def test_a_generator_goes_on_and_a_seed_starts_again(wing):
    rng = np.random.default_rng(4)
    options = {"num_new": 5, "temperature": 3.0}
    first, second = (run(wing, seed=rng, **options) for _ in range(2))
    assert_array_equal(first, run(wing, seed=4, **options))
    assert (first != second).any()


@wings
def test_a_stop_token_ends_a_sequence(wing):
    free = run(wing, temperature=2.0, seed=4)
    stop = int(free[0, 5])
    found = run(wing, temperature=2.0, seed=4, stop=stop)
    for row, unstopped in zip(found, free, strict=True):
        places = np.flatnonzero(unstopped[3:] == stop)
        end = 3 + places[0] + 1 if places.size else len(row)
        assert_array_equal(row[:end], unstopped[:end])
        assert (row[end:] == stop).all()
    alone = run(wing, tokens=PROMPT[0], temperature=0, stop=None)
    early = run(wing, tokens=PROMPT[0], temperature=0, stop=int(alone[3]))
    assert_array_equal(early, alone[:4])


@wings
def test_beyond_the_context(wing):
    """A cache refuses before it computes; without one the last tokens are seen."""
    words = r"with a cache there can be 13 tokens, and 3 \+ 11 are more"
    with pytest.raises(ValueError, match=words):
        run(wing, num_new=11)
    model = build(wing)
    text = wing.generation.generate(model, PROMPT, 15, temperature=0, cache=False)
    assert text.shape == (2, 18)
    for end in (13, 14, 17):
        logits = wing.value(model, text[:, end - CONTEXT : end])[:, -1]
        assert_array_equal(text[:, end], logits.argmax(-1))


@wings
@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"tokens": [[0, V]]}, ValueError, "tokens must be from 0 to 10, got 0 to 11"),
        ({"tokens": [[0, -1]]}, ValueError, "tokens must be from 0 to 10, got -1 to 0"),
        ({"tokens": [[0.5]]}, TypeError, "tokens must be integers"),
        ({"tokens": np.zeros((1, 0), int)}, ValueError, "none empty"),
        ({"num_new": -1}, ValueError, "num_new must be at least 0"),
        ({"seed": -1}, ValueError, "seed must be at least 0"),
        ({"cache": 1}, TypeError, "cache must be True or False"),
        ({"top_k": 0}, ValueError, "top_k must be at least 1"),
    ],
)
def test_mistakes_are_named(wing, options, error, words):
    with pytest.raises(error, match=words):
        run(wing, **options)


@pytest.mark.parametrize("cache", [True, False])
def test_compiled_tensorflow_writes_the_same(cache, monkeypatch):
    expected = run(SCRATCH, temperature=2.0, seed=4)
    monkeypatch.setattr(TENSORFLOW.generation, "COMPILED", 1)
    found = run(TENSORFLOW, temperature=2.0, seed=4, cache=cache)
    assert_array_equal(found, expected)
