package dev.sluice.verifier;

import dev.sluice.map.ValueFields;
import dev.sluice.object.SectionName;

/**
 * What a load, a store or a helper's access asks of the pointer: its kind, the range of bytes for every value of its variable
 * offset, alignment, and what lies there. Changes nothing; {@link Memory} and {@link StackAccess} then do what the access does.
 */
final class AccessRules {
    private static final int CTX_BYTES = 24;
    private static final int CTX_EGRESS = 20;
    private static final int SOCK_BYTES = 80;

    private final Run run;

    AccessRules(Run run) {
        this.run = run;
    }

    /** Rejects the program unless an access may be made. */
    void require(Access access) {
        int number = access.register();
        Reg reg = run.peek(number);
        requireAlignment(reg, access);
        int off = access.off() + reg.off;
        int bytes = access.bytes();
        boolean write = access.write();
        switch (reg.orNull ? RegType.NOT_INIT : reg.type) {
            case MAP_KEY -> {
                if (write) {
                    throw run.reject("write to change key R" + number + " not allowed");
                }
                requireRegion(number, off, bytes, reg.map.def().keySize(), false);
            }
            case MAP_VALUE -> requireMapAccess(number, off, bytes, write, false, true);
            case MEM -> {
                requireNotReadOnly(reg, number, write);
                requireRegion(number, off, bytes, reg.memBytes, false);
            }
            case CTX -> requireContext(reg, access, off);
            case STACK -> run.stack.requireAccess(access, off);
            case PACKET, PACKET_META -> requirePacket(number, off, bytes, false);
            case SOCKET, SOCK_COMMON, TCP_SOCK, XDP_SOCK -> {
                if (write) {
                    throw run.reject("R" + number + " cannot write into " + StatePrinter.name(reg));
                }
                requireSocket(number, off, bytes);
            }
            case CONST_MAP_PTR -> refuseMapStruct(number, off, write);
            case OBJECT -> KfuncCalls.requireField(run, reg, off, bytes, write);
            case NOT_INIT, SCALAR, PACKET_END, FUNC, DYNPTR ->
                throw run.reject("R" + number + " invalid mem access '" + StatePrinter.name(reg) + "'");
        }
    }

    void requireNotReadOnly(Reg reg, int number, boolean write) {
        if (write && reg.readOnly) {
            throw run.reject("R" + number + " cannot write into " + StatePrinter.name(reg));
        }
    }

    private void requireAlignment(Reg reg, Access access) {
        int bytes = access.bytes();
        boolean strict = access.aligned() || reg.type == RegType.STACK;
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
        Tnum address = reg.bits.add(Tnum.of((long) extra + reg.off + access.off()));
        if (!address.isAligned(bytes)) {
            throw run.reject("misaligned " + kind + "access off " + (extra == 0 ? "" : extra + "+")
                    + StatePrinter.text(reg.bits) + "+" + reg.off + "+" + access.off() + " size " + bytes);
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
        if (Long.compareUnsigned(reg.umax, PointerArithmetic.MAX_OFFSET) >= 0) {
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

    private void refuseMapStruct(int number, int off, boolean write) {
        String struct = switch (run.peek(number).map.def().type()) {
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

    private void requireContext(Reg reg, Access access, int off) {
        requireUnmodified(reg, access.register());
        boolean valid = !access.write() && access.bytes() == 4 && off >= 0 && off < CTX_BYTES && off % 4 == 0;
        valid &= off != CTX_EGRESS || run.subject.attach() == SectionName.Attach.DEVMAP;
        valid &= Memory.contextField(off) == RegType.SCALAR || !access.extend();
        if (!valid) {
            throw run.reject("invalid bpf_context access off=" + off + " size=" + access.bytes());
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
