package dev.sluice.packet;

import dev.sluice.packet.gen.PacketRing;
import dev.sluice.packet.netty.VirtualQueueChannel;
import dev.sluice.packet.pcap.CaptureException;
import io.netty.channel.IoEventLoop;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** What gives packets to virtual queues: captures and generators. The thread that opens and closes the datapath. */
final class Feeds {
    private final Time time;
    private final Feed.Listener listener;
    private final List<Feed> all = new ArrayList<>();
    private final Map<Feed, Integer> polled = new LinkedHashMap<>();
    private final List<Feed> threads = new ArrayList<>();
    private final List<PacketRing> rings = new ArrayList<>();

    Feeds(Time time, Feed.Listener listener) {
        this.time = time;
        this.listener = listener;
    }

    /** Makes the feeds of devices, each to be polled by a CPU's loop or to be run by a thread of its own. */
    void make(List<Device> devices, boolean oneThread) throws CaptureException {
        boolean stamped = time == Time.MACHINE;
        for (Device device : devices) {
            if (device.end instanceof End.Captures captures) {
                Feed feed = new Feed(
                        new CaptureSource(captures),
                        captures.pace(),
                        captures.limit(),
                        device.nic,
                        device.virtualChannels(),
                        stamped,
                        listener);
                all.add(feed);
                if (oneThread || device.channels.size() == 1) {
                    polled.put(feed, 0);
                } else {
                    threads.add(feed);
                }
            }
        }
        for (Device device : devices) {
            if (device.end instanceof End.Generator generator) {
                makeGenerators(device, generator, oneThread).forEach((feed, cpu) -> {
                    all.add(feed);
                    polled.put(feed, cpu);
                });
            }
        }
        if (time == Time.CAPTURE) {
            Feed.takeTurns(all);
        }
    }

    /** One feed for all queues where one thread runs them, else one for each queue with what RSS gives it. */
    private Map<Feed, Integer> makeGenerators(Device device, End.Generator generator, boolean oneThread) {
        PacketRing ring = new PacketRing(generator.traffic());
        rings.add(ring);
        int queues = oneThread ? 1 : device.channels.size();
        List<List<Integer>> members = new ArrayList<>();
        for (int queue = 0; queue < queues; queue++) {
            members.add(new ArrayList<>());
        }
        for (int i = 0; i < ring.size(); i++) {
            int queue = queues == 1 ? 0 : device.nic.rss().queue(ring.address(i), ring.length(i));
            members.get(queue).add(i);
        }
        double rate = generator.pace().packetsPerSecond();
        boolean inTime = time == Time.CAPTURE;
        long left = generator.limit();
        Map<Feed, Integer> made = new LinkedHashMap<>();
        for (int queue = 0; queue < queues; queue++) {
            int[] own = members.get(queue).stream().mapToInt(i -> i).toArray();
            double share = own.length / (double) ring.size();
            long limit = generator.limit();
            if (limit != Long.MAX_VALUE) {
                limit = queue == queues - 1 ? left : Math.min(left, (long) (limit * share));
                left -= limit;
            }
            made.put(
                    new Feed(
                            new GeneratorSource(ring, own, inTime && rate != 0 ? 1e9 / rate : 0),
                            rate == 0 || inTime ? Pace.TOP_SPEED : Pace.rate(Math.max(rate * share, 1e-3)),
                            limit,
                            device.nic,
                            queues == 1
                                    ? device.virtualChannels()
                                    : new VirtualQueueChannel[] {device.virtualChannels()[queue]},
                            !inTime,
                            listener),
                    queue);
        }
        return made;
    }

    List<Feed> all() {
        return all;
    }

    /** Whether all come to an end by themselves. */
    boolean areFinite() {
        return all.stream().allMatch(Feed::isFinite);
    }

    /** Begins: those that loops poll are registered, the others get their threads. */
    void start(IoEventLoop[] loops) {
        all.forEach(Feed::start);
        polled.forEach((feed, cpu) -> loops[cpu].register(feed).syncUninterruptibly());
        for (Feed feed : threads) {
            Thread reader = new Thread(feed::run, "sluice-read");
            reader.setDaemon(true);
            reader.start();
        }
    }

    /** When no loop and no thread uses them any more. */
    void close() {
        all.forEach(Feed::close);
        rings.forEach(PacketRing::close);
    }
}
