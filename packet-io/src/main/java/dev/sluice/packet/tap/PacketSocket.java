package dev.sluice.packet.tap;

import dev.sluice.memory.Memory;
import dev.sluice.packet.gen.PacketRing;
import java.lang.foreign.Arena;

/**
 * Sends frames out of an interface of the kernel, as its network stack does: a packet socket, which needs CAP_NET_RAW. What comes
 * in there it does not see. One thread at a time. Allocates when it is opened.
 *
 * <pre>
 *   struct sockaddr_ll   0 family u16 = AF_PACKET   2 protocol u16 = 0, which receives nothing   4 ifindex s32   8 the rest, 12 bytes
 *   struct mmsghdr       0 name pointer   8 its length u32   16 iovec pointer   24 iovecs u64   32 control pointer   40 its length u64
 *                       48 flags s32     56 bytes sent u32
 *   struct iovec         0 address u64    8 length u64
 * </pre>
 *
 * Source: packet(7), sendmmsg(2).
 */
public final class PacketSocket implements AutoCloseable {
    private static final int MOST_AT_ONCE = 1024;

    private static final int ADDRESS_BYTES = 20;
    private static final int ADDRESS_IFINDEX = 4;
    private static final int MESSAGE_BYTES = 64;
    private static final int MESSAGE_VECTOR = 16;
    private static final int MESSAGE_VECTORS = 24;
    private static final int VECTOR_BYTES = 16;

    private final Arena arena = Arena.ofShared();
    private final PacketRing packets;
    private final int fd;
    private final long messages = Memory.allocate(arena, (long) MOST_AT_ONCE * MESSAGE_BYTES, 64);
    private final long vectors = Memory.allocate(arena, (long) MOST_AT_ONCE * VECTOR_BYTES, 64);
    private int next;
    private boolean closed;

    /**
     * @param ifindex where to send
     * @param packets what to send, one after the other and over again; to be closed after this
     * @throws TapException when the kernel does not let us
     */
    public PacketSocket(int ifindex, PacketRing packets) throws TapException {
        this.packets = packets;
        int opened = LibC.socket(LibC.AF_PACKET, LibC.SOCK_RAW_CLOEXEC);
        int result = opened;
        if (opened >= 0) {
            long address = Memory.allocate(arena, ADDRESS_BYTES, 8);
            Memory.putShort(address, (short) LibC.AF_PACKET);
            Memory.putInt(address + ADDRESS_IFINDEX, ifindex);
            result = LibC.bind(opened, address, ADDRESS_BYTES);
            if (result < 0) {
                LibC.close(opened);
            }
        }
        fd = opened;
        if (result < 0) {
            closed = true;
            arena.close();
            throw new TapException("packet socket: " + LibC.strerror(-result) + ", ifindex=" + ifindex, -result);
        }
        for (int i = 0; i < MOST_AT_ONCE; i++) {
            Memory.putLong(messages + (long) i * MESSAGE_BYTES + MESSAGE_VECTOR, vectors + (long) i * VECTOR_BYTES);
            Memory.putLong(messages + (long) i * MESSAGE_BYTES + MESSAGE_VECTORS, 1);
        }
    }

    /**
     * Sends the next packets.
     *
     * @param count 1 to 1,024
     * @return how many the interface took, or lost; fewer than asked for when the socket is full
     * @throws TapException when it took none
     */
    public int send(int count) throws TapException {
        if (count < 1 || count > MOST_AT_ONCE) {
            throw new IllegalArgumentException("packets, expected=1.." + MOST_AT_ONCE + " found=" + count);
        }
        for (int i = 0; i < count; i++) {
            int packet = (next + i) % packets.size();
            Memory.putLong(vectors + (long) i * VECTOR_BYTES, packets.address(packet));
            Memory.putLong(vectors + (long) i * VECTOR_BYTES + Long.BYTES, packets.length(packet));
        }
        int sent = LibC.sendmmsg(fd, messages, count);
        if (sent < 0) {
            throw new TapException("packet socket: " + LibC.strerror(-sent), -sent);
        }
        next = (next + sent) % packets.size();
        return sent;
    }

    @Override
    public void close() {
        if (!closed) {
            closed = true;
            LibC.close(fd);
            arena.close();
        }
    }
}
