package dev.sluice.object;

import java.util.Map;

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

    /** The first part of a section's name, and the program type of it as bpftool names it. */
    private static final Map<String, String> OTHERS = Map.ofEntries(
            Map.entry("tc", "sched_cls"),
            Map.entry("tcx", "sched_cls"),
            Map.entry("netkit", "sched_cls"),
            Map.entry("classifier", "sched_cls"),
            Map.entry("action", "sched_act"),
            Map.entry("socket", "socket_filter"),
            Map.entry("kprobe", "kprobe"),
            Map.entry("kretprobe", "kprobe"),
            Map.entry("kprobe.multi", "kprobe"),
            Map.entry("kretprobe.multi", "kprobe"),
            Map.entry("kprobe.session", "kprobe"),
            Map.entry("uprobe", "kprobe"),
            Map.entry("uretprobe", "kprobe"),
            Map.entry("uprobe.multi", "kprobe"),
            Map.entry("uretprobe.multi", "kprobe"),
            Map.entry("uprobe.session", "kprobe"),
            Map.entry("ksyscall", "kprobe"),
            Map.entry("kretsyscall", "kprobe"),
            Map.entry("usdt", "kprobe"),
            Map.entry("tracepoint", "tracepoint"),
            Map.entry("tp", "tracepoint"),
            Map.entry("raw_tracepoint", "raw_tracepoint"),
            Map.entry("raw_tp", "raw_tracepoint"),
            Map.entry("raw_tracepoint.w", "raw_tracepoint_writable"),
            Map.entry("raw_tp.w", "raw_tracepoint_writable"),
            Map.entry("tp_btf", "tracing"),
            Map.entry("fentry", "tracing"),
            Map.entry("fexit", "tracing"),
            Map.entry("fmod_ret", "tracing"),
            Map.entry("iter", "tracing"),
            Map.entry("lsm", "lsm"),
            Map.entry("lsm_cgroup", "lsm"),
            Map.entry("syscall", "syscall"),
            Map.entry("cgroup", "cgroup"),
            Map.entry("cgroup_skb", "cgroup_skb"),
            Map.entry("sk_skb", "sk_skb"),
            Map.entry("sk_msg", "sk_msg"),
            Map.entry("sk_reuseport", "sk_reuseport"),
            Map.entry("sk_lookup", "sk_lookup"),
            Map.entry("sockops", "sock_ops"),
            Map.entry("lwt_in", "lwt_in"),
            Map.entry("lwt_out", "lwt_out"),
            Map.entry("lwt_xmit", "lwt_xmit"),
            Map.entry("lwt_seg6local", "lwt_seg6local"),
            Map.entry("perf_event", "perf_event"),
            Map.entry("flow_dissector", "flow_dissector"),
            Map.entry("netfilter", "netfilter"),
            Map.entry("struct_ops", "struct_ops"),
            Map.entry("lirc_mode2", "lirc_mode2"));

    private static final Map<String, String> CGROUP = Map.ofEntries(
            Map.entry("skb", "cgroup_skb"),
            Map.entry("dev", "cgroup_device"),
            Map.entry("sysctl", "cgroup_sysctl"),
            Map.entry("getsockopt", "cgroup_sockopt"),
            Map.entry("setsockopt", "cgroup_sockopt"),
            Map.entry("sock", "cgroup_sock"),
            Map.entry("sock_create", "cgroup_sock"),
            Map.entry("sock_release", "cgroup_sock"),
            Map.entry("post_bind4", "cgroup_sock"),
            Map.entry("post_bind6", "cgroup_sock"));

    /**
     * What libbpf loads a program of another type as: the beginning of the section's name, as {@code tc}. Empty for XDP and for
     * names that say nothing.
     */
    public static String otherType(String name) {
        String kind = kind(name);
        return OTHERS.containsKey(kind) ? kind : "";
    }

    /** The program type that a section's name means, also to old loaders, as bpftool names it; empty for none or XDP. */
    public static String otherTypeName(String name) {
        String kind = kind(name);
        // before version 1.0 libbpf looked only at how a name begins
        if (kind.startsWith("tc_") || kind.startsWith("classifier")) {
            return "sched_cls";
        }
        if (kind.startsWith("socket")) {
            return "socket_filter";
        }
        if (!kind.equals("cgroup")) {
            return OTHERS.getOrDefault(kind, "");
        }
        String hook = name.substring(name.indexOf('/') + 1);
        return CGROUP.getOrDefault(hook, "cgroup_sock_addr");
    }

    private static String kind(String name) {
        String plain = name.startsWith("?") ? name.substring(1) : name;
        int slash = plain.indexOf('/');
        String kind = slash < 0 ? plain : plain.substring(0, slash);
        if (kind.endsWith(".s")) {
            kind = kind.substring(0, kind.length() - 2); // may sleep
        }
        return kind;
    }

    private static boolean isOrIn(String name, String folder) {
        return name.equals(folder) || name.startsWith(folder + "/");
    }

    /** The same program taken for XDP because the user says so; unchanged where the name already says something. */
    public SectionName orXdp() {
        return type == ProgramType.UNSPECIFIED ? XDP : this;
    }
}
