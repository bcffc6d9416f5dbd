package dev.sluice.packet.netty;

import dev.sluice.exec.Executable;
import dev.sluice.helper.RunContext;
import dev.sluice.map.CpuMap;
import dev.sluice.memory.FrameDescriptor;
import dev.sluice.packet.frame.BatchQueue;
import dev.sluice.packet.frame.FrameBatch;
import dev.sluice.packet.nic.NicCounter;
import dev.sluice.packet.nic.NicTable;
import dev.sluice.packet.nic.QueueStatistics;
import dev.sluice.packet.nic.VirtualNic;
import dev.sluice.packet.nic.XdpAction;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.IoEvent;
import io.netty.channel.IoEventLoop;
import io.netty.channel.IoRegistration;
import java.util.List;
import java.util.function.IntFunction;
import org.jspecify.annotations.Nullable;

/**
 * Where cpumaps lead: one queue a CPU, which that CPU's loop polls. The entry's program runs there; what it lets pass goes on
 * behind the verdict of the NIC that the packet came from, on the queue of this number, as the kernel gives it to the network stack
 * on the other CPU.
 *
 * <pre>
 *   loop 0   XdpHandler ─> VerdictHandler ─ redirect ─> [queue of CPU 1] ─┐
 *   loop 1                                    (entry's program) <─────────┘ ─> behind the NIC's VerdictHandler of queue 1
 * </pre>
 *
 * Allocates nothing per batch.
 */
public final class CpuQueues {
    /** What is counted for each CPU: packets that it took, packets that a program has seen, and what became of them. */
    public static final List<NicCounter> COUNTERS = List.of(
            NicCounter.RX_PACKETS,
            NicCounter.RX_XDP_PACKETS,
            NicCounter.RX_XDP_PASS,
            NicCounter.RX_XDP_DROP,
            NicCounter.RX_XDP_REDIRECT,
            NicCounter.RX_XDP_REDIRECT_ERRORS,
            NicCounter.RX_XDP_INVALID);

    private volatile @Nullable CpuQueue[] queues = new CpuQueue[0];

    /**
     * Makes a CPU reachable.
     *
     * @param loop the CPU's
     * @param context what entries' programs run with there
     * @param redirects where they redirect to
     * @param nics to find the device that a packet came from
     */
    public synchronized void add(
            int cpu,
            IoEventLoop loop,
            RunContext context,
            Redirects redirects,
            NicTable nics,
            IntFunction<@Nullable Executable> programs,
            FaultListener listener) {
        @Nullable CpuQueue[] more = new CpuQueue[Math.max(queues.length, cpu + 1)];
        System.arraycopy(queues, 0, more, 0, queues.length);
        CpuQueue queue = new CpuQueue(cpu, context, redirects, nics, programs, listener);
        more[cpu] = queue;
        queues = more;
        queue.registration = loop.register(queue).syncUninterruptibly().getNow();
    }

    private @Nullable CpuQueue queue(int cpu) {
        CpuQueue[] all = queues;
        return cpu >= 0 && cpu < all.length ? all[cpu] : null;
    }

    /** Hands packets over to a CPU, or gives false when it is not there or its queue is full. Any loop's thread. */
    boolean enqueue(FrameBatch batch, long mask, CpuMap map, int cpu) {
        CpuQueue queue = queue(cpu);
        if (queue == null) {
            return false;
        }
        // packets of a source that waits are bounded by its pool
        if (queue.waiting.packets() >= map.queueSize(cpu) && !batch.isLossless()) {
            return false;
        }
        queue.waiting.add(batch.select(mask));
        IoRegistration registered = queue.registration;
        if (registered != null) {
            registered.submit(PollOps.WAKE);
        }
        return true;
    }

    /** What a CPU has taken and done; null for one that is not there. */
    public @Nullable QueueStatistics statistics(int cpu) {
        CpuQueue queue = queue(cpu);
        return queue == null ? null : queue.statistics;
    }

    /** Packets that wait for a CPU. */
    public int waiting() {
        int sum = 0;
        for (CpuQueue queue : queues) {
            sum += queue == null ? 0 : queue.waiting.packets();
        }
        return sum;
    }

    /** One CPU's queue. */
    private static final class CpuQueue implements RoundHandle {
        private final int cpu;
        private final Redirects redirects;
        private final NicTable nics;
        private final IntFunction<@Nullable Executable> programs;
        private final ProgramRunner runner;
        private final BatchQueue waiting = new BatchQueue();
        private final QueueStatistics statistics = new QueueStatistics();
        private final XdpExceptions exceptions = new XdpExceptions();
        private volatile @Nullable IoRegistration registration;

        CpuQueue(
                int cpu,
                RunContext context,
                Redirects redirects,
                NicTable nics,
                IntFunction<@Nullable Executable> programs,
                FaultListener listener) {
            this.cpu = cpu;
            this.redirects = redirects;
            this.nics = nics;
            this.programs = programs;
            context.rxQueueMask = 0; // it runs programs of entries only
            runner = new ProgramRunner(context, listener);
        }

        @Override
        public int poll(int budget) {
            int done = 0;
            while (done < budget) {
                FrameBatch batch = waiting.poll();
                if (batch == null) {
                    break;
                }
                done += batch.count();
                try {
                    handle(batch);
                } finally {
                    batch.release();
                }
            }
            if (done > 0) {
                redirects.flush();
            }
            return done;
        }

        private void handle(FrameBatch batch) {
            // the map is looked at before a program runs, if one runs at all
            boolean entered = runner.context().reader.enter();
            try {
                give(batch);
            } finally {
                runner.context().reader.leave(entered);
            }
        }

        private void give(FrameBatch batch) {
            int first = Long.numberOfTrailingZeros(batch.selected());
            int map = batch.redirectMap(first) & FrameDescriptor.REDIRECT_MAP_ID_MASK;
            long all = batch.selected();
            statistics.add(NicCounter.RX_PACKETS, batch.count());
            long passed = all;
            int program = runner.context().maps.byId(map) instanceof CpuMap cpuMap ? cpuMap.programId(cpu) : 0;
            Executable executable = program == 0 ? null : programs.apply(program);
            VirtualNic nic = nics.byIfindex(batch.ingressIfindex(first));
            ChannelHandlerContext host =
                    nic != null && nic.port(cpu) instanceof QueueChannel channel ? channel.behindVerdict() : null;
            if (executable != null) {
                passed = run(executable, batch, host);
            }
            if (passed == 0) {
                return;
            }
            statistics.add(NicCounter.RX_XDP_PASS, Long.bitCount(passed));
            if (host != null) {
                host.fireChannelRead(passed == all ? batch.retain() : batch.select(passed));
                host.fireChannelReadComplete();
            }
        }

        /** Runs the entry's program, does all but pass, and gives what is left. */
        private long run(Executable program, FrameBatch batch, @Nullable ChannelHandlerContext host) {
            batch.setQueue(cpu);
            runner.run(program, batch);
            long passed = 0;
            long dropped = 0;
            long redirected = 0;
            for (long rest = batch.selected(); rest != 0; rest &= rest - 1) {
                long packet = rest & -rest;
                switch (XdpAction.of(batch.action(Long.numberOfTrailingZeros(rest)))) {
                    case PASS -> passed |= packet;
                    case DROP -> dropped |= packet;
                    case REDIRECT -> redirected |= packet;
                    // the kernel takes neither for an action here
                    case ABORTED, TX, OTHER -> {}
                }
            }
            long invalid = batch.selected() & ~(passed | dropped | redirected);
            statistics.add(NicCounter.RX_XDP_PACKETS, batch.count());
            statistics.add(NicCounter.RX_XDP_DROP, Long.bitCount(dropped));
            statistics.add(NicCounter.RX_XDP_INVALID, Long.bitCount(invalid));
            if (redirected != 0) {
                redirects.redirect(batch, redirected, statistics);
            }
            if (invalid != 0 && host != null) {
                host.fireUserEventTriggered(exceptions.of(batch, invalid));
                exceptions.of(null, 0);
            }
            return passed;
        }

        @Override
        public void roundEnded() {
            runner.context().reader.quiescent();
        }

        @Override
        public void beforeWaiting() {
            runner.context().reader.offline();
        }

        @Override
        public void registered() {
            runner.context().reader.announces(true);
        }

        @Override
        public void unregistered() {
            runner.context().reader.announces(false);
        }

        @Override
        public long idleNanos() {
            return waiting.isEmpty() ? UNTIL_WOKEN : 0;
        }

        @Override
        public void handle(IoRegistration registered, IoEvent event) {
            throw new AssertionError("a CPU's queue gets no events");
        }

        @Override
        public void close() {
            for (FrameBatch batch = waiting.poll(); batch != null; batch = waiting.poll()) {
                batch.release();
            }
            IoRegistration made = registration;
            if (made != null) {
                registration = null;
                made.cancel();
            }
        }
    }
}
