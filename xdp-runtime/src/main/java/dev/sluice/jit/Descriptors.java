package dev.sluice.jit;

import static java.lang.constant.ConstantDescs.CD_byte;
import static java.lang.constant.ConstantDescs.CD_int;
import static java.lang.constant.ConstantDescs.CD_long;
import static java.lang.constant.ConstantDescs.CD_short;

import dev.sluice.exec.BaseExecutable;
import dev.sluice.exec.Checks;
import dev.sluice.exec.FaultSink;
import dev.sluice.exec.ProgramFault;
import dev.sluice.helper.Callee;
import dev.sluice.helper.Helper;
import dev.sluice.helper.Kfunc;
import dev.sluice.helper.RunContext;
import dev.sluice.isa.Alu;
import dev.sluice.isa.Width;
import dev.sluice.map.BpfMap;
import dev.sluice.map.ProgramRef;
import dev.sluice.memory.Memory;
import java.lang.constant.ClassDesc;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.VarHandle;

/** The classes that generated code names. */
final class Descriptors {
    static final ClassDesc ALU = of(Alu.class);
    static final ClassDesc BASE_EXECUTABLE = of(BaseExecutable.class);
    static final ClassDesc BPF_MAP = of(BpfMap.class);
    static final ClassDesc CHECKS = of(Checks.class);
    static final ClassDesc FAULT_SINK = of(FaultSink.class);
    static final ClassDesc HELPER = of(Helper.class);
    static final ClassDesc KFUNC = of(Kfunc.class);
    static final ClassDesc CALLEE = of(Callee.class);
    static final ClassDesc JIT_CODE = of(JitCode.class);
    static final ClassDesc LONGS = ClassDesc.ofDescriptor("[J");
    static final ClassDesc MEMORY = of(Memory.class);
    static final ClassDesc MEMORY_SEGMENT = of(MemorySegment.class);
    static final ClassDesc PROGRAM_FAULT = of(ProgramFault.class);
    static final ClassDesc PROGRAM_REF = of(ProgramRef.class);
    static final ClassDesc RUN_CONTEXT = of(RunContext.class);
    static final ClassDesc RUNTIME = of(JitRuntime.class);
    static final ClassDesc VALUE_LAYOUT = of(ValueLayout.class);
    static final ClassDesc VAR_HANDLE = of(VarHandle.class);

    /** The field of {@link Memory} that spans all of it. */
    static final String ALL = "ALL";

    private static final ClassDesc OF_BYTE = of(ValueLayout.OfByte.class);
    private static final ClassDesc OF_SHORT = of(ValueLayout.OfShort.class);
    private static final ClassDesc OF_INT = of(ValueLayout.OfInt.class);
    private static final ClassDesc OF_LONG = of(ValueLayout.OfLong.class);

    private Descriptors() {}

    private static ClassDesc of(Class<?> type) {
        return type.describeConstable().orElseThrow();
    }

    /** The type of a memory access's layout. */
    static ClassDesc layout(Width width) {
        return switch (width) {
            case B -> OF_BYTE;
            case H -> OF_SHORT;
            case W -> OF_INT;
            case DW -> OF_LONG;
        };
    }

    /** The Java type of a memory access's value. */
    static ClassDesc primitive(Width width) {
        return switch (width) {
            case B -> CD_byte;
            case H -> CD_short;
            case W -> CD_int;
            case DW -> CD_long;
        };
    }
}
