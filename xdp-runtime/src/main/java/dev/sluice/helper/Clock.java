package dev.sluice.helper;

import java.time.Instant;

/** The clock behind {@code bpf_ktime_get_*}: the machine's or the capture's. */
@FunctionalInterface
public interface Clock {
    /** Nanoseconds of a monotonic clock. */
    long nanos();

    /** Nanoseconds since 1970. */
    default long realNanos() {
        Instant now = Instant.now();
        return now.getEpochSecond() * 1_000_000_000L + now.getNano();
    }
}
