package dev.sluice.jit;

import static dev.sluice.jit.Descriptors.PROGRAM_REF;
import static dev.sluice.jit.Descriptors.RUNTIME;
import static dev.sluice.jit.Descriptors.RUN_CONTEXT;
import static dev.sluice.jit.LongCode.pushLong;
import static java.lang.constant.ConstantDescs.CD_boolean;
import static java.lang.constant.ConstantDescs.CD_int;
import static java.lang.constant.ConstantDescs.CD_long;
import static java.lang.constant.ConstantDescs.CD_void;

import dev.sluice.exec.FunctionPointer;
import dev.sluice.exec.Interpreter;
import dev.sluice.exec.ProgramFault;
import dev.sluice.helper.RunContext;
import dev.sluice.isa.Instruction;
import dev.sluice.isa.Pseudo;
import dev.sluice.isa.Width;
import java.lang.classfile.CodeBuilder;
import java.lang.classfile.Label;
import java.lang.classfile.instruction.SwitchCase;
import java.lang.constant.ClassDesc;
import java.lang.constant.ConstantDescs;
import java.lang.constant.MethodTypeDesc;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.IntConsumer;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Emits the blocks of one method: registers in long locals ({@link Locals}), one instruction after the other, slow paths
 * behind the last block ({@link ColdCode}). How control comes in, goes from block to block and out is here, which is what
 * the {@link Shape shapes} of a method differ in; what becomes of an instruction is in the classes named for it.
 */
final class Emitter {
    /** Place in {@link RunContext#carried} of what is left of a frame's {@code may_goto}. */
    static final int CARRIED_LOOPS = 11;

    /** Bits of an entry's number that are its index in its part. */
    static final int ENTRY_BITS = 16;

    private static final int FP = Instruction.FP;
    private static final int INLINE_ZERO_BYTES = 64;

    private static final MethodTypeDesc REFILL =
            MethodTypeDesc.of(CD_int, RUN_CONTEXT, CD_int, CD_int, CD_int, ConstantDescs.CD_Class);
    private static final MethodTypeDesc GO_ON = MethodTypeDesc.of(
            CD_long,
            Stream.concat(
                            Stream.of(RUN_CONTEXT, ConstantDescs.CD_Class, CD_int, CD_int),
                            Collections.nCopies(FP + 1, CD_long).stream())
                    .toArray(ClassDesc[]::new));
    private static final MethodTypeDesc CLEAN_FRAME = MethodTypeDesc.of(CD_void, RUN_CONTEXT, CD_long, CD_long);

    private final CodeBuilder b;
    private final Unit unit;
    private final Part part;
    private final Flow flow;
    private final Shape shape;
    private final Lines lines;

    private final Locals locals;
    private final int context;
    final int[] register;

    private final RunCode run;
    private final AluCode alu;
    private final AccessCode access;
    private final ByteFlowCode flows;
    private final CallCode calls;
    private final HelperCode helpers;
    private final ColdCode cold;
    private final FailureCode failures;

    private final Label[] labels;
    private final Map<Integer, Label> exits = new TreeMap<>();
    private final Label end;
    private final Label tail;
    private boolean tailUsed;

    /** See {@link #goOnSlowly}. */
    private @Nullable Label slowly;

    /** The block that is emitted next, or {@link Block#NONE}. */
    private int following;

    Emitter(CodeBuilder b, Unit unit, Part part, Shape shape, int context, Locals.Given given) {
        this(b, unit, part, shape, new Locals(unit, part, shape, context, given, null));
    }

    private Emitter(CodeBuilder b, Unit unit, Part part, Shape shape, Locals locals) {
        this.b = b;
        this.unit = unit;
        this.part = part;
        this.flow = part.flow;
        this.shape = shape;
        this.locals = locals;
        context = locals.context;
        register = locals.register;
        lines = unit.lines;
        cold = new ColdCode(b, lines);
        failures = new FailureCode(b, unit, locals, lines);
        run = new RunCode(b, unit, part, shape, locals);
        alu = new AluCode(b, unit, locals);
        access = new AccessCode(b, unit, part, locals, run, cold);
        flows = new ByteFlowCode(b, unit, locals, alu, access);
        calls = new CallCode(b, unit, part, locals, run, cold);
        helpers = new HelperCode(b, unit, part, locals, run, access, cold, failures, this::leaveByTailCall);
        labels = new Label[part.blocks.size()];
        for (int i = 0; i < labels.length; i++) {
            labels[i] = b.newLabel();
        }
        end = b.newLabel();
        tail = b.newLabel();
    }

    // --- beginnings

    /** The beginning of a whole function that has been called: r1 to r5 and r10 are parameters. */
    void beginFunction() {
        for (int r : new int[] {0, 6, 7, 8, 9}) {
            b.lconst_0().lstore(register[r]);
        }
        zeroFrame();
        if (unit.hasMayGoto(part.function)) {
            b.loadConstant(Interpreter.MAX_LOOPS).istore(locals.loops);
        }
        run.takePortion();
        run.loadPacket();
        forgetValues();
    }

    /** The beginning of a part: what is live at its entries are parameters. */
    void beginPart() {
        for (int r = 0; r < FP; r++) {
            if (!part.takes(r)) {
                b.loadConstant(ProgramFault.UNKNOWN).lstore(register[r]);
            }
        }
        zeroVariables(locals.used & ~part.variablesIn);
        run.loadPacket();
        forgetValues();
        if (part.entries.size() > 1) {
            List<SwitchCase> cases = new ArrayList<>();
            for (int i = 1; i < part.entries.size(); i++) {
                cases.add(SwitchCase.of(i, label(part.entries.get(i))));
            }
            b.iload(locals.entry).tableswitch(1, part.entries.size() - 1, label(part.entries.getFirst()), cases);
        } else if (part.place(part.entries.getFirst()) != 0) {
            b.goto_(label(part.entries.getFirst()));
        }
    }

    /** The beginning of a function in place of its call: r1 to r5 are there, its frame is below the caller's. */
    private void beginInlined(int callersFrame) {
        for (int r : new int[] {0, 6, 7, 8, 9}) {
            b.lconst_0().lstore(register[r]);
        }
        b.lload(callersFrame);
        pushLong(b, RunContext.STACK_BYTES);
        b.lsub().lstore(register[FP]);
        zeroFrame();
        if (unit.hasMayGoto(part.function)) {
            b.loadConstant(Interpreter.MAX_LOOPS).istore(locals.loops);
        }
        forgetValues();
    }

    /** What the packet loop does once, before the first packet. */
    void beginLoop() {
        for (int r = 0; r < FP; r++) {
            b.lconst_0().lstore(register[r]);
        }
        b.aload(context).getfield(RUN_CONTEXT, "stackTop", CD_long).lstore(register[FP]);
        b.lconst_0()
                .lstore(locals.data)
                .lconst_0()
                .lstore(locals.dataEnd)
                .lconst_0()
                .lstore(locals.dataMeta);
        b.iconst_0().istore(locals.taken);
        b.lconst_0().lstore(locals.dirty);
        b.iconst_0().istore(locals.left);
        b.iconst_0().istore(locals.loops);
        forgetValues();
    }

    /** What the packet loop does for each packet, after {@code begin}. */
    void beginPacket() {
        for (int r = 0; r < FP; r++) {
            if (r == 1) {
                b.aload(context).getfield(RUN_CONTEXT, "xdpMd", CD_long);
            } else {
                b.lconst_0();
            }
            b.lstore(register[r]);
        }
        if (unit.cleansLoop()) {
            b.aload(context).lload(register[FP]).lload(locals.dirty).invokestatic(RUNTIME, "cleanLoop", CLEAN_FRAME);
            b.lconst_0().lstore(locals.dirty);
        } else {
            zeroFrame();
        }
        if (unit.hasMayGoto(part.function)) {
            b.loadConstant(Interpreter.MAX_LOOPS).istore(locals.loops);
        }
        if (locals.hasDescriptor()) {
            b.iconst_0().istore(locals.taken);
        }
        if (unit.counted && locals.hasDescriptor()) {
            b.aload(context)
                    .invokestatic(RUNTIME, "takeFirst", MethodTypeDesc.of(CD_int, RUN_CONTEXT))
                    .istore(locals.left);
        } else {
            run.takePortion();
        }
        run.loadPacket();
        forgetValues();
    }

    /** What a packet loop that reads descriptors itself does behind each packet. */
    void endPacket() {
        run.give();
    }

    private void forgetValues() {
        for (int i = 0; i < locals.lookups; i++) {
            b.lconst_0().lstore(locals.valueStart(i)).lconst_0().lstore(locals.valueEnd(i));
        }
    }

    private void zeroFrame() {
        zeroVariables(locals.used);
        zeroFrame(b, context, register[FP], unit, part.function);
    }

    private void zeroVariables(long which) {
        for (long more = which; more != 0; more &= more - 1) {
            b.lconst_0().lstore(locals.variables[Long.numberOfTrailingZeros(more)]);
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
        cold.emit();
        lines.none(b);
        epilogue();
        failures.emit(reports ? begin : null);
    }

    /** Adds what the registers hold to the exception on the stack; leaves a {@code Throwable} there. */
    void addRegisters() {
        b.iconst_m1();
        failures.addRegisters();
    }

    private void block(Block block) {
        b.labelBinding(label(block.index));
        int[] state = unit.kinds.stateBefore(part.function, block);
        lines.at(b, block.start);
        if (unit.counted) {
            count(block);
        }
        flows.begin(block);
        for (int slot = block.start; slot < block.end; ) {
            Instruction insn = flow.code.at(slot);
            lines.at(b, slot);
            flows.loadWide(slot);
            access.inside = block.inside(slot);
            instruction(block, insn, state, slot);
            flows.save(slot);
            unit.kinds.step(state, insn, slot);
            slot += insn.slots();
        }
        if (block.next != Block.NONE) {
            goOn(block.next);
        }
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
            run.markDirty(unit.kinds.written(part.function));
            run.takeForMethods(unit.partsWantPacket());
            if (shape == Shape.LOOP) {
                b.aload(context).lload(register[FP]).iload(locals.entry);
                resume(b, unit.dispatcher(part.function));
                b.goto_(came);
            } else {
                b.aload(context).iload(locals.entry).putfield(RUN_CONTEXT, "resumeAt", CD_int);
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

    /** Calls a part at one of some entries: leaves what it returns on the stack. */
    private void callPart(Part other, List<Integer> blocks) {
        Partition partition = unit.partition(part.function);
        Label call = b.newLabel();
        for (int i = 0; i < blocks.size(); i++) {
            b.labelBinding(exits.get(blocks.get(i)));
            if (other.entries.size() > 1) {
                b.loadConstant(partition.entry(blocks.get(i))).istore(locals.entry);
            }
            if (i + 1 < blocks.size()) {
                b.goto_(call);
            }
        }
        b.labelBinding(call);
        run.markDirty(unit.kinds.written(part.function));
        run.takeForMethods(unit.partsWantPacket());
        b.aload(context).lload(register[FP]);
        for (int r = 0; r < FP; r++) {
            if (other.takes(r)) {
                b.lload(register[r]);
            }
        }
        for (long more = other.variablesIn; more != 0; more &= more - 1) {
            b.lload(locals.variables[Long.numberOfTrailingZeros(more)]);
        }
        if (unit.hasMayGoto(part.function)) {
            b.iload(locals.loops);
        }
        if (unit.counted) {
            b.iload(locals.left);
        }
        if (other.entries.size() > 1) {
            b.iload(locals.entry);
        }
        MethodRef method = unit.part(other);
        b.invokestatic(method.owner(), method.name(), other.type(unit));
    }

    /** Leaves to the dispatcher what is live at blocks of other parts, and in {@link Locals#entry} where to go on. */
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
            b.loadConstant(partition.entryNumber(block)).istore(locals.entry);
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
            carry(RunContext.CARRIED_VARIABLES + variable, () -> b.lload(locals.variables[variable]));
        }
        if (unit.hasMayGoto(part.function)) {
            carry(CARRIED_LOOPS, () -> b.iload(locals.loops).i2l());
        }
        run.giveBack();
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
                run.giveBack();
                b.lload(register[0]).lreturn();
            }
            case LOOP, INLINED -> b.goto_(end);
        }
    }

    /** Leaves the function after a tail call that has succeeded. */
    private void leaveByTailCall() {
        run.giveBack();
        run.sayFrame();
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
        run.takePortion();
        exit();
    }

    /** Goes on where a tail call has led; the context and r10 are on the stack. Leaves r0 there. */
    static void callTailTarget(CodeBuilder b, Unit unit) {
        b.loadConstant(unit.cleansFrames() ? 1 : 0);
        b.invokestatic(RUNTIME, "tailCall", MethodTypeDesc.of(CD_long, RUN_CONTEXT, CD_long, CD_boolean));
    }

    // --- counting

    private void count(Block block) {
        if (unit.countsAhead()) {
            countAhead(block);
            return;
        }
        Label refill = b.newLabel();
        Label go = b.newLabel();
        if (block.instructions <= Short.MAX_VALUE) {
            b.iinc(locals.left, -block.instructions);
        } else {
            b.iload(locals.left).loadConstant(block.instructions).isub().istore(locals.left);
        }
        b.iload(locals.left).iflt(refill);
        b.labelBinding(go);
        cold.add(() -> {
            b.labelBinding(refill);
            b.aload(context).iload(locals.left).loadConstant(block.start).loadConstant(block.instructions);
            b.loadConstant(unit.mainClass);
            b.invokestatic(RUNTIME, "refill", REFILL);
            b.istore(locals.left).goto_(go);
        });
    }

    private void countAhead(Block block) {
        int ahead = unit.ahead(part.function, block);
        if (ahead != 0) {
            Label refill = b.newLabel();
            Label go = b.newLabel();
            b.iload(locals.left).loadConstant(ahead).if_icmplt(refill);
            b.labelBinding(go);
            Label slowly = goOnSlowly();
            cold.add(() -> {
                b.labelBinding(refill);
                b.aload(context).iload(locals.left).loadConstant(ahead);
                b.invokestatic(RUNTIME, "refillAhead", MethodTypeDesc.of(CD_int, RUN_CONTEXT, CD_int, CD_int));
                b.istore(locals.left).iload(locals.left).ifge(go);
                b.loadConstant(block.start).istore(locals.entry).goto_(slowly);
            });
        }
        if (block.instructions <= Short.MAX_VALUE) {
            b.iinc(locals.left, -block.instructions);
        } else {
            b.iload(locals.left).loadConstant(block.instructions).isub().istore(locals.left);
        }
    }

    /** Where the interpreter goes on to the function's end, from the slot that is in {@link Locals#entry}. */
    private Label goOnSlowly() {
        if (slowly != null) {
            return slowly;
        }
        Label label = b.newLabel();
        slowly = label;
        cold.add(() -> {
            b.labelBinding(label);
            run.ask();
            b.aload(context).loadConstant(unit.mainClass).iload(locals.entry);
            if (unit.hasMayGoto(part.function)) {
                b.iload(locals.loops);
            } else {
                b.loadConstant(Interpreter.MAX_LOOPS);
            }
            for (int r = 0; r <= FP; r++) {
                b.lload(register[r]);
            }
            b.invokestatic(RUNTIME, "goOn", GO_ON).lstore(register[0]);
            b.iconst_0().istore(locals.left);
            exit();
        });
        return label;
    }

    // --- instructions

    private void instruction(Block block, Instruction insn, int[] state, int pc) {
        if (flows.change(insn, state, pc)) {
            return;
        }
        switch (insn.form()) {
            case ALU_K, ALU_X, UNARY, MOVSX -> alu.alu(insn, pc);
            case LDDW -> {
                pushLong(b, insn.pseudo() == Pseudo.FUNC ? FunctionPointer.of(insn.target(pc)) : insn.imm());
                b.lstore(register[insn.dst()]);
            }
            case JMP_K, JMP_X -> {
                if (block.target == Block.NONE) {
                    return; // proved never to jump
                }
                if (block.next != Block.NONE) {
                    alu.branch(insn, target(block.target));
                } else {
                    goOn(block.target);
                }
            }
            case JA, GOTOL -> goOn(block.target);
            case MAY_GOTO -> {
                b.iload(locals.loops).ifeq(target(block.target));
                b.iinc(locals.loops, -1);
            }
            case EXIT -> exit();
            case LDX, LDXSX -> load(block, insn, state, pc);
            case ST, STX -> access.store(insn, state, pc);
            case ATOMIC -> access.atomic(insn, state, pc);
            case LOAD_ACQ -> access.loadAcquire(insn, state, pc);
            case STORE_REL -> access.storeRelease(insn, state, pc);
            case CALL_HELPER, CALL_KFUNC -> {
                if (!unit.checked) {
                    failures.begin(pc, state, flow.liveAfter(block, pc));
                }
                int looped = unit.loopedFunction(pc);
                if (looped < 0) {
                    helpers.helper(insn, state, pc);
                } else if (unit.inlining.isEverywhere(looped)) {
                    calls.loopInPlace(() -> inlineRound(looped, pc));
                } else {
                    calls.loop(looped);
                }
            }
            case CALL_LOCAL -> {
                int function = unit.kinds.functionAt(insn.target(pc));
                if (unit.inlining.isEverywhere(function)) {
                    calls.inPlace(function, pc, () -> inline(function, pc));
                } else {
                    calls.callLocal(function, pc);
                }
            }
            case CALLX -> calls.callx(insn, pc);
            case LD_ABS, LD_IND -> throw new AssertionError("refused at load: " + insn);
        }
    }

    /** Emits a load, unless the method has made it before. */
    private void load(Block block, Instruction insn, int[] state, int pc) {
        int available = locals.loads.available(block, pc);
        if (available >= 0) {
            b.lload(locals.loaded(available)).lstore(register[insn.dst()]);
            return;
        }
        access.load(insn, state, pc);
        int kept = locals.loads.kept(block, pc);
        if (kept >= 0) {
            b.lload(register[insn.dst()]).lstore(locals.loaded(kept));
        }
    }

    /** Emits a function in place of its call. */
    private void inline(int function, int pc) {
        inline(function, pc, r -> b.lload(register[r]));
        b.lstore(register[0]);
    }

    /** Emits a round of a loop of a function in place of its call; leaves what the function returns on the stack. */
    private void inlineRound(int function, int pc) {
        inline(function, pc, r -> {
            switch (r) {
                case 1 -> calls.pushRound();
                case 2 -> b.lload(register[3]);
                default -> b.lconst_0();
            }
        });
    }

    /**
     * Emits a function in place of a call; leaves what it returns on the stack.
     *
     * @param pushArgument pushes what the function has in a register, 1 to 5
     */
    private void inline(int function, int pc, IntConsumer pushArgument) {
        Part body = unit.partition(function).parts.getFirst();
        Locals inner = new Locals(unit, body, Shape.INLINED, context, Locals.Given.nothing(locals.next), locals);
        Emitter callee = new Emitter(b, unit, body, Shape.INLINED, inner);
        for (int r = 1; r <= 5; r++) {
            pushArgument.accept(r);
            b.lstore(callee.register[r]);
        }
        callee.beginInlined(register[FP]);
        callee.blocks();
        b.labelBinding(callee.end);
        b.lload(callee.register[0]);
        lines.at(b, pc);
    }
}
