package dev.sluice.jit;

import dev.sluice.program.Program;
import dev.sluice.program.SourceLine;

/** Where Java code under a program failed, as reports have it. */
final class FailurePlace {
    private FailurePlace() {}

    /**
     * The place: {@code filter_0123456789abcdef.filter_loop_pc0_54 pc 17 (parse.h:23)}, with the method that the stack trace shows. HotSpot
     * has exceptions without a stack trace, too.
     *
     * @param slot of the instruction that called, or -1 when only the stack trace tells
     */
    static String of(Program program, Throwable failure, int slot) {
        String mainClass = Compiler.mainName(program);
        StringBuilder text = new StringBuilder(mainClass.substring(Compiler.PACKAGE.length() + 1));
        String line = "";
        for (StackTraceElement frame : failure.getStackTrace()) {
            if (isOf(mainClass, frame.getClassName())) {
                text.append('.').append(frame.getMethodName());
                line = frame.getLineNumber() > 0 ? frame.getFileName() + ":" + frame.getLineNumber() : "";
                break;
            }
        }
        if (slot >= 0) {
            text.append(" pc ").append(slot);
            SourceLine known = program.lineAt(slot); // also of a header, which no stack trace has
            line = known == null ? "" : Lines.fileName(known) + ":" + known.line();
        }
        return line.isEmpty()
                ? text.toString()
                : text.append(" (").append(line).append(')').toString();
    }

    private static boolean isOf(String mainClass, String name) {
        return name.equals(mainClass) || name.startsWith(mainClass + "_");
    }
}
