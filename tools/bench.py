"""Time what the wings compute against the libraries that compute the same.

usage: python tools/bench.py [NAME ...] [--rounds N] [--write]

Without names all parts are timed. The contenders of a part do the same: the same
initial values, data and rule, with equal results in the first steps. They take turns in
one process, on two threads, a few steps each, so that what slows the machine down slows
all. A row gives the median time of a step of each, and the ratio of ours to theirs
within a round: its median, and its 10th percentile, far below it where other work on
the machine disturbed the rounds. The median decides whether a target is met; one that
is missed is said, and is no error. With --write the tables are kept in
book/runs/bench.json and, for the pages, bench.md: those of the parts that were timed
take the place of their earlier ones, and the others stay.
"""

import argparse
import datetime
import importlib.metadata
import json
import os
import platform
import sys
from pathlib import Path

# Read where NumPy and the frameworks are imported.
ENVIRONMENT = {
    "OMP_NUM_THREADS": "2",
    "RAYON_NUM_THREADS": "2",
    "TF_NUM_INTEROP_THREADS": "1",
    "TF_ENABLE_ONEDNN_OPTS": "1",
    "CUDA_VISIBLE_DEVICES": "-1",
}

if not __package__:  # run as a file: the project's root takes the place of tools/
    sys.path[0] = str(Path(__file__).resolve().parent.parent)
    for variable, setting in ENVIRONMENT.items():
        os.environ.setdefault(variable, setting)

from largemodels.page import begin  # noqa: E402

from tools.contenders import (  # noqa: E402
    decoding,
    gpt,
    lenet,
    lstm,
    mlp,
    rules,
    scalar,
    tokenizing,
)
from tools.contenders.timing import check_equal, race, summary  # noqa: E402

ROUNDS = 25
RUNS = Path(__file__).resolve().parent.parent / "book" / "runs"
MODULES = (gpt, scalar, lenet, lstm, rules, tokenizing, decoding, mlp)
GROUPS = {group.name: group for module in MODULES for group in module.GROUPS}
PACKAGES = ("numpy", "torch", "tensorflow", "keras", "transformers", "tokenizers")
PACKAGES += ("tiktoken", "autograd", "micrograd")
HEADINGS = ("", "ours, ms", "theirs, ms", "ratio", "10th percentile", "target")


def run(group, rounds, say=None):
    """Time a group's contenders. Returns its rows, as `timing.summary` has them."""
    steps = {name: set_up() for name, set_up in group.make(group.sizes).items()}
    check_equal(group, steps)
    times = race(group, steps, rounds, say)
    return [summary(row, times) for row in group.rows(group.sizes)]


def cells(row):
    """A row of the table in words: a rate stands in the column of the ratio."""
    rate = row["theirs"] is None
    unit = f" {row['unit']}" if rate else ""
    target = ""
    if row["target"] is not None:
        bound = "at least" if rate else "at most"
        target = f"{bound} {row['target']:g}: {'met' if row['met'] else 'not met'}"
    return (
        row["row"],
        f"{row['ours_ms']:.2f}",
        "" if rate else f"{row['theirs_ms']:.2f}",
        f"{row['median']:.2f}{unit}",
        f"{row['best']:.2f}{unit}",
        target,
    )


def printed(row):
    """A line of the table on the terminal."""
    first, *numbers, target = row
    return f"{first:44}" + "".join(f"{n:>16}" for n in numbers) + f"  {target}"


def conditions(arguments, rounds):
    """What has to be known of a run: its command, date, versions, machine, threads."""
    versions = {name: importlib.metadata.version(name) for name in PACKAGES}
    now = datetime.datetime.now(datetime.UTC)
    return {
        "command": " ".join(["python tools/bench.py", *arguments]),
        "date": now.isoformat(timespec="seconds"),
        "processor": processor(),
        "cores": os.cpu_count(),
        "load": round(os.getloadavg()[0], 2),
        "threads": int(os.environ["OMP_NUM_THREADS"]),
        "rounds": rounds,
        "python": platform.python_version(),
        "versions": versions,
    }


def processor():
    """The name of the processor, as the system has it."""
    information = Path("/proc/cpuinfo")
    if information.exists():
        for line in information.read_text("utf-8").splitlines():
            name, _, value = line.partition(":")
            if name.strip() == "model name":
                return value.strip()
    return platform.processor() or platform.machine()


def markdown(record):
    """The tables of a record as Markdown, for pages to include."""
    ran = [group["conditions"] for group in record["groups"]]
    where = sorted({f"{one['threads']} threads of {one['processor']}" for one in ran})
    parts = [f"Measured on {' and on '.join(where)}."]
    for group, one in zip(record["groups"], ran, strict=True):
        table = [HEADINGS, (":---", *["---:"] * 4, ":---")]
        table += [cells(row) for row in group["rows"]]
        lines = "\n".join(f"| {' | '.join(line)} |" for line in table)
        note = f"{one['date'][:10]}, {one['rounds']} rounds"
        note += f", {group['steps']} steps a turn" if group["steps"] > 1 else ""
        parts.append(f"**{group['title']}**\n\n{note}\n\n{lines}")
    return "\n\n".join(parts) + "\n"


def kept(folder):
    """The groups of an earlier record, by name."""
    path = folder / "bench.json"
    if not path.exists():
        return {}
    groups = json.loads(path.read_text("utf-8"))["groups"]
    return {group["name"]: group for group in groups if group["name"] in GROUPS}


def store(record, folder):
    """Write both files of a run, each whole or not at all."""
    folder.mkdir(parents=True, exist_ok=True)
    texts = {
        "bench.json": json.dumps(record, indent=1) + "\n",
        "bench.md": markdown(record),
    }
    for name, text in texts.items():
        part = folder / f"{name}.part"
        try:
            part.write_text(text, "utf-8")
            os.replace(part, folder / name)
        finally:
            part.unlink(missing_ok=True)


def parse(arguments):
    """The command line. Leaves with one sentence where a name or number is wrong."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(GROUPS))
    parser.add_argument("--rounds", type=int, default=ROUNDS, help=f"at least {ROUNDS}")
    parser.add_argument("--write", action="store_true", help="keep the table")
    chosen = parser.parse_args(arguments)
    for name in chosen.names:
        if name not in GROUPS:
            known = ", ".join(GROUPS)
            sys.exit(f"bench.py: no part is named {name!r}; there are {known}")
    if chosen.rounds < ROUNDS:
        sys.exit(f"bench.py: rounds must be at least {ROUNDS}, got {chosen.rounds}")
    return chosen


def main(arguments):
    """The command line. Returns the exit code."""
    chosen = parse(arguments)
    begin()
    ran, found = conditions(arguments, chosen.rounds), {}
    show = sys.stderr.isatty()
    threads = os.environ["OMP_NUM_THREADS"]
    print(f"{chosen.rounds} rounds, float32, {threads} threads")
    for group in [GROUPS[name] for name in chosen.names or GROUPS]:
        print(f"\n{group.title}\n{group.why}".rstrip())
        print(printed(HEADINGS), flush=True)
        rows = run(group, chosen.rounds, progress if show else None)
        for row in rows:
            print(printed(cells(row)), flush=True)
        entry = {"name": group.name, "title": group.title, "steps": group.steps}
        found[group.name] = {**entry, "why": group.why, "conditions": ran, "rows": rows}
    if chosen.write:
        found = kept(RUNS) | found
        store({"groups": [found[name] for name in GROUPS if name in found]}, RUNS)
        print(f"\nwritten: {RUNS.parent.name}/{RUNS.name}/bench.json and bench.md")
    return 0


def progress(text):
    """One line on stderr that follows the run."""
    print(f"\r\033[K{text}", end="\r", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
