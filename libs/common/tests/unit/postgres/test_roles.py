import pytest

from assay_common.postgres.roles import Names


def test_roles_and_channel_are_named_after_the_schema():
    names = Names("prompt")
    assert (names.app, names.system, names.channel) == (
        "assay_prompt_app",
        "assay_prompt_system",
        "assay_prompt_outbox",
    )


@pytest.mark.parametrize("schema", ["", "Prompt", "1st", "a;b", 'a"b', "a b", "x" * 60])
def test_what_would_need_quoting_is_no_schema(schema):
    with pytest.raises(ValueError, match="cannot name a schema"):
        Names(schema)
