package dev.sluice.packet;

import dev.sluice.packet.netty.CpuQueues;
import dev.sluice.packet.netty.XdpHandler;
import dev.sluice.packet.nic.NicCounter;
import dev.sluice.packet.nic.QueueStatistics;
import dev.sluice.packet.nic.Tally;
import dev.sluice.packet.nic.XdpAction;
import dev.sluice.packet.pcap.Damage;
import io.netty.channel.IoEventLoop;
import java.util.ArrayList;
import java.util.Collection;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.RejectedExecutionException;
import java.util.function.BooleanSupplier;

/** Reads the totals of a datapath, each queue's on its own thread while that runs. Any thread. */
final class Totals {
    private final Collection<Datapath.Nic> nics;
    private final Devices devices;
    private final Feeds feeds;
    private final CpuQueues cpuQueues;
    private final IoEventLoop[] loops;
    private final BooleanSupplier closed;
    private final Runnable awaitClosed;

    /**
     * @param closed whether the queues' threads have ended
     * @param awaitClosed waits for that
     */
    Totals(
            Collection<Datapath.Nic> nics,
            Devices devices,
            Feeds feeds,
            CpuQueues cpuQueues,
            IoEventLoop[] loops,
            BooleanSupplier closed,
            Runnable awaitClosed) {
        this.nics = nics;
        this.devices = devices;
        this.feeds = feeds;
        this.cpuQueues = cpuQueues;
        this.loops = loops.clone();
        this.closed = closed;
        this.awaitClosed = awaitClosed;
    }

    /**
     * What has become of packets so far: of each queue as it was between two batches.
     *
     * @param cancelled whether the run was ended before its sources did
     */
    RunTotals read(long durationNanos, boolean cancelled) {
        List<NicTotals> totals = new ArrayList<>();
        Map<String, Map<String, Long>> statistics = new LinkedHashMap<>();
        for (Datapath.Nic nic : nics) {
            if (!devices.has(nic)) {
                continue; // asked of a run that never began
            }
            Device device = devices.wire(nic);
            totals.add(totals(device));
            statistics.put(nic.name, device.nic.statistics());
            Device host = devices.host(nic);
            if (host != null) {
                statistics.put(host.nic.name(), host.nic.statistics());
            }
        }
        for (int cpu = 0; cpu < loops.length; cpu++) {
            QueueStatistics of = cpuQueues.statistics(cpu);
            if (of != null && of.get(NicCounter.RX_PACKETS) != 0) {
                Map<String, Long> counters = new LinkedHashMap<>();
                for (NicCounter counter : CpuQueues.COUNTERS) {
                    counters.put(counter.label(), of.get(counter));
                }
                statistics.put("cpumap:" + cpu, counters);
            }
        }
        long cut = 0;
        List<Damage> damages = new ArrayList<>();
        for (Feed feed : feeds.all()) {
            cut += feed.source().cutPackets();
            damages.addAll(feed.source().damages());
        }
        return new RunTotals(durationNanos, totals, cut, damages, cancelled, statistics);
    }

    /** One queue between two batches. */
    private record QueueTotals(Map<NicCounter, Long> counters, Tally verdicts, long faults) {}

    private NicTotals totals(Device device) {
        Tally verdicts = new Tally();
        long faults = 0;
        Map<NicCounter, Long> sums = new EnumMap<>(NicCounter.class);
        for (int queue = 0; queue < device.channels.size(); queue++) {
            QueueTotals of = totals(device, queue);
            verdicts.add(of.verdicts);
            faults += of.faults;
            of.counters.forEach((counter, n) -> sums.merge(counter, n, Long::sum));
        }
        long refusedBytes = 0;
        for (Feed feed : feeds.all()) {
            if (feed.nic() == device.nic) {
                refusedBytes += feed.refusedBytes();
            }
        }
        long received = sums.getOrDefault(NicCounter.RX_PACKETS, 0L);
        long receivedBytes = sums.getOrDefault(NicCounter.RX_BYTES, 0L);
        long tooShort = sums.getOrDefault(NicCounter.RX_LENGTH_ERRORS, 0L);
        long tooLong = sums.getOrDefault(NicCounter.RX_TOO_LARGE, 0L);
        long dropped = sums.getOrDefault(NicCounter.RX_NO_BUFFER, 0L);
        // without a program they passed
        verdicts.add(XdpAction.PASS.ordinal(), received - verdicts.packets(), receivedBytes - verdicts.bytes());
        List<PacketFault> kept;
        synchronized (device.faults) {
            kept = List.copyOf(device.faults);
        }
        return new NicTotals(
                device.nic.name(),
                received + tooShort + tooLong + dropped,
                receivedBytes + refusedBytes,
                verdicts,
                tooShort,
                tooLong,
                dropped,
                faults,
                kept);
    }

    private QueueTotals totals(Device device, int queue) {
        Callable<QueueTotals> read = () -> {
            Map<NicCounter, Long> counters = new EnumMap<>(NicCounter.class);
            for (NicCounter counter : NicCounter.values()) {
                counters.put(counter, device.nic.statistics(queue).get(counter));
            }
            XdpHandler program = device.programs.get(queue);
            Tally verdicts = new Tally();
            verdicts.add(program.tally());
            return new QueueTotals(counters, verdicts, program.faults());
        };
        try {
            if (!closed.getAsBoolean() && queue < loops.length && !loops[queue].isShuttingDown()) {
                try {
                    return loops[queue].submit(read).get();
                } catch (RejectedExecutionException e) {
                    awaitClosed.run(); // it was closed a moment ago
                }
            }
            return read.call();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException("interrupted while a queue was asked for its totals", e);
        } catch (ExecutionException e) {
            throw new AssertionError(e.getCause());
        } catch (Exception e) {
            throw new AssertionError(e);
        }
    }
}
