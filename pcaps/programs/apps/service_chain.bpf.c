/*
 * A chain of services by tail calls: parse, classify, policy, shape, account.
 * What one stage learns goes to the next in the metadata in front of the
 * packet; which stages a class of traffic passes stands in a map, so that the
 * chain can be changed while it runs.
 */
#include "app.h"

enum stage { ST_CLASSIFY, ST_POLICY, ST_SHAPE, ST_ACCOUNT, ST_COUNT };
enum class { CL_OTHER, CL_WEB, CL_DNS, CL_BULK, CL_CONTROL, CL_COUNT };

struct meta {
	__u32 magic;
	__u16 l3;
	__u16 l4;
	__u16 sport;
	__u16 dport;
	__u8 family;
	__u8 proto;
	__u8 class;
	__u8 stage;
};

#define MAGIC 0x5ca1ab1e

int chain_classify(struct xdp_md *ctx);
int chain_policy(struct xdp_md *ctx);
int chain_shape(struct xdp_md *ctx);
int chain_account(struct xdp_md *ctx);

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, ST_COUNT);
	__type(key, __u32);
	__array(values, int(struct xdp_md *));
} stages SEC(".maps") = {
	.values = {
		[ST_CLASSIFY] = &chain_classify,
		[ST_POLICY] = &chain_policy,
		[ST_SHAPE] = &chain_shape,
		[ST_ACCOUNT] = &chain_account,
	},
};

/* The stage after a stage, by class: ST_COUNT ends. */
struct plan {
	__u8 next[ST_COUNT];
	__u8 verdict;
	__u8 pad[3];
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__type(key, __u32);
	__type(value, struct plan);
	__uint(max_entries, CL_COUNT);
} plans SEC(".maps");

struct shaper {
	__u64 credit;
	__u64 last;
	__u64 dropped;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__type(key, __u32);
	__type(value, struct shaper);
	__uint(max_entries, CL_COUNT);
} shapers SEC(".maps");

COUNTERS(by_class, enum class, CL_COUNT);
COUNTERS(by_stage, enum stage, ST_COUNT);
__u64 sequence, lost_meta, dead_ends;
const volatile __u64 rate = 90, burst = 3000;

static __always_inline struct meta *meta_of(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data;
	struct meta *meta = (void *)(long)ctx->data_meta;

	if ((void *)(meta + 1) > data || meta->magic != MAGIC)
		return 0;
	return meta;
}

static __always_inline int go_on(struct xdp_md *ctx, struct meta *meta, __u32 stage)
{
	__u32 class = meta->class, next;
	struct plan *plan = bpf_map_lookup_elem(&plans, &class);

	if (!plan || stage >= ST_COUNT)
		return XDP_ABORTED;
	next = plan->next[stage];
	meta->stage = next;
	if (next >= ST_COUNT)
		return plan->verdict;
	bpf_tail_call(ctx, &stages, next);
	__sync_fetch_and_add(&dead_ends, 1);
	return plan->verdict;
}

SEC("xdp")
int chain_classify(struct xdp_md *ctx)
{
	struct meta *meta = meta_of(ctx);

	if (!meta)
		return XDP_ABORTED;
	count_in(&by_stage, ST_CLASSIFY, 0);
	if (meta->proto == IPPROTO_ICMP || meta->proto == IPPROTO_ICMPV6)
		meta->class = CL_CONTROL;
	else if (meta->sport == 53 || meta->dport == 53)
		meta->class = CL_DNS;
	else if (meta->dport == 80 || meta->dport == 443 || meta->dport == 8080)
		meta->class = CL_WEB;
	else if (ctx->data_end - ctx->data > 300)
		meta->class = CL_BULK;
	else
		meta->class = CL_OTHER;
	return go_on(ctx, meta, ST_CLASSIFY);
}

SEC("xdp")
int chain_policy(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	struct meta *meta = meta_of(ctx);

	if (!meta) {
		__sync_fetch_and_add(&lost_meta, 1);
		return XDP_ABORTED;
	}
	count_in(&by_stage, ST_POLICY, 0);
	if (meta->family == 4 && meta->l3 <= 22) {
		struct ipv4_hdr *ip = data + meta->l3;

		if ((void *)(ip + 1) > end)
			return XDP_DROP;
		if (ip->ttl < 2)
			return XDP_DROP;
		/* mark by class: DSCP, and the checksum with it */
		__u8 tos = meta->class << 5;

		ip->check = csum_replace2(ip->check, bpf_htons(ip->version_ihl << 8 | ip->tos),
					  bpf_htons(ip->version_ihl << 8 | tos));
		ip->tos = tos;
	}
	return go_on(ctx, meta, ST_POLICY);
}

SEC("xdp")
int chain_shape(struct xdp_md *ctx)
{
	struct meta *meta = meta_of(ctx);
	__u64 bytes = ctx->data_end - ctx->data;
	struct shaper *shaper;
	__u32 class;

	if (!meta)
		return XDP_ABORTED;
	count_in(&by_stage, ST_SHAPE, 0);
	class = meta->class;
	shaper = bpf_map_lookup_elem(&shapers, &class);
	if (!shaper)
		return XDP_ABORTED;
	shaper->credit += (sequence - shaper->last) * rate;
	shaper->last = sequence;
	if (shaper->credit > burst)
		shaper->credit = burst;
	if (shaper->credit < bytes) {
		shaper->dropped++;
		return XDP_DROP;
	}
	shaper->credit -= bytes;
	return go_on(ctx, meta, ST_SHAPE);
}

SEC("xdp")
int chain_account(struct xdp_md *ctx)
{
	struct meta *meta = meta_of(ctx);

	if (!meta)
		return XDP_ABORTED;
	count_in(&by_stage, ST_ACCOUNT, 0);
	count_in(&by_class, meta->class, ctx->data_end - ctx->data);
	return go_on(ctx, meta, ST_ACCOUNT);
}

SEC("xdp")
int chain_entry(struct xdp_md *ctx)
{
	void *data, *end;
	struct meta *meta;
	__be16 proto;
	__u16 vlan, l4;
	int off;

	sequence++;
	if (bpf_xdp_adjust_meta(ctx, -(int)sizeof(struct meta)))
		return XDP_ABORTED;
	data = (void *)(long)ctx->data;
	end = (void *)(long)ctx->data_end;
	meta = (void *)(long)ctx->data_meta;
	if ((void *)(meta + 1) > data)
		return XDP_ABORTED;
	__builtin_memset(meta, 0, sizeof(*meta));
	meta->magic = MAGIC;
	off = skip_eth(data, end, &proto, &vlan);
	if (off < 0)
		return XDP_DROP;
	meta->l3 = off;
	if (proto == bpf_htons(ETH_P_IP)) {
		struct ipv4_hdr *ip = data + off;

		if ((void *)(ip + 1) > end || ip->version_ihl < 0x45)
			return XDP_DROP;
		meta->family = 4;
		meta->proto = ip->proto;
		l4 = off + (ip->version_ihl & 15) * 4;
		if (ip->frag_off & bpf_htons(IP_OFFSET_MASK))
			l4 = 0;
	} else if (proto == bpf_htons(ETH_P_IPV6)) {
		struct ipv6_hdr *ip6 = data + off;

		if ((void *)(ip6 + 1) > end)
			return XDP_DROP;
		meta->family = 6;
		meta->proto = ip6->next_hdr;
		l4 = off + sizeof(*ip6);
	} else {
		return XDP_PASS;
	}
	meta->l4 = l4;
	if (l4 && (meta->proto == IPPROTO_TCP || meta->proto == IPPROTO_UDP)) {
		struct udp_hdr *ports = data + l4;

		if ((void *)(ports + 1) > end)
			return XDP_DROP;
		meta->sport = bpf_ntohs(ports->src);
		meta->dport = bpf_ntohs(ports->dst);
	}
	bpf_tail_call(ctx, &stages, ST_CLASSIFY);
	return XDP_PASS;
}

char LICENSE[] SEC("license") = "GPL";
