"""The roofline: what bounds an operation, the processor or its memory.

Source: Williams, Waterman and Patterson 2009, "Roofline: An Insightful Visual
Performance Model for Multicore Architectures", Communications of the ACM 52.
"""

from largemodels.costs.hardware import Device
from largemodels.validation import real_number


def intensity(flops: float, bytes_moved: float) -> float:
    """Arithmetic intensity: FLOPs a byte moved."""
    return _positive("flops", flops) / _positive("bytes_moved", bytes_moved)


def ridge(device: Device) -> float:
    """The intensity from which on the processor bounds: peak / bandwidth, FLOP/byte."""
    return device.peak / device.bandwidth


def attainable(device: Device, intensity: float) -> float:
    """The highest rate at an intensity: min(peak, intensity bandwidth), FLOP/s."""
    return min(device.peak, _positive("intensity", intensity) * device.bandwidth)


def shortest_time(device: Device, flops: float, bytes_moved: float) -> float:
    """Seconds below which no program gets: max(flops / peak, bytes / bandwidth).

    Reached only where computing and moving overlap completely.
    """
    return max(
        _positive("flops", flops) / device.peak,
        _positive("bytes_moved", bytes_moved) / device.bandwidth,
    )


def critical_rows(peak: float, bandwidth: float, bytes_a_weight: float = 2) -> float:
    """Rows from which on x W is bound by the processor: peak bytes / (2 bandwidth).

    A weight of so many bytes is read once and takes 2 FLOPs a row; the activations'
    bytes are left out, since they are few beside a large W. In decoding the rows are
    the sequences that are served together.

    peak: FLOP/s in the format of the arithmetic. Weights of one byte that are computed
    with in 16 bits halve the number; computed with in 8 bits at twice the peak, they
    leave it as it was.
    """
    share = _positive("bytes_a_weight", bytes_a_weight) / 2
    return _positive("peak", peak) / _positive("bandwidth", bandwidth) * share


def _positive(name, value):
    return real_number(name, value, 0.0, open_below=True)
