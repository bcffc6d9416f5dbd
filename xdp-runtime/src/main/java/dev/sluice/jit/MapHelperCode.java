package dev.sluice.jit;

import static dev.sluice.jit.Descriptors.RUNTIME;
import static dev.sluice.jit.Descriptors.RUN_CONTEXT;
import static dev.sluice.jit.LongCode.pushLong;
import static java.lang.constant.ConstantDescs.CD_boolean;
import static java.lang.constant.ConstantDescs.CD_int;
import static java.lang.constant.ConstantDescs.CD_long;

import dev.sluice.helper.Helper;
import dev.sluice.jit.Ways.Way;
import dev.sluice.map.BpfMap;
import dev.sluice.map.MapDef;
import dev.sluice.map.MapTable.InnerShape;
import java.lang.classfile.CodeBuilder;
import java.lang.classfile.Label;
import java.lang.constant.MethodTypeDesc;
import java.util.List;

/**
 * Emits calls of the helpers of maps, by {@link MapCode} where the map is known. What is called {@code state} are the values
 * of {@link Kinds} before the call.
 */
final class MapHelperCode {
    private final CodeBuilder b;
    private final Unit unit;
    private final Locals locals;
    private final RunCode run;
    private final AccessCode access;
    private final ColdCode cold;
    private final ArgumentCode arguments;
    private final FailureCode failures;
    private final MapCode maps;
    private final int context;
    private final int[] register;

    MapHelperCode(
            CodeBuilder b,
            Unit unit,
            Locals locals,
            RunCode run,
            AccessCode access,
            ArgumentCode arguments,
            ColdCode cold,
            FailureCode failures) {
        this.b = b;
        this.unit = unit;
        this.locals = locals;
        this.run = run;
        this.access = access;
        this.arguments = arguments;
        this.cold = cold;
        this.failures = failures;
        maps = new MapCode(b, unit, failures, locals.context, locals.next);
        context = locals.context;
        register = locals.register;
    }

    /**
     * A look-up calls the map in place, so that HotSpot sees at each place which type it is, and remembers where the value
     * begins and ends.
     *
     * @param checked emits the call that looks at its arguments, for keys that are not known to be right
     */
    void lookup(int[] state, int pc, Runnable checked) {
        int key = state[2];
        if (knownLookup(state, pc, key)) {
            return;
        }
        Label slow = b.newLabel();
        Label done = b.newLabel();
        boolean inFrame = Ways.inFrame(key);
        MapCode.Key place = new MapCode.Key() {
            @Override
            public void push(int offset) {
                access.pushAddress(inFrame ? Way.OWN_FRAME : Way.PLAIN, inFrame ? key : 0, 2, offset);
            }

            @Override
            public int storedAt(int offset) {
                // a map of another shape has longer keys, perhaps
                return inFrame ? access.storedAt(Kinds.number(key) + offset) : 0;
            }
        };
        List<InnerShape> shapes = unit.innerShapes();
        if (!shapes.isEmpty()) {
            Label other = b.newLabel();
            maps.inner(shapes, unit.innerPlaces(), () -> b.lload(register[1]), place, other);
            b.lstore(register[0]).goto_(done);
            b.labelBinding(other);
        }
        run.ask();
        b.aload(context).lload(register[1]);
        b.invokevirtual(RUN_CONTEXT, "map", MethodTypeDesc.of(Descriptors.BPF_MAP, CD_long))
                .astore(locals.map);
        if (unit.checked) {
            b.aload(context).aload(locals.map);
            if (inFrame) {
                b.loadConstant(-Kinds.number(key));
                b.invokestatic(
                        RUNTIME, "takesKey", MethodTypeDesc.of(CD_boolean, RUN_CONTEXT, Descriptors.BPF_MAP, CD_int));
            } else {
                b.lload(register[2]);
                b.invokestatic(
                        RUNTIME, "takesKey", MethodTypeDesc.of(CD_boolean, RUN_CONTEXT, Descriptors.BPF_MAP, CD_long));
            }
            b.ifeq(slow);
        }
        b.aload(locals.map);
        place.push(0);
        b.aload(context).getfield(RUN_CONTEXT, "cpu", CD_int);
        failures.ofMap(
                () -> b.invokevirtual(Descriptors.BPF_MAP, "lookup", MethodTypeDesc.of(CD_long, CD_long, CD_int)));
        b.lstore(register[0]);
        if (unit.checked) {
            int lookup = unit.kinds.lookupNumber(pc);
            b.lload(register[0]).lstore(locals.valueStart(lookup));
            b.aload(locals.map).lload(register[0]);
            b.invokestatic(RUNTIME, "valueEnd", MethodTypeDesc.of(CD_long, Descriptors.BPF_MAP, CD_long));
            b.lstore(locals.valueEnd(lookup));
            cold.add(() -> {
                b.labelBinding(slow);
                checked.run();
                b.lstore(register[0]);
                b.lconst_0()
                        .lstore(locals.valueStart(lookup))
                        .lconst_0()
                        .lstore(locals.valueEnd(lookup))
                        .goto_(done);
            });
        }
        b.labelBinding(done);
    }

    /** A look-up in a map that is known; false when it is not such a one. */
    private boolean knownLookup(int[] state, int pc, int key) {
        BpfMap known = unit.mapOf(state[1]);
        if (known == null || !Ways.isKnownLookup(unit, state)) {
            return false;
        }
        if (unit.checked) {
            arguments.check(Helper.MAP_LOOKUP_ELEM, state, pc);
        }
        int bytes = known.def().keySize();
        maps.lookup(known, new MapCode.Key() {
            @Override
            public void push(int offset) {
                access.pushPlace(key, bytes, 2, offset);
            }

            @Override
            public int storedAt(int offset) {
                return Ways.inFrame(key, bytes) ? access.storedAt(Kinds.number(key) + offset) : 0;
            }
        });
        b.lstore(register[0]);
        if (unit.checked) {
            int lookup = unit.kinds.lookupNumber(pc);
            Label none = b.newLabel();
            Label done = b.newLabel();
            b.lload(register[0]).lstore(locals.valueStart(lookup));
            b.lload(register[0]).lconst_0().lcmp().ifeq(none);
            b.lload(register[0]);
            pushLong(b, known.plainValueBytes());
            b.ladd().lstore(locals.valueEnd(lookup)).goto_(done);
            b.labelBinding(none).lconst_0().lstore(locals.valueEnd(lookup));
            b.labelBinding(done);
        }
        return true;
    }

    /** An update of a map that is known or a deletion; false when it is not such a one. */
    boolean knownChange(int[] state, Helper helper, int pc) {
        BpfMap known = unit.mapOf(state[1]);
        if (known == null || unit.checked && !arguments.areAlone(helper, state)) {
            return false;
        }
        if (unit.checked) {
            arguments.check(helper, state, pc);
        }
        MapDef def = known.def();
        boolean updates = helper == Helper.MAP_UPDATE_ELEM;
        Runnable key = () -> access.pushPlace(state[2], def.keySize(), 2, 0);
        if (updates) {
            maps.update(
                    known, key, () -> access.pushPlace(state[3], def.valueSize(), 3, 0), () -> b.lload(register[4]));
        } else {
            maps.delete(known, key);
        }
        b.lstore(register[0]);
        return true;
    }
}
