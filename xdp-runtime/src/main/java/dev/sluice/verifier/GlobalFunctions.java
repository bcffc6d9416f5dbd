package dev.sluice.verifier;

import dev.sluice.btf.Btf;
import dev.sluice.btf.BtfType;
import dev.sluice.helper.ArgKind;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;

/** Global functions: verified once by themselves, for all arguments of their types; calls only have to fit the types. */
final class GlobalFunctions {
    private enum Kind {
        SCALAR,
        CTX,
        MEM,
        DYNPTR
    }

    private record Parameter(Kind kind, int bytes, boolean orNull) {}

    private static final String CTX_TAG = "arg:ctx";
    private static final String NON_NULL_TAG = "arg:nonnull";

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
        BtfType result = btf.resolve(proto.returns());
        if (!(result instanceof BtfType.Int) && !(result instanceof BtfType.Enum)) {
            throw run.reject("Global function " + func.name() + "() doesn't return scalar. Only those are supported.");
        }
        List<Parameter> parameters = new ArrayList<>();
        for (int i = 0; i < proto.params().size(); i++) {
            Set<String> tags = tags(btf, func.id(), i);
            parameters.add(parameter(btf, btf.resolve(proto.params().get(i).type()), func.name(), i, tags));
        }
        return parameters;
    }

    /** Logs what the kernel has to say of the entry function's type, which it does not insist on. */
    void describeMain() {
        Subject.Function main = spec(0);
        if (main == null || !main.global() || main.btfType() == 0 || run.subject.btf() == null) {
            return;
        }
        try {
            parameters(0);
        } catch (RejectedException e) {
            return; // said in the log
        }
    }

    /** The entry function may name one that is to be called with what was thrown. */
    void requireNoExceptionCallback() {
        Subject.Function main = spec(0);
        Btf btf = run.subject.btf();
        if (main == null || btf == null) {
            return;
        }
        for (int id = btf.firstId(); id < btf.endId(); id++) {
            if (btf.type(id) instanceof BtfType.DeclTag tag
                    && tag.target() == main.btfType()
                    && tag.name().startsWith("exception_callback:")) {
                throw new UnsupportedException("a function for exceptions");
            }
        }
    }

    private Set<String> tags(Btf btf, int func, int index) {
        Set<String> tags = new LinkedHashSet<>();
        for (int id = btf.firstId(); id < btf.endId(); id++) {
            if (btf.type(id) instanceof BtfType.DeclTag tag
                    && tag.target() == func
                    && tag.component() == index
                    && tag.name().startsWith("arg:")) {
                tags.add(tag.name());
            }
        }
        for (String tag : tags) {
            if (tag.equals("arg:trusted") || tag.equals("arg:untrusted") || tag.equals("arg:arena")) {
                throw new UnsupportedException("argument tag " + tag);
            }
            if (!tag.equals(CTX_TAG) && !tag.equals(NON_NULL_TAG) && !tag.equals("arg:nullable")) {
                throw run.reject("arg#" + index + " has unsupported set of tags");
            }
        }
        return tags;
    }

    private Parameter parameter(Btf btf, BtfType type, String name, int index, Set<String> tags) {
        if (type instanceof BtfType.Ptr pointer) {
            return pointer(btf, pointer, index, tags);
        }
        if (!tags.isEmpty()) {
            throw run.reject("arg#" + index + " has pointer tag, but is not a pointer type");
        }
        if (type instanceof BtfType.Int || type instanceof BtfType.Enum) {
            return new Parameter(Kind.SCALAR, 0, false);
        }
        throw run.reject("Arg#" + index + " type " + kind(type) + " in " + name + "() is not supported yet.");
    }

    private Parameter pointer(Btf btf, BtfType.Ptr pointer, int index, Set<String> tags) {
        String contradiction = "arg#" + index + " has invalid combination of tags";
        BtfType target = btf.resolve(pointer.target());
        String struct = target instanceof BtfType.Composite composite ? composite.name() : "";
        if (tags.contains(CTX_TAG) || struct.equals("xdp_md")) {
            if (tags.size() > (tags.contains(CTX_TAG) ? 1 : 0)) {
                throw run.reject(contradiction);
            }
            return new Parameter(Kind.CTX, 0, false);
        }
        if (struct.equals("bpf_dynptr")) {
            if (!tags.isEmpty()) {
                throw run.reject(contradiction);
            }
            return new Parameter(Kind.DYNPTR, 0, false);
        }
        if (tags.contains("arg:nullable")) {
            throw run.reject(contradiction);
        }
        if (target instanceof BtfType.Void
                || target instanceof BtfType.Fwd
                || target instanceof BtfType.FuncProto
                || target instanceof BtfType.Func) {
            throw run.reject("arg#" + index + " reference type('" + kind(target) + " " + nameOf(target)
                    + "') size cannot be determined: -22");
        }
        return new Parameter(Kind.MEM, btf.sizeOf(pointer.target()), !tags.contains(NON_NULL_TAG));
    }

    private static String nameOf(BtfType type) {
        return switch (type) {
            case BtfType.Fwd fwd -> fwd.name();
            case BtfType.Func func -> func.name();
            default -> "";
        };
    }

    private static String kind(BtfType type) {
        return type instanceof BtfType.Void ? "UNKNOWN" : type.kind().name();
    }

    /** What a caller passes must fit the types. */
    void requireArguments(int function) {
        List<Parameter> parameters;
        try {
            parameters = parameters(function);
        } catch (RejectedException e) {
            throw refuse(function);
        }
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
                case DYNPTR -> checkDynptr(reg, number);
            };
            if (problem == null) {
                problem = checkMemory(parameter, reg, number);
            }
            if (problem != null) {
                if (!problem.isEmpty()) {
                    run.log.line(problem);
                }
                throw refuse(function);
            }
        }
    }

    private RejectedException refuse(int function) {
        return run.reject("Caller passes invalid args into func#" + function + " ('" + name(function) + "')");
    }

    private String checkDynptr(Reg reg, int number) {
        try {
            if (reg.type != RegType.NOT_INIT) {
                run.arguments.requireOffset(reg, number, ArgKind.DYNPTR);
            }
            run.objects.useDynptr(number, false);
        } catch (RejectedException e) {
            return "";
        }
        return null;
    }

    private String checkMemory(Parameter parameter, Reg reg, int number) {
        if (parameter.kind == Kind.CTX) {
            run.rules.requireUnmodified(reg, number);
        }
        if (parameter.kind != Kind.MEM || reg.isNull()) {
            return null;
        }
        boolean orNull = reg.orNull;
        reg.orNull = false;
        try {
            run.arguments.requireMemory(number, parameter.bytes);
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
        frame.own(Run.REG_FP).setPointer(RegType.STACK);
        List<Parameter> parameters = parameters(function);
        for (int i = 0; i < parameters.size(); i++) {
            Reg reg = frame.own(i + 1);
            Parameter parameter = parameters.get(i);
            switch (parameter.kind) {
                case SCALAR -> reg.setUnknown();
                case CTX -> reg.setPointer(RegType.CTX);
                case DYNPTR -> {
                    reg.setPointer(RegType.DYNPTR);
                    reg.id = run.newId();
                    reg.dynptr = new StackObject.Dynptr(StackObject.Memory.LOCAL, true, reg.id, 0);
                }
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
