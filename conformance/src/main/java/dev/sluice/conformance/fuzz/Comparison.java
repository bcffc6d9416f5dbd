package dev.sluice.conformance.fuzz;

import dev.sluice.conformance.verifier.FactsWatch;
import dev.sluice.exec.ProgramFault;
import dev.sluice.isa.Code;
import dev.sluice.isa.Form;
import dev.sluice.isa.Instruction;
import dev.sluice.isa.Pseudo;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.SortedMap;
import org.jspecify.annotations.Nullable;

/** Runs one program on every side and says where they differ. The first side is what the others are held against. */
final class Comparison {
    /** How a program fared. */
    sealed interface Outcome {
        /** All sides agree. */
        record Same() implements Outcome {}

        /** The first side refuses it. */
        record Refused(String why) implements Outcome {}

        /** Two sides differ. */
        record Different(String how) implements Outcome {}
    }

    private final List<Side> sides;

    Comparison(List<Side> sides) {
        this.sides = sides;
    }

    /** What is compared. */
    List<Side> sides() {
        return sides;
    }

    Outcome compare(Code code, Inputs inputs) {
        for (Side side : sides) {
            String refusal = side.load(code);
            if (refusal != null) {
                return new Outcome.Refused(refusal);
            }
        }
        return rerun(code, inputs);
    }

    /** Runs what is loaded already once more, from the same state. */
    Outcome rerun(Code code, Inputs inputs) {
        boolean withHash = usesHash(code);
        sides.forEach(side -> side.reset(inputs.value(), withHash));
        Side first = sides.getFirst();
        for (int number = 0; number < inputs.packets().size(); number++) {
            byte[] packet = inputs.packets().get(number);
            Side.Result expected = first.run(packet);
            for (Side side : sides.subList(1, sides.size())) {
                String difference = differenceOf(side, packet, expected);
                if (difference != null) {
                    return new Outcome.Different(
                            "packet " + number + ": " + first.name() + " and " + side.name() + ": " + difference);
                }
            }
        }
        byte[] value = first.arrayValue();
        SortedMap<Integer, Long> entries = first.hashEntries();
        for (Side side : sides.subList(1, sides.size())) {
            int at = Arrays.mismatch(value, side.arrayValue());
            if (at >= 0) {
                return new Outcome.Different("array value of " + first.name() + " and " + side.name()
                        + " differs at byte " + at + ": "
                        + around(value, at) + " and " + around(side.arrayValue(), at));
            }
            if (withHash && !entries.equals(side.hashEntries())) {
                return new Outcome.Different("hash map of " + first.name() + " and " + side.name() + ": " + entries
                        + " and " + side.hashEntries());
            }
        }
        return new Outcome.Same();
    }

    private static @Nullable String differenceOf(Side side, byte[] packet, Side.Result expected) {
        Side.Result found;
        try {
            found = side.run(packet);
        } catch (ProgramFault fault) {
            return "fault: " + fault.getMessage();
        } catch (FactsWatch.Violation violation) {
            return String.valueOf(violation.getMessage());
        }
        if (found.equals(expected)) {
            return null;
        }
        if (found.returned() != expected.returned()) {
            return "returned 0x%x and 0x%x".formatted(expected.returned(), found.returned());
        }
        int at = Arrays.mismatch(expected.output(), found.output());
        return "output of %d and %d bytes differs at byte %d: %s and %s"
                .formatted(
                        expected.output().length,
                        found.output().length,
                        at,
                        around(expected.output(), at),
                        around(found.output(), at));
    }

    private static String around(byte[] bytes, int at) {
        return HexFormat.of().formatHex(bytes, Math.min(at, bytes.length), Math.min(at + 8, bytes.length));
    }

    static boolean usesHash(Code code) {
        for (int slot = 0; slot < code.size(); slot++) {
            Instruction insn = code.at(slot);
            if (insn != null
                    && insn.form() == Form.LDDW
                    && insn.pseudo() == Pseudo.MAP_FD
                    && insn.imm() == TestBed.HASH) {
                return true;
            }
        }
        return false;
    }
}
