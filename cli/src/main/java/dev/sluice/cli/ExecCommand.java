package dev.sluice.cli;

import dev.sluice.LoadException;
import dev.sluice.LoadedProgram;
import dev.sluice.XdpRuntime;
import dev.sluice.exec.Engine;
import dev.sluice.exec.ProgramFault;
import dev.sluice.helper.RunContext;
import dev.sluice.isa.Code;
import dev.sluice.isa.MalformedCodeException;
import dev.sluice.map.MapTable;
import dev.sluice.memory.Memory;
import dev.sluice.memory.Regions;
import dev.sluice.object.ObjectException;
import dev.sluice.object.ObjectSpec;
import dev.sluice.program.Program;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.lang.foreign.Arena;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Raw bytecode on a checked engine: the plug-in protocol of the bpf_conformance runner, and a stream of jobs. */
@Command(
        name = "exec",
        mixinStandardHelpOptions = true,
        sortOptions = false,
        description = {
            "Runs raw BPF bytecode, unverified, with every access checked.",
            "",
            "The program comes as hexadecimal digits on standard input; r1 is the address of MEMORY, r2 its length. "
                    + "Prints r0 as hexadecimal digits. A fault gives a message with the program counter on standard "
                    + "error and exit code 1. This is the plug-in protocol of the bpf_conformance runner.",
            ""
        })
final class ExecCommand implements Callable<Integer> {
    /** Enough for every test program, and over in a moment where a program never ends. */
    private static final String DEFAULT_MAX_INSNS = "10000000";

    @Parameters(
            index = "0",
            arity = "0..1",
            paramLabel = "MEMORY",
            description = "Bytes that the program may read and write, as hexadecimal digits.")
    private String memory = "";

    @Option(names = "--engine", paramLabel = "ENGINE", description = "jit or interpreter (default: interpreter).")
    private EngineChoice engine = EngineChoice.INTERPRETER;

    @Option(
            names = "--max-insns",
            paramLabel = "N",
            defaultValue = DEFAULT_MAX_INSNS,
            description = "Fault after N executed instructions (default: " + DEFAULT_MAX_INSNS + ").")
    private long maxInsns;

    @Option(names = "--elf", description = "Standard input is an ELF object as hexadecimal digits.")
    private boolean elf;

    @Mixin
    private ObjectOptions objects = new ObjectOptions();

    @Option(
            names = "--stream",
            description = "Read jobs from standard input, one a line: ID<TAB>PROGRAM HEX<TAB>MEMORY HEX or -. Answer "
                    + "each in order: ID<TAB>OK<TAB>R0 HEX or ID<TAB>ERR<TAB>MESSAGE.")
    private boolean stream;

    private final InputStream in = System.in;
    private final PrintStream out = System.out;

    @Override
    public Integer call() throws IOException {
        if (maxInsns <= 0) {
            throw new CommandFailure(ExitCode.USAGE, "--max-insns: expected 1 or more, found " + maxInsns, null);
        }
        if (!elf) {
            objects.given().ifPresent(option -> {
                throw RunOptions.usage(
                        option + ": expected --elf, as raw bytecode has no variables, maps and programs");
            });
        }
        try (Machine machine = new Machine(checked(engine), objects, maxInsns)) {
            return stream ? stream(machine) : single(machine);
        }
    }

    /** Bytecode that nobody verifies: the JIT has its checks. */
    private static Engine checked(EngineChoice choice) {
        return (choice == EngineChoice.JIT ? EngineChoice.JIT_CHECKED : choice).engine();
    }

    private int single(Machine machine) throws IOException {
        String program = new String(in.readAllBytes(), StandardCharsets.ISO_8859_1);
        try {
            out.println(Long.toHexString(machine.run(program, memory, elf)));
            return ExitCode.OK;
        } catch (RejectedJob e) {
            throw new CommandFailure(String.valueOf(e.getMessage()));
        }
    }

    private int stream(Machine machine) throws IOException {
        BufferedReader jobs = new BufferedReader(new InputStreamReader(in, StandardCharsets.ISO_8859_1), 1 << 16);
        StringBuilder answer = new StringBuilder();
        for (String job = jobs.readLine(); job != null; job = jobs.readLine()) {
            if (job.isEmpty()) {
                continue;
            }
            String[] fields = job.split("\t", -1);
            answer.setLength(0);
            answer.append(fields[0]);
            try {
                if (fields.length != 3) {
                    throw new RejectedJob("expected three fields with a tab between, found " + fields.length);
                }
                String bytes = fields[2].equals("-") ? "" : fields[2];
                long result = machine.run(fields[1], bytes, elf);
                answer.append("\tOK\t").append(Long.toHexString(result));
            } catch (RejectedJob e) {
                String line = String.valueOf(e.getMessage()).replace('\n', ' ').replace('\t', ' ');
                answer.append("\tERR\t").append(line);
            }
            out.println(answer);
            if (out.checkError()) {
                break; // nobody reads any more
            }
        }
        return ExitCode.OK;
    }

    /** A job that can't be run or that faulted; the message is for a person. */
    private static final class RejectedJob extends Exception {
        private static final long serialVersionUID = 1L;

        RejectedJob(@Nullable String message) {
            super(message, null, false, false);
        }
    }

    /** One engine and the memory that its programs get. */
    private static final class Machine implements AutoCloseable {
        private static final int LARGEST_MEMORY = 1 << 24;

        private final Engine engine;
        private final ObjectOptions objects;
        private final Regions regions = new Regions();
        private final RunContext context = new RunContext(new MapTable(), regions, System::nanoTime, 0);
        private Arena arena = Arena.ofConfined();
        private long buffer;
        private long capacity;

        Machine(Engine engine, ObjectOptions objects, long maxInsns) {
            this.engine = engine;
            this.objects = objects;
            context.instructionLimit = maxInsns;
            grow(4096);
        }

        private void grow(long bytes) {
            arena.close();
            arena = Arena.ofConfined();
            capacity = bytes;
            buffer = Memory.allocate(arena, bytes, 64);
        }

        long run(String programHex, String memoryHex, boolean elf) throws RejectedJob {
            try {
                byte[] memory = HexBytes.parse("memory", memoryHex);
                byte[] bytes = HexBytes.parse("program", programHex);
                if (memory.length > LARGEST_MEMORY) {
                    throw new RejectedJob(
                            "memory: expected at most " + LARGEST_MEMORY + " bytes, found " + memory.length);
                }
                if (memory.length > capacity) {
                    grow(Math.max(memory.length, 2 * capacity));
                }
                Memory.copy(memory, 0, buffer, memory.length);
                return elf ? runElf(bytes, memory.length) : runRaw(bytes, memory.length);
            } catch (IllegalArgumentException
                    | MalformedCodeException
                    | ObjectException
                    | LoadException
                    | CommandFailure
                    | ProgramFault e) {
                throw new RejectedJob(e.getMessage());
            }
        }

        private long runRaw(byte[] bytes, int length) throws RejectedJob {
            if (bytes.length == 0) {
                throw new RejectedJob("program is empty, expected at least one instruction");
            }
            Program program = Program.ofCode("exec", Code.decode(bytes));
            context.extraStart = buffer;
            context.extraEnd = buffer + length;
            return engine.load(program, 1).call(context, buffer, length);
        }

        /** An object may have maps, which live as long as its run. */
        private long runElf(byte[] bytes, int length) {
            try (XdpRuntime runtime = new XdpRuntime(engine, 1, 0);
                    RunContext own = runtime.newContext(System::nanoTime, 0)) {
                ObjectSpec spec = ObjectSpec.read("exec.o", bytes);
                ObjectOptions.Choice choice = objects.choose(Path.of("exec.o"), spec);
                LoadedProgram program = choice.program(runtime, choice.load(runtime));
                own.instructionLimit = context.instructionLimit;
                own.extraStart = buffer;
                own.extraEnd = buffer + length;
                return program.executable().call(own, buffer, length);
            }
        }

        @Override
        public void close() {
            context.close();
            arena.close();
        }
    }
}
