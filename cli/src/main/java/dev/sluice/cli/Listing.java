package dev.sluice.cli;

import dev.sluice.btf.Btf;
import dev.sluice.btf.BtfExt;
import dev.sluice.btf.BtfType;
import dev.sluice.isa.Code;
import dev.sluice.isa.Disassembler;
import dev.sluice.isa.Instruction;
import dev.sluice.isa.Syntax;
import dev.sluice.object.LinkedProgram;
import dev.sluice.object.ObjectSpec;
import dev.sluice.object.Reference;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** The instructions of a linked program with their C source, as {@code bpftool prog dump xlated} lists them. */
final class Listing {
    /**
     * One instruction.
     *
     * @param proto the C prototype of the function that begins here
     * @param source the C line that begins here
     * @param text the instruction, opcode byte in front
     */
    record Line(int slot, @Nullable String proto, @Nullable String source, String text, Instruction instruction) {}

    private Listing() {}

    static List<Line> of(ObjectSpec spec, LinkedProgram program) {
        Btf btf = spec.btf();
        Map<Integer, String> sources = new HashMap<>();
        Map<Integer, String> protos = new HashMap<>();
        if (btf != null) {
            for (BtfExt.LineInfo line : program.lines()) {
                sources.put(line.slot(), btf.string(line.textOffset()).strip());
            }
            for (LinkedProgram.Function function : program.functions()) {
                if (function.btfType() != 0) {
                    protos.put(function.start(), prototype(btf, function.btfType()));
                }
            }
        }
        Map<Integer, String> references = new HashMap<>();
        for (Reference reference : program.references()) {
            String text = describe(reference);
            if (text != null) {
                references.put(reference.slot(), text);
            }
        }
        Code code = Code.decode(program.insns().bytes());
        Disassembler disassembler = new Disassembler(Syntax.KERNEL, HelperSymbols.INSTANCE);
        List<Line> lines = new ArrayList<>();
        for (int slot = 0; slot < code.size(); slot++) {
            Instruction insn = code.at(slot);
            if (insn != null) {
                String reference = references.get(slot);
                String text = reference == null
                        ? disassembler.text(insn)
                        : "(%02x) ".formatted(insn.opcode().code()) + reference.replace("DST", "r" + insn.dst());
                lines.add(new Line(slot, protos.get(slot), sources.get(slot), text, insn));
            }
        }
        return lines;
    }

    /** Maps have the numbers that they get when the object is loaded first: 1, 2 and so on. */
    private static @Nullable String describe(Reference reference) {
        return switch (reference) {
            case Reference.ToMap map -> "DST = map[id:" + (map.map() + 1) + "]";
            case Reference.ToValue value -> "DST = map[id:" + (value.map() + 1) + "][0]+" + value.offset();
            case Reference.Kfunc kfunc -> "call " + kfunc.name() + "#kfunc";
            case Reference.Ksym ksym -> "DST = &" + ksym.name();
        };
    }

    /** {@code int hello(struct xdp_md * ctx)}. */
    private static @Nullable String prototype(Btf btf, int function) {
        if (!(btf.type(function) instanceof BtfType.Func func)
                || !(btf.type(func.proto()) instanceof BtfType.FuncProto proto)) {
            return null;
        }
        String params = proto.params().stream()
                .map(param -> param.type() == 0 ? "..." : declare(btf.describe(param.type()), param.name()))
                .collect(Collectors.joining(", "));
        return btf.describe(proto.returns()) + " " + func.name() + "(" + (params.isEmpty() ? "void" : params) + ")";
    }

    private static String declare(String type, String name) {
        return name.isEmpty() ? type : type + " " + name;
    }
}
