"""What pgbench says in the end, read."""

import pytest

from tests.bench.failure import Failed
from tests.bench.peers.pgbench import read_report

SAID = """pgbench (18.6)
transaction type: pgbench.sql
number of clients: 16
number of transactions actually processed: 3781
number of failed transactions: {failed} (0.000%)
latency average = 10.900 ms
tps = 1467.931653 (without initial connection time)
"""


@pytest.mark.parametrize("failed", [0, 7])
def test_a_report_tells_how_many_transactions_there_were(failed: int) -> None:
    assert read_report(SAID.format(failed=failed)) == (3781, failed)


@pytest.mark.parametrize("said", ["", "pgbench: error: connection to server failed\n"])
def test_a_pgbench_that_ended_early_fails_with_its_last_words(said: str) -> None:
    with pytest.raises(Failed, match="connection to server failed" if said else "nothing"):
        read_report(said)
