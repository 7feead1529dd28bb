import json

import pytest
from pydantic import ValidationError

from assay_common.settings import describe
from assay_evaluation.bootstrap import entries
from assay_evaluation.settings import CatalogueEntry, WorkSettings

ENVIRONMENT = {
    "ASSAY_DATABASE__URL": "postgresql://evaluation:hidden@localhost/assay",
    "ASSAY_KAFKA__BOOTSTRAP_SERVERS": "localhost:9092",
    "ASSAY_MODELS": json.dumps(
        {
            "local/small": {
                "litellm_model": "openai/small",
                "api_base": "http://127.0.0.1:1/v1",
                "api_key": "hidden",
                "input_cost_per_token": 0.0,
                "output_cost_per_token": 0.0,
            },
            "mini": {"litellm_model": "openai/gpt-4o-mini"},
        }
    ),
    "ASSAY_WORKER__ITEM_SECONDS": "12.5",
}


@pytest.fixture
def settings(monkeypatch):
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    return WorkSettings()


def test_the_catalogue_is_read_from_json(settings):
    catalogue = entries(settings.models)
    assert catalogue["local/small"].api_key == "hidden"
    assert catalogue["local/small"].price is not None
    assert (catalogue["mini"].price, catalogue["mini"].api_base) == (None, None)
    assert (settings.worker.item_seconds, settings.worker.requests) == (12.5, 8)


def test_keys_are_shown_nowhere(settings):
    assert "hidden" not in json.dumps(describe(settings))
    assert "hidden" not in repr(settings)
    assert "hidden" not in repr(entries(settings.models))


def test_prices_come_together():
    with pytest.raises(ValidationError, match="go together"):
        CatalogueEntry(litellm_model="openai/x", input_cost_per_token=0.1)
