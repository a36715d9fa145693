"""The client that other pages embed: the modules of web/client as one, joined when it is read.

Nothing is translated: each module stands there as it is written, without the lines by which the
modules know each other, and one list of exports ends it.
"""

import re
from collections import Counter
from pathlib import Path
from typing import Final

NAME: Final = "entrevistador.js"
TYPES_NAME: Final = "entrevistador.d.ts"
PARTS: Final = ("kept", "record", "road", "session", "api")  # each after those that it needs
PUBLIC: Final = (
    "ANSWER_CHARS_MAX",
    "Api",
    "InterviewSession",
    "Problem",
    "SUBPROTOCOL",
    "TERMINAL",
    "countChars",
    "hasPlaceInLine",
    "retryWindow",
    "storable",
    "terminalReason",
)
HEAD: Final = """\
/**
 * entrevistador's client for a page: an interview over the live wire, with no dependencies.
 * Made of the modules in web/client; docs/client.md tells how to embed it, entrevistador.d.ts has
 * its types.
 */
"""
_LINKS: Final = re.compile(r"^(?:import|export) \{[^}]*\} from \"\./\w+\.js\";\n", re.MULTILINE)
_EXPORT: Final = re.compile(r"^export (?=(?:async |class |const |function ))", re.MULTILINE)
_DECLARED: Final = re.compile(
    r"^(?:async )?(?:class|const|let|function) ([A-Za-z_$][\w$]*)", re.MULTILINE
)
_FOREIGN_TYPE: Final = re.compile(r'import\("\./\w+\.js"\)\.')


class Unjoinable(Exception):  # noqa: N818 - reads as a sentence where it is raised
    """Two modules declare the same name, or one has a link that is not understood."""


def module(folder: Path) -> str:
    """Return the one module made of the parts in `folder`; raises Unjoinable."""
    joined = [_part(folder / f"{name}.js") for name in PARTS]
    whole = "\n".join(joined)
    declared = Counter(_DECLARED.findall(whole))
    twice = [name for name, count in declared.items() if count > 1]
    missing = [name for name in PUBLIC if name not in declared]
    left = re.findall(r"^(?:import|export)\b.*", whole, re.MULTILINE)
    if twice or missing or left:
        raise Unjoinable(f"twice: {twice}; missing: {missing}; left: {left}")
    names = ",\n  ".join(PUBLIC)
    return f"{HEAD}\n{whole}\nexport {{\n  {names},\n}};\n"


def _part(path: Path) -> str:
    text = _LINKS.sub("", path.read_text(encoding="utf-8"))
    return _FOREIGN_TYPE.sub("", _EXPORT.sub("", text)).rstrip() + "\n"
