"""Rooflines, bytes moved, utilization and serving, against published figures."""

import pytest
from largemodels.configs import TransformerConfig
from largemodels.costs import compute, flops, roofline, serving, traffic, utilization
from largemodels.costs.hardware import DEVICES, Device
from largemodels.costs.models import MODELS
from largemodels.costs.parameters import count_parameters, matrix_parameters

EXACT = {"rel": 1e-12, "abs": 0}  # a few roundings in float64
PALM = {"num_layers": 118, "query_width": 48 * 256, "context": 2048}


def test_palm_as_published():
    """45.7 % without attention, 46.2 % with it, on 6,144 chips of 275 TFLOP/s."""
    for counted, percent in (({**PALM, "num_layers": 0}, 45.7), (PALM, 46.2)):
        each = utilization.token_flops(540.35e9, **counted)
        share = utilization.utilization_of_rate(238.3e3, each, 6144, 275e12)
        assert round(100 * share, 1) == percent


def test_palm_s_hardware_utilization():
    """57.8 %: more than without recomputation, less than if all were recomputed."""
    config = TransformerConfig(
        vocab_size=256_000,
        context_length=2048,
        num_layers=118,
        d_model=18_432,
        num_heads=48,
        num_kv_heads=1,
        head_width=256,
        d_ff=4 * 18_432,
        gated=True,
        bias=False,
        positions="rope",
    )
    seconds = 2048 * 2048 / 238.3e3
    model, full = (
        utilization.step_utilization(
            config, 2048, seconds, 6144, 275e12, recompute=recompute
        )
        for recompute in ("none", "full")
    )
    assert round(100 * model, 1) == 46.2
    assert model < 0.578 < full


def test_the_sizing_of_gpt2():
    """A public count of 875,062,886,400 a step, and 37.14 % of an A100."""
    config = MODELS["GPT-2 small"].config
    # that model has no biases, and learned positions are not counted
    plain = TransformerConfig(**vars(config) | {"bias": False})
    N = count_parameters(plain)["total"] - 1024 * 768
    assert 1024 * utilization.token_flops(N, 12, 768, 1024) == 875_062_886_400
    share = utilization.step_utilization(config, 100, 0.755, 1, 312e12)
    assert round(100 * share, 2) == 37.14


RUNS = [  # layers, width, heads, batch, devices, seconds; published MFU and HFU
    (48, 6144, 64, 4, 8, 1.10, 41.65, 43.7),
    (96, 12288, 96, 64, 64, 13.75, 51.39, 52.8),
    (105, 20480, 128, 280, 280, 37.83, 56.05, 57.0),
    (128, 25600, 160, 512, 512, 71.49, 56.27, 57.0),
]


@pytest.mark.parametrize("run", RUNS)
def test_the_recomputation_paper_s_runs(run):
    L, h, a, batch, devices, seconds, mfu, hfu = run
    config = TransformerConfig(
        vocab_size=51200, context_length=2048, num_layers=L, d_model=h, num_heads=a
    )
    arguments = (config, batch, seconds, devices, 312e12)
    share = utilization.step_utilization(*arguments)
    assert round(100 * share, 2) == mfu
    selective = utilization.step_utilization(*arguments, recompute="selective")
    full = utilization.step_utilization(*arguments, recompute="full")
    assert share < selective < hfu / 100 < full
    # What is published counts 12 B L s^2 h for computing the scores again, not 4.
    thrice = share + 3 * (selective - share)
    assert 100 * thrice == pytest.approx(hfu, rel=0, abs=0.15)


def test_the_ridge_of_the_table():
    """FLOPs a byte from which on the processor bounds."""
    assert round(roofline.ridge(DEVICES["A100 SXM 80 GB"])) == 153
    assert round(roofline.ridge(DEVICES["H100 SXM"])) == 295


def test_the_roof():
    device = Device("one", 2020, 100.0, 1.0, 10.0, "made up")
    assert roofline.ridge(device) == 10
    assert roofline.attainable(device, 5) == 50
    assert roofline.attainable(device, 10) == roofline.attainable(device, 99) == 100
    for work in (3.0, 300.0):
        moved = 10.0
        rate = roofline.attainable(device, roofline.intensity(work, moved))
        time = roofline.shortest_time(device, work, moved)
        assert time == pytest.approx(work / rate, **EXACT)


def test_critical_batches_of_a_public_book():
    """TPU v5e: 243 with 8 bits throughout, 120 with weights alone; H100: 298."""
    v5e, bandwidth = 1.97e14, 8.1e11
    assert round(roofline.critical_rows(2 * v5e, bandwidth, 1)) == 243
    assert round(roofline.critical_rows(v5e, bandwidth, 1), -1) == 120
    assert round(roofline.critical_rows(1e15, 3.35e12)) == 299


def test_the_critical_rows_are_where_the_roofline_bends():
    device = DEVICES["H100 SXM"]
    rows = round(roofline.critical_rows(device.peak, device.bandwidth))
    wide = 10**7  # so wide that the activations' bytes vanish
    at = roofline.intensity(
        flops.linear_flops(rows, wide, wide), traffic.linear_bytes(rows, wide, wide)
    )
    assert at == pytest.approx(roofline.ridge(device), rel=0.01, abs=0)


def test_bytes_of_a_linear_map():
    assert traffic.linear_bytes(3, 5, 7) == 2 * (15 + 35 + 21)
    assert traffic.linear_bytes(3, 5, 7, 4) == 2 * traffic.linear_bytes(3, 5, 7)


def test_bytes_of_operations_on_elements():
    """Two operations move the array between them; a fused one does not."""
    apart = traffic.elementwise_bytes(100) + traffic.elementwise_bytes(100)
    assert apart == 2 * traffic.elementwise_bytes(100) == 800
    assert traffic.elementwise_bytes(100, inputs=2, bytes_each=4) == 1200


def test_bytes_of_attention():
    whole = traffic.attention_bytes(2, 6, 11, 13, 5, bytes_each=1)
    fused = traffic.attention_bytes(2, 6, 11, 13, 5, fused=True, bytes_each=1)
    assert fused == 2 * 6 * 5 * (11 + 13 + 13 + 11)
    assert whole - fused == 4 * 2 * 6 * 11 * 13
    grouped = traffic.attention_bytes(
        2, 6, 11, 13, 5, key_value_heads=2, fused=True, bytes_each=1
    )
    assert fused - grouped == 2 * 4 * 5 * (13 + 13)


def test_bytes_of_an_update():
    assert traffic.update_bytes(1) == 28  # Adam
    assert traffic.update_bytes(10, states=1) == 200
    assert traffic.update_bytes(10, states=0) == 120


WORKED = TransformerConfig(  # a public book's example
    vocab_size=32_000,
    context_length=8192,
    num_layers=64,
    d_model=4096,
    num_heads=32,
    d_ff=4 * 4096,
    gated=True,
    norm="rms",
    bias=False,
    positions="rope",
    tied_embeddings=False,
)


def test_a_public_book_s_worked_example():
    parts = count_parameters(WORKED)
    assert parts["total"] / 2**30 == pytest.approx(16, rel=0.02, abs=0)
    blocks = parts["attention"] + parts["feed_forward"]
    assert parts["attention"] / blocks == 1 / 4
    assert compute.cache_bytes(WORKED, 1, "int8") == 512 * 1024
    # Scores cost as much as the four projections at T = 2 D, all pairs counted.
    projections = 2 * parts["attention"]
    scores = compute.attention_score_flops(WORKED, 2 * 4096, causal=False)
    assert scores == projections


def test_a_public_book_s_llama():
    config = MODELS["Llama 3 70B"].config
    parts = count_parameters(config)
    shares = [parts["feed_forward"], parts["tokens"] + parts["output"]]
    shares.append(parts["attention"])
    published = [56.3, 2.1, 12.0]
    for share, billions in zip(shares, published, strict=True):
        assert share / 1e9 == pytest.approx(billions, rel=0, abs=0.1)
    assert sum(shares) / 1e9 == pytest.approx(70.4, rel=0, abs=0.2)
    work = compute.training_flops(70e9, 15e12)
    assert work == pytest.approx(6.3e24, **EXACT)
    hours = compute.device_hours(work, 459e12, 0.4)
    assert round(hours / 24 / 8960) == 44
    # int8: 160 kB a token; 32 sequences of 8,192 tokens, and the weights
    cache = 32 * compute.cache_bytes(config, 8192, "int8")
    assert cache / (1024 / 1000) / 1e9 == pytest.approx(41.9, rel=0, abs=0.1)
    whole = serving.decode_bytes(config, 8192, 32, "int8", "int8")
    assert whole / 1e9 == pytest.approx(112, rel=0.02, abs=0)


def test_a_token_costs_two_n_and_its_scores():
    config = MODELS["GPT-2 small"].config
    N, L, D = matrix_parameters(config), 12, 768
    for t in (1, 100, 1024):
        assert serving.decode_flops(config, t) == 2 * N + 4 * L * D * t
        without = t * (2 * N + 4 * L * D * t)
        assert serving.decode_flops(config, t, cached=False) == without


def test_decoding_is_bound_by_memory_until_many_are_served():
    config = MODELS["Llama 3 8B"].config
    device = DEVICES["H100 SXM"]
    alone = serving.decode_time(config, device, 128)
    moved = serving.decode_bytes(config, 128)
    assert alone == moved / device.bandwidth
    # nearly for nothing: the weights are read once for all
    assert serving.decode_time(config, device, 128, 64) < 1.1 * alone
    many = serving.decode_time(config, device, 128, 1024)
    work = 1024 * serving.decode_flops(config, 128)
    assert many == work / device.peak


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: roofline.intensity(1, 0), "bytes_moved must be above 0"),
        (lambda: traffic.linear_bytes(1, 1, 1, 0), "bytes_each must be above 0"),
        (lambda: traffic.update_bytes(1, -1), "states must be at least 0"),
        (lambda: utilization.token_flops(1, 1, 0, 1), "query_width must be"),
        (lambda: utilization.utilization_of_rate(1, 1, 0, 1), "devices must be"),
        (lambda: serving.decode_flops(WORKED, 0), "position must be at least 1"),
        (lambda: serving.decode_bytes(WORKED, 1, 1, "int3"), "weights must be one of"),
    ],
)
def test_impossible_rates_are_refused(call, words):
    with pytest.raises(ValueError, match=words):
        call()
