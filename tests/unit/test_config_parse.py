"""A valid configuration becomes frozen settings: defaults, windows, environment, secrets, paths."""

from __future__ import annotations

from pathlib import Path

import pytest

from driftline.config.librdkafka import OWNED
from driftline.config.model import Topics
from driftline.config.models import default_slide_ms
from driftline.config.parse import load_config
from driftline.errors import ConfigError
from driftline.matching import match_model
from driftline.settings import DAY_MS, HOUR_MS, MINUTE_MS, LabelSettings, Limits, TimeSettings, Window
from driftline.sinks import publisher
from driftline.sources import properties

SMALL = """
streams:
  main: {predictions: [p], labels: [l]}
models:
  - {match: elec2, stream: main, task: binary, positive: 1}
"""


@pytest.fixture
def load(tmp_path):
    """Load a configuration from a text."""

    def _load(text: str, **env: str):
        path = tmp_path / "driftline.yaml"
        path.write_text(text, encoding="utf-8")
        return load_config(path, env)

    return _load


def problems(load, text: str, **env: str) -> list[str]:
    """The mistakes of a text."""
    with pytest.raises(ConfigError) as caught:
        load(text, **env)
    return [str(p) for p in caught.value.problems]


def model(text: str) -> str:
    """A configuration with one model, given by its lines in flow style."""
    return f"streams: {{main: {{predictions: [p], labels: [l]}}}}\nmodels:\n  - {{{text}}}\n"


def test_what_is_left_out_has_the_documented_defaults(load):
    """The smallest configuration has the values of the design's example."""
    config = load(SMALL)
    assert Limits() == config.limits
    assert TimeSettings() == config.streams[0].time
    assert LabelSettings() == config.models[0].labels
    assert (config.http.host, config.http.port) == ("127.0.0.1", 9464)
    assert (config.kafka.start, config.kafka.on_data_loss) == ("earliest", "hold")
    assert DAY_MS == config.triggers.max_age_ms
    assert config.metrics.max_series == 20_000
    assert config.kafka.topics == Topics()


def test_class_names_are_canonical_strings(load):
    """YAML's 1 and "1" name one class; so do true and "true"."""
    assert load(SMALL).models[0].positive == "1"
    assert load(SMALL.replace("positive: 1", "positive: true")).models[0].positive == "true"


@pytest.mark.parametrize(
    ("length_ms", "step_ms", "expected"),
    [
        (DAY_MS, MINUTE_MS, 30 * MINUTE_MS),
        (7 * DAY_MS, MINUTE_MS, 210 * MINUTE_MS),
        (5000 * MINUTE_MS, MINUTE_MS, 125 * MINUTE_MS),
        (7 * MINUTE_MS, MINUTE_MS, MINUTE_MS),
        (53 * HOUR_MS, HOUR_MS, 53 * HOUR_MS),
        (HOUR_MS, HOUR_MS, HOUR_MS),
    ],
)
def test_the_default_slide_is_the_smallest_that_fits(length_ms, step_ms, expected):
    """The smallest multiple of the step that is ≥ length/48 and divides the length."""
    assert expected == default_slide_ms(length_ms, step_ms)


def test_windows_are_written_short_or_with_their_slide(load):
    """A text has the default slide; a mapping has its own."""
    windows = "windows: {drift: [24h, {length: 28d, slide: 1d}]}"
    found = load(model(f"match: m, stream: main, task: regression, {windows}")).models[0].drift_windows
    assert (Window(DAY_MS, 30 * MINUTE_MS), Window(28 * DAY_MS, DAY_MS)) == found


def test_labels_none_waits_for_no_labels(load):
    """``labels: none`` switches performance off."""
    config = load(model("match: m, stream: main, task: regression, labels: none"))
    assert not config.models[0].labels.enabled


def test_gates_change_one_at_a_time(load):
    """A named gate is changed, the others keep their defaults."""
    gates = load(model("match: m, stream: main, task: regression, gates: {drift: 50}")).models[0].gates
    assert (gates["drift"], gates["f1"]) == (50, 100)


def test_the_environment_wins_over_the_file(load):
    """Any scalar: in a section, in a named stream, in an entry of a list, in a section left out."""
    config = load(
        SMALL,
        DRIFTLINE_KAFKA__BOOTSTRAP_SERVERS="broker:9092",
        DRIFTLINE_STREAMS__MAIN__TIME__STEP="5m",
        DRIFTLINE_MODELS__0__THRESHOLD="0.25",
        DRIFTLINE_KAFKA__TOPICS__TRIGGERS="t",
        DRIFTLINE_REQUIRE_KAFKA="1",
    )
    assert config.kafka.bootstrap_servers == "broker:9092"
    assert config.streams[0].time.step_ms == 5 * MINUTE_MS
    assert config.models[0].threshold == 0.25
    assert config.kafka.topics.triggers == "t"


def test_the_environment_reaches_lists_and_dotted_keys(load):
    """A number after the last adds an entry; below kafka.properties an underscore is a dot."""
    config = load(
        SMALL,
        DRIFTLINE_STREAMS__MAIN__PREDICTIONS__0="first",
        DRIFTLINE_STREAMS__MAIN__PREDICTIONS__1="second",
        DRIFTLINE_STREAMS__MAIN__FEATURES__0="inputs",
        DRIFTLINE_KAFKA__PROPERTIES__SASL_USERNAME="me",
        DRIFTLINE_MODELS__0__TAGS__TEAM="pricing",
        DRIFTLINE_MODELS__0__GATES__F1="50",
        DRIFTLINE_MODELS__0__WINDOWS__DRIFT__0="24h",
        DRIFTLINE_STREAMS__MAIN__TIME__FROM_RECORD="true",
    )
    assert config.streams[0].predictions == ("first", "second")
    assert config.streams[0].features == ("inputs",)
    assert config.kafka.properties == {"sasl.username": "me"}
    assert config.models[0].tags == {"team": "pricing"}
    assert config.models[0].gates["f1"] == 50
    assert [w.name for w in config.models[0].drift_windows] == ["1d"]
    assert config.streams[0].time.from_record


def test_a_text_of_the_environment_stays_the_text(load):
    """YAML would read an octal number, a truth or a date: a password or a class would be another."""
    config = load(
        SMALL, DRIFTLINE_KAFKA__PROPERTIES__SASL_USERNAME="0123", DRIFTLINE_MODELS__0__POSITIVE="yes"
    )
    assert (config.kafka.properties, config.models[0].positive) == ({"sasl.username": "0123"}, "yes")


def test_the_environment_changes_a_rules_number(load):
    """Rules tell numbers and texts apart, so here it is read as YAML."""
    rules = "rules: [{name: r, when: {metric: f1, below: 0.9}, for: 1h}]\n"
    config = load(SMALL + rules, DRIFTLINE_RULES__0__WHEN__BELOW="0.8", DRIFTLINE_RULES__0__FOR="2h")
    assert (config.rules[0].when.threshold, config.rules[0].for_ms) == ((0.8,), 2 * HOUR_MS)


def test_a_misspelt_environment_variable_is_a_mistake(load):
    """The same check as for a key of the file."""
    found = problems(load, SMALL, DRIFTLINE_KAFKA__BOOTSTRAP_SERVER="b:1")
    right = 'unknown key "bootstrap_server"; did you mean "bootstrap_servers"?'
    assert found == [f"kafka.bootstrap_server: {right} (DRIFTLINE_KAFKA__BOOTSTRAP_SERVER)"]


def test_paths_start_from_the_files_folder(load, tmp_path):
    """Wherever the daemon is started."""
    config = load(SMALL.replace("positive: 1", "positive: 1, references: 'r/{model}-{version}.json'"))
    assert str(tmp_path / "var/driftline.db") == config.state_path
    assert str(tmp_path / "r/{model}-{version}.json") == config.models[0].references


def test_a_secret_is_read_from_its_file_and_never_shown(load, tmp_path):
    """Fault 69: ``sasl.password_file`` becomes ``sasl.password``; its value is in no text of the settings."""
    (tmp_path / "secret").write_text("canary\n", encoding="utf-8")
    config = load(SMALL + "kafka: {properties: {sasl.password_file: secret}}\n")
    assert config.kafka.properties == {"sasl.password": "canary"}
    assert "canary" not in repr(config)


def test_what_a_secrets_file_holds_is_kept_to_the_letter(load, tmp_path):
    """Only the line's end is taken off."""
    (tmp_path / "secret").write_text(" a b #: 0123 \r\n", encoding="utf-8")
    config = load(SMALL + "kafka: {properties: {ssl.key.password_file: secret}}\n")
    assert config.kafka.properties == {"ssl.key.password": " a b #: 0123 "}


def test_a_secret_that_is_not_there_is_a_mistake(load):
    """Fault 69: the key and the file are named."""
    found = problems(load, SMALL + "kafka: {properties: {sasl.password_file: gone}}\n")
    assert found == [
        "kafka.properties.sasl.password_file: the file cannot be read: No such file or directory (line 6)"
    ]


def test_whatever_kafkas_two_sides_set_is_refused(monkeypatch):
    """Else a setting would be taken and have no effect."""
    assert {*properties.OWNED, "bootstrap.servers", "group.id"} - set(OWNED) == set()
    made = {}
    monkeypatch.setattr(publisher, "Producer", made.update)
    publisher.KafkaPublisher("b:1", {})
    assert set(made) - {"error_cb"} - set(OWNED) == set()


@pytest.mark.parametrize("key", sorted(OWNED))
def test_what_the_daemon_must_own_is_refused(load, key):
    """Exactness depends on these properties."""
    found = problems(load, SMALL + f"kafka: {{properties: {{{key}: x}}}}\n")
    assert found == [f"kafka.properties.{key}: the daemon sets this itself: {OWNED[key]} (line 6)"]


def test_a_time_to_start_at_is_an_instant(load):
    """``kafka.start`` takes RFC 3339, which YAML itself would turn into a date."""
    assert load(SMALL + "kafka: {start: 1970-01-01T00:00:01Z}\n").kafka.start == 1000


@pytest.mark.parametrize(("text", "expected"), [("1MiB", 1 << 20), ("2 KiB", 2048), ("500", 500)])
def test_sizes(load, text, expected):
    """Bytes, or a binary unit."""
    assert expected == load(SMALL + f"limits: {{message_bytes: {text}}}\n").limits.message_bytes


@pytest.mark.parametrize(
    ("listen", "expected"),
    [("127.0.0.1:1", ("127.0.0.1", 1)), (":80", ("0.0.0.0", 80)), ("[::1]:80", ("::1", 80))],
)
def test_addresses(load, listen, expected):
    """A host and a port; no host is all interfaces."""
    http = load(SMALL + f"http: {{listen: '{listen}'}}\n").http
    assert expected == (http.host, http.port)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: [", "is not YAML: a bracket is opened and not closed, or a comma is missing (line 1, column 5)"),
        ("- a\n", "holds a list; write a mapping"),
    ],
)
def test_a_file_that_is_no_mapping(load, text, expected):
    """Said with the place in the file."""
    assert problems(load, text)[0].endswith(expected)


def test_a_key_given_twice_is_a_mistake(load):
    """YAML would silently keep the last."""
    assert problems(load, SMALL + "http: {}\nhttp: {}\n") == ["http: stands twice (lines 6 and 7)"]


def test_a_binary_model_needs_its_positive_class(load):
    """It is never guessed."""
    found = problems(load, model("match: m, stream: main, task: binary, classes: [a, b]"))
    assert found == [
        "models[0].positive: a binary model needs its positive class; write positive: a (line 3)"
    ]


def test_models_come_from_files_too(load, tmp_path):
    """Each team keeps its own file; paths start from the configuration's folder."""
    for team, task in (("a", "regression"), ("b", "multiclass")):
        (tmp_path / team).mkdir()
        entry = f"models: [{{match: {team}, stream: main, task: {task}, references: 'r/{{model}}.json'}}]\n"
        (tmp_path / team / "models.yaml").write_text(entry, encoding="utf-8")
    config = load("streams: {main: {predictions: [p]}}\nmodel_files: ['*/models.yaml']\n")
    assert [m.match for m in config.models] == ["a", "b"]
    assert str(tmp_path / "r/{model}.json") == config.models[0].references


def test_without_rules_the_default_ones_apply(load):
    """By task; ``rules: []`` means none; none asks for a retraining, names a window, or has a mistake."""
    entry = "  - {match: price, stream: main, task: regression}\n"
    found = load(SMALL + entry).rules
    assert {r.name: r.models for r in found} == {
        "default-feature-drift": ("*",),
        "default-prediction-drift": ("*",),
        "default-missing-values": ("*",),
        "default-f1-drop": ("elec2",),
        "default-rmse-rise": ("price",),
        "default-silence": ("*",),
    }
    assert {r.then for r in found} == {"notify"}
    assert {c.window_ms for r in found for c in r.comparisons()} == {None}
    assert load(SMALL + "rules: []\n").rules == ()
    assert load(SMALL + "rule_files: []\n").rules == ()


@pytest.mark.parametrize(
    ("name", "expected"),
    [("fraud-eu-1", "fraud-eu-*"), ("fraud-us", "fraud-*"), ("fraud-eu-x", "fraud-eu-x"), ("other", None)],
)
def test_the_most_specific_entry_wins(load, name, expected):
    """The exact name, then the longest pattern."""
    entries = "".join(
        f"  - {{match: '{m}', stream: main, task: regression}}\n"
        for m in ("fraud-*", "fraud-eu-*", "fraud-eu-x")
    )
    config = load("streams: {main: {predictions: [p], labels: [l]}}\nmodels:\n" + entries)
    found = match_model(config.models, name)
    assert expected == (found and found.match)


def test_the_example_is_valid():
    """The commented example can be run as it stands."""
    pytest.importorskip("driftline.rules.parse", reason="the rules are not there yet")
    config = load_config(Path(__file__).parents[2] / "config" / "example.yaml", {})
    assert [rule.name for rule in config.rules] == ["f1-below-92", "accuracy-drop-3-days"]
