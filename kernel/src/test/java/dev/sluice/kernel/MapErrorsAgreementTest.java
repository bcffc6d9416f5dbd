package dev.sluice.kernel;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.isa.Assembler;
import dev.sluice.isa.Code;
import dev.sluice.isa.Form;
import dev.sluice.isa.Instruction;
import dev.sluice.map.BpfMap;
import dev.sluice.map.MapDef;
import dev.sluice.map.MapType;
import dev.sluice.memory.Memory;
import java.lang.foreign.Arena;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Wrong definitions and wrong uses of every type, one thing wrong after the other: the error is the kernel's. */
class MapErrorsAgreementTest {
    private static final int NO_PREALLOC = 1;
    private static final int MMAPABLE = 1 << 10;
    private static final int PAGE = 4096;

    private Kernel kernel;

    @BeforeEach
    void open() {
        kernel = KernelTests.kernel();
    }

    /** A definition that both sides take, of each type that needs no more than a definition. */
    static Stream<MapDef> plain() {
        return Stream.of(
                def(MapType.HASH, 4, 8, 20, 0),
                def(MapType.HASH, 4, 8, 20, NO_PREALLOC),
                def(MapType.PERCPU_HASH, 4, 8, 20, 0),
                def(MapType.LRU_HASH, 4, 8, 20, 0),
                def(MapType.LRU_PERCPU_HASH, 4, 8, 20, 0),
                def(MapType.ARRAY, 4, 8, 20, 0),
                def(MapType.PERCPU_ARRAY, 4, 8, 20, 0),
                def(MapType.LPM_TRIE, 8, 8, 20, NO_PREALLOC),
                def(MapType.PROG_ARRAY, 4, 4, 20, 0),
                def(MapType.PERF_EVENT_ARRAY, 4, 4, 20, 0),
                def(MapType.STACK_TRACE, 4, 80, 20, 0),
                def(MapType.CGROUP_ARRAY, 4, 4, 20, 0),
                def(MapType.DEVMAP, 4, 8, 20, 0),
                def(MapType.DEVMAP_HASH, 4, 8, 20, 0),
                def(MapType.CPUMAP, 4, 8, 20, 0),
                def(MapType.XSKMAP, 4, 4, 20, 0),
                def(MapType.SOCKMAP, 4, 8, 20, 0),
                def(MapType.SOCKHASH, 4, 8, 20, 0),
                def(MapType.REUSEPORT_SOCKARRAY, 4, 8, 20, 0),
                def(MapType.QUEUE, 0, 8, 20, 0),
                def(MapType.STACK, 0, 8, 20, 0),
                def(MapType.RINGBUF, 0, 0, PAGE, 0),
                def(MapType.USER_RINGBUF, 0, 0, PAGE, 0),
                def(MapType.BLOOM_FILTER, 0, 8, 20, 0));
    }

    /** The same, with flags that say who may do what, and sizes that are no multiples of anything. */
    static Stream<MapDef> plainAndFlagged() {
        int accessBySystem = 1 << 3;
        Stream<MapDef> flagged = plain().flatMap(def -> Stream.of(1, 2, 1 << 4, 1 << 5)
                .map(factor -> def(
                        def.type(),
                        def.keySize(),
                        def.valueSize(),
                        def.maxEntries(),
                        def.flags() | accessBySystem * factor))
                .filter(flags -> switch (def.type()) {
                    case HASH, LRU_HASH, PERCPU_HASH, ARRAY, PERCPU_ARRAY, LPM_TRIE, QUEUE, STACK -> true;
                    case DEVMAP, DEVMAP_HASH, XSKMAP -> flags.flags() <= 1 << 4;
                    default -> false;
                }));
        Stream<MapDef> odd = Stream.of(
                def(MapType.ARRAY, 4, 8, 20, MMAPABLE),
                def(MapType.ARRAY, 4, 13, 20, 1 << 12),
                def(MapType.PERCPU_ARRAY, 4, 13, 20, 0),
                def(MapType.LRU_HASH, 4, 8, 20, 1 << 1),
                def(MapType.LRU_PERCPU_HASH, 4, 13, 20, 1 << 1),
                def(MapType.HASH, 13, 13, 20, 1 << 6),
                def(MapType.HASH, 3, 1, 20, 0),
                def(MapType.LPM_TRIE, 7, 13, 20, NO_PREALLOC),
                def(MapType.LPM_TRIE, 20, 1, 20, NO_PREALLOC),
                def(MapType.QUEUE, 0, 13, 20, 0),
                def(MapType.BLOOM_FILTER, 0, 13, 20, 1 << 6),
                def(MapType.CPUMAP, 4, 4, 20, 0),
                def(MapType.DEVMAP, 4, 4, 20, 0));
        return Stream.of(plain(), flagged, odd).flatMap(defs -> defs);
    }

    /** Of these those that programs may read and write, with the keys that {@link #program} makes. */
    static Stream<MapDef> changedByPrograms() {
        return plainAndFlagged()
                .filter(def -> (def.flags() & (BpfMap.RDONLY_PROG | BpfMap.WRONLY_PROG)) == 0)
                .filter(def -> switch (def.type()) {
                    case HASH, PERCPU_HASH, LRU_HASH, LRU_PERCPU_HASH, ARRAY, PERCPU_ARRAY, LPM_TRIE ->
                        def.keySize() == 4 || def.keySize() == 8;
                    case QUEUE, STACK, BLOOM_FILTER -> true;
                    default -> false;
                });
    }

    private static MapDef def(MapType type, int keySize, int valueSize, int maxEntries, int flags) {
        return MapTwin.def(type, keySize, valueSize, maxEntries, flags, 0);
    }

    private static String created(Supplier<? extends AutoCloseable> maker) {
        return MapTwin.answer(() -> {
            try (AutoCloseable made = maker.get()) {
                return "created";
            } catch (BpfException | dev.sluice.map.MapException e) {
                throw e;
            } catch (Exception e) {
                throw new AssertionError(e);
            }
        });
    }

    @ParameterizedTest
    @MethodSource("plain")
    void definitions(MapDef base) {
        Set<MapDef> defs = new LinkedHashSet<>();
        MapType type = base.type();
        int key = base.keySize();
        int value = base.valueSize();
        int entries = base.maxEntries();
        int flags = base.flags();
        for (int size : new int[] {0, 1, 2, 3, 4, 5, 7, 8, 12, 16, 260, 261, 512, 513, -1}) {
            defs.add(def(type, size, value, entries, flags));
        }
        for (int size : new int[] {0, 1, 3, 4, 5, 8, 12, 16, 80, 508, 1016, 1024, 32768, 32769, 65407, 65536, -1}) {
            defs.add(def(type, key, size, 1, flags));
            defs.add(def(type, key, size, entries, flags));
        }
        for (int count : new int[] {0, 1, 2, 3, 5, 10, PAGE - 1, PAGE, 2 * PAGE, 3 * PAGE, 8192, 8193}) {
            defs.add(def(type, key, value, count, flags));
        }
        for (int bit = 0; bit < 32; bit++) {
            defs.add(def(type, key, value, entries, flags ^ 1 << bit));
            defs.add(def(type, key, value, entries, 1 << bit | 1 << 1));
            defs.add(def(type, key, value, entries, 1 << bit | 1 << 3));
            defs.add(def(type, key, value, entries, flags | 1 << bit | 1 << 4));
            defs.add(def(type, key, value, entries, 1 << bit | 1 << 7));
        }
        for (long extra : new long[] {1, 15, 16, -1, 1L << 32}) {
            defs.add(MapTwin.def(type, key, value, entries, flags, extra));
        }
        List<String> different = new ArrayList<>();
        Set<String> seen = new TreeSet<>();
        for (MapDef def : defs) {
            // how many CPUs there may be is the kernel's configuration; these flags ask for something else: a node's
            // number, a token's descriptor, a BTF's
            boolean likelyMoreCpus = type == MapType.CPUMAP && def.maxEntries() > 20 && def.maxEntries() <= 8192;
            if (likelyMoreCpus || (def.flags() & (1 << 2 | 1 << 14 | 1 << 15 | 1 << 16)) != 0) {
                continue;
            }
            String expected = created(() -> kernel.createMap(MapTwin.attributes(def)));
            String found = created(() -> MapTwin.ourMaps(kernel).create(def));
            seen.add(expected);
            if (!found.equals(expected)) {
                different.add(def + ": expected " + expected + ", found " + found);
            }
        }
        assertThat(different).isEmpty();
        assertThat(seen).contains("created", "EINVAL");
    }

    @ParameterizedTest
    @MethodSource("plainAndFlagged")
    void uses(MapDef def) {
        try (CpuPin pin = CpuPin.toFirstAllowed();
                MapTwin twin = MapTwin.create(kernel, def)) {
            int size = twin.ours.userValueSize();
            List<byte[]> keys = new ArrayList<>();
            for (int number : new int[] {1, 3, 19, 20, -1}) {
                keys.add(Arrays.copyOf(Uapi.u32(number), def.keySize()));
            }
            List<String> different = new ArrayList<>();
            for (byte[] value : values(def, size)) {
                for (byte[] key : keys) {
                    for (long flags : new long[] {0, 1, 2, 3, 4, 5, 6, 8, 1L << 32, 1L << 63}) {
                        compare(
                                different,
                                "update " + MapTwin.hex(key) + " " + MapTwin.hex(value) + " flags=" + flags,
                                () -> {
                                    twin.theirs.update(key, value, flags);
                                    return "done";
                                },
                                () -> {
                                    twin.ours.put(key, value, flags);
                                    return "done";
                                });
                    }
                    // a bloom filter's is asked about a value, not for one
                    boolean asks = def.type() != MapType.BLOOM_FILTER;
                    for (long flags : asks ? new long[] {0, 1, 2, 3, 4, 5, 8, 1L << 32} : new long[0]) {
                        compare(
                                different,
                                "lookup " + MapTwin.hex(key) + " flags=" + flags,
                                () -> MapTwin.hex(twin.theirs.lookup(key, flags).orElse(null)),
                                () -> MapTwin.hex(twin.ours.get(key, flags)));
                    }
                    compare(
                            different,
                            "next key of " + MapTwin.hex(key),
                            () -> isThere(twin.theirs.nextKey(key).orElse(null)),
                            () -> isThere(twin.ours.nextKey(key)));
                    compare(
                            different,
                            "lookup and delete " + MapTwin.hex(key),
                            () -> MapTwin.hex(twin.theirs.lookupAndDelete(key).orElse(null)),
                            () -> MapTwin.hex(twin.ours.lookupAndDelete(key)));
                    compare(
                            different,
                            "next key of the deleted " + MapTwin.hex(key),
                            () -> isThere(twin.theirs.nextKey(key).orElse(null)),
                            () -> isThere(twin.ours.nextKey(key)));
                    compare(
                            different,
                            "delete " + MapTwin.hex(key),
                            () -> "" + twin.theirs.delete(key),
                            () -> "" + twin.ours.remove(key));
                }
            }
            compare(
                    different,
                    "first key",
                    () -> isThere(twin.theirs.nextKey(new byte[0]).orElse(null)),
                    () -> isThere(twin.ours.nextKey(null)));
            batches(twin, different);
            for (String again : List.of("", " again")) {
                compare(
                        different,
                        "freeze" + again,
                        () -> {
                            twin.theirs.freeze();
                            return "done";
                        },
                        () -> {
                            twin.ours.freeze();
                            return "done";
                        });
            }
            batches(twin, different);
            byte[] key = keys.getFirst();
            for (long flags : new long[] {0, 4, 9}) {
                compare(
                        different,
                        "update when frozen",
                        () -> {
                            twin.theirs.update(key, new byte[size], flags);
                            return "done";
                        },
                        () -> {
                            twin.ours.put(key, new byte[size], flags);
                            return "done";
                        });
            }
            compare(
                    different,
                    "lookup and delete when frozen",
                    () -> MapTwin.hex(twin.theirs.lookupAndDelete(key).orElse(null)),
                    () -> MapTwin.hex(twin.ours.lookupAndDelete(key)));
            compare(
                    different,
                    "delete when frozen",
                    () -> "" + twin.theirs.delete(key),
                    () -> "" + twin.ours.remove(key));
            compare(
                    different,
                    "lookup when frozen",
                    () -> def.type() == MapType.BLOOM_FILTER
                            ? ""
                            : MapTwin.hex(twin.theirs.lookup(key, 0).orElse(null)),
                    () -> def.type() == MapType.BLOOM_FILTER ? "" : MapTwin.hex(twin.ours.get(key, 0)));
            assertThat(different).isEmpty();
        }
    }

    /**
     * Does what a packet says with a map: u32 what, u32 key, u64 flags. A key of eight bytes is a prefix of 32 bits and the
     * key.
     */
    private static Code program(MapDef def) {
        boolean keyless = def.keySize() == 0;
        String keyedOps = """
                if r8 == 1 goto update
                if r8 == 2 goto delete
                call 1
                if r0 == 0 goto done
                r0 = 1
                goto done
                update:
                call 2
                goto done
                delete:
                call 3
                goto done
                """;
        String push = def.type() == MapType.BLOOM_FILTER ? """
                if r8 == 1 goto push
                r2 = r10
                r2 += -32
                call 89
                goto done
                push:
                """ : """
                if r8 == 1 goto push
                r2 = r10
                r2 += -32
                if r8 == 2 goto pop
                call 89
                goto done
                pop:
                call 88
                goto done
                push:
                """;
        return Assembler.assemble(
                """
                r6 = *(u32 *)(r1 + 0)
                r7 = *(u32 *)(r1 + 4)
                r0 = 99
                r2 = r6
                r2 += 16
                if r2 > r7 goto out
                r8 = *(u32 *)(r6 + 0)
                r9 = *(u64 *)(r6 + 8)
                r1 = *(u32 *)(r6 + 4)
                *(u32 *)(r10 - 12) = r1
                *(u32 *)(r10 - 16) = 32
                *(u64 *)(r10 - 32) = 7
                *(u64 *)(r10 - 24) = 7
                r1 = map[fd:1]
                """ + (keyless ? push + """
                        r2 = r10
                        r2 += -32
                        r3 = r9
                        call 87
                        """ : """
                        r2 = r10
                        r2 += %d
                        r3 = r10
                        r3 += -32
                        r4 = r9
                        """.formatted(def.keySize() == 8 ? -16 : -12) + keyedOps) + """
                done:
                out:
                exit
                """);
    }

    /** What a program gets, also of frozen maps. */
    @ParameterizedTest
    @MethodSource("changedByPrograms")
    void usesByPrograms(MapDef def) {
        Code code = program(def);
        for (int slot = 0; slot < code.size(); slot++) {
            Instruction insn = code.at(slot);
            if (insn == null || insn.form() != Form.LDDW) {
                continue;
            }
            try (CpuPin pin = CpuPin.toFirstAllowed();
                    MapTwin twin = MapTwin.create(kernel, def);
                    Arena arena = Arena.ofConfined();
                    KernelProgram program = kernel.load(KernelTests.xdp(code.with(slot, insn.withImm(twin.theirs.fd()))
                                    .toBytes()))
                            .orThrow();
                    TestRun run = program.testRun()) {
                long key = Memory.allocate(arena, 8, 8);
                long value = Memory.allocate(arena, 16, 8);
                List<String> different = new ArrayList<>();
                for (int turn = 0; turn < 2; turn++) {
                    for (int number : new int[] {1, 3, 19, 20, -1}) {
                        for (int what : new int[] {1, 3, 2, 2, 1}) {
                            for (long flags : new long[] {0, 1, 2, 3, 4, 5, 6, 8, 1L << 32, 1L << 63, -1}) {
                                byte[] packet = new byte[64];
                                ByteBuffer.wrap(packet)
                                        .order(ByteOrder.LITTLE_ENDIAN)
                                        .putInt(what)
                                        .putInt(number)
                                        .putLong(flags);
                                int expected = run.run(packet);
                                Memory.putInt(key, def.keySize() == 8 ? 32 : number);
                                Memory.putInt(key + 4, number);
                                Memory.putLong(value, 7);
                                Memory.putLong(value + 8, 7);
                                long found = use(twin.ours, what, key, value, flags);
                                if (found != expected) {
                                    different.add("what=" + what + " key=" + number + " flags=" + flags + " turn="
                                            + turn + ": expected " + expected + ", found " + found);
                                }
                            }
                        }
                    }
                    if (turn == 0 && (def.flags() & 1 << 3) == 0) {
                        twin.theirs.freeze();
                        twin.ours.freeze();
                    }
                }
                assertThat(different).isEmpty();
            }
        }
    }

    private static long use(BpfMap map, int what, long key, long value, long flags) {
        if (map.def().keySize() == 0) {
            return switch (what) {
                case 1 -> map.push(value, flags);
                case 2 -> map.def().type() == MapType.BLOOM_FILTER ? map.peek(value) : map.pop(value);
                default -> map.peek(value);
            };
        }
        return switch (what) {
            case 1 -> map.update(key, value, flags, 0);
            case 2 -> map.delete(key);
            default -> map.lookup(key, 0) == 0 ? 0 : 1;
        };
    }

    private static void batches(MapTwin twin, List<String> different) {
        MapDef def = twin.ours.def();
        if (def.keySize() == 0) {
            return;
        }
        for (int count : new int[] {0, 1, 3, 20, 25}) {
            List<MapEntry> theirs = new ArrayList<>();
            List<dev.sluice.map.MapEntry> ours = new ArrayList<>();
            List<byte[]> keys = new ArrayList<>();
            for (int i = 0; i < count; i++) {
                byte[] key = Arrays.copyOf(Uapi.u32(i), def.keySize());
                byte[] value = filled(twin.ours.userValueSize());
                theirs.add(new MapEntry(key, value));
                ours.add(new dev.sluice.map.MapEntry(key, value));
                keys.add(key);
            }
            for (long flags : new long[] {0, 1, 2, 3, 4, 8, 1L << 40}) {
                compare(
                        different,
                        "update batch of " + count + " flags=" + flags,
                        () -> "" + twin.theirs.updateBatch(theirs, flags),
                        () -> "" + twin.ours.updateBatch(ours, flags));
            }
            compare(
                    different,
                    "look up batch of " + count,
                    () -> sizes(twin.theirs.lookupBatch(new byte[0], count).entries(), def, count),
                    () -> sizes(twin.ours.lookupBatch(null, count).entries(), def, count));
            compare(
                    different,
                    "delete batch of " + count,
                    () -> "" + twin.theirs.deleteBatch(keys),
                    () -> "" + twin.ours.deleteBatch(keys));
            compare(
                    different,
                    "take out batch of " + count,
                    () -> sizes(
                            twin.theirs.lookupAndDeleteBatch(new byte[0], count).entries(), def, count),
                    () -> sizes(twin.ours.lookupAndDeleteBatch(null, count).entries(), def, count));
        }
    }

    /** How many; how many of a hash's fit depends on its seed. */
    private static String sizes(List<?> entries, MapDef def, int count) {
        return def.type().name().contains("HASH") && count < 20 ? "some" : "" + entries.size();
    }

    /** What both sides understand in the same way: no descriptors, as ours are ids, and no devices. */
    private static List<byte[]> values(MapDef def, int size) {
        return switch (def.type()) {
            case DEVMAP, DEVMAP_HASH -> List.of(new byte[size]);
            case PROG_ARRAY, PERF_EVENT_ARRAY, CGROUP_ARRAY, XSKMAP, SOCKMAP, SOCKHASH, REUSEPORT_SOCKARRAY ->
                List.of(Arrays.copyOf(filled(4), size));
            default -> List.of(new byte[size], filled(size));
        };
    }

    private static byte[] filled(int size) {
        byte[] value = new byte[size];
        Arrays.fill(value, (byte) 7);
        return value;
    }

    private static String isThere(byte[] key) {
        return key == null ? "nothing" : "a key";
    }

    private static void compare(
            List<String> different, String operation, Supplier<String> theirs, Supplier<String> ours) {
        String expected = MapTwin.answer(theirs);
        String found = MapTwin.answer(ours);
        if (!found.equals(expected)) {
            different.add(operation + ": expected " + expected + ", found " + found);
        }
    }
}
