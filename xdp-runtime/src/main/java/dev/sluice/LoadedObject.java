package dev.sluice;

import dev.sluice.btf.Btf;
import dev.sluice.btf.BtfBuilder;
import dev.sluice.btf.BtfException;
import dev.sluice.btf.BtfKind;
import dev.sluice.btf.BtfValues;
import dev.sluice.map.BpfMap;
import dev.sluice.map.Errno;
import dev.sluice.map.MapException;
import dev.sluice.memory.Memory;
import dev.sluice.object.ObjectException;
import dev.sluice.object.ObjectSpec;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/**
 * An object whose maps exist and whose programs can run, until its runtime is closed.
 *
 * @param spec what it was made from
 * @param maps in the object's order
 * @param programs those that were asked for and those that their prog arrays start with
 */
public record LoadedObject(ObjectSpec spec, List<LoadedMap> maps, List<LoadedProgram> programs) {
    /** Unsigned numbers of the sizes that variables without types have. */
    private static final Btf UNTYPED = untyped();

    /** The map of a name. */
    public Optional<LoadedMap> map(String name) {
        return maps.stream().filter(map -> map.name().equals(name)).findFirst();
    }

    /**
     * A program of this object for a chain, with the priority and the actions that the object says.
     *
     * @throws IllegalArgumentException if there is no such program
     */
    public ProgramChain.Link link(String programName) {
        LoadedProgram program = program(programName)
                .orElseThrow(() -> new IllegalArgumentException("no such program is loaded, name=" + programName));
        return new ProgramChain.Link(program, spec.runConfig(program.linked().spec()));
    }

    /**
     * The value of a global variable, or of a part of one, at this moment.
     *
     * @param path {@code counter}, {@code bss.counter}, {@code config.ports[2]}
     * @return as {@link dev.sluice.btf.BtfValues#decode(Btf, int, byte[])} gives it
     * @throws dev.sluice.object.ObjectException if there is no such variable
     * @throws MapException EBADF when its map is closed
     */
    public Object get(String path) {
        return get(path, Object.class);
    }

    /** The same as a Java type. */
    public <T> T get(String path, Class<T> as) {
        ObjectSpec.Part part = spec.part(path);
        BpfMap map = map(path, part, false);
        byte[] bytes = map.inside(() -> Memory.bytes(map.valueAddress() + part.offset(), part.size()));
        Btf btf = spec.btf();
        if (btf != null) {
            return BtfValues.decode(btf, part.type(), bytes, as);
        }
        return BtfValues.decode(UNTYPED, untyped(path, part), bytes, as);
    }

    /**
     * Reads bytes, such as an event's, as a type of the object.
     *
     * @param type name of a struct, a union, a typedef, an enum or an integer type of the object
     * @param data at least as many bytes as the type has
     * @throws dev.sluice.btf.BtfException if there is no such type, or the Java type has no room for the value
     */
    public <T> T decode(String type, byte[] data, Class<T> as) {
        Btf btf = spec.btf();
        int id = btf == null ? 0 : btf.findNamed(type);
        if (btf == null || id == 0) {
            throw new BtfException("the object has no such type, name=" + type);
        }
        int size = btf.sizeOf(id);
        if (data.length < size) {
            throw new BtfException(
                    "type " + type + ": expected at least " + size + " bytes, found size=" + data.length);
        }
        return BtfValues.decode(btf, id, data.length == size ? data : Arrays.copyOf(data, size), as);
    }

    /**
     * Writes a global variable, or a part of one, while programs may be running: they see it at once, larger ones than 8
     * bytes possibly in parts.
     *
     * @throws dev.sluice.object.ObjectException if there is no such variable
     * @throws dev.sluice.btf.BtfException if the value does not fit it
     * @throws MapException EPERM for constants, which are frozen once they are loaded; EBADF when its map is closed
     */
    public void set(String path, Object value) {
        ObjectSpec.Part part = spec.part(path);
        BpfMap map = map(path, part, true);
        Btf btf = spec.btf();
        byte[] bytes = btf != null
                ? BtfValues.encode(btf, part.type(), value)
                : BtfValues.encode(UNTYPED, untyped(path, part), value);
        map.inside(() -> {
            put(bytes, map.valueAddress() + part.offset());
            return map;
        });
    }

    private static void put(byte[] bytes, long address) {
        switch (bytes.length) {
            case Integer.BYTES ->
                Memory.putInt(
                        address,
                        ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).getInt());
            case Long.BYTES ->
                Memory.putLong(
                        address,
                        ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).getLong());
            default -> Memory.copy(bytes, 0, address, bytes.length);
        }
    }

    /** The map that a variable is in. */
    private BpfMap map(String path, ObjectSpec.Part part, boolean write) {
        String name = spec.maps().get(part.map()).name();
        LoadedMap map = map(name)
                .orElseThrow(() -> new ObjectException("variable " + path + ": its map does not exist, map=" + name));
        if (write && map.map().isFrozen()) {
            throw new MapException(Errno.EPERM, "variable " + path + ": is constant once it is loaded, map=" + name);
        }
        return map.map();
    }

    private static int untyped(String path, ObjectSpec.Part part) {
        int id = UNTYPED.find(BtfKind.INT, "u" + 8 * part.size());
        if (id == 0) {
            throw new ObjectException("variable " + path
                    + ": the object has no types (section .BTF): expected a variable of 1, 2, 4 or 8 bytes, size="
                    + part.size());
        }
        return id;
    }

    private static Btf untyped() {
        BtfBuilder types = new BtfBuilder();
        for (int bytes = 1; bytes <= Long.BYTES; bytes *= 2) {
            types.integer("u" + 8 * bytes, bytes, false);
        }
        return types.build();
    }

    /** The program of a name. */
    public Optional<LoadedProgram> program(String name) {
        return programs.stream().filter(program -> program.name().equals(name)).findFirst();
    }
}
