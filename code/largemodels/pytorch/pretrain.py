"""Train a language model on text: python -m largemodels.pytorch.pretrain.

    python -m largemodels.pytorch.pretrain --data FOLDER --out FOLDER --preset tiny
    torchrun --nproc-per-node 2 -m largemodels.pytorch.pretrain ...   the same words

The folder of the run then holds settings.json, tokenizer.json, the tokens,
log.jsonl with a line for every update, and checkpoints, from the last of which
--resume goes on as if nothing had happened. Several processes share that folder.

Ctrl-C, or a SIGTERM, saves a checkpoint first. What goes wrong is told in one sentence
on stderr, with exit status 2 for settings and 1 for the rest. (torchrun adds a report
of its own.)
"""

import inspect
import json
import math
import os
import signal
import sys
import threading
import time
from pathlib import Path

import torch

from largemodels.checkpoints import Checkpoints
from largemodels.data.batches import batches
from largemodels.logbook import clock
from largemodels.pretraining import Corpus, RunLog, draw, read_log, read_settings
from largemodels.pretraining.command import ALLOCATOR, KEPT, sentence
from largemodels.pretraining.corpus import TOKENIZER, token_file
from largemodels.pretraining.settings import OPTIMIZERS
from largemodels.pytorch import optimizers
from largemodels.pytorch.distributed.gathered import DistributedState, clip_in_parts
from largemodels.pytorch.distributed.layouts import Layout
from largemodels.pytorch.distributed.processes import (
    DistributedError,
    find_place,
    on_first,
    process_group,
)
from largemodels.pytorch.losses import cross_entropy
from largemodels.pytorch.training import choose_device
from largemodels.pytorch.transformer import Transformer

LOG, CHECKPOINTS = "log.jsonl", "checkpoints"
ALIKE = (ValueError, TypeError, FloatingPointError, MemoryError)  # on all processes
TOLD = (*ALIKE, OSError, DistributedError, torch.OutOfMemoryError)


def main(arguments=None):
    """Run the command line. Returns the exit status."""
    words = sys.argv[1:] if arguments is None else list(arguments)
    status = 2
    try:
        settings, flags = read_settings(words)
        place = find_place()
        status = 1
        return pretrain(settings, flags, place)
    except KeyboardInterrupt:
        print("pretrain: stopped without saving", file=sys.stderr, flush=True)
        return 128 + signal.SIGINT
    except (*TOLD, RuntimeError) as error:
        full = ALLOCATOR in str(error)
        if "--traceback" in words or not (full or isinstance(error, TOLD)):
            raise
        same = status == 2 and not isinstance(error, DistributedError)
        same = same or full or isinstance(error, ALIKE) or hasattr(error, "rank")
        if not same or os.environ.get("RANK", "0") == "0":
            print(f"pretrain: {sentence(error)}", file=sys.stderr, flush=True)
        return status


def pretrain(settings, flags, place):
    """Train, from the beginning or the last checkpoint. Returns the exit status."""
    device = choose_device(settings.device)
    joined = process_group(place, device, settings.join_timeout, settings.timeout)
    with Interrupts() as interrupts, joined:
        if device == "cuda" and place.world_size > 1:
            device = f"cuda:{place.local_rank}"
        step = _train(settings, flags, device, place, interrupts)
    if not interrupts.caught:
        return 0
    if place.first:
        print(
            f"interrupted: saved after step {step} of {settings.steps}; "
            f"go on with --resume --out {settings.out}",
            file=sys.stderr,
            flush=True,
        )
    return 128 + interrupts.caught


def _train(settings, flags, device, place, interrupts):
    """The run from its folder to its plot. Returns the number of updates made."""
    size = on_first(lambda: prepare(settings, flags.resume), place)
    run = Run(settings, size, device, place, flags.quiet or not place.first)
    if flags.resume:
        run.resume()
    run.go(interrupts)
    if flags.plot and place.first:
        folder = Path(settings.out)
        draw(read_log(folder / LOG), flags.plot, f"Loss of {folder.name}")
    return run.step


def prepare(settings, resume):
    """Make the folder of the run. Returns the size of its vocabulary."""
    folder = Path(settings.out)
    if not resume and (folder / KEPT).exists():
        raise ValueError(
            f"{folder} holds a run already: --resume goes on with it, or choose "
            "another --out"
        )
    token_file(settings.data, settings.tokenizer, settings.bpe_size, folder)
    if not resume:
        text = json.dumps(settings.flat(), indent=2) + "\n"
        fresh = folder / f"{KEPT}.new"
        fresh.write_text(text, encoding="utf-8")
        os.replace(fresh, folder / KEPT)
    return vocabulary(folder)


def vocabulary(folder):
    """How many tokens the tokenizer of a run has."""
    from largemodels.data import tokenizers

    return tokenizers.load(Path(folder) / TOKENIZER).vocab_size


class Interrupts:
    """Notes SIGINT and SIGTERM for the loop to see; another, later, is as ever.

    Ctrl-C reaches a process that torchrun has started twice at once, from the terminal
    and from torchrun: what comes within a second counts as the same.
    """

    def __enter__(self):
        self.caught, self.since, self.before = 0, math.inf, {}
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self.before[number] = signal.signal(number, self._note)
        return self

    def _note(self, number, frame):
        now = time.monotonic()
        if not self.caught:
            self.caught, self.since = number, now
        elif now > self.since + 1:
            self._put_back()
            signal.raise_signal(number)

    def _put_back(self):
        for number, before in self.before.items():
            signal.signal(number, before)

    def __exit__(self, *error):
        self._put_back()


def make_optimizer(model, settings):
    """The optimizer of the settings: decay for matrices, not for vectors.

    Muon leaves the embeddings and the map to the vocabulary to AdamW.
    """
    kind = getattr(optimizers, OPTIMIZERS[settings.optimizer])
    known = inspect.signature(kind).parameters
    names = ("learning_rate", "weight_decay", "beta_1", "beta_2", "momentum")
    options = {name: getattr(settings, name) for name in names if name in known}
    outer, inner, vectors = [], [], []
    for name, p in model.named_parameters():
        kept = vectors if p.ndim < 2 else inner if name.startswith("blocks") else outer
        kept.append(p)
    groups = [{"params": inner}, {"params": outer}]
    if "orthogonalize" in known:
        groups[1]["orthogonalize"] = False
    groups.append({"params": vectors})
    if "weight_decay" in known:
        groups[2]["weight_decay"] = 0.0
    return kind([group for group in groups if group["params"]], **options)


class Run:
    """A model, its optimizer and its data on this process, and the loop over updates.

    settings    Settings
    vocab_size  of the tokenizer
    device      where to compute
    place       this process's Place
    quiet       True: nothing is printed on the way
    """

    def __init__(self, settings, vocab_size, device, place, quiet=False):
        s = self.settings = settings
        self.place, self.quiet, self.step = place, quiet, 0
        self.failure = None
        if s.optimizer == "muon" and place.world_size > 1 and s.parallel != "ddp":
            raise ValueError(f"muon needs whole matrices, got parallel={s.parallel!r}")
        config = s.config(vocab_size)
        self.corpus = Corpus.open(s.out, config.context_length, s.validation_share)
        if s.batch_size > self.corpus.num_training:
            raise ValueError(
                f"batch_size must be at most the {self.corpus.num_training} sequences "
                f"of {config.context_length} tokens to train on, got {s.batch_size}"
            )
        dtype = "float64" if s.precision == "float64" else "float32"
        model = Transformer(config, dtype, s.seed).to(device)
        self.layout = Layout(model, s.parallel, place)
        self.layout.parts(range(s.batch_size), s.accumulate)
        self.optimizer = make_optimizer(model, s)
        self.rate, self.started = s.rate(), None
        scaler = torch.amp.GradScaler(self.layout.device.type, enabled=False)
        self.state = DistributedState(model, self.optimizer, scaler)
        self.checkpoints = Checkpoints(Path(s.out) / CHECKPOINTS, keep=s.keep)

    def resume(self):
        """Take back the newest checkpoint; from the beginning where there is none."""
        found = self.checkpoints.read()
        if found:
            self.step, weights, state = found
            self.state.load_weights(weights)
            self.state.load(state["run"])

    def go(self, interrupts):
        """Make the updates that are left, or those until somebody interrupts."""
        s, saved = self.settings, self.step
        self.began, self.first = time.monotonic(), self.step
        log = on_first(lambda: RunLog(Path(s.out) / LOG, self.step), self.place)
        order = batches(
            self.corpus.num_training,
            s.batch_size,
            seed=s.seed,
            steps=s.steps,
            start_step=self.step,
        )
        for batch in order:
            line, stopped = self.update(batch, interrupts.caught or self.failure)
            last = self.step == s.steps or stopped
            if self.step % s.evaluate_every == 0 or self.step == s.steps:
                line["validation_loss"] = self.evaluate()
            if self.place.first:
                self.note(log, line)
            self.show(line)
            if self.step % s.checkpoint_every == 0 or last:
                saved = self.save(saved)
            if last:
                interrupts.caught = interrupts.caught or (stopped and signal.SIGINT)
                return

    def note(self, log, line):
        """Write a line of the log. An error is raised where all processes meet."""
        try:
            log.write(**line)
        except OSError as error:
            last = self.checkpoints.newest()
            told = f"{error.strerror}; the last checkpoint there is {last}"
            self.failure = OSError(error.errno, told, error.filename)

    def update(self, batch, caught):
        """One update. Returns its line of the log, and whether all are to stop."""
        s, started = self.settings, time.perf_counter()
        rate = self.rate(self.step)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.optimizer.zero_grad()
        parts = self.layout.parts(batch, s.accumulate)
        total = 0.0
        for number, part in enumerate(parts, 1):
            with self.layout.adding(last=number == len(parts)):
                loss = self.loss(self.layout.forward, *self.corpus.training(part))
                (loss / len(parts)).backward()
            total += loss.item() / len(parts)
        loss, stopped = self.layout.mean(total, float(bool(caught)))
        norm = clip_in_parts(self.layout.model.parameters(), s.max_norm)
        if not math.isfinite(loss) or not math.isfinite(norm):
            raise FloatingPointError(
                f"the loss is {loss} and the gradient's norm {norm} at step "
                f"{self.step}: try a smaller learning rate"
            )
        self.optimizer.step()
        self.step += 1
        tokens = len(batch) * self.corpus.context_length
        line = {"step": self.step, "tokens": self.step * tokens, "loss": loss}
        speed = tokens / (time.perf_counter() - started)
        line |= {"learning_rate": rate, "norm": norm, "tokens_per_second": round(speed)}
        return line, stopped > 0

    def loss(self, forward, inputs, targets):
        """The mean cross-entropy of sequences, in nats a token."""
        device = self.layout.device
        inputs, targets = (torch.from_numpy(x).to(device) for x in (inputs, targets))
        low = self.settings.precision == "bfloat16"
        with torch.autocast(device.type, dtype=torch.bfloat16, enabled=low):
            logits = forward(inputs)
        return cross_entropy(logits.float() if low else logits, targets)

    @torch.no_grad()
    def evaluate(self):
        """The mean loss of held-out sequences, or None where there are none.

        Every process computes all of them: the number is the same in every layout.
        """
        s = self.settings
        if not s.validation_share:
            return None
        number = min(self.corpus.num_validation, s.evaluate_sequences)
        size, total = max(1, s.batch_size // s.accumulate), 0.0
        for start in range(0, number, size):
            rows = range(start, min(start + size, number))
            loss = self.loss(self.layout.model, *self.corpus.validation(rows))
            total += loss.item() * len(rows)
        return total / number

    def save(self, saved):
        """Write a checkpoint unless this step has one. Returns its step."""
        if saved != self.step:
            weights, state = self.state.weights(), {"run": self.state.read()}
            on_first(lambda: self._save(weights, state), self.place)
        return self.step

    def _save(self, weights, state):
        if self.failure:
            raise self.failure
        self.checkpoints.write(self.step, weights, state)

    def show(self, line):
        """Print a line for the first update, and then with every evaluation."""
        if self.quiet or (self.step != 1 and "validation_loss" not in line):
            return
        words = f"step {self.step}/{self.settings.steps}  loss {line['loss']:.4f}"
        if line.get("validation_loss") is not None:
            words += f"  validation {line['validation_loss']:.4f}"
        words += f"  {line['tokens_per_second']:,} tokens/s"
        done, seconds = self.step - self.first, time.monotonic() - self.began
        left = clock((self.settings.steps - self.step) * seconds / done)
        print(f"{words}  {left} left", flush=True)


if __name__ == "__main__":
    sys.exit(main())
