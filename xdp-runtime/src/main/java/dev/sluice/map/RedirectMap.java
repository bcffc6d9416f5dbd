package dev.sluice.map;

/** Maps that {@code bpf_redirect_map} takes. Any thread; no allocation. */
public interface RedirectMap {
    /** Whether an entry is set: otherwise the helper gives the low bits of its flags. */
    boolean hasTarget(int key);

    /** The interface of an entry of a device map, 0 where there is none. */
    int ifindex(int key);

    /** The flags that the helper takes beside the action in the low two bits. */
    long redirectFlags();
}
