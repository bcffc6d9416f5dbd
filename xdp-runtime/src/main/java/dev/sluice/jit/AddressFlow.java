package dev.sluice.jit;

import dev.sluice.helper.Callee;
import dev.sluice.helper.Helper;
import dev.sluice.helper.RunContext;
import dev.sluice.isa.AluOp;
import dev.sluice.isa.Code;
import dev.sluice.isa.Form;
import dev.sluice.isa.Instruction;
import dev.sluice.isa.JmpOp;
import dev.sluice.isa.Pseudo;
import dev.sluice.isa.Width;
import dev.sluice.map.BpfMap;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * What the comparisons that a checked function makes itself say about the addresses that it accesses: a forward data flow
 * over one function's registers. An access of which it shows an end to be inside needs no test for that end.
 *
 * <p>Unlike {@link Kinds}, all that it says is certain, whatever the program does: it follows registers, which nobody but the
 * function's own instructions changes, and never what went through memory. A value that nothing is known about is null:
 *
 * <pre>
 *  Number    from min to max, none of them negative
 *  Packet    some base plus a constant, from data_meta + low to data_meta + high if that is known;
 *            room: so many bytes from it on lie before data_end, which the program has compared
 *  End       data_end
 *  Element   null, or the value of a look-up plus low to high; once it was compared with null, not null
 *  Place     r10 plus low to high
 * </pre>
 *
 * <p>{@code room} says that {@code pointer + room <= data_end}, both unsigned and the sum as 64 bits hold it. Where the address
 * of an access is at least {@code data_meta}, this bounds its end, too: no sum from there on reaches beyond 64 bits.
 *
 * <p>Pointers with the same base are told by its number: the instruction that computed it, or a block and a register where several
 * came together. When control comes to such an instruction again, nothing is known to have its base any more: on the way on which
 * control came there first, no register had it. At such a block those keep a common base that are as far apart as before.
 */
final class AddressFlow {
    /** Of an access: it does not begin before data_meta; whether it ends in the packet is to be tested. */
    static final byte BEGIN = 1;

    /** Of an access: it ends in the packet if it does not begin before data_meta, which is to be tested. */
    static final byte END = 2;

    /** Of an access: it needs no test. */
    static final byte INSIDE = BEGIN | END;

    /** Of an access: it needs no test, and is of the function's own frame. */
    static final byte IN_FRAME = INSIDE | 4;

    /** Of an access: it needs no test, and is of the packet. */
    static final byte IN_PACKET = INSIDE | 8;

    private static final int REGISTERS = 10;
    private static final int FP = Instruction.FP;

    /** Numbers beyond are not followed. */
    private static final long LARGEST = 1L << 62;

    /** Distances from data_meta beyond are not followed. */
    private static final long FAR = 1L << 40;

    /** More than a packet has bytes, headroom and metadata. */
    private static final long PACKET_BYTES = 1L << 31;

    /** More than data is behind data_meta. */
    private static final long MOST_METADATA = 1L << 16;

    /** In place of how far from data_meta a pointer is: anywhere. */
    private static final long ANYWHERE = Long.MIN_VALUE;

    /** In place of the room behind a pointer: not known. */
    private static final long NO_ROOM = Long.MIN_VALUE;

    private static final long LOW = 0xffff_ffffL;

    /** Arrivals at a block after which bounds are widened there. */
    private static final int MANY_ARRIVALS = 4;

    private static final int DATA = -1;
    private static final int DATA_META = -2;

    /** The first number of a base where several came together. */
    private static final int FIRST_JOINED = -3;

    private sealed interface Value {}

    private record Number(long min, long max) implements Value {}

    /**
     * @param offset from the base
     * @param low from data_meta, or {@link #ANYWHERE}; then high is meaningless
     * @param room from here on, or {@link #NO_ROOM}
     */
    private record Packet(int base, long offset, long low, long high, long room) implements Value {}

    private record End() implements Value {}

    /** @param bytes that the value has */
    private record Element(int base, long low, long high, int bytes, boolean isNull) implements Value {}

    private record Place(long low, long high) implements Value {}

    private static final Value FRAME = new Place(0, 0);
    private static final Value DATA_END = new End();

    private final Unit unit;
    private final int function;
    private final Code code;
    private final List<Block> blocks;
    private final @Nullable Value[][] states;
    private final int[] arrivals;

    /** By block: the number of its first instruction. A slot has several numbers where its block is there several times. */
    private final int[] places;

    private AddressFlow(Unit unit, int function, Flow flow) {
        this.unit = unit;
        this.function = function;
        code = flow.code;
        blocks = flow.blocks;
        states = new Value[blocks.size()][];
        arrivals = new int[blocks.size()];
        places = new int[blocks.size()];
        for (int i = 1; i < places.length; i++) {
            places[i] = places[i - 1] + blocks.get(i - 1).end - blocks.get(i - 1).start;
        }
    }

    /**
     * Looks at a function and leaves in its blocks what was found.
     *
     * @see Block#inside
     */
    static void find(Unit unit, int function, Flow flow) {
        AddressFlow flows = new AddressFlow(unit, function, flow);
        flows.walk();
        for (Block block : flow.blocks) {
            flows.leave(block);
        }
    }

    // --- the walk

    private void walk() {
        BitSet waiting = new BitSet(blocks.size());
        arrive(0, new Value[REGISTERS], waiting);
        int at = 0;
        while (!waiting.isEmpty()) {
            int next = waiting.nextSetBit(at);
            if (next < 0) {
                next = waiting.nextSetBit(0);
            }
            waiting.clear(next);
            Block block = blocks.get(next);
            Value[] state = through(block, null);
            Instruction last = code.at(block.last);
            boolean branches = last.form() == Form.JMP_K || last.form() == Form.JMP_X;
            if (block.next != Block.NONE) {
                arrive(block.next, branches ? compared(state, last, false) : state, waiting);
            }
            if (block.target != Block.NONE) {
                arrive(block.target, branches ? compared(state, last, true) : state, waiting);
            }
            at = next + 1;
        }
    }

    /** The state behind a block; on the way accesses are judged if somebody wants it. */
    private @Nullable Value[] through(Block block, byte @Nullable [] inside) {
        Value[] state = Objects.requireNonNull(states[block.index]).clone();
        int[] kinds = unit.kinds.stateBefore(function, block);
        for (int slot = block.start; slot < block.end; ) {
            Instruction insn = code.at(slot);
            if (inside != null) {
                inside[slot - block.start] = judge(state, insn);
            }
            step(state, insn, places[block.index] + slot - block.start, kinds);
            unit.kinds.step(kinds, insn, slot);
            slot += insn.slots();
        }
        return state;
    }

    private void leave(Block block) {
        if (states[block.index] == null) {
            return;
        }
        block.inside = new byte[block.end - block.start];
        through(block, block.inside);
    }

    private void arrive(int block, @Nullable Value[] state, BitSet waiting) {
        Value[] before = states[block];
        if (before == null) {
            states[block] = state.clone();
            waiting.set(block);
            return;
        }
        boolean widens = ++arrivals[block] > MANY_ARRIVALS;
        Value[] joined = new Value[REGISTERS];
        for (int r = 0; r < REGISTERS; r++) {
            joined[r] = join(block, r, before, state, joined, widens);
        }
        if (!Arrays.equals(joined, before)) {
            states[block] = joined;
            waiting.set(block);
        }
    }

    // --- where ways come together

    private static int joinedBase(int block, int register) {
        return FIRST_JOINED - block * REGISTERS - register;
    }

    private static boolean isJoinedAt(int block, int base) {
        return base <= joinedBase(block, 0) && base >= joinedBase(block, REGISTERS - 1);
    }

    /** What a register may hold, from what it held on the ways so far and what it holds on one more. */
    private @Nullable Value join(
            int block, int r, @Nullable Value[] a, @Nullable Value[] b, @Nullable Value[] joined, boolean widens) {
        Value x = a[r];
        Value y = b[r];
        if (x == null || y == null) {
            return null;
        }
        if (x instanceof Number one && y instanceof Number other) {
            return number(
                    lower(one.min, other.min, widens, 0),
                    higher(one.max, other.max, widens, other.max <= LOW ? LOW : LARGEST));
        }
        if (x instanceof End && y instanceof End) {
            return DATA_END;
        }
        if (x instanceof Place one && y instanceof Place other) {
            return place(lower(one.low, other.low, widens, -FAR), higher(one.high, other.high, widens, FAR));
        }
        if (x instanceof Packet one && y instanceof Packet other) {
            return joinPackets(block, r, a, b, one, other, joined, widens);
        }
        if (x instanceof Element || y instanceof Element) {
            Element one = element(x, y);
            Element other = element(y, x);
            if (one == null || other == null) {
                return null;
            }
            boolean isOne = one.base == other.base && x instanceof Element && y instanceof Element;
            int base = isOne && !isJoinedAt(block, one.base) ? one.base : joinedBase(block, r);
            return joinElements(base, one, other, widens);
        }
        return null;
    }

    private static long lower(long before, long now, boolean widens, long least) {
        return now >= before ? before : widens ? least : now;
    }

    private static long higher(long before, long now, boolean widens, long most) {
        return now <= before ? before : widens ? most : now;
    }

    private @Nullable Value joinPackets(
            int block,
            int r,
            @Nullable Value[] a,
            @Nullable Value[] b,
            Packet one,
            Packet other,
            @Nullable Value[] joined,
            boolean widens) {
        long low = ANYWHERE;
        long high = 0;
        if (one.low != ANYWHERE && other.low != ANYWHERE) {
            low = lower(one.low, other.low, widens, -FAR);
            // what has room is at most so far away, which is where a loop over a packet ends up
            long most = other.high <= PACKET_BYTES ? PACKET_BYTES : FAR;
            high = higher(one.high, other.high, widens, most);
        }
        long room =
                one.room == NO_ROOM || other.room == NO_ROOM ? NO_ROOM : lower(one.room, other.room, widens, NO_ROOM);
        int base = joinedBase(block, r);
        long offset = 0;
        boolean isSame = one.base == other.base && one.offset == other.offset;
        if (isSame && !isJoinedAt(block, one.base)) {
            base = one.base;
            offset = one.offset;
        } else {
            // registers that are as far from one another on both ways have one base
            for (int q = 0; q < r; q++) {
                if (joined[q] instanceof Packet known
                        && known.base == joinedBase(block, q)
                        && a[q] instanceof Packet a2
                        && b[q] instanceof Packet b2
                        && a2.base == one.base
                        && b2.base == other.base
                        && one.offset - a2.offset == other.offset - b2.offset) {
                    base = known.base;
                    offset = known.offset + one.offset - a2.offset;
                    break;
                }
            }
        }
        return packet(base, offset, low, high, room);
    }

    /** A value as an element; 0 is one like another. */
    private static @Nullable Element element(Value value, Value like) {
        if (value instanceof Element element) {
            return element;
        }
        boolean isZero = value instanceof Number number && number.max == 0;
        return isZero && like instanceof Element other ? new Element(other.base, 0, 0, other.bytes, true) : null;
    }

    private static @Nullable Value joinElements(int base, Element one, Element other, boolean widens) {
        return element(
                base,
                lower(one.low, other.low, widens, -FAR),
                higher(one.high, other.high, widens, FAR),
                Math.min(one.bytes, other.bytes),
                one.isNull || other.isNull);
    }

    // --- values

    private static @Nullable Value number(long min, long max) {
        return min < 0 || max >= LARGEST || min > max ? null : new Number(min, max);
    }

    private static Value constant32(long number) {
        return new Number(number & LOW, number & LOW);
    }

    private static @Nullable Value packet(int base, long offset, long low, long high, long room) {
        if (Math.abs(offset) > FAR) {
            return null;
        }
        boolean isFar = low == ANYWHERE || low <= -FAR || high >= FAR;
        boolean hasRoom = room > -FAR && room < FAR;
        return new Packet(base, offset, isFar ? ANYWHERE : low, isFar ? 0 : high, hasRoom ? room : NO_ROOM);
    }

    private static @Nullable Value place(long low, long high) {
        return low <= -FAR || high >= FAR ? null : new Place(low, high);
    }

    /** A pointer that may be null is followed only where it has not been moved. */
    private static @Nullable Value element(int base, long low, long high, int bytes, boolean isNull) {
        boolean isLost = low <= -FAR || high >= FAR || isNull && (low != 0 || high != 0);
        return isLost ? null : new Element(base, low, high, bytes, isNull);
    }

    private @Nullable Value register(@Nullable Value[] state, int register) {
        return register == FP ? FRAME : state[register];
    }

    // --- one instruction

    /** @param place of the instruction, as bases are numbered by it */
    private void step(@Nullable Value[] state, Instruction insn, int place, int[] kinds) {
        boolean is64 = insn.opcode().is64();
        switch (insn.form()) {
            case ALU_K -> {
                Value imm = is64 ? number(insn.imm(), insn.imm()) : constant32(insn.imm());
                boolean moves = is64
                        && (insn.opcode().alu() == AluOp.ADD || insn.opcode().alu() == AluOp.SUB);
                Value dst = register(state, insn.dst());
                if (moves) {
                    long by = insn.opcode().alu() == AluOp.ADD ? insn.imm() : -insn.imm();
                    state[insn.dst()] = dst == null ? null : moved(dst, by);
                } else if (insn.opcode().alu() == AluOp.AND && insn.imm() < 0 && is64) {
                    state[insn.dst()] = dst instanceof Number known ? number(0, known.max) : null;
                } else {
                    state[insn.dst()] = alu(insn.opcode().alu(), is64, dst, imm, place);
                }
            }
            case ALU_X, MOVSX ->
                state[insn.dst()] =
                        alu(insn.opcode().alu(), is64, register(state, insn.dst()), register(state, insn.src()), place);
            case UNARY -> state[insn.dst()] = unary(insn.opcode().alu(), is64, state[insn.dst()]);
            case LDDW -> state[insn.dst()] = insn.pseudo() == Pseudo.FUNC ? null : number(insn.imm(), insn.imm());
            case LDX -> state[insn.dst()] = loaded(insn, kinds);
            case LOAD_ACQ -> state[insn.dst()] = ofWidth(insn.opcode().width());
            case LDXSX -> state[insn.dst()] = null;
            case ATOMIC -> {
                if (insn.opcode().fetches()) {
                    int changed = Flow.defines(insn);
                    for (int r = 0; r < REGISTERS; r++) {
                        if ((changed >>> r & 1) != 0) {
                            state[r] = null;
                        }
                    }
                }
            }
            case CALL_HELPER, CALL_KFUNC -> helper(state, insn, place, kinds);
            case CALL_LOCAL, CALLX -> forgetCall(state, unit.movesPacket);
            case ST, STX, STORE_REL, JMP_K, JMP_X, JA, GOTOL, MAY_GOTO, EXIT -> {}
            case LD_ABS, LD_IND -> throw new AssertionError("refused at load: " + insn);
        }
    }

    private void helper(@Nullable Value[] state, Instruction insn, int place, int[] kinds) {
        Callee helper = HelperTraits.called(insn);
        BpfMap map = helper == Helper.MAP_LOOKUP_ELEM && Ways.isKnownLookup(unit, kinds) ? unit.mapOf(kinds[1]) : null;
        forgetCall(state, helper == null || HelperTraits.movesPacket(helper));
        if (map != null && map.plainValueBytes() > 0) {
            state[0] = new Element(place, 0, 0, map.plainValueBytes(), true);
        }
    }

    private static void forgetCall(@Nullable Value[] state, boolean movesPacket) {
        Arrays.fill(state, 0, 6, null);
        for (int r = 6; r < REGISTERS; r++) {
            if (movesPacket && (state[r] instanceof Packet || state[r] instanceof End)) {
                state[r] = null;
            }
        }
    }

    /** What a load gives: bounds of the packet are loaded from locals that have them. */
    private @Nullable Value loaded(Instruction insn, int[] kinds) {
        Width width = insn.opcode().width();
        if (Kinds.kind(unit.kinds.register(kinds, insn.src())) == Kinds.CONTEXT && width == Width.W) {
            switch (insn.off()) {
                case Kinds.XDP_MD_DATA -> {
                    return packet(DATA, 0, 0, MOST_METADATA, NO_ROOM);
                }
                case Kinds.XDP_MD_DATA_END -> {
                    return DATA_END;
                }
                case Kinds.XDP_MD_DATA_META -> {
                    return packet(DATA_META, 0, 0, 0, NO_ROOM);
                }
                default -> {}
            }
        }
        return ofWidth(width);
    }

    private static @Nullable Value ofWidth(Width width) {
        return width == Width.DW ? null : new Number(0, (1L << width.bytes() * Byte.SIZE) - 1);
    }

    // --- arithmetic

    private @Nullable Value alu(AluOp op, boolean is64, @Nullable Value dst, @Nullable Value src, int place) {
        if (op == AluOp.MOV && is64) {
            return src;
        }
        if (is64 && op == AluOp.ADD) {
            Value sum = src instanceof Number ? added(dst, (Number) src, place) : null;
            if (sum == null && dst instanceof Number) {
                sum = added(src, (Number) dst, place);
            }
            return sum;
        }
        boolean onlySrc = op == AluOp.MOV || op == AluOp.MOVSX8 || op == AluOp.MOVSX16 || op == AluOp.MOVSX32;
        Number old = dst instanceof Number d && !onlySrc ? d : null;
        Value result = src instanceof Number s ? numbers(op, is64, old, s) : null;
        if (is64) {
            return result;
        }
        return result instanceof Number fits && fits.max <= LOW ? fits : new Number(0, LOW);
    }

    /** A pointer or a number that is moved by a constant. */
    private @Nullable Value moved(Value value, long by) {
        return switch (value) {
            case Number number -> number(number.min + by, number.max + by);
            case Packet packet -> {
                long low = packet.low == ANYWHERE ? ANYWHERE : packet.low + by;
                long room = packet.room == NO_ROOM ? NO_ROOM : packet.room - by;
                yield packet(packet.base, packet.offset + by, low, packet.high + by, room);
            }
            case Element element ->
                element(element.base, element.low + by, element.high + by, element.bytes, element.isNull);
            case Place place -> place(place.low + by, place.high + by);
            case End end -> null;
        };
    }

    private @Nullable Value added(@Nullable Value value, Number by, int place) {
        if (by.max >= FAR && !(value instanceof Number)) {
            return null;
        }
        return switch (value) {
            case null -> null;
            case Number number -> number(number.min + by.min, number.max + by.max);
            case Packet packet -> {
                if (by.min == by.max) {
                    yield moved(packet, by.min);
                }
                // where it is not known how far the pointer is, the sum may reach beyond 64 bits
                boolean hasRoom = packet.low != ANYWHERE && packet.room != NO_ROOM;
                long low = packet.low == ANYWHERE ? ANYWHERE : packet.low + by.min;
                yield packet(place, 0, low, packet.high + by.max, hasRoom ? packet.room - by.max : NO_ROOM);
            }
            case Element element ->
                element(element.base, element.low + by.min, element.high + by.max, element.bytes, element.isNull);
            case Place frame -> place(frame.low + by.min, frame.high + by.max);
            case End end -> null;
        };
    }

    /** An operation on numbers other than an addition of 64 bits; null when nothing is known of the result. */
    private static @Nullable Value numbers(AluOp op, boolean is64, @Nullable Number dst, Number src) {
        boolean isConstant = src.min == src.max;
        long imm = src.min;
        // of 32 bits only the low ones count
        if (!is64 && (src.max > LOW || dst != null && dst.max > LOW)) {
            return null;
        }
        long most = dst == null ? is64 ? -1 : LOW : dst.max; // -1: any
        return switch (op) {
            case MOV -> src;
            case ADD -> dst == null ? null : number(dst.min + src.min, dst.max + src.max);
            case SUB -> dst == null || dst.min < src.max ? null : number(dst.min - src.max, dst.max - src.min);
            case AND -> new Number(0, most < 0 ? src.max : Math.min(most, src.max));
            case OR, XOR -> most < 0 ? null : number(0, allOnes(most | src.max));
            case MUL -> dst == null || Math.multiplyHigh(dst.max, src.max) != 0 ? null : product(dst, src);
            case LSH -> {
                boolean fits = dst != null && isConstant && imm < Long.SIZE - 2 && dst.max < LARGEST >> imm;
                yield fits ? number(dst.min << imm, dst.max << imm) : null;
            }
            case RSH -> {
                boolean shifts = isConstant && imm < (is64 ? Long.SIZE : Integer.SIZE);
                yield shifts ? number(dst == null ? 0 : dst.min >>> imm, most >>> imm) : null;
            }
            case DIV -> {
                boolean divides = isConstant && imm > 0;
                yield divides ? number(dst == null ? 0 : dst.min / imm, Long.divideUnsigned(most, imm)) : null;
            }
            case MOD -> isConstant && imm > 0 ? new Number(0, most < 0 ? imm - 1 : Math.min(most, imm - 1)) : null;
            case ARSH -> {
                boolean isPositive = dst != null && (is64 || dst.max <= Integer.MAX_VALUE);
                boolean shifts = isPositive && isConstant && imm < (is64 ? Long.SIZE : Integer.SIZE);
                yield shifts ? number(dst.min >> imm, dst.max >> imm) : null;
            }
            case MOVSX8 -> src.max <= Byte.MAX_VALUE ? src : null;
            case MOVSX16 -> src.max <= Short.MAX_VALUE ? src : null;
            case MOVSX32 -> src.max <= Integer.MAX_VALUE ? src : null;
            case SDIV, SMOD, NEG, LE16, LE32, LE64, BE16, BE32, BE64, BSWAP16, BSWAP32, BSWAP64 -> null;
        };
    }

    private static @Nullable Value product(Number dst, Number src) {
        long max = dst.max * src.max;
        return max < 0 ? null : number(dst.min * src.min, max);
    }

    private static long allOnes(long number) {
        return number == 0 ? 0 : -1L >>> Long.numberOfLeadingZeros(number);
    }

    private static @Nullable Value unary(AluOp op, boolean is64, @Nullable Value value) {
        return switch (op) {
            case LE16, BE16, BSWAP16 -> new Number(0, 0xffff);
            case LE32, BE32, BSWAP32 -> new Number(0, LOW);
            case LE64 -> value instanceof Number ? value : null;
            default -> is64 ? null : new Number(0, LOW);
        };
    }

    // --- comparisons

    /** A state behind a branch. */
    private @Nullable Value[] compared(@Nullable Value[] before, Instruction insn, boolean jumps) {
        Value[] state = before.clone();
        JmpOp op = jumps ? insn.opcode().jmp() : opposite(insn.opcode().jmp());
        boolean is64 = insn.opcode().is64();
        if (op == null) {
            return state;
        }
        if (insn.form() == Form.JMP_K) {
            long imm = is64 ? insn.imm() : insn.imm() & LOW;
            boolean known = imm >= 0 && (is64 || insn.imm() >= 0 || !isSigned(op));
            if (known) {
                bound(state, insn.dst(), op, is64, new Number(imm, imm));
            }
            return state;
        }
        Value dst = register(state, insn.dst());
        Value src = register(state, insn.src());
        JmpOp mirrored = mirrored(op);
        if (is64 && dst instanceof Packet packet) {
            limit(state, packet, op, src);
        } else if (is64 && src instanceof Packet packet && mirrored != null) {
            limit(state, packet, mirrored, dst);
        }
        if (src instanceof Number number) {
            bound(state, insn.dst(), op, is64, number);
        }
        if (dst instanceof Number number && mirrored != null) {
            bound(state, insn.src(), mirrored, is64, number);
        }
        return state;
    }

    private static @Nullable JmpOp opposite(JmpOp op) {
        return switch (op) {
            case EQ -> JmpOp.NE;
            case NE -> JmpOp.EQ;
            case GT -> JmpOp.LE;
            case LE -> JmpOp.GT;
            case GE -> JmpOp.LT;
            case LT -> JmpOp.GE;
            case SGT -> JmpOp.SLE;
            case SLE -> JmpOp.SGT;
            case SGE -> JmpOp.SLT;
            case SLT -> JmpOp.SGE;
            case SET -> null;
        };
    }

    private static @Nullable JmpOp mirrored(JmpOp op) {
        return switch (op) {
            case EQ, NE -> op;
            case GT -> JmpOp.LT;
            case LE -> JmpOp.GE;
            case GE -> JmpOp.LE;
            case LT -> JmpOp.GT;
            case SGT -> JmpOp.SLT;
            case SLE -> JmpOp.SGE;
            case SGE -> JmpOp.SLE;
            case SLT -> JmpOp.SGT;
            case SET -> null;
        };
    }

    private static boolean isSigned(JmpOp op) {
        return op == JmpOp.SGT || op == JmpOp.SGE || op == JmpOp.SLT || op == JmpOp.SLE;
    }

    /** A pointer into the packet was compared with where that ends: all with its base have room. */
    private void limit(@Nullable Value[] state, Packet packet, JmpOp op, @Nullable Value other) {
        if (!(other instanceof End) || op != JmpOp.LT && op != JmpOp.LE) {
            return;
        }
        long room = op == JmpOp.LT ? 1 : 0;
        for (int r = 0; r < REGISTERS; r++) {
            if (!(state[r] instanceof Packet same) || same.base != packet.base) {
                continue;
            }
            // what p + offset has of room, p has of it and offset
            long own = room + packet.offset - same.offset;
            if (same.room != NO_ROOM && same.room >= own) {
                continue;
            }
            long high = same.low == ANYWHERE ? 0 : Math.min(same.high, PACKET_BYTES - own);
            state[r] = packet(same.base, same.offset, same.low, Math.max(high, same.low), own);
        }
    }

    /** A register was compared with a number: what may it be? */
    private void bound(@Nullable Value[] state, int register, JmpOp op, boolean is64, Number by) {
        if (register == FP) {
            return;
        }
        Value value = state[register];
        if (value instanceof Element element) {
            if (is64 && op == JmpOp.NE && by.max == 0) {
                notNull(state, element);
            } else if (op == JmpOp.EQ && element.isNull) {
                state[register] = null;
            }
            return;
        }
        Number known = value instanceof Number number ? number : null;
        if (value != null && known == null) {
            return;
        }
        // of 32 bits nothing follows for more of them, nor from signed comparisons where a sign may be
        if (!is64 && (known == null || known.max > LOW || by.max > LOW)) {
            return;
        }
        boolean mayBeNegative = known == null || !is64 && (known.max > Integer.MAX_VALUE || by.max > Integer.MAX_VALUE);
        if (isSigned(op) && mayBeNegative) {
            return;
        }
        long min = known == null ? 0 : known.min;
        long max = known == null ? LARGEST : known.max;
        switch (op) {
            case EQ -> {
                min = Math.max(min, by.min);
                max = Math.min(max, by.max);
            }
            case LT, SLT -> max = Math.min(max, by.max - 1);
            case LE, SLE -> max = Math.min(max, by.max);
            case GT, SGT -> min = Math.max(min, by.min + 1);
            case GE, SGE -> min = Math.max(min, by.min);
            case NE, SET -> {}
        }
        state[register] = number(min, max);
    }

    private static void notNull(@Nullable Value[] state, Element element) {
        for (int r = 0; r < REGISTERS; r++) {
            if (state[r] instanceof Element same && same.base == element.base) {
                state[r] = new Element(same.base, same.low, same.high, same.bytes, false);
            }
        }
    }

    // --- accesses

    private byte judge(@Nullable Value[] state, Instruction insn) {
        return switch (insn.form()) {
            case LDX, LDXSX, LOAD_ACQ -> judge(register(state, insn.src()), insn, false);
            case ST, STX, ATOMIC, STORE_REL -> judge(register(state, insn.dst()), insn, true);
            default -> 0;
        };
    }

    private byte judge(@Nullable Value base, Instruction insn, boolean write) {
        int size = insn.opcode().width().bytes();
        long from = insn.off();
        long to = from + size;
        return switch (base) {
            case null -> 0;
            case End end -> 0;
            case Packet packet -> {
                boolean begins = packet.low != ANYWHERE && packet.low + from >= 0;
                boolean ends = packet.room != NO_ROOM && to <= packet.room;
                yield begins && ends ? IN_PACKET : begins ? BEGIN : ends ? END : 0;
            }
            case Element element ->
                !element.isNull && element.low + from >= 0 && element.high + to <= element.bytes ? INSIDE : 0;
            case Place place -> place.low + from >= -RunContext.STACK_BYTES && place.high + to <= 0 ? IN_FRAME : 0;
            case Number number -> unit.assumeWithin(number.min + from, number.max + to, write) ? INSIDE : 0;
        };
    }
}
