package dev.sluice.cli;

import dev.sluice.kernel.BpfException;
import dev.sluice.kernel.Kernel;
import dev.sluice.kernel.KernelLink;
import dev.sluice.kernel.KernelLoader;
import dev.sluice.kernel.KernelObject;
import dev.sluice.kernel.TestRun;
import dev.sluice.packet.measure.Contender;
import dev.sluice.packet.measure.CpuClock;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/**
 * The kernel's live-frame test run (BPF_F_TEST_XDP_LIVE_FRAMES) of a program: one packet copied into page after page, run in
 * batches of 64, and then really dropped, sent or passed up. What is sent goes to one end of a pair of veth interfaces that is
 * made for this; a program at the other end drops it. What passes looks as if it had come from there, with the MAC address of
 * somebody else, so that the network stack drops it at once.
 */
final class KernelLive implements Contender, AutoCloseable {
    private static final int RUNS = 1 << 19;
    private static final int BATCH = 64;

    private final List<AutoCloseable> opened = new ArrayList<>();
    private final TestRun run;
    private final int packetBytes;

    /**
     * Loads a program and makes the interfaces.
     *
     * @param devmap the program's devmap, whose slot 0 becomes the pair; empty for none
     * @throws KernelSide.Refused when something of it is not possible here
     */
    static KernelLive open(Kernel kernel, ObjectOptions.Choice choice, String devmap, byte[] packet)
            throws KernelSide.Refused {
        List<AutoCloseable> opened = new ArrayList<>();
        boolean complete = false;
        try {
            Veth veth = Veth.make();
            opened.add(veth);
            KernelObject sink = KernelLoader.load(kernel, BenchPrograms.empty().spec());
            opened.add(sink);
            KernelLink link = sink.program("drop").attachXdp(veth.peerIfindex);
            opened.add(link);
            KernelObject object = KernelLoader.load(kernel, choice.spec());
            opened.add(object);
            KernelOptions.contents(choice, kernel)
                    .forEach((name, entries) ->
                            entries.forEach(entry -> object.map(name).update(entry.key(), entry.value())));
            if (!devmap.isEmpty()) {
                object.map(devmap).update(little(0), little(veth.ifindex));
            }
            TestRun run = object.program(choice.program().name()).testRun();
            opened.add(run);
            run.input().asSlice(0, packet.length).copyFrom(java.lang.foreign.MemorySegment.ofArray(packet));
            run.receivedOn(veth.ifindex, 0).liveFrames(BATCH).repeat(RUNS);
            KernelLive live = new KernelLive(run, packet.length);
            live.opened.addAll(opened);
            live.round();
            complete = true;
            return live;
        } catch (BpfException | IOException e) {
            throw new KernelSide.Refused("no live frames: " + e.getMessage());
        } finally {
            if (!complete) {
                close(opened);
            }
        }
    }

    private KernelLive(TestRun run, int packetBytes) {
        this.run = run;
        this.packetBytes = packetBytes;
    }

    private static byte[] little(int value) {
        return ByteBuffer.allocate(Integer.BYTES)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putInt(value)
                .array();
    }

    @Override
    public double round() {
        long start = CpuClock.nanos();
        run.run(packetBytes);
        return (double) (CpuClock.nanos() - start) / RUNS;
    }

    @Override
    public void close() {
        close(opened);
    }

    private static void close(List<AutoCloseable> all) {
        for (AutoCloseable one : all.reversed()) {
            try {
                one.close();
            } catch (Exception e) {
                throw new AssertionError("closing what was measured", e);
            }
        }
    }

    /** Two interfaces with a cable between them, until this is closed. */
    private static final class Veth implements AutoCloseable {
        private final String name;
        private final Thread onExit;
        final int ifindex;
        final int peerIfindex;

        private Veth(String name, Thread onExit, int ifindex, int peerIfindex) {
            this.name = name;
            this.onExit = onExit;
            this.ifindex = ifindex;
            this.peerIfindex = peerIfindex;
        }

        static Veth make() throws IOException {
            String name = "slv" + ProcessHandle.current().pid() % 1_000_000;
            String peer = name + "p";
            // Ctrl-C in the middle must not leave them behind
            Thread onExit = new Thread(() -> remove(name), "sluice-veth");
            Runtime.getRuntime().addShutdownHook(onExit);
            boolean complete = false;
            try {
                ip("link", "add", name, "type", "veth", "peer", "name", peer);
                ip("link", "set", name, "up");
                ip("link", "set", peer, "up");
                Veth made = new Veth(name, onExit, ifindex(name), ifindex(peer));
                complete = true;
                return made;
            } finally {
                if (!complete) {
                    new Veth(name, onExit, 0, 0).close();
                }
            }
        }

        private static void remove(String name) {
            try {
                ip("link", "del", name);
            } catch (IOException e) {
                // it was never made, or somebody else has removed it
            }
        }

        private static int ifindex(String name) throws IOException {
            return Integer.parseInt(
                    Files.readString(Path.of("/sys/class/net", name, "ifindex")).strip());
        }

        private static void ip(String... arguments) throws IOException {
            List<String> command = new ArrayList<>(List.of("ip"));
            command.addAll(List.of(arguments));
            Process process =
                    new ProcessBuilder(command).redirectErrorStream(true).start();
            String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
            try {
                if (!process.waitFor(10, TimeUnit.SECONDS) || process.exitValue() != 0) {
                    throw new IOException(String.join(" ", command) + ": " + output.strip());
                }
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw new IOException("interrupted", e);
            }
        }

        @Override
        public void close() {
            try {
                Runtime.getRuntime().removeShutdownHook(onExit);
            } catch (IllegalStateException e) {
                return; // the JVM is ending, and the hook removes them
            }
            remove(name);
        }
    }
}
