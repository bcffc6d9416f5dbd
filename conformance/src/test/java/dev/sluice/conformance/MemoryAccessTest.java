package dev.sluice.conformance;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.memory.Memory;
import dev.sluice.memory.MemoryAccess;
import java.lang.foreign.Arena;
import java.lang.foreign.ValueLayout;
import java.lang.reflect.Field;
import org.junit.jupiter.api.Test;

/** Memory is accessed by {@code Unsafe} here, as this module's tests are started with the export that {@code ./sluice} has. */
class MemoryAccessTest {
    @Test
    void accessesAreThoseOfUnsafe() throws ReflectiveOperationException {
        Field field = Memory.class.getDeclaredField("ACCESS");
        field.setAccessible(true);
        Class<?> type = field.get(null).getClass();
        assertThat(type.getName()).isEqualTo("dev.sluice.memory.unsafe.UnsafeAccess");
        assertThat(type.getSuperclass()).isEqualTo(MemoryAccess.class);
    }

    @Test
    void everyWidthIsReadAndWritten() {
        try (Arena arena = Arena.ofConfined()) {
            long start = Memory.allocate(arena, 32, 8);
            for (int at = 0; at < 9; at++) {
                long address = start + at; // of any alignment
                Memory.putLong(address, 0x8899_aabb_ccdd_eeffL);
                assertThat(Memory.ALL.get(Memory.LONG, address)).isEqualTo(0x8899_aabb_ccdd_eeffL);
                assertThat(Memory.getLong(address)).isEqualTo(0x8899_aabb_ccdd_eeffL);
                assertThat(Memory.getInt(address)).isEqualTo(0xccdd_eeff);
                assertThat(Memory.getShort(address)).isEqualTo((short) 0xeeff);
                assertThat(Memory.getByte(address + 7)).isEqualTo((byte) 0x88);
                Memory.putInt(address + 1, 0x1122_3344);
                Memory.putShort(address + 5, (short) 0x5566);
                Memory.putByte(address + 7, (byte) 0x77);
                assertThat(Memory.ALL.get(Memory.LONG, address)).isEqualTo(0x7755_6611_2233_44ffL);
                assertThat(Memory.ALL.get(ValueLayout.JAVA_BYTE, address + 8)).isZero();
            }
        }
    }
}
