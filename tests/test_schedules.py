"""Schedules: values at the steps where an off-by-one shows, shapes, refusals."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from largemodels import schedules

# Schedules are a handful of float64 operations: 1e-14 is some forty roundings.
EXACT = {"rel": 1e-14, "abs": 1e-300}
rates = st.floats(1e-6, 10)
steps = st.integers(0, 10_000)


def values(schedule, n):
    return [schedule(step) for step in range(n)]


def test_the_first_update_has_the_rate_itself():
    for schedule in (
        schedules.constant(0.3),
        schedules.inverse_time(0.3, 0.1),
        schedules.inverse_sqrt(0.3),
        schedules.step_decay(0.3, 5, 0.5),
        schedules.exponential(0.3, 0.9),
        schedules.cosine(0.3, 10),
        schedules.linear(0.3, 10),
        schedules.piecewise([4], [0.3, 0.1]),
        schedules.stable_decay(0.3, 10, 4),
    ):
        assert schedule(0) == 0.3
        assert type(schedule(0)) is float


def test_inverse_time():
    assert values(schedules.inverse_time(1.0, 0.5), 5) == pytest.approx(
        [1, 1 / 1.5, 1 / 2, 1 / 2.5, 1 / 3], **EXACT
    )


def test_inverse_sqrt_has_halved_at_the_fourth_update():
    assert values(schedules.inverse_sqrt(1.0), 4) == pytest.approx(
        [1, 1 / math.sqrt(2), 1 / math.sqrt(3), 0.5], **EXACT
    )


def test_step_decay_changes_at_multiples_and_not_before():
    assert values(schedules.step_decay(1.0, 3, 0.5), 7) == [
        1,
        1,
        1,
        0.5,
        0.5,
        0.5,
        0.25,
    ]


def test_exponential():
    assert values(schedules.exponential(2.0, 0.5), 4) == [2, 1, 0.5, 0.25]


def test_piecewise_uses_the_new_rate_at_the_boundary():
    schedule = schedules.piecewise([2, 3], [1.0, 0.1, 0.01])
    assert values(schedule, 5) == [1.0, 1.0, 0.1, 0.01, 0.01]
    assert values(schedules.piecewise([], [0.7]), 2) == [0.7, 0.7]


def test_cosine_is_half_way_in_the_middle_and_final_at_total():
    schedule = schedules.cosine(1.0, 4, final=0.2)
    quarter = 0.2 + 0.8 * (1 + math.sqrt(0.5)) / 2
    assert values(schedule, 7) == pytest.approx(
        [1.0, quarter, 0.6, 1.2 - quarter, 0.2, 0.2, 0.2], **EXACT
    )


def test_the_last_update_of_a_run_is_one_step_short_of_final():
    assert schedules.linear(1.0, 10)(9) == pytest.approx(0.1, **EXACT)
    assert schedules.cosine(1.0, 10)(9) > 0
    assert schedules.linear(1.0, 10)(10) == schedules.cosine(1.0, 10)(10) == 0.0


def test_stable_decay_falls_over_the_last_updates():
    """With a warm-up: WSD."""
    schedule = schedules.stable_decay(1.0, total=7, decay_steps=4, final=0.5)
    assert values(schedule, 9) == [1, 1, 1, 1, 0.875, 0.75, 0.625, 0.5, 0.5]
    assert values(schedules.warmup(schedule, 2), 3) == [0.5, 1, 1]
    whole = schedules.stable_decay(0.3, 7, 7)
    assert values(whole, 9) == values(schedules.linear(0.3, 7), 9)


def test_linear_may_rise():
    assert values(schedules.linear(0.0, 4, final=2.0), 6) == [0, 0.5, 1, 1.5, 2, 2]


def test_warmup_starts_at_a_share_and_is_whole_at_its_last_step():
    schedule = schedules.warmup(schedules.constant(1.0), 4)
    assert values(schedule, 6) == [0.25, 0.5, 0.75, 1.0, 1.0, 1.0]


def test_warmup_does_not_move_the_schedule_below():
    below = schedules.cosine(1.0, 20)
    warm = schedules.warmup(below, 5)
    assert values(warm, 25)[5:] == values(below, 25)[5:]
    assert values(schedules.warmup(below, 0), 25) == values(below, 25)


@given(rates, st.integers(1, 1000), st.floats(0, 1), steps)
def test_declining_schedules_stay_between_their_ends(rate, total, share, step):
    final = share * rate
    for schedule in (
        schedules.cosine(rate, total, final),
        schedules.linear(rate, total, final),
    ):
        # One rounding of the largest term on either side.
        margin = 4e-16 * rate
        assert final - margin <= schedule(step) <= rate + margin
        assert schedule(step + 1) <= schedule(step) + margin
        assert schedule(total) == final


@given(rates, st.floats(0, 1), st.integers(1, 50), st.floats(0.01, 1), steps)
def test_decays_never_rise(rate, decay, every, factor, step):
    for schedule in (
        schedules.inverse_time(rate, decay),
        schedules.inverse_sqrt(rate),
        schedules.step_decay(rate, every, factor),
        schedules.exponential(rate, factor),
    ):
        assert 0 <= schedule(step + 1) <= schedule(step) <= rate


@given(rates, st.integers(0, 100), steps)
def test_warmup_is_a_factor_of_at_most_one(rate, length, step):
    warm = schedules.warmup(schedules.constant(rate), length)(step)
    assert 0 < warm <= rate
    assert (warm == rate) == (step >= length - 1)


def test_the_sums_of_inverse_time_are_those_of_robbins_and_monro():
    schedule = schedules.inverse_time(1.0, 1.0)
    rates = np.array(values(schedule, 10_000))
    # Harmonic numbers: their difference over a factor of ten tends to log 10; the
    # error is 1 / (2 n) = 5e-4 at n = 1000.
    assert rates[1000:].sum() == pytest.approx(math.log(10), rel=0, abs=1e-3)
    # The squares sum to pi^2 / 6; what is cut off is 1 / n = 1e-4.
    assert (rates**2).sum() == pytest.approx(math.pi**2 / 6, rel=0, abs=2e-4)


@pytest.mark.parametrize("step", [-1, 0.5, "1", None, True])
def test_steps_are_whole_numbers_from_zero(step):
    with pytest.raises((ValueError, TypeError), match="step must be"):
        schedules.constant(0.1)(step)


def test_steps_of_numpy_are_steps():
    assert schedules.exponential(2.0, 0.5)(np.int64(1)) == 1.0


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: schedules.constant(-0.1), ValueError, "rate must be at least 0"),
        (lambda: schedules.constant(math.nan), ValueError, "rate must be finite"),
        (lambda: schedules.constant("0.1"), TypeError, "rate must be a number"),
        (lambda: schedules.inverse_time(1, -1), ValueError, "decay must be at least 0"),
        (
            lambda: schedules.step_decay(1, 0, 0.5),
            ValueError,
            "every must be at least 1",
        ),
        (lambda: schedules.step_decay(1, 3, 0), ValueError, "factor must be above 0"),
        (lambda: schedules.step_decay(1, 3, 2), ValueError, "factor must be at most 1"),
        (lambda: schedules.exponential(1, 0), ValueError, "decay must be above 0"),
        (lambda: schedules.exponential(1, 1.1), ValueError, "decay must be at most 1"),
        (lambda: schedules.cosine(1, 0), ValueError, "total must be at least 1, got 0"),
        (lambda: schedules.linear(1, 9, -1), ValueError, "final must be at least 0"),
        (lambda: schedules.stable_decay(1, 9, 10), ValueError, "must be at most 9"),
        (lambda: schedules.stable_decay(1, 9, 0), ValueError, "must be at least 1"),
        (lambda: schedules.warmup(0.1, 5), TypeError, "schedule must be a function"),
        (
            lambda: schedules.warmup(schedules.constant(1), -1),
            ValueError,
            "steps must be at least 0, got -1",
        ),
        (
            lambda: schedules.piecewise([3, 3], [1, 2, 3]),
            ValueError,
            r"boundaries must increase, got \(3, 3\)",
        ),
        (
            lambda: schedules.piecewise([3], [1]),
            ValueError,
            "1 rates and 1 boundaries",
        ),
        (
            lambda: schedules.piecewise([0], [1, 2]),
            ValueError,
            r"boundaries\[0\] must be at least 1, got 0",
        ),
        (
            lambda: schedules.piecewise([1], [1, -2]),
            ValueError,
            r"rates\[1\] must be at least 0",
        ),
    ],
)
def test_wrong_arguments_are_refused_when_the_schedule_is_made(make, error, message):
    with pytest.raises(error, match=message):
        make()
