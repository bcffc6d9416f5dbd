package dev.sluice.kernel;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

/** The programs and captures of the project, read with as little code as possible: this module knows no packet path. */
final class Pcaps {
    private static final Path ROOT = Path.of("..", "pcaps");

    private Pcaps() {}

    /** All objects, relative to {@code pcaps/programs}. */
    static List<Path> objects() {
        Path programs = ROOT.resolve("programs");
        try (Stream<Path> files = Files.walk(programs)) {
            return files.filter(file -> file.toString().endsWith(".o")).sorted().toList();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    static byte[] read(Path file) {
        try {
            return Files.readAllBytes(file);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** The packets of a little-endian capture of Ethernet in the old format, at most so many. */
    static List<byte[]> packets(String capture, int limit) {
        ByteBuffer file =
                ByteBuffer.wrap(read(ROOT.resolve("captures").resolve(capture))).order(ByteOrder.LITTLE_ENDIAN);
        assertThat(file.getInt(0)).isEqualTo(0xa1b2c3d4);
        assertThat(file.getInt(20)).isEqualTo(1);
        List<byte[]> packets = new ArrayList<>();
        file.position(24);
        while (file.remaining() > 0 && packets.size() < limit) {
            file.position(file.position() + 8);
            byte[] packet = new byte[file.getInt()];
            file.getInt();
            file.get(packet);
            packets.add(packet);
        }
        return packets;
    }
}
