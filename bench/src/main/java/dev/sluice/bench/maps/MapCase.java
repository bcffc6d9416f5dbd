package dev.sluice.bench.maps;

import dev.sluice.map.MapDef;
import dev.sluice.map.MapType;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * One thing to measure: a map, what is in it, and an operation on it.
 *
 * @param name as it is printed
 * @param map the map under test
 * @param entries entries that it holds before the run, of the indexes from 0 on
 * @param draws indexes that the program draws from
 * @param key how an index becomes a key
 * @param operation what is done with the key
 * @param limit most of the kernel's time that it may take, 0 where there is no such aim
 */
record MapCase(String name, MapDef map, int entries, int draws, Key key, Operation operation, double limit) {
    /** How an index in r1 becomes a key at r10-48. */
    enum Key {
        /** The index itself. */
        INDEX(4),
        /** 4 bytes that look random. */
        WORD(4),
        /** A 5-tuple of IPv4. */
        TUPLE(13),
        /** A 5-tuple of IPv6. */
        TUPLE6(40),
        /** A prefix length and an IPv4 address. */
        ADDRESS(8),
        /** A prefix length and an IPv6 address. */
        ADDRESS6(20);

        final int bytes;

        Key(int bytes) {
            this.bytes = bytes;
        }
    }

    /** What is done with a key. */
    enum Operation {
        LOOKUP,
        /** A look-up that finds nothing. */
        MISS,
        UPDATE,
        /** A key that is not there is put in and taken out again. */
        INSERT_DELETE,
        /** A look-up, and an atomic addition to the value. */
        COUNT,
        PUSH_POP,
        /** A look-up of a map and one in it. */
        LOOKUP_INNER
    }

    /** Which indexes are drawn. */
    enum Draw {
        UNIFORM,
        ZIPF;

        String label() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    static final int VALUE_BYTES = 8;
    static final int THOUSAND = 1_000;
    static final int MILLION = 1_000_000;
    private static final int PREFIXES = 100_000;
    private static final int NO_PREALLOC = 1;
    private static final double SMALL = 0.8;
    private static final double LARGE = 1.0;

    /** Entries of an inner map. */
    static final int INNER_ENTRIES = 16;

    /** Inner maps. */
    static final int INNER_MAPS = 64;

    /** Everything that is measured, in the order of printing. */
    static List<MapCase> all() {
        List<MapCase> cases = new ArrayList<>();
        cases.add(of("array", MapType.ARRAY, THOUSAND, Key.INDEX, Operation.LOOKUP, SMALL));
        // an atomic operation's time is the CPU's, and nothing else is left of it on either side
        cases.add(of("array", MapType.ARRAY, THOUSAND, Key.INDEX, Operation.COUNT, 0));
        cases.add(of("array", MapType.ARRAY, THOUSAND, Key.INDEX, Operation.UPDATE, SMALL));
        cases.add(of("array", MapType.ARRAY, MILLION, Key.INDEX, Operation.LOOKUP, SMALL));
        cases.add(of("percpu_array", MapType.PERCPU_ARRAY, THOUSAND, Key.INDEX, Operation.LOOKUP, SMALL));
        for (Key key : List.of(Key.WORD, Key.TUPLE, Key.TUPLE6)) {
            cases.add(of("hash", MapType.HASH, THOUSAND, key, Operation.LOOKUP, SMALL));
            cases.add(of("hash", MapType.HASH, THOUSAND, key, Operation.MISS, SMALL));
        }
        cases.add(of("hash", MapType.HASH, THOUSAND, Key.WORD, Operation.COUNT, SMALL));
        cases.add(of("hash", MapType.HASH, THOUSAND, Key.WORD, Operation.UPDATE, SMALL));
        cases.add(of("hash", MapType.HASH, THOUSAND, Key.TUPLE, Operation.UPDATE, SMALL));
        cases.add(of("hash", MapType.HASH, THOUSAND, Key.WORD, Operation.INSERT_DELETE, SMALL));
        cases.add(of("percpu_hash", MapType.PERCPU_HASH, THOUSAND, Key.WORD, Operation.LOOKUP, SMALL));
        cases.add(of("percpu_hash", MapType.PERCPU_HASH, THOUSAND, Key.WORD, Operation.UPDATE, SMALL));
        cases.add(of("hash", MapType.HASH, MILLION, Key.WORD, Operation.LOOKUP, LARGE));
        cases.add(of("hash", MapType.HASH, MILLION, Key.WORD, Operation.MISS, LARGE));
        cases.add(of("hash", MapType.HASH, MILLION, Key.TUPLE, Operation.LOOKUP, LARGE));
        cases.add(of("hash", MapType.HASH, MILLION, Key.WORD, Operation.UPDATE, LARGE));
        cases.add(of("lru_hash", MapType.LRU_HASH, THOUSAND, Key.WORD, Operation.LOOKUP, LARGE));
        cases.add(of("lru_percpu_hash", MapType.LRU_PERCPU_HASH, THOUSAND, Key.WORD, Operation.LOOKUP, LARGE));
        cases.add(evicting("lru_hash", MapType.LRU_HASH, 10 * THOUSAND));
        cases.add(evicting("lru_hash", MapType.LRU_HASH, MILLION / 10));
        cases.add(evicting("lru_percpu_hash", MapType.LRU_PERCPU_HASH, 10 * THOUSAND));
        cases.add(trie(THOUSAND, Key.ADDRESS, Operation.LOOKUP));
        cases.add(trie(PREFIXES, Key.ADDRESS, Operation.LOOKUP));
        cases.add(trie(PREFIXES, Key.ADDRESS6, Operation.LOOKUP));
        cases.add(trie(PREFIXES, Key.ADDRESS, Operation.UPDATE));
        cases.add(of("queue", MapType.QUEUE, THOUSAND, Key.INDEX, Operation.PUSH_POP, 0));
        cases.add(of("stack", MapType.STACK, THOUSAND, Key.INDEX, Operation.PUSH_POP, 0));
        MapDef inner = MapDef.of("inner", MapType.ARRAY, Integer.BYTES, VALUE_BYTES, INNER_ENTRIES);
        cases.add(outer("hash_of_maps", MapType.HASH_OF_MAPS, Key.WORD, inner));
        cases.add(outer("array_of_maps", MapType.ARRAY_OF_MAPS, Key.INDEX, inner));
        MapDef innerHash = MapDef.of("inner", MapType.HASH, Integer.BYTES, VALUE_BYTES, INNER_ENTRIES);
        cases.add(outer("array_of_maps", MapType.ARRAY_OF_MAPS, Key.INDEX, innerHash));
        return List.copyOf(cases);
    }

    private static MapCase of(String type, MapType mapType, int entries, Key key, Operation operation, double limit) {
        boolean keyless = operation == Operation.PUSH_POP;
        MapDef def = MapDef.of("bench", mapType, keyless ? 0 : key.bytes, VALUE_BYTES, entries);
        // room for what is put in, and a queue must not be empty between
        int held = operation == Operation.INSERT_DELETE || keyless ? entries / 2 : entries;
        return new MapCase(name(type, entries, key, operation), def, held, entries, key, operation, limit);
    }

    private static MapCase evicting(String type, MapType mapType, int entries) {
        MapDef def = MapDef.of("bench", mapType, Key.WORD.bytes, VALUE_BYTES, entries);
        String name = type + " " + count(entries) + ", update with eviction";
        return new MapCase(name, def, entries, 4 * entries, Key.WORD, Operation.UPDATE, LARGE);
    }

    private static MapCase trie(int prefixes, Key key, Operation operation) {
        MapDef def = new MapDef("bench", MapType.LPM_TRIE, key.bytes, VALUE_BYTES, prefixes, NO_PREALLOC, 0, null);
        String name = "lpm_trie " + count(prefixes) + (key == Key.ADDRESS ? " IPv4, " : " IPv6, ") + label(operation);
        return new MapCase(name, def, prefixes, prefixes, key, operation, LARGE);
    }

    private static MapCase outer(String type, MapType mapType, Key key, MapDef inner) {
        MapDef def = new MapDef("bench", mapType, key.bytes, Integer.BYTES, THOUSAND, 0, 0, inner);
        String name = type + " " + count(THOUSAND) + ", look-up and one in the inner "
                + inner.type().bpftoolName();
        return new MapCase(name, def, THOUSAND, THOUSAND, key, Operation.LOOKUP_INNER, 0);
    }

    private static String name(String type, int entries, Key key, Operation operation) {
        String keys = key == Key.INDEX ? "" : " of " + key.bytes + "-byte keys";
        return type + " " + count(entries) + keys + ", " + label(operation);
    }

    private static String label(Operation operation) {
        return switch (operation) {
            case LOOKUP -> "look-up";
            case MISS -> "look-up, miss";
            case UPDATE -> "update";
            case INSERT_DELETE -> "insert and delete";
            case COUNT -> "look-up and atomic add";
            case PUSH_POP -> "push and pop";
            case LOOKUP_INNER -> "look-up of a map and in it";
        };
    }

    private static String count(int entries) {
        return String.format(Locale.ROOT, "%,d", entries);
    }
}
