package dev.sluice.cli;

import dev.sluice.LoadedProgram;
import dev.sluice.kernel.BpfException;
import dev.sluice.kernel.Kernel;
import dev.sluice.kernel.KernelLink;
import dev.sluice.kernel.KernelLoader;
import dev.sluice.kernel.KernelMap;
import dev.sluice.kernel.KernelObject;
import dev.sluice.kernel.KernelProgram;
import dev.sluice.kernel.LoadResult;
import dev.sluice.kernel.MapEntry;
import dev.sluice.kernel.TestRun;
import dev.sluice.memory.Memory;
import dev.sluice.packet.measure.CpuClock;
import dev.sluice.packet.measure.PacketSet;
import dev.sluice.packet.measure.Repeater;
import dev.sluice.packet.tap.TapDevice;
import dev.sluice.packet.tap.TapException;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * A program in this machine's kernel under BPF_PROG_TEST_RUN with {@code repeat}. The kernel's own figure is the mean of a run
 * in whole nanoseconds, rounded down. What is lost there comes from the CPU time of the calling thread, less what a call costs
 * apart from its runs.
 *
 * <p>A test run first makes the kernel rewrite the code through which it calls XDP programs, and wait until no CPU is in the
 * old one: 15 to 25 ms each time, for a program that is attached nowhere. So it is attached, to a TAP interface that is made for
 * this and stays down; where that is not allowed, runs take their time.
 */
final class KernelSide implements Repeater, AutoCloseable {
    private static final int CALLS = 15;

    private final KernelObject object;
    private final TestRun testRun;

    /** CPU time of a call apart from its runs. */
    private long callNanos;

    private @Nullable TapDevice tap;
    private @Nullable KernelLink link;

    private KernelSide(KernelObject object, KernelProgram program) {
        this.object = object;
        testRun = program.testRun().context(false);
        try {
            tap = TapDevice.open("sluice%d");
            link = program.attachXdp(tap.ifindex());
        } catch (TapException | BpfException e) {
            closeAttachment();
        }
    }

    private long measureCall() {
        testRun.repeat(2); // with one run the code is not rewritten
        testRun.input().asSlice(0, PacketSet.MIN_BYTES).fill((byte) 0);
        long[] calls = new long[CALLS];
        for (int i = 0; i < CALLS; i++) {
            long start = CpuClock.nanos();
            testRun.run(PacketSet.MIN_BYTES);
            calls[i] = CpuClock.nanos() - start - 2L * testRun.durationNanos();
        }
        Arrays.sort(calls);
        return calls[CALLS / 2];
    }

    /** The kernel does not run it; the message says why. */
    static final class Refused extends Exception {
        private static final long serialVersionUID = 1L;

        Refused(String message) {
            super(message, null, false, false);
        }
    }

    /**
     * Loads what a session has loaded.
     *
     * @param entries what maps start with beside the object's own, by name
     */
    static KernelSide open(
            Kernel kernel, ObjectOptions.Choice choice, Session session, Map<String, List<MapEntry>> entries)
            throws Refused {
        Set<String> needed =
                session.object().programs().stream().map(LoadedProgram::name).collect(Collectors.toSet());
        KernelObject object;
        try {
            object = KernelObject.load(
                    kernel,
                    KernelLoader.plan(
                            kernel,
                            choice.spec().withKconfig(KernelLoader.kconfig(kernel)),
                            program -> needed.contains(program.name())));
        } catch (BpfException e) {
            throw new Refused("the kernel does not make its maps: " + e.getMessage());
        }
        KernelSide side = null;
        boolean opened = false;
        try {
            for (Map.Entry<String, LoadResult> result : object.results().entrySet()) {
                if (result.getValue() instanceof LoadResult.Rejected rejected) {
                    throw new Refused("the kernel refuses program " + result.getKey() + ": " + rejected.errnoName());
                }
            }
            fill(object, entries);
            side = new KernelSide(object, object.program(choice.program().name()));
            side.callNanos = side.measureCall();
            opened = true;
            return side;
        } finally {
            if (!opened && side != null) {
                side.close();
            } else if (!opened) {
                object.close();
            }
        }
    }

    private static void fill(KernelObject object, Map<String, List<MapEntry>> entries) throws Refused {
        for (Map.Entry<String, List<MapEntry>> map : entries.entrySet()) {
            try {
                KernelMap target = object.map(map.getKey());
                for (MapEntry entry : map.getValue()) {
                    target.update(entry.key(), entry.value());
                }
            } catch (BpfException | IllegalArgumentException e) {
                throw new Refused("entries of map " + map.getKey() + ": " + e.getMessage());
            }
        }
    }

    @Override
    public long run(long packet, int length, int repeat) {
        MemorySegment.copy(Memory.ALL, packet, testRun.input(), 0, length);
        testRun.repeat(repeat);
        long start = CpuClock.nanos();
        testRun.run(length);
        long call = CpuClock.nanos() - start;
        long whole = (long) repeat * testRun.durationNanos();
        // a kernel that is preempted counts the other task's time: runs take no more than the call has had of the CPU
        return Math.clamp(call - callNanos, Math.min(whole, call), whole + repeat);
    }

    private void closeAttachment() {
        if (link != null) {
            link.close();
            link = null;
        }
        if (tap != null) {
            tap.close();
            tap = null;
        }
    }

    @Override
    public void close() {
        closeAttachment();
        testRun.close();
        object.close();
    }
}
