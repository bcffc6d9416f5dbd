package dev.sluice.bench.maps;

import dev.sluice.Engines;
import dev.sluice.exec.Executable;
import dev.sluice.exec.ProgramFault;
import dev.sluice.helper.RunContext;
import dev.sluice.isa.Code;
import dev.sluice.isa.Form;
import dev.sluice.isa.Instruction;
import dev.sluice.map.BpfMap;
import dev.sluice.map.MapDef;
import dev.sluice.map.MapTable;
import dev.sluice.map.MapType;
import dev.sluice.map.Maps;
import dev.sluice.memory.Regions;
import dev.sluice.packet.measure.CpuClock;
import dev.sluice.packet.measure.EngineFrames;
import dev.sluice.program.Program;
import dev.sluice.program.Verified;
import dev.sluice.verifier.KnownMap;
import dev.sluice.verifier.Subject;
import dev.sluice.verifier.Verdict;
import dev.sluice.verifier.Verifier;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;

/**
 * Sluice's side: the engine's packet loop over batches of 64 frames. Time is that of the thread on the CPU; the kernel's test
 * run stops its clock as well when another task takes the CPU.
 */
final class SluiceSide implements Side {
    private static final int BATCH = 64;
    private static final int PACKET_BYTES = 64;

    private final EngineFrames frames = new EngineFrames(BATCH);
    private final MapTable table = new MapTable();
    private final Regions regions = new Regions();
    private final RunContext context = new RunContext(table, regions, System::nanoTime, 0);
    private final List<BpfMap> inner = new ArrayList<>();
    private final BpfMap map;
    private final BpfMap state;

    private final int cpus;
    private final boolean checked;

    /**
     * @param cpus that per-CPU maps have values for
     * @param checked whether the code has the checks that unverified programs get
     */
    SluiceSide(MapCase what, int cpus, boolean checked) {
        this.cpus = cpus;
        this.checked = checked;
        Maps maps = new Maps(table, regions, cpus, 0);
        MapDef def = what.map();
        if (def.inner() != null) {
            for (int i = 0; i < MapCase.INNER_MAPS; i++) {
                inner.add(create(maps, def.inner(), i));
            }
        }
        map = maps.create(def);
        for (int i = 0; i < what.entries(); i++) {
            byte[] key = def.keySize() == 0 ? new byte[0] : MapProgram.keyOf(what, i);
            map.put(key, value(def, i, cpus), BpfMap.ANY);
        }
        state = maps.create(MapDef.of("state", MapType.ARRAY, Integer.BYTES, MapProgram.STATE_BYTES, 1));
        for (int i = 0; i < BATCH; i++) {
            frames.describe(i, PACKET_BYTES);
        }
    }

    private static BpfMap create(Maps maps, MapDef def, int number) {
        BpfMap made = maps.create(def);
        for (int i = 0; i < def.maxEntries(); i++) {
            made.put(index(i), MapProgram.valueOf(number * def.maxEntries() + i), BpfMap.ANY);
        }
        return made;
    }

    private byte[] value(MapDef def, int index, int cpus) {
        if (def.inner() != null) {
            return index(inner.get(index % inner.size()).id());
        }
        byte[] value = MapProgram.valueOf(index);
        if (!def.type().isPerCpu()) {
            return value;
        }
        ByteBuffer all = ByteBuffer.allocate(value.length * cpus);
        for (int cpu = 0; cpu < cpus; cpu++) {
            all.put(value);
        }
        return all.array();
    }

    static byte[] index(int index) {
        return ByteBuffer.allocate(Integer.BYTES)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putInt(index)
                .array();
    }

    @Override
    public Loaded load(Code code) {
        Code own = code;
        for (int slot = 0; slot < code.size(); slot++) {
            Instruction insn = code.at(slot);
            if (insn != null && insn.form() == Form.LDDW && insn.src() != 0) {
                own = own.with(slot, insn.withImm((insn.imm() == MapProgram.MAP ? map : state).handle()));
            }
        }
        Program program = Program.ofCode("bench", own);
        Executable executable =
                checked ? Engines.jitChecked().load(program, 1) : Engines.jit().load(prove(code, program), 1);
        return new Loaded() {
            @Override
            public double run(int times) {
                long start = CpuClock.nanos();
                for (int left = times; left > 0; left -= BATCH) {
                    executable.run(context, frames.descriptor(0), Math.min(left, BATCH), SluiceSide::unexpected);
                }
                return (CpuClock.nanos() - start) / (double) times;
            }

            @Override
            public void close() {}
        };
    }

    private Verified prove(Code code, Program program) {
        KnownMap known = KnownMap.of(map.def());
        Subject subject =
                Subject.of(code.toBytes(), List.of(known, known, KnownMap.of(state.def()))); // by MAP and STATE
        Verdict verdict = Verifier.create().withCpus(cpus).verify(subject);
        if (verdict instanceof Verdict.Verified accepted) {
            return accepted.facts().verified(program).orElseThrow();
        }
        throw new AssertionError(verdict.toString());
    }

    private static void unexpected(int index, ProgramFault fault) {
        throw new AssertionError("frame " + index, fault);
    }

    @Override
    public void setState(byte[] bytes) {
        state.put(new byte[Integer.BYTES], bytes, BpfMap.ANY);
    }

    @Override
    public byte[] state() {
        return state.get(new byte[Integer.BYTES]);
    }

    @Override
    public long mapBytes() {
        return map.memoryBytes();
    }

    @Override
    public void close() {
        context.close();
        table.closeAll();
        frames.close();
    }
}
