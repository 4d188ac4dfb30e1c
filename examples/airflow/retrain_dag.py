"""A DAG that a retraining request of driftline starts (Airflow 3, with its Kafka and messaging providers).

Airflow's connection `kafka_default` says where Kafka is. A request may come twice with the same id, so the DAG keeps
the ids that it has seen; one run at a time, so that no two ask at once.
"""

from __future__ import annotations

from typing import Any

from airflow.providers.apache.kafka.triggers.msg_queue import KafkaMessageQueueTrigger
from airflow.sdk import DAG, Asset, AssetWatcher, Variable, task

MODEL = "elec2"
SEEN = f"driftline_seen_{MODEL}"

trigger = KafkaMessageQueueTrigger(
    topics=["driftline.triggers"],
    apply_function="driftline_requests.accept",
    apply_function_kwargs={"model": MODEL},
    kafka_config_id="kafka_default",
)
requests = Asset("driftline_requests", watchers=[AssetWatcher(name="driftline", trigger=trigger)])

with DAG(dag_id=f"retrain_{MODEL}", schedule=[requests], max_active_runs=1, catchup=False):

    @task
    def new_requests(triggering_asset_events: Any = None) -> list[dict[str, Any]]:
        """The requests of this run that no earlier one has had."""
        seen = Variable.get(SEEN, default=[], deserialize_json=True)
        given = [e.extra["payload"] for events in (triggering_asset_events or {}).values() for e in events]
        fresh = {r["id"]: r for r in given if r["id"] not in seen}
        Variable.set(SEEN, [*seen, *fresh][-1000:], serialize_json=True)
        return list(fresh.values())

    @task
    def retrain(request: dict[str, Any]) -> None:
        """Your training goes here: the labelled data of the window, by offsets, is what changed."""
        print(f"retrain {request['model']}/{request['version']}: {request['reason']}")
        for piece in request["data_range"]:
            place = f"{piece['topic']}[{piece['partition']}]"
            print(f"  read {place} offsets {piece['first_offset']} to {piece['last_offset']}")

    retrain.expand(request=new_requests())
