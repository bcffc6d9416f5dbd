package dev.sluice.jit;

import dev.sluice.helper.RunContext;
import dev.sluice.isa.AluOp;
import dev.sluice.isa.Code;
import dev.sluice.isa.Form;
import dev.sluice.isa.Instruction;
import dev.sluice.isa.Pseudo;
import dev.sluice.isa.Width;
import dev.sluice.program.Facts;
import dev.sluice.program.RegisterFact;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Where each byte comes from that a block moves between registers, the packet and, in a proved program, the function's own
 * stack, and the wider accesses that follow from it. Compilers for BPF access memory of unknown alignment byte by byte, and
 * CPUs lose a dozen cycles where a load needs bytes of a narrower store that is still on its way to the cache. So:
 *
 * <ul>
 *   <li>a load of bytes that the block has stored takes them from the registers that were stored;
 *   <li>stores of adjacent bytes that were adjacent in memory or in a register are one store, in place of the last of them;
 *   <li>a number that is put together from adjacent bytes of memory is one load, with its bytes reversed if need be.
 * </ul>
 *
 * <p>Every byte of a register and every byte stored is a <i>symbol</i>: a constant, a byte of a value that some instruction
 * left in a register, or a byte of memory as it was when the block first saw it. What may change memory in an unknown place ends
 * what is known of it. The packet and the stack belong to the queue that runs the program, so nobody sees in which order and how
 * wide they are written; memory of maps is left alone. In checked code only those accesses to the packet are told apart that
 * need no test ({@link AddressFlow}). All others may fault, and everything before them is done when they do.
 *
 * <p>The result is a list of changes by instruction, in the terms of new local variables, which hold values from where they
 * arise to where they are wanted.
 */
final class ByteFlow {
    private static final int WORD = Long.BYTES;
    private static final int REGISTERS = Instruction.FP + 1;

    private static final int LOCAL_BYTES = 24;
    private static final int PIECE_BYTES = 28;

    // --- symbols: kind, then what it is, then which byte of it
    private static final int KIND_SHIFT = 60;
    private static final int BYTE_BITS = 3;
    private static final long CONSTANT = 0L << KIND_SHIFT;
    private static final long VALUE = 1L << KIND_SHIFT;
    private static final long MEMORY = 2L << KIND_SHIFT;

    /** What memory is told apart. */
    private enum Area {
        PACKET,
        STACK,
        /** Memory that is neither. */
        OTHER,
        /** Any of them. */
        UNKNOWN
    }

    /** Where an access goes: addresses of one base are compared by their offsets, those of different ones not at all. */
    private record Place(Area area, int base, long offset) {
        Place plus(long bytes) {
            return new Place(area, base, offset + bytes);
        }
    }

    /** A byte of memory as it was before anybody in the block stored it, and the load that saw it first. */
    private record Seen(Place place, int epoch, int slot, int register, int displacement) {}

    /** A store that may become a part of a wider one. */
    private record Store(int slot, Place place, int bytes, long[] symbols) {}

    /** A value that is wanted later: what instruction leaves it in which register; slot -1 is before the block. */
    private record Value(int slot, int register) {}

    /** A wider load: of memory at a register's value plus an offset, before the instruction at a slot. */
    private record Wide(int slot, int register, int offset, int bytes) {}

    // --- the result

    /**
     * Bytes of a local, of memory or of a constant, as a part of a number.
     *
     * @param local number of the local, or -1
     * @param register with {@code offset} the address when it is memory, else -1
     * @param constant when it is neither
     * @param from the first byte of the local
     * @param bytes how many: 1, 2, 4 or 8, of a local or of a constant any number
     * @param reversed whether the local's bytes are wanted in the other order
     * @param at place of the first byte in the number
     */
    record Piece(int local, int register, int offset, long constant, int from, int bytes, boolean reversed, int at) {
        boolean isLocal() {
            return local >= 0;
        }

        boolean isMemory() {
            return register >= 0;
        }
    }

    /** A load into a local before an instruction. */
    record Load(int local, int register, int offset, int bytes) {}

    /** A register that is kept in a local after an instruction. */
    record Save(int local, int register) {}

    /**
     * What becomes of an instruction.
     *
     * @param dropped whether nothing does: another store includes it
     * @param offset from the instruction's own address, of a store that includes others
     * @param bytes of such a store; 0 for an instruction whose result is the number
     * @param pieces the number that is stored, or the result
     */
    record Change(boolean dropped, int offset, int bytes, List<Piece> pieces) {}

    private final Map<Integer, List<Load>> loads = new HashMap<>();
    private final Map<Integer, List<Save>> saves = new HashMap<>();
    private final Map<Integer, Change> changes = new HashMap<>();
    private final Map<Object, Integer> locals = new HashMap<>();

    // --- the walk
    private final Unit unit;
    private final @Nullable Facts facts;
    private final Block block;
    private final int function;
    private final long[][] registers = new long[REGISTERS][WORD];
    private final int[] bases = new int[REGISTERS];
    private final long[] baseOffsets = new long[REGISTERS];
    private final List<Value> values = new ArrayList<>();
    private final List<Seen> seen = new ArrayList<>();
    private final Map<Place, Integer> seenAt = new HashMap<>();
    private final Map<Place, Long> stored = new HashMap<>();
    private final List<Store> stores = new ArrayList<>();
    private int nextBase = 2;
    private int epoch;

    /** Bases by which something is known of the packet. */
    private final Set<Integer> packetBases = new HashSet<>();

    private ByteFlow(Unit unit, @Nullable Facts facts, int function, Block block) {
        this.unit = unit;
        this.facts = facts;
        this.function = function;
        this.block = block;
    }

    /**
     * The changes of a block; null when there are none.
     *
     * @param facts what was proved; null in checked code, where the block has been looked at by {@link AddressFlow} before
     */
    static @Nullable ByteFlow of(Unit unit, @Nullable Facts facts, int function, Block block) {
        if (!isWorthIt(unit.program.code(), block)) {
            return null;
        }
        ByteFlow flow = new ByteFlow(unit, facts, function, block);
        flow.walk();
        return flow.changes.isEmpty() ? null : flow;
    }

    /** Whether there is a store, or the end of putting bytes together, and another access before it. */
    private static boolean isWorthIt(Code code, Block block) {
        int accesses = 0;
        int ends = 0;
        for (int slot = block.start; slot < block.end; ) {
            Instruction insn = code.at(slot);
            switch (insn.form()) {
                case LDX -> accesses++;
                case ST, STX -> {
                    accesses++;
                    ends++;
                }
                case ALU_X -> ends += insn.opcode().alu() == AluOp.OR ? 1 : 0;
                default -> {}
            }
            slot += insn.slots();
        }
        return accesses > 1 && ends > 0;
    }

    /** Upper bound of the bytes of JVM code beside what the instructions take by themselves. */
    int estimate() {
        int bytes = locals.size() * LOCAL_BYTES;
        for (Change change : changes.values()) {
            bytes += change.pieces.size() * PIECE_BYTES;
        }
        return bytes;
    }

    /** What is loaded before the instruction at a slot. */
    List<Load> loadsBefore(int slot) {
        return loads.getOrDefault(slot, List.of());
    }

    /** What is kept after the instruction at a slot; -1: before the block. */
    List<Save> savesAfter(int slot) {
        return saves.getOrDefault(slot, List.of());
    }

    /** What becomes of the instruction at a slot; null when it is emitted as it is. */
    @Nullable
    Change change(int slot) {
        return changes.get(slot);
    }

    private void walk() {
        Code code = unit.program.code();
        for (int r = 0; r < REGISTERS; r++) {
            define(-1, r, WORD);
        }
        int[] state = unit.kinds.stateBefore(function, block);
        for (int slot = block.start; slot < block.end; ) {
            Instruction insn = code.at(slot);
            step(insn, slot, state);
            unit.kinds.step(state, insn, slot);
            slot += insn.slots();
        }
        mergeStores();
    }

    private void step(Instruction insn, int slot, int[] state) {
        switch (insn.form()) {
            case ALU_K, ALU_X, UNARY, MOVSX -> alu(insn, slot);
            case LDDW -> {
                if (insn.pseudo() == Pseudo.FUNC) {
                    define(slot, insn.dst(), WORD);
                } else {
                    set(insn.dst(), constant(insn.imm()));
                }
            }
            case LDX, LDXSX -> load(insn, slot, state);
            case ST, STX -> store(insn, slot, state);
            case ATOMIC, LOAD_ACQ, STORE_REL -> {
                int register = insn.form() == Form.LOAD_ACQ ? insn.src() : insn.dst();
                if (place(insn, slot, register, state).area != Area.OTHER) {
                    forget(Area.UNKNOWN);
                }
                define(slot, 0, WORD); // what a compare-and-exchange has found
                if (insn.form() != Form.STORE_REL) {
                    define(slot, insn.form() == Form.LOAD_ACQ ? insn.dst() : insn.src(), WORD);
                }
            }
            case CALL_HELPER, CALL_KFUNC, CALL_LOCAL, CALLX -> {
                forget(Area.UNKNOWN);
                for (int r = 0; r < REGISTERS; r++) {
                    define(slot, r, WORD); // locals are not kept over calls
                }
            }
            case JMP_K, JMP_X, JA, GOTOL, MAY_GOTO, EXIT -> {}
            case LD_ABS, LD_IND -> throw new AssertionError("refused at load: " + insn);
        }
    }

    // --- registers

    private static long valueSymbol(int number, int at) {
        return VALUE | (long) number << BYTE_BITS | at;
    }

    private static long[] constant(long number) {
        long[] symbols = new long[WORD];
        for (int i = 0; i < WORD; i++) {
            symbols[i] = CONSTANT | number >>> 8 * i & 0xff;
        }
        return symbols;
    }

    private static long kind(long symbol) {
        return symbol & -1L << KIND_SHIFT;
    }

    private static int number(long symbol) {
        return (int) ((symbol & ~(-1L << KIND_SHIFT)) >>> BYTE_BITS);
    }

    private static int byteOf(long symbol) {
        return (int) symbol & (1 << BYTE_BITS) - 1;
    }

    /** The bytes of what an instruction leaves in a register, which is new; those above {@code bytes} are zero. */
    private long[] fresh(int slot, int register, int bytes) {
        int number = values.size();
        values.add(new Value(slot, register));
        long[] symbols = new long[WORD];
        for (int i = 0; i < bytes; i++) {
            symbols[i] = valueSymbol(number, i);
        }
        return symbols;
    }

    private void define(int slot, int register, int bytes) {
        set(register, fresh(slot, register, bytes));
    }

    /** Sets a register to a number, of which no address is known. */
    private void set(int register, long[] symbols) {
        registers[register] = symbols;
        bases[register] = nextBase++;
        baseOffsets[register] = 0;
    }

    private void alu(Instruction insn, int slot) {
        AluOp op = insn.opcode().alu();
        boolean is64 = insn.opcode().is64();
        int dst = insn.dst();
        int width = is64 ? WORD : Integer.BYTES;
        long[] left = registers[dst];
        boolean immediate = insn.form() == Form.ALU_K;
        long[] right = immediate ? constant(insn.imm()) : insn.form() == Form.UNARY ? left : registers[insn.src()];
        if (is64 && op == AluOp.MOV && !immediate) {
            registers[dst] = right;
            bases[dst] = bases[insn.src()];
            baseOffsets[dst] = baseOffsets[insn.src()];
            return;
        }
        if (is64 && immediate && (op == AluOp.ADD || op == AluOp.SUB)) {
            int base = bases[dst];
            long offset = baseOffsets[dst] + (op == AluOp.ADD ? insn.imm() : -insn.imm());
            define(slot, dst, width);
            bases[dst] = base;
            baseOffsets[dst] = offset;
            return;
        }
        long[] result = fresh(slot, dst, width);
        boolean known = true;
        switch (op) {
            case MOV -> System.arraycopy(right, 0, result, 0, width);
            case OR, XOR -> {
                for (int i = 0; i < width; i++) {
                    result[i] = right[i] == CONSTANT ? left[i] : left[i] == CONSTANT ? right[i] : result[i];
                }
            }
            case AND -> {
                for (int i = 0; i < width; i++) {
                    boolean zero = left[i] == CONSTANT || right[i] == CONSTANT;
                    result[i] = zero ? CONSTANT : right[i] == (CONSTANT | 0xff) ? left[i] : result[i];
                }
            }
            case LSH, RSH -> {
                int by = (int) insn.imm() & (is64 ? 63 : 31);
                known = immediate && by % 8 == 0;
                for (int i = 0; known && i < width; i++) {
                    int from = op == AluOp.LSH ? i - by / 8 : i + by / 8;
                    result[i] = from >= 0 && from < width ? left[from] : CONSTANT;
                }
            }
            case BE16, BSWAP16 -> reverse(left, result, 2);
            case BE32, BSWAP32 -> reverse(left, result, 4);
            case BE64, BSWAP64 -> reverse(left, result, 8);
            case LE16 -> keep(left, result, 2);
            case LE32 -> keep(left, result, 4);
            case LE64 -> keep(left, result, 8);
            case ADD, SUB, MUL, DIV, SDIV, MOD, SMOD, ARSH, NEG, MOVSX8, MOVSX16, MOVSX32 -> known = false;
        }
        set(dst, result);
        if (known && op == AluOp.OR) {
            putTogether(slot, result);
        }
    }

    private static void reverse(long[] from, long[] to, int bytes) {
        for (int i = 0; i < WORD; i++) {
            to[i] = i < bytes ? from[bytes - 1 - i] : CONSTANT;
        }
    }

    private static void keep(long[] from, long[] to, int bytes) {
        for (int i = 0; i < WORD; i++) {
            to[i] = i < bytes ? from[i] : CONSTANT;
        }
    }

    /** A number that is put together from bytes of memory is loaded at once. */
    private void putTogether(int slot, long[] symbols) {
        int bytes = WORD;
        while (bytes > 0 && symbols[bytes - 1] == CONSTANT) {
            bytes--;
        }
        if (bytes != 2 && bytes != 4 && bytes != 8) {
            return;
        }
        Run run = Run.of(this, symbols, 0, bytes);
        if (run.bytes == bytes && kind(symbols[0]) == MEMORY && run.slots(this, symbols, 0) > 1) {
            changes.put(slot, new Change(false, 0, 0, List.of(piece(symbols, 0, run, 0))));
        }
    }

    // --- memory

    /** Where an access goes. */
    private Place place(Instruction insn, int slot, int register, int[] state) {
        if (facts == null) {
            return checkedPlace(insn, slot, register);
        }
        int kind = register == Instruction.FP ? 0 : state[register];
        boolean own = register == Instruction.FP || Kinds.kind(kind) == Kinds.STACK;
        RegisterFact fact = facts.base(slot, insn);
        return switch (fact.kind()) {
            case PACKET, PACKET_META -> {
                if (fact.hasFixedOffset()) {
                    int base = fact.kind() == RegisterFact.Kind.PACKET ? 0 : 1;
                    yield new Place(Area.PACKET, base, fact.minOffset() + insn.off());
                }
                yield new Place(Area.PACKET, bases[register], baseOffsets[register] + insn.off());
            }
            case STACK -> {
                long at = (register == Instruction.FP ? 0 : Kinds.number(kind)) + (long) insn.off();
                boolean inFrame = own
                        && at >= -RunContext.STACK_BYTES
                        && at + insn.opcode().width().bytes() <= 0;
                yield inFrame ? new Place(Area.STACK, 0, at) : new Place(Area.UNKNOWN, 0, 0);
            }
            case MAP, MAP_VALUE, MAP_KEY, CTX -> new Place(Area.OTHER, 0, 0);
            case ANY, SCALAR, PACKET_END, MEMORY, FUNCTION, OBJECT -> new Place(Area.UNKNOWN, 0, 0);
        };
    }

    /** Where an access of checked code goes: anywhere, unless it is certain that it does no harm. */
    private Place checkedPlace(Instruction insn, int slot, int register) {
        boolean mayFault = insn.form() == Form.ATOMIC || insn.form() == Form.LOAD_ACQ || insn.form() == Form.STORE_REL;
        int inside = block.inside(slot);
        if (mayFault || inside < AddressFlow.INSIDE || inside == AddressFlow.IN_FRAME) {
            return new Place(Area.UNKNOWN, 0, 0);
        }
        return inside == AddressFlow.IN_PACKET
                ? new Place(Area.PACKET, bases[register], baseOffsets[register] + insn.off())
                : new Place(Area.OTHER, 0, 0);
    }

    private void load(Instruction insn, int slot, int[] state) {
        int bytes = insn.opcode().width().bytes();
        int dst = insn.dst();
        boolean signed = insn.form() == Form.LDXSX;
        Place place = place(insn, slot, insn.src(), state);
        if (place.area == Area.OTHER) {
            define(slot, dst, signed || insn.opcode().width() == Width.DW || isContext(insn, slot) ? WORD : bytes);
            return;
        }
        if (place.area == Area.UNKNOWN) {
            mergeStores(); // the load may want what they store
            define(slot, dst, signed ? WORD : bytes);
            return;
        }
        boolean variable = isVariable(insn, slot);
        long[] symbols = fresh(slot, dst, bytes);
        boolean[] written = new boolean[bytes];
        boolean fromStores = false;
        for (int i = 0; i < bytes; i++) {
            Place at = place.plus(i);
            Long symbol = stored.get(at);
            if (symbol != null) {
                symbols[i] = symbol;
                written[i] = true;
                fromStores = true;
            } else if (place.area == Area.PACKET) {
                symbols[i] = seen(at, slot, insn, i);
            }
        }
        if (signed) {
            if (fromStores && !variable) {
                mergeStores();
            }
            define(slot, dst, WORD);
            return;
        }
        set(dst, symbols);
        if (fromStores && !variable) {
            changes.put(slot, new Change(false, 0, 0, pieces(symbols, written, insn)));
        }
    }

    private boolean isContext(Instruction insn, int slot) {
        return facts != null && facts.base(slot, insn).kind() == RegisterFact.Kind.CTX;
    }

    private boolean isVariable(Instruction insn, int slot) {
        return facts != null && unit.stack().variable(function, slot, insn) >= 0;
    }

    /** The symbol of a byte of memory that nobody in the block has stored. */
    private long seen(Place at, int slot, Instruction insn, int index) {
        Integer number = seenAt.get(at);
        if (number == null) {
            number = seen.size();
            packetBases.add(at.base);
            seen.add(new Seen(at, epoch, slot, insn.src(), insn.off() + index));
            seenAt.put(at, number);
        }
        return MEMORY | (long) number << BYTE_BITS;
    }

    private void store(Instruction insn, int slot, int[] state) {
        Place place = place(insn, slot, insn.dst(), state);
        if (place.area == Area.OTHER) {
            return;
        }
        if (place.area == Area.UNKNOWN) {
            forget(Area.UNKNOWN);
            return;
        }
        int bytes = insn.opcode().width().bytes();
        long[] symbols = insn.form() == Form.ST ? constant(insn.imm()) : registers[insn.src()];
        boolean variable = isVariable(insn, slot);
        otherBase(place);
        boolean overlaps = false;
        for (int i = 0; i < bytes; i++) {
            overlaps |= stored.put(place.plus(i), symbols[i]) != null;
        }
        if (variable) {
            return;
        }
        if (overlaps) {
            mergeStores(); // of two stores of one byte the order matters
        }
        stores.add(new Store(slot, place, bytes, symbols));
    }

    /** What is known by other bases than a store's is forgotten, as it may be the same memory. */
    private void otherBase(Place place) {
        if (place.area == Area.PACKET) {
            if (packetBases.size() > 1 || !packetBases.isEmpty() && !packetBases.contains(place.base)) {
                forget(Area.PACKET);
            }
            packetBases.add(place.base);
        }
    }

    /** Forgets what memory holds; what registers hold stays known. */
    private void forget(Area area) {
        mergeStores();
        epoch++;
        packetBases.clear();
        stored.keySet().removeIf(at -> area == Area.UNKNOWN || at.area == area);
        seenAt.keySet().removeIf(at -> area == Area.UNKNOWN || at.area == area);
    }

    // --- stores

    /** Merges what can be merged of the stores so far, none of which becomes part of a later one. */
    private void mergeStores() {
        if (stores.size() > 1) {
            stores.sort((one, other) -> {
                int order = one.place.area.compareTo(other.place.area);
                order = order == 0 ? Integer.compare(one.place.base, other.place.base) : order;
                return order == 0 ? Long.compare(one.place.offset, other.place.offset) : order;
            });
            for (int i = 0; i < stores.size(); ) {
                i += Math.max(1, merge(i));
            }
        }
        stores.clear();
    }

    /** Merges the stores from one on into the widest one that there is: how many they are, 0 for none. */
    private int merge(int first) {
        for (int width = WORD; width > 1; width /= 2) {
            long[] symbols = new long[WORD];
            int count = 0;
            int bytes = 0;
            while (first + count < stores.size() && bytes < width) {
                Store store = stores.get(first + count);
                if (!store.place.equals(stores.get(first).place.plus(bytes)) || bytes + store.bytes > width) {
                    break;
                }
                System.arraycopy(store.symbols, 0, symbols, bytes, store.bytes);
                bytes += store.bytes;
                count++;
            }
            if (bytes == width && count > 1 && replace(stores.subList(first, first + count), symbols, width)) {
                return count;
            }
        }
        return 0;
    }

    private boolean replace(List<Store> group, long[] symbols, int width) {
        Run run = Run.of(this, symbols, 0, width);
        if (run.bytes != width) {
            return false;
        }
        Store last = group.getFirst();
        for (Store store : group) {
            last = store.slot > last.slot ? store : last;
            changes.put(store.slot, new Change(true, 0, 0, List.of()));
        }
        long offset = group.getFirst().place.offset - last.place.offset;
        changes.put(last.slot, new Change(false, (int) offset, width, List.of(piece(symbols, 0, run, 0))));
        return true;
    }

    // --- numbers from symbols

    /** How many symbols, from one on, are bytes of one thing that follow each other, forwards or backwards. */
    private record Run(int bytes, boolean reversed) {
        static Run of(ByteFlow flow, long[] symbols, int from, int most) {
            if (most == 1) {
                return new Run(1, false);
            }
            if (kind(symbols[from]) == CONSTANT) {
                int bytes = 1;
                while (bytes < most && kind(symbols[from + bytes]) == CONSTANT) {
                    bytes++;
                }
                return new Run(bytes, false);
            }
            int step = flow.distance(symbols[from], symbols[from + 1]);
            int bytes = 1;
            while (bytes < most
                    && (step == 1 || step == -1)
                    && flow.distance(symbols[from + bytes - 1], symbols[from + bytes]) == step) {
                bytes++;
            }
            return new Run(bytes, bytes > 1 && step < 0);
        }

        /** By how many loads the bytes of memory have been seen. */
        int slots(ByteFlow flow, long[] symbols, int from) {
            Set<Integer> slots = new HashSet<>();
            for (int i = 0; i < bytes; i++) {
                slots.add(flow.seen.get(number(symbols[from + i])).slot);
            }
            return slots.size();
        }
    }

    /** By how much the second of two bytes of one thing is behind the first; 0 when they are of different things. */
    private int distance(long one, long other) {
        if (kind(one) != kind(other)) {
            return 0;
        }
        if (kind(one) == VALUE) {
            return number(one) == number(other) ? byteOf(other) - byteOf(one) : 0;
        }
        if (kind(one) == MEMORY) {
            Seen a = seen.get(number(one));
            Seen b = seen.get(number(other));
            boolean same = a.epoch == b.epoch && a.place.area == b.place.area && a.place.base == b.place.base;
            return same ? Math.clamp(b.place.offset - a.place.offset, -WORD, WORD) : 0;
        }
        return 0;
    }

    /** The pieces of a load, of whose bytes some have been written by the block's stores and others lie in memory still. */
    private List<Piece> pieces(long[] symbols, boolean[] written, Instruction insn) {
        List<Piece> pieces = new ArrayList<>();
        for (int at = 0; at < written.length; ) {
            int end = at;
            while (end < written.length && written[end] == written[at]) {
                end++;
            }
            if (written[at]) {
                Run run = Run.of(this, symbols, at, end - at);
                if (run.reversed || kind(symbols[at]) == MEMORY) {
                    int bytes = Integer.highestOneBit(run.bytes);
                    run = new Run(bytes, run.reversed && bytes > 1);
                }
                pieces.add(piece(symbols, at, run, at));
                at += run.bytes;
            } else {
                int bytes = Integer.highestOneBit(end - at);
                pieces.add(new Piece(-1, insn.src(), insn.off() + at, 0, 0, bytes, false, at));
                at += bytes;
            }
        }
        return pieces;
    }

    private Piece piece(long[] symbols, int from, Run run, int at) {
        long first = symbols[from];
        if (kind(first) == CONSTANT) {
            long constant = 0;
            for (int i = 0; i < run.bytes; i++) {
                constant |= (symbols[from + i] & 0xff) << 8 * i;
            }
            return new Piece(-1, -1, 0, constant, 0, run.bytes, false, at);
        }
        long lowest = run.reversed ? symbols[from + run.bytes - 1] : first;
        if (kind(first) == VALUE) {
            return new Piece(localOf(number(first)), -1, 0, 0, byteOf(lowest), run.bytes, run.reversed, at);
        }
        return new Piece(localOf(symbols, from, run, lowest), -1, 0, 0, 0, run.bytes, run.reversed, at);
    }

    /** The local that a value is kept in. */
    private int localOf(int number) {
        Value value = values.get(number);
        return locals.computeIfAbsent(value, key -> {
            int local = locals.size();
            saves.computeIfAbsent(value.slot, slot -> new ArrayList<>()).add(new Save(local, value.register));
            return local;
        });
    }

    /** The local that bytes of memory are loaded into, all at once, where the first of them is seen. */
    private int localOf(long[] symbols, int from, Run run, long lowest) {
        Seen first = seen.get(number(symbols[from]));
        for (int i = 1; i < run.bytes; i++) {
            Seen other = seen.get(number(symbols[from + i]));
            first = other.slot < first.slot ? other : first;
        }
        long offset = first.displacement + seen.get(number(lowest)).place.offset - first.place.offset;
        Wide wide = new Wide(first.slot, first.register, (int) offset, run.bytes);
        return locals.computeIfAbsent(wide, key -> {
            int local = locals.size();
            loads.computeIfAbsent(wide.slot, slot -> new ArrayList<>())
                    .add(new Load(local, wide.register, wide.offset, wide.bytes));
            return local;
        });
    }
}
