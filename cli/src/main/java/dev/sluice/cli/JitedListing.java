package dev.sluice.cli;

import com.fasterxml.jackson.core.JsonGenerator;
import dev.sluice.jit.JitListing;
import java.io.IOException;
import java.io.PrintStream;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** The JVM bytecode of a program, each part below the BPF instruction and the C line that it was made from. */
final class JitedListing {
    private final JitListing jited;
    private final @Nullable C2Report c2;
    private final Map<Integer, Listing.Line> bpf = new HashMap<>();

    /**
     * @param lines the program's BPF instructions
     * @param c2 what C2 made of it, if anybody asked
     */
    JitedListing(JitListing jited, List<Listing.Line> lines, @Nullable C2Report c2) {
        this.jited = jited;
        this.c2 = c2;
        lines.forEach(line -> bpf.put(line.slot(), line));
    }

    void print(PrintStream out) {
        for (JitListing.Method method : jited.methods()) {
            out.println(method.owner() + "." + method.name() + method.descriptor() + ": " + method.bytes() + " bytes");
            int slot = JitListing.NO_SLOT;
            for (JitListing.Insn insn : method.code()) {
                Listing.Line line = bpf.get(insn.slot());
                if (insn.slot() != slot && line != null) {
                    if (line.source() != null) {
                        out.println("; " + line.source());
                    }
                    out.printf(Locale.ROOT, "%4d: %s%n", line.slot(), line.text());
                }
                slot = insn.slot();
                out.printf(Locale.ROOT, "          %5d  %s%n", insn.bci(), text(insn));
            }
            out.println();
        }
        if (c2 != null) {
            c2.print(out);
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
            for (JitListing.Insn insn : method.code()) {
                json.writeStartObject();
                if (insn.slot() != JitListing.NO_SLOT) {
                    json.writeNumberField("slot", insn.slot());
                }
                json.writeNumberField("pc", insn.bci());
                json.writeStringField("operation", insn.operation());
                if (!insn.operands().isEmpty()) {
                    json.writeStringField("operands", insn.operands());
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
