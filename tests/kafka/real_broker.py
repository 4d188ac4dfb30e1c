"""An Apache Kafka for tests: given, from Docker, or by Maven and Java; with kill -9, restart and SIGSTOP."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

VERSION = "4.3.1"
MAVEN_S = 300
STOP_S = 20
USER = ("driftline", "pw-4711")
"""Name and password of who may come through the second door."""
_POM = f"""<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
<groupId>driftline</groupId><artifactId>kafka</artifactId><version>1</version><dependencies><dependency>
<groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>{VERSION}</version>
</dependency></dependencies></project>
"""
_ONE = (
    "offsets.topic.replication.factor", "offsets.topic.num.partitions",
    "transaction.state.log.replication.factor", "transaction.state.log.min.isr",
    "transaction.state.log.num.partitions", "share.coordinator.state.topic.replication.factor",
    "share.coordinator.state.topic.min.isr",
)  # fmt: skip


class Unavailable(Exception):
    """No real Kafka can be had here; the text says why."""


class Given:
    """The broker of ``KAFKA_BOOTSTRAP_SERVERS``: somebody else's, so no test may kill or freeze it."""

    def __init__(self, bootstrap_servers: str) -> None:
        self.bootstrap_servers = bootstrap_servers
        wait_for(bootstrap_servers, 30)

    def close(self) -> None:
        """Nothing of ours."""


def given() -> str | None:
    """The bootstrap servers that the environment names."""
    return os.environ.get("KAFKA_BOOTSTRAP_SERVERS") or None


def real_kafka(folder: Path, *, killable: bool = False) -> Given | DockerKafka | JavaKafka:
    """The given broker, else one in Docker, else one by Maven and Java; ``killable``: one of our own."""
    servers = given()
    if servers and not killable:
        return Given(servers)
    client = docker_client()
    return JavaKafka(folder) if client is None else DockerKafka(client)


def docker_client() -> Any:
    """A client of a Docker engine that answers, by testcontainers; None: there is none."""
    try:
        from testcontainers.core.docker_client import DockerClient

        client = DockerClient()
        client.client.ping()
    except Exception:  # noqa: BLE001 - whatever is wrong with it, there is no engine to use
        return None
    return client


class DockerKafka:
    """One broker in a container of the official image."""

    def __init__(self, _client: Any) -> None:
        from testcontainers.core.container import DockerContainer

        port = free_port()
        self.bootstrap_servers = f"127.0.0.1:{port}"
        self._container = DockerContainer(f"apache/kafka:{VERSION}").with_bind_ports(9092, port)
        for key, value in self._settings().items():
            self._container.with_env("KAFKA_" + key.upper().replace(".", "_"), value)
        try:
            self._container.start()
            wait_for(self.bootstrap_servers, 90)
        except Exception as error:
            self.close()
            raise Unavailable(f"Docker answers, but apache/kafka:{VERSION} does not run: {error}") from error

    def start(self, timeout_s: float = 60) -> None:
        """Start it again and wait until it answers."""
        self._container.get_wrapped_container().start()
        wait_for(self.bootstrap_servers, timeout_s)

    def kill(self) -> None:
        """kill -9."""
        self._container.get_wrapped_container().kill()

    def freeze(self) -> None:
        self._container.get_wrapped_container().pause()

    def thaw(self) -> None:
        box = self._container.get_wrapped_container()
        box.reload()
        if box.status == "paused":
            box.unpause()

    def close(self) -> None:
        with contextlib.suppress(Exception):
            self._container.stop(force=True)

    def _settings(self) -> dict[str, str]:
        return {
            "process.roles": "broker,controller", "node.id": "1", "controller.quorum.voters": "1@localhost:9093",
            "listeners": "PLAINTEXT://:9092,CONTROLLER://:9093",
            "advertised.listeners": f"PLAINTEXT://{self.bootstrap_servers}",
            "controller.listener.names": "CONTROLLER", "inter.broker.listener.name": "PLAINTEXT",
            "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT",
            "group.initial.rebalance.delay.ms": "0", **dict.fromkeys(_ONE, "1"),
        }  # fmt: skip


def cache_dir() -> Path:
    """Where the jars stay: ``$XDG_CACHE_HOME/driftline``, or ``.cache`` in the repository."""
    given = os.environ.get("XDG_CACHE_HOME")
    return Path(given) / "driftline" if given else Path(__file__).parents[2] / ".cache"


def kafka_jars() -> Path:
    """The folder of Kafka's jars, taken by Maven once."""
    home = cache_dir() / f"kafka-{VERSION}"
    libs = home / "libs"
    if (home / "complete").exists():
        return libs
    if not shutil.which("mvn") or not shutil.which("java"):
        raise Unavailable("no KAFKA_BOOTSTRAP_SERVERS, no Docker engine, and no Java with Maven")
    home.mkdir(parents=True, exist_ok=True)
    (home / "pom.xml").write_text(_POM)
    goal = ["dependency:copy-dependencies", "-DincludeScope=runtime", "-DoutputDirectory=libs"]
    try:
        done = subprocess.run(
            ["mvn", "-q", *goal], cwd=home, capture_output=True, text=True, check=False, timeout=MAVEN_S
        )
    except subprocess.TimeoutExpired as error:
        raise Unavailable(f"Maven did not fetch Kafka within {MAVEN_S} s") from error
    if done.returncode:
        raise Unavailable(f"Maven could not fetch Kafka: {done.stdout[-300:]}")
    (home / "complete").touch()
    return libs


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class JavaKafka:
    """One broker, KRaft, its own process; data under ``folder``. ``users``: names and passwords of a second door."""

    def __init__(self, folder: Path, users: Mapping[str, str] | None = None) -> None:
        self._folder = folder
        self._users = dict(users or {})
        self._jars = f"{kafka_jars()}/*"
        self._port, controller = free_port(), free_port()
        self.bootstrap_servers = f"127.0.0.1:{self._port}"
        self.sasl_servers = f"127.0.0.1:{free_port()}"
        self._properties = folder / "server.properties"
        self._properties.write_text(self._settings(controller))
        ident = self._tool("random-uuid").splitlines()[-1].strip()
        self._tool("format", "--standalone", "-t", ident, "-c", str(self._properties))
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    def start(self, timeout_s: float = 60) -> None:
        """Start it and wait until it answers."""
        small = ["-Xms256m", "-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]
        command = ["java", *small, "-cp", self._jars, "kafka.Kafka", str(self._properties)]
        with (self._folder / "kafka.log").open("ab") as log:
            self._process = subprocess.Popen(command, cwd=self._folder, stdout=log, stderr=log)
        wait_for(self.bootstrap_servers, timeout_s)

    def kill(self) -> None:
        """kill -9."""
        self._signal(signal.SIGKILL)
        if self._process:
            self._process.wait(STOP_S)
            self._process = None

    def freeze(self) -> None:
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._signal(signal.SIGCONT)

    close = kill

    def _signal(self, number: int) -> None:
        if self._process and self._process.poll() is None:
            self._process.send_signal(number)

    def _tool(self, *arguments: str) -> str:
        command = ["java", "-cp", self._jars, "kafka.tools.StorageTool", *arguments]
        done = subprocess.run(
            command, cwd=self._folder, capture_output=True, text=True, check=True, timeout=60
        )
        return done.stdout

    def _settings(self, controller: int) -> str:
        here, there = f"PLAINTEXT://{self.bootstrap_servers}", f"CONTROLLER://127.0.0.1:{controller}"
        lines = {
            "process.roles": "broker,controller", "node.id": "1",
            "controller.quorum.bootstrap.servers": f"127.0.0.1:{controller}",
            "listeners": f"{here},{there}", "advertised.listeners": here,
            "controller.listener.names": "CONTROLLER", "inter.broker.listener.name": "PLAINTEXT",
            "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT",
            "log.dirs": str(self._folder / "data"), "group.initial.rebalance.delay.ms": "0",
            **dict.fromkeys(_ONE, "1"),
        }  # fmt: skip
        return "".join(f"{key}={value}\n" for key, value in (lines | self._door(lines)).items())

    def _door(self, lines: Mapping[str, str]) -> dict[str, str]:
        """A listener that asks for a name and a password."""
        if not self._users:
            return {}
        module = "org.apache.kafka.common.security.plain.PlainLoginModule required"
        users = " ".join(f'user_{name}="{password}"' for name, password in self._users.items())
        sasl, protocols = f"SASL_PLAINTEXT://{self.sasl_servers}", "listener.security.protocol.map"
        return {
            **{key: f"{lines[key]},{sasl}" for key in ("listeners", "advertised.listeners")},
            protocols: f"{lines[protocols]},SASL_PLAINTEXT:SASL_PLAINTEXT", "sasl.enabled.mechanisms": "PLAIN",
            "listener.name.sasl_plaintext.plain.sasl.jaas.config": f"{module} {users};",
        }  # fmt: skip


def wait_for(bootstrap_servers: str, timeout_s: float) -> None:
    """Wait until a broker answers."""
    admin = AdminClient({"bootstrap.servers": bootstrap_servers, "log_level": 0})
    end = time.monotonic() + timeout_s
    while time.monotonic() < end:
        try:
            admin.list_topics(timeout=1)
        except KafkaException:
            continue
        return
    raise Unavailable(f"Kafka at {bootstrap_servers} did not answer within {timeout_s:.0f} s")
