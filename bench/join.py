"""Join put + take: rate on one core and memory an entry."""

from __future__ import annotations

import time

import numpy as np

from driftline.join.events import Labels, Predictions
from driftline.join.join import Join
from driftline.join.lifetime import Policy


def main(total: int = 2_000_000, batch: int = 10_000) -> None:
    """Put ``total`` predictions in batches, and take each with its label half a million later."""
    rng = np.random.default_rng(1)
    ids = rng.integers(0, 2**63, (total, 2), dtype=np.uint64)
    join = Join(0)
    join.policies.append(Policy(10**9, 10**6, 10**6))
    lag = 500_000
    zeros = np.zeros(batch, np.int32)
    start = time.process_time()
    for at in range(0, total + lag, batch):
        if at < total:
            n = np.arange(at, at + batch)
            code = (n % 2).astype(np.int32)
            join.put(
                Predictions(
                    ids[at : at + batch],
                    n,
                    n,
                    zeros,
                    zeros,
                    code,
                    code * np.float64(0.5),
                    np.zeros((batch, 0), np.int32),
                )
            )
        if at >= lag:
            back = at - lag
            n = np.arange(back, back + batch)
            code = (n % 2).astype(np.int32)
            join.label(
                Labels(ids[back : back + batch], n + lag, np.zeros(batch, np.int32), code, np.full(batch, np.nan),
                       np.ones(batch, np.int64), np.zeros(batch, np.bool_), np.zeros((batch, 3), np.int64))
            )  # fmt: skip
    seconds = time.process_time() - start
    print(f"join: {total / seconds / 1e6:.2f} M put+take/s of CPU, {join.table.row_bytes + 8} bytes an entry")


if __name__ == "__main__":
    main()
