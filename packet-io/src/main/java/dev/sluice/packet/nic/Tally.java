package dev.sluice.packet.nic;

import java.util.Arrays;

/**
 * Packets and bytes by what the program returned. One thread writes; another may read when that one has stopped. Allocates only
 * for return values that were not seen before.
 */
public final class Tally {
    /** Most different values beyond the five actions that are told apart. */
    public static final int MAX_OTHER_VALUES = 256;

    private final long[] packets = new long[XdpAction.COUNT];
    private final long[] bytes = new long[XdpAction.COUNT];

    private int[] otherValues = new int[4];
    private long[] otherPackets = new long[4];
    private long[] otherBytes = new long[4];
    private int others;

    /** Adds packets of one row. */
    public void add(int index, long morePackets, long moreBytes) {
        packets[index] += morePackets;
        bytes[index] += moreBytes;
    }

    /** Notes which value a packet of {@link XdpAction#OTHER} had; {@link #add} counts it beside that. */
    public void addOther(int value, long morePackets, long moreBytes) {
        int at = 0;
        while (at < others && otherValues[at] != value) {
            at++;
        }
        if (at == others) {
            if (others == MAX_OTHER_VALUES) {
                return;
            }
            if (others == otherValues.length) {
                otherValues = Arrays.copyOf(otherValues, others * 2);
                otherPackets = Arrays.copyOf(otherPackets, others * 2);
                otherBytes = Arrays.copyOf(otherBytes, others * 2);
            }
            otherValues[others++] = value;
        }
        otherPackets[at] += morePackets;
        otherBytes[at] += moreBytes;
    }

    /** Adds all of another tally. */
    public void add(Tally tally) {
        for (int i = 0; i < XdpAction.COUNT; i++) {
            add(i, tally.packets[i], tally.bytes[i]);
        }
        for (int i = 0; i < tally.others; i++) {
            addOther(tally.otherValues[i], tally.otherPackets[i], tally.otherBytes[i]);
        }
    }

    public long packets(XdpAction action) {
        return packets[action.ordinal()];
    }

    public long bytes(XdpAction action) {
        return bytes[action.ordinal()];
    }

    /** Packets of all rows. */
    public long packets() {
        return Arrays.stream(packets).sum();
    }

    /** Bytes of all rows. */
    public long bytes() {
        return Arrays.stream(bytes).sum();
    }

    /** The different values of {@link XdpAction#OTHER}, in order of appearance. */
    public int[] otherValues() {
        return Arrays.copyOf(otherValues, others);
    }

    /** Packets of the i-th of {@link #otherValues}. */
    public long otherPackets(int i) {
        return otherPackets[i];
    }

    /** Bytes of the i-th of {@link #otherValues}. */
    public long otherBytes(int i) {
        return otherBytes[i];
    }
}
