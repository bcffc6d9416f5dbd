package dev.sluice;

import dev.sluice.btf.Btf;
import dev.sluice.btf.BtfType;
import dev.sluice.isa.Code;
import dev.sluice.isa.Form;
import dev.sluice.isa.Instruction;
import dev.sluice.object.LinkedProgram;
import dev.sluice.program.Program;
import dev.sluice.program.SourceLine;
import dev.sluice.program.Subprogram;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * {@code freplace}: calls of a global function of one program go to a program of another object instead. The replacing program
 * with all its functions is put behind the other one:
 *
 * <pre>
 *  target: main  f  g           replacement: r  s           result: main  f  g  r  s     calls of f: calls of r
 * </pre>
 *
 * <p>As in Linux, the function must be global, and both must have the same result and parameters.
 */
final class FunctionReplacement {
    private FunctionReplacement() {}

    static Program of(
            LoadedObject object, LoadedProgram program, String function, LoadedObject other, LoadedProgram with) {
        LinkedProgram.Function replaced = program.linked().functions().stream()
                .filter(one -> one.name().equals(function))
                .findFirst()
                .orElseThrow(() -> new LoadException("program " + program.name()
                        + ": has no such function, expected one of "
                        + program.linked().functions().stream()
                                .skip(1)
                                .filter(LinkedProgram.Function::global)
                                .map(LinkedProgram.Function::name)
                                .toList()
                        + ", function=" + function));
        if (!replaced.global() || replaced.start() == 0) {
            throw new LoadException("program " + program.name()
                    + ": only global functions that it calls can be replaced," + " function=" + function);
        }
        String before = signature(object.spec().btf(), replaced.btfType());
        String after = signature(
                other.spec().btf(), with.linked().functions().getFirst().btfType());
        if (before == null || after == null) {
            throw new LoadException("program " + with.name() + ": cannot replace " + function
                    + ": expected types (section .BTF) for both");
        }
        if (!before.equals(after)) {
            throw new LoadException("program " + with.name() + ": cannot replace " + function + ": expected " + before
                    + ", found " + after);
        }
        return join(program.executable().program(), function, with.executable().program());
    }

    private static Program join(Program target, String function, Program with) {
        Subprogram replaced = target.subprograms().stream()
                .filter(one -> one.name().equals(function))
                .findFirst()
                .orElseThrow(() -> new LoadException(
                        "program " + target.name() + ": never calls the function, function=" + function));
        List<Instruction> instructions = new ArrayList<>();
        for (int slot = 0; slot < target.code().size(); slot++) {
            Instruction insn = target.code().at(slot);
            if (insn != null) {
                boolean call = insn.form() == Form.CALL_LOCAL && insn.target(slot) == replaced.start();
                instructions.add(call ? insn.withImm(target.code().size() - slot - 1) : insn);
            }
        }
        for (int slot = 0; slot < with.code().size(); slot++) {
            Instruction insn = with.code().at(slot);
            if (insn != null) {
                instructions.add(insn);
            }
        }
        int base = target.code().size();
        List<Subprogram> subprograms = new ArrayList<>(target.subprograms());
        with.subprograms()
                .forEach(one -> subprograms.add(new Subprogram(one.name(), base + one.start(), base + one.end())));
        List<SourceLine> lines = new ArrayList<>(target.lines());
        with.lines()
                .forEach(line -> lines.add(
                        new SourceLine(base + line.slot(), line.file(), line.text(), line.line(), line.column())));
        return new Program(
                target.name(),
                target.tag(),
                Code.of(instructions),
                subprograms,
                lines,
                target.gplCompatible() || with.gplCompatible(),
                target.frags());
    }

    /** Result and parameters, as far as they must be the same; null without types. */
    private static @Nullable String signature(@Nullable Btf btf, int function) {
        if (btf == null
                || function == 0
                || !(btf.type(function) instanceof BtfType.Func func)
                || !(btf.type(func.proto()) instanceof BtfType.FuncProto proto)) {
            return null;
        }
        StringBuilder text = new StringBuilder(shape(btf, proto.returns())).append(" (");
        for (int i = 0; i < proto.params().size(); i++) {
            text.append(i == 0 ? "" : ", ")
                    .append(shape(btf, proto.params().get(i).type()));
        }
        return text.append(')').toString();
    }

    private static String shape(Btf btf, int id) {
        return switch (btf.resolve(id)) {
            case BtfType.Int type -> "integer of " + type.size() + " bytes";
            case BtfType.Enum type -> "integer of " + type.size() + " bytes";
            case BtfType.Ptr pointer ->
                btf.resolve(pointer.target()) instanceof BtfType.Composite struct
                        ? "struct " + struct.name() + " *"
                        : "pointer";
            default -> btf.describe(id);
        };
    }
}
