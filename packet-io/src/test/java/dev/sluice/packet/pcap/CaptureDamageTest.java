package dev.sluice.packet.pcap;

import static dev.sluice.packet.pcap.CaptureBytes.data;
import static java.nio.ByteOrder.BIG_ENDIAN;
import static java.nio.ByteOrder.LITTLE_ENDIAN;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.fail;

import com.github.luben.zstd.Zstd;
import dev.sluice.packet.pcap.Captures.Read;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.zip.GZIPOutputStream;
import org.junit.jupiter.api.Assertions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Damaged input: fewer packets and a value that says why, or a {@link CaptureException}; never anything else. */
class CaptureDamageTest {
    @TempDir
    Path directory;

    private static List<byte[]> samples() throws IOException {
        List<byte[]> samples = new ArrayList<>();
        for (var order : List.of(LITTLE_ENDIAN, BIG_ENDIAN)) {
            CaptureBytes pcap = CaptureBytes.pcap(order, 0xa1b2c3d4, 1);
            for (int i = 0; i < 8; i++) {
                pcap.packet(i, i, data(i, 20 + i), 40);
            }
            samples.add(pcap.bytes());
            CaptureBytes ng = CaptureBytes.pcapng();
            ng.section(order, ng.option(4, "test"));
            ng.iface(1, 0, ng.option(2, "eth0"), ng.option(9, 9), ng.option64(14, 5));
            ng.enhanced(0, 1, data(1, 21), 21, ng.option(1, "comment"));
            ng.simple(data(2, 22), 22);
            ng.obsolete(0, 0, 5, data(3, 23), 23);
            ng.block(5, ng.body().u32(0).u32(0).u32(0));
            ng.section(order == BIG_ENDIAN ? LITTLE_ENDIAN : BIG_ENDIAN);
            ng.iface(1, 0);
            ng.enhanced(0, 1, data(4, 24), 24);
            samples.add(ng.bytes());
        }
        List<byte[]> compressed = new ArrayList<>();
        for (byte[] plain : samples.subList(0, 2)) {
            ByteArrayOutputStream gzip = new ByteArrayOutputStream();
            try (OutputStream out = new GZIPOutputStream(gzip)) {
                out.write(plain);
            }
            compressed.add(gzip.toByteArray());
            compressed.add(Zstd.compress(plain));
        }
        samples.addAll(compressed);
        return samples;
    }

    @Test
    void cutOffAtEveryByte() throws IOException {
        for (byte[] good : samples()) {
            List<Captures.Packet> whole = Captures.mapped(directory, good).packets();
            assertThat(whole).isNotEmpty();
            int complete = 0;
            for (int length = 0; length < good.length; length++) {
                byte[] bytes = Arrays.copyOf(good, length);
                Read mapped = tryRead(bytes, true);
                Read streamed = tryRead(bytes, false);
                assertThat(mapped == null).isEqualTo(streamed == null);
                if (mapped == null) {
                    continue;
                }
                assertThat(streamed.packets()).hasSameSizeAs(mapped.packets());
                assertThat(mapped.packets().size()).isLessThanOrEqualTo(whole.size());
                for (int i = 0; i < mapped.packets().size(); i++) {
                    assertThat(mapped.packets().get(i).data())
                            .isEqualTo(whole.get(i).data());
                }
                if (mapped.damage() == null) {
                    complete++;
                } else {
                    assertThat(mapped.damage().packet())
                            .isEqualTo(mapped.packets().size() + 1L);
                    assertThat(mapped.damage().offset()).isBetween(0L, 10_000L);
                }
            }
            // only a cut between two packets or blocks is not damage
            assertThat(complete).isLessThanOrEqualTo(12);
        }
    }

    @Test
    void everyByteChanged() throws IOException {
        for (byte[] good : samples()) {
            for (int at = 0; at < good.length; at++) {
                for (int value : new int[] {good[at] ^ 1, good[at] ^ 0x80, 0, 0xff, 0x7f}) {
                    byte[] bytes = good.clone();
                    bytes[at] = (byte) value;
                    Read mapped = tryRead(bytes, true);
                    Read streamed = tryRead(bytes, false);
                    assertThat(mapped == null)
                            .as("byte %d set to %x", at, value)
                            .isEqualTo(streamed == null);
                    if (mapped != null) {
                        assertThat(streamed.packets()).hasSameSizeAs(mapped.packets());
                    }
                }
            }
        }
    }

    @Test
    void randomDamage() throws IOException {
        long seed = Long.getLong("sluice.seed", System.nanoTime());
        Random random = new Random(seed);
        List<byte[]> samples = samples();
        for (int round = 0; round < 3000; round++) {
            byte[] bytes = samples.get(random.nextInt(samples.size())).clone();
            for (int changes = 1 + random.nextInt(8); changes > 0; changes--) {
                int at = random.nextInt(bytes.length);
                switch (random.nextInt(3)) {
                    case 0 -> bytes[at] = (byte) random.nextInt();
                    case 1 ->
                        System.arraycopy(
                                bytes,
                                random.nextInt(bytes.length - at) / 2,
                                bytes,
                                at,
                                Math.min(4, bytes.length - at));
                    default -> Arrays.fill(bytes, at, Math.min(bytes.length, at + 4), (byte) random.nextInt(2));
                }
            }
            try {
                tryRead(bytes, true);
                tryRead(bytes, false);
            } catch (RuntimeException | Error e) {
                fail("repeat with -Dsluice.seed=" + seed + ", round " + round, e);
            }
        }
    }

    private Read tryRead(byte[] bytes, boolean map) {
        return Assertions.assertTimeout(Duration.ofSeconds(240), () -> {
            try {
                return map ? Captures.mapped(directory, bytes) : Captures.streamed(bytes, 17);
            } catch (CaptureException e) {
                assertThat(e.getMessage()).isNotBlank();
                return null;
            }
        });
    }
}
