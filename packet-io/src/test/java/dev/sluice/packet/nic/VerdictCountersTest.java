package dev.sluice.packet.nic;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.sluice.map.BpfMap;
import dev.sluice.map.MapDef;
import dev.sluice.map.MapTable;
import dev.sluice.map.MapType;
import dev.sluice.map.Maps;
import dev.sluice.memory.Regions;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.junit.jupiter.api.Test;

class VerdictCountersTest {
    private static BpfMap map(MapDef def) {
        return Maps.create(def, new MapTable(), new Regions(), 2, 1);
    }

    @Test
    void eachCpuCountsForItself() {
        try (BpfMap map = map(VerdictCounters.definition())) {
            VerdictCounters counters = new VerdictCounters(map, 2);
            counters.add(0, XdpAction.DROP.ordinal(), 3, 300);
            counters.add(0, XdpAction.DROP.ordinal(), 1, 60);
            counters.add(1, XdpAction.DROP.ordinal(), 5, 5_000_000_000L);
            counters.add(1, XdpAction.OTHER.ordinal(), 1, 14);
            assertThat(values(map, 1)).containsExactly(4, 360, 5, 5_000_000_000L);
            assertThat(values(map, 5)).containsExactly(0, 0, 1, 14);
            assertThat(values(map, 2)).containsOnly(0);
        }
    }

    private static long[] values(BpfMap map, int key) {
        byte[] bytes = map.get(new byte[] {(byte) key, 0, 0, 0});
        long[] longs = new long[bytes.length / 8];
        ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).asLongBuffer().get(longs);
        return longs;
    }

    @Test
    void anotherShapeIsRefused() {
        try (BpfMap map = map(MapDef.of("x", MapType.ARRAY, 4, 16, 6))) {
            assertThatThrownBy(() -> new VerdictCounters(map, 2))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageStartingWith("counters map, expected=");
        }
    }

    @Test
    void namesAreTheKernels() {
        assertThat(VerdictCounters.NAME.length()).isLessThanOrEqualTo(15);
        assertThat(XdpAction.of(4).label()).isEqualTo("XDP_REDIRECT");
        assertThat(XdpAction.of(5)).isEqualTo(XdpAction.OTHER);
        assertThat(XdpAction.of(-1)).isEqualTo(XdpAction.OTHER);
        assertThat(NicCounter.RX_XDP_TX_ERRORS.label()).isEqualTo("rx_xdp_tx_errors");
        assertThat(NicCounter.RX_XDP_DROP.label(3)).isEqualTo("rx3_xdp_drop");
    }
}
