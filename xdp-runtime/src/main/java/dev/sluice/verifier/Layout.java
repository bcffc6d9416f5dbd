package dev.sluice.verifier;

import dev.sluice.btf.Btf;
import dev.sluice.btf.BtfType;
import dev.sluice.helper.Helper;
import dev.sluice.helper.Kfunc;
import dev.sluice.isa.Form;
import dev.sluice.isa.Opcode;
import dev.sluice.isa.Pseudo;
import dev.sluice.map.MapType;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;
import java.util.TreeSet;

/**
 * A program's instructions as fields, and what can be said of them before any path is walked: functions, jump targets,
 * reachability, and the slots where paths meet. What is checked here is checked for all instructions; reserved fields of
 * most are looked at only where a path comes by.
 */
final class Layout {
    static final int MAX_SLOTS = 1_000_000;
    private static final int MAX_SUBPROGRAMS = 256;
    private static final int MAX_OFFSET = 1 << 29;
    static final int KFUNC = 2;

    final int size;
    final int[] code;
    final int[] dst;
    final int[] src;
    final int[] off;
    final int[] imm;

    /** The row of each slot; null in an {@code lddw}'s second slot and where reserved fields hide the operation. */
    final Opcode[] row;

    /** First slots of the functions, in order. */
    int[] starts = {0};

    /** Where states are compared with earlier ones. */
    final BitSet prunePoints = new BitSet();

    /** Slots that can be reached from elsewhere than the slot before. */
    final BitSet jumpPoints = new BitSet();

    /** Where a state is put aside in any case. */
    final BitSet checkpoints = new BitSet();

    /** Helper calls that run a function of the program. */
    final BitSet callbackCalls = new BitSet();

    /** Functions whose address is taken. */
    final BitSet callbacks = new BitSet();

    /** Per function: whether it, or one that it calls, may move the packet. */
    boolean[] movesPacket = {};

    /** Per function: whether it makes tail calls. */
    boolean[] tailCalls = {};

    private final Subject subject;
    private final Log log;

    Layout(Subject subject, Log log) {
        this.subject = subject;
        this.log = log;
        byte[] bytes = subject.insns();
        size = bytes.length / 8;
        code = new int[size];
        dst = new int[size];
        src = new int[size];
        off = new int[size];
        imm = new int[size];
        row = new Opcode[size];
        for (int i = 0; i < size; i++) {
            int at = 8 * i;
            code[i] = bytes[at] & 0xff;
            dst[i] = bytes[at + 1] & 0xf;
            src[i] = bytes[at + 1] >> 4 & 0xf;
            off[i] = (short) (bytes[at + 2] & 0xff | bytes[at + 3] << 8);
            imm[i] = bytes[at + 4] & 0xff
                    | (bytes[at + 5] & 0xff) << 8
                    | (bytes[at + 6] & 0xff) << 16
                    | bytes[at + 7] << 24;
        }
    }

    private RejectedException reject(String line) {
        log.line(line);
        return new RejectedException(line);
    }

    /** The checks, in the kernel's order. */
    void check() {
        findFunctions();
        checkFunctions();
        checkTypes();
        checkReturns();
        checkLines();
        checkWide();
        walk();
        propagate();
    }

    private int[] cycles;

    /** Per slot, the cycle that it is in; see {@link Cycles}. For checked programs. */
    int[] cycles() {
        if (cycles == null) {
            cycles = Cycles.of(this);
        }
        return cycles;
    }

    private final List<int[]> postorders = new ArrayList<>();

    /** The slots of a function, each behind those that come after it (but for loops). For checked programs. */
    int[] postorder(int function) {
        for (int f = postorders.size(); f < starts.length; f++) {
            postorders.add(findPostorder(starts[f], endOf(f)));
        }
        return postorders.get(function);
    }

    private int[] findPostorder(int start, int end) {
        int[] order = new int[end - start];
        int[] stack = new int[2 * (end - start) + 2];
        boolean[] discovered = new boolean[end - start];
        boolean[] explored = new boolean[end - start];
        int[] next = new int[2];
        int count = 0;
        int depth = 0;
        stack[depth++] = start;
        discovered[0] = true;
        while (depth > 0) {
            int slot = stack[depth - 1];
            if (explored[slot - start]) {
                order[count++] = slot;
                depth--;
                continue;
            }
            int successors = successors(slot, next);
            for (int i = 0; i < successors; i++) {
                if (!discovered[next[i] - start]) {
                    discovered[next[i] - start] = true;
                    stack[depth++] = next[i];
                }
            }
            explored[slot - start] = true;
        }
        return Arrays.copyOf(order, count);
    }

    /** Where control can go within the function, the next slot first; gives the number of slots. */
    int successors(int slot, int[] next) {
        int c = code[slot];
        boolean jump = isJumpClass(c) && !isExit(c) && (c & 0xf0) != 0x80;
        int count = 0;
        if (!isExit(c) && !isGoto(c)) {
            int following = slot + (isWide(slot) ? 2 : 1);
            if (following < size) {
                next[count++] = following;
            }
        }
        if (jump) {
            next[count++] = target(slot);
        }
        return count;
    }

    boolean isWide(int slot) {
        return code[slot] == Opcode.LDDW.code();
    }

    long wide(int slot) {
        return imm[slot] & 0xffff_ffffL | (long) imm[slot + 1] << 32;
    }

    private boolean isLocalCall(int slot) {
        return code[slot] == Opcode.CALL_LOCAL.code() && src[slot] == 1;
    }

    /** The helper that XDP programs may call and that a slot calls, or null. */
    Helper helperAt(int slot) {
        return code[slot] == Opcode.CALL.code() && src[slot] == 0 ? Helper.of(imm[slot]) : null;
    }

    private boolean isFunctionPointer(int slot) {
        return isWide(slot) && src[slot] == Pseudo.FUNC.ordinal();
    }

    /** Whether the class of a code is that of jumps, calls and exits. */
    static boolean isJumpClass(int code) {
        return (code & 7) == 5 || (code & 7) == 6;
    }

    static boolean isExit(int code) {
        return code == Opcode.EXIT.code();
    }

    private static boolean isGoto(int code) {
        return code == Opcode.JA.code() || code == Opcode.GOTOL.code();
    }

    /** Where a jump of any kind goes. */
    int target(int slot) {
        return slot + 1 + (code[slot] == Opcode.GOTOL.code() ? imm[slot] : off[slot]);
    }

    /** Which function a slot belongs to. */
    int functionOf(int slot) {
        int found = Arrays.binarySearch(starts, slot);
        return found >= 0 ? found : -found - 2;
    }

    int endOf(int function) {
        return function + 1 < starts.length ? starts[function + 1] : size;
    }

    /** The function that begins at a slot, or -1. */
    int functionAt(int slot) {
        int found = Arrays.binarySearch(starts, slot);
        return found >= 0 ? found : -1;
    }

    // --- functions

    private void findFunctions() {
        TreeSet<Integer> found = new TreeSet<>();
        found.add(0);
        for (int i = 0; i < size; i++) {
            if (isLocalCall(i) || isFunctionPointer(i)) {
                int target = i + 1 + imm[i];
                if (target < 0 || target >= size) {
                    throw reject("call to invalid destination");
                }
                found.add(target);
                if (found.size() > MAX_SUBPROGRAMS) {
                    throw reject("too many subprograms");
                }
            } else if (code[i] == Opcode.CALL.code() && src[i] == KFUNC) {
                checkKfunc(i);
            }
        }
        starts = found.stream().mapToInt(Integer::intValue).toArray();
        if (log.isDetailed()) {
            for (int i = 0; i < starts.length; i++) {
                log.line("func#" + i + " @" + starts[i]);
            }
        }
    }

    /** What the kernel asks of a function of its own before any path is walked. */
    private void checkKfunc(int slot) {
        if (imm[slot] == 0 && off[slot] == 0) {
            return; // refused where a path comes by
        }
        if (!subject.gplCompatible()) {
            throw reject("cannot call kernel function from non-GPL compatible program");
        }
        Kfunc kfunc = Kfunc.of(imm[slot]);
        if (off[slot] != 0 || Kfunc.nameOf(imm[slot]) == null) {
            throw new UnsupportedException("call of a kernel function of unknown name, btf_id=" + imm[slot]);
        }
        boolean metadata = kfunc == Kfunc.XDP_METADATA_RX_TIMESTAMP
                || kfunc == Kfunc.XDP_METADATA_RX_HASH
                || kfunc == Kfunc.XDP_METADATA_RX_VLAN_TAG;
        if (metadata && !subject.deviceBound()) {
            throw reject("metadata kfuncs require device-bound program");
        }
    }

    /** The kernel function that XDP programs may call and that a slot calls, or null. */
    Kfunc kfuncAt(int slot) {
        return code[slot] == Opcode.CALL.code() && src[slot] == KFUNC ? Kfunc.of(imm[slot]) : null;
    }

    /** Whether a slot calls for an iterator's next element: there paths part, and loops may converge. */
    boolean isIteratorNext(int slot) {
        Kfunc kfunc = kfuncAt(slot);
        return kfunc != null && kfunc.has(Kfunc.Flag.ITER_NEXT);
    }

    private void checkFunctions() {
        int function = 0;
        for (int i = 0; i < size; i++) {
            int c = code[i];
            if (isJumpClass(c) && (c & 0xf0) != 0x90 && (c & 0xf0) != 0x80) {
                int target = target(i);
                if (target < starts[function] || target >= endOf(function)) {
                    throw reject("jump out of range from insn " + i + " to " + target);
                }
            }
            if (i == endOf(function) - 1) {
                if (!isExit(c) && !isGoto(c)) {
                    throw reject("last insn is not an exit or jmp");
                }
                function++;
            }
        }
    }

    /** Types are given for just the functions that there are. */
    private void checkTypes() {
        List<Subject.Function> functions = subject.functions();
        if (functions.isEmpty()) {
            return;
        }
        if (functions.size() != starts.length) {
            throw reject("number of funcs in func_info doesn't match number of subprogs");
        }
        for (int f = 0; f < starts.length; f++) {
            if (functions.get(f).start() != starts[f]) {
                throw reject("func_info BTF section doesn't match subprog layout in BPF program");
            }
        }
    }

    /** Source lines belong to instructions. */
    private void checkLines() {
        for (int i = 0; i < subject.lines().size(); i++) {
            int slot = subject.lines().get(i).slot();
            if (slot >= 0 && slot < size && code[slot] == 0) {
                throw reject("Invalid insn code at line_info[" + i + "].insn_off");
            }
        }
    }

    /** Functions that may end the program by themselves are known to return numbers only from their types. */
    private void checkReturns() {
        for (int f = 1; f < starts.length; f++) {
            boolean loadsPacket = false;
            boolean tailCall = false;
            for (int i = starts[f]; i < endOf(f); i++) {
                loadsPacket |= (code[i] & 7) == 0 && ((code[i] & 0xe0) == 0x20 || (code[i] & 0xe0) == 0x40);
                tailCall |= helperAt(i) == Helper.TAIL_CALL;
            }
            if (!loadsPacket && !tailCall) {
                continue;
            }
            String what = loadsPacket ? "LD_ABS" : "tail_call";
            if (subject.functions().isEmpty() || subject.btf() == null) {
                throw reject(what + " is not allowed in subprogs without BTF");
            }
            if (f < subject.functions().size()
                    && !returnsNumber(subject.functions().get(f))) {
                throw reject(what + " is only allowed in functions that return 'int'.");
            }
        }
    }

    private boolean returnsNumber(Subject.Function function) {
        Btf btf = subject.btf();
        if (!(btf.type(function.btfType()) instanceof BtfType.Func func)
                || !(btf.type(func.proto()) instanceof BtfType.FuncProto proto)) {
            return false;
        }
        BtfType result = btf.resolve(proto.returns());
        return result instanceof BtfType.Int || result instanceof BtfType.Enum;
    }

    // --- encoding

    private void checkWide() {
        for (int i = 0; i < size; i++) {
            int c = code[i];
            if ((c & 7) == 1 && ((c & 0xe0) != 0x60 && (c & 0xe0) != 0x80 || imm[i] != 0)) {
                throw reject("BPF_LDX uses reserved fields");
            }
            if (c == Opcode.LDDW.code()) {
                if (i == size - 1 || code[i + 1] != 0 || dst[i + 1] != 0 || src[i + 1] != 0 || off[i + 1] != 0) {
                    throw reject("invalid bpf_ld_imm64 insn");
                }
                checkPseudo(i);
                row[i] = Opcode.LDDW;
                i++;
                continue;
            }
            if (!Opcode.isKnown(c) || c == Opcode.CALLX.code()) {
                throw reject(String.format("unknown opcode %02x", c));
            }
            row[i] = Opcode.of(c, src[i], off[i], imm[i]);
        }
    }

    private void checkPseudo(int slot) {
        Pseudo pseudo = Pseudo.of(src[slot]);
        if (pseudo == null) {
            throw reject("unrecognized bpf_ld_imm64 insn");
        }
        switch (pseudo) {
            case IMM, FUNC -> {}
            case BTF_ID -> {
                if (Kfunc.nameOf(imm[slot]) == null) {
                    throw new UnsupportedException("address of a kernel variable");
                }
            }
            case MAP_FD -> {
                if (imm[slot + 1] != 0) {
                    throw reject("unrecognized bpf_ld_imm64 insn");
                }
                checkMap(slot);
            }
            case MAP_IDX -> {
                if (imm[slot + 1] != 0) {
                    throw reject("unrecognized bpf_ld_imm64 insn");
                }
                throw reject("fd_idx without fd_array is invalid");
            }
            case MAP_IDX_VALUE -> throw reject("fd_idx without fd_array is invalid");
            case MAP_VALUE -> {
                KnownMap map = checkMap(slot);
                int offset = imm[slot + 1];
                if (Integer.compareUnsigned(offset, MAX_OFFSET) >= 0) {
                    throw reject("direct value offset of " + Integer.toUnsignedString(offset) + " is not allowed");
                }
                if (!isDirect(map)) {
                    throw reject("no direct value access support for this map type");
                }
                if (map.def().maxEntries() != 1
                        || Integer.compareUnsigned(offset, map.def().valueSize()) >= 0) {
                    throw reject("invalid access to map value pointer, value_size="
                            + Integer.toUnsignedString(map.def().valueSize()) + " off="
                            + Integer.toUnsignedString(offset));
                }
            }
        }
    }

    static boolean isDirect(KnownMap map) {
        return map.def().type() == MapType.ARRAY;
    }

    private KnownMap checkMap(int slot) {
        if (imm[slot] < 0 || imm[slot] >= subject.maps().size()) {
            int fd = imm[slot] > 0 ? imm[slot] & ~Subject.STRAY : imm[slot];
            throw reject("fd " + fd + " is not pointing to valid bpf_map");
        }
        KnownMap map = subject.maps().get(imm[slot]);
        if (map.def().type() == MapType.STRUCT_OPS) {
            throw reject("bpf_struct_ops map cannot be used in prog");
        }
        if (map.def().type() == MapType.ARENA) {
            throw new UnsupportedException("use of an arena");
        }
        return map;
    }

    // --- reachability

    private static final byte UNSEEN = 0;
    private static final byte ON_PATH = 1;
    private static final byte DONE = 2;

    private void walk() {
        byte[] seen = new byte[size];
        int[] stack = new int[size + 1];
        int[] edge = new int[size];
        int depth = 0;
        stack[depth++] = 0;
        seen[0] = ON_PATH;
        while (depth > 0) {
            int slot = stack[depth - 1];
            int next = nextEdge(slot, edge[slot]++);
            if (next == NO_EDGE) {
                seen[slot] = DONE;
                depth--;
            } else {
                if (next < 0 || next >= size) {
                    throw reject("jump out of range from insn " + slot + " to " + next);
                }
                if (seen[next] == UNSEEN) {
                    seen[next] = ON_PATH;
                    stack[depth++] = next;
                }
            }
        }
        for (int i = 0; i < size; i++) {
            if (seen[i] != DONE) {
                throw reject("unreachable insn " + i);
            }
            if (isWide(i)) {
                if (seen[i + 1] != UNSEEN) {
                    throw reject("jump into the middle of ldimm64 insn " + i);
                }
                i++;
            }
        }
    }

    private static final int NO_EDGE = Integer.MIN_VALUE;

    /** The n-th slot that control can go to; marks where paths meet. */
    private int nextEdge(int slot, int n) {
        int c = code[slot];
        if (!isJumpClass(c)) {
            if (isFunctionPointer(slot) && n == 1) {
                meet(slot);
                meetAndJump(slot + 1 + imm[slot]);
                return slot + 1 + imm[slot];
            }
            if (isFunctionPointer(slot)) {
                meetAndJump(slot + 2);
            }
            return n == 0 ? slot + (isWide(slot) ? 2 : 1) : NO_EDGE;
        }
        if (isExit(c)) {
            return NO_EDGE;
        }
        if ((c & 0xf0) == 0x80) {
            if (n == 0) {
                Helper helper = helperAt(slot);
                if (helper == Helper.TIMER_SET_CALLBACK) {
                    meet(slot);
                }
                if (helper != null && helper.callsBack()) {
                    callbackCalls.set(slot);
                    checkpoints.set(slot);
                    meetAndJump(slot);
                }
                if (isIteratorNext(slot)) {
                    meet(slot);
                    checkpoints.set(slot);
                }
                meetAndJump(slot + 1);
                return slot + 1;
            }
            if (n == 1 && isLocalCall(slot)) {
                meet(slot);
                meetAndJump(slot + 1 + imm[slot]);
                return slot + 1 + imm[slot];
            }
            return NO_EDGE;
        }
        int target = target(slot);
        if (isGoto(c)) {
            if (n == 0) {
                meetAndJump(target);
                return target;
            }
            return NO_EDGE;
        }
        if (n == 0) {
            meet(slot);
            if (c == Opcode.MAY_GOTO.code()) {
                checkpoints.set(slot);
            }
            return slot + 1;
        }
        if (n == 1) {
            meetAndJump(target);
            return target;
        }
        return NO_EDGE;
    }

    private void meet(int slot) {
        prunePoints.set(slot);
    }

    private void meetAndJump(int slot) {
        if (slot >= 0) {
            prunePoints.set(slot);
            jumpPoints.set(slot);
        }
    }

    // --- what functions do, through those that they call

    private void propagate() {
        movesPacket = new boolean[starts.length];
        tailCalls = new boolean[starts.length];
        List<int[]> calls = new ArrayList<>();
        for (int i = 0; i < size; i++) {
            Helper helper = helperAt(i);
            if (helper != null) {
                int function = functionOf(i);
                tailCalls[function] |= helper == Helper.TAIL_CALL;
                movesPacket[function] |= helper.movesPacket() || helper == Helper.TAIL_CALL;
            } else if (kfuncAt(i) != null) {
                movesPacket[functionOf(i)] |= kfuncAt(i).movesPacket();
            } else if (isLocalCall(i)) {
                calls.add(new int[] {functionOf(i), functionAt(i + 1 + imm[i])});
            } else if (isFunctionPointer(i)) {
                callbacks.set(functionAt(i + 1 + imm[i]));
            }
            if (isWide(i)) {
                i++;
            }
        }
        boolean changed = true;
        while (changed) {
            changed = false;
            for (int[] call : calls) {
                if (movesPacket[call[1]] && !movesPacket[call[0]]) {
                    movesPacket[call[0]] = true;
                    changed = true;
                }
            }
        }
    }

    /** Whether a slot's row is of a form. */
    boolean isForm(int slot, Form form) {
        return row[slot] != null && row[slot].form() == form;
    }
}
