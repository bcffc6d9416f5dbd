package dev.sluice.jit;

import dev.sluice.helper.Callee;
import dev.sluice.isa.Form;
import dev.sluice.isa.Instruction;
import dev.sluice.program.Facts;
import dev.sluice.program.RegisterFact;
import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.BitSet;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Loads from the packet that a method of a proved program has made before: they are kept in locals. C2 takes two loads for the
 * same only within a block, as it knows nothing of addresses outside of the heap; and a compiler for BPF reads again behind each
 * store and atomic operation that may be to the packet for all that it knows. Here the facts tell packet, stack and maps apart.
 *
 * <p>A load is known by its offset from {@code data}, or else by its register and offset, as long as the register keeps its value.
 * It is available where each way through the method has made it, and nothing has since written to the packet: a forward data flow
 * over sets of bits, which begin empty at each entry of the method.
 */
final class PacketLoads {
    /** Different loads that a method keeps at most. */
    private static final int MOST = 32;

    /** Stands for the offset from {@code data} in place of a register's number. */
    private static final int DATA = -1;

    /** Where a load reads, and what it makes of it. */
    private record Key(int register, long offset, int bytes, boolean signed) {}

    static final PacketLoads NONE = new PacketLoads();

    /** By slot, for loads that are kept: the number of what is loaded, its complement where it is there already. */
    private final Map<Long, Integer> numbers = new HashMap<>();

    private final Map<Key, Integer> keys = new LinkedHashMap<>();

    /** By register: the loads through it, as bits. */
    private final long[] through = new long[Instruction.FP + 1];

    private PacketLoads() {}

    /** Finds the loads of a method. */
    static PacketLoads of(Unit unit, Part part) {
        if (!unit.isProved()) {
            return NONE;
        }
        PacketLoads loads = new PacketLoads();
        loads.choose(unit.facts(), part);
        if (loads.keys.isEmpty()) {
            return NONE;
        }
        loads.find(unit.facts(), part);
        return loads;
    }

    /** How many locals they want. */
    int size() {
        return keys.size();
    }

    /** Which local has what the load in a block at a slot gives, or -1 when that has to be loaded. */
    int available(Block block, int slot) {
        int number = numbers.getOrDefault(place(block, slot), 0);
        return number < 0 ? ~number : -1;
    }

    /** Which local takes what such a load gives, or -1 when nobody wants it. */
    int kept(Block block, int slot) {
        int number = numbers.getOrDefault(place(block, slot), -1);
        return number >= 0 ? number : -1;
    }

    private static long place(Block block, int slot) {
        return (long) block.index << Integer.SIZE | slot;
    }

    /** Numbers the loads that there are more than one of, the most frequent first. */
    private void choose(Facts facts, Part part) {
        Map<Key, Integer> counts = new LinkedHashMap<>();
        for (Block block : part.blocks) {
            for (int slot = block.start; slot < block.end; ) {
                Instruction insn = part.flow.code.at(slot);
                Key key = changed(block, slot) ? null : key(facts, slot, insn);
                if (key != null) {
                    counts.merge(key, 1, Integer::sum);
                }
                slot += insn.slots();
            }
        }
        counts.entrySet().stream()
                .filter(entry -> entry.getValue() > 1)
                .sorted(Map.Entry.<Key, Integer>comparingByValue().reversed())
                .limit(MOST)
                .forEach(entry -> keys.put(entry.getKey(), keys.size()));
        keys.forEach((key, number) -> {
            if (key.register != DATA) {
                through[key.register] |= 1L << number;
            }
        });
    }

    /** What a load from the packet reads; null for other instructions. */
    private static @Nullable Key key(Facts facts, int slot, Instruction insn) {
        boolean signed = insn.form() == Form.LDXSX;
        if (insn.form() != Form.LDX && !signed) {
            return null;
        }
        RegisterFact fact = facts.base(slot, insn);
        int bytes = insn.opcode().width().bytes();
        if (fact.kind() == RegisterFact.Kind.PACKET && fact.hasFixedOffset()) {
            return new Key(DATA, fact.minOffset() + insn.off(), bytes, signed);
        }
        boolean packet = fact.kind() == RegisterFact.Kind.PACKET || fact.kind() == RegisterFact.Kind.PACKET_META;
        return packet ? new Key(insn.src(), insn.off(), bytes, signed) : null;
    }

    private void find(Facts facts, Part part) {
        int count = part.blocks.size();
        long[] before = new long[count];
        Arrays.fill(before, -1);
        part.entries.forEach(entry -> before[part.place(entry)] = 0);
        ArrayDeque<Integer> work = new ArrayDeque<>();
        BitSet queued = new BitSet(count);
        queued.set(0, count);
        for (int i = 0; i < count; i++) {
            work.add(i);
        }
        while (!work.isEmpty()) {
            int place = work.poll();
            queued.clear(place);
            Block block = part.blocks.get(place);
            long after = walk(facts, part, block, before[place], (slot, number, available) -> {});
            for (int side = 0; side < 2; side++) {
                int next = side == 0 ? block.next : block.target;
                if (next == Block.NONE || !part.contains(next)) {
                    continue;
                }
                int to = part.place(next);
                if ((before[to] & ~after) != 0) {
                    before[to] &= after;
                    if (!queued.get(to)) {
                        queued.set(to);
                        work.add(to);
                    }
                }
            }
        }
        BitSet wanted = new BitSet();
        for (int i = 0; i < count; i++) {
            Block block = part.blocks.get(i);
            walk(facts, part, block, before[i], (slot, number, available) -> {
                numbers.put(place(block, slot), available ? ~number : number);
                if (available) {
                    wanted.set(number);
                }
            });
        }
        numbers.values().removeIf(number -> number >= 0 && !wanted.get(number));
    }

    /** Sees the loads of a block that are numbered. */
    private interface Visitor {
        void load(int slot, int number, boolean available);
    }

    /** What is available behind a block, of what is before it. */
    private long walk(Facts facts, Part part, Block block, long before, Visitor visitor) {
        long available = before;
        for (int slot = block.start; slot < block.end; ) {
            Instruction insn = part.flow.code.at(slot);
            Key key = changed(block, slot) ? null : key(facts, slot, insn);
            Integer number = key == null ? null : keys.get(key);
            if (number != null) {
                visitor.load(slot, number, (available >>> number & 1) != 0);
            }
            available &= ~overwritten(facts, slot, insn);
            for (int defined = defines(insn); defined != 0; defined &= defined - 1) {
                available &= ~through[Integer.numberOfTrailingZeros(defined)];
            }
            if (number != null && (through[insn.dst()] >>> number & 1) == 0) {
                available |= 1L << number;
            }
            slot += insn.slots();
        }
        return available;
    }

    private static int defines(Instruction insn) {
        return switch (insn.form()) {
            case CALL_HELPER, CALL_KFUNC, CALL_LOCAL, CALLX -> Flow.CALLER_SAVED | 1;
            default -> Flow.defines(insn);
        };
    }

    /** The loads whose bytes an instruction may change, as bits. */
    private long overwritten(Facts facts, int slot, Instruction insn) {
        return switch (insn.form()) {
            case ST, STX, ATOMIC, STORE_REL -> stored(facts.base(slot, insn), insn);
            case CALL_HELPER, CALL_KFUNC -> {
                Callee callee = HelperTraits.called(insn);
                boolean leavesIt = callee != null && HelperTraits.isPlain(callee) && !HelperTraits.writesMemory(callee);
                yield leavesIt ? 0 : -1;
            }
            case CALL_LOCAL, CALLX -> -1;
            case ALU_K, ALU_X, UNARY, MOVSX, JMP_K, JMP_X, JA, GOTOL, MAY_GOTO, EXIT, LDDW, LDX, LDXSX, LOAD_ACQ -> 0;
            case LD_ABS, LD_IND -> throw new AssertionError("refused at load: " + insn);
        };
    }

    private long stored(RegisterFact fact, Instruction insn) {
        return switch (fact.kind()) {
            case STACK, MAP_VALUE, MAP_KEY -> 0;
            case PACKET -> {
                if (!fact.hasFixedOffset()) {
                    yield -1;
                }
                long from = fact.minOffset() + insn.off();
                long to = from + insn.opcode().width().bytes();
                long changed = 0;
                for (Map.Entry<Key, Integer> entry : keys.entrySet()) {
                    Key key = entry.getKey();
                    if (key.register != DATA || key.offset < to && from < key.offset + key.bytes) {
                        changed |= 1L << entry.getValue();
                    }
                }
                yield changed;
            }
            case PACKET_META, ANY, SCALAR, CTX, PACKET_END, MAP, MEMORY, FUNCTION, OBJECT -> -1;
        };
    }

    private static boolean changed(Block block, int slot) {
        return block.bytes != null && block.bytes.change(slot) != null;
    }
}
