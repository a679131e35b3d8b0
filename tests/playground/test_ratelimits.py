"""The arithmetic of rate limits, on a clock that the test holds."""

from playground.ratelimits import GLOBAL_LIMIT, READ, WEBHOOK, Bucket, RateLimiter

WIDE = Bucket("wide", 1000, 5.0)


class Seconds:
    """A monotonic clock that moves when told to."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_fifty_calls_a_second_pass_and_the_next_one_waits() -> None:
    clock = Seconds()
    limiter = RateLimiter(clock)
    assert all(limiter.check(WIDE, "a", True).allowed for _ in range(GLOBAL_LIMIT))
    clock.now += 0.75
    refused = limiter.check(WIDE, "b", True)
    assert (refused.allowed, refused.is_global, refused.retry_after) == (False, True, 0.25)
    assert refused.headers["X-RateLimit-Global"] == "true"
    # Interaction answers and webhooks do not count.
    assert limiter.check(WEBHOOK, "c", False).allowed
    clock.now += 0.25
    assert limiter.check(WIDE, "b", True).allowed


def test_a_bucket_fills_per_major_parameter_and_empties_after_its_window() -> None:
    clock = Seconds()
    limiter = RateLimiter(clock)
    verdicts = [limiter.check(READ, "one", False) for _ in range(READ.limit)]
    left = [verdict.headers["X-RateLimit-Remaining"] for verdict in verdicts]
    assert left == [str(number) for number in reversed(range(READ.limit))]
    clock.now += 2.0
    refused = limiter.check(READ, "one", False)
    assert not refused.allowed and not refused.is_global
    assert refused.retry_after == READ.window - 2.0
    assert limiter.check(READ, "two", False).allowed
    clock.now += refused.retry_after
    assert limiter.check(READ, "one", False).allowed


def test_a_buckets_hash_is_the_same_for_every_major_parameter() -> None:
    limiter = RateLimiter(Seconds())
    hashes = {limiter.check(READ, m, False).headers["X-RateLimit-Bucket"] for m in ("a", "b")}
    other = limiter.check(WIDE, "a", False).headers["X-RateLimit-Bucket"]
    assert len(hashes) == 1 and other not in hashes


def test_old_windows_are_forgotten() -> None:
    clock = Seconds()
    limiter = RateLimiter(clock)
    for number in range(5000):
        limiter.check(READ, str(number), False)
        clock.now += 0.1
    assert len(limiter._windows) <= 4097
