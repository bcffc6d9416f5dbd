package dev.sluice.verifier;

import dev.sluice.helper.Kfunc;
import dev.sluice.isa.Disassembler;
import dev.sluice.isa.Instruction;
import dev.sluice.isa.Pseudo;
import dev.sluice.isa.Symbols;
import dev.sluice.isa.Syntax;
import dev.sluice.program.SourceLine;
import java.util.ArrayDeque;
import java.util.BitSet;

/**
 * One verification: the program, the state at hand, the branches still to be walked, and the log. The parts that check
 * and change the state ({@link Arithmetic}, {@link Memory}, {@link Calls} and others) share it. Owned by one thread.
 */
final class Run {
    /** Instructions processed along all paths, at most. */
    static final int MAX_PROCESSED = 1_000_000;

    private static final int MAX_PENDING = 8192;

    /** The clock is read once in so many instructions. */
    private static final int CLOCK_MASK = 0x3ff;

    static final int REG_FP = 10;

    /** Of a frame. */
    private static final long SLOTS = 64;

    final Subject subject;
    final Log log;
    final Layout layout;
    final boolean detailed;
    short[] liveBefore = {};
    short[] used = {};

    /** A branch to be walked later. */
    private record Pending(State state, int insn, int previous, long logPosition) {}

    private final ArrayDeque<Pending> pending = new ArrayDeque<>();

    State state = new State();
    int insn;
    int previousInsn;
    private int lastInsn;
    int processed;
    int jumpsProcessed;
    int ids;
    int scratchedRegs;
    long scratchedSlots;
    int history = -1;

    /** Whether something was accepted for a wrong reason, as the kernel does: then it is no {@link #isProof proof}. */
    boolean doubtful;

    /**
     * By depth of a frame: slots that a slice may be in, in some function's frame. What is stored through the slice changes
     * them, unseen by the kernel, even when that function has ended. Where they are never {@linkplain #trustedSlots
     * trusted}, that does no harm.
     */
    private final long[] slicedSlots = new long[State.MAX_FRAMES];

    /** By depth of a frame: slots whose contents were used as more than bytes of which nothing is known. */
    private final long[] trustedSlots = new long[State.MAX_FRAMES];

    /** Per slot, whether any path came by. */
    final boolean[] seen;

    /** Per slot, the kind of pointer that a load or store used; a second kind may not differ where code is rewritten. */
    private final RegType[] accessedAs;

    final FactsRecorder facts;

    final int[] stackDepth;

    /** Functions that helpers call. */
    final BitSet callbacks = new BitSet();

    /** Those of them that timers call. */
    final BitSet asyncCallbacks = new BitSet();

    final Requirements requirements;
    final AccessRules rules;
    final Arguments arguments;
    final Arithmetic arithmetic;
    final StackAccess stack;
    final StackObjects objects;
    final KfuncCalls kfuncs;
    final Memory memory;
    final Jumps jumps;
    final HelperCalls helpers;
    final Locks locks;
    final Calls calls;
    final Precision precision;
    final LiveStack liveStack;
    final Pruner pruner;

    private final Disassembler disassembler = new Disassembler(Syntax.KERNEL, new Symbols() {
        @Override
        public String helperName(int number) {
            return HelperNames.of(number);
        }

        @Override
        public String kfuncName(int number) {
            return Kfunc.nameOf(number);
        }
    });

    final int cpus;

    private final long limitNanos;
    private final long started = System.nanoTime();

    Run(Subject subject, Log log, Layout layout, int cpus, long limitNanos) {
        this.limitNanos = limitNanos;
        this.cpus = cpus;
        this.subject = subject;
        this.log = log;
        this.layout = layout;
        this.detailed = log.isDetailed();
        seen = new boolean[layout.size];
        accessedAs = new RegType[layout.size];
        facts = new FactsRecorder(this);
        stackDepth = new int[layout.starts.length];
        requirements = new Requirements(this);
        rules = new AccessRules(this);
        arguments = new Arguments(this);
        arithmetic = new Arithmetic(this);
        stack = new StackAccess(this);
        objects = new StackObjects(this);
        kfuncs = new KfuncCalls(this);
        memory = new Memory(this);
        jumps = new Jumps(this);
        helpers = new HelperCalls(this);
        locks = new Locks(this);
        calls = new Calls(this);
        precision = new Precision(this);
        liveStack = new LiveStack(this);
        pruner = new Pruner(this);
    }

    // --- rejections

    RejectedException reject(String line) {
        log.line(line);
        return new RejectedException(line);
    }

    // --- registers

    /** A register of the current frame, which may be changed. */
    Reg reg(int number) {
        return state.frame().own(number);
    }

    /** A register of the current frame, to be read only. */
    Reg peek(int number) {
        return state.frame().regs[number];
    }

    int newId() {
        return ++ids;
    }

    void scratch(int number) {
        scratchedRegs |= 1 << number;
    }

    /**
     * A slice may be a buffer on the stack.
     *
     * @param frame the depth of the frame
     * @param from the buffer's first byte, from r10 on
     * @param to behind its last
     */
    void slice(int frame, long from, long to) {
        for (long at = Math.max(from, -SLOTS * Frame.SLOT_BYTES); at < Math.min(to, 0); at++) {
            slicedSlots[frame] |= 1L << (-at - 1) / Frame.SLOT_BYTES;
        }
    }

    /** Whether a slice may be in a slot of some frame. */
    boolean isSliced(int slot) {
        long sliced = 0;
        for (long slots : slicedSlots) {
            sliced |= slots;
        }
        return (sliced >>> slot & 1) != 0;
    }

    /** What a slot of a frame holds is about to be used as more than some bytes. */
    void trustSlot(Frame frame, int slot) {
        trustedSlots[frame.number] |= 1L << slot;
    }

    /** Whether what was accepted needs no checks. */
    boolean isProof() {
        boolean trusts = false;
        for (int i = 0; i < slicedSlots.length; i++) {
            trusts |= (slicedSlots[i] & trustedSlots[i]) != 0;
        }
        return !doubtful && !trusts;
    }

    void scratchSlot(int slot) {
        if (slot < 64) {
            scratchedSlots |= 1L << slot;
        }
    }

    void scratchAll() {
        scratchedRegs = -1;
        scratchedSlots = -1;
    }

    /** A register that is read must have been written. */
    void requireReadable(int number) {
        if (number > REG_FP) {
            throw reject("R" + number + " is invalid");
        }
        scratch(number);
        if (peek(number).type == RegType.NOT_INIT) {
            throw reject("R" + number + " !read_ok");
        }
    }

    void requireWritable(int number) {
        if (number > REG_FP) {
            throw reject("R" + number + " is invalid");
        }
        scratch(number);
        if (number == REG_FP) {
            throw reject("frame pointer is read only");
        }
    }

    void markUnknown(int number) {
        reg(number).setUnknown();
    }

    void clearCallerSaved(Frame frame) {
        for (int i = 0; i <= 5; i++) {
            frame.regs[i] = Reg.NONE;
            scratch(i);
        }
    }

    /** An instruction that is rewritten for its pointer's kind must always see the same kind. */
    void requireSameKind(RegType type) {
        RegType before = accessedAs[insn];
        if (before == null) {
            accessedAs[insn] = type;
        } else if (before != type && (isRewritten(before) || isRewritten(type))) {
            throw reject("same insn cannot be used with different pointers");
        }
    }

    private static boolean isRewritten(RegType type) {
        return type == RegType.CTX || type.isSocket();
    }

    // --- branches

    /** Puts a copy of the state aside, to be walked from {@code next} later. */
    State push(int next, int previous) {
        State copy = state.copy();
        pending.push(new Pending(copy, next, previous, log.position()));
        if (pending.size() > MAX_PENDING) {
            throw reject("The sequence of " + pending.size() + " jumps is too complex.");
        }
        if (copy.parent != null) {
            copy.parent.branches++;
        }
        copy.branches = 1;
        return copy;
    }

    /** Puts aside the first state of a function that is called when nothing else of the program runs. */
    State pushAsync(int function, int previous) {
        State first = new State();
        Frame frame = new Frame(0, -1, function);
        frame.inAsyncCallback = true;
        frame.asyncEntries = state.frame().asyncEntries + 1;
        frame.own(REG_FP).setPointer(RegType.STACK);
        first.frames[0] = frame;
        asyncCallbacks.set(function);
        callbacks.set(function);
        scratchAll();
        pending.push(new Pending(first, layout.starts[function], previous, log.position()));
        if (pending.size() > MAX_PENDING) {
            throw reject("The sequence of " + pending.size() + " jumps is too complex for async cb.");
        }
        return first;
    }

    /** Takes up the branch put aside last; false if there is none. */
    private boolean pop() {
        Pending next = pending.poll();
        if (next == null) {
            return false;
        }
        if (!log.isDetailed()) {
            log.cutTo(next.logPosition);
        }
        state = next.state;
        insn = next.insn;
        lastInsn = next.previous;
        return true;
    }

    private void endPath() {
        State ended = state;
        while (ended != null) {
            if (--ended.branches != 0) {
                break;
            }
            pruner.exit(ended);
            ended = ended.parent;
        }
    }

    // --- the walk

    /** Simulates from a first state until all paths have ended. */
    void simulate(State first, int start) {
        state = first;
        insn = start;
        first.firstInsn = start;
        lastInsn = -1;
        pending.clear();
        scratchAll();
        boolean printState = false;
        while (true) {
            history = -1;
            previousInsn = lastInsn;
            if (insn >= layout.size || insn < 0) {
                throw reject("invalid insn idx " + insn + " insn_cnt " + layout.size);
            }
            if (++processed > MAX_PROCESSED) {
                throw reject("BPF program is too large. Processed " + processed + " insn");
            }
            if ((processed & CLOCK_MASK) == 0 && System.nanoTime() - started > limitNanos) {
                throw new UnsupportedException(
                        "a verification of more than " + limitNanos / 1_000_000_000L + " s, processed=" + processed);
            }
            state.lastInsn = previousInsn;
            state.insn = insn;
            boolean ended = false;
            if (layout.prunePoints.get(insn) && pruner.isVisited()) {
                if (log.isDetailed() || log.isOn()) {
                    log.line(printState ? "\nfrom " + previousInsn + " to " + insn + ": safe" : insn + ": safe");
                }
                ended = true;
            }
            if (!ended) {
                if (layout.jumpPoints.get(insn)) {
                    addHistory(0, 0);
                }
                if (detailed && printState) {
                    log.add("\nfrom " + previousInsn + " to " + insn + ":");
                    log.line(StatePrinter.text(state, state.frame(), -1, -1));
                    printState = false;
                }
                if (log.isOn()) {
                    if (scratchedRegs != 0 || scratchedSlots != 0) {
                        printState();
                    }
                    printLine();
                    log.instruction(insn + ": " + text(insn));
                }
                seen[insn] = true;
                facts.record(insn);
                lastInsn = insn;
                liveStack.begin();
                int at = insn;
                Step step = step();
                liveStack.commit(at);
                switch (step) {
                    case NEXT -> insn++;
                    case MOVED -> {}
                    case RETURNED -> printState = true;
                    case ENDED -> ended = true;
                }
            }
            if (ended) {
                scratchAll();
                endPath();
                liveStack.update();
                if (!pop()) {
                    if (!detailed) {
                        log.cutTo(0);
                    }
                    return;
                }
                printState = true;
            }
        }
    }

    /** What comes after an instruction. */
    enum Step {
        NEXT,
        MOVED,
        RETURNED,
        ENDED
    }

    /** Records that the path came by here, for the way back that {@link Precision} takes. */
    void addHistory(int flags, long linked) {
        if (history >= 0) {
            state.historyFlags[history] |= flags;
            state.historyLinked[history] |= linked;
            return;
        }
        history = state.addHistory(insn, previousInsn, flags, linked);
    }

    private Step step() {
        requirements.check(insn);
        switch (layout.code[insn] & 7) {
            case 4, 7 -> {
                arithmetic.step(insn);
                return Step.NEXT;
            }
            case 1 -> {
                memory.load(insn);
                return Step.NEXT;
            }
            case 3, 2 -> {
                memory.store(insn);
                return Step.NEXT;
            }
            case 5, 6 -> {
                jumpsProcessed++;
                return jumps.step(insn);
            }
            default -> {
                memory.loadWide(insn);
                insn += 2;
                return Step.MOVED;
            }
        }
    }

    // --- the log

    /** The changed registers, behind the instruction's line. */
    void printState() {
        if (log.isOn()) {
            log.state(insn, StatePrinter.text(state, state.frame(), scratchedRegs, scratchedSlots));
            scratchedRegs = 0;
            scratchedSlots = 0;
        }
    }

    void printFrame(Frame frame) {
        if (log.isOn()) {
            log.line(StatePrinter.text(state, frame, -1, -1));
        }
    }

    private SourceLine lastLine;

    private void printLine() {
        if (subject.lines().isEmpty()) {
            return;
        }
        SourceLine line = lineAt(insn);
        if (line != null && !isSameLine(line, lastLine)) {
            log.line("; " + line.text() + " @ " + fileName(line.file()) + ":" + line.line());
            lastLine = line;
        }
    }

    /** Two places in one line of the source are shown once. */
    private static boolean isSameLine(SourceLine line, SourceLine last) {
        return last != null
                && line.line() == last.line()
                && line.text().equals(last.text())
                && line.file().equals(last.file());
    }

    private static String fileName(String path) {
        return path.substring(path.lastIndexOf('/') + 1);
    }

    SourceLine lineAt(int slot) {
        SourceLine found = null;
        int low = 0;
        int high = subject.lines().size() - 1;
        while (low <= high) {
            int middle = low + high >>> 1;
            SourceLine line = subject.lines().get(middle);
            if (line.slot() <= slot) {
                found = line;
                low = middle + 1;
            } else {
                high = middle - 1;
            }
        }
        return found;
    }

    /** An instruction as the kernel's log writes it. */
    String text(int slot) {
        if (layout.row[slot] == null) {
            return String.format("(%02x) ...", layout.code[slot]);
        }
        if (layout.isWide(slot) && Pseudo.of(layout.src[slot]) == Pseudo.FUNC) {
            return String.format("(18) r%d = 0x%x", layout.dst[slot], layout.wide(slot));
        }
        Instruction insn = new Instruction(
                layout.row[slot],
                layout.dst[slot],
                layout.src[slot],
                layout.off[slot],
                layout.isWide(slot) ? layout.wide(slot) : layout.imm[slot]);
        // the kernel has a BTF id there, which is nothing outside of it
        return disassembler.text(insn).replace("#kfunc:", "#");
    }
}
