"""The pages on commands and on what the shell sees of them."""

from __future__ import annotations

import argparse
import re
from collections.abc import Mapping
from typing import Any, Final

from dtsrun import errors
from dtsrun.report.reference.markdown import page, sentence, table

OTHER_CODES: Final = (
    (0, "", "done; nothing blocks, nothing differs"),
    (1, "", "an exception that escaped, with its traceback: a bug"),
    (2, "", "also: the command line is not right"),
    (141, "", "whoever read the output went away"),
)
"""What the shell sees beside the codes of errors."""


def commands_page(parser: argparse.ArgumentParser) -> str:
    """Return every command with its arguments."""
    parts = [f"{parser.description}", f"{parser.epilog}", "`--version` prints the version."]
    for name, command in commands_of(parser).items():
        parts += [f"## {name}", sentence(_help_of(parser, name)), f"```text\n{usage(command)}\n```"]
        rows = [(f"`{_spelled(action)}`", action.help or "") for action in _own_actions(command) if action.help]
        parts += [table(("argument", "meaning"), rows)] if rows else []
    return page("# Commands", *parts)


def commands_of(parser: argparse.ArgumentParser) -> Mapping[str, argparse.ArgumentParser]:
    """Return the parsers of all commands by name."""
    found: Mapping[str, argparse.ArgumentParser] = _subparsers(parser).choices
    return found


def usage(command: argparse.ArgumentParser) -> str:
    """Return a command's usage on one line; argparse's own is wrapped to the terminal and differs by version."""
    words = [_spelled(action) if action.required else f"[{_spelled(action)}]" for action in _own_actions(command)]
    return " ".join([command.prog, *words])


def _subparsers(parser: argparse.ArgumentParser) -> Any:
    return next(action for action in parser._actions if isinstance(action, argparse._SubParsersAction))


def _own_actions(command: argparse.ArgumentParser) -> list[argparse.Action]:
    return [action for action in command._actions if not isinstance(action, argparse._HelpAction)]


def _help_of(parser: argparse.ArgumentParser, name: str) -> str:
    return next(str(choice.help) for choice in _subparsers(parser)._choices_actions if choice.dest == name)


def _spelled(action: argparse.Action) -> str:
    value = f"{{{','.join(map(str, action.choices))}}}" if action.choices else str(action.metavar or action.dest)
    if not action.option_strings:
        return value
    return action.option_strings[-1] + ("" if action.nargs == 0 else f" {value}")


def exit_codes_page() -> str:
    """Return the exit codes, and the errors behind them."""
    tree = re.findall(r"^[ │├└─]*(\w+) +(\d+)  (.+)$", errors.__doc__ or "", re.MULTILINE)
    rows = [(int(code), f"`{name}`", words) for name, code, words in tree]
    merged = sorted([*OTHER_CODES, *rows], key=lambda row: row[0])
    text = "A script can tell from the exit code who has to act. The last line on standard error says what happened."
    return page(
        "# Exit codes", text, table(("code", "error", "meaning"), [(str(code), *rest) for code, *rest in merged])
    )
