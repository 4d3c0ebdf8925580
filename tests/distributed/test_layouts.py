"""Every layout on real processes equals one process with the whole batch."""

import json
import shutil

import numpy as np
import pytest
from largemodels.costs.collectives import bytes_sent
from largemodels.pretraining import read_log
from largemodels.pytorch import pretrain

from tests.distributed import launch
from tests.distributed.conftest import SHORT, flags

# Sums of a few hundred float64 terms in another order differ by some 1e-15; AdamW
# divides by roots of second moments, which makes it some 1e-13 in the weights.
EXACT = {"losses": 1e-13, "norms": 1e-13, "weights": 1e-11}
SCRIPT = launch.HERE / "torch_layouts.py"


@pytest.fixture(scope="module")
def runs(text, tmp_path_factory):
    """A folder of runs: by torchrun in every layout, and of one process alone."""
    folder = tmp_path_factory.mktemp("runs")
    words = [*flags(SHORT), "--data", text, "--quiet"]
    process = launch.torchrun(2, SCRIPT, folder, *words)
    alone = [*map(str, words), "--out", str(folder / "alone")]
    assert pretrain.main(alone) == 0
    [found] = launch.objects(process)
    return folder, found


@pytest.fixture(scope="module")
def four():
    """What four processes find; the last dies at the end."""
    return launch.objects(launch.start(SCRIPT, "fork", 4))


def assert_equal(found, where):
    for name, bound in EXACT.items():
        assert found[name] < bound, f"{where}: {name} differ by {found[name]}"


@pytest.mark.parametrize("layout", ["ddp", "fsdp", "tensor", "tensor_llama"])
def test_layout_equals_one_process(runs, layout):
    assert_equal(runs[1][layout], layout)


@pytest.mark.parametrize("size", [2, 4])
@pytest.mark.parametrize("kind", ["overlap", "at_the_end", "uneven"])
def test_our_data_parallelism_equals_one_process(runs, four, size, kind):
    found = (runs[1] if size == 2 else four[0])["ours"]
    assert_equal(found[kind], kind)
    assert found["overlap"]["buckets"] > 3
    assert found["at_the_end"]["buckets"] == 1


def test_grids_equal_one_process(runs, four):
    grids = runs[1]["grid"] | four[0]["grid"]
    assert sorted(grids) == ["1x2", "2x1", "2x2"]
    for shape, found in grids.items():
        assert_equal(found, shape)


@pytest.mark.parametrize("size", [2, 4])
def test_ring_equals_all_reduce_at_its_cost(runs, four, size):
    found = runs[1] if size == 2 else four[0]
    assert found["ranks"] == size
    for case in found["all_reduce"]:
        # sums of two to four terms, in another order
        assert case["difference"] < 1e-15, case
        assert case["equal_everywhere"], case
        predicted = bytes_sent("all-reduce", 8 * case["length"], size)
        if case["length"] % size == 0:
            assert case["sent"] == predicted
        assert abs(case["sent"] - predicted) < 2 * 8 * size  # a part has one more


def test_sharding_halves_parameters_and_moments(runs):
    found = runs[1]["fsdp"]
    # short parameters of odd length are cut unevenly
    assert 0.45 < found["parameters"] < 0.55
    assert found["moments"] == found["parameters"]


def test_a_sharded_state_goes_on_whole_and_sharded(runs):
    assert runs[1]["state"] < 1e-11  # as the weights above


@pytest.mark.parametrize("kind", ["ddp", "fsdp", "tp"])
def test_pretrain_under_torchrun_equals_one_process(runs, kind):
    folder, _ = runs
    alone, several = (read_log(folder / name / "log.jsonl") for name in ("alone", kind))
    assert len(alone) == len(several) == SHORT["steps"]
    for one, other in zip(alone, several, strict=True):
        assert one["tokens"] == other["tokens"]
        for name in ("loss", "norm", "validation_loss", "learning_rate"):
            # as EXACT; the norm is some 1, the loss some 5
            np.testing.assert_allclose(
                other.get(name, 0), one.get(name, 0), rtol=1e-12, atol=1e-12
            )


@pytest.mark.parametrize(
    ("kind", "size"), [("ddp", 1), ("fsdp", 1), ("tp", 1), ("tp", 2)]
)
def test_a_run_of_two_goes_on(runs, kind, size, capfd):
    """With one process, or with two again, from the checkpoint before the last."""
    folder, _ = runs
    out = folder / kind
    log = (out / "log.jsonl").read_text()
    shutil.rmtree(out / "checkpoints" / "step-000000006")
    words = ["--resume", "--out", str(out), "--quiet"]
    if size == 1:
        assert pretrain.main(words) == 0
    else:
        process = launch.torchrun(size, "-m", "largemodels.pytorch.pretrain", *words)
        status, told, err = launch.finish(process)
        assert status == 0, f"{told}\n{err}"
    again = read_log(out / "log.jsonl")
    before = [json.loads(line) for line in log.splitlines()]
    for one, other in zip(before, again, strict=True):
        np.testing.assert_allclose(other["loss"], one["loss"], rtol=1e-12, atol=1e-12)


def test_a_process_that_dies_is_told_to_the_others(four):
    told = sorted(four[1:])
    assert len(told) == 3
    for rank, sentence in enumerate(told):
        assert sentence.startswith(f"rank {rank} has lost contact to another process:")
