package dev.sluice.conformance.api;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.Engines;
import dev.sluice.LoadedObject;
import dev.sluice.XdpRuntime;
import dev.sluice.conformance.Pcaps;
import dev.sluice.helper.RunContext;
import dev.sluice.object.ObjectSpec;
import dev.sluice.packet.frame.FrameBatch;
import dev.sluice.packet.frame.FramePool;
import dev.sluice.packet.netty.PollIoHandler;
import dev.sluice.packet.netty.VerdictHandler;
import dev.sluice.packet.netty.VirtualQueueChannel;
import dev.sluice.packet.netty.Wire;
import dev.sluice.packet.netty.XdpHandler;
import dev.sluice.packet.nic.VirtualNic;
import dev.sluice.packet.pcap.CaptureBatch;
import dev.sluice.packet.pcap.CaptureReader;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.SimpleChannelInboundHandler;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.LongAdder;
import org.junit.jupiter.api.Test;

/** The README's example of a pipeline of one's own: what stands between {@code // example} and {@code // end}. */
class PipelineExampleTest {
    @Test
    void aPipelineOfOnesOwn() throws Exception {
        ObjectSpec spec = ObjectSpec.read(Pcaps.object("drop_udp_port"));
        Path trace = Pcaps.capture("recorded/dns.pcap");
        LongAdder passedBytes = new LongAdder();
        EventLoopGroup loops = new MultiThreadIoEventLoopGroup(1, PollIoHandler.newFactory());
        try (XdpRuntime runtime = new XdpRuntime(Engines.jit(), 1, 0);
                RunContext context = runtime.newContext(System::nanoTime, 0)) {
            LoadedObject object = runtime.load(spec, spec.xdpPrograms());
            // example
            VirtualNic nic = new VirtualNic("eth0", 1, VirtualNic.macFor(1), 1500, 1);
            VirtualQueueChannel queue = new VirtualQueueChannel(nic, 0, new FramePool(), Wire.NULL);
            queue.pipeline()
                    .addLast(new XdpHandler(object.programs().getFirst().executable(), context))
                    .addLast(new VerdictHandler(nic.statistics(0)))
                    .addLast(new SimpleChannelInboundHandler<FrameBatch>() {
                        @Override // what passes comes here, up to 64 packets at a time
                        protected void channelRead0(ChannelHandlerContext ctx, FrameBatch batch) {
                            for (long rest = batch.selected(); rest != 0; rest &= rest - 1) {
                                passedBytes.add(batch.length(Long.numberOfTrailingZeros(rest)));
                            }
                        }
                    });
            loops.register(queue).sync();
            try (CaptureReader capture = CaptureReader.open(trace);
                    CaptureBatch read = new CaptureBatch(64)) {
                while (capture.read(read) > 0) {
                    queue.feed(read); // waits while the queue is full
                }
            }
            // end
            while (queue.pool().inUse() > 0) {
                TimeUnit.MILLISECONDS.sleep(1);
            }
            queue.close().sync();
            loops.shutdownGracefully(0, 5, TimeUnit.SECONDS).sync();
            assertThat(nic.statistics())
                    .containsEntry("rx_packets", 70L)
                    .containsEntry("rx_xdp_pass", 70L - nic.statistics().get("rx_xdp_drop"));
            assertThat(nic.statistics().get("rx_xdp_drop")).isPositive();
            assertThat(passedBytes.sum()).isPositive();
        }
    }

    @Test
    void theReadmeShowsIt() throws Exception {
        String source = Files.readString(
                Pcaps.TOP.resolve("conformance/src/test/java/dev/sluice/conformance/api/PipelineExampleTest.java"));
        String example = source.substring(source.indexOf("// example\n") + 11, source.indexOf("// end\n"));
        String readme = Files.readString(Pcaps.TOP.resolve("README.md"), StandardCharsets.UTF_8);
        assertThat(plain(readme)).contains(plain(example));
    }

    /** The formatter breaks lines at other places than a page does. */
    private static String plain(String code) {
        return code.replaceAll("\\s+", "");
    }
}
