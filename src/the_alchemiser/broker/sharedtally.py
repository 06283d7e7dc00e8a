"""One count of requests for all processes of an account, kept in Redis.

Losing Redis loses nothing but the sharing: every process goes on with its own count and the broker's headers.
"""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from the_alchemiser.broker.ratebudget import WINDOW_SECONDS, Lane, LocalTally
from the_alchemiser.domain.errors import ConfigurationError

if TYPE_CHECKING:
    import redis

log = logging.getLogger(__name__)

ANSWER_SECONDS_MAX = 0.2
"""Longer than this no order waits for Redis."""
REST_SECONDS = 5.0
"""How long Redis is left alone once it has failed."""
MICROSECONDS = 1_000_000

# The window is one sorted set: the instants, by Redis's own clock, of the requests of the last minute.
_TRIM = """
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local window = tonumber(ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - window)
local used = redis.call('ZCARD', KEYS[1])
local function count(times)
    for _ = 1, times do
        redis.call('ZADD', KEYS[1], now, now .. ':' .. redis.call('INCR', KEYS[3]))
    end
    for _, key in ipairs(KEYS) do
        if redis.call('EXISTS', key) == 1 and key ~= KEYS[2] then redis.call('PEXPIRE', key, window / 1000) end
    end
end
"""
_TAKE = (
    _TRIM
    + """
local allowed, closed = tonumber(ARGV[2]), 0
if ARGV[3] ~= 'safety' then closed = math.max(redis.call('PTTL', KEYS[2]), 0) * 1000 end
local full = 0
if used >= allowed then
    full = redis.call('ZRANGE', KEYS[1], used - allowed, used - allowed, 'WITHSCORES')[2] + window - now
end
local wait = math.max(closed, full)
if wait <= 0 then count(1) end
return wait
"""
)
_AT_LEAST = _TRIM + "count(tonumber(ARGV[2]) - used)"
_CLOSE = "redis.call('SET', KEYS[2], '1', 'PX', ARGV[1])"


class SharedTally:
    """A `Tally` in Redis. `name` tells accounts apart; what is written there says nothing about the keys.

    `now` is in the broker's seconds, of which `speed` pass in one of Redis's.
    """

    def __init__(
        self,
        client: redis.Redis,
        name: str,
        *,
        now: Callable[[], float] = time.monotonic,
        speed: float = 1.0,
    ) -> None:
        from redis import RedisError

        self._own, self._speed = LocalTally(now), speed
        self._now, self._resting_until = now, float("-inf")
        self._failure: type[Exception] = RedisError
        self._window = int(WINDOW_SECONDS / speed * MICROSECONDS)
        prefix = f"alchemiser:requests:{hashlib.sha256(name.encode()).hexdigest()[:16]}"
        self._keys = [prefix, f"{prefix}:closed", f"{prefix}:count"]
        self._take, self._at_least, self._close = map(client.register_script, (_TAKE, _AT_LEAST, _CLOSE))

    def take(self, lane: Lane, limit: int) -> float:
        allowed = max(1, int(limit * lane.share))
        wait = self._ask(self._take, self._window, allowed, "safety" if lane is Lane.SAFETY else "other")
        if wait is None:
            return self._own.take(lane, limit)
        if wait <= 0:
            self._own.take_anyway()
        return max(int(wait), 0) / MICROSECONDS * self._speed

    def take_anyway(self) -> None:
        self._own.take_anyway()
        # Safety may use the whole budget of a window, and this is beyond it.
        self._ask(self._take, self._window, 2**31, "safety")

    def at_least(self, used: int) -> None:
        self._own.at_least(used)
        self._ask(self._at_least, self._window, used)

    def close_for(self, seconds: float) -> None:
        self._own.close_for(seconds)
        self._ask(self._close, max(1, int(seconds / self._speed * 1000)))

    def _ask(self, script: Any, *arguments: object) -> Any:
        """What the script says; None where Redis does not answer, and for a while after it did not."""
        if self._now() < self._resting_until:
            return None
        try:
            answer = script(keys=self._keys, args=arguments)
        except self._failure as failure:
            self._resting_until = self._now() + REST_SECONDS
            kind = type(failure).__name__
            log.warning("requests are counted without the other processes: Redis does not answer (%s)", kind)
            return None
        return 0 if answer is None else answer


def shared_tally(
    url: str, name: str, now: Callable[[], float] = time.monotonic, speed: float = 1.0
) -> SharedTally:
    """The count in the Redis at `url`, which is not asked yet.

    Raises ConfigurationError where the client for it is not installed.
    """
    try:
        import redis
        from redis.backoff import NoBackoff
        from redis.retry import Retry
    except ImportError as missing:
        raise ConfigurationError(
            "REDIS_URL is set, but the Redis client is missing: pip install 'the-alchemiser[redis]'"
        ) from missing
    client = redis.Redis.from_url(
        url,
        socket_timeout=ANSWER_SECONDS_MAX,
        socket_connect_timeout=ANSWER_SECONDS_MAX,
        # The client's own retries would hold an order back for seconds.
        retry=Retry(NoBackoff(), 0),
    )
    return SharedTally(client, name, now=now, speed=speed)
