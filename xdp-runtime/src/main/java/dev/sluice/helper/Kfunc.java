package dev.sluice.helper;

import static dev.sluice.helper.ArgKind.ADDRESS_PTR;
import static dev.sluice.helper.ArgKind.CONNTRACK;
import static dev.sluice.helper.ArgKind.CONNTRACK_INIT;
import static dev.sluice.helper.ArgKind.CONST_SIZE_OR_ZERO;
import static dev.sluice.helper.ArgKind.CONST_SLICE_SIZE;
import static dev.sluice.helper.ArgKind.CTX;
import static dev.sluice.helper.ArgKind.DYNPTR;
import static dev.sluice.helper.ArgKind.DYNPTR_NEW_CLONE;
import static dev.sluice.helper.ArgKind.DYNPTR_NEW_XDP;
import static dev.sluice.helper.ArgKind.IGNORED;
import static dev.sluice.helper.ArgKind.ITER;
import static dev.sluice.helper.ArgKind.ITER_DESTROY;
import static dev.sluice.helper.ArgKind.ITER_NEW;
import static dev.sluice.helper.ArgKind.MEM_READ_WRITE;
import static dev.sluice.helper.ArgKind.SCALAR;
import static dev.sluice.helper.ArgKind.SLICE_BUFFER;
import static dev.sluice.helper.ArgKind.U16_PTR;
import static dev.sluice.helper.ArgKind.U32_PTR;
import static dev.sluice.helper.ArgKind.U64_PTR;
import static dev.sluice.helper.Implementation.in;
import static dev.sluice.helper.Implementation.missing;
import static dev.sluice.helper.ReturnKind.CONNTRACK_INIT_OR_NULL;
import static dev.sluice.helper.ReturnKind.CONNTRACK_OR_NULL;
import static dev.sluice.helper.ReturnKind.INTEGER;
import static dev.sluice.helper.ReturnKind.ITER_INT_OR_NULL;
import static dev.sluice.helper.ReturnKind.SLICE_OR_NULL;
import static dev.sluice.helper.ReturnKind.SLICE_RDWR_OR_NULL;
import static dev.sluice.helper.ReturnKind.VOID;

import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Every kernel function that Linux 6.18 lets XDP programs call by name, one row each: result, flags, implementation,
 * arguments. Rows without an implementation say why they have none. All are for GPL-compatible programs only.
 *
 * <p>A program names one by the id of its type in the kernel's BTF, which is another in each build of a kernel; here an
 * instruction has the row's {@link #number}.
 */
public enum Kfunc implements Callee {
    DYNPTR_FROM_XDP(INTEGER, Set.of(), in(Dynptrs.class, Dynptrs::dynptrFromXdp), CTX, SCALAR, DYNPTR_NEW_XDP),
    DYNPTR_SLICE(
            SLICE_OR_NULL,
            Set.of(Flag.RET_NULL),
            in(Dynptrs.class, Dynptrs::dynptrSlice),
            DYNPTR,
            SCALAR,
            SLICE_BUFFER,
            CONST_SLICE_SIZE),
    DYNPTR_SLICE_RDWR(
            SLICE_RDWR_OR_NULL,
            Set.of(Flag.RET_NULL),
            in(Dynptrs.class, Dynptrs::dynptrSliceRdwr),
            DYNPTR,
            SCALAR,
            SLICE_BUFFER,
            CONST_SLICE_SIZE),
    DYNPTR_ADJUST(INTEGER, Set.of(), in(Dynptrs.class, Dynptrs::dynptrAdjust), DYNPTR, SCALAR, SCALAR),
    DYNPTR_IS_NULL(INTEGER, Set.of(), in(Dynptrs.class, Dynptrs::dynptrIsNull), DYNPTR),
    DYNPTR_IS_RDONLY(INTEGER, Set.of(), in(Dynptrs.class, Dynptrs::dynptrIsRdonly), DYNPTR),
    DYNPTR_SIZE(INTEGER, Set.of(), in(Dynptrs.class, Dynptrs::dynptrSize), DYNPTR),
    DYNPTR_CLONE(INTEGER, Set.of(), in(Dynptrs.class, Dynptrs::dynptrClone), DYNPTR, DYNPTR_NEW_CLONE),
    DYNPTR_COPY(INTEGER, Set.of(), in(Dynptrs.class, Dynptrs::dynptrCopy), DYNPTR, SCALAR, DYNPTR, SCALAR, SCALAR),
    DYNPTR_MEMSET(INTEGER, Set.of(), in(Dynptrs.class, Dynptrs::dynptrMemset), DYNPTR, SCALAR, SCALAR, SCALAR),
    PROBE_READ_KERNEL_DYNPTR(Reasons.NOT_YET),
    PROBE_READ_KERNEL_STR_DYNPTR(Reasons.NOT_YET),
    PROBE_READ_USER_DYNPTR(Reasons.NOT_YET),
    PROBE_READ_USER_STR_DYNPTR(Reasons.NOT_YET),
    ITER_NUM_NEW(INTEGER, Set.of(), in(Iterators.class, Iterators::iterNumNew), ITER_NEW, SCALAR, SCALAR),
    ITER_NUM_NEXT(
            ITER_INT_OR_NULL, Set.of(Flag.RET_NULL, Flag.ITER_NEXT), in(Iterators.class, Iterators::iterNumNext), ITER),
    ITER_NUM_DESTROY(VOID, Set.of(), in(Iterators.class, Iterators::iterNumDestroy), ITER_DESTROY),
    XDP_METADATA_RX_TIMESTAMP(
            INTEGER, Set.of(Flag.TRUSTED_ARGS), in(Kfuncs.class, Kfuncs::xdpMetadataRxTimestamp), CTX, U64_PTR),
    XDP_METADATA_RX_HASH(
            INTEGER, Set.of(Flag.TRUSTED_ARGS), in(Kfuncs.class, Kfuncs::xdpMetadataRxHash), CTX, U32_PTR, U32_PTR),
    XDP_METADATA_RX_VLAN_TAG(
            INTEGER, Set.of(Flag.TRUSTED_ARGS), in(Kfuncs.class, Kfuncs::xdpMetadataRxVlanTag), CTX, U16_PTR, U16_PTR),
    XDP_PULL_DATA(INTEGER, Set.of(), in(Kfuncs.class, Kfuncs::xdpPullData), CTX, SCALAR),
    XDP_CT_ALLOC(
            CONNTRACK_INIT_OR_NULL,
            Set.of(Flag.ACQUIRE, Flag.RET_NULL),
            in(Conntracks.class, Conntracks::xdpCtAlloc),
            CTX,
            MEM_READ_WRITE,
            CONST_SIZE_OR_ZERO,
            MEM_READ_WRITE,
            CONST_SIZE_OR_ZERO),
    XDP_CT_LOOKUP(
            CONNTRACK_OR_NULL,
            Set.of(Flag.ACQUIRE, Flag.RET_NULL),
            in(Conntracks.class, Conntracks::xdpCtLookup),
            CTX,
            MEM_READ_WRITE,
            CONST_SIZE_OR_ZERO,
            MEM_READ_WRITE,
            CONST_SIZE_OR_ZERO),
    CT_INSERT_ENTRY(
            CONNTRACK_OR_NULL,
            Set.of(Flag.ACQUIRE, Flag.RET_NULL, Flag.RELEASE),
            in(Conntracks.class, Conntracks::ctInsertEntry),
            CONNTRACK_INIT),
    CT_RELEASE(VOID, Set.of(Flag.RELEASE), in(Conntracks.class, Conntracks::ctRelease), CONNTRACK),
    CT_SET_TIMEOUT(
            VOID, Set.of(Flag.TRUSTED_ARGS), in(Conntracks.class, Conntracks::ctSetTimeout), CONNTRACK_INIT, SCALAR),
    CT_CHANGE_TIMEOUT(
            INTEGER, Set.of(Flag.TRUSTED_ARGS), in(Conntracks.class, Conntracks::ctChangeTimeout), CONNTRACK, SCALAR),
    CT_SET_STATUS(
            INTEGER, Set.of(Flag.TRUSTED_ARGS), in(Conntracks.class, Conntracks::ctSetStatus), CONNTRACK_INIT, SCALAR),
    CT_CHANGE_STATUS(
            INTEGER, Set.of(Flag.TRUSTED_ARGS), in(Conntracks.class, Conntracks::ctChangeStatus), CONNTRACK, SCALAR),
    CT_SET_NAT_INFO(
            INTEGER,
            Set.of(Flag.TRUSTED_ARGS),
            in(Conntracks.class, Conntracks::ctSetNatInfo),
            CONNTRACK_INIT,
            ADDRESS_PTR,
            SCALAR,
            SCALAR),
    RCU_READ_LOCK(VOID, Set.of(), in(Kfuncs.class, Kfuncs::rcuReadLock)),
    RCU_READ_UNLOCK(VOID, Set.of(), in(Kfuncs.class, Kfuncs::rcuReadUnlock)),
    PREEMPT_DISABLE(VOID, Set.of(), in(Kfuncs.class, Kfuncs::preemptDisable)),
    PREEMPT_ENABLE(VOID, Set.of(), in(Kfuncs.class, Kfuncs::preemptEnable)),
    STRCMP(INTEGER, Set.of(), in(StringKfuncs.class, StringKfuncs::strcmp), IGNORED, IGNORED),
    STRCASECMP(INTEGER, Set.of(), in(StringKfuncs.class, StringKfuncs::strcasecmp), IGNORED, IGNORED),
    STRCHR(INTEGER, Set.of(), in(StringKfuncs.class, StringKfuncs::strchr), IGNORED, SCALAR),
    STRCHRNUL(INTEGER, Set.of(), in(StringKfuncs.class, StringKfuncs::strchrnul), IGNORED, SCALAR),
    STRNCHR(INTEGER, Set.of(), in(StringKfuncs.class, StringKfuncs::strnchr), IGNORED, SCALAR, SCALAR),
    STRRCHR(INTEGER, Set.of(), in(StringKfuncs.class, StringKfuncs::strrchr), IGNORED, SCALAR),
    STRLEN(INTEGER, Set.of(), in(StringKfuncs.class, StringKfuncs::strlen), IGNORED),
    STRNLEN(INTEGER, Set.of(), in(StringKfuncs.class, StringKfuncs::strnlen), IGNORED, SCALAR),
    STRSPN(INTEGER, Set.of(), in(StringKfuncs.class, StringKfuncs::strspn), IGNORED, IGNORED),
    STRCSPN(INTEGER, Set.of(), in(StringKfuncs.class, StringKfuncs::strcspn), IGNORED, IGNORED),
    STRSTR(INTEGER, Set.of(), in(StringKfuncs.class, StringKfuncs::strstr), IGNORED, IGNORED),
    STRNSTR(INTEGER, Set.of(), in(StringKfuncs.class, StringKfuncs::strnstr), IGNORED, IGNORED, SCALAR),
    ARENA_ALLOC_PAGES(Reasons.SLEEPS),
    ARENA_FREE_PAGES(Reasons.SLEEPS),
    ARENA_RESERVE_PAGES(Reasons.SLEEPS),
    CAST_TO_KERN_CTX(Reasons.NOT_YET),
    CGROUP_ACQUIRE(Reasons.NO_KERNEL),
    CGROUP_ANCESTOR(Reasons.NO_KERNEL),
    CGROUP_FROM_ID(Reasons.NO_KERNEL),
    CGROUP_READ_XATTR(Reasons.NO_KERNEL),
    CGROUP_RELEASE(Reasons.NO_KERNEL),
    COPY_FROM_USER_DYNPTR(Reasons.SLEEPS),
    COPY_FROM_USER_STR(Reasons.SLEEPS),
    COPY_FROM_USER_STR_DYNPTR(Reasons.SLEEPS),
    COPY_FROM_USER_TASK_DYNPTR(Reasons.SLEEPS),
    COPY_FROM_USER_TASK_STR(Reasons.SLEEPS),
    COPY_FROM_USER_TASK_STR_DYNPTR(Reasons.SLEEPS),
    CRYPTO_DECRYPT(Reasons.NO_KERNEL),
    CRYPTO_ENCRYPT(Reasons.NO_KERNEL),
    GET_KMEM_CACHE(Reasons.NO_KERNEL),
    ITER_BITS_DESTROY(VOID, Set.of(), missing(Reasons.NOT_YET), ITER_DESTROY),
    ITER_BITS_NEW(INTEGER, Set.of(), missing(Reasons.NOT_YET), ITER_NEW, IGNORED, SCALAR),
    ITER_BITS_NEXT(ITER_INT_OR_NULL, Set.of(Flag.RET_NULL, Flag.ITER_NEXT), missing(Reasons.NOT_YET), ITER),
    ITER_CSS_DESTROY(Reasons.NO_KERNEL),
    ITER_CSS_NEW(Reasons.NO_KERNEL),
    ITER_CSS_NEXT(Reasons.NO_KERNEL),
    ITER_CSS_TASK_DESTROY(Reasons.NO_KERNEL),
    ITER_CSS_TASK_NEW(Reasons.NO_KERNEL),
    ITER_CSS_TASK_NEXT(Reasons.NO_KERNEL),
    ITER_DMABUF_DESTROY(Reasons.SLEEPS),
    ITER_DMABUF_NEW(Reasons.SLEEPS),
    ITER_DMABUF_NEXT(Reasons.SLEEPS),
    ITER_KMEM_CACHE_DESTROY(Reasons.SLEEPS),
    ITER_KMEM_CACHE_NEW(Reasons.SLEEPS),
    ITER_KMEM_CACHE_NEXT(Reasons.SLEEPS),
    ITER_TASK_DESTROY(Reasons.NO_KERNEL),
    ITER_TASK_NEW(Reasons.NO_KERNEL),
    ITER_TASK_NEXT(Reasons.NO_KERNEL),
    ITER_TASK_VMA_DESTROY(Reasons.NO_KERNEL),
    ITER_TASK_VMA_NEW(Reasons.NO_KERNEL),
    ITER_TASK_VMA_NEXT(Reasons.NO_KERNEL),
    KEY_PUT(Reasons.NO_KERNEL),
    LIST_BACK(Reasons.NOT_YET),
    LIST_FRONT(Reasons.NOT_YET),
    LIST_POP_BACK(Reasons.NOT_YET),
    LIST_POP_FRONT(Reasons.NOT_YET),
    LIST_PUSH_BACK_IMPL(Reasons.NOT_YET),
    LIST_PUSH_FRONT_IMPL(Reasons.NOT_YET),
    LOCAL_IRQ_RESTORE(Reasons.NOT_YET),
    LOCAL_IRQ_SAVE(Reasons.NOT_YET),
    LOOKUP_SYSTEM_KEY(Reasons.NO_KERNEL),
    LOOKUP_USER_KEY(Reasons.SLEEPS),
    MAP_SUM_ELEM_COUNT(Reasons.NOT_YET),
    MODIFY_RETURN_TEST_TP(Reasons.NO_KERNEL),
    OBJ_DROP_IMPL(Reasons.NOT_YET),
    OBJ_NEW_IMPL(Reasons.NOT_YET),
    PERCPU_OBJ_DROP_IMPL(Reasons.NOT_YET),
    PERCPU_OBJ_NEW_IMPL(Reasons.NOT_YET),
    RBTREE_ADD_IMPL(Reasons.NOT_YET),
    RBTREE_FIRST(Reasons.NOT_YET),
    RBTREE_LEFT(Reasons.NOT_YET),
    RBTREE_REMOVE(Reasons.NOT_YET),
    RBTREE_RIGHT(Reasons.NOT_YET),
    RBTREE_ROOT(Reasons.NOT_YET),
    RDONLY_CAST(Reasons.NOT_YET),
    REFCOUNT_ACQUIRE_IMPL(Reasons.NOT_YET),
    RES_SPIN_LOCK(Reasons.NOT_YET),
    RES_SPIN_LOCK_IRQSAVE(Reasons.NOT_YET),
    RES_SPIN_UNLOCK(Reasons.NOT_YET),
    RES_SPIN_UNLOCK_IRQRESTORE(Reasons.NOT_YET),
    SEND_SIGNAL_TASK(Reasons.NO_KERNEL),
    SKB_CT_ALLOC(Reasons.OTHER_PROGRAM),
    SKB_CT_LOOKUP(Reasons.OTHER_PROGRAM),
    STREAM_VPRINTK_IMPL(Reasons.NOT_YET),
    TASK_ACQUIRE(Reasons.NO_KERNEL),
    TASK_FROM_PID(Reasons.NO_KERNEL),
    TASK_FROM_VPID(Reasons.NO_KERNEL),
    TASK_GET_CGROUP1(Reasons.NO_KERNEL),
    TASK_RELEASE(Reasons.NO_KERNEL),
    TASK_UNDER_CGROUP(Reasons.NO_KERNEL),
    TASK_WORK_SCHEDULE_RESUME_IMPL(Reasons.NO_KERNEL),
    TASK_WORK_SCHEDULE_SIGNAL_IMPL(Reasons.NO_KERNEL),
    THROW(VOID, Set.of(), missing(Reasons.NOT_YET), SCALAR),
    WQ_INIT(Reasons.NOT_YET),
    WQ_SET_CALLBACK_IMPL(Reasons.NOT_YET),
    WQ_START(Reasons.NOT_YET),
    XDP_FLOW_LOOKUP(Reasons.NO_KERNEL),
    XDP_GET_XFRM_STATE(Reasons.NO_KERNEL),
    XDP_XFRM_STATE_RELEASE(Reasons.NO_KERNEL);

    /** What the kernel says of a function beside its prototype ({@code KF_ACQUIRE} and so on). */
    public enum Flag {
        /** The result is a reference that has to be given back. */
        ACQUIRE,
        /** Takes the reference of its argument. */
        RELEASE,
        /** The result may be NULL. */
        RET_NULL,
        /** Pointers have to be what the kernel gave, and not NULL. */
        TRUSTED_ARGS,
        /** Goes on to an iterator's next element. */
        ITER_NEXT
    }

    /** Plus the number of its extern: what libbpf puts in a call of a weak function that does not exist. */
    public static final int MISSING = 2_002_000_000;

    private static final Map<String, Kfunc> BY_NAME = new HashMap<>();

    /** Functions of Linux 6.18 that are for programs of other types. */
    private static final List<String> OF_OTHERS = List.of(
            "bbr_cwnd_event",
            "bbr_init",
            "bbr_main",
            "bbr_min_tso_segs",
            "bbr_set_state",
            "bbr_sndbuf_expand",
            "bbr_ssthresh",
            "bbr_undo_cwnd",
            "bpf_cpumask_acquire",
            "bpf_cpumask_and",
            "bpf_cpumask_any_and_distribute",
            "bpf_cpumask_any_distribute",
            "bpf_cpumask_clear",
            "bpf_cpumask_clear_cpu",
            "bpf_cpumask_copy",
            "bpf_cpumask_create",
            "bpf_cpumask_empty",
            "bpf_cpumask_equal",
            "bpf_cpumask_first",
            "bpf_cpumask_first_and",
            "bpf_cpumask_first_zero",
            "bpf_cpumask_full",
            "bpf_cpumask_intersects",
            "bpf_cpumask_or",
            "bpf_cpumask_populate",
            "bpf_cpumask_release",
            "bpf_cpumask_set_cpu",
            "bpf_cpumask_setall",
            "bpf_cpumask_subset",
            "bpf_cpumask_test_and_clear_cpu",
            "bpf_cpumask_test_and_set_cpu",
            "bpf_cpumask_test_cpu",
            "bpf_cpumask_weight",
            "bpf_cpumask_xor",
            "bpf_crypto_ctx_acquire",
            "bpf_crypto_ctx_create",
            "bpf_crypto_ctx_release",
            "bpf_dynptr_from_skb",
            "bpf_dynptr_from_skb_meta",
            "bpf_fentry_test1",
            "bpf_get_dentry_xattr",
            "bpf_get_file_xattr",
            "bpf_get_task_exe_file",
            "bpf_kfunc_call_memb_release",
            "bpf_kfunc_call_test_release",
            "bpf_modify_return_test",
            "bpf_modify_return_test2",
            "bpf_path_d_path",
            "bpf_put_file",
            "bpf_remove_dentry_xattr",
            "bpf_session_cookie",
            "bpf_session_is_return",
            "bpf_set_dentry_xattr",
            "bpf_sk_assign_tcp_reqsk",
            "bpf_sock_addr_set_sun_path",
            "bpf_sock_destroy",
            "bpf_sock_ops_enable_tx_tstamp",
            "css_rstat_flush",
            "css_rstat_updated",
            "cubictcp_acked",
            "cubictcp_cong_avoid",
            "cubictcp_cwnd_event",
            "cubictcp_init",
            "cubictcp_recalc_ssthresh",
            "cubictcp_state",
            "tcp_cong_avoid_ai",
            "tcp_reno_cong_avoid",
            "tcp_reno_ssthresh",
            "tcp_reno_undo_cwnd",
            "tcp_slow_start");

    static {
        for (Kfunc kfunc : values()) {
            BY_NAME.put(kfunc.cname, kfunc);
        }
    }

    private final String cname;
    private final String method;
    private final ReturnKind returns;
    private final Set<Flag> flags;
    private final Implementation implementation;
    private final List<ArgKind> args;

    /** The same for checks on the packet path. */
    private final ArgKind[] kinds;

    private final boolean described;

    Kfunc(ReturnKind returns, Set<Flag> flags, Implementation implementation, ArgKind... args) {
        this.cname = "bpf_" + name().toLowerCase(Locale.ROOT);
        this.returns = returns;
        this.flags = flags;
        this.implementation = implementation;
        this.args = List.of(args);
        this.kinds = args.clone();
        this.method = Implementation.camelCase(name());
        this.described = true;
    }

    Kfunc(String missing) {
        this.cname = "bpf_" + name().toLowerCase(Locale.ROOT);
        this.returns = VOID;
        this.flags = Set.of();
        this.implementation = missing(missing);
        this.args = List.of();
        this.kinds = new ArgKind[0];
        this.method = Implementation.camelCase(name());
        this.described = false;
    }

    /** The function of a name, or null where XDP programs have none of that name. See {@link #isImplemented}. */
    public static @Nullable Kfunc of(String cname) {
        return BY_NAME.get(cname);
    }

    /** The function of an instruction's number, or null. */
    public static @Nullable Kfunc of(int number) {
        return number > 0 && number <= values().length ? values()[number - 1] : null;
    }

    /** The same if it can be called here, or null. */
    public static @Nullable Kfunc callable(int number) {
        Kfunc kfunc = of(number);
        return kfunc != null && kfunc.isImplemented() ? kfunc : null;
    }

    /** Whether Linux 6.18 has a function of that name, for programs of whatever type. */
    public static boolean exists(String cname) {
        return BY_NAME.containsKey(cname) || OF_OTHERS.contains(cname);
    }

    /** Why a program cannot call a function; empty if it can. */
    public static String whyMissing(String cname) {
        Kfunc kfunc = of(cname);
        if (kfunc != null) {
            return kfunc.whyMissing();
        }
        return OF_OTHERS.contains(cname) ? "Linux does not allow it for XDP" : "Linux 6.18 has none of that name";
    }

    /** What to say of a call of a function that is not {@link #callable}. */
    public static String describeMissing(int number) {
        Kfunc kfunc = of(number);
        return kfunc == null
                ? "unknown kernel function: btf_id=" + number
                : "unknown kernel function " + kfunc.cname + ": " + kfunc.whyMissing();
    }

    /** What an instruction that calls a function has as its immediate here, 0 where Linux 6.18 has none of that name. */
    public static int numberOf(String cname) {
        Kfunc kfunc = of(cname);
        if (kfunc != null) {
            return kfunc.number();
        }
        int other = OF_OTHERS.indexOf(cname);
        return other < 0 ? 0 : values().length + 1 + other;
    }

    /** The name behind such a number, or null. */
    public static @Nullable String nameOf(int number) {
        Kfunc kfunc = of(number);
        int other = number - values().length - 1;
        return kfunc != null ? kfunc.cname : other >= 0 && other < OF_OTHERS.size() ? OF_OTHERS.get(other) : null;
    }

    /** What an instruction that calls it has as its immediate here; 1 or more. */
    public int number() {
        return ordinal() + 1;
    }

    @Override
    public String cname() {
        return cname;
    }

    /** Whether result and arguments are known, so that calls can be verified, even of what is not implemented. */
    public boolean isDescribed() {
        return described;
    }

    @Override
    public boolean isImplemented() {
        return implementation.owner() != null;
    }

    @Override
    public String whyMissing() {
        return implementation.missing();
    }

    @Override
    public Class<?> owner() {
        Class<?> owner = implementation.owner();
        if (owner == null) {
            throw new AssertionError(cname + " is not implemented");
        }
        return owner;
    }

    @Override
    public String method() {
        return method;
    }

    @Override
    public ReturnKind returns() {
        return returns;
    }

    /** Whether the kernel says so of it. */
    public boolean has(Flag flag) {
        return flags.contains(flag);
    }

    @Override
    public int argCount() {
        return kinds.length;
    }

    @Override
    public ArgKind arg(int index) {
        return kinds[index];
    }

    @Override
    public List<ArgKind> args() {
        return args;
    }

    @Override
    public boolean movesPacket() {
        return this == XDP_PULL_DATA;
    }

    @Override
    public boolean callsBack() {
        return false;
    }

    @Override
    public long call(RunContext context, long r1, long r2, long r3, long r4, long r5) {
        return implementation.function().call(context, r1, r2, r3, r4, r5);
    }

    /** Reasons; a class of their own because rows are made before the enum's constants. */
    private static final class Reasons {
        static final String NOT_YET = "sluice does not have it yet";
        static final String NO_KERNEL = "what it is about does not exist outside of the kernel";
        static final String SLEEPS = "it may sleep, which XDP programs may not";
        static final String OTHER_PROGRAM = "it takes the context of another program type";
    }
}
