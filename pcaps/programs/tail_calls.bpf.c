/*
 * A chain of programs behind one entry: each parses one layer, leaves its
 * offset in a scratch array, and tail-calls the next through a prog array whose
 * slots are filled by the object itself (.values). An EtherType or protocol
 * whose slot is empty falls through: it is counted as "missed" and passes.
 *
 *   entry -> ethertype: [0] IPv4  [1] IPv6  [2] VLAN (calls the chain again, so
 *            that a packet of many tags meets the limit of 33 tail calls)
 *         -> protocol:  [17] UDP (drops port 53 and 9), [6] TCP (drops RST)
 */
#include "packet.h"

enum next_header {
	NEXT_IPV4,
	NEXT_IPV6,
	NEXT_VLAN,
	NEXT_NOTHING, /* no program there */
	NEXT_COUNT,
};

struct scratch {
	__u32 offset; /* of the header to parse, from the start of the packet */
	__u32 depth; /* tail calls so far */
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct scratch);
} scratch SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 16);
	__type(key, __u32);
	__type(value, __u64);
} visits SEC(".maps");

enum visit {
	VISIT_ENTRY,
	VISIT_IPV4,
	VISIT_IPV6,
	VISIT_VLAN,
	VISIT_TCP,
	VISIT_UDP,
	VISIT_MISSED,
	VISIT_SHORT,
};

int ipv4(struct xdp_md *ctx);
int ipv6(struct xdp_md *ctx);
int vlan(struct xdp_md *ctx);
int tcp(struct xdp_md *ctx);
int udp(struct xdp_md *ctx);

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, NEXT_COUNT);
	__uint(key_size, sizeof(__u32));
	__array(values, int(struct xdp_md *));
} by_ethertype SEC(".maps") = {
	.values = {
		[NEXT_IPV4] = &ipv4,
		[NEXT_IPV6] = &ipv6,
		[NEXT_VLAN] = &vlan,
	},
};

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 256);
	__uint(key_size, sizeof(__u32));
	__array(values, int(struct xdp_md *));
} by_protocol SEC(".maps") = {
	.values = {
		[IPPROTO_TCP] = &tcp,
		[IPPROTO_UDP] = &udp,
	},
};

static __always_inline void visit(__u32 what)
{
	__u64 *count = bpf_map_lookup_elem(&visits, &what);

	if (count)
		(*count)++;
}

static __always_inline int missed(void)
{
	visit(VISIT_MISSED);
	return XDP_PASS;
}

static __always_inline int too_short(void)
{
	visit(VISIT_SHORT);
	return XDP_PASS;
}

static __always_inline struct scratch *state(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&scratch, &zero);
}

static __always_inline void *at(struct xdp_md *ctx, const struct scratch *s, __u32 size)
{
	void *data = (void *)(long)ctx->data;
	void *end = (void *)(long)ctx->data_end;
	__u32 offset = s->offset;

	if (offset > 1024)
		return 0;
	asm volatile("" : "+r"(offset));
	data += offset;
	return data + size > end ? 0 : data;
}

static __always_inline int to_ethertype(struct xdp_md *ctx, __be16 proto)
{
	__u32 slot = NEXT_NOTHING;

	switch (proto) {
	case bpf_htons(ETH_P_IP):
		slot = NEXT_IPV4;
		break;
	case bpf_htons(ETH_P_IPV6):
		slot = NEXT_IPV6;
		break;
	case bpf_htons(ETH_P_8021Q):
	case bpf_htons(ETH_P_8021AD):
		slot = NEXT_VLAN;
		break;
	}
	bpf_tail_call(ctx, &by_ethertype, slot);
	return missed();
}

SEC("xdp")
int ipv4(struct xdp_md *ctx)
{
	struct scratch *s = state();
	struct ipv4_hdr *ip;

	visit(VISIT_IPV4);
	if (!s || !(ip = at(ctx, s, sizeof(*ip))))
		return too_short();
	if (ip->frag_off & bpf_htons(IP_OFFSET_MASK))
		return XDP_PASS;
	s->offset += (ip->version_ihl & 0xf) * 4;
	s->depth++;
	bpf_tail_call(ctx, &by_protocol, ip->proto);
	return missed();
}

SEC("xdp")
int ipv6(struct xdp_md *ctx)
{
	struct scratch *s = state();
	struct ipv6_hdr *ip6;

	visit(VISIT_IPV6);
	if (!s || !(ip6 = at(ctx, s, sizeof(*ip6))))
		return too_short();
	s->offset += sizeof(*ip6);
	s->depth++;
	bpf_tail_call(ctx, &by_protocol, ip6->next_hdr);
	return missed();
}

SEC("xdp")
int vlan(struct xdp_md *ctx)
{
	struct scratch *s = state();
	struct vlan_hdr *tag;

	visit(VISIT_VLAN);
	if (!s || !(tag = at(ctx, s, sizeof(*tag))))
		return too_short();
	s->offset += sizeof(*tag);
	s->depth++;
	return to_ethertype(ctx, tag->proto);
}

SEC("xdp")
int tcp(struct xdp_md *ctx)
{
	struct scratch *s = state();
	struct tcp_hdr *hdr;

	visit(VISIT_TCP);
	if (!s || !(hdr = at(ctx, s, sizeof(*hdr))))
		return too_short();
	return hdr->flags & TCP_RST ? XDP_DROP : XDP_PASS;
}

SEC("xdp")
int udp(struct xdp_md *ctx)
{
	struct scratch *s = state();
	struct udp_hdr *hdr;

	visit(VISIT_UDP);
	if (!s || !(hdr = at(ctx, s, sizeof(*hdr))))
		return too_short();
	return hdr->dst == bpf_htons(53) || hdr->dst == bpf_htons(9) ? XDP_DROP : XDP_PASS;
}

SEC("xdp")
int entry(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data;
	void *end = (void *)(long)ctx->data_end;
	struct scratch *s = state();

	visit(VISIT_ENTRY);
	HEADER_OR_RETURN(struct eth_hdr, eth, data, end, XDP_ABORTED);
	if (!s)
		return XDP_ABORTED;
	s->offset = sizeof(*eth);
	s->depth = 1;
	return to_ethertype(ctx, eth->proto);
}

char LICENSE[] SEC("license") = "GPL";
