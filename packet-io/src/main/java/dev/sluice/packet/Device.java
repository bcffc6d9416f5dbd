package dev.sluice.packet;

import dev.sluice.packet.live.LiveInterface;
import dev.sluice.packet.netty.QueueChannel;
import dev.sluice.packet.netty.VirtualQueueChannel;
import dev.sluice.packet.netty.XdpHandler;
import dev.sluice.packet.nic.VirtualNic;
import dev.sluice.packet.tap.TapDevice;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** A NIC or its host's end, what is behind it, and its channels. */
final class Device {
    final Datapath.Nic options;
    final VirtualNic nic;
    final End end;
    final boolean isHost;
    final @Nullable TapDevice tap;
    final @Nullable LiveInterface live;
    final List<QueueChannel> channels = new ArrayList<>();
    final List<XdpHandler> programs = new ArrayList<>();
    final List<PacketFault> faults = new ArrayList<>();

    Device(Datapath.Nic options, VirtualNic nic, End end, boolean isHost, @Nullable AutoCloseable opened) {
        this.options = options;
        this.nic = nic;
        this.end = end;
        this.isHost = isHost;
        tap = opened instanceof TapDevice device ? device : null;
        live = opened instanceof LiveInterface device ? device : null;
    }

    void fault(PacketFault fault) {
        synchronized (faults) {
            if (faults.size() < Datapath.MAX_FAULTS_KEPT) {
                faults.add(fault);
            }
        }
    }

    VirtualQueueChannel[] virtualChannels() {
        return channels.toArray(VirtualQueueChannel[]::new);
    }
}
