"""References for the exercises of Where a training step's time and memory go."""

import math

from largemodels.page.answers import reference

# V, L, D, A, G, H, F, batch, context: plain, grouped, one layer, A H above D
SHAPES = [
    (31, 2, 20, 5, 5, 4, 40, 3, 11),
    (101, 3, 24, 6, 2, 4, 56, 2, 7),
    (13, 1, 8, 2, 1, 16, 12, 1, 1),
    (128_256, 126, 16_384, 128, 8, 128, 53_248, 1, 8_192),
]


def _random_shapes(rng):
    """The fixed shapes, and three random ones with any head width."""
    cases = list(SHAPES)
    for _ in range(3):
        groups = int(rng.integers(1, 4))
        heads = groups * int(rng.integers(1, 4))
        rest = [int(n) for n in rng.integers(1, 40, 7)]
        cases.append((*rest[:3], heads, groups, *rest[3:]))
    return cases


@reference(
    "llama-step-flops",
    cases=_random_shapes,
    hint="List the products of a block with their sizes, as the table does. Which of "
    "them know the number of key and value heads, and which only the query heads? "
    "And what does a step cost beyond a forward pass?",
)
def llama_step_flops(V, L, D, A, G, H, F, batch, context):
    """Three times the forward products, one after the other."""
    rows = batch * context
    block = 2 * rows * D * (A * H + 2 * G * H)
    block += 2 * (2 * batch * A * context * context * H)
    block += 2 * rows * A * H * D
    block += 3 * (2 * rows * D * F)
    return 3 * (L * block + 2 * rows * D * V)


def _machines(rng):
    """Large and small matrices, some for which memory binds for every r."""
    cases = [
        (4096, 4096, 2, 989e12, 3.35e12),
        (16_384, 53_248, 1, 989e12, 3.35e12),
        (64, 64, 4, 1e11, 1e10),
        (16, 16, 4, 1e12, 1e10),
        (1, 1000, 4, 1e11, 1e10),
        (300, 70, 4, 1e11, 1e10),
    ]
    for _ in range(4):
        sizes = [int(n) for n in rng.integers(100, 9000, 2)]
        cases.append((*sizes, 4, float(rng.uniform(5e10, 2e11)), 1.3e10))
    return cases


@reference(
    "rows-enough",
    cases=_machines,
    hint="Write both sides of 'FLOPs over peak >= bytes over bandwidth' with r in it, "
    "collect r, and look at the sign of its factor.",
)
def rows_enough(d_in, d_out, bytes_each, peak, bandwidth):
    """The smallest r with 2 r a b / P >= s (r a + a b + r b) / beta."""
    ridge = peak / bandwidth
    gain = 2 * d_in * d_out / ridge - bytes_each * (d_in + d_out)
    if gain <= 0:
        return math.inf
    return math.ceil(bytes_each * d_in * d_out / gain)


def _blocks(rng):
    """Sizes of blocks: plain, grouped, of published models, random."""
    cases = [(4096, 32, 32, 128, 11_008), (16_384, 128, 8, 128, 53_248)]
    cases += [(24, 4, 4, 6, 40), (10, 3, 1, 8, 7)]
    cases += [tuple(int(n) for n in rng.integers(1, 60, 5)) for _ in range(3)]
    return cases


@reference(
    "gated-block-numbers",
    cases=_blocks,
    hint="Go through the block operation by operation and ask of each: what does its "
    "gradient need? An array that two operations need is kept once.",
)
def gated_block_numbers(D, A, G, H, F):
    """Norms, attention, and the gated network, one after the other."""
    norms = 2 * (D + D)
    attention = A * H + 2 * G * H + A * H
    network = F + F + F + F
    return norms + attention + network
