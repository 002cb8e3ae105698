"""Settings of the embedded Cassandra node: `cassandra.yaml`, the JVM's options, logging."""

from pathlib import Path
from typing import Any

from lethe.settings import Paths, Ports, secret
from lethe.stack import cassandra_audit

# Fencing waits until a revoked right is refused: this is how long a node may go on believing in it.
RIGHTS_CACHE = "1000ms"

_EXPORTS = (
    "java.base/java.lang.ref",
    "java.base/jdk.internal.misc",
    "java.management/com.sun.jmx.remote.security",  # the JMX password file
    "java.management.rmi/com.sun.jmx.remote.internal.rmi",
    "java.rmi/sun.rmi.registry",
    "java.rmi/sun.rmi.server",
    "java.sql/java.sql",
    "jdk.attach/sun.tools.attach",
    "jdk.compiler/com.sun.tools.javac.file",
    "jdk.unsupported/sun.misc",
)
_OPENS = (
    "java.base/java.io",
    "java.base/java.lang",
    "java.base/java.lang.module",
    "java.base/java.lang.reflect",
    "java.base/java.nio",
    "java.base/java.util",
    "java.base/java.util.concurrent",
    "java.base/java.util.concurrent.atomic",
    "java.base/jdk.internal.loader",
    "java.base/jdk.internal.math",
    "java.base/jdk.internal.module",
    "java.base/jdk.internal.ref",
    "java.base/jdk.internal.reflect",
    "java.base/jdk.internal.util.jar",
    "java.base/sun.nio.ch",
    "jdk.compiler/com.sun.tools.javac",
    "jdk.management/com.sun.management.internal",
)

JVM_OPTIONS = (
    "-Xms512m",
    "-Xmx512m",
    "-Xss256k",
    "-XX:MaxDirectMemorySize=256m",
    "-XX:+UseG1GC",
    "-XX:MaxGCPauseMillis=300",
    "-ea",
    "-Djdk.attach.allowAttachSelf=true",
    "-Djna.nosys=true",
    "-Dio.netty.tryReflectionSetAccessible=true",
    "-Dcassandra-foreground=yes",
    # One node has nobody to wait for.
    "-Dcassandra.skip_wait_for_gossip_to_settle=0",
    "-Dcassandra.ring_delay_ms=0",
    "-Dcassandra.superuser_setup_delay_ms=0",
    # A takeover may follow another at once, and each sets the password of the role that it shuts out.
    "-Dcassandra.role_password_update_min_interval_in_ms=0",
    *(f"--add-exports={package}=ALL-UNNAMED" for package in _EXPORTS),
    *(f"--add-opens={package}=ALL-UNNAMED" for package in _OPENS),
)

LOGGING = f"""\
<configuration>
  <appender name="STDOUT" class="ch.qos.logback.core.ConsoleAppender">
    <encoder><pattern>%date{{ISO8601}} %-5level %logger{{0}} - %msg%n</pattern></encoder>
  </appender>
{cassandra_audit.appender()}  <root level="INFO"><appender-ref ref="STDOUT"/></root>
  <logger name="org.apache.cassandra.config.Config" level="WARN"/>
  <logger name="io.netty" level="WARN"/>
</configuration>
"""


def node(paths: Paths, ports: Ports, config: Path) -> dict[str, Any]:
    """The node's `cassandra.yaml`; its keystore lies in the folder `config`."""
    data = paths.data / "cassandra"
    return {
        "cluster_name": "lethe",
        "num_tokens": 1,
        "partitioner": "org.apache.cassandra.dht.Murmur3Partitioner",
        "endpoint_snitch": "SimpleSnitch",
        # Also lets a TTL end after 2038, which a long retention needs.
        "storage_compatibility_mode": "NONE",
        **_access(),
        **_network(paths, ports, config),
        "data_file_directories": [str(data / "data")],
        "commitlog_directory": str(data / "commitlog"),
        "hints_directory": str(data / "hints"),
        "saved_caches_directory": str(data / "saved_caches"),
        "cdc_raw_directory": str(data / "cdc_raw"),
        **_durability(),
        # A truncated table must be gone, not kept as a snapshot.
        "auto_snapshot": False,
        "concurrent_compactors": 1,
        "concurrent_reads": 16,
        "concurrent_writes": 32,
        "memtable_flush_writers": 1,
        "key_cache_size": "16MiB",
        "counter_cache_size": "0MiB",
        # Slow statements are logged with their values.
        "slow_query_log_timeout": "0ms",
        "audit_logging_options": cassandra_audit.OPTIONS,
    }


def _access() -> dict[str, Any]:
    return {
        "authenticator": "PasswordAuthenticator",
        "authorizer": "CassandraAuthorizer",
        "role_manager": "CassandraRoleManager",
        "roles_validity": RIGHTS_CACHE,
        "permissions_validity": RIGHTS_CACHE,
        "credentials_validity": RIGHTS_CACHE,
        "dynamic_data_masking_enabled": True,
    }


def _network(paths: Paths, ports: Ports, config: Path) -> dict[str, Any]:
    password = secret("cassandra-keystore", paths)
    keystore = str(config / "node.p12")
    return {
        "listen_address": "127.0.0.1",
        "rpc_address": "127.0.0.1",
        "native_transport_port": ports["cassandra"],
        "storage_port": ports["cassandra_internode"],
        "seed_provider": [
            {
                "class_name": "org.apache.cassandra.locator.SimpleSeedProvider",
                "parameters": [{"seeds": f"127.0.0.1:{ports['cassandra_internode']}"}],
            }
        ],
        "server_encryption_options": {
            "internode_encryption": "all",
            "optional": False,  # or the port takes connections without TLS, and so without a certificate
            "legacy_ssl_storage_port_enabled": False,
            "require_client_auth": True,
            "require_endpoint_verification": True,
            "protocol": "TLSv1.3",
            "accepted_protocols": ["TLSv1.3"],
            "store_type": "PKCS12",
            "keystore": keystore,
            "keystore_password": password,
            "truststore": keystore,
            "truststore_password": password,
        },
    }


def _durability() -> dict[str, Any]:
    """A write is acknowledged when it is on disk.

    In periodic mode up to `commitlog_sync_marker_period` of acknowledged writes can't be replayed after a
    kill, since replay stops at the last sync marker (CASSANDRA-13987).
    """
    return {
        "commitlog_sync": "group",
        "commitlog_sync_group_window": "5ms",
        "commitlog_segment_size": "16MiB",
        "commitlog_total_space": "256MiB",
    }
