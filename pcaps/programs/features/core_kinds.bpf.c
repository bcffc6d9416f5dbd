/*
 * CO-RE relocations at their edges: enumerators of 64 bits, types that match
 * and types that nearly do, bit fields read by shifts, fields that moved or
 * changed their size, elements of arrays, flavours, anonymous members.
 */
#include "../packet.h"
#include <bpf/bpf_core_read.h>

enum perf_callchain_context___64 {
	PERF_CONTEXT_HV___64 = 1ULL << 40,
	PERF_CONTEXT_SLUICE___64 = 1ULL << 41,
};

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)
/* the same members, in another order and with others between them */
struct tcphdr___moved {
	__be16 window;
	__u16 fin : 1, doff : 4;
	__be32 seq;
	__u16 urg : 1;
	__be16 source;
};

struct iphdr___anonymous {
	__u8 ihl : 4;
	__be32 saddr, daddr;
};

struct in6_addr___array {
	union {
		__be32 u6_addr32[4];
		__u8 u6_addr8[16];
	} in6_u;
};

struct xdp_mem_info {
	__u32 type;
	__u32 id;
};

/* another type than the kernel's member has */
struct xdp_mem_info___wrong {
	__u32 type;
	struct {
		int x;
	} id;
};

/* a part of it matches, too */
struct xdp_mem_info___part {
	__u32 id;
};

struct xdp_rxq_info___wide {
	__u64 queue_index;
	__u16 reg_state;
};

union sluice_union___absent {
	int x;
};
#pragma clang attribute pop

struct kinds {
	__u64 hv;
	__u32 hv_exists, sluice_exists;
	__u32 doff_left, doff_right, doff_size, doff_offset, fin_left, urg_signed;
	__u32 saddr, ihl_right, element, bytes_size;
	__u32 same, part, wrong, absent_union, queue_size, state_size, mem_size;
	__u32 window, seq_exists;
};

struct kinds kinds;

SEC("xdp")
int core_kinds(struct xdp_md *ctx)
{
	kinds.hv_exists = bpf_core_enum_value_exists(enum perf_callchain_context___64, PERF_CONTEXT_HV___64);
	if (kinds.hv_exists)
		kinds.hv = bpf_core_enum_value(enum perf_callchain_context___64, PERF_CONTEXT_HV___64);
	kinds.sluice_exists =
		bpf_core_enum_value_exists(enum perf_callchain_context___64, PERF_CONTEXT_SLUICE___64);
	kinds.doff_left = __builtin_preserve_field_info(((struct tcphdr___moved *)0)->doff, BPF_FIELD_LSHIFT_U64);
	kinds.doff_right = __builtin_preserve_field_info(((struct tcphdr___moved *)0)->doff, BPF_FIELD_RSHIFT_U64);
	kinds.doff_size = bpf_core_field_size(struct tcphdr___moved, doff);
	kinds.doff_offset = bpf_core_field_offset(struct tcphdr___moved, doff);
	kinds.fin_left = __builtin_preserve_field_info(((struct tcphdr___moved *)0)->fin, BPF_FIELD_LSHIFT_U64);
	kinds.urg_signed = __builtin_preserve_field_info(((struct tcphdr___moved *)0)->urg, BPF_FIELD_SIGNED);
	kinds.window = bpf_core_field_offset(struct tcphdr___moved, window);
	kinds.seq_exists = bpf_core_field_exists(struct tcphdr___moved, seq);
	kinds.saddr = bpf_core_field_offset(struct iphdr___anonymous, saddr);
	kinds.ihl_right = __builtin_preserve_field_info(((struct iphdr___anonymous *)0)->ihl, BPF_FIELD_RSHIFT_U64);
	kinds.element = bpf_core_field_offset(struct in6_addr___array, in6_u.u6_addr32[3]);
	kinds.bytes_size = bpf_core_field_size(struct in6_addr___array, in6_u.u6_addr8);
	kinds.same = bpf_core_type_matches(struct xdp_mem_info);
	kinds.part = bpf_core_type_matches(struct xdp_mem_info___part);
	kinds.wrong = bpf_core_type_matches(struct xdp_mem_info___wrong);
	kinds.absent_union = bpf_core_type_exists(union sluice_union___absent);
	kinds.queue_size = bpf_core_field_size(struct xdp_rxq_info___wide, queue_index);
	kinds.state_size = bpf_core_field_size(struct xdp_rxq_info___wide, reg_state);
	kinds.mem_size = bpf_core_type_size(struct xdp_mem_info);
	return XDP_PASS;
}

char LICENSE[] SEC("license") = "GPL";
