package dev.sluice.packet.pcap;

import static dev.sluice.packet.pcap.CaptureBytes.data;
import static java.nio.ByteOrder.BIG_ENDIAN;
import static java.nio.ByteOrder.LITTLE_ENDIAN;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assumptions.assumeThat;

import com.github.luben.zstd.Zstd;
import com.github.luben.zstd.ZstdCompressCtx;
import dev.sluice.packet.pcap.Captures.Packet;
import dev.sluice.packet.pcap.Captures.Read;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.zip.GZIPOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class CaptureReaderTest {
    private static final int MICROS = 0xa1b2c3d4;
    private static final int NANOS = 0xa1b23c4d;
    private static final int MODIFIED = 0xa1b2cd34;
    private static final long SECOND = 1_000_000_000L;

    @TempDir
    Path directory;

    @ParameterizedTest
    @CsvSource({"LITTLE_ENDIAN", "BIG_ENDIAN"})
    void classicCapturesOfBothByteOrdersAndResolutions(String orderName) throws IOException {
        ByteOrder order = orderName.equals("BIG_ENDIAN") ? BIG_ENDIAN : LITTLE_ENDIAN;
        for (int magic : new int[] {MICROS, NANOS}) {
            CaptureBytes bytes = CaptureBytes.pcap(order, magic, 1);
            for (int i = 0; i < 100; i++) {
                bytes.packet(0xf0000000L + i, 999_000 + i, data(i, 60 + i), 60 + i);
            }
            long unit = magic == MICROS ? 1000 : 1;
            for (Read read : bothWays(bytes.bytes())) {
                assertThat(read.format())
                        .isEqualTo(magic == MICROS ? CaptureFormat.PCAP_MICROS : CaptureFormat.PCAP_NANOS);
                assertThat(read.damage()).isNull();
                assertThat(read.cut()).isZero();
                assertThat(read.packets()).hasSize(100);
                for (int i = 0; i < 100; i++) {
                    Packet packet = read.packets().get(i);
                    assertThat(packet.time()).isEqualTo((0xf0000000L + i) * SECOND + (999_000 + i) * unit);
                    assertThat(packet.data()).isEqualTo(data(i, 60 + i));
                    assertThat(packet.original()).isEqualTo(60 + i);
                }
                assertThat(read.interfaces())
                        .containsExactly(new CaptureInterface(0, 0, "", "", 1, 262144, magic == NANOS, 0));
            }
        }
    }

    @Test
    void classicModifiedCapturesHaveLongerPacketHeaders() throws IOException {
        CaptureBytes bytes = CaptureBytes.pcap(BIG_ENDIAN, MODIFIED, 1);
        for (int i = 0; i < 3; i++) {
            bytes.u32(i).u32(5).u32(20).u32(20).u32(2).u16(0x0800).u16(0).raw(data(i, 20));
        }
        for (Read read : bothWays(bytes.bytes())) {
            assertThat(read.format()).isEqualTo(CaptureFormat.PCAP_MODIFIED);
            assertThat(read.damage()).isNull();
            assertThat(read.packets()).hasSize(3);
            assertThat(read.packets().get(2).data()).isEqualTo(data(2, 20));
            assertThat(read.packets().get(2).time()).isEqualTo(2 * SECOND + 5000);
        }
    }

    @Test
    void oldClassicCapturesHaveTheLengthsExchanged() throws IOException {
        byte[] old = CaptureBytes.pcap(LITTLE_ENDIAN, MICROS, 2, 2, 1)
                .u32(1)
                .u32(0)
                .u32(90)
                .u32(40)
                .raw(data(1, 40))
                .bytes();
        byte[] either = CaptureBytes.pcap(LITTLE_ENDIAN, MICROS, 2, 3, 1)
                .u32(1)
                .u32(0)
                .u32(90)
                .u32(40)
                .raw(data(1, 40))
                .u32(1)
                .u32(0)
                .u32(40)
                .u32(90)
                .raw(data(1, 40))
                .bytes();
        for (byte[] bytes : List.of(old, either)) {
            Read read = Captures.mapped(directory, bytes);
            assertThat(read.damage()).isNull();
            assertThat(read.cut()).isEqualTo(read.packets().size());
            assertThat(read.packets()).allSatisfy(packet -> {
                assertThat(packet.data()).isEqualTo(data(1, 40));
                assertThat(packet.original()).isEqualTo(90);
            });
        }
    }

    @Test
    void theFrameCheckSequenceOfAClassicCaptureIsKnown() throws IOException {
        byte[] bytes = CaptureBytes.pcap(LITTLE_ENDIAN, MICROS, 0x24000001).bytes();
        CaptureInterface only = Captures.mapped(directory, bytes).interfaces().get(0);
        assertThat(only.linkType()).isEqualTo(LinkType.ETHERNET);
        assertThat(only.fcsLength()).isEqualTo(4);
    }

    @Test
    void cutPacketsAreCounted() throws IOException {
        byte[] bytes = CaptureBytes.pcap(LITTLE_ENDIAN, MICROS, 1)
                .packet(1, 0, data(0, 60), 1500)
                .packet(2, 0, data(1, 60), 60)
                .packet(3, 0, data(2, 60), -1)
                .packet(4, 0, data(3, 0), 0)
                .bytes();
        for (Read read : bothWays(bytes)) {
            assertThat(read.cut()).isEqualTo(2);
            assertThat(read.packets()).extracting(Packet::original).containsExactly(1500, 60, Integer.MAX_VALUE, 0);
        }
    }

    @Test
    void pcapngWithSectionsOfBothByteOrdersAndEveryKindOfBlock() throws IOException {
        CaptureBytes bytes = CaptureBytes.pcapng();
        bytes.section(BIG_ENDIAN, bytes.option(4, "someone"));
        bytes.block(0x0bad, bytes.body().u32(99).padded(data(1, 33))); // custom
        bytes.iface(
                1, 0, bytes.option(2, "eth0"), bytes.option(3, "the first"), bytes.option(9, 9), bytes.option(1, "hi"));
        bytes.iface(1, 64, bytes.option(2, "eth1"), bytes.option64(14, 100), bytes.option(13, 4));
        bytes.enhanced(0, 7 * SECOND + 1, data(1, 61), 61, bytes.option(1, "a comment"), bytes.option(2, 1));
        bytes.enhanced(1, 2_000_001, data(2, 64), 1000);
        bytes.obsolete(0, 3, 8 * SECOND, data(3, 62), 62);
        bytes.block(4, bytes.body().u32(0)); // names
        bytes.block(5, bytes.body().u32(0).u32(1).u32(2)); // statistics
        bytes.block(0x80001234, bytes.body()); // local use
        bytes.section(LITTLE_ENDIAN);
        bytes.iface(1, 50);
        bytes.simple(data(4, 50), 70);
        bytes.simple(data(5, 41), 41);
        bytes.enhanced(0, 3_000_000, data(6, 42), 42);
        for (Read read : bothWays(bytes.bytes())) {
            assertThat(read.damage()).isNull();
            assertThat(read.format()).isEqualTo(CaptureFormat.PCAPNG);
            assertThat(read.interfaces())
                    .containsExactly(
                            new CaptureInterface(0, 0, "eth0", "the first", 1, 0, true, 0),
                            new CaptureInterface(1, 1, "eth1", "", 1, 64, false, 4),
                            new CaptureInterface(2, 0, "", "", 1, 50, false, 0));
            List<Packet> packets = read.packets();
            assertThat(packets)
                    .extracting(Packet::time)
                    .containsExactly(
                            7 * SECOND + 1,
                            102 * SECOND + 1000,
                            8 * SECOND,
                            CaptureReader.NO_TIMESTAMP,
                            CaptureReader.NO_TIMESTAMP,
                            3 * SECOND);
            assertThat(packets).extracting(Packet::iface).containsExactly(0, 1, 0, 2, 2, 2);
            assertThat(packets).extracting(Packet::original).containsExactly(61, 1000, 62, 70, 41, 42);
            int[] lengths = {61, 64, 62, 50, 41, 42};
            for (int i = 0; i < 6; i++) {
                assertThat(packets.get(i).data()).isEqualTo(data(i + 1, lengths[i]));
            }
            assertThat(read.cut()).isEqualTo(2);
        }
    }

    @Test
    void equalInterfacesOfManySectionsShareAnIndex() throws IOException {
        CaptureBytes bytes = CaptureBytes.pcapng();
        for (int i = 0; i < 200; i++) {
            bytes.section(i % 2 == 0 ? BIG_ENDIAN : LITTLE_ENDIAN);
            bytes.iface(1, 0, bytes.option(2, "eth" + i % 3));
            bytes.enhanced(0, i, data(i, 60), 60);
        }
        Read read = Captures.mapped(directory, bytes.bytes());
        assertThat(read.packets()).hasSize(200);
        assertThat(read.interfaces()).extracting(CaptureInterface::name).containsExactly("eth0", "eth1", "eth2");
    }

    @ParameterizedTest
    @CsvSource({
        // resolution, offset in seconds, time high, time low, nanoseconds
        "0, 0, 0, 1, 1000000000",
        "6, 0, 0, 1, 1000",
        "9, 0, 1, 1, 4294967297",
        "9, -1, 0, 5, -999999995",
        "12, 0, 1, 0, 4294967",
        "28, 0, -1, -1, 1",
        "29, 0, -1, -1, 0",
        "127, 0, -1, -1, 0",
        "128, 0, 0, 3, 3000000000",
        "129, 0, 0, 3, 1500000000",
        "148, 0, 0, 1, 953",
        "160, 0, 1, 2147483648, 1500000000",
        "191, 0, -1, -1, 1999999999",
        "192, 0, -1, -1, 999999999",
        "255, 0, -1, -1, 0",
        // what does not fit becomes the nearest that does
        "9, 0, -1, -1, 9223372036854775807",
        "0, 0, 16, 0, 9223372036854775807",
        "128, 0, 16, 0, 9223372036854775807",
        "6, 0, -1, -1, 9223372036854775807",
        "6, 9223372036854775807, 0, 1000000, 9223372036854775807",
        "6, -9223372036854775808, 0, 0, -9223372036000000000",
    })
    void timesOfAnyResolution(int resolution, long offset, long high, long low, long expected) throws IOException {
        CaptureBytes bytes = CaptureBytes.pcapng();
        bytes.section(LITTLE_ENDIAN);
        bytes.iface(1, 0, bytes.option(9, resolution), bytes.option64(14, offset));
        bytes.enhanced(0, high << 32 | low & 0xffffffffL, data(0, 14), 14);
        Read read = Captures.mapped(directory, bytes.bytes());
        assertThat(read.damage()).isNull();
        assertThat(read.packets()).extracting(Packet::time).containsExactly(expected);
    }

    @Test
    void gzipWithSeveralMembersAndZstdWithSeveralFrames() throws IOException {
        CaptureBytes bytes = CaptureBytes.pcap(LITTLE_ENDIAN, NANOS, 1);
        for (int i = 0; i < 40_000; i++) {
            bytes.packet(i, i, data(i, 60), 60);
        }
        byte[] plain = bytes.bytes();
        ByteArrayOutputStream gzip = new ByteArrayOutputStream();
        ByteArrayOutputStream zstd = new ByteArrayOutputStream();
        zstd.writeBytes(new byte[] {0x53, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3}); // a skippable frame
        int[] parts = {0, 1, 1000, 1000, 2_000_000, plain.length};
        for (int i = 1; i < parts.length; i++) {
            byte[] part = Arrays.copyOfRange(plain, parts[i - 1], parts[i]);
            try (OutputStream member = new GZIPOutputStream(gzip)) {
                member.write(part);
            }
            zstd.writeBytes(Zstd.compress(part));
        }
        byte[] padded = Arrays.copyOf(gzip.toByteArray(), gzip.size() + 100);
        for (byte[] compressed : List.of(gzip.toByteArray(), zstd.toByteArray(), padded)) {
            for (Read read : List.of(
                    Captures.mapped(directory, compressed),
                    Captures.streamed(compressed, 1000),
                    Captures.streamed(compressed, 1 << 20))) {
                assertThat(read.damage()).isNull();
                assertThat(read.packets()).hasSize(40_000);
                assertThat(read.packets().get(39_999).data()).isEqualTo(data(39_999, 60));
                assertThat(read.packets().get(39_999).time()).isEqualTo(39_999 * SECOND + 39_999);
            }
        }
    }

    @Test
    void damagedCompressedDataGivesThePacketsBeforeIt() throws IOException {
        CaptureBytes bytes = CaptureBytes.pcap(LITTLE_ENDIAN, NANOS, 1);
        Random random = new Random(7);
        for (int i = 0; i < 20_000; i++) {
            byte[] data = new byte[60];
            random.nextBytes(data);
            bytes.packet(i, i, data, 60);
        }
        byte[] plain = bytes.bytes();
        ByteArrayOutputStream gzip = new ByteArrayOutputStream();
        try (OutputStream member = new GZIPOutputStream(gzip)) {
            member.write(plain);
        }
        byte[] zstd;
        try (ZstdCompressCtx context = new ZstdCompressCtx()) {
            zstd = context.setChecksum(true).compress(plain);
        }
        for (byte[] good : List.of(gzip.toByteArray(), zstd)) {
            byte[] half = Arrays.copyOf(good, good.length / 2);
            Read cut = Captures.mapped(directory, half);
            // no more than a block of zstd may be missing
            assertThat(cut.packets().size()).isBetween(10_000 - 131_072 / 76 - 1000, 11_000);
            assertThat(cut.damage().kind()).isEqualTo(Damage.Kind.CORRUPT);
            assertThat(cut.damage().message())
                    .contains("packet " + (cut.packets().size() + 1) + " cannot be read")
                    .contains("ends in the middle");
            byte[] wrong = good.clone();
            for (int i = good.length / 2; i < good.length / 2 + 50; i++) {
                wrong[i] ^= (byte) 0xa5;
            }
            Read flipped = Captures.mapped(directory, wrong);
            assertThat(flipped.damage()).isNotNull();
        }
        byte[] zstdChecksum = zstd.clone();
        zstdChecksum[zstdChecksum.length - 1] ^= 1;
        Read all = Captures.mapped(directory, zstdChecksum);
        assertThat(all.packets()).hasSize(20_000);
        assertThat(all.damage().message()).contains("packet 20001 cannot be read: the zstd data is damaged: ");
        byte[] checksum = gzip.toByteArray();
        checksum[checksum.length - 6] ^= 1;
        Read last = Captures.mapped(directory, checksum);
        assertThat(last.packets()).hasSize(20_000);
        assertThat(last.damage().message()).contains("crc32 expected=");
        byte[] trailing = Arrays.copyOf(gzip.toByteArray(), gzip.size() + 2);
        trailing[trailing.length - 2] = 'x';
        Read after = Captures.mapped(directory, trailing);
        assertThat(after.packets()).hasSize(20_000);
        assertThat(after.damage().message()).contains("expected=1f8b found=7800");
    }

    @Test
    void whatIsNoCaptureIsNamed() throws IOException {
        assertRejected(new byte[0], "is empty, expected a pcap or pcapng capture");
        assertRejected(
                "hello world".getBytes(StandardCharsets.US_ASCII), "expected pcap or pcapng", "text, \"hello wo\"");
        assertRejected(new byte[] {1, 2, 3}, "found=bytes 01 02 03");
        assertRejected("\u007fELF\2\1\1".getBytes(StandardCharsets.ISO_8859_1), "an ELF file (a compiled program?)");
        assertRejected("BZh9".getBytes(StandardCharsets.US_ASCII), "bzip2 data; decompress it first");
        assertRejected(
                Arrays.copyOf(CaptureBytes.pcap(BIG_ENDIAN, MICROS, 1).bytes(), 23),
                "the pcap file header is cut off, expected=24 bytes found=23");
        assertRejected(CaptureBytes.pcap(BIG_ENDIAN, MICROS, 3, 0, 1).bytes(), "unknown version of pcap", "found=3.0");
        ByteArrayOutputStream gzip = new ByteArrayOutputStream();
        try (OutputStream member = new GZIPOutputStream(gzip)) {
            member.write("no capture".getBytes(StandardCharsets.US_ASCII));
        }
        assertRejected(gzip.toByteArray(), "is not a capture", "text, \"no captu\"");
        assertRejected(Arrays.copyOf(gzip.toByteArray(), 12), "the gzip data ends in the middle");
        assertRejected(new byte[] {0x28, (byte) 0xb5, 0x2f, (byte) 0xfd, 9, 9, 9, 9, 9, 9}, "the zstd data");
        assertRejected(new byte[] {0x0a, 0x0d, 0x0d, 0x0a, 28, 0, 0, 0, 1, 2, 3, 4}, "expected=1a2b3c4d found=4030201");
    }

    private void assertRejected(byte[] bytes, String... parts) throws IOException {
        assertThatThrownBy(() -> Captures.streamed(bytes, 3))
                .isInstanceOf(CaptureException.class)
                .hasMessageStartingWith("stream: ")
                .hasMessageContainingAll(parts);
        Path file = directory.resolve("bad.bin");
        Files.write(file, bytes);
        assertThatThrownBy(() -> CaptureReader.open(file))
                .isInstanceOf(CaptureException.class)
                .hasMessageStartingWith(file + ": ")
                .hasMessageContainingAll(parts);
    }

    @Test
    void filesThatCannotBeOpenedAreNamed() {
        assertThatThrownBy(() -> CaptureReader.open(directory))
                .hasMessage(directory + ": is a directory, expected a capture file");
        Path missing = directory.resolve("missing.pcap");
        assertThatThrownBy(() -> CaptureReader.open(missing))
                .isInstanceOf(CaptureException.class)
                .hasMessage(missing + ": no such file");
    }

    @Test
    void damageSaysWhere() throws IOException {
        CaptureBytes start = CaptureBytes.pcap(LITTLE_ENDIAN, MICROS, 1).packet(1, 0, data(0, 60), 60);
        Damage length =
                one(start.u32(1).u32(1).u32(262_145).u32(60).raw(data(0, 60)).bytes());
        assertThat(length)
                .isEqualTo(new Damage(
                        Damage.Kind.CORRUPT,
                        "stream: packet 2 has an impossible length, expected captured length=0..262144 found=262145,"
                                + " offset=100",
                        100,
                        2));
        byte[] two = CaptureBytes.pcap(LITTLE_ENDIAN, MICROS, 1)
                .packet(1, 0, data(0, 60), 60)
                .packet(1, 0, data(1, 60), 60)
                .bytes();
        assertThat(one(Arrays.copyOf(two, two.length - 1)).message())
                .isEqualTo("stream: packet 2 is cut off by the end of the capture in its bytes, expected=60 bytes"
                        + " found=59, offset=100");
        assertThat(one(Arrays.copyOf(two, 110)).message())
                .isEqualTo("stream: packet 2 is cut off by the end of the capture in its header, expected=16 bytes"
                        + " found=10, offset=100");

        assertThat(ng(bytes -> bytes.enhanced(1, 0, data(0, 60), 60)).message())
                .isEqualTo("stream: packet 2 is from an interface that the section does not have, expected"
                        + " interface=0..0 found=1, offset=140");
        assertThat(ng(bytes -> bytes.block(
                                6,
                                bytes.body()
                                        .u32(0)
                                        .u32(0)
                                        .u32(0)
                                        .u32(61)
                                        .u32(61)
                                        .padded(data(0, 60))))
                        .message())
                .contains("packet 2 has an impossible length, expected captured length=0..60 found=61, offset=140");
        assertThat(ng(bytes -> bytes.u32(6).u32(33).raw(data(0, 60))).message())
                .contains("packet 2 has an impossible block length")
                .endsWith("found=33, offset=140");
        assertThat(ng(bytes -> bytes.u32(6).u32(32).raw(new byte[20]).u32(36)).message())
                .contains("packet 2 has two different block lengths, expected=32 found at the end=36");
        assertThat(ng(bytes -> bytes.u32(77).u32(400).raw(data(0, 60))).message())
                .contains("a block of type 4d is cut off by the end of the capture, expected=400 bytes found=68, before"
                        + " packet 2, offset=140");
        assertThat(ng(bytes -> bytes.u32(77).u32(4).raw(data(0, 60))).message())
                .contains("not a block of pcapng", "found type=4d length=4, before packet 2, offset=140");
        assertThat(ng(bytes -> bytes.iface(1, 0, bytes.body().u16(2).u16(5).bytes()))
                        .message())
                .contains("option 2 of an interface block is too long, expected length=0..4 found=5");
        assertThat(ng(bytes -> bytes.section(BIG_ENDIAN).simple(data(0, 20), 20))
                        .message())
                .contains(
                        "packet 2 is from an interface that the section does not have, expected interface=none found=0");
    }

    private interface Change {
        CaptureBytes apply(CaptureBytes bytes);
    }

    /** The damage after one good packet of pcapng, at offset 140. */
    private Damage ng(Change change) throws IOException {
        CaptureBytes bytes = CaptureBytes.pcapng();
        bytes.section(LITTLE_ENDIAN).iface(1, 0).enhanced(0, 0, data(0, 60), 60);
        assertThat(bytes.bytes()).hasSize(140);
        return one(change.apply(bytes).bytes());
    }

    /** The damage after exactly one packet, the same from a mapping and from streams. */
    private Damage one(byte[] bytes) throws IOException {
        Read read = Captures.streamed(bytes, 1 << 20);
        assertThat(read.packets()).hasSize(1);
        Read slow = Captures.streamed(bytes, 1);
        assertThat(slow.damage()).isEqualTo(read.damage());
        Read mapped = Captures.mapped(directory, bytes);
        assertThat(mapped.damage().offset()).isEqualTo(read.damage().offset());
        assertThat(mapped.damage().packet()).isEqualTo(read.damage().packet());
        return read.damage();
    }

    @Test
    void otherLinkTypesGetAClearAnswer() throws IOException {
        Path raw = directory.resolve("raw.pcap");
        Files.write(
                raw,
                CaptureBytes.pcap(LITTLE_ENDIAN, MICROS, 101)
                        .packet(1, 0, data(0, 60), 60)
                        .bytes());
        try (CaptureReader reader = CaptureReader.open(raw)) {
            assertThatThrownBy(reader::requireEthernet)
                    .isInstanceOf(CaptureException.class)
                    .hasMessageStartingWith(
                            raw + ": link type is raw IP (DLT_RAW = 101), expected Ethernet (DLT_EN10MB = 1)");
        }
        CaptureBytes any = CaptureBytes.pcapng();
        any.section(LITTLE_ENDIAN).iface(276, 0).enhanced(0, 0, data(0, 60), 60);
        Files.write(raw, any.bytes());
        try (CaptureReader reader = CaptureReader.open(raw)) {
            assertThatThrownBy(reader::requireEthernet).hasMessageContaining("instead of on all of them (-i any)");
        }
        CaptureBytes mixed = CaptureBytes.pcapng();
        mixed.section(LITTLE_ENDIAN).iface(1, 0).enhanced(0, 0, data(0, 60), 60).iface(227, 0);
        mixed.enhanced(0, 0, data(1, 60), 60).enhanced(1, 0, data(2, 60), 60);
        Files.write(raw, mixed.bytes());
        try (CaptureReader reader = CaptureReader.open(raw)) {
            reader.requireEthernet();
            Read read = Captures.read(reader, 64);
            assertThat(read.packets()).hasSize(2);
            assertThat(read.damage().kind()).isEqualTo(Damage.Kind.LINK_TYPE);
            assertThat(read.damage().message()).contains("packet 3 is not Ethernet", "DLT_CAN_SOCKETCAN = 227");
        }
        try (CaptureReader reader = CaptureReader.open(raw)) {
            assertThat(Captures.read(reader, 64).packets()).hasSize(3);
        }
        assertThat(LinkType.name(12345)).isEqualTo("unknown");
        assertThat(LinkType.name(1)).isEqualTo("EN10MB");
        assertThat(LinkType.name(150)).isEqualTo("USER3");
    }

    @Test
    void oneByOneAndAgain() throws IOException {
        for (boolean ng : new boolean[] {false, true}) {
            CaptureBytes bytes = ng ? CaptureBytes.pcapng() : CaptureBytes.pcap(LITTLE_ENDIAN, MICROS, 1);
            if (ng) {
                bytes.section(LITTLE_ENDIAN).iface(1, 0);
            }
            for (int i = 0; i < 10; i++) {
                if (ng) {
                    bytes.enhanced(0, i, data(i, 60), 60);
                } else {
                    bytes.packet(0, i, data(i, 60), 60);
                }
            }
            bytes.u32(0);
            Path file = directory.resolve("again.pcap");
            Files.write(file, bytes.bytes());
            try (CaptureReader reader = CaptureReader.open(file)) {
                assertThat(reader.isMapped()).isTrue();
                assertThat(reader.size()).isEqualTo(Files.size(file));
                for (int round = 0; round < 3; round++) {
                    for (int i = 0; i < 10; i++) {
                        assertThat(reader.damage()).isNull();
                        assertThat(reader.next()).isTrue();
                        assertThat(reader.timestampNanos()).isEqualTo(i * 1000);
                        assertThat(reader.copyBytes()).isEqualTo(data(i, 60));
                        assertThat(reader.packets()).isEqualTo(i + 1);
                    }
                    assertThat(reader.next()).isFalse();
                    assertThat(reader.damage()).isNotNull();
                    assertThat(reader.interfaces()).hasSize(1);
                    reader.rewind();
                }
                reader.close();
                assertThat(reader.next()).isFalse();
            }
        }
    }

    @Test
    void longBlocksPassThroughASmallBuffer() throws IOException {
        CaptureBytes bytes = CaptureBytes.pcapng();
        bytes.section(LITTLE_ENDIAN).iface(1, 0);
        bytes.enhanced(0, 0, data(1, 262_144), 262_144);
        bytes.block(0x0bad, bytes.body().raw(new byte[40 << 20]));
        bytes.enhanced(0, 0, data(2, 60), 60, bytes.option(1, "x".repeat(65_000)));
        bytes.block(6, bytes.body().u32(0).u32(0).u32(0).u32(60).u32(60).raw(new byte[4 << 20]));
        bytes.enhanced(0, 0, data(3, 60), 60);
        for (Read read : bothWays(bytes.bytes())) {
            assertThat(read.damage()).isNull();
            assertThat(read.packets()).hasSize(4);
            assertThat(read.packets().get(0).data()).isEqualTo(data(1, 262_144));
            assertThat(read.packets().get(3).data()).isEqualTo(data(3, 60));
        }
    }

    @Test
    void filesAboveFourGigabytesAreMapped() throws IOException {
        Path file = directory.resolve("large.pcapng");
        CaptureBytes start = CaptureBytes.pcapng();
        start.section(LITTLE_ENDIAN).iface(1, 0).enhanced(0, 0, data(1, 60), 60);
        CaptureBytes end = CaptureBytes.pcapng();
        end.enhanced(0, 0, data(2, 60), 60);
        try (FileChannel channel = FileChannel.open(
                file, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE, StandardOpenOption.SPARSE)) {
            channel.write(ByteBuffer.wrap(start.bytes()));
            // eleven blocks of a gigabyte that nobody knows, which are holes in the file
            for (int i = 0; i < 11; i++) {
                byte[] head = CaptureBytes.pcapng().u32(0x0bad).u32(1 << 30).bytes();
                channel.write(ByteBuffer.wrap(head));
                channel.position(channel.position() + (1 << 30) - 12);
                channel.write(ByteBuffer.wrap(head, 4, 4));
            }
            channel.write(ByteBuffer.wrap(end.bytes()));
        }
        assertThat(Files.size(file)).isGreaterThan(11L << 30);
        Read read = Captures.read(file, 64);
        assertThat(read.damage()).isNull();
        assertThat(read.packets()).hasSize(2);
        assertThat(read.packets().get(1).data()).isEqualTo(data(2, 60));
    }

    @ParameterizedTest
    @ValueSource(longs = {100_000, 0})
    void aFileThatIsCutShortWhileItIsRead(long newSize) throws IOException {
        CaptureBytes bytes = CaptureBytes.pcap(LITTLE_ENDIAN, MICROS, 1);
        for (int i = 0; i < 100_000; i++) {
            bytes.packet(0, i, data(i, 60), 60);
        }
        Path file = directory.resolve("shrinks.pcap");
        Files.write(file, bytes.bytes());
        try (CaptureReader reader = CaptureReader.open(file);
                CaptureBatch batch = new CaptureBatch(64)) {
            assertThat(reader.read(batch)).isEqualTo(64);
            try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
                channel.truncate(newSize);
            }
            while (reader.read(batch) > 0) {}
            assertThat(reader.packets()).isLessThan(100_000);
            assertThat(reader.damage().kind()).isEqualTo(Damage.Kind.TRUNCATED);
            assertThat(reader.damage().message()).contains("the file was cut short while it was read");
        }
    }

    @Test
    void aNamedPipeIsReadAsItArrives() throws Exception {
        Path pipe = directory.resolve("pipe");
        Process mkfifo;
        try {
            mkfifo = new ProcessBuilder("mkfifo", pipe.toString()).start();
        } catch (IOException e) {
            assumeThat(false).as("needs mkfifo").isTrue();
            return;
        }
        assertThat(mkfifo.waitFor(180, TimeUnit.SECONDS)).isTrue();
        byte[] first = CaptureBytes.pcap(LITTLE_ENDIAN, MICROS, 1)
                .packet(1, 0, data(1, 60), 60)
                .bytes();
        byte[] second = CaptureBytes.pcapng().packet(2, 0, data(2, 60), 60).bytes();
        CountDownLatch read = new CountDownLatch(1);
        Thread writer = Thread.ofVirtual().start(() -> {
            try (OutputStream out = Files.newOutputStream(pipe)) {
                out.write(first);
                read.await();
                out.write(second);
            } catch (IOException | InterruptedException e) {
                throw new AssertionError(e);
            }
        });
        try (CaptureReader reader = CaptureReader.open(pipe);
                CaptureBatch batch = new CaptureBatch(64)) {
            assertThat(reader.isMapped()).isFalse();
            assertThat(reader.size()).isEqualTo(-1);
            assertThatThrownBy(reader::rewind).isInstanceOf(IllegalStateException.class);
            // the first packet comes although the writer waits with the second
            assertThat(reader.read(batch)).isEqualTo(1);
            assertThat(batch.copyBytes(0)).isEqualTo(data(1, 60));
            read.countDown();
            assertThat(reader.read(batch)).isEqualTo(1);
            assertThat(batch.copyBytes(0)).isEqualTo(data(2, 60));
            assertThat(reader.read(batch)).isZero();
            assertThat(reader.damage()).isNull();
            assertThat(reader.consumed()).isEqualTo(first.length + second.length);
        }
        writer.join();
    }

    @Test
    void aClosedBatchIsRefused() throws IOException {
        Path file = directory.resolve("a.pcap");
        Files.write(
                file,
                CaptureBytes.pcap(LITTLE_ENDIAN, MICROS, 1)
                        .packet(1, 0, data(1, 60), 60)
                        .bytes());
        CaptureBatch batch = new CaptureBatch(4);
        try (CaptureReader reader = CaptureReader.open(file)) {
            reader.read(batch);
            batch.close();
            assertThatThrownBy(() -> batch.address(0)).isInstanceOf(IndexOutOfBoundsException.class);
            assertThatThrownBy(() -> reader.read(batch)).isInstanceOf(IllegalArgumentException.class);
        }
    }

    private List<Read> bothWays(byte[] bytes) throws IOException {
        return List.of(
                Captures.mapped(directory, bytes), Captures.streamed(bytes, 1 << 20), Captures.streamed(bytes, 13));
    }
}
