"""Kafka: users, their ACLs, and the two topics with the settings that bound how long a message stays."""

from collections.abc import Callable, Mapping
from concurrent.futures import Future
from typing import Any

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import (  # type: ignore[attr-defined]  # it re-exports them without saying so
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewTopic,
    ResourcePatternType,
    ResourceType,
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialAlteration,
    UserScramCredentialUpsertion,
)

from lethe.errors import StackError
from lethe.profiles.contract import PROFILES_TOPIC
from lethe.settings import KafkaSettings, Paths, TopicSettings, secret
from lethe.stack.provision.rights_notes import Note
from lethe.stores.kafka import TOPICS, client_settings

ADMIN = "admin"
SCRAM_ITERATIONS = 8192
SECONDS = 30.0
ANSWER_SECONDS = SECONDS + 10  # the client itself gives up before, and says why
ANY: Any = None  # of every name, as filters say it

WRITE, READ, DESCRIBE = AclOperation.WRITE, AclOperation.READ, AclOperation.DESCRIBE
ON_TOPICS: dict[str, tuple[AclOperation, ...]] = {
    "producer": (WRITE, DESCRIBE),
    "stream": (READ, DESCRIBE),
    "eraser": (WRITE, READ, DESCRIBE),
    "auditor": (READ, DESCRIBE),
}
# Consumer groups by the start of their name.
ON_GROUPS = {"stream": "lethe-stream", "auditor": "lethe-auditor"}


def provision(paths: Paths, settings: KafkaSettings, note: Note, progress: Callable[[str], None]) -> None:
    """Bring a running broker to what Lethe needs of it; `note` is told of changes of rights before they are made.

    Raises StackError with the broker's reason, and as `note` does.
    """
    client = AdminClient(client_settings(ADMIN, paths, settings))
    try:
        progress("kafka: users")
        _make_users(client, paths)
        progress("kafka: rights")
        _set_acls(client, note)
        progress("kafka: topics")
        _make_topics(client, settings)
    except KafkaException as error:
        raise StackError(f"kafka: provisioning failed: {error.args[0].name()}") from error


def _results(futures: Mapping[Any, "Future[Any]"]) -> None:
    for future in futures.values():
        future.result(timeout=ANSWER_SECONDS)


def _make_users(client: AdminClient, paths: Paths) -> None:
    mechanism = ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, SCRAM_ITERATIONS)
    wanted: list[UserScramCredentialAlteration] = [
        UserScramCredentialUpsertion(role, mechanism, secret(f"kafka-{role}", paths).encode())
        for role in ON_TOPICS
    ]
    _results(client.alter_user_scram_credentials(wanted, request_timeout=SECONDS))


def acls() -> set[AclBinding]:
    """Every right there is; what is not listed is refused."""
    on_topics = {
        _allow(ResourceType.TOPIC, topic, ResourcePatternType.LITERAL, role, operation)
        for role, operations in ON_TOPICS.items()
        for operation in operations
        for topic in TOPICS
    }
    on_groups = {
        _allow(ResourceType.GROUP, prefix, ResourcePatternType.PREFIXED, role, READ)
        for role, prefix in ON_GROUPS.items()
    }
    return on_topics | on_groups


def _allow(
    kind: ResourceType, name: str, pattern: ResourcePatternType, role: str, operation: AclOperation
) -> AclBinding:
    return AclBinding(kind, name, pattern, f"User:{role}", "*", operation, AclPermissionType.ALLOW)


def _set_acls(client: AdminClient, note: Note) -> None:
    """Add what is missing and take away what is too much, in this order: running clients keep their rights."""
    every = AclBindingFilter(
        ResourceType.ANY, ANY, ResourcePatternType.ANY, ANY, ANY, AclOperation.ANY, AclPermissionType.ANY
    )
    held = set(client.describe_acls(every, request_timeout=SECONDS).result(timeout=ANSWER_SECONDS))
    wanted = acls()
    note("kafka", [_said(acl) for acl in wanted - held], [_said(acl) for acl in held - wanted])
    if wanted - held:
        _results(client.create_acls(list(wanted - held), request_timeout=SECONDS))
    if held - wanted:
        _results(client.delete_acls([_exactly(acl) for acl in held - wanted], request_timeout=SECONDS))


def _said(acl: AclBinding) -> str:
    role = acl.principal.removeprefix("User:")
    right, kind = (
        AclOperation(acl.operation),
        ResourceType(acl.restype),
    )  # which the client types more loosely
    return f"{role}: {right.name} {kind.name.lower()} {acl.name}"


def _exactly(acl: AclBinding) -> AclBindingFilter:
    return AclBindingFilter(
        acl.restype,
        acl.name,
        acl.resource_pattern_type,
        acl.principal,
        acl.host,
        acl.operation,
        acl.permission_type,
    )


def topic_config(topic: str, settings: TopicSettings, replication: int = 1) -> dict[str, str]:
    """The settings of one topic.

    Profiles are compacted as well as expired: a later profile, or a tombstone, removes the earlier ones of the
    same key. Where a message stands on three brokers or more, it is acknowledged when all but one have it.
    """
    config = {
        "cleanup.policy": "delete",
        "retention.ms": settings.retention_ms,
        "segment.ms": settings.segment_ms,
        "message.timestamp.type": "CreateTime",
        "message.timestamp.after.max.ms": settings.timestamp_after_max_ms,
        "min.insync.replicas": max(1, replication - 1),
    }
    if topic == PROFILES_TOPIC:
        config |= {
            "cleanup.policy": "compact,delete",
            "max.compaction.lag.ms": settings.max_compaction_lag_ms,
            # Compaction keeps what was sent last, the stream what happened last: it gets this long to read all.
            "min.compaction.lag.ms": settings.max_compaction_lag_ms // 2,
            "delete.retention.ms": settings.delete_retention_ms,
            "min.cleanable.dirty.ratio": 0.1,
        }
    return {name: str(value) for name, value in config.items()}


def _make_topics(client: AdminClient, settings: KafkaSettings) -> None:
    """Make the topics; those that exist get today's settings, but keep their partitions.

    More partitions would send a subject's later messages elsewhere than the earlier ones.
    """
    limits = TopicSettings()
    wanted = {topic: topic_config(topic, limits, settings.replication) for topic in TOPICS}
    new = [
        NewTopic(topic, settings.partitions, settings.replication, config=config)
        for topic, config in wanted.items()
    ]
    for future in client.create_topics(new, request_timeout=SECONDS).values():
        try:
            future.result(timeout=ANSWER_SECONDS)
        except KafkaException as error:
            if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                raise
    resources = [
        ConfigResource(
            ConfigResource.Type.TOPIC,
            topic,
            incremental_configs=[
                ConfigEntry(name, value, incremental_operation=AlterConfigOpType.SET)
                for name, value in config.items()
            ],
        )
        for topic, config in wanted.items()
    ]
    _results(client.incremental_alter_configs(resources, request_timeout=SECONDS))
