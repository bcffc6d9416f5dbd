package dev.sluice.packet.pcap;

import com.github.luben.zstd.Zstd;
import com.github.luben.zstd.ZstdCompressCtx;
import com.github.luben.zstd.ZstdException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.WritableByteChannel;
import java.util.zip.CRC32;
import java.util.zip.Deflater;
import org.jspecify.annotations.Nullable;

/** Writes buffers, each as something that can be decompressed without those after it. */
sealed interface Compressor extends AutoCloseable {
    /** Writes all of {@code from}, a direct buffer. */
    void write(ByteBuffer from, WritableByteChannel to) throws IOException;

    @Override
    void close();

    /** A compressor for buffers of at most {@code capacity} bytes. */
    static Compressor of(CaptureWriter.Compression compression, int capacity) {
        return switch (compression) {
            case NONE -> new Plain();
            case GZIP -> new Gzip();
            case ZSTD -> new Zstandard(capacity);
        };
    }

    private static void writeAll(ByteBuffer from, WritableByteChannel to) throws IOException {
        while (from.hasRemaining()) {
            to.write(from);
        }
    }

    /** No compression. */
    final class Plain implements Compressor {
        @Override
        public void write(ByteBuffer from, WritableByteChannel to) throws IOException {
            writeAll(from, to);
        }

        @Override
        public void close() {}
    }

    /** A gzip member a buffer (RFC 1952), at the fastest level: captures come at the speed of packets. */
    final class Gzip implements Compressor {
        private final Deflater deflater = new Deflater(Deflater.BEST_SPEED, true);
        private final CRC32 crc = new CRC32();
        private final ByteBuffer out = ByteBuffer.allocateDirect(1 << 16).order(ByteOrder.LITTLE_ENDIAN);

        @Override
        public void write(ByteBuffer from, WritableByteChannel to) throws IOException {
            int length = from.remaining();
            crc.reset();
            crc.update(from.duplicate());
            deflater.reset();
            deflater.setInput(from);
            deflater.finish();
            // no flags, no time, system unknown: the same packets give the same bytes
            out.clear().putInt(0x00088b1f).putInt(0).putShort((short) 0xff00);
            while (!deflater.finished()) {
                deflater.deflate(out);
                writeAll(out.flip(), to);
                out.clear();
            }
            out.putInt((int) crc.getValue()).putInt(length);
            writeAll(out.flip(), to);
        }

        @Override
        public void close() {
            deflater.end();
        }
    }

    /** A zstd frame a buffer (RFC 8878), with a checksum. */
    final class Zstandard implements Compressor {
        private final ByteBuffer out;
        private @Nullable ZstdCompressCtx context =
                new ZstdCompressCtx().setLevel(1).setChecksum(true);

        Zstandard(int capacity) {
            out = ByteBuffer.allocateDirect(Math.toIntExact(Zstd.compressBound(capacity)));
        }

        @Override
        public void write(ByteBuffer from, WritableByteChannel to) throws IOException {
            ZstdCompressCtx open = context;
            if (open == null) {
                throw new AssertionError("write after close");
            }
            out.clear();
            try {
                open.compress(out, from);
            } catch (ZstdException e) {
                throw new IOException("zstd: " + e.getMessage(), e);
            }
            writeAll(out.flip(), to);
        }

        @Override
        public void close() {
            if (context != null) {
                context.close();
                context = null;
            }
        }
    }
}
