package dev.sluice.packet.tap;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * A TAP interface: opening, settings, descriptors, one for each queue. Reading and writing are the channel's ({@link TapChannel}). It lives in the
 * network namespace of the thread that opens it. Any one thread at a time; {@link #close(int)} by each queue's own.
 */
public final class TapDevice implements AutoCloseable {
    private static final String CLONE_DEVICE = "/dev/net/tun";

    private static final long TUNSETIFF = 0x400454caL;
    private static final int IFREQ_UNION = NetInterface.IFREQ_UNION;
    private static final short IFF_TAP = 0x0002;
    private static final short IFF_NO_PI = 0x1000;
    private static final short IFF_MULTI_QUEUE = 0x0100;

    private final String name;
    private final NetInterface link;

    /** By queue; -1 where it is closed. */
    private final int[] fds;

    /** By queue; null where there is none. */
    private final @Nullable Ring[] rings;

    private TapDevice(String name, int[] fds) {
        this.name = name;
        this.fds = fds;
        rings = new Ring[fds.length];
        link = new NetInterface("tap", name);
    }

    /** {@link #open(String, int)} with one queue. */
    public static TapDevice open(String wanted) throws TapException {
        return open(wanted, 1);
    }

    /**
     * Makes a TAP interface, or attaches to one that was made before for this user.
     *
     * @param wanted its name, up to {@link NetInterface#MAX_NAME} characters; {@code %d} in it is a number that is free
     * @param queues descriptors, among which the kernel spreads its packets by flow; 1 or more
     * @throws TapException when that is not possible; the message says what to do
     * @throws IllegalArgumentException when it is no name
     */
    public static TapDevice open(String wanted, int queues) throws TapException {
        NetInterface.requireName("tap", wanted);
        byte[] bytes = wanted.getBytes(StandardCharsets.US_ASCII);
        int[] fds = new int[queues];
        Arrays.fill(fds, -1);
        TapDevice device = null;
        boolean complete = false;
        try {
            fds[0] = openClone(wanted);
            device = new TapDevice(attach(fds[0], bytes, wanted, queues > 1), fds);
            for (int queue = 1; queue < queues; queue++) {
                fds[queue] = openClone(wanted);
                attach(fds[queue], device.name.getBytes(StandardCharsets.US_ASCII), wanted, true);
            }
            complete = true;
            return device;
        } finally {
            if (!complete) {
                closeAll(fds);
            }
        }
    }

    private static int openClone(String wanted) throws TapException {
        int fd = LibC.open(CLONE_DEVICE, LibC.O_RDWR | LibC.O_NONBLOCK | LibC.O_CLOEXEC);
        if (fd >= 0) {
            return fd;
        }
        String advice = switch (-fd) {
            case LibC.ENOENT, LibC.ENODEV -> "; load the kernel's driver with: modprobe tun";
            case LibC.EACCES, LibC.EPERM -> "; run as root, or let this user open " + CLONE_DEVICE;
            default -> "";
        };
        throw new TapException(
                "tap " + wanted + ": cannot open " + CLONE_DEVICE + ": " + LibC.strerror(-fd) + advice, -fd);
    }

    /** Makes a descriptor a queue of an interface, and gives the interface's name. */
    private static String attach(int fd, byte[] name, String wanted, boolean multiQueue) throws TapException {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment request = NetInterface.request(arena, name);
            request.set(ValueLayout.JAVA_SHORT, IFREQ_UNION, (short)
                    (IFF_TAP | IFF_NO_PI | (multiQueue ? IFF_MULTI_QUEUE : 0)));
            int result = LibC.ioctl(fd, TUNSETIFF, request);
            if (result < 0) {
                throw new TapException(
                        "tap " + wanted + ": cannot make the interface: " + LibC.strerror(-result)
                                + adviceFor(-result, wanted, multiQueue),
                        -result);
            }
            return request.getString(0, StandardCharsets.US_ASCII);
        }
    }

    private static String adviceFor(int errno, String name, boolean multiQueue) {
        return switch (errno) {
            case LibC.EPERM, LibC.EACCES ->
                "; run as root, or make it for this user once with: ip tuntap add dev " + name + " mode tap"
                        + (multiQueue ? " multi_queue" : "") + " user $USER";
            case LibC.EBUSY -> "; another program has it open";
            case LibC.EINVAL ->
                "; an interface of this name exists that is no " + (multiQueue ? "multi-queue" : "single-queue")
                        + " TAP (ip -d link show " + name + ")";
            default -> "";
        };
    }

    /**
     * Makes an io_uring for each queue, by which its channel then reads and writes.
     *
     * @throws TapException when the kernel does not let us; the message says why, and the interface can be used without
     */
    public void openRings() throws TapException {
        try {
            for (int queue = 0; queue < fds.length; queue++) {
                rings[queue] = new Ring(fds[queue]);
            }
        } catch (TapException e) {
            for (int queue = 0; queue < fds.length; queue++) {
                closeRing(queue);
            }
            throw new TapException("tap " + name + ": no io_uring: " + e.getMessage(), e.errno());
        }
    }

    @Nullable
    Ring ring(int queue) {
        return rings[queue];
    }

    private void closeRing(int queue) {
        Ring ring = rings[queue];
        if (ring != null) {
            rings[queue] = null;
            ring.close();
        }
    }

    /** The name that the kernel gave. */
    public String name() {
        return name;
    }

    /** How many queues it has. */
    public int queues() {
        return fds.length;
    }

    /** A queue's descriptor: one frame a read or write, non-blocking. */
    public int fd(int queue) {
        return fds[queue];
    }

    /** The kernel's end: number, MTU, address, whether it is up. */
    public NetInterface link() {
        return link;
    }

    public int ifindex() throws TapException {
        return link.ifindex();
    }

    /** Most bytes behind the Ethernet header. */
    public int mtu() throws TapException {
        return link.mtu();
    }

    /** Sets the MTU, 68 to 65,521. */
    public void mtu(int bytes) throws TapException {
        link.mtu(bytes);
    }

    /** Switches the interface on or off, as {@code ip link set dev NAME up} does. */
    public void up(boolean on) throws TapException {
        link.up(on);
    }

    /** Closes one queue's descriptor. */
    public void close(int queue) {
        closeRing(queue);
        if (fds[queue] >= 0) {
            LibC.close(fds[queue]);
            fds[queue] = -1;
        }
    }

    /** Closes all descriptors: with the last one the interface goes away, unless it was there before. */
    @Override
    public void close() {
        for (int queue = 0; queue < fds.length; queue++) {
            close(queue);
        }
    }

    private static void closeAll(int[] fds) {
        for (int queue = 0; queue < fds.length; queue++) {
            if (fds[queue] >= 0) {
                LibC.close(fds[queue]);
                fds[queue] = -1;
            }
        }
    }
}
