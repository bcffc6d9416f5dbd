package dev.sluice.jit;

import dev.sluice.isa.Disassembler;
import dev.sluice.isa.Symbols;
import dev.sluice.isa.Syntax;
import dev.sluice.program.Program;
import dev.sluice.program.SourceLine;
import java.lang.classfile.Attributes;
import java.lang.classfile.ClassFile;
import java.lang.classfile.ClassModel;
import java.lang.classfile.CodeElement;
import java.lang.classfile.Instruction;
import java.lang.classfile.Label;
import java.lang.classfile.MethodModel;
import java.lang.classfile.Opcode;
import java.lang.classfile.attribute.CodeAttribute;
import java.lang.classfile.instruction.BranchInstruction;
import java.lang.classfile.instruction.ConstantInstruction;
import java.lang.classfile.instruction.FieldInstruction;
import java.lang.classfile.instruction.IncrementInstruction;
import java.lang.classfile.instruction.InvokeInstruction;
import java.lang.classfile.instruction.LineNumber;
import java.lang.classfile.instruction.LoadInstruction;
import java.lang.classfile.instruction.LookupSwitchInstruction;
import java.lang.classfile.instruction.NewObjectInstruction;
import java.lang.classfile.instruction.StoreInstruction;
import java.lang.classfile.instruction.SwitchCase;
import java.lang.classfile.instruction.TableSwitchInstruction;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * What became of a program: JVM code, method by method, each instruction with the slot of the BPF instruction that it
 * belongs to. An immutable value, made anew from the program; what runs is the same code.
 *
 * @param program what was compiled
 * @param methods in the order of the class files
 * @param classes the class files, by binary name
 */
public record JitListing(Program program, List<Method> methods, Map<String, byte[]> classes) {
    /** The slot of code that belongs to no BPF instruction: the packet loop, and what saves and loads registers. */
    public static final int NO_SLOT = -1;

    private static final Pattern FIRST_SLOT = Pattern.compile(".*_pc(\\d+)_\\d+");

    /**
     * A generated method.
     *
     * @param owner the class's binary name
     * @param name as stack traces show it
     * @param descriptor its parameter and result types, as the JVM writes them
     * @param encoding its JVM code
     */
    public record Method(String owner, String name, String descriptor, byte[] encoding, List<Insn> code) {
        public Method {
            code = List.copyOf(code);
        }

        /** Bytes of JVM code. */
        public int bytes() {
            return encoding.length;
        }

        /** The bytes of one of its instructions. */
        public byte[] encoding(Insn insn) {
            return Arrays.copyOfRange(encoding, insn.bci, insn.bci + insn.bytes);
        }
    }

    /**
     * A JVM instruction.
     *
     * @param slot of the BPF instruction that it belongs to, or {@link #NO_SLOT}
     * @param bci its offset in the method
     * @param operation the JVM's name of it
     * @param operands readable, empty when there are none
     * @param bytes how many it takes
     */
    public record Insn(int slot, int bci, String operation, String operands, int bytes) {}

    public JitListing {
        methods = List.copyOf(methods);
    }

    static JitListing of(Program program, Compiler.Image image) {
        List<Method> methods = new ArrayList<>();
        image.classes().forEach((name, bytes) -> {
            ClassModel model = ClassFile.of().parse(bytes);
            for (MethodModel method : model.methods()) {
                method.findAttribute(Attributes.code())
                        .ifPresent(code -> methods.add(
                                read(name, method, code, program.code().size())));
            }
        });
        return new JitListing(program, methods, image.classes());
    }

    private static Method read(String owner, MethodModel method, CodeAttribute code, int programSlots) {
        String name = method.methodName().stringValue();
        Matcher matcher = FIRST_SLOT.matcher(name);
        int first = Lines.base(matcher.matches() ? Integer.parseInt(matcher.group(1)) : 0, programSlots);
        List<Insn> insns = new ArrayList<>();
        int slot = NO_SLOT;
        int bci = 0;
        for (CodeElement element : code) {
            if (element instanceof LineNumber line) {
                slot = line.line() == Lines.NO_LINE ? NO_SLOT : first + line.line() - 1;
            } else if (element instanceof Instruction insn) {
                insns.add(new Insn(slot, bci, operation(insn.opcode()), operands(insn, code), insn.sizeInBytes()));
                bci += insn.sizeInBytes();
            }
        }
        return new Method(owner, name, method.methodType().stringValue(), code.codeArray(), insns);
    }

    private static String operation(Opcode opcode) {
        return opcode.name().toLowerCase(Locale.ROOT);
    }

    private static String operands(Instruction insn, CodeAttribute code) {
        return switch (insn) {
            case LoadInstruction load -> slot(load.opcode(), load.slot());
            case StoreInstruction store -> slot(store.opcode(), store.slot());
            case IncrementInstruction increment -> increment.slot() + " " + increment.constant();
            case ConstantInstruction.IntrinsicConstantInstruction constant -> "";
            case ConstantInstruction constant -> String.valueOf(constant.constantValue());
            case BranchInstruction branch -> at(branch.target(), code);
            case FieldInstruction field ->
                simple(field.owner().asInternalName()) + "." + field.name().stringValue();
            case InvokeInstruction invoke ->
                simple(invoke.owner().asInternalName()) + "." + invoke.name().stringValue()
                        + invoke.type().stringValue();
            case NewObjectInstruction made -> simple(made.className().asInternalName());
            case TableSwitchInstruction table -> cases(table.cases(), table.defaultTarget(), code);
            case LookupSwitchInstruction lookup -> cases(lookup.cases(), lookup.defaultTarget(), code);
            default -> "";
        };
    }

    /** A local variable, unless the opcode names it. */
    private static String slot(Opcode opcode, int slot) {
        return opcode.name().indexOf('_') > 0 && !opcode.isWide() ? "" : Integer.toString(slot);
    }

    private static String simple(String internalName) {
        return internalName.substring(internalName.lastIndexOf('/') + 1);
    }

    private static String at(Label label, CodeAttribute code) {
        return Integer.toString(code.labelToBci(label));
    }

    private static String cases(List<SwitchCase> cases, Label otherwise, CodeAttribute code) {
        StringBuilder text = new StringBuilder();
        for (SwitchCase each : cases) {
            text.append(each.caseValue())
                    .append(':')
                    .append(at(each.target(), code))
                    .append(' ');
        }
        return text.append("default:").append(at(otherwise, code)).toString();
    }

    /**
     * The listing as text: before the JVM code its BPF instruction, before that the source line.
     *
     * @param symbols names of helpers
     */
    public String text(Symbols symbols) {
        Disassembler disassembler = new Disassembler(Syntax.KERNEL, symbols);
        StringBuilder text = new StringBuilder();
        for (Method method : methods) {
            if (!text.isEmpty()) {
                text.append('\n');
            }
            text.append(method.owner).append('.').append(method.name).append(method.descriptor);
            text.append(": ").append(method.bytes()).append(" bytes\n");
            int slot = NO_SLOT;
            SourceLine shown = null;
            for (Insn insn : method.code) {
                if (insn.slot != slot && insn.slot != NO_SLOT) {
                    SourceLine line = program.lineAt(insn.slot);
                    if (line != null && !line.equals(shown)) {
                        text.append("; ").append(line.text()).append(" @ ").append(line.file());
                        text.append(':').append(line.line()).append('\n');
                        shown = line;
                    }
                    text.append(String.format(
                            "%4d: %s%n",
                            insn.slot, disassembler.text(program.code().at(insn.slot))));
                }
                slot = insn.slot;
                text.append(String.format("      %5d: %s", insn.bci, insn.operation));
                text.append(insn.operands.isEmpty() ? "" : " " + insn.operands).append('\n');
            }
        }
        return text.toString();
    }

    @Override
    public String toString() {
        return text(Symbols.NONE);
    }
}
