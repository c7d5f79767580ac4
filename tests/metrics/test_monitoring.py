"""The page, docs/OPERATIONS.md, the alert rules and the dashboard speak of the same figures."""

import json
import re
import shutil
import subprocess
import urllib.request
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from chatd.ops.config import ConfigError, parse
from chatd.testing import Playground
from tests.end_to_end.harness.processes import free_port
from tests.metrics.conftest import Watched

ROOT = Path(__file__).parents[2]
ETC = ROOT / "etc"
SUFFIXES = ("_total", "_bucket", "_sum", "_count")


@pytest.fixture
def page(tmp_path):
    """Return the page of a daemon that takes files."""
    watched = Watched(playground=Playground(folder=tmp_path))
    return watched.get().body


def base(name):
    return next((name.removesuffix(end) for end in SUFFIXES if name.endswith(end)), name)


def families(page):
    return {base(family.name) for family in text_string_to_metric_families(page)}


def test_every_family_is_explained_and_every_explanation_is_of_one(page):
    section = (ROOT / "docs/OPERATIONS.md").read_text().partition("## Metrics")[2].partition("\n## ")[0]
    rows = re.findall(r"(?m)^\| (`chatd_[^|]*) \|", section)
    explained = {name for row in rows for name in re.findall(r"`(\w+)`", row)}
    ours = {name for name in families(page) if not name.startswith("process_")}
    assert explained == ours - {"chatd_info"}


@pytest.mark.parametrize("name", ["chatd.rules.yml", "chatd.grafana.json"])
def test_what_is_asked_of_prometheus_is_on_the_page(page, name):
    text = (ETC / name).read_text()
    assert {base(one) for one in re.findall(r"\b(?:chatd|process)_[a-z_]+", text)} <= families(page)


def test_the_dashboard_is_json_with_a_query_in_every_panel():
    board = json.loads((ETC / "chatd.grafana.json").read_text())
    assert all(target["expr"] for panel in board["panels"] for target in panel["targets"])


RULES = """
rule_files: [{rules}]
evaluation_interval: 1m
tests:
  - interval: 1m
    input_series:
      - series: 'chatd_ready{{instance="a"}}'
        values: '1 1 0 0 0 1'
      - series: 'chatd_connections{{instance="a", listener="x", state="live"}}'
        values: '95x20'
      - series: 'chatd_connections_limit{{instance="a"}}'
        values: '100x20'
      - series: 'chatd_lagging_readers{{instance="a"}}'
        values: '60x20'
      - series: 'chatd_disconnects_total{{instance="a", reason="silent"}}'
        values: '0+30x30'
      - series: 'chatd_commits_failed_total{{instance="a"}}'
        values: '0 0 0 0 0 0 0 0 0 0 1 1'
      - series: 'chatd_log_failing{{instance="a"}}'
        values: '0x14 1 1 0'
      - series: 'chatd_accepts_failed_total{{instance="a"}}'
        values: '0x10 7x10'
    alert_rule_test:
      - eval_time: 4m
        alertname: ChatdNotReady
        exp_alerts:
          - exp_labels: {{instance: a, severity: critical}}
            exp_annotations:
              summary: Nobody can come in and talk on a.
              description: >-
                The disk takes nothing, or the daemon is ending; /readyz and the log (store-broken) say why.
      - {{eval_time: 6m, alertname: ChatdNotReady, exp_alerts: []}}
    promql_expr_test:
      - {{expr: 'count(ALERTS{{alertstate="firing", alertname="ChatdNearlyFull"}})', eval_time: 10m,
          exp_samples: [{{value: 1}}]}}
      - {{expr: 'count(ALERTS{{alertstate="firing", alertname="ChatdReadersLag"}})', eval_time: 10m,
          exp_samples: [{{value: 1}}]}}
      - {{expr: 'count(ALERTS{{alertstate="firing", alertname="ChatdCommitsFail"}})', eval_time: 11m,
          exp_samples: [{{value: 1}}]}}
      - {{expr: 'count(ALERTS{{alertstate="firing", alertname="ChatdLinksBreak"}})', eval_time: 20m,
          exp_samples: [{{value: 1}}]}}
      - {{expr: 'count(ALERTS{{alertstate="firing", alertname="ChatdLogDrops"}})', eval_time: 10m,
          exp_samples: []}}
      - {{expr: 'count(ALERTS{{alertstate="firing", alertname="ChatdLogDrops"}})', eval_time: 15m,
          exp_samples: [{{value: 1}}]}}
      - {{expr: 'count(ALERTS{{alertstate="firing", alertname="ChatdNoDescriptors"}})', eval_time: 12m,
          exp_samples: [{{value: 1}}]}}
"""


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not here (Debian: prometheus)")
def test_prometheus_takes_page_and_rules_and_the_alerts_fire(page, tmp_path):
    rules = ETC / "chatd.rules.yml"
    (tmp_path / "test.yml").write_text(RULES.format(rules=rules))
    for arguments, given in (
        (["check", "metrics"], page),
        (["check", "rules", str(rules)], ""),
        (["test", "rules", str(tmp_path / "test.yml")], ""),
    ):
        command = ["promtool", *arguments]
        told = subprocess.run(command, input=given, capture_output=True, text=True, timeout=60, check=False)
        assert told.returncode == 0, told.stdout + told.stderr


def test_a_page_beyond_this_machine_has_to_be_allowed():
    with pytest.raises(ConfigError, match="allow_remote"):
        parse("[metrics]\nendpoint = 'tcp:9411'")
    parse("[metrics]\nendpoint = 'tcp:9411'\nallow_remote = true")
    parse("[metrics]\nendpoint = 'tcp:9411:interface=127.0.0.1'")
    with pytest.raises(ConfigError, match=r"metrics\.endpoint"):
        parse("[metrics]\nendpoint = 'nonsense'")


def test_a_real_daemon_is_asked(make_daemon):
    port = free_port()
    daemon = make_daemon(f"[metrics]\nendpoint = 'tcp:{port}:interface=127.0.0.1'").start()
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
        assert "chatd_ready 1.0" in answer.read().decode()
    taken = make_daemon(f"[metrics]\nendpoint = 'tcp:{port}:interface=127.0.0.1'").start()
    taken.await_said("metrics-failed")
    assert "metrics-failed" not in daemon.log
