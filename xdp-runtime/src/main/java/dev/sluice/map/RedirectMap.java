package dev.sluice.map;

/** Maps that {@code bpf_redirect_map} takes. Any thread; no allocation. */
public interface RedirectMap {
    /** Whether an entry is set: otherwise the helper gives the low bits of its flags. */
    boolean hasTarget(int key);

    /**
     * The entry of a device map: the interface in the lower half, the id of the program that runs there in the upper, 0 for
     * none; 0 altogether where there is no entry, and in maps of other things.
     */
    default long device(int key) {
        return 0;
    }

    /**
     * All entries of a device map, each as {@link #device} gives it.
     *
     * @param into gets as many as fit
     * @return how many there are
     */
    default int devices(long[] into) {
        return 0;
    }

    /** The flags that the helper takes beside the action in the low two bits. */
    long redirectFlags();
}
