package dev.sluice.helper;

/** The clock behind {@code bpf_ktime_get_*}: the machine's or the capture's. */
@FunctionalInterface
public interface Clock {
    /** Nanoseconds of a monotonic clock. */
    long nanos();
}
