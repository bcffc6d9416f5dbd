package dev.sluice.kernel;

/**
 * What the kernel says of a program: {@code struct bpf_prog_info}. Immutable.
 *
 * @param tag 16 hexadecimal digits, as bpftool prints it
 * @param jitedBytes of machine code, 0 where it is interpreted or hidden from this process
 * @param xlatedBytes of instructions after the verifier's rewriting
 * @param loadTimeNanos when it was loaded, since boot
 * @param runTimeNanos while statistics were on
 * @param runCount while statistics were on
 * @param recursionMisses runs left out because the program was running already
 * @param verifiedInsns instructions that the verifier processed; 0 before Linux 5.16
 */
public record ProgramInfo(
        int type,
        int id,
        String tag,
        String name,
        int jitedBytes,
        int xlatedBytes,
        long loadTimeNanos,
        int mapCount,
        int ifindex,
        boolean gplCompatible,
        int btfId,
        int funcInfoCount,
        int lineInfoCount,
        long runTimeNanos,
        long runCount,
        long recursionMisses,
        int verifiedInsns) {}
