package dev.sluice.kernel;

import dev.sluice.btf.Btf;
import dev.sluice.btf.BtfKind;
import dev.sluice.object.Blob;
import dev.sluice.object.FunctionSpec;
import dev.sluice.object.Kconfig;
import dev.sluice.object.LinkedProgram;
import dev.sluice.object.MapSpec;
import dev.sluice.object.ObjectException;
import dev.sluice.object.ObjectSpec;
import dev.sluice.object.ProgramSpec;
import dev.sluice.object.ProgramType;
import dev.sluice.object.Reference;
import dev.sluice.object.SectionName;
import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;
import java.util.stream.Stream;
import java.util.zip.GZIPInputStream;
import org.jspecify.annotations.Nullable;

/**
 * Puts an object file, as our own loader reads it, into the running kernel: the same specs that the engines here run, so
 * that both sides execute the same instructions. What only a kernel can answer is asked of this one: its types (for
 * CO-RE relocations), its functions and symbols. Its configuration is taken only by those who say so, with
 * {@code object.withKconfig(KernelLoader.kconfig(kernel))}, so that an engine can be given the same.
 *
 * <p>Differences to libbpf: each program is offered by itself, and a refused one does not take the others with it;
 * programs in sections whose names say nothing are taken for XDP; maps are not pinned; a CPU map without a size gets one
 * entry a CPU. Stateless but for the kernel's types, which are read once.
 */
public final class KernelLoader {
    private static final int INSTRUCTION_BYTES = 8;
    private static final int OFF_OFFSET = 2;
    private static final int IMM_OFFSET = 4;
    private static final int DST_MASK = 0x0f;
    private static final int BPF_PSEUDO_KFUNC_CALL = 2;
    /** What libbpf puts where a weak function does not exist: the verifier refuses it, unless it is never reached. */
    private static final int MISSING_KFUNC = 2_002_000_000;

    private final Kernel kernel;
    private final Predicate<ProgramSpec> chosen;

    private KernelLoader(Kernel kernel, Predicate<ProgramSpec> chosen) {
        this.kernel = kernel;
        this.chosen = chosen;
    }

    private static final class KernelTypes {
        static final @Nullable Btf BTF = read();

        private static @Nullable Btf read() {
            try {
                return Btf.parse(Files.readAllBytes(Path.of("/sys/kernel/btf/vmlinux")));
            } catch (IOException e) {
                return null;
            }
        }
    }

    /**
     * Loads all of an object: every map, every program.
     *
     * @throws BpfException where the kernel does not make a map
     */
    public static KernelObject load(Kernel kernel, ObjectSpec object) {
        return KernelObject.load(kernel, plan(kernel, object));
    }

    /** As {@link #load(Kernel, ObjectSpec)}, with the verifier's log at that level, for all programs. */
    public static KernelObject load(Kernel kernel, ObjectSpec object, int logLevel) {
        return KernelObject.load(kernel, plan(kernel, object), logLevel);
    }

    /** What {@link #load} would make of it. */
    public static ObjectPlan plan(Kernel kernel, ObjectSpec object) {
        return plan(kernel, object, program -> true);
    }

    /** As {@link #plan(Kernel, ObjectSpec)}, with only some of the programs. */
    public static ObjectPlan plan(Kernel kernel, ObjectSpec object, Predicate<ProgramSpec> chosen) {
        return new KernelLoader(kernel, chosen).plan(object);
    }

    /**
     * The types that an object's CO-RE relocations are resolved against: this kernel's, where it has such relocations and
     * the kernel shows its types; else null. Engines that are to run the same instructions link with the same.
     */
    public static @Nullable Btf targetTypes(ObjectSpec object) {
        return object.functions().stream().anyMatch(KernelLoader::hasCoreRelocations) ? KernelTypes.BTF : null;
    }

    private ObjectPlan plan(ObjectSpec object) {
        List<ObjectPlan.MapPlan> maps =
                object.maps().stream().map(map -> mapPlan(object, map)).toList();
        List<ObjectPlan.ProgramPlan> programs = new ArrayList<>();
        List<ObjectPlan.Unlinkable> unlinkable = new ArrayList<>();
        for (ProgramSpec program : object.programs()) {
            if (!chosen.test(program)) {
                continue;
            }
            try {
                programs.add(programPlan(object, program.asXdp()));
            } catch (ObjectException e) {
                unlinkable.add(new ObjectPlan.Unlinkable(program.name(), String.valueOf(e.getMessage())));
            }
        }
        Btf btf = object.kernelBtf();
        return new ObjectPlan(
                object.name(), btf == null ? null : btf.bytes(), object.license(), maps, programs, unlinkable);
    }

    private ObjectPlan.MapPlan mapPlan(ObjectSpec object, MapSpec map) {
        MapAttributes attributes = MapAttributes.of(map.type(), map.keySize(), map.valueSize(), maxEntries(map))
                .withName(map.name())
                .withFlags(map.flags())
                .withMapExtra(map.extra());
        if ((map.flags() & Uapi.BPF_F_NUMA_NODE) != 0) {
            attributes = attributes.withNumaNode(map.numaNode());
        }
        List<MapEntry> values = new ArrayList<>();
        Blob contents = map.contents();
        if (contents != null) {
            values.add(new MapEntry(Uapi.u32(0), Arrays.copyOf(contents.bytes(), map.valueSize())));
        }
        List<ObjectPlan.Slot> maps = new ArrayList<>();
        List<ObjectPlan.Slot> programs = new ArrayList<>();
        for (MapSpec.Entry entry : map.entries()) {
            (entry.isProgram() ? programs : maps).add(new ObjectPlan.Slot(Uapi.u32(entry.key()), entry.target()));
        }
        MapSpec inner = map.inner();
        return new ObjectPlan.MapPlan(
                attributes,
                map.keyBtfType(),
                map.valueBtfType(),
                inner == null ? null : mapPlan(object, inner),
                values,
                maps,
                programs.stream().filter(slot -> isChosen(object, slot)).toList(),
                map.frozen(),
                map.kind() == MapSpec.Kind.RODATA);
    }

    private boolean isChosen(ObjectSpec object, ObjectPlan.Slot slot) {
        return object.program(slot.target()).map(chosen::test).orElse(true);
    }

    /** What programs leave to the loader, and what libbpf corrects. */
    private int maxEntries(MapSpec map) {
        int given = map.entriesOn(kernel.possibleCpus());
        return switch (map.type()) {
            case Uapi.MAP_TYPE_RINGBUF, Uapi.MAP_TYPE_USER_RINGBUF -> given == 0 ? 0 : ringBytes(given);
            default -> given;
        };
    }

    /** A power of two of pages. */
    private static int ringBytes(int given) {
        long bytes = Mapping.pageBytes();
        while (bytes < Integer.toUnsignedLong(given)) {
            bytes *= 2;
        }
        return (int) bytes;
    }

    private ObjectPlan.ProgramPlan programPlan(ObjectSpec object, ProgramSpec program) {
        if (program.type().type() == ProgramType.EXT) {
            throw new ObjectException("program " + program.name()
                    + ": replaces a function of another program, which is not loaded here: section="
                    + program.section());
        }
        LinkedProgram linked = object.link(program, targetTypes(object));
        byte[] instructions = linked.insns().bytes();
        List<ObjectPlan.MapReference> maps = new ArrayList<>();
        for (Reference reference : linked.references()) {
            switch (reference) {
                case Reference.ToMap map -> maps.add(new ObjectPlan.MapReference(map.slot(), map.name()));
                case Reference.ToValue value -> maps.add(new ObjectPlan.MapReference(value.slot(), value.name()));
                case Reference.Kfunc function -> resolve(instructions, function);
                case Reference.Ksym symbol -> resolve(instructions, symbol);
            }
        }
        SectionName section = program.type();
        int attachType = switch (section.attach()) {
            case DEVICE -> Uapi.ATTACH_TYPE_XDP;
            case DEVMAP -> Uapi.ATTACH_TYPE_XDP_DEVMAP;
            case CPUMAP -> Uapi.ATTACH_TYPE_XDP_CPUMAP;
        };
        return new ObjectPlan.ProgramPlan(
                program.name(),
                section.type().number(),
                attachType,
                section.frags() ? Uapi.BPF_F_XDP_HAS_FRAGS : 0,
                instructions,
                maps,
                linked.functionInfoBytes(),
                linked.lineInfoBytes());
    }

    private static boolean hasCoreRelocations(FunctionSpec function) {
        return !function.relocations().isEmpty();
    }

    private static void resolve(byte[] instructions, Reference.Kfunc function) {
        int at = function.slot() * INSTRUCTION_BYTES;
        int id = findKernelType(BtfKind.FUNC, function.name());
        if (id > 0) {
            setRegisters(instructions, at, BPF_PSEUDO_KFUNC_CALL);
            setImm(instructions, at, id);
        } else if (function.weak()) {
            setRegisters(instructions, at, 0);
            setImm(instructions, at, MISSING_KFUNC + function.extern());
        } else {
            throw new ObjectException("this kernel's types have no such function: name=" + function.name());
        }
        instructions[at + OFF_OFFSET] = 0;
        instructions[at + OFF_OFFSET + 1] = 0;
    }

    private static void resolve(byte[] instructions, Reference.Ksym symbol) {
        int at = symbol.slot() * INSTRUCTION_BYTES;
        if (!symbol.typed()) {
            Long address = Kallsyms.ADDRESSES.get(symbol.name());
            if (address == null && !symbol.weak()) {
                throw new ObjectException("this kernel has no such symbol, or hides it: name=" + symbol.name());
            }
            long value = address == null ? 0 : address;
            setImm(instructions, at, (int) value);
            setImm(instructions, at + INSTRUCTION_BYTES, (int) (value >>> 32));
            return;
        }
        // programs ask for the address of a function to know whether it exists
        int id = Math.max(findKernelType(BtfKind.VAR, symbol.name()), findKernelType(BtfKind.FUNC, symbol.name()));
        if (id <= 0 && !symbol.weak()) {
            throw new ObjectException("this kernel's types have no such variable: name=" + symbol.name());
        }
        if (id <= 0) {
            setRegisters(instructions, at, 0);
        }
        setImm(instructions, at, Math.max(id, 0));
        setImm(instructions, at + INSTRUCTION_BYTES, 0);
    }

    /** The id that this kernel's types have for one of its functions, 0 for none of that name. */
    public static int kernelFunction(String name) {
        return Math.max(0, findKernelType(BtfKind.FUNC, name));
    }

    private static int findKernelType(BtfKind kind, String name) {
        Btf types = KernelTypes.BTF;
        return types == null ? 0 : types.find(kind, name);
    }

    private static void setRegisters(byte[] instructions, int at, int src) {
        instructions[at + 1] = (byte) (instructions[at + 1] & DST_MASK | src << 4);
    }

    private static void setImm(byte[] instructions, int at, int imm) {
        MemorySegment.ofArray(instructions).set(ValueLayout.JAVA_INT_UNALIGNED, at + IMM_OFFSET, imm);
    }

    /** Addresses of the kernel's symbols, where this process may see them. */
    private static final class Kallsyms {
        static final Map<String, Long> ADDRESSES = read();

        private static Map<String, Long> read() {
            Map<String, Long> addresses = new HashMap<>();
            try (Stream<String> lines = Files.lines(Path.of("/proc/kallsyms"), StandardCharsets.ISO_8859_1)) {
                lines.forEach(line -> {
                    // ffffffff81000000 T _text
                    String[] words = line.split("[ \t]");
                    long address = words.length >= 3 ? Long.parseUnsignedLong(words[0], 16) : 0;
                    if (address != 0) {
                        addresses.putIfAbsent(words[2], address);
                    }
                });
            } catch (IOException e) {
                // no such file: no symbol is known, and whoever needs one is told so
                return Map.of();
            }
            return addresses;
        }
    }

    /** This kernel's version and, where it shows it ({@code /proc/config.gz}), its configuration. */
    public static Kconfig kconfig(Kernel kernel) {
        Map<String, String> values = new LinkedHashMap<>(Kconfig.DEFAULT.values());
        boolean known;
        try (InputStream file = new GZIPInputStream(Files.newInputStream(Path.of("/proc/config.gz")))) {
            values.clear();
            values.putAll(Kconfig.parse(new String(file.readAllBytes(), StandardCharsets.UTF_8))
                    .values());
            known = true;
        } catch (IOException e) {
            known = false;
        }
        values.put("LINUX_KERNEL_VERSION", Integer.toString(version(kernel.release())));
        return new Kconfig(values, !known);
    }

    /** KERNEL_VERSION(a, b, c) of a release such as {@code 6.18.44-generic}. */
    static int version(String release) {
        String[] parts = release.split("[^0-9]+", 4);
        int version = 0;
        for (int i = 0; i < 3; i++) {
            int part = i < parts.length && !parts[i].isEmpty() ? Integer.parseInt(parts[i]) : 0;
            version = version << 8 | Math.min(part, 255);
        }
        return version;
    }
}
