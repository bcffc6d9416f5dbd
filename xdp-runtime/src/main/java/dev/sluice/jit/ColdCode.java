package dev.sluice.jit;

import java.lang.classfile.CodeBuilder;
import java.util.ArrayList;
import java.util.List;

/** What a method's blocks seldom need: emitted behind the last of them, with the lines of the instructions it belongs to. */
final class ColdCode {
    private record Piece(int slot, Runnable code) {}

    private final CodeBuilder b;
    private final Lines lines;
    private final List<Piece> pieces = new ArrayList<>();

    ColdCode(CodeBuilder b, Lines lines) {
        this.b = b;
        this.lines = lines;
    }

    /** Adds code of the instruction that is being emitted. */
    void add(Runnable code) {
        pieces.add(new Piece(lines.current(), code));
    }

    /** Emits all that was added. */
    void emit() {
        for (Piece piece : pieces) {
            lines.at(b, piece.slot);
            piece.code.run();
        }
    }
}
