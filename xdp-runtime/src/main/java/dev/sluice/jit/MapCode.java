package dev.sluice.jit;

import static dev.sluice.jit.Descriptors.BPF_MAP;
import static dev.sluice.jit.Descriptors.RUN_CONTEXT;
import static java.lang.constant.ConstantDescs.CD_Integer;
import static java.lang.constant.ConstantDescs.CD_int;
import static java.lang.constant.ConstantDescs.CD_long;

import dev.sluice.isa.Width;
import dev.sluice.map.ArrayMap;
import dev.sluice.map.BpfMap;
import dev.sluice.map.PerCpuArrayMap;
import java.lang.classfile.CodeBuilder;
import java.lang.classfile.Label;
import java.lang.constant.ClassDesc;
import java.lang.constant.MethodTypeDesc;
import java.util.Objects;
import java.util.function.IntConsumer;

/**
 * Emits operations on maps that are known while a program is compiled: addresses, sizes and masks are constants. What is
 * not worth emitting becomes a call of the map, which is a constant too.
 */
final class MapCode {
    private static final ClassDesc OBJECTS = Objects.class.describeConstable().orElseThrow();
    private static final MethodTypeDesc LOOKUP_TYPE = MethodTypeDesc.of(CD_long, CD_long, CD_int);
    private static final MethodTypeDesc TWO_INTS = MethodTypeDesc.of(CD_int, CD_int, CD_int);

    private final CodeBuilder b;
    private final Unit unit;
    private final int context;

    MapCode(CodeBuilder b, Unit unit, int context) {
        this.b = b;
        this.unit = unit;
        this.context = context;
    }

    /**
     * Emits a look-up: the value's address, or 0, is then on the stack.
     *
     * @param key pushes the address of the key plus an offset
     */
    void lookup(BpfMap map, IntConsumer key) {
        switch (map) {
            case ArrayMap array -> array(array, key);
            case PerCpuArrayMap array -> perCpuArray(array, key);
            default -> {
                b.getstatic(unit.mainClass, unit.fieldOf(map), BPF_MAP);
                key.accept(0);
                pushCpu();
                b.invokevirtual(BPF_MAP, "lookup", LOOKUP_TYPE);
            }
        }
    }

    private void array(ArrayMap array, IntConsumer key) {
        element(array, array.stride(), key, () -> Emitter.pushLong(b, array.valuesAddress()));
    }

    private void perCpuArray(PerCpuArrayMap array, IntConsumer key) {
        element(array, array.stride(), key, () -> {
            pushCpu();
            b.loadConstant(array.cpus());
            b.invokestatic(OBJECTS, "checkIndex", TWO_INTS);
            b.i2l();
            Emitter.pushLong(b, array.cpuStride());
            b.lmul();
            Emitter.pushLong(b, array.valuesAddress());
            b.ladd();
        });
    }

    private void element(BpfMap map, long stride, IntConsumer key, Runnable pushBase) {
        Label outside = b.newLabel();
        Label done = b.newLabel();
        load(Width.W, () -> key.accept(0));
        b.dup().loadConstant(map.def().maxEntries());
        b.invokestatic(CD_Integer, "compareUnsigned", TWO_INTS).ifge(outside);
        b.i2l();
        Emitter.pushLong(b, 0xffff_ffffL);
        b.land();
        Emitter.pushLong(b, stride);
        b.lmul();
        pushBase.run();
        b.ladd().goto_(done);
        b.labelBinding(outside).pop().lconst_0();
        b.labelBinding(done);
    }

    private void load(Width width, Runnable address) {
        Emitter.pushLoad(b, width, address);
    }

    private void pushCpu() {
        b.aload(context).getfield(RUN_CONTEXT, "cpu", CD_int);
    }
}
