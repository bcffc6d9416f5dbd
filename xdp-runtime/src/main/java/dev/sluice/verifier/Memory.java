package dev.sluice.verifier;

import dev.sluice.isa.AtomicOp;
import dev.sluice.isa.Form;
import dev.sluice.isa.Opcode;
import dev.sluice.isa.Pseudo;
import dev.sluice.map.ValueFields;
import dev.sluice.object.SectionName;

/** Loads and stores: what the pointer must be for them, and what the register holds afterwards. */
final class Memory {
    private static final int NO_REG = -1;
    private static final int CTX_BYTES = 24;
    private static final int SOCK_BYTES = 80;

    private final Run run;
    private final Layout layout;

    Memory(Run run) {
        this.run = run;
        this.layout = run.layout;
    }

    // --- instructions

    void load(int i) {
        int src = layout.src[i];
        int dst = layout.dst[i];
        RegType kind = run.peek(src).type;
        Opcode row = layout.row[i];
        access(src, layout.off[i], row.width().bytes(), false, dst, false, row.form() == Form.LDXSX);
        run.requireSameKind(kind);
    }

    void store(int i) {
        int c = layout.code[i];
        if ((c & 7) == 3 && (c & 0xe0) == 0xc0) {
            atomic(i);
            return;
        }
        int dst = layout.dst[i];
        int value = (c & 7) == 3 ? layout.src[i] : NO_REG;
        RegType kind = run.peek(dst).type;
        access(dst, layout.off[i], layout.row[i].width().bytes(), true, value, false, false);
        run.requireSameKind(kind);
    }

    private void atomic(int i) {
        Opcode row = layout.row[i];
        int bytes = row.width().bytes();
        int dst = layout.dst[i];
        int src = layout.src[i];
        int off = layout.off[i];
        if (row.form() == Form.LOAD_ACQ) {
            RegType kind = run.peek(src).type;
            access(src, off, bytes, false, dst, true, false);
            run.requireSameKind(kind);
            // asked after the load, as by the kernel: a pointer that was overwritten is none
            run.requirements.requireAtomicMemory(src, "loads from");
            return;
        }
        if (row.form() == Form.STORE_REL) {
            RegType kind = run.peek(dst).type;
            access(dst, off, bytes, true, src, true, false);
            run.requireSameKind(kind);
            run.requirements.requireAtomicMemory(dst, "stores into");
            return;
        }
        int loaded = NO_REG;
        if (row.fetches()) {
            loaded = row.atomic() == AtomicOp.CMPXCHG ? 0 : src;
            run.markUnknown(loaded);
        }
        access(dst, off, bytes, false, NO_REG, true, false);
        if (loaded != NO_REG) {
            access(dst, off, bytes, false, loaded, true, false);
        }
        access(dst, off, bytes, true, NO_REG, true, false);
    }

    void loadWide(int i) {
        Reg dst = run.reg(layout.dst[i]);
        Pseudo pseudo = Pseudo.of(layout.src[i]);
        switch (pseudo) {
            case IMM -> dst.setScalar(layout.wide(i));
            case MAP_FD, MAP_IDX -> {
                dst.setPointer(RegType.CONST_MAP_PTR);
                dst.map = run.subject.maps().get(layout.imm[i]);
            }
            case MAP_VALUE, MAP_IDX_VALUE -> {
                dst.setPointer(RegType.MAP_VALUE);
                dst.map = run.subject.maps().get(layout.imm[i]);
                dst.off = layout.imm[i + 1];
            }
            case FUNC -> {
                int function = layout.functionAt(i + 1 + layout.imm[i]);
                if (run.subject.functions().isEmpty()) {
                    throw run.reject("missing btf func_info");
                }
                if (run.calls.isGlobal(function)) {
                    throw run.reject("callback function not static");
                }
                dst.setPointer(RegType.FUNC);
                dst.subprog = function;
            }
            case BTF_ID -> {
                // a kernel function's address: not NULL, and nothing to read there
                dst.setPointer(RegType.MEM);
                dst.readOnly = true;
            }
        }
    }

    // --- accesses

    /**
     * One access through a pointer.
     *
     * @param value the register that is stored or loaded; -1 for a constant, or where the value does not matter
     * @param aligned whether it must be aligned, whatever it points to
     */
    void access(int number, int insnOff, int bytes, boolean write, int value, boolean aligned, boolean extend) {
        Reg reg = run.peek(number);
        requireAlignment(reg, insnOff, bytes, aligned);
        int off = insnOff + reg.off;
        switch (reg.orNull ? RegType.NOT_INIT : reg.type) {
            case MAP_KEY -> {
                if (write) {
                    throw run.reject("write to change key R" + number + " not allowed");
                }
                requireRegion(number, off, bytes, reg.map.def().keySize(), false);
                unknown(value);
            }
            case MAP_VALUE -> mapValue(number, off, bytes, write, value, extend);
            case MEM -> {
                if (write && reg.readOnly) {
                    throw run.reject("R" + number + " cannot write into " + StatePrinter.name(reg));
                }
                requireRegion(number, off, bytes, reg.memBytes, false);
                if (!write) {
                    unknown(value);
                }
            }
            case CTX -> context(number, off, bytes, write, value, extend);
            case STACK -> {
                run.stack.requireWithin(number, off, bytes, write);
                if (write) {
                    run.stack.write(number, off, bytes, value);
                } else {
                    run.stack.read(number, off, bytes, value);
                }
            }
            case PACKET, PACKET_META -> {
                requirePacket(number, off, bytes, false);
                if (!write) {
                    unknown(value);
                }
            }
            case SOCKET, SOCK_COMMON, TCP_SOCK, XDP_SOCK -> {
                if (write) {
                    throw run.reject("R" + number + " cannot write into " + StatePrinter.name(reg));
                }
                requireSocket(number, off, bytes);
                unknown(value);
            }
            case CONST_MAP_PTR -> mapStruct(number, off, write);
            case OBJECT -> run.kfuncs.access(number, off, bytes, write, value);
            case NOT_INIT, SCALAR, PACKET_END, FUNC, DYNPTR ->
                throw run.reject("R" + number + " invalid mem access '" + StatePrinter.name(reg) + "'");
        }
        if (bytes < 8 && value >= 0 && !write && run.reg(value).type == RegType.SCALAR) {
            if (extend) {
                SignExtension.extend64(run.reg(value), bytes);
            } else {
                run.reg(value).truncate(bytes);
            }
        }
    }

    private void unknown(int value) {
        if (value >= 0) {
            run.reg(value).setUnknown();
        }
    }

    private void mapStruct(int number, int off, boolean write) {
        String struct = switch (run.reg(number).map.def().type()) {
            case HASH, PERCPU_HASH, LRU_HASH, LRU_PERCPU_HASH, HASH_OF_MAPS -> "bpf_htab";
            case ARRAY, PERCPU_ARRAY, PROG_ARRAY, PERF_EVENT_ARRAY, CGROUP_ARRAY, ARRAY_OF_MAPS -> "bpf_array";
            case RINGBUF, USER_RINGBUF -> "bpf_ringbuf_map";
            case DEVMAP, DEVMAP_HASH -> "bpf_dtab";
            case CPUMAP -> "bpf_cpu_map";
            case XSKMAP -> "xsk_map";
            case LPM_TRIE -> "lpm_trie";
            case QUEUE, STACK -> "bpf_queue_stack";
            case BLOOM_FILTER -> "bpf_bloom_filter";
            case UNSPEC,
                    STACK_TRACE,
                    SOCKMAP,
                    SOCKHASH,
                    CGROUP_STORAGE,
                    REUSEPORT_SOCKARRAY,
                    PERCPU_CGROUP_STORAGE,
                    SK_STORAGE,
                    STRUCT_OPS,
                    INODE_STORAGE,
                    TASK_STORAGE,
                    CGRP_STORAGE,
                    ARENA,
                    INSN_ARRAY -> "bpf_map";
        };
        if (off < 0) {
            throw run.reject("R" + number + " is " + struct + " invalid negative access: off=" + off);
        }
        if (write) {
            throw run.reject("only read from " + struct + " is supported");
        }
        throw new UnsupportedException("reading the kernel's own fields of a map");
    }

    private void requireAlignment(Reg reg, int insnOff, int bytes, boolean aligned) {
        boolean strict = aligned || reg.type == RegType.STACK;
        if (!strict || bytes == 1) {
            return;
        }
        int extra = reg.type.isPacket() ? 2 : 0;
        String kind = switch (reg.type) {
            case PACKET, PACKET_META -> "packet ";
            case MAP_KEY -> "key ";
            case MAP_VALUE -> "value ";
            case CTX -> "context ";
            case STACK -> "stack ";
            case SOCKET -> "sock ";
            case SOCK_COMMON -> "sock_common ";
            case TCP_SOCK -> "tcp_sock ";
            case XDP_SOCK -> "xdp_sock ";
            case NOT_INIT, SCALAR, CONST_MAP_PTR, PACKET_END, MEM, FUNC, DYNPTR, OBJECT -> "";
        };
        Tnum address = reg.bits.add(Tnum.of((long) extra + reg.off + insnOff));
        if (!address.isAligned(bytes)) {
            throw run.reject("misaligned " + kind + "access off " + (extra == 0 ? "" : extra + "+")
                    + StatePrinter.text(reg.bits) + "+" + reg.off + "+" + insnOff + " size " + bytes);
        }
    }

    // --- regions

    private boolean inBounds(Reg reg, int number, long off, long bytes, long size, boolean zeroAllowed) {
        boolean sizeOk = bytes > 0 || bytes == 0 && zeroAllowed;
        if (off >= 0 && sizeOk && off + bytes <= size) {
            return true;
        }
        int shown = (int) off;
        switch (reg.type) {
            case MAP_KEY ->
                run.log.line("invalid access to map key, key_size=" + size + " off=" + shown + " size=" + bytes);
            case MAP_VALUE ->
                run.log.line("invalid access to map value, value_size=" + size + " off=" + shown + " size=" + bytes);
            case PACKET, PACKET_META, PACKET_END ->
                run.log.line("invalid access to packet, off=" + shown + " size=" + bytes + ", R" + number + "(id="
                        + reg.id + ",off=" + shown + ",r=" + size + ")");
            case NOT_INIT,
                    SCALAR,
                    CTX,
                    CONST_MAP_PTR,
                    STACK,
                    SOCKET,
                    SOCK_COMMON,
                    TCP_SOCK,
                    XDP_SOCK,
                    MEM,
                    FUNC,
                    DYNPTR,
                    OBJECT ->
                run.log.line("invalid access to memory, mem_size=" + size + " off=" + shown + " size=" + bytes);
        }
        return false;
    }

    void requirePacket(int number, int off, long bytes, boolean zeroAllowed) {
        Reg reg = run.peek(number);
        if (reg.smin < 0) {
            throw run.reject(
                    "R" + number + " min value is negative, either use unsigned index or do a if (index >=0) check.");
        }
        if (reg.range < 0 || !inBounds(reg, number, off, bytes, reg.range, zeroAllowed)) {
            throw run.reject("R" + number + " offset is outside of the packet");
        }
    }

    /** The whole range of the pointer's variable offset must lie in memory of {@code size} bytes. */
    void requireRegion(int number, int off, long bytes, long size, boolean zeroAllowed) {
        Reg reg = run.peek(number);
        long lowest = off + reg.smin;
        if (reg.smin < 0 && (reg.smin == Long.MIN_VALUE || lowest != (int) lowest || lowest < 0)) {
            throw run.reject(
                    "R" + number + " min value is negative, either use unsigned index or do a if (index >=0) check.");
        }
        if (!inBounds(reg, number, (int) lowest, bytes, size, zeroAllowed)) {
            throw run.reject("R" + number + " min value is outside of the allowed memory range");
        }
        if (Long.compareUnsigned(reg.umax, Arithmetic.MAX_OFFSET) >= 0) {
            throw run.reject("R" + number + " unbounded memory access, make sure to bounds check any such access");
        }
        if (!inBounds(reg, number, (int) (reg.umax + off), bytes, size, zeroAllowed)) {
            throw run.reject("R" + number + " max value is outside of the allowed memory range");
        }
    }

    /**
     * @param direct whether a load or store does it, not a helper
     */
    void requireMapAccess(int number, int off, long bytes, boolean write, boolean zeroAllowed, boolean direct) {
        Reg reg = run.peek(number);
        KnownMap map = reg.map;
        if (write ? !map.canWrite() : !map.canRead()) {
            throw run.reject((write ? "write into map forbidden, value_size=" : "read from map forbidden, value_size=")
                    + map.def().valueSize() + " off=" + off + " size=" + bytes);
        }
        requireRegion(number, off, bytes, Integer.toUnsignedLong(map.def().valueSize()), zeroAllowed);
        requireNoField(reg, off, bytes, direct);
    }

    /** The kernel's own fields in values are not touched, nor can they be. */
    private void requireNoField(Reg reg, int off, long bytes, boolean direct) {
        ValueFields fields = reg.map.fields();
        for (int i = 0; i < fields.count(); i++) {
            ValueFields.Field field = fields.get(i);
            boolean touched = reg.smin + off < field.offset() + field.bytes()
                    && Long.compareUnsigned(field.offset(), reg.umax + off + bytes) < 0;
            if (!touched) {
                continue;
            }
            String name = field.kind().cname();
            if (!field.kind().isPointer()) {
                throw run.reject(name + " cannot be accessed directly by load/store");
            }
            if (!direct) {
                throw run.reject(name + " cannot be accessed indirectly by helper");
            }
            if (!reg.isConst()) {
                throw run.reject(name + " access cannot have variable offset");
            }
            long at = off + reg.bits.value();
            if (field.offset() != at) {
                throw run.reject(name + " access misaligned expected=" + field.offset() + " off=" + at);
            }
            if (bytes != Long.BYTES) {
                throw run.reject(name + " access size must be BPF_DW");
            }
            throw new UnsupportedException("kernel pointer in the value of a map");
        }
    }

    private void mapValue(int number, int off, int bytes, boolean write, int value, boolean extend) {
        Reg reg = run.peek(number);
        requireMapAccess(number, off, bytes, write, false, true);
        if (write || value < 0) {
            return;
        }
        if (reg.isConst() && reg.map.isConstant()) {
            long loaded = reg.map.load((int) (off + reg.bits.value()), bytes);
            int unused = 64 - 8 * bytes;
            run.reg(value).setScalar(extend ? loaded << unused >> unused : loaded);
        } else {
            run.reg(value).setUnknown();
        }
    }

    // --- the context

    void requireUnmodified(Reg reg, int number) {
        String name = StatePrinter.name(reg);
        if (reg.off < 0) {
            throw run.reject("negative offset " + name + " ptr R" + number + " off=" + reg.off + " disallowed");
        }
        if (reg.off != 0) {
            throw run.reject("dereference of modified " + name + " ptr R" + number + " off=" + reg.off + " disallowed");
        }
        if (!reg.isConst() || reg.bits.value() != 0) {
            throw run.reject("variable " + name + " access var_off=" + reg.bits + " disallowed");
        }
    }

    private void context(int number, int off, int bytes, boolean write, int value, boolean extend) {
        Reg reg = run.peek(number);
        requireUnmodified(reg, number);
        boolean valid = !write && bytes == 4 && off >= 0 && off < CTX_BYTES && off % 4 == 0;
        if (off == 20 && run.subject.attach() != SectionName.Attach.DEVMAP) {
            valid = false;
        }
        RegType type = switch (off) {
            case 0 -> RegType.PACKET;
            case 4 -> RegType.PACKET_END;
            case 8 -> RegType.PACKET_META;
            default -> RegType.SCALAR;
        };
        if (type != RegType.SCALAR && extend) {
            valid = false;
        }
        if (!valid) {
            throw run.reject("invalid bpf_context access off=" + off + " size=" + bytes);
        }
        if (value < 0) {
            return;
        }
        if (type == RegType.SCALAR) {
            run.reg(value).setUnknown();
        } else {
            run.reg(value).setPointer(type);
        }
    }

    // --- sockets

    private void requireSocket(int number, int off, int bytes) {
        Reg reg = run.peek(number);
        if (reg.smin < 0) {
            throw run.reject(
                    "R" + number + " min value is negative, either use unsigned index or do a if (index >=0) check.");
        }
        boolean inside = off >= 0 && off + bytes <= SOCK_BYTES && off % bytes == 0 && bytes <= 4;
        boolean valid = switch (reg.type) {
            case SOCKET -> inside && isSocketField(off, bytes);
            case SOCK_COMMON -> inside && isSocketField(off, bytes) && (off < 8 || off >= 24);
            case XDP_SOCK -> off == 0 && bytes == Integer.BYTES; // queue_id
            case TCP_SOCK -> throw new UnsupportedException("fields of " + StatePrinter.name(reg));
            case NOT_INIT,
                    SCALAR,
                    CTX,
                    CONST_MAP_PTR,
                    MAP_VALUE,
                    MAP_KEY,
                    STACK,
                    PACKET_META,
                    PACKET,
                    PACKET_END,
                    MEM,
                    FUNC,
                    DYNPTR,
                    OBJECT -> throw new AssertionError("not a socket: " + reg);
        };
        if (!valid) {
            throw run.reject(
                    "R" + number + " invalid " + StatePrinter.name(reg) + " access off=" + off + " size=" + bytes);
        }
    }

    private static boolean isSocketField(int off, int bytes) {
        if (off < 4 || off >= 16 && off < 24) {
            return bytes == 4; // bound_dev_if, mark, priority
        }
        if (off >= 50 && off < 52) {
            return false; // behind dst_port
        }
        return true;
    }
}
