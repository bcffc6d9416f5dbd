package dev.sluice;

import dev.sluice.btf.Btf;
import dev.sluice.map.BpfMap;
import dev.sluice.object.MapSpec;
import org.jspecify.annotations.Nullable;

/**
 * A map of a loaded object.
 *
 * @param spec what it was made from
 * @param map the live map
 * @param btf where the spec's type ids belong; null without types
 */
public record LoadedMap(MapSpec spec, BpfMap map, @Nullable Btf btf) {
    public String name() {
        return spec.name();
    }

    /**
     * The map with keys and values as Java types.
     *
     * @param key a boxed type, a record, {@code byte[]}, {@link Object}
     */
    public <K, V> TypedMap<K, V> typed(Class<K> key, Class<V> value) {
        return new TypedMap<>(this, key, value);
    }
}
