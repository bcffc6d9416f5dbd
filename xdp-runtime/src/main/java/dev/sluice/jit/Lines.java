package dev.sluice.jit;

import dev.sluice.program.Program;
import dev.sluice.program.SourceLine;
import java.lang.classfile.CodeBuilder;
import java.util.List;

/**
 * The line numbers of generated code: those of the source, so that stack traces and profilers show it; the slots plus 1,
 * where the program has no source; or, for a listing, the slots plus 1.
 */
final class Lines {
    /** What a line number is. */
    enum Mode {
        SOURCE,
        LISTING
    }

    /** In a listing: the line of code that belongs to no slot. */
    static final int NO_LINE = 0xffff;

    private static final int NONE = -1;

    /** The main source file's name without its folder, or null. */
    final String sourceFile;

    private final int[] lineOfSlot;
    private final Mode mode;
    private int first;
    private int slot;
    private int emitted;

    Lines(Program program, Mode mode) {
        this.mode = mode;
        List<SourceLine> records = program.lines();
        sourceFile = records.isEmpty() ? null : fileName(records.getFirst());
        lineOfSlot = of(program);
    }

    /** The name of a line's file, without its folder. */
    static String fileName(SourceLine line) {
        return line.file().substring(line.file().lastIndexOf('/') + 1);
    }

    /**
     * By slot: the line as stack traces show it. They know one file for a class, the main one, so that code from headers is
     * shown as the line before it; below 1 where there is none.
     */
    static int[] of(Program program) {
        List<SourceLine> records = program.lines();
        int[] lineOfSlot = new int[program.code().size()];
        String file = records.isEmpty() ? null : records.getFirst().file();
        int next = 0;
        int line = NONE;
        for (int i = 0; i < lineOfSlot.length; i++) {
            while (next < records.size() && records.get(next).slot() <= i) {
                SourceLine record = records.get(next++);
                if (record.file().equals(file)) {
                    line = record.line(); // code from headers belongs to the line before it
                }
            }
            lineOfSlot[i] = records.isEmpty() ? i + 1 : line;
        }
        return lineOfSlot;
    }

    /** Begins a method. */
    void begin(int firstSlot) {
        first = firstSlot;
        slot = firstSlot;
        emitted = NONE;
    }

    /** What comes next belongs to the instruction at a slot. */
    void at(CodeBuilder b, int newSlot) {
        slot = newSlot;
        int line = mode == Mode.LISTING ? newSlot - base(first, lineOfSlot.length) + 1 : lineOfSlot[newSlot];
        if (line != emitted && line > 0 && line < NO_LINE) {
            emitted = line;
            b.lineNumber(line);
        } else if (mode == Mode.LISTING && line != emitted) {
            none(b); // too far from the method's first
        }
    }

    /**
     * In a listing: the slot that line 1 stands for. Lines have 16 bits, so that slots of large programs are counted from
     * the method's first.
     */
    static int base(int firstSlot, int programSlots) {
        return programSlots < NO_LINE ? 0 : firstSlot;
    }

    /** What comes next belongs to no instruction. */
    void none(CodeBuilder b) {
        if (mode == Mode.LISTING) {
            emitted = NO_LINE;
            b.lineNumber(NO_LINE);
        }
    }

    /** The slot that the code now belongs to. */
    int current() {
        return slot;
    }
}
