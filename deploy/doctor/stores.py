"""What is wrong with Postgres and Redis, by what they say of themselves. A pure core."""

from collections.abc import Iterator

from deploy.doctor.finding import Finding, beware, or_well, wrong
from shared.bus.inspection import RedisFacts
from shared.storage.inspection import PostgresFacts

LEAST_POSTGRES, NEARLY, LONGEST_S, WRAPAROUND = 140_000, 0.85, 60.0, 1_500_000_000
MOST_CLOCK_S, LEAST_PUBSUB, MOST_DEAD = 5.0, 8 << 20, 2.0


def judge_postgres(facts: PostgresFacts) -> list[Finding]:
    version = f"{facts.version // 10_000}.{facts.version % 10_000}"
    used = f"{facts.bytes / 2**20:,.0f} MiB, {facts.connections} of {facts.most_connections} connections"
    findings = [*_schema(facts), *_durability(facts), *_room(facts), *_hold_ups(facts)]
    return or_well(findings, "postgres", f"{version}, schema {facts.revision}, {used}")


def _schema(facts: PostgresFacts) -> Iterator[Finding]:
    if facts.version < LEAST_POSTGRES:
        yield wrong("postgres", f"is of version {facts.version // 10_000}", "Ringpost needs 14 or later.")
    if facts.revision is None:
        yield wrong("postgres", "has no schema", "Run python -m shared.storage.migrate.")
    elif facts.revision < facts.newest_revision:
        what = f"has the schema {facts.revision}, and {facts.newest_revision} is the newest"
        yield wrong("postgres", what, "Run python -m shared.storage.migrate before the new gateways.")
    elif facts.revision > facts.newest_revision:
        yield beware("postgres", f"has a newer schema ({facts.revision}) than this ringpost", "Finish the upgrade.")
    if facts.is_standby:
        yield wrong("postgres", "is a standby and takes no writes", "Name the primary in RINGPOST_POSTGRES_URL.")


def _durability(facts: PostgresFacts) -> Iterator[Finding]:
    if not facts.syncs:
        yield wrong("postgres", "fsync is off: what is acknowledged may be lost with power", "fsync = on")
    if not facts.writes_full_pages:
        yield wrong("postgres", "full_page_writes is off: a crash may leave torn pages", "full_page_writes = on")
    if facts.synchronous_commit == "off":
        do = "synchronous_commit = on; a crash loses the last acknowledged sends otherwise."
        yield wrong("postgres", "synchronous_commit is off", do)


def _room(facts: PostgresFacts) -> Iterator[Finding]:
    if facts.connections > NEARLY * facts.most_connections:
        what = f"{facts.connections} of {facts.most_connections} connections are taken"
        yield beware("postgres", what, "Raise max_connections, or lower RINGPOST_POSTGRES_CONNECTIONS.")
    if facts.oldest_transaction > WRAPAROUND:
        yield wrong("postgres", "vacuum has fallen far behind", "See pg_stat_progress_vacuum: what keeps autovacuum?")
    if facts.dead_rows > MOST_DEAD:
        what = f"conversations has {facts.dead_rows:.0f} dead rows a live one"
        yield beware("postgres", what, "Autovacuum does not keep up: more autovacuum_max_workers, a smaller cost delay.")


def _hold_ups(facts: PostgresFacts) -> Iterator[Finding]:
    if facts.longest_s > LONGEST_S:
        what = f"a transaction has been open for {facts.longest_s:.0f} s"
        yield beware("postgres", what, "pg_stat_activity says whose: it holds locks, and vacuum back.")
    if facts.waiting > 1:
        yield beware("postgres", f"{facts.waiting} statements wait for locks", "pg_blocking_pids says for whom.")
    if facts.migrators_waiting:
        yield beware("postgres", "a migration waits for another one", "See whether that one is alive.")
    if abs(facts.clock_s) > MOST_CLOCK_S:
        yield beware("postgres", f"its clock is {facts.clock_s:+.0f} s from ours", "NTP: delays are measured by it.")


def judge_redis(facts: RedisFacts) -> list[Finding]:
    used = f"{facts.used_bytes / 2**20:,.0f} MiB, {facts.policy}, {facts.connections} connections"
    findings = [*_abilities(facts), *_memory(facts), *_subscribers(facts)]
    return or_well(findings, "redis", f"{facts.server} {facts.version}, {used}")


def _abilities(facts: RedisFacts) -> Iterator[Finding]:
    if not facts.has_field_ttl:
        yield wrong("redis", f"is {facts.server} {facts.version}", "The registry needs Redis 7.4 or Valkey 9.0, or later.")
    if abs(facts.clock_s) > MOST_CLOCK_S:
        yield beware("redis", f"its clock is {facts.clock_s:+.0f} s from ours", "NTP.")


def _memory(facts: RedisFacts) -> Iterator[Finding]:
    if not facts.most_bytes:
        yield beware("redis", "has no bound on its memory", "maxmemory 256mb or more, maxmemory-policy volatile-lru.")
    elif facts.policy == "noeviction":
        what = "refuses writes when its memory is full (noeviction)"
        yield wrong("redis", what, "maxmemory-policy volatile-lru: gateways could not announce themselves.")
    elif facts.policy.startswith("allkeys"):
        what = f"may throw out the pools when its memory is short ({facts.policy})"
        yield beware("redis", what, "maxmemory-policy volatile-lru; what has no time to live are the pools.")


def _subscribers(facts: RedisFacts) -> Iterator[Finding]:
    if facts.pubsub_bytes is not None and 0 < facts.pubsub_bytes < LEAST_PUBSUB:
        what = f"cuts a subscriber with {facts.pubsub_bytes / 2**20:.1f} MiB unread"
        yield beware("redis", what, "client-output-buffer-limit pubsub 64mb 16mb 30")
    if facts.most_connections and facts.connections > NEARLY * facts.most_connections:
        yield beware("redis", f"{facts.connections} of {facts.most_connections} connections are taken", "Raise maxclients.")
