package dev.sluice.jit;

import dev.sluice.helper.Callee;
import dev.sluice.isa.Code;
import dev.sluice.isa.Instruction;
import dev.sluice.program.Program;
import dev.sluice.program.SourceLine;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * Finds the instruction at which Java code under a program failed. Generated code has the lines of the C source, so that
 * stack traces and profilers show these; which instruction it was follows from the line and the helper that was called:
 * nothing but calls of helpers can fail.
 */
final class FailurePlace {
    private FailurePlace() {}

    /**
     * The place, as messages have it: {@code filter_0123456789abcdef.run pc 17 (parse.h:23)}; null when the program is not
     * in the stack trace. Where a source line calls the same helper several times, all of its slots are named.
     */
    static @Nullable String of(Program program, Throwable failure) {
        StackTraceElement[] frames = failure.getStackTrace();
        String mainClass = Compiler.mainName(program);
        for (int i = 0; i < frames.length; i++) {
            StackTraceElement frame = frames[i];
            if (frame.getClassName().equals(mainClass) || frame.getClassName().startsWith(mainClass + "_")) {
                return text(program, frame, i == 0 ? null : frames[i - 1]);
            }
        }
        return null;
    }

    private static String text(Program program, StackTraceElement frame, @Nullable StackTraceElement called) {
        List<Integer> slots = slots(program, frame, called);
        StringBuilder text = new StringBuilder(frame.getClassName().substring(Compiler.PACKAGE.length() + 1))
                .append('.')
                .append(frame.getMethodName());
        if (!slots.isEmpty()) {
            text.append(" pc ").append(slots.stream().map(String::valueOf).collect(Collectors.joining(" or ")));
        }
        SourceLine line = slots.isEmpty() ? null : program.lineAt(slots.getFirst());
        if (line != null) {
            text.append(" (")
                    .append(Lines.fileName(line))
                    .append(':')
                    .append(line.line())
                    .append(')');
        }
        return text.toString();
    }

    /** The calls that the frame may be at. */
    private static List<Integer> slots(Program program, StackTraceElement frame, @Nullable StackTraceElement called) {
        Code code = program.code();
        int[] lines = Lines.of(program);
        List<Integer> onLine = new ArrayList<>();
        List<Integer> same = new ArrayList<>();
        for (int slot = 0; slot < code.size(); slot++) {
            Instruction insn = code.at(slot);
            Callee callee = insn == null ? null : HelperTraits.called(insn);
            if (callee != null && lines[slot] == frame.getLineNumber()) {
                onLine.add(slot);
                if (called != null
                        && called.getClassName().equals(callee.owner().getName())
                        && called.getMethodName().equals(callee.method())) {
                    same.add(slot);
                }
            }
        }
        return same.isEmpty() ? onLine : same;
    }
}
