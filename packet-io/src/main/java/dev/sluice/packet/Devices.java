package dev.sluice.packet;

import dev.sluice.exec.Executable;
import dev.sluice.map.BpfMap;
import dev.sluice.packet.frame.FramePool;
import dev.sluice.packet.frame.FrameSink;
import dev.sluice.packet.live.LiveChannel;
import dev.sluice.packet.live.LiveInterface;
import dev.sluice.packet.netty.QueueChannel;
import dev.sluice.packet.netty.VirtualQueueChannel;
import dev.sluice.packet.netty.Wire;
import dev.sluice.packet.nic.NicTable;
import dev.sluice.packet.nic.Rss;
import dev.sluice.packet.nic.VerdictCounters;
import dev.sluice.packet.nic.VirtualNic;
import dev.sluice.packet.tap.NetInterface;
import dev.sluice.packet.tap.TapChannel;
import dev.sluice.packet.tap.TapDevice;
import dev.sluice.packet.tap.TapException;
import dev.sluice.packet.tap.TapIo;
import io.netty.channel.epoll.Epoll;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashSet;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * The NICs of a datapath, their hosts' ends, and what is behind them: interfaces of the kernel, cables, sinks. The thread that
 * opens and closes the datapath.
 */
final class Devices {
    /** A side of a NIC before it is opened. */
    private record Side(Datapath.Nic nic, boolean isHost, End end) {}

    private final NicTable nics;
    private final List<Side> sides = new ArrayList<>();
    private final Map<Side, Side> cables;
    private final Time time;
    private final Consumer<Throwable> onFailure;
    private final List<Device> all = new ArrayList<>();
    private final List<String> warnings = new ArrayList<>();

    /**
     * @param wanted what to make
     * @param nics gets the NICs
     * @param onFailure hears of sinks that fail: that ends the run, as packets would be lost from then on
     * @throws IllegalArgumentException when a cable has one end, an interface cannot have so many queues, or two NICs want the same
     */
    Devices(Collection<Datapath.Nic> wanted, NicTable nics, Time time, Consumer<Throwable> onFailure) {
        this.nics = nics;
        this.time = time;
        this.onFailure = onFailure;
        for (Datapath.Nic nic : wanted) {
            sides.add(new Side(nic, false, nic.wire));
            if (!(nic.host instanceof End.Null)) {
                sides.add(new Side(nic, true, nic.host));
            }
        }
        cables = cables(sides);
        Set<String> taps = new HashSet<>();
        Set<Integer> numbers = new HashSet<>();
        for (Side side : sides) {
            if (side.end instanceof End.Interface && side.nic.queues != 1) {
                throw new IllegalArgumentException("nic " + side.nic.name
                        + ": an interface read through libpcap has one queue, found queues=" + side.nic.queues);
            }
            // with %d in its name each is another one
            if (side.end instanceof End.Tap tap && !tap.ifname().contains("%") && !taps.add(tap.ifname())) {
                throw new IllegalArgumentException("nic " + side.nic.name
                        + ": a TAP is one side of one NIC, found a second time tap:" + tap.ifname());
            }
            if (!side.isHost && side.nic.ifindex != 0 && !numbers.add(side.nic.ifindex)) {
                throw new IllegalArgumentException("nic " + side.nic.name
                        + ": expected a number that no other NIC has, found ifindex=" + side.nic.ifindex);
            }
        }
    }

    /**
     * Opens what is behind NICs, and makes their channels, which are not registered.
     *
     * @throws IOException when something cannot be opened; nothing is left behind
     */
    void open() throws IOException {
        openAll();
        // hosts first: a wire's packets must find them
        all.sort((one, other) -> Boolean.compare(other.isHost, one.isHost));
        makeChannels();
    }

    /** All devices, hosts first. */
    List<Device> all() {
        return all;
    }

    void forEachChannel(Consumer<QueueChannel> action) {
        all.forEach(device -> device.channels.forEach(action));
    }

    /** What people should know of the interfaces that were opened. */
    List<String> warnings() {
        return warnings;
    }

    /** Batches that were not given back yet. */
    int batchesInUse() {
        int sum = 0;
        for (Device device : all) {
            for (QueueChannel channel : device.channels) {
                sum += channel.pool().inUse();
            }
        }
        return sum;
    }

    /** Has live wires read no more; when it returns, nothing comes from them. */
    void stopReading() {
        for (Device device : all) {
            for (QueueChannel channel : device.channels) {
                if (device.end.isLive() && channel.isRegistered()) {
                    // on its loop, between two polls
                    channel.eventLoop()
                            .submit(() -> channel.config().setAutoRead(false))
                            .awaitUninterruptibly();
                }
            }
        }
    }

    /** Closes channels, and what is behind them. */
    void close() {
        for (Device device : all) {
            for (QueueChannel channel : device.channels) {
                if (channel.isRegistered()) {
                    channel.close().awaitUninterruptibly();
                } else {
                    channel.pool().close();
                }
            }
            TapDevice tap = device.tap;
            if (tap != null) {
                tap.close();
            }
            LiveInterface live = device.live;
            if (live != null) {
                live.close();
            }
        }
    }

    /** Finds for each end of a cable the other one. */
    private static Map<Side, Side> cables(List<Side> sides) {
        Map<Side, Side> cables = new LinkedHashMap<>();
        for (Side side : sides) {
            if (side.end instanceof End.Link(String peer) && !cables.containsKey(side)) {
                String name = side.nic.name;
                Side other = sides.stream()
                        .filter(s -> !s.equals(side)
                                && s.nic.name.equals(peer)
                                && s.end instanceof End.Link(String back)
                                && back.equals(name)
                                && !cables.containsKey(s))
                        .findFirst()
                        .orElseThrow(() -> new IllegalArgumentException("nic " + name + ": link to " + peer
                                + " has no other end, expected one of the sides of " + peer + " to be link:" + name));
                cables.put(side, other);
                cables.put(other, side);
            }
        }
        return cables;
    }

    private void openAll() throws IOException {
        Map<Side, AutoCloseable> interfaces = new LinkedHashMap<>();
        boolean complete = false;
        try {
            for (Side side : sides) {
                if (side.end instanceof End.Tap tap) {
                    interfaces.put(side, openTap(side.nic, tap));
                } else if (side.end instanceof End.Interface live) {
                    interfaces.put(side, openLive(side.nic, live));
                }
            }
            Map<Datapath.Nic, VirtualNic> made = new IdentityHashMap<>();
            // interfaces of the kernel have the kernel's numbers, others what is free then
            for (boolean numbered : new boolean[] {true, false}) {
                for (Side side : sides) {
                    NetInterface link = side.isHost ? null : link(interfaces.get(side));
                    if (!side.isHost && numbered == (side.nic.ifindex != 0 || link != null)) {
                        VirtualNic nic = makeNic(side.nic, link);
                        made.put(side.nic, nic);
                        try {
                            nics.add(nic);
                        } catch (
                                IllegalArgumentException
                                        e) { // the kernel has given an interface the number of another NIC
                            throw new IOException("nic " + nic.name() + ": " + e.getMessage(), e);
                        }
                    }
                }
            }
            for (Side side : sides) {
                VirtualNic nic = made.get(side.nic);
                if (nic == null) {
                    throw new AssertionError("no NIC was made for " + side);
                }
                if (side.isHost) {
                    nic = new VirtualNic(nic.name() + ":host", nic.ifindex(), nic.mac(), nic.mtu(), nic.queues());
                }
                all.add(new Device(side.nic, nic, side.end, side.isHost, interfaces.get(side)));
            }
            complete = true;
        } finally {
            if (!complete) {
                interfaces.values().forEach(Devices::closeInterface);
            }
        }
    }

    private static @Nullable NetInterface link(@Nullable AutoCloseable opened) {
        return switch (opened) {
            case TapDevice tap -> tap.link();
            case LiveInterface live -> live.link();
            case null, default -> null;
        };
    }

    private static void closeInterface(AutoCloseable opened) {
        try {
            opened.close();
        } catch (Exception e) {
            throw new AssertionError("closing a descriptor does not fail", e);
        }
    }

    private LiveInterface openLive(Datapath.Nic nic, End.Interface live) throws IOException {
        requireEpoll("live");
        LiveInterface opened =
                LiveInterface.open(live.ifname(), live.filter(), live.promiscuous(), FramePool.MAX_PACKET);
        List<String> offloads = opened.link().offloads();
        if (!offloads.isEmpty()) {
            warnings.add("iface " + live.ifname() + ": offloads are on (" + String.join(", ", offloads)
                    + "), so programs may see merged packets and unfinished checksums; switch them off with: ethtool -K "
                    + live.ifname() + " "
                    + String.join(
                            " ", offloads.stream().map(name -> name + " off").toList()));
        }
        return opened;
    }

    private static void requireEpoll(String what) throws IOException {
        if (!Epoll.isAvailable()) {
            throw new IOException(
                    what + " interfaces need Linux's epoll, which Netty cannot use here", Epoll.unavailabilityCause());
        }
    }

    private TapDevice openTap(Datapath.Nic nic, End.Tap tap) throws IOException {
        requireEpoll("TAP");
        TapDevice device = TapDevice.open(tap.ifname(), nic.queues);
        boolean complete = false;
        try {
            int mtu = nic.mtu != 0 && nic.mtu != VirtualNic.NO_MTU ? nic.mtu : tap.mtu();
            if (mtu != 0) {
                device.mtu(mtu);
            }
            if (tap.io() != TapIo.EPOLL) {
                openRings(device, tap.io());
            }
            if (tap.up()) {
                device.up(true);
            }
            complete = true;
            return device;
        } finally {
            if (!complete) {
                device.close();
            }
        }
    }

    private void openRings(TapDevice device, TapIo io) throws IOException {
        try {
            device.openRings();
        } catch (TapException e) {
            if (io == TapIo.IO_URING) {
                throw e;
            }
            warnings.add(e.getMessage() + "; its frames are read and written one by one");
        }
    }

    private VirtualNic makeNic(Datapath.Nic options, @Nullable NetInterface link) throws IOException {
        int ifindex = options.ifindex != 0 ? options.ifindex : link != null ? link.ifindex() : 0;
        if (ifindex == 0) {
            do {
                ifindex++;
            } while (nics.byIfindex(ifindex) != null);
        }
        int mtu = options.mtu != 0
                ? options.mtu
                : link != null ? link.mtu() : options.wire instanceof End.Link ? 1500 : VirtualNic.NO_MTU;
        byte[] mac = options.mac == null ? VirtualNic.macFor(ifindex) : options.mac;
        VirtualNic nic = new VirtualNic(options.name, ifindex, mac, mtu, options.queues);
        Rss rss = options.rss;
        if (rss != null) {
            nic.rss(rss);
        }
        nic.rxVlanOffload(options.rxVlanOffload);
        Executable program = options.program;
        BpfMap map = options.counters;
        if (program != null) {
            nic.hook().attach(program, map == null ? null : new VerdictCounters(map, options.queues));
        }
        return nic;
    }

    private void makeChannels() {
        // links need the channel at the other end, so wires are made lazily
        Map<Device, VirtualQueueChannel[]> ends = new IdentityHashMap<>();
        for (Device device : all) {
            TapDevice tap = device.tap;
            boolean lossless = switch (device.end) {
                case End.Captures captures -> !captures.pace().isLive();
                case End.Generator generator -> !generator.pace().isLive() || time == Time.CAPTURE;
                default -> false;
            };
            for (int queue = 0; queue < device.nic.queues(); queue++) {
                FramePool pool = new FramePool(FramePool.DEFAULT_BATCHES, lossless);
                device.channels.add(
                        tap != null
                                ? new TapChannel(device.nic, queue, pool, tap)
                                : device.live != null
                                        ? new LiveChannel(device.nic, queue, pool, device.live)
                                        : new VirtualQueueChannel(device.nic, queue, pool, wireOf(device)));
            }
            if (device.end instanceof End.Link) {
                ends.put(device, device.virtualChannels());
            }
        }
        cables.forEach((side, other) -> {
            VirtualQueueChannel[] from = ends.get(device(side));
            VirtualQueueChannel[] to = ends.get(device(other));
            if (from == null || to == null) {
                throw new AssertionError("a link without channels");
            }
            for (VirtualQueueChannel channel : from) {
                channel.wire(to[channel.queue() % to.length].cable());
            }
        });
    }

    private Device device(Side side) {
        return all.stream()
                .filter(device -> device.options == side.nic && device.isHost == side.isHost)
                .findFirst()
                .orElseThrow();
    }

    private Wire wireOf(Device device) {
        End to = device.isHost ? device.end : device.options.sent == null ? device.end : device.options.sent;
        return to instanceof End.Sink(FrameSink sink) ? into(sink) : Wire.NULL;
    }

    /** A sink that fails ends the run: it would lose packets from then on. */
    private Wire into(FrameSink sink) {
        return (batch, mask) -> {
            try {
                sink.write(batch, mask);
                return 0;
            } catch (IOException e) {
                onFailure.accept(e);
                return mask;
            }
        };
    }

    /** Whether a NIC has been made; none is before {@link #open}, and not all are where that fails. */
    boolean has(Datapath.Nic nic) {
        return all.stream().anyMatch(device -> device.options == nic && !device.isHost);
    }

    Device wire(Datapath.Nic nic) {
        return all.stream()
                .filter(device -> device.options == nic && !device.isHost)
                .findFirst()
                .orElseThrow();
    }

    @Nullable
    Device host(Datapath.Nic nic) {
        return all.stream()
                .filter(device -> device.options == nic && device.isHost)
                .findFirst()
                .orElse(null);
    }
}
