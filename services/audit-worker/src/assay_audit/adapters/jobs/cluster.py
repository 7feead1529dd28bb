"""Jobs of one namespace, by the API of Kubernetes: made, looked at and deleted, which is all that the worker may do.

Importing this takes the Kubernetes client with it, some 90 MB of memory: only workers that use Jobs do.
"""

import asyncio
import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, Final

from kubernetes import client, config  # type: ignore[import-untyped]
from kubernetes.client.exceptions import ApiException  # type: ignore[import-untyped]
from urllib3.exceptions import HTTPError

from assay_audit.adapters.jobs.states import JobState
from assay_audit.domain.errors import EngineFailed
from assay_audit.domain.findings import printable
from assay_common.errors import Unavailable

TIMEOUT: Final = (5.0, 20.0)
"""Seconds to connect, and to wait for an answer."""
PAGE: Final = 500

CONFLICT, FORBIDDEN, NOT_FOUND, TOO_MANY = 409, 403, 404, 429


class KubernetesJobs:
    """The Jobs of one namespace.

    Inside a cluster the pod's own service account is used; elsewhere what KUBECONFIG names.
    """

    def __init__(self, namespace: str) -> None:
        configuration = client.Configuration()
        if "KUBERNETES_SERVICE_HOST" in os.environ:
            config.load_incluster_config(configuration)
        else:
            config.load_kube_config(os.environ.get("KUBECONFIG"), client_configuration=configuration)
        configuration.retries = False
        self._api = client.BatchV1Api(client.ApiClient(configuration))
        self._namespace = namespace

    async def create(self, manifest: Mapping[str, Any]) -> None:
        """Make a Job; it is no error when it is there already.

        Raises Unavailable when the cluster has no room or no answer now, EngineFailed when it refuses such Jobs.
        """
        try:
            await self._call(
                self._api.create_namespaced_job, namespace=self._namespace, body=dict(manifest), _preload_content=False
            )
        except ApiException as error:
            if error.status != CONFLICT:
                raise _translated(error) from error

    async def states(self, selector: str) -> dict[str, JobState]:
        """All Jobs with these labels, by name. Raises Unavailable or EngineFailed."""
        found: dict[str, JobState] = {}
        token: str | None = None
        while token != "":
            try:
                page = await self._call(
                    self._api.list_namespaced_job,
                    namespace=self._namespace,
                    label_selector=selector,
                    limit=PAGE,
                    **({"_continue": token} if token else {}),
                )
            except ApiException as error:
                raise _translated(error) from error
            found.update({job.metadata.name: _state(job) for job in page.items})
            token = page.metadata._continue or ""
        return found

    async def delete(self, name: str) -> None:
        """Delete a Job and its pod; it is no error when it is gone. Raises Unavailable or EngineFailed."""
        try:
            await self._call(
                self._api.delete_namespaced_job,
                name=name,
                namespace=self._namespace,
                propagation_policy="Background",
                _preload_content=False,
            )
        except ApiException as error:
            if error.status != NOT_FOUND:
                raise _translated(error) from error

    def close(self) -> None:
        """Close the connections."""
        with suppress(HTTPError, OSError):
            self._api.api_client.close()

    async def _call(self, method: Callable[..., Any], **arguments: Any) -> Any:
        try:
            return await asyncio.to_thread(method, **arguments, _request_timeout=TIMEOUT)
        except (HTTPError, OSError) as error:
            raise Unavailable(f"the cluster does not answer: {printable(str(error))[:200]}") from error


def _state(job: Any) -> JobState:
    conditions = {condition.type for condition in job.status.conditions or [] if condition.status == "True"}
    # A Job is never tried again by the cluster, so a pod that failed is the end, before the condition says so.
    if conditions & {"Failed", "FailureTarget"} or job.status.failed or job.metadata.deletion_timestamp:
        return JobState.FAILED
    return JobState.SUCCEEDED if conditions & {"Complete", "SuccessCriteriaMet"} else JobState.ACTIVE


def _translated(error: ApiException) -> Unavailable | EngineFailed:
    said = _body(error)
    text = f"the cluster answered {error.status}: {printable(said or error.reason or '')[:300]}"
    if error.status == TOO_MANY or error.status >= 500 or (error.status == FORBIDDEN and "exceeded quota" in said):
        return Unavailable(text)
    return EngineFailed(f"no Job for the engines: {text}")


def _body(error: ApiException) -> str:
    body = error.body
    return body.decode("utf-8", "replace") if isinstance(body, bytes) else body or ""
