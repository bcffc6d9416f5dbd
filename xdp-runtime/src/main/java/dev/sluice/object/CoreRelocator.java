package dev.sluice.object;

import dev.sluice.btf.Btf;
import dev.sluice.btf.BtfException;
import dev.sluice.btf.BtfKind;
import dev.sluice.btf.BtfType;
import dev.sluice.btf.CoreRelocation;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Adapts instructions to the types of a target, by libbpf's rules.
 *
 * <p>A relocation names a type of the object and a path of indices into it. The path is read as names; every type of the
 * target with the same name (without what follows three underscores: its <i>flavour</i>) is a candidate, and those in which
 * the names lead somewhere of a compatible type must agree on the answer. The answer goes into imm or off of the
 * instruction, or into an {@code lddw}. Without any candidate, existence is 0, and anything else turns the instruction into
 * a call of a helper that does not exist, so that only a program that reaches it is refused. For one thread.
 */
final class CoreRelocator {
    /** The helper number that says "this relocation failed" in verifier logs. */
    static final int BAD_RELOCATION = 195_896_080;

    private static final int MOST_ACCESSORS = 64;
    private static final int MOST_DEPTH = 32;
    /** Enough for any real type, and not for types that contain each other in circles. */
    private static final int MOST_STEPS = 2_000_000;

    private final Btf local;
    private final Btf target;
    private final boolean partial;
    private final Map<Integer, List<Integer>> candidates = new HashMap<>();
    private int steps;

    CoreRelocator(Btf local, Btf target) {
        this.local = local;
        this.target = target;
        partial = KernelTypes.isPartial(target);
    }

    /** One step of a path: a named member or enumerator, or an element where {@code name} is null. */
    private record Accessor(int type, int index, @Nullable String name) {}

    /** A path through the types of one table. */
    private static final class Path {
        final Btf btf;
        final int root;
        final List<Accessor> accessors = new ArrayList<>();
        long bitOffset;
        int depth;

        Path(Btf btf, int root) {
            this.btf = btf;
            this.root = root;
        }

        Accessor last() {
            return accessors.getLast();
        }
    }

    /** What the local types say, or the target's. {@code type} is that of the accessed field, 0 if its size does not matter. */
    private record Answer(long value, int size, int type) {}

    /** What to write; {@code poison} if there is no answer. */
    private record Result(
            boolean poison,
            long expected,
            long value,
            boolean validate,
            int oldSize,
            int newSize,
            boolean sizeChangeAllowed) {}

    /**
     * Patches the instructions of a function.
     *
     * @return whether the target's types were looked at
     * @throws ObjectException if the relocation is malformed, ambiguous, or does not fit the instruction
     */
    boolean apply(FunctionSpec function, byte[] insns) {
        boolean used = false;
        for (CoreRelocation relocation : function.relocations()) {
            String where = "function " + function.name() + " instruction " + relocation.offset() / 8 + ": relocation "
                    + relocation.kind().label() + " of " + describe(relocation) + ": ";
            if (relocation.offset() % 8 != 0 || relocation.offset() < 0 || relocation.offset() > insns.length - 8) {
                throw new ObjectException(where + "is not at an instruction: offset=" + relocation.offset());
            }
            try {
                steps = 0;
                patch(insns, relocation.offset(), resolve(relocation));
            } catch (ObjectException | BtfException e) {
                throw new ObjectException(where + e.getMessage());
            }
            used |= relocation.kind() != CoreRelocation.Kind.TYPE_ID_LOCAL;
        }
        return used;
    }

    private String describe(CoreRelocation relocation) {
        try {
            return local.describe(relocation.type()) + " at " + relocation.access();
        } catch (BtfException e) {
            return "type " + relocation.type() + " at " + relocation.access();
        }
    }

    private void step() {
        if (++steps > MOST_STEPS) {
            throw new ObjectException("types are too deeply intertwined: expected at most " + MOST_STEPS + " steps");
        }
    }

    // ---- the answer

    private Result resolve(CoreRelocation relocation) {
        CoreRelocation.Kind kind = relocation.kind();
        Path path = parse(relocation);
        if (kind == CoreRelocation.Kind.TYPE_ID_LOCAL) {
            return new Result(false, relocation.type(), relocation.type(), true, 0, 0, true);
        }
        if (local.nameOf(relocation.type()).isEmpty()) {
            throw new ObjectException("types without a name cannot be found in the target");
        }
        if (partial && kind.needsAnswer() && candidates(relocation.type()).isEmpty()) {
            // the table says nothing of it: what the compiler saw is the best there is
            return new CoreRelocator(local, local).resolve(relocation);
        }
        Result found = null;
        long offset = 0;
        for (int candidate : candidates(relocation.type())) {
            Path match = match(path, candidate, kind);
            if (match == null) {
                continue;
            }
            Result result = result(kind, path, match);
            if (found == null) {
                found = result;
                offset = match.bitOffset;
            } else if (offset != match.bitOffset) {
                throw new ObjectException(
                        "types of the target disagree: found bit offsets " + offset + " and " + match.bitOffset);
            } else if (found.poison != result.poison || found.value != result.value) {
                throw new ObjectException(
                        "types of the target disagree: found " + found.value + " and " + result.value);
            }
        }
        return found != null ? found : result(kind, path, null);
    }

    private List<Integer> candidates(int type) {
        return candidates.computeIfAbsent(type, id -> {
            if (local.equals(target)) {
                // without a target every type is what the compiler saw
                return List.of(id);
            }
            String name = essentialName(local.nameOf(id));
            List<Integer> found = new ArrayList<>();
            for (int candidate : target.findFlavours(name)) {
                if (sameKind(local.kindOf(id), target.kindOf(candidate))
                        && essentialName(target.nameOf(candidate)).equals(name)) {
                    found.add(candidate);
                }
            }
            return found;
        });
    }

    /** {@code task_struct} of {@code task_struct___v5}: what comes before three underscores between other characters. */
    static String essentialName(String name) {
        for (int i = name.length() - 5; i >= 0; i--) {
            if (name.charAt(i) != '_' && name.startsWith("___", i + 1) && name.charAt(i + 4) != '_') {
                return name.substring(0, i + 1);
            }
        }
        return name;
    }

    private static boolean sameKind(BtfKind a, BtfKind b) {
        return a == b || a.isEnum() && b.isEnum();
    }

    private Result result(CoreRelocation.Kind kind, Path path, @Nullable Path match) {
        boolean[] validate = {true};
        Answer expected = answer(kind, path, validate);
        Answer found = answer(kind, match, new boolean[1]);
        if (expected == null || found == null) {
            return new Result(true, 0, 0, false, 0, 0, true);
        }
        boolean sizeChangeAllowed = true;
        if (kind.isField() && expected.size != found.size) {
            sizeChangeAllowed = sizeMayChange(expected, found);
        }
        return new Result(
                false, expected.value, found.value, validate[0], expected.size, found.size, sizeChangeAllowed);
    }

    /** Loads may change their width for pointers, and for unsigned integers, where the upper bits are zero either way. */
    private boolean sizeMayChange(Answer expected, Answer found) {
        BtfType before = local.resolve(expected.type);
        BtfType after = target.resolve(found.type);
        if (before instanceof BtfType.Ptr && after instanceof BtfType.Ptr) {
            return true;
        }
        return before instanceof BtfType.Int a && after instanceof BtfType.Int b && !a.signed() && !b.signed();
    }

    /** The answer by one side's types; null if there is none. {@code validate[0]}: whether the compiler must agree. */
    private static @Nullable Answer answer(CoreRelocation.Kind kind, @Nullable Path path, boolean[] validate) {
        validate[0] = true;
        return switch (kind) {
            case FIELD_EXISTS, ENUMVAL_EXISTS, TYPE_EXISTS, TYPE_MATCHES -> new Answer(path == null ? 0 : 1, 0, 0);
            case TYPE_ID_LOCAL -> throw new AssertionError("answered without a target");
            case TYPE_ID_TARGET -> {
                validate[0] = false;
                yield new Answer(path == null ? 0 : path.root, 0, 0);
            }
            case TYPE_SIZE -> new Answer(path == null ? 0 : path.btf.sizeOf(path.root), 0, 0);
            case ENUMVAL_VALUE -> path == null ? null : new Answer(enumerator(path), 0, 0);
            case FIELD_BYTE_OFFSET, FIELD_BYTE_SIZE, FIELD_SIGNED, FIELD_LSHIFT_U64, FIELD_RSHIFT_U64 ->
                path == null ? null : field(kind, path, validate);
        };
    }

    private static long enumerator(Path path) {
        BtfType.Enum type = (BtfType.Enum) path.btf.resolve(path.last().type);
        return type.enumerators().get(path.last().index).value();
    }

    private static Answer field(CoreRelocation.Kind kind, Path path, boolean[] validate) {
        Btf btf = path.btf;
        Accessor last = path.last();
        if (last.name == null) {
            int size = btf.sizeOf(last.type);
            return switch (kind) {
                case FIELD_BYTE_OFFSET -> new Answer(path.bitOffset / 8, size, last.type);
                case FIELD_BYTE_SIZE -> new Answer(size, 0, 0);
                default -> throw new ObjectException("cannot be asked of an array's element");
            };
        }
        BtfType.Member member =
                ((BtfType.Composite) btf.type(last.type)).members().get(last.index);
        int fieldId = btf.resolveId(member.type());
        BtfType type = btf.type(fieldId);
        boolean bitfield = member.bitfieldSize() > 0;
        long byteOffset;
        long byteSize;
        long bitSize;
        if (bitfield) {
            bitSize = member.bitfieldSize();
            byteSize = btf.sizeOf(fieldId);
            if (byteSize == 0) {
                throw new ObjectException("bit field of a type without a size");
            }
            byteOffset = path.bitOffset / 8 / byteSize * byteSize;
            // the smallest load that has all of its bits
            while (path.bitOffset + bitSize - byteOffset * 8 > byteSize * 8) {
                if (byteSize >= 8) {
                    throw new ObjectException("bit field cannot be read with one load of 8 bytes");
                }
                byteSize *= 2;
                byteOffset = path.bitOffset / 8 / byteSize * byteSize;
            }
        } else {
            byteSize = btf.sizeOf(fieldId);
            byteOffset = path.bitOffset / 8;
            bitSize = byteSize * 8;
        }
        // compilers may read a bit field in another way; only its sign is beyond doubt
        validate[0] = !bitfield;
        switch (kind) {
            case FIELD_BYTE_OFFSET -> {
                if (bitfield) {
                    return new Answer(byteOffset, 0, 0);
                }
                int element = fieldId;
                for (int i = 0; i < MOST_DEPTH && btf.type(element) instanceof BtfType.Array array; i++) {
                    element = btf.resolveId(array.element());
                }
                return new Answer(byteOffset, btf.sizeOf(element), element);
            }
            case FIELD_BYTE_SIZE -> {
                return new Answer(byteSize, 0, 0);
            }
            case FIELD_SIGNED -> {
                validate[0] = true;
                boolean signed =
                        type instanceof BtfType.Enum e && e.signed() || type instanceof BtfType.Int i && i.signed();
                return new Answer(signed ? 1 : 0, 0, 0);
            }
            case FIELD_LSHIFT_U64 -> {
                return new Answer(64 - (path.bitOffset + bitSize - byteOffset * 8), 0, 0);
            }
            case FIELD_RSHIFT_U64 -> {
                validate[0] = true;
                return new Answer(64 - bitSize, 0, 0);
            }
            default -> throw new AssertionError("not a question about a field: " + kind);
        }
    }

    // ---- the path in the object's types

    private Path parse(CoreRelocation relocation) {
        int[] indices = indices(relocation.access());
        Path path = new Path(local, relocation.type());
        if (relocation.kind().isType()) {
            if (indices.length != 1 || indices[0] != 0) {
                throw new ObjectException("expected access 0 for a type, found access=" + relocation.access());
            }
            return path;
        }
        int id = local.resolveId(relocation.type());
        if (relocation.kind().isEnumerator()) {
            if (!(local.type(id) instanceof BtfType.Enum type)
                    || indices.length != 1
                    || indices[0] >= type.enumerators().size()) {
                throw new ObjectException("expected an enumerator, found access=" + relocation.access());
            }
            path.accessors.add(new Accessor(
                    id, indices[0], type.enumerators().get(indices[0]).name()));
            return path;
        }
        path.accessors.add(new Accessor(id, indices[0], null));
        if (indices[0] != 0) {
            path.bitOffset = 8L * indices[0] * local.sizeOf(id);
        }
        for (int i = 1; i < indices.length; i++) {
            id = local.resolveId(id);
            int index = indices[i];
            switch (local.type(id)) {
                case BtfType.Composite type -> {
                    if (index >= type.members().size()) {
                        throw new ObjectException("no such member: expected 0 to "
                                + (type.members().size() - 1) + ", found index=" + index + " access="
                                + relocation.access());
                    }
                    BtfType.Member member = type.members().get(index);
                    path.bitOffset += member.bitOffset();
                    if (!member.name().isEmpty()) {
                        path.accessors.add(new Accessor(id, index, member.name()));
                    }
                    id = member.type();
                }
                case BtfType.Array array -> {
                    int element = local.resolveId(array.element());
                    if (index >= array.count() && !isFlexible(local, path.accessors, array)) {
                        throw new ObjectException("no such element: expected less than " + array.count()
                                + ", found index=" + index + " access=" + relocation.access());
                    }
                    path.accessors.add(new Accessor(element, index, null));
                    path.bitOffset += 8L * index * local.sizeOf(element);
                    id = element;
                }
                default ->
                    throw new ObjectException("expected a struct, union or array, found " + local.describe(id)
                            + " access=" + relocation.access());
            }
        }
        return path;
    }

    private static int[] indices(String access) {
        String[] parts = access.split(":", MOST_ACCESSORS + 1);
        int[] indices = new int[parts.length];
        for (int i = 0; i < parts.length; i++) {
            try {
                indices[i] = Integer.parseInt(parts[i]);
            } catch (NumberFormatException e) {
                indices[i] = -1;
            }
            if (indices[i] < 0 || i == MOST_ACCESSORS) {
                throw new ObjectException(
                        "expected at most " + MOST_ACCESSORS + " indices separated by colons, found access="
                                + (access.length() > 80 ? access.substring(0, 80) + "..." : access));
            }
        }
        return indices;
    }

    /** Whether an array is the last member of its struct and without a length: then any index is allowed. */
    private static boolean isFlexible(Btf btf, List<Accessor> before, BtfType.Array array) {
        if (array.count() > 0 || before.isEmpty() || before.getLast().name == null) {
            return false;
        }
        Accessor last = before.getLast();
        return btf.type(last.type) instanceof BtfType.Composite struct
                && !struct.isUnion()
                && last.index == struct.members().size() - 1;
    }

    // ---- the same path in the target's types

    private @Nullable Path match(Path path, int candidate, CoreRelocation.Kind kind) {
        Path match = new Path(target, candidate);
        if (kind == CoreRelocation.Kind.TYPE_MATCHES) {
            return matches(path.root, candidate, false, MOST_DEPTH) ? match : null;
        }
        if (kind.isType()) {
            return compatible(path.root, candidate, MOST_DEPTH) ? match : null;
        }
        if (kind.isEnumerator()) {
            int id = target.resolveId(candidate);
            if (!(target.type(id) instanceof BtfType.Enum type)) {
                return null;
            }
            String wanted = essentialName(nameOf(path.accessors.getFirst()));
            for (int i = 0; i < type.enumerators().size(); i++) {
                String name = type.enumerators().get(i).name();
                if (essentialName(name).equals(wanted)) {
                    match.accessors.add(new Accessor(id, i, name));
                    return match;
                }
            }
            return null;
        }
        int id = candidate;
        for (int i = 0; i < path.accessors.size(); i++) {
            Accessor accessor = path.accessors.get(i);
            id = target.resolveId(id);
            if (accessor.name != null) {
                int next = matchMember(accessor, id, match);
                if (next < 0) {
                    return null;
                }
                id = next;
                continue;
            }
            if (i > 0) {
                if (!(target.type(id) instanceof BtfType.Array array)
                        || (accessor.index >= array.count() && !isFlexible(target, match.accessors, array))) {
                    return null;
                }
                id = target.resolveId(array.element());
            }
            match.accessors.add(new Accessor(id, accessor.index, null));
            if (accessor.index != 0) {
                match.bitOffset += 8L * accessor.index * target.sizeOf(id);
            }
        }
        return match;
    }

    private static String nameOf(Accessor accessor) {
        if (accessor.name == null) {
            throw new AssertionError("an enumerator has a name");
        }
        return accessor.name;
    }

    /** Finds a member by its name, also in anonymous members; returns its type, or -1 if there is none that fits. */
    private int matchMember(Accessor wanted, int id, Path match) {
        if (!(target.type(id) instanceof BtfType.Composite type)) {
            return -1;
        }
        BtfType.Member localMember =
                ((BtfType.Composite) local.type(wanted.type)).members().get(wanted.index);
        if (match.depth >= MOST_ACCESSORS) {
            throw new ObjectException("types of the target nest deeper than " + MOST_ACCESSORS);
        }
        match.depth++;
        try {
            for (int i = 0; i < type.members().size(); i++) {
                step();
                BtfType.Member member = type.members().get(i);
                if (member.name().isEmpty()) {
                    match.bitOffset += member.bitOffset();
                    int found = matchMember(wanted, target.resolveId(member.type()), match);
                    if (found != -1) {
                        return found;
                    }
                    match.bitOffset -= member.bitOffset();
                } else if (member.name().equals(wanted.name)) {
                    if (!fieldsCompatible(localMember.type(), member.type())) {
                        return -1;
                    }
                    match.bitOffset += member.bitOffset();
                    match.accessors.add(new Accessor(id, i, member.name()));
                    return member.type();
                }
            }
            return -1;
        } finally {
            match.depth--;
        }
    }

    private boolean fieldsCompatible(int localId, int targetId) {
        for (int i = 0; i < MOST_DEPTH; i++) {
            BtfType a = local.resolve(localId);
            BtfType b = target.resolve(targetId);
            if (a.kind().isComposite() && b.kind().isComposite()) {
                return true;
            }
            if (!sameKind(a.kind(), b.kind())) {
                return false;
            }
            switch (a) {
                case BtfType.Ptr p -> {
                    return true;
                }
                case BtfType.Float f -> {
                    return true;
                }
                case BtfType.Fwd f -> {
                    return compatibleNames(a, b);
                }
                case BtfType.Enum e -> {
                    return compatibleNames(a, b);
                }
                case BtfType.Int x -> {
                    return x.bitOffset() == 0 && ((BtfType.Int) b).bitOffset() == 0;
                }
                case BtfType.Array x -> {
                    localId = x.element();
                    targetId = ((BtfType.Array) b).element();
                }
                default -> {
                    return false;
                }
            }
        }
        return false;
    }

    private static boolean compatibleNames(BtfType a, BtfType b) {
        String first = essentialName(a.name());
        String second = essentialName(b.name());
        return first.isEmpty() || second.isEmpty() || first.equals(second);
    }

    /** Whether two types of the same name are of the same shape as far as existence and size are concerned. */
    private boolean compatible(int localId, int targetId, int depth) {
        if (!sameKind(local.kindOf(localId), target.kindOf(targetId))) {
            return false;
        }
        for (int i = 0; i < MOST_DEPTH; i++) {
            step();
            BtfType a = local.resolve(localId);
            BtfType b = target.resolve(targetId);
            if (!sameKind(a.kind(), b.kind())) {
                return false;
            }
            switch (a) {
                case BtfType.Int x -> {
                    return x.bitOffset() == 0 && ((BtfType.Int) b).bitOffset() == 0;
                }
                case BtfType.Ptr x -> {
                    localId = x.target();
                    targetId = ((BtfType.Ptr) b).target();
                }
                case BtfType.Array x -> {
                    localId = x.element();
                    targetId = ((BtfType.Array) b).element();
                }
                case BtfType.FuncProto x -> {
                    BtfType.FuncProto y = (BtfType.FuncProto) b;
                    if (x.params().size() != y.params().size()) {
                        return false;
                    }
                    if (depth == 0) {
                        throw new ObjectException("types nest deeper than " + MOST_DEPTH);
                    }
                    for (int p = 0; p < x.params().size(); p++) {
                        int left = local.resolveId(x.params().get(p).type());
                        int right = target.resolveId(y.params().get(p).type());
                        if (!compatible(left, right, depth - 1)) {
                            return false;
                        }
                    }
                    localId = local.resolveId(x.returns());
                    targetId = target.resolveId(y.returns());
                }
                default -> {
                    return a.kind().isComposite()
                            || a.kind().isEnum()
                            || a.kind() == BtfKind.FWD
                            || a.kind() == BtfKind.VOID;
                }
            }
        }
        throw new ObjectException("types nest deeper than " + MOST_DEPTH);
    }

    /** Whether the target has all that the local type has, member for member. */
    private boolean matches(int localId, int targetId, boolean behindPointer, int depth) {
        if (depth == 0) {
            throw new ObjectException("types nest deeper than " + MOST_DEPTH);
        }
        for (int i = 0; i < MOST_DEPTH; i++) {
            step();
            BtfType a = local.resolve(localId);
            BtfType b = target.resolve(targetId);
            if (!essentialName(a.name()).equals(essentialName(b.name()))) {
                return false;
            }
            switch (a) {
                case BtfType.Void v -> {
                    return b.kind() == BtfKind.VOID;
                }
                case BtfType.Fwd x -> {
                    if (b instanceof BtfType.Fwd y) {
                        return x.isUnion() == y.isUnion();
                    }
                    return behindPointer && b instanceof BtfType.Composite y && y.isUnion() == x.isUnion();
                }
                case BtfType.Enum x -> {
                    return b instanceof BtfType.Enum y && enumeratorsMatch(x, y);
                }
                case BtfType.Composite x -> {
                    if (behindPointer) {
                        return b.kind() == a.kind() || b instanceof BtfType.Fwd y && y.isUnion() == x.isUnion();
                    }
                    return b.kind() == a.kind() && membersMatch(x, (BtfType.Composite) b, depth);
                }
                case BtfType.Int x -> {
                    return b instanceof BtfType.Int y && x.size() == y.size() && x.signed() == y.signed();
                }
                case BtfType.Ptr x -> {
                    if (!(b instanceof BtfType.Ptr y)) {
                        return false;
                    }
                    behindPointer = true;
                    localId = x.target();
                    targetId = y.target();
                }
                case BtfType.Array x -> {
                    if (!(b instanceof BtfType.Array y) || x.count() != y.count()) {
                        return false;
                    }
                    localId = x.element();
                    targetId = y.element();
                }
                case BtfType.FuncProto x -> {
                    if (!(b instanceof BtfType.FuncProto y)
                            || x.params().size() != y.params().size()) {
                        return false;
                    }
                    for (int p = 0; p < x.params().size(); p++) {
                        if (!matches(x.params().get(p).type(), y.params().get(p).type(), behindPointer, depth - 1)) {
                            return false;
                        }
                    }
                    localId = x.returns();
                    targetId = y.returns();
                }
                default -> throw new ObjectException("cannot compare types of kind " + a.kind());
            }
        }
        throw new ObjectException("types nest deeper than " + MOST_DEPTH);
    }

    private boolean membersMatch(BtfType.Composite a, BtfType.Composite b, int depth) {
        if (a.members().size() > b.members().size()) {
            return false;
        }
        for (BtfType.Member wanted : a.members()) {
            boolean found = false;
            for (BtfType.Member member : b.members()) {
                step();
                if (essentialName(wanted.name()).equals(essentialName(member.name()))
                        && matches(wanted.type(), member.type(), false, depth - 1)) {
                    found = true;
                    break;
                }
            }
            if (!found) {
                return false;
            }
        }
        return true;
    }

    private static boolean enumeratorsMatch(BtfType.Enum a, BtfType.Enum b) {
        if (a.enumerators().size() > b.enumerators().size()) {
            return false;
        }
        return a.enumerators().stream()
                .allMatch(wanted -> b.enumerators().stream()
                        .anyMatch(e -> essentialName(e.name()).equals(essentialName(wanted.name()))));
    }

    // ---- the instruction

    private static void patch(byte[] insns, int at, Result result) {
        int code = insns[at] & 0xff;
        boolean wide = code == 0x18;
        if (wide && at + 16 > insns.length) {
            throw new ObjectException("64-bit load is cut off");
        }
        if (result.poison) {
            poison(insns, at, wide);
            return;
        }
        switch (code & 7) {
            // BPF_ALU, BPF_ALU64
            case 4, 7 -> {
                if ((code & 8) != 0) {
                    throw new ObjectException("expected an instruction with an immediate number, found opcode=0x"
                            + Integer.toHexString(code));
                }
                int imm = Blob.i32(insns, at + 4);
                if (result.validate && imm != (int) result.expected) {
                    throw unexpected(imm, result);
                }
                Blob.i32(insns, at + 4, (int) result.value);
            }
            // BPF_LDX, BPF_ST, BPF_STX
            case 1, 2, 3 -> {
                int off = Blob.i16(insns, at + 2);
                if (result.validate && off != result.expected) {
                    throw unexpected(off, result);
                }
                if (result.value > Short.MAX_VALUE || result.value < 0) {
                    throw new ObjectException("field is too far away for a load or store: expected at most "
                            + Short.MAX_VALUE + ", found offset=" + result.value);
                }
                if (!result.sizeChangeAllowed) {
                    poison(insns, at, false);
                    return;
                }
                if (result.newSize != result.oldSize) {
                    insns[at] = (byte) (code & ~0x18 | sizeBits(code, result));
                }
                Blob.i16(insns, at + 2, (short) result.value);
            }
            // BPF_LD: only the 64-bit load of a number
            case 0 -> {
                if (!wide
                        || (insns[at + 1] & 0xf0) != 0
                        || Blob.i16(insns, at + 2) != 0
                        || Blob.i32(insns, at + 8) != 0) {
                    throw new ObjectException(
                            "expected a 64-bit load of a number, found opcode=0x" + Integer.toHexString(code));
                }
                long imm = Integer.toUnsignedLong(Blob.i32(insns, at + 4)) | (long) Blob.i32(insns, at + 12) << 32;
                if (result.validate && imm != result.expected) {
                    throw unexpected(imm, result);
                }
                Blob.i32(insns, at + 4, (int) result.value);
                Blob.i32(insns, at + 12, (int) (result.value >>> 32));
            }
            default ->
                throw new ObjectException(
                        "expected arithmetic, a load or a store, found opcode=0x" + Integer.toHexString(code));
        }
    }

    private static int sizeBits(int code, Result result) {
        int bytes = switch (code & 0x18) {
            case 0x00 -> 4;
            case 0x08 -> 2;
            case 0x10 -> 1;
            default -> 8;
        };
        if (bytes != result.oldSize) {
            throw new ObjectException("instruction reads another size than its field: expected " + result.oldSize
                    + " bytes, found size=" + bytes);
        }
        return switch (result.newSize) {
            case 4 -> 0x00;
            case 2 -> 0x08;
            case 1 -> 0x10;
            case 8 -> 0x18;
            default ->
                throw new ObjectException("field of the target cannot be read with one load: size=" + result.newSize);
        };
    }

    private static ObjectException unexpected(long found, Result result) {
        return new ObjectException(
                "instruction does not have what its types say: expected " + result.expected + ", found " + found);
    }

    private static void poison(byte[] insns, int at, boolean wide) {
        for (int slot = at; slot <= (wide ? at + 8 : at); slot += 8) {
            Blob.i32(insns, slot, 0x85);
            Blob.i32(insns, slot + 4, BAD_RELOCATION);
        }
    }
}
