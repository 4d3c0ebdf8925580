"""The fifty models of the Chinchilla paper's Table A9, from 44 million to 16 billion.

Each row prints a number of parameters, in millions, beside the sizes that it follows
from, so that the table can tell what the architecture was: see the page "What is a
large model?".

Source: Hoffmann et al. 2022, table A9.
"""

from largemodels.configs import TransformerConfig
from largemodels.costs.models import gopher_config

# parameters (millions), d_model, ffw_size, kv_size, n_heads, n_layers
_TABLE_A9 = """
44     512  2048   64  8  8
57     576  2304   64  9  9
74     640  2560   64 10 10
90     640  2560   64 10 13
106    640  2560   64 10 16
117    768  3072   64 12 12
140    768  3072   64 12 15
163    768  3072   64 12 18
175    896  3584   64 14 14
196    896  3584   64 14 16
217    896  3584   64 14 18
251   1024  4096   64 16 16
278   1024  4096   64 16 18
306   1024  4096   64 16 20
425   1280  5120  128 10 18
489   1280  5120  128 10 21
509   1408  5632  128 11 18
552   1280  5120  128 10 24
587   1408  5632  128 11 21
632   1536  6144  128 12 19
664   1408  5632  128 11 24
724   1536  6144  128 12 22
816   1536  6144  128 12 25
893   1792  7168  128 14 20
1018  1792  7168  128 14 23
1143  1792  7168  128 14 26
1266  2048  8192  128 16 22
1424  2176  8704  128 17 22
1429  2048  8192  128 16 25
1593  2048  8192  128 16 28
1609  2176  8704  128 17 25
1731  2304  9216  128 18 24
1794  2176  8704  128 17 28
2007  2304  9216  128 18 28
2283  2304  9216  128 18 32
2298  2560 10240  128 20 26
2639  2560 10240  128 20 30
2980  2560 10240  128 20 34
3530  2688 10752  128 22 36
3802  2816 11264  128 22 36
4084  2944 11776  128 22 36
4516  3072 12288  128 24 36
6796  3584 14336  128 28 40
9293  4096 16384  128 32 42
11452 4352 17408  128 32 47
12295 4608 18432  128 36 44
12569 4608 18432  128 32 47
13735 4864 19456  128 32 47
14940 4992 19968  128 32 49
16183 5120 20480  128 40 47
"""


def table_a9(positions: str = "relative") -> list[tuple[float, TransformerConfig]]:
    """(reported parameters, config) of each row.

    positions: "relative" as the paper says, or another value of TransformerConfig, to
    see what the count would be without Transformer-XL's matrices.
    """
    rows = []
    for line in _TABLE_A9.split("\n")[1:-1]:
        millions, d_model, d_ff, head_width, num_heads, num_layers = map(
            int, line.split()
        )
        config = gopher_config(num_layers, d_model, num_heads, head_width, positions)
        if config.filled.d_ff != d_ff:
            raise ValueError(f"the table's F is 4 D in every row, got {line!r}")
        rows.append((millions * 1e6, config))
    return rows
