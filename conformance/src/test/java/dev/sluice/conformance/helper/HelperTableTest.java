package dev.sluice.conformance.helper;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.helper.Helper;
import dev.sluice.helper.RunContext;
import dev.sluice.isa.Assembler;
import dev.sluice.kernel.Kernel;
import dev.sluice.kernel.KernelAccess;
import dev.sluice.kernel.LoadResult;
import dev.sluice.kernel.ProgramAttributes;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;

/** The table of helpers says what the kernel's verifier says. */
class HelperTableTest {
    private static final int PROGRAM_TYPE_XDP = 6;

    /** One more than the last that Linux 6.18 has. */
    private static final int END = 212;

    /** The live registers before a call, as the verifier's log shows them: {@code 0: .12....... (85) call bpf_x#7}. */
    private static final Pattern CALL = Pattern.compile("0: ([.\\d]{10}) \\(85\\) call (\\w+)#(\\d+)");

    private record Answer(boolean allowed, String name, int args, boolean gplOnly) {}

    @Test
    void tableIsTheKernelsForEveryNumber() {
        KernelAccess access = Kernel.open();
        Assumptions.assumeTrue(
                access instanceof KernelAccess.Available, () -> ((KernelAccess.Unavailable) access).reason());
        Kernel kernel = ((KernelAccess.Available) access).kernel();
        Assumptions.assumeTrue(
                kernel.release().startsWith("6.18."), "the table is of 6.18, not of " + kernel.release());
        List<String> differences = new ArrayList<>();
        for (int number = 1; number < END; number++) {
            Answer answer = ask(kernel, number);
            Helper helper = Helper.of(number);
            if (answer.allowed != (helper != null)) {
                differences.add(number + " " + answer + ", table " + helper);
            } else if (helper != null
                    && (!helper.cname().equals(answer.name)
                            || helper.argCount() != answer.args
                            || helper.gplOnly() != answer.gplOnly)) {
                differences.add(answer + ", table " + helper.cname() + helper.args() + " gpl=" + helper.gplOnly());
            }
        }
        assertThat(differences).isEmpty();
        assertThat(ask(kernel, END).name).isEqualTo("unknown");
    }

    private static Answer ask(Kernel kernel, int number) {
        String log = log(kernel, number, "GPL");
        Matcher call = CALL.matcher(log);
        String name = "unknown";
        int args = 0;
        if (call.find()) {
            assertThat(call.group(3)).isEqualTo(String.valueOf(number));
            name = call.group(2);
            args = (int) call.group(1).chars().filter(c -> c != '.').count();
        }
        boolean refused = log.contains("unknown func")
                || log.contains("invalid func")
                || log.contains("program of this type cannot use helper");
        boolean gplOnly = log(kernel, number, "Proprietary").contains("cannot call GPL-restricted function");
        return new Answer(!refused, name, args, gplOnly);
    }

    /** What the verifier says of a program that only calls a helper. */
    private static String log(Kernel kernel, int number, String license) {
        byte[] code = Assembler.assemble("call " + number + "\nexit").toBytes();
        LoadResult result = kernel.load(ProgramAttributes.of(PROGRAM_TYPE_XDP, code)
                .withLicense(license)
                .withLogLevel(2));
        if (result instanceof LoadResult.Loaded loaded) {
            loaded.program().close();
            return loaded.log();
        }
        return ((LoadResult.Rejected) result).log();
    }

    @Test
    void everyRowHasItsMethodOrSaysWhyNot() throws ReflectiveOperationException {
        for (Helper helper : Helper.values()) {
            assertThat(Helper.of(helper.number())).isSameAs(helper);
            if (helper.isImplemented()) {
                assertThat(helper.whyMissing()).isEmpty();
                Method method = helper.owner()
                        .getMethod(
                                helper.method(),
                                RunContext.class,
                                long.class,
                                long.class,
                                long.class,
                                long.class,
                                long.class);
                assertThat(Modifier.isStatic(method.getModifiers())).isTrue();
                assertThat(Modifier.isPublic(helper.owner().getModifiers())).isTrue();
            } else {
                assertThat(helper.whyMissing()).as(helper.cname()).isNotEmpty();
                assertThat(Helper.callable(helper.number())).isNull();
                assertThat(Helper.describeMissing(helper.number())).contains(helper.cname());
            }
        }
    }
}
