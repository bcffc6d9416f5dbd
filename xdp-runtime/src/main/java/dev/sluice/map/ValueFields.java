package dev.sluice.map;

import dev.sluice.btf.Btf;
import dev.sluice.btf.BtfException;
import dev.sluice.btf.BtfKind;
import dev.sluice.btf.BtfType;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.EnumSet;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/**
 * The fields of a map's value that belong to the kernel: locks, timers, pointers to its objects. Programs reach them through
 * helpers alone, and copies of values leave them out. They are found in the type of the value, as Linux 6.18 finds them: by
 * the names of structs, and pointers by their type tags; also in nested structs, not behind typedefs.
 *
 * <p>Immutable.
 */
public final class ValueFields {
    /** The kinds of fields, with the sizes and alignments that the kernel knows them by. */
    public enum Kind {
        SPIN_LOCK("bpf_spin_lock", 4, 4),
        RES_SPIN_LOCK("bpf_res_spin_lock", 4, 4),
        TIMER("bpf_timer", 16, 8),
        WORKQUEUE("bpf_wq", 16, 8),
        TASK_WORK("bpf_task_work", 8, 8),
        LIST_HEAD("bpf_list_head", 16, 8),
        RB_ROOT("bpf_rb_root", 16, 8),
        REFCOUNT("bpf_refcount", 4, 4),
        KPTR("kptr", 8, 8),
        PERCPU_KPTR("percpu_kptr", 8, 8),
        UPTR("uptr", 8, 8);

        private final String cname;
        private final int bytes;
        private final int alignment;

        Kind(String cname, int bytes, int alignment) {
            this.cname = cname;
            this.bytes = bytes;
            this.alignment = alignment;
        }

        /** The struct's name, or the kernel's word for the pointer. */
        public String cname() {
            return cname;
        }

        public boolean isPointer() {
            return this == KPTR || this == PERCPU_KPTR || this == UPTR;
        }

        private boolean isUnique() {
            return switch (this) {
                case SPIN_LOCK, RES_SPIN_LOCK, TIMER, WORKQUEUE, TASK_WORK, REFCOUNT -> true;
                case LIST_HEAD, RB_ROOT, KPTR, PERCPU_KPTR, UPTR -> false;
            };
        }

        /** Whether values of a type of map may have it. */
        private boolean fits(MapType type) {
            return switch (this) {
                case SPIN_LOCK, RES_SPIN_LOCK ->
                    switch (type) {
                        case HASH, ARRAY, CGROUP_STORAGE -> true;
                        default -> isLocalStorage(type);
                    };
                case TIMER, WORKQUEUE, TASK_WORK, LIST_HEAD, RB_ROOT ->
                    switch (type) {
                        case HASH, LRU_HASH, ARRAY -> true;
                        default -> false;
                    };
                case REFCOUNT, KPTR, PERCPU_KPTR ->
                    switch (type) {
                        case HASH, PERCPU_HASH, LRU_HASH, LRU_PERCPU_HASH, ARRAY, PERCPU_ARRAY -> true;
                        default -> isLocalStorage(type);
                    };
                case UPTR -> type == MapType.TASK_STORAGE;
            };
        }

        private static boolean isLocalStorage(MapType type) {
            return switch (type) {
                case SK_STORAGE, INODE_STORAGE, TASK_STORAGE, CGRP_STORAGE -> true;
                default -> false;
            };
        }
    }

    /**
     * A field.
     *
     * @param offset in the value
     */
    public record Field(Kind kind, int offset, int bytes) {
        int end() {
            return offset + bytes;
        }
    }

    /** No fields. */
    public static final ValueFields NONE = new ValueFields(List.of());

    private static final int MAX_FIELDS = 11;
    private static final int MAX_DEPTH = 32;

    private final List<Field> fields;

    private ValueFields(List<Field> fields) {
        this.fields = List.copyOf(fields);
    }

    /** A value with just a lock at an offset. */
    public static ValueFields lockAt(int offset) {
        return new ValueFields(List.of(new Field(Kind.SPIN_LOCK, offset, Kind.SPIN_LOCK.bytes)));
    }

    /**
     * The fields of a type.
     *
     * @return none when the type has none, and when it has fields that the kernel does not accept together: two locks, two
     *     timers, a list without a lock
     */
    public static ValueFields of(Btf btf, int type) {
        try {
            List<Field> found = new ArrayList<>();
            new Search(btf, found).structure(btf.resolve(type), 0, 0);
            found.sort(Comparator.comparingInt(Field::offset));
            return found.isEmpty() ? NONE : checked(found);
        } catch (BtfException | Refused e) {
            return NONE;
        }
    }

    /**
     * Whether the kernel takes an object's types: it refuses them all because of a struct with two locks, or one that is not
     * aligned. Loaders then go on without types.
     */
    public static boolean acceptsTypes(Btf btf) {
        Set<Integer> graph = new HashSet<>();
        for (String name : List.of(
                "bpf_spin_lock",
                "bpf_res_spin_lock",
                "bpf_list_head",
                "bpf_list_node",
                "bpf_rb_root",
                "bpf_rb_node",
                "bpf_refcount")) {
            int id = btf.find(BtfKind.STRUCT, name);
            if (id > 0) {
                graph.add(id);
            }
        }
        if (graph.isEmpty()) {
            return true;
        }
        for (int id = btf.firstId(); id < btf.endId(); id++) {
            if (btf.kindOf(id) == BtfKind.STRUCT
                    && btf.type(id) instanceof BtfType.Composite struct
                    && struct.members().stream().anyMatch(member -> graph.contains(member.type()))) {
                try {
                    List<Field> found = new ArrayList<>();
                    new Search(btf, found).structure(struct, 0, 0);
                    found.removeIf(field -> field.kind == Kind.TIMER || field.kind == Kind.WORKQUEUE);
                    found.sort(Comparator.comparingInt(Field::offset));
                    checked(found);
                } catch (Refused e) {
                    return false;
                }
            }
        }
        return true;
    }

    private static ValueFields checked(List<Field> found) throws Refused {
        Set<Kind> kinds = EnumSet.noneOf(Kind.class);
        int end = 0;
        for (Field field : found) {
            if (!kinds.add(field.kind) && field.kind.isUnique() || field.offset < end) {
                throw new Refused();
            }
            end = field.end();
        }
        boolean locked = kinds.contains(Kind.SPIN_LOCK) || kinds.contains(Kind.RES_SPIN_LOCK);
        if ((kinds.contains(Kind.LIST_HEAD) || kinds.contains(Kind.RB_ROOT)) && !locked || found.size() > MAX_FIELDS) {
            throw new Refused();
        }
        return new ValueFields(found);
    }

    /** Whether the kernel makes such a map with these fields; if not, loaders make it without types. */
    public boolean fit(MapDef def) {
        return fields.isEmpty()
                || (def.flags() & (BpfMap.RDONLY_PROG | BpfMap.WRONLY_PROG)) == 0
                        && fields.stream()
                                .allMatch(field -> field.kind.fits(def.type()) && field.end() <= def.valueSize());
    }

    public boolean isEmpty() {
        return fields.isEmpty();
    }

    public int count() {
        return fields.size();
    }

    /** A field, in the order of their offsets. */
    public Field get(int index) {
        return fields.get(index);
    }

    /** In the order of their offsets. */
    public List<Field> all() {
        return fields;
    }

    public boolean has(Kind kind) {
        return offsetOf(kind) >= 0;
    }

    /** The first field of a kind, or -1. */
    public int offsetOf(Kind kind) {
        for (Field field : fields) {
            if (field.kind == kind) {
                return field.offset;
            }
        }
        return -1;
    }

    private static final class Refused extends Exception {
        private static final long serialVersionUID = 1;
    }

    /** What the kernel does in {@code btf_parse_fields} for values of maps. */
    private record Search(Btf btf, List<Field> found) {
        void structure(BtfType type, int base, int depth) throws Refused {
            if (depth >= MAX_DEPTH) {
                throw new Refused();
            }
            switch (type) {
                case BtfType.Composite struct
                when !struct.isUnion() -> {
                    for (BtfType.Member member : struct.members()) {
                        if (member.bitOffset() % Byte.SIZE == 0 && member.bitfieldSize() == 0) {
                            member(member.type(), base + member.bitOffset() / Byte.SIZE, depth);
                        }
                    }
                }
                case BtfType.DataSec section -> {
                    for (BtfType.SectionVar place : section.vars()) {
                        if (btf.type(place.var()) instanceof BtfType.Var variable) {
                            member(variable.type(), base + place.offset(), depth);
                        }
                    }
                }
                default -> {}
            }
        }

        private void member(int id, int offset, int depth) throws Refused {
            BtfType type = btf.type(id);
            long count = 1;
            for (int i = 0; i < MAX_DEPTH && type instanceof BtfType.Array array; i++) {
                count *= array.count();
                type = btf.type(array.element());
            }
            if (count == 0) {
                return;
            }
            int first = found.size();
            int bytes;
            Kind kind = kindOf(type);
            if (kind != null) {
                if (offset % kind.alignment != 0) {
                    throw new Refused();
                }
                found.add(new Field(kind, offset, kind.bytes));
                bytes = kind.bytes;
            } else if (type instanceof BtfType.Composite struct) {
                structure(struct, offset, depth + 1);
                bytes = struct.size();
            } else {
                return;
            }
            repeat(first, count, bytes);
        }

        private void repeat(int first, long count, int bytes) throws Refused {
            List<Field> once = List.copyOf(found.subList(first, found.size()));
            if (once.isEmpty() || count == 1) {
                return;
            }
            if (count * once.size() > MAX_FIELDS || once.stream().anyMatch(field -> field.kind.isUnique())) {
                throw new Refused();
            }
            for (int i = 1; i < count; i++) {
                for (Field field : once) {
                    found.add(new Field(field.kind, field.offset + i * bytes, field.bytes));
                }
            }
        }

        private Kind kindOf(BtfType type) throws Refused {
            if (type instanceof BtfType.Ptr pointer) {
                if (!(btf.type(pointer.target()) instanceof BtfType.Modifier tag) || tag.kind() != BtfKind.TYPE_TAG) {
                    return null;
                }
                boolean toStruct = btf.kindOf(tag.target()) != BtfKind.TYPE_TAG
                        && btf.resolve(tag.target()) instanceof BtfType.Composite target
                        && !target.isUnion();
                if (!toStruct) {
                    throw new Refused();
                }
                return pointerKind(tag.name());
            }
            if (type instanceof BtfType.Composite struct && !struct.isUnion()) {
                for (Kind kind : Kind.values()) {
                    if (!kind.isPointer() && kind.cname.equals(struct.name()) && kind.bytes == struct.size()) {
                        return kind;
                    }
                }
            }
            return null;
        }

        private static Kind pointerKind(String tag) throws Refused {
            return switch (tag) {
                case "kptr", "kptr_untrusted" -> Kind.KPTR;
                case "percpu_kptr" -> Kind.PERCPU_KPTR;
                case "uptr" -> Kind.UPTR;
                default -> throw new Refused();
            };
        }
    }
}
