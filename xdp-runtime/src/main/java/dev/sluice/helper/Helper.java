package dev.sluice.helper;

import static dev.sluice.helper.ArgKind.ANYTHING;
import static dev.sluice.helper.ArgKind.CGROUP;
import static dev.sluice.helper.ArgKind.CONST_ALLOC_SIZE_OR_ZERO;
import static dev.sluice.helper.ArgKind.CONST_MAP_PTR;
import static dev.sluice.helper.ArgKind.CONST_SIZE;
import static dev.sluice.helper.ArgKind.CONST_SIZE_OR_ZERO;
import static dev.sluice.helper.ArgKind.CONST_STR;
import static dev.sluice.helper.ArgKind.CTX;
import static dev.sluice.helper.ArgKind.DYNPTR;
import static dev.sluice.helper.ArgKind.DYNPTR_NEW_LOCAL;
import static dev.sluice.helper.ArgKind.DYNPTR_NEW_RINGBUF;
import static dev.sluice.helper.ArgKind.DYNPTR_RELEASE_RINGBUF;
import static dev.sluice.helper.ArgKind.FUNC;
import static dev.sluice.helper.ArgKind.INT_PTR;
import static dev.sluice.helper.ArgKind.IPHDR;
import static dev.sluice.helper.ArgKind.IPV6HDR;
import static dev.sluice.helper.ArgKind.KERNEL_OBJECT_OR_NULL;
import static dev.sluice.helper.ArgKind.KPTR;
import static dev.sluice.helper.ArgKind.LONG_PTR;
import static dev.sluice.helper.ArgKind.MAP_KEY;
import static dev.sluice.helper.ArgKind.MAP_VALUE;
import static dev.sluice.helper.ArgKind.MAP_VALUE_OUT;
import static dev.sluice.helper.ArgKind.MEM_READ;
import static dev.sluice.helper.ArgKind.MEM_READ_OR_NULL;
import static dev.sluice.helper.ArgKind.MEM_READ_WRITE;
import static dev.sluice.helper.ArgKind.MEM_WRITE;
import static dev.sluice.helper.ArgKind.MEM_WRITE_OR_NULL;
import static dev.sluice.helper.ArgKind.RINGBUF_MEM;
import static dev.sluice.helper.ArgKind.SOCK_COMMON;
import static dev.sluice.helper.ArgKind.SOCK_COMMON_RELEASE;
import static dev.sluice.helper.ArgKind.STACK_OR_NULL;
import static dev.sluice.helper.ArgKind.TASK;
import static dev.sluice.helper.ArgKind.TCPHDR;
import static dev.sluice.helper.ArgKind.TIMER;
import static dev.sluice.helper.Implementation.in;
import static dev.sluice.helper.Implementation.missing;
import static dev.sluice.helper.License.FREE;
import static dev.sluice.helper.License.GPL;
import static dev.sluice.helper.ReturnKind.BTF_POINTER;
import static dev.sluice.helper.ReturnKind.BTF_POINTER_OR_NULL;
import static dev.sluice.helper.ReturnKind.DYNPTR_MEM_OR_NULL;
import static dev.sluice.helper.ReturnKind.INTEGER;
import static dev.sluice.helper.ReturnKind.PERCPU_KSYM_OR_NULL;
import static dev.sluice.helper.ReturnKind.RINGBUF_MEM_OR_NULL;
import static dev.sluice.helper.ReturnKind.SOCKET_OR_NULL;
import static dev.sluice.helper.ReturnKind.SOCK_COMMON_OR_NULL;
import static dev.sluice.helper.ReturnKind.VOID;

import dev.sluice.map.MapType;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * Every helper that Linux 6.18 lets XDP programs call, one row each, by number ({@code enum bpf_func_id}, linux/bpf.h):
 * result, license rule, implementation, arguments. Rows without an implementation say why they have none.
 */
public enum Helper implements Callee {
    MAP_LOOKUP_ELEM(
            1, ReturnKind.MAP_VALUE_OR_NULL, FREE, in(Helpers.class, Helpers::mapLookupElem), CONST_MAP_PTR, MAP_KEY),
    MAP_UPDATE_ELEM(
            2, INTEGER, FREE, in(Helpers.class, Helpers::mapUpdateElem), CONST_MAP_PTR, MAP_KEY, MAP_VALUE, ANYTHING),
    MAP_DELETE_ELEM(3, INTEGER, FREE, in(Helpers.class, Helpers::mapDeleteElem), CONST_MAP_PTR, MAP_KEY),
    KTIME_GET_NS(5, INTEGER, FREE, in(Helpers.class, Helpers::ktimeGetNs)),
    TRACE_PRINTK(6, INTEGER, GPL, in(Helpers.class, Helpers::tracePrintk), MEM_READ, CONST_SIZE),
    GET_PRANDOM_U32(7, INTEGER, FREE, in(Helpers.class, Helpers::getPrandomU32)),
    GET_SMP_PROCESSOR_ID(8, INTEGER, FREE, in(Helpers.class, Helpers::getSmpProcessorId)),
    TAIL_CALL(12, VOID, FREE, in(Helpers.class, Helpers::tailCall), CTX, CONST_MAP_PTR, ANYTHING),
    GET_CURRENT_PID_TGID(14, INTEGER, FREE, in(TaskHelpers.class, TaskHelpers::getCurrentPidTgid)),
    GET_CURRENT_UID_GID(15, INTEGER, FREE, in(TaskHelpers.class, TaskHelpers::getCurrentUidGid)),
    GET_CURRENT_COMM(16, INTEGER, FREE, in(TaskHelpers.class, TaskHelpers::getCurrentComm), MEM_WRITE, CONST_SIZE),
    GET_CGROUP_CLASSID(17, INTEGER, FREE, in(TaskHelpers.class, TaskHelpers::getCgroupClassid)),
    PERF_EVENT_READ(22, INTEGER, GPL, in(TaskHelpers.class, TaskHelpers::perfEventRead), CONST_MAP_PTR, ANYTHING),
    REDIRECT(23, INTEGER, FREE, in(Helpers.class, Helpers::redirect), ANYTHING, ANYTHING),
    PERF_EVENT_OUTPUT(
            25,
            INTEGER,
            GPL,
            in(MapHelpers.class, MapHelpers::perfEventOutput),
            CTX,
            CONST_MAP_PTR,
            ANYTHING,
            MEM_READ,
            CONST_SIZE_OR_ZERO),
    CSUM_DIFF(
            28,
            INTEGER,
            FREE,
            in(Helpers.class, Helpers::csumDiff),
            MEM_READ_OR_NULL,
            CONST_SIZE_OR_ZERO,
            MEM_READ_OR_NULL,
            CONST_SIZE_OR_ZERO,
            ANYTHING),
    GET_CURRENT_TASK(35, INTEGER, GPL, missing(Reasons.NO_TASK)),
    CURRENT_TASK_UNDER_CGROUP(
            37, INTEGER, FREE, in(TaskHelpers.class, TaskHelpers::currentTaskUnderCgroup), CONST_MAP_PTR, ANYTHING),
    GET_NUMA_NODE_ID(42, INTEGER, FREE, in(Helpers.class, Helpers::getNumaNodeId)),
    XDP_ADJUST_HEAD(44, INTEGER, FREE, in(PacketHelpers.class, PacketHelpers::xdpAdjustHead), CTX, ANYTHING),
    REDIRECT_MAP(51, INTEGER, FREE, in(Helpers.class, Helpers::redirectMap), CONST_MAP_PTR, ANYTHING, ANYTHING),
    XDP_ADJUST_META(54, INTEGER, FREE, in(PacketHelpers.class, PacketHelpers::xdpAdjustMeta), CTX, ANYTHING),
    PERF_EVENT_READ_VALUE(
            55,
            INTEGER,
            GPL,
            in(TaskHelpers.class, TaskHelpers::perfEventReadValue),
            CONST_MAP_PTR,
            ANYTHING,
            MEM_WRITE,
            CONST_SIZE),
    XDP_ADJUST_TAIL(65, INTEGER, FREE, in(PacketHelpers.class, PacketHelpers::xdpAdjustTail), CTX, ANYTHING),
    FIB_LOOKUP(
            69,
            INTEGER,
            GPL,
            in(RouteHelpers.class, RouteHelpers::fibLookup),
            CTX,
            MEM_READ_WRITE,
            CONST_SIZE,
            ANYTHING),
    GET_CURRENT_CGROUP_ID(80, INTEGER, FREE, in(TaskHelpers.class, TaskHelpers::getCurrentCgroupId)),
    SK_LOOKUP_TCP(
            84,
            SOCKET_OR_NULL,
            FREE,
            in(SocketHelpers.class, SocketHelpers::skLookupTcp),
            CTX,
            MEM_READ,
            CONST_SIZE,
            ANYTHING,
            ANYTHING),
    SK_LOOKUP_UDP(
            85,
            SOCKET_OR_NULL,
            FREE,
            in(SocketHelpers.class, SocketHelpers::skLookupUdp),
            CTX,
            MEM_READ,
            CONST_SIZE,
            ANYTHING,
            ANYTHING),
    SK_RELEASE(86, INTEGER, FREE, in(SocketHelpers.class, SocketHelpers::skRelease), SOCK_COMMON_RELEASE),
    MAP_PUSH_ELEM(87, INTEGER, FREE, in(MapHelpers.class, MapHelpers::mapPushElem), CONST_MAP_PTR, MAP_VALUE, ANYTHING),
    MAP_POP_ELEM(88, INTEGER, FREE, in(MapHelpers.class, MapHelpers::mapPopElem), CONST_MAP_PTR, MAP_VALUE_OUT),
    MAP_PEEK_ELEM(89, INTEGER, FREE, in(MapHelpers.class, MapHelpers::mapPeekElem), CONST_MAP_PTR, MAP_VALUE_OUT),
    SPIN_LOCK(93, VOID, FREE, in(MapHelpers.class, MapHelpers::spinLock), ArgKind.SPIN_LOCK),
    SPIN_UNLOCK(94, VOID, FREE, in(MapHelpers.class, MapHelpers::spinUnlock), ArgKind.SPIN_LOCK),
    SKC_LOOKUP_TCP(
            99,
            SOCK_COMMON_OR_NULL,
            FREE,
            in(SocketHelpers.class, SocketHelpers::skcLookupTcp),
            CTX,
            MEM_READ,
            CONST_SIZE,
            ANYTHING,
            ANYTHING),
    TCP_CHECK_SYNCOOKIE(
            100,
            INTEGER,
            GPL,
            in(SocketHelpers.class, SocketHelpers::tcpCheckSyncookie),
            SOCK_COMMON,
            MEM_READ,
            CONST_SIZE,
            MEM_READ,
            CONST_SIZE),
    STRTOL(
            105,
            INTEGER,
            FREE,
            in(MemoryHelpers.class, MemoryHelpers::strtol),
            MEM_READ,
            CONST_SIZE,
            ANYTHING,
            LONG_PTR),
    STRTOUL(
            106,
            INTEGER,
            FREE,
            in(MemoryHelpers.class, MemoryHelpers::strtoul),
            MEM_READ,
            CONST_SIZE,
            ANYTHING,
            LONG_PTR),
    SEND_SIGNAL(109, INTEGER, FREE, in(TaskHelpers.class, TaskHelpers::sendSignal), ANYTHING),
    TCP_GEN_SYNCOOKIE(
            110,
            INTEGER,
            GPL,
            in(SocketHelpers.class, SocketHelpers::tcpGenSyncookie),
            SOCK_COMMON,
            MEM_READ,
            CONST_SIZE,
            MEM_READ,
            CONST_SIZE),
    PROBE_READ_USER(
            112,
            INTEGER,
            GPL,
            in(MemoryHelpers.class, MemoryHelpers::probeReadUser),
            MEM_WRITE,
            CONST_SIZE_OR_ZERO,
            ANYTHING),
    PROBE_READ_KERNEL(
            113,
            INTEGER,
            GPL,
            in(MemoryHelpers.class, MemoryHelpers::probeReadKernel),
            MEM_WRITE,
            CONST_SIZE_OR_ZERO,
            ANYTHING),
    PROBE_READ_USER_STR(
            114,
            INTEGER,
            GPL,
            in(MemoryHelpers.class, MemoryHelpers::probeReadUserStr),
            MEM_WRITE,
            CONST_SIZE_OR_ZERO,
            ANYTHING),
    PROBE_READ_KERNEL_STR(
            115,
            INTEGER,
            GPL,
            in(MemoryHelpers.class, MemoryHelpers::probeReadKernelStr),
            MEM_WRITE,
            CONST_SIZE_OR_ZERO,
            ANYTHING),
    SEND_SIGNAL_THREAD(117, INTEGER, FREE, in(TaskHelpers.class, TaskHelpers::sendSignalThread), ANYTHING),
    JIFFIES64(118, INTEGER, FREE, in(Helpers.class, Helpers::jiffies64)),
    GET_NS_CURRENT_PID_TGID(
            120,
            INTEGER,
            FREE,
            in(TaskHelpers.class, TaskHelpers::getNsCurrentPidTgid),
            ANYTHING,
            ANYTHING,
            MEM_WRITE,
            CONST_SIZE),
    GET_CURRENT_ANCESTOR_CGROUP_ID(
            123, INTEGER, FREE, in(TaskHelpers.class, TaskHelpers::getCurrentAncestorCgroupId), ANYTHING),
    KTIME_GET_BOOT_NS(125, INTEGER, FREE, in(Helpers.class, Helpers::ktimeGetBootNs)),
    RINGBUF_OUTPUT(
            130,
            INTEGER,
            FREE,
            in(MapHelpers.class, MapHelpers::ringbufOutput),
            CONST_MAP_PTR,
            MEM_READ,
            CONST_SIZE_OR_ZERO,
            ANYTHING),
    RINGBUF_RESERVE(
            131,
            RINGBUF_MEM_OR_NULL,
            FREE,
            in(MapHelpers.class, MapHelpers::ringbufReserve),
            CONST_MAP_PTR,
            CONST_ALLOC_SIZE_OR_ZERO,
            ANYTHING),
    RINGBUF_SUBMIT(132, VOID, FREE, in(MapHelpers.class, MapHelpers::ringbufSubmit), RINGBUF_MEM, ANYTHING),
    RINGBUF_DISCARD(133, VOID, FREE, in(MapHelpers.class, MapHelpers::ringbufDiscard), RINGBUF_MEM, ANYTHING),
    RINGBUF_QUERY(134, INTEGER, FREE, in(MapHelpers.class, MapHelpers::ringbufQuery), CONST_MAP_PTR, ANYTHING),
    SKC_TO_TCP6_SOCK(136, BTF_POINTER_OR_NULL, FREE, missing(Reasons.NO_STRUCTURES), SOCK_COMMON),
    SKC_TO_TCP_SOCK(137, BTF_POINTER_OR_NULL, FREE, missing(Reasons.NO_STRUCTURES), SOCK_COMMON),
    SKC_TO_TCP_TIMEWAIT_SOCK(138, BTF_POINTER_OR_NULL, FREE, missing(Reasons.NO_STRUCTURES), SOCK_COMMON),
    SKC_TO_TCP_REQUEST_SOCK(139, BTF_POINTER_OR_NULL, FREE, missing(Reasons.NO_STRUCTURES), SOCK_COMMON),
    SKC_TO_UDP6_SOCK(140, BTF_POINTER_OR_NULL, FREE, missing(Reasons.NO_STRUCTURES), SOCK_COMMON),
    GET_TASK_STACK(141, INTEGER, FREE, missing(Reasons.NO_TASK), TASK, MEM_WRITE, CONST_SIZE_OR_ZERO, ANYTHING),
    COPY_FROM_USER(148, INTEGER, FREE, missing(Reasons.SLEEPS), MEM_WRITE, CONST_SIZE_OR_ZERO, ANYTHING),
    SNPRINTF_BTF(
            149, INTEGER, FREE, missing(Reasons.NO_STRUCTURES), MEM_WRITE, CONST_SIZE, MEM_READ, CONST_SIZE, ANYTHING),
    PER_CPU_PTR(153, PERCPU_KSYM_OR_NULL, FREE, missing(Reasons.NO_STRUCTURES), ArgKind.PERCPU_KSYM, ANYTHING),
    THIS_CPU_PTR(154, ReturnKind.PERCPU_KSYM, FREE, missing(Reasons.NO_STRUCTURES), ArgKind.PERCPU_KSYM),
    TASK_STORAGE_GET(
            156,
            ReturnKind.MAP_VALUE_OR_NULL,
            FREE,
            missing(Reasons.NO_TASK),
            CONST_MAP_PTR,
            TASK,
            ArgKind.MAP_VALUE_OR_NULL,
            ANYTHING),
    TASK_STORAGE_DELETE(157, INTEGER, FREE, missing(Reasons.NO_TASK), CONST_MAP_PTR, TASK),
    GET_CURRENT_TASK_BTF(158, BTF_POINTER, GPL, missing(Reasons.NO_TASK)),
    KTIME_GET_COARSE_NS(160, INTEGER, FREE, in(Helpers.class, Helpers::ktimeGetCoarseNs)),
    CHECK_MTU(
            163,
            INTEGER,
            GPL,
            in(RouteHelpers.class, RouteHelpers::checkMtu),
            CTX,
            ANYTHING,
            INT_PTR,
            ANYTHING,
            ANYTHING),
    FOR_EACH_MAP_ELEM(
            164,
            INTEGER,
            FREE,
            in(CallbackHelpers.class, CallbackHelpers::forEachMapElem),
            CONST_MAP_PTR,
            FUNC,
            STACK_OR_NULL,
            ANYTHING),
    SNPRINTF(
            165,
            INTEGER,
            GPL,
            in(MemoryHelpers.class, MemoryHelpers::snprintf),
            MEM_WRITE_OR_NULL,
            CONST_SIZE_OR_ZERO,
            CONST_STR,
            MEM_READ_OR_NULL,
            CONST_SIZE_OR_ZERO),
    TIMER_INIT(169, INTEGER, GPL, in(TimerHelpers.class, TimerHelpers::timerInit), TIMER, CONST_MAP_PTR, ANYTHING),
    TIMER_SET_CALLBACK(170, INTEGER, GPL, in(TimerHelpers.class, TimerHelpers::timerSetCallback), TIMER, FUNC),
    TIMER_START(171, INTEGER, GPL, in(TimerHelpers.class, TimerHelpers::timerStart), TIMER, ANYTHING, ANYTHING),
    TIMER_CANCEL(172, INTEGER, GPL, in(TimerHelpers.class, TimerHelpers::timerCancel), TIMER),
    TASK_PT_REGS(175, BTF_POINTER, GPL, missing(Reasons.NO_TASK), TASK),
    GET_BRANCH_SNAPSHOT(
            176, INTEGER, GPL, in(TaskHelpers.class, TaskHelpers::getBranchSnapshot), MEM_WRITE, CONST_SIZE_OR_ZERO),
    TRACE_VPRINTK(
            177,
            INTEGER,
            GPL,
            in(Helpers.class, Helpers::traceVprintk),
            MEM_READ,
            CONST_SIZE,
            MEM_READ_OR_NULL,
            CONST_SIZE_OR_ZERO),
    SKC_TO_UNIX_SOCK(178, BTF_POINTER_OR_NULL, FREE, missing(Reasons.NO_STRUCTURES), SOCK_COMMON),
    FIND_VMA(180, INTEGER, FREE, missing(Reasons.NO_TASK), TASK, ANYTHING, FUNC, STACK_OR_NULL, ANYTHING),
    LOOP(181, INTEGER, FREE, in(CallbackHelpers.class, CallbackHelpers::loop), ANYTHING, FUNC, STACK_OR_NULL, ANYTHING),
    STRNCMP(182, INTEGER, FREE, in(Helpers.class, Helpers::strncmp), MEM_READ, CONST_SIZE, CONST_STR),
    XDP_GET_BUFF_LEN(188, INTEGER, FREE, in(PacketHelpers.class, PacketHelpers::xdpGetBuffLen), CTX),
    XDP_LOAD_BYTES(
            189,
            INTEGER,
            FREE,
            in(PacketHelpers.class, PacketHelpers::xdpLoadBytes),
            CTX,
            ANYTHING,
            MEM_WRITE,
            CONST_SIZE),
    XDP_STORE_BYTES(
            190,
            INTEGER,
            FREE,
            in(PacketHelpers.class, PacketHelpers::xdpStoreBytes),
            CTX,
            ANYTHING,
            MEM_READ,
            CONST_SIZE),
    COPY_FROM_USER_TASK(
            191, INTEGER, GPL, missing(Reasons.SLEEPS), MEM_WRITE, CONST_SIZE_OR_ZERO, ANYTHING, TASK, ANYTHING),
    KPTR_XCHG(194, BTF_POINTER_OR_NULL, FREE, missing(Reasons.NO_STRUCTURES), KPTR, KERNEL_OBJECT_OR_NULL),
    MAP_LOOKUP_PERCPU_ELEM(
            195,
            ReturnKind.MAP_VALUE_OR_NULL,
            FREE,
            in(Helpers.class, Helpers::mapLookupPercpuElem),
            CONST_MAP_PTR,
            MAP_KEY,
            ANYTHING),
    SKC_TO_MPTCP_SOCK(196, BTF_POINTER_OR_NULL, FREE, missing(Reasons.NO_STRUCTURES), SOCK_COMMON),
    DYNPTR_FROM_MEM(
            197,
            INTEGER,
            FREE,
            in(Dynptrs.class, Dynptrs::dynptrFromMem),
            MEM_READ_WRITE,
            CONST_SIZE_OR_ZERO,
            ANYTHING,
            DYNPTR_NEW_LOCAL),
    RINGBUF_RESERVE_DYNPTR(
            198,
            INTEGER,
            FREE,
            in(Dynptrs.class, Dynptrs::ringbufReserveDynptr),
            CONST_MAP_PTR,
            ANYTHING,
            ANYTHING,
            DYNPTR_NEW_RINGBUF),
    RINGBUF_SUBMIT_DYNPTR(
            199, VOID, FREE, in(Dynptrs.class, Dynptrs::ringbufSubmitDynptr), DYNPTR_RELEASE_RINGBUF, ANYTHING),
    RINGBUF_DISCARD_DYNPTR(
            200, VOID, FREE, in(Dynptrs.class, Dynptrs::ringbufDiscardDynptr), DYNPTR_RELEASE_RINGBUF, ANYTHING),
    DYNPTR_READ(
            201,
            INTEGER,
            FREE,
            in(Dynptrs.class, Dynptrs::dynptrRead),
            MEM_WRITE,
            CONST_SIZE_OR_ZERO,
            DYNPTR,
            ANYTHING,
            ANYTHING),
    DYNPTR_WRITE(
            202,
            INTEGER,
            FREE,
            in(Dynptrs.class, Dynptrs::dynptrWrite),
            DYNPTR,
            ANYTHING,
            MEM_READ,
            CONST_SIZE_OR_ZERO,
            ANYTHING),
    DYNPTR_DATA(
            203,
            DYNPTR_MEM_OR_NULL,
            FREE,
            in(Dynptrs.class, Dynptrs::dynptrData),
            DYNPTR,
            ANYTHING,
            CONST_ALLOC_SIZE_OR_ZERO),
    TCP_RAW_GEN_SYNCOOKIE_IPV4(
            204,
            INTEGER,
            GPL,
            in(SocketHelpers.class, SocketHelpers::tcpRawGenSyncookieIpv4),
            IPHDR,
            MEM_READ,
            CONST_SIZE),
    TCP_RAW_GEN_SYNCOOKIE_IPV6(
            205,
            INTEGER,
            GPL,
            in(SocketHelpers.class, SocketHelpers::tcpRawGenSyncookieIpv6),
            IPV6HDR,
            MEM_READ,
            CONST_SIZE),
    TCP_RAW_CHECK_SYNCOOKIE_IPV4(
            206, INTEGER, GPL, in(SocketHelpers.class, SocketHelpers::tcpRawCheckSyncookieIpv4), IPHDR, TCPHDR),
    TCP_RAW_CHECK_SYNCOOKIE_IPV6(
            207, INTEGER, GPL, in(SocketHelpers.class, SocketHelpers::tcpRawCheckSyncookieIpv6), IPV6HDR, TCPHDR),
    KTIME_GET_TAI_NS(208, INTEGER, FREE, in(Helpers.class, Helpers::ktimeGetTaiNs)),
    USER_RINGBUF_DRAIN(
            209,
            INTEGER,
            FREE,
            in(CallbackHelpers.class, CallbackHelpers::userRingbufDrain),
            CONST_MAP_PTR,
            FUNC,
            STACK_OR_NULL,
            ANYTHING),
    CGRP_STORAGE_GET(
            210,
            ReturnKind.MAP_VALUE_OR_NULL,
            FREE,
            missing(Reasons.NO_TASK),
            CONST_MAP_PTR,
            CGROUP,
            ArgKind.MAP_VALUE_OR_NULL,
            ANYTHING),
    CGRP_STORAGE_DELETE(211, INTEGER, FREE, missing(Reasons.NO_TASK), CONST_MAP_PTR, CGROUP);

    private static final Helper[] BY_NUMBER = new Helper[256];

    static {
        for (Helper helper : values()) {
            BY_NUMBER[helper.number] = helper;
        }
    }

    private final int number;
    private final String method;
    private final ReturnKind returns;
    private final License license;
    private final Implementation implementation;
    private final List<ArgKind> args;

    /** The same for checks on the packet path. */
    private final ArgKind[] kinds;

    Helper(int number, ReturnKind returns, License license, Implementation implementation, ArgKind... args) {
        this.number = number;
        this.returns = returns;
        this.license = license;
        this.implementation = implementation;
        this.args = List.of(args);
        this.kinds = args.clone();
        this.method = Implementation.camelCase(name());
    }

    /** The helper of a number, or null where Linux has none for XDP. See {@link #isImplemented}. */
    public static @Nullable Helper of(int number) {
        return number > 0 && number < BY_NUMBER.length ? BY_NUMBER[number] : null;
    }

    /** The helper of a number if there is one that can be called here, or null. */
    public static @Nullable Helper callable(int number) {
        Helper helper = of(number);
        return helper != null && helper.isImplemented() ? helper : null;
    }

    /**
     * What to say of a call of a helper that is not {@link #callable}: {@code unknown func} and a number or a name with the
     * reason.
     */
    public static String describeMissing(int number) {
        Helper helper = of(number);
        return helper == null
                ? "unknown func: no helper of XDP programs, number=" + number
                : "unknown func " + helper.cname() + "#" + number + ": " + helper.whyMissing();
    }

    /** The number in {@code enum bpf_func_id}. */
    public int number() {
        return number;
    }

    @Override
    public String cname() {
        return "bpf_" + name().toLowerCase(Locale.ROOT);
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
            throw new AssertionError(cname() + " is not implemented");
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

    /** Whether the kernel lets only GPL-compatible programs call it. */
    public boolean gplOnly() {
        return license == GPL;
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

    /** Whether maps of a type may be passed to it (the kernel's check_map_func_compatibility). */
    public boolean takes(MapType type) {
        return takenBy(type) && restrictedTo(type);
    }

    /** Whether a map's type has nothing against this helper. */
    private boolean takenBy(MapType type) {
        return switch (type) {
            case UNSPEC,
                    HASH,
                    ARRAY,
                    PERCPU_HASH,
                    PERCPU_ARRAY,
                    LRU_HASH,
                    LRU_PERCPU_HASH,
                    LPM_TRIE,
                    STRUCT_OPS,
                    ARENA,
                    INSN_ARRAY -> true;
            case PROG_ARRAY -> this == TAIL_CALL;
            case PERF_EVENT_ARRAY ->
                this == PERF_EVENT_READ || this == PERF_EVENT_OUTPUT || this == PERF_EVENT_READ_VALUE;
            case RINGBUF ->
                this == RINGBUF_OUTPUT
                        || this == RINGBUF_RESERVE
                        || this == RINGBUF_QUERY
                        || this == RINGBUF_RESERVE_DYNPTR;
            case USER_RINGBUF -> this == USER_RINGBUF_DRAIN;
            case CGROUP_ARRAY -> this == CURRENT_TASK_UNDER_CGROUP;
            case DEVMAP, DEVMAP_HASH, XSKMAP -> this == REDIRECT_MAP || this == MAP_LOOKUP_ELEM;
            case CPUMAP -> this == REDIRECT_MAP;
            case ARRAY_OF_MAPS, HASH_OF_MAPS -> this == MAP_LOOKUP_ELEM;
            case SOCKMAP, SOCKHASH -> this == MAP_LOOKUP_ELEM || this == MAP_UPDATE_ELEM || this == MAP_DELETE_ELEM;
            case QUEUE, STACK -> this == MAP_PUSH_ELEM || this == MAP_POP_ELEM || this == MAP_PEEK_ELEM;
            case BLOOM_FILTER -> this == MAP_PUSH_ELEM || this == MAP_PEEK_ELEM;
            case TASK_STORAGE -> this == TASK_STORAGE_GET || this == TASK_STORAGE_DELETE || this == KPTR_XCHG;
            case CGRP_STORAGE -> this == CGRP_STORAGE_GET || this == CGRP_STORAGE_DELETE || this == KPTR_XCHG;
            case SK_STORAGE, INODE_STORAGE -> this == KPTR_XCHG;
            case STACK_TRACE, CGROUP_STORAGE, PERCPU_CGROUP_STORAGE, REUSEPORT_SOCKARRAY -> false;
        };
    }

    /** Whether this helper has nothing against a map's type. */
    private boolean restrictedTo(MapType type) {
        return switch (this) {
            case TAIL_CALL -> type == MapType.PROG_ARRAY;
            case PERF_EVENT_READ, PERF_EVENT_OUTPUT, PERF_EVENT_READ_VALUE -> type == MapType.PERF_EVENT_ARRAY;
            case RINGBUF_OUTPUT, RINGBUF_RESERVE, RINGBUF_QUERY, RINGBUF_RESERVE_DYNPTR -> type == MapType.RINGBUF;
            case USER_RINGBUF_DRAIN -> type == MapType.USER_RINGBUF;
            case CURRENT_TASK_UNDER_CGROUP -> type == MapType.CGROUP_ARRAY;
            case REDIRECT_MAP ->
                type == MapType.DEVMAP
                        || type == MapType.DEVMAP_HASH
                        || type == MapType.CPUMAP
                        || type == MapType.XSKMAP;
            case MAP_PUSH_ELEM, MAP_PEEK_ELEM ->
                type == MapType.QUEUE || type == MapType.STACK || type == MapType.BLOOM_FILTER;
            case MAP_POP_ELEM -> type == MapType.QUEUE || type == MapType.STACK;
            case MAP_LOOKUP_PERCPU_ELEM ->
                type == MapType.PERCPU_ARRAY || type == MapType.PERCPU_HASH || type == MapType.LRU_PERCPU_HASH;
            case FOR_EACH_MAP_ELEM ->
                type == MapType.ARRAY
                        || type == MapType.PERCPU_ARRAY
                        || type == MapType.HASH
                        || type == MapType.PERCPU_HASH
                        || type == MapType.LRU_HASH
                        || type == MapType.LRU_PERCPU_HASH;
            case TASK_STORAGE_GET, TASK_STORAGE_DELETE -> type == MapType.TASK_STORAGE;
            case CGRP_STORAGE_GET, CGRP_STORAGE_DELETE -> type == MapType.CGRP_STORAGE;
            default -> true;
        };
    }

    /** Whether it changes the map that it takes, which read-only maps forbid. */
    public boolean writesMap() {
        return switch (this) {
            case MAP_UPDATE_ELEM, MAP_DELETE_ELEM, MAP_PUSH_ELEM, MAP_POP_ELEM -> true;
            default -> false;
        };
    }

    @Override
    public boolean movesPacket() {
        return this == XDP_ADJUST_HEAD || this == XDP_ADJUST_META || this == XDP_ADJUST_TAIL;
    }

    @Override
    public boolean callsBack() {
        return args.contains(FUNC) && this != TIMER_SET_CALLBACK;
    }

    /** Whether the kernel lets its memory arguments point into the packet. */
    public boolean takesPacket() {
        return switch (this) {
            case MAP_LOOKUP_ELEM,
                    MAP_UPDATE_ELEM,
                    MAP_DELETE_ELEM,
                    MAP_PUSH_ELEM,
                    MAP_LOOKUP_PERCPU_ELEM,
                    CSUM_DIFF,
                    SK_LOOKUP_TCP,
                    SK_LOOKUP_UDP,
                    SKC_LOOKUP_TCP,
                    TCP_CHECK_SYNCOOKIE,
                    TCP_GEN_SYNCOOKIE,
                    TCP_RAW_GEN_SYNCOOKIE_IPV4,
                    TCP_RAW_GEN_SYNCOOKIE_IPV6,
                    TCP_RAW_CHECK_SYNCOOKIE_IPV4,
                    TCP_RAW_CHECK_SYNCOOKIE_IPV6 -> true;
            default -> false;
        };
    }

    @Override
    public long call(RunContext context, long r1, long r2, long r3, long r4, long r5) {
        return implementation.function().call(context, r1, r2, r3, r4, r5);
    }

    /** Reasons; a class of their own because rows are made before the enum's constants. */
    private static final class Reasons {
        static final String NO_TASK = "no task runs while a packet is received";
        static final String NO_STRUCTURES = "the kernel's own structures do not exist outside of it";
        static final String SLEEPS = "it may sleep, which XDP programs may not";
    }
}
