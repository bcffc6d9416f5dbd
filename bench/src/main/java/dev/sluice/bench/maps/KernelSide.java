package dev.sluice.bench.maps;

import dev.sluice.isa.Code;
import dev.sluice.isa.Form;
import dev.sluice.isa.Instruction;
import dev.sluice.kernel.Kernel;
import dev.sluice.kernel.KernelMap;
import dev.sluice.kernel.KernelProgram;
import dev.sluice.kernel.MapAttributes;
import dev.sluice.kernel.ProgramAttributes;
import dev.sluice.kernel.TestRun;
import dev.sluice.map.MapDef;
import dev.sluice.map.MapType;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** The kernel's side: {@code BPF_PROG_TEST_RUN} with a repeat count. */
final class KernelSide implements Side {
    private static final int PROG_TYPE_XDP = 6;
    private static final int PACKET_BYTES = 64;

    private final Kernel kernel;
    private final List<KernelMap> inner = new ArrayList<>();
    private final KernelMap map;
    private final KernelMap state;

    KernelSide(Kernel kernel, MapCase what) {
        this.kernel = kernel;
        MapDef def = what.map();
        MapAttributes attributes = MapAttributes.of(
                        def.type().number(), def.keySize(), def.valueSize(), def.maxEntries())
                .withFlags(def.flags());
        if (def.inner() != null) {
            for (int i = 0; i < MapCase.INNER_MAPS; i++) {
                inner.add(create(def.inner(), i));
            }
            attributes = attributes.withInner(inner.getFirst());
        }
        map = kernel.createMap(attributes);
        for (int i = 0; i < what.entries(); i++) {
            byte[] key = def.keySize() == 0 ? new byte[0] : MapProgram.keyOf(what, i);
            map.update(key, value(def, i));
        }
        state = kernel.createMap(MapAttributes.of(MapType.ARRAY.number(), Integer.BYTES, MapProgram.STATE_BYTES, 1));
    }

    private KernelMap create(MapDef def, int number) {
        KernelMap made = kernel.createMap(
                MapAttributes.of(def.type().number(), def.keySize(), def.valueSize(), def.maxEntries()));
        for (int i = 0; i < def.maxEntries(); i++) {
            made.update(SluiceSide.index(i), MapProgram.valueOf(number * def.maxEntries() + i));
        }
        return made;
    }

    private byte[] value(MapDef def, int index) {
        if (def.inner() != null) {
            return SluiceSide.index(inner.get(index % inner.size()).fd());
        }
        byte[] value = MapProgram.valueOf(index);
        if (!map.isPerCpu()) {
            return value;
        }
        byte[][] all = new byte[kernel.possibleCpus()][];
        java.util.Arrays.fill(all, value);
        return map.joinPerCpu(all);
    }

    @Override
    public Loaded load(Code code) {
        Code own = code;
        for (int slot = 0; slot < code.size(); slot++) {
            Instruction insn = code.at(slot);
            if (insn != null && insn.form() == Form.LDDW && insn.src() != 0) {
                own = own.with(slot, insn.withImm(insn.imm() == MapProgram.MAP ? map.fd() : state.fd()));
            }
        }
        KernelProgram program = kernel.load(
                        ProgramAttributes.of(PROG_TYPE_XDP, own.toBytes()).withLicense("GPL"))
                .orThrow();
        TestRun run = program.testRun(PACKET_BYTES);
        byte[] packet = new byte[PACKET_BYTES];
        return new Loaded() {
            @Override
            public double run(int times) {
                run.repeat(times).run(packet);
                return run.durationNanos();
            }

            @Override
            public void close() {
                run.close();
                program.close();
            }
        };
    }

    @Override
    public void setState(byte[] bytes) {
        state.update(new byte[Integer.BYTES], bytes);
    }

    @Override
    public byte[] state() {
        return state.lookup(new byte[Integer.BYTES]).orElseThrow();
    }

    @Override
    public long mapBytes() {
        try {
            for (String line : Files.readAllLines(Path.of("/proc/self/fdinfo/" + map.fd()))) {
                if (line.startsWith("memlock:")) {
                    return Long.parseLong(line.substring(line.indexOf(':') + 1).strip());
                }
            }
        } catch (IOException e) {
            return -1;
        }
        return -1;
    }

    @Override
    public void close() {
        map.close();
        state.close();
        inner.forEach(KernelMap::close);
    }
}
