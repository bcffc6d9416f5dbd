package dev.sluice.packet.measure;

/** One round of the protocol: each packet of a sample, so many times in a row; the weighted mean. */
public final class SampleContender implements Contender {
    private static final int FEWEST_RUNS = 64;

    private final PacketSet set;
    private final PacketSet.Sample sample;
    private final Repeater repeater;
    private final int repeat;

    /** @param repeat runs of each packet, above 0 */
    public SampleContender(PacketSet set, PacketSet.Sample sample, Repeater repeater, int repeat) {
        this.set = set;
        this.sample = sample;
        this.repeater = repeater;
        this.repeat = repeat;
    }

    /**
     * How often a packet can be repeated so that a round does not take much longer than wanted: a multiple of 64.
     *
     * @param most upper bound, 64 or more
     * @param roundNanos what a round may take
     */
    public static int repeatFor(PacketSet set, PacketSet.Sample sample, Repeater repeater, int most, long roundNanos) {
        SampleContender trial = new SampleContender(set, sample, repeater, FEWEST_RUNS);
        return repeatFor(sample, Math.min(trial.round(), trial.round()), most, roundNanos);
    }

    /**
     * The same where it is known what a run takes.
     *
     * @param nanos of a run, about
     */
    public static int repeatFor(PacketSet.Sample sample, double nanos, int most, long roundNanos) {
        double fitting = roundNanos / (Math.max(nanos, 1) * sample.size());
        return (int) Math.clamp(fitting, FEWEST_RUNS, most) / FEWEST_RUNS * FEWEST_RUNS;
    }

    @Override
    public double round() {
        double sum = 0;
        for (int i = 0; i < sample.size(); i++) {
            int packet = sample.packets()[i];
            long nanos = repeater.run(set.address(packet), set.length(packet), repeat);
            sum += (double) nanos * sample.weights()[i];
        }
        return sum / repeat / sample.weight();
    }
}
