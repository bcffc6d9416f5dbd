package dev.sluice.object;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.sluice.btf.Btf;
import dev.sluice.btf.BtfKind;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** What libbpf makes of the same objects: every instruction, by the tag that the kernel computes. */
class KernelAgreementTest {
    private static final Path ROOT = Path.of("/sys/fs/bpf");
    private static final Path KERNEL_TYPES = Path.of("/sys/kernel/btf/vmlinux");
    private static final Pattern TAG = Pattern.compile("\"tag\":\"([0-9a-f]{16})\"");
    private static final Pattern RELEASE = Pattern.compile("(\\d+)\\.(\\d+).*");

    @BeforeAll
    static void permitted() throws Exception {
        assumeTrue(System.getProperty("os.name").equals("Linux"), "needs Linux");
        assumeTrue(Files.isWritable(ROOT) && "root".equals(System.getProperty("user.name")), "needs root and " + ROOT);
        assumeTrue(run("bpftool", "version").status == 0, "needs bpftool");
        assumeTrue(run("bpftool", "prog", "show").status == 0, "needs bpf(2)");
        Matcher release = RELEASE.matcher(System.getProperty("os.version"));
        assumeTrue(
                release.matches()
                        && Integer.parseInt(release.group(1)) * 1000 + Integer.parseInt(release.group(2)) >= 6018,
                "tags are SHA-256 since Linux 6.18");
    }

    static List<Path> objects() {
        return Objects.all();
    }

    @ParameterizedTest
    @MethodSource("objects")
    void tagsAgree(Path file) throws Exception {
        Path folder = ROOT.resolve("sluice-test-" + ProcessHandle.current().pid());
        ObjectSpec object = Objects.read(file);
        Btf target = Files.isReadable(KERNEL_TYPES) ? Btf.parse(Files.readAllBytes(KERNEL_TYPES)) : null;
        try {
            Result loaded = run("bpftool", "prog", "loadall", file.toString(), folder.toString());
            assumeTrue(
                    loaded.status == 0,
                    "libbpf of this machine does not load it: "
                            + loaded.output.strip().replaceAll("\\s+", " "));
            TreeMap<String, String> kernel = new TreeMap<>();
            for (Path program : list(folder)) {
                Matcher tag = TAG.matcher(run("bpftool", "-j", "prog", "show", "pinned", program.toString()).output);
                assertThat(tag.find()).isTrue();
                kernel.put(program.getFileName().toString(), tag.group(1));
            }
            TreeMap<String, String> ours = new TreeMap<>();
            for (ProgramSpec program : object.programs()) {
                ours.put(program.name(), tag(object.link(program, target), target));
            }
            assertThat(ours).isEqualTo(kernel);
        } finally {
            for (Path program : list(folder)) {
                Files.delete(program);
            }
            Files.deleteIfExists(folder);
        }
    }

    /** With the numbers that libbpf puts where kernel functions are called. */
    private static String tag(LinkedProgram linked, @Nullable Btf target) {
        byte[] insns = linked.insns().bytes();
        for (Reference reference : linked.references()) {
            if (reference instanceof Reference.Kfunc call && target != null) {
                Blob.i32(insns, 8 * call.slot() + 4, target.find(BtfKind.FUNC, call.name()));
            }
        }
        return ProgramTag.compute(insns);
    }

    private static List<Path> list(Path folder) throws IOException {
        if (!Files.isDirectory(folder)) {
            return List.of();
        }
        try (Stream<Path> files = Files.list(folder)) {
            return new ArrayList<>(files.toList());
        }
    }

    private record Result(int status, String output) {}

    private static Result run(String... command) throws InterruptedException {
        try {
            Process process =
                    new ProcessBuilder(command).redirectErrorStream(true).start();
            String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
            return new Result(process.waitFor(), output);
        } catch (IOException e) {
            return new Result(-1, e.toString());
        }
    }
}
