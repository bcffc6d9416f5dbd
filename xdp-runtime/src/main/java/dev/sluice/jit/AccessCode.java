package dev.sluice.jit;

import static dev.sluice.jit.Descriptors.CHECKS;
import static dev.sluice.jit.Descriptors.RUN_CONTEXT;
import static dev.sluice.jit.LongCode.compareUnsigned;
import static dev.sluice.jit.LongCode.narrow;
import static dev.sluice.jit.LongCode.pushLong;
import static dev.sluice.jit.LongCode.signExtend;
import static dev.sluice.jit.LongCode.widen;
import static java.lang.classfile.Opcode.IFGT;
import static java.lang.constant.ConstantDescs.CD_int;
import static java.lang.constant.ConstantDescs.CD_long;
import static java.lang.constant.ConstantDescs.CD_void;

import dev.sluice.helper.RunContext;
import dev.sluice.isa.AtomicOp;
import dev.sluice.isa.Form;
import dev.sluice.isa.Instruction;
import dev.sluice.isa.Opcode;
import dev.sluice.isa.Width;
import dev.sluice.jit.Ways.Way;
import java.lang.classfile.CodeBuilder;
import java.lang.classfile.Label;
import java.lang.constant.MethodTypeDesc;
import java.util.Arrays;
import java.util.Locale;
import java.util.function.Consumer;

/**
 * Emits loads, stores and atomic operations: of locals, where a method has in one what is accessed, in place by {@link
 * MemoryCode}, or by {@link dev.sluice.exec.Checks}, as {@link Ways} says. What is called {@code state} are the values of
 * {@link Kinds} before the instruction.
 */
final class AccessCode {
    private static final int FP = Instruction.FP;

    private static final MethodTypeDesc CHECKED_LOAD = MethodTypeDesc.of(CD_long, RUN_CONTEXT, CD_long, CD_int);
    private static final MethodTypeDesc CHECKED_STORE =
            MethodTypeDesc.of(CD_void, RUN_CONTEXT, CD_long, CD_long, CD_int);
    private static final MethodTypeDesc CHECKED_ATOMIC =
            MethodTypeDesc.of(CD_long, RUN_CONTEXT, CD_long, CD_long, CD_int);
    private static final MethodTypeDesc CHECKED_EXCHANGE =
            MethodTypeDesc.of(CD_long, RUN_CONTEXT, CD_long, CD_long, CD_long, CD_int);

    private final CodeBuilder b;
    private final Unit unit;
    private final Part part;
    private final Locals locals;
    private final RunCode run;
    private final ColdCode cold;
    private final int context;
    private final int[] register;

    /** What {@link AddressFlow} says about the access of the instruction that is emitted. */
    int inside;

    /** By place in the frame: bytes of the store to it that was emitted last. */
    private final byte[] stored = new byte[RunContext.STACK_BYTES];

    AccessCode(CodeBuilder b, Unit unit, Part part, Locals locals, RunCode run, ColdCode cold) {
        this.b = b;
        this.unit = unit;
        this.part = part;
        this.locals = locals;
        this.run = run;
        this.cold = cold;
        context = locals.context;
        register = locals.register;
    }

    // --- loads and stores

    void load(Instruction insn, int[] state, int pc) {
        int base = unit.kinds.register(state, insn.src());
        Width width = insn.opcode().width();
        boolean signed = insn.form() == Form.LDXSX;
        int dst = register[insn.dst()];
        boolean fromContext = Kinds.kind(base) == Kinds.CONTEXT || unit.isContextLoad(pc, insn);
        if (fromContext && width == Width.W && !signed && run.contextField(insn.off())) {
            b.lstore(dst);
            return;
        }
        int variable = variable(insn, pc);
        if (variable >= 0) {
            b.lload(variable);
            if (signed) {
                signExtend(b, width);
            }
            b.lstore(dst);
            return;
        }
        access(
                base,
                insn.src(),
                insn.off(),
                width.bytes(),
                false,
                false,
                address -> {
                    MemoryCode.loadLong(b, width, signed, address);
                    b.lstore(dst);
                },
                address -> {
                    checkedLoad(width, signed, address, pc);
                    b.lstore(dst);
                });
    }

    void store(Instruction insn, int[] state, int pc) {
        int base = unit.kinds.register(state, insn.dst());
        noteStore(base, insn);
        Width width = insn.opcode().width();
        Runnable value = () -> {
            if (insn.form() == Form.ST) {
                pushLong(b, insn.imm());
            } else {
                b.lload(register[insn.src()]);
            }
        };
        int variable = variable(insn, pc);
        if (variable >= 0) {
            value.run();
            if (width != Width.DW) {
                b.l2i();
                widen(b, width);
            }
            b.lstore(variable);
            return;
        }
        access(
                base,
                insn.dst(),
                insn.off(),
                width.bytes(),
                true,
                false,
                address -> MemoryCode.storeLong(b, width, address, value),
                address -> checkedStore("store", width, address, value, pc));
    }

    /** The local of the variable on the stack that a load or store accesses, or {@link Locals#NONE}. */
    private int variable(Instruction insn, int pc) {
        int number = locals.used == 0 ? -1 : unit.stack().variable(part.function, pc, insn);
        return number < 0 ? Locals.NONE : locals.variables[number];
    }

    /** Notes what a store writes of its function's frame. */
    private void noteStore(int base, Instruction insn) {
        if (Kinds.kind(base) == Kinds.STACK) {
            int at = RunContext.STACK_BYTES + Kinds.number(base) + insn.off();
            if (at >= 0 && at < stored.length) {
                stored[at] = (byte) insn.opcode().width().bytes();
            }
        }
    }

    /** Notes that so many bytes, which were stored one by one, are stored together. */
    void noteJoined(int base, int offset, int bytes) {
        if (Kinds.kind(base) == Kinds.STACK) {
            int at = RunContext.STACK_BYTES + Kinds.number(base) + offset;
            Arrays.fill(stored, at, at + bytes, (byte) 0);
            stored[at] = (byte) bytes;
        }
    }

    /** Bytes of the store that was emitted last to a place in the function's own frame; 0 where none was, and above it. */
    int storedAt(int place) {
        return place < 0 ? stored[RunContext.STACK_BYTES + place] : 0;
    }

    private void checkedLoad(Width width, boolean signed, Runnable pushAddress, int pc) {
        b.aload(context);
        pushAddress.run();
        b.loadConstant(pc);
        b.invokestatic(CHECKS, (signed && width == Width.W ? "loadSigned" : "load") + width.bits(), CHECKED_LOAD);
        if (signed && width != Width.W) {
            signExtend(b, width);
        }
    }

    private void checkedStore(String method, Width width, Runnable pushAddress, Runnable pushValue, int pc) {
        b.aload(context);
        pushAddress.run();
        pushValue.run();
        b.loadConstant(pc);
        b.invokestatic(CHECKS, method + width.bits(), CHECKED_STORE);
    }

    // --- what is ordered

    void atomic(Instruction insn, int[] state, int pc) {
        Opcode opcode = insn.opcode();
        AtomicOp op = opcode.atomic();
        Width width = opcode.width();
        access(
                unit.kinds.register(state, insn.dst()),
                insn.dst(),
                insn.off(),
                width.bytes(),
                true,
                true,
                address -> {
                    MemoryCode.atomic(b, op, opcode.fetches(), width, address, () -> {
                        if (op == AtomicOp.CMPXCHG) {
                            b.lload(register[0]);
                            narrow(b, width);
                        }
                        b.lload(register[insn.src()]);
                        narrow(b, width);
                    });
                    if (width == Width.W) {
                        widen(b);
                    }
                    storeOld(insn, op);
                },
                address -> {
                    b.aload(context);
                    address.run();
                    if (op == AtomicOp.CMPXCHG) {
                        b.lload(register[0]);
                    }
                    b.lload(register[insn.src()]).loadConstant(pc);
                    String name = op.name().charAt(0) + op.name().substring(1).toLowerCase(Locale.ROOT);
                    b.invokestatic(
                            CHECKS,
                            "atomic" + name + width.bits(),
                            op == AtomicOp.CMPXCHG ? CHECKED_EXCHANGE : CHECKED_ATOMIC);
                    storeOld(insn, op);
                });
    }

    /** Puts the old value where an atomic operation wants it. */
    private void storeOld(Instruction insn, AtomicOp op) {
        if (op == AtomicOp.CMPXCHG) {
            b.lstore(register[0]);
        } else if (insn.opcode().fetches()) {
            b.lstore(register[insn.src()]);
        } else {
            b.pop2();
        }
    }

    void loadAcquire(Instruction insn, int[] state, int pc) {
        Width width = insn.opcode().width();
        int dst = register[insn.dst()];
        access(
                unit.kinds.register(state, insn.src()),
                insn.src(),
                insn.off(),
                width.bytes(),
                false,
                true,
                address -> {
                    MemoryCode.loadAcquire(b, width, address);
                    widen(b, width);
                    b.lstore(dst);
                },
                address -> {
                    b.aload(context);
                    address.run();
                    b.loadConstant(pc);
                    b.invokestatic(CHECKS, "loadAcquire" + width.bits(), CHECKED_LOAD);
                    b.lstore(dst);
                });
    }

    void storeRelease(Instruction insn, int[] state, int pc) {
        Width width = insn.opcode().width();
        Runnable value = () -> b.lload(register[insn.src()]);
        access(
                unit.kinds.register(state, insn.dst()),
                insn.dst(),
                insn.off(),
                width.bytes(),
                true,
                true,
                address -> MemoryCode.storeRelease(b, width, address, () -> {
                    value.run();
                    narrow(b, width);
                }),
                address -> checkedStore("storeRelease", width, address, value, pc));
    }

    // --- addresses

    /** Pushes an access's address. */
    void pushAddress(Way way, int base, int baseRegister, int offset) {
        if (way == Way.OWN_FRAME) {
            // From r10, not from the register: a wrong kind must never become a wrong address.
            b.lload(register[FP]);
            pushLong(b, Kinds.number(base) + (long) offset);
            b.ladd();
        } else if (way == Way.PLAIN && Kinds.isConstant(base)) {
            pushLong(b, unit.kinds.constant(base) + offset);
        } else {
            pushAddress(baseRegister, offset);
        }
    }

    /** Pushes what is in a register, plus an offset. */
    void pushAddress(int baseRegister, int offset) {
        b.lload(register[baseRegister]);
        if (offset != 0) {
            pushLong(b, offset);
            b.ladd();
        }
    }

    /** Pushes an address in so many bytes, of which {@link Kinds} says that a register has the first. */
    void pushPlace(int value, int bytes, int register, int offset) {
        boolean owns = Ways.owns(unit, part.function, value, bytes);
        pushAddress(owns ? Way.OWN_FRAME : Way.PLAIN, owns ? value : 0, register, offset);
    }

    // --- in place where that is allowed, else checked

    /** Emits an access in one of two ways, each of which gets code that pushes the address. */
    private void access(
            int base,
            int baseRegister,
            int offset,
            int size,
            boolean write,
            boolean aligned,
            Consumer<Runnable> inPlace,
            Consumer<Runnable> checked) {
        Way way = Ways.of(unit, part.function, base, offset, size, write, aligned ? 0 : inside);
        switch (way) {
            case OWN_FRAME, PLAIN -> {
                // An address that is known to be unaligned faults.
                boolean known = way == Way.OWN_FRAME || Kinds.isConstant(base);
                long place = way == Way.OWN_FRAME ? Kinds.number(base) + offset : known ? constant(base) + offset : 0;
                if (aligned && (place & size - 1) != 0) {
                    run.ask();
                    checked.accept(() -> pushAddress(baseRegister, offset));
                } else {
                    if (write && way == Way.OWN_FRAME && place < 0) {
                        run.markDirty(Kinds.slots((int) place, size));
                    }
                    inPlace.accept(() -> pushAddress(way, base, baseRegister, offset));
                }
            }
            case BOUNDED -> {
                boolean isInside = inside >= AddressFlow.INSIDE;
                boolean mayBeFrame = isInside ? inside == AddressFlow.IN_FRAME : Kinds.kind(base) == Kinds.FRAME;
                boolean soils = write && mayBeFrame && unit.cleansLoop();
                boolean isCertain = isInside && !aligned;
                if (isCertain && !soils) {
                    inPlace.accept(() -> pushAddress(baseRegister, offset));
                    return;
                }
                Label slow = b.newLabel();
                Label done = b.newLabel();
                pushAddress(baseRegister, offset);
                b.lstore(locals.address);
                Label inPacket = b.newLabel();
                if (aligned && size > 1) {
                    b.lload(locals.address).l2i().loadConstant(size - 1).iand().ifne(slow);
                }
                if (!isInside) {
                    if (Kinds.isSlice(base)) {
                        testSlice(size, inPacket);
                    }
                    test(base, size, slow);
                }
                if (soils) {
                    b.aload(context).lload(locals.address).loadConstant(size);
                    b.invokevirtual(RUN_CONTEXT, "soil", MethodTypeDesc.of(CD_void, CD_long, CD_int));
                }
                b.labelBinding(inPacket);
                inPlace.accept(() -> b.lload(locals.address));
                b.labelBinding(done);
                if (!isCertain) {
                    cold.add(() -> {
                        b.labelBinding(slow);
                        run.ask();
                        checked.accept(() -> b.lload(locals.address));
                        b.goto_(done);
                    });
                }
            }
            case CHECKED -> {
                run.ask();
                checked.accept(() -> pushAddress(baseRegister, offset));
            }
        }
    }

    /** Goes to {@code slow} unless a register points to so many bytes of what its value says. */
    void test(int value, int valueRegister, int bytes, Label slow) {
        b.lload(register[valueRegister]).lstore(locals.address);
        test(value, bytes, slow);
    }

    /** Goes to {@code inPacket} if {@link Locals#address} is there. */
    private void testSlice(int size, Label inPacket) {
        Label elsewhere = b.newLabel();
        test(Kinds.packet(), size, elsewhere);
        b.goto_(inPacket);
        b.labelBinding(elsewhere);
    }

    /**
     * Goes to {@code slow} unless {@link Locals#address} is where it probably is: in the packet, in a map's value or on the
     * stack.
     */
    private void test(int base, int size, Label slow) {
        switch (Kinds.kind(base)) {
            case Kinds.PACKET -> {
                if (inside != AddressFlow.BEGIN) {
                    testBegin(slow, () -> b.lload(locals.dataMeta));
                }
                if (inside != AddressFlow.END) {
                    testEnd(size, slow, () -> b.lload(locals.dataEnd));
                }
            }
            case Kinds.VALUE -> {
                int lookup = Kinds.number(base);
                // written so that C2 sees what is left of it where both are the look-up's result and a number
                b.lload(locals.address).lload(locals.valueStart(lookup)).lsub().lstore(locals.within);
                b.lload(locals.within).lconst_0().lcmp().iflt(slow);
                b.lload(locals.within)
                        .lload(locals.valueEnd(lookup))
                        .lload(locals.valueStart(lookup))
                        .lsub();
                pushLong(b, size);
                b.lsub().lcmp().ifgt(slow);
            }
            case Kinds.FRAME -> testFrames(size, slow);
            case Kinds.AREA ->
                test(size, slow, () -> pushLong(b, constant(base)), () -> pushLong(b, unit.areaBytes(constant(base))));
            default -> throw new AssertionError("kind=" + Kinds.kind(base));
        }
    }

    private void testFrames(int size, Label slow) {
        int low = locals.lowestFrame;
        if (low == Locals.NONE) {
            testBegin(slow, () -> b.aload(context).getfield(RUN_CONTEXT, "stackLow", CD_long));
            testEnd(size, slow, () -> b.aload(context).getfield(RUN_CONTEXT, "stackTop", CD_long));
            return;
        }
        test(
                size,
                slow,
                () -> {
                    b.lload(low);
                    pushLong(b, RunContext.STACK_BYTES);
                    b.lsub();
                },
                () -> {
                    // in a loop that is a constant: the entry function's frame ends where its r10 is
                    if (locals.loopFrame != Locals.NONE) {
                        b.lload(locals.loopFrame);
                    } else {
                        b.aload(context).getfield(RUN_CONTEXT, "stackTop", CD_long);
                    }
                    b.lload(low).lsub();
                    pushLong(b, RunContext.STACK_BYTES);
                    b.ladd();
                });
    }

    /**
     * Goes to {@code slow} unless {@link Locals#address} is in an area of some bytes, which are not fewer than those
     * accessed.
     */
    private void test(int size, Label slow, Runnable from, Runnable bytes) {
        b.lload(locals.address);
        from.run();
        b.lsub();
        bytes.run();
        pushLong(b, size);
        b.lsub();
        compareUnsigned(b, IFGT, slow);
    }

    private void testBegin(Label slow, Runnable from) {
        b.lload(locals.address);
        from.run();
        b.lcmp().iflt(slow);
    }

    private void testEnd(int size, Label slow, Runnable to) {
        b.lload(locals.address);
        to.run();
        pushLong(b, size);
        b.lsub().lcmp().ifgt(slow);
    }

    private long constant(int value) {
        return unit.kinds.constant(value);
    }
}
