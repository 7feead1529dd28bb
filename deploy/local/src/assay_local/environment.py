"""What each process is told: its settings, as environment variables."""

import base64
import json
import os

from assay_local.components import Kafka, ModelServer, Postgres, Valkey
from assay_local.components.model import MODEL_NAME
from assay_local.components.postgres import SUITE_DATABASE
from assay_local.model_server import SLOTS
from assay_local.ports import HOST
from assay_local.site import Site
from assay_local.table import Entry

ADMIN_EMAIL = "admin@example.com"
ADMIN_SECRET = "bootstrap-admin"  # noqa: S105 - the name of the secret
MODEL_ALIAS = f"local/{MODEL_NAME}"


def login_of(service: str) -> str:
    """The database login of a service."""
    return f"assay_{service}"


def grpc_port(name: str) -> str:
    """The name under which a process' gRPC port is remembered."""
    return f"{name}.grpc"


def ops_port(name: str) -> str:
    """The name under which a process' port of /readyz and /metrics is remembered."""
    return f"{name}.ops"


def http_port(name: str) -> str:
    """The name under which the gateway's port is remembered."""
    return f"{name}.http"


def topics_environment(site: Site) -> dict[str, str]:
    """The settings of the step that makes the topics."""
    return {"ASSAY_KAFKA__BOOTSTRAP_SERVERS": Kafka(site).bootstrap_servers}


def environment_of(entry: Entry, name: str, site: Site, table: tuple[Entry, ...]) -> dict[str, str]:
    """The settings of the process `name`, which is the entry's first or one of its replicas."""
    variables = {
        **_past_any_proxy(site),
        **topics_environment(site),
        "ASSAY_OPS__LISTEN": f"{HOST}:{site.port(ops_port(name))}",
        "ASSAY_GRPC__LISTEN": f"{HOST}:{site.port(grpc_port(name))}",
        **_targets(site, table),
    }
    if not entry.stateless:
        variables["ASSAY_DATABASE__URL"] = Postgres(site).url_of(SUITE_DATABASE, login_of(entry.service))
    return variables | _particular(entry.service, name, site)


def migration_environment_of(entry: Entry, site: Site, table: tuple[Entry, ...]) -> dict[str, str]:
    """As the service's, and the URL of the schema's owner, which the service itself never learns."""
    return {
        **environment_of(entry, entry.name, site, table),
        "ASSAY_DATABASE__MIGRATION_URL": Postgres(site).url_of(SUITE_DATABASE),
    }


def _past_any_proxy(site: Site) -> dict[str, str]:
    """HTTP and gRPC clients that heed a proxy of the user's must not send this machine's addresses there."""
    given = os.environ.get("NO_PROXY") or os.environ.get("no_proxy", "")
    exceptions = ",".join(dict.fromkeys([*filter(None, [given]), HOST, "localhost", site.address.clients]))
    return {"NO_PROXY": exceptions, "no_proxy": exceptions}


def _targets(site: Site, table: tuple[Entry, ...]) -> dict[str, str]:
    serving = (entry for entry in table if entry.role == "serve" and not entry.stateless)
    return {
        f"ASSAY_TARGETS__{entry.service.upper()}": f"{HOST}:{site.port(grpc_port(entry.name))}" for entry in serving
    }


def _particular(service: str, name: str, site: Site) -> dict[str, str]:
    match service:
        case "auth":
            return {
                "ASSAY_BOOTSTRAP_ADMIN__EMAIL": ADMIN_EMAIL,
                "ASSAY_BOOTSTRAP_ADMIN__PASSWORD": site.secret(ADMIN_SECRET),
                "ASSAY_KEY_ENCRYPTION_KEY": _as_key(site.secret("key-encryption-key")),
                "ASSAY_DEVELOPMENT": "true",
                "ASSAY_PUBLIC_URL": f"http://localhost:{site.port(http_port('gateway'))}",
            }
        case "evaluation":
            return {"ASSAY_MODELS": json.dumps(_model_catalogue(site)), "ASSAY_WORKER__REQUESTS": str(SLOTS)}
        case "audit":
            return {
                "ASSAY_OBJECT_STORE__URL": _object_store(site),
                "ASSAY_DATA_DIR": str(site.data("audit")),
            }
        case "gateway":
            return {
                "ASSAY_HTTP__LISTEN": f"{HOST}:{site.port(http_port(name))}",
                "ASSAY_PUBLIC_URL": f"http://localhost:{site.port(http_port(name))}",
                # Everybody is on this machine; who stands for others, as a proxy or a test, may say so.
                "ASSAY_HTTP__TRUSTED_PROXIES": HOST,
                "ASSAY_VALKEY__URL": Valkey(site).url,
            }
        case _:
            return {}


def _object_store(site: Site) -> str:
    folder = site.folder / "objects"
    folder.mkdir(exist_ok=True)
    return folder.as_uri()


def _model_catalogue(site: Site) -> dict[str, dict[str, str | float]]:
    return {
        MODEL_ALIAS: {
            "litellm_model": f"openai/{MODEL_NAME}",
            "api_base": ModelServer(site).url,
            "api_key": "local",
            "input_cost_per_token": 0.0,
            "output_cost_per_token": 0.0,
        }
    }


def _as_key(secret: str) -> str:
    """The 32 bytes of a secret in the standard base64 alphabet, padded."""
    return base64.b64encode(base64.urlsafe_b64decode(secret + "=")).decode()
