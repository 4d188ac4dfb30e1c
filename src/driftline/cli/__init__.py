"""``driftline``: one command a file, loaded only when it is asked for."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module
from typing import NoReturn

import click

from driftline.errors import ConfigError, DriftlineError

_COMMANDS = {
    "run": ("run", "run", "Run the daemon."),
    "init": ("init", "init", "Write a first configuration from your own data."),
    "demo": ("demo", "demo", "The whole story on real data, with an embedded broker."),
    "check-config": (
        "check_config",
        "check_config",
        "Show all mistakes of a configuration, or what it means.",
    ),
    "estimate": (
        "estimate",
        "estimate",
        "Say how many series, how much memory and disk a configuration will need.",
    ),
    "schema": (
        "schema",
        "schema",
        "Print the JSON Schemas of configurations, events, triggers and references.",
    ),
    "reference": ("reference", "reference", "Build and show references."),
    "replay": ("replay", "replay", "Run files through the same engine: no Kafka, no state file."),
    "produce": ("produce", "produce", "Write JSON lines into a topic."),
    "tap": ("tap", "tap", "Show events of a topic as decoded, beside the raw ones."),
    "broker": ("broker", "broker", "Run the embedded broker alone."),
    "test-rules": ("test_rules", "test_rules", "Run unit tests of rules."),
    "models": ("models", "models", "List models and versions seen, monitored or not."),
    "state": ("state", "state", "Show, copy and check a state file."),
}
"""Command: its module here, the name of the click command in it, its line in the help."""

_INTERRUPTED = 130


class _Lazy(click.Group):
    """A group that imports a command's module when the command is used, not for ``--help``."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        del ctx
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        del ctx
        if cmd_name not in _COMMANDS:
            return None
        module, attribute, _ = _COMMANDS[cmd_name]
        name = f"driftline.cli.{module}"
        try:
            command: click.Command = getattr(import_module(name), attribute)
        except ModuleNotFoundError as error:
            if error.name == name:
                return None
            raise
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, _, text) in _COMMANDS.items()])


@click.group(cls=_Lazy, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="driftline")
def cli() -> None:
    """Drift statistics of models in production, as metrics and as retraining triggers."""


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line; the process ends with the code that ``errors`` draws."""
    sys.exit(invoke(arguments))


def invoke(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit code; for ``run``, Ctrl-C is a stop and no failure."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        code = cli.main(given, prog_name="driftline", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except DriftlineError as error:
        click.echo(failure_text(error), err=True)
        return error.exit_code
    except (KeyboardInterrupt, click.Abort):
        return 0 if given[:1] == ["run"] else _INTERRUPTED
    return code if isinstance(code, int) else 0


def failure_text(error: DriftlineError) -> str:
    """What is said of an error; a configuration's mistakes stand one a line below its file."""
    if not isinstance(error, ConfigError) or not error.source:
        return f"driftline: {error}"
    count = len(error.problems)
    head = f"driftline: {error.source} has {count} mistake{'' if count == 1 else 's'}"
    return "\n".join([head, *(f"  {problem}" for problem in error.problems)])
