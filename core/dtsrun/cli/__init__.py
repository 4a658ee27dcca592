"""The command line: one module a command; arguments and exit codes only.

A command pays for what it does: only the module of the command that is given is imported, and a module imports what
only some of its runs need where they need it.
"""

from __future__ import annotations

import argparse
import atexit
import gc
import sys
import traceback
from collections.abc import Sequence
from importlib import import_module
from typing import Any, Final

from dtsrun.errors import DtsrunError

COMMANDS: Final = (
    "run", "check", "plan", "test", "list", "show", "events", "pause", "resume", "repair", "complete", "stop",
    "verify", "cleanup", "delete", "plugins", "explain", "schema", "init",
)  # fmt: skip
"""Modules of this package that add a command each."""

GARBAGE_THRESHOLDS: Final = (20_000, 20, 20)
"""Python looks for cycles after every 700 new objects; what a start makes are classes and functions, which stay."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    gc.set_threshold(*GARBAGE_THRESHOLDS)
    # Or the interpreter looks at its end for cycles among all that was imported: 0.1 s of the processor.
    atexit.register(gc.freeze)
    # Not list(...): importing the command `list` binds that name in this module.
    given = [*(sys.argv[1:] if arguments is None else arguments)]
    words = _with_command(given)
    try:
        parsed = build_parser(_named(words)).parse_args(words)
        code: int = parsed.run(parsed)
    except DtsrunError as error:
        show_error(error)
        return error.exit_code
    except BrokenPipeError:
        return 141
    except KeyboardInterrupt:
        print("dtsrun: stopped", file=sys.stderr)
        return 130
    except Exception as error:  # noqa: BLE001 - the last place where anything can be said
        return show_bug(error)
    return code


def build_parser(names: Sequence[str] = COMMANDS) -> argparse.ArgumentParser:
    """Return the parser of commands, all of them unless some are named."""
    parser = argparse.ArgumentParser(
        prog="dtsrun",
        description="Move PostgreSQL databases to other PostgreSQL servers from one declarative file.",
        epilog="`dtsrun SPEC` is short for `dtsrun run SPEC`.",
    )
    parser.add_argument("--version", action=_ShowVersion, nargs=0, help="show program's version number and exit")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for name in names:
        import_module(f"dtsrun.cli.{name}").add_parser(commands)
    return parser


class _ShowVersion(argparse.Action):
    """Looks the version up only when it is asked for: the metadata of distributions takes time to read."""

    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> None:
        from importlib.metadata import version

        print(f"dtsrun {version('dtsrun')}")
        parser.exit()


def show_error(error: DtsrunError) -> None:
    """Say on standard error what went wrong, and the remedy."""
    print(f"dtsrun: {error}", file=sys.stderr)
    if error.hint:
        print(f"  hint: {error.hint}", file=sys.stderr)


def show_bug(error: Exception) -> int:
    """Say that something happened which should not, with all that finds the cause, and return the exit code."""
    traceback.print_exception(error, file=sys.stderr)
    show_error(
        DtsrunError(
            f"this is a bug in dtsrun or in a plugin: {type(error).__name__}: {error}",
            hint="report it with the lines above; what was finished is kept, and the same command continues",
        )
    )
    return DtsrunError.exit_code


def _named(words: Sequence[str]) -> Sequence[str]:
    """Return the command that the words name; all where they name none, and ask for more than the version."""
    if words and not words[0].startswith("-"):
        return (words[0],)
    return () if words == ["--version"] else COMMANDS


def _with_command(given: list[str]) -> list[str]:
    """Put `run` before a spec that stands in the place of a command."""
    first = next((word for word in given if not word.startswith("-")), None)
    is_spec = first is not None and first not in COMMANDS
    return ["run", *given] if is_spec else given
