package dev.sluice.packet.tap;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;

/** Settings of a network interface of the kernel, in the network namespace of the thread that asks. Any thread. */
public final class NetInterface {
    private static final long SIOCGIFFLAGS = 0x8913;
    private static final long SIOCSIFFLAGS = 0x8914;
    private static final long SIOCGIFMTU = 0x8921;
    private static final long SIOCSIFMTU = 0x8922;
    private static final long SIOCSIFHWADDR = 0x8924;
    private static final long SIOCGIFHWADDR = 0x8927;
    private static final long SIOCGIFINDEX = 0x8933;
    private static final long SIOCETHTOOL = 0x8946;

    private static final int ETHTOOL_GTSO = 0x1e;
    private static final int ETHTOOL_GGSO = 0x23;
    private static final int ETHTOOL_GFLAGS = 0x25;
    private static final int ETHTOOL_GGRO = 0x2b;
    private static final int ETHTOOL_GTXCSUM = 0x16;
    private static final int ETH_FLAG_LRO = 1 << 15;
    private static final int ETH_FLAG_RXVLAN = 1 << 8;

    private static final int IFREQ_BYTES = 40;
    static final int IFREQ_UNION = 16;
    private static final short IFF_UP = 1;
    private static final short ARPHRD_ETHER = 1;

    /** Most characters of an interface's name. */
    public static final int MAX_NAME = 15;

    private final String kind;
    private final String name;

    /**
     * @param kind what messages call it, such as {@code tap}
     * @param name of an interface that there is
     */
    public NetInterface(String kind, String name) {
        this.kind = kind;
        this.name = name;
    }

    /**
     * Refuses what cannot be the name of an interface.
     *
     * @throws IllegalArgumentException with what was expected
     */
    public static void requireName(String kind, String name) {
        if (name.isEmpty()
                || name.length() > MAX_NAME
                || name.equals(".")
                || name.equals("..")
                || name.chars().anyMatch(c -> c <= ' ' || c > '~' || c == '/' || c == ':')) {
            throw new IllegalArgumentException(kind + " " + name + ": name of an interface, expected 1 to " + MAX_NAME
                    + " characters without space, slash and colon");
        }
    }

    static MemorySegment request(Arena arena, byte[] name) {
        MemorySegment request = arena.allocate(IFREQ_BYTES, 8);
        MemorySegment.copy(name, 0, request, ValueLayout.JAVA_BYTE, 0, name.length);
        return request;
    }

    /** One request about this interface. */
    private MemorySegment configure(Arena arena, long request, String what, Consumer<MemorySegment> fill)
            throws TapException {
        MemorySegment argument = request(arena, name.getBytes(StandardCharsets.US_ASCII));
        fill.accept(argument.asSlice(IFREQ_UNION));
        int socket = LibC.socket(LibC.AF_INET, LibC.SOCK_DGRAM_CLOEXEC);
        int result = socket;
        if (socket >= 0) {
            result = LibC.ioctl(socket, request, argument);
            LibC.close(socket);
        }
        if (result < 0) {
            String advice = -result == LibC.EPERM
                    ? "; run as root, or do it beforehand with ip link (the interface can be used as it is)"
                    : "";
            throw new TapException(
                    kind + " " + name + ": cannot " + what + ": " + LibC.strerror(-result) + advice, -result);
        }
        return argument.asSlice(IFREQ_UNION);
    }

    public int ifindex() throws TapException {
        try (Arena arena = Arena.ofConfined()) {
            return configure(arena, SIOCGIFINDEX, "ask for its number", u -> {}).get(ValueLayout.JAVA_INT, 0);
        }
    }

    /** Most bytes behind the Ethernet header. */
    public int mtu() throws TapException {
        try (Arena arena = Arena.ofConfined()) {
            return configure(arena, SIOCGIFMTU, "ask for its MTU", u -> {}).get(ValueLayout.JAVA_INT, 0);
        }
    }

    /** Sets the MTU, 68 to 65,521. */
    public void mtu(int bytes) throws TapException {
        try (Arena arena = Arena.ofConfined()) {
            configure(arena, SIOCSIFMTU, "set mtu=" + bytes, u -> u.set(ValueLayout.JAVA_INT, 0, bytes));
        }
    }

    /** The address of the kernel's end: 6 bytes. */
    public byte[] mac() throws TapException {
        try (Arena arena = Arena.ofConfined()) {
            return configure(arena, SIOCGIFHWADDR, "ask for its address", u -> {})
                    .asSlice(2, 6)
                    .toArray(ValueLayout.JAVA_BYTE);
        }
    }

    /** Sets the address of the kernel's end: 6 bytes, not a multicast address. */
    public void mac(byte[] address) throws TapException {
        if (address.length != 6) {
            throw new IllegalArgumentException("MAC address, expected=6 bytes found=" + address.length);
        }
        try (Arena arena = Arena.ofConfined()) {
            configure(arena, SIOCSIFHWADDR, "set its address", u -> {
                u.set(ValueLayout.JAVA_SHORT, 0, ARPHRD_ETHER);
                MemorySegment.copy(address, 0, u, ValueLayout.JAVA_BYTE, 2, 6);
            });
        }
    }

    /** Whether the interface is switched on. */
    public boolean isUp() throws TapException {
        return (flags() & IFF_UP) != 0;
    }

    /** Switches the interface on or off, as {@code ip link set dev NAME up} does. */
    public void up(boolean on) throws TapException {
        short flags = flags();
        short wanted = (short) (on ? flags | IFF_UP : flags & ~IFF_UP);
        if (wanted == flags) {
            return; // nothing that would need a permission
        }
        try (Arena arena = Arena.ofConfined()) {
            configure(
                    arena,
                    SIOCSIFFLAGS,
                    on ? "switch it on" : "switch it off",
                    u -> u.set(ValueLayout.JAVA_SHORT, 0, wanted));
        }
    }

    private short flags() throws TapException {
        try (Arena arena = Arena.ofConfined()) {
            return configure(arena, SIOCGIFFLAGS, "ask whether it is up", u -> {})
                    .get(ValueLayout.JAVA_SHORT, 0);
        }
    }

    /**
     * The offloads that are on and show programs other packets than those on the wire: merged ones, ones without their checksums or
     * their tags. Empty where the kernel does not say.
     */
    public List<String> offloads() {
        List<String> on = new ArrayList<>();
        if (ethtool(ETHTOOL_GTSO) != 0) {
            on.add("tso");
        }
        if (ethtool(ETHTOOL_GGSO) != 0) {
            on.add("gso");
        }
        if (ethtool(ETHTOOL_GGRO) != 0) {
            on.add("gro");
        }
        int flags = ethtool(ETHTOOL_GFLAGS);
        if ((flags & ETH_FLAG_LRO) != 0) {
            on.add("lro");
        }
        if (ethtool(ETHTOOL_GTXCSUM) != 0) {
            on.add("tx");
        }
        if ((flags & ETH_FLAG_RXVLAN) != 0) {
            on.add("rxvlan");
        }
        return on;
    }

    /** What an ethtool command that asks for a number gives; 0 where it is not there. */
    private int ethtool(int command) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment value = arena.allocate(8, 8); // struct ethtool_value: cmd u32, data u32
            value.set(ValueLayout.JAVA_INT, 0, command);
            configure(arena, SIOCETHTOOL, "ask for its offloads", u -> u.set(ValueLayout.ADDRESS, 0, value));
            return value.get(ValueLayout.JAVA_INT, 4);
        } catch (TapException e) {
            return 0;
        }
    }
}
