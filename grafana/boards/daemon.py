"""driftline itself: is what the other dashboards show complete, fresh and safe."""

from __future__ import annotations

from boards.daemon_now import LAG, NOW, PARTITION
from boards.layout import Board, Row
from boards.panels import ORANGE, lines, states
from boards.queries import REPLICAS, of, process, quantile, rate, unit

DELAY = f"time() - max by (stream) ({of('watermark_timestamp_seconds')})"


INPUT = [
    (
        12,
        lines(
            "Records read",
            "Records a second, of each topic and kind.",
            [(rate(of("events_consumed_total"), "topic, kind"), "{{topic}} ({{kind}})")],
            "cps",
            stacked=True,
            min=0,
        ),
    ),
    (
        12,
        lines(
            "Lag",
            "Records not read yet: the ten partitions with most.",
            [(f"topk(10, {LAG})", "{{topic}}[{{partition}}]")],
            "short",
            min=0,
        ),
    ),
]
TIME = [
    (
        12,
        lines(
            "Watermark delay",
            "How far event time, up to which a stream is complete, is behind the wall clock. It grows while a partition stands "
            "still; in a backfill it is large and falls.",
            [(DELAY, "{{stream}}")],
            "s",
            min=0,
        ),
    ),
    (
        12,
        lines(
            "Slowest partitions",
            "Delay of each partition's own watermark: the ten that hold their stream back most.",
            [
                (
                    f"topk(10, time() - max by ({PARTITION}) ({of('partition_watermark_timestamp_seconds')}))",
                    "{{topic}}[{{partition}}]",
                )
            ],
            "s",
            min=0,
        ),
    ),
]
LOST = [
    (
        8,
        lines(
            "Rejected records by reason",
            "Records a second that could not be used; each is in the dead-letter topic with its reason.",
            [
                (
                    f"sum by (topic, reason) (rate({of('events_rejected_total')}[$__rate_interval])) > 0",
                    "{{topic}}: {{reason}}",
                )
            ],
            "cps",
            stacked=True,
            min=0,
        ),
    ),
    (
        8,
        lines(
            "Late, twice, unknown",
            "Events a second that came late (staged: counted all the same; dropped: not), twice, or of models that no entry matches.",
            [
                (rate(of("events_late_total"), "outcome"), "late, {{outcome}}"),
                (rate(of("events_duplicate_total"), "stream"), "duplicates ({{stream}})"),
                (rate(of("events_unmonitored_total"), "topic"), "unmonitored ({{topic}})"),
                (rate(of("events_lost_total"), "topic"), "lost in Kafka ({{topic}})"),
            ],
            "cps",
            min=0,
        ),
    ),
    (
        8,
        lines(
            "Labels that were not used",
            "Labels a second whose prediction never came, or whose window was gone; and predictions whose label never came.",
            [
                (rate(of("labels_orphaned_total"), "stream"), "no prediction ({{stream}})"),
                (rate(of("labels_beyond_window_total"), "stream"), "window gone ({{stream}})"),
                (rate(of("join_expired_events_total"), "stream"), "no label ({{stream}})"),
                (rate(of("join_evicted_events_total"), "stream"), "dropped for memory ({{stream}})"),
            ],
            "cps",
            min=0,
        ),
    ),
]
PAUSED = states(
    "Paused partitions",
    "Partitions that are not read for now, because they are ahead of their stream or memory is short. Empty is normal.",
    f"max without ({REPLICAS}) ({of('partition_paused')})",
    "{{topic}}[{{partition}}]: {{reason}}",
    {"1": ("paused", ORANGE)},
)
WORK = [
    (
        8,
        lines(
            "Commit time",
            "How long a commit takes: median and tail. The pipeline waits for it.",
            [
                (quantile(0.5, "commit_duration_seconds", "", ""), "p50"),
                (quantile(0.99, "commit_duration_seconds", "", ""), "p99"),
            ],
            unit("commit_duration_seconds"),
            min=0,
        ),
    ),
    (
        8,
        lines(
            "Time of a batch by stage",
            "What 99 % of the batches do not exceed.",
            [(quantile(0.99, "batch_duration_seconds", "", "stage"), "{{stage}}")],
            unit("batch_duration_seconds"),
            min=0,
        ),
    ),
    (
        8,
        lines(
            "Outbox and events that wait",
            "Outbox: committed and not yet in Kafka. Join: predictions without their label. Staged: events before the watermark.",
            [
                (f"max({of('outbox_pending_events')})", "outbox"),
                (f"max by (stream) ({of('join_pending_events')})", "join ({{stream}})"),
                (f"max by (stream) ({of('staged_events')})", "staged ({{stream}})"),
            ],
            "short",
            min=0,
        ),
    ),
]
ROOM = [
    (
        8,
        lines(
            "Memory",
            "Resident memory of the process.",
            [(f"max by (instance) {process('resident_memory_bytes')}", "{{instance}}")],
            unit("resident_memory_bytes"),
            min=0,
        ),
    ),
    (
        8,
        lines(
            "State file and its volume",
            "Size of the state, and what is free beside it.",
            [
                (f"max({of('state_file_size_bytes')})", "state"),
                (f"min({of('state_volume_free_bytes')})", "free"),
            ],
            unit("state_file_size_bytes"),
            min=0,
            log=True,
        ),
    ),
    (
        8,
        lines(
            "CPU and series left out",
            "Cores in use; and series that did not fit into metrics.max_series, in thousands.",
            [
                (
                    f"sum(rate({of('cpu_seconds_total')}[$__rate_interval]) and on (job, instance) {of('build_info')})",
                    "cores",
                ),
                (f"max({of('metrics_series_suppressed')}) / 1000", "thousands of series left out"),
            ],
            "none",
            min=0,
            decimals=2,
        ),
    ),
]

BOARD = Board(
    uid="driftline-daemon",
    title="driftline / driftline itself",
    description="The monitor's own health: whether it reads, judges, commits and publishes.",
    since="now-6h",
    variables=[],
    rows=[
        Row("Now", [(4, NOW)]),
        Row("Input", [(8, INPUT), (8, TIME), (8, LOST), (6, [(24, PAUSED)])]),
        Row("Work and room", [(8, WORK), (8, ROOM)]),
    ],
)
