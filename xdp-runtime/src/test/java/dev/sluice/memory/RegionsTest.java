package dev.sluice.memory;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Random;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

class RegionsTest {
    private final Regions regions = new Regions();

    @Test
    void anAccessLiesInOneRegionAsAWhole() {
        regions.add(1000, 100, true);
        regions.add(1100, 50, false);
        assertThat(regions.allows(1000, 100, true)).isTrue();
        assertThat(regions.allows(999, 1, false)).isFalse();
        assertThat(regions.allows(1000, 101, false))
                .as("over the border of two")
                .isFalse();
        assertThat(regions.allows(1099, 1, true)).isTrue();
        assertThat(regions.allows(1100, 1, true)).as("read-only").isFalse();
        assertThat(regions.allows(1149, 1, false)).isTrue();
        assertThat(regions.allows(1149, 2, false)).isFalse();
        assertThat(regions.allows(1150, 1, false)).isFalse();
    }

    @Test
    void onlyTheValuesOfElementsAreSeen() {
        regions.add(1000, 64, 32, 16, 8, true);
        for (int address = 990; address < 1080; address++) {
            for (int bytes = 1; bytes <= 9; bytes++) {
                boolean first = address >= 1016 && address + bytes <= 1024;
                boolean second = address >= 1048 && address + bytes <= 1056;
                assertThat(regions.allows(address, bytes, true))
                        .as("address %d bytes %d", address, bytes)
                        .isEqualTo(first || second);
            }
        }
        long[] area = new long[4];
        assertThat(regions.area(1050, area, 1)).isTrue();
        assertThat(area).containsExactly(0, 1048, 1056, 1);
        assertThat(regions.area(1015, area, 1)).isFalse();
        assertThat(regions.area(1056, area, 1)).isFalse();
    }

    @Test
    void nothingWraps() {
        regions.add(1000, 100, true);
        for (long address : new long[] {0, -1, Long.MIN_VALUE, Long.MAX_VALUE, Long.MIN_VALUE + 1000}) {
            assertThat(regions.allows(address, 8, false)).as("%x", address).isFalse();
        }
        assertThat(regions.allows(1000, Long.MAX_VALUE, false)).isFalse();
        assertThat(regions.allows(1000, -1, false)).isFalse();
    }

    @Test
    void overlapsAreErrorsOfOurs() {
        regions.add(1000, 100, true);
        assertThatThrownBy(() -> regions.add(1099, 1, true)).isInstanceOf(AssertionError.class);
        assertThatThrownBy(() -> regions.add(950, 51, true)).isInstanceOf(AssertionError.class);
        assertThatThrownBy(() -> regions.add(1000, 100, true)).isInstanceOf(AssertionError.class);
        assertThatThrownBy(() -> regions.add(2000, 0, true)).isInstanceOf(AssertionError.class);
        assertThatThrownBy(() -> regions.remove(1001)).isInstanceOf(AssertionError.class);
    }

    @Test
    void behavesAsASortedMapUnderAnyOrder() {
        long seed = 7;
        Random random = new Random(seed);
        TreeMap<Long, Boolean> model = new TreeMap<>();
        long[] area = new long[4];
        for (int step = 0; step < 20_000; step++) {
            long start = 1 + random.nextInt(50) * 100L;
            long before = regions.version();
            if (model.remove(start) != null) {
                regions.remove(start);
            } else {
                boolean writable = random.nextBoolean();
                regions.add(start, 60, writable);
                model.put(start, writable);
            }
            assertThat(regions.version()).isNotEqualTo(before);
            long address = random.nextInt(5200);
            Long floor = model.floorKey(address);
            boolean inside = floor != null && address < floor + 60;
            boolean write = random.nextBoolean();
            String what = "seed=" + seed + " step=" + step;
            assertThat(regions.allows(address, 1, write)).as(what).isEqualTo(inside && (!write || model.get(floor)));
            assertThat(regions.area(address, area, 1)).as(what).isEqualTo(inside);
            if (inside) {
                assertThat(area).containsExactly(0, floor, floor + 60, model.get(floor) ? 1 : 0);
                area[0] = 0;
            }
        }
    }
}
