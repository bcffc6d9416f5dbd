package dev.sluice.cli;

import com.fasterxml.jackson.core.JsonGenerator;
import dev.sluice.jit.JitListing;
import java.io.IOException;
import java.io.PrintStream;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.NavigableMap;
import java.util.Set;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * The JVM bytecode of a program, each part below the BPF instruction and the C line that it was made from. An instruction that no
 * code was made for (a jump to what comes next anyway, a byte that is stored together with others) follows the one before it.
 */
final class JitedListing {
    private static final HexFormat HEX = HexFormat.ofDelimiter(" ");

    private final JitListing jited;
    private final @Nullable C2Report c2;
    private final boolean opcodes;
    private final boolean linum;
    private final NavigableMap<Integer, Listing.Line> bpf = new TreeMap<>();

    /** Those without code of their own, as long as they have not been printed. */
    private final Set<Integer> silent = new HashSet<>();

    /**
     * @param lines the program's BPF instructions
     * @param c2 what C2 made of it, if anybody asked
     * @param opcodes with the bytes of each JVM instruction
     * @param linum with the files and numbers of source lines
     */
    JitedListing(JitListing jited, List<Listing.Line> lines, @Nullable C2Report c2, boolean opcodes, boolean linum) {
        this.jited = jited;
        this.c2 = c2;
        this.opcodes = opcodes;
        this.linum = linum;
        lines.forEach(line -> bpf.put(line.slot(), line));
    }

    void print(PrintStream out) {
        silent.addAll(bpf.keySet());
        for (JitListing.Method method : jited.methods()) {
            method.code().forEach(insn -> silent.remove(insn.slot()));
        }
        for (JitListing.Method method : jited.methods()) {
            out.println(method.owner() + "." + method.name() + method.descriptor() + ": " + method.bytes() + " bytes");
            int slot = JitListing.NO_SLOT;
            for (JitListing.Insn insn : method.code()) {
                if (insn.slot() != slot) {
                    printSilent(out, slot);
                    printBpf(out, insn.slot());
                }
                slot = insn.slot();
                out.printf(Locale.ROOT, "          %5d  %s%n", insn.bci(), text(insn));
                if (opcodes) {
                    out.println("                 " + HEX.formatHex(method.encoding(insn)));
                }
            }
            printSilent(out, slot);
            out.println();
        }
        if (c2 != null) {
            c2.print(out);
        }
    }

    private void printBpf(PrintStream out, int slot) {
        Listing.Line line = bpf.get(slot);
        if (line != null) {
            line.print(linum, out);
        }
    }

    /** What follows an instruction and has no code of its own. */
    private void printSilent(PrintStream out, int slot) {
        Map.Entry<Integer, Listing.Line> next = bpf.containsKey(slot) ? bpf.higherEntry(slot) : null;
        while (next != null && silent.remove(next.getKey())) {
            printBpf(out, next.getKey());
            out.println("                 (no code of its own)");
            next = bpf.higherEntry(next.getKey());
        }
    }

    private static String text(JitListing.Insn insn) {
        return insn.operands().isEmpty() ? insn.operation() : insn.operation() + " " + insn.operands();
    }

    void write(JsonGenerator json) throws IOException {
        json.writeStartObject();
        json.writeStringField("name", jited.program().name());
        json.writeStringField("tag", jited.program().tag());
        json.writeArrayFieldStart("methods");
        for (JitListing.Method method : jited.methods()) {
            json.writeStartObject();
            json.writeStringField("class", method.owner());
            json.writeStringField("name", method.name());
            json.writeStringField("descriptor", method.descriptor());
            json.writeNumberField("bytes", method.bytes());
            json.writeArrayFieldStart("insns");
            int slot = JitListing.NO_SLOT;
            for (JitListing.Insn insn : method.code()) {
                json.writeStartObject();
                if (insn.slot() != JitListing.NO_SLOT) {
                    json.writeNumberField("slot", insn.slot());
                }
                Listing.Line line = insn.slot() == slot ? null : bpf.get(insn.slot());
                if (line != null) {
                    line.write(linum, json);
                }
                slot = insn.slot();
                json.writeNumberField("pc", insn.bci());
                json.writeStringField("operation", insn.operation());
                if (!insn.operands().isEmpty()) {
                    json.writeStringField("operands", insn.operands());
                }
                if (opcodes) {
                    json.writeStringField("encoding", HEX.formatHex(method.encoding(insn)));
                }
                json.writeEndObject();
            }
            json.writeEndArray();
            json.writeEndObject();
        }
        json.writeEndArray();
        if (c2 != null) {
            c2.write(json);
        }
        json.writeEndObject();
    }
}
