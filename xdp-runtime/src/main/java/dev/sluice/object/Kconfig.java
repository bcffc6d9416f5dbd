package dev.sluice.object;

import dev.sluice.btf.Btf;
import dev.sluice.btf.BtfType;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The kernel's configuration as programs see it through {@code __kconfig} variables. Immutable.
 *
 * @param values by name: {@code y}, {@code n}, {@code m}, a number, or text between quotation marks
 * @param absentIsNo whether a {@code CONFIG_} variable without a value is {@code n}, 0 or empty, even if it is not weak
 */
public record Kconfig(Map<String, String> values, boolean absentIsNo) {
    /** {@code KERNEL_VERSION(6, 18, 0)}. */
    private static final int LINUX_6_18 = 6 << 16 | 18 << 8;

    /** What libbpf itself answers, whatever the configuration is. */
    private static final Map<String, String> BUILT_IN = Map.of(
            "LINUX_KERNEL_VERSION", Integer.toString(LINUX_6_18),
            "LINUX_HAS_BPF_COOKIE", "y",
            "LINUX_HAS_SYSCALL_WRAPPER", "y");

    /**
     * Linux 6.18 as distributions configure it for servers, as far as XDP programs ask; what is not known is {@code n}.
     */
    public static final Kconfig DEFAULT = new Kconfig(
            Map.of(
                    "CONFIG_BPF", "y",
                    "CONFIG_BPF_JIT", "y",
                    "CONFIG_BPF_SYSCALL", "y",
                    "CONFIG_DEBUG_INFO_BTF", "y",
                    "CONFIG_HZ", "250",
                    "CONFIG_NET", "y",
                    "CONFIG_NR_CPUS", "8192",
                    "CONFIG_XDP_SOCKETS", "y",
                    "CONFIG_X86_64", "y"),
            true);

    public Kconfig {
        values = Map.copyOf(values);
    }

    /**
     * Reads lines as a kernel's {@code .config} has them: {@code CONFIG_HZ=250}; comments and empty lines do not count.
     * {@code LINUX_KERNEL_VERSION} may also be a release such as {@code 6.6.10}.
     *
     * @throws ObjectException if a line is something else
     */
    public static Kconfig parse(String text) {
        Map<String, String> values = new LinkedHashMap<>();
        int number = 0;
        for (String line : text.lines().toList()) {
            number++;
            String plain = line.strip();
            if (plain.isEmpty() || plain.startsWith("#")) {
                continue;
            }
            int equals = plain.indexOf('=');
            if (equals <= 0 || equals == plain.length() - 1) {
                throw new ObjectException("kconfig: line " + number + ": expected NAME=VALUE, found " + plain);
            }
            String name = plain.substring(0, equals);
            String value = plain.substring(equals + 1);
            values.put(name, name.equals("LINUX_KERNEL_VERSION") ? version(value) : value);
        }
        return new Kconfig(values, false);
    }

    /** {@code KERNEL_VERSION(a, b, c)} of a release; anything else as it is. */
    private static String version(String text) {
        if (!text.matches("\\d{1,3}\\.\\d{1,3}(\\.\\d{1,4})?")) {
            return text;
        }
        String[] parts = text.split("\\.", -1);
        int patch = parts.length == 3 ? Math.min(Integer.parseInt(parts[2]), 255) : 0;
        return Integer.toString(Integer.parseInt(parts[0]) << 16 | Integer.parseInt(parts[1]) << 8 | patch);
    }

    /** The value of the {@code .kconfig} map. */
    Blob contents(Btf btf, List<ExternSpec> externs, int size) {
        byte[] bytes = new byte[size];
        for (ExternSpec extern : externs) {
            if (extern.kind() != ExternSpec.Kind.KCONFIG) {
                continue;
            }
            String value = values.getOrDefault(extern.name(), BUILT_IN.get(extern.name()));
            if (value != null) {
                write(btf, extern, value, bytes);
            } else if (!extern.weak() && !(absentIsNo && extern.name().startsWith("CONFIG_"))) {
                throw new ObjectException("kconfig: variable is neither given nor weak: name=" + extern.name());
            }
        }
        return Blob.of(bytes);
    }

    private static BtfType type(Btf btf, ExternSpec extern) {
        return btf.resolve(((BtfType.Var) btf.type(extern.btfType())).type());
    }

    private static void write(Btf btf, ExternSpec extern, String value, byte[] bytes) {
        int at = extern.offset();
        switch (type(btf, extern)) {
            case BtfType.Array text -> {
                if (value.length() < 2 || !value.startsWith("\"") || !value.endsWith("\"")) {
                    throw wrong(extern, "text between quotation marks", value);
                }
                byte[] chars = value.substring(1, value.length() - 1).getBytes(StandardCharsets.UTF_8);
                // longer text is cut, and always ends with a zero byte
                System.arraycopy(chars, 0, bytes, at, Math.min(chars.length, Math.max(0, extern.size() - 1)));
            }
            case BtfType.Enum tristate -> {
                int number = switch (value) {
                    case "n" -> 0;
                    case "y" -> 1;
                    case "m" -> 2;
                    default -> throw wrong(extern, "y, n or m", value);
                };
                putNumber(bytes, at, extern.size(), number);
            }
            case BtfType.Int integer -> {
                if (integer.isBool()) {
                    if (!value.equals("y") && !value.equals("n")) {
                        throw wrong(extern, "y or n", value);
                    }
                    bytes[at] = (byte) (value.equals("y") ? 1 : 0);
                } else if (integer.size() == 1 && value.length() == 1 && "ynm".contains(value)) {
                    bytes[at] = (byte) value.charAt(0);
                } else if (value.equals("y") && integer.size() > 1) {
                    putNumber(bytes, at, extern.size(), 1);
                } else if (value.equals("n") && integer.size() > 1) {
                    putNumber(bytes, at, extern.size(), 0);
                } else {
                    putNumber(bytes, at, extern.size(), number(extern, integer, value));
                }
            }
            default ->
                throw new ObjectException("kconfig: variable of an unsupported type: name=" + extern.name() + " type="
                        + btf.describe(extern.btfType()));
        }
    }

    private static long number(ExternSpec extern, BtfType.Int integer, String value) {
        long number;
        try {
            String digits = value.startsWith("-") ? value.substring(1) : value;
            boolean hex = digits.startsWith("0x") || digits.startsWith("0X");
            number = hex ? Long.parseUnsignedLong(digits.substring(2), 16) : Long.parseUnsignedLong(digits, 10);
            if (value.startsWith("-")) {
                number = -number;
            }
        } catch (NumberFormatException e) {
            throw wrong(extern, "a number", value);
        }
        int bits = 8 * integer.size();
        boolean fits = bits >= 64
                || (integer.signed()
                        ? number >= -(1L << bits - 1) && number < 1L << bits - 1
                        : number >= 0 && number < 1L << bits);
        if (!fits) {
            throw wrong(extern, "a number of " + bits + " bits", value);
        }
        return number;
    }

    private static void putNumber(byte[] bytes, int at, int size, long number) {
        for (int i = 0; i < size; i++) {
            bytes[at + i] = (byte) (i < 8 ? number >> 8 * i : number >> 63);
        }
    }

    private static ObjectException wrong(ExternSpec extern, String expected, String found) {
        return new ObjectException("kconfig: " + extern.name() + ": expected " + expected + ", found value=" + found);
    }
}
