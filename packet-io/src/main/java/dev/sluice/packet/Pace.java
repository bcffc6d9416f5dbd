package dev.sluice.packet;

/**
 * When packets of a source are due. A source with a rate is a live one: a packet that finds no room when it is due is dropped
 * and counted; all others wait.
 *
 * @param speed multiple of the packets' own timing; 0 when that does not matter
 * @param packetsPerSecond a fixed rate; 0 for none
 */
public record Pace(double speed, double packetsPerSecond) {
    /** As fast as possible. */
    public static final Pace TOP_SPEED = new Pace(0, 0);

    public Pace {
        if (!(speed >= 0) || Double.isInfinite(speed)) {
            throw new IllegalArgumentException("speed, expected=0.. found=" + speed);
        }
        if (!(packetsPerSecond >= 0) || Double.isInfinite(packetsPerSecond)) {
            throw new IllegalArgumentException("packets per second, expected=0.. found=" + packetsPerSecond);
        }
        if (speed != 0 && packetsPerSecond != 0) {
            throw new IllegalArgumentException(
                    "timing, expected either a speed or a rate, speed=" + speed + " rate=" + packetsPerSecond);
        }
    }

    /** The packets' own timing, or a multiple of it. */
    public static Pace speed(double multiple) {
        return new Pace(multiple, 0);
    }

    /** A fixed rate. */
    public static Pace rate(double packetsPerSecond) {
        return new Pace(0, packetsPerSecond);
    }

    /** Whether packets that find no room are lost. */
    public boolean isLive() {
        return packetsPerSecond != 0;
    }
}
