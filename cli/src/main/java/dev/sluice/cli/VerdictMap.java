package dev.sluice.cli;

import dev.sluice.LoadedMap;
import dev.sluice.XdpRuntime;
import dev.sluice.btf.Btf;
import dev.sluice.btf.BtfBuilder;
import dev.sluice.btf.BtfType;
import dev.sluice.map.BpfMap;
import dev.sluice.map.MapDef;
import dev.sluice.map.Maps;
import dev.sluice.object.MapSpec;
import dev.sluice.packet.nic.VerdictCounters;
import dev.sluice.packet.nic.XdpAction;
import java.util.Arrays;
import java.util.List;

/** The counters of an attached program as a map with types, so that it is shown like any other. */
final class VerdictMap {
    private VerdictMap() {}

    static LoadedMap create(XdpRuntime runtime) {
        MapDef def = VerdictCounters.definition();
        BpfMap map = Maps.create(def, runtime.maps(), runtime.regions(), runtime.cpus(), runtime.seed());
        BtfBuilder types = new BtfBuilder();
        int action = types.enumeration(
                "xdp_action",
                def.keySize(),
                false,
                Arrays.stream(XdpAction.values())
                        .map(row -> new BtfType.Enumerator(row.label(), row.ordinal()))
                        .toList());
        int u64 = types.integer("unsigned long long", 8, false);
        int value = types.struct(
                "xdp_counter",
                def.valueSize(),
                List.of(
                        new BtfType.Member("packets", u64, 8 * VerdictCounters.PACKETS, 0),
                        new BtfType.Member("bytes", u64, 8 * VerdictCounters.BYTES, 0)));
        Btf btf = types.build();
        MapSpec spec = MapSpec.of(
                def.name(), def.type().number(), def.keySize(), def.valueSize(), def.maxEntries(), 0, 0, action, value);
        return new LoadedMap(spec, map, btf);
    }
}
