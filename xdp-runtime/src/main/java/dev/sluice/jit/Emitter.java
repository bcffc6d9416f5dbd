package dev.sluice.jit;

import static dev.sluice.jit.Descriptors.ALU;
import static dev.sluice.jit.Descriptors.BASE_EXECUTABLE;
import static dev.sluice.jit.Descriptors.CHECKS;
import static dev.sluice.jit.Descriptors.HELPER;
import static dev.sluice.jit.Descriptors.JIT_CODE;
import static dev.sluice.jit.Descriptors.PROGRAM_REF;
import static dev.sluice.jit.Descriptors.RUNTIME;
import static dev.sluice.jit.Descriptors.RUN_CONTEXT;
import static java.lang.constant.ConstantDescs.CD_Integer;
import static java.lang.constant.ConstantDescs.CD_Long;
import static java.lang.constant.ConstantDescs.CD_Short;
import static java.lang.constant.ConstantDescs.CD_Throwable;
import static java.lang.constant.ConstantDescs.CD_boolean;
import static java.lang.constant.ConstantDescs.CD_int;
import static java.lang.constant.ConstantDescs.CD_long;
import static java.lang.constant.ConstantDescs.CD_short;
import static java.lang.constant.ConstantDescs.CD_void;

import dev.sluice.exec.FunctionPointer;
import dev.sluice.exec.Interpreter;
import dev.sluice.helper.CallbackHelpers;
import dev.sluice.helper.Callbacks;
import dev.sluice.helper.Callee;
import dev.sluice.helper.Dynptrs;
import dev.sluice.helper.Helper;
import dev.sluice.helper.Kfunc;
import dev.sluice.helper.RunContext;
import dev.sluice.isa.AluOp;
import dev.sluice.isa.AtomicOp;
import dev.sluice.isa.Form;
import dev.sluice.isa.Instruction;
import dev.sluice.isa.JmpOp;
import dev.sluice.isa.Opcode;
import dev.sluice.isa.Pseudo;
import dev.sluice.isa.Width;
import dev.sluice.jit.Ways.Way;
import dev.sluice.map.BpfMap;
import dev.sluice.map.Errno;
import dev.sluice.map.MapDef;
import dev.sluice.map.MapTable.InnerShape;
import dev.sluice.memory.FrameDescriptor;
import java.lang.classfile.CodeBuilder;
import java.lang.classfile.Label;
import java.lang.classfile.instruction.SwitchCase;
import java.lang.constant.ClassDesc;
import java.lang.constant.MethodTypeDesc;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Emits the blocks of one method: registers in long locals, one instruction after the other, slow paths behind the last
 * block. The three shapes of a method differ in how control comes in and goes out, which its {@link Frame} knows.
 */
final class Emitter {
    /** How a method ends when its function exits. */
    enum Shape {
        /** A whole function: returns r0. */
        FUNCTION,
        /** A part of one: returns r0, or what another part returns, or leaves {@link RunContext#resumeAt} set. */
        PART,
        /** The entry function inside the packet loop: jumps behind itself with r0 in its local. */
        LOOP,
        /** A function in place of its call: the same. */
        INLINED
    }

    /** Code behind the last block, and the instruction that it belongs to. */
    private record Cold(int slot, Runnable code) {}

    /** Place in {@link RunContext#carried} of what is left of a frame's {@code may_goto}. */
    static final int CARRIED_LOOPS = 11;

    /** Bits of an entry's number that are its index in its part. */
    static final int ENTRY_BITS = 16;

    private static final int FP = Instruction.FP;
    private static final int LONG_SLOTS = 2;
    private static final int NO_LOCAL = -1;
    private static final int INLINE_ZERO_BYTES = 64;
    private static final long LOW = 0xffff_ffffL;

    private static final MethodTypeDesc TAKES_TWO_LONGS = MethodTypeDesc.of(CD_long, CD_long, CD_long);
    private static final MethodTypeDesc TAKES_TWO_INTS = MethodTypeDesc.of(CD_int, CD_int, CD_int);
    private static final MethodTypeDesc COMPARE_LONGS = MethodTypeDesc.of(CD_int, CD_long, CD_long);
    private static final MethodTypeDesc CHECKED_LOAD = MethodTypeDesc.of(CD_long, RUN_CONTEXT, CD_long, CD_int);
    private static final MethodTypeDesc CHECKED_STORE =
            MethodTypeDesc.of(CD_void, RUN_CONTEXT, CD_long, CD_long, CD_int);
    private static final MethodTypeDesc CHECKED_ATOMIC =
            MethodTypeDesc.of(CD_long, RUN_CONTEXT, CD_long, CD_long, CD_int);
    private static final MethodTypeDesc CHECKED_EXCHANGE =
            MethodTypeDesc.of(CD_long, RUN_CONTEXT, CD_long, CD_long, CD_long, CD_int);
    private static final MethodTypeDesc CHECKED_HELPER = MethodTypeDesc.of(
            CD_long, RUN_CONTEXT, Descriptors.CALLEE, CD_long, CD_long, CD_long, CD_long, CD_long, CD_int);
    private static final MethodTypeDesc CALLBACKS_TYPE = MethodTypeDesc.of(
            CD_void, RUN_CONTEXT, Callbacks.class.describeConstable().orElseThrow(), CD_long, CD_int);
    private static final MethodTypeDesc WITH_REGISTERS = MethodTypeDesc.of(
            CD_Throwable,
            Stream.concat(Stream.of(CD_Throwable), Collections.nCopies(FP + 1, CD_long).stream())
                    .toArray(ClassDesc[]::new));
    private static final MethodTypeDesc ASK = MethodTypeDesc.of(CD_int, RUN_CONTEXT, CD_long, CD_int, CD_long);
    private static final MethodTypeDesc OF_DESCRIPTOR = MethodTypeDesc.of(CD_void, RUN_CONTEXT, CD_long);
    private static final MethodTypeDesc CLEAN_FRAME = MethodTypeDesc.of(CD_void, RUN_CONTEXT, CD_long, CD_long);
    private static final MethodTypeDesc PLAIN_HELPER =
            MethodTypeDesc.of(CD_long, RUN_CONTEXT, CD_long, CD_long, CD_long, CD_long, CD_long);

    private final CodeBuilder b;
    private final Unit unit;
    private final Part part;
    private final Flow flow;
    private final Shape shape;
    private final Lines lines;

    // --- locals
    final int context;
    final int[] register = new int[FP + 1];
    private final int data;
    private final int dataEnd;
    private final int dataMeta;

    /** Whether the packet has been made the one at hand, in a loop that does so where a helper wants it. */
    private final int taken;

    /** In the packet loop: slots of the frame that stores at known places have written for this packet. */
    private final int dirty;

    private final int left;
    private final int loops;
    private final int address;

    /** An offset, within a test. */
    private final int within;

    private final int entry;
    private final int map;

    /** Of an iterator, while it goes on. */
    private final int number;

    /** Pairs of locals: where the value of a look-up begins and ends; empty before it. */
    private final int values;

    private final int lookups;

    /** By number: the local of a variable on the stack. */
    private final int[] variables;

    /** The first local behind all of these; what is there nobody keeps over a call. */
    private final int nextLocal;

    /** The method's first function, which others are emitted into. */
    private final Emitter root;

    /** Whose frame is the lowest that is alive; null where only the context knows. */
    private final @Nullable Emitter lowest;

    private final MapCode maps;

    /** By place in the frame: bytes of the store to it that was emitted last. */
    private final byte[] stored = new byte[RunContext.STACK_BYTES];

    /** Variables on the stack that have a local, as bits. */
    private final long used;

    private final Label[] labels;
    private final Map<Integer, Label> exits = new TreeMap<>();
    private final List<Cold> cold = new ArrayList<>();
    private final Label end;
    private final Label tail;
    private int[] state = new int[0];
    private @Nullable ByteFlow bytes;
    private boolean tailUsed;

    /** The block that is emitted next, or {@link Block#NONE}. */
    private int following;

    /** The local with the address of the packet's descriptor, in a loop that reads it itself. */
    private int descriptor;

    /**
     * Where a method finds what it is given.
     *
     * @param registers by register: the local that it comes in, or 0 when it gets a new one
     * @param variables by variable on the stack, the same
     * @param loops what is left of {@code may_goto}, the same
     * @param left of the instructions, the same
     * @param entry the number of the entry, or 0
     * @param free the first local that nobody uses
     */
    record Given(int[] registers, int[] variables, int loops, int left, int entry, int free) {
        /** Nothing but the context. */
        static Given nothing(int free) {
            return new Given(new int[FP + 1], new int[0], 0, 0, 0, free);
        }

        /** The parameters of a {@link MethodRef#FUNCTION_TYPE}. */
        static Given ofFunction(CodeBuilder b) {
            int[] registers = new int[FP + 1];
            for (int r = 1; r <= 5; r++) {
                registers[r] = b.parameterSlot(r);
            }
            registers[FP] = b.parameterSlot(6);
            return new Given(registers, new int[0], 0, 0, 0, b.parameterSlot(6) + LONG_SLOTS);
        }

        /** The parameters of a {@link Part#type}. */
        static Given ofPart(CodeBuilder b, Unit unit, Part part) {
            int[] registers = new int[FP + 1];
            registers[FP] = b.parameterSlot(1);
            int next = b.parameterSlot(1) + LONG_SLOTS;
            for (int r = 0; r < FP; r++) {
                if (part.takes(r)) {
                    registers[r] = next;
                    next += LONG_SLOTS;
                }
            }
            int[] variables = new int[Long.SIZE];
            for (long left = part.variablesIn; left != 0; left &= left - 1) {
                variables[Long.numberOfTrailingZeros(left)] = next;
                next += LONG_SLOTS;
            }
            int loops = unit.hasMayGoto(part.function) ? next++ : 0;
            int left = unit.counted ? next++ : 0;
            int entry = part.entries.size() > 1 ? next++ : 0;
            return new Given(registers, variables, loops, left, entry, next);
        }
    }

    Emitter(CodeBuilder b, Unit unit, Part part, Shape shape, int context, Given given) {
        this(b, unit, part, shape, context, given, null);
    }

    private Emitter(
            CodeBuilder b, Unit unit, Part part, Shape shape, int context, Given given, @Nullable Emitter caller) {
        this.b = b;
        this.unit = unit;
        this.part = part;
        this.flow = part.flow;
        this.shape = shape;
        this.context = context;
        lines = unit.lines;
        int next = given.free;
        for (int r = 0; r <= FP; r++) {
            if (given.registers[r] != 0) {
                register[r] = given.registers[r];
            } else {
                register[r] = next;
                next += LONG_SLOTS;
            }
        }
        if (caller == null) {
            data = next;
            next += 3 * LONG_SLOTS;
            taken = next++;
            dirty = next;
            next += LONG_SLOTS;
            descriptor = NO_LOCAL;
        } else {
            dirty = NO_LOCAL;
            data = caller.data;
            taken = caller.taken;
            descriptor = caller.descriptor;
        }
        dataEnd = data + LONG_SLOTS;
        dataMeta = dataEnd + LONG_SLOTS;
        address = next;
        within = address + LONG_SLOTS;
        next = within + LONG_SLOTS;
        left = given.left != 0 ? given.left : next++;
        loops = given.loops != 0 ? given.loops : next++;
        entry = given.entry != 0 ? given.entry : next++;
        map = next++;
        number = next++;
        values = next;
        lookups = unit.checked ? unit.kinds.lookups(part.function) : 0;
        next += lookups * 2 * LONG_SLOTS;
        variables = Arrays.copyOf(given.variables, Long.SIZE);
        used = usedVariables();
        for (long more = used; more != 0; more &= more - 1) {
            int variable = Long.numberOfTrailingZeros(more);
            if (variables[variable] == 0) {
                variables[variable] = next;
                next += LONG_SLOTS;
            }
        }
        nextLocal = next;
        root = caller == null ? this : caller.root;
        lowest = shape == Shape.LOOP || unit.kinds.hasFrame(part.function)
                ? this
                : caller == null ? null : caller.lowest;
        maps = new MapCode(b, unit, context, next);
        labels = new Label[part.blocks.size()];
        for (int i = 0; i < labels.length; i++) {
            labels[i] = b.newLabel();
        }
        end = b.newLabel();
        tail = b.newLabel();
    }

    /** Variables on the stack that have a local: that are accessed, or given to another part. */
    private long usedVariables() {
        if (!unit.hasVariables()) {
            return 0;
        }
        long variables = part.variablesIn | Variables.accessed(part, unit.stack());
        Partition partition = unit.partition(part.function);
        for (Block block : part.blocks) {
            for (int next : new int[] {block.next, block.target}) {
                if (next != Block.NONE && !part.contains(next)) {
                    variables |= partition.partOf(next).variablesIn;
                }
            }
        }
        return variables;
    }

    // --- beginnings

    /** The beginning of a whole function that has been called: r1 to r5 and r10 are parameters. */
    void beginFunction() {
        for (int r : new int[] {0, 6, 7, 8, 9}) {
            b.lconst_0().lstore(register[r]);
        }
        zeroFrame();
        if (unit.hasMayGoto(part.function)) {
            b.loadConstant(Interpreter.MAX_LOOPS).istore(loops);
        }
        takePortion();
        loadPacket();
        forgetValues();
    }

    /** The beginning of a part: what is live at its entries are parameters. */
    void beginPart() {
        for (int r = 0; r < FP; r++) {
            if (!part.takes(r)) {
                b.lconst_0().lstore(register[r]);
            }
        }
        zeroVariables(used & ~part.variablesIn);
        loadPacket();
        forgetValues();
        if (part.entries.size() > 1) {
            List<SwitchCase> cases = new ArrayList<>();
            for (int i = 1; i < part.entries.size(); i++) {
                cases.add(SwitchCase.of(i, label(part.entries.get(i))));
            }
            b.iload(entry).tableswitch(1, part.entries.size() - 1, label(part.entries.getFirst()), cases);
        } else if (part.place(part.entries.getFirst()) != 0) {
            b.goto_(label(part.entries.getFirst()));
        }
    }

    /** The beginning of a function in place of its call: r1 to r5 are the caller's, its frame is below the caller's. */
    private void beginInlined(Emitter caller) {
        for (int r = 1; r <= 5; r++) {
            b.lload(caller.register[r]).lstore(register[r]);
        }
        for (int r : new int[] {0, 6, 7, 8, 9}) {
            b.lconst_0().lstore(register[r]);
        }
        b.lload(caller.register[FP]);
        pushLong(RunContext.STACK_BYTES);
        b.lsub().lstore(register[FP]);
        zeroFrame();
        if (unit.hasMayGoto(part.function)) {
            b.loadConstant(Interpreter.MAX_LOOPS).istore(loops);
        }
        forgetValues();
    }

    /**
     * What the packet loop does once, before the first packet.
     *
     * @param descriptorLocal with the address of the packet's descriptor
     */
    void beginLoop(int descriptorLocal) {
        descriptor = unit.wholeRun ? NO_LOCAL : descriptorLocal;
        for (int r = 0; r < FP; r++) {
            b.lconst_0().lstore(register[r]);
        }
        b.aload(context).getfield(RUN_CONTEXT, "stackTop", CD_long).lstore(register[FP]);
        b.lconst_0().lstore(data).lconst_0().lstore(dataEnd).lconst_0().lstore(dataMeta);
        b.iconst_0().istore(taken);
        b.lconst_0().lstore(dirty);
        b.iconst_0().istore(left);
        b.iconst_0().istore(loops);
        forgetValues();
    }

    /** What the packet loop does for each packet, after {@code begin}. */
    void beginPacket() {
        int liveIn = flow.blocks.getFirst().liveIn;
        for (int r = 0; r < FP; r++) {
            if ((liveIn >>> r & 1) != 0) {
                if (r == 1) {
                    b.aload(context).getfield(RUN_CONTEXT, "xdpMd", CD_long);
                } else {
                    b.lconst_0();
                }
                b.lstore(register[r]);
            }
        }
        if (unit.cleansLoop()) {
            b.aload(context).lload(register[FP]).lload(dirty).invokestatic(RUNTIME, "cleanLoop", CLEAN_FRAME);
            b.lconst_0().lstore(dirty);
        } else {
            zeroFrame();
        }
        if (unit.hasMayGoto(part.function)) {
            b.loadConstant(Interpreter.MAX_LOOPS).istore(loops);
        }
        if (descriptor != NO_LOCAL) {
            b.iconst_0().istore(taken);
        }
        if (unit.counted && descriptor != NO_LOCAL) {
            b.aload(context)
                    .invokestatic(RUNTIME, "takeFirst", MethodTypeDesc.of(CD_int, RUN_CONTEXT))
                    .istore(left);
        } else {
            takePortion();
        }
        loadPacket();
        forgetValues();
    }

    private void forgetValues() {
        for (int i = 0; i < lookups; i++) {
            b.lconst_0().lstore(valueStart(i)).lconst_0().lstore(valueEnd(i));
        }
    }

    private void zeroFrame() {
        zeroVariables(used);
        zeroFrame(b, context, register[FP], unit, part.function);
    }

    private void zeroVariables(long which) {
        for (long left = which; left != 0; left &= left - 1) {
            b.lconst_0().lstore(variables[Long.numberOfTrailingZeros(left)]);
        }
    }

    static void zeroFrame(CodeBuilder b, int context, int framePointer, Unit unit, int function) {
        if (unit.checked && !unit.kinds.hasFrame(function)) {
            return;
        }
        if (unit.cleansFrames()) {
            b.aload(context).lload(framePointer).loadConstant(unit.kinds.written(function));
            b.invokestatic(RUNTIME, "cleanFrame", CLEAN_FRAME);
            return;
        }
        List<Integer> offsets = unit.zeroed(function);
        int bytes = offsets.isEmpty() ? 0 : -offsets.getFirst();
        if (offsets.size() * Long.BYTES <= INLINE_ZERO_BYTES) {
            for (int at : offsets) {
                MemoryCode.store(
                        b,
                        Width.DW,
                        () -> {
                            b.lload(framePointer);
                            pushLong(b, at);
                            b.ladd();
                        },
                        b::lconst_0);
            }
        } else {
            b.lload(framePointer).loadConstant(bytes);
            b.invokestatic(RUNTIME, "zeroFrame", MethodTypeDesc.of(CD_void, CD_long, CD_int));
        }
    }

    private void loadPacket() {
        if (descriptor != NO_LOCAL) {
            fromDescriptor(Width.DW, FrameDescriptor.DATA);
            b.lstore(data);
            fromDescriptor(Width.DW, FrameDescriptor.DATA_END);
            b.lstore(dataEnd);
            fromDescriptor(Width.DW, FrameDescriptor.DATA_META);
            b.lstore(dataMeta);
            return;
        }
        if (!unit.checked && !part.readsContext() && (shape == Shape.FUNCTION || shape == Shape.PART)) {
            return;
        }
        loadPacketAtHand();
    }

    private void loadPacketAtHand() {
        b.aload(context).getfield(RUN_CONTEXT, "data", CD_long).lstore(data);
        b.aload(context).getfield(RUN_CONTEXT, "dataEnd", CD_long).lstore(dataEnd);
        b.aload(context).getfield(RUN_CONTEXT, "dataMeta", CD_long).lstore(dataMeta);
    }

    /** Makes the packet the one at hand, in a loop that does not do so for each packet. */
    private void take() {
        if (descriptor != NO_LOCAL) {
            Label isTaken = b.newLabel();
            b.iload(taken).ifne(isTaken);
            b.aload(context).lload(descriptor).invokestatic(BASE_EXECUTABLE, "take", OF_DESCRIPTOR);
            b.iconst_1().istore(taken);
            b.labelBinding(isTaken);
        }
    }

    /** Tells the context which packet is at hand and which frames are alive, before something is asked of it. */
    private void ask() {
        if (!unit.checked) {
            return;
        }
        if (descriptor == NO_LOCAL) {
            sayFrame();
        } else if (lowest != null) {
            b.aload(context).lload(descriptor).iload(taken).lload(lowest.register[FP]);
            b.invokestatic(RUNTIME, "ask", ASK).istore(taken);
        }
    }

    /** Tells the context which frames are alive, where it does not know. */
    private void sayFrame() {
        if (unit.checked && lowest != null) {
            b.aload(context).lload(lowest.register[FP]);
            b.invokevirtual(RUN_CONTEXT, "frameIsLowest", MethodTypeDesc.of(CD_void, CD_long));
        }
    }

    /** What a packet loop that reads descriptors itself does behind each packet: writes back where helpers moved it. */
    void endPacket() {
        if (unit.movesPacket) {
            Label isWhereItWas = b.newLabel();
            b.iload(taken).ifeq(isWhereItWas);
            b.aload(context).lload(descriptor).invokestatic(BASE_EXECUTABLE, "give", OF_DESCRIPTOR);
            b.labelBinding(isWhereItWas);
        }
    }

    private void fromDescriptor(Width width, int offset) {
        plainLoad(width, false, () -> {
            b.lload(descriptor);
            pushLong(offset);
            b.ladd();
        });
    }

    // --- the blocks

    /** Emits the blocks and what is behind them. */
    void blocks() {
        if (shape != Shape.INLINED) {
            lines.begin(part.startSlot());
        }
        boolean reports = unit.checked && shape != Shape.LOOP; // which reports itself
        Label begin = b.newBoundLabel();
        for (int i = 0; i < labels.length; i++) {
            following = i + 1 < labels.length ? part.blocks.get(i + 1).index : Block.NONE;
            block(part.blocks.get(i));
        }
        for (Cold code : cold) {
            lines.at(b, code.slot);
            code.code.run();
        }
        lines.none(b);
        epilogue();
        if (reports) {
            Label handler = b.newLabel();
            b.exceptionCatchAll(begin, handler, handler);
            b.labelBinding(handler);
            addRegisters();
            b.athrow();
        }
    }

    /** Adds what the registers hold to the exception on the stack; leaves a {@code Throwable} there. */
    void addRegisters() {
        for (int r = 0; r <= FP; r++) {
            b.lload(register[r]);
        }
        b.invokestatic(RUNTIME, "withRegisters", WITH_REGISTERS);
    }

    private void block(Block block) {
        b.labelBinding(label(block.index));
        state = unit.kinds.stateBefore(part.function, block);
        lines.at(b, block.start);
        if (unit.counted) {
            count(block);
        }
        bytes = block.bytes;
        save(-1);
        for (int slot = block.start; slot < block.end; ) {
            Instruction insn = flow.code.at(slot);
            lines.at(b, slot);
            loadWide(slot);
            instruction(block, insn, slot);
            save(slot);
            unit.kinds.step(state, insn, slot);
            slot += insn.slots();
        }
        if (block.next != Block.NONE) {
            goOn(block.next);
        }
    }

    /** Puts code behind the last block. */
    private void cold(Runnable code) {
        cold.add(new Cold(lines.current(), code));
    }

    private Label label(int block) {
        return labels[part.place(block)];
    }

    /** Goes to a block, which may be the one that comes next. */
    private void goOn(int block) {
        if (block != following) {
            b.goto_(target(block));
        }
    }

    /** Where to jump in order to go on at a block, which may be in another part. */
    private Label target(int block) {
        if (part.contains(block)) {
            return label(block);
        }
        return exits.computeIfAbsent(block, key -> b.newLabel());
    }

    /** The ways out of the method to other parts. */
    private void epilogue() {
        if (exits.isEmpty()) {
            return;
        }
        Partition partition = unit.partition(part.function);
        Map<Integer, List<Integer>> called = new TreeMap<>();
        List<Integer> returned = new ArrayList<>();
        for (int block : exits.keySet()) {
            Part other = partition.partOf(block);
            if (Partition.isCall(part.number, other.number)) {
                called.computeIfAbsent(other.number, key -> new ArrayList<>()).add(block);
            } else {
                returned.add(block);
            }
        }
        Label came = b.newLabel();
        called.forEach((number, blocks) -> {
            callPart(partition.parts.get(number), blocks);
            if (shape == Shape.LOOP) {
                b.goto_(came);
            } else {
                b.lreturn();
            }
        });
        if (!returned.isEmpty()) {
            carry(returned);
            markDirty(unit.kinds.written(part.function));
            takeForMethods();
            if (shape == Shape.LOOP) {
                b.aload(context).lload(register[FP]).iload(entry);
                resume(b, unit.dispatcher(part.function));
                b.goto_(came);
            } else {
                b.aload(context).iload(entry).putfield(RUN_CONTEXT, "resumeAt", CD_int);
                b.lconst_0().lreturn();
            }
        }
        if (shape == Shape.LOOP) {
            b.labelBinding(came);
            if (partition.isDispatched) {
                resumeWhereWanted(b, context, register[FP], unit.dispatcher(part.function));
            }
            b.lstore(register[0]);
            if (unit.tailCalls(part.function)) {
                tailUsed = true;
                b.aload(context)
                        .getfield(RUN_CONTEXT, "tailTarget", PROGRAM_REF)
                        .ifnonnull(tail);
            }
            b.goto_(end);
        }
    }

    /** Makes the packet the one at hand for code of other methods, which has its bounds from the context where it checks. */
    private void takeForMethods() {
        if (unit.checked) {
            take();
        }
    }

    /** Calls a part at one of some entries: leaves what it returns on the stack. */
    private void callPart(Part other, List<Integer> blocks) {
        Partition partition = unit.partition(part.function);
        Label call = b.newLabel();
        for (int i = 0; i < blocks.size(); i++) {
            b.labelBinding(exits.get(blocks.get(i)));
            if (other.entries.size() > 1) {
                b.loadConstant(partition.entry(blocks.get(i))).istore(entry);
            }
            if (i + 1 < blocks.size()) {
                b.goto_(call);
            }
        }
        b.labelBinding(call);
        markDirty(unit.kinds.written(part.function));
        takeForMethods();
        b.aload(context).lload(register[FP]);
        for (int r = 0; r < FP; r++) {
            if (other.takes(r)) {
                b.lload(register[r]);
            }
        }
        for (long more = other.variablesIn; more != 0; more &= more - 1) {
            b.lload(variables[Long.numberOfTrailingZeros(more)]);
        }
        if (unit.hasMayGoto(part.function)) {
            b.iload(loops);
        }
        if (unit.counted) {
            b.iload(left);
        }
        if (other.entries.size() > 1) {
            b.iload(entry);
        }
        MethodRef method = unit.part(other);
        b.invokestatic(method.owner(), method.name(), other.type(unit));
    }

    /** Leaves to the dispatcher what is live at blocks of other parts, and in {@link #entry} where to go on. */
    private void carry(List<Integer> blocks) {
        Partition partition = unit.partition(part.function);
        Label save = b.newLabel();
        int registers = 0;
        long carried = 0;
        for (int i = 0; i < blocks.size(); i++) {
            int block = blocks.get(i);
            registers |= partition.partOf(block).liveIn;
            carried |= partition.partOf(block).variablesIn;
            b.labelBinding(exits.get(block));
            b.loadConstant(partition.entryNumber(block)).istore(entry);
            if (i + 1 < blocks.size()) {
                b.goto_(save);
            }
        }
        b.labelBinding(save);
        for (int r = 0; r < FP; r++) {
            if ((registers >>> r & 1) != 0) {
                int from = register[r];
                carry(r, () -> b.lload(from));
            }
        }
        for (long more = carried; more != 0; more &= more - 1) {
            int variable = Long.numberOfTrailingZeros(more);
            carry(RunContext.CARRIED_VARIABLES + variable, () -> b.lload(variables[variable]));
        }
        if (unit.hasMayGoto(part.function)) {
            carry(CARRIED_LOOPS, () -> b.iload(loops).i2l());
        }
        giveBack();
    }

    private void carry(int place, Runnable push) {
        b.aload(context).getfield(RUN_CONTEXT, "carried", Descriptors.LONGS).bipush(place);
        push.run();
        b.lastore();
    }

    /** Calls a method that goes on at an entry; context, r10 and the entry's number are on the stack. */
    static void resume(CodeBuilder b, MethodRef method) {
        b.invokestatic(method.owner(), method.name(), MethodRef.RESUME_TYPE);
    }

    /** Behind a call of a part: goes on where that wants it. What is returned is on the stack, before and after. */
    static void resumeWhereWanted(CodeBuilder b, int context, int framePointer, MethodRef dispatcher) {
        Label exited = b.newLabel();
        b.aload(context).getfield(RUN_CONTEXT, "resumeAt", CD_int).iflt(exited);
        b.pop2().aload(context).lload(framePointer);
        b.aload(context).getfield(RUN_CONTEXT, "resumeAt", CD_int);
        resume(b, dispatcher);
        b.labelBinding(exited);
    }

    /** Where a {@link Shape#LOOP} goes when the program exits: r0 is the action. */
    Label loopEnd() {
        return end;
    }

    /** Where a {@link Shape#LOOP} goes when the program has made a tail call. */
    Label loopTail() {
        return tail;
    }

    /** Whether any code goes there. */
    boolean usesLoopTail() {
        return tailUsed;
    }

    private void exit() {
        switch (shape) {
            case FUNCTION, PART -> {
                giveBack();
                b.lload(register[0]).lreturn();
            }
            case LOOP, INLINED -> b.goto_(end);
        }
    }

    /** Leaves the function after a tail call that has succeeded. */
    private void leaveByTailCall() {
        giveBack();
        sayFrame();
        if (shape == Shape.LOOP) {
            tailUsed = true;
            b.goto_(tail);
            return;
        }
        if (unit.isCalled(part.function)) {
            b.aload(context).lload(register[FP]);
            callTailTarget(b, unit);
            b.lstore(register[0]);
        }
        takePortion();
        exit();
    }

    /** Goes on where a tail call has led; the context and r10 are on the stack. Leaves r0 there. */
    static void callTailTarget(CodeBuilder b, Unit unit) {
        b.loadConstant(unit.cleansFrames() ? 1 : 0);
        b.invokestatic(RUNTIME, "tailCall", MethodTypeDesc.of(CD_long, RUN_CONTEXT, CD_long, CD_boolean));
    }

    // --- counting

    private void count(Block block) {
        Label refill = b.newLabel();
        Label go = b.newLabel();
        if (block.instructions <= Short.MAX_VALUE) {
            b.iinc(left, -block.instructions);
        } else {
            b.iload(left).loadConstant(block.instructions).isub().istore(left);
        }
        b.iload(left).iflt(refill);
        b.labelBinding(go);
        cold(() -> {
            b.labelBinding(refill);
            b.aload(context).iload(left).loadConstant(block.start).loadConstant(block.instructions);
            b.invokestatic(RUNTIME, "refill", MethodTypeDesc.of(CD_int, RUN_CONTEXT, CD_int, CD_int, CD_int));
            b.istore(left).goto_(go);
        });
    }

    private void takePortion() {
        if (unit.counted) {
            b.aload(context)
                    .invokestatic(RUNTIME, "take", MethodTypeDesc.of(CD_int, RUN_CONTEXT))
                    .istore(left);
        }
    }

    private void giveBack() {
        if (unit.counted) {
            b.aload(context).iload(left);
            b.invokestatic(RUNTIME, "giveBack", MethodTypeDesc.of(CD_void, RUN_CONTEXT, CD_int));
        }
    }

    // --- bytes that are moved

    /** Keeps registers as they are after the instruction at a slot, -1 for before the block. */
    private void save(int slot) {
        if (bytes != null) {
            for (ByteFlow.Save save : bytes.savesAfter(slot)) {
                b.lload(register[save.register()]).lstore(kept(save.local()));
            }
        }
    }

    /** Loads what the instruction at a slot and later ones want bytes of. */
    private void loadWide(int slot) {
        if (bytes != null) {
            for (ByteFlow.Load load : bytes.loadsBefore(slot)) {
                plainLoad(Width.of(load.bytes()), false, () -> pushAddress(load.register(), load.offset()));
                b.lstore(kept(load.local()));
            }
        }
    }

    private int kept(int number) {
        return nextLocal + number * LONG_SLOTS;
    }

    private void change(Instruction insn, ByteFlow.Change change) {
        if (change.dropped()) {
            return;
        }
        if (change.bytes() == 0) {
            pushNumber(change.pieces());
            b.lstore(register[insn.dst()]);
            return;
        }
        int base = unit.kinds.register(state, insn.dst());
        int offset = insn.off() + change.offset();
        if (Kinds.kind(base) == Kinds.STACK) {
            int at = RunContext.STACK_BYTES + Kinds.number(base) + offset;
            Arrays.fill(stored, at, at + change.bytes(), (byte) 0);
            stored[at] = (byte) change.bytes();
        }
        plainStore(Width.of(change.bytes()), () -> pushAddress(insn.dst(), offset), () -> pushNumber(change.pieces()));
    }

    private void pushNumber(List<ByteFlow.Piece> pieces) {
        boolean first = true;
        for (ByteFlow.Piece piece : pieces) {
            pushPiece(piece);
            if (piece.at() > 0) {
                b.bipush(piece.at() * Byte.SIZE).lshl();
            }
            if (!first) {
                b.lor();
            }
            first = false;
        }
    }

    private void pushPiece(ByteFlow.Piece piece) {
        if (piece.isMemory()) {
            plainLoad(Width.of(piece.bytes()), false, () -> pushAddress(piece.register(), piece.offset()));
            return;
        }
        if (!piece.isLocal()) {
            pushLong(piece.constant());
            return;
        }
        b.lload(kept(piece.local()));
        if (piece.from() > 0) {
            b.bipush(piece.from() * Byte.SIZE).lushr();
        }
        if (piece.reversed()) {
            operation(
                    switch (piece.bytes()) {
                        case 2 -> AluOp.BSWAP16;
                        case 4 -> AluOp.BSWAP32;
                        default -> AluOp.BSWAP64;
                    },
                    true,
                    true);
        } else if (piece.from() + piece.bytes() < Long.BYTES) {
            pushLong(-1L >>> Long.SIZE - piece.bytes() * Byte.SIZE);
            b.land();
        }
    }

    // --- instructions

    private void instruction(Block block, Instruction insn, int pc) {
        ByteFlow.Change change = bytes == null ? null : bytes.change(pc);
        if (change != null) {
            change(insn, change);
            return;
        }
        switch (insn.form()) {
            case ALU_K, ALU_X, UNARY, MOVSX -> alu(insn, pc);
            case LDDW -> {
                pushLong(insn.pseudo() == Pseudo.FUNC ? FunctionPointer.of(insn.target(pc)) : insn.imm());
                b.lstore(register[insn.dst()]);
            }
            case JMP_K, JMP_X -> {
                if (block.target == Block.NONE) {
                    return; // proved never to jump
                }
                if (block.next != Block.NONE) {
                    branch(insn, target(block.target));
                } else {
                    goOn(block.target);
                }
            }
            case JA, GOTOL -> goOn(block.target);
            case MAY_GOTO -> {
                b.iload(loops).ifeq(target(block.target));
                b.iinc(loops, -1);
            }
            case EXIT -> exit();
            case LDX, LDXSX -> load(insn, pc);
            case ST, STX -> store(insn, pc);
            case ATOMIC -> atomic(insn, pc);
            case LOAD_ACQ -> loadAcquire(insn, pc);
            case STORE_REL -> storeRelease(insn, pc);
            case CALL_HELPER, CALL_KFUNC -> helper(insn, pc);
            case CALL_LOCAL -> {
                int function = unit.kinds.functionAt(insn.target(pc));
                if (unit.inlining.isEverywhere(function)) {
                    inline(function, pc);
                    return;
                }
                call(pc, function, () -> {
                    MethodRef callee = unit.function(function);
                    b.invokestatic(callee.owner(), callee.name(), MethodRef.FUNCTION_TYPE);
                });
            }
            case CALLX -> callx(insn, pc);
            case LD_ABS, LD_IND -> throw new AssertionError("refused at load: " + insn);
        }
    }

    /** Throws what a method of the runtime makes of an operand and of the slot, both on the stack. */
    private void fault(String method, ClassDesc operand) {
        b.invokestatic(RUNTIME, method, MethodTypeDesc.of(Descriptors.PROGRAM_FAULT, operand, CD_int));
        b.athrow();
    }

    private void alu(Instruction insn, int pc) {
        AluOp op = insn.opcode().alu();
        boolean isConstant = op == AluOp.MOV && insn.form() == Form.ALU_K;
        boolean is64 = insn.opcode().is64() || isConstant;
        boolean hasDst = op != AluOp.MOV && insn.form() != Form.MOVSX;
        if (op == AluOp.LE64 || divideByConstant(insn, pc)) {
            return;
        }
        if (hasDst) {
            b.lload(register[insn.dst()]);
            narrow(is64);
        }
        if (insn.form() == Form.ALU_K) {
            boolean shift = op == AluOp.LSH || op == AluOp.RSH || op == AluOp.ARSH;
            if (shift) {
                b.loadConstant(insn.imm32() & (insn.opcode().is64() ? 63 : 31));
            } else if (is64) {
                pushLong(insn.opcode().is64() ? insn.imm() : insn.imm() & LOW);
            } else {
                b.loadConstant(insn.imm32());
            }
            operation(op, is64, insn.imm() != 0);
        } else if (insn.form() == Form.UNARY) {
            operation(op, is64, true);
        } else {
            b.lload(register[insn.src()]);
            boolean shift = op == AluOp.LSH || op == AluOp.RSH || op == AluOp.ARSH;
            if (shift) {
                b.l2i();
            } else {
                narrow(is64);
            }
            operation(op, is64, unit.isNeverZero(insn, pc));
        }
        if (!is64) {
            widen();
        }
        b.lstore(register[insn.dst()]);
    }

    private void narrow(boolean is64) {
        if (!is64) {
            b.l2i();
        }
    }

    /** int to long, zero-extended. */
    private void widen() {
        b.i2l();
        pushLong(0xffff_ffffL);
        b.land();
    }

    /**
     * Emits an operation on the one or two operands on the JVM's stack, a shift's amount being an int.
     *
     * @param nonZero whether the second operand is known not to be 0
     */
    private void operation(AluOp op, boolean is64, boolean nonZero) {
        switch (op) {
            case ADD -> either(is64, b::ladd, b::iadd);
            case SUB -> either(is64, b::lsub, b::isub);
            case MUL -> either(is64, b::lmul, b::imul);
            case OR -> either(is64, b::lor, b::ior);
            case AND -> either(is64, b::land, b::iand);
            case XOR -> either(is64, b::lxor, b::ixor);
            case LSH -> either(is64, b::lshl, b::ishl);
            case RSH -> either(is64, b::lushr, b::iushr);
            case ARSH -> either(is64, b::lshr, b::ishr);
            case NEG -> either(is64, b::lneg, b::ineg);
            case MOV -> {}
            case DIV -> divide(op, "divideUnsigned", is64, nonZero);
            case MOD -> divide(op, "remainderUnsigned", is64, nonZero);
            case SDIV -> {
                if (nonZero) {
                    either(is64, b::ldiv, b::idiv);
                } else {
                    byMeaning(op, is64);
                }
            }
            case SMOD -> {
                if (nonZero) {
                    either(is64, b::lrem, b::irem);
                } else {
                    byMeaning(op, is64);
                }
            }
            case MOVSX8 -> either(is64, () -> b.l2i().i2b().i2l(), b::i2b);
            case MOVSX16 -> either(is64, () -> b.l2i().i2s().i2l(), b::i2s);
            case MOVSX32 -> either(is64, () -> b.l2i().i2l(), () -> {});
            case LE16 -> {
                pushLong(0xffffL);
                b.land();
            }
            case LE32 -> {
                pushLong(0xffff_ffffL);
                b.land();
            }
            case LE64 -> {}
            case BE16, BSWAP16 -> {
                b.l2i().i2s();
                b.invokestatic(CD_Short, "reverseBytes", MethodTypeDesc.of(CD_short, CD_short));
                b.i2c().i2l();
            }
            case BE32, BSWAP32 -> {
                b.l2i();
                b.invokestatic(CD_Integer, "reverseBytes", MethodTypeDesc.of(CD_int, CD_int));
                widen();
            }
            case BE64, BSWAP64 -> b.invokestatic(CD_Long, "reverseBytes", MethodTypeDesc.of(CD_long, CD_long));
        }
    }

    private static void either(boolean is64, Runnable wide, Runnable narrow) {
        if (is64) {
            wide.run();
        } else {
            narrow.run();
        }
    }

    private void divide(AluOp op, String method, boolean is64, boolean nonZero) {
        if (nonZero) {
            b.invokestatic(is64 ? CD_Long : CD_Integer, method, is64 ? TAKES_TWO_LONGS : TAKES_TWO_INTS);
        } else {
            byMeaning(op, is64);
        }
    }

    /**
     * Divides by a constant as signed longs, where that is the same: C2 makes multiplications of signed divisions only.
     *
     * @return whether it is
     */
    private boolean divideByConstant(Instruction insn, int pc) {
        boolean is64 = insn.opcode().is64();
        boolean divides = insn.opcode().alu() == AluOp.DIV || insn.opcode().alu() == AluOp.MOD;
        long divisor = is64 ? insn.imm() : insn.imm() & LOW;
        if (!divides || insn.form() != Form.ALU_K || divisor <= 0 || is64 && !unit.isNeverNegative(insn, pc)) {
            return false;
        }
        b.lload(register[insn.dst()]);
        if (!is64) {
            pushLong(LOW);
            b.land();
        }
        pushLong(divisor);
        if (insn.opcode().alu() == AluOp.DIV) {
            b.ldiv();
        } else {
            b.lrem();
        }
        b.lstore(register[insn.dst()]);
        return true;
    }

    private void byMeaning(AluOp op, boolean is64) {
        b.invokestatic(ALU, op.method(), is64 ? TAKES_TWO_LONGS : TAKES_TWO_INTS);
    }

    private void branch(Instruction insn, Label target) {
        JmpOp op = insn.opcode().jmp();
        boolean is64 = insn.opcode().is64();
        b.lload(register[insn.dst()]);
        narrow(is64);
        if (insn.form() == Form.JMP_X) {
            b.lload(register[insn.src()]);
            narrow(is64);
        } else if (is64) {
            pushLong(insn.imm());
        } else {
            b.loadConstant(insn.imm32());
        }
        switch (op) {
            case EQ -> compare(is64, java.lang.classfile.Opcode.IFEQ, java.lang.classfile.Opcode.IF_ICMPEQ, target);
            case NE -> compare(is64, java.lang.classfile.Opcode.IFNE, java.lang.classfile.Opcode.IF_ICMPNE, target);
            case SGT -> compare(is64, java.lang.classfile.Opcode.IFGT, java.lang.classfile.Opcode.IF_ICMPGT, target);
            case SGE -> compare(is64, java.lang.classfile.Opcode.IFGE, java.lang.classfile.Opcode.IF_ICMPGE, target);
            case SLT -> compare(is64, java.lang.classfile.Opcode.IFLT, java.lang.classfile.Opcode.IF_ICMPLT, target);
            case SLE -> compare(is64, java.lang.classfile.Opcode.IFLE, java.lang.classfile.Opcode.IF_ICMPLE, target);
            case GT -> compareUnsigned(is64, java.lang.classfile.Opcode.IFGT, target);
            case GE -> compareUnsigned(is64, java.lang.classfile.Opcode.IFGE, target);
            case LT -> compareUnsigned(is64, java.lang.classfile.Opcode.IFLT, target);
            case LE -> compareUnsigned(is64, java.lang.classfile.Opcode.IFLE, target);
            case SET -> {
                if (is64) {
                    b.land().lconst_0().lcmp().ifne(target);
                } else {
                    b.iand().ifne(target);
                }
            }
        }
    }

    private void compare(
            boolean is64, java.lang.classfile.Opcode wide, java.lang.classfile.Opcode narrow, Label target) {
        if (is64) {
            b.lcmp().branch(wide, target);
        } else {
            b.branch(narrow, target);
        }
    }

    private void compareUnsigned(boolean is64, java.lang.classfile.Opcode opcode, Label target) {
        b.invokestatic(is64 ? CD_Long : CD_Integer, "compareUnsigned", is64 ? COMPARE_LONGS : TAKES_TWO_INTS);
        b.branch(opcode, target);
    }

    // --- memory

    /** Pushes an access's address. */
    private void pushAddress(Way way, int base, int baseRegister, int offset) {
        if (way == Way.OWN_FRAME) {
            // From r10, not from the register: a wrong kind must never become a wrong address.
            b.lload(register[FP]);
            pushLong(Kinds.number(base) + (long) offset);
            b.ladd();
        } else if (way == Way.PLAIN && Kinds.isConstant(base)) {
            pushLong(unit.kinds.constant(base) + offset);
        } else {
            pushAddress(baseRegister, offset);
        }
    }

    private void pushAddress(int baseRegister, int offset) {
        b.lload(register[baseRegister]);
        if (offset != 0) {
            pushLong(offset);
            b.ladd();
        }
    }

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
        Way way = Ways.of(unit, part.function, base, offset, size, write);
        switch (way) {
            case OWN_FRAME, PLAIN -> {
                // An address that is known to be unaligned faults.
                boolean known = way == Way.OWN_FRAME || Kinds.isConstant(base);
                long place = way == Way.OWN_FRAME ? Kinds.number(base) + offset : known ? constant(base) + offset : 0;
                if (aligned && (place & size - 1) != 0) {
                    ask();
                    checked.accept(() -> pushAddress(baseRegister, offset));
                } else {
                    if (write && way == Way.OWN_FRAME && place < 0) {
                        markDirty(Kinds.slots((int) place, size));
                    }
                    inPlace.accept(() -> pushAddress(way, base, baseRegister, offset));
                }
            }
            case BOUNDED -> {
                Label slow = b.newLabel();
                Label done = b.newLabel();
                pushAddress(baseRegister, offset);
                b.lstore(address);
                test(base, size, aligned, slow);
                if (write && Kinds.kind(base) == Kinds.FRAME && unit.cleansLoop()) {
                    b.aload(context).lload(address).loadConstant(size);
                    b.invokevirtual(RUN_CONTEXT, "soil", MethodTypeDesc.of(CD_void, CD_long, CD_int));
                }
                inPlace.accept(() -> b.lload(address));
                b.labelBinding(done);
                cold(() -> {
                    b.labelBinding(slow);
                    ask();
                    checked.accept(() -> b.lload(address));
                    b.goto_(done);
                });
            }
            case CHECKED -> {
                ask();
                checked.accept(() -> pushAddress(baseRegister, offset));
            }
        }
    }

    /** Before a store to the packet loop's own frame. */
    private void markDirty(long slots) {
        if (shape == Shape.LOOP && slots != 0 && unit.cleansLoop()) {
            b.lload(dirty).loadConstant(slots).lor().lstore(dirty);
        }
    }

    private long constant(int value) {
        return unit.kinds.constant(value);
    }

    /** Goes to {@code slow} unless {@code address} is where it probably is: in the packet, in a map's value or on the stack. */
    private void test(int base, int size, boolean aligned, Label slow) {
        switch (Kinds.kind(base)) {
            case Kinds.PACKET -> testEnds(size, slow, () -> b.lload(dataMeta), () -> b.lload(dataEnd));
            case Kinds.VALUE -> {
                int lookup = Kinds.number(base);
                // written so that C2 sees what is left of it where both are the look-up's result and a number
                b.lload(address).lload(valueStart(lookup)).lsub().lstore(within);
                b.lload(within).lconst_0().lcmp().iflt(slow);
                b.lload(within)
                        .lload(valueEnd(lookup))
                        .lload(valueStart(lookup))
                        .lsub();
                pushLong(size);
                b.lsub().lcmp().ifgt(slow);
            }
            case Kinds.FRAME -> testFrames(size, slow);
            case Kinds.AREA ->
                test(size, slow, () -> pushLong(constant(base)), () -> pushLong(unit.areaBytes(constant(base))));
            default -> throw new AssertionError("kind=" + Kinds.kind(base));
        }
        if (aligned && size > 1) {
            b.lload(address).l2i().loadConstant(size - 1).iand().ifne(slow);
        }
    }

    private void testFrames(int size, Label slow) {
        if (lowest == null) {
            testEnds(
                    size,
                    slow,
                    () -> b.aload(context).getfield(RUN_CONTEXT, "stackLow", CD_long),
                    () -> b.aload(context).getfield(RUN_CONTEXT, "stackTop", CD_long));
            return;
        }
        int low = lowest.register[FP];
        test(
                size,
                slow,
                () -> {
                    b.lload(low);
                    pushLong(RunContext.STACK_BYTES);
                    b.lsub();
                },
                () -> {
                    // in a loop that is a constant: the entry function's frame ends where its r10 is
                    if (root.shape == Shape.LOOP) {
                        b.lload(root.register[FP]);
                    } else {
                        b.aload(context).getfield(RUN_CONTEXT, "stackTop", CD_long);
                    }
                    b.lload(low).lsub();
                    pushLong(RunContext.STACK_BYTES);
                    b.ladd();
                });
    }

    /** Goes to {@code slow} unless {@code address} is in an area of some bytes, which are not fewer than those accessed. */
    private void test(int size, Label slow, Runnable from, Runnable bytes) {
        b.lload(address);
        from.run();
        b.lsub();
        bytes.run();
        pushLong(size);
        b.lsub();
        compareUnsigned(true, java.lang.classfile.Opcode.IFGT, slow);
    }

    private void testEnds(int size, Label slow, Runnable from, Runnable to) {
        b.lload(address);
        from.run();
        b.lcmp().iflt(slow);
        b.lload(address);
        to.run();
        pushLong(size);
        b.lsub().lcmp().ifgt(slow);
    }

    private int valueStart(int lookup) {
        return values + lookup * 2 * LONG_SLOTS;
    }

    private int valueEnd(int lookup) {
        return valueStart(lookup) + LONG_SLOTS;
    }

    private void load(Instruction insn, int pc) {
        int base = unit.kinds.register(state, insn.src());
        Width width = insn.opcode().width();
        boolean signed = insn.form() == Form.LDXSX;
        int dst = register[insn.dst()];
        boolean fromContext = Kinds.kind(base) == Kinds.CONTEXT || unit.isContextLoad(pc, insn);
        if (fromContext && width == Width.W && !signed && contextField(insn.off())) {
            b.lstore(dst);
            return;
        }
        int variable = variable(insn, pc);
        if (variable >= 0) {
            b.lload(variable);
            if (signed) {
                switch (width) {
                    case B -> b.l2i().i2b().i2l();
                    case H -> b.l2i().i2s().i2l();
                    case W -> b.l2i().i2l();
                    case DW -> {}
                }
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
                    plainLoad(width, signed, address);
                    b.lstore(dst);
                },
                address -> {
                    checkedLoad(width, signed, address, pc);
                    b.lstore(dst);
                });
    }

    private void store(Instruction insn, int pc) {
        int base = unit.kinds.register(state, insn.dst());
        if (Kinds.kind(base) == Kinds.STACK) {
            int at = RunContext.STACK_BYTES + Kinds.number(base) + insn.off();
            if (at >= 0 && at < stored.length) {
                stored[at] = (byte) insn.opcode().width().bytes();
            }
        }
        Width width = insn.opcode().width();
        Runnable value = () -> {
            if (insn.form() == Form.ST) {
                pushLong(insn.imm());
            } else {
                b.lload(register[insn.src()]);
            }
        };
        int variable = variable(insn, pc);
        if (variable >= 0) {
            value.run();
            switch (width) {
                case B, H -> {
                    b.l2i();
                    zeroExtend(width);
                }
                case W -> {
                    b.l2i();
                    widen();
                }
                case DW -> {}
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
                address -> plainStore(width, address, value),
                address -> checkedStore("store", width, address, value, pc));
    }

    /** The local of the variable on the stack that a load or store accesses, or {@link #NO_LOCAL}. */
    private int variable(Instruction insn, int pc) {
        int number = used == 0 ? -1 : unit.stack().variable(part.function, pc, insn);
        return number < 0 ? NO_LOCAL : variables[number];
    }

    /** Pushes the value of a field of {@code struct xdp_md}; false where none is. */
    private boolean contextField(int offset) {
        switch (offset) {
            case 0 -> b.lload(data);
            case 4 -> b.lload(dataEnd);
            case 8 -> b.lload(dataMeta);
            case 12 -> contextInt("ingressIfindex", FrameDescriptor.INGRESS_IFINDEX);
            case 16 -> {
                contextInt("rxQueueIndex", FrameDescriptor.RX_QUEUE);
                if (descriptor != NO_LOCAL) {
                    contextInt("rxQueueMask");
                    b.land();
                }
            }
            case 20 -> contextInt("egressIfindex");
            default -> {
                return false;
            }
        }
        return true;
    }

    private void contextInt(String field, int inDescriptor) {
        if (descriptor != NO_LOCAL) {
            fromDescriptor(Width.W, inDescriptor);
        } else {
            contextInt(field);
        }
    }

    /** What whoever runs the program has set for all packets. */
    private void contextInt(String field) {
        b.aload(context).getfield(RUN_CONTEXT, field, CD_int);
        widen();
    }

    private void plainLoad(Width width, boolean signed, Runnable pushAddress) {
        MemoryCode.load(b, width, pushAddress);
        if (width == Width.DW) {
            return;
        }
        if (signed) {
            b.i2l();
        } else if (width == Width.W) {
            widen();
        } else {
            zeroExtend(width);
        }
    }

    /** A byte or short on the stack to long. */
    private void zeroExtend(Width width) {
        if (width == Width.B) {
            b.loadConstant(0xff).iand().i2l();
        } else {
            b.i2c().i2l();
        }
    }

    /** A byte, short or int on the stack to long, zero-extended. */
    static void widen(CodeBuilder b, Width width) {
        switch (width) {
            case B -> b.loadConstant(0xff).iand().i2l();
            case H -> b.i2c().i2l();
            case W -> {
                b.i2l();
                pushLong(b, 0xffff_ffffL);
                b.land();
            }
            case DW -> {}
        }
    }

    private void plainStore(Width width, Runnable pushAddress, Runnable pushValue) {
        MemoryCode.store(b, width, pushAddress, () -> {
            pushValue.run();
            narrowTo(width);
        });
    }

    private void narrowTo(Width width) {
        switch (width) {
            case B -> b.l2i().i2b();
            case H -> b.l2i().i2s();
            case W -> b.l2i();
            case DW -> {}
        }
    }

    private void checkedLoad(Width width, boolean signed, Runnable pushAddress, int pc) {
        b.aload(context);
        pushAddress.run();
        b.loadConstant(pc);
        b.invokestatic(CHECKS, (signed && width == Width.W ? "loadSigned" : "load") + width.bits(), CHECKED_LOAD);
        if (signed && width == Width.B) {
            b.l2i().i2b().i2l();
        } else if (signed && width == Width.H) {
            b.l2i().i2s().i2l();
        }
    }

    private void checkedStore(String method, Width width, Runnable pushAddress, Runnable pushValue, int pc) {
        b.aload(context);
        pushAddress.run();
        pushValue.run();
        b.loadConstant(pc);
        b.invokestatic(CHECKS, method + width.bits(), CHECKED_STORE);
    }

    private void atomic(Instruction insn, int pc) {
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
                    MemoryCode.atomic(b, op, width, address, () -> {
                        if (op == AtomicOp.CMPXCHG) {
                            b.lload(register[0]);
                            narrowTo(width);
                        }
                        b.lload(register[insn.src()]);
                        narrowTo(width);
                    });
                    if (width == Width.W) {
                        widen();
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

    private void loadAcquire(Instruction insn, int pc) {
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
                    switch (width) {
                        case B, H -> zeroExtend(width);
                        case W -> widen();
                        case DW -> {}
                    }
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

    private void storeRelease(Instruction insn, int pc) {
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
                    narrowTo(width);
                }),
                address -> checkedStore("storeRelease", width, address, value, pc));
    }

    // --- calls

    private void helper(Instruction insn, int pc) {
        Callee helper = HelperTraits.called(insn);
        if (helper == null) {
            b.loadConstant(insn.imm32()).loadConstant(pc);
            fault(insn.form() == Form.CALL_HELPER ? "unknownHelper" : "unknownKernelFunction", CD_int);
            return;
        }
        if (helper == Helper.MAP_LOOKUP_ELEM) {
            lookup(pc);
            return;
        }
        if ((helper == Helper.MAP_UPDATE_ELEM || helper == Helper.MAP_DELETE_ELEM) && knownChange(helper)) {
            return;
        }
        int looped = helper == Helper.LOOP ? unit.loopedFunction(pc) : -1;
        if (looped >= 0) {
            loop(looped);
            return;
        }
        if (helper == Kfunc.ITER_NUM_NEXT && !unit.checked) {
            nextNumber();
            return;
        }
        int copied = descriptor == NO_LOCAL ? 0 : unit.bytesCopied(helper, pc);
        if (copied != 0) {
            copyPacket(helper, copied, () -> callHelper(helper, pc));
            return;
        }
        callHelper(helper, pc);
    }

    private void callHelper(Callee helper, int pc) {
        boolean runsCode = HelperTraits.runsCode(helper);
        if (runsCode) {
            giveBack();
        }
        if (HelperTraits.takesFunction(helper)) {
            b.aload(context).getstatic(unit.mainClass, "self", JIT_CODE);
            b.lload(register[FP]).loadConstant(pc);
            b.invokestatic(RUNTIME, "callbacks", CALLBACKS_TYPE);
        }
        if (HelperTraits.takesPacket(helper)) {
            take();
        }
        if (unit.checked && Ways.needsCheck(unit, state, helper)) {
            checkedHelper(helper, pc);
        } else {
            soilArguments(helper);
            if (runsCode) {
                sayFrame();
            }
            b.aload(context);
            for (int r = 1; r <= 5; r++) {
                b.lload(register[r]);
            }
            b.invokestatic(ClassDesc.of(helper.owner().getName()), helper.method(), PLAIN_HELPER);
        }
        b.lstore(register[0]);
        fillUnfilled(pc);
        if (runsCode) {
            takePortion();
        }
        if (HelperTraits.tailCalls(helper)) {
            Label left = b.newLabel();
            b.aload(context).getfield(RUN_CONTEXT, "tailTarget", PROGRAM_REF).ifnonnull(left);
            cold(() -> {
                b.labelBinding(left);
                leaveByTailCall();
            });
        } else if (HelperTraits.movesPacket(helper)) {
            loadPacketAtHand();
        }
    }

    /** Behind a call that was to fill a part of the frame, which has been left as it was before the function began. */
    private void fillUnfilled(int pc) {
        int[] part = unit.hasVariables() ? unit.stack().unfilled(pc) : new int[2];
        if (part[1] == 0) {
            return;
        }
        Label done = b.newLabel();
        b.lload(register[0]).lconst_0().lcmp().ifeq(done);
        b.lload(register[FP]);
        pushLong(part[0]);
        b.ladd().loadConstant((long) part[1]);
        b.invokestatic(Descriptors.MEMORY, "zeroShort", MethodTypeDesc.of(CD_void, CD_long, CD_long));
        b.labelBinding(done);
    }

    /** An iterator's next number: see {@link dev.sluice.helper.Iterators#iterNumNext}. */
    private void nextNumber() {
        Label ended = b.newLabel();
        Label done = b.newLabel();
        Runnable iterator = () -> b.lload(register[1]);
        MemoryCode.load(b, Width.W, iterator);
        b.iconst_1().iadd().istore(number);
        b.iload(number);
        MemoryCode.load(b, Width.W, () -> {
            b.lload(register[1]);
            pushLong(Integer.BYTES);
            b.ladd();
        });
        b.if_icmpge(ended);
        MemoryCode.store(b, Width.W, iterator, () -> b.iload(number));
        b.lload(register[1]).lstore(register[0]).goto_(done);
        b.labelBinding(ended);
        MemoryCode.store(b, Width.DW, iterator, b::lconst_0);
        b.lconst_0().lstore(register[0]);
        b.labelBinding(done);
    }

    /**
     * Copies a known number of bytes out of the packet or into it, in place if they lie in its linear part.
     *
     * @param helper one of {@link Unit#bytesCopied}
     * @param call the helper's call, for all else
     */
    private void copyPacket(Callee helper, int bytes, Runnable call) {
        Label slow = b.newLabel();
        Label done = b.newLabel();
        boolean loads = helper != Helper.XDP_STORE_BYTES;
        int bufferRegister = helper == Helper.DYNPTR_READ ? 1 : 3;
        if (helper == Helper.DYNPTR_READ) {
            placeInDynptr(bytes, slow);
        } else {
            b.lload(data).lload(register[2]);
            pushLong(LOW);
            b.land().ladd().lstore(address);
        }
        b.lload(address);
        pushLong(bytes);
        b.ladd().lload(dataEnd).lcmp().ifgt(slow);
        for (int at = 0; at < bytes; ) {
            int width = Integer.highestOneBit(Math.min(bytes - at, Long.BYTES));
            int offset = at;
            Runnable packet = () -> {
                b.lload(address);
                pushLong(offset);
                b.ladd();
            };
            Runnable buffer = () -> pushAddress(bufferRegister, offset);
            MemoryCode.store(
                    b,
                    Width.of(width),
                    loads ? buffer : packet,
                    () -> MemoryCode.load(b, Width.of(width), loads ? packet : buffer));
            at += width;
        }
        b.lconst_0().lstore(register[0]);
        b.labelBinding(done);
        cold(() -> {
            b.labelBinding(slow);
            call.run();
            b.goto_(done);
        });
    }

    /** Puts into {@link #address} where the bytes of r3, a dynptr of the packet, begin that are read: see {@link Dynptrs}. */
    private void placeInDynptr(int bytes, Label slow) {
        MemoryCode.load(b, Width.DW, () -> b.lload(register[3]));
        b.aload(context).getfield(RUN_CONTEXT, "xdpMd", CD_long).lcmp().ifne(slow);
        b.lload(register[5]).lconst_0().lcmp().ifne(slow);
        b.lload(register[4]);
        pushLong(LOW);
        b.land();
        pushLong(bytes);
        b.ladd();
        plainLoad(Width.W, false, () -> pushAddress(3, Dynptrs.SIZE));
        pushLong(Dynptrs.MAX_SIZE);
        b.land().lcmp().ifgt(slow);
        b.lload(data).lload(register[4]);
        pushLong(LOW);
        b.land().ladd();
        plainLoad(Width.W, false, () -> pushAddress(3, Dynptrs.OFFSET));
        b.ladd().lstore(address);
    }

    /** {@code bpf_loop} of a proved program in place, which counts nothing: see {@link CallbackHelpers#loop}. */
    private void loop(int function) {
        Label more = b.newLabel();
        Label tooMany = b.newLabel();
        Label stopped = b.newLabel();
        Label done = b.newLabel();
        MethodRef callee = unit.function(function);
        b.lload(register[1]);
        pushLong(CallbackHelpers.MAX_LOOPS);
        compareUnsigned(true, java.lang.classfile.Opcode.IFGT, tooMany);
        b.lconst_0().lstore(address);
        b.labelBinding(more);
        b.lload(address).lload(register[1]).lcmp().ifge(stopped);
        b.aload(context).lload(address).lload(register[3]);
        b.lconst_0().lconst_0().lconst_0().lload(register[FP]);
        pushLong(RunContext.STACK_BYTES);
        b.lsub().invokestatic(callee.owner(), callee.name(), MethodRef.FUNCTION_TYPE);
        b.lload(address).lconst_1().ladd().lstore(address);
        b.lconst_0().lcmp().ifeq(more);
        b.labelBinding(stopped);
        b.lload(address).lstore(register[0]);
        b.labelBinding(done);
        if (unit.movesPacket && descriptor == NO_LOCAL) { // else it is not moved in methods of their own
            loadPacket();
        }
        cold(() -> {
            b.labelBinding(tooMany);
            pushLong(Errno.E2BIG.negative());
            b.lstore(register[0]).goto_(done);
        });
    }

    /** Notes what a helper writes of the function's own frame, which then needs no check. */
    private void soilArguments(Callee helper) {
        for (int i = 0; unit.cleansLoop() && i < helper.argCount(); i++) {
            if (helper.arg(i).writes()) {
                b.aload(context).lload(register[1 + i]);
                b.invokevirtual(RUN_CONTEXT, "soilFrom", MethodTypeDesc.of(CD_void, CD_long));
            }
        }
    }

    private void checkedHelper(Callee helper, int pc) {
        ask();
        ClassDesc table = helper instanceof Helper ? HELPER : Descriptors.KFUNC;
        b.aload(context).getstatic(table, helper.name(), table);
        for (int r = 1; r <= 5; r++) {
            b.lload(register[r]);
        }
        b.loadConstant(pc).invokestatic(CHECKS, "helper", CHECKED_HELPER);
    }

    private void pushPlace(int value, int bytes, int register, int offset) {
        pushAddress(
                Ways.inFrame(value, bytes) ? Way.OWN_FRAME : Way.PLAIN,
                Ways.inFrame(value, bytes) ? value : 0,
                register,
                offset);
    }

    /** An update of a map that is known or a deletion, with arguments that are known to be right. */
    private boolean knownChange(Callee helper) {
        BpfMap known = unit.mapOf(state[1]);
        if (known == null || !Ways.isKnownChange(unit, state, (Helper) helper)) {
            return false;
        }
        MapDef def = known.def();
        boolean updates = helper == Helper.MAP_UPDATE_ELEM;
        Runnable key = () -> pushPlace(state[2], def.keySize(), 2, 0);
        if (updates) {
            maps.update(known, key, () -> pushPlace(state[3], def.valueSize(), 3, 0), () -> b.lload(register[4]));
        } else {
            maps.delete(known, key);
        }
        b.lstore(register[0]);
        return true;
    }

    /** A look-up in a map that is known, by a key that is known to be readable; false when it is not such a one. */
    private boolean knownLookup(int pc, int key) {
        BpfMap known = unit.mapOf(state[1]);
        if (known == null || !Ways.isKnownLookup(unit, state)) {
            return false;
        }
        int bytes = known.def().keySize();
        maps.lookup(known, new MapCode.Key() {
            @Override
            public void push(int offset) {
                pushPlace(key, bytes, 2, offset);
            }

            @Override
            public int storedAt(int offset) {
                return Ways.inFrame(key, bytes) ? stored[RunContext.STACK_BYTES + Kinds.number(key) + offset] : 0;
            }
        });
        b.lstore(register[0]);
        if (unit.checked) {
            int lookup = unit.kinds.lookupNumber(pc);
            Label none = b.newLabel();
            Label done = b.newLabel();
            b.lload(register[0]).lstore(valueStart(lookup));
            b.lload(register[0]).lconst_0().lcmp().ifeq(none);
            b.lload(register[0]);
            pushLong(known.plainValueBytes());
            b.ladd().lstore(valueEnd(lookup)).goto_(done);
            b.labelBinding(none).lconst_0().lstore(valueEnd(lookup));
            b.labelBinding(done);
        }
        return true;
    }

    /**
     * A look-up calls the map in place, so that HotSpot sees at each place which type it is, and remembers where the value
     * begins and ends.
     */
    private void lookup(int pc) {
        int key = state[2];
        if (knownLookup(pc, key)) {
            return;
        }
        Label slow = b.newLabel();
        Label done = b.newLabel();
        boolean inFrame = Ways.inFrame(key);
        MapCode.Key place = new MapCode.Key() {
            @Override
            public void push(int offset) {
                pushAddress(inFrame ? Way.OWN_FRAME : Way.PLAIN, inFrame ? key : 0, 2, offset);
            }

            @Override
            public int storedAt(int offset) {
                // a map of another shape has longer keys, perhaps
                int at = inFrame ? RunContext.STACK_BYTES + Kinds.number(key) + offset : stored.length;
                return at < stored.length ? stored[at] : 0;
            }
        };
        List<InnerShape> shapes = unit.innerShapes();
        if (!shapes.isEmpty()) {
            Label other = b.newLabel();
            maps.inner(shapes, unit.innerPlaces(), () -> b.lload(register[1]), place, other);
            b.lstore(register[0]).goto_(done);
            b.labelBinding(other);
        }
        ask();
        b.aload(context).lload(register[1]);
        b.invokevirtual(RUN_CONTEXT, "map", MethodTypeDesc.of(Descriptors.BPF_MAP, CD_long))
                .astore(map);
        if (unit.checked) {
            b.aload(context).aload(map);
            if (inFrame) {
                b.loadConstant(-Kinds.number(key));
                b.invokestatic(
                        RUNTIME, "takesKey", MethodTypeDesc.of(CD_boolean, RUN_CONTEXT, Descriptors.BPF_MAP, CD_int));
            } else {
                b.lload(register[2]);
                b.invokestatic(
                        RUNTIME, "takesKey", MethodTypeDesc.of(CD_boolean, RUN_CONTEXT, Descriptors.BPF_MAP, CD_long));
            }
            b.ifeq(slow);
        }
        b.aload(map);
        place.push(0);
        b.aload(context).getfield(RUN_CONTEXT, "cpu", CD_int);
        b.invokevirtual(Descriptors.BPF_MAP, "lookup", MethodTypeDesc.of(CD_long, CD_long, CD_int));
        b.lstore(register[0]);
        if (unit.checked) {
            int lookup = unit.kinds.lookupNumber(pc);
            b.lload(register[0]).lstore(valueStart(lookup));
            b.aload(map).lload(register[0]);
            b.invokestatic(RUNTIME, "valueEnd", MethodTypeDesc.of(CD_long, Descriptors.BPF_MAP, CD_long));
            b.lstore(valueEnd(lookup));
            cold(() -> {
                b.labelBinding(slow);
                checkedHelper(Helper.MAP_LOOKUP_ELEM, pc);
                b.lstore(register[0]);
                b.lconst_0()
                        .lstore(valueStart(lookup))
                        .lconst_0()
                        .lstore(valueEnd(lookup))
                        .goto_(done);
            });
        }
        b.labelBinding(done);
    }

    /**
     * Calls a function of the program: {@code invoke} finds the context, r1 to r5 and the new r10 on the stack.
     *
     * @param function -1 for one that is not known
     */
    private void call(int pc, int function, Runnable invoke) {
        beforeCall(pc);
        boolean hasFrame = function >= 0 && unit.kinds.hasFrame(function);
        if (!hasFrame) {
            sayFrame(); // a function that has one says so itself
        }
        boolean keeps = keepsFrame(function);
        markDirty(unit.kinds.calleesWrite(part.function));
        takeForMethods();
        giveBack();
        b.aload(context);
        for (int r = 1; r <= 5; r++) {
            b.lload(register[r]);
        }
        b.lload(register[FP]);
        pushLong(RunContext.STACK_BYTES);
        b.lsub();
        invoke.run();
        b.lstore(register[0]);
        returnFrame(keeps);
        takePortion();
        if (unit.movesPacket && descriptor == NO_LOCAL) {
            loadPacket();
        } else if (unit.movesPacket && unit.checked) { // else it is not moved in methods of their own
            loadPacketAtHand();
        }
    }

    /** Emits a function in place of its call. */
    private void inline(int function, int pc) {
        beforeCall(pc);
        boolean keeps = keepsFrame(function);
        markDirty(unit.kinds.calleesWrite(part.function));
        Part body = unit.partition(function).parts.getFirst();
        Emitter callee = new Emitter(b, unit, body, Shape.INLINED, context, Given.nothing(nextLocal), this);
        callee.beginInlined(this);
        callee.blocks();
        b.labelBinding(callee.end);
        b.lload(callee.register[0]).lstore(register[0]);
        lines.at(b, pc);
        returnFrame(keeps);
    }

    /** Checks the depth of a call. */
    private void beforeCall(int pc) {
        if (!unit.checked) {
            return;
        }
        Label tooDeep = b.newLabel();
        b.lload(register[FP]);
        pushLong(2 * RunContext.STACK_BYTES);
        b.lsub().aload(context).getfield(RUN_CONTEXT, "stacks", CD_long).lcmp().iflt(tooDeep);
        cold(() -> {
            b.labelBinding(tooDeep);
            b.loadConstant(pc);
            b.invokestatic(RUNTIME, "tooDeep", MethodTypeDesc.of(Descriptors.PROGRAM_FAULT, CD_int));
            b.athrow();
        });
    }

    /**
     * Before a call: keeps which frames are alive, where only the context knows. Others say so whenever they ask for
     * something ({@link #ask}).
     *
     * @return whether it has done so, in {@link #address}
     */
    private boolean keepsFrame(int function) {
        boolean keeps = unit.checked && lowest == null && (function < 0 || unit.kinds.hasFrame(function));
        if (keeps) {
            b.aload(context).getfield(RUN_CONTEXT, "stackLow", CD_long).lstore(address);
        }
        return keeps;
    }

    /** After a call. */
    private void returnFrame(boolean isKept) {
        if (isKept) {
            b.aload(context).lload(address).putfield(RUN_CONTEXT, "stackLow", CD_long);
        }
    }

    private void callx(Instruction insn, int pc) {
        Label bad = b.newLabel();
        b.lload(register[insn.dst()]);
        b.invokestatic(unit.mainClass, "isFunction", MethodTypeDesc.of(CD_boolean, CD_long));
        b.ifeq(bad);
        cold(() -> {
            b.labelBinding(bad);
            b.lload(register[insn.dst()]).loadConstant(pc);
            b.invokestatic(RUNTIME, "badCallTarget", MethodTypeDesc.of(Descriptors.PROGRAM_FAULT, CD_long, CD_int));
            b.athrow();
        });
        call(pc, -1, () -> {
            b.lload(register[insn.dst()]);
            b.invokestatic(unit.mainClass, "callFunction", MethodRef.CALLX_TYPE);
        });
    }

    // --- constants

    private void pushLong(long value) {
        pushLong(b, value);
    }

    static void pushLong(CodeBuilder b, long value) {
        if (value == 0 || value == 1 || value != (short) value) {
            b.loadConstant(value);
        } else {
            b.loadConstant((int) value).i2l();
        }
    }
}
