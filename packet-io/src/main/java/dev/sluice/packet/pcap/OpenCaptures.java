package dev.sluice.packet.pcap;

import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The files that readers of this process have open, so that a writer can refuse to cut one of them to zero: the user would
 * lose the input and the reader its memory.
 */
final class OpenCaptures {
    private static final Map<Object, Integer> OPEN = new HashMap<>();

    private OpenCaptures() {}

    /** Notes a file by its file key (device and inode), and returns the key. */
    static synchronized @Nullable Object add(@Nullable Object key) {
        if (key != null) {
            OPEN.merge(key, 1, Integer::sum);
        }
        return key;
    }

    static synchronized void remove(@Nullable Object key) {
        if (key != null) {
            OPEN.computeIfPresent(key, (k, n) -> n == 1 ? null : n - 1);
        }
    }

    static synchronized boolean contains(@Nullable Object key) {
        return key != null && OPEN.containsKey(key);
    }
}
