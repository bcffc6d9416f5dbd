package dev.sluice.jit;

import static dev.sluice.jit.Descriptors.BASE_EXECUTABLE;
import static dev.sluice.jit.Descriptors.FAULT_SINK;
import static dev.sluice.jit.Descriptors.JIT_CODE;
import static dev.sluice.jit.Descriptors.LONGS;
import static dev.sluice.jit.Descriptors.PROGRAM_FAULT;
import static dev.sluice.jit.Descriptors.RUNTIME;
import static dev.sluice.jit.Descriptors.RUN_CONTEXT;
import static java.lang.classfile.ClassFile.ACC_FINAL;
import static java.lang.classfile.ClassFile.ACC_PUBLIC;
import static java.lang.classfile.ClassFile.ACC_STATIC;
import static java.lang.constant.ConstantDescs.CD_boolean;
import static java.lang.constant.ConstantDescs.CD_int;
import static java.lang.constant.ConstantDescs.CD_long;
import static java.lang.constant.ConstantDescs.CD_void;

import dev.sluice.exec.Interpreter;
import dev.sluice.helper.CaptureClock;
import dev.sluice.helper.RunContext;
import dev.sluice.isa.Instruction;
import dev.sluice.isa.Width;
import dev.sluice.map.BpfMap;
import dev.sluice.memory.FrameDescriptor;
import dev.sluice.program.Program;
import java.lang.classfile.Attributes;
import java.lang.classfile.ClassBuilder;
import java.lang.classfile.ClassFile;
import java.lang.classfile.CodeBuilder;
import java.lang.classfile.Label;
import java.lang.classfile.MethodModel;
import java.lang.classfile.attribute.SourceFileAttribute;
import java.lang.classfile.instruction.SwitchCase;
import java.lang.constant.ClassDesc;
import java.lang.constant.ConstantDescs;
import java.lang.constant.MethodTypeDesc;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Makes class files of a program: one method a function or a part of one, the way in, and for the packet loop the loop
 * with the entry function's body in it. Deterministic: the same program and settings give the same bytes.
 */
final class Compiler {
    /** The package of generated classes. */
    static final String PACKAGE = "dev.sluice.jited";

    /** A class gets no more methods when it has this many instructions: the constant pool has 65,535 places. */
    private static final int CLASS_INSTRUCTIONS = 12_000;

    /** Parts that one dispatcher switches over, as bits. */
    private static final int FAN_BITS = 6;

    /** In the name of the method that the packet loop is in. */
    static final String LOOP = "_loop";

    private static final int INT_BITS = 31;
    private static final int NO_GROUP = -1;

    private static final MethodTypeDesc RUN_TYPE = MethodTypeDesc.of(CD_void, RUN_CONTEXT, CD_long, CD_int, FAULT_SINK);
    private static final MethodTypeDesc ENTER_TYPE = MethodTypeDesc.of(CD_long, RUN_CONTEXT, CD_long, CD_long, CD_long);

    private static final ClassDesc CAPTURE_CLOCK =
            CaptureClock.class.describeConstable().orElseThrow();
    private static final MethodTypeDesc CAPTURE_CLOCK_OF = MethodTypeDesc.of(CAPTURE_CLOCK, RUN_CONTEXT);
    private static final MethodTypeDesc ADVANCE = MethodTypeDesc.of(CD_void, RUN_CONTEXT, CAPTURE_CLOCK, CD_long);
    private static final MethodTypeDesc TAKE_CPU = MethodTypeDesc.of(CD_void, RUN_CONTEXT, CD_long);
    private static final MethodTypeDesc BUG =
            MethodTypeDesc.of(ConstantDescs.CD_Throwable, ConstantDescs.CD_Throwable, CD_long, ConstantDescs.CD_Class);
    private static final MethodTypeDesc FINISH_RUN = MethodTypeDesc.of(CD_void, RUN_CONTEXT, CD_long, CD_long);

    /**
     * Class files.
     *
     * @param program what they were made of
     * @param mainClass binary name of the one that extends {@link JitCode}
     * @param classes by binary name
     * @param assumptions what has to be true of the runtime's memory
     * @param maps whose operations are emitted in place; the main class's fields {@code map_0} and so on
     */
    record Image(
            Program program,
            String mainClass,
            Map<String, byte[]> classes,
            List<Assumption> assumptions,
            List<BpfMap> maps) {}

    private final Program program;
    private final Variant variant;
    private final Settings settings;
    private final Unit unit;
    private final String mainName;

    /** Classes in the making: what to put into each. */
    private final List<List<Consumer<ClassBuilder>>> classes = new ArrayList<>();

    private int instructionsInClass;

    private Compiler(
            Program program, Variant variant, Settings settings, @Nullable Surroundings known, Lines.Mode lines) {
        this.program = program;
        this.variant = variant;
        this.settings = settings;
        mainName = mainName(program);
        unit = new Unit(program, variant, settings, known, new Lines(program, lines), ClassDesc.of(mainName));
    }

    /**
     * Compiles a program.
     *
     * @param program has passed {@link dev.sluice.exec.Structure#check}
     * @param known what it runs in; null when code must ask at each access and call
     */
    static Image compile(
            Program program, Variant variant, Settings settings, @Nullable Surroundings known, Lines.Mode lines) {
        boolean huge = settings.methodBytes() == Settings.HUGE_METHOD_BYTES;
        // Estimates are upper bounds; mostly twice as much fits, and then the entry function is not cut.
        int budget = huge ? 2 * settings.methodBytes() : settings.methodBytes();
        while (true) {
            Image image =
                    new Compiler(program, variant, new Settings(settings.facts(), budget), known, lines).compile();
            int largest = largestMethod(image);
            if (!huge || largest <= settings.methodBytes()) {
                return image;
            }
            budget = (int) Math.min(budget * 9L / 10, (long) budget * settings.methodBytes() / largest);
        }
    }

    /** The binary name of the class that runs a program; others of it begin with that. */
    static String mainName(Program program) {
        return PACKAGE + "." + identifier(program.name())
                + (program.tag().isEmpty() ? "" : "_" + identifier(program.tag()));
    }

    /** Compiles a program whose maps are not known. */
    static Image compile(Program program, Variant variant, Settings settings, Lines.Mode lines) {
        return compile(program, variant, settings, null, lines);
    }

    /** Bytes of the largest method. */
    static int largestMethod(Image image) {
        int largest = 0;
        for (byte[] bytes : image.classes.values()) {
            for (MethodModel method : ClassFile.of().parse(bytes).methods()) {
                largest = Math.max(
                        largest,
                        method.findAttribute(Attributes.code())
                                .map(code -> code.codeLength())
                                .orElse(0));
            }
        }
        return largest;
    }

    /** A name as the JVM allows it for classes and methods. */
    private static String identifier(String name) {
        StringBuilder text = new StringBuilder();
        for (int i = 0; i < name.length(); i++) {
            char c = name.charAt(i);
            text.append(Character.isJavaIdentifierPart(c) && !Character.isIdentifierIgnorable(c) ? c : '_');
        }
        return text.isEmpty() ? "_" : text.toString();
    }

    private Image compile() {
        classes.add(new ArrayList<>());
        for (int i = 0; i < unit.flows.size(); i++) {
            // The entry function has a method of its own unless its only place is the loop.
            boolean isInlined = unit.inlining.isEverywhere(i);
            boolean isInLoop = i == 0
                    && unit.isInLoop()
                    && !unit.isCalled(0)
                    && unit.partition(0).isWhole();
            if (unit.kinds.isReached(i) && !isInlined && !isInLoop) {
                plan(i);
            }
        }
        classes.getFirst().add(this::mainMethods);
        Map<String, byte[]> made = new LinkedHashMap<>();
        for (int i = 0; i < classes.size(); i++) {
            List<Consumer<ClassBuilder>> members = classes.get(i);
            boolean main = i == 0;
            made.put(className(i), ClassFile.of().build(ClassDesc.of(className(i)), builder -> {
                builder.withFlags(ACC_PUBLIC | ACC_FINAL);
                if (main) {
                    builder.withSuperclass(JIT_CODE);
                }
                if (unit.lines.sourceFile != null) {
                    builder.with(SourceFileAttribute.of(unit.lines.sourceFile));
                }
                members.forEach(member -> member.accept(builder));
            }));
        }
        return new Image(program, mainName, made, unit.assumptions(), unit.maps());
    }

    private String className(int index) {
        return index == 0 ? mainName : mainName + "_" + (index + 1);
    }

    private ClassDesc classFor(int instructions) {
        if (instructionsInClass > 0 && instructionsInClass + instructions > CLASS_INSTRUCTIONS) {
            classes.add(new ArrayList<>());
            instructionsInClass = 0;
        }
        instructionsInClass += instructions;
        return ClassDesc.of(className(classes.size() - 1));
    }

    private MethodRef newMethod(String name, int instructions) {
        return new MethodRef(classFor(instructions), name);
    }

    private void add(String name, MethodTypeDesc type, Consumer<CodeBuilder> code) {
        classes.getLast().add(builder -> builder.withMethodBody(name, type, ACC_STATIC, code));
    }

    /** @param what of the function it is: empty for all of it */
    private String methodName(int function, String what, int start, int end) {
        return identifier(program.subprograms().get(function).name()) + what + "_pc" + start + "_" + end;
    }

    // --- functions

    private void plan(int function) {
        Partition partition = unit.partition(function);
        Flow flow = unit.flows.get(function);
        String name = methodName(function, "", flow.function.start(), flow.function.end());
        if (partition.isWhole()) {
            Part part = partition.parts.getFirst();
            unit.setFunction(function, newMethod(name, part.instructions()));
            add(name, MethodRef.FUNCTION_TYPE, b -> emitFunction(b, part));
            return;
        }
        planParts(function, partition, name);
    }

    private void emitFunction(CodeBuilder b, Part part) {
        Emitter emitter = new Emitter(b, unit, part, Shape.FUNCTION, 0, Locals.Given.ofFunction(b));
        emitter.beginFunction();
        emitter.blocks();
    }

    private void emitPart(CodeBuilder b, Part part) {
        Emitter emitter = new Emitter(b, unit, part, Shape.PART, 0, Locals.Given.ofPart(b, unit, part));
        emitter.beginPart();
        emitter.blocks();
    }

    // --- functions of several parts

    private void planParts(int function, Partition partition, String name) {
        boolean isInLoop = function == 0 && unit.isInLoop() && !unit.isCalled(0);
        for (Part part : partition.parts) {
            if (isInLoop && part.number == 0) {
                continue;
            }
            String partName = methodName(function, "_part" + part.number, part.startSlot(), part.endSlot());
            unit.setPart(part, newMethod(partName, part.instructions()));
            add(partName, part.type(unit), b -> emitPart(b, part));
        }
        if (partition.isDispatched) {
            List<Target> targets = dispatch(name, partition);
            MethodRef dispatcher = newMethod(name + "_resume", 1);
            unit.setDispatcher(function, dispatcher);
            int shift = Emitter.ENTRY_BITS + FAN_BITS * targets.getFirst().level;
            add(dispatcher.name(), MethodRef.RESUME_TYPE, b -> emitDispatcher(b, targets, shift, NO_GROUP));
        }
        if (!isInLoop) {
            unit.setFunction(function, newMethod(name, 1));
            add(name, MethodRef.FUNCTION_TYPE, b -> emitEntry(b, function));
        }
    }

    /** A method that goes on at an entry, as long as that is within its parts: those whose numbers begin with its own. */
    private record Target(MethodRef method, int number, int level) {}

    /** Makes what the topmost dispatcher calls: at most so many methods, each for parts, or for other such methods. */
    private List<Target> dispatch(String name, Partition partition) {
        List<Target> targets = new ArrayList<>();
        for (Part part : partition.parts) {
            if (part.isResumed) {
                MethodRef method = newMethod(name + "_resume_part" + part.number, 1);
                add(method.name(), MethodRef.RESUME_TYPE, b -> emitResume(b, part));
                targets.add(new Target(method, part.number, 0));
            }
        }
        for (int level = 1; targets.getLast().number >= 1 << FAN_BITS; level++) {
            int shift = Emitter.ENTRY_BITS + FAN_BITS * (level - 1);
            List<Target> upper = new ArrayList<>();
            for (int from = 0; from < targets.size(); ) {
                int number = targets.get(from).number >> FAN_BITS;
                int end = from;
                while (end < targets.size() && targets.get(end).number >> FAN_BITS == number) {
                    end++;
                }
                List<Target> group = targets.subList(from, end);
                MethodRef method = newMethod(name + "_resume_level" + level + "_" + number, 1);
                add(method.name(), MethodRef.RESUME_TYPE, b -> emitDispatcher(b, group, shift, number));
                upper.add(new Target(method, number, level));
                from = end;
            }
            targets = upper;
        }
        if (partition.parts.size() > 1 << INT_BITS - Emitter.ENTRY_BITS) {
            throw new AssertionError("too many parts: " + partition.parts.size());
        }
        return targets;
    }

    /**
     * Runs parts until the function exits, or control leaves a group of parts: then {@link
     * dev.sluice.helper.RunContext#resumeAt} says where it goes.
     */
    private static void emitDispatcher(CodeBuilder b, List<Target> targets, int shift, int group) {
        int framePointer = b.parameterSlot(1);
        int entry = b.parameterSlot(2);
        int result = entry + 1;
        Label loop = b.newBoundLabel();
        b.aload(0).iconst_m1().putfield(RUN_CONTEXT, "resumeAt", CD_int);
        List<SwitchCase> cases = new ArrayList<>();
        List<Label> labels = new ArrayList<>();
        int mask = (1 << FAN_BITS) - 1;
        for (Target target : targets) {
            Label label = b.newLabel();
            labels.add(label);
            cases.add(SwitchCase.of(target.number & mask, label));
        }
        b.iload(entry).bipush(shift).ishr().bipush(mask).iand();
        b.lookupswitch(labels.getFirst(), cases);
        for (int i = 0; i < targets.size(); i++) {
            b.labelBinding(labels.get(i));
            b.aload(0).lload(framePointer).iload(entry);
            Emitter.resume(b, targets.get(i).method);
            b.lstore(result);
            b.aload(0).getfield(RUN_CONTEXT, "resumeAt", CD_int).istore(entry);
            b.iload(entry);
            if (group == NO_GROUP) {
                b.ifge(loop);
            } else {
                b.bipush(shift + FAN_BITS)
                        .ishr()
                        .loadConstant(group)
                        .if_icmpeq(loop); // not when the function has ended
            }
            b.lload(result).lreturn();
        }
    }

    /** Goes on in a part with what has been carried. */
    private void emitResume(CodeBuilder b, Part part) {
        int entry = b.parameterSlot(2);
        b.aload(0).lload(b.parameterSlot(1));
        for (int r = 0; r < Instruction.FP; r++) {
            if (part.takes(r)) {
                carried(b, r);
            }
        }
        for (long more = part.variablesIn; more != 0; more &= more - 1) {
            carried(b, RunContext.CARRIED_VARIABLES + Long.numberOfTrailingZeros(more));
        }
        if (unit.hasMayGoto(part.function)) {
            carried(b, Emitter.CARRIED_LOOPS);
            b.l2i();
        }
        if (unit.counted) {
            b.aload(0).invokestatic(RUNTIME, "take", MethodTypeDesc.of(CD_int, RUN_CONTEXT));
        }
        if (part.entries.size() > 1) {
            b.iload(entry).loadConstant((1 << Emitter.ENTRY_BITS) - 1).iand();
        }
        MethodRef method = unit.part(part);
        b.invokestatic(method.owner(), method.name(), part.type(unit)).lreturn();
    }

    private static void carried(CodeBuilder b, int place) {
        b.aload(0).getfield(RUN_CONTEXT, "carried", LONGS).bipush(place).laload();
    }

    /** A function of several parts as others call it. */
    private void emitEntry(CodeBuilder b, int function) {
        int framePointer = b.parameterSlot(6);
        Partition partition = unit.partition(function);
        Part first = partition.partOf(0);
        Emitter.zeroFrame(b, 0, framePointer, unit, function);
        b.aload(0).lload(framePointer);
        for (int r = 0; r < Instruction.FP; r++) {
            if (first.takes(r) && r >= 1 && r <= 5) {
                b.lload(b.parameterSlot(r));
            } else if (first.takes(r)) {
                b.lconst_0();
            }
        }
        for (int i = Long.bitCount(first.variablesIn); i > 0; i--) {
            b.lconst_0();
        }
        if (unit.hasMayGoto(function)) {
            b.loadConstant(Interpreter.MAX_LOOPS);
        }
        if (unit.counted) {
            b.aload(0).invokestatic(RUNTIME, "take", MethodTypeDesc.of(CD_int, RUN_CONTEXT));
        }
        if (first.entries.size() > 1) {
            b.loadConstant(partition.entry(0));
        }
        MethodRef method = unit.part(first);
        b.invokestatic(method.owner(), method.name(), first.type(unit));
        if (partition.isDispatched) {
            Emitter.resumeWhereWanted(b, 0, framePointer, unit.dispatcher(function));
        }
        b.lreturn();
    }

    // --- the main class

    private void mainMethods(ClassBuilder builder) {
        ClassDesc self = ClassDesc.of(mainName);
        if (unit.callsBack) {
            builder.withField("self", JIT_CODE, ACC_STATIC); // the only instance
        }
        builder.withMethodBody(ConstantDescs.INIT_NAME, ConstantDescs.MTD_void, ACC_PUBLIC, b -> {
            b.aload(0).invokespecial(JIT_CODE, ConstantDescs.INIT_NAME, ConstantDescs.MTD_void);
            if (unit.callsBack) {
                b.aload(0).putstatic(self, "self", JIT_CODE);
            }
            b.return_();
        });
        emitMaps(builder, self);
        boolean loop = variant.entry() == Variant.Entry.LOOP;
        builder.withMethodBody("run", RUN_TYPE, ACC_PUBLIC | ACC_FINAL, loop ? this::emitRun : Compiler::emitMissing);
        if (loop) {
            builder.withMethodBody(loopName(), RUN_TYPE, ACC_STATIC, this::emitLoop);
        }
        builder.withMethodBody(
                "enter", ENTER_TYPE, ACC_PUBLIC | ACC_FINAL, loop ? Compiler::emitMissing : this::emitEnter);
        if (unit.callsPointers || unit.callsBack) {
            emitPointers(builder);
        }
        if (unit.callsBack) {
            emitCallBack(builder, self);
        }
    }

    /** The maps that code calls, as constants: HotSpot then knows which method a call goes to. */
    private void emitMaps(ClassBuilder builder, ClassDesc self) {
        List<BpfMap> maps = unit.maps();
        if (maps.isEmpty()) {
            return;
        }
        for (int i = 0; i < maps.size(); i++) {
            builder.withField(Unit.mapField(i), Descriptors.BPF_MAP, ACC_STATIC | ACC_FINAL);
        }
        builder.withMethodBody(ConstantDescs.CLASS_INIT_NAME, ConstantDescs.MTD_void, ACC_STATIC, b -> {
            for (int i = 0; i < maps.size(); i++) {
                b.loadConstant(self).loadConstant(i);
                b.invokestatic(RUNTIME, "map", MethodTypeDesc.of(Descriptors.BPF_MAP, ConstantDescs.CD_Class, CD_int));
                b.putstatic(self, Unit.mapField(i), Descriptors.BPF_MAP);
            }
            b.return_();
        });
    }

    /** What helpers need that call functions of the program. */
    private static void emitCallBack(ClassBuilder builder, ClassDesc self) {
        builder.withMethodBody(
                "hasFunction",
                MethodTypeDesc.of(CD_boolean, CD_long),
                ACC_PUBLIC | ACC_FINAL,
                b -> b.lload(b.parameterSlot(0))
                        .invokestatic(self, "isFunction", MethodTypeDesc.of(CD_boolean, CD_long))
                        .ireturn());
        builder.withMethodBody("callBack", MethodRef.CALLX_TYPE, ACC_PUBLIC | ACC_FINAL, b -> {
            b.aload(b.parameterSlot(0));
            for (int i = 1; i <= 7; i++) {
                b.lload(b.parameterSlot(i));
            }
            b.invokestatic(self, "callFunction", MethodRef.CALLX_TYPE).lreturn();
        });
    }

    private static void emitMissing(CodeBuilder b) {
        ClassDesc error = AssertionError.class.describeConstable().orElseThrow();
        b.new_(error)
                .dup()
                .invokespecial(error, ConstantDescs.INIT_NAME, ConstantDescs.MTD_void)
                .athrow();
    }

    private void emitEnter(CodeBuilder b) {
        MethodRef entry = unit.function(0);
        soilAll(b, b.parameterSlot(0));
        b.aload(b.parameterSlot(0)).lload(b.parameterSlot(1)).lload(b.parameterSlot(2));
        b.lconst_0().lconst_0().lconst_0().lload(b.parameterSlot(3));
        b.invokestatic(entry.owner(), entry.name(), MethodRef.FUNCTION_TYPE).lreturn();
    }

    /** What ran before need not have said what it wrote to the stacks. */
    private void soilAll(CodeBuilder b, int context) {
        if (unit.cleansLoop()) {
            b.aload(context).invokevirtual(RUN_CONTEXT, "soilAll", ConstantDescs.MTD_void);
        }
    }

    /** The packet loop's name: with the slots of what is in it, as all methods have. */
    private String loopName() {
        Flow flow = unit.flows.getFirst();
        Partition partition = unit.partition(0);
        boolean isPart = unit.isInLoop() && !partition.isWhole();
        Part first = partition.parts.getFirst();
        return methodName(
                0,
                LOOP,
                isPart ? first.startSlot() : flow.function.start(),
                isPart ? first.endSlot() : flow.function.end());
    }

    private void emitRun(CodeBuilder b) {
        b.aload(b.parameterSlot(0)).lload(b.parameterSlot(1));
        b.iload(b.parameterSlot(2)).aload(b.parameterSlot(3));
        b.invokestatic(unit.mainClass, loopName(), RUN_TYPE).return_();
    }

    private void emitLoop(CodeBuilder b) {
        int context = b.parameterSlot(0);
        int descriptor = b.parameterSlot(1);
        int count = b.parameterSlot(2);
        int faults = b.parameterSlot(3);
        int index = faults + 1;
        int action = index + 1;
        int fault = action + 2;
        int clock = fault + 1;
        Partition partition = unit.partition(0);
        Emitter emitter = unit.isInLoop()
                ? new Emitter(
                        b,
                        unit,
                        partition.parts.getFirst(),
                        Shape.LOOP,
                        context,
                        Locals.Given.ofLoop(descriptor, clock + 1))
                : null;
        soilAll(b, context);
        if (emitter != null) {
            emitter.beginLoop();
        }
        // without the whole of begin, the clock of a capture still goes on with each packet
        boolean wholeRun = unit.wholeRun || emitter == null;
        if (!wholeRun) {
            b.aload(context)
                    .invokestatic(RUNTIME, "captureClock", CAPTURE_CLOCK_OF)
                    .astore(clock);
        }
        b.iconst_0().istore(index);
        Label loop = b.newLabel();
        Label done = b.newLabel();
        Label begin = b.newLabel();
        Label end = b.newLabel();
        Label handler = b.newLabel();
        Label finish = b.newLabel();
        b.labelBinding(loop);
        b.iload(index).iload(count).if_icmpge(done);
        if (wholeRun) {
            b.aload(context).lload(descriptor);
            b.invokestatic(BASE_EXECUTABLE, "begin", MethodTypeDesc.of(CD_void, RUN_CONTEXT, CD_long));
        } else {
            Label machine = b.newLabel();
            b.aload(clock).ifnull(machine);
            b.aload(context).aload(clock).lload(descriptor).invokestatic(RUNTIME, "advance", ADVANCE);
            b.labelBinding(machine);
            if (unit.callsHelpers) {
                b.aload(context).lload(descriptor).invokestatic(RUNTIME, "takeCpu", TAKE_CPU);
            }
            if (unit.makesTailCalls) {
                b.aload(context).invokevirtual(RUN_CONTEXT, "beginRun", ConstantDescs.MTD_void);
            } else if (unit.redirects) {
                b.aload(context).invokevirtual(RUN_CONTEXT, "forgetRedirect", ConstantDescs.MTD_void);
            }
        }
        b.labelBinding(begin);
        if (emitter != null) {
            emitter.beginPacket();
            emitter.blocks();
            if (emitter.usesLoopTail()) {
                b.labelBinding(emitter.loopTail());
                b.aload(context).lload(emitter.register[Instruction.FP]);
                Emitter.callTailTarget(b, unit);
                b.lstore(emitter.register[0]);
            }
            b.labelBinding(emitter.loopEnd());
            b.lload(emitter.register[0]).lstore(action);
        } else {
            MethodRef entry = unit.function(0);
            Label noTail = b.newLabel();
            b.aload(context).aload(context).getfield(RUN_CONTEXT, "xdpMd", CD_long);
            b.lconst_0().lconst_0().lconst_0().lconst_0();
            b.aload(context).getfield(RUN_CONTEXT, "stackTop", CD_long);
            b.invokestatic(entry.owner(), entry.name(), MethodRef.FUNCTION_TYPE).lstore(action);
            b.aload(context)
                    .getfield(RUN_CONTEXT, "tailTarget", Descriptors.PROGRAM_REF)
                    .ifnull(noTail);
            b.aload(context).aload(context).getfield(RUN_CONTEXT, "stackTop", CD_long);
            Emitter.callTailTarget(b, unit);
            b.lstore(action);
            b.labelBinding(noTail);
        }
        b.goto_(finish);
        b.labelBinding(end);
        b.labelBinding(handler);
        b.exceptionCatch(begin, end, handler, PROGRAM_FAULT);
        if (emitter != null && unit.checked) {
            emitter.addRegisters();
            b.checkcast(PROGRAM_FAULT);
        }
        b.astore(fault);
        b.aload(faults).iload(index).aload(fault);
        b.invokeinterface(FAULT_SINK, "fault", MethodTypeDesc.of(CD_void, CD_int, PROGRAM_FAULT));
        b.lconst_0().lstore(action); // XDP_ABORTED
        b.labelBinding(finish);
        if (!wholeRun && emitter != null) {
            if (unit.makesTailCalls || unit.checked && unit.locks) {
                b.aload(context).invokevirtual(RUN_CONTEXT, "releaseLock", ConstantDescs.MTD_void);
            }
            emitter.endPacket();
        }
        if (wholeRun) {
            b.aload(context).lload(descriptor).lload(action);
            b.invokestatic(BASE_EXECUTABLE, "finish", FINISH_RUN);
        } else if (unit.redirects || unit.makesTailCalls) {
            b.aload(context).lload(descriptor).lload(action);
            b.invokestatic(BASE_EXECUTABLE, "decide", FINISH_RUN);
        } else {
            emitFinish(b, descriptor, action);
        }
        b.iinc(index, 1);
        b.lload(descriptor).loadConstant((long) FrameDescriptor.BYTES).ladd().lstore(descriptor);
        b.goto_(loop);
        b.labelBinding(done);
        b.return_();
        Label broken = b.newLabel();
        b.labelBinding(broken);
        b.exceptionCatchAll(begin, end, broken);
        if (emitter != null && unit.checked) {
            emitter.addRegisters();
        }
        if (wholeRun) {
            b.aload(context).lload(descriptor);
            b.invokestatic(BASE_EXECUTABLE, "give", MethodTypeDesc.of(CD_void, RUN_CONTEXT, CD_long));
        } else {
            emitter.endPacket();
        }
        b.lload(descriptor).loadConstant(unit.mainClass);
        b.invokestatic(RUNTIME, "bug", BUG).athrow();
    }

    /**
     * Ends the run of a packet that has not been moved, by a program that cannot ask for a redirect. In place, because what
     * comes last in a large loop C2 does not inline any more.
     */
    private static void emitFinish(CodeBuilder b, int descriptor, int action) {
        MemoryCode.store(
                b,
                Width.W,
                () -> pushField(b, descriptor, FrameDescriptor.ACTION),
                () -> b.lload(action).l2i());
        // and the index behind it
        MemoryCode.store(b, Width.DW, () -> pushField(b, descriptor, FrameDescriptor.REDIRECT_MAP), () -> b.lconst_0());
    }

    private static void pushField(CodeBuilder b, int descriptor, int field) {
        b.lload(descriptor).loadConstant((long) field).ladd();
    }

    /** What {@code callx} needs: whether a number is a function of the program, and the call of it. */
    private void emitPointers(ClassBuilder builder) {
        List<Integer> reached = new ArrayList<>();
        for (int i = 0; i < unit.flows.size(); i++) {
            if (unit.kinds.isReached(i) && unit.isCalled(i)) {
                reached.add(i);
            }
        }
        MethodTypeDesc slotType = MethodTypeDesc.of(CD_int, CD_long);
        builder.withMethodBody("isFunction", MethodTypeDesc.of(CD_boolean, CD_long), ACC_STATIC, b -> {
            Label yes = b.newLabel();
            Label no = b.newLabel();
            List<SwitchCase> cases = new ArrayList<>();
            reached.forEach(
                    i -> cases.add(SwitchCase.of(unit.flows.get(i).function.start(), yes)));
            b.lload(0).invokestatic(RUNTIME, "functionSlot", slotType);
            b.lookupswitch(no, cases);
            b.labelBinding(yes).iconst_1().ireturn();
            b.labelBinding(no).iconst_0().ireturn();
        });
        builder.withMethodBody("callFunction", MethodRef.CALLX_TYPE, ACC_STATIC, b -> {
            List<SwitchCase> cases = new ArrayList<>();
            List<Label> labels = new ArrayList<>();
            for (int i : reached) {
                Label label = b.newLabel();
                labels.add(label);
                cases.add(SwitchCase.of(unit.flows.get(i).function.start(), label));
            }
            if (reached.isEmpty()) {
                emitMissing(b); // nothing is a function, so nobody gets here
                return;
            }
            b.lload(b.parameterSlot(7)).invokestatic(RUNTIME, "functionSlot", slotType);
            b.lookupswitch(labels.getFirst(), cases);
            for (int i = 0; i < labels.size(); i++) {
                MethodRef method = unit.function(reached.get(i));
                b.labelBinding(labels.get(i));
                b.aload(0);
                for (int r = 1; r <= 6; r++) {
                    b.lload(b.parameterSlot(r));
                }
                b.invokestatic(method.owner(), method.name(), MethodRef.FUNCTION_TYPE)
                        .lreturn();
            }
        });
    }
}
