"""The engine on the samples that PyTorch tests its own operations with.

For every operation that both have: PyTorch's arguments, its value and its gradients,
in float64. A sample that asks for what we do not have (another dtype, an axis of a
number) is left out; how many are used is counted, so that none is left out unseen.
"""

import numpy as np
import pytest
import torch
from largemodels.scratch.engine import OPERATIONS, gradients
from largemodels.scratch.tensor import numpy, parameter
from largemodels.structures import map_structure
from numpy.testing import assert_allclose
from torch.testing._internal.common_methods_invocations import op_db

from tests.engine.cases import here
from tests.engine.layer_samples import LeftOutError
from tests.engine.translations import ELSEWHERE, SHARED, covered

INFOS = {(info.name, info.variant_test_name): info for info in op_db}


def leaves_of(structure):
    """The tensors in it that PyTorch takes gradients for, in order."""
    found = []

    def look(x):
        if isinstance(x, torch.Tensor) and x.requires_grad:
            found.append(x)
        return x

    map_structure(look, structure)
    return found


def agree(info, sample, ours):
    """Hold one sample against ours, or raise LeftOutError."""
    given = (sample.input, list(sample.args))
    theirs = leaves_of(given)
    mine = {id(x): parameter(x.detach().numpy()) for x in theirs}

    def convert(x):
        if not isinstance(x, torch.Tensor):
            return tuple(x) if isinstance(x, torch.Size) else x
        return mine[id(x)] if id(x) in mine else x.detach().numpy().copy()

    first, rest = (map_structure(convert, part) for part in given)
    found = ours(first, *rest, **sample.kwargs)
    expected = info(sample.input, *sample.args, **sample.kwargs)
    several = isinstance(expected, list | tuple)
    pairs = zip(found, expected, strict=True) if several else [(found, expected)]
    for i, (value, reference) in enumerate(pairs):
        # Sums of at most 100 products of numbers below 10.
        assert_allclose(numpy(value), reference.detach(), rtol=1e-12, atol=1e-12)
        if not reference.requires_grad:
            continue
        g = np.random.default_rng(i).normal(size=tuple(reference.shape))
        slopes = torch.autograd.grad(
            reference,
            theirs,
            torch.from_numpy(np.array(g)),
            materialize_grads=True,
            retain_graph=True,
        )
        leaves = list(mine.values())
        constant = not value.requires_grad  # such as a sign: the gradient is zero
        ours = [0 * x for x in leaves] if constant else gradients(value, leaves, g)
        for a, b in zip(ours, slopes, strict=True):
            assert_allclose(a.data, b, rtol=1e-11, atol=1e-11)


def test_every_operation_has_samples_or_a_reason():
    assert here(OPERATIONS) - covered() == set(ELSEWHERE)


@pytest.mark.parametrize("key", SHARED, ids="-".join)
def test_samples(key):
    ours, expected = SHARED[key]
    info, used = INFOS[key], 0
    for sample in info.sample_inputs("cpu", torch.float64, requires_grad=True):
        try:
            agree(info, sample, ours)
        except LeftOutError:
            continue
        used += 1
    assert used == expected > 0
