"""Let a trained model write: python -m largemodels.pytorch.generate.

    python -m largemodels.pytorch.generate --checkpoint FOLDER --prompt "Once"

FOLDER is that of a run of largemodels.pytorch.pretrain. The text goes to stdout, with
the prompt; what goes wrong, in one sentence, to stderr.
"""

import json
import sys
import typing
from pathlib import Path

from largemodels.checkpoints import Checkpoints
from largemodels.data import tokenizers
from largemodels.pretraining.command import KEPT, Parser, sentence
from largemodels.pretraining.corpus import END, TOKENIZER
from largemodels.pretraining.settings import from_flat
from largemodels.pytorch.generation import generate
from largemodels.pytorch.pretrain import CHECKPOINTS
from largemodels.pytorch.state import load_parameters
from largemodels.pytorch.training import choose_device
from largemodels.pytorch.transformer import Transformer


class Trained(typing.NamedTuple):
    """A model that a run has left, and its tokenizer."""

    model: Transformer
    tokenizer: tokenizers.Tokenizer


def load_run(folder, device=None):
    """The model of a run's newest checkpoint, and the tokenizer.

    Raises FileNotFoundError where there is no run or it has no checkpoint yet.
    """
    folder = Path(folder)
    if not (folder / KEPT).is_file():
        raise FileNotFoundError(f"there is no run in {folder}")
    settings = from_flat(json.loads((folder / KEPT).read_text("utf-8")))
    tokenizer = tokenizers.load(folder / TOKENIZER)
    found = Checkpoints(folder / CHECKPOINTS).read()
    if found is None:
        raise FileNotFoundError(f"the run in {folder} has no checkpoint yet")
    dtype = "float64" if settings.precision == "float64" else "float32"
    model = Transformer(settings.config(tokenizer.vocab_size), dtype)
    load_parameters(model, found[1])
    return Trained(model.to(choose_device(device)), tokenizer)


def write(trained, prompt, num_new, **options):
    """The prompt, and what the model makes of it, up to the end of a document.

    options: as generation.generate takes them. Beyond the model's context the last
    tokens alone are seen. Raises ValueError where the prompt is empty and the tokenizer
    has no token that ends a document, and so begins one.
    """
    model, tokenizer = trained
    end = tokenizer.special_tokens.get(END)
    ids = tokenizer.encode(prompt, special="text")
    start = [] if len(ids) or end is None else [end]
    ids = [*start, *ids.tolist()]
    if not ids:
        raise ValueError("--prompt must not be empty with this tokenizer")
    cache = len(ids) + num_new <= model.config.context_length
    text = generate(model, ids, num_new, cache=cache, stop=end, **options)
    new = text[len(ids) :].tolist()
    new = new[: new.index(end)] if end in new else new
    return tokenizer.decode([*ids[len(start) :], *new])


def main(arguments=None):
    """Run the command line. Returns the exit status."""
    words = sys.argv[1:] if arguments is None else list(arguments)
    parser = Parser(prog="python -m largemodels.pytorch.generate", allow_abbrev=False)
    add = parser.add_argument
    add("--checkpoint", required=True, metavar="FOLDER", help="of a run of pretrain")
    add("--prompt", default="", metavar="TEXT", help="the beginning")
    add("--tokens", type=int, default=200, metavar="N", help="at most so many more")
    add("--temperature", type=float, default=1.0, metavar="X", help="0: no chance")
    add("--top-k", type=int, metavar="K", help="of the K most probable alone")
    add("--top-p", type=float, metavar="P", help="of the likeliest with share P")
    add("--seed", type=int, default=0, metavar="N", help="the same text again")
    add("--device", metavar="NAME", help="cpu, cuda or mps; else the first there is")
    try:
        given = parser.read(words)
        trained = load_run(given.checkpoint, given.device)
        chances = ("temperature", "top_k", "top_p", "seed")
        options = {name: getattr(given, name) for name in chances}
        print(write(trained, given.prompt, given.tokens, **options))
    except (ValueError, TypeError, OSError) as error:
        print(f"generate: {sentence(error)}", file=sys.stderr, flush=True)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
