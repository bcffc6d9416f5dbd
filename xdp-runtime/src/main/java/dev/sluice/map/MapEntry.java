package dev.sluice.map;

import java.util.Arrays;
import java.util.HexFormat;

/**
 * A key and its value as user space sees them; of a per-CPU map the values of all CPUs. The arrays are the entry's own.
 */
public record MapEntry(byte[] key, byte[] value) {
    @Override
    public boolean equals(Object other) {
        return other instanceof MapEntry entry && Arrays.equals(key, entry.key) && Arrays.equals(value, entry.value);
    }

    @Override
    public int hashCode() {
        return 31 * Arrays.hashCode(key) + Arrays.hashCode(value);
    }

    @Override
    public String toString() {
        HexFormat hex = HexFormat.of();
        return hex.formatHex(key) + " -> " + hex.formatHex(value);
    }
}
