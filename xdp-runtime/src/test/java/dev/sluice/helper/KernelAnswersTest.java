package dev.sluice.helper;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.map.MapTable;
import dev.sluice.memory.Memory;
import dev.sluice.memory.Regions;
import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.Arena;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Formats and checksums against what Linux 6.18 answered to the same calls, recorded in the files beside this class. */
class KernelAnswersTest {
    private static final HexFormat HEX = HexFormat.of();

    /** What the arguments that are pointers pointed to when the answers were recorded. */
    private static final byte[][] STRINGS = {
        "hello".getBytes(StandardCharsets.US_ASCII),
        {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16},
        "x".repeat(63).getBytes(StandardCharsets.US_ASCII)
    };

    private final Arena arena = Arena.ofConfined();
    private final RunContext context = new RunContext(new MapTable(), new Regions(), () -> 0, 1);
    private final long memory = Memory.allocate(arena, 4096, 64);
    private final List<String> lines = new ArrayList<>();

    @AfterEach
    void close() {
        context.close();
        arena.close();
    }

    private static List<String[]> recorded(String file) throws IOException {
        try (InputStream in = KernelAnswersTest.class.getResourceAsStream(file)) {
            return new String(in.readAllBytes(), StandardCharsets.US_ASCII)
                    .lines()
                    .filter(line -> !line.startsWith("#"))
                    .map(line -> line.split("\t", -1))
                    .toList();
        }
    }

    @Test
    void formatsPrintWhatTheKernelPrints() throws IOException {
        context.trace = (from, line) -> lines.add(line);
        context.extraStart = memory;
        context.extraEnd = memory + 192;
        for (int i = 0; i < STRINGS.length; i++) {
            Memory.copy(STRINGS[i], 0, memory + i * 64L, STRINGS[i].length);
        }
        List<String[]> cases = recorded("trace-formats.tsv");
        assertThat(cases).hasSizeGreaterThan(1_700);
        for (String[] fields : cases) {
            byte[] format = HEX.parseHex(fields[0]);
            long formatAddress = memory + 1024;
            Memory.copy(format, 0, formatAddress, format.length);
            Memory.putByte(formatAddress + format.length, (byte) 0);
            String[] args = fields[1].split(",", -1);
            int pointers = Integer.parseInt(fields[2]);
            long[] values = new long[3];
            for (int i = 0; i < 3; i++) {
                values[i] = (pointers >> i & 1) != 0 ? memory + i * 64L : Long.parseUnsignedLong(args[i], 16);
            }
            lines.clear();
            long result =
                    Helpers.tracePrintk(context, formatAddress, format.length + 1L, values[0], values[1], values[2]);
            String what = new String(format, StandardCharsets.ISO_8859_1) + " " + fields[1];
            assertThat(result).as(what).isEqualTo(Long.parseUnsignedLong(fields[3], 16));
            if (result < 0) {
                assertThat(lines).as(what).isEmpty();
            } else {
                String text = new String(HEX.parseHex(fields[4]), StandardCharsets.UTF_8);
                String line = text.endsWith("\n") ? text.substring(0, text.length() - 1) : text;
                assertThat(lines).as(what).containsExactly(line);
            }
        }
    }

    @Test
    void checksumsAreWhatTheKernelGives() throws IOException {
        List<String[]> cases = recorded("checksums.tsv");
        assertThat(cases).hasSize(400);
        for (String[] fields : cases) {
            byte[] from = HEX.parseHex(fields[0]);
            byte[] to = HEX.parseHex(fields[1]);
            Memory.copy(from, 0, memory, from.length);
            Memory.copy(to, 0, memory + 1024, to.length);
            assertThat(Helpers.csumDiff(
                            context, memory, from.length, memory + 1024, to.length, Long.parseLong(fields[2], 16)))
                    .as(String.join(" ", fields))
                    .isEqualTo(Long.parseLong(fields[3], 16));
        }
    }
}
