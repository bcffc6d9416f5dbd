package dev.sluice.kernel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class KernelMapTest {
    private static final byte[] NO_KEY = {};

    private Kernel kernel;

    @BeforeEach
    void open() {
        kernel = KernelTests.kernel();
    }

    private KernelMap create(int type, int keySize, int valueSize, int maxEntries) {
        return kernel.createMap(MapAttributes.of(type, keySize, valueSize, maxEntries));
    }

    private static void assertErrno(int errno, org.assertj.core.api.ThrowableAssert.ThrowingCallable call) {
        assertThatThrownBy(call)
                .isInstanceOfSatisfying(
                        BpfException.class, e -> assertThat(e.errnoName()).isEqualTo(Errno.name(errno)));
    }

    @Test
    void hashKeepsWhatItIsGiven() {
        try (KernelMap map = create(Uapi.MAP_TYPE_HASH, 4, 8, 2)) {
            assertThat(map.lookup(Uapi.u32(1))).isEmpty();
            map.update(Uapi.u32(1), Uapi.u64(10), Uapi.BPF_NOEXIST);
            map.update(Uapi.u32(2), Uapi.u64(20));
            assertErrno(Errno.EEXIST, () -> map.update(Uapi.u32(1), Uapi.u64(11), Uapi.BPF_NOEXIST));
            assertErrno(Errno.E2BIG, () -> map.update(Uapi.u32(3), Uapi.u64(30)));
            assertErrno(Errno.EINVAL, () -> map.update(Uapi.u32(1), Uapi.u64(11), 99));
            assertThat(map.lookup(Uapi.u32(1)).orElseThrow()).isEqualTo(Uapi.u64(10));
            assertThat(map.delete(Uapi.u32(1))).isTrue();
            assertThat(map.delete(Uapi.u32(1))).isFalse();
            assertErrno(Errno.ENOENT, () -> map.update(Uapi.u32(1), Uapi.u64(11), Uapi.BPF_EXIST));
            assertThat(map.lookupAndDelete(Uapi.u32(2)).orElseThrow()).isEqualTo(Uapi.u64(20));
            assertThat(map.entries()).isEmpty();
            assertThat(map.nextKey(NO_KEY)).isEmpty();
        }
    }

    @Test
    void sizesAreCheckedBeforeTheKernelReadsPastAnArray() {
        try (KernelMap map = create(Uapi.MAP_TYPE_HASH, 4, 8, 2)) {
            assertThatThrownBy(() -> map.lookup(new byte[3]))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("a key has 4 bytes, found bytes=3");
            assertThatThrownBy(() -> map.update(new byte[4], new byte[4]))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("a value has 8 bytes, found bytes=4");
            assertThatThrownBy(() -> map.lookupBatch(new byte[3], 1)).isInstanceOf(IllegalArgumentException.class);
        }
    }

    @Test
    void arraysAreFullFromTheStart() {
        try (KernelMap map = create(Uapi.MAP_TYPE_ARRAY, 4, 12, 3)) {
            byte[] value = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
            map.update(Uapi.u32(2), value);
            assertThat(map.entries())
                    .containsExactly(
                            new MapEntry(Uapi.u32(0), new byte[12]),
                            new MapEntry(Uapi.u32(1), new byte[12]),
                            new MapEntry(Uapi.u32(2), value));
            assertErrno(Errno.E2BIG, () -> map.update(Uapi.u32(3), value));
            assertErrno(Errno.EEXIST, () -> map.update(Uapi.u32(1), value, Uapi.BPF_NOEXIST));
            assertErrno(Errno.EINVAL, () -> map.delete(Uapi.u32(1)));
        }
    }

    @Test
    void perCpuValuesAreSplitAndJoined() {
        try (KernelMap map = create(Uapi.MAP_TYPE_PERCPU_ARRAY, 4, 4, 1);
                KernelMap hash = create(Uapi.MAP_TYPE_PERCPU_HASH, 4, 12, 4)) {
            int cpus = kernel.possibleCpus();
            assertThat(map.valueBytes()).isEqualTo(8 * cpus);
            assertThat(hash.valueBytes()).isEqualTo(16 * cpus);
            byte[][] parts = new byte[cpus][];
            for (int cpu = 0; cpu < cpus; cpu++) {
                parts[cpu] = Uapi.u32(100 + cpu);
            }
            map.update(Uapi.u32(0), map.joinPerCpu(parts));
            assertThat(map.splitPerCpu(map.lookup(Uapi.u32(0)).orElseThrow())).isDeepEqualTo(parts);
            hash.update(Uapi.u32(9), new byte[16 * cpus]);
            assertThat(hash.entries()).containsExactly(new MapEntry(Uapi.u32(9), new byte[16 * cpus]));
        }
        try (KernelMap array = create(Uapi.MAP_TYPE_ARRAY, 4, 4, 1)) {
            assertThatThrownBy(() -> array.splitPerCpu(new byte[4])).isInstanceOf(IllegalArgumentException.class);
        }
    }

    @Test
    void aPinnedProgramWritesTheValueOfItsCpu() {
        try (KernelMap map = create(Uapi.MAP_TYPE_PERCPU_ARRAY, 4, 8, 1);
                CpuPin pin = CpuPin.toFirstAllowed()) {
            // *(u32 *)(r10 - 4) = 0; r0 = lookup(map, r10 - 4); if (r0) *r0 += 1; return 2;
            ProgramAttributes counting = KernelTests.xdp(
                    KernelTests.insn(0x62, KernelTests.R10, 0, -4, 0),
                    KernelTests.loadMap(KernelTests.R1, map),
                    KernelTests.movReg(KernelTests.R2, KernelTests.R10),
                    KernelTests.addImm(KernelTests.R2, -4),
                    KernelTests.call(1),
                    KernelTests.insn(0x15, KernelTests.R0, 0, 2, 0),
                    KernelTests.movImm(KernelTests.R1, 1),
                    KernelTests.insn(0xdb, KernelTests.R0, KernelTests.R1, 0, 0),
                    KernelTests.movImm(KernelTests.R0, 2),
                    KernelTests.exit());
            try (KernelProgram program = kernel.load(counting).orThrow();
                    TestRun run = program.testRun()) {
                for (int i = 0; i < 100; i++) {
                    run.run(new byte[60]);
                }
                assertThat(program.mapIds()).containsExactly(map.info().id());
            }
            byte[][] parts = map.splitPerCpu(map.lookup(Uapi.u32(0)).orElseThrow());
            for (int cpu = 0; cpu < parts.length; cpu++) {
                assertThat(Uapi.u64(parts[cpu])).isEqualTo(cpu == pin.cpu() ? 100 : 0);
            }
        }
    }

    @Test
    void longestPrefixMatches() {
        MapAttributes lpm = MapAttributes.of(Uapi.MAP_TYPE_LPM_TRIE, 8, 4, 16);
        assertErrno(Errno.EINVAL, () -> kernel.createMap(lpm));
        try (KernelMap map = kernel.createMap(lpm.withFlags(Uapi.BPF_F_NO_PREALLOC))) {
            map.update(KernelTests.join(Uapi.u32(8), new byte[] {10, 0, 0, 0}), Uapi.u32(1));
            map.update(KernelTests.join(Uapi.u32(16), new byte[] {10, 1, 0, 0}), Uapi.u32(2));
            assertThat(map.lookup(KernelTests.join(Uapi.u32(32), new byte[] {10, 1, 2, 3}))
                            .orElseThrow())
                    .isEqualTo(Uapi.u32(2));
            assertThat(map.lookup(KernelTests.join(Uapi.u32(32), new byte[] {10, 9, 2, 3}))
                            .orElseThrow())
                    .isEqualTo(Uapi.u32(1));
            assertThat(map.lookup(KernelTests.join(Uapi.u32(32), new byte[] {11, 0, 0, 0})))
                    .isEmpty();
            assertThat(map.entries()).hasSize(2);
        }
    }

    @Test
    void programArraysTakeDescriptorsAndShowIds() {
        try (KernelMap map = create(Uapi.MAP_TYPE_PROG_ARRAY, 4, 4, 4);
                KernelProgram target = KernelTests.returning(kernel, 3);
                KernelProgram caller = kernel.load(KernelTests.xdp(
                                KernelTests.loadMap(KernelTests.R2, map),
                                KernelTests.movImm(KernelTests.R3, 2),
                                KernelTests.call(12),
                                KernelTests.movImm(KernelTests.R0, 1),
                                KernelTests.exit()))
                        .orThrow();
                TestRun run = caller.testRun()) {
            assertThat(run.run(new byte[64])).isEqualTo(1);
            map.update(Uapi.u32(2), Uapi.u32(target.fd()));
            assertThat(run.run(new byte[64])).isEqualTo(3);
            assertThat(map.entries())
                    .containsExactly(
                            new MapEntry(Uapi.u32(2), Uapi.u32(target.info().id())));
            assertThat(map.delete(Uapi.u32(2))).isTrue();
            assertThat(run.run(new byte[64])).isEqualTo(1);
            assertErrno(Errno.EBADF, () -> map.update(Uapi.u32(0), Uapi.u32(999_999)));
        }
    }

    @Test
    void mapsHoldMaps() {
        MapAttributes innerLike = MapAttributes.of(Uapi.MAP_TYPE_HASH, 4, 4, 8);
        for (int type : new int[] {Uapi.MAP_TYPE_ARRAY_OF_MAPS, Uapi.MAP_TYPE_HASH_OF_MAPS}) {
            // No template: descriptor 0 is not a map, whatever it is.
            assertThatThrownBy(() -> create(type, 4, 4, 3)).isInstanceOf(BpfException.class);
            try (KernelMap inner = kernel.createMap(innerLike);
                    KernelMap other = create(Uapi.MAP_TYPE_ARRAY, 4, 4, 8);
                    KernelMap outer =
                            kernel.createMap(MapAttributes.of(type, 4, 4, 3).withInner(inner))) {
                outer.update(Uapi.u32(1), Uapi.u32(inner.fd()));
                assertErrno(Errno.EINVAL, () -> outer.update(Uapi.u32(2), Uapi.u32(other.fd())));
                assertThat(outer.entries())
                        .contains(
                                new MapEntry(Uapi.u32(1), Uapi.u32(inner.info().id())));
                try (KernelMap found =
                        kernel.mapById(Uapi.u32(outer.lookup(Uapi.u32(1)).orElseThrow()))) {
                    assertThat(found.info()).isEqualTo(inner.info());
                }
            }
        }
    }

    @Test
    void queuesStacksAndBloomFiltersHaveNoKeys() {
        try (KernelMap queue = create(Uapi.MAP_TYPE_QUEUE, 0, 4, 2);
                KernelMap stack = create(Uapi.MAP_TYPE_STACK, 0, 4, 2);
                KernelMap bloom = create(Uapi.MAP_TYPE_BLOOM_FILTER, 0, 4, 100)) {
            for (KernelMap map : List.of(queue, stack)) {
                map.update(NO_KEY, Uapi.u32(1));
                map.update(NO_KEY, Uapi.u32(2));
                assertErrno(Errno.E2BIG, () -> map.update(NO_KEY, Uapi.u32(3)));
            }
            assertThat(queue.lookup(NO_KEY).orElseThrow()).isEqualTo(Uapi.u32(1));
            assertThat(queue.lookupAndDelete(NO_KEY).orElseThrow()).isEqualTo(Uapi.u32(1));
            assertThat(queue.lookupAndDelete(NO_KEY).orElseThrow()).isEqualTo(Uapi.u32(2));
            assertThat(queue.lookupAndDelete(NO_KEY)).isEmpty();
            assertThat(stack.lookupAndDelete(NO_KEY).orElseThrow()).isEqualTo(Uapi.u32(2));
            bloom.update(NO_KEY, Uapi.u32(5));
            assertThat(bloom.contains(Uapi.u32(5))).isTrue();
            assertThat(bloom.contains(Uapi.u32(6))).isFalse();
        }
    }

    @Test
    void entriesComeInBatchesHoweverMany() {
        int count = 10_000;
        try (KernelMap map = create(Uapi.MAP_TYPE_HASH, 4, 8, count)) {
            List<MapEntry> wanted = new ArrayList<>();
            for (int i = 0; i < count; i++) {
                wanted.add(new MapEntry(Uapi.u32(i), Uapi.u64(i * 3L)));
            }
            assertThat(map.updateBatch(wanted, Uapi.BPF_ANY)).isEqualTo(count);
            List<MapEntry> found = new ArrayList<>(map.entries());
            found.sort(Comparator.comparingInt(entry -> Uapi.u32(entry.key())));
            assertThat(found).isEqualTo(wanted);

            Set<MapEntry> pieces = new HashSet<>();
            KernelMap.Batch batch = map.lookupBatch(NO_KEY, 100);
            pieces.addAll(batch.entries());
            while (!batch.end()) {
                batch = map.lookupBatch(batch.next(), 100);
                pieces.addAll(batch.entries());
            }
            assertThat(pieces).hasSize(count);

            assertThat(map.deleteBatch(List.of(Uapi.u32(0), Uapi.u32(1)))).isEqualTo(2);
            KernelMap.Batch taken = map.lookupAndDeleteBatch(NO_KEY, count);
            assertThat(taken.entries()).hasSize(count - 2);
            assertThat(map.entries()).isEmpty();
        }
        try (KernelMap queue = create(Uapi.MAP_TYPE_QUEUE, 0, 4, 2);
                KernelMap progs = create(Uapi.MAP_TYPE_PROG_ARRAY, 4, 4, 2)) {
            assertErrno(Errno.ENOTSUPP, () -> queue.lookupBatch(NO_KEY, 1));
            assertErrno(Errno.ENOTSUPP, () -> progs.lookupBatch(NO_KEY, 1));
        }
    }

    @Test
    void frozenMapsAreReadOnlyForUserSpace() {
        try (KernelMap map = create(Uapi.MAP_TYPE_ARRAY, 4, 4, 1)) {
            map.update(Uapi.u32(0), Uapi.u32(1));
            map.freeze();
            assertErrno(Errno.EPERM, () -> map.update(Uapi.u32(0), Uapi.u32(2)));
            assertErrno(Errno.EPERM, map::freeze);
            assertThat(map.lookup(Uapi.u32(0)).orElseThrow()).isEqualTo(Uapi.u32(1));
        }
    }

    @Test
    void infoRepeatsTheAttributes() {
        try (KernelBtf btf = kernel.loadBtf(MinimalBtf.INT_U32);
                KernelMap map = kernel.createMap(MapAttributes.of(Uapi.MAP_TYPE_HASH, 4, 4, 77)
                        .withName("my_map_with_a_long_name")
                        .withFlags(Uapi.BPF_F_NO_PREALLOC)
                        .withBtf(btf, 1, 1))) {
            MapInfo info = map.info();
            assertThat(info.type()).isEqualTo(Uapi.MAP_TYPE_HASH);
            assertThat(info.keySize()).isEqualTo(4);
            assertThat(info.valueSize()).isEqualTo(4);
            assertThat(info.maxEntries()).isEqualTo(77);
            assertThat(info.flags()).isEqualTo(Uapi.BPF_F_NO_PREALLOC);
            assertThat(info.name()).isEqualTo("my_map_with_a_l");
            assertThat(info.btfId()).isEqualTo(btf.id()).isPositive();
            assertThat(info.btfKeyTypeId()).isEqualTo(1);
            assertThat(info.btfValueTypeId()).isEqualTo(1);
        }
        try (KernelMap bloom = kernel.createMap(
                        MapAttributes.of(Uapi.MAP_TYPE_BLOOM_FILTER, 0, 4, 100).withMapExtra(3));
                KernelMap node = kernel.createMap(
                        MapAttributes.of(Uapi.MAP_TYPE_ARRAY, 4, 4, 1).withNumaNode(0))) {
            assertThat(bloom.info().mapExtra()).isEqualTo(3);
            assertThat(node.info().flags()).isEqualTo(Uapi.BPF_F_NUMA_NODE);
        }
    }

    @Test
    void everyKindThatXdpProgramsUseCanBeMade() {
        int[][] kinds = {
            {Uapi.MAP_TYPE_HASH, 4, 4, 4},
            {Uapi.MAP_TYPE_ARRAY, 4, 4, 4},
            {Uapi.MAP_TYPE_PROG_ARRAY, 4, 4, 4},
            {Uapi.MAP_TYPE_PERF_EVENT_ARRAY, 4, 4, 4},
            {Uapi.MAP_TYPE_PERCPU_HASH, 4, 4, 4},
            {Uapi.MAP_TYPE_PERCPU_ARRAY, 4, 4, 4},
            {Uapi.MAP_TYPE_LRU_HASH, 4, 4, 4},
            {Uapi.MAP_TYPE_LRU_PERCPU_HASH, 4, 4, 4},
            {Uapi.MAP_TYPE_DEVMAP, 4, 4, 4},
            {Uapi.MAP_TYPE_DEVMAP, 4, 8, 4},
            {Uapi.MAP_TYPE_DEVMAP_HASH, 4, 8, 4},
            {Uapi.MAP_TYPE_CPUMAP, 4, 8, kernel.possibleCpus()},
            {Uapi.MAP_TYPE_XSKMAP, 4, 4, 4},
            {Uapi.MAP_TYPE_QUEUE, 0, 4, 4},
            {Uapi.MAP_TYPE_STACK, 0, 4, 4},
            {Uapi.MAP_TYPE_RINGBUF, 0, 0, 4096},
            {Uapi.MAP_TYPE_BLOOM_FILTER, 0, 4, 4},
        };
        for (int[] kind : kinds) {
            try (KernelMap map = create(kind[0], kind[1], kind[2], kind[3])) {
                assertThat(map.info().type()).isEqualTo(kind[0]);
            }
        }
    }

    @Test
    void aClosedMapIsNotSomebodyElsesDescriptor() {
        KernelMap map = create(Uapi.MAP_TYPE_ARRAY, 4, 4, 1);
        map.close();
        map.close();
        assertThatThrownBy(map::fd).isInstanceOf(IllegalStateException.class);
        assertThatThrownBy(() -> map.lookup(Uapi.u32(0))).isInstanceOf(IllegalStateException.class);
    }
}
