package dev.sluice.verifier;

import dev.sluice.btf.Btf;
import dev.sluice.btf.BtfType;
import java.util.ArrayList;
import java.util.List;

/** Global functions: verified once by themselves, for all arguments of their types; calls only have to fit the types. */
final class GlobalFunctions {
    private enum Kind {
        SCALAR,
        CTX,
        MEM
    }

    private record Parameter(Kind kind, int bytes, boolean orNull) {}

    private final Run run;
    private final boolean[] called;

    GlobalFunctions(Run run) {
        this.run = run;
        called = new boolean[run.layout.starts.length];
    }

    private Subject.Function spec(int function) {
        List<Subject.Function> known = run.subject.functions();
        return function >= 0 && function < known.size() ? known.get(function) : null;
    }

    boolean isGlobal(int function) {
        Subject.Function spec = spec(function);
        return function > 0 && spec != null && spec.global() && spec.btfType() != 0 && run.subject.btf() != null;
    }

    String name(int function) {
        return spec(function).name();
    }

    void markCalled(int function) {
        called[function] = true;
    }

    boolean isCalled(int function) {
        return called[function];
    }

    private List<Parameter> parameters(int function) {
        Btf btf = run.subject.btf();
        BtfType.Func func = (BtfType.Func) btf.type(spec(function).btfType());
        BtfType.FuncProto proto = (BtfType.FuncProto) btf.type(func.proto());
        if (proto.params().size() > 5) {
            throw run.reject("Global function " + func.name() + "() with "
                    + proto.params().size() + " > 5 args. Buggy compiler.");
        }
        List<Parameter> parameters = new ArrayList<>();
        for (int i = 0; i < proto.params().size(); i++) {
            BtfType type = btf.resolve(proto.params().get(i).type());
            boolean nonNull = hasTag(btf, func.id(), i, "arg:nonnull");
            boolean ctxTag = hasTag(btf, func.id(), i, "arg:ctx");
            for (int id = btf.firstId(); id < btf.endId(); id++) {
                if (btf.type(id) instanceof BtfType.DeclTag tag
                        && tag.target() == func.id()
                        && tag.component() == i
                        && !tag.name().equals("arg:nonnull")
                        && !tag.name().equals("arg:ctx")) {
                    throw new UnsupportedException("argument tag " + tag.name());
                }
            }
            parameters.add(parameter(btf, type, func.name(), i, nonNull, ctxTag));
        }
        return parameters;
    }

    private static boolean hasTag(Btf btf, int func, int index, String name) {
        for (int id = btf.firstId(); id < btf.endId(); id++) {
            if (btf.type(id) instanceof BtfType.DeclTag tag
                    && tag.target() == func
                    && tag.component() == index
                    && tag.name().equals(name)) {
                return true;
            }
        }
        return false;
    }

    private Parameter parameter(Btf btf, BtfType type, String name, int index, boolean nonNull, boolean ctx) {
        if (type instanceof BtfType.Ptr pointer) {
            BtfType target = btf.resolve(pointer.target());
            if (ctx
                    || target instanceof BtfType.Composite struct
                            && struct.name().equals("xdp_md")) {
                return new Parameter(Kind.CTX, 0, false);
            }
            if (target instanceof BtfType.Void
                    || target instanceof BtfType.Fwd
                    || target instanceof BtfType.FuncProto
                    || target instanceof BtfType.Func) {
                throw run.reject("Arg#" + index + " type " + btf.describe(type.id()) + " in " + name
                        + "() is not supported yet.");
            }
            return new Parameter(Kind.MEM, btf.sizeOf(pointer.target()), !nonNull);
        }
        if (type instanceof BtfType.Int || type instanceof BtfType.Enum) {
            return new Parameter(Kind.SCALAR, 0, false);
        }
        throw run.reject(
                "Arg#" + index + " type " + btf.describe(type.id()) + " in " + name + "() is not supported yet.");
    }

    /** What a caller passes must fit the types. */
    void requireArguments(int function) {
        List<Parameter> parameters = parameters(function);
        for (int i = 0; i < parameters.size(); i++) {
            int number = i + 1;
            Parameter parameter = parameters.get(i);
            Reg reg = run.reg(number);
            String problem = switch (parameter.kind) {
                case SCALAR -> reg.type == RegType.SCALAR ? null : "R" + number + " is not a scalar";
                case CTX -> reg.type == RegType.CTX ? null : "arg#" + i + " expects pointer to ctx";
                case MEM ->
                    !parameter.orNull && (reg.isNull() || reg.orNull)
                            ? "arg#" + i + " is expected to be non-NULL"
                            : null;
            };
            if (problem == null) {
                problem = checkMemory(parameter, reg, number);
            }
            if (problem != null) {
                if (!problem.isEmpty()) {
                    run.log.line(problem);
                }
                throw run.reject("Caller passes invalid args into func#" + function + " ('" + name(function) + "')");
            }
        }
    }

    private String checkMemory(Parameter parameter, Reg reg, int number) {
        if (parameter.kind == Kind.CTX) {
            run.memory.requireUnmodified(reg, number);
        }
        if (parameter.kind != Kind.MEM || reg.isNull()) {
            return null;
        }
        boolean orNull = reg.orNull;
        reg.orNull = false;
        try {
            run.helpers.requireMemory(number, parameter.bytes);
        } catch (RejectedException e) {
            return "";
        } finally {
            reg.orNull = orNull;
        }
        return null;
    }

    /** The first state of a function that is verified by itself. */
    State entry(int function) {
        State state = new State();
        Frame frame = new Frame(0, -1, function);
        state.frames[0] = frame;
        frame.regs[Run.REG_FP].setPointer(RegType.STACK);
        List<Parameter> parameters = parameters(function);
        for (int i = 0; i < parameters.size(); i++) {
            Reg reg = frame.regs[i + 1];
            Parameter parameter = parameters.get(i);
            switch (parameter.kind) {
                case SCALAR -> reg.setUnknown();
                case CTX -> reg.setPointer(RegType.CTX);
                case MEM -> {
                    reg.setPointer(RegType.MEM);
                    reg.memBytes = parameter.bytes;
                    reg.orNull = parameter.orNull;
                    reg.id = parameter.orNull ? run.newId() : 0;
                }
            }
        }
        return state;
    }
}
