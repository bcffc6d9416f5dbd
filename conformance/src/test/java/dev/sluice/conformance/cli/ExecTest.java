package dev.sluice.conformance.cli;

import static dev.sluice.conformance.cli.Cli.FAILED;
import static dev.sluice.conformance.cli.Cli.USAGE;
import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.conformance.Pcaps;
import dev.sluice.isa.Assembler;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** {@code sluice exec}: the plug-in protocol of the public bpf_conformance runner, its stream of jobs, and bytecode that means harm. */
class ExecTest {
    private static final long SEED = Long.getLong("sluice.seed", System.nanoTime());
    private static final String RETURN_5 = "b7 00 00 00 05 00 00 00 95 00 00 00 00 00 00 00";

    private static Cli.Result exec(String program, Object... args) {
        Object[] all = new Object[args.length + 1];
        all[0] = "exec";
        System.arraycopy(args, 0, all, 1, args.length);
        return Cli.run(program.getBytes(StandardCharsets.ISO_8859_1), all);
    }

    /** The bytes of a program in assembly, as the runner writes them. */
    private static String hex(String assembly) {
        return HexFormat.ofDelimiter(" ").formatHex(Assembler.assemble(assembly).toBytes());
    }

    // --- the protocol

    @ParameterizedTest
    @ValueSource(strings = {"interpreter", "jit"})
    void aProgramOnStandardInput(String engine) {
        assertThat(exec(RETURN_5, "--engine", engine).ok().out()).isEqualTo("5\n");
        assertThat(exec(hex("r0 = -1\nexit"), "--engine", engine).ok().out()).isEqualTo("ffffffffffffffff\n");
        assertThat(exec(hex("w0 = -1\nexit"), "--engine", engine).ok().out()).isEqualTo("ffffffff\n");
        assertThat(exec(hex("r0 = 0\nexit"), "--engine", engine).ok().out()).isEqualTo("0\n");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                RETURN_5,
                RETURN_5 + "\n",
                RETURN_5 + " \n",
                " " + RETURN_5 + "\r\n",
                "b7 00 00 00  05 00 00 00  95 00 00 00  00 00 00 00\n",
                "b7 00 00 00 05 00 00 00\n95 00 00 00 00 00 00 00\n",
                "b700000005000000 9500000000000000",
                "B7000000050000009500000000000000"
            })
    void howBytesMayBeWritten(String program) {
        assertThat(exec(program).ok().out()).isEqualTo("5\n");
    }

    @ParameterizedTest
    @CsvSource({
        // memory, what r1 points to, r2
        "'', '', 0",
        "'00', '', 1",
        "'aa bb cc dd', ddccbbaa, 4",
        "'aabbccdd', ddccbbaa, 4",
        "'aa bb  cc dd ', ddccbbaa, 4"
    })
    void memoryAsAnArgument(String memory, String word, String length) {
        assertThat(exec(hex("r0 = r2\nexit"), memory).ok().out()).isEqualTo(length + "\n");
        if (!word.isEmpty()) {
            assertThat(exec(hex("r0 = *(u32 *)(r1 +0)\nexit"), memory).ok().out())
                    .isEqualTo(word + "\n");
            assertThat(exec(hex("*(u8 *)(r1 +3) = 1\nr0 = *(u32 *)(r1 +0)\nexit"), memory)
                            .ok()
                            .out())
                    .isEqualTo("1" + word.substring(2) + "\n");
        }
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "zz          |             | program: expected hexadecimal digits, found 'z' at character 1",
                "b7 0        |             | program: expected an even number of hexadecimal digits, found 3",
                "''          |             | program is empty, expected at least one instruction",
                "b7 00       |             | .*expected a multiple of 8 bytes, length=2",
                "b700000005000000 |        | .*insn 0: .*",
                "ff00000000000000 |        | .*insn 0: .*opcode.*",
                "b700000005000000 9500000000000000 | xy | memory: expected hexadecimal digits, found 'x' at character 1",
                "b700000005000000 9500000000000000 | 123 | memory: expected an even number of hexadecimal digits, found 3"
            })
    void whatIsNoProgram(String program, String memory, String message) {
        assertThat(exec(program, memory == null ? "" : memory).error(FAILED)).matches(message);
    }

    @ParameterizedTest
    @ValueSource(strings = {"interpreter", "jit"})
    void faultsHaveTheProgramCounter(String engine) {
        assertThat(exec(hex("r0 = 0\nr0 = *(u32 *)(r1 +0)\nexit"), "--engine", engine, "aabbcc")
                        .error(FAILED))
                .startsWith("pc 1: invalid read of memory");
        assertThat(exec(hex("r0 = 0\n*(u8 *)(r1 +1) = 0\nexit"), "--engine", engine, "aa")
                        .error(FAILED))
                .startsWith("pc 1: invalid write to memory");
        assertThat(exec(hex("r0 = 0\nr1 = 0\nr0 = *(u8 *)(r1 +0)\nexit"), "--engine", engine)
                        .error(FAILED))
                .startsWith("pc 2: invalid read of memory");
        assertThat(exec(hex("r0 = *(u64 *)(r10 -4104)\nexit"), "--engine", engine)
                        .error(FAILED))
                .startsWith("pc 0: invalid read of memory");
        assertThat(exec(hex("r1 = 0x10 ll\nr0 = *(u64 *)(r1 +0)\nexit"), "--engine", engine)
                        .error(FAILED))
                .startsWith("pc 2: invalid read of memory");
        assertThat(exec(hex("*(u64 *)(r10 -8) = 0\nr1 = 1\nlock *(u32 *)(r10 -6) += r1\nexit"), "--engine", engine)
                        .error(FAILED))
                .startsWith("pc 2: ")
                .contains("aligned");
        assertThat(exec(hex("goto -1"), "--engine", engine, "--max-insns", 1000).error(FAILED))
                .isEqualTo("pc 0: the run took too long: expected at most 1000 instructions");
        assertThat(exec(hex("call pc-1\nexit"), "--engine", engine).error(FAILED))
                .startsWith("pc 0: ")
                .contains("8");
        assertThat(exec(hex("call 9999\nexit"), "--engine", engine).error(FAILED))
                .startsWith("pc 0: unknown func");
    }

    @Test
    void optionsThatMakeNoSense() {
        assertThat(exec(RETURN_5, "--max-insns", 0).error(USAGE)).isEqualTo("--max-insns: expected 1 or more, found 0");
        assertThat(exec(RETURN_5, "--engine", "gcc").error(USAGE)).contains("--engine", "gcc");
        assertThat(exec(RETURN_5, "00", "00").error(USAGE)).contains("00");
    }

    @Test
    void elf() {
        String object = HexFormat.of().formatHex(Pcaps.bytes(Pcaps.object("hello")));
        assertThat(exec(object, "--elf").ok().out()).isEqualTo("2\n");
        assertThat(exec(HexFormat.ofDelimiter(" ").formatHex(Pcaps.bytes(Pcaps.object("hello"))) + "\n", "--elf")
                        .ok()
                        .out())
                .isEqualTo("2\n");
        assertThat(exec(RETURN_5, "--elf").error(FAILED)).contains("ELF");
        String several = HexFormat.of().formatHex(Pcaps.bytes(Pcaps.object("vlan")));
        assertThat(exec(several, "--elf").error(FAILED)).contains("vlan_push", "vlan_pop");
    }

    // --- the stream

    @ParameterizedTest
    @ValueSource(strings = {"interpreter", "jit"})
    void thousandsOfJobsInOrder(String engine) {
        StringBuilder jobs = new StringBuilder();
        List<String> expected = new ArrayList<>();
        for (int i = 0; i < 5_000; i++) {
            switch (i % 5) {
                case 0 -> {
                    jobs.append("job ")
                            .append(i)
                            .append('\t')
                            .append(hex("r0 = " + i + "\nexit"))
                            .append("\t-\n");
                    expected.add("job " + i + "\tOK\t" + Integer.toHexString(i));
                }
                case 1 -> {
                    jobs.append(i)
                            .append('\t')
                            .append(hex("r0 = *(u8 *)(r1 +1)\nexit"))
                            .append("\t0042\n");
                    expected.add(i + "\tOK\t42");
                }
                case 2 -> {
                    // what a job leaves behind on its stack and in its memory is not the next one's
                    jobs.append(i).append('\t').append(hex("*(u64 *)(r1 +0) = -1\nr0 = r2\nexit"));
                    jobs.append("\t00 11 22 33 44 55 66 77\n");
                    expected.add(i + "\tOK\t8");
                }
                case 3 -> {
                    jobs.append(i)
                            .append('\t')
                            .append(hex("r1 = 1\nr0 = *(u8 *)(r1 +0)\nexit"))
                            .append("\t-\n");
                    expected.add(i + "\tERR\tpc 1: ");
                }
                default -> {
                    jobs.append(i).append("\tb7\t-\n");
                    expected.add(i + "\tERR\t");
                }
            }
        }
        List<String> answers = exec(jobs.toString(), "--stream", "--engine", engine)
                .ok()
                .out()
                .lines()
                .toList();
        assertThat(answers).hasSameSizeAs(expected);
        for (int i = 0; i < answers.size(); i++) {
            assertThat(answers.get(i)).startsWith(expected.get(i));
            assertThat(answers.get(i).split("\t", -1)).hasSize(3);
            if (expected.get(i).contains("\tOK\t")) {
                assertThat(answers.get(i)).isEqualTo(expected.get(i));
            }
        }
    }

    @Test
    void jobsThatAreNone() {
        String jobs = "\na\nb\tb7\nc\t" + RETURN_5 + "\t-\textra\n\t" + RETURN_5 + "\t-\nlast\t" + RETURN_5 + "\t-";
        assertThat(exec(jobs, "--stream").ok().out().lines())
                .containsExactly(
                        "a\tERR\texpected three fields with a tab between, found 1",
                        "b\tERR\texpected three fields with a tab between, found 2",
                        "c\tERR\texpected three fields with a tab between, found 4",
                        "\tOK\t5",
                        "last\tOK\t5");
        assertThat(exec("", "--stream").ok().out()).isEmpty();
    }

    @Test
    void aStreamOfObjects() {
        String object = HexFormat.of().formatHex(Pcaps.bytes(Pcaps.object("hello")));
        assertThat(exec("x\t" + object + "\t-\ny\t" + object + "\t-\nz\t00\t-\n", "--stream", "--elf")
                        .ok()
                        .out()
                        .lines())
                .satisfiesExactly(
                        line -> assertThat(line).isEqualTo("x\tOK\t2"),
                        line -> assertThat(line).isEqualTo("y\tOK\t2"),
                        line -> assertThat(line).startsWith("z\tERR\t").contains("ELF"));
    }

    // --- bytecode that means harm

    /** Whatever the bytes are: an answer for each, in order, and the JVM lives on. */
    @ParameterizedTest
    @ValueSource(strings = {"interpreter", "jit"})
    void noBytecodeCanHurt(String engine) {
        int jobs = 20_000;
        List<String> answers = exec(randomJobs(jobs), "--stream", "--engine", engine, "--max-insns", 10_000)
                .ok()
                .out()
                .lines()
                .toList();
        assertThat(answers).hasSize(jobs);
        int passed = 0;
        int faulted = 0;
        for (int i = 0; i < jobs; i++) {
            String answer = answers.get(i);
            assertThat(answer).as("-Dsluice.seed=%d", SEED).startsWith(i + "\t").doesNotContain("Exception");
            assertThat(answer).as("-Dsluice.seed=%d", SEED).matches("[0-9]+\t(OK\t[0-9a-f]{1,16}|ERR\t[^\t]+)");
            if (answer.contains("\tOK\t")) {
                passed++;
            } else if (answer.contains("\tpc ")) {
                faulted++;
            }
        }
        // the generator reaches all three: runs to the end, faults in a run, refusals before
        assertThat(List.of(passed, faulted, jobs - passed - faulted)).allMatch(n -> n > jobs / 20);
    }

    private static String randomJobs(int jobs) {
        RandomCode code = new RandomCode(SEED);
        Random random = new Random(SEED);
        StringBuilder stream = new StringBuilder();
        for (int i = 0; i < jobs; i++) {
            byte[] memory = new byte[random.nextInt(4) == 0 ? 0 : 16 + random.nextInt(48)];
            random.nextBytes(memory);
            stream.append(i).append('\t');
            stream.append(HexFormat.of().formatHex(code.next())).append('\t');
            stream.append(memory.length == 0 ? "-" : HexFormat.of().formatHex(memory))
                    .append('\n');
        }
        return stream.toString();
    }
}
