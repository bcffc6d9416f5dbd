package dev.sluice.map;

import dev.sluice.memory.Regions;
import java.util.concurrent.atomic.AtomicReferenceArray;
import java.util.function.IntFunction;

/**
 * {@code BPF_MAP_TYPE_PROG_ARRAY}: the targets of {@code bpf_tail_call}. User space puts programs; programs neither read
 * nor write it. A user-space value is a program's id, in both directions (the kernel takes a descriptor and gives the
 * id).
 */
public final class ProgArrayMap extends IndexedMap {
    private final AtomicReferenceArray<ProgramRef> programs;
    private volatile IntFunction<ProgramRef> resolver = id -> null;

    ProgArrayMap(MapDef def, MapTable table) {
        super(def, table, new Regions());
        programs = new AtomicReferenceArray<>(def.maxEntries() < 0 ? Integer.MAX_VALUE : def.maxEntries());
    }

    /** Tells how {@link #put} finds programs by id; it gives null for one that does not exist. */
    public void resolvePrograms(IntFunction<ProgramRef> byId) {
        resolver = byId;
    }

    /**
     * The program at an index, or null where there is none.
     *
     * @param index unsigned; any value
     */
    public ProgramRef program(int index) {
        return inRange(index) ? programs.get(index) : null;
    }

    /**
     * Puts a program.
     *
     * @throws MapException E2BIG when the index is out of range, EPERM when the map is frozen
     */
    public void set(int index, ProgramRef program) {
        if (isFrozen()) {
            throw refuse(Errno.EPERM, "user space may not write it, it is frozen");
        }
        if (!inRange(index)) {
            throw refuse(
                    Errno.E2BIG,
                    "no room: max_entries=" + Integer.toUnsignedString(def().maxEntries()) + " index="
                            + Integer.toUnsignedString(index));
        }
        programs.set(index, program);
    }

    @Override
    public long lookup(long key, int cpu) {
        return 0;
    }

    @Override
    public int update(long key, long value, long flags, int cpu) {
        return Errno.EOPNOTSUPP.negative();
    }

    @Override
    public int delete(long key) {
        return Errno.EOPNOTSUPP.negative();
    }

    @Override
    public int userValueSize() {
        return Integer.BYTES;
    }

    @Override
    byte[] read(byte[] key) {
        ProgramRef program = program(index(key));
        if (program == null) {
            return null;
        }
        byte[] value = new byte[Integer.BYTES];
        INT_LE.set(value, 0, program.programId());
        return value;
    }

    @Override
    int write(byte[] key, byte[] value, long flags) {
        if (flags != ANY) {
            return Errno.EINVAL.negative();
        }
        int index = index(key);
        if (!inRange(index)) {
            return Errno.E2BIG.negative();
        }
        ProgramRef program = resolver.apply(index(value));
        if (program == null) {
            throw refuse(Errno.EBADF, "no such program, id=" + Integer.toUnsignedString(index(value)));
        }
        programs.set(index, program);
        return 0;
    }

    @Override
    int erase(byte[] key) {
        int index = index(key);
        if (!inRange(index)) {
            return Errno.E2BIG.negative();
        }
        return programs.getAndSet(index, null) == null ? Errno.ENOENT.negative() : 0;
    }
}
