package dev.sluice.packet.pcap;

import com.github.luben.zstd.ZstdDecompressCtx;
import com.github.luben.zstd.ZstdException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.ReadableByteChannel;

/** Decompresses zstd (RFC 8878): any number of frames, and skippable frames between them. Reads into direct buffers only. */
final class ZstdChannel implements ReadableByteChannel {
    private static final int INPUT_CAPACITY = 1 << 16;

    /** Input for one call: small, because the output of a call that meets damage is lost as a whole. */
    private static final int SLICE = 1 << 12;

    private final ReadableByteChannel in;
    private final ByteBuffer input = ByteBuffer.allocateDirect(INPUT_CAPACITY).limit(0);
    private final ZstdDecompressCtx context = new ZstdDecompressCtx();
    private int filled;
    private boolean inFrame = true;
    private boolean inputEnded;
    private boolean closed;

    ZstdChannel(ReadableByteChannel in) {
        this.in = in;
    }

    @Override
    public int read(ByteBuffer to) throws IOException {
        int start = to.position();
        for (; ; ) {
            if (input.position() == filled && !inputEnded && !refill()) {
                inputEnded = true;
            }
            if (inputEnded && !inFrame) {
                return -1;
            }
            int given = input.position();
            input.limit(Math.min(filled, given + SLICE));
            try {
                inFrame = !context.decompressDirectByteBufferStream(to, input);
            } catch (ZstdException e) {
                throw new DecompressionException("the zstd data is damaged: " + e.getMessage());
            }
            if (to.position() > start) {
                return to.position() - start;
            }
            if (inputEnded) {
                throw new DecompressionException("the zstd data ends in the middle");
            }
            if (input.position() == given) {
                throw new DecompressionException("the zstd data is damaged: no progress");
            }
        }
    }

    /** Reads more input; false at its end. What the decompressor still holds then comes out of calls without input. */
    private boolean refill() throws IOException {
        input.clear();
        int read;
        do {
            read = in.read(input);
        } while (read == 0);
        filled = Math.max(0, read);
        input.position(0).limit(0);
        return read > 0;
    }

    @Override
    public boolean isOpen() {
        return !closed;
    }

    @Override
    public void close() throws IOException {
        if (!closed) {
            closed = true;
            context.close();
        }
        in.close();
    }
}
