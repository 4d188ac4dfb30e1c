"""The model's rules over time and now."""

from __future__ import annotations

from boards.model_queries import HERE, RULE_STATES, STATE, STIRRED
from boards.panels import GREY, ORANGE, decimals, listing, states, told
from boards.queries import REPLICAS, of

RULES = listing(
    "Rules",
    "Every instance of every rule: what it saw last, what it is compared with, and when it was judged.",
    {
        "rule": "Rule",
        "version": "Version",
        "feature": "Feature",
        "class": "Class",
        "segment": "Segment",
        "severity": "Severity",
    },
    [
        ("State", STATE, "none", told(RULE_STATES)),
        ("Value", f"max without ({REPLICAS}) ({of('rule_value', HERE)})", "none", decimals(3)),
        ("Threshold", f"max without ({REPLICAS}) ({of('rule_threshold', HERE)})", "none", decimals(3)),
        (
            "Enough data",
            f"1 - max without ({REPLICAS}) ({of('rule_insufficient', HERE)})",
            "none",
            told({"0": ("no", ORANGE), "1": ("yes", GREY)}),
        ),
        (
            "Judged",
            f"max without ({REPLICAS}) ({of('rule_last_judged_timestamp_seconds', HERE)}) * 1000",
            "dateTimeAsIso",
            [],
        ),
    ],
    "State",
    {},
)

LINES = [
    (
        8,
        [
            (
                24,
                states(
                    "Rules over time",
                    "Pending (true, not yet for long enough) and firing: the rules that were either in the chosen time.",
                    f"{STATE} and {STIRRED} > 0",
                    "{{rule}} {{feature}}{{class}}{{segment}} ({{version}})",
                    RULE_STATES,
                ),
            )
        ],
    ),
    (9, [(24, RULES)]),
]
