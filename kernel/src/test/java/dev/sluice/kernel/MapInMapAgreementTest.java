package dev.sluice.kernel;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.map.BpfMap;
import dev.sluice.map.MapDef;
import dev.sluice.map.MapType;
import dev.sluice.map.Maps;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Maps of maps, ours and the kernel's: which maps they take, and random operations. */
class MapInMapAgreementTest {
    private static final int INNER_MAP = 1 << 12;
    private static final List<MapDef> PROTOTYPES = List.of(
            MapTwin.def(MapType.ARRAY, 4, 8, 4, 0, 0),
            MapTwin.def(MapType.ARRAY, 4, 8, 5, 0, 0),
            MapTwin.def(MapType.ARRAY, 4, 8, 4, INNER_MAP, 0),
            MapTwin.def(MapType.ARRAY, 4, 8, 7, INNER_MAP, 0),
            MapTwin.def(MapType.ARRAY, 4, 12, 4, 0, 0),
            MapTwin.def(MapType.ARRAY, 4, 8, 4, BpfMap.RDONLY_PROG, 0),
            MapTwin.def(MapType.PERCPU_ARRAY, 4, 8, 4, 0, 0),
            MapTwin.def(MapType.PERCPU_ARRAY, 4, 8, 9, 0, 0),
            MapTwin.def(MapType.HASH, 4, 8, 4, 0, 0),
            MapTwin.def(MapType.HASH, 4, 8, 40, 0, 0),
            MapTwin.def(MapType.HASH, 4, 8, 4, 1, 0),
            MapTwin.def(MapType.HASH, 8, 8, 4, 0, 0),
            MapTwin.def(MapType.LRU_HASH, 4, 8, 4, 0, 0),
            MapTwin.def(MapType.LPM_TRIE, 8, 8, 4, 1, 0),
            MapTwin.def(MapType.LPM_TRIE, 8, 8, 14, 1, 0),
            MapTwin.def(MapType.DEVMAP, 4, 4, 4, 0, 0),
            MapTwin.def(MapType.PROG_ARRAY, 4, 4, 4, 0, 0));

    private Kernel kernel;

    @BeforeEach
    void open() {
        kernel = KernelTests.kernel();
    }

    private static MapDef outer(MapType type, MapDef inner, int flags) {
        return new MapDef("outer", type, 4, 4, 8, flags, 0, inner);
    }

    private MapAttributes theirs(MapDef outer, KernelMap prototype) {
        return MapTwin.attributes(outer).withInner(prototype);
    }

    @ParameterizedTest
    @EnumSource(names = {"ARRAY_OF_MAPS", "HASH_OF_MAPS"})
    void whichMapsFit(MapType type) {
        for (MapDef prototype : PROTOTYPES) {
            Maps maps = MapTwin.ourMaps(kernel);
            try (KernelMap theirPrototype = kernel.createMap(MapTwin.attributes(prototype))) {
                MapDef def = outer(type, prototype, 0);
                String created = MapTwin.answer(() -> {
                    kernel.createMap(theirs(def, theirPrototype)).close();
                    return "created";
                });
                assertThat(MapTwin.answer(() -> {
                            maps.create(def);
                            return "created";
                        }))
                        .describedAs(prototype.toString())
                        .isEqualTo(created);
                if (!created.equals("created")) {
                    continue;
                }
                try (MapTwin twin = MapTwin.of(kernel.createMap(theirs(def, theirPrototype)), maps.create(def))) {
                    for (MapDef candidate : PROTOTYPES) {
                        try (KernelMap theirInner = kernel.createMap(MapTwin.attributes(candidate));
                                BpfMap ourInner = maps.create(candidate)) {
                            put(twin, 1, theirInner, ourInner, 0);
                        }
                    }
                    assertThat(MapTwin.answer(() -> {
                                twin.ours.put(Uapi.u32(1), Uapi.u32(twin.ours.id()), 0);
                                return "done";
                            }))
                            .describedAs("a map of maps in a map of maps")
                            .isEqualTo(MapTwin.answer(() -> {
                                twin.theirs.update(Uapi.u32(1), Uapi.u32(twin.theirs.fd()), 0);
                                return "done";
                            }));
                }
            }
        }
    }

    private static void put(MapTwin twin, int key, KernelMap theirInner, BpfMap ourInner, long flags) {
        twin.same(
                "put " + ourInner.def() + " at " + key + " flags=" + flags,
                () -> {
                    twin.theirs.update(Uapi.u32(key), Uapi.u32(theirInner.fd()), flags);
                    return "done";
                },
                () -> {
                    twin.ours.put(Uapi.u32(key), Uapi.u32(ourInner.id()), flags);
                    return "done";
                });
    }

    @Test
    void definitions() {
        MapDef inner = PROTOTYPES.getFirst();
        try (KernelMap prototype = kernel.createMap(MapTwin.attributes(inner))) {
            for (MapType type : List.of(MapType.ARRAY_OF_MAPS, MapType.HASH_OF_MAPS)) {
                for (int flags : new int[] {0, 1, 2, 4, 8, 16, 24, 1 << 6, 1 << 7, 1 << 8, 1 << 10, 1 << 12}) {
                    for (int valueSize : new int[] {4, 8}) {
                        MapDef def = new MapDef("outer", type, 4, valueSize, 8, flags, 0, inner);
                        assertThat(MapTwin.answer(() -> {
                                    MapTwin.ourMaps(kernel).create(def).close();
                                    return "created";
                                }))
                                .describedAs(def.toString())
                                .isEqualTo(MapTwin.answer(() -> {
                                    kernel.createMap(theirs(def, prototype)).close();
                                    return "created";
                                }));
                    }
                }
            }
        }
    }

    @ParameterizedTest
    @EnumSource(names = {"ARRAY_OF_MAPS", "HASH_OF_MAPS"})
    void randomOperations(MapType type) {
        long seed = Long.getLong("sluice.seed", System.nanoTime());
        System.out.println("MapInMapAgreementTest type=" + type + " seed=" + seed);
        Random random = new Random(seed);
        MapDef inner = MapTwin.def(MapType.ARRAY, 4, 8, 4, 0, 0);
        Maps maps = MapTwin.ourMaps(kernel);
        List<MapTwin> inners = new ArrayList<>();
        for (int i = 0; i < 5; i++) {
            inners.add(MapTwin.of(kernel.createMap(MapTwin.attributes(inner)), maps.create(inner)));
        }
        MapDef def = outer(type, inner, 0);
        try (MapTwin twin = MapTwin.of(kernel.createMap(theirs(def, inners.getFirst().theirs)), maps.create(def))) {
            for (int i = 0; i < 500; i++) {
                int key = random.nextInt(10);
                MapTwin chosen = inners.get(random.nextInt(inners.size()));
                switch (random.nextInt(8)) {
                    case 0 -> twin.delete(Uapi.u32(key));
                    case 1 -> put(twin, key, chosen.theirs, chosen.ours, random.nextInt(5));
                    case 2 -> twin.lookupAndDelete(Uapi.u32(key));
                    case 3, 4 ->
                        twin.same(
                                "look up " + key,
                                () -> twin.theirs
                                        .lookup(Uapi.u32(key))
                                        .map(id -> position(inners, Uapi.u32(id), true))
                                        .orElse("nothing"),
                                () -> {
                                    byte[] id = twin.ours.get(Uapi.u32(key));
                                    return id == null ? "nothing" : position(inners, Uapi.u32(id), false);
                                });
                    default -> put(twin, key, chosen.theirs, chosen.ours, 0);
                }
            }
        } finally {
            inners.forEach(MapTwin::close);
        }
    }

    private static String position(List<MapTwin> inners, int id, boolean theirs) {
        for (int i = 0; i < inners.size(); i++) {
            if ((theirs ? inners.get(i).theirs.info().id() : inners.get(i).ours.id()) == id) {
                return "inner map " + i;
            }
        }
        return "unknown map " + id;
    }

    @Test
    void anInnerMapLivesAsLongAsItIsInAnother() {
        Maps maps = MapTwin.ourMaps(kernel);
        MapDef inner = MapTwin.def(MapType.ARRAY, 4, 8, 4, 0, 0);
        BpfMap outer = maps.create(outer(MapType.ARRAY_OF_MAPS, inner, 0));
        BpfMap first = maps.create(inner);
        outer.put(Uapi.u32(0), Uapi.u32(first.id()), 0);
        first.close();
        assertThat(outer.get(Uapi.u32(0))).isEqualTo(Uapi.u32(first.id()));
        first.put(Uapi.u32(3), Uapi.u64(7), 0);
        outer.remove(Uapi.u32(0));
        assertThat(MapTwin.answer(() -> {
                    outer.put(Uapi.u32(0), Uapi.u32(first.id()), 0);
                    return "done";
                }))
                .isEqualTo("EBADF");
        // A program may have got it before, but for user space it is gone.
        assertThat(MapTwin.answer(() -> {
                    first.get(Uapi.u32(3));
                    return "done";
                }))
                .isEqualTo("EBADF");
    }
}
