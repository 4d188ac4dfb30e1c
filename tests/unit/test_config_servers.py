"""``kafka.bootstrap_servers``: what librdkafka reads as a broker is taken as it is, and nothing else."""

from __future__ import annotations

import pytest

from driftline.config.servers import foreign_protocol, servers


@pytest.mark.parametrize(
    "value",
    [
        "localhost", "localhost:9092", "a:9092,b:9092", " a:9092 , b:9092,", "my_broker:1", "10.0.0.1:65535", "[::1]",
        "[::1]:9092", "::1", "fe80::1", "PLAINTEXT://a:9092", "sasl_ssl://a", "a:9092/chroot", "a: 9092", ":9092",
        "bröker:9092",
    ],
)  # fmt: skip
def test_what_librdkafka_takes_is_taken(value):
    """Without a port it is 9092; a path is ignored; IPv6 with or without brackets."""
    assert value == servers(value)


@pytest.mark.parametrize(
    "value", ["a:", "a:0", "a:-1", "a:65536", "a:9092x", "a b", "a;b", "kafka://a:1", "", ",", None, 9092, []]
)
def test_what_no_broker_can_have_is_refused(value):
    """librdkafka would take a number of its own from some of these, and never reach it."""
    with pytest.raises(ValueError, match="write"):
        servers(value)


@pytest.mark.parametrize(
    ("value", "security", "expected"),
    [
        ("SSL://a", "plaintext", "SSL"), ("ssl://a", "SSL", None), ("SSL://a,b", "plaintext", None),
        ("a", "sasl_ssl", None), ("SSL://a", "tls", None),
    ],
)  # fmt: skip
def test_a_protocol_that_leaves_no_broker_is_named(value, security, expected):
    """librdkafka leaves out the addresses of another protocol; one that fits is enough."""
    assert expected == foreign_protocol(value, security)
