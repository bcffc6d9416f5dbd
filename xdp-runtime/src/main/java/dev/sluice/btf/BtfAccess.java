package dev.sluice.btf;

import org.jspecify.annotations.Nullable;

/**
 * A part of a value, as C names it. Immutable.
 *
 * @param offset bytes from the start of the value
 * @param type id of the part's type
 */
public record BtfAccess(int offset, int type) {
    private static final int MOST_DEPTH = 64;

    /**
     * Follows members and indices.
     *
     * @param type id of the whole value's type
     * @param path {@code .member}, {@code [index]}, and so on; empty for the value itself. Members of anonymous structs are
     *     found without naming these
     * @throws BtfException if there is no such member or element, or it is a bit field
     */
    public static BtfAccess of(Btf btf, int type, String path) {
        long offset = 0;
        int current = type;
        int at = 0;
        while (at < path.length()) {
            char c = path.charAt(at);
            int end = end(path, at + 1);
            if (c == '[') {
                if (end >= path.length() || path.charAt(end) != ']') {
                    throw new BtfException("expected a closing bracket, found path=" + path);
                }
                offset += element(btf, current, path.substring(at + 1, end));
                current = ((BtfType.Array) btf.resolve(current)).element();
                at = end + 1;
            } else if (c == '.') {
                String name = path.substring(at + 1, end);
                int[] budget = {1 << 20};
                BtfAccess member = member(btf, current, name, MOST_DEPTH, budget);
                if (member == null) {
                    throw new BtfException("no such member: " + btf.describe(current) + " has no member name=" + name);
                }
                offset += member.offset;
                current = member.type;
                at = end;
            } else {
                throw new BtfException("expected .member or [index], found path=" + path);
            }
            if (offset > Integer.MAX_VALUE) {
                throw new BtfException("lies 2 GB or more from the start: path=" + path);
            }
        }
        return new BtfAccess((int) offset, current);
    }

    private static int end(String path, int from) {
        int at = from;
        while (at < path.length() && ".[]".indexOf(path.charAt(at)) < 0) {
            at++;
        }
        return at;
    }

    private static long element(Btf btf, int type, String index) {
        if (!(btf.resolve(type) instanceof BtfType.Array array)) {
            throw new BtfException("expected an array, found " + btf.describe(type));
        }
        long number;
        try {
            number = Long.parseLong(index);
        } catch (NumberFormatException e) {
            number = -1;
        }
        if (number < 0 || number >= array.count()) {
            throw new BtfException("no such element: expected 0 to " + (array.count() - 1) + ", found index=" + index);
        }
        return number * btf.sizeOf(array.element());
    }

    private static @Nullable BtfAccess member(Btf btf, int type, String name, int depth, int[] budget) {
        if (!(btf.resolve(type) instanceof BtfType.Composite struct)) {
            throw new BtfException("expected a struct or union, found " + btf.describe(type));
        }
        for (BtfType.Member member : struct.members()) {
            if (depth == 0 || --budget[0] < 0) {
                throw new BtfException("btf: types are too deeply intertwined");
            }
            int bytes = member.bitOffset() >>> 3;
            if (!name.isEmpty() && member.name().equals(name)) {
                if (member.bitfieldSize() != 0 || member.bitOffset() % 8 != 0) {
                    throw new BtfException("cannot address a bit field: name=" + name);
                }
                return new BtfAccess(bytes, member.type());
            }
            if (member.name().isEmpty() && btf.resolve(member.type()) instanceof BtfType.Composite) {
                BtfAccess inner = member(btf, member.type(), name, depth - 1, budget);
                if (inner != null) {
                    return new BtfAccess(bytes + inner.offset, inner.type);
                }
            }
        }
        return null;
    }
}
