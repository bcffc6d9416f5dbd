package dev.sluice.packet.nic;

/** What an XDP program can return (enum xdp_action, linux/bpf.h), and everything else as one row. */
public enum XdpAction {
    ABORTED("XDP_ABORTED"),
    DROP("XDP_DROP"),
    PASS("XDP_PASS"),
    TX("XDP_TX"),
    REDIRECT("XDP_REDIRECT"),
    /** Any other value: the driver warns and drops. */
    OTHER("other");

    private static final XdpAction[] VALUES = values();

    /** How many rows there are; {@link #ordinal} of an action is its number. */
    public static final int COUNT = VALUES.length;

    private final String label;

    XdpAction(String label) {
        this.label = label;
    }

    /** The kernel's name, such as {@code XDP_PASS}; {@code other} for {@link #OTHER}. */
    public String label() {
        return label;
    }

    /** The row of a returned value. */
    public static XdpAction of(int returned) {
        return VALUES[index(returned)];
    }

    /** The same as a number: 0 to 4, or 5. */
    public static int index(int returned) {
        return Integer.compareUnsigned(returned, REDIRECT.ordinal()) <= 0 ? returned : OTHER.ordinal();
    }
}
