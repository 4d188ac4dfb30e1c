"""``kafka.properties`` that librdkafka does not take: named by ``check-config`` and ``run``, without a broker."""

from __future__ import annotations

import socket
import threading
from pathlib import Path

import pytest

from driftline.cli import invoke
from driftline.cli.loading import load_for_kafka
from driftline.config.parse import load_config
from driftline.errors import ConfigError
from driftline.sinks.publisher import OWN
from driftline.sources.property_names import CHOICES, NAMES
from driftline.sources.refusals import alone, together

CONFIG = """
kafka:
  properties:
    {properties}
streams: {{main: {{predictions: [p]}}}}
models: [{{match: elec2, stream: main, task: binary, positive: UP}}]
rules: {rules}
"""


def write(folder: Path, *properties: str, rules: str = "[]") -> Path:
    """A configuration with these lines under ``kafka.properties``, readable by its owner only."""
    path = folder / "c.yaml"
    path.write_text(CONFIG.format(properties="\n    ".join(properties), rules=rules), encoding="utf-8")
    path.chmod(0o600)
    return path


def mistakes(path: Path, env: dict[str, str] | None = None) -> list[str]:
    """What is said when the daemon's configuration is read."""
    with pytest.raises(ConfigError) as caught:
        load_for_kafka(path, env or {})
    return [str(p) for p in caught.value.problems]


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("security.protcol", "SSL", 'librdkafka has no such property; did you mean "security.protocol"?'),
        ("sasl.pasword", "x", 'librdkafka has no such property; did you mean "sasl.password"?'),
        ("key.deserializer", "x", "librdkafka has no such property; leave it out"),
        ("security.protocol", "TLS", '"TLS" is none of its values; known are: plaintext, ssl, sasl_plaintext, sasl_ssl'),
        ("security.protocol", "SASL_SLS", '"SASL_SLS" is none of its values; did you mean "sasl_ssl"?'),
        ("fetch.min.bytes", "many", '"many" is not a whole number'),
        ("socket.timeout.ms", "5", '"5" is out of range; write a number from 10 to 300000'),
        ("check.crcs", "maybe", '"maybe" is not true or false'),
        ("debug", "everything", 'librdkafka does not take "everything"'),
        ("oauth_cb", "x", "it is a function of the program's; a file cannot give one, leave it out"),
        ("default.topic.config", "x", "it is a function of the program's; a file cannot give one, leave it out"),
    ],
)  # fmt: skip
def test_a_property_that_librdkafka_does_not_take(key, value, expected):
    """What was found, and what would be right where that is known."""
    assert [(key, expected)] == [(r.key, r.message) for r in alone({key: value}, set())]


def test_javas_properties_are_answered_in_librdkafkas_words():
    """It says what it has in their place."""
    (refusal,) = alone({"ssl.truststore.location": "/x"}, set())
    assert refusal.message.startswith("Java TrustStores are not supported, use `ssl.ca.location`")


@pytest.mark.parametrize(
    ("properties", "expected"),
    [
        (
            {"security.protocol": "SASL_SSL", "sasl.mechanism": "PLAIN"},
            ("", "librdkafka: sasl.username and sasl.password must be set"),
        ),
        (
            {"security.protocol": "SASL_SSL", "sasl.mechanism": "FOO", "sasl.username": "u", "sasl.password": "p"},
            ("sasl.mechanism", "librdkafka: Unsupported SASL mechanism: FOO"),
        ),
        (
            {"max.poll.interval.ms": "10"},
            ("max.poll.interval.ms", "librdkafka: `max.poll.interval.ms`must be >= `session.timeout.ms`"),
        ),
        (
            {"max.in.flight": "10"},
            ("max.in.flight", "librdkafka: `max.in.flight` must be set <= 5 when `enable.idempotence` is true"),
        ),
    ],
)  # fmt: skip
def test_properties_of_which_no_client_can_be_made(properties, expected):
    """Each is right by itself; the producer's own properties count too."""
    assert alone(properties, set()) == []
    assert [expected] == [(r.key, r.message) for r in together(properties, set(), OWN)]


def test_a_file_that_is_not_here_may_be_where_the_daemon_runs(tmp_path):
    """A warning: the same configuration is checked on other machines too."""
    path = write(tmp_path, "security.protocol: ssl", "ssl.ca.location: /nowhere/ca.pem")
    (place, message), *more = load_for_kafka(path, {}).notes.remarks
    assert (place, more) == (("kafka", "properties", "ssl.ca.location"), [])
    assert "ssl.ca.location failed" in message


@pytest.mark.parametrize(("value", "said"), [("1MB", 1), ("1.5", 1), ("100", 0), ("0x10", 0)])
def test_half_a_number_is_doubted(tmp_path, value, said):
    """librdkafka reads as far as there are digits, and says nothing."""
    remarks = load_for_kafka(write(tmp_path, f'fetch.min.bytes: "{value}"'), {}).notes.remarks
    expected = f'librdkafka reads "{value}" as 1; write the whole number'
    assert [expected] * said == [message for _, message in remarks]


def test_what_another_build_of_librdkafka_has_is_doubted_only(tmp_path):
    """Kerberos is in none of the wheels, and in other builds."""
    path = write(tmp_path, "security.protocol: sasl_ssl", "sasl.mechanism: GSSAPI")
    said = [message for _, message in load_for_kafka(path, {}).notes.remarks]
    assert said == [] or said[0].startswith("librdkafka: No provider for SASL mechanism GSSAPI")


def test_all_are_named_at_once_with_the_other_mistakes(tmp_path):
    """Place, found value, remedy and line or variable, in the order of the file."""
    path = write(tmp_path, "security.protcol: ssl", "fetch.min.bytes: many", "group.id: x", rules="[1]")
    found = mistakes(path, {"DRIFTLINE_KAFKA__PROPERTIES__CHECK_CRCS": "ja"})
    assert found == [
        'kafka.properties.check.crcs: "ja" is not true or false (DRIFTLINE_KAFKA__PROPERTIES__CHECK_CRCS)',
        'kafka.properties.security.protcol: librdkafka has no such property; did you mean "security.protocol"? (line 4)',
        'kafka.properties.fetch.min.bytes: "many" is not a whole number (line 5)',
        "kafka.properties.group.id: the daemon sets this itself: partitions are assigned, without a group (line 6)",
        *found[4:],
    ]
    assert len(found) == 5


def test_no_secret_is_shown(tmp_path):
    """Neither from a file, nor of a property that is named like one, nor of an unknown name."""
    (tmp_path / "secret").write_text("canary", encoding="utf-8")
    (tmp_path / "secret").chmod(0o600)
    path = write(
        tmp_path, "security.protocol_file: secret", "ssl.key.passwordd: canary", "sasl.jaas.config: canary"
    )
    found = mistakes(path)
    assert len(found) == 3
    assert "canary" not in "\n".join(found)
    assert found[0].startswith("kafka.properties.security.protocol_file: the value is none of its values")


def test_run_ends_with_the_same_words(tmp_path, capsys):
    """Before anything is opened; exit 2."""
    assert invoke(["run", "--config", str(write(tmp_path, "socket.timeout.ms: 5"))]) == 2
    assert '"5" is out of range; write a number from 10 to 300000 (line 4)' in capsys.readouterr().err
    assert not (tmp_path / "var").exists()


def test_whoever_needs_no_kafka_is_not_told(tmp_path):
    """A replay of files does not fail on what only the daemon uses."""
    assert load_config(write(tmp_path, "security.protcol: ssl"), {}).kafka.properties


def test_good_properties_are_taken(tmp_path):
    """With a producer's, a consumer's and the mock cluster's own."""
    good = ("security.protocol: SASL_SSL", "sasl.mechanism: PLAIN", "sasl.username: u", "sasl.password: p",
            "fetch.min.bytes: 1", "batch.size: 1000", "debug: all", "test.mock.num.brokers: 1")  # fmt: skip
    assert len(load_for_kafka(write(tmp_path, *good), {}).kafka.properties) == len(good)


def test_nothing_is_reached_for_and_nothing_stays(capfd):
    """With OIDC a client would fetch a token at once, so none is made; no thread and no output is left."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.3)
        url = f"http://127.0.0.1:{server.getsockname()[1]}/"
        sasl = {"security.protocol": "SASL_SSL", "sasl.mechanism": "OAUTHBEARER", "sasl.oauthbearer.method": "OIDC",
                "sasl.oauthbearer.client.id": "a", "sasl.oauthbearer.client.secret": "b",
                "sasl.oauthbearer.token.endpoint.url": url}  # fmt: skip
        before = len(list(Path("/proc/self/task").iterdir())) if Path("/proc/self/task").is_dir() else 0
        assert alone(sasl, set()) == together(sasl, set(), OWN) == []
        assert together({"debug": "all", "bootstrap.servers": url[7:-1]}, set(), OWN) == []
        with pytest.raises(TimeoutError):
            server.accept()
        after = len(list(Path("/proc/self/task").iterdir())) if Path("/proc/self/task").is_dir() else 0
    assert (before, threading.active_count()) == (after, threading.active_count())
    assert tuple(capfd.readouterr()) == ("", "")


@pytest.mark.parametrize("name", NAMES)
def test_every_name_that_is_suggested_is_one(name):
    """librdkafka knows it, so that no suggestion leads to the next mistake."""
    assert not any("no such property" in r.message for r in alone({name: "1"}, set()))


@pytest.mark.parametrize(("name", "value"), [(n, v) for n, values in CHOICES.items() for v in values])
def test_every_value_that_is_suggested_is_taken(name, value):
    """The same for values."""
    assert alone({name: value}, set()) == []
