package dev.sluice.conformance;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.management.ThreadMXBean;
import dev.sluice.Engines;
import dev.sluice.exec.Executable;
import dev.sluice.exec.ProgramFault;
import dev.sluice.helper.RunContext;
import dev.sluice.isa.Assembler;
import dev.sluice.isa.Code;
import dev.sluice.isa.Form;
import dev.sluice.isa.Instruction;
import dev.sluice.map.BpfMap;
import dev.sluice.map.MapDef;
import dev.sluice.map.MapTable;
import dev.sluice.map.MapType;
import dev.sluice.map.Maps;
import dev.sluice.memory.FrameDescriptor;
import dev.sluice.memory.Memory;
import dev.sluice.memory.Regions;
import dev.sluice.program.Program;
import dev.sluice.program.Verified;
import dev.sluice.verifier.KnownMap;
import dev.sluice.verifier.Subject;
import dev.sluice.verifier.Verdict;
import dev.sluice.verifier.Verifier;
import java.lang.foreign.Arena;
import java.lang.management.ManagementFactory;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A packet allocates nothing in compiled code, checked or not: context, packet, stack, map, atomics, calls and loops. */
class AllocationTest {
    private static final int PACKETS = 64;
    private static final int FRAME = 2048;
    private static final int HEADROOM = 256;
    private static final int WARM_UP = 20_000;
    /** Until when HotSpot has to be done; on a busy machine that may take as long as anything. */
    private static final long MOST_NANOS = 240_000_000_000L;

    private static final String PROGRAM = """
            r6 = r1
            r7 = *(u32 *)(r1 + 0)
            r8 = *(u32 *)(r1 + 4)
            r2 = r7
            r2 += 14
            if r2 > r8 goto drop
            r3 = *(u16 *)(r7 + 12)
            r3 = be16 r3
            r9 = *(u8 *)(r7 + 0)
            *(u32 *)(r10 - 4) = r9
            r1 = map[fd:0]
            r2 = r10
            r2 += -4
            call 1
            if r0 == 0 goto drop
            r1 = 1
            lock *(u64 *)(r0 + 0) += r1
            call sub
            r0 = 2
            exit
            drop:
            r0 = 1
            exit
            sub:
            r1 = 0
            loop:
            r1 += 1
            if r1 < 10 goto loop
            r0 = r1
            exit
            """;

    private static Program program(Code code, BpfMap map) {
        for (int slot = 0; slot < code.size(); slot++) {
            Instruction insn = code.at(slot);
            if (insn != null && insn.form() == Form.LDDW) {
                return Program.ofCode("counter", code.with(slot, insn.withImm(map.handle())));
            }
        }
        throw new AssertionError("the program loads no map");
    }

    /** With checks, and without them behind a proof. */
    private static Executable load(boolean proved, BpfMap map) {
        Code code = Assembler.assemble(PROGRAM);
        Program program = program(code, map);
        if (!proved) {
            return Engines.jitChecked().load(program, 1);
        }
        Verdict verdict = Verifier.create().verify(Subject.of(code.toBytes(), List.of(KnownMap.of(map.def()))));
        assertThat(verdict).isInstanceOf(Verdict.Verified.class);
        Verified verified =
                ((Verdict.Verified) verdict).facts().verified(program).orElseThrow();
        return Engines.jit().load(verified, 1);
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void aPacketAllocatesNothing(boolean proved) {
        MapTable maps = new MapTable();
        Regions regions = new Regions();
        try (Arena arena = Arena.ofConfined();
                RunContext context = new RunContext(maps, regions, () -> 0, 1)) {
            BpfMap counters = Maps.create(MapDef.of("counters", MapType.ARRAY, 4, 8, 256), maps, regions, 1, 1);
            context.instructionLimit = 1_000_000;
            long descriptors = packets(arena);
            Executable compiled = load(proved, counters);
            assertThat(compiled.engine()).isEqualTo(proved ? "jit" : "jit-checked");
            for (int i = 0; i < WARM_UP; i++) {
                compiled.run(context, descriptors, PACKETS, AllocationTest::unexpected);
            }
            assertThat(Memory.getInt(descriptors + FrameDescriptor.ACTION)).isEqualTo(2);
            // As long as HotSpot compiles, code of a lower tier may allocate what C2 does not: the best round counts.
            ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
            long least = Long.MAX_VALUE;
            long start = System.nanoTime();
            while (least > 0 && System.nanoTime() - start < MOST_NANOS) {
                long before = threads.getCurrentThreadAllocatedBytes();
                for (int i = 0; i < 100; i++) {
                    compiled.run(context, descriptors, PACKETS, AllocationTest::unexpected);
                }
                least = Math.min(least, threads.getCurrentThreadAllocatedBytes() - before);
            }
            assertThat(least).isZero();
        }
    }

    private static long packets(Arena arena) {
        long descriptors = Memory.allocate(arena, (long) PACKETS * FrameDescriptor.BYTES, 64);
        for (int i = 0; i < PACKETS; i++) {
            long frame = Memory.allocate(arena, FRAME, 64);
            long descriptor = descriptors + (long) i * FrameDescriptor.BYTES;
            Memory.putByte(frame + HEADROOM, (byte) i);
            Memory.putLong(descriptor + FrameDescriptor.DATA, frame + HEADROOM);
            Memory.putLong(descriptor + FrameDescriptor.DATA_END, frame + HEADROOM + 64);
            Memory.putLong(descriptor + FrameDescriptor.DATA_META, frame + HEADROOM);
            Memory.putLong(descriptor + FrameDescriptor.HARD_START, frame);
            Memory.putInt(descriptor + FrameDescriptor.FRAME_SIZE, FRAME);
        }
        return descriptors;
    }

    private static void unexpected(int index, ProgramFault fault) {
        throw new AssertionError("packet " + index, fault);
    }
}
