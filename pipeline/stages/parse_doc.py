"""Old Word files to text, by `catdoc` where it is installed; runs in the sandbox's child."""

import os
import shutil
import subprocess
import tempfile

from pipeline.stages.limits import LIMITS, ReadLimits
from protocol.faults import Fault

SEARCH = "/usr/local/bin:/usr/bin:/bin:/opt/homebrew/bin"
CELL_MARK = "\x07"


def parse_doc(data: bytes, limits: ReadLimits = LIMITS) -> str:
    """Return the text; raises Fault where there is no reader or the file does not open.

    The child that runs this has limits of its own (memory, CPU, wall clock, process group), and
    catdoc inherits them.
    """
    program = shutil.which("catdoc", path=SEARCH)
    if program is None:
        raise Fault("cv_doc_reader_missing")
    with tempfile.NamedTemporaryFile(suffix=".doc") as file:
        file.write(data)
        file.flush()
        result = subprocess.run(  # noqa: S603 - a fixed program, no shell, a file we named
            [program, "-d", "utf-8", "-w", file.name],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={"PATH": SEARCH, "LC_ALL": "C.UTF-8", "HOME": os.sep},
            timeout=limits.wall_seconds,  # the parent's clock ends us about then, too
            check=False,
        )
    if result.returncode != 0:
        raise Fault("cv_damaged", "catdoc")
    text = result.stdout[: limits.part_bytes].decode("utf-8", errors="replace")
    return text.replace(CELL_MARK, "\t")
