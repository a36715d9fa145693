"""`make clean-data`: deletes what a state folder holds, and nothing that is not the house's."""

import shutil
import sys
from pathlib import Path
from typing import Final

from cli import meeting
from cli.visit import FOLDER
from runtime.settings import WrongSetting
from storage import embedded

FOLDERS: Final = (FOLDER, "logs", "objects")
FILES: Final = (meeting.DEMO_LOCK, meeting.UP_LOCK, meeting.NOTE, "development-key.pem")


def main(arguments: list[str]) -> int:
    """Stop the services of the folder and delete the data; 2 for a folder that is another's."""
    folder = Path(arguments[0])
    if not folder.exists():
        return 0
    if not any((folder / name).is_file() for name in (meeting.UP_LOCK, "instance")):
        print(f"{folder} is no state folder: nothing was deleted", file=sys.stderr)
        return 2
    try:
        with meeting.alone(folder, meeting.UP_LOCK) as first:
            if not first:
                print(f"`up` or `demo` works in {folder}: end it first", file=sys.stderr)
                return 1
            _wipe(folder)
    except (WrongSetting, embedded.EmbeddedError, OSError) as error:
        print(f"{folder}: {error}", file=sys.stderr)
        return 1
    return 0


def _wipe(folder: Path) -> None:
    embedded.destroy(folder)
    for name in FOLDERS:
        shutil.rmtree(folder / name, ignore_errors=True)
    for name in FILES:
        (folder / name).unlink(missing_ok=True)
    if not folder.exists():
        return
    left = sorted(path.name for path in folder.iterdir())
    if left:
        print(f"other files stay in {folder}: {', '.join(left)}", file=sys.stderr)
    else:
        folder.rmdir()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
