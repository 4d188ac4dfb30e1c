"""The subscribers of docs/subscribers.md do what they say with a real trigger."""

from __future__ import annotations

import importlib.util
import json
import re
import subprocess
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest
import yaml
from confluent_kafka import Producer
from jsonschema import Draft202012Validator

from driftline.sources.embedded import EmbeddedBroker

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"
SCHEMA = json.loads((ROOT / "src/driftline/schemas/trigger.schema.json").read_text(encoding="utf-8"))
TRIGGER = json.loads(
    re.search(
        r"^```json\n(.*?)^```",
        (ROOT / "docs/triggers.md").read_text(encoding="utf-8"),
        re.MULTILINE | re.DOTALL,
    )[1]
)
RESOLVED = {**TRIGGER, "id": "b" * 64, "type": "io.driftline.retraining.resolved.v1"}
BACKLOG = {**TRIGGER, "id": "c" * 64, "data": {**TRIGGER["data"], "backfilled": True}}
OTHER = {
    **TRIGGER,
    "id": "d" * 64,
    "data": {**TRIGGER["data"], "model": {"name": "other", "version": "2", "tags": {}}},
}
TOPIC = (TRIGGER, TRIGGER, RESOLVED, BACKLOG, OTHER)
"""A second copy among them."""


def _module(path: Path):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def servers():
    """An embedded broker whose trigger topic holds ``TOPIC``."""
    with EmbeddedBroker({"driftline.triggers": 1}) as broker:
        producer = Producer({"bootstrap.servers": broker.bootstrap_servers, "log_level": 0})
        for event in TOPIC:
            producer.produce("driftline.triggers", json.dumps(event).encode())
        assert 0 == producer.flush(30)
        yield broker.bootstrap_servers


@pytest.mark.parametrize("event", TOPIC)
def test_the_events_here_are_as_driftline_publishes_them(event):
    """By the JSON Schema."""
    assert [] == [f"{e.json_path}: {e.message}" for e in Draft202012Validator(SCHEMA).iter_errors(event)]


def test_the_python_consumer_retrains_once_a_request(servers):
    """A second copy, and what resolves a request, start nothing; the offsets to read are told."""
    command = [sys.executable, str(EXAMPLES / "retrain.py"), servers, "--wait", "5"]
    said = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout
    assert ["elec2/1:", "elec2/1:", "other/2:"] == re.findall(r"^retrain (\S+)", said, re.MULTILINE)
    assert 3 == said.count(
        "read predictions[0] offsets 4752 to 6095 (1997-02-19T00:00:00Z to 1997-03-18T23:30:00Z)"
    )


class _Message:
    """As Kafka's, as far as Airflow hands it over."""

    def __init__(self, event):
        self._value = json.dumps(event).encode()

    def value(self):
        """Its bytes."""
        return self._value


def test_airflow_starts_for_new_requests_of_its_model():
    """What the DAG gets, and what starts nothing."""
    accept = _module(EXAMPLES / "airflow" / "driftline_requests.py").accept
    given = [accept(_Message(event), model="elec2") for event in TOPIC]
    assert [TRIGGER["id"]] * 2 + [None] * 3 == [g and g["id"] for g in given]
    expected = {"start": "1997-02-19T00:00:00Z", "end": "1997-03-19T00:00:00Z"}
    assert (expected, TRIGGER["data"]["data_range"]) == (given[0]["window"], given[0]["data_range"])
    assert "other" == accept(_Message(OTHER))["model"]


def test_the_dag_is_one_that_airflow_loads():
    """Where Airflow with its Kafka provider is installed; its names fit those of the file beside it in any case."""
    text = (EXAMPLES / "airflow" / "retrain_dag.py").read_text(encoding="utf-8")
    compile(text, "retrain_dag.py", "exec")
    assert 'apply_function="driftline_requests.accept"' in text
    if importlib.util.find_spec("airflow") is None:
        pytest.skip(
            "NO AIRFLOW: install the Python packages apache-airflow, apache-airflow-providers-apache-kafka"
        )
    module = _module(EXAMPLES / "airflow" / "retrain_dag.py")
    assert {"model": "elec2"} == module.trigger.apply_function_kwargs


def _argo(name: str):
    return yaml.safe_load((EXAMPLES / "argo" / name).read_text(encoding="utf-8"))


def _value_at(event, path: str):
    for step in path.removeprefix("body.").split("."):
        event = event[step]
    return event


def test_the_argo_sensor_reads_what_a_trigger_has():
    """Source, filters and every parameter; each lands on the parameter of that meaning."""
    source, sensor = _argo("event-source.yaml"), _argo("sensor.yaml")
    dependency = sensor["spec"]["dependencies"][0]
    kafka = source["spec"]["kafka"][dependency["eventName"]]
    assert (source["metadata"]["name"], True, "driftline.triggers") == (
        dependency["eventSourceName"],
        kafka["jsonBody"],
        kafka["topic"],
    )

    def passes(event):
        texts = {True: "true", False: "false"}
        found = [(_value_at(event, f["path"]), f["value"]) for f in dependency["filters"]["data"]]
        return all(texts.get(value, value) in allowed for value, allowed in found)

    assert [True, True, False, False, True] == [passes(event) for event in TOPIC]
    workflow = sensor["spec"]["triggers"][0]["template"]["argoWorkflow"]
    spec = workflow["source"]["resource"]
    filled = {}
    for parameter in workflow["parameters"]:
        if "dataKey" in parameter["src"]:
            target = spec
            for step in parameter["dest"].removesuffix(".value").split("."):
                target = target[int(step)] if step.isdigit() else target[step]
            filled[target["name"]] = _value_at(TRIGGER, parameter["src"]["dataKey"])
    data = TRIGGER["data"]
    assert {
        "model": "elec2", "version": "1", "reason": data["reason"], "start": data["window"]["start"], "end": data["window"]["end"],
    } == filled  # fmt: skip
    name = next(p for p in workflow["parameters"] if p["dest"] == "metadata.name")["src"]["dataTemplate"]
    assert re.fullmatch(r"retrain-\{\{ \.Input\.body\.id \| substr 0 20 \}\}", name)


def test_argo_knows_every_field_of_the_manifests():
    """By the models of hera, which are made from Argo's own description: nothing is lost in them."""
    if importlib.util.find_spec("hera") is None:
        pytest.skip("NO HERA: install the Python package hera")
    from hera.events.models import EventSource, Sensor
    from hera.workflows.models import Workflow

    sensor = _argo("sensor.yaml")
    resource = sensor["spec"]["triggers"][0]["template"]["argoWorkflow"]["source"]
    workflow = resource.pop("resource")
    resource["resource"] = {}
    for model, given in ((EventSource, _argo("event-source.yaml")), (Sensor, sensor), (Workflow, workflow)):
        known = json.loads(model.model_validate(given).model_dump_json(by_alias=True, exclude_none=True))
        assert {k: v for k, v in given.items() if k not in ("apiVersion", "kind")} == {
            k: v for k, v in known.items() if k not in ("apiVersion", "kind")
        }


class _GitHub(BaseHTTPRequestHandler):
    """Takes dispatches; the server's ``taken`` has them."""

    def do_POST(self):
        """204, as GitHub answers."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.taken.append((self.path, self.headers["Authorization"], json.loads(body)))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_arguments):
        """Nothing."""


def test_github_is_told_once_of_each_request(servers, monkeypatch):
    """Over HTTP, with at most ten keys; a second run goes on after what it has committed."""
    server = HTTPServer(("127.0.0.1", 0), _GitHub)
    server.taken = []
    Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("GITHUB_TOKEN", "secret")
    command = [
        sys.executable, str(EXAMPLES / "github" / "dispatch.py"), servers, "acme/models", "--wait", "5",
        "--api", f"http://127.0.0.1:{server.server_port}",
    ]  # fmt: skip
    try:
        subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    finally:
        server.shutdown()
        server.server_close()
    assert [TRIGGER["id"], OTHER["id"]] == [body["client_payload"]["id"] for _p, _a, body in server.taken]
    path, token, body = server.taken[0]
    assert ("/repos/acme/models/dispatches", "Bearer secret") == (path, token)
    assert ("driftline-retraining-requested", 10) == (body["event_type"], len(body["client_payload"]))


def test_the_github_workflow_fits_the_dispatch():
    """It listens to that type, reads only what is sent, and hands nothing of it to a shell as text."""
    text = (EXAMPLES / "github" / "retrain.yaml").read_text(encoding="utf-8")
    workflow = yaml.safe_load(text)
    sent = _module(EXAMPLES / "github" / "dispatch.py").payload(TRIGGER)
    assert [sent["event_type"]] == workflow[True]["repository_dispatch"][
        "types"
    ]  # YAML 1.1 reads "on" as true
    for path in re.findall(r"client_payload\.([\w.]+)", text):
        assert _value_at(sent["client_payload"], path) is not None
    assert [] == [s for s in workflow["jobs"]["retrain"]["steps"] if "${{" in s.get("run", "")]
