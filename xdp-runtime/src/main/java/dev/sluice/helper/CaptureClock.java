package dev.sluice.helper;

/**
 * The clock of a capture: it shows the greatest time stamp so far, so that the same capture gives the same times on any
 * machine. A packet without a time stamp does not move it. Used by one thread; no allocation.
 */
public final class CaptureClock implements Clock {
    private long now;

    /** Moves on to a packet's time stamp (nanoseconds since 1970) unless the clock is there already. */
    public void advance(long timestampNanos) {
        if (timestampNanos > now) {
            now = timestampNanos;
        }
    }

    @Override
    public long nanos() {
        return now;
    }

    /** The same: time stamps are of that kind. */
    @Override
    public long realNanos() {
        return now;
    }
}
