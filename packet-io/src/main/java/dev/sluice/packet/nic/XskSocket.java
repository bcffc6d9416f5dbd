package dev.sluice.packet.nic;

import dev.sluice.packet.frame.FrameSink;

/**
 * What an AF_XDP socket is to a program: the receiver of an xskmap's entry ({@link dev.sluice.map.XskMap#bind}). It belongs to one
 * queue of one NIC and gets that queue's packets only, as they are: with what the program has done to them, their metadata in
 * front. To send, write to that queue's {@link VirtualNic#port}.
 *
 * @param nic the NIC
 * @param queue its queue
 * @param receiver gets the packets, on the queue's thread; they are not its own when it returns
 */
public record XskSocket(VirtualNic nic, int queue, FrameSink receiver) {
    public XskSocket {
        if (queue < 0 || queue >= nic.queues()) {
            throw new IllegalArgumentException(
                    nic.name() + ": queue of a socket, expected=0.." + (nic.queues() - 1) + " found=" + queue);
        }
    }
}
