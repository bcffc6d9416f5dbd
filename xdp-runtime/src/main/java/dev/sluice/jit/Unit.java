package dev.sluice.jit;

import dev.sluice.helper.Callee;
import dev.sluice.helper.Dynptrs;
import dev.sluice.helper.Helper;
import dev.sluice.helper.Kfunc;
import dev.sluice.isa.Code;
import dev.sluice.isa.Form;
import dev.sluice.isa.Instruction;
import dev.sluice.isa.Pseudo;
import dev.sluice.map.BpfMap;
import dev.sluice.map.MapTable;
import dev.sluice.map.MapTable.InnerShape;
import dev.sluice.memory.Regions;
import dev.sluice.program.Facts;
import dev.sluice.program.Program;
import dev.sluice.program.RegisterFact;
import dev.sluice.program.Subprogram;
import java.lang.constant.ClassDesc;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** What is known about a program as a whole while code is made of it. */
final class Unit {
    final Program program;
    final boolean checked;
    private final @Nullable Facts facts;
    final boolean counted;
    final Lines lines;
    final ClassDesc mainClass;
    final List<Flow> flows = new ArrayList<>();
    final Kinds kinds;

    /** Whether some helper that the program calls moves the packet. */
    final boolean movesPacket;

    /** Whether the program itself may ask for a redirect. */
    final boolean redirects;

    /** Whether the program may hold a lock where it ends. */
    final boolean locks;

    /** Whether a run may go on in another program. */
    final boolean makesTailCalls;

    /** Whether the program calls any helper. */
    final boolean callsHelpers;

    /** Whether some helper that the program calls calls back. */
    final boolean callsBack;

    /** Whether there is a {@code callx}. */
    final boolean callsPointers;

    /**
     * Whether the packet loop keeps to {@link dev.sluice.exec.BaseExecutable#begin} and {@code finish}. Else it takes what
     * it needs from the descriptor, because nothing outside of it asks for more.
     */
    final boolean wholeRun;

    private final boolean isInLoop;
    private final boolean partsWantPacket;

    /** By slot of a {@code bpf_loop} that is emitted in place: the function that it calls. */
    private final Map<Integer, Integer> loops = new HashMap<>();

    private final boolean[] tailCalls;
    private final int[] callSites;
    private static final int MOST_EMITTED = 40;

    /** Slots of a frame that are rather zeroed for each packet. */
    private static final int FEW_SLOTS = 2;

    /** Bytes to or from the packet that are copied in place. */
    private static final long MOST_COPIED = 128;

    /** Estimated bytes of JVM code for each eight of them, and for the rest. */
    private static final int COPY_BYTES = 48;

    /** The same for a slice of a dynptr in place. */
    private static final int SLICE_BYTES = 140;

    /** Of more kinds of maps in other maps, look-ups are calls. */
    private static final int MOST_SHAPES = 3;

    private final boolean assuming;
    private final Set<Assumption> assumptions = new LinkedHashSet<>();
    private final List<Partition> partitions = new ArrayList<>();
    final Inlining inlining;
    private final @Nullable StackUse stack;
    private final int[] @Nullable [] ahead;
    private final boolean[] called;
    private final boolean[] pointed;
    private final boolean[] mayGoto;
    private final boolean[] wantsPacket;
    private final MethodRef[] functions;
    private final MethodRef[] dispatchers;
    private final Map<Part, MethodRef> parts = new HashMap<>();

    /** Where pointers are looked up that code may take for certain; null when it may take none so. */
    private final @Nullable MapTable table;

    private final @Nullable Regions regions;

    /** By the beginning of an area of memory that code takes for certain: its length. */
    private final Map<Long, Long> areas = new HashMap<>();

    private final Set<BpfMap> maps = new LinkedHashSet<>();
    private int knownLookups;

    Unit(
            Program program,
            Variant variant,
            Settings settings,
            @Nullable Surroundings surroundings,
            Lines lines,
            ClassDesc mainClass) {
        this.program = program;
        table = surroundings == null ? null : surroundings.maps();
        regions = surroundings == null ? null : surroundings.regions();
        this.lines = lines;
        this.mainClass = mainClass;
        checked = settings.checked();
        facts = settings.facts();
        counted = variant.counted();
        assuming = variant.assuming();
        SizeEstimate estimate = new SizeEstimate(checked, counted);
        for (Subprogram function : program.subprograms()) {
            flows.add(Flow.of(program.code(), function, facts, estimate, settings.methodBytes() / 4));
        }
        kinds = Kinds.of(
                program.code(), flows, variant.entry().hasContext(), checked, checked ? this::areaAround : at -> 0);
        stack = facts == null ? null : new StackUse(facts, flows, kinds);
        ahead = new int[flows.size()][];
        called = new boolean[flows.size()];
        pointed = new boolean[flows.size()];
        mayGoto = new boolean[flows.size()];
        wantsPacket = new boolean[flows.size()];
        functions = new MethodRef[flows.size()];
        dispatchers = new MethodRef[flows.size()];
        tailCalls = new boolean[flows.size()];
        callSites = new int[flows.size()];
        boolean plain = true;
        boolean redirecting = false;
        boolean locking = false;
        boolean goesOn = false;
        boolean helpers = false;
        boolean moves = false;
        boolean pointers = false;
        boolean back = false;
        List<Block> innerLookups = new ArrayList<>();
        Code code = program.code();
        for (int i = 0; i < flows.size(); i++) {
            if (!kinds.isReached(i)) {
                continue;
            }
            for (Block block : flows.get(i).blocks) {
                int[] state = kinds.stateBefore(i, block);
                block.estimate = estimate.ofBlock();
                int pointed2 = -1; // the function whose address r2 is
                for (int slot = block.start; slot < block.end; ) {
                    Instruction insn = code.at(slot);
                    int base = kinds.baseKind(state, insn);
                    block.estimate += isVariable(i, slot, insn) ? estimate.ofVariable() : estimate.of(insn, base);
                    Callee helper = HelperTraits.called(insn);
                    int map = helper == null ? -1 : HelperTraits.mapArgument(helper);
                    if (map >= 0 && mapOf(state[map]) instanceof BpfMap found) {
                        maps.add(found);
                        if (helper == Helper.MAP_LOOKUP_ELEM) {
                            knownLookups++;
                            block.estimate += MapCode.lookupBytes(found);
                        }
                    } else if (helper == Helper.MAP_LOOKUP_ELEM) {
                        innerLookups.add(block);
                    }
                    if (helper != null) {
                        int copied = bytesCopied(helper, slot, i, state);
                        block.estimate += copied == 0 ? 0 : COPY_BYTES * (copied / Long.BYTES + 7);
                        block.estimate += bytesOfSlice(helper, i, state) == 0 ? 0 : SLICE_BYTES;
                        block.estimate += checked ? ArgumentCode.estimate(this, i, state, helper) : 0;
                    }
                    boolean loops =
                            !checked && !counted && helper == Helper.LOOP && pointed2 >= 0 && Kinds.isZero(state[4]);
                    if (loops) {
                        this.loops.put(slot, pointed2);
                        callSites[pointed2]++;
                    }
                    if ((Flow.defines(insn) >>> 2 & 1) != 0 || helper != null) {
                        pointed2 = isFunctionPointer(insn) ? kinds.functionAt(insn.target(slot)) : -1;
                    }
                    locking |= helper == Helper.SPIN_LOCK;
                    kinds.step(state, insn, slot);
                    moves |= helper != null && !loops && HelperTraits.movesPacket(helper);
                    back |= helper != null && !loops && HelperTraits.takesFunction(helper);
                    tailCalls[i] |= helper != null && HelperTraits.tailCalls(helper);
                    helpers |= isCall(insn);
                    plain &= helper == null ? !isCall(insn) : loops || !HelperTraits.takesRun(helper);
                    redirecting |= helper != null && HelperTraits.redirects(helper);
                    goesOn |= helper != null && HelperTraits.tailCalls(helper);
                    block.readsContext |= base == Kinds.CONTEXT
                            || isContextLoad(slot, insn)
                            || helper != null && !loops && HelperTraits.takesPacket(helper);
                    if (insn.form() == Form.CALL_LOCAL) {
                        callSites[kinds.functionAt(insn.target(slot))]++;
                    }
                    pointers |= insn.form() == Form.CALLX;
                    mayGoto[i] |= insn.form() == Form.MAY_GOTO;
                    if (insn.form() == Form.CALL_LOCAL || isFunctionPointer(insn)) {
                        called[kinds.functionAt(insn.target(slot))] = true;
                        pointed[kinds.functionAt(insn.target(slot))] |= isFunctionPointer(insn);
                    }
                    slot += insn.slots();
                }
            }
        }
        int innerBytes = MapCode.innerBytes(innerShapes());
        innerLookups.forEach(block -> block.estimate += innerBytes);
        movesPacket = moves;
        redirects = redirecting;
        locks = locking;
        makesTailCalls = goesOn;
        callsPointers = pointers;
        callsBack = back;
        callsHelpers = helpers;
        if (pointers) {
            Arrays.fill(called, true);
            Arrays.fill(pointed, true);
        }
        if (checked) {
            for (int i = 0; i < flows.size(); i++) {
                if (kinds.isReached(i)) {
                    AddressFlow.find(this, i, flows.get(i));
                }
            }
        }
        followBytes();
        inlining = new Inlining(this, settings.methodBytes());
        inlining.enlargeBlocks();
        for (int i = 0; i < flows.size(); i++) {
            partitions.add(kinds.isReached(i) ? Partition.of(flows.get(i), i, settings.methodBytes(), stack) : null);
        }
        isInLoop = variant.entry() == Variant.Entry.LOOP && partition(0).beginsAlone();
        wholeRun = pointers || !plain;
        findWhoWantsPacket();
        partsWantPacket = partition(0).parts.stream()
                .skip(1)
                .anyMatch(part -> part.blocks.stream().anyMatch(this::wantsPacket));
    }

    private void followBytes() {
        for (int i = 0; i < flows.size(); i++) {
            if (!kinds.isReached(i)) {
                continue;
            }
            for (Block block : flows.get(i).blocks) {
                block.bytes = ByteFlow.of(this, facts, i, block);
                block.estimate += block.bytes == null ? 0 : block.bytes.estimate();
            }
        }
    }

    private static boolean isCall(Instruction insn) {
        return insn.form() == Form.CALL_HELPER || insn.form() == Form.CALL_KFUNC;
    }

    private void findWhoWantsPacket() {
        boolean changed = true;
        while (changed) {
            changed = false;
            for (int i = 0; i < flows.size(); i++) {
                boolean wants =
                        kinds.isReached(i) && flows.get(i).blocks.stream().anyMatch(this::wantsPacket);
                changed |= wants && !wantsPacket[i];
                wantsPacket[i] |= wants;
            }
        }
    }

    /** Whether a block, or a function that it calls, reads the context. */
    private boolean wantsPacket(Block block) {
        Instruction last = program.code().at(block.last); // calls end blocks
        int called = calledFunction(last, block.last);
        return block.readsContext || called >= 0 && wantsPacket[called];
    }

    /** Whether a function, or one that it calls, reads the context: it has to be told of the packet before. */
    boolean wantsPacket(int function) {
        return wantsPacket[function];
    }

    /** The same of the parts of the entry function that are no part of the packet loop. */
    boolean partsWantPacket() {
        return partsWantPacket;
    }

    /** Whether the entry function is in the packet loop, the first part of it at least. */
    boolean isInLoop() {
        return isInLoop;
    }

    private boolean isVariable(int function, int slot, Instruction insn) {
        return stack != null && stack.variable(function, slot, insn) >= 0;
    }

    /** Whether a function makes tail calls itself. */
    boolean tailCalls(int function) {
        return tailCalls[function];
    }

    /** The function that the {@code bpf_loop} at a slot calls, or -1 when that is left to the helper. */
    int loopedFunction(int slot) {
        return loops.getOrDefault(slot, -1);
    }

    /** The function that an instruction calls, once or in a loop that is emitted in place; -1 for others. */
    int calledFunction(Instruction insn, int slot) {
        return insn.form() == Form.CALL_LOCAL ? kinds.functionAt(insn.target(slot)) : loopedFunction(slot);
    }

    /** Whether pointers to functions are for loops alone that are emitted in place. */
    boolean onlyLoops() {
        return !callsPointers && !callsBack;
    }

    /** Number of calls of a function in reachable code, loops of calls being one. */
    int callSites(int function) {
        return callSites[function];
    }

    /** Whether functions find out what has been written of their frames, because all of it may be read. */
    boolean cleansFrames() {
        return checked && kinds.readsAnyFrame();
    }

    /** Whether the packet loop finds out what has been written of its frame: for a packet that has, not for each. */
    boolean cleansLoop() {
        return cleansFrames()
                || checked && !makesTailCalls && zeroed(0).size() > FEW_SLOTS; // behind tail calls nothing is known
    }

    /** Offsets from r10, multiples of 8 and below 0, of what has to begin as zero in a function's frame. */
    List<Integer> zeroed(int function) {
        if (stack != null && !stack.isUnknown()) {
            return stack.zeroed(function);
        }
        List<Integer> offsets = new ArrayList<>();
        for (int at = -kinds.stackBytes(function); at < 0; at += Long.BYTES) {
            offsets.add(at);
        }
        return offsets;
    }

    /** Whether variables on the stack are locals. */
    boolean hasVariables() {
        return stack != null;
    }

    /** How proved functions use their stacks. */
    StackUse stack() {
        if (stack == null) {
            throw new AssertionError("nothing is proved");
        }
        return stack;
    }

    /** Whether anything was proved of the program. */
    boolean isProved() {
        return facts != null;
    }

    private static boolean isFunctionPointer(Instruction insn) {
        return insn.form() == Form.LDDW && insn.pseudo() == Pseudo.FUNC;
    }

    /** How a function that can run at all is cut. */
    Partition partition(int function) {
        return partitions.get(function);
    }

    /** What was proved. */
    Facts facts() {
        if (facts == null) {
            throw new AssertionError("nothing is proved");
        }
        return facts;
    }

    /** Whether somebody has proved that the load at a slot reads the context. */
    boolean isContextLoad(int slot, Instruction insn) {
        return facts != null && facts.isContextLoad(slot, insn);
    }

    /** Whether it is proved that the second register of an operation is never 0. */
    boolean isNeverZero(Instruction insn, int slot) {
        RegisterFact fact = facts == null ? RegisterFact.NONE : facts.before(slot, insn.src());
        return fact.kind() == RegisterFact.Kind.SCALAR
                && (insn.opcode().is64() ? fact.range().umin() : fact.range().u32min()) != 0;
    }

    /**
     * The bytes that a call copies out of the packet or into it, where they are few, always as many, and not the packet's own;
     * else 0.
     *
     * @param state what {@link Kinds} says of the call's arguments
     */
    int bytesCopied(Callee helper, int slot, int function, int[] state) {
        boolean dynptr = helper == Helper.DYNPTR_READ;
        if (!dynptr && helper != Helper.XDP_LOAD_BYTES && helper != Helper.XDP_STORE_BYTES) {
            return 0;
        }
        if (checked) {
            int argument = dynptr ? 0 : 2;
            boolean isRight = Ways.argument(this, function, state, helper, argument) == Ways.Argument.RIGHT
                    && (dynptr
                            ? Ways.owns(this, function, state[3], Dynptrs.BYTES)
                            : Kinds.kind(state[1]) == Kinds.CONTEXT);
            long bytes = Ways.argumentBytes(this, state, helper, argument);
            return isRight && bytes <= MOST_COPIED ? (int) bytes : 0;
        }
        if (facts == null) {
            return 0;
        }
        RegisterFact.Kind buffer = facts.before(slot, dynptr ? 1 : 3).kind();
        RegisterFact size = facts.before(slot, dynptr ? 2 : 4);
        boolean apart = buffer == RegisterFact.Kind.STACK || buffer == RegisterFact.Kind.MAP_VALUE;
        if (!apart
                || !size.isConstant()
                || size.range().umin() < 1
                || size.range().umin() > MOST_COPIED) {
            return 0;
        }
        return (int) size.range().umin();
    }

    /**
     * The bytes of a slice of a dynptr that code finds itself, where they are always as many and the call's arguments are
     * right; else 0.
     */
    int bytesOfSlice(Callee helper, int function, int[] state) {
        if (!checked || helper != Kfunc.DYNPTR_SLICE && helper != Kfunc.DYNPTR_SLICE_RDWR) {
            return 0;
        }
        boolean isRight = Ways.owns(this, function, state[1], Dynptrs.BYTES)
                && Ways.argument(this, function, state, helper, 2) == Ways.Argument.RIGHT;
        return isRight ? (int) Ways.argumentBytes(this, state, helper, 2) : 0;
    }

    /** Whether it is proved that the first register of an operation is never negative. */
    boolean isNeverNegative(Instruction insn, int slot) {
        RegisterFact fact = facts == null ? RegisterFact.NONE : facts.before(slot, insn.dst());
        return fact.kind() == RegisterFact.Kind.SCALAR && fact.range().smin() >= 0;
    }

    /** Whether code may assume that an access at a constant address is allowed. */
    boolean assume(long address, long size, boolean write) {
        boolean assumes = assuming && (regions == null || regions.allows(address, size, write));
        if (assumes) {
            assumptions.add(new Assumption(address, size, write));
        }
        return assumes;
    }

    /** The beginning of the area of memory around an address, of which {@link #areaBytes} knows more; 0 for none. */
    private long areaAround(long address) {
        long[] area = new long[3];
        if (!assuming || regions == null || !regions.area(address, area, 0)) {
            return 0;
        }
        areas.putIfAbsent(area[0], area[1] - area[0]);
        return area[0];
    }

    /** Whether code may assume that accesses of so many bytes anywhere in an area are allowed. */
    boolean assumeArea(long start, int size, boolean write) {
        return areaBytes(start) >= size && assume(start, areaBytes(start), write);
    }

    /** Whether code may assume that accesses from one address up to another are allowed, all of them in one area. */
    boolean assumeWithin(long from, long to, boolean write) {
        long start = areaAround(from);
        return start != 0 && to <= start + areaBytes(start) && assume(start, areaBytes(start), write);
    }

    /** Bytes of an area that is known by where it begins. */
    long areaBytes(long start) {
        return areas.getOrDefault(start, 0L);
    }

    /** The map that a value points to and that code may take for certain, or null. */
    @Nullable
    BpfMap mapOf(int value) {
        if (table == null || Kinds.kind(value) != Kinds.LONG) {
            return null;
        }
        return table.byHandle(kinds.constant(value));
    }

    /** What look-ups in maps are emitted for that are in one of the program's maps. */
    List<InnerShape> innerShapes() {
        if (checked || table == null) {
            return List.of();
        }
        MapTable known = table;
        return maps.stream()
                .map(map -> map.def().inner())
                .filter(Objects::nonNull)
                .map(known::innerShape)
                .filter(shape -> shape != null && MapCode.emitsInner(shape))
                .distinct()
                .limit(MOST_SHAPES)
                .toList();
    }

    /** Where they are found ({@link MapTable#innerPlaces}). */
    long innerPlaces() {
        return Objects.requireNonNull(table).innerPlaces();
    }

    /** Whether look-ups in hashes are emitted; programs with very many are better off with calls. */
    boolean emitsHashes() {
        return knownLookups <= MOST_EMITTED;
    }

    /** The maps that helpers get and that {@link #mapOf} gives. */
    List<BpfMap> maps() {
        return List.copyOf(maps);
    }

    /** The field of the main class that holds a map. */
    String fieldOf(BpfMap map) {
        return mapField(List.copyOf(maps).indexOf(map));
    }

    /** The field of the map of a number. */
    static String mapField(int number) {
        return "map_" + number;
    }

    /**
     * Whether instructions are counted ahead: not each block asks whether the limit is reached, but those of {@link #ahead}
     * whether it may be before the next of them. Where it may, the interpreter goes on; it has all that checked code has.
     */
    boolean countsAhead() {
        return checked && counted;
    }

    /**
     * The most instructions of a block and those behind it, up to the next block that counts ahead; 0 for one that does not.
     * Those that do are where methods and parts begin, where control goes backwards, and behind code that counts itself.
     */
    int ahead(int function, Block block) {
        int[] known = ahead[function];
        if (known == null) {
            known = findAhead(flows.get(function), partition(function));
            ahead[function] = known;
        }
        return known[block.index];
    }

    private static int[] findAhead(Flow flow, Partition partition) {
        BitSet counting = new BitSet();
        partition.parts.forEach(part -> part.entries.forEach(counting::set));
        for (Block block : flow.blocks) {
            boolean counts = Flow.runsCode(flow.code.at(block.last));
            for (int next : new int[] {block.next, block.target}) {
                if (next != Block.NONE && (counts || next <= block.index)) {
                    counting.set(next);
                }
            }
        }
        int[] longest = new int[flow.blocks.size()];
        for (int i = longest.length - 1; i >= 0; i--) {
            Block block = flow.blocks.get(i);
            int most = 0;
            for (int next : new int[] {block.next, block.target}) {
                if (next != Block.NONE && !counting.get(next)) {
                    most = Math.max(most, longest[next]);
                }
            }
            longest[i] = block.instructions + most;
        }
        for (int i = 0; i < longest.length; i++) {
            longest[i] = counting.get(i) ? longest[i] : 0;
        }
        return longest;
    }

    /** What has been assumed so far. */
    List<Assumption> assumptions() {
        return List.copyOf(assumptions);
    }

    /** Whether a function is called, or its address taken, within the program. */
    boolean isCalled(int function) {
        return called[function];
    }

    /** Whether a function's address is taken. */
    boolean isPointedTo(int function) {
        return pointed[function];
    }

    /** Whether a function has {@code may_goto}. */
    boolean hasMayGoto(int function) {
        return mayGoto[function];
    }

    /** The method to call for a function. */
    MethodRef function(int function) {
        return functions[function];
    }

    void setFunction(int function, MethodRef method) {
        functions[function] = method;
    }

    /** The method that goes on at an entry of a function of several parts. */
    MethodRef dispatcher(int function) {
        return dispatchers[function];
    }

    void setDispatcher(int function, MethodRef method) {
        dispatchers[function] = method;
    }

    /** The method of a part of a function that has several. */
    MethodRef part(Part part) {
        return parts.get(part);
    }

    void setPart(Part part, MethodRef method) {
        parts.put(part, method);
    }
}
