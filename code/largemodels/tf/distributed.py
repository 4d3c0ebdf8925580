"""One model on several devices or processes, by TensorFlow's strategies.

A strategy keeps a copy of every variable on every replica. A replica computes the
gradients of its part of the batch; the optimizer adds up those of all, and changes all
copies alike. Model and optimizer are made inside `strategy.scope()`.

MirroredStrategy           the devices of one process
MultiWorkerMirroredStrategy  several processes, which TF_CONFIG lists

Found by trying (TensorFlow 2.21, Keras 3.15, CPU): an optimizer of Keras sums gradients
over replicas when `apply` is called inside `strategy.run`, so that each replica divides
its mean loss by their number. A loss reduced with MEAN is then that of the whole batch.
A MultiWorkerMirroredStrategy waits an hour, and silently, for a worker that does not
come; it must be made before any operation has run, and its process ends only when the
others do.

Only this wing has the room: PyTorch's processes split a model in other ways.
"""

import json
import os
import selectors
import socket
import time
from dataclasses import dataclass

import tensorflow as tf

from largemodels.tf.losses import cross_entropy
from largemodels.validation import real_number, whole_number

__all__ = [
    "Cluster",
    "ClusterError",
    "distributed_step",
    "find_cluster",
    "logical_devices",
    "meet",
    "multi_worker",
]


class ClusterError(RuntimeError):
    """The workers cannot work together; the message says which, and what to do."""


@dataclass(frozen=True)
class Cluster:
    """A worker among the others: their addresses, "host:port", and its own number."""

    workers: tuple[str, ...]
    index: int

    def config(self) -> str:
        """What the environment variable TF_CONFIG of this worker must hold."""
        task = {"type": "worker", "index": self.index}
        return json.dumps({"cluster": {"worker": [*self.workers]}, "task": task})


def find_cluster(environment=None) -> Cluster | None:
    """The Cluster that TF_CONFIG describes; None where it is not set.

    environment: a mapping; None: os.environ. Raises ClusterError that says what is
    wrong: no JSON, no list of workers, an address without a port or given twice, a
    task that is no worker of the list.
    """
    given = os.environ if environment is None else environment
    text = given.get("TF_CONFIG")
    if not text:
        return None
    try:
        content = json.loads(text)
        workers = content["cluster"]["worker"]
        kind, index = content["task"]["type"], content["task"]["index"]
    except (ValueError, KeyError, TypeError) as error:
        raise ClusterError(
            'TF_CONFIG must be JSON with {"cluster": {"worker": [...]}, "task": '
            f'{{"type": "worker", "index": 0}}}}, got {text!r}'
        ) from error
    for worker in workers:
        port = str(worker).rpartition(":")[2]
        if not port.isdecimal() or not 0 < int(port) < 2**16:
            raise ClusterError(f"a worker must be host:port, got {worker!r}")
    if len(set(workers)) != len(workers) or not workers:
        raise ClusterError(f"workers must be one or more, all different, got {workers}")
    if kind != "worker" or index not in range(len(workers)):
        raise ClusterError(
            f"the task must be a worker from 0 to {len(workers) - 1}, "
            f"got {kind!r} {index!r}"
        )
    return Cluster(tuple(workers), index)


def logical_devices(number):
    """Let this process's CPU appear as so many devices. Returns their names.

    Before the first operation: TensorFlow refuses it later, and RuntimeError says so.
    """
    number = whole_number("number", number, minimum=1)
    one = tf.config.LogicalDeviceConfiguration()
    [cpu, *_] = tf.config.list_physical_devices("CPU")
    tf.config.set_logical_device_configuration(cpu, [one] * number)
    return [f"CPU:{i}" for i in range(number)]


def multi_worker(cluster=None, join_timeout=60.0):
    """A MultiWorkerMirroredStrategy, once all workers have come.

    cluster: None: find_cluster(). Raises ClusterError where there is none, or that
    names the workers that did not come within join_timeout seconds.
    """
    cluster = find_cluster() if cluster is None else cluster
    if cluster is None:
        raise ClusterError("TF_CONFIG must say who the workers are")
    meet(cluster, join_timeout)
    os.environ["TF_CONFIG"] = cluster.config()
    return tf.distribute.MultiWorkerMirroredStrategy()


def meet(cluster, seconds):
    """Wait until all workers are there.

    Each listens at its own address, and leaves when it has reached all and all have
    reached it: then every other has too, or will without it. Raises ClusterError.
    """
    seconds = real_number("seconds", seconds, 0.0, open_below=True)
    end, others = time.monotonic() + seconds, set(range(len(cluster.workers)))
    others.remove(cluster.index)
    not_reached, not_come = set(others), set(others)
    with _listen(cluster) as listening, selectors.DefaultSelector() as selector:
        selector.register(listening, selectors.EVENT_READ)
        while not_reached or not_come:
            for index in sorted(not_reached):
                if _greet(cluster.workers[index], cluster.index):
                    not_reached.discard(index)
            for _ in selector.select(timeout=0.05):
                caller, _ = listening.accept()
                with caller:
                    caller.settimeout(1.0)
                    not_come.discard(_heard(caller))
            if (not_reached or not_come) and time.monotonic() > end:
                missing = sorted(not_reached | not_come)
                names = ", ".join(f"{i} ({cluster.workers[i]})" for i in missing)
                raise ClusterError(
                    f"worker {names} of {len(cluster.workers)} did not come within "
                    f"{seconds:g} seconds: start every worker, or list fewer"
                )


def _listen(cluster):
    host, _, port = cluster.workers[cluster.index].rpartition(":")
    try:
        return socket.create_server((host, int(port)))
    except OSError as error:
        raise ClusterError(
            f"worker {cluster.index} cannot listen at {host}:{port}: {error}"
        ) from error


def _greet(address, index):
    """Tell a worker who has come. Returns whether it was there."""
    host, _, port = address.rpartition(":")
    try:
        with socket.create_connection((host, int(port)), timeout=1.0) as reached:
            reached.sendall(str(index).encode())
        return True
    except OSError:
        return False


def _heard(caller):
    try:
        word = caller.recv(16).decode("ascii", "replace")
    except OSError:
        return None
    return int(word) if word.isdecimal() else None


def distributed_step(strategy, model, optimizer, loss=cross_entropy):
    """The function of (inputs, labels) that makes one update on all replicas.

    strategy          in whose scope model and optimizer were made
    loss              loss(model(x), y) -> the mean over examples; without AutoGraph, as
                      in `largemodels.tf.training.train`

    The function takes arrays with this process's part of the batch, whose rows its
    replicas share out, and returns the loss of the whole batch before the update, a
    float. Parts must be equal: it raises ValueError where the replicas do not divide
    the rows, and all workers must give equally many.
    """
    n = strategy.num_replicas_in_sync
    here = max(1, n // _num_workers(strategy))

    @tf.function(autograph=False)
    def everywhere(x, y):
        return strategy.reduce("MEAN", strategy.run(replica, (x, y)), axis=None)

    def replica(x, y):
        with tf.GradientTape() as tape:
            value = loss(model(x), y)
            part = value / n  # the optimizer sums over replicas
        variables = model.trainable_variables
        optimizer.apply(tape.gradient(part, variables), variables)
        return value

    def step(inputs, labels):
        if len(inputs) % here or not len(inputs):
            raise ValueError(
                f"the rows must be a multiple of the {here} replicas, got {len(inputs)}"
            )
        size = len(inputs) // here

        def share(array):
            def of(context):
                i = context.replica_id_in_sync_group % here
                return tf.convert_to_tensor(array[i * size : (i + 1) * size])

            return strategy.experimental_distribute_values_from_function(of)

        return float(everywhere(share(inputs), share(labels)))

    return step


def _num_workers(strategy):
    resolver = strategy.cluster_resolver
    spec = resolver.cluster_spec().as_dict() if resolver else {}
    return len(spec.get("worker", [0]))
