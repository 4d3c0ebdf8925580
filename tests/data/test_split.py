"""A Split refuses parts that do not belong together."""

import dataclasses

import numpy as np
import pytest
from largemodels.data.split import Split

LABELS = np.array([0, 1, 0])


def test_parts_that_fit_are_kept():
    split = Split(np.zeros((3, 2)), LABELS, np.ones((3, 2)), LABELS)
    assert split.test_inputs.sum() == 6
    with pytest.raises(dataclasses.FrozenInstanceError):
        split.test_inputs = None


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ((np.zeros((2, 2)), LABELS, np.zeros((3, 2)), LABELS), "train part needs one"),
        ((np.zeros((3, 2)), LABELS, np.zeros((4, 2)), LABELS), "test part needs one"),
        ((np.zeros((3, 2)), LABELS[:, None], np.zeros((3, 2)), LABELS), r"\(3, 1\)"),
        ((np.zeros((3, 2)), LABELS, np.zeros((3, 3)), LABELS), r"\(2,\) and \(3,\)"),
    ],
)
def test_parts_that_do_not_fit_are_refused(parts, message):
    with pytest.raises(ValueError, match=message):
        Split(*parts)
