"""The cluster manifests: whole, closed, and scaled by what Redis really holds.

Their fields are held against the names that the resources' own documentation gives, since no
schema of Kubernetes or KEDA comes as a package.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from redis import Redis

from jobs.connection import connect
from jobs.keys import Keys
from jobs.lifecycle import Lifecycle
from jobs.queue import RenderQueue
from jobs.settings import (
    DiscordSettings,
    LogSettings,
    QueueSettings,
    RedisSettings,
    environment_keys,
    read,
)
from jobs.tickets import DELIVERY_SECONDS
from tests.jobs.conftest import address, request
from worker.handing_back import SLOT_SECONDS
from worker.settings import WorkerSettings

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "deploy" / "kubernetes"
SETTINGS = (DiscordSettings, RedisSettings, QueueSettings, LogSettings, WorkerSettings)
OURS = ("newbie-bot", "newbie-worker")

KINDS = {
    "ConfigMap": "v1",
    "Service": "v1",
    "PersistentVolumeClaim": "v1",
    "StatefulSet": "apps/v1",
    "Deployment": "apps/v1",
    "Job": "batch/v1",
    "NetworkPolicy": "networking.k8s.io/v1",
    "ScaledObject": "keda.sh/v1alpha1",
    "TriggerAuthentication": "keda.sh/v1alpha1",
}
# By the API reference of Kubernetes 1.33 and of KEDA 2.17: what may stand where.
FIELDS = {
    "Deployment": "replicas selector template strategy minReadySeconds revisionHistoryLimit",
    "StatefulSet": "replicas selector template serviceName volumeClaimTemplates updateStrategy",
    "Job": "template backoffLimit ttlSecondsAfterFinished activeDeadlineSeconds completions",
    "pod": "automountServiceAccountToken terminationGracePeriodSeconds securityContext containers "
    "volumes restartPolicy nodeSelector tolerations initContainers",
    "container": "name image command args env envFrom ports readinessProbe livenessProbe "
    "startupProbe resources securityContext volumeMounts lifecycle",
    "pod security": "runAsNonRoot runAsUser runAsGroup fsGroup fsGroupChangePolicy seccompProfile",
    "container security": "allowPrivilegeEscalation readOnlyRootFilesystem capabilities",
    "ScaledObject": "scaleTargetRef pollingInterval cooldownPeriod initialCooldownPeriod "
    "minReplicaCount maxReplicaCount idleReplicaCount fallback advanced triggers",
    "trigger": "type name metadata authenticationRef metricType useCachedMetrics",
    "redis trigger": "address databaseIndex listName listLength activationListLength enableTLS",
    "behavior": "stabilizationWindowSeconds policies selectPolicy",
}


def documents() -> Iterator[tuple[str, dict[str, Any]]]:
    for path in sorted(FOLDER.glob("*.yaml")):
        if path.name != "kustomization.yaml":
            for document in yaml.safe_load_all(path.read_text()):
                yield path.name, document


def of_kind(*kinds: str) -> list[dict[str, Any]]:
    return [one for _, one in documents() if one["kind"] in kinds]


def named(kind: str, name: str) -> dict[str, Any]:
    [found] = [one for one in of_kind(kind) if one["metadata"]["name"] == name]
    return found


WORKLOADS = of_kind("Deployment", "StatefulSet", "Job")


def pod(workload: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = workload["spec"]["template"]["spec"]
    return found


def container(workload: dict[str, Any]) -> dict[str, Any]:
    [found] = pod(workload)["containers"]
    return dict(found)


def environment(workload: dict[str, Any]) -> dict[str, str]:
    """What a container's process finds in its environment."""
    values: dict[str, str] = {}
    for source in container(workload).get("envFrom", ()):
        values |= named("ConfigMap", source["configMapRef"]["name"])["data"]
    return values | {row["name"]: row["value"] for row in container(workload).get("env", ())}


def check_fields(of: str, found: dict[str, Any]) -> None:
    assert set(found) <= set(FIELDS[of].split()), of


def test_every_file_is_applied_but_the_download() -> None:
    kustomization = yaml.safe_load((FOLDER / "kustomization.yaml").read_text())
    files = {path.name for path in FOLDER.glob("*.yaml")} - {"kustomization.yaml"}
    assert set(kustomization["resources"]) == files - {"download.yaml"}
    assert kustomization["namespace"] == "newbie"
    assert {one["name"] for one in kustomization["images"]} == set(OURS)


def test_every_document_is_of_a_kind_that_there_is() -> None:
    seen = set()
    for file, document in documents():
        assert KINDS[document["kind"]] == document["apiVersion"], file
        identity = (document["kind"], document["metadata"]["name"])
        assert identity not in seen
        seen.add(identity)
        # The kustomization says which.
        assert "namespace" not in document["metadata"]


def test_every_field_has_a_name_that_there_is() -> None:
    for workload in WORKLOADS:
        check_fields(workload["kind"], workload["spec"])
        check_fields("pod", pod(workload))
        check_fields("pod security", pod(workload)["securityContext"])
        check_fields("container", container(workload))
        check_fields("container security", container(workload)["securityContext"])
    [scaled] = of_kind("ScaledObject")
    check_fields("ScaledObject", scaled["spec"])
    for trigger in scaled["spec"]["triggers"]:
        check_fields("trigger", trigger)
        check_fields("redis trigger", trigger["metadata"])
        assert all(isinstance(value, str) for value in trigger["metadata"].values())
    for behavior in scaled["spec"]["advanced"]["horizontalPodAutoscalerConfig"][
        "behavior"
    ].values():
        check_fields("behavior", behavior)


@pytest.mark.parametrize("workload", WORKLOADS, ids=lambda one: one["metadata"]["name"])
def test_whatever_is_referred_to_is_there(workload: dict[str, Any]) -> None:
    spec = workload["spec"]
    if workload["kind"] != "Job":
        labels = spec["template"]["metadata"]["labels"]
        assert spec["selector"]["matchLabels"].items() <= labels.items()
    volumes = {one["name"] for one in pod(workload)["volumes"]}
    volumes |= {one["metadata"]["name"] for one in spec.get("volumeClaimTemplates", ())}
    assert {one["name"] for one in container(workload)["volumeMounts"]} == volumes
    for volume in pod(workload)["volumes"]:
        if "configMap" in volume:
            assert named("ConfigMap", volume["configMap"]["name"])
        if "persistentVolumeClaim" in volume:
            assert named("PersistentVolumeClaim", volume["persistentVolumeClaim"]["claimName"])
        if "secret" in volume:
            assert volume["secret"]["secretName"] == "newbie-secrets"
    if workload["kind"] == "StatefulSet":
        service = named("Service", spec["serviceName"])
        labels = spec["template"]["metadata"]["labels"]
        assert service["spec"]["selector"].items() <= labels.items()
        ports = {one["name"] for one in container(workload)["ports"]}
        assert {one["targetPort"] for one in service["spec"]["ports"]} <= ports


@pytest.mark.parametrize("workload", WORKLOADS, ids=lambda one: one["metadata"]["name"])
def test_a_container_can_do_no_more_than_it_must(workload: dict[str, Any]) -> None:
    security, own = pod(workload)["securityContext"], container(workload)["securityContext"]
    assert security["runAsNonRoot"] is True
    assert security["runAsUser"] > 0
    assert security["seccompProfile"] == {"type": "RuntimeDefault"}
    assert pod(workload)["automountServiceAccountToken"] is False
    assert own["readOnlyRootFilesystem"] is True
    assert own["allowPrivilegeEscalation"] is False
    assert own["capabilities"] == {"drop": ["ALL"]}
    assert container(workload)["resources"]["limits"]["memory"]


def test_secrets_are_only_referred_to() -> None:
    assert of_kind("Secret") == []
    for workload in WORKLOADS:
        assert not {"DISCORD_TOKEN", "REDIS_PASSWORD"} & set(environment(workload))
    for name in ("bot", "worker"):
        mounts = {
            one["name"]: one["mountPath"]
            for one in container(named("Deployment", name))["volumeMounts"]
        }
        assert mounts["secrets"] == "/run/secrets"
    [authentication] = of_kind("TriggerAuthentication")
    [reference] = authentication["spec"]["secretTargetRef"]
    assert reference == {
        "parameter": "password",
        "name": "newbie-secrets",
        "key": "redis_password",
    }


@pytest.mark.parametrize("name", ["bot", "worker"])
def test_the_settings_are_settings_that_can_be_read(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    values = environment(named("Deployment", name))
    known = {key for settings in SETTINGS for key in environment_keys(settings).values()}
    assert set(values) <= known
    for key, value in values.items():
        monkeypatch.setenv(key, value)
    assert read(QueueSettings)
    assert read(RedisSettings).url.get_secret_value().startswith("redis://redis:6379")
    if name == "worker":
        assert str(read(WorkerSettings).runtime_dir) == "/run/newbie"


def test_the_redis_script_is_the_containers() -> None:
    script = named("ConfigMap", "redis-script")["data"]["redis.sh"]
    assert script == (ROOT / "deploy" / "redis.sh").read_text()
    redis = named("StatefulSet", "redis")
    [claim] = redis["spec"]["volumeClaimTemplates"]
    mounts = {one["name"]: one["mountPath"] for one in container(redis)["volumeMounts"]}
    assert mounts[claim["metadata"]["name"]] == "/data"
    assert redis["spec"]["replicas"] == 1


def test_a_worker_has_a_gpu_and_no_fixed_number() -> None:
    worker = named("Deployment", "worker")
    assert container(worker)["resources"]["limits"]["nvidia.com/gpu"] == 1
    assert "replicas" not in worker["spec"], "KEDA sets it"
    [scaled] = of_kind("ScaledObject")
    target = scaled["spec"]["scaleTargetRef"]
    assert (target["kind"], target["apiVersion"]) == (worker["kind"], worker["apiVersion"])
    assert target["name"] == worker["metadata"]["name"]
    assert 0 <= scaled["spec"]["minReplicaCount"] < scaled["spec"]["maxReplicaCount"]


def test_scaling_down_leaves_jobs_in_hand_the_time_that_they_may_take() -> None:
    worker = named("Deployment", "worker")
    values = environment(worker)
    grace = float(values["NEWBIE_WORKER_SHUTDOWN_GRACE"])
    assert grace >= int(values["NEWBIE_QUEUE_JOB_TIMEOUT"]) + DELIVERY_SECONDS
    # Handing back, the renderer's own end, and a reserve.
    assert pod(worker)["terminationGracePeriodSeconds"] >= grace + SLOT_SECONDS + 5 + 30


@pytest.fixture
def redis(redis_url: str) -> Redis:
    connection = connect(RedisSettings(url=redis_url))
    connection.flushdb()
    return connection


def triggers() -> dict[str, dict[str, str]]:
    [scaled] = of_kind("ScaledObject")
    return {one["name"]: one["metadata"] for one in scaled["spec"]["triggers"]}


def test_workers_follow_the_exact_length_of_the_line(redis: Redis) -> None:
    queue = RenderQueue(redis, QueueSettings(name=queue_name()))
    for number in range(7):
        queue.submit(request(), address(number))
    lifecycle = Lifecycle(queue)
    assert lifecycle.claim("a")
    assert lifecycle.claim("b")
    counts = {name: length(redis, one["listName"]) for name, one in triggers().items()}
    assert counts == {"waiting": 5, "in-hand": 2}


def test_what_is_counted_are_the_queues_own_keys() -> None:
    keys, found = Keys(queue_name()), triggers()
    assert found["waiting"]["listName"] == keys.line
    assert found["in-hand"]["listName"] == keys.in_hand
    slots = environment(named("Deployment", "worker"))["NEWBIE_WORKER_SLOTS"]
    assert found["in-hand"]["listLength"] == slots
    assert int(found["waiting"]["listLength"]) > 0
    [namespace] = {one["address"].split(".")[1] for one in found.values()}
    kustomization = yaml.safe_load((FOLDER / "kustomization.yaml").read_text())
    assert namespace == kustomization["namespace"]


def queue_name() -> str:
    return str(named("ConfigMap", "newbie-settings")["data"]["NEWBIE_QUEUE_NAME"])


def length(redis: Redis, key: str) -> int:
    """Count as KEDA's scaler does: by the type of the key."""
    command = {"zset": "ZCARD", "set": "SCARD", "list": "LLEN", "hash": "HLEN", "none": "LLEN"}
    return int(redis.execute_command(command[redis.type(key).decode()], key))


def test_redis_is_open_to_our_programs_and_the_scaler_alone() -> None:
    policy = named("NetworkPolicy", "redis")["spec"]
    labels = named("StatefulSet", "redis")["spec"]["template"]["metadata"]["labels"]
    assert policy["podSelector"]["matchLabels"] == labels
    [rule] = policy["ingress"]
    pods, keda = rule["from"]
    [expression] = pods["podSelector"]["matchExpressions"]
    for name in ("bot", "worker"):
        labels = named("Deployment", name)["spec"]["template"]["metadata"]["labels"]
        assert labels["app"] in expression["values"]
    assert keda["namespaceSelector"]["matchLabels"] == {"kubernetes.io/metadata.name": "keda"}
    assert rule["ports"] == [{"protocol": "TCP", "port": 6379}]
