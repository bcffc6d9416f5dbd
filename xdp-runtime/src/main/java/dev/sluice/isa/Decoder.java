package dev.sluice.isa;

/** Slots to instructions, with the reserved-field rules of each {@link Form} (RFC 9669 section 3). */
final class Decoder {
    private Decoder() {}

    static Instruction decode(int slot, long raw) {
        int code = (int) raw & 0xff;
        int dst = (int) (raw >>> 8) & 0xf;
        int src = (int) (raw >>> 12) & 0xf;
        int off = (short) (raw >>> 16);
        int imm = (int) (raw >>> 32);
        Opcode opcode = Opcode.of(code, src, off, imm);
        if (opcode == null) {
            throw new MalformedCodeException(slot, describeUnknown(code, src, off, imm));
        }
        checkReserved(slot, opcode, dst, src, off, imm);
        return new Instruction(opcode, dst, src, off, imm);
    }

    static Instruction decodeWide(int slot, long raw, long second) {
        int dst = (int) (raw >>> 8) & 0xf;
        int src = (int) (raw >>> 12) & 0xf;
        if ((int) second != 0) {
            throw new MalformedCodeException(
                    slot + 1, "invalid bpf_ld_imm64 insn: only imm may be set in the second slot");
        }
        if (Pseudo.of(src) == null) {
            throw new MalformedCodeException(slot, "unrecognized bpf_ld_imm64 insn: expected src 0 to 6, src=" + src);
        }
        if ((short) (raw >>> 16) != 0) {
            throw reserved(slot, Opcode.LDDW, "off", (short) (raw >>> 16));
        }
        checkRegister(slot, dst);
        long imm = raw >>> 32 | second >>> 32 << 32;
        return new Instruction(Opcode.LDDW, dst, src, 0, imm);
    }

    private static String describeUnknown(int code, int src, int off, int imm) {
        if (!Opcode.isKnown(code)) {
            return String.format("unknown opcode %02x", code);
        }
        return String.format(
                "invalid instruction: opcode %02x has no operation with src=%d off=%d imm=%d", code, src, off, imm);
    }

    private static void checkReserved(int slot, Opcode opcode, int dst, int src, int off, int imm) {
        boolean usesDst = true;
        boolean usesSrc = true;
        boolean usesOff = true;
        boolean usesImm = true;
        switch (opcode.form()) {
            case ALU_K -> {
                usesSrc = false;
                usesOff = false;
            }
            case ALU_X, MOVSX -> {
                usesOff = false;
                usesImm = false;
            }
            case UNARY -> {
                usesSrc = false;
                usesOff = false;
                usesImm = false;
            }
            case JMP_K -> usesSrc = false;
            case JMP_X, LDX, LDXSX, STX -> usesImm = false;
            case JA, MAY_GOTO -> {
                usesDst = false;
                usesSrc = false;
                usesImm = false;
            }
            case GOTOL -> {
                usesDst = false;
                usesSrc = false;
                usesOff = false;
            }
            case CALL_HELPER, CALL_LOCAL -> {
                usesDst = false;
                usesOff = false;
            }
            case CALL_KFUNC -> usesDst = false;
            case CALLX -> {
                usesSrc = false;
                usesOff = false;
                usesImm = false;
            }
            case EXIT -> {
                usesDst = false;
                usesSrc = false;
                usesOff = false;
                usesImm = false;
            }
            case LD_ABS -> {
                usesDst = false;
                usesSrc = false;
                usesOff = false;
            }
            case LD_IND -> {
                usesDst = false;
                usesOff = false;
            }
            case ST -> usesSrc = false;
            case ATOMIC, LOAD_ACQ, STORE_REL, LDDW -> {}
        }
        if (!usesDst && dst != 0) {
            throw reserved(slot, opcode, "dst", dst);
        }
        if (!usesSrc && src != 0) {
            throw reserved(slot, opcode, "src", src);
        }
        if (!usesOff && !opcode.offsetSelects() && off != 0) {
            throw reserved(slot, opcode, "off", off);
        }
        if (!usesImm && !opcode.immSelects() && imm != 0) {
            throw reserved(slot, opcode, "imm", imm);
        }
        checkRegister(slot, dst);
        if (opcode.form() != Form.CALL_LOCAL && opcode.form() != Form.CALL_KFUNC) {
            checkRegister(slot, src);
        }
    }

    private static void checkRegister(int slot, int register) {
        if (register > Instruction.FP) {
            throw new MalformedCodeException(slot, "R" + register + " is invalid: expected r0 to r10");
        }
    }

    private static MalformedCodeException reserved(int slot, Opcode opcode, String field, int value) {
        return new MalformedCodeException(
                slot, opcode.name() + " uses reserved fields: expected 0, " + field + "=" + value);
    }
}
