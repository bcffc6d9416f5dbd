package dev.sluice.kernel;

import java.io.File;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Objects;
import java.util.stream.Stream;
import org.junit.jupiter.api.Assumptions;

/** What the tests of this package share: the kernel, or a skip with its reason; and a few instructions by hand. */
final class KernelTests {
    static final int R0 = 0;
    static final int R1 = 1;
    static final int R2 = 2;
    static final int R3 = 3;
    static final int R4 = 4;
    static final int R10 = 10;

    private KernelTests() {}

    static Kernel kernel() {
        return switch (Kernel.open()) {
            case KernelAccess.Available available -> available.kernel();
            case KernelAccess.Unavailable unavailable -> {
                Assumptions.abort(unavailable.reason());
                throw new AssertionError("not reached");
            }
        };
    }

    /** Descriptors of this process that are the kernel's BPF side: the JVM opens and closes others whenever it likes. */
    static long openDescriptors() {
        String[] names = new File("/proc/self/fd").list();
        return Stream.of(Objects.requireNonNull(names))
                .filter(name -> {
                    try {
                        String target = Files.readSymbolicLink(Path.of("/proc/self/fd", name))
                                .toString();
                        return target.startsWith("anon_inode:") || target.contains("trace");
                    } catch (IOException e) {
                        return false; // closed meanwhile
                    }
                })
                .count();
    }

    /** {@code struct bpf_insn}: opcode, registers, offset, immediate. */
    static byte[] insn(int opcode, int dst, int src, int off, int imm) {
        return ByteBuffer.allocate(8)
                .order(ByteOrder.nativeOrder())
                .put((byte) opcode)
                .put((byte) (src << 4 | dst))
                .putShort((short) off)
                .putInt(imm)
                .array();
    }

    static byte[] movImm(int dst, int imm) {
        return insn(0xb7, dst, 0, 0, imm);
    }

    static byte[] movReg(int dst, int src) {
        return insn(0xbf, dst, src, 0, 0);
    }

    static byte[] addImm(int dst, int imm) {
        return insn(0x07, dst, 0, 0, imm);
    }

    static byte[] call(int helper) {
        return insn(0x85, 0, 0, 0, helper);
    }

    static byte[] exit() {
        return insn(0x95, 0, 0, 0, 0);
    }

    /** {@code dst = map}: 16 bytes, BPF_PSEUDO_MAP_FD. */
    static byte[] loadMap(int dst, KernelMap map) {
        return join(insn(0x18, dst, 1, 0, map.fd()), insn(0, 0, 0, 0, 0));
    }

    static byte[] join(byte[]... parts) {
        int length = 0;
        for (byte[] part : parts) {
            length += part.length;
        }
        ByteBuffer all = ByteBuffer.allocate(length);
        for (byte[] part : parts) {
            all.put(part);
        }
        return all.array();
    }

    static ProgramAttributes xdp(byte[]... instructions) {
        return ProgramAttributes.of(Uapi.PROG_TYPE_XDP, join(instructions));
    }

    /** {@code return action;} */
    static KernelProgram returning(Kernel kernel, int action) {
        return kernel.load(xdp(movImm(R0, action), exit())).orThrow();
    }
}
