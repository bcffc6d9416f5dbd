package dev.sluice.conformance.agreement;

import com.sun.management.OperatingSystemMXBean;
import dev.sluice.exec.Engine;
import dev.sluice.isa.Assembler;
import dev.sluice.kernel.BpfException;
import dev.sluice.kernel.Kernel;
import dev.sluice.kernel.KernelMap;
import dev.sluice.kernel.MapEntry;
import dev.sluice.kernel.diff.Outcome;
import dev.sluice.map.BpfMap;
import dev.sluice.map.MapDef;
import dev.sluice.map.MapException;
import dev.sluice.map.MapTable;
import dev.sluice.map.MapType;
import dev.sluice.map.Maps;
import dev.sluice.memory.Regions;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Maps by contract: the same random operations, by user space and by programs mixed, on a map of the kernel and on ours.
 * Each must answer the same: value, nothing, or the same error number; at the end both must hold the same. And the same
 * definitions must be taken or refused, with the same error number.
 */
public final class MapSuite {
    private static final int SEQUENCES = 3;
    private static final int OPERATIONS = 400;
    private static final int DEFINITIONS = 6000;

    /** Bytes that a map may take. */
    private static final long SMALL = 64 << 20;

    private static final int NO_PREALLOC = 1;
    private static final int RDONLY = 1 << 3;
    private static final int WRONLY = 1 << 4;

    private static final int KEY_BYTES = 16;
    private static final int VALUE_BYTES = 64;

    // the packet: op u32 at 16, flags u64 at 24, key at 32, value at 48
    private static final int OP = 16;
    private static final int FLAGS = 24;
    private static final int KEY = 32;
    private static final int VALUE = 48;
    private static final int PACKET_BYTES = VALUE + VALUE_BYTES;

    private static final HexFormat HEX = HexFormat.of();

    private final Kernel kernel;
    private final List<Engine> engines;
    private final Random random;
    private final Tally tally = new Tally();

    private MapSuite(Kernel kernel, List<Engine> engines, long seed) {
        this.kernel = kernel;
        this.engines = engines;
        random = new Random(seed);
    }

    /** Runs all of it. */
    public static Tally run(Kernel kernel, List<Engine> engines, long seed) {
        MapSuite suite = new MapSuite(kernel, engines, seed);
        for (MapDef def : definitions()) {
            for (int i = 0; i < SEQUENCES; i++) {
                suite.sequence(def);
            }
        }
        suite.creations();
        return suite.tally;
    }

    /** Maps of all types that user space and programs look up in, of several sizes and flags. */
    static List<MapDef> definitions() {
        List<MapDef> all = new ArrayList<>();
        for (MapType type : List.of(MapType.ARRAY, MapType.PERCPU_ARRAY)) {
            add(all, type, 4, 4, 1, 0);
            add(all, type, 4, 13, 5, 0);
            add(all, type, 4, 64, 16, 0);
            add(all, type, 4, 8, 4, RDONLY);
            add(all, type, 4, 8, 4, WRONLY);
            add(all, type, 4, 8, 4, BpfMap.RDONLY_PROG);
            add(all, type, 4, 8, 4, BpfMap.WRONLY_PROG);
        }
        for (MapType type : List.of(MapType.HASH, MapType.PERCPU_HASH)) {
            for (int flags : List.of(0, NO_PREALLOC)) {
                add(all, type, 1, 1, 1, flags);
                add(all, type, 4, 8, 5, flags);
                add(all, type, 13, 20, 16, flags);
                add(all, type, 16, 64, 7, flags);
            }
            add(all, type, 4, 8, 4, RDONLY);
            add(all, type, 4, 8, 4, WRONLY);
            add(all, type, 4, 8, 4, BpfMap.RDONLY_PROG);
            add(all, type, 4, 8, 4, BpfMap.WRONLY_PROG);
        }
        // evicts only what it must: with room to spare nothing
        add(all, MapType.LRU_HASH, 1, 8, 1024, 0);
        add(all, MapType.LRU_PERCPU_HASH, 1, 8, 1024, 0);
        add(all, MapType.LPM_TRIE, 8, 8, 20, NO_PREALLOC);
        add(all, MapType.LPM_TRIE, 5, 4, 1000, NO_PREALLOC);
        add(all, MapType.QUEUE, 0, 5, 4, 0);
        add(all, MapType.STACK, 0, 8, 4, 0);
        add(all, MapType.DEVMAP, 4, 4, 5, 0);
        add(all, MapType.DEVMAP, 4, 8, 5, 0);
        add(all, MapType.DEVMAP_HASH, 4, 4, 5, 0);
        add(all, MapType.DEVMAP_HASH, 4, 8, 5, 0);
        return all;
    }

    private static void add(List<MapDef> all, MapType type, int keySize, int valueSize, int maxEntries, int flags) {
        if (Maps.supports(type)) {
            all.add(new MapDef("agreement", type, keySize, valueSize, maxEntries, flags, 0, null));
        }
    }

    private static boolean isDeviceMap(MapDef def) {
        return def.type() == MapType.DEVMAP || def.type() == MapType.DEVMAP_HASH;
    }

    private static boolean isKeyless(MapDef def) {
        return def.keySize() == 0;
    }

    private static boolean isArray(MapDef def) {
        return def.type() == MapType.ARRAY || def.type() == MapType.PERCPU_ARRAY || def.type() == MapType.DEVMAP;
    }

    private void sequence(MapDef def) {
        String type = def.type().bpftoolName();
        try (Sides sides = new Sides(kernel, engines, List.of(def))) {
            // the verifier refuses some uses of read-only and device maps: then user space is alone
            boolean programs = !isKeyless(def) && sides.load(Assembler.assemble(program(def))) == null;
            if (!programs && def.flags() <= NO_PREALLOC && !isDeviceMap(def) && !isKeyless(def)) {
                tally.different(type, "the program is refused: " + sides.load(Assembler.assemble(program(def))));
            }
            int freezeAt = random.nextInt(3) == 0 ? OPERATIONS - 30 : -1;
            for (int i = 0; i < OPERATIONS; i++) {
                if (i == freezeAt) {
                    freeze(def, sides);
                }
                if (programs && random.nextBoolean()) {
                    byProgram(def, sides);
                } else {
                    byUser(def, sides);
                }
            }
            compareContents(def, sides);
        }
    }

    // --- operations

    private byte[] key(MapDef def) {
        byte[] key = new byte[def.keySize()];
        int range = Math.min(40, def.maxEntries() + def.maxEntries() / 2 + 2);
        if (def.type() == MapType.LPM_TRIE) {
            int bits = 8 * (def.keySize() - 4);
            int prefix = random.nextInt(20) == 0 ? random.nextInt() : random.nextInt(bits + 1);
            ByteBuffer.wrap(key).order(ByteOrder.LITTLE_ENDIAN).putInt(prefix);
            for (int i = 4; i < key.length; i++) {
                key[i] = (byte) (random.nextInt(4) * 0x55);
            }
            return key;
        }
        if (isKeyless(def)) {
            return key;
        }
        if (isArray(def)) {
            int index = random.nextInt(20) == 0 ? random.nextInt() : random.nextInt(range);
            ByteBuffer.wrap(key).order(ByteOrder.LITTLE_ENDIAN).putInt(index);
            return key;
        }
        key[random.nextBoolean() ? 0 : key.length - 1] = (byte) random.nextInt(range);
        return key;
    }

    private byte[] value(MapDef def, int bytes) {
        byte[] value = new byte[bytes];
        if (isDeviceMap(def)) {
            // the loopback, which every machine has, or none; and no program
            value[0] = (byte) random.nextInt(2);
            return value;
        }
        random.nextBytes(value);
        if (def.type().isPerCpu() && bytes > def.valueSize()) {
            // what pads a CPU's value is not kept
            int stride = def.valueSize() + 7 & -8;
            for (int i = 0; i < bytes; i++) {
                value[i] = i % stride < def.valueSize() ? value[i] : 0;
            }
        }
        return value;
    }

    private long flags() {
        return switch (random.nextInt(12)) {
            case 0, 1 -> BpfMap.NOEXIST;
            case 2, 3 -> BpfMap.EXIST;
            case 4 -> 3;
            case 5 -> random.nextBoolean() ? 8 : BpfMap.LOCK;
            default -> BpfMap.ANY;
        };
    }

    private void byUser(MapDef def, Sides sides) {
        byte[] key = key(def);
        KernelMap theirs = sides.kernelMap(0);
        int op = isKeyless(def) ? List.of(0, 1, 1, 2, 4).get(random.nextInt(5)) : random.nextInt(5);
        byte[] value = value(def, theirs.valueBytes());
        long flags = flags();
        String what = List.of("lookup", "update", "delete", "next key", "lookup and delete")
                .get(op);
        String expected = answer(() -> switch (op) {
            case 0 -> theirs.lookup(key).map(HEX::formatHex).orElse("ENOENT");
            case 1 -> {
                theirs.update(key, value, flags);
                yield "done";
            }
            case 2 -> theirs.delete(key) ? "done" : "ENOENT";
            case 4 -> theirs.lookupAndDelete(key).map(HEX::formatHex).orElse("ENOENT");
            default -> isArray(def) ? next(theirs.nextKey(key).orElse(null)) : walk(theirs);
        });
        for (Sides.Ours side : sides.ours()) {
            BpfMap ours = side.map(0);
            String found = answer(() -> switch (op) {
                case 0 -> {
                    byte[] read = ours.get(key);
                    yield read == null ? "ENOENT" : HEX.formatHex(read);
                }
                case 1 -> {
                    ours.put(key, value, flags);
                    yield "done";
                }
                case 2 -> ours.remove(key) ? "done" : "ENOENT";
                case 4 -> {
                    byte[] taken = ours.lookupAndDelete(key);
                    yield taken == null ? "ENOENT" : HEX.formatHex(taken);
                }
                default -> isArray(def) ? next(ours.nextKey(key)) : walk(ours);
            });
            judge(
                    def,
                    what,
                    "user",
                    expected,
                    found,
                    side,
                    "key=" + HEX.formatHex(key)
                            + (op == 1 ? " flags=" + flags + " value=" + HEX.formatHex(value) : ""));
        }
    }

    private static String next(byte @Nullable [] key) {
        return key == null ? "ENOENT" : HEX.formatHex(key);
    }

    /** All keys from the first to the last: their order is each map's own. */
    private static String walk(KernelMap map) {
        TreeSet<String> keys = new TreeSet<>();
        for (Optional<byte[]> key = map.nextKey(new byte[0]); key.isPresent(); key = map.nextKey(key.get())) {
            keys.add(HEX.formatHex(key.get()));
        }
        return keys.toString();
    }

    private static String walk(BpfMap map) {
        TreeSet<String> keys = new TreeSet<>();
        map.keys().forEach(key -> keys.add(HEX.formatHex(key)));
        return keys.toString();
    }

    private static String answer(Supplier<String> operation) {
        try {
            return operation.get();
        } catch (BpfException e) {
            return e.errnoName();
        } catch (MapException e) {
            return e.errno().name();
        }
    }

    private void judge(
            MapDef def, String what, String by, String expected, String found, Sides.Ours side, String operation) {
        String subject = def.type().bpftoolName() + ", " + what + " by " + by;
        // two names of one number
        if (expected.equals(found) || expected.equals("EOPNOTSUPP") && found.equals("ENOTSUP")) {
            tally.equal(subject);
        } else {
            tally.different(
                    subject,
                    def + " on " + side.name() + ": " + operation + ": kernel " + expected + ", ours " + found);
        }
    }

    private void freeze(MapDef def, Sides sides) {
        for (int i = 0; i < 2; i++) {
            String expected = answer(() -> {
                sides.kernelMap(0).freeze();
                return "done";
            });
            for (Sides.Ours side : sides.ours()) {
                String found = answer(() -> {
                    side.map(0).freeze();
                    return "done";
                });
                judge(def, "freeze", "user", expected, found, side, i == 0 ? "once" : "twice");
            }
        }
    }

    // --- programs

    /**
     * Does what the packet says: 0 looks up and copies the value to the packet, 1 updates, 2 deletes, and 3 adds to the
     * value where it is. The answer is in {@code flags}.
     */
    private static String program(MapDef def) {
        StringBuilder code = new StringBuilder();
        code.append("""
                r6 = *(u32 *)(r1 + 0)
                r2 = *(u32 *)(r1 + 4)
                r3 = r6
                r3 += %d
                if r3 <= r2 goto start
                r0 = 0
                exit
                start:
                r7 = *(u32 *)(r6 + %d)
                r8 = *(u64 *)(r6 + %d)
                """.formatted(PACKET_BYTES, OP, FLAGS));
        for (int i = 0; i < def.keySize(); i++) {
            code.append("r1 = *(u8 *)(r6 + %d)\n*(u8 *)(r10 - %d) = r1\n".formatted(KEY + i, KEY_BYTES - i));
        }
        for (int i = 0; i < def.valueSize(); i++) {
            code.append("r1 = *(u8 *)(r6 + %d)\n*(u8 *)(r10 - %d) = r1\n"
                    .formatted(VALUE + i, KEY_BYTES + VALUE_BYTES - i));
        }
        code.append("""
                r1 = map[fd:0]
                r2 = r10
                r2 += -%d
                if r7 == 1 goto update
                if r7 == 2 goto delete
                """.formatted(KEY_BYTES));
        boolean reads = (def.flags() & BpfMap.WRONLY_PROG) == 0;
        boolean writes = (def.flags() & BpfMap.RDONLY_PROG) == 0;
        code.append("call 1\nif r0 == 0 goto none\n");
        if (writes) {
            code.append("if r7 != 3 goto copy\nr1 = *(u8 *)(r6 + %d)\n".formatted(VALUE));
            code.append("*(u8 *)(r0 + 0) = r1\ngoto found\ncopy:\n");
        }
        if (reads) {
            for (int i = 0; i < def.valueSize(); i++) {
                code.append("r1 = *(u8 *)(r0 + %d)\n*(u8 *)(r6 + %d) = r1\n".formatted(i, VALUE + i));
            }
        }
        code.append("""
                found:
                r0 = 1
                goto out
                none:
                r0 = 0
                goto out
                update:
                r3 = r10
                r3 += -%d
                r4 = r8
                call 2
                goto out
                delete:
                call 3
                out:
                *(u64 *)(r6 + %d) = r0
                r0 = 2
                exit
                """.formatted(KEY_BYTES + VALUE_BYTES, FLAGS));
        return code.toString();
    }

    private void byProgram(MapDef def, Sides sides) {
        int op = random.nextInt(4);
        byte[] key = key(def);
        ByteBuffer packet = ByteBuffer.allocate(PACKET_BYTES).order(ByteOrder.LITTLE_ENDIAN);
        packet.putInt(OP, op).putLong(FLAGS, flags()).put(KEY, key).put(VALUE, value(def, def.valueSize()));
        List<Outcome> outcomes = sides.run(packet.array());
        String what = List.of("lookup", "update", "delete", "write in place").get(op);
        for (int i = 0; i < sides.ours().size(); i++) {
            judge(
                    def,
                    what,
                    "program",
                    answer(outcomes.getFirst()),
                    answer(outcomes.get(i + 1)),
                    sides.ours().get(i),
                    "key=" + HEX.formatHex(key) + " flags=" + packet.getLong(FLAGS));
        }
    }

    private static String answer(Outcome outcome) {
        ByteBuffer packet = ByteBuffer.wrap(outcome.packet()).order(ByteOrder.LITTLE_ENDIAN);
        return outcome.failure() != null
                ? outcome.failure()
                : packet.getLong(FLAGS) + " " + HEX.formatHex(outcome.packet(), VALUE, PACKET_BYTES);
    }

    // --- contents

    private void compareContents(MapDef def, Sides sides) {
        if ((def.flags() & WRONLY) != 0 || isKeyless(def)) {
            return;
        }
        TreeMap<String, String> expected = new TreeMap<>();
        for (MapEntry entry : sides.kernelMap(0).entries()) {
            expected.put(HEX.formatHex(entry.key()), HEX.formatHex(entry.value()));
        }
        for (Sides.Ours side : sides.ours()) {
            TreeMap<String, String> found = new TreeMap<>();
            for (byte[] key : side.map(0).keys()) {
                byte[] value = side.map(0).get(key);
                if (value != null) {
                    found.put(HEX.formatHex(key), HEX.formatHex(value));
                }
            }
            judge(def, "contents", "user", expected.toString(), found.toString(), side, "at the end");
        }
    }

    // --- definitions

    private void creations() {
        List<MapType> types = Arrays.stream(MapType.values())
                .filter(MapSuite::hasSimpleDefinition)
                .toList();
        int[] keySizes = {0, 1, 4, 4, 4, 5, 8, 8, 16, 256, 260, 261, 511, 512, 513, 600};
        int[] valueSizes = {0, 1, 4, 4, 8, 8, 13, 64, 4096, 32768, 32769, 70000};
        int[] entries = {0, 1, 2, 7, 64};
        int[] pages = {0, 1, 7, 4096, 8192, 12288, 1 << 20, (1 << 20) + 1};
        int[] largeSizes = {
            1 << 16, 1 << 20, (4 << 20) - 300, 4 << 20, (4 << 20) + 1, Integer.MAX_VALUE, Integer.MIN_VALUE, -1
        };
        int[] largeEntries = {1 << 28, Integer.MAX_VALUE, Integer.MIN_VALUE, Integer.MIN_VALUE + 1, -1};
        for (int i = 0; i < DEFINITIONS; i++) {
            MapType type = types.get(random.nextInt(types.size()));
            int flags = 0;
            for (int bits = random.nextInt(3); bits > 0; bits--) {
                // not: NUMA nodes, which a machine has or has not, tokens and what needs a descriptor
                flags |= 1
                        << List.of(0, 1, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 17, 18, 20, 29)
                                .get(random.nextInt(16));
            }
            if (type == MapType.ARENA) {
                flags = random.nextInt(8) == 0 ? flags : flags & (1 << 17 | 1 << 18) | 1 << 10;
            }
            if (type == MapType.LPM_TRIE && random.nextBoolean()) {
                flags |= NO_PREALLOC;
            }
            MapDef def = new MapDef(
                    "agreement",
                    type,
                    without(type) && random.nextInt(8) != 0 ? 0 : keySizes[random.nextInt(keySizes.length)],
                    without(type) && random.nextInt(8) != 0 ? 0 : valueSizes[random.nextInt(valueSizes.length)],
                    without(type) ? pages[random.nextInt(pages.length)] : entries[random.nextInt(entries.length)],
                    flags,
                    extra(type),
                    null);
            if (i % 2 == 1) {
                int what = random.nextInt(1, 8);
                MapDef large = new MapDef(
                        def.name(),
                        type,
                        (what & 1) != 0 ? largeSizes[random.nextInt(largeSizes.length)] : def.keySize(),
                        (what & 2) != 0 ? largeSizes[random.nextInt(largeSizes.length)] : def.valueSize(),
                        (what & 4) != 0 ? largeEntries[random.nextInt(largeEntries.length)] : def.maxEntries(),
                        def.flags(),
                        def.extra(),
                        null);
                def = isHarmless(large) ? large : def;
            }
            compareCreation(def);
        }
    }

    /** Whether the kernel takes little memory for it, or refuses it before it takes any. */
    private static boolean isHarmless(MapDef def) {
        long entries = Integer.toUnsignedLong(def.maxEntries());
        long keyAndValue = Integer.toUnsignedLong(def.keySize()) + Integer.toUnsignedLong(def.valueSize());
        long bytes = Math.max(keyAndValue, Long.BYTES) * entries;
        return switch (def.type()) {
            case LPM_TRIE, CPUMAP -> true;
            case HASH, PERCPU_HASH, LRU_HASH, LRU_PERCPU_HASH -> bytes < SMALL || entries > 1 << 27;
            case RINGBUF, USER_RINGBUF, ARENA, BLOOM_FILTER -> bytes < SMALL;
            case QUEUE, STACK ->
                bytes < SMALL || entries == 0xffff_ffffL && def.valueSize() >= Long.BYTES && isTooMuch(bytes);
            default -> bytes < SMALL || entries == 0xffff_ffffL && isTooMuch(bytes);
        };
    }

    /** Whether it is more than the machine has, which the kernel sees at once. */
    private static boolean isTooMuch(long bytes) {
        return ManagementFactory.getOperatingSystemMXBean() instanceof OperatingSystemMXBean system
                && bytes > system.getTotalMemorySize();
    }

    private void compareCreation(MapDef def) {
        String expected = answer(() -> {
            kernel.createMap(Sides.attributes(def)).close();
            return "made";
        });
        String found = answer(() -> {
            Maps.create(def, new MapTable(), new Regions(), kernel.possibleCpus(), 1)
                    .close();
            return "made";
        });
        String subject = def.type().bpftoolName() + ", create by user";
        if (expected.equals(found)) {
            tally.equal(subject);
        } else {
            tally.different(subject, def + ": kernel " + expected + ", ours " + found);
        }
    }

    /** Without keys and values. */
    private static boolean without(MapType type) {
        return type == MapType.RINGBUF || type == MapType.USER_RINGBUF || type == MapType.ARENA;
    }

    private long extra(MapType type) {
        if (type == MapType.BLOOM_FILTER && random.nextBoolean()) {
            return random.nextInt(20);
        }
        if (type == MapType.ARENA && random.nextBoolean()) {
            return random.nextLong(1L << 34) & (random.nextInt(4) == 0 ? -1L : -4096L);
        }
        return random.nextInt(30) == 0 ? 1 : 0;
    }

    private static boolean hasSimpleDefinition(MapType type) {
        return !staysEmpty(type)
                && switch (type) {
                    case UNSPEC, ARRAY_OF_MAPS, HASH_OF_MAPS -> false;
                    default -> true;
                };
    }

    /** Types that are made of any definition and stay empty, as what they hold exists in a kernel only. */
    static boolean staysEmpty(MapType type) {
        return switch (type) {
            case STACK_TRACE,
                    CGROUP_ARRAY,
                    CGROUP_STORAGE,
                    PERCPU_CGROUP_STORAGE,
                    CGRP_STORAGE,
                    SOCKMAP,
                    SOCKHASH,
                    REUSEPORT_SOCKARRAY,
                    SK_STORAGE,
                    INODE_STORAGE,
                    TASK_STORAGE -> true;
            default -> false;
        };
    }
}
