package dev.sluice.helper;

/**
 * A hash table from an address and a number to a number, with open addressing. Filled by one thread, then read by any;
 * reading allocates nothing.
 */
final class AddressTable {
    /** What {@link #get} gives for no entry. */
    static final int NONE = -1;

    private long[] high = new long[16];
    private long[] low = new long[16];
    private int[] extra = new int[16];
    private int[] value = filled(16);
    private int size;

    private static int[] filled(int length) {
        int[] array = new int[length];
        java.util.Arrays.fill(array, NONE);
        return array;
    }

    /** Sets an entry; {@code newValue} is 0 or more. */
    void put(long newHigh, long newLow, int newExtra, int newValue) {
        if (size * 2 >= high.length) {
            grow();
        }
        int at = find(newHigh, newLow, newExtra);
        size += value[at] == NONE ? 1 : 0;
        high[at] = newHigh;
        low[at] = newLow;
        extra[at] = newExtra;
        value[at] = newValue;
    }

    int get(long wantedHigh, long wantedLow, int wantedExtra) {
        return value[find(wantedHigh, wantedLow, wantedExtra)];
    }

    private int find(long wantedHigh, long wantedLow, int wantedExtra) {
        long hash = (wantedHigh * 31 + wantedLow) * 31 + wantedExtra;
        hash = (hash ^ hash >>> 32) * 0x9e37_79b9_7f4a_7c15L;
        int mask = high.length - 1;
        int at = (int) (hash >>> 40) & mask;
        while (value[at] != NONE && (high[at] != wantedHigh || low[at] != wantedLow || extra[at] != wantedExtra)) {
            at = at + 1 & mask;
        }
        return at;
    }

    private void grow() {
        long[] oldHigh = high;
        long[] oldLow = low;
        int[] oldExtra = extra;
        int[] oldValue = value;
        int length = oldHigh.length * 2;
        high = new long[length];
        low = new long[length];
        extra = new int[length];
        value = filled(length);
        for (int i = 0; i < oldValue.length; i++) {
            if (oldValue[i] != NONE) {
                int at = find(oldHigh[i], oldLow[i], oldExtra[i]);
                high[at] = oldHigh[i];
                low[at] = oldLow[i];
                extra[at] = oldExtra[i];
                value[at] = oldValue[i];
            }
        }
    }
}
