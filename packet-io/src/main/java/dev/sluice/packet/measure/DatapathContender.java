package dev.sluice.packet.measure;

import dev.sluice.packet.Datapath;
import dev.sluice.packet.RunTotals;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;

/**
 * A datapath whose sources end, from opening to closing. A round is one run of it: CPU time of its queues' threads a packet, in
 * the steady part of the run.
 */
public final class DatapathContender implements Contender {
    /** Puts probes into a NIC. */
    @FunctionalInterface
    public interface Watch {
        /** @param nic the one whose packets count */
        void on(Datapath.Nic nic);
    }

    private static final int POLLS = 1024;

    private final Function<Watch, Datapath> maker;
    private final List<Double> inTime = new ArrayList<>();
    private List<QueueRate> queues = List.of();

    /** @param maker builds the datapath of one round, and shows the NIC whose packets count to the watch */
    public DatapathContender(Function<Watch, Datapath> maker) {
        this.maker = maker;
    }

    @Override
    public double round() {
        List<QueueProbe> probes = new ArrayList<>();
        Datapath datapath = maker.apply(nic -> nic.handler(() -> {
            QueueProbe probe = new QueueProbe(POLLS);
            probes.add(probe);
            return probe;
        }));
        try (datapath) {
            datapath.open();
            RunTotals unused = datapath.await();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        List<QueueRate> rates = new ArrayList<>();
        for (QueueProbe probe : probes) {
            QueueRate rate = probe.rate();
            if (rate != null) {
                rates.add(rate);
            }
        }
        queues = List.copyOf(rates);
        long packets = rates.stream().mapToLong(QueueRate::packets).sum();
        long cpu = rates.stream().mapToLong(QueueRate::cpuNanos).sum();
        if (packets == 0) {
            throw new IllegalStateException(
                    "a run was too short to be measured, expected some 200,000 packets a queue");
        }
        inTime.add(rates.stream().mapToDouble(QueueRate::packetsPerSecond).sum());
        return (double) cpu / packets;
    }

    /** Packets a second of all queues, by round: of the clock on the wall, which other programs have their part in. */
    public List<Double> rates() {
        return inTime;
    }

    /** What each queue did in the last round. */
    public List<QueueRate> queues() {
        return queues;
    }
}
