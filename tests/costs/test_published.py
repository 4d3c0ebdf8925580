"""The published record: models, the table of fifty, runs, and the timeline."""

import math

import numpy as np
import pytest
from largemodels.costs.chinchilla import table_a9
from largemodels.costs.compute import petaflop_days, training_flops
from largemodels.costs.hardware import DEVICES
from largemodels.costs.models import MODELS
from largemodels.costs.parameters import count_parameters
from largemodels.costs.runs import GPT3_COMPUTE, RUNS
from largemodels.costs.timeline import (
    TIMELINE,
    Milestone,
    growth,
    record_at,
    records,
)
from largemodels.metrics import mean_interval

# The only names that are rounded to one digit and never refined by their authors.
NAMES_OF_ONE_DIGIT = {"Llama 2 7B", "Llama 2 70B"}


@pytest.mark.parametrize("name", MODELS)
def test_every_count_is_within_one_percent_or_a_rounded_name(name):
    model = MODELS[name]
    if name in NAMES_OF_ONE_DIGIT:
        assert float(f"{model.counted:.0e}") == model.reported_parameters
        assert abs(model.difference) > 0.01
    else:
        assert abs(model.refined_difference) < 0.01


def test_every_model_has_a_source_and_stands_under_its_name():
    for name, model in MODELS.items():
        assert model.name == name
        assert model.source
        assert (model.refined_parameters is None) == (model.refined_source is None)


def test_gpt2_table_is_the_count_with_the_vocabulary_of_its_predecessor():
    for model in MODELS.values():
        if model.family == "GPT-2":
            fewer = (50_257 - 40_478) * model.config.d_model
            assert round((model.counted - fewer) / 1e6) == (
                model.reported_parameters / 1e6
            )


def test_the_table_of_fifty_needs_the_relative_matrices():
    rows = table_a9()
    assert len(rows) == 50
    with_matrices = [count_parameters(c)["total"] / n - 1 for n, c in rows]
    without = [
        count_parameters(c)["total"] / n - 1 for n, c in table_a9(positions="none")
    ]
    # A number printed in millions is off by up to half a million: 1 % of the smallest.
    assert max(map(abs, with_matrices)) < 0.01
    assert max(without) < -0.04


def test_heads_of_the_table_need_not_fill_the_width():
    odd = [c for _, c in table_a9() if c.query_width != c.d_model]
    assert len(odd) == 6


def test_table_d1_is_six_n_d_to_the_digits_printed():
    for name, (millions, flops, days) in GPT3_COMPUTE.items():
        computed = training_flops(millions * 1e6, 300e9)
        # Printed with three digits; the table truncates some, so one unit in the last.
        digit = 10.0 ** (math.floor(math.log10(flops)) - 2)
        assert abs(computed - flops) < digit, name
        digit = 10.0 ** (math.floor(math.log10(days)) - 2)
        assert abs(petaflop_days(computed) - days) < digit, name
        # and the count stands behind the millions
        assert abs(MODELS[name].counted / (millions * 1e6) - 1) < 0.005, name


def test_utilizations_are_those_of_the_reports():
    found = {run.model: 100 * run.utilization for run in RUNS}
    # Derived independently, by hand, from the model cards; one decimal.
    for name, percent in {
        "LLaMA 7B": 43.7,
        "LLaMA 65B": 47.8,
        "Llama 2 7B": 39.1,
        "Llama 2 13B": 37.7,
        "Llama 2 70B": 42.8,
        "Llama 3 405B": 34.6,
    }.items():
        assert abs(found[name] - percent) < 0.05, name


def test_the_largest_llama_took_the_days_its_paper_says():
    # 2,048 devices, "approximately 21 days", 380 tokens a second and device
    run = next(run for run in RUNS if run.model == "LLaMA 65B")
    assert round(run.hours / 2048 / 24) == 21
    rate = MODELS[run.model].training_tokens / (run.hours * 3600)
    assert abs(rate - 380) < 1


def test_the_longest_run_reports_the_flops_of_the_formula():
    run = next(run for run in RUNS if run.model == "Llama 3 405B")
    assert f"{run.flops:.1e}" == "3.8e+25"


def test_runs_name_known_devices():
    for run in RUNS:
        assert run.device in DEVICES
        assert 0 < run.utilization < 1


def test_timeline_rows_are_whole():
    names = [row.name for row in TIMELINE]
    assert len(set(names)) == len(names)
    for row in TIMELINE:
        assert row.parameters > 0
        assert row.source
        assert row.data
        assert row.field in {"vision", "language", "speech", "games"}
        assert (row.compute is None) == (row.compute_by is None)
        assert row.active is None or (row.mixture and row.active < row.parameters)
    years = [row.year for row in TIMELINE]
    assert years == sorted(years)


def test_compute_by_the_formula_uses_the_active_parameters():
    for row in TIMELINE:
        if row.compute_by == "6 N D":
            parameters = row.active or row.parameters
            assert row.compute == 6 * parameters * row.tokens


def test_small_machines_are_counted_to_the_unit():
    counts = {row.name: row.parameters for row in TIMELINE}
    assert counts["Mark I perceptron"] == 4_096
    assert counts["NETtalk"] == 18_629
    assert counts["LeNet-5"] == 60_000


def row(name, date, parameters, **fields):
    return Milestone(
        name=name, date=date, parameters=parameters, data="x", source="y", **fields
    )


def test_records_rise():
    rows = (
        row("c", "2003", 5.0),
        row("a", "2001", 3.0, compute=9.0, compute_by="z"),
        row("b", "2002", 2.0),
        row("d", "2004", 5.0),
    )
    assert [r.name for r in records(rows)] == ["a", "c"]
    assert [r.name for r in records(rows, "compute")] == ["a"]
    assert record_at(rows, 2002.9) == 3.0
    assert record_at(rows, 2003.5) == 5.0
    with pytest.raises(ValueError, match="no parameters up to 1999"):
        record_at(rows, 1999)


def test_dates_become_the_middle_of_the_month_or_year():
    assert row("a", "2020-01", 1.0).year == pytest.approx(
        2020 + 1 / 24, abs=1e-12, rel=0
    )
    assert row("a", "2020-12", 1.0).year == pytest.approx(
        2020 + 23 / 24, abs=1e-12, rel=0
    )
    assert row("a", "1960", 1.0).year == 1960.5


def test_growth_finds_an_exact_factor():
    years = np.array([0.0, 1.5, 2.0, 4.0])
    found = growth(years, 7 * 3.0**years)
    # Exact data: a few roundings in float64.
    assert found.mean == pytest.approx(3.0, rel=1e-12, abs=0)
    assert found.high - found.low < 1e-6
    assert found.n == 4


def test_growth_has_the_interval_of_a_regression():
    from scipy.stats import linregress, t

    rng = np.random.default_rng(0)
    years = rng.uniform(2010, 2025, 17)
    values = np.exp(0.7 * years - 1400 + rng.normal(size=17))
    fit = linregress(years, np.log(values))
    half = t.ppf(0.975, 15) * fit.stderr
    found = growth(years, values)
    expected = np.exp([fit.slope, fit.slope - half, fit.slope + half])
    # Centered sums of years near 2000 lose a few digits of sixteen.
    np.testing.assert_allclose(
        [found.mean, found.low, found.high], expected, rtol=1e-9, atol=0
    )


def test_the_interval_of_growth_holds_the_truth_as_often_as_it_says():
    rng = np.random.default_rng(1)
    years = np.arange(9.0)
    inside = []
    for _ in range(400):
        values = np.exp(0.5 * years + rng.normal(size=9))
        found = growth(years, values)
        inside.append(found.low < np.exp(0.5) < found.high)
    # 400 trials at 95 %: the standard error is 1.1 %, four of them 4.4 %.
    assert abs(np.mean(inside) - 0.95) < 0.044
    assert mean_interval(np.asarray(inside, float)).n == 400


def test_growth_refuses_what_it_cannot_fit():
    with pytest.raises(ValueError, match="at least 3 years"):
        growth([1.0, 2.0], [1.0, 2.0])
    with pytest.raises(ValueError, match="positive"):
        growth([1.0, 2.0, 3.0], [1.0, 0.0, 2.0])
    with pytest.raises(ValueError, match="years must differ"):
        growth([1.0, 1.0, 1.0], [1.0, 2.0, 3.0])
