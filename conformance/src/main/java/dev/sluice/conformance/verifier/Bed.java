package dev.sluice.conformance.verifier;

import dev.sluice.helper.Kfunc;
import dev.sluice.kernel.Kernel;
import dev.sluice.kernel.KernelLoader;
import dev.sluice.kernel.KernelMap;
import dev.sluice.kernel.LoadResult;
import dev.sluice.kernel.MapAttributes;
import dev.sluice.kernel.ProgramAttributes;
import dev.sluice.kernel.Uapi;
import dev.sluice.map.MapDef;
import dev.sluice.map.MapType;
import dev.sluice.verifier.KnownMap;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;

/** The maps that cases and fuzzed programs name by index, for both verifiers. */
final class Bed {
    private static final int OPCODE_LDDW = 0x18;
    private static final int OPCODE_CALL = 0x85;
    private static final int PSEUDO_KFUNC = 2;
    private static final int NO_FD = 0x7fff_ffff;

    static final List<MapDef> DEFS = List.of(
            MapDef.of("array", MapType.ARRAY, 4, 256, 1),
            MapDef.of("hash", MapType.HASH, 4, 8, 16),
            MapDef.of("ring", MapType.RINGBUF, 0, 0, 4096),
            MapDef.of("programs", MapType.PROG_ARRAY, 4, 4, 4),
            MapDef.of("devices", MapType.DEVMAP, 4, 4, 8),
            MapDef.of("percpu", MapType.PERCPU_ARRAY, 4, 16, 3),
            MapDef.of("events", MapType.PERF_EVENT_ARRAY, 4, 4, 2),
            MapDef.of("queue", MapType.QUEUE, 0, 8, 4));

    private Bed() {}

    static List<KnownMap> known() {
        return DEFS.stream().map(KnownMap::of).toList();
    }

    static List<KernelMap> create(Kernel kernel) {
        List<KernelMap> maps = new ArrayList<>();
        for (MapDef def : DEFS) {
            maps.add(kernel.createMap(
                    MapAttributes.of(def.type().number(), def.keySize(), def.valueSize(), def.maxEntries())
                            .withName(def.name())));
        }
        return maps;
    }

    /** The same instructions with the kernel's descriptors in place of indices. */
    static byte[] withDescriptors(byte[] insns, List<KernelMap> maps) {
        byte[] copy = insns.clone();
        ByteBuffer words = ByteBuffer.wrap(copy).order(ByteOrder.LITTLE_ENDIAN);
        for (int at = 0; at + 8 <= copy.length; at += 8) {
            if ((copy[at] & 0xff) == OPCODE_LDDW) {
                int pseudo = copy[at + 1] >> 4 & 0xf;
                int index = words.getInt(at + 4);
                if (pseudo == 1 || pseudo == 2) {
                    words.putInt(
                            at + 4,
                            index >= 0 && index < maps.size() ? maps.get(index).fd() : NO_FD);
                }
                at += 8;
            } else if ((copy[at] & 0xff) == OPCODE_CALL && (copy[at + 1] >> 4 & 0xf) == PSEUDO_KFUNC) {
                String name = Kfunc.nameOf(words.getInt(at + 4));
                if (name != null) {
                    words.putInt(at + 4, KernelLoader.kernelFunction(name));
                }
            }
        }
        return copy;
    }

    /** What the kernel says. */
    static Answer ask(Kernel kernel, byte[] insns, List<KernelMap> maps) {
        ProgramAttributes attributes = ProgramAttributes.of(Uapi.PROG_TYPE_XDP, withDescriptors(insns, maps))
                .withLogLevel(1);
        return Answer.of(kernel.load(attributes));
    }

    /** The kernel's log. */
    static String log(Kernel kernel, byte[] insns, List<KernelMap> maps, int level) {
        ProgramAttributes attributes = ProgramAttributes.of(Uapi.PROG_TYPE_XDP, withDescriptors(insns, maps))
                .withLogLevel(level);
        return switch (kernel.load(attributes)) {
            case LoadResult.Loaded loaded -> {
                loaded.program().close();
                yield loaded.log();
            }
            case LoadResult.Rejected rejected -> rejected.log();
        };
    }

    /** An answer of either verifier. */
    record Answer(boolean accepted, boolean unsupported, int processed, String message) {
        static Answer of(LoadResult result) {
            return switch (result) {
                case LoadResult.Loaded loaded -> {
                    try (var program = loaded.program()) {
                        yield new Answer(true, false, program.info().verifiedInsns(), "");
                    }
                }
                case LoadResult.Rejected rejected -> new Answer(false, false, 0, lastLine(rejected.log()));
            };
        }

        private static String lastLine(String log) {
            String[] lines = log.strip().split("\n");
            int last = lines.length - 1;
            if (last > 0 && lines[last].startsWith("processed ")) {
                last--;
            }
            int processed = lines[last].indexOf("processed "); // the kernel does not end every line
            return (processed > 0 ? lines[last].substring(0, processed) : lines[last]).strip();
        }
    }
}
