"""What is shipped to be deployed is valid by the tools of its kind, and of one piece."""

from __future__ import annotations

import importlib.util
import json
import re
import subprocess
from pathlib import Path

import pytest
import yaml
from jsonschema import Draft201909Validator

from driftline.config.parse import load_config
from tests.deploy.programs import ROOT, program, told

DEPLOY = ROOT / "deploy"
KUBERNETES = DEPLOY / "kubernetes"
COMPOSE = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))
DOCKERFILE = (DEPLOY / "Dockerfile").read_text(encoding="utf-8")


def test_hadolint_has_nothing_to_say_about_the_dockerfile():
    """Not even a hint."""
    assert "" == told("hadolint", "--no-color", "--failure-threshold", "style", DEPLOY / "Dockerfile")


def test_the_image_takes_hashed_requirements_only():
    """Those of the program, and those of its build, which are the same as for developers."""
    assert 2 == DOCKERFILE.count("--require-hashes -r requirements/")
    dev = (ROOT / "requirements" / "dev.txt").read_text(encoding="utf-8")
    build = (ROOT / "requirements" / "build.txt").read_text(encoding="utf-8")
    pinned = re.findall(r"^([A-Za-z0-9._-]+==\S+)", build, re.MULTILINE)
    assert "hatchling" == pinned[0].split("==")[0]
    assert [] == [pin for pin in pinned if f"{pin} \\" not in dev]


def test_the_build_sees_all_that_it_copies():
    """What .dockerignore keeps away cannot be copied; what the build does not need does not reach it."""
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    kept = {line[1:] for line in ignored if line.startswith("!")}
    copied = {
        name for line in DOCKERFILE.splitlines() if line.startswith("COPY ") and "--from" not in line
        for name in line.split()[1:-1]
    }  # fmt: skip
    assert (copied, "*") == (kept, ignored[0])


def test_the_compose_file_is_valid():
    """By the specification's own schema."""
    schema = json.loads((Path(__file__).parent / "schemas" / "compose-spec.json").read_text(encoding="utf-8"))
    assert [] == [f"{e.json_path}: {e.message}" for e in Draft201909Validator(schema).iter_errors(COMPOSE)]


def _defaulted(text: str) -> str:
    return re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", text)


def test_whatever_the_compose_file_mounts_is_there():
    """Paths are seen from deploy/; named volumes are declared."""
    mounts = [_defaulted(m).split(":")[0] for s in COMPOSE["services"].values() for m in s.get("volumes", [])]
    paths = [m for m in mounts if m.startswith(".")]
    assert [] == [m for m in paths if not (DEPLOY / m).exists()]
    assert set(mounts) - set(paths) == set(COMPOSE["volumes"])


def test_the_compose_file_makes_every_topic_of_the_configuration():
    """Of the one that runs without any setting."""
    service = COMPOSE["services"]["driftline"]
    config = load_config(ROOT / "config" / _defaulted(service["command"][-1]).rsplit("/", 1)[1], {})
    wanted = {t for s in config.streams for t in (*s.predictions, *s.labels, *s.features)}
    wanted |= {config.kafka.topics.triggers, config.kafka.topics.dead_letters}
    made = set(re.findall(r"([\w.-]+):\d+", COMPOSE["services"]["topics"]["command"][0].split("; do")[0]))
    assert wanted == made


def test_the_container_may_do_as_little_as_possible():
    """No root, no capability, nothing to write but the state."""
    service = COMPOSE["services"]["driftline"]
    held = (service["read_only"], service["cap_drop"], service["security_opt"])
    assert (True, ["ALL"], ["no-new-privileges:true"]) == held
    assert "USER 10001:10001" in DOCKERFILE
    assert "HEALTHCHECK" in DOCKERFILE


@pytest.fixture(scope="module")
def built() -> str:
    """The example's manifests, as kustomize makes them."""
    command = [program("kubectl"), "kustomize", str(KUBERNETES / "example")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (0, "") == (done.returncode, done.stderr)
    return done.stdout


def test_the_manifests_are_valid(built, tmp_path):
    """Strictly, by Kubernetes's schemas; the operator's two kinds have none there."""
    (tmp_path / "all.yaml").write_text(built, encoding="utf-8")
    said = told("kubernetes-validate", "--strict", tmp_path / "all.yaml").splitlines()
    unknown = {re.search(r"kind (\w+)", line)[1] for line in said if line.startswith("WARN")}
    assert ({"PrometheusRule", "ServiceMonitor"}, 7) == (
        unknown,
        sum(line.startswith("INFO") for line in said),
    )


def test_the_manifests_fit_together(built):
    """Ports, labels and names that one speaks of are another's; the pod is as bound as the namespace asks."""
    kinds = {d["kind"]: d for d in yaml.safe_load_all(built) if d["kind"] != "ConfigMap"}
    maps = {d["metadata"]["name"]: d for d in yaml.safe_load_all(built) if d["kind"] == "ConfigMap"}
    spec = kinds["StatefulSet"]["spec"]
    pod = spec["template"]["spec"]
    container = pod["containers"][0]
    labels = spec["template"]["metadata"]["labels"]
    selectors = [
        spec["selector"]["matchLabels"], kinds["Service"]["spec"]["selector"],
        kinds["NetworkPolicy"]["spec"]["podSelector"]["matchLabels"], kinds["ServiceMonitor"]["spec"]["selector"]["matchLabels"],
    ]  # fmt: skip
    assert [labels] * 4 == selectors
    assert (1, "Service", kinds["Service"]["metadata"]["name"]) == (
        spec["replicas"],
        "Service",
        spec["serviceName"],
    )
    named = {
        v["configMap"]["name"]
        for v in pod["volumes"]
        if "configMap" in v and not v["configMap"].get("optional")
    }
    assert named <= set(maps)
    mounts = {m["name"] for m in container["volumeMounts"]}
    volumes = {v["name"] for v in pod["volumes"]} | {
        c["metadata"]["name"] for c in spec["volumeClaimTemplates"]
    }
    assert mounts == volumes
    probes = {container[f"{p}Probe"]["httpGet"]["path"] for p in ("startup", "liveness", "readiness")}
    assert {"/-/healthy", "/-/ready"} == probes
    bound = container["securityContext"]
    assert (True, False, {"drop": ["ALL"]}) == (
        bound["readOnlyRootFilesystem"], bound["allowPrivilegeEscalation"], bound["capabilities"],
    )  # fmt: skip
    assert (True, 10001) == (pod["securityContext"]["runAsNonRoot"], pod["securityContext"]["runAsUser"])


def test_the_configuration_of_the_manifests_has_no_mistakes():
    """As the daemon in the pod reads it."""
    assert load_config(KUBERNETES / "example" / "driftline.yaml", {}).rules[0].name == "f1-fell"


def test_the_operators_rules_are_those_of_prometheus():
    """One source. If this fails: python deploy/kubernetes/generate_prometheus_rule.py."""
    spec = importlib.util.spec_from_file_location("generate", KUBERNETES / "generate_prometheus_rule.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    text = module.TARGET.read_text(encoding="utf-8")
    assert module.document() == text
    assert yaml.safe_load(module.RULES.read_text(encoding="utf-8")) == yaml.safe_load(text)["spec"]


@pytest.fixture
def unit(tmp_path) -> Path:
    """The unit with a program that is there in place of /opt/driftline's."""
    text = (DEPLOY / "systemd" / "driftline.service").read_text(encoding="utf-8")
    path = tmp_path / "driftline.service"
    path.write_text(text.replace("/opt/driftline/bin/driftline", "/bin/true"), encoding="utf-8")
    return path


def test_the_unit_is_valid(unit):
    """systemd-analyze verify knows every line."""
    assert "" == told("systemd-analyze", "verify", "--man=no", unit)


def test_the_unit_is_hardened(unit):
    """By systemd's own measure at most 1.5 of 10 is exposed."""
    assert "Overall exposure level" in told(
        "systemd-analyze", "security", "--offline=true", "--threshold=15", unit
    )


def test_the_unit_does_not_start_again_what_a_person_must_mend():
    """Exit codes as the errors have them."""
    from driftline import errors

    text = (DEPLOY / "systemd" / "driftline.service").read_text(encoding="utf-8")
    codes = {
        c.exit_code
        for c in vars(errors).values()
        if isinstance(c, type) and issubclass(c, errors.DriftlineError)
    }
    assert sorted(codes - {1}) == [
        int(c) for c in re.search(r"RestartPreventExitStatus=(.*)", text)[1].split()
    ]
