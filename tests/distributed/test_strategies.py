"""TensorFlow's strategies on two replicas equal one replica with the whole batch."""

import json

import numpy as np
import pytest
from largemodels.tf import distributed

from tests.distributed import launch

SCRIPT = launch.HERE / "tf_layouts.py"


@pytest.fixture(scope="module")
def found():
    """By layout, what each process prints."""
    workers = ",".join(f"127.0.0.1:{port}" for port in launch.free_ports(2))
    processes = [launch.start(SCRIPT, workers, index) for index in (0, 1)]
    processes.append(launch.start(SCRIPT, "mirrored"))
    first, second, (mirrored, one) = (launch.objects(p) for p in processes)
    return {"workers": [*first, *second], "mirrored": [mirrored], "one": one}


@pytest.mark.parametrize(
    ("layout", "optimizer"),
    [("mirrored", "momentum"), ("mirrored", "adamw"), ("workers", "momentum")],
)
def test_two_replicas_equal_one(found, layout, optimizer):
    one = found["one"]
    assert one["replicas"] == 1
    assert np.ptp(one[optimizer]["losses"]) > 0.01  # something was learned
    for process in found[layout]:
        assert process["replicas"] == 2
        for name, atol in (("losses", 1e-13), ("weights", 1e-11)):
            # sums in another order, which AdamW divides by small roots
            ours, expected = process[optimizer][name], one[optimizer][name]
            np.testing.assert_allclose(ours, expected, rtol=0, atol=atol)


def config(workers=("a:1", "b:2"), kind="worker", index=0):
    task = {"type": kind, "index": index}
    return json.dumps({"cluster": {"worker": workers}, "task": task})


def test_cluster_is_read_and_written():
    cluster = distributed.find_cluster({"TF_CONFIG": config(index=1)})
    assert cluster == distributed.Cluster(("a:1", "b:2"), 1)
    assert distributed.find_cluster({"TF_CONFIG": cluster.config()}) == cluster
    assert distributed.find_cluster({}) is None


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "TF_CONFIG must be JSON"),
        ('{"cluster": {}}', "TF_CONFIG must be JSON"),
        (config(["a"]), "host:port, got 'a'"),
        (config(["a:0"]), "host:port, got 'a:0'"),
        (config(["a:1", "a:1"]), "all different"),
        (config([]), "one or more"),
        (config(kind="ps"), "from 0 to 1, got 'ps' 0"),
        (config(index=2), "from 0 to 1, got 'worker' 2"),
    ],
)
def test_a_wrong_cluster_is_told(text, words):
    with pytest.raises(distributed.ClusterError, match=words):
        distributed.find_cluster({"TF_CONFIG": text})


def test_a_missing_worker_is_named():
    workers = tuple(f"127.0.0.1:{port}" for port in launch.free_ports(2))
    cluster = distributed.Cluster(workers, 0)
    with pytest.raises(distributed.ClusterError, match=r"worker 1 \(127.0.0.1"):
        distributed.multi_worker(cluster, join_timeout=0.3)


def test_rows_must_be_shared_out_equally():
    import tensorflow as tf

    step = distributed.distributed_step(tf.distribute.get_strategy(), None, None)
    with pytest.raises(ValueError, match="multiple of the 1 replicas, got 0"):
        step(np.zeros((0, 3)), np.zeros(0))
