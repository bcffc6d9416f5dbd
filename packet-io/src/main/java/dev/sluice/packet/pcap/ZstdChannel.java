package dev.sluice.packet.pcap;

import com.github.luben.zstd.ZstdDecompressCtx;
import com.github.luben.zstd.ZstdException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.ReadableByteChannel;

/**
 * Decompresses zstd (RFC 8878): any number of frames, and skippable frames between them. Reads into direct buffers only.
 *
 * <p>The output of a call that meets damage is lost as a whole. So the input is handed over field by field: what the blocks
 * before the damage hold has come out by then. A wrong guess here costs output before damage and nothing else, because
 * the library reads and checks all of it again.
 *
 * <pre>
 *   frame      magic fd2fb528 u32, descriptor u8, rest of the header 0..13, blocks, checksum u32 if descriptor bit 2
 *   block      u24: bit 0 last, bits 1..2 type (0 raw, 1 one byte repeated, 2 compressed), bits 3..23 size; its bytes
 *   skippable  magic 184d2a5x u32, length u32, its bytes
 * </pre>
 */
final class ZstdChannel implements ReadableByteChannel {
    private static final int INPUT_CAPACITY = 1 << 16;

    /** What the next bytes of the input are. */
    private enum Field {
        MAGIC,
        SKIP_LENGTH,
        SKIPPED,
        DESCRIPTOR,
        HEADER,
        BLOCK_HEADER,
        BLOCK,
        CHECKSUM
    }

    private final ReadableByteChannel in;
    private final ByteBuffer input = ByteBuffer.allocateDirect(INPUT_CAPACITY).limit(0);
    private final ZstdDecompressCtx context = new ZstdDecompressCtx();
    private int filled;
    private boolean inFrame = true;
    private boolean inputEnded;
    private boolean closed;

    private Field field = Field.MAGIC;
    private long fieldLeft = 4;
    private int fieldAt;
    private long value;
    private boolean lastBlock;
    private boolean hasChecksum;

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
            input.limit((int) Math.min(filled, given + fieldLeft));
            try {
                inFrame = !context.decompressDirectByteBufferStream(to, input);
            } catch (ZstdException e) {
                throw new DecompressionException("the zstd data is damaged: " + e.getMessage());
            }
            advance(given);
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

    /** Follows the fields over the bytes from {@code from} to the input's position. */
    private void advance(int from) {
        int taken = input.position() - from;
        if (field != Field.SKIPPED && field != Field.BLOCK && field != Field.HEADER) {
            for (int i = from; i < from + taken; i++) {
                value |= (input.get(i) & 0xffL) << 8 * fieldAt++;
            }
        }
        fieldLeft -= taken;
        while (fieldLeft == 0) {
            nextField();
        }
    }

    private void nextField() {
        switch (field) {
            case MAGIC -> {
                boolean skippable = (value & 0xfffffff0L) == 0x184d2a50L;
                begin(skippable ? Field.SKIP_LENGTH : Field.DESCRIPTOR, skippable ? 4 : 1);
            }
            case SKIP_LENGTH -> begin(Field.SKIPPED, value);
            case SKIPPED, CHECKSUM -> begin(Field.MAGIC, 4);
            case DESCRIPTOR -> {
                boolean single = (value & 0x20) != 0;
                int dictionary = new int[] {0, 1, 2, 4}[(int) value & 3];
                int size = new int[] {single ? 1 : 0, 2, 4, 8}[(int) value >> 6 & 3];
                hasChecksum = (value & 4) != 0;
                begin(Field.HEADER, (single ? 0 : 1) + dictionary + size);
            }
            case HEADER -> begin(Field.BLOCK_HEADER, 3);
            case BLOCK_HEADER -> {
                lastBlock = (value & 1) != 0;
                boolean repeated = (value >> 1 & 3) == 1;
                begin(Field.BLOCK, repeated ? 1 : value >> 3);
            }
            case BLOCK -> {
                if (!lastBlock) {
                    begin(Field.BLOCK_HEADER, 3);
                } else if (hasChecksum) {
                    begin(Field.CHECKSUM, 4);
                } else {
                    begin(Field.MAGIC, 4);
                }
            }
        }
    }

    private void begin(Field next, long length) {
        field = next;
        fieldLeft = length;
        fieldAt = 0;
        value = 0;
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
