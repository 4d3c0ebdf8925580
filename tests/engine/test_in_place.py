"""What was recorded cannot change: arrays of tensors, and those of others."""

import numpy as np
import pytest
from largemodels.scratch import ops
from largemodels.scratch.engine import Tensor, gradients
from largemodels.scratch.tensor import parameter, tensor
from numpy.testing import assert_array_equal


def test_arrays_of_tensors_are_read_only():
    x = parameter([1.0, 2.0])
    y = x * x
    for t in (x, y, tensor([1.0]), y.reshape((2, 1))):
        with pytest.raises(ValueError, match="read-only"):
            t.data[0] = 5.0
    y.backward([1.0, 1.0])
    with pytest.raises(ValueError, match="read-only"):
        x.grad *= 2
    with pytest.raises(TypeError, match="cannot be changed in place"):
        x[0] = 5.0
    x += 1.0  # a new tensor under the old name
    assert_array_equal(x.data, [2, 3])
    assert x.parents


def test_arrays_of_others_may_change_after_they_were_recorded():
    """The graph keeps its own copy of what it was given."""
    x = parameter([1.0, 2.0])
    factor, index, mask = (
        np.array([3.0, 4.0]),
        np.array([0, 1]),
        np.array([True, False]),
    )
    out = ops.where(mask, (x * factor)[index], 0.0).sum()
    out = out + x[(index,)].sum() + x[[0, 1]].sum()
    factor[:], mask[:], index[:] = 100.0, False, 0
    out.backward()
    assert_array_equal(x.grad, [3 + 2, 2])


def test_a_view_that_others_may_write_to_is_copied():
    """An array that the tensor alone has is taken over, and so is a frozen view."""
    a = np.ones(3)
    t = Tensor(a[:], requires_grad=True)
    y = (t * t).sum()
    a[0] = 5.0
    y.backward()
    assert_array_equal(t.grad, [2, 2, 2])
    bare = memoryview(bytearray(np.ones(2)))
    c = Tensor(np.frombuffer(bare))
    bare[:] = bytes(16)
    assert_array_equal(c.data, [1, 1])
    own = np.ones(3)
    assert Tensor(own).data is own
    assert Tensor(own[1:]).data.base is own  # which cannot be written to any more
    with pytest.raises(ValueError, match="assignment destination is read-only"):
        own[0] = 5.0
    assert "assignment destination is read-only" in " ".join(Tensor.__doc__.split())


def test_two_leaves_do_not_share_a_gradient_that_one_could_change():
    x, y = parameter([1.0]), parameter([2.0])
    (x + y).backward()
    x.grad = x.grad * 5
    assert_array_equal(y.grad, [1])


def test_assign_leaves_recorded_graphs_as_they_were():
    x = parameter([3.0])
    y = x * x
    x.assign([100.0])
    y.backward()
    assert_array_equal(x.grad, [6])
    assert_array_equal(x.data, [100])
    with pytest.raises(ValueError, match="assigned after it was recorded"):
        gradients(y, [x], create_graph=True)


def test_assign_copies_and_checks():
    x = parameter([1.0, 2.0], dtype="float32")
    value = np.array([5.0, 6.0], dtype="float32")
    x.assign(value)
    value[0] = 9
    assert_array_equal(x.data, [5, 6])
    x.assign(np.array([0.1, 0.2]))  # float64, rounded
    assert x.dtype == np.float32
    with pytest.raises(ValueError, match=r"must be \(2,\), got \(1,\)"):
        x.assign([1.0])
    with pytest.raises(ValueError, match="for leaves"):
        (x * x).assign([1.0, 2.0])
