"""The contenders of `make bench` do the same work, or are not compared."""

import pytest
from largemodels.configs import MLPConfig

from tools import bench

SMALL = MLPConfig(d_in=5, hidden=(7,), num_classes=3, activation="relu")


@pytest.fixture(autouse=True)
def short(monkeypatch):
    monkeypatch.setattr(bench, "STEPS", 1)


@pytest.mark.parametrize("row", bench.ROWS, ids=lambda row: row[0])
def test_the_contenders_of_a_row_do_the_same(row):
    _, ours, theirs = row
    x, y = bench.batch_of(SMALL, 11)
    left, right, ratios = bench.duel(ours(SMALL, x, y), theirs(SMALL, x, y), rounds=2)
    assert len(ratios) == 2
    assert min(left, right, *ratios) > 0


def test_contenders_that_differ_are_refused():
    with pytest.raises(ValueError, match="losses differ"):
        bench.duel(lambda: 1.0, lambda: 1.001, rounds=2)


def test_a_ratio_is_ours_over_theirs(monkeypatch):
    order = []
    clock = {"ours": 3.0, "theirs": 2.0}
    monkeypatch.setattr(
        bench, "seconds", lambda step: order.append(step) or clock[step()]
    )

    def ours():
        return "ours"

    def theirs():
        return "theirs"

    monkeypatch.setattr(bench.np, "isclose", lambda *_, **__: True)
    left, right, ratios = bench.duel(ours, theirs, rounds=4)
    assert (left, right, ratios) == (3.0, 2.0, [1.5] * 4)
    assert order == [ours, theirs, theirs, ours] * 2
