"""Embeddings: the rows of a table that integers name."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from wings import SCRATCH, WINGS

wings = pytest.mark.parametrize("wing", WINGS, ids=repr)


@wings
def test_embeddings(wing):
    layer = wing.layers.Embedding(7, 5, dtype="float64", seed=3)
    weight = wing.tensor.numpy(layer.weight)
    assert_array_equal(weight, np.random.default_rng(3).standard_normal((7, 5)))
    ids = np.array([[2, 0, 2], [6, 1, 1]])
    assert_array_equal(wing.value(layer, ids), weight[ids])
    with pytest.raises(TypeError, match="ids must be integers, got float64"):
        wing.value(layer, np.ones(3))
    with pytest.raises(ValueError, match="vocab_size must be at least 1, got 0"):
        wing.layers.Embedding(0, 5)


def test_scratch_looks_at_ids():
    layer = SCRATCH.layers.Embedding(7, 5)
    for ids in ([0, 7], [-1, 2]):
        with pytest.raises(ValueError, match="ids must be from 0 to 6, got"):
            layer(np.array(ids))
