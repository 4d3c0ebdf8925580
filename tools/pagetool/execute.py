"""Run a page's cells in a fresh kernel and tidy what they put out."""

import asyncio
import contextlib
import json
import os
import re
import signal
import subprocess
from hashlib import sha256
from pathlib import Path

from jupyter_client import AsyncKernelManager
from nbclient import NotebookClient
from nbclient.exceptions import (
    CellExecutionError,
    CellTimeoutError,
    DeadKernelError,
)
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell

from tools.pagetool.book import Book, Page, tags
from tools.pagetool.kernel import OwnKernel, environment
from tools.pagetool.notebook import sealed

ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
# Asked of the kernel after the last cell; names its own modules only, because some
# lazy modules of TensorFlow load themselves when they are looked at.
IMPORTED = """\
print(__import__("json").dumps(sorted(
    str(vars(module).get("__file__"))
    for name, module in list(__import__("sys").modules.items())
    if name.partition(".")[0] == "largemodels"
)))"""


class CellError(Exception):
    """A cell raised, or ran out of time; the message shows the cell and the error."""

    def __init__(self, number: int, cell: NotebookNode, what: str):
        self.number = number
        super().__init__(excerpt(cell, what))


class Run:
    """One execution of one page, which another thread may stop."""

    def __init__(self, page: Page, notebook: NotebookNode, cell_timeout: float = 600):
        self.page, self.notebook, self.cell_timeout = page, notebook, cell_timeout
        self.manager = AsyncKernelManager(kernel_spec_manager=OwnKernel())
        self.stopped = False

    def execute(self) -> None:
        """Fill the notebook with the outputs of a run. Raises CellError."""
        before = package_state(self.page.book)
        with environment() as variables:
            imported = asyncio.run(self.cells(variables))
        for cell in self.notebook.cells:
            if cell.cell_type == "code":
                cell.outputs = tidy(cell.outputs)
                cell.metadata.pop("execution", None)
        package = {name: mark for name, mark in before.items() if name in imported}
        self.notebook.metadata["largemodels"]["package"] = package
        sealed(self.notebook)

    def stop(self) -> None:
        """Kill the kernel and whatever it started; the execution then ends."""
        self.stopped = True
        process = getattr(self.manager.provisioner, "process", None)
        if process is not None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)

    async def cells(self, variables: dict[str, str]) -> set[str]:
        """Run every cell in a new kernel. Returns the package's files it imported."""
        client = NotebookClient(
            self.notebook,
            km=self.manager,
            timeout=self.cell_timeout,
            record_timing=False,
        )
        await self.manager.start_kernel(
            cwd=str(self.page.markdown.parent),
            env=variables,
            extra_arguments=["--HistoryManager.enabled=False"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        number = 0
        try:
            await client.async_start_new_kernel_client()
            for index, cell in enumerate(self.notebook.cells):
                if cell.cell_type == "code":
                    number += 1
                    await self.cell(client, index, number, cell)
            return await self.imported(client)
        finally:
            if client.kc is not None:
                client.kc.stop_channels()
            await self.manager.shutdown_kernel(now=True)

    async def cell(
        self, client: NotebookClient, index: int, number: int, cell: NotebookNode
    ) -> None:
        """Run one cell. Raises CellError with what its author needs to see."""
        cell.outputs, cell.execution_count = [], None
        try:
            if self.stopped:
                raise DeadKernelError
            await client.async_execute_cell(cell, index)
        except CellExecutionError as error:
            what = traceback_text(cell) or f"{error.ename}: {error.evalue}"
            raise CellError(number, cell, what) from None
        except CellTimeoutError:
            what = f"took longer than {self.cell_timeout:g} s"
            raise CellError(number, cell, what) from None
        except DeadKernelError:
            what = "stopped" if self.stopped else "the kernel died (out of memory?)"
            raise CellError(number, cell, what) from None
        raised = any(out.output_type == "error" for out in cell.outputs)
        if "raises-exception" in tags(cell) and not raised:
            what = "is tagged raises-exception, and raised none"
            raise CellError(number, cell, what)

    async def imported(self, client: NotebookClient) -> set[str]:
        """The files of largemodels that the kernel has imported, below code/."""
        cell = new_code_cell(IMPORTED)
        self.notebook.cells.append(cell)
        try:
            await client.async_execute_cell(cell, len(self.notebook.cells) - 1)
        finally:
            self.notebook.cells.pop()
        text = "".join(out.get("text", "") for out in cell.outputs)
        files = [Path(name).resolve() for name in json.loads(text)]
        code = self.page.book.package.resolve().parent
        return {f.relative_to(code).as_posix() for f in files if code in f.parents}


def package_state(book: Book) -> dict[str, str]:
    """Path below code/ -> fingerprint, for every file of the package."""
    package = book.package.resolve()
    return {
        file.relative_to(package.parent).as_posix(): fingerprint(file)
        for file in sorted(package.rglob("*.py"))
    }


def fingerprint(file: Path) -> str:
    """A short fingerprint of a file's bytes; of nothing, where it is gone."""
    return sha256(file.read_bytes()).hexdigest()[:16] if file.exists() else ""


def package_changes(book: Book, notebook: NotebookNode) -> list[str]:
    """Files of the package that have changed since the page ran."""
    stored = notebook.metadata.get("largemodels", {}).get("package") or {}
    code = book.package.parent
    return [n for n, mark in stored.items() if fingerprint(code / n) != mark]


def excerpt(cell: NotebookNode, what: str) -> str:
    """A failing cell as its author sees it: its code, and what happened."""
    code = cell.source.splitlines()
    shown = code if len(code) <= 30 else [*code[:30], "..."]
    rows = [f"  | {line}" for line in shown]
    return "\n".join([*rows, *(f"  {line}" for line in what.splitlines())])


def traceback_text(cell: NotebookNode) -> str:
    """The last lines of a cell's traceback, without colors."""
    for output in cell.outputs:
        if output.output_type == "error":
            text = ANSI.sub("", "\n".join(output.traceback))
            return "\n".join(text.splitlines()[-40:])
    return ""


def tidy(outputs: list[NotebookNode]) -> list[NotebookNode]:
    """Outputs that are the same on each run: streams merged, tracebacks cut short."""
    tidied: list[NotebookNode] = []
    for output in outputs:
        last = tidied[-1] if tidied else None
        if (
            output.output_type == "stream"
            and last is not None
            and last.output_type == "stream"
            and last.name == output.name
        ):
            last.text += output.text
            continue
        if output.output_type == "error":
            output.traceback = short_traceback(output)
        output.pop("transient", None)
        tidied.append(output)
    return tidied


def short_traceback(error: NotebookNode) -> list[str]:
    """The frames in the page's own cells and the message: no file, no color."""
    chunks = [ANSI.sub("", chunk) for chunk in error.traceback]
    frames = [chunk for chunk in chunks if chunk.lstrip().startswith("Cell In[")]
    if any(chunk.lstrip().startswith("File ") for chunk in chunks):
        frames.append("(inside the package)\n")
    message = f"{error.ename}: {error.evalue}" if error.evalue else error.ename
    return [*frames, message]
