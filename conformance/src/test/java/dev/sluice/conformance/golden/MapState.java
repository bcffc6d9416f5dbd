package dev.sluice.conformance.golden;

import dev.sluice.LoadedMap;
import dev.sluice.LoadedObject;
import dev.sluice.map.MapType;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * A map's content, in the terms of the golden results.
 *
 * @param values by key in hexadecimal, or by index of arrays; what is all zero in an array is left out
 */
record MapState(long entries, String sha256, Map<String, String> values) {
    private static final HexFormat HEX = HexFormat.of();

    /** The maps that golden results have. Values of CPUs are added up, as 64-bit counters. */
    static Map<String, MapState> of(LoadedObject object) {
        Map<String, MapState> maps = new LinkedHashMap<>();
        for (LoadedMap map : object.maps()) {
            switch (map.map().def().type()) {
                case HASH, ARRAY, PERCPU_HASH, PERCPU_ARRAY ->
                    maps.put(map.spec().isInternal() ? map.spec().section() : map.name(), of(map));
                default -> {}
            }
        }
        return maps;
    }

    private static MapState of(LoadedMap map) {
        MapType type = map.map().def().type();
        boolean array = type == MapType.ARRAY || type == MapType.PERCPU_ARRAY;
        List<byte[]> keys = new ArrayList<>(map.map().keys());
        if (!array) {
            keys.sort(Arrays::compareUnsigned);
        }
        MessageDigest digest = Outcome.sha256();
        Map<String, String> values = new LinkedHashMap<>();
        for (byte[] key : keys) {
            byte[] all = map.map().get(key);
            byte[] value = Arrays.copyOf(
                    type.isPerCpu() ? sum(all, map) : all, map.map().def().valueSize());
            digest.update(key);
            digest.update(value);
            if (!array) {
                values.put(HEX.formatHex(key), HEX.formatHex(value));
            } else if (!isZero(value)) {
                int index = ByteBuffer.wrap(key).order(ByteOrder.LITTLE_ENDIAN).getInt();
                values.put(Integer.toString(index), HEX.formatHex(value));
            }
        }
        return new MapState(keys.size(), HEX.formatHex(digest.digest()), values);
    }

    private static byte[] sum(byte[] all, LoadedMap map) {
        int stride = (map.map().def().valueSize() + 7) / 8 * 8;
        ByteBuffer in = ByteBuffer.wrap(all).order(ByteOrder.LITTLE_ENDIAN);
        ByteBuffer sum = ByteBuffer.allocate(stride).order(ByteOrder.LITTLE_ENDIAN);
        for (int at = 0; at < all.length; at += 8) {
            sum.putLong(at % stride, sum.getLong(at % stride) + in.getLong(at));
        }
        return sum.array();
    }

    private static boolean isZero(byte[] bytes) {
        for (byte b : bytes) {
            if (b != 0) {
                return false;
            }
        }
        return true;
    }
}
