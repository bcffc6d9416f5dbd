package dev.sluice.packet.netty;

import java.net.SocketAddress;

/** Where a queue's channel "is bound": the NIC's name and the queue's number. */
public final class QueueAddress extends SocketAddress {
    private static final long serialVersionUID = 1L;

    private final String nic;
    private final int queue;

    public QueueAddress(String nic, int queue) {
        this.nic = nic;
        this.queue = queue;
    }

    @Override
    public String toString() {
        return nic + ":rx" + queue;
    }
}
