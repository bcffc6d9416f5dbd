package dev.sluice.jit;

import dev.sluice.exec.Executable;
import dev.sluice.exec.Interpreter;
import dev.sluice.map.BpfMap;
import dev.sluice.program.Program;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** The class loader of one program's code: its classes are unloaded together, with it. */
final class ProgramLoader extends ClassLoader {
    private final Map<String, byte[]> classes;
    private final List<BpfMap> maps;
    private final Program program;
    private @Nullable Executable interpreted;

    private ProgramLoader(Compiler.Image image) {
        super(image.mainClass(), JitEngine.class.getClassLoader());
        classes = image.classes();
        maps = image.maps();
        program = image.program();
    }

    /** What the classes were made of. */
    Program program() {
        return program;
    }

    /** The program on the interpreter; made when it is first wanted. */
    synchronized Executable interpreted() {
        Executable known = interpreted;
        if (known == null) {
            known = new Interpreter().load(program, 0);
            interpreted = known;
        }
        return known;
    }

    /** A map that the classes call. */
    BpfMap map(int number) {
        return maps.get(number);
    }

    /** Makes code runnable. */
    static JitCode load(Compiler.Image image) {
        ProgramLoader loader = new ProgramLoader(image);
        try {
            return (JitCode)
                    loader.loadClass(image.mainClass()).getConstructor().newInstance();
        } catch (ReflectiveOperationException e) {
            throw new AssertionError("generated class cannot be loaded: " + image.mainClass(), e);
        }
    }

    @Override
    protected Class<?> findClass(String name) throws ClassNotFoundException {
        byte[] bytes = name.equals(MemoryCode.HOLDER_NAME) ? MemoryCode.holder() : classes.get(name);
        if (bytes == null) {
            throw new ClassNotFoundException(name);
        }
        return defineClass(name, bytes, 0, bytes.length);
    }
}
