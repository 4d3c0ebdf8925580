"""Every wing against PyTorch's own, with the constants passed explicitly."""

import copy

import numpy as np
import pytest
import torch
from largemodels.configs import MLPConfig
from numpy.testing import assert_allclose, assert_array_equal
from torch.nn import functional as F
from wings import OPTIMIZERS, PYTORCH, SCRATCH, WINGS

wings = pytest.mark.parametrize("wing", WINGS, ids=repr)

# ours (name, options) -> PyTorch's
FUNCTIONS = {
    "relu": ({}, F.relu),
    "sigmoid": ({}, torch.sigmoid),
    "tanh": ({}, torch.tanh),
    # Its own threshold of 20 is 2e-9 off; at 50 the linear part is exact in float64.
    "softplus": ({}, lambda x: F.softplus(x, beta=1.0, threshold=50.0)),
    "silu": ({}, F.silu),
    "gelu": ({"approximate": True}, lambda x: F.gelu(x, approximate="tanh")),
    "gelu-exact": ({"approximate": False}, lambda x: F.gelu(x, approximate="none")),
    "softmax": ({"axis": 1}, lambda x: F.softmax(x, dim=1)),
    "log_softmax": ({"axis": 1}, lambda x: F.log_softmax(x, dim=1)),
    "logsumexp": ({"axis": 1}, lambda x: torch.logsumexp(x, dim=1)),
    "logsumexp-kept": (
        {"axis": 0, "keepdims": True},
        lambda x: torch.logsumexp(x, dim=0, keepdim=True),
    ),
}


def reference(function, cotangent, array):
    """PyTorch's value and gradient."""
    x = torch.tensor(array, requires_grad=True)
    y = function(x)
    y.backward(torch.tensor(cotangent, dtype=y.dtype).expand(y.shape))
    return y.detach().numpy(), x.grad.numpy()


@wings
@pytest.mark.parametrize("case", FUNCTIONS)
def test_functions(wing, case):
    options, theirs = FUNCTIONS[case]
    rng = np.random.default_rng(0)
    x = 5 * rng.normal(size=(3, 5, 7))
    x[0, 0, :2] = 0.0, 30.0
    cotangent = rng.normal(size=theirs(torch.tensor(x)).shape)
    value, gradient = reference(theirs, cotangent, x)

    def ours(x):
        return getattr(wing.functional, case.split("-")[0])(x, **options)

    # A dozen roundings of numbers below 30; beside 1 in GELU and tanh's derivative.
    assert_allclose(wing.value(ours, x), value, rtol=2e-14, atol=1e-14)
    [found] = wing.pull(ours, cotangent, x)
    assert_allclose(found, gradient, rtol=1e-13, atol=1e-13)


def test_what_softplus_says_of_torch():
    """Above 20 it returns x: 2e-9 too little there, and nothing to see in float32."""
    x = torch.tensor(20.0, dtype=torch.float64)
    exact = SCRATCH.value(SCRATCH.functional.softplus, np.array(20.0))
    above = F.softplus(x + 1e-12).item() - 20
    assert exact - 20 == pytest.approx(2.06e-9, rel=1e-2, abs=0)
    assert above == pytest.approx(1e-12, rel=1e-2, abs=0)


LOSSES = {
    "mean_squared_error": F.mse_loss,
    "binary_cross_entropy": F.binary_cross_entropy_with_logits,
    "cross_entropy": F.cross_entropy,
}


@wings
@pytest.mark.parametrize("name", LOSSES)
def test_losses(wing, name):
    rng = np.random.default_rng(0)
    x = 5 * rng.normal(size=(7, 5))
    y = rng.integers(0, 5, 7) if name == "cross_entropy" else rng.uniform(size=(7, 5))
    value, gradient = reference(
        lambda x: LOSSES[name](x, torch.tensor(y), reduction="mean"), 1.3, x
    )
    ours, targets = getattr(wing.losses, name), wing.tensor.tensor(y)
    assert_allclose(wing.value(ours, x, y), value, rtol=1e-14, atol=0)
    [found] = wing.pull(lambda x: ours(x, targets), np.array(1.3), x)
    assert_allclose(found, gradient, rtol=1e-13, atol=1e-16)


def test_what_losses_say_of_torch():
    """It leaves out the label -100, which is refused here; and it broadcasts."""
    z, y = torch.zeros(2, 3), torch.tensor([0, -100])
    assert F.cross_entropy(z, y).item() == pytest.approx(np.log(3), rel=1e-6, abs=0)
    with pytest.raises(RuntimeError, match="out of bounds"):
        PYTORCH.losses.cross_entropy(z, y)
    with pytest.warns(UserWarning, match="broadcasting"):
        F.mse_loss(torch.ones(7, 1), torch.ones(7))


@wings
def test_a_network(wing):
    """The whole MLP and its gradients against torch.nn, from the same numbers."""
    config = MLPConfig(d_in=5, hidden=(7, 11), num_classes=3, activation="tanh")
    ours = wing.model(config, dtype="float64", seed=2)
    net = torch.nn.Sequential(
        torch.nn.Linear(5, 7),
        torch.nn.Tanh(),
        torch.nn.Linear(7, 11),
        torch.nn.Tanh(),
        torch.nn.Linear(11, 3),
    ).double()
    named = wing.layers.read_parameters(ours)
    with torch.no_grad():
        for i in range(3):
            net[2 * i].weight.copy_(torch.tensor(named[f"layers.{i}.weight"].T))
            net[2 * i].bias.copy_(torch.tensor(named[f"layers.{i}.bias"]))
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(13, 5)), rng.integers(0, 3, 13)
    loss, grads = wing.gradients(ours, x, y)
    expected = F.cross_entropy(net(torch.tensor(x)), torch.tensor(y))
    expected.backward()
    assert_allclose(loss, expected.item(), rtol=1e-14, atol=0)
    for i in range(3):
        weight, bias = net[2 * i].weight.grad.numpy().T, net[2 * i].bias.grad.numpy()
        assert_allclose(grads[f"layers.{i}.weight"], weight, rtol=1e-12, atol=1e-15)
        assert_allclose(grads[f"layers.{i}.bias"], bias, rtol=1e-12, atol=1e-15)


def test_our_layer_loads_torchs_weights():
    """The same names and the same layout as torch.nn.Linear."""
    ours, theirs = PYTORCH.layers.Linear(5, 7), torch.nn.Linear(5, 7)
    ours.load_state_dict(theirs.state_dict())
    x = torch.randn(3, 5, generator=torch.Generator().manual_seed(0))
    assert_allclose(
        ours(x).detach().numpy(), theirs(x).detach().numpy(), rtol=1e-6, atol=1e-6
    )
    variance = np.var(torch.nn.Linear(300, 400).weight.detach().numpy())
    assert variance == pytest.approx(2 / 300 / 6, rel=0.05, abs=0)  # a sixth of ours


def quadratic(optimizer_of, steps=50, changing=True, dtype=torch.float64):
    """Fifty steps on w^T diag(h) w / 2 in two parameter tensors; the whole path."""
    rng = np.random.default_rng(0)
    params = [
        torch.nn.Parameter(torch.tensor(rng.normal(size=s), dtype=dtype))
        for s in [(3, 5), (7,)]
    ]
    optimizer, path = optimizer_of(params), []
    for step in range(steps):
        if changing:
            for group in optimizer.param_groups:
                group["lr"] = 0.1 / (1 + step)
        optimizer.zero_grad()
        for k, p in enumerate(params):
            p.grad = torch.tensor(rng.normal(size=p.shape), dtype=dtype) * 10.0 ** -(
                (step + k) % 9
            )
        optimizer.step()
        path.append([p.detach().clone() for p in params])
    return path


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("momentum", [None, 0.0, 0.5, 0.9])
def test_optimizers_equal_torchs_to_the_last_bit(momentum, dtype):
    """With the rate changing in every step. One tensor at a time, as ours go."""
    floor = PYTORCH.optimizers
    ours = quadratic(
        lambda ps: (
            floor.GradientDescent(ps, 0.1)
            if momentum is None
            else floor.Momentum(ps, 0.1, momentum)
        ),
        dtype=dtype,
    )
    theirs = quadratic(
        lambda ps: torch.optim.SGD(
            ps,
            lr=0.1,
            momentum=momentum or 0.0,
            dampening=0.0,
            weight_decay=0.0,
            nesterov=False,
            foreach=False,
        ),
        dtype=dtype,
    )
    for a, b in zip(ours, theirs, strict=True):
        for p, q in zip(a, b, strict=True):
            assert_array_equal(p.numpy(), q.numpy())


def one(value=1.0):
    p = torch.nn.Parameter(torch.tensor([value], dtype=torch.float64))
    p.grad = torch.tensor([2.0], dtype=torch.float64)
    return p


names = pytest.mark.parametrize("name", OPTIMIZERS)


@pytest.mark.parametrize("name", ["GradientDescent", "Momentum"])
def test_parameter_groups_have_their_own_rate(name):
    a, b = one(), one()
    optimizer = getattr(PYTORCH.optimizers, name)(
        [{"params": [a], "lr": 0.5}, {"params": [b]}], learning_rate=0.25
    )
    optimizer.step()
    assert (a.item(), b.item()) == (0.0, 0.5)


@names
def test_schedulers_of_torch_work(name):
    """The second step is that of an optimizer with the lower rate."""
    p = one()
    optimizer = getattr(PYTORCH.optimizers, name)([p], learning_rate=0.5)
    scheduler = torch.optim.lr_scheduler.ExponentialLR(optimizer, gamma=0.5)
    optimizer.step()
    scheduler.step()
    assert optimizer.param_groups[0]["lr"] == 0.25
    again = one()
    by_hand = getattr(PYTORCH.optimizers, name)([again], learning_rate=0.5)
    by_hand.step()
    assert again.item() == p.item() != 1.0
    by_hand.param_groups[0]["lr"] = 0.25
    by_hand.step()
    optimizer.step()
    assert again.item() == p.item()


@names
def test_a_closure_is_called_with_gradients(name):
    p = one(3.0)
    optimizer = getattr(PYTORCH.optimizers, name)([p], learning_rate=0.5)

    def closure():
        optimizer.zero_grad()
        loss = (p * p).sum()
        loss.backward()
        return loss

    assert optimizer.step(closure).item() == 9.0
    assert p.grad.item() == 6.0
    assert (p.item() == 0.0) == (name in ("GradientDescent", "Momentum"))
    assert p.item() < 3.0
    assert optimizer.step() is None


def test_a_run_continues_from_its_state(tmp_path):
    """Saved after ten steps and loaded, momentum goes on as if nothing had been."""

    def run(p, optimizer, steps):
        for step in steps:
            p.grad = torch.tensor([np.cos(step)])
            optimizer.step()

    whole = torch.nn.Parameter(torch.tensor([1.0], dtype=torch.float64))
    optimizer = PYTORCH.optimizers.Momentum([whole], 0.1)
    run(whole, optimizer, range(10))
    torch.save([whole.detach(), optimizer.state_dict()], tmp_path / "state.pt")
    run(whole, optimizer, range(10, 20))
    value, state = torch.load(tmp_path / "state.pt")
    part = torch.nn.Parameter(value)
    optimizer = PYTORCH.optimizers.Momentum([part], 7.0, momentum=0.1)
    optimizer.load_state_dict(state)
    run(part, optimizer, range(10, 20))
    assert part.item() == whole.item()


@names
def test_sparse_gradients_are_refused(name):
    p = torch.nn.Parameter(torch.ones(3, 2))
    p.grad = torch.sparse_coo_tensor([[1]], [[1.0, 2.0]], (3, 2), check_invariants=True)
    optimizer = getattr(PYTORCH.optimizers, name)([p], learning_rate=0.5)
    with pytest.raises(ValueError, match=r"must be dense, got torch\.sparse_coo"):
        optimizer.step()
    assert_array_equal(p.detach().numpy(), np.ones((3, 2)))


def test_training_takes_any_optimizer_of_torch():
    wing, x = PYTORCH, np.eye(3, dtype="float32")
    config = MLPConfig(d_in=3, hidden=(), num_classes=3)
    model = wing.model(config)
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.1, weight_decay=0.0)
    history = wing.training.train(
        model, optimizer, x, np.arange(3), [np.arange(3)] * 30, schedule=lambda s: 0.2
    )
    assert history.loss[-1] < 0.1 < history.loss[0]
    assert history.learning_rate == [0.2] * 30


def test_a_model_is_a_module_like_any_other():
    """state_dict under the canonical names, deepcopy, double()."""
    model = PYTORCH.layers.MLP(MLPConfig(d_in=3, hidden=(5,), num_classes=2), seed=4)
    assert list(model.state_dict()) == list(PYTORCH.layers.read_parameters(model))
    other = copy.deepcopy(model).double()
    assert other.layers[0].weight.dtype == torch.float64
    x = torch.ones(1, 3)
    found, expected = other(x.double()).detach(), model(x).detach()
    assert_allclose(found.numpy(), expected.numpy(), rtol=1e-5, atol=1e-6)
