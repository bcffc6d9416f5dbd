package dev.sluice.object;

import java.util.Set;

/**
 * What the name of a program's section says about the program, as libbpf reads it.
 *
 * @param type {@link ProgramType#UNSPECIFIED} for a name that no loader gives a meaning
 * @param attach where an XDP program runs
 * @param frags whether it takes packets in several buffers
 * @param target for {@link ProgramType#EXT} the function that it replaces, else empty
 */
public record SectionName(ProgramType type, Attach attach, boolean frags, String target) {
    /** Where an XDP program runs. */
    public enum Attach {
        /** On a device's receive path. */
        DEVICE,
        /** On the way out of a device map's entry. */
        DEVMAP,
        /** On the CPU that a CPU map's entry sent the packet to. */
        CPUMAP
    }

    /** What is known of a program whose section has an arbitrary name. */
    public static final SectionName UNSPECIFIED = new SectionName(ProgramType.UNSPECIFIED, Attach.DEVICE, false, "");

    private static final SectionName XDP = new SectionName(ProgramType.XDP, Attach.DEVICE, false, "");

    /**
     * Reads a section's name.
     *
     * <p>Exact names are today's libbpf's. Before version 1.0 it took whatever began with {@code xdp} for XDP ({@code
     * xdp_prog}, {@code xdp/filter}), and {@code xdp_devmap/} and {@code xdp_cpumap/} for what they say.
     */
    public static SectionName parse(String name) {
        // a leading question mark asks libbpf not to load the program unless told to
        String plain = name.startsWith("?") ? name.substring(1) : name;
        if (plain.startsWith("freplace/") || plain.equals("freplace")) {
            return new SectionName(
                    ProgramType.EXT, Attach.DEVICE, false, plain.equals("freplace") ? "" : plain.substring(9));
        }
        if (!plain.startsWith("xdp")) {
            return UNSPECIFIED;
        }
        boolean frags = plain.equals("xdp.frags") || plain.startsWith("xdp.frags/");
        String rest = frags ? plain.substring(9) : plain.substring(3);
        Attach attach = Attach.DEVICE;
        if (isOrIn(rest, "/devmap") || rest.startsWith("_devmap/")) {
            attach = Attach.DEVMAP;
        } else if (isOrIn(rest, "/cpumap") || rest.startsWith("_cpumap/")) {
            attach = Attach.CPUMAP;
        }
        return new SectionName(ProgramType.XDP, attach, frags, "");
    }

    private static final Set<String> OTHERS = Set.of(
            "tc",
            "tcx",
            "netkit",
            "classifier",
            "action",
            "socket",
            "kprobe",
            "kretprobe",
            "kprobe.multi",
            "kretprobe.multi",
            "uprobe",
            "uretprobe",
            "ksyscall",
            "kretsyscall",
            "usdt",
            "tracepoint",
            "tp",
            "raw_tracepoint",
            "raw_tp",
            "tp_btf",
            "fentry",
            "fexit",
            "fmod_ret",
            "lsm",
            "lsm_cgroup",
            "iter",
            "syscall",
            "cgroup",
            "cgroup_skb",
            "sk_skb",
            "sk_msg",
            "sk_reuseport",
            "sk_lookup",
            "sockops",
            "lwt_in",
            "lwt_out",
            "lwt_xmit",
            "lwt_seg6local",
            "perf_event",
            "flow_dissector",
            "netfilter",
            "struct_ops",
            "lirc_mode2");

    /**
     * What libbpf loads a program of another type as: the beginning of the section's name, as {@code tc}. Empty for XDP and for
     * names that say nothing.
     */
    public static String otherType(String name) {
        String plain = name.startsWith("?") ? name.substring(1) : name;
        int slash = plain.indexOf('/');
        String kind = slash < 0 ? plain : plain.substring(0, slash);
        if (kind.endsWith(".s")) {
            kind = kind.substring(0, kind.length() - 2); // may sleep
        }
        return OTHERS.contains(kind) ? kind : "";
    }

    private static boolean isOrIn(String name, String folder) {
        return name.equals(folder) || name.startsWith(folder + "/");
    }

    /** The same program taken for XDP because the user says so; unchanged where the name already says something. */
    public SectionName orXdp() {
        return type == ProgramType.UNSPECIFIED ? XDP : this;
    }
}
