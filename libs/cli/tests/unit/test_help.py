"""Every command says how it is used."""

from __future__ import annotations

import pytest
from typer.main import get_command

from assay_cli.__main__ import app


def commands(command, path=()):
    children = getattr(command, "commands", None)
    if children is None:
        yield path, command
        return
    for name, child in sorted(children.items()):
        yield from commands(child, (*path, name))


ALL = list(commands(get_command(app)))


def test_all_groups_are_there():
    names = {path[0] for path, _ in ALL}
    assert names == {
        "login", "logout", "whoami", "sessions", "status", "check", "org", "members", "invitations", "teams",
        "service-accounts", "key", "prompt", "dataset", "models", "eval", "compare", "audit", "watch", "usage",
        "audit-trail",
    }  # fmt: skip


@pytest.mark.parametrize(("path", "command"), ALL, ids=[" ".join(path) for path, _ in ALL])
def test_a_command_has_words_examples_and_json(path, command):
    assert command.help
    assert f"assay {' '.join(path)}" in command.epilog
    assert any("--json" in parameter.opts for parameter in command.params)
