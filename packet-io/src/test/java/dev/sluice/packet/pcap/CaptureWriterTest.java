package dev.sluice.packet.pcap;

import static dev.sluice.packet.pcap.CaptureBytes.data;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.sluice.memory.Memory;
import dev.sluice.packet.pcap.CaptureWriter.Compression;
import dev.sluice.packet.pcap.CaptureWriter.Options;
import dev.sluice.packet.pcap.Captures.Packet;
import dev.sluice.packet.pcap.Captures.Read;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.ByteBuffer;
import java.nio.channels.WritableByteChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class CaptureWriterTest {
    private static final long SECOND = 1_000_000_000L;

    @TempDir
    Path directory;

    private final Arena arena = Arena.ofConfined();

    @AfterEach
    void free() {
        arena.close();
    }

    private long nativeCopy(byte[] data) {
        long address = arena.allocate(Math.max(1, data.length)).address();
        Memory.copy(data, 0, address, data.length);
        return address;
    }

    @ParameterizedTest
    @ValueSource(strings = {"a.pcap", "b.pcapng", "c.pcap.gz", "d.pcapng.gz", "e.pcap.zst", "f.PCAPNG.ZST", "g.cap"})
    void whatIsWrittenIsReadAgain(String name) throws IOException {
        Path file = directory.resolve(name);
        Options options = Options.byName(name).interfaceName("eth0");
        List<byte[]> datas = new ArrayList<>();
        for (int i = 0; i < 100; i++) {
            datas.add(data(i, 14 + i * 17));
        }
        int count = 20_000;
        try (CaptureWriter writer = CaptureWriter.create(file, options)) {
            PacketNote note = new PacketNote();
            long[] addresses = datas.stream().mapToLong(this::nativeCopy).toArray();
            for (int i = 0; i < count; i++) {
                int length = datas.get(i % 100).length;
                note.clear();
                if (i % 2 == 0) {
                    note.direction(PacketNote.INBOUND).action(i % 5).queue(i % 3);
                }
                if (i % 3 == 0) {
                    note.packetId(i);
                }
                writer.write(0, i * SECOND + i, addresses[i % 100], length, length + i % 4, i % 7 == 0 ? null : note);
            }
            assertThat(writer.packets()).isEqualTo(count);
        }
        boolean ng = name.toLowerCase().contains("pcapng");
        Read read = Captures.read(file, 64);
        assertThat(read.damage()).isNull();
        assertThat(read.format()).isEqualTo(ng ? CaptureFormat.PCAPNG : CaptureFormat.PCAP_NANOS);
        assertThat(read.interfaces())
                .containsExactly(new CaptureInterface(0, 0, ng ? "eth0" : "", "", 1, 262144, true, 0));
        assertThat(read.packets()).hasSize(count);
        for (int i = 0; i < count; i++) {
            Packet packet = read.packets().get(i);
            assertThat(packet.data()).isEqualTo(datas.get(i % 100));
            assertThat(packet.time()).isEqualTo(i * SECOND + i);
            assertThat(packet.original()).isEqualTo(packet.data().length + i % 4);
        }
        assertThat(read.cut()).isEqualTo(count * 3 / 4);
    }

    @Test
    void microsecondsAreRoundedDownAndTimesOutOfRangeAreNearest() throws IOException {
        Path file = directory.resolve("a.pcap");
        long address = nativeCopy(data(1, 60));
        long[] times = {1_999_999_999L, CaptureReader.NO_TIMESTAMP, -1, Long.MAX_VALUE, 0xffffffffL * SECOND};
        try (CaptureWriter writer =
                CaptureWriter.create(file, Options.byName("a.pcap").nanoseconds(false))) {
            for (long time : times) {
                writer.write(time, address, 60, 60);
            }
        }
        Read read = Captures.read(file, 64);
        assertThat(read.format()).isEqualTo(CaptureFormat.PCAP_MICROS);
        assertThat(read.packets())
                .extracting(Packet::time)
                .containsExactly(1_999_999_000L, 0L, 0L, 0xffffffffL * SECOND + 999_999_000L, 0xffffffffL * SECOND);
        try (CaptureWriter writer = CaptureWriter.create(file, Options.byName("a.pcapng"))) {
            for (long time : times) {
                writer.write(time, address, 60, 60);
            }
        }
        assertThat(Captures.read(file, 64).packets())
                .extracting(Packet::time)
                .containsExactly(1_999_999_999L, 0L, 0L, Long.MAX_VALUE, 0xffffffffL * SECOND);
    }

    @Test
    void packetsInPiecesAndAboveTheSnapLength() throws IOException {
        for (String name : List.of("a.pcap", "a.pcapng")) {
            Path file = directory.resolve(name);
            long address = nativeCopy(data(1, 300_000));
            try (CaptureWriter writer =
                    CaptureWriter.create(file, Options.byName(name).snapLength(1000))) {
                writer.begin(0, 5, 1500, 1500);
                writer.append(address, 600);
                writer.append(address + 600, 0);
                writer.append(address + 600, 700);
                writer.append(address + 1300, 200);
                assertThatThrownBy(() -> writer.append(address, 1)).hasMessageContaining("expected=0 found=1");
                writer.end(null);
                writer.write(6, address, 10, 10);
                writer.begin(0, 7, 20, 20);
                writer.append(address, 10);
                assertThatThrownBy(() -> writer.end(null)).hasMessageContaining("expected more bytes=10");
                // and is closed within this packet
            }
            Read read = Captures.read(file, 64);
            assertThat(read.damage()).isNull();
            assertThat(read.packets()).hasSize(2);
            assertThat(read.packets().get(0).data()).isEqualTo(data(1, 1000));
            assertThat(read.packets().get(0).original()).isEqualTo(1500);
            assertThat(read.packets().get(1).data()).isEqualTo(data(1, 10));
            try (CaptureWriter writer = CaptureWriter.create(file, Options.byName(name))) {
                writer.write(6, address, 300_000, 300_000);
            }
            assertThat(Captures.read(file, 64).packets().get(0).data()).isEqualTo(data(1, 262_144));
        }
    }

    @Test
    void severalInterfaces() throws IOException {
        Path file = directory.resolve("several.pcapng");
        long address = nativeCopy(data(1, 60));
        try (CaptureWriter writer =
                CaptureWriter.create(file, Options.byName(file.toString()).interfaceName("first"))) {
            writer.write(1, address, 60, 60);
            assertThat(writer.addInterface("second", LinkType.RAW)).isEqualTo(1);
            writer.write(1, 2, address, 60, 60, null);
            assertThatThrownBy(() -> writer.write(2, 3, address, 60, 60, null))
                    .hasMessage("interface of a packet, expected=0..1 found=2");
        }
        Read read = Captures.read(file, 64);
        assertThat(read.packets()).extracting(Packet::iface).containsExactly(0, 1);
        assertThat(read.interfaces()).extracting(CaptureInterface::name).containsExactly("first", "second");
        assertThat(read.interfaces()).extracting(CaptureInterface::linkType).containsExactly(1, 101);
        try (CaptureWriter writer = CaptureWriter.create(file, Options.byName("a.pcap"))) {
            assertThatThrownBy(() -> writer.addInterface("second", 1)).isInstanceOf(IllegalStateException.class);
        }
    }

    @Test
    void whatCannotBeWrittenIsNamed() throws IOException {
        Options options = Options.byName("a.pcap");
        Path nowhere = directory.resolve("no/such/a.pcap");
        assertThatThrownBy(() -> CaptureWriter.create(nowhere, options))
                .isInstanceOf(CaptureException.class)
                .hasMessage(nowhere + ": cannot create: no such directory " + nowhere.getParent());
        assertThatThrownBy(() -> CaptureWriter.create(directory, options)).hasMessageContaining("is a directory");
        Path full = Path.of("/dev/full");
        assumeTrue(Files.isWritable(full), "needs /dev/full");
        long address = nativeCopy(data(1, 1500));
        CaptureWriter writer = CaptureWriter.create(full, options);
        assertThatThrownBy(() -> {
                    for (int i = 0; i < 1000; i++) {
                        writer.write(i, address, 1500, 1500);
                    }
                })
                .isInstanceOf(CaptureException.class)
                .hasMessage("/dev/full: cannot write: no space left on device, packets written=0");
        assertThatThrownBy(() -> writer.write(1, address, 60, 60)).hasMessageContaining("no space left on device");
        writer.close();
        CaptureWriter small = CaptureWriter.create(full, options);
        small.write(1, address, 60, 60);
        assertThatThrownBy(small::close).hasMessageContaining("no space left on device");
        small.close();
    }

    @Test
    void theCaptureThatIsReadIsNotOverwritten() throws IOException {
        for (String name : List.of("a.pcap", "a.pcap.gz")) {
            Path file = directory.resolve(name);
            long address = nativeCopy(data(1, 60));
            try (CaptureWriter writer = CaptureWriter.create(file, Options.byName(name))) {
                writer.write(1, address, 60, 60);
            }
            Path link = Files.createSymbolicLink(directory.resolve("link-" + name), file);
            try (CaptureReader reader = CaptureReader.open(file)) {
                assertThatThrownBy(() -> CaptureWriter.create(link, Options.byName(name)))
                        .isInstanceOf(CaptureException.class)
                        .hasMessageContaining("is the capture that is being read");
                assertThat(reader.next()).isTrue();
                assertThat(reader.copyBytes()).isEqualTo(data(1, 60));
            }
            CaptureWriter.create(link, Options.byName(name)).close();
        }
    }

    /** Remembers where each write ended. */
    private static final class Recorder implements WritableByteChannel {
        final ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        final List<Integer> ends = new ArrayList<>();

        @Override
        public int write(ByteBuffer from) {
            byte[] part = new byte[from.remaining()];
            from.get(part);
            bytes.writeBytes(part);
            ends.add(bytes.size());
            return part.length;
        }

        @Override
        public boolean isOpen() {
            return true;
        }

        @Override
        public void close() {}
    }

    @Test
    void whatWasFlushedCanBeReadWithoutTheRest() throws IOException {
        long address = nativeCopy(data(1, 1000));
        for (Compression compression : Compression.values()) {
            for (CaptureFormat format : List.of(CaptureFormat.PCAP_MICROS, CaptureFormat.PCAPNG)) {
                Recorder recorder = new Recorder();
                List<Integer> flushed = new ArrayList<>();
                Options options = Options.byName("").format(format).compression(compression);
                try (CaptureWriter writer = CaptureWriter.create("recorder", recorder, options)) {
                    for (int i = 1; i <= 3000; i++) {
                        writer.write(i, address, 1000, 1000);
                        if (i % 1000 == 0) {
                            writer.flush();
                            flushed.add(recorder.bytes.size());
                        }
                    }
                }
                for (int i = 0; i < flushed.size(); i++) {
                    byte[] part = Arrays.copyOf(recorder.bytes.toByteArray(), flushed.get(i));
                    Read read = Captures.mapped(directory, part);
                    assertThat(read.damage()).isNull();
                    assertThat(read.packets()).hasSize(1000 * (i + 1));
                }
                if (compression == Compression.NONE) {
                    for (int end : recorder.ends) {
                        byte[] part = Arrays.copyOf(recorder.bytes.toByteArray(), end);
                        assertThat(Captures.mapped(directory, part).damage()).isNull();
                    }
                }
            }
        }
    }

    @Test
    void tsharkShowsVerdictQueueAndDirection() throws Exception {
        assumeTrue(installed("tshark"), "needs tshark");
        long address = nativeCopy(data(1, 60));
        for (String name : List.of("v.pcapng", "v.pcapng.gz", "v.pcapng.zst")) {
            Path file = directory.resolve(name);
            try (CaptureWriter writer =
                    CaptureWriter.create(file, Options.byName(name).interfaceName("eth7"))) {
                PacketNote note = new PacketNote();
                for (int i = 0; i < 5; i++) {
                    note.clear().action(i).queue(i + 10).packetId(i + 100).direction(PacketNote.INBOUND);
                    writer.write(0, 1_700_000_000L * SECOND + i, address, 60 - i, 61, note);
                    writer.flush();
                }
                writer.write(0, 1_700_000_000L * SECOND + 5, address, 60, 60, null);
            }
            String shown = run(
                    "tshark",
                    "-r",
                    file.toString(),
                    "-T",
                    "fields",
                    "-E",
                    "separator=,",
                    "-e",
                    "frame.time_epoch",
                    "-e",
                    "frame.cap_len",
                    "-e",
                    "frame.len",
                    "-e",
                    "frame.interface_name",
                    "-e",
                    "frame.verdict.ebpf_xdp",
                    "-e",
                    "frame.interface_queue",
                    "-e",
                    "frame.packet_id",
                    "-e",
                    "frame.packet_flags_direction");
            assertThat(shown.lines())
                    .containsExactly(
                            "1700000000.000000000,60,61,eth7,0,10,100,0x00000001",
                            "1700000000.000000001,59,61,eth7,1,11,101,0x00000001",
                            "1700000000.000000002,58,61,eth7,2,12,102,0x00000001",
                            "1700000000.000000003,57,61,eth7,3,13,103,0x00000001",
                            "1700000000.000000004,56,61,eth7,4,14,104,0x00000001",
                            "1700000000.000000005,60,60,eth7,,,,");
        }
    }

    @Test
    void capinfosAndTcpdumpOpenEveryFormat() throws Exception {
        assumeTrue(installed("capinfos") && installed("tcpdump"), "needs capinfos and tcpdump");
        long address = nativeCopy(data(1, 60));
        for (CaptureFormat format :
                List.of(CaptureFormat.PCAP_MICROS, CaptureFormat.PCAP_NANOS, CaptureFormat.PCAPNG)) {
            Path file = directory.resolve("out-" + format);
            try (CaptureWriter writer =
                    CaptureWriter.create(file, Options.byName("x").format(format))) {
                for (int i = 0; i < 1000; i++) {
                    writer.write(1_700_000_000L * SECOND + i * 1000, address, 60, 60);
                }
            }
            String infos = run("capinfos", "-Tm", "-t", "-c", "-d", "-E", file.toString());
            String label = switch (format) {
                case PCAP_MICROS -> "pcap";
                case PCAP_NANOS -> "nsecpcap";
                default -> "pcapng";
            };
            assertThat(infos.lines().skip(1)).containsExactly(file + "," + label + ",ether,1000,60000");
            String dump = run("tcpdump", "-r", file.toString(), "-tt", "-n", "-e");
            assertThat(dump.lines().filter(line -> line.startsWith("1700000000.")))
                    .hasSize(1000);
            assertThat(dump).startsWith("1700000000.000000");
        }
    }

    private static boolean installed(String command) {
        return Arrays.stream(System.getenv().getOrDefault("PATH", "").split(":"))
                .anyMatch(folder -> Files.isExecutable(Path.of(folder, command)));
    }

    private static String run(String... command) throws IOException, InterruptedException {
        Process process = new ProcessBuilder(command)
                .redirectError(ProcessBuilder.Redirect.DISCARD)
                .start();
        String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(process.waitFor(180, TimeUnit.SECONDS)).isTrue();
        assertThat(process.exitValue()).as(String.join(" ", command)).isZero();
        return output;
    }
}
