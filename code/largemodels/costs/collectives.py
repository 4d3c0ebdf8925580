"""What communication between n devices costs: bytes a device, and time on a ring.

In a step on a ring every device sends one message to the next and receives one from the
device before. The time of a message is alpha + bytes beta: a delay in seconds, and the
seconds a byte, the inverse of the link's bandwidth.

`size` is everywhere the bytes of the whole array: what every device has at the start of
an all-reduce and a reduce-scatter, and at the end of an all-gather and a broadcast.
"""

from largemodels.validation import one_of, real_number, whole_number

# Steps of the ring, each with 1 / n of the array. An all-reduce is a reduce-scatter,
# after which each device has 1 / n of the sum, and an all-gather.
PHASES = {"all-reduce": 2, "reduce-scatter": 1, "all-gather": 1}
COLLECTIVES = (*PHASES, "broadcast", "reduce", "all-to-all")


def bytes_sent(collective: str, size: float, devices: int) -> float:
    """Bytes that each device sends, and receives.

    all-reduce                   2 (n - 1) / n size
    reduce-scatter, all-gather     (n - 1) / n size
    all-to-all                     (n - 1) / n size, to each other device 1 / n of it
    broadcast, reduce            size; of a broadcast the last device sends nothing, of
                                 a reduction the first receives nothing

    No algorithm for the first two lines sends less from every device.

    Source: Patarasuk and Yuan 2009, "Bandwidth Optimal All-reduce Algorithms for
    Clusters of Workstations", for the all-reduce.
    """
    return bandwidth_factor(collective, devices) * _positive("size", size)


def bandwidth_factor(collective: str, devices: int) -> float:
    """The bus bandwidth that nccl-tests prints, over size / time.

    2 (n - 1) / n for all-reduce; (n - 1) / n for reduce-scatter, all-gather and
    all-to-all; 1 for broadcast and reduce. With it the figure is the speed of the links
    whatever the number of devices, and can be held against the hardware's.

    Source: NVIDIA/nccl-tests, doc/PERFORMANCE.md.
    """
    one_of("collective", collective, COLLECTIVES)
    n = whole_number("devices", devices, minimum=1)
    if collective in ("broadcast", "reduce"):
        return 1.0
    return PHASES.get(collective, 1) * (n - 1) / n


def ring_time(
    collective: str,
    size: float,
    devices: int,
    alpha: float,
    beta: float,
    pieces: int = 1,
) -> float:
    """Seconds on a ring, in which every device sends and receives at once.

    all-reduce                   2 (n - 1) (alpha + size beta / n)
    reduce-scatter, all-gather     (n - 1) (alpha + size beta / n)
    broadcast, reduce            (n - 2 + k) (alpha + size beta / k), k pieces one
                                 after the other through the chain of devices

    alpha: seconds a message. beta: seconds a byte. One device needs none. Raises
    ValueError for an all-to-all, which is no matter of neighbors.

    Source: Thakur, Rabenseifner and Gropp 2005, "Optimization of Collective
    Communication Operations in MPICH", sections 4.1 to 4.5, without their gamma for
    the additions.
    """
    one_of("collective", collective, tuple(c for c in COLLECTIVES if c != "all-to-all"))
    size, n = _positive("size", size), whole_number("devices", devices, minimum=1)
    alpha = real_number("alpha", alpha, 0.0)
    beta = real_number("beta", beta, 0.0)
    k = whole_number("pieces", pieces, minimum=1)
    if n == 1:
        return 0.0
    if collective in PHASES:
        return PHASES[collective] * (n - 1) * (alpha + size * beta / n)
    return (n - 2 + k) * (alpha + size * beta / k)


def bus_bandwidth(collective: str, size: float, devices: int, seconds: float) -> float:
    """Bytes a second on each link, from a measured time: factor size / seconds."""
    factor = bandwidth_factor(collective, devices)
    return factor * _positive("size", size) / _positive("seconds", seconds)


def _positive(name, value):
    return real_number(name, value, 0.0, open_below=True)
