package dev.sluice.packet.netty;

import dev.sluice.exec.Executable;
import dev.sluice.helper.RunContext;
import dev.sluice.map.BpfMap;
import dev.sluice.map.CpuMap;
import dev.sluice.map.RedirectMap;
import dev.sluice.map.XskMap;
import dev.sluice.memory.FrameDescriptor;
import dev.sluice.packet.frame.FrameBatch;
import dev.sluice.packet.frame.FramePool;
import dev.sluice.packet.nic.NicCounter;
import dev.sluice.packet.nic.NicTable;
import dev.sluice.packet.nic.QueueStatistics;
import dev.sluice.packet.nic.TxPort;
import dev.sluice.packet.nic.VirtualNic;
import dev.sluice.packet.nic.XdpAction;
import dev.sluice.packet.nic.XskSocket;
import java.io.IOException;
import java.util.Arrays;
import java.util.function.IntFunction;
import org.jspecify.annotations.Nullable;

/**
 * Where {@code XDP_REDIRECT} leads, for one queue: another NIC by its ifindex or by an entry of a devmap, whose program runs on
 * the way; another CPU by a cpumap; a socket by an xskmap. The queue's thread. Allocates nothing, but for the first broadcast.
 */
public final class Redirects implements AutoCloseable {
    /** {@code BPF_F_BROADCAST} and {@code BPF_F_EXCLUDE_INGRESS} as descriptors have them. */
    private static final int BROADCAST = 1;

    private static final int EXCLUDE_INGRESS = 2;

    /** Targets that one poll can flush one by one; beyond, they are flushed at once. */
    private static final int MAX_DIRTY = 16;

    /** Batches of copies that may be on their way: a source's, for each of many targets. */
    private static final int COPIES = 16 * FramePool.DEFAULT_BATCHES;

    private final NicTable nics;
    private final IntFunction<@Nullable Executable> programs;
    private final CpuQueues cpus;
    private final ProgramRunner runner;
    private final int cpu;
    private final @Nullable TxPort[] dirty = new TxPort[MAX_DIRTY];
    private int dirtyCount;
    private long[] devices = new long[16];
    private @Nullable FramePool copies;
    private @Nullable FramePool losslessCopies;

    /**
     * @param nics the NICs that packets can go to
     * @param programs the programs of map entries, by id
     * @param cpus where cpumaps lead
     * @param context what programs of map entries run with on this queue's thread
     * @param listener hears of their faults
     */
    public Redirects(
            NicTable nics,
            IntFunction<@Nullable Executable> programs,
            CpuQueues cpus,
            RunContext context,
            int cpu,
            FaultListener listener) {
        this.nics = nics;
        this.programs = programs;
        this.cpus = cpus;
        this.cpu = cpu;
        runner = new ProgramRunner(context, listener);
    }

    /** Redirects to NICs, without programs on the way. */
    public Redirects(NicTable nics, RunContext context) {
        this(nics, id -> null, new CpuQueues(), context, context.cpu, FaultListener.NONE);
    }

    /**
     * Sends packets where the program said. The batch stays the caller's.
     *
     * @param statistics what counts them
     */
    void redirect(FrameBatch batch, long redirected, QueueStatistics statistics) {
        // packets with the same target go as one selection; usually all have
        long rest = redirected;
        while (rest != 0) {
            int first = Long.numberOfTrailingZeros(rest);
            int map = batch.redirectMap(first);
            int index = batch.redirectIndex(first);
            long same = 0;
            for (long others = rest; others != 0; others &= others - 1) {
                int i = Long.numberOfTrailingZeros(others);
                if (batch.redirectMap(i) == map && batch.redirectIndex(i) == index) {
                    same |= others & -others;
                }
            }
            rest &= ~same;
            long failed = redirect(batch, same, map, index, statistics);
            count(statistics, NicCounter.RX_XDP_REDIRECT, same & ~failed);
            count(statistics, NicCounter.RX_XDP_REDIRECT_ERRORS, failed);
        }
    }

    /** Sends packets to one target, and gives those for which there is none. */
    private long redirect(FrameBatch batch, long mask, int map, int index, QueueStatistics statistics) {
        if (map == 0) {
            return send(batch, mask, index & 0xffff_ffffL);
        }
        int flags = map >>> FrameDescriptor.REDIRECT_FLAGS_SHIFT;
        BpfMap target = runner.context().maps.byId(map & FrameDescriptor.REDIRECT_MAP_ID_MASK);
        if (target instanceof CpuMap cpuMap) {
            return cpus.enqueue(batch, mask, cpuMap, index) ? 0 : mask;
        }
        if (target instanceof XskMap sockets) {
            return receive(batch, mask, sockets.receiver(index));
        }
        if (!(target instanceof RedirectMap devmap)) {
            return mask;
        }
        return (flags & BROADCAST) != 0
                ? broadcast(batch, mask, devmap, (flags & EXCLUDE_INGRESS) != 0)
                : send(batch, mask, devmap.device(index));
    }

    // --- devices

    /** Sends packets to a device (its ifindex, and the id of the program that runs there), and gives those it cannot take. */
    private long send(FrameBatch batch, long mask, long device) {
        VirtualNic nic = nics.byIfindex((int) device);
        TxPort port = nic == null ? null : nic.port(cpu);
        if (nic == null || port == null) {
            return mask;
        }
        long tooLong = nic.mtu() == VirtualNic.NO_MTU ? 0 : batch.longerThan(nic.maxFrame(), mask);
        long fits = mask & ~tooLong;
        int program = (int) (device >>> 32);
        if (program != 0 && fits != 0) {
            Executable executable = programs.apply(program);
            if (executable == null) {
                return mask;
            }
            fits = filter(batch, fits, executable, nic);
        }
        if (fits != 0) {
            port.send(fits == batch.selected() ? batch.retain() : batch.select(fits));
            markDirty(port);
        }
        return tooLong;
    }

    /** Runs a devmap entry's program, and gives the packets that it lets pass. */
    private long filter(FrameBatch batch, long mask, Executable program, VirtualNic nic) {
        FrameBatch part = batch.select(mask);
        RunContext context = runner.context();
        int before = context.rxQueueMask;
        context.egressIfindex = nic.ifindex();
        context.rxQueueMask = 0;
        try {
            runner.run(program, part);
        } finally {
            context.egressIfindex = 0;
            context.rxQueueMask = before;
            part.release();
        }
        long passed = 0;
        long dropped = 0;
        for (long rest = mask; rest != 0; rest &= rest - 1) {
            int action = batch.action(Long.numberOfTrailingZeros(rest));
            if (action == XdpAction.PASS.ordinal()) {
                passed |= rest & -rest;
            } else if (action == XdpAction.DROP.ordinal()) {
                dropped |= rest & -rest;
            }
        }
        nic.countEgress(Long.bitCount(dropped), Long.bitCount(mask & ~passed & ~dropped));
        return passed;
    }

    /** Sends packets to all devices of a map, copies to all but the last; gives all packets when there is no device. */
    private long broadcast(FrameBatch batch, long mask, RedirectMap map, boolean excludeIngress) {
        int count = map.devices(devices);
        if (count > devices.length) {
            devices = Arrays.copyOf(devices, count * 2);
            count = Math.min(map.devices(devices), devices.length);
        }
        long taken = 0;
        for (long rest = mask; rest != 0; ) {
            // packets of one ingress device go the same ways
            int ingress = batch.ingressIfindex(Long.numberOfTrailingZeros(rest));
            long same = 0;
            for (long others = rest; others != 0; others &= others - 1) {
                if (batch.ingressIfindex(Long.numberOfTrailingZeros(others)) == ingress) {
                    same |= others & -others;
                }
            }
            rest &= ~same;
            taken |= broadcast(batch, same, count, excludeIngress ? ingress : 0);
        }
        return mask & ~taken;
    }

    private long broadcast(FrameBatch batch, long mask, int count, int except) {
        int last = count - 1;
        while (last >= 0 && (int) devices[last] == except) {
            last--;
        }
        if (last < 0) {
            return 0;
        }
        for (int i = 0; i < last; i++) {
            if ((int) devices[i] != except) {
                FrameBatch copy = copy(batch, mask);
                if (copy != null) {
                    send(copy, copy.selected(), devices[i]);
                    copy.release();
                }
            }
        }
        return mask & ~send(batch, mask, devices[last]);
    }

    /** Copies packets, or gives null when too many copies are on their way. */
    private @Nullable FrameBatch copy(FrameBatch batch, long mask) {
        FramePool pool = batch.isLossless() ? losslessCopies : copies;
        if (pool == null) {
            pool = new FramePool(COPIES, batch.isLossless());
            if (batch.isLossless()) {
                losslessCopies = pool;
            } else {
                copies = pool;
            }
        }
        FrameBatch copy = pool.acquire();
        for (long rest = mask; copy != null && rest != 0 && !copy.isFull(); rest &= rest - 1) {
            copy.appendCopy(batch, Long.numberOfTrailingZeros(rest));
        }
        return copy;
    }

    // --- sockets

    private static long receive(FrameBatch batch, long mask, @Nullable Object receiver) {
        if (!(receiver instanceof XskSocket socket)) {
            return mask;
        }
        long own = 0;
        for (long rest = mask; rest != 0; rest &= rest - 1) {
            int i = Long.numberOfTrailingZeros(rest);
            if (batch.rxQueue(i) == socket.queue()
                    && batch.ingressIfindex(i) == socket.nic().ifindex()) {
                own |= rest & -rest;
            }
        }
        if (own != 0) {
            try {
                socket.receiver().write(batch, own);
            } catch (IOException e) {
                return mask; // as a ring that is full: the packets are lost, and counted
            }
        }
        return mask & ~own;
    }

    // --- flushing

    @SuppressWarnings("ReferenceEquality") // ports have no other
    private void markDirty(TxPort port) {
        for (int i = 0; i < dirtyCount; i++) {
            if (dirty[i] == port) {
                return;
            }
        }
        if (dirtyCount == MAX_DIRTY) {
            port.flushSent();
            return;
        }
        dirty[dirtyCount++] = port;
    }

    /** Sends what was queued: once a poll, as the kernel does. */
    void flush() {
        int count = dirtyCount;
        dirtyCount = 0;
        for (int i = 0; i < count; i++) {
            TxPort port = dirty[i];
            dirty[i] = null;
            if (port != null) {
                port.flushSent();
            }
        }
    }

    private static void count(QueueStatistics statistics, NicCounter counter, long packets) {
        if (packets != 0) {
            statistics.add(counter, Long.bitCount(packets));
        }
    }

    /** Copies that are on their way: 0 when nothing leaks. */
    public int copiesInUse() {
        FramePool some = copies;
        FramePool others = losslessCopies;
        return (some == null ? 0 : some.inUse()) + (others == null ? 0 : others.inUse());
    }

    /** Gives the memory of copies back. When the queue's thread uses it no more. */
    @Override
    public void close() {
        if (copies != null) {
            copies.close();
        }
        if (losslessCopies != null) {
            losslessCopies.close();
        }
    }
}
