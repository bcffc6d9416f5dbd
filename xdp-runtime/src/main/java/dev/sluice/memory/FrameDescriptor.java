package dev.sluice.memory;

/**
 * The layout of a frame descriptor: one cache line of native memory a packet, in an array of them a batch. The engine
 * reads the upper part and writes the lower; verdicts are applied from the array after the whole batch has run.
 *
 * <pre>
 *  0  data             u64  first byte of the packet
 *  8  data_end         u64  behind its last byte
 * 16  data_meta        u64  first byte of the metadata; equals data when there is none
 * 24  hard_start       u64  first byte of the headroom
 * 32  timestamp        s64  nanoseconds since 1970, or -1 for none
 * 40  rx_queue         u32  queue, which is also the CPU that the program runs on
 * 44  ingress_ifindex  u32
 * 48  action           u32  out: what the program returned, unclamped
 * 52  frame_size       u32  bytes from hard_start to the end of the tailroom; bit 31: the packet has {@link Fragments}
 * 56  redirect_map     u32  out: id of the map of bpf_redirect_map, 0 for bpf_redirect; flags in bits 28 to 31
 * 60  redirect_index   u32  out: key in that map, or ifindex
 * </pre>
 *
 * <p>{@code data}, {@code data_end} and {@code data_meta} are written back when a helper moved them.
 */
public final class FrameDescriptor {
    public static final int DATA = 0;
    public static final int DATA_END = 8;
    public static final int DATA_META = 16;
    public static final int HARD_START = 24;
    public static final int TIMESTAMP = 32;
    public static final int RX_QUEUE = 40;
    public static final int INGRESS_IFINDEX = 44;
    public static final int ACTION = 48;
    public static final int FRAME_SIZE = 52;
    public static final int REDIRECT_MAP = 56;
    public static final int REDIRECT_INDEX = 60;

    /** Bytes of a descriptor, and its alignment. */
    public static final int BYTES = 64;

    /** The part of redirect_map that is the map's id. */
    public static final int REDIRECT_MAP_ID_MASK = 0x0fff_ffff;

    /** Position of the flags ({@code BPF_F_BROADCAST >> 3}, {@code BPF_F_EXCLUDE_INGRESS >> 3}) in redirect_map. */
    public static final int REDIRECT_FLAGS_SHIFT = 28;

    /** The value of {@link #TIMESTAMP} for a packet without one. */
    public static final long NO_TIMESTAMP = -1;

    private FrameDescriptor() {}
}
