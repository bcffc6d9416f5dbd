package dev.sluice.kernel;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.map.BpfMap;
import dev.sluice.map.MapDef;
import dev.sluice.map.MapException;
import dev.sluice.map.MapTable;
import dev.sluice.map.MapType;
import dev.sluice.map.Maps;
import dev.sluice.memory.Regions;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * A map of ours and one of the kernel's, made from the same definition, that are given the same operations and must give
 * the same answers: the same bytes, or the same error number.
 */
final class MapTwin implements AutoCloseable {
    final KernelMap theirs;
    final BpfMap ours;

    private MapTwin(KernelMap theirs, BpfMap ours) {
        this.theirs = theirs;
        this.ours = ours;
    }

    /** What maps of ours are made with: as many CPUs as the kernel's per-CPU maps have room for. */
    static Maps ourMaps(Kernel kernel) {
        return new Maps(new MapTable(), new Regions(), kernel.possibleCpus(), 42);
    }

    static MapDef def(MapType type, int keySize, int valueSize, int maxEntries, int flags, long extra) {
        return new MapDef("twin", type, keySize, valueSize, maxEntries, flags, extra, null);
    }

    static MapAttributes attributes(MapDef def) {
        return MapAttributes.of(def.type().number(), def.keySize(), def.valueSize(), def.maxEntries())
                .withFlags(def.flags())
                .withMapExtra(def.extra());
    }

    static MapTwin create(Kernel kernel, MapDef def) {
        return new MapTwin(kernel.createMap(attributes(def)), ourMaps(kernel).create(def));
    }

    static MapTwin of(KernelMap theirs, BpfMap ours) {
        return new MapTwin(theirs, ours);
    }

    /** Both refuse the definition with the same error, or both take it. */
    static void sameCreation(Kernel kernel, MapDef def) {
        String expected = answer(() -> {
            kernel.createMap(attributes(def)).close();
            return "created";
        });
        String found = answer(() -> {
            ourMaps(kernel).create(def).close();
            return "created";
        });
        assertThat(found).describedAs(def.toString()).isEqualTo(expected);
    }

    // --- operations

    void update(byte[] key, byte[] value, long flags) {
        same(
                "update " + hex(key) + " flags=" + flags,
                () -> {
                    theirs.update(key, value, flags);
                    return "done";
                },
                () -> {
                    ours.put(key, value, flags);
                    return "done";
                });
    }

    void lookup(byte[] key) {
        same("lookup " + hex(key), () -> hex(theirs.lookup(key).orElse(null)), () -> hex(ours.get(key)));
    }

    void lookup(byte[] key, long flags) {
        same(
                "lookup " + hex(key) + " flags=" + flags,
                () -> hex(theirs.lookup(key, flags).orElse(null)),
                () -> hex(ours.get(key, flags)));
    }

    void lookupAndDelete(byte[] key) {
        same(
                "lookup and delete " + hex(key),
                () -> hex(theirs.lookupAndDelete(key).orElse(null)),
                () -> hex(ours.lookupAndDelete(key)));
    }

    void delete(byte[] key) {
        same("delete " + hex(key), () -> "" + theirs.delete(key), () -> "" + ours.remove(key));
    }

    void nextKey(byte[] key) {
        same(
                "next key of " + hex(key),
                () -> hex(theirs.nextKey(key).orElse(null)),
                () -> hex(ours.nextKey(key.length == 0 ? null : key)));
    }

    void freeze() {
        same(
                "freeze",
                () -> {
                    theirs.freeze();
                    return "done";
                },
                () -> {
                    ours.freeze();
                    return "done";
                });
    }

    /** The same entries, in any order. */
    void sameEntries() {
        List<String> expected = new ArrayList<>();
        theirs.entries().forEach(entry -> expected.add(hex(entry.key()) + " -> " + hex(entry.value())));
        List<String> found = new ArrayList<>();
        ours.keys().forEach(key -> found.add(hex(key) + " -> " + hex(ours.get(key))));
        assertThat(found).containsExactlyInAnyOrderElementsOf(expected);
    }

    /** The same keys in the same order. */
    void sameOrder() {
        List<String> expected = new ArrayList<>();
        for (byte[] key = theirs.nextKey(new byte[0]).orElse(null); key != null; ) {
            expected.add(hex(key));
            key = theirs.nextKey(key).orElse(null);
        }
        assertThat(ours.keys().stream().map(MapTwin::hex)).containsExactlyElementsOf(expected);
    }

    void same(String operation, Supplier<String> expected, Supplier<String> found) {
        String theirAnswer = answer(expected);
        assertThat(answer(found)).describedAs("%s in %s", operation, ours.def()).isEqualTo(theirAnswer);
    }

    /** What an operation answers: its result, or the number of its error. */
    static String answer(Supplier<String> operation) {
        try {
            return operation.get();
        } catch (BpfException e) {
            return name(e.errno());
        } catch (MapException e) {
            return name(e.errno().number());
        }
    }

    private static String name(int errno) {
        return Errno.name(errno);
    }

    static String hex(byte @Nullable [] bytes) {
        return bytes == null ? "nothing" : HexFormat.of().formatHex(bytes);
    }

    @Override
    public void close() {
        theirs.close();
        ours.close();
    }
}
