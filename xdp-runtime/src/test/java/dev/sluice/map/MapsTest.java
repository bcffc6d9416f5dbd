package dev.sluice.map;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.sluice.memory.Memory;
import dev.sluice.memory.Regions;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** The program's side of maps: addresses, regions, per-CPU values; and what only Sluice has: ids, seeds, messages. */
class MapsTest {
    private final MapTable table = new MapTable();
    private final Regions regions = new Regions();
    private final Maps maps = new Maps(table, regions, 3, 42);
    private final Arena arena = Arena.ofConfined();
    private final long key = Memory.allocate(arena, 64, 8);
    private final long value = Memory.allocate(arena, 64, 8);

    @AfterEach
    void close() {
        table.all().forEach(BpfMap::close);
        arena.close();
    }

    @Test
    void arrayValuesLieOneBehindTheOther() {
        ArrayMap map = (ArrayMap) maps.create(MapDef.of("a", MapType.ARRAY, 4, 12, 5));
        assertThat(map.stride()).isEqualTo(16);
        for (int i = 0; i < 5; i++) {
            Memory.putInt(key, i);
            assertThat(map.lookup(key, 0)).isEqualTo(map.valuesAddress() + i * 16L);
        }
        Memory.putInt(key, 5);
        assertThat(map.lookup(key, 0)).isZero();
        Memory.putInt(key, -1);
        assertThat(map.lookup(key, 0)).isZero();
        assertThat(regions.allows(map.valuesAddress(), 80, true)).isTrue();
        assertThat(regions.allows(map.valuesAddress(), 81, false)).isFalse();
        assertThat(map.valueAddress()).as("only maps of one entry").isZero();
    }

    @Test
    void programsUpdateArrays() {
        BpfMap map = maps.create(MapDef.of("a", MapType.ARRAY, 4, 8, 2));
        Memory.putInt(key, 1);
        Memory.putLong(value, 99);
        assertThat(map.update(key, value, BpfMap.ANY, 0)).isZero();
        assertThat(Memory.getLong(map.lookup(key, 0))).isEqualTo(99);
        assertThat(map.update(key, value, BpfMap.NOEXIST, 0)).isEqualTo(-17);
        assertThat(map.update(key, value, 3, 0)).isEqualTo(-22);
        assertThat(map.delete(key)).isEqualTo(-22);
        Memory.putInt(key, 2);
        assertThat(map.update(key, value, BpfMap.ANY, 0)).isEqualTo(-7);
    }

    @Test
    void whatIsClosedIsRefusedAndNotTouched() {
        LruHashMap lru = (LruHashMap) maps.create(MapDef.of("l", MapType.LRU_HASH, 4, 8, 64));
        BloomFilterMap bloom = (BloomFilterMap) maps.create(MapDef.of("b", MapType.BLOOM_FILTER, 0, 8, 64));
        XskMap sockets = (XskMap) maps.create(MapDef.of("x", MapType.XSKMAP, 4, 4, 4));
        UserRingBufferMap ring = (UserRingBufferMap) maps.create(MapDef.of("u", MapType.USER_RINGBUF, 0, 0, 4096));
        MemorySegment sample = ring.reserve(8);
        table.closeAll();
        for (ThrowingCallable use : List.<ThrowingCallable>of(
                lru::size,
                () -> bloom.contains(new byte[8]),
                () -> sockets.bind(0, this, 0),
                () -> ring.reserve(8),
                () -> ring.submit(sample))) {
            assertThatThrownBy(use)
                    .isInstanceOfSatisfying(
                            MapException.class, e -> assertThat(e.errno()).isEqualTo(Errno.EBADF));
        }
    }

    @Test
    void eachCpuHasItsOwnValue() {
        for (MapType type : List.of(MapType.PERCPU_ARRAY, MapType.PERCPU_HASH)) {
            BpfMap map = maps.create(MapDef.of("p", type, 4, 4, 2));
            Memory.putInt(key, 1);
            for (int cpu = 2; cpu >= 0; cpu--) {
                Memory.putInt(value, 100 + cpu);
                assertThat(map.update(key, value, BpfMap.ANY, cpu)).isZero();
            }
            for (int cpu = 0; cpu < 3; cpu++) {
                assertThat(Memory.getInt(map.lookup(key, cpu))).isEqualTo(100 + cpu);
            }
            assertThat(map.userValueSize()).isEqualTo(24);
            assertThat(HexFormat.of().formatHex(map.get(new byte[] {1, 0, 0, 0})))
                    .isEqualTo("640000000000000065000000000000006600000000000000");
            assertThatThrownBy(() -> map.lookup(key, 3)).isInstanceOf(IndexOutOfBoundsException.class);
        }
    }

    @Test
    void aNewPerCpuEntryIsZeroOnOtherCpus() {
        BpfMap map = maps.create(MapDef.of("p", MapType.PERCPU_HASH, 4, 8, 1));
        byte[] full = new byte[24];
        Arrays.fill(full, (byte) -1);
        // Long enough for the element of the first entry to be used again.
        for (int i = 0; i < 1000; i++) {
            Memory.putInt(key, i);
            Memory.putLong(value, i);
            assertThat(map.update(key, value, BpfMap.NOEXIST, 1)).isZero();
            assertThat(Memory.getLong(map.lookup(key, 0))).isZero();
            assertThat(Memory.getLong(map.lookup(key, 1))).isEqualTo(i);
            assertThat(Memory.getLong(map.lookup(key, 2))).isZero();
            byte[] userKey = Memory.bytes(key, 4);
            map.put(userKey, full, BpfMap.EXIST);
            assertThat(map.delete(key)).isZero();
        }
    }

    @Test
    void hashValuesAreWritableAndTheirKeysAreOutOfReach() {
        for (int flags : new int[] {0, 1}) {
            BpfMap map = maps.create(new MapDef("h", MapType.HASH, 4, 8, 1000, flags, 0, null));
            for (int i = 0; i < 1000; i++) {
                Memory.putInt(key, i);
                assertThat(map.update(key, value, BpfMap.ANY, 0)).isZero();
                long found = map.lookup(key, 0);
                assertThat(regions.allows(found, 8, true)).isTrue();
                // Whatever a program writes into the region of values, the table stays whole.
                long end = found;
                while (regions.allows(end, 8, true)) {
                    Memory.putLong(end, -1);
                    end += 8;
                }
            }
            assertThat(map.keys()).hasSize(1000);
        }
    }

    @Test
    void aReplacedValueMovesAndTheOldOneStaysReadable() {
        BpfMap map = maps.create(MapDef.of("h", MapType.HASH, 4, 8, 1));
        Memory.putLong(value, 1);
        assertThat(map.update(key, value, BpfMap.ANY, 0)).isZero();
        long first = map.lookup(key, 0);
        Memory.putLong(value, 2);
        assertThat(map.update(key, value, BpfMap.ANY, 0)).isZero();
        long second = map.lookup(key, 0);
        assertThat(second).isNotEqualTo(first);
        assertThat(Memory.getLong(first)).isEqualTo(1);
        assertThat(Memory.getLong(second)).isEqualTo(2);
    }

    @Test
    void closingGivesEverythingBack() {
        for (MapType type :
                List.of(MapType.ARRAY, MapType.PERCPU_ARRAY, MapType.HASH, MapType.PERCPU_HASH, MapType.DEVMAP)) {
            BpfMap map = maps.create(MapDef.of("m", type, 4, 4, 8));
            int id = map.id();
            assertThat(table.byId(id)).isSameAs(map);
            assertThat(table.byHandle(map.handle())).isSameAs(map);
            map.put(new byte[4], filled(map.userValueSize()), BpfMap.ANY);
            Memory.putInt(key, 0);
            long address = map.lookup(key, 0);
            assertThat(regions.allows(address, 4, false)).isTrue();
            map.close();
            assertThat(regions.allows(address, 1, false)).isFalse();
            assertThat(table.byId(id)).isNull();
        }
    }

    private static byte[] filled(int size) {
        byte[] bytes = new byte[size];
        Arrays.fill(bytes, (byte) 1);
        return bytes;
    }

    @Test
    void theSameSeedGivesTheSameOrder() {
        List<List<String>> orders = new java.util.ArrayList<>();
        for (long seed : new long[] {1, 1, 2}) {
            MapTable own = new MapTable();
            BpfMap map = Maps.create(MapDef.of("h", MapType.HASH, 4, 4, 64), own, new Regions(), 1, seed);
            for (byte i = 0; i < 64; i++) {
                map.put(new byte[] {i, 0, 0, 0}, new byte[4], BpfMap.ANY);
            }
            orders.add(map.keys().stream().map(HexFormat.of()::formatHex).toList());
            map.close();
        }
        assertThat(orders.get(0)).isEqualTo(orders.get(1)).isNotEqualTo(orders.get(2));
    }

    @Test
    void keysSpreadOverTheBuckets() {
        // Consecutive, strided and single-bit keys: a table of 4,096 entries must not degenerate to a list.
        HashTableMap map = (HashTableMap) maps.create(MapDef.of("h", MapType.HASH, 8, 8, 4096));
        for (long step : new long[] {1, 256, 4096, 1L << 20, 1L << 32, 1L << 40}) {
            for (int i = 0; i < 4096; i++) {
                Memory.putLong(key, i * step);
                assertThat(map.update(key, value, BpfMap.ANY, 0)).isZero();
            }
            assertThat(map.longestChain()).as("step=%x", step).isLessThan(12);
            for (int i = 0; i < 4096; i++) {
                Memory.putLong(key, i * step);
                assertThat(map.delete(key)).isZero();
            }
        }
    }

    @Test
    void mappedArraysAreTheValuesThemselves() {
        ArrayMap map = (ArrayMap) maps.create(new MapDef("shared", MapType.ARRAY, 4, 4, 3, 1 << 10, 0, null));
        map.memory().set(java.lang.foreign.ValueLayout.JAVA_INT, map.stride() * 2, 77);
        assertThat(map.get(new byte[] {2, 0, 0, 0})).isEqualTo(new byte[] {77, 0, 0, 0});
        map.freeze();
        assertThat(map.memory().isReadOnly()).isTrue();
        ArrayMap other = (ArrayMap) maps.create(MapDef.of("own", MapType.ARRAY, 4, 4, 3));
        assertThatThrownBy(other::memory).hasMessageContaining("BPF_F_MMAPABLE");
    }

    @Test
    void messagesSayWhatWasExpected() {
        BpfMap map = maps.create(MapDef.of("flows", MapType.HASH, 4, 8, 1));
        map.put(new byte[4], new byte[8], BpfMap.ANY);
        assertThatThrownBy(() -> map.put(new byte[] {1, 0, 0, 0}, new byte[8], BpfMap.ANY))
                .hasMessage("map flows: no room: max_entries=1 key=01 00 00 00, errno=E2BIG");
        assertThatThrownBy(() -> map.get(new byte[3]))
                .hasMessage("map flows: key expected 4 bytes, found 3, errno=EINVAL");
        assertThatThrownBy(() -> map.put(new byte[4], new byte[9], BpfMap.ANY))
                .hasMessage("map flows: value expected 8 bytes, found 9, errno=EINVAL");
        assertThatThrownBy(() -> maps.create(MapDef.of("pages", MapType.ARENA, 0, 0, 16)))
                .hasMessage("map pages: an arena needs BPF_F_MMAPABLE, flags=0 type=arena, errno=EINVAL");
        assertThatThrownBy(() -> maps.create(MapDef.of("code", MapType.INSN_ARRAY, 4, 8, 16)))
                .hasMessage("map code: no map of type insn_array: Linux 6.18 does not have it, errno=EINVAL");
        assertThatThrownBy(() -> maps.create(MapDef.of("big", MapType.ARRAY, 4, 1 << 30, -1)))
                .isInstanceOfSatisfying(
                        MapException.class, e -> assertThat(e.errno()).isEqualTo(Errno.ENOMEM));
    }

    /** A program has the lock of a value that is deleted; the next value there must wait until it gives the lock back. */
    @Test
    void aLockThatIsHeldStaysHeldWhenItsElementIsUsedAgain() {
        BpfMap map = maps.create(MapDef.of("locked", MapType.HASH, 4, 16, 1));
        map.declareFields(ValueFields.lockAt(4));
        Memory.putInt(key, 1);
        assertThat(map.update(key, value, BpfMap.ANY, 0)).isZero();
        long held = map.lookup(key, 0);
        assertThat(ValueLock.lock(held + 4)).isTrue();
        assertThat(map.delete(key)).isZero();
        Memory.putInt(key, 2);
        assertThat(map.update(key, value, BpfMap.ANY, 0)).isZero();
        assertThat(map.lookup(key, 0)).as("the same element").isEqualTo(held);
        assertThat(Memory.getInt(held + 4)).isEqualTo(1);
        ValueLock.unlock(held + 4);
        assertThat(map.update(key, value, BpfMap.LOCK, 0)).isZero();
    }

    @Test
    void programArraysResolveIds() {
        ProgArrayMap map = (ProgArrayMap) maps.create(MapDef.of("jmp", MapType.PROG_ARRAY, 4, 4, 2));
        ProgramRef program = () -> 77;
        map.resolvePrograms(id -> id == 77 ? program : null);
        map.put(new byte[] {1, 0, 0, 0}, new byte[] {77, 0, 0, 0}, BpfMap.ANY);
        assertThat(map.program(1)).isSameAs(program);
        assertThat(map.get(new byte[] {1, 0, 0, 0})).isEqualTo(new byte[] {77, 0, 0, 0});
        assertThat(map.remove(new byte[] {1, 0, 0, 0})).isTrue();
        assertThat(map.program(1)).isNull();
        assertThat(map.program(-1)).isNull();
    }
}
