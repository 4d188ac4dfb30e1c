"""Options and arguments whose mistakes are gathered, so that a command tells of all of them: click ends at the first."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import click

from driftline.errors import Problem

_KEY = "driftline.problems"


class _Gathered(click.Parameter):
    """What cannot be read is None, and a problem of the command's context."""

    def handle_parse_result(
        self, ctx: click.Context, opts: Mapping[str, Any], args: list[str]
    ) -> tuple[Any, list[str]]:
        try:
            return super().handle_parse_result(ctx, opts, args)
        except click.BadParameter as error:
            place = self.opts[0] if self.param_type_name == "option" else self.human_readable_name
            gathered(ctx).append(Problem(place, _message(error)))
            ctx.params[str(self.name)] = None
            return None, args


class _Option(_Gathered, click.Option):
    pass


class _Argument(_Gathered, click.Argument):
    pass


option = partial(click.option, cls=_Option)
argument = partial(click.argument, cls=_Argument)


def gathered(ctx: click.Context) -> list[Problem]:
    """The mistakes so far; the list is the context's own."""
    found: list[Problem] = ctx.meta.setdefault(_KEY, [])
    return found


def _message(error: click.BadParameter) -> str:
    return "is missing" if isinstance(error, click.MissingParameter) else error.message
